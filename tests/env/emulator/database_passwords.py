"""A master user's password is given or managed, and another one takes its time; moto mixes them.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBInstance.html
(MasterUserPassword "Can't be specified if ManageMasterUserPassword is turned on"; without the
management it must be given)
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html
(resetting-master-credentials)
"""

from __future__ import annotations

from typing import Any

from moto.rds.exceptions import InvalidParameterCombination
from moto.rds.models import DBInstance, RDSBackend


def install() -> None:
    """Refuse what RDS refuses, and show that a password is being changed."""
    _wrap_creation()
    _wrap_modification()


def _wrap_creation() -> None:
    original = RDSBackend.create_db_instance

    def create_db_instance(self: RDSBackend, db_kwargs: Any) -> DBInstance:
        _demand_one(db_kwargs.get("manage_master_user_password"), db_kwargs.get("master_user_password"))
        return original(self, db_kwargs)

    RDSBackend.create_db_instance = create_db_instance


def _wrap_modification() -> None:
    original = RDSBackend.modify_db_instance

    def modify_db_instance(self: RDSBackend, db_instance_identifier: str, db_kwargs: Any) -> DBInstance:
        managed = self.describe_db_instances(db_instance_identifier)[0].manage_master_user_password
        wanted, given = db_kwargs.get("manage_master_user_password"), db_kwargs.get("master_user_password")
        _demand_one(managed if wanted is None else wanted, given)
        if managed and wanted is False and not given:
            raise InvalidParameterCombination("MasterUserPassword is required to end its management.")
        database = original(self, db_instance_identifier, db_kwargs)
        if given or (wanted and not managed):
            database.status, database.passing, database.was_read = "resetting-master-credentials", True, False
        return database

    RDSBackend.modify_db_instance = modify_db_instance


def _demand_one(managed: bool | None, given: str | None) -> None:
    if managed and given:
        raise InvalidParameterCombination(
            "MasterUserPassword can't be specified if ManageMasterUserPassword is turned on."
        )
