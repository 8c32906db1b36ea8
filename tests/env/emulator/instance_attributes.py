"""What EC2 checks and fills in for an instance, and moto does not.

- RunInstances refuses unknown images and instance types:
  https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
- RunInstances takes DisableApiTermination, and an instance without security groups
  gets the default one of its VPC; its primary network interface goes with it:
  https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html
- the root volume is attached under the image's root device name:
  https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/RootDeviceStorage.html
- ModifyInstanceAttribute changes some attributes only of a stopped instance:
  https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceAttribute.html
"""

from __future__ import annotations

from typing import Any

from moto import settings
from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError, InvalidInstanceTypeError
from moto.ec2.models.instances import Instance, InstanceBackend
from moto.ec2.responses.instances import InstanceResponse

ONLY_STOPPED = {"instance_type", "user_data", "kernel", "ramdisk", "ebs_optimized", "sriov_net_support"}


def install() -> None:
    """Check and fill in as EC2 does."""
    settings.ENABLE_AMI_VALIDATION = True
    settings.EC2_ENABLE_INSTANCE_TYPE_VALIDATION = True
    Instance.setup_defaults = _attach_root_volume
    _wrap_launch()
    _wrap_modification()


def _attach_root_volume(self: Instance) -> None:
    volume = self.ec2_backend.create_volume(size=8, zone_name=self.placement.zone)
    self.ec2_backend.attach_volume(volume.id, self.id, self.root_device_name, True)


def _wrap_launch() -> None:
    original = InstanceResponse.run_instances

    def run_instances(self: InstanceResponse) -> ActionResult:
        try:
            result = original(self)
        except InvalidInstanceTypeError as error:
            wanted = self._get_param("InstanceType")
            message = f"Invalid value '{wanted}' for InstanceType."
            raise EC2ClientError("InvalidParameterValue", message) from error
        protected = bool(self._get_param("DisableApiTermination"))
        for instance in result.result.instances:
            instance.disable_api_termination = protected
            primary = instance.nics.get(0)
            if primary is None:
                continue
            if not self._get_param("NetworkInterfaces"):
                primary.delete_on_termination = True
            instance.security_groups = instance.security_groups or list(primary.group_set)
        return result

    InstanceResponse.run_instances = run_instances


def _wrap_modification() -> None:
    original = InstanceBackend.modify_instance_attribute

    def modify_instance_attribute(self: Any, instance_id: str, key: str, value: Any) -> Any:
        instance = self.get_instance(instance_id)
        if key in ONLY_STOPPED and instance.state != "stopped":
            raise EC2ClientError(
                "IncorrectInstanceState", f"The instance '{instance_id}' is not in the 'stopped' state."
            )
        if key == "instance_type":
            _check_instance_type(self, value)
        return original(self, instance_id, key, value)

    InstanceBackend.modify_instance_attribute = modify_instance_attribute


def _check_instance_type(backend: Any, value: str) -> None:
    known = backend.describe_instance_type_offerings("region", {"instance-type": [value]})
    if not known:
        raise EC2ClientError(
            "InvalidParameterValue", f"The following supplied instance types do not exist: [{value}]"
        )
