"""The roles that a request is about: what the Resource of a statement is compared with.

Statements are known for roles only; whatever else an action is about has no ARN here, so that a
statement for some resources neither allows nor denies it.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
"""

from __future__ import annotations

from typing import Any

from moto.iam.models import iam_backends

from calls import Call

PASS_ROLE = "iam:PassRole"
_BOUNDARY = "PermissionsBoundary"


def role_arns(call: Call, action: str) -> list[str]:
    """Return the ARNs of the roles that one of a call's actions is about."""
    given = call.parameters
    if action == PASS_ROLE and call.service == "lambda":
        return [given["Role"]] if given.get("Role") else []
    if action == PASS_ROLE and call.service == "ec2":
        name = given.get("IamInstanceProfile.Name") or given.get("IamInstanceProfile.Arn", "").rpartition("/")[2]
        profiles = iam_backends[call.account]["aws"].get_instance_profiles()
        return [role.arn for each in profiles if each.name == name for role in each.roles]
    if call.service != "iam" or not given.get("RoleName") or "InstanceProfile" in action:
        return []
    known = _role(call)
    path = given.get("Path", "/")
    return [known.arn if known else f"arn:aws:iam::{call.account}:role{path}{given['RoleName']}"]


def permissions_boundary(call: Call, action: str) -> str | None:
    """Return the boundary that a request gives a role, else the one that the role has."""
    if action in ("iam:CreateRole", "iam:PutRolePermissionsBoundary"):
        return call.parameters.get(_BOUNDARY)
    known = _role(call)
    boundary = getattr(known, "permissions_boundary", None)
    return boundary.get(f"{_BOUNDARY}Arn") if isinstance(boundary, dict) else boundary


def _role(call: Call) -> Any:
    roles = iam_backends[call.account]["aws"].get_roles()
    return next((each for each in roles if each.name == call.parameters.get("RoleName")), None)
