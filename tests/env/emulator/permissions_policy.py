"""Reads an IAM policy and tells what it allows; refuses what it would not carry out.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
(a key that a request does not have makes its condition fail)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from calls import Call
from permissions_actions import PASS_ROLE
from permissions_roles import permissions_boundary, role_arns
from permissions_tags import resource_tags

RESOURCE_TAG = "aws:ResourceTag/"
PASSED_TO_SERVICE = "iam:PassedToService"
BOUNDARY = "iam:PermissionsBoundary"
# Who gets the role that a request to a service passes; a role in an instance profile is for EC2.
PASSED_TO = {
    "ec2": "ec2.amazonaws.com",
    "iam": "ec2.amazonaws.com",
    "lambda": "lambda.amazonaws.com",
}
_RESOURCE_TAG = re.compile(f"{RESOURCE_TAG}.+")
_ACTION = re.compile(r"\*|[a-z0-9-]+:[A-Za-z0-9*]+")


class PolicyError(ValueError):
    """A policy says something that this emulator does not carry out."""


@dataclass(frozen=True)
class Statement:
    """One statement: it allows or denies actions, where all its conditions hold."""

    allows: bool
    actions: tuple[re.Pattern[str], ...]
    # Empty for all resources.
    roles: tuple[re.Pattern[str], ...]
    conditions: tuple[tuple[str, tuple[str, ...]], ...]

    def speaks_of(self, call: Call, action: str) -> bool:
        """Say whether the statement is about one of the actions that a call needs."""
        if not any(pattern.fullmatch(action) for pattern in self.actions):
            return False
        if self.roles:
            about = [any(each.fullmatch(arn) for each in self.roles) for arn in role_arns(call, action)]
            # What is allowed must be so for all that a request is about, what is denied for any of it.
            if not about or not (all(about) if self.allows else any(about)):
                return False
        return all(_holds(key, values, call, action) for key, values in self.conditions)


def _holds(key: str, values: tuple[str, ...], call: Call, action: str) -> bool:
    if key == PASSED_TO_SERVICE:
        return action == PASS_ROLE and PASSED_TO.get(call.service) in values
    if key == BOUNDARY:
        return permissions_boundary(call, action) in values
    # A request is allowed only if it is for every resource that it is about.
    tags = resource_tags(call, action)
    return bool(tags) and all(each.get(key.removeprefix(RESOURCE_TAG)) in values for each in tags)


def read_policy(document: Any) -> tuple[Statement, ...]:
    """Return the statements of a policy document.

    Raises PolicyError for everything but statements on all resources or on roles, on conditions of
    StringEquals that are known here.
    """
    _demand_only(document, "A policy", "Version", "Statement")
    if document.get("Version") != "2012-10-17":
        raise PolicyError("The Version of a policy must be 2012-10-17.")
    statements = document.get("Statement")
    if not statements:
        raise PolicyError("A policy needs a Statement.")
    return tuple(_statement(each) for each in (statements if isinstance(statements, list) else [statements]))


def _statement(given: Any) -> Statement:
    _demand_only(given, "A statement", "Sid", "Effect", "Action", "Resource", "Condition")
    if given.get("Effect") not in ("Allow", "Deny"):
        raise PolicyError("The Effect of a statement must be Allow or Deny.")
    resources = _texts(given.get("Resource"), "The Resource of a statement")
    if resources != ("*",) and not all(":role/" in each for each in resources):
        raise PolicyError("The Resource of a statement must be * or the ARNs of roles.")
    actions = _texts(given.get("Action"), "The Action of a statement")
    for action in actions:
        if not _ACTION.fullmatch(action):
            raise PolicyError(f"{action} is no action.")
    return Statement(
        allows=given["Effect"] == "Allow",
        actions=tuple(map(_pattern, actions)),
        roles=() if resources == ("*",) else tuple(re.compile(_wild(each)) for each in resources),
        conditions=tuple(_conditions(given.get("Condition", {}))),
    )


def _pattern(action: str) -> re.Pattern[str]:
    return re.compile(_wild(action), re.IGNORECASE)


def _wild(text: str) -> str:
    return re.escape(text).replace(r"\*", ".*")


def _conditions(given: Any) -> list[tuple[str, tuple[str, ...]]]:
    _demand_only(given, "A Condition", "StringEquals")
    wanted = given.get("StringEquals", {})
    if not isinstance(wanted, dict):
        raise PolicyError("StringEquals must be an object.")
    for key in wanted:
        if key not in (PASSED_TO_SERVICE, BOUNDARY) and not _RESOURCE_TAG.fullmatch(key):
            raise PolicyError(f"The condition key {key} is not known here.")
    return [(key, _texts(values, f"The condition {key}")) for key, values in wanted.items()]


def _demand_only(given: Any, what: str, *known: str) -> None:
    if not isinstance(given, dict):
        raise PolicyError(f"{what} must be an object.")
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise PolicyError(f"{what} here has no {', '.join(unknown)}; it has {', '.join(known)}.")


def _texts(given: Any, what: str) -> tuple[str, ...]:
    """Return one text or a list of them as a tuple."""
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(each, str) for each in texts):
        raise PolicyError(f"{what} must be a text or a list of texts.")
    return tuple(texts)
