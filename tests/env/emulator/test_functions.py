"""Functions change in steps, and Lambda refuses what it refuses on AWS."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from test_support import client, fresh_account, refused

NAME = "orders"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


@pytest.fixture
def account() -> str:
    return fresh_account()


@pytest.fixture
def functions(account: str) -> Any:
    return client("lambda", account)


def archive(source: str) -> bytes:
    """Return a zip archive with one file."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as writer:
        writer.writestr("index.py", source)
    return packed.getvalue()


def create(functions: Any, account: str) -> Any:
    """Make a role and a function, and return what Lambda answers."""
    iam = client("iam", account)
    iam.create_role(RoleName="orders", AssumeRolePolicyDocument=json.dumps(TRUST))
    return functions.create_function(
        FunctionName=NAME,
        Role=f"arn:aws:iam::{account}:role/orders",
        Runtime="python3.13",
        Handler="index.handler",
        Code={"ZipFile": archive("pass")},
        Tags={"team": "web"},
    )


def show(functions: Any) -> dict[str, Any]:
    return functions.get_function(FunctionName=NAME)


def at_rest(functions: Any, account: str) -> None:
    """Make a function and wait until it is active."""
    create(functions, account)
    assert [show(functions)["Configuration"]["State"] for _ in range(3)] == ["Pending", "Active", "Active"]


def test_new_function_is_pending_for_one_read(functions: Any, account: str) -> None:
    assert create(functions, account)["State"] == "Pending"
    wanted = (409, "ResourceConflictException")
    assert refused(lambda: functions.update_function_configuration(FunctionName=NAME, Timeout=9)) == wanted
    shown = [show(functions) for _ in range(3)]
    assert [answer["Configuration"]["State"] for answer in shown] == ["Pending", "Active", "Active"]
    assert shown[0]["Tags"] == {"team": "web"}


def test_one_update_goes_on_at_a_time(functions: Any, account: str) -> None:
    at_rest(functions, account)
    changed = functions.update_function_configuration(FunctionName=NAME, Timeout=9)
    assert (changed["LastUpdateStatus"], changed["Timeout"]) == ("InProgress", 9)
    other = archive("return")
    wanted = (409, "ResourceConflictException")
    assert refused(lambda: functions.update_function_code(FunctionName=NAME, ZipFile=other)) == wanted
    states = [show(functions)["Configuration"]["LastUpdateStatus"] for _ in range(3)]
    assert states == ["InProgress", "Successful", "Successful"]
    before = show(functions)["Configuration"]["CodeSha256"]
    functions.update_function_code(FunctionName=NAME, ZipFile=other)
    assert show(functions)["Configuration"]["CodeSha256"] != before


def test_role_that_does_not_exist_cannot_be_assumed(functions: Any, account: str) -> None:
    def attempt() -> Any:
        return functions.create_function(
            FunctionName=NAME,
            Role=f"arn:aws:iam::{account}:role/none",
            Runtime="python3.13",
            Handler="index.handler",
            Code={"ZipFile": archive("pass")},
        )

    assert refused(attempt) == (400, "InvalidParameterValueException")


def test_statement_id_is_taken_once_and_an_account_becomes_its_root(functions: Any, account: str) -> None:
    at_rest(functions, account)

    def add(principal: str) -> Any:
        return functions.add_permission(
            FunctionName=NAME, StatementId="caller", Principal=principal, Action="lambda:InvokeFunction"
        )

    add("111122223333")
    assert refused(lambda: add("s3.amazonaws.com")) == (409, "ResourceConflictException")
    policy = json.loads(functions.get_policy(FunctionName=NAME)["Policy"])
    assert [statement["Principal"] for statement in policy["Statement"]] == [
        {"AWS": "arn:aws:iam::111122223333:root"}
    ]
    functions.remove_permission(FunctionName=NAME, StatementId="caller")
    gone = refused(lambda: functions.get_policy(FunctionName=NAME))
    assert gone == (404, "ResourceNotFoundException")


def test_reservation_of_nothing_is_shown(functions: Any, account: str) -> None:
    at_rest(functions, account)
    assert "Concurrency" not in show(functions)
    functions.put_function_concurrency(FunctionName=NAME, ReservedConcurrentExecutions=0)
    assert show(functions)["Concurrency"] == {"ReservedConcurrentExecutions": 0}


def test_s3_takes_a_function_only_when_it_may_invoke_it(functions: Any, account: str) -> None:
    arn = create(functions, account)["FunctionArn"]
    s3, bucket = client("s3", account), f"bucket-{account}"
    s3.create_bucket(Bucket=bucket)
    told = {"Id": "uploads", "LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}
    wanted = {"LambdaFunctionConfigurations": [told]}

    def put() -> Any:
        return s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=wanted)

    assert refused(put) == (400, "InvalidArgument")
    permission = {"StatementId": "uploads", "Principal": "s3.amazonaws.com", "Action": "lambda:InvokeFunction"}
    functions.add_permission(FunctionName=NAME, SourceArn=f"arn:aws:s3:::{bucket}-other", **permission)
    assert refused(put) == (400, "InvalidArgument")
    functions.remove_permission(FunctionName=NAME, StatementId="uploads")
    functions.add_permission(FunctionName=NAME, SourceArn=f"arn:aws:s3:::{bucket}", **permission)
    put()
    assert s3.get_bucket_notification_configuration(Bucket=bucket)["LambdaFunctionConfigurations"] == [told]
