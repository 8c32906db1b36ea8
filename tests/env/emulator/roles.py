"""AssumeRole can be refused; moto lets everyone in.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-user_externalid.html

No trust policy is kept: the name of a role says what it demands. A role whose name
contains ``Denied`` lets nobody in; one that ends in ``RequiresExternalId-ID`` lets in
who brings that external id.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.sts.models import AssumedRole, STSBackend

import wire
from calls import Accounts, Call
from messages import Answer

EXTERNAL_ID = "RequiresExternalId-"


def install(accounts: Accounts) -> None:
    """Remember which role a key was issued for."""
    original = STSBackend.assume_role

    def assume_role(self: STSBackend, *arguments: Any, **named: Any) -> AssumedRole:
        role = original(self, *arguments, **named)
        accounts.assumed_roles[role.access_key_id] = role.arn
        return role

    STSBackend.assume_role = assume_role


def answer(call: Call, proceed: Callable[[Call], Answer]) -> Answer:
    """Let moto answer unless the role's name demands a refusal."""
    if call.operation == "AssumeRole" and not _trusts(call):
        role = call.parameters.get("RoleArn", "")
        caller = f"arn:aws:iam::{call.account}:user/local"
        message = f"User: {caller} is not authorized to perform: sts:AssumeRole on resource: {role}"
        return wire.error(call, "AccessDenied", 403, message)
    return proceed(call)


def _trusts(call: Call) -> bool:
    role = call.parameters.get("RoleArn", "").rpartition("/")[2]
    _, demanded, external_id = role.partition(EXTERNAL_ID)
    if demanded and call.parameters.get("ExternalId") != external_id:
        return False
    return "Denied" not in role
