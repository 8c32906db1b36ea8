"""Tables change in steps, and DynamoDB refuses what it refuses on AWS."""

from __future__ import annotations

import json
from typing import Any

import pytest
from test_support import client, fresh_account, refused


@pytest.fixture
def dynamodb() -> Any:
    return client("dynamodb", fresh_account())


def create(dynamodb: Any, name: str = "table", **more: Any) -> str:
    """Make a table and return its ARN."""
    made = dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        **more,
    )["TableDescription"]
    assert made["TableStatus"] == "CREATING"
    return made["TableArn"]


def show(dynamodb: Any) -> dict[str, Any]:
    return dynamodb.describe_table(TableName="table")["Table"]


def states(dynamodb: Any) -> list[str]:
    """Return the states that three reads in a row show."""
    return [show(dynamodb)["TableStatus"] for _ in range(3)]


def index(name: str) -> dict[str, Any]:
    key = [{"AttributeName": "id", "KeyType": "HASH"}]
    return {"Create": {"IndexName": name, "KeySchema": key, "Projection": {"ProjectionType": "ALL"}}}


def test_every_change_shows_its_passing_state(dynamodb: Any) -> None:
    create(dynamodb)
    assert states(dynamodb) == ["CREATING", "ACTIVE", "ACTIVE"]
    changed = dynamodb.update_table(TableName="table", DeletionProtectionEnabled=False)
    assert changed["TableDescription"]["TableStatus"] == "UPDATING"
    assert states(dynamodb) == ["UPDATING", "ACTIVE", "ACTIVE"]
    assert dynamodb.delete_table(TableName="table")["TableDescription"]["TableStatus"] == "DELETING"
    assert show(dynamodb)["TableStatus"] == "DELETING"
    assert refused(lambda: show(dynamodb)) == (400, "ResourceNotFoundException")
    assert dynamodb.list_tables()["TableNames"] == []


def test_busy_table_is_refused(dynamodb: Any) -> None:
    create(dynamodb)
    wanted = (400, "ResourceInUseException")
    assert refused(lambda: dynamodb.delete_table(TableName="table")) == wanted
    assert refused(lambda: create(dynamodb)) == wanted
    change = {"TableName": "table", "DeletionProtectionEnabled": True}
    assert refused(lambda: dynamodb.update_table(**change)) == wanted


def test_one_index_at_a_time(dynamodb: Any) -> None:
    create(dynamodb)
    states(dynamodb)
    keys = [{"AttributeName": "id", "AttributeType": "S"}]

    def update(*changes: dict[str, Any]) -> None:
        dynamodb.update_table(
            TableName="table", AttributeDefinitions=keys, GlobalSecondaryIndexUpdates=list(changes)
        )

    assert refused(lambda: update(index("one"), index("two"))) == (400, "LimitExceededException")
    update(index("one"))
    assert [show(dynamodb)["GlobalSecondaryIndexes"][0]["IndexStatus"] for _ in range(2)] == [
        "CREATING",
        "ACTIVE",
    ]
    assert refused(lambda: update(index("one"))) == (400, "ValidationException")


def test_protected_table_is_not_deleted(dynamodb: Any) -> None:
    create(dynamodb, DeletionProtectionEnabled=True)
    states(dynamodb)
    with pytest.raises(dynamodb.exceptions.ClientError) as caught:
        dynamodb.delete_table(TableName="table")
    assert caught.value.response["Error"] == {
        "Code": "ValidationException",
        "Message": "Resource cannot be deleted as it is currently protected against deletion. "
        "Disable deletion protection first.",
    }


def test_settings_are_kept(dynamodb: Any) -> None:
    arn = create(dynamodb, Tags=[{"Key": "a", "Value": "b"}], TableClass="STANDARD")
    assert dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    states(dynamodb)
    dynamodb.update_continuous_backups(
        TableName="table", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    shown = dynamodb.describe_continuous_backups(TableName="table")["ContinuousBackupsDescription"]
    assert shown["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    dynamodb.update_time_to_live(
        TableName="table", TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"}
    )
    ttl = dynamodb.describe_time_to_live(TableName="table")["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "until"}
    dynamodb.update_table(TableName="table", TableClass="STANDARD_INFREQUENT_ACCESS")
    states(dynamodb)
    dynamodb.update_table(TableName="table", SSESpecification={"Enabled": True, "SSEType": "KMS"})
    assert show(dynamodb)["TableClassSummary"]["TableClass"] == "STANDARD_INFREQUENT_ACCESS"
    assert show(dynamodb)["SSEDescription"]["Status"] == "ENABLED"


def test_throughput_follows_the_billing_mode(dynamodb: Any) -> None:
    create(dynamodb)
    states(dynamodb)
    given = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
    dynamodb.update_table(TableName="table", BillingMode="PROVISIONED", ProvisionedThroughput=given)
    states(dynamodb)
    assert show(dynamodb)["ProvisionedThroughput"]["ReadCapacityUnits"] == 5
    dynamodb.update_table(TableName="table", BillingMode="PAY_PER_REQUEST")
    states(dynamodb)
    assert show(dynamodb)["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert show(dynamodb)["ProvisionedThroughput"]["ReadCapacityUnits"] == 0


def test_tables_belong_to_account_and_region(dynamodb: Any) -> None:
    account = fresh_account()
    arn = create(client("dynamodb", account))
    assert arn == f"arn:aws:dynamodb:us-east-1:{account}:table/table"
    for other in (dynamodb, client("dynamodb", account, region="eu-west-1")):
        assert other.list_tables()["TableNames"] == []
        assert refused(lambda other=other: show(other)) == (400, "ResourceNotFoundException")


def test_stacks_wait_for_their_tables() -> None:
    account = fresh_account()
    stacks, dynamodb = client("cloudformation", account), client("dynamodb", account)
    keys = {
        "TableName": "table",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    resources = {"Resources": {"Table": {"Type": "AWS::DynamoDB::Table", "Properties": keys}}}
    stacks.create_stack(StackName="stack", TemplateBody=json.dumps(resources))
    assert show(dynamodb)["TableStatus"] == "ACTIVE"
    stacks.delete_stack(StackName="stack")
    assert dynamodb.list_tables()["TableNames"] == []
