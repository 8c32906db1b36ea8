"""RDS makes, changes and deletes instances in steps; moto does it at once.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html
(creating, modifying, deleting, available)
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBInstance.html
(InvalidDBInstanceState; what waits for the maintenance window is in PendingModifiedValues)
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBInstance.html

Steps count reads, not time, so that tests are exact: after every change the first
DescribeDBInstances shows the passing state, the next one what follows.
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.rds.exceptions import InvalidParameterCombination, RDSClientError
from moto.rds.models import DBInstance, RDSBackend, rds_backends
from moto.rds.responses import RDSResponse

# In these states RDS takes changes.
CHANGEABLE = ("available", "storage-full")
# Without ApplyImmediately these wait for the maintenance window.
DEFERRED = {
    "allocated_storage": "AllocatedStorage",
    "db_instance_class": "DBInstanceClass",
    "engine_version": "EngineVersion",
    "iops": "Iops",
    "multi_az": "MultiAZ",
    "storage_type": "StorageType",
}


def install() -> None:
    """Let every change of an instance pass through its passing state."""
    _wrap_creation()
    _wrap_endpoint()
    _wrap_read()
    _wrap_modification()
    _wrap_deletion()
    _wait_in_stacks()


def _pass_through(database: DBInstance, state: str) -> None:
    database.status, database.passing, database.was_read = state, True, False


def _wrap_creation() -> None:
    original = RDSBackend.create_db_instance

    def create_db_instance(self: RDSBackend, db_kwargs: Any) -> DBInstance:
        database = original(self, db_kwargs)
        database.pending = {}
        if database.db_cluster_identifier is None:
            _pass_through(database, "creating")
        return database

    RDSBackend.create_db_instance = create_db_instance
    # The serialiser finds a member of the answer by an attribute of its name in snake case.
    DBInstance.pending_modified_values = property(_pending_values)


def _pending_values(database: DBInstance) -> dict[str, Any]:
    return {DEFERRED[name]: value for name, value in getattr(database, "pending", {}).items()}


def _wrap_endpoint() -> None:
    """An instance that is being made has no address yet."""
    original = DBInstance.endpoint.fget

    def endpoint(self: DBInstance) -> dict[str, Any] | None:
        return None if self.status == "creating" else original(self)

    DBInstance.endpoint = property(endpoint)


def _wrap_read() -> None:
    original = RDSResponse.describe_db_instances

    def describe_db_instances(self: RDSResponse) -> ActionResult:
        wanted = self.params.get("DBInstanceIdentifier")
        for name, database in list(self.backend.databases.items()):
            if getattr(database, "passing", False) and wanted in (None, name):
                _read(self.backend, database)
        return original(self)

    RDSResponse.describe_db_instances = describe_db_instances


def _read(backend: RDSBackend, database: DBInstance) -> None:
    """Count a read: the first one sees the passing state, the second one what follows."""
    if not database.was_read:
        database.was_read = True
    elif database.status == "deleting":
        del backend.databases[database.db_instance_identifier]
    else:
        database.status, database.passing = "available", False


def _wrap_modification() -> None:
    original = RDSBackend.modify_db_instance

    def modify_db_instance(self: RDSBackend, db_instance_identifier: str, db_kwargs: Any) -> DBInstance:
        database = self.describe_db_instances(db_instance_identifier)[0]
        _demand(database, CHANGEABLE)
        wanted = dict(**db_kwargs)
        deferred = {name: wanted.pop(name) for name in DEFERRED if wanted.get(name) is not None}
        pending = {**getattr(database, "pending", {}), **deferred}
        # What is the same already is no change.
        pending = {name: value for name, value in pending.items() if getattr(database, name) != value}
        if wanted.get("apply_immediately"):
            wanted, pending = {**wanted, **pending}, {}
            _pass_through(database, "modifying")
        database.pending = pending
        return original(self, db_instance_identifier, wanted)

    RDSBackend.modify_db_instance = modify_db_instance



def _wrap_deletion() -> None:
    original = RDSBackend.delete_db_instance

    def delete_db_instance(
        self: RDSBackend,
        db_instance_identifier: str,
        final_db_snapshot_identifier: str | None = None,
        skip_final_snapshot: bool | None = False,
        **more: Any,
    ) -> DBInstance:
        database = self.databases.get(db_instance_identifier)
        if database and database.status == "deleting":
            _demand(database, ())
        if database and database.db_cluster_identifier is None:
            if not skip_final_snapshot and not final_db_snapshot_identifier:
                raise InvalidParameterCombination(
                    "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified."
                )
            if not skip_final_snapshot:
                # There is nothing to take a snapshot of before the instance is made.
                _demand(database, ("available", "modifying", "stopped", "storage-full"))
        gone = original(
            self, db_instance_identifier, final_db_snapshot_identifier, skip_final_snapshot, **more
        )
        if gone.db_cluster_identifier is None:
            self.databases[db_instance_identifier] = gone
            _pass_through(gone, "deleting")
        return gone

    RDSBackend.delete_db_instance = delete_db_instance


def _wait_in_stacks() -> None:
    """CloudFormation waits for its instances, so a stack shows no passing state."""
    original = DBInstance.create_from_cloudformation_json.__func__

    def create(cls: type[DBInstance], *args: Any, **kwargs: Any) -> DBInstance:
        database = original(cls, *args, **kwargs)
        database.status, database.passing = "available", False
        return database

    def delete(self: DBInstance, account_id: str, region_name: str) -> None:
        backend = rds_backends[account_id][region_name]
        backend.delete_db_instance(self.db_instance_identifier, skip_final_snapshot=True)
        backend.databases.pop(self.db_instance_identifier, None)

    DBInstance.create_from_cloudformation_json = classmethod(create)
    DBInstance.delete = delete


def _demand(database: DBInstance, states: tuple[str, ...]) -> None:
    if database.status not in states:
        raise RDSClientError(
            "InvalidDBInstanceState",
            f"DB instance {database.db_instance_identifier} is {database.status}.",
        )
