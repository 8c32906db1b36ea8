"""CreateBucket takes tags in its configuration; moto ignores them.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucketConfiguration.html
"""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree

from moto.s3.models import s3_backends

from calls import Call
from messages import Answer


def answer(call: Call, proceed: Callable[[Call], Answer]) -> Answer:
    """Answer a call; put the tags that a CreateBucket brings on the bucket that it makes."""
    if call.operation != "CreateBucket" or b"<Tags" not in call.http.body:
        return proceed(call)
    existed = call.resource in s3_backends.bucket_accounts
    result = proceed(call)
    if result.status == 200 and not existed:
        backend = s3_backends[call.account][s3_backends.bucket_accounts[call.resource][0]]
        backend.put_bucket_tagging(call.resource, _tags(call.http.body))
    return result


def _tags(body: bytes) -> dict[str, str]:
    """Return the tags, whatever the namespace of the document."""
    tags = {}
    for tag in ElementTree.fromstring(body).iterfind(".//{*}Tag"):
        tags[tag.findtext("{*}Key", "")] = tag.findtext("{*}Value", "")
    return tags
