"""Reads which AWS operation an HTTP request is, of which account, on what."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

from messages import HttpRequest
from s3_operations import s3_operation

DEFAULT_ACCOUNT = "123456789012"
DEFAULT_REGION = "us-east-1"
# What names the resource of a call, in the order of preference.
RESOURCE_PARAMETERS = (
    "ClientToken",
    "InstanceId",
    "InstanceId.1",
    "ResourceId.1",
    "TableName",
    "ResourceArn",
    "RoleArn",
    "Filter.1.Value.1",
)


@dataclass(slots=True)
class Call:
    """One request to AWS."""

    http: HttpRequest
    service: str
    region: str
    account: str
    operation: str
    resource: str
    access_key: str
    path: str
    query: dict[str, str]
    parameters: dict[str, str] = field(default_factory=dict)
    request_id: str = ""
    # The ARN of the assumed role that signed the request; empty for all other credentials.
    caller: str = ""
    # The IAM actions that the request needs, and which of them a policy denies.
    actions: tuple[str, ...] = ()
    denied: str = ""

    @property
    def role(self) -> str:
        """The name of the assumed role that signed the request, empty if there is none."""
        return self.caller.split("/")[1] if self.caller else ""


class Accounts:
    """Knows which account an access key acts in.

    Keys that AssumeRole issued act in the role's account, all others in the default one:
    https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    """

    def __init__(self) -> None:
        self.by_key: dict[str, str] = {}
        self.assumed_roles: dict[str, str] = {}

    def of(self, access_key: str) -> str:
        """Return the account of an access key."""
        return self.by_key.get(access_key, DEFAULT_ACCOUNT)

    def caller(self, access_key: str) -> str:
        """Return the ARN of the assumed role that an access key was issued for, empty if none was."""
        return self.assumed_roles.get(access_key, "")


def read_call(http: HttpRequest, accounts: Accounts) -> Call:
    """Return the AWS call that an HTTP request makes.

    The operation stays empty if only the service's own URL patterns tell it.
    """
    path, _, query_text = http.target.partition("?")
    query = dict(parse_qsl(query_text, keep_blank_values=True)) if query_text else {}
    access_key, region, service = _credential(http, query)
    call = Call(
        http=http,
        service=service,
        region=region,
        account=accounts.of(access_key),
        operation="",
        resource="",
        access_key=access_key,
        path=unquote(path),
        query=query,
        caller=accounts.caller(access_key),
    )
    if service == "s3":
        call.operation, call.resource = s3_operation(http.method, call.path, query, http.headers)
    elif "x-amz-target" in http.headers:
        call.operation = http.headers["x-amz-target"].rpartition(".")[2]
        call.parameters = _json_strings(http.body)
    else:
        call.parameters = _form(http, query)
        call.operation = call.parameters.get("Action", "")
    if not call.resource:
        found = (call.parameters.get(name) for name in RESOURCE_PARAMETERS)
        call.resource = next((value for value in found if value), "")
    return call


def _credential(http: HttpRequest, query: dict[str, str]) -> tuple[str, str, str]:
    """Return access key, region and service from the signature.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-signing-elements.html
    """
    header = http.headers.get("authorization", "")
    start = header.find("Credential=")
    if start >= 0:
        scope = header[start + 11 :].split(",", 1)[0].split(" ", 1)[0]
    else:
        scope = query.get("X-Amz-Credential", "")
    parts = scope.split("/")
    if len(parts) == 5:
        return parts[0], parts[2], parts[3].lower()
    return "", DEFAULT_REGION, "s3"


def _form(http: HttpRequest, query: dict[str, str]) -> dict[str, str]:
    if http.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(http.body.decode("utf-8", "replace"), keep_blank_values=True))
    return query


def _json_strings(body: bytes) -> dict[str, str]:
    """Return the top-level strings of a JSON body: enough to name the resource."""
    try:
        content = json.loads(body or b"{}")
    except ValueError:
        return {}
    return {key: value for key, value in content.items() if isinstance(value, str)}
