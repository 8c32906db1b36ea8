"""The policies of a role are checked, and AWS's own are there."""

from __future__ import annotations

import json
from typing import Any

from test_support import client, fresh_account, refused

TRUST = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"Service": "ec2.amazonaws.com"},
        "Action": "sts:AssumeRole",
    },
}
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
MISSING = "arn:aws:iam::aws:policy/NoSuchPolicy"


def role(iam: Any, document: str = json.dumps(TRUST), **more: Any) -> Any:
    return iam.create_role(RoleName="web", AssumeRolePolicyDocument=document, **more)


def test_new_role_needs_a_sound_trust_policy() -> None:
    iam = client("iam", fresh_account())
    assert refused(lambda: role(iam, "{}"))[1] == "MalformedPolicyDocument"
    assert refused(lambda: iam.get_role(RoleName="web"))[1] == "NoSuchEntity"
    assert role(iam)["Role"]["Arn"].endswith(":role/web")


def test_aws_managed_policies_are_in_every_account() -> None:
    iam = client("iam", fresh_account())
    role(iam)
    iam.attach_role_policy(RoleName="web", PolicyArn=READ_ONLY)
    attached = iam.list_attached_role_policies(RoleName="web")["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in attached] == [READ_ONLY]
    assert refused(lambda: iam.attach_role_policy(RoleName="web", PolicyArn=MISSING))[1] == "NoSuchEntity"


def test_boundary_must_exist() -> None:
    iam = client("iam", fresh_account())
    assert refused(lambda: role(iam, PermissionsBoundary=MISSING))[1] == "NoSuchEntity"
    role(iam, PermissionsBoundary=READ_ONLY)
    put = iam.put_role_permissions_boundary
    assert refused(lambda: put(RoleName="web", PermissionsBoundary=MISSING))[1] == "NoSuchEntity"
    boundary = iam.get_role(RoleName="web")["Role"]["PermissionsBoundary"]
    assert boundary["PermissionsBoundaryArn"] == READ_ONLY


def test_role_keeps_its_tags_documents_and_profile() -> None:
    iam = client("iam", fresh_account())
    role(iam, Tags=[{"Key": "team", "Value": "web"}])
    document = {"Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}, "Version": "2012-10-17"}
    iam.put_role_policy(RoleName="web", PolicyName="read", PolicyDocument=json.dumps(document))
    # The client decodes what IAM encodes.
    assert iam.get_role_policy(RoleName="web", PolicyName="read")["PolicyDocument"] == document
    found = iam.get_role(RoleName="web")["Role"]
    assert found["AssumeRolePolicyDocument"] == TRUST
    assert found["Tags"] == [{"Key": "team", "Value": "web"}]
    iam.create_instance_profile(InstanceProfileName="web", Tags=[{"Key": "team", "Value": "web"}])
    iam.add_role_to_instance_profile(InstanceProfileName="web", RoleName="web")
    profile = iam.get_instance_profile(InstanceProfileName="web")["InstanceProfile"]
    assert profile["Tags"] == [{"Key": "team", "Value": "web"}]
    assert refused(lambda: iam.delete_role(RoleName="web"))[1] == "DeleteConflict"
