"""Names S3 operations as the SDKs do, from method, path and query.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
"""

from __future__ import annotations

VERBS = {"GET": "Get", "PUT": "Put", "DELETE": "Delete", "HEAD": "Head", "POST": "Post"}
BUCKET_PARTS = {
    "accelerate": "BucketAccelerateConfiguration",
    "acl": "BucketAcl",
    "analytics": "BucketAnalyticsConfiguration",
    "cors": "BucketCors",
    "encryption": "BucketEncryption",
    "intelligent-tiering": "BucketIntelligentTieringConfiguration",
    "inventory": "BucketInventoryConfiguration",
    "lifecycle": "BucketLifecycleConfiguration",
    "location": "BucketLocation",
    "logging": "BucketLogging",
    "metrics": "BucketMetricsConfiguration",
    "notification": "BucketNotificationConfiguration",
    "object-lock": "ObjectLockConfiguration",
    "ownershipControls": "BucketOwnershipControls",
    "policy": "BucketPolicy",
    "policyStatus": "BucketPolicyStatus",
    "publicAccessBlock": "PublicAccessBlock",
    "replication": "BucketReplication",
    "requestPayment": "BucketRequestPayment",
    "tagging": "BucketTagging",
    "versioning": "BucketVersioning",
    "website": "BucketWebsite",
}
LISTS = {"analytics", "intelligent-tiering", "inventory", "metrics"}
OBJECT_PARTS = {
    "acl": "ObjectAcl",
    "attributes": "ObjectAttributes",
    "legal-hold": "ObjectLegalHold",
    "retention": "ObjectRetention",
    "tagging": "ObjectTagging",
    "torrent": "ObjectTorrent",
}
WHOLE_BUCKET = {"PUT": "CreateBucket", "HEAD": "HeadBucket", "DELETE": "DeleteBucket"}


def s3_operation(method: str, path: str, query: dict[str, str], headers: dict[str, str]) -> tuple[str, str]:
    """Return the operation's name and the bucket's, which is empty for ListBuckets."""
    bucket, _, key = path.lstrip("/").partition("/")
    if not bucket:
        return "ListBuckets", ""
    if key:
        return _object_operation(method, query, headers), bucket
    return _bucket_operation(method, query), bucket


def _bucket_operation(method: str, query: dict[str, str]) -> str:
    for part, name in BUCKET_PARTS.items():
        if part in query:
            if part in LISTS and method == "GET" and "id" not in query:
                return f"List{name}s"
            if part == "lifecycle" and method == "DELETE":
                return "DeleteBucketLifecycle"
            return VERBS.get(method, method) + name
    if method == "GET":
        if "versions" in query:
            return "ListObjectVersions"
        if "uploads" in query:
            return "ListMultipartUploads"
        return "ListObjectsV2" if query.get("list-type") == "2" else "ListObjects"
    if method == "POST" and "delete" in query:
        return "DeleteObjects"
    return WHOLE_BUCKET.get(method, f"{VERBS.get(method, method)}Bucket")


def _object_operation(method: str, query: dict[str, str], headers: dict[str, str]) -> str:
    for part, name in OBJECT_PARTS.items():
        if part in query:
            return VERBS.get(method, method) + name
    if "uploads" in query:
        return "CreateMultipartUpload"
    if "uploadId" in query:
        parts = {"GET": "ListParts", "PUT": "UploadPart", "DELETE": "AbortMultipartUpload"}
        return parts.get(method, "CompleteMultipartUpload")
    if method == "PUT" and "x-amz-copy-source" in headers:
        return "CopyObject"
    if method == "POST":
        return "RestoreObject" if "restore" in query else "SelectObjectContent"
    return f"{VERBS.get(method, method)}Object"
