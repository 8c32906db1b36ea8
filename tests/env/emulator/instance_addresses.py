"""An address that AWS lends to an instance belongs to `amazon`; moto names the account, as for an Elastic IP address.

An interface without an address has no association; moto answers with an empty one.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceNetworkInterfaceAssociation.html
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models.elastic_network_interfaces import NetworkInterface


def install() -> None:
    """Tell lent addresses from Elastic IP addresses."""
    original = NetworkInterface.association.fget

    def association(self: NetworkInterface) -> dict[str, Any] | None:
        found: dict[str, Any] = original(self)
        if found and not found.get("allocationId"):
            found["ipOwnerId"] = "amazon"
        return found or None

    NetworkInterface.association = property(association)
