"""Reads and changes AWS for the stories with another client than the controller's.

Reads lines of JSON ``{"account", "region", "service", "operation", "parameters"}`` and
answers each with a line ``{"answer": …}`` or ``{"error": code}``.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::{account}:role/Observer"
CONFIG = Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1})
_clients: dict[tuple[str, str, str], Any] = {}


def client(account: str, region: str, service: str) -> Any:
    """Return a client of the service that acts in the account."""
    key = (account, region, service)
    if key not in _clients:
        sts = boto3.client("sts", region_name=region)
        role = sts.assume_role(RoleArn=ROLE.format(account=account), RoleSessionName="observer")
        secrets = role["Credentials"]
        _clients[key] = boto3.client(
            service,
            region_name=region,
            config=CONFIG,
            aws_access_key_id=secrets["AccessKeyId"],
            aws_secret_access_key=secrets["SecretAccessKey"],
            aws_session_token=secrets["SessionToken"],
        )
    return _clients[key]


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Ask AWS one question."""
    asked = client(question["account"], question["region"], question["service"])
    try:
        found = getattr(asked, question["operation"])(**question["parameters"])
    except ClientError as error:
        return {"error": error.response["Error"]["Code"]}
    found.pop("ResponseMetadata", None)
    return {"answer": found}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line)), default=str), flush=True)
