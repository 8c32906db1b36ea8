"""UpdateTable changes more than moto changes.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTable.html
(TableClass, SSESpecification; a table without provisioned throughput shows zero)
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.dynamodb.models import Table
from moto.dynamodb.responses import DynamoHandler, DynamoResult


def install() -> None:
    """Keep and show the settings that moto forgets."""
    for name in ("create_table", "update_table"):
        _wrap_write(name)
    original = Table.describe

    def describe(self: Table, base_key: str = "TableDescription") -> dict[str, Any]:
        result = original(self, base_key)
        kept = getattr(self, "table_class", None)
        if kept:
            result[base_key]["TableClassSummary"] = kept
        return result

    Table.describe = describe


def _wrap_write(name: str) -> None:
    original = getattr(DynamoHandler, name)

    def write(self: DynamoHandler) -> ActionResult:
        original(self)
        table = self.dynamodb_backend.get_table(self.body["TableName"])
        if "TableClass" in self.body:
            table.table_class = {"TableClass": self.body["TableClass"], "LastUpdateDateTime": utcnow()}
        if name == "update_table":
            _update(table, self.body)
        return DynamoResult(table.describe())

    setattr(DynamoHandler, name, write)


def _update(table: Table, body: dict[str, Any]) -> None:
    encryption = body.get("SSESpecification")
    if encryption is not None:
        table.sse_specification = dict(encryption)
        if encryption.get("Enabled") and "KMSMasterKeyId" not in encryption:
            key = table._get_default_encryption_key(table.account_id, table.region_name)
            table.sse_specification["KMSMasterKeyId"] = key
    if body.get("BillingMode") == "PAY_PER_REQUEST":
        table.throughput = {"ReadCapacityUnits": 0, "WriteCapacityUnits": 0, "NumberOfDecreasesToday": 0}
