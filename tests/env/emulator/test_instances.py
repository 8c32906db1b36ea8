"""Instances change state in steps, and EC2 checks what it is asked."""

from __future__ import annotations

from typing import Any

import pytest
from test_support import IMAGE, REGION, admin, client, fresh_account, refused

TAGS = [{"ResourceType": "instance", "Tags": [{"Key": "owner", "Value": "test"}]}]


@pytest.fixture
def account() -> str:
    return fresh_account()


@pytest.fixture
def ec2(account: str) -> Any:
    return client("ec2", account)


def run(ec2: Any, **more: Any) -> str:
    """Launch one instance and return its id."""
    wanted = {"ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, **more}
    return ec2.run_instances(**wanted)["Instances"][0]["InstanceId"]


def show(ec2: Any, instance: str) -> dict[str, Any]:
    return ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]


def states(ec2: Any, instance: str) -> list[str]:
    """Return the states that three reads in a row show."""
    return [show(ec2, instance)["State"]["Name"] for _ in range(3)]


def test_every_change_of_state_shows_its_passing_state(ec2: Any) -> None:
    instance = run(ec2)
    assert states(ec2, instance) == ["pending", "running", "running"]
    ec2.stop_instances(InstanceIds=[instance])
    assert states(ec2, instance) == ["stopping", "stopped", "stopped"]
    ec2.start_instances(InstanceIds=[instance])
    assert states(ec2, instance) == ["pending", "running", "running"]
    ec2.terminate_instances(InstanceIds=[instance])
    assert states(ec2, instance) == ["shutting-down", "terminated", "terminated"]


def test_aws_stops_an_instance_for_its_own_reason(ec2: Any, account: str) -> None:
    instance = run(ec2)
    assert states(ec2, instance)[-1] == "running"
    admin("POST", "stop", {"account": account, "region": REGION, "instance": instance})
    assert states(ec2, instance) == ["stopping", "stopped", "stopped"]
    assert show(ec2, instance)["StateReason"]["Code"] == "Server.ScheduledStop"
    ec2.start_instances(InstanceIds=[instance])
    assert states(ec2, instance)[-1] == "running"
    assert not show(ec2, instance).get("StateReason", {}).get("Code", "").startswith("Server.")


def test_repeated_wish_changes_nothing(ec2: Any) -> None:
    instance = run(ec2)
    ec2.terminate_instances(InstanceIds=[instance])
    ec2.terminate_instances(InstanceIds=[instance])
    assert states(ec2, instance) == ["shutting-down", "terminated", "terminated"]


def test_wrong_state_is_refused(ec2: Any) -> None:
    instance = run(ec2)
    wanted = (400, "IncorrectInstanceState")
    assert refused(lambda: ec2.stop_instances(InstanceIds=[instance])) == wanted
    ec2.terminate_instances(InstanceIds=[instance])
    assert refused(lambda: ec2.start_instances(InstanceIds=[instance])) == wanted


def test_type_changes_only_of_a_stopped_instance(ec2: Any) -> None:
    instance = run(ec2)
    states(ec2, instance)

    def change(to: str) -> None:
        ec2.modify_instance_attribute(InstanceId=instance, InstanceType={"Value": to})

    assert refused(lambda: change("t3.small")) == (400, "IncorrectInstanceState")
    ec2.stop_instances(InstanceIds=[instance])
    assert refused(lambda: change("t3.small")) == (400, "IncorrectInstanceState")
    states(ec2, instance)
    assert refused(lambda: change("t3.enormous")) == (400, "InvalidParameterValue")
    change("t3.small")
    assert show(ec2, instance)["InstanceType"] == "t3.small"


def test_protected_instance_is_not_terminated(ec2: Any) -> None:
    instance = run(ec2, DisableApiTermination=True)
    wanted = (400, "OperationNotPermitted")
    assert refused(lambda: ec2.terminate_instances(InstanceIds=[instance])) == wanted
    ec2.modify_instance_attribute(InstanceId=instance, DisableApiTermination={"Value": False})
    ec2.terminate_instances(InstanceIds=[instance])


def test_unknown_image_and_type_are_refused(ec2: Any) -> None:
    unknown = "ami-0ffffffffffffffff"
    assert refused(lambda: run(ec2, ImageId=unknown)) == (400, "InvalidAMIID.NotFound")
    assert refused(lambda: run(ec2, ImageId="image")) == (400, "InvalidAMIID.Malformed")
    assert refused(lambda: run(ec2, InstanceType="t3.enormous")) == (400, "InvalidParameterValue")
    assert ec2.describe_instances()["Reservations"] == []


def test_terminated_instance_keeps_its_tags_and_leaves_nothing_else(ec2: Any) -> None:
    instance = run(ec2, TagSpecifications=TAGS)
    ec2.terminate_instances(InstanceIds=[instance])
    states(ec2, instance)
    mine = [{"Name": "tag:owner", "Values": ["test"]}]
    (reservation,) = ec2.describe_instances(Filters=mine)["Reservations"]
    assert reservation["Instances"][0]["Tags"] == TAGS[0]["Tags"]
    assert ec2.describe_volumes()["Volumes"] == []
    assert ec2.describe_network_interfaces()["NetworkInterfaces"] == []


def test_instance_gets_the_default_security_group(ec2: Any) -> None:
    (group,) = show(ec2, run(ec2))["SecurityGroups"]
    assert group["GroupName"] == "default"


def test_root_volume_is_at_the_root_device(ec2: Any) -> None:
    shown = show(ec2, run(ec2))
    assert [each["DeviceName"] for each in shown["BlockDeviceMappings"]] == [shown["RootDeviceName"]]


def test_tags_change_and_reservations_are_found(ec2: Any) -> None:
    first, second = run(ec2, TagSpecifications=TAGS), run(ec2)
    ec2.create_tags(Resources=[second], Tags=[{"Key": "owner", "Value": "other"}])
    ec2.delete_tags(Resources=[first], Tags=[{"Key": "owner"}])
    assert "Tags" not in show(ec2, first)
    assert show(ec2, second)["Tags"] == [{"Key": "owner", "Value": "other"}]
    both = ec2.describe_instances(InstanceIds=[first, second])["Reservations"]
    assert [each["Instances"][0]["InstanceId"] for each in both] == [first, second]
    unknown = "i-0fffffffffffffff0"
    wanted = (400, "InvalidInstanceID.NotFound")
    assert refused(lambda: ec2.describe_instances(InstanceIds=[first, unknown])) == wanted
    assert refused(lambda: ec2.stop_instances(InstanceIds=[unknown])) == wanted


def test_fresh_account_has_a_default_network(ec2: Any) -> None:
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    subnets = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
    assert {subnet["VpcId"] for subnet in subnets} == {vpc["VpcId"]}


def primary(ec2: Any, instance: str) -> dict[str, Any]:
    return show(ec2, instance)["NetworkInterfaces"][0]


@pytest.fixture
def subnet(ec2: Any) -> str:
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    return ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]


def test_public_address_is_lent_while_the_instance_runs(ec2: Any, subnet: str) -> None:
    interface = {"DeviceIndex": 0, "SubnetId": subnet, "AssociatePublicIpAddress": True, "DeleteOnTermination": True}
    instance = run(ec2, NetworkInterfaces=[interface])
    assert states(ec2, instance)[-1] == "running"
    assert primary(ec2, instance)["Association"]["IpOwnerId"] == "amazon"
    assert primary(ec2, instance)["Attachment"]["DeviceIndex"] == 0
    assert show(ec2, instance)["PublicIpAddress"]
    ec2.stop_instances(InstanceIds=[instance])
    assert states(ec2, instance)[-1] == "stopped"
    assert "Association" not in primary(ec2, instance)


def test_subnet_says_who_gets_a_public_address(ec2: Any, subnet: str, account: str) -> None:
    without = run(ec2, SubnetId=subnet)
    assert states(ec2, without)[-1] == "running"
    assert "Association" not in primary(ec2, without)
    ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
    assert ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["MapPublicIpOnLaunch"]
    lent = run(ec2, SubnetId=subnet)
    assert states(ec2, lent)[-1] == "running"
    assert primary(ec2, lent)["Association"]["IpOwnerId"] == "amazon"
    refusing = {"DeviceIndex": 0, "SubnetId": subnet, "AssociatePublicIpAddress": False}
    refused = run(ec2, NetworkInterfaces=[refusing])
    assert states(ec2, refused)[-1] == "running"
    assert "Association" not in primary(ec2, refused)
    elastic = ec2.allocate_address(Domain="vpc")["AllocationId"]
    ec2.associate_address(AllocationId=elastic, InstanceId=without)
    assert primary(ec2, without)["Association"]["IpOwnerId"] == account
