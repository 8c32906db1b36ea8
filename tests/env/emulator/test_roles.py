"""An assumed role acts in its account, and some roles refuse."""

from __future__ import annotations

from typing import Any

from test_support import client, fresh_account, refused


def assume(role: str, **more: Any) -> Any:
    arn = f"arn:aws:iam::{fresh_account()}:role/{role}"
    return client("sts").assume_role(RoleArn=arn, RoleSessionName="test", **more)


def test_identity_is_that_of_the_role() -> None:
    account = fresh_account()
    identity = client("sts", account).get_caller_identity()
    assert identity["Account"] == account
    assert identity["Arn"] == f"arn:aws:sts::{account}:assumed-role/Tester/test"


def test_keys_of_no_role_act_in_the_default_account() -> None:
    assert client("sts").get_caller_identity()["Account"] == "123456789012"


def test_denied_role_lets_nobody_in() -> None:
    assert refused(lambda: assume("DeniedRole")) == (403, "AccessDenied")


def test_external_id_is_demanded() -> None:
    role = "ReaderRequiresExternalId-shop-7f3a"
    assert refused(lambda: assume(role)) == (403, "AccessDenied")
    assert refused(lambda: assume(role, ExternalId="other")) == (403, "AccessDenied")
    assert assume(role, ExternalId="shop-7f3a")["Credentials"]["AccessKeyId"]
