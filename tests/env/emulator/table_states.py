"""DynamoDB makes, changes and deletes tables in steps; moto does it at once.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html
(CREATING, UPDATING, DELETING, ACTIVE)
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTable.html
(ResourceInUseException while not ACTIVE, one secondary index per call)
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DeleteTable.html

Steps count reads, not time, so that tests are exact: after every change the first
DescribeTable shows the passing state, the next one what follows.
"""

from __future__ import annotations

from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.dynamodb.exceptions import MockValidationException, ResourceInUseException
from moto.dynamodb.models import DynamoDBBackend, Table, dynamodb_backends

PROTECTED = (
    "Resource cannot be deleted as it is currently protected against deletion. "
    "Disable deletion protection first."
)
ONE_INDEX = (
    "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"
)


def install() -> None:
    """Let every change of a table pass through its passing state."""
    _wrap_creation()
    _wrap_description()
    _wrap_read()
    _wrap_update()
    _replace_deletion()
    _wrap_streams()
    _wait_in_stacks()


class LimitExceededException(JsonRESTError):
    """Too much is asked for at once."""

    def __init__(self, message: str) -> None:
        super().__init__("com.amazonaws.dynamodb.v20120810#LimitExceededException", message)


def _pass_through(table: Table, state: str) -> None:
    table.passing, table.was_read = state, False


def _state(table: Table) -> str:
    return getattr(table, "passing", "") or "ACTIVE"


def _wrap_streams() -> None:
    """A stream that is off may be put on again; moto takes its old label for a stream that is on.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
    """
    original = DynamoDBBackend.update_table_streams

    def update_table_streams(self: DynamoDBBackend, table: Table, stream_specification: dict[str, Any]) -> None:
        if not (table.stream_specification or {}).get("StreamEnabled"):
            table.latest_stream_label = None
        original(self, table, stream_specification)

    DynamoDBBackend.update_table_streams = update_table_streams


def _wrap_creation() -> None:
    original = DynamoDBBackend.create_table

    def create_table(self: DynamoDBBackend, *args: Any, **kwargs: Any) -> Table:
        table = original(self, *args, **kwargs)
        _pass_through(table, "CREATING")
        return table

    DynamoDBBackend.create_table = create_table


def _wrap_description() -> None:
    original = Table.describe

    def describe(self: Table, base_key: str = "TableDescription") -> dict[str, Any]:
        result = original(self, base_key)
        state = result[base_key]["TableStatus"] = _state(self)
        for index in result[base_key]["GlobalSecondaryIndexes"]:
            fresh = state == "CREATING" or index["IndexName"] in getattr(self, "fresh_indexes", ())
            index["IndexStatus"] = "CREATING" if fresh else "ACTIVE"
        return result

    Table.describe = describe


def _wrap_read() -> None:
    original = DynamoDBBackend.describe_table

    def describe_table(self: DynamoDBBackend, name: str) -> dict[str, Any]:
        table = self.tables.get(name)
        if table and getattr(table, "passing", ""):
            if not table.was_read:
                table.was_read = True
            elif table.passing == "DELETING":
                self.tables.pop(name)
            else:
                table.passing, table.fresh_indexes = "", ()
        return original(self, name)

    DynamoDBBackend.describe_table = describe_table


def _wrap_update() -> None:
    original = DynamoDBBackend.update_table

    def update_table(self: DynamoDBBackend, name: str, **kwargs: Any) -> Table:
        table = self.get_table(name)
        _demand_active(table)
        changes = kwargs.get("global_index") or []
        if sum("Create" in change or "Delete" in change for change in changes) > 1:
            raise LimitExceededException(ONE_INDEX)
        before = {index.name for index in table.global_indexes}
        try:
            original(self, name=name, **kwargs)
        except ValueError as error:
            # moto raises what its own caller does not expect, and the client would see a crash.
            raise MockValidationException(str(error)) from error
        table.fresh_indexes = {index.name for index in table.global_indexes} - before
        _pass_through(table, "UPDATING")
        return table

    DynamoDBBackend.update_table = update_table


def _replace_deletion() -> None:
    def delete_table(self: DynamoDBBackend, name: str) -> Table:
        table = self.get_table(name)
        if _state(table) == "DELETING":
            return table
        _demand_active(table)
        if table.deletion_protection_enabled:
            raise MockValidationException(PROTECTED)
        _pass_through(table, "DELETING")
        return table

    DynamoDBBackend.delete_table = delete_table


def _wait_in_stacks() -> None:
    """CloudFormation waits for its tables, so a stack shows no passing state."""
    original = Table.create_from_cloudformation_json.__func__

    def create(cls: type[Table], *args: Any, **kwargs: Any) -> Table:
        table = original(cls, *args, **kwargs)
        table.passing = ""
        return table

    def delete(self: Table, account_id: str, region_name: str) -> None:
        backend = dynamodb_backends[account_id][region_name]
        backend.delete_table(self.name)
        del backend.tables[self.name]

    Table.create_from_cloudformation_json = classmethod(create)
    Table.delete = delete


def _demand_active(table: Table) -> None:
    if _state(table) != "ACTIVE":
        state = _state(table).lower()
        raise ResourceInUseException(
            f"Attempt to change a resource which is still in use: Table is being {state}: {table.name}"
        )
