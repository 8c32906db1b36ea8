"""Hands a call to moto, which keeps the state of all accounts in this process.

moto's own server finds the handler of a request by trying hundreds of patterns, and
builds Flask's objects around it. The services that have one handler for all go straight
to it, and so do those that the load tests use; all others take moto's way.
"""

from __future__ import annotations

import io
import sys
import traceback
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError, UnknownServiceError
from moto.core.base_backend import BackendDict, backend_lock
from moto.core.request import Request, environ_key_for_header
from moto.core.routing import NotFound, get_service_router
from moto.dynamodb.responses import DynamoHandler
from moto.ec2.responses import EC2Response
from moto.iam.responses import IamResponse
from moto.logs.responses import LogsResponse
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.rds.responses import RDSResponse
from moto.s3.responses import S3Response
from moto.sts.responses import TokenResponse
from werkzeug.exceptions import HTTPException

import wire
from calls import Call
from messages import Answer


class ServerRequest(Request):
    """A request that arrived at a server, which writes the Date header itself."""

    from_wsgi_server = True


# Services whose requests are signed under another name than their model has.
MODELS = {"elasticfilesystem": "efs"}
HANDLERS = {
    "ec2": EC2Response.dispatch,
    "iam": IamResponse.dispatch,
    "logs": LogsResponse.dispatch,
    "rds": RDSResponse.dispatch,
    "sts": TokenResponse.dispatch,
}
FULL_SERVER = DomainDispatcherApplication(create_backend_app)


def forget(account: str) -> None:
    """Drop all that an account holds."""
    with backend_lock:
        for accounts in BackendDict._instances:
            accounts.pop(account, None)


def answer(call: Call) -> Answer:
    """Return moto's answer to a call."""
    try:
        handler = _handler(call)
        return _direct(call, handler) if handler else _through_flask(call)
    except HTTPException as error:
        response = error.get_response()
        headers = {name.lower(): value for name, value in response.headers.items()}
        headers.pop("content-length", None)
        return Answer(response.status_code or 500, headers, response.get_data())
    except Exception:
        # moto does not know something: the log shows what, the client sees AWS fail.
        print(f"{call.service}:{call.operation} failed inside moto", file=sys.stderr)
        traceback.print_exc()
        return wire.error(call, *wire.words(wire.BROKEN, call))


def rest_operation(call: Call) -> str:
    """Return the operation that method and path name, by the service's own model."""
    name = MODELS.get(call.service, call.service)
    if name == "apigateway" and call.path.startswith("/v2/"):
        name = "apigatewayv2"
    try:
        operation, _ = get_service_router(name).match(ServerRequest(_environ(call)))
        return operation.name
    except (NotFound, UnknownServiceError, HTTPException):
        return f"{call.http.method} {call.path}"


def _handler(call: Call) -> Callable[..., Any] | None:
    """Return the function of moto that answers a call, None if only moto's router knows."""
    if call.service in HANDLERS:
        return HANDLERS[call.service]
    if call.service == "dynamodb" and "DynamoDB_20120810" in call.http.headers.get("x-amz-target", ""):
        return DynamoHandler.dispatch
    if call.service == "s3" and call.access_key and not call.path.startswith("/v20180820/"):
        bucket, _, key = call.path.lstrip("/").partition("/")
        if key:
            return S3Response.key_dispatch
        return S3Response.ambiguous_dispatch if bucket else S3Response.bucket_dispatch
    return None


def _direct(call: Call, handler: Callable[..., Any]) -> Answer:
    request = ServerRequest(_environ(call))
    try:
        result = handler(request, request.raw_url, dict(request.headers))
    except ClientError as error:
        result = 400, {}, error.response["Error"]["Message"]
    status, headers, content = result if len(result) == 3 else (200, {}, result)
    body = content.encode() if isinstance(content, str) else bytes(content or b"")
    lowered = {name.lower(): str(value) for name, value in headers.items()}
    lowered.pop("status", None)
    if call.http.method != "HEAD":
        lowered.pop("content-length", None)
    return Answer(int(status), lowered, body)


def _through_flask(call: Call) -> Answer:
    started: list[Any] = []
    chunks = FULL_SERVER(_environ(call), lambda status, headers, *_: started.extend([status, headers]))
    body = b"".join(chunks)
    headers = {name.lower(): value for name, value in started[1]}
    headers.pop("content-length", None)
    headers.pop("date", None)
    return Answer(int(started[0].split(" ", 1)[0]), headers, body)


def _environ(call: Call) -> dict[str, Any]:
    http = call.http
    query = http.target.partition("?")[2]
    environ: dict[str, Any] = {
        "REQUEST_METHOD": http.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": call.path.encode().decode("latin-1"),
        "QUERY_STRING": query,
        "RAW_URI": http.target,
        "REQUEST_URI": http.target,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": str(len(http.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(http.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in http.headers.items():
        if name not in ("content-length", "transfer-encoding", "expect"):
            environ[environ_key_for_header(name)] = value
    return environ
