"""Which IAM actions a request needs.

Actions and what they depend on: the Service Authorization Reference,
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
Operations of S3 and their actions:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
(and "Permissions" on the page of each operation, such as API_CreateBucket.html, API_DeleteObjects.html)
What Lambda does with the caller's permissions:
https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html (user permissions)
https://docs.aws.amazon.com/lambda/latest/dg/lambda-api-permissions-ref.html (code in S3, layers, PassRole)
https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html (tags)
Flow logs in S3 (and the bucket's policy, which is for EC2 to change only where the caller may):
https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3.html
https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-permissions.html
Passwords that RDS manages:
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from calls import Call

# Services whose actions have another prefix than their requests are signed with.
PREFIXES = {"monitoring": "cloudwatch"}
# Whoever is anybody may ask who that is; who may assume a role is for the role's trust policy to say.
FREE = {("sts", "GetCallerIdentity"), ("sts", "AssumeRole")}
# Operations whose action has another name. All others have the operation's.
RENAMED = {
    ("lambda", "Invoke"): "lambda:InvokeFunction",
    ("s3", "CompleteMultipartUpload"): "s3:PutObject",
    ("s3", "CreateMultipartUpload"): "s3:PutObject",
    ("s3", "DeleteBucketCors"): "s3:PutBucketCORS",
    ("s3", "DeleteBucketEncryption"): "s3:PutEncryptionConfiguration",
    ("s3", "DeleteBucketLifecycle"): "s3:PutLifecycleConfiguration",
    ("s3", "DeleteBucketOwnershipControls"): "s3:PutBucketOwnershipControls",
    ("s3", "DeleteBucketReplication"): "s3:PutReplicationConfiguration",
    ("s3", "DeleteBucketTagging"): "s3:PutBucketTagging",
    ("s3", "DeleteObjects"): "s3:DeleteObject",
    ("s3", "DeletePublicAccessBlock"): "s3:PutBucketPublicAccessBlock",
    ("s3", "GetBucketAccelerateConfiguration"): "s3:GetAccelerateConfiguration",
    ("s3", "GetBucketCors"): "s3:GetBucketCORS",
    ("s3", "GetBucketEncryption"): "s3:GetEncryptionConfiguration",
    ("s3", "GetBucketLifecycleConfiguration"): "s3:GetLifecycleConfiguration",
    ("s3", "GetBucketNotificationConfiguration"): "s3:GetBucketNotification",
    ("s3", "GetBucketReplication"): "s3:GetReplicationConfiguration",
    ("s3", "GetObjectLockConfiguration"): "s3:GetBucketObjectLockConfiguration",
    ("s3", "GetPublicAccessBlock"): "s3:GetBucketPublicAccessBlock",
    ("s3", "HeadBucket"): "s3:ListBucket",
    ("s3", "HeadObject"): "s3:GetObject",
    ("s3", "ListBuckets"): "s3:ListAllMyBuckets",
    ("s3", "ListMultipartUploads"): "s3:ListBucketMultipartUploads",
    ("s3", "ListObjectVersions"): "s3:ListBucketVersions",
    ("s3", "ListObjects"): "s3:ListBucket",
    ("s3", "ListObjectsV2"): "s3:ListBucket",
    ("s3", "ListParts"): "s3:ListMultipartUploadParts",
    ("s3", "PutBucketAccelerateConfiguration"): "s3:PutAccelerateConfiguration",
    ("s3", "PutBucketCors"): "s3:PutBucketCORS",
    ("s3", "PutBucketEncryption"): "s3:PutEncryptionConfiguration",
    ("s3", "PutBucketLifecycleConfiguration"): "s3:PutLifecycleConfiguration",
    ("s3", "PutBucketNotificationConfiguration"): "s3:PutBucketNotification",
    ("s3", "PutBucketReplication"): "s3:PutReplicationConfiguration",
    ("s3", "PutObjectLockConfiguration"): "s3:PutBucketObjectLockConfiguration",
    ("s3", "PutPublicAccessBlock"): "s3:PutBucketPublicAccessBlock",
    ("s3", "UploadPart"): "s3:PutObject",
}

PASS_ROLE = "iam:PassRole"
ALWAYS = ""
NETWORK = ("VpcConfig", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs")
PASSWORD = (
    "ManageMasterUserPassword",
    "kms:DescribeKey",
    "secretsmanager:CreateSecret",
    "secretsmanager:TagResource",
)
# What an operation needs besides its own action: a member of the request and the actions that it
# asks for where it is given. S3's members are headers, query parameters and elements.
IMPLIED: dict[tuple[str, str], tuple[tuple[str, ...], ...]] = {
    ("dynamodb", "CreateTable"): (("Tags", "dynamodb:TagResource"),),
    ("ec2", "AssociateIamInstanceProfile"): ((ALWAYS, PASS_ROLE),),
    ("ec2", "CreateFlowLogs"): (("LogDestination", "logs:CreateLogDelivery"),),
    ("ec2", "DeleteFlowLogs"): ((ALWAYS, "logs:DeleteLogDelivery"),),
    ("ec2", "ReplaceIamInstanceProfileAssociation"): ((ALWAYS, PASS_ROLE),),
    ("ec2", "RunInstances"): (("IamInstanceProfile", PASS_ROLE),),
    ("iam", "AddRoleToInstanceProfile"): ((ALWAYS, PASS_ROLE),),
    ("iam", "CreateInstanceProfile"): (("Tags", "iam:TagInstanceProfile"),),
    ("iam", "CreateRole"): (("Tags", "iam:TagRole"),),
    ("lambda", "CreateFunction"): (
        (ALWAYS, PASS_ROLE),
        ("Tags", "lambda:TagResource"),
        ("Layers", "lambda:GetLayerVersion"),
        ("Code.S3Bucket", "s3:GetObject"),
        ("Code.S3ObjectVersion", "s3:GetObjectVersion"),
        NETWORK,
    ),
    # Lambda would leave out the tags and put an error beside them; a refusal cannot be overlooked.
    ("lambda", "GetFunction"): ((ALWAYS, "lambda:ListTags"),),
    ("lambda", "UpdateFunctionCode"): (
        ("S3Bucket", "s3:GetObject"),
        ("S3ObjectVersion", "s3:GetObjectVersion"),
    ),
    ("lambda", "UpdateFunctionConfiguration"): (
        ("Role", PASS_ROLE),
        ("Layers", "lambda:GetLayerVersion"),
        NETWORK,
    ),
    ("logs", "CreateLogGroup"): (("tags", "logs:TagResource"),),
    ("rds", "CreateDBInstance"): (("Tags", "rds:AddTagsToResource"), PASSWORD),
    ("rds", "CreateDBSubnetGroup"): (("Tags", "rds:AddTagsToResource"),),
    ("rds", "DeleteDBInstance"): (("FinalDBSnapshotIdentifier", "rds:CreateDBSnapshot"),),
    ("rds", "ModifyDBInstance"): (PASSWORD,),
    ("s3", "CreateBucket"): (
        ("Tags", "s3:TagResource"),
        ("x-amz-acl", "s3:PutBucketAcl"),
        ("x-amz-object-ownership", "s3:PutBucketOwnershipControls"),
        ("x-amz-bucket-object-lock-enabled", "s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning"),
    ),
    ("s3", "DeleteObject"): (("versionId", "s3:DeleteObjectVersion"),),
    ("s3", "DeleteObjects"): (("VersionId", "s3:DeleteObjectVersion"),),
}
TAGGED_IN_EC2 = ("TagSpecification", "ec2:CreateTags")

_ELEMENT = re.compile(rb"<([A-Za-z]+)")
_NOTHING = ("", "false", "False", None, False)


def needed(call: Call) -> tuple[str, ...]:
    """Return the IAM actions that a call needs, its own first."""
    known = (call.service, call.operation)
    if known in FREE:
        return ()
    own = RENAMED.get(known) or f"{PREFIXES.get(call.service, call.service)}:{call.operation}"
    rules = IMPLIED.get(known, ())
    if call.service == "ec2":
        rules = (*rules, TAGGED_IN_EC2)
    if not rules:
        return (own,)
    given = set(_members(call))
    implied = (action for member, *actions in rules if member in given for action in actions)
    return tuple(dict.fromkeys((own, *implied)))


def _members(call: Call) -> Iterator[str]:
    """Yield the members that a request gives a value to, each also by the names of what holds it."""
    yield ALWAYS
    for name in _names(call):
        yield name
        while "." in name:
            name = name.rpartition(".")[0]
            yield name


def _names(call: Call) -> Iterable[str]:
    if call.service == "s3":
        elements = (found.decode() for found in _ELEMENT.findall(call.http.body))
        return (*call.http.headers, *call.query, *elements)
    if "Action" in call.parameters:
        return (name for name, value in call.parameters.items() if value not in _NOTHING)
    try:
        return _flat("", json.loads(call.http.body or b"{}"))
    except ValueError:
        return ()


def _flat(name: str, value: Any) -> Iterator[str]:
    """Yield the names of all values in a JSON document, joined by dots as in a query."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _flat(f"{name}.{key}" if name else key, each)
    elif isinstance(value, list):
        for each in value:
            yield from _flat(name, each)
    elif value not in _NOTHING:
        yield name
