"""Lets the sessions of a role do only what a policy allows; without one they may do everything.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html

A policy holds for a role by its name, as a policy that is attached to it would: the stories look at
an account through another role than the controller does. moto keeps the policies that clients give
to roles, and nobody is held to those.
"""

from __future__ import annotations

from typing import Any

import wire
from calls import Call
from messages import Answer
from permissions_policy import PolicyError, Statement, read_policy

# The role of the controller in the examples and the stories.
DEFAULT_ROLE = "CcagiAgentRole"


class Permissions:
    """The policies of the accounts' roles."""

    def __init__(self) -> None:
        self.by_role: dict[tuple[str, str], tuple[Statement, ...]] = {}

    def put(self, description: dict[str, Any]) -> dict[str, str]:
        """Hold a role to a policy, in place of the one it had; return whose it is."""
        known = ("account", "role", "policy")
        unknown = sorted(set(description) - set(known))
        account, role = description.get("account"), description.get("role", DEFAULT_ROLE)
        if unknown or not isinstance(account, str) or not isinstance(role, str):
            raise PolicyError(f"Permissions have {', '.join(known)}; role may be left out.")
        self.by_role[account, role] = read_policy(description.get("policy"))
        return {"account": account, "role": role}

    def clear(self, account: str | None) -> None:
        """Forget the policies of one account, or all."""
        self.by_role = {key: kept for key, kept in self.by_role.items() if account not in (None, key[0])}

    def denied(self, call: Call) -> str:
        """Return the first action that a call needs and may not use, empty if it may go on."""
        statements = self.by_role.get((call.account, call.role))
        if statements is None:
            return ""
        return next((each for each in call.actions if not _allowed(statements, call, each)), "")


def _allowed(statements: tuple[Statement, ...], call: Call, action: str) -> bool:
    about = [statement.allows for statement in statements if statement.speaks_of(call, action)]
    # An explicit Deny comes before every Allow.
    return bool(about) and all(about)


def refusal(call: Call) -> Answer:
    """Return the error that tells a caller which action is denied."""
    code, status, words = wire.words(wire.DENIED, call)
    resource = f"arn:aws:s3:::{call.resource}" if call.service == "s3" and call.resource else "*"
    message = (
        f"User: {call.caller} is not authorized to perform: {call.denied} on resource: {resource} "
        f"because no identity-based policy allows the {call.denied} action"
    )
    return wire.error(call, code, status, f"{words} {message}" if call.service == "ec2" else message)
