"""RDS checks DB subnet groups; moto takes everything and overwrites what is there.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSubnetGroup.html
(DBSubnetGroupAlreadyExists, DBSubnetGroupDoesNotCoverEnoughAZs)
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBSubnetGroup.html
(InvalidDBSubnetGroupStateFault while an instance is in the group)
"""

from __future__ import annotations

from typing import Any

from moto.rds.exceptions import DBSubnetGroupNotFoundError, RDSClientError
from moto.rds.models import DBSubnetGroup, RDSBackend

ZONES = 2


def install() -> None:
    """Refuse what RDS refuses."""
    _wrap_creation()
    _wrap_modification()
    _wrap_deletion()


def _wrap_creation() -> None:
    original = RDSBackend.create_subnet_group

    def create_subnet_group(
        self: RDSBackend, subnet_name: str, description: str, subnets: list[Any], tags: list[dict[str, str]]
    ) -> DBSubnetGroup:
        if subnet_name in self.subnet_groups:
            raise RDSClientError(
                "DBSubnetGroupAlreadyExists", f"The DB subnet group {subnet_name} already exists."
            )
        _demand_zones(subnets)
        return original(self, subnet_name, description, subnets, tags)

    RDSBackend.create_subnet_group = create_subnet_group


def _wrap_modification() -> None:
    original = RDSBackend.modify_db_subnet_group

    def modify_db_subnet_group(
        self: RDSBackend, subnet_name: str, description: str, subnets: list[Any]
    ) -> DBSubnetGroup:
        if subnet_name not in self.subnet_groups:
            raise DBSubnetGroupNotFoundError(subnet_name)
        _demand_zones(subnets)
        group = original(self, subnet_name, description, subnets)
        # moto takes the group out and forgets to put it back.
        self.subnet_groups[subnet_name] = group
        return group

    RDSBackend.modify_db_subnet_group = modify_db_subnet_group


def _wrap_deletion() -> None:
    original = RDSBackend.delete_subnet_group

    def delete_subnet_group(self: RDSBackend, subnet_name: str) -> DBSubnetGroup:
        group = self.subnet_groups.get(subnet_name)
        for database in self.databases.values():
            if group and getattr(database, "db_subnet_group", None) is group:
                raise RDSClientError(
                    "InvalidDBSubnetGroupStateFault",
                    f"Cannot delete the subnet group '{subnet_name}' because at least one database "
                    f"instance: {database.db_instance_identifier} is still using it.",
                )
        return original(self, subnet_name)

    RDSBackend.delete_subnet_group = delete_subnet_group


def _demand_zones(subnets: list[Any]) -> None:
    if len({subnet.availability_zone for subnet in subnets}) < ZONES:
        raise RDSClientError(
            "DBSubnetGroupDoesNotCoverEnoughAZs",
            "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. "
            f"Current AZ coverage: {subnets[0].availability_zone}. Add subnets to cover at least 2 AZs.",
        )
