"""EC2 makes RunInstances idempotent by its client token; moto ignores the token.

https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
(IdempotentParameterMismatch, IdempotentInstanceTerminated)
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html
(filter client-token)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2 import utils
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instances import Reservation
from moto.ec2.responses._base_response import EC2BaseResponse
from moto.ec2.responses.instances import InstanceResponse

# These say how a request is sent, not what it asks for.
NOT_COMPARED = ("Action", "Version", "ClientToken", "DryRun")


@dataclass(frozen=True)
class Launch:
    """A launch that a token stands for."""

    parameters: tuple[tuple[str, str], ...]
    reservation: Reservation


def install() -> None:
    """Make RunInstances honour its token, and let DescribeInstances filter by it."""
    utils.filter_dict_attribute_mapping["client-token"] = "client_token"
    original = InstanceResponse.run_instances

    def run_instances(self: InstanceResponse) -> ActionResult:
        token = self._get_param("ClientToken")
        if not token:
            return original(self)
        launches: dict[tuple[str, str], Launch] = self.ec2_backend.__dict__.setdefault("launches", {})
        key, given = (token, _zone(self)), parameters(self)
        known = launches.get(key)
        if known is None:
            result = original(self)
            launches[key] = Launch(given, result.result)
            return result
        _refuse_other_use(known, given)
        return ActionResult(known.reservation)

    InstanceResponse.run_instances = run_instances


def _zone(response: InstanceResponse) -> str:
    """Return the zone that the request names: a token counts per zone if there is one."""
    zone = response._get_param("Placement.AvailabilityZone")
    if zone:
        return zone
    subnet = response._get_param("SubnetId")
    if not subnet:
        interfaces: list[dict[str, Any]] = response._get_param("NetworkInterfaces", [])
        subnet = next((nic["SubnetId"] for nic in interfaces if "SubnetId" in nic), None)
    return response.ec2_backend.get_subnet(subnet).availability_zone if subnet else ""


def parameters(response: EC2BaseResponse) -> tuple[tuple[str, str], ...]:
    """Return what a request asks for, to be compared with another one under the same token."""
    given = response.querystring.items()
    return tuple(sorted((name, values[0]) for name, values in given if name not in NOT_COMPARED))


def _refuse_other_use(known: Launch, parameters: tuple[tuple[str, str], ...]) -> None:
    if known.parameters != parameters:
        raise EC2ClientError(
            "IdempotentParameterMismatch",
            "The request uses the same client token as a previous, but non-identical request.",
        )
    if all(instance.state in ("shutting-down", "terminated") for instance in known.reservation.instances):
        raise EC2ClientError(
            "IdempotentInstanceTerminated",
            "The request to launch an instance uses the same client token as a previous request "
            "for which the instance has been terminated.",
        )
