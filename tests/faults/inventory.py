"""Lists all that an AWS account holds, with another client than the controller's.

Reads lines of JSON ``{"account", "services"}`` and answers each with one line: lists by
service and kind, each thing as AWS describes it. With ``"plant": true`` it makes things of
somebody else instead, and answers with the errors by service.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import boto3
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.session import get_session
from neighbours import plant

ROLE = "arn:aws:iam::{account}:role/Observer"
REGION = "us-east-1"
CONFIG = Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1})

Things = dict[str, list[Any]]


class Session:
    """One set of clients for all accounts: making clients takes far longer than using them."""

    def __init__(self) -> None:
        inner = get_session()
        self.credentials = Credentials("none", "none", "none")
        inner._credentials = self.credentials
        self.session = boto3.Session(botocore_session=inner, region_name=REGION)
        self.sts = boto3.Session(region_name=REGION).client("sts")
        self.clients: dict[str, Any] = {}

    def enter(self, account: str) -> None:
        """Let every further call act in the account."""
        issued = self.sts.assume_role(RoleArn=ROLE.format(account=account), RoleSessionName="inventory")
        secrets = issued["Credentials"]
        self.credentials.access_key = secrets["AccessKeyId"]
        self.credentials.secret_key = secrets["SecretAccessKey"]
        self.credentials.token = secrets["SessionToken"]

    def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Return the answer to a call, or its error code as a member of it."""
        if service not in self.clients:
            self.clients[service] = self.session.client(service, config=CONFIG)
        try:
            answer = getattr(self.clients[service], operation)(**parameters)
        except ClientError as error:
            return {"error": error.response["Error"]["Code"]}
        answer.pop("ResponseMetadata", None)
        return dict(answer)


def s3(aws: Session) -> Things:
    """Return the buckets with their settings."""
    parts = (
        "versioning",
        "tagging",
        "encryption",
        "policy",
        "lifecycle_configuration",
        "notification_configuration",
        "logging",
    )
    buckets = []
    for bucket in aws.call("s3", "list_buckets").get("Buckets", []):
        found = {part: aws.call("s3", f"get_bucket_{part}", Bucket=bucket["Name"]) for part in parts}
        found["public_access_block"] = aws.call("s3", "get_public_access_block", Bucket=bucket["Name"])
        buckets.append({"Name": bucket["Name"], **found})
    return {"Buckets": buckets}


def ec2(aws: Session) -> Things:
    """Return what EC2 holds."""
    found: Things = {}
    for operation, member in (
        ("describe_vpcs", "Vpcs"),
        ("describe_subnets", "Subnets"),
        ("describe_route_tables", "RouteTables"),
        ("describe_internet_gateways", "InternetGateways"),
        ("describe_nat_gateways", "NatGateways"),
        ("describe_addresses", "Addresses"),
        ("describe_security_groups", "SecurityGroups"),
        ("describe_security_group_rules", "SecurityGroupRules"),
        ("describe_volumes", "Volumes"),
    ):
        found[member] = aws.call("ec2", operation).get(member, [])
    reservations = aws.call("ec2", "describe_instances").get("Reservations", [])
    found["Instances"] = [instance for one in reservations for instance in one["Instances"]]
    # The network that comes with an account is AWS's own.
    for vpc in (vpc for vpc in found["Vpcs"] if not vpc["IsDefault"]):
        for attribute in ("enableDnsSupport", "enableDnsHostnames"):
            vpc[attribute] = aws.call(
                "ec2", "describe_vpc_attribute", VpcId=vpc["VpcId"], Attribute=attribute
            )
    return found


def iam(aws: Session) -> Things:
    """Return roles with their policies, and instance profiles."""
    roles = []
    for role in aws.call("iam", "list_roles").get("Roles", []):
        name = role["RoleName"]
        inline = aws.call("iam", "list_role_policies", RoleName=name).get("PolicyNames", [])
        roles.append(
            {
                **aws.call("iam", "get_role", RoleName=name),
                "inline": [aws.call("iam", "get_role_policy", RoleName=name, PolicyName=p) for p in inline],
                "attached": aws.call("iam", "list_attached_role_policies", RoleName=name),
            }
        )
    profiles = [
        aws.call("iam", "get_instance_profile", InstanceProfileName=profile["InstanceProfileName"])
        for profile in aws.call("iam", "list_instance_profiles").get("InstanceProfiles", [])
    ]
    return {"Roles": roles, "InstanceProfiles": profiles}


def functions(aws: Session) -> Things:
    """Return the functions with all that hangs on them."""
    found = []
    for function in aws.call("lambda", "list_functions").get("Functions", []):
        name = {"FunctionName": function["FunctionName"]}
        described = aws.call("lambda", "get_function", **name)
        described.pop("Code", None)
        for operation in ("get_policy", "list_versions_by_function", "list_aliases"):
            described[operation] = aws.call("lambda", operation, **name)
        found.append(described)
    return {"Functions": found}


def logs(aws: Session) -> Things:
    """Return the log groups with their tags."""
    groups = aws.call("logs", "describe_log_groups").get("logGroups", [])
    for group in groups:
        group["tags"] = aws.call("logs", "list_tags_for_resource", resourceArn=group["logGroupArn"])
    return {"LogGroups": groups}


def dynamodb(aws: Session) -> Things:
    """Return the tables with their settings."""
    tables = []
    for name in aws.call("dynamodb", "list_tables").get("TableNames", []):
        table = aws.call("dynamodb", "describe_table", TableName=name)["Table"]
        table["tags"] = aws.call("dynamodb", "list_tags_of_resource", ResourceArn=table["TableArn"])
        table["ttl"] = aws.call("dynamodb", "describe_time_to_live", TableName=name)
        table["backups"] = aws.call("dynamodb", "describe_continuous_backups", TableName=name)
        tables.append(table)
    return {"Tables": tables}


def rds(aws: Session) -> Things:
    """Return databases, subnet groups and snapshots."""
    return {
        member: aws.call("rds", operation).get(member, [])
        for operation, member in (
            ("describe_db_instances", "DBInstances"),
            ("describe_db_subnet_groups", "DBSubnetGroups"),
            ("describe_db_snapshots", "DBSnapshots"),
        )
    }


SERVICES = {
    "s3": s3,
    "ec2": ec2,
    "iam": iam,
    "lambda": functions,
    "logs": logs,
    "dynamodb": dynamodb,
    "rds": rds,
}


def look(aws: Session, services: list[str]) -> Things:
    """Return all that the account holds of these services."""
    found: Things = {}
    for service in services:
        if service in SERVICES:
            found.update(SERVICES[service](aws))
    return found


def main() -> None:
    """Answer questions until there are no more."""
    aws = Session()
    for line in sys.stdin:
        question = json.loads(line)
        aws.enter(question["account"])
        if question.get("plant"):
            errors = plant(aws.call, question["account"], question["services"])
            print(json.dumps(errors), flush=True)
            continue
        found = look(aws, question["services"])
        print(json.dumps(found, default=str), flush=True)


main()
