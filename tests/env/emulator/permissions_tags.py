"""The tags of the resources that a request is about: what ``aws:ResourceTag`` is compared with.

Which resources of a request are checked is in the Service Authorization Reference, such as
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
Not all of it is here. What is left out has no tags, and so is refused, not allowed: resources that
a request is about to make, what is named by an association only (but for the instance of a profile),
S3 buckets (whose tags count only where that is switched on), and roles that are passed
(https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html: their tags are not
reliable there).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from moto.awslambda.models import lambda_backends
from moto.dynamodb.models import dynamodb_backends
from moto.ec2.models import ec2_backends
from moto.iam.models import iam_backends
from moto.rds.models import rds_backends

from calls import Call

Tags = dict[str, str]
# EC2 looks only at the route table or the group that these change, not at all that they name.
ONE_RESOURCE = {
    "AuthorizeSecurityGroupEgress": "GroupId",
    "AuthorizeSecurityGroupIngress": "GroupId",
    "CreateRoute": "RouteTableId",
    "DeleteRoute": "RouteTableId",
    "ReplaceRoute": "RouteTableId",
    "ReplaceRouteTableAssociation": "RouteTableId",
    "RevokeSecurityGroupEgress": "GroupId",
    "RevokeSecurityGroupIngress": "GroupId",
    "UpdateSecurityGroupRuleDescriptionsEgress": "GroupId",
    "UpdateSecurityGroupRuleDescriptionsIngress": "GroupId",
}
_MAKES = re.compile("(Create|Allocate|Run)(?!Tags|Route$)")
_LISTS = re.compile("Describe(?!.*Attribute$)")
_ID = re.compile(r"\w+Id(\.\d+)?")
_FUNCTION = re.compile(r"(?:/functions/|:function:)([^/:]+)")


def resource_tags(call: Call, action: str) -> list[Tags]:
    """Return the tags of each resource that must be checked for one of a call's actions."""
    # GetFunction's second action is about the function too; all others that a call only
    # implies are about what it makes or passes.
    own = action in (call.actions[0], "lambda:ListTags")
    read = BY_SERVICE.get(call.service)
    return list(read(call)) if own and read else []


def _ec2(call: Call) -> Iterator[Tags]:
    if _MAKES.match(call.operation) or _LISTS.match(call.operation):
        return
    backend, only = ec2_backends[call.account][call.region], ONE_RESOURCE.get(call.operation)
    for name, value in call.parameters.items():
        if name == only or (only is None and _ID.fullmatch(name)):
            yield backend.tags.get(_instance(backend, value) if name == "AssociationId" else value, {})


def _instance(backend: Any, association_id: str) -> str | None:
    """Return the instance that an association with an instance profile is of."""
    associations = backend.iam_instance_profile_associations.values()
    return next((each.instance_id for each in associations if each.association_id == association_id), None)


def _iam(call: Call) -> Iterator[Tags]:
    backend = iam_backends[call.account]["aws"]
    profile, role = call.parameters.get("InstanceProfileName"), call.parameters.get("RoleName")
    # Who puts a role into a profile, or takes it out, changes the profile.
    if profile:
        profiles = backend.get_instance_profiles()
        yield _by_key(next((each.tags for each in profiles if each.name == profile), []))
    elif role:
        yield _by_key(next((each.tags for each in backend.get_roles() if each.name == role), []))


def _lambda(call: Call) -> Iterator[Tags]:
    found = _FUNCTION.search(call.path.replace("/functions/arn:", "/arn:"))
    if found:
        functions = lambda_backends[call.account][call.region].list_functions()
        yield next((each.tags for each in functions if each.function_name == found[1]), {})


def _rds(call: Call) -> Iterator[Tags]:
    backend, parameters = rds_backends[call.account][call.region], call.parameters
    kind, _, name = parameters.get("ResourceName", "").rpartition(":")
    database = parameters.get("DBInstanceIdentifier", name if kind.endswith(":db") else "")
    group = parameters.get("DBSubnetGroupName", name if kind.endswith(":subgrp") else "")
    if database:
        yield _by_key(getattr(backend.databases.get(database), "tags", []))
    if group:
        yield _by_key(getattr(backend.subnet_groups.get(group), "tags", []))


def _dynamodb(call: Call) -> Iterator[Tags]:
    given = call.parameters.get("TableName") or call.parameters.get("ResourceArn", "")
    if given:
        tables = dynamodb_backends[call.account][call.region].tables
        yield _by_key(getattr(tables.get(given.rpartition("/")[2]), "tags", []))


def _by_key(tags: list[dict[str, str]]) -> Tags:
    return {tag["Key"]: tag["Value"] for tag in tags}


BY_SERVICE: dict[str, Callable[[Call], Iterator[Tags]]] = {
    "dynamodb": _dynamodb,
    "ec2": _ec2,
    "iam": _iam,
    "lambda": _lambda,
    "rds": _rds,
}
