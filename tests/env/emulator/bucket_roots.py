"""S3 names the root element of some answers otherwise than after the operation.

moto writes ``<GetBucketVersioningResponse>`` where S3 writes ``<VersioningConfiguration>``;
clients that read the root, as the AWS SDK for Rust does, refuse such an answer. See the
response syntax of each operation, such as
https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketVersioning.html
"""

from __future__ import annotations

import re
from collections.abc import Callable

from calls import Call
from messages import Answer

ROOTS = {
    "DeleteObjects": b"DeleteResult",
    "GetBucketAcl": b"AccessControlPolicy",
    "GetBucketCors": b"CORSConfiguration",
    "GetBucketLifecycleConfiguration": b"LifecycleConfiguration",
    "GetBucketLogging": b"BucketLoggingStatus",
    "GetBucketNotificationConfiguration": b"NotificationConfiguration",
    "GetBucketRequestPayment": b"RequestPaymentConfiguration",
    "GetBucketTagging": b"Tagging",
    "GetBucketVersioning": b"VersioningConfiguration",
    "GetBucketWebsite": b"WebsiteConfiguration",
    "ListBuckets": b"ListAllMyBucketsResult",
    "ListObjectVersions": b"ListVersionsResult",
    "ListObjects": b"ListBucketResult",
    "ListObjectsV2": b"ListBucketResult",
}
_ROOT = re.compile(rb"^(\s*(?:<\?xml[^>]*\?>\s*)?<)(\w+)")


def answer(call: Call, proceed: Callable[[Call], Answer]) -> Answer:
    """Answer a call, with the root element that S3 gives it."""
    result = proceed(call)
    wanted = ROOTS.get(call.operation)
    found = _ROOT.match(result.body) if wanted and result.status == 200 else None
    if found and found[2] != wanted:
        closing = b"</" + found[2] + b">"
        body = result.body.removesuffix(b"\n").removesuffix(closing)
        result.body = _ROOT.sub(rb"\1" + wanted, body, count=1) + b"</" + wanted + b">"
    return result
