"""IAM checks the policies that a role is given, and every account has AWS's managed ones.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html (MalformedPolicyDocument)
https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePermissionsBoundary.html (NoSuchEntity)
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-vs-inline.html

moto takes any trust policy for a new role and any ARN for a boundary, and has AWS's managed
policies only where all of them are loaded into each account.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.exceptions import NotFoundException
from moto.iam.models import AWSManagedPolicy, IAMBackend, Role
from moto.iam.policy_validation import IAMTrustPolicyDocumentValidator


def install() -> None:
    """Check what roles are given, and find AWS's managed policies when they are named."""
    create, attach, bound = (
        IAMBackend.create_role,
        IAMBackend.attach_role_policy,
        IAMBackend.put_role_permissions_boundary,
    )

    def create_role(
        self: IAMBackend,
        role_name: str,
        assume_role_policy_document: str,
        path: str,
        permissions_boundary: str | None,
        *arguments: Any,
        **named: Any,
    ) -> Role:
        IAMTrustPolicyDocumentValidator(assume_role_policy_document).validate()
        if permissions_boundary:
            _check_boundary(self, permissions_boundary)
        return create(
            self, role_name, assume_role_policy_document, path, permissions_boundary, *arguments, **named
        )

    def attach_role_policy(self: IAMBackend, policy_arn: str, role_name: str) -> None:
        _has_policy(self, policy_arn)
        attach(self, policy_arn, role_name)

    def put_role_permissions_boundary(self: IAMBackend, role_name: str, permissions_boundary: str) -> None:
        _check_boundary(self, permissions_boundary)
        bound(self, role_name, permissions_boundary)

    IAMBackend.create_role = create_role
    IAMBackend.attach_role_policy = attach_role_policy
    IAMBackend.put_role_permissions_boundary = put_role_permissions_boundary


def _check_boundary(backend: IAMBackend, arn: str) -> None:
    if not _has_policy(backend, arn):
        raise NotFoundException(f"Scope ARN: {arn} does not exist or is not attachable.")


def _has_policy(backend: IAMBackend, arn: str) -> bool:
    """Whether the account has the managed policy; one of AWS's is put there first."""
    if arn not in backend.managed_policies and ":iam::aws:policy/" in arn:
        name = arn.rpartition("/")[2]
        data = _aws_policies().get(name)
        if data:
            policy = AWSManagedPolicy.from_data(name, backend.account_id, backend.region_name, data)
            backend.managed_policies[policy.arn] = policy
    return arn in backend.managed_policies


@cache
def _aws_policies() -> dict[str, Any]:
    return json.loads(aws_managed_policies_data)
