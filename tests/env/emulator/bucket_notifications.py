"""S3 asks a function's policy before it takes it as a destination; moto takes any ARN.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html
(Amazon S3 must be permitted to invoke the function: lambda:InvokeFunction for s3.amazonaws.com)
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from moto.awslambda.models import lambda_backends

import wire
from calls import Call
from messages import Answer

_FUNCTION = re.compile(r"<CloudFunction>([^<]+)</CloudFunction>")


def answer(call: Call, proceed: Callable[[Call], Answer]) -> Answer:
    """Refuse a destination that S3 may not invoke."""
    if call.operation == "PutBucketNotificationConfiguration":
        body = call.http.body.decode("utf-8", "replace")
        for function in _FUNCTION.findall(body):
            if not _may_invoke(f"arn:aws:s3:::{call.resource}", function):
                message = "Unable to validate the following destination configurations"
                return wire.error(call, "InvalidArgument", 400, message)
    return proceed(call)


def _may_invoke(bucket: str, arn: str) -> bool:
    _, _, _, region, account, _, name, *_ = arn.split(":")
    functions = lambda_backends[account][region]._lambdas.list_versions_by_function(name)
    statements = [statement for one in functions if one.policy for statement in one.policy.statements]
    return any(_allows(statement, bucket) for statement in statements)


def _allows(statement: dict[str, Any], bucket: str) -> bool:
    source = statement.get("Condition", {}).get("ArnLike", {}).get("AWS:SourceArn", "*")
    return (
        statement.get("Principal") in ("*", {"Service": "s3.amazonaws.com"})
        and fnmatchcase("lambda:InvokeFunction", statement.get("Action", ""))
        and fnmatchcase(bucket, source)
    )
