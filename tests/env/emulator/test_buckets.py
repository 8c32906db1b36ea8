"""Fresh buckets have AWS's defaults, and only their owner may touch them."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from test_support import client, fresh_account, refused


@pytest.fixture
def account() -> str:
    return fresh_account()


@pytest.fixture
def s3(account: str) -> Any:
    return client("s3", account)


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"bucket-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name)
    return name


def test_fresh_bucket_is_encrypted_private_and_without_acls(s3: Any, bucket: str) -> None:
    encryption = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
    (rule,) = encryption["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert rule["BucketKeyEnabled"] is False
    access = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert set(access.values()) == {True} and len(access) == 4
    ownership = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]
    assert ownership["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert refused(lambda: s3.get_bucket_tagging(Bucket=bucket)) == (404, "NoSuchTagSet")
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)


def test_deleted_encryption_falls_back_to_the_default(s3: Any, bucket: str) -> None:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": True}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    shown = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert shown["BucketKeyEnabled"] is True
    s3.delete_bucket_encryption(Bucket=bucket)
    test_fresh_bucket_is_encrypted_private_and_without_acls(s3, bucket)


def test_removed_settings_are_absent(s3: Any, bucket: str) -> None:
    s3.delete_public_access_block(Bucket=bucket)
    wanted = (404, "NoSuchPublicAccessBlockConfiguration")
    assert refused(lambda: s3.get_public_access_block(Bucket=bucket)) == wanted
    s3.delete_bucket_ownership_controls(Bucket=bucket)
    wanted = (404, "OwnershipControlsNotFoundError")
    assert refused(lambda: s3.get_bucket_ownership_controls(Bucket=bucket)) == wanted


def test_bucket_takes_tags_when_it_is_created(s3: Any, account: str) -> None:
    name, tags = f"bucket-{uuid.uuid4()}", [{"Key": "a&b", "Value": "1"}, {"Key": "c", "Value": ""}]
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"Tags": tags})
    assert s3.get_bucket_tagging(Bucket=name)["TagSet"] == tags
    other = [{"Key": "late", "Value": "1"}]
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"Tags": other})
    assert s3.get_bucket_tagging(Bucket=name)["TagSet"] == tags
    west = client("s3", account, region="eu-west-1")
    placed = {"LocationConstraint": "eu-west-1", "Tags": other}
    west.create_bucket(Bucket=f"{name}-w", CreateBucketConfiguration=placed)
    assert west.get_bucket_tagging(Bucket=f"{name}-w")["TagSet"] == other
    assert west.head_bucket(Bucket=f"{name}-w")["BucketRegion"] == "eu-west-1"


def test_own_bucket_again_is_accepted_only_in_us_east_1(s3: Any, account: str, bucket: str) -> None:
    s3.create_bucket(Bucket=bucket)
    west = client("s3", account, region="eu-west-1")
    name, placed = f"bucket-{uuid.uuid4()}", {"LocationConstraint": "eu-west-1"}

    def create() -> None:
        west.create_bucket(Bucket=name, CreateBucketConfiguration=placed)

    create()
    assert refused(create) == (409, "BucketAlreadyOwnedByYou")


def test_names_are_shared_by_all_accounts(s3: Any, bucket: str) -> None:
    other = client("s3", fresh_account())
    assert refused(lambda: other.create_bucket(Bucket=bucket)) == (409, "BucketAlreadyExists")
    assert refused(lambda: other.get_bucket_tagging(Bucket=bucket)) == (403, "AccessDenied")
    assert refused(lambda: other.delete_bucket(Bucket=bucket)) == (403, "AccessDenied")
    assert refused(lambda: other.head_bucket(Bucket=bucket)) == (403, "403")
    assert other.list_buckets()["Buckets"] == []
    assert [each["Name"] for each in s3.list_buckets()["Buckets"]] == [bucket]


def test_unexpected_owner_is_refused(s3: Any, account: str, bucket: str) -> None:
    s3.get_bucket_versioning(Bucket=bucket, ExpectedBucketOwner=account)
    other = fresh_account()
    calls = [
        lambda: s3.get_bucket_versioning(Bucket=bucket, ExpectedBucketOwner=other),
        lambda: s3.delete_bucket(Bucket=bucket, ExpectedBucketOwner=other),
        lambda: s3.put_object(Bucket=bucket, Key="a", ExpectedBucketOwner=other),
    ]
    assert {refused(call) for call in calls} == {(403, "AccessDenied")}


def test_objects_survive_the_round_trip(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a/b c+d", Body=b"content" * 1000)
    assert s3.get_object(Bucket=bucket, Key="a/b c+d")["Body"].read() == b"content" * 1000
    assert refused(lambda: s3.delete_bucket(Bucket=bucket)) == (409, "BucketNotEmpty")
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"]
    keys = [{"Key": each["Key"]} for each in listed]
    s3.delete_objects(Bucket=bucket, Delete={"Objects": keys})
    s3.delete_bucket(Bucket=bucket)
    assert refused(lambda: s3.head_bucket(Bucket=bucket)) == (404, "404")
    assert refused(lambda: s3.get_bucket_tagging(Bucket=bucket)) == (404, "NoSuchBucket")


def test_answers_have_the_root_element_that_s3_gives_them(s3: Any, bucket: str) -> None:
    bodies = []
    s3.meta.events.register("before-parse.s3.*", lambda response_dict, **_: bodies.append(response_dict["body"]))
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    s3.get_bucket_versioning(Bucket=bucket)
    s3.get_bucket_tagging(Bucket=bucket)
    s3.list_object_versions(Bucket=bucket)
    s3.get_bucket_logging(Bucket=bucket)
    roots = [re.search(rb"<(\w+)", body)[1] for body in bodies if body]
    assert roots == [b"VersioningConfiguration", b"Tagging", b"ListVersionsResult", b"BucketLoggingStatus"]


def test_a_key_that_xml_cannot_hold_is_listed_encoded_and_deleted_alone(s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for key in ("a\x01b", "a b+c/ü", "plain"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    listed = s3.list_object_versions(Bucket=bucket, EncodingType="url")
    assert listed["EncodingType"] == "url"
    assert {found["Key"] for found in listed["Versions"]} == {"a%01b", "a+b%2Bc/%C3%BC", "plain"}
    ids = {found["Key"]: found["VersionId"] for found in listed["Versions"]}
    batch = {"Objects": [{"Key": "a\x01b", "VersionId": ids["a%01b"]}]}
    assert refused(lambda: s3.delete_objects(Bucket=bucket, Delete=batch)) == (400, "MalformedXML")
    s3.delete_object(Bucket=bucket, Key="a\x01b", VersionId=ids["a%01b"])
    left = s3.list_object_versions(Bucket=bucket, EncodingType="url")
    assert {found["Key"] for found in left["Versions"]} == {"a+b%2Bc/%C3%BC", "plain"}
