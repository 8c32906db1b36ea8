"""RunInstances is idempotent by its client token, as AWS documents it."""

from __future__ import annotations

from typing import Any

import pytest
from test_support import IMAGE, client, fresh_account, refused


@pytest.fixture
def ec2() -> Any:
    return client("ec2", fresh_account())


def run(ec2: Any, token: str, **more: Any) -> str:
    """Launch one instance and return its id."""
    launched = ec2.run_instances(
        ImageId=IMAGE, InstanceType="t3.micro", MinCount=1, MaxCount=1, ClientToken=token, **more
    )
    return launched["Instances"][0]["InstanceId"]


def count(ec2: Any) -> int:
    return sum(len(each["Instances"]) for each in ec2.describe_instances()["Reservations"])


def test_repeat_returns_the_first_launch(ec2: Any) -> None:
    assert run(ec2, "token-1") == run(ec2, "token-1")
    assert count(ec2) == 1


def test_another_token_launches_another_instance(ec2: Any) -> None:
    assert run(ec2, "token-1") != run(ec2, "token-2")
    assert count(ec2) == 2


def test_other_parameters_are_refused(ec2: Any) -> None:
    run(ec2, "token-1")
    wanted = (400, "IdempotentParameterMismatch")
    assert refused(lambda: run(ec2, "token-1", EbsOptimized=True)) == wanted
    assert count(ec2) == 1


def test_token_of_a_terminated_instance_is_refused(ec2: Any) -> None:
    instance = run(ec2, "token-1")
    ec2.terminate_instances(InstanceIds=[instance])
    assert refused(lambda: run(ec2, "token-1")) == (400, "IdempotentInstanceTerminated")


def test_token_counts_per_zone_if_a_zone_or_subnet_is_given(ec2: Any) -> None:
    first = run(ec2, "token-1", Placement={"AvailabilityZone": "us-east-1a"})
    second = run(ec2, "token-1", Placement={"AvailabilityZone": "us-east-1b"})
    zone = [{"Name": "availability-zone", "Values": ["us-east-1c"]}]
    subnet = ec2.describe_subnets(Filters=zone)["Subnets"][0]["SubnetId"]
    third = run(ec2, "token-1", SubnetId=subnet)
    assert len({first, second, third, run(ec2, "token-1", SubnetId=subnet)}) == 3


def test_token_counts_per_region_and_account(ec2: Any) -> None:
    account = fresh_account()
    first = run(client("ec2", account), "token-1")
    second = run(client("ec2", account, region="eu-west-1"), "token-1")
    assert len({first, second, run(ec2, "token-1")}) == 3


def test_instances_are_found_by_token(ec2: Any) -> None:
    wanted = run(ec2, "token-1")
    run(ec2, "token-2")
    found = ec2.describe_instances(Filters=[{"Name": "client-token", "Values": ["token-1"]}])
    (instance,) = found["Reservations"][0]["Instances"]
    assert (instance["InstanceId"], instance["ClientToken"]) == (wanted, "token-1")
    nothing = ec2.describe_instances(Filters=[{"Name": "client-token", "Values": ["token-3"]}])
    assert nothing["Reservations"] == []
