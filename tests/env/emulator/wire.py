"""Errors as the services write them, and what every answer of AWS carries.

EC2: https://docs.aws.amazon.com/ec2/latest/devguide/errors-overview.html
S3: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
STS: https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
DynamoDB: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
"""

from __future__ import annotations

import json
import re
from xml.sax.saxutils import escape

from calls import Call
from messages import Answer

# A service's own words for "slow down", "you may not" and "we are broken".
THROTTLED = {
    "ec2": ("RequestLimitExceeded", 503, "Request limit exceeded."),
    "s3": ("SlowDown", 503, "Please reduce your request rate."),
    "": ("ThrottlingException", 400, "Rate of requests exceeds the allowed throughput."),
    "query": ("Throttling", 400, "Rate exceeded"),
}
DENIED = {
    "ec2": ("UnauthorizedOperation", 403, "You are not authorized to perform this operation."),
    "s3": ("AccessDenied", 403, "Access Denied"),
    "query": ("AccessDenied", 403, "The caller is not authorized to perform this operation."),
    "": ("AccessDeniedException", 400, "The caller is not authorized to perform this operation."),
}
BROKEN = {
    "ec2": ("InternalError", 500, "An internal error has occurred."),
    "s3": ("InternalError", 500, "We encountered an internal error. Please try again."),
    "query": ("InternalFailure", 500, "The request processing has failed because of an error."),
    "": ("InternalServerError", 500, "The request could not be processed by an internal error."),
}

# All others that have no Action parameter speak JSON.
REST_XML = ("route53", "cloudfront")

_REQUEST_ID = re.compile(rb"<(RequestI[dD])>[^<]*</RequestI[dD]>")
_CODE = re.compile(rb"<Code>([^<]*)</Code>")
_TYPE = re.compile(rb'"__type"\s*:\s*"(?:[^"#]*#)?([^"]*)"')


def words(table: dict[str, tuple[str, int, str]], call: Call) -> tuple[str, int, str]:
    """Return code, status and message that the call's service uses for an error."""
    return table.get(call.service) or table["query" if _speaks_xml(call) else ""]


def _speaks_xml(call: Call) -> bool:
    return call.service in REST_XML or "Action" in call.parameters


def error(call: Call, code: str, status: int, message: str) -> Answer:
    """Return an error in the wire format of the call's service."""
    if call.service == "s3":
        return Answer(status, {"content-type": "application/xml"}, _s3_body(call, code, message))
    if call.service == "ec2":
        body = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error><Code>{escape(code)}</Code>'
            f"<Message>{escape(message)}</Message></Error></Errors><RequestID></RequestID></Response>"
        )
        return Answer(status, {"content-type": "text/xml;charset=UTF-8"}, body.encode())
    if _speaks_xml(call):
        side = "Sender" if status < 500 else "Receiver"
        body = (
            f"<ErrorResponse><Error><Type>{side}</Type><Code>{escape(code)}</Code>"
            f"<Message>{escape(message)}</Message></Error><RequestId></RequestId></ErrorResponse>"
        )
        return Answer(status, {"content-type": "text/xml"}, body.encode())
    return _json_error(call, code, status, message)


def _s3_body(call: Call, code: str, message: str) -> bytes:
    if call.http.method == "HEAD":
        return b""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{escape(code)}</Code>'
        f"<Message>{escape(message)}</Message><Resource>{escape(call.path)}</Resource>"
        f"<RequestId></RequestId></Error>"
    ).encode()


def _json_error(call: Call, code: str, status: int, message: str) -> Answer:
    # DynamoDB puts a namespace before the name; clients cut it off.
    prefix = "com.amazonaws.dynamodb.v20120810#" if call.service == "dynamodb" else ""
    body = json.dumps({"__type": prefix + code, "message": message}).encode()
    return Answer(status, {"content-type": "application/x-amz-json-1.0", "x-amzn-errortype": code}, body)


def add_request_id(call: Call, answer: Answer) -> None:
    """Put the request's id where clients look for it: in a header, and in errors in XML."""
    headers = answer.headers
    if call.service == "s3":
        headers.pop("x-amzn-requestid", None)
        headers["x-amz-request-id"] = call.request_id
        headers["x-amz-id-2"] = call.request_id
    else:
        headers["x-amzn-requestid"] = call.request_id
    if answer.status >= 400 and answer.body.lstrip().startswith(b"<"):
        body, found = _REQUEST_ID.subn(rb"<\1>" + call.request_id.encode() + rb"</\1>", answer.body)
        if not found and call.service == "s3":
            identified = f"<RequestId>{call.request_id}</RequestId></Error>".encode()
            body = body.replace(b"</Error>", identified, 1)
        answer.body = body


def error_code(answer: Answer) -> str:
    """Return the error code of an answer, empty if it is a success or tells none."""
    if answer.status < 400:
        return ""
    found = _CODE.search(answer.body) or _TYPE.search(answer.body)
    if found:
        return found.group(1).decode()
    return answer.headers.get("x-amzn-errortype", "")
