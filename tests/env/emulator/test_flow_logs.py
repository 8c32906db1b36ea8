"""Flow logs are made once a token, found by their tags, and see to the policy of their bucket."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from test_support import admin, client, fresh_account, refused

OWNER = {"Key": "owner", "Value": "us"}


@pytest.fixture
def account() -> Any:
    account = fresh_account()
    yield account
    admin("DELETE", f"permissions?account={account}")


@pytest.fixture
def ec2(account: str) -> Any:
    return client("ec2", account)


@pytest.fixture
def s3(account: str) -> Any:
    return client("s3", account)


@pytest.fixture
def bucket(s3: Any) -> str:
    name = str(uuid.uuid4())
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def request_for(ec2: Any, bucket: str) -> dict[str, Any]:
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    return {
        "ResourceType": "VPC",
        "ResourceIds": [vpc],
        "TrafficType": "ALL",
        "LogDestinationType": "s3",
        "LogDestination": f"arn:aws:s3:::{bucket}",
        "TagSpecifications": [{"ResourceType": "vpc-flow-log", "Tags": [OWNER]}],
    }


def made(ec2: Any, **request: Any) -> str:
    """Make flow logs and return their id."""
    answer = ec2.create_flow_logs(**request)
    assert not answer["Unsuccessful"], answer
    return answer["FlowLogIds"][0]


def test_token_stands_for_what_it_made_even_after_that_is_gone(ec2: Any, request_for: dict[str, Any]) -> None:
    first = made(ec2, **request_for, ClientToken="one")
    assert made(ec2, **request_for, ClientToken="one") == first
    other = {**request_for, "TrafficType": "REJECT", "ClientToken": "one"}
    assert refused(lambda: ec2.create_flow_logs(**other)) == (400, "IdempotentParameterMismatch")
    again = {**request_for, "ClientToken": "two"}
    assert refused(lambda: ec2.create_flow_logs(**again)) == (400, "FlowLogAlreadyExists")
    ec2.delete_flow_logs(FlowLogIds=[first])
    assert made(ec2, **request_for, ClientToken="one") == first
    assert ec2.describe_flow_logs()["FlowLogs"] == []
    assert made(ec2, **again) != first


def test_flow_logs_are_found_by_their_tags(ec2: Any, request_for: dict[str, Any]) -> None:
    flow_log = made(ec2, **request_for)
    mine = [{"Name": "tag:owner", "Values": ["us"]}, {"Name": "tag-key", "Values": ["owner"]}]
    (found,) = ec2.describe_flow_logs(Filters=mine)["FlowLogs"]
    assert found["FlowLogId"] == flow_log
    assert found["Tags"] == [OWNER]
    assert found["ResourceId"] == request_for["ResourceIds"][0]
    assert (found["TrafficType"], found["MaxAggregationInterval"]) == ("ALL", 600)
    assert ec2.describe_flow_logs(Filters=[{"Name": "tag:owner", "Values": ["them"]}])["FlowLogs"] == []


def test_bucket_that_is_not_there_is_told_inside_an_answer_of_success(
    ec2: Any, request_for: dict[str, Any]
) -> None:
    nowhere = {**request_for, "LogDestination": "arn:aws:s3:::nowhere", "ClientToken": "one"}
    answer = ec2.create_flow_logs(**nowhere)
    assert answer["FlowLogIds"] == []
    error = answer["Unsuccessful"][0]["Error"]
    assert (error["Code"], error["Message"]) == ("400", "LogDestination: nowhere does not exist.")
    made(ec2, **request_for, ClientToken="two")


def test_policy_that_does_not_let_ec2_write_is_replaced(
    ec2: Any, s3: Any, bucket: str, request_for: dict[str, Any]
) -> None:
    statement = {"Sid": "Mine", "Effect": "Deny", "Principal": "*", "Action": "s3:DeleteBucket"}
    mine = {"Version": "2012-10-17", "Statement": [{**statement, "Resource": f"arn:aws:s3:::{bucket}"}]}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(mine))
    flow_log = made(ec2, **request_for)
    replaced = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    assert "delivery.logs.amazonaws.com" in replaced and "Mine" not in replaced
    both = {**mine, "Statement": [*mine["Statement"], *json.loads(replaced)["Statement"]]}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(both))
    ec2.delete_flow_logs(FlowLogIds=[flow_log])
    made(ec2, **request_for)
    assert "Mine" in s3.get_bucket_policy(Bucket=bucket)["Policy"]


def test_flow_logs_in_a_bucket_need_the_actions_of_their_delivery(
    account: str, ec2: Any, request_for: dict[str, Any]
) -> None:
    def hold(*actions: str, **condition: Any) -> None:
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*", **condition}
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        admin("PUT", "permissions", {"account": account, "role": "Tester", "policy": policy})

    denied = (403, "UnauthorizedOperation")
    hold("ec2:CreateFlowLogs", "ec2:CreateTags")
    assert refused(lambda: ec2.create_flow_logs(**request_for)) == denied
    hold("ec2:CreateFlowLogs", "ec2:CreateTags", "logs:CreateLogDelivery")
    flow_log = made(ec2, **request_for)
    hold("ec2:DeleteFlowLogs")
    assert refused(lambda: ec2.delete_flow_logs(FlowLogIds=[flow_log])) == denied
    for owner, allowed in (("them", False), ("us", True)):
        ours = {"StringEquals": {"aws:ResourceTag/owner": owner}}
        statements = [
            {"Effect": "Allow", "Action": "ec2:DeleteFlowLogs", "Resource": "*", "Condition": ours},
            {"Effect": "Allow", "Action": "logs:DeleteLogDelivery", "Resource": "*"},
        ]
        policy = {"Version": "2012-10-17", "Statement": statements}
        admin("PUT", "permissions", {"account": account, "role": "Tester", "policy": policy})
        if allowed:
            ec2.delete_flow_logs(FlowLogIds=[flow_log])
        else:
            assert refused(lambda: ec2.delete_flow_logs(FlowLogIds=[flow_log])) == denied
