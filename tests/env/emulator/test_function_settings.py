"""Lambda checks runtime and role, and keeps where logs go; a log group keeps its tags for itself."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from test_functions import NAME, at_rest, create, show
from test_support import client, fresh_account, refused

INVALID = (400, "InvalidParameterValueException")


@pytest.fixture
def account() -> str:
    return fresh_account()


@pytest.fixture
def functions(account: str) -> Any:
    return client("lambda", account)


def test_runtime_and_role_have_to_be_of_use(functions: Any, account: str) -> None:
    at_rest(functions, account)

    def update(**settings: Any) -> Any:
        return functions.update_function_configuration(FunctionName=NAME, **settings)

    assert refused(lambda: update(Runtime="cobol60")) == INVALID
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
    client("iam", account).create_role(RoleName="servers", AssumeRolePolicyDocument=json.dumps(trust))
    assert refused(lambda: update(Role=f"arn:aws:iam::{account}:role/servers")) == INVALID
    assert show(functions)["Configuration"]["Role"].endswith("role/orders")


def test_logs_go_to_the_group_of_the_name_until_told_otherwise(functions: Any, account: str) -> None:
    created = create(functions, account)
    assert created["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{NAME}"}
    assert [show(functions)["Configuration"]["State"] for _ in range(2)][-1] == "Active"
    functions.update_function_configuration(FunctionName=NAME, LoggingConfig={"LogGroup": "/shop/functions"})
    assert show(functions)["Configuration"]["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": "/shop/functions"}


def test_next_log_group_of_a_name_has_no_tags(account: str) -> None:
    logs = client("logs", account)
    logs.create_log_group(logGroupName="/shop/functions", tags={"team": "web"})
    arn = logs.describe_log_groups()["logGroups"][0]["logGroupArn"]
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "web"}
    logs.delete_log_group(logGroupName="/shop/functions")
    logs.create_log_group(logGroupName="/shop/functions")
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {}


def test_the_last_change_is_told_in_milliseconds_of_utc(functions: Any, account: str) -> None:
    at_rest(functions, account)
    told = functions.list_functions()["Functions"][0]["LastModified"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000", told), told
