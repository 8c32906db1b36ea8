"""What the emulator's tests share: clients of fresh accounts, and the admin interface."""

from __future__ import annotations

import itertools
import json
import os
import random
import urllib.request
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = os.environ["AWS_ENDPOINT_URL"]
REGION = "us-east-1"
# A public Amazon Linux image that the emulator knows in every account of us-east-1.
IMAGE = "ami-0abcdef1234567890"
_accounts = itertools.count(random.randrange(10**11, 9 * 10**11))


def fresh_account() -> str:
    """Return an account id that no other test uses."""
    return f"{next(_accounts):012d}"


def client(
    service: str, account: str | None = None, region: str = REGION, role: str = "Tester", **more: Any
) -> Any:
    """Return a boto3 client that acts in an account, through an assumed role."""
    keys: dict[str, str] = {}
    if account:
        arn = f"arn:aws:iam::{account}:role/{role}"
        issued = client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        keys = {
            "aws_access_key_id": issued["AccessKeyId"],
            "aws_secret_access_key": issued["SecretAccessKey"],
            "aws_session_token": issued["SessionToken"],
        }
    config = Config(retries={"total_max_attempts": 1}, **more)
    return boto3.client(service, endpoint_url=ENDPOINT, region_name=region, config=config, **keys)


def refused(call: Callable[[], Any]) -> tuple[int, str]:
    """Return status and error code of a call that must fail with a request id."""
    with pytest.raises(ClientError) as caught:
        call()
    response = caught.value.response
    assert response["ResponseMetadata"]["RequestId"]
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


def admin(method: str, path: str, body: Any = None) -> Any:
    """Ask the emulator's admin interface."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{ENDPOINT}/_emulator/{path}", data=data, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)
