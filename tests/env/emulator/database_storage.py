"""RDS takes size, IOPS and throughput together and rounds up a small growth; moto takes anything.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBInstance.html
(AllocatedStorage: "values that are not at least 10% greater than the existing value are rounded up
so that they are 10% greater than the current value"; StorageType: io1 and io2 need Iops)
https://github.com/hashicorp/terraform-provider-aws/issues/33512
("You must specify both the storage size and iops when modifying the storage size or iops on a DB
instance that has iops.")
https://github.com/crossplane-contrib/provider-aws/issues/1630
("You can't specify IOPS or storage throughput for engine postgres and a storage size less than 400.")
"""

from __future__ import annotations

from typing import Any

from moto.rds.exceptions import InvalidParameterCombination
from moto.rds.models import DBInstance, RDSBackend

PROVISIONED = ("io1", "io2")
# From this size gp3 storage is striped and has IOPS and throughput that can be set.
STRIPED_FROM = 400


def install() -> None:
    """Refuse what RDS refuses, and round up what it rounds."""
    creation, modification = RDSBackend.create_db_instance, RDSBackend.modify_db_instance

    def create_db_instance(self: RDSBackend, db_kwargs: Any) -> DBInstance:
        _demand_no_iops(db_kwargs, db_kwargs.get("storage_type"), db_kwargs.get("allocated_storage"))
        return creation(self, db_kwargs)

    def modify_db_instance(self: RDSBackend, db_instance_identifier: str, db_kwargs: Any) -> DBInstance:
        database = self.describe_db_instances(db_instance_identifier)[0]
        size = db_kwargs.get("allocated_storage")
        type_ = db_kwargs.get("storage_type") or database.storage_type
        _demand_no_iops(db_kwargs, type_, size or database.allocated_storage)
        _demand_both(database, db_kwargs, type_)
        if size and database.allocated_storage < size:
            db_kwargs = {**db_kwargs, "allocated_storage": max(size, -(-database.allocated_storage * 11 // 10))}
        return modification(self, db_instance_identifier, db_kwargs)

    RDSBackend.create_db_instance, RDSBackend.modify_db_instance = create_db_instance, modify_db_instance


def _demand_both(database: DBInstance, wanted: Any, type_: str) -> None:
    size, iops = wanted.get("allocated_storage"), wanted.get("iops")
    if type_ in PROVISIONED and wanted.get("storage_type") and not (iops or database.iops):
        raise InvalidParameterCombination(f"The storage type {type_} requires iops to be specified.")
    striped = database.storage_type == "gp3" and database.allocated_storage >= STRIPED_FROM
    changes = size not in (None, database.allocated_storage) or iops not in (None, database.iops)
    if (database.storage_type in PROVISIONED or striped) and changes and not (size and iops):
        raise InvalidParameterCombination(
            "You must specify both the storage size and iops when modifying the storage size or iops "
            "on a DB instance that has iops."
        )


def _demand_no_iops(wanted: Any, type_: str | None, size: int | None) -> None:
    given = wanted.get("iops") or wanted.get("storage_throughput")
    if type_ == "gp3" and given and size and size < STRIPED_FROM:
        raise InvalidParameterCombination(
            "You can't specify IOPS or storage throughput for this engine and a storage size less than "
            f"{STRIPED_FROM}."
        )
