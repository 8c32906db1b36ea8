"""A bucket belongs to one account, and names are shared by all accounts.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
(another owner than x-amz-expected-bucket-owner: 403 AccessDenied)
https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
(BucketAlreadyExists: the name space is shared by all users)
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-overview.html
(by default only the owner may do anything)
"""

from __future__ import annotations

from collections.abc import Callable

from moto.s3.models import s3_backends

import wire
from calls import Call
from messages import Answer


def answer(call: Call, proceed: Callable[[Call], Answer]) -> Answer:
    """Refuse what only the bucket's owner may do, and what expects another owner."""
    known = s3_backends.bucket_accounts.get(call.resource)
    if known is None:
        return proceed(call)
    owner = known[1]
    if call.operation == "CreateBucket":
        if owner == call.account:
            return proceed(call)
        return wire.error(
            call,
            "BucketAlreadyExists",
            409,
            "The requested bucket name is not available. The bucket namespace is shared by all "
            "users of the system. Please select a different name and try again.",
        )
    expected = call.http.headers.get("x-amz-expected-bucket-owner", owner)
    # A bucket policy may open a bucket to others, so moto decides where there is one.
    opened = s3_backends[owner][known[0]].get_bucket(call.resource).policy is not None
    if expected != owner or (owner != call.account and not opened):
        return wire.error(call, "AccessDenied", 403, "Access Denied")
    return proceed(call)
