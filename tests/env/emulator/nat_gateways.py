"""A NAT gateway takes its time to come and to go; moto's is there at once and never quite gone.

https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-working-with.html
(states pending, available, deleting, deleted; a deleted one stays visible for about an hour
and its Elastic IP address is disassociated)
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNatGateways.html
(filters tag:<key> and tag-key)
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReleaseAddress.html
(InvalidIPAddress.InUse for an address that is associated)

Steps count reads, not time, so that tests are exact: after a change the first read shows the
passing state, the next one the last state.
"""

from __future__ import annotations

from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import EC2Backend
from moto.ec2.models.nat_gateways import NatGateway
from moto.ec2.utils import tag_filter_matches

PASSING = {"pending": "available", "deleting": "deleted"}


def install() -> None:
    """Let NAT gateways pass through their states, and find them by their tags."""
    _wrap_creation()
    _wrap_deletion()
    _wrap_read()
    _wrap_release()


def _wrap_creation() -> None:
    original = NatGateway.__init__

    def __init__(self: NatGateway, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        self.state, self.was_read = "pending", False

    NatGateway.__init__ = __init__


def _wrap_deletion() -> None:
    def delete_nat_gateway(self: Any, nat_gateway_id: str) -> NatGateway:
        nat = self.nat_gateways.get(nat_gateway_id)
        if nat is None or nat.state == "deleted":
            message = f"The NAT gateway {nat_gateway_id} was not found"
            raise EC2ClientError("NatGatewayNotFound", message)
        if nat.state != "deleting":
            nat.state, nat.was_read = "deleting", False
        return nat

    EC2Backend.delete_nat_gateway = delete_nat_gateway


def _wrap_read() -> None:
    original = EC2Backend.describe_nat_gateways

    def describe_nat_gateways(self: Any, filters: Any, nat_gateway_ids: Any) -> list[NatGateway]:
        for nat in self.nat_gateways.values():
            _read(self, nat)
        found = original(self, filters, nat_gateway_ids)
        by_tag = {name: values for name, values in (filters or {}).items() if name.startswith("tag")}
        return [nat for nat in found if all(tag_filter_matches(nat, *each) for each in by_tag.items())]

    EC2Backend.describe_nat_gateways = describe_nat_gateways


def _read(backend: Any, nat: NatGateway) -> None:
    """Count a read: the first one sees the passing state, the second one what follows."""
    if nat.state not in PASSING:
        return
    if not nat.was_read:
        nat.was_read = True
        return
    nat.state = PASSING[nat.state]
    if nat.state == "deleted":
        _let_go(backend, nat)


def _let_go(backend: Any, nat: NatGateway) -> None:
    for address in backend.addresses:
        if address.eni is nat._eni:
            backend.disassociate_address(association_id=address.association_id)
    backend.enis.pop(nat._eni.id, None)


def _wrap_release() -> None:
    original = EC2Backend.release_address

    def release_address(self: Any, address: Any = None, allocation_id: Any = None) -> None:
        found = self.address_by_allocation([allocation_id]) if allocation_id else []
        if found and found[0].association_id:
            message = f"Address with allocation id {allocation_id} is in use."
            raise EC2ClientError("InvalidIPAddress.InUse", message)
        original(self, address, allocation_id)

    EC2Backend.release_address = release_address
