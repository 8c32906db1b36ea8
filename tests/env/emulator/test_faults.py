"""Faults strike exactly what they are planned for, and the journal tells all."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from test_support import IMAGE, admin, client, fresh_account, refused


@pytest.fixture
def account() -> Any:
    account = fresh_account()
    yield account
    admin("DELETE", f"faults?account={account}")


def plan(account: str, kind: str, **more: Any) -> str:
    return admin("POST", "faults", {"account": account, "kind": kind, **more})["id"]


def faults(account: str) -> list[dict[str, Any]]:
    return admin("GET", f"faults?account={account}")["faults"]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("throttle", [(503, "RequestLimitExceeded"), (503, "SlowDown"), (400, "ThrottlingException")]),
        ("denied", [(403, "UnauthorizedOperation"), (403, "AccessDenied"), (400, "AccessDeniedException")]),
        ("error-before", [(500, "InternalError"), (500, "InternalError"), (500, "InternalServerError")]),
        ("error-after", [(500, "InternalError"), (500, "InternalError"), (500, "InternalServerError")]),
    ],
)
def test_every_service_fails_in_its_own_words(account: str, kind: str, expected: list[Any]) -> None:
    ec2, s3, dynamodb = (client(each, account) for each in ("ec2", "s3", "dynamodb"))
    plan(account, kind, times=3)
    calls = [ec2.describe_instances, s3.list_buckets, dynamodb.list_tables]
    assert [refused(call) for call in calls] == expected
    for call in calls:
        call()
    assert [fault["fired"] for fault in faults(account)] == [3]


def test_chosen_error_strikes_only_what_it_matches(account: str) -> None:
    s3, first, second = client("s3", account), str(uuid.uuid4()), str(uuid.uuid4())
    teapot = {"code": "Teapot", "status": 418, "message": "short & stout", "times": -1}
    plan(account, "error", service="s3", operation="CreateBucket", match=first, **teapot)
    s3.create_bucket(Bucket=second)
    for _ in range(2):
        assert refused(lambda: s3.create_bucket(Bucket=first)) == (418, "Teapot")
    admin("DELETE", f"faults?account={account}")
    s3.create_bucket(Bucket=first)


def test_an_answer_from_in_between_has_no_code_of_aws(account: str) -> None:
    s3, name = client("s3", account), str(uuid.uuid4())
    s3.create_bucket(Bucket=name)
    plan(account, "bare", status=404)
    with pytest.raises(ClientError) as caught:
        s3.get_bucket_tagging(Bucket=name)
    assert caught.value.response["Error"]["Code"] == "404", "botocore puts the status there"
    plan(account, "error", status=400, code="Moved", headers={"x-amz-bucket-region": "eu-west-1"})
    with pytest.raises(ClientError) as caught:
        s3.get_bucket_tagging(Bucket=name)
    headers = caught.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-amz-bucket-region"] == "eu-west-1"


def test_sts_fails_in_its_own_words(account: str) -> None:
    sts = client("sts", account)
    plan(account, "error", service="sts", code="ExpiredToken", status=403, message="expired")
    assert refused(sts.get_caller_identity) == (403, "ExpiredToken")


def test_services_with_rest_apis_are_named_and_fail_in_their_own_words(account: str) -> None:
    calls = {
        "lambda": client("lambda", account).list_functions,
        "route53": client("route53", account).list_hosted_zones,
        "elasticfilesystem": client("efs", account).describe_file_systems,
        "rds": client("rds", account).describe_db_instances,
    }
    for call in calls.values():
        call()
    plan(account, "throttle", times=len(calls))
    codes = {name: refused(call)[1] for name, call in calls.items()}
    assert codes == {
        "lambda": "ThrottlingException",
        "route53": "Throttling",
        "elasticfilesystem": "ThrottlingException",
        "rds": "Throttling",
    }
    assert admin("GET", f"journal/summary?account={account}") == {
        "elasticfilesystem:DescribeFileSystems": 2,
        "lambda:ListFunctions": 2,
        "rds:DescribeDBInstances": 2,
        "route53:ListHostedZones": 2,
    }


def test_error_after_has_its_effect_and_error_before_has_not(account: str) -> None:
    s3, before, after = client("s3", account), str(uuid.uuid4()), str(uuid.uuid4())
    for kind, name in (("error-before", before), ("error-after", after)):
        plan(account, kind, operation="CreateBucket")
        assert refused(lambda name=name: s3.create_bucket(Bucket=name)) == (500, "InternalError")
    assert [each["Name"] for each in s3.list_buckets()["Buckets"]] == [after]


def test_held_answer_has_its_effect_and_waits(account: str) -> None:
    s3, name = client("s3", account), str(uuid.uuid4())
    fault = plan(account, "hold-after", operation="CreateBucket")
    with ThreadPoolExecutor() as pool:
        creation = pool.submit(lambda: s3.create_bucket(Bucket=name))
        _wait_for_held(account, 1)
        assert not creation.done()
        assert [each["Name"] for each in client("s3", account).list_buckets()["Buckets"]] == [name]
        assert admin("POST", "release", {"id": fault}) == {"released": 1}
        assert creation.result(timeout=5)["Location"] == f"/{name}"
    _wait_for_held(account, 0)


def test_client_may_leave_while_it_is_held(account: str) -> None:
    plan(account, "hold-after", operation="ListTables")
    with pytest.raises(ReadTimeoutError):
        client("dynamodb", account, read_timeout=0.5).list_tables()
    _wait_for_held(account, 0)


def test_journal_tells_every_request(account: str) -> None:
    ec2 = client("ec2", account)
    since = admin("GET", "journal?account=none")["last"]
    ec2.run_instances(ImageId=IMAGE, MinCount=1, MaxCount=1, ClientToken="token-7")
    s3, name = client("s3", account), str(uuid.uuid4())
    s3.create_bucket(Bucket=name)
    refused(lambda: s3.get_bucket_tagging(Bucket=name))
    client("dynamodb", account).list_tables()
    entries = admin("GET", f"journal?account={account}&since={since}")["entries"]
    shown = [(e["service"], e["operation"], e["resource"], e["status"], e["code"]) for e in entries]
    assert shown == [
        ("ec2", "RunInstances", "token-7", 200, ""),
        ("s3", "CreateBucket", name, 200, ""),
        ("s3", "GetBucketTagging", name, 404, "NoSuchTagSet"),
        ("dynamodb", "ListTables", "", 200, ""),
    ]
    assert sorted(e["seq"] for e in entries) == [e["seq"] for e in entries]
    summary = admin("GET", f"journal/summary?account={account}")
    assert summary["s3:CreateBucket"] == 1
    admin("DELETE", f"journal?account={account}")
    assert admin("GET", f"journal/summary?account={account}") == {}


def _wait_for_held(account: str, wanted: int) -> None:
    deadline = time.monotonic() + 5
    while sum(fault["held"] for fault in faults(account)) != wanted:
        assert time.monotonic() < deadline, faults(account)
        time.sleep(0.01)
