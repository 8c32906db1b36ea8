"""NAT gateways change state in steps, and no part of a network goes while another needs it."""

from __future__ import annotations

from typing import Any

import pytest
from test_support import client, fresh_account, refused

IN_USE = (400, "DependencyViolation")


@pytest.fixture
def ec2() -> Any:
    return client("ec2", fresh_account())


@pytest.fixture
def vpc(ec2: Any) -> str:
    return ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]


@pytest.fixture
def subnet(ec2: Any, vpc: str) -> str:
    return ec2.create_subnet(VpcId=vpc, CidrBlock="10.7.0.0/24")["Subnet"]["SubnetId"]


def attach(ec2: Any, vpc: str) -> str:
    """Attach a new internet gateway to the VPC and return its id."""
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    return gateway


def nat_gateway(ec2: Any, subnet: str, owner: str = "test") -> tuple[str, str]:
    """Make a NAT gateway and return its id and that of its address."""
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    tags = [{"ResourceType": "natgateway", "Tags": [{"Key": "owner", "Value": owner}]}]
    made = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address, TagSpecifications=tags)
    return made["NatGateway"]["NatGatewayId"], address


def states(ec2: Any, nat: str) -> list[str]:
    """Return the states that three reads in a row show."""
    read = [ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"] for _ in range(3)]
    return [each[0]["State"] for each in read]


def test_nat_gateway_comes_and_goes_through_its_passing_states(ec2: Any, subnet: str) -> None:
    nat, _ = nat_gateway(ec2, subnet)
    assert states(ec2, nat) == ["pending", "available", "available"]
    ec2.delete_nat_gateway(NatGatewayId=nat)
    ec2.delete_nat_gateway(NatGatewayId=nat)
    assert states(ec2, nat) == ["deleting", "deleted", "deleted"]
    assert refused(lambda: ec2.delete_nat_gateway(NatGatewayId=nat)) == (400, "NatGatewayNotFound")


def test_nat_gateways_are_found_by_their_tags(ec2: Any, subnet: str) -> None:
    nat, _ = nat_gateway(ec2, subnet)
    nat_gateway(ec2, subnet, owner="other")
    for more in ([], [{"Name": "tag-key", "Values": ["owner"]}]):
        mine = [{"Name": "tag:owner", "Values": ["test"]}, *more]
        (found,) = ec2.describe_nat_gateways(Filters=mine)["NatGateways"]
        assert found["NatGatewayId"] == nat
    assert ec2.describe_nat_gateways(Filters=[{"Name": "tag-key", "Values": ["team"]}])["NatGateways"] == []


def test_nat_gateway_holds_its_address_and_its_subnet_until_it_is_gone(ec2: Any, vpc: str, subnet: str) -> None:
    gateway = attach(ec2, vpc)
    nat, address = nat_gateway(ec2, subnet)

    def detach() -> None:
        ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)

    ec2.delete_nat_gateway(NatGatewayId=nat)
    assert refused(lambda: ec2.release_address(AllocationId=address)) == (400, "InvalidIPAddress.InUse")
    assert refused(lambda: ec2.delete_subnet(SubnetId=subnet)) == IN_USE
    assert refused(detach) == IN_USE
    states(ec2, nat)
    ec2.release_address(AllocationId=address)
    ec2.delete_subnet(SubnetId=subnet)
    detach()


def test_association_with_a_route_table_goes_with_the_subnet(ec2: Any, vpc: str, subnet: str) -> None:
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    assert refused(lambda: ec2.delete_route_table(RouteTableId=table)) == IN_USE
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_route_table(RouteTableId=table)


def test_vpc_goes_after_its_gateway_and_its_security_groups(ec2: Any, vpc: str) -> None:
    gateway = attach(ec2, vpc)
    group = ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc)["GroupId"]
    assert refused(lambda: ec2.delete_vpc(VpcId=vpc)) == IN_USE
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    assert refused(lambda: ec2.delete_vpc(VpcId=vpc)) == IN_USE
    ec2.delete_security_group(GroupId=group)
    ec2.delete_vpc(VpcId=vpc)
