"""Databases change in steps, and RDS refuses what it refuses on AWS."""

from __future__ import annotations

import json
from typing import Any

import pytest
from test_support import client, fresh_account, refused

TAGS = [{"Key": "owner", "Value": "test"}]
ONE = {"DBInstanceIdentifier": "db"}


@pytest.fixture
def account() -> str:
    return fresh_account()


@pytest.fixture
def rds(account: str) -> Any:
    return client("rds", account)


def create(rds: Any, **more: Any) -> dict[str, Any]:
    wanted = {"Engine": "postgres", "EngineVersion": "16.3", "DBInstanceClass": "db.t4g.micro"}
    wanted |= {"AllocatedStorage": 20, "MasterUsername": "shop", "ManageMasterUserPassword": True}
    return rds.create_db_instance(**ONE, **wanted, Tags=TAGS, **more)["DBInstance"]


def show(rds: Any) -> dict[str, Any]:
    return rds.describe_db_instances(**ONE)["DBInstances"][0]


def states(rds: Any) -> list[str]:
    """Return the states that three reads in a row show."""
    return [show(rds)["DBInstanceStatus"] for _ in range(3)]


def subnets(account: str) -> list[str]:
    """Return one subnet of each of two zones."""
    found = client("ec2", account).describe_subnets()["Subnets"]
    by_zone = {subnet["AvailabilityZone"]: subnet["SubnetId"] for subnet in found}
    return [by_zone[zone] for zone in sorted(by_zone)][:2]


def test_every_change_shows_its_passing_state(rds: Any) -> None:
    assert create(rds)["DBInstanceStatus"] == "creating"
    assert "Endpoint" not in show(rds)
    assert states(rds) == ["available", "available", "available"]
    assert show(rds)["Endpoint"]["Port"] == 5432
    changed = rds.modify_db_instance(**ONE, DBInstanceClass="db.t4g.small", ApplyImmediately=True)
    assert changed["DBInstance"]["DBInstanceStatus"] == "modifying"
    assert refused(lambda: rds.modify_db_instance(**ONE, MultiAZ=True)) == (400, "InvalidDBInstanceState")
    assert states(rds) == ["modifying", "available", "available"]
    assert show(rds)["DBInstanceClass"] == "db.t4g.small"
    gone = rds.delete_db_instance(**ONE, SkipFinalSnapshot=True)
    assert gone["DBInstance"]["DBInstanceStatus"] == "deleting"
    assert show(rds)["DBInstanceStatus"] == "deleting"
    assert refused(lambda: show(rds)) == (404, "DBInstanceNotFound")


def test_what_can_wait_waits_for_the_window(rds: Any) -> None:
    create(rds)
    states(rds)
    rds.modify_db_instance(**ONE, DBInstanceClass="db.t4g.small", BackupRetentionPeriod=7)
    found = show(rds)
    assert (found["DBInstanceStatus"], found["DBInstanceClass"]) == ("available", "db.t4g.micro")
    assert found["PendingModifiedValues"] == {"DBInstanceClass": "db.t4g.small"}
    assert found["BackupRetentionPeriod"] == 7
    rds.modify_db_instance(**ONE, AllocatedStorage=40, ApplyImmediately=True)
    found = show(rds)
    assert (found["AllocatedStorage"], found["DBInstanceClass"]) == (40, "db.t4g.small")
    assert found.get("PendingModifiedValues", {}) == {}


def test_size_and_iops_go_together_and_a_small_growth_is_rounded_up(rds: Any) -> None:
    create(rds, StorageType="gp3")
    states(rds)
    refusal = (400, "InvalidParameterCombination")
    assert refused(lambda: rds.modify_db_instance(**ONE, AllocatedStorage=30, Iops=4000)) == refusal
    at_once = {**ONE, "ApplyImmediately": True}
    rds.modify_db_instance(**at_once, AllocatedStorage=100, StorageType="io1", Iops=1000)
    states(rds)
    assert refused(lambda: rds.modify_db_instance(**at_once, AllocatedStorage=200)) == refusal
    assert refused(lambda: rds.modify_db_instance(**at_once, Iops=2000)) == refusal
    rds.modify_db_instance(**at_once, AllocatedStorage=105, Iops=1000)
    states(rds)
    assert (show(rds)["AllocatedStorage"], show(rds)["Iops"]) == (110, 1000)


def test_tags_and_secret_come_with_the_instance(rds: Any) -> None:
    create(rds)
    assert show(rds)["TagList"] == TAGS
    assert show(rds)["MasterUserSecret"]["SecretArn"].startswith("arn:aws:secretsmanager:")


def test_password_is_given_or_managed_and_changes_in_steps(rds: Any) -> None:
    create(rds)
    states(rds)
    given = {"MasterUserPassword": "not-a-secret"}
    unmanaged = {"ManageMasterUserPassword": False}
    assert refused(lambda: rds.modify_db_instance(**ONE, **given)) == (400, "InvalidParameterCombination")
    assert refused(lambda: rds.modify_db_instance(**ONE, **unmanaged)) == (400, "InvalidParameterCombination")
    rds.modify_db_instance(**ONE, **given, **unmanaged)
    assert states(rds) == ["resetting-master-credentials", "available", "available"]
    assert "MasterUserSecret" not in show(rds)
    rds.modify_db_instance(**ONE, **given)
    assert states(rds) == ["resetting-master-credentials", "available", "available"]
    rds.modify_db_instance(**ONE, ManageMasterUserPassword=True)
    assert states(rds) == ["resetting-master-credentials", "available", "available"]
    assert show(rds)["MasterUserSecret"]["SecretArn"].startswith("arn:aws:secretsmanager:")


def test_protected_instance_is_not_deleted(rds: Any) -> None:
    create(rds, DeletionProtection=True)
    states(rds)
    refusal = refused(lambda: rds.delete_db_instance(**ONE, SkipFinalSnapshot=True))
    assert refusal == (400, "InvalidParameterCombination")
    assert refused(lambda: create(rds)) == (400, "DBInstanceAlreadyExists")


def test_last_snapshot_is_asked_for_and_stays(rds: Any) -> None:
    create(rds)
    with_snapshot = {**ONE, "FinalDBSnapshotIdentifier": "db-final"}
    assert refused(lambda: rds.delete_db_instance(**with_snapshot)) == (400, "InvalidDBInstanceState")
    states(rds)
    assert refused(lambda: rds.delete_db_instance(**ONE)) == (400, "InvalidParameterCombination")
    rds.delete_db_instance(**with_snapshot)
    show(rds)
    assert refused(lambda: show(rds)) == (404, "DBInstanceNotFound")
    snapshots = rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    assert [snapshot["DBSnapshotIdentifier"] for snapshot in snapshots] == ["db-final"]


def test_subnet_group_is_made_once_and_outlives_its_instance(rds: Any, account: str) -> None:
    group = {"DBSubnetGroupName": "db"}
    both = subnets(account)

    def make(ids: list[str]) -> None:
        rds.create_db_subnet_group(**group, DBSubnetGroupDescription="test", SubnetIds=ids, Tags=TAGS)

    assert refused(lambda: make(both[:1])) == (400, "DBSubnetGroupDoesNotCoverEnoughAZs")
    make(both)
    assert refused(lambda: make(both)) == (400, "DBSubnetGroupAlreadyExists")
    rds.modify_db_subnet_group(**group, SubnetIds=both)
    found = rds.describe_db_subnet_groups(**group)["DBSubnetGroups"][0]
    assert rds.list_tags_for_resource(ResourceName=found["DBSubnetGroupArn"])["TagList"] == TAGS
    create(rds, **group)
    states(rds)
    assert len(show(rds)["DBSubnetGroup"]["Subnets"]) == 2
    refusal = (400, "InvalidDBSubnetGroupStateFault")
    assert refused(lambda: rds.delete_db_subnet_group(**group)) == refusal
    rds.delete_db_instance(**ONE, SkipFinalSnapshot=True)
    assert refused(lambda: rds.delete_db_subnet_group(**group)) == refusal
    show(rds)
    assert refused(lambda: show(rds)) == (404, "DBInstanceNotFound")
    rds.delete_db_subnet_group(**group)
    assert refused(lambda: rds.describe_db_subnet_groups(**group)) == (404, "DBSubnetGroupNotFoundFault")


def test_stacks_wait_for_their_databases(account: str, rds: Any) -> None:
    stacks = client("cloudformation", account)
    keys = {"DBInstanceIdentifier": "db", "Engine": "postgres", "DBInstanceClass": "db.t4g.micro"}
    keys |= {"AllocatedStorage": "20", "MasterUsername": "shop", "MasterUserPassword": "not-a-secret"}
    resources = {"Resources": {"Database": {"Type": "AWS::RDS::DBInstance", "Properties": keys}}}
    stacks.create_stack(StackName="stack", TemplateBody=json.dumps(resources))
    assert show(rds)["DBInstanceStatus"] == "available"
    stacks.delete_stack(StackName="stack")
    assert rds.describe_db_instances()["DBInstances"] == []
