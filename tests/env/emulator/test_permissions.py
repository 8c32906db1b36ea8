"""A role that is held to a policy may do what the policy allows, and the journal tells what it used."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError

import pytest
from botocore.exceptions import ClientError
from test_functions import TRUST, archive
from test_support import IMAGE, admin, client, fresh_account, refused

OWNER = {"Key": "owner", "Value": "us"}
OURS = {"StringEquals": {"aws:ResourceTag/owner": "us"}}
TABLE = {
    "TableName": "orders",
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}


@pytest.fixture
def account() -> Any:
    account = fresh_account()
    yield account
    admin("DELETE", f"permissions?account={account}")


def allowing(*actions: str, **more: Any) -> dict[str, Any]:
    """Return a statement that allows the actions on everything."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": "*", **more}


def hold(account: str, *statements: dict[str, Any]) -> None:
    """Hold the tests' role in the account to the statements."""
    policy = {"Version": "2012-10-17", "Statement": list(statements)}
    admin("PUT", "permissions", {"account": account, "role": "Tester", "policy": policy})


def denied(account: str, call: Callable[[], Any], *statements: dict[str, Any]) -> str:
    """Return the action that a call is denied under the statements, empty if it is let through."""
    hold(account, *statements)
    try:
        call()
        return ""
    except ClientError as error:
        message = error.response["Error"]["Message"]
        assert "is not authorized to perform: " in message, message
        return message.partition("is not authorized to perform: ")[2].partition(" ")[0]
    finally:
        admin("DELETE", f"permissions?account={account}")


def test_without_a_policy_nobody_is_held_to_anything(account: str) -> None:
    client("s3", account).list_buckets()
    hold(account, allowing("s3:ListAllMyBuckets"))
    assert refused(client("ec2", account).describe_vpcs)[1] == "UnauthorizedOperation"
    client("ec2", account, role="Observer").describe_vpcs()
    client("ec2", fresh_account()).describe_vpcs()
    client("sts", account).get_caller_identity()
    admin("DELETE", f"permissions?account={account}")
    client("ec2", account).describe_vpcs()


def test_refusal_names_the_action_in_the_words_of_the_service(account: str) -> None:
    hold(account, allowing("s3:CreateBucket", "s3:Get*"))
    s3, bucket = client("s3", account), str(uuid.uuid4())
    s3.create_bucket(Bucket=bucket)
    s3.get_bucket_versioning(Bucket=bucket)
    with pytest.raises(ClientError) as caught:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    error = caught.value.response["Error"]
    assert error["Code"] == "AccessDenied"
    assert error["Message"].startswith(
        f"User: arn:aws:sts::{account}:assumed-role/Tester/test is not authorized to perform: "
        f"s3:PutBucketVersioning on resource: arn:aws:s3:::{bucket}"
    )
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    assert refused(client("dynamodb", account).list_tables) == (400, "AccessDeniedException")
    assert refused(client("iam", account).list_roles) == (403, "AccessDenied")


def test_used_actions_are_listed_without_the_denied_ones(account: str) -> None:
    hold(account, allowing("s3:CreateBucket", "s3:ListBucketVersions"))
    s3, bucket = client("s3", account), str(uuid.uuid4())
    s3.create_bucket(Bucket=bucket)
    s3.list_object_versions(Bucket=bucket)
    refused(lambda: s3.get_bucket_encryption(Bucket=bucket))
    client("ec2", account, role="Observer").describe_vpcs()
    client("sts", account).get_caller_identity()
    used = ["s3:CreateBucket", "s3:ListBucketVersions"]
    assert admin("GET", f"actions?account={account}&role=Tester")["actions"] == used
    assert admin("GET", f"actions?account={account}")["actions"] == ["ec2:DescribeVpcs", *used]
    assert {"ec2:DescribeVpcs", *used} <= set(admin("GET", "actions")["actions"])
    entries = admin("GET", f"journal?account={account}")["entries"]
    shown = [(e["role"], e["actions"], e["denied"], e["code"]) for e in entries]
    assert shown == [
        ("Tester", ["s3:CreateBucket"], "", ""),
        ("Tester", ["s3:ListBucketVersions"], "", ""),
        ("Tester", ["s3:GetEncryptionConfiguration"], "s3:GetEncryptionConfiguration", "AccessDenied"),
        ("Observer", ["ec2:DescribeVpcs"], "", ""),
        ("Tester", [], "", ""),
    ]


def test_an_account_that_is_forgotten_holds_nothing_and_its_actions_stay_used() -> None:
    account = fresh_account()
    role = f"Forgotten{account}"
    ec2 = client("ec2", account, role=role)
    own = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    assert admin("DELETE", f"account?account={account}") == {}
    assert admin("GET", f"journal?account={account}")["entries"] == []
    assert admin("GET", f"actions?role={role}")["actions"] == ["ec2:CreateVpc"]
    vpcs = client("ec2", account).describe_vpcs()["Vpcs"]
    assert own not in {vpc["VpcId"] for vpc in vpcs}


def test_tags_and_settings_in_a_creation_need_actions_of_their_own(account: str) -> None:
    s3, ec2, tables = (client(each, account) for each in ("s3", "ec2", "dynamodb"))
    tags = {"CreateBucketConfiguration": {"Tags": [OWNER]}, "ObjectOwnership": "ObjectWriter"}
    vpc = {"TagSpecifications": [{"ResourceType": "vpc", "Tags": [OWNER]}]}
    create = allowing("s3:CreateBucket", "ec2:CreateVpc", "dynamodb:CreateTable")
    rest = allowing("s3:TagResource", "s3:PutBucketOwnershipControls", "ec2:CreateTags", "dynamodb:TagResource")
    for call, missing in {
        lambda: s3.create_bucket(Bucket=str(uuid.uuid4()), **tags): "s3:TagResource",
        lambda: ec2.create_vpc(CidrBlock="10.0.0.0/16", **vpc): "ec2:CreateTags",
        lambda: tables.create_table(**TABLE, Tags=[OWNER]): "dynamodb:TagResource",
    }.items():
        assert denied(account, call, create) == missing
        assert denied(account, call, create, rest) == ""
    assert denied(account, lambda: ec2.create_vpc(CidrBlock="10.1.0.0/16"), create) == ""


def test_function_needs_the_role_passed_and_the_network_read(account: str) -> None:
    client("iam", account).create_role(RoleName="orders", AssumeRolePolicyDocument=json.dumps(TRUST))
    functions = client("lambda", account)
    wanted = {
        "FunctionName": "orders",
        "Role": f"arn:aws:iam::{account}:role/orders",
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Code": {"ZipFile": archive("pass")},
    }
    inside = {"VpcConfig": {"SubnetIds": ["subnet-0123456789abcdef0"], "SecurityGroupIds": []}}
    create, to = allowing("lambda:CreateFunction", "lambda:TagResource"), "iam:PassedToService"
    passing = [
        allowing("iam:PassRole", Condition={"StringEquals": {to: f"{name}.amazonaws.com"}})
        for name in ("ec2", "lambda")
    ]

    def creation(**more: Any) -> Callable[[], Any]:
        return lambda: functions.create_function(**wanted, **more)

    assert denied(account, creation(), create) == "iam:PassRole"
    assert denied(account, creation(), create, passing[0]) == "iam:PassRole"
    assert denied(account, creation(**inside), create, passing[1]) == "ec2:DescribeSecurityGroups"
    assert denied(account, creation(Tags={"owner": "us"}), create, passing[1]) == ""

    def read() -> None:
        functions.get_function(FunctionName="orders")

    assert denied(account, read, allowing("lambda:GetFunction")) == "lambda:ListTags"
    assert denied(account, read, allowing("lambda:GetFunction", "lambda:ListTags", Condition=OURS)) == ""
    read()
    leave = {"FunctionName": "orders", "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []}}
    change = allowing("lambda:UpdateFunctionConfiguration")
    assert denied(account, lambda: functions.update_function_configuration(**leave), change) == ""


def test_database_needs_what_makes_its_password(account: str) -> None:
    databases = client("rds", account)
    wanted = {
        "DBInstanceIdentifier": "orders",
        "Engine": "postgres",
        "DBInstanceClass": "db.t4g.micro",
        "AllocatedStorage": 20,
        "MasterUsername": "shop",
        "ManageMasterUserPassword": True,
        "Tags": [OWNER],
    }
    secret = allowing("secretsmanager:*", "kms:DescribeKey")
    create = allowing("rds:CreateDBInstance")
    tag = allowing("rds:AddTagsToResource")
    assert denied(account, lambda: databases.create_db_instance(**wanted), create) == "rds:AddTagsToResource"
    assert denied(account, lambda: databases.create_db_instance(**wanted), create, tag) == "kms:DescribeKey"
    assert denied(account, lambda: databases.create_db_instance(**wanted), create, tag, secret) == ""
    arn = f"arn:aws:rds:us-east-1:{account}:db:orders"
    remove = allowing("rds:RemoveTagsFromResource", Condition=OURS)
    for expected in ("", "rds:RemoveTagsFromResource"):
        call = {"ResourceName": arn, "TagKeys": ["owner"]}
        assert denied(account, lambda call=call: databases.remove_tags_from_resource(**call), remove) == expected


def test_condition_on_tags_holds_only_where_every_resource_has_them(account: str) -> None:
    ec2 = client("ec2", account)
    ours, theirs = (ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"] for _ in range(2))
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.create_tags(Resources=[ours], Tags=[OWNER])
    on_ours = allowing("ec2:*", Condition=OURS)

    def attach() -> None:
        ec2.attach_internet_gateway(VpcId=ours, InternetGatewayId=gateway)

    assert denied(account, attach, on_ours) == "ec2:AttachInternetGateway"
    ec2.create_tags(Resources=[gateway], Tags=[OWNER])
    assert denied(account, attach, on_ours) == ""
    assert denied(account, lambda: ec2.delete_vpc(VpcId=theirs), on_ours) == "ec2:DeleteVpc"
    assert denied(account, lambda: ec2.create_vpc(CidrBlock="10.1.0.0/16"), on_ours) == "ec2:CreateVpc"
    assert denied(account, ec2.describe_vpcs, on_ours) == "ec2:DescribeVpcs"
    both = {"Resources": [ours, theirs], "Tags": [{"Key": "team", "Value": "web"}]}
    assert denied(account, lambda: ec2.create_tags(**both), on_ours) == "ec2:CreateTags"


def test_subnet_goes_over_to_a_route_table_of_ours(account: str) -> None:
    ec2 = client("ec2", account)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    ours, theirs = (ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"] for _ in range(2))
    ec2.create_tags(Resources=[ours], Tags=[OWNER])
    association = ec2.associate_route_table(RouteTableId=theirs, SubnetId=subnet)["AssociationId"]
    replace = allowing("ec2:ReplaceRouteTableAssociation", Condition=OURS)

    def replacement(table: str) -> Callable[[], Any]:
        return lambda: ec2.replace_route_table_association(AssociationId=association, RouteTableId=table)

    assert denied(account, replacement(theirs), replace) == "ec2:ReplaceRouteTableAssociation"
    assert denied(account, replacement(ours), replace) == ""


def test_group_of_others_may_be_named_in_a_rule_of_ours(account: str) -> None:
    ec2 = client("ec2", account)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ours, theirs = (
        ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]
        for name in ("web", "db")
    )
    ec2.create_tags(Resources=[ours], Tags=[OWNER])
    on_ours = allowing("ec2:AuthorizeSecurityGroupIngress", Condition=OURS)

    def authorize(group: str, source: str) -> Callable[[], Any]:
        rule = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "UserIdGroupPairs": [{"GroupId": source}]}
        return lambda: ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])

    assert denied(account, authorize(ours, theirs), on_ours) == ""
    assert denied(account, authorize(theirs, ours), on_ours) == "ec2:AuthorizeSecurityGroupIngress"


def test_profile_of_an_instance_is_replaced_where_the_instance_is_ours(account: str) -> None:
    ec2, iam = client("ec2", account), client("iam", account)
    for name in ("web", "shop"):
        iam.create_instance_profile(InstanceProfileName=name)
    launched = ec2.run_instances(ImageId=IMAGE, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    profile = {"InstanceId": launched, "IamInstanceProfile": {"Name": "web"}}
    association = ec2.associate_iam_instance_profile(**profile)["IamInstanceProfileAssociation"]
    replace = allowing("ec2:ReplaceIamInstanceProfileAssociation", Condition=OURS)

    def replacement() -> None:
        ec2.replace_iam_instance_profile_association(
            IamInstanceProfile={"Name": "shop"}, AssociationId=association["AssociationId"]
        )

    missing = "ec2:ReplaceIamInstanceProfileAssociation"
    assert denied(account, replacement, replace, allowing("iam:PassRole")) == missing
    ec2.create_tags(Resources=[launched], Tags=[OWNER])
    assert denied(account, replacement, replace) == "iam:PassRole"
    assert denied(account, replacement, replace, allowing("iam:PassRole")) == ""


def test_roles_profiles_and_tables_are_known_by_their_tags(account: str) -> None:
    iam, tables = client("iam", account), client("dynamodb", account)
    trust = {"AssumeRolePolicyDocument": json.dumps(TRUST)}
    iam.create_role(RoleName="ours", Tags=[OWNER], **trust)
    iam.create_role(RoleName="theirs", **trust)
    iam.create_instance_profile(InstanceProfileName="ours", Tags=[OWNER])
    tables.create_table(**TABLE, Tags=[OWNER])
    for _ in range(2):
        tables.describe_table(TableName="orders")
    on_ours = allowing("iam:DeleteRole", "iam:AddRoleToInstanceProfile", "dynamodb:DeleteTable", Condition=OURS)
    add = {"InstanceProfileName": "ours", "RoleName": "theirs"}
    assert denied(account, lambda: iam.delete_role(RoleName="theirs"), on_ours) == "iam:DeleteRole"
    assert denied(account, lambda: iam.delete_role(RoleName="gone"), on_ours) == "iam:DeleteRole"
    assert denied(account, lambda: iam.delete_role(RoleName="ours"), on_ours) == ""
    assert denied(account, lambda: iam.add_role_to_instance_profile(**add), on_ours) == "iam:PassRole"
    passing = allowing("iam:PassRole", Condition={"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}})
    assert denied(account, lambda: iam.add_role_to_instance_profile(**add), on_ours, passing) == ""
    assert denied(account, lambda: tables.delete_table(TableName="others"), on_ours) == "dynamodb:DeleteTable"
    assert denied(account, lambda: tables.delete_table(TableName="orders"), on_ours) == ""


@pytest.mark.parametrize(
    "changed",
    [
        {"Condition": {"StringLike": {"aws:ResourceTag/owner": "*"}}},
        {"Condition": {"StringEquals": {"aws:RequestTag/owner": "us"}}},
        {"Condition": {"StringEquals": {"aws:ResourceTag/": "us"}}},
        {"Condition": {"StringEquals": {"aws:ResourceTag/owner": []}}},
        {"Resource": "arn:aws:s3:::shop"},
        {"Action": []},
        {"Action": "ListBuckets"},
        {"NotAction": "s3:*"},
    ],
)
def test_policy_that_would_not_be_carried_out_is_refused(account: str, changed: dict[str, Any]) -> None:
    with pytest.raises(HTTPError) as caught:
        hold(account, {**allowing("s3:*"), **changed})
    assert caught.value.code == 400
    assert json.load(caught.value)["error"]
    client("s3", account).list_buckets()


def denying(*actions: str, roles: list[str]) -> dict[str, Any]:
    """Return a statement that denies the actions on these roles."""
    return {"Effect": "Deny", "Action": list(actions), "Resource": roles}


def test_what_is_denied_on_a_role_is_so_whatever_else_is_allowed(account: str) -> None:
    iam = client("iam", account)
    trust = {"AssumeRolePolicyDocument": json.dumps(TRUST)}
    for name in ("app", "own"):
        iam.create_role(RoleName=name, **trust)
    own = f"arn:aws:iam::{account}:role/own"
    allow, deny = allowing("iam:*"), denying("iam:UpdateRole", "iam:PassRole", roles=[own])
    assert denied(account, lambda: iam.update_role(RoleName="own"), allow, deny) == "iam:UpdateRole"
    assert denied(account, lambda: iam.update_role(RoleName="app"), allow, deny) == ""
    iam.create_instance_profile(InstanceProfileName="profile")
    add = {"InstanceProfileName": "profile", "RoleName": "own"}
    assert denied(account, lambda: iam.add_role_to_instance_profile(**add), allow, deny) == "iam:PassRole"
    iam.add_role_to_instance_profile(**add)
    run = {"ImageId": IMAGE, "MinCount": 1, "MaxCount": 1, "IamInstanceProfile": {"Name": "profile"}}
    launch = lambda: client("ec2", account).run_instances(**run)  # noqa: E731
    assert denied(account, launch, allowing("ec2:*", "iam:PassRole"), deny) == "iam:PassRole"
    passing = {**allowing("iam:PassRole"), "Resource": [f"arn:aws:iam::{account}:role/app-*"]}
    assert denied(account, launch, allowing("ec2:*"), passing) == "iam:PassRole"


def test_role_needs_the_boundary_that_a_condition_asks_for(account: str) -> None:
    iam = client("iam", account)
    trust = {"AssumeRolePolicyDocument": json.dumps(TRUST)}
    read = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [read]})
    boundary = iam.create_policy(PolicyName="Bounds", PolicyDocument=document)["Policy"]["Arn"]
    actions = ("iam:CreateRole", "iam:PutRolePolicy")
    bounded = allowing(*actions, Condition={"StringEquals": {"iam:PermissionsBoundary": boundary}})
    assert denied(account, lambda: iam.create_role(RoleName="free", **trust), bounded) == "iam:CreateRole"
    bound = {"RoleName": "bound", "PermissionsBoundary": boundary, **trust}
    assert denied(account, lambda: iam.create_role(**bound), bounded) == ""
    iam.create_role(RoleName="free", **trust)
    for name, missing in (("bound", ""), ("free", "iam:PutRolePolicy")):
        put = lambda: iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document)  # noqa: B023, E731
        assert denied(account, put, bounded) == missing
