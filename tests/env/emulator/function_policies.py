"""What Lambda says of a function's policy and reservation, and moto otherwise.

https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html
(ResourceConflictException for a statement id that exists; an account becomes its root's ARN)
https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
(a reservation of 0 is one: it stops the function; moto shows it as none)
"""

from __future__ import annotations

import re
from typing import Any

from moto.awslambda.models import LambdaFunction
from moto.awslambda.policy import Policy

from function_states import ResourceConflictException

_ACCOUNT = re.compile(r"^\d{12}$")


def install() -> None:
    """Let policies and reservations read as Lambda's do."""
    _wrap_statements()
    _wrap_principals()
    _wrap_reservations()


def _wrap_statements() -> None:
    original = Policy.add_statement

    def add_statement(self: Policy, raw: str, qualifier: str | None = None) -> tuple[Any, str]:
        known = {statement["Sid"] for statement in self.statements}
        statement, revision = original(self, raw, qualifier)
        if statement["Sid"] in known:
            self.statements.pop()
            raise ResourceConflictException(
                f"The statement id ({statement['Sid']}) provided already exists. "
                "Please provide a new statement id, or remove the existing statement."
            )
        return statement, revision

    Policy.add_statement = add_statement


def _wrap_principals() -> None:
    original = Policy.principal_formatter

    def principal_formatter(self: Policy, obj: Any) -> Any:
        if isinstance(obj, str) and _ACCOUNT.match(obj):
            return {"AWS": f"arn:aws:iam::{obj}:root"}
        if isinstance(obj, str) and obj.startswith("arn:"):
            return {"AWS": obj}
        return original(self, obj)

    Policy.principal_formatter = principal_formatter


def _wrap_reservations() -> None:
    original = LambdaFunction.get_code

    def get_code(self: LambdaFunction) -> dict[str, Any]:
        result = original(self)
        if self.reserved_concurrency is not None:
            result["Concurrency"] = {"ReservedConcurrentExecutions": self.reserved_concurrency}
        return result

    LambdaFunction.get_code = get_code
