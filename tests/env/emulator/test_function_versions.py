"""Versions are published once for what they hold, and an alias leads to one."""

from __future__ import annotations

from typing import Any

import pytest
from test_functions import NAME, archive, at_rest, show
from test_support import client, fresh_account, refused


@pytest.fixture
def functions() -> Any:
    account = fresh_account()
    made = client("lambda", account)
    at_rest(made, account)
    return made


def publish(functions: Any, **more: Any) -> tuple[str, str]:
    """Publish a version, and return its number and state."""
    answer = functions.publish_version(FunctionName=NAME, **more)
    return answer["Version"], answer["State"]


def change(functions: Any, **settings: Any) -> None:
    """Change the function's settings and wait until that is done."""
    functions.update_function_configuration(FunctionName=NAME, **settings)
    states = [show(functions)["Configuration"]["LastUpdateStatus"] for _ in range(2)]
    assert states == ["InProgress", "Successful"]


def test_version_is_published_once_for_what_it_holds(functions: Any) -> None:
    change(functions, Timeout=9)
    assert [publish(functions) for _ in range(2)] == [("1", "Pending"), ("1", "Pending")]
    first = {"FunctionName": NAME, "Qualifier": "1"}
    assert [functions.get_function_configuration(**first)["State"] for _ in range(2)] == ["Pending", "Active"]
    change(functions, Timeout=9)
    assert publish(functions) == ("1", "Active")
    change(functions, Timeout=10)
    assert publish(functions)[0] == "2"
    functions.delete_function(FunctionName=NAME, Qualifier="2")
    assert publish(functions)[0] == "3"


def test_version_is_not_published_of_other_code_or_during_an_update(functions: Any) -> None:
    digest = show(functions)["Configuration"]["CodeSha256"]
    functions.update_function_code(FunctionName=NAME, ZipFile=archive("return"))
    busy = (409, "ResourceConflictException")
    assert refused(lambda: functions.publish_version(FunctionName=NAME)) == busy
    assert [show(functions)["Configuration"]["LastUpdateStatus"] for _ in range(2)][-1] == "Successful"
    other = (412, "PreconditionFailedException")
    assert refused(lambda: functions.publish_version(FunctionName=NAME, CodeSha256=digest)) == other
    assert publish(functions, CodeSha256=show(functions)["Configuration"]["CodeSha256"])[0] == "1"


def test_alias_leads_to_its_version_alone_once_its_weights_are_gone(functions: Any) -> None:
    publish(functions)
    change(functions, Timeout=9)
    publish(functions)
    alias = {"FunctionName": NAME, "Name": "live"}
    assert refused(lambda: functions.get_alias(**alias)) == (404, "ResourceNotFoundException")
    functions.create_alias(**alias, FunctionVersion="1")
    assert refused(lambda: functions.create_alias(**alias, FunctionVersion="2")) == (409, "ResourceConflictException")
    functions.update_alias(**alias, RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}})
    assert functions.get_alias(**alias)["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 0.5}}
    functions.update_alias(**alias, FunctionVersion="2", RoutingConfig={"AdditionalVersionWeights": {}})
    found = functions.get_alias(**alias)
    assert found["FunctionVersion"] == "2"
    assert not (found.get("RoutingConfig") or {}).get("AdditionalVersionWeights")
    timeouts = [
        functions.get_function_configuration(FunctionName=NAME, Qualifier=version)["Timeout"] for version in "12"
    ]
    assert timeouts == [3, 9]
    functions.delete_function(FunctionName=NAME)
    assert refused(lambda: functions.get_alias(**alias)) == (404, "ResourceNotFoundException")
