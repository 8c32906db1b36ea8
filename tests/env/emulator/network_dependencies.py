"""EC2 removes no part of a network that another one needs; moto removes most of them.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSubnet.html
(nothing may be in it; its association with a route table goes with it)
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DetachInternetGateway.html
(no public address may be in use in the VPC)
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpc.html
(all gateways and all security groups but the default one must be gone)
"""

from __future__ import annotations

from typing import Any

from moto.ec2.exceptions import DependencyViolationError
from moto.ec2.models import EC2Backend


def install() -> None:
    """Refuse as EC2 does."""
    _wrap_subnet_deletion()
    _wrap_detachment()
    _wrap_vpc_deletion()


def _wrap_subnet_deletion() -> None:
    original = EC2Backend.delete_subnet

    def delete_subnet(self: Any, subnet_id: str) -> Any:
        if any(interface.subnet.id == subnet_id for interface in self.enis.values()):
            message = f"The subnet '{subnet_id}' has dependencies and cannot be deleted."
            raise DependencyViolationError(message)
        deleted = original(self, subnet_id)
        for table in self.route_tables.values():
            kept = {name: to for name, to in table._associations.items() if to != subnet_id}
            table._associations = kept
        return deleted

    EC2Backend.delete_subnet = delete_subnet


def _wrap_detachment() -> None:
    original = EC2Backend.detach_internet_gateway

    def detach_internet_gateway(self: Any, internet_gateway_id: str, vpc_id: str) -> None:
        in_use = (address.eni for address in self.addresses if address.eni)
        if any(interface.subnet.vpc_id == vpc_id for interface in in_use):
            raise DependencyViolationError(f"Network {vpc_id} has some mapped public address(es).")
        original(self, internet_gateway_id, vpc_id)

    EC2Backend.detach_internet_gateway = detach_internet_gateway


def _wrap_vpc_deletion() -> None:
    original = EC2Backend.delete_vpc

    def delete_vpc(self: Any, vpc_id: str) -> Any:
        attached = any(each.vpc and each.vpc.id == vpc_id for each in self.internet_gateways.values())
        groups = self.groups.get(vpc_id, {}).values()
        if attached or any(group.name != "default" for group in groups):
            raise DependencyViolationError(f"The vpc '{vpc_id}' has dependencies and cannot be deleted.")
        return original(self, vpc_id)

    EC2Backend.delete_vpc = delete_vpc
