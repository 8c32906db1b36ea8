"""Puts into an account what is somebody else's: like what the controller makes, and not its own.

The tags name another cluster, and in it objects of the names that the workloads have.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

OWNER = {
    "CcagiManaged": "true",
    "ccagi:agent": "neighbour",
    "ccagi:cluster": "00000000-0000-4000-8000-000000000001",
    "ccagi:namespace": "shop",
    "ccagi:name": "network",
    "ccagi:uid": "00000000-0000-4000-8000-000000000002",
    "Name": "network",
}
TAGS = [{"Key": key, "Value": value} for key, value in OWNER.items()]
TRUST = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",'
    '"Principal":{"Service":"lambda.amazonaws.com"}}]}'
)

Call = Callable[..., dict[str, Any]]


def s3(call: Call, account: str) -> list[dict[str, Any]]:
    """Make a bucket with tags."""
    bucket = f"neighbours-{account}"
    tagging = {"TagSet": TAGS}
    return [
        call("s3", "create_bucket", Bucket=bucket),
        call("s3", "put_bucket_tagging", Bucket=bucket, Tagging=tagging),
    ]


def ec2(call: Call, account: str) -> list[dict[str, Any]]:
    """Make a network, a group in it, and an instance that nobody has tagged."""
    network = call("ec2", "create_vpc", CidrBlock="10.99.0.0/16", TagSpecifications=_tagged("vpc"))
    group = call(
        "ec2",
        "create_security_group",
        GroupName="neighbours",
        Description=f"Neighbours in {account}",
        VpcId=network["Vpc"]["VpcId"],
        TagSpecifications=_tagged("security-group"),
    )
    instance = call(
        "ec2", "run_instances", ImageId="ami-0abcdef1234567890", InstanceType="t3.micro", MinCount=1, MaxCount=1
    )
    return [network, group, instance]


def iam(call: Call, account: str) -> list[dict[str, Any]]:
    """Make a role."""
    return [call("iam", "create_role", RoleName="neighbours", AssumeRolePolicyDocument=TRUST, Tags=TAGS)]


def dynamodb(call: Call, account: str) -> list[dict[str, Any]]:
    """Make a table."""
    return [
        call(
            "dynamodb",
            "create_table",
            TableName="neighbours",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            Tags=TAGS,
        )
    ]


def rds(call: Call, account: str) -> list[dict[str, Any]]:
    """Make a database."""
    return [
        call(
            "rds",
            "create_db_instance",
            DBInstanceIdentifier="neighbours",
            DBInstanceClass="db.t4g.micro",
            Engine="postgres",
            AllocatedStorage=20,
            MasterUsername="neighbour",
            ManageMasterUserPassword=True,
            Tags=TAGS,
        )
    ]


def logs(call: Call, account: str) -> list[dict[str, Any]]:
    """Make a log group."""
    return [call("logs", "create_log_group", logGroupName="/aws/lambda/neighbours", tags=OWNER)]


def functions(call: Call, account: str) -> list[dict[str, Any]]:
    """Make a function and the role that it needs."""
    role = call("iam", "create_role", RoleName="neighbours-function", AssumeRolePolicyDocument=TRUST)
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        # The same bytes every time: AWS shows their hash.
        file = zipfile.ZipInfo("index.py", (2026, 1, 1, 0, 0, 0))
        archive.writestr(file, "def handler(event, context): return event")
    function = call(
        "lambda",
        "create_function",
        FunctionName="neighbours",
        Runtime="python3.13",
        Handler="index.handler",
        Role=role.get("Role", {}).get("Arn", ""),
        Code={"ZipFile": code.getvalue()},
        Tags=OWNER,
    )
    return [role, function]


# What AWS is still making is another thing at each look, and the emulator counts looks, not time.
SETTLES: dict[str, tuple[str, dict[str, str]]] = {
    "ec2": ("describe_instances", {}),
    "dynamodb": ("describe_table", {"TableName": "neighbours"}),
    "rds": ("describe_db_instances", {}),
    "lambda": ("get_function", {"FunctionName": "neighbours"}),
}
LOOKS_UNTIL_MADE = 3

PLANTS = {"s3": s3, "ec2": ec2, "iam": iam, "dynamodb": dynamodb, "rds": rds, "logs": logs, "lambda": functions}


def plant(call: Call, account: str, services: list[str]) -> dict[str, list[str]]:
    """Plant something of each service and wait until it is made; return the errors by service."""
    failed = {}
    for service in services:
        if service in PLANTS:
            answers = PLANTS[service](call, account)
            errors = [answer["error"] for answer in answers if "error" in answer]
            if errors:
                failed[service] = errors
        if service in SETTLES:
            operation, parameters = SETTLES[service]
            for _ in range(LOOKS_UNTIL_MADE):
                call(service, operation, **parameters)
    return failed


def _tagged(kind: str) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": TAGS}]
