"""What EC2 does when flow logs are made, and moto does not.

- a token stands for what the first request made, even where that has been deleted since
  (moto ignores the token):
  https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
- a bucket of the caller's whose policy does not let EC2 write gets EC2's, in place of the one it has:
  https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-permissions.html
  (callers are taken to be allowed to; moto makes the flow logs and leaves the bucket alone)
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.responses.flow_logs import FlowLogs
from moto.s3.models import s3_backends

from client_token import parameters

WRITER = "delivery.logs.amazonaws.com"


@dataclass(frozen=True)
class Request:
    """A request that a token stands for."""

    parameters: tuple[tuple[str, str], ...]
    answer: dict[str, Any]


def install() -> None:
    """Make CreateFlowLogs honour its token, and let it see to the bucket's policy."""
    original = FlowLogs.create_flow_logs

    def create_flow_logs(self: FlowLogs) -> ActionResult:
        token, given = self._get_param("ClientToken"), parameters(self)
        requests: dict[str, Request] = self.ec2_backend.__dict__.setdefault("flow_log_requests", {})
        known = requests.get(token)
        if known and known.parameters != given:
            raise EC2ClientError(
                "IdempotentParameterMismatch",
                "The request uses the same client token as a previous, but non-identical request.",
            )
        if known:
            return ActionResult(known.answer)
        answer = original(self).result
        if answer["FlowLogIds"]:
            _let_write(self)
            if token:
                requests[token] = Request(given, answer)
        return ActionResult(answer)

    FlowLogs.create_flow_logs = create_flow_logs


def _let_write(response: FlowLogs) -> None:
    backend = response.ec2_backend
    if response._get_param("LogDestinationType") != "s3":
        return
    arn = response._get_param("LogDestination")
    buckets = s3_backends[backend.account_id][backend.partition].buckets
    bucket = buckets.get(arn.rpartition(":")[2].partition("/")[0])
    if bucket and WRITER not in (bucket.policy or b"").decode():
        bucket.policy = json.dumps(_policy(bucket.arn)).encode()


def _policy(arn: str) -> dict[str, Any]:
    principal = {"Service": WRITER}
    write = {"Sid": "AWSLogDeliveryWrite", "Action": "s3:PutObject", "Resource": f"{arn}/*"}
    check = {"Sid": "AWSLogDeliveryAclCheck", "Action": "s3:GetBucketAcl", "Resource": arn}
    statements = [{"Effect": "Allow", "Principal": principal, **each} for each in (write, check)]
    return {"Version": "2012-10-17", "Statement": statements}
