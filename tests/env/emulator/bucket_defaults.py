"""A fresh S3 bucket is encrypted, private and without ACLs; moto's is bare.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-encryption-faq.html
(SSE-S3 since January 2023; deleting the configuration restores it)
https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html
(Block Public Access and BucketOwnerEnforced since April 2023)
"""

from __future__ import annotations

from typing import Any

from moto.s3.models import FakeBucket, PublicAccessBlock, S3Backend


def default_encryption() -> dict[str, Any]:
    """Return SSE-S3 in the form in which moto keeps a configuration."""
    return {
        "Rule": {
            "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
            "BucketKeyEnabled": "false",
        }
    }


def install() -> None:
    """Give fresh buckets what AWS gives them."""
    original = FakeBucket.__init__

    def __init__(self: FakeBucket, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        self.encryption = default_encryption()
        self.public_access_block = PublicAccessBlock("true", "true", "true", "true")
        self.ownership_rule = "BucketOwnerEnforced"

    def delete_bucket_encryption(self: S3Backend, bucket_name: str) -> None:
        self.get_bucket(bucket_name).encryption = default_encryption()

    FakeBucket.__init__ = __init__
    S3Backend.delete_bucket_encryption = delete_bucket_encryption
