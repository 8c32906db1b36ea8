"""Security groups keep one rule of each kind, and stay while they are in use."""

from __future__ import annotations

from typing import Any

import pytest
from test_support import IMAGE, client, fresh_account, refused


@pytest.fixture
def ec2() -> Any:
    return client("ec2", fresh_account())


def make(ec2: Any, name: str) -> str:
    """Make a group in the default VPC and return its id."""
    return ec2.create_security_group(GroupName=name, Description="for a test")["GroupId"]


def https(**source: Any) -> list[dict[str, Any]]:
    return [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, **source}]


def from_group(group: str, description: str = "") -> list[dict[str, Any]]:
    return https(UserIdGroupPairs=[{"GroupId": group, "Description": description}])


def rules(ec2: Any, group: str, *, egress: bool = False) -> list[dict[str, Any]]:
    shown = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])
    return [rule for rule in shown["SecurityGroupRules"] if rule["IsEgress"] == egress]


def test_new_group_lets_everything_out(ec2: Any) -> None:
    group = make(ec2, "web")
    (rule,) = rules(ec2, group, egress=True)
    assert (rule["IpProtocol"], rule["CidrIpv4"], rule["FromPort"]) == ("-1", "0.0.0.0/0", -1)
    assert rules(ec2, group) == []


def test_a_rule_is_the_same_whatever_its_description_is(ec2: Any) -> None:
    group, other = make(ec2, "web"), make(ec2, "balancer")
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=from_group(other, "one"))
    wanted = (400, "InvalidPermission.Duplicate")
    again = from_group(other, "two")
    assert refused(lambda: ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=again)) == wanted
    assert [rule["Description"] for rule in rules(ec2, group)] == ["one"]
    ec2.update_security_group_rule_descriptions_ingress(GroupId=group, IpPermissions=again)
    assert [rule["Description"] for rule in rules(ec2, group)] == ["two"]


def test_prefix_list_has_a_description_too(ec2: Any) -> None:
    group = make(ec2, "web")
    source = https(PrefixListIds=[{"PrefixListId": "pl-12345678", "Description": "one"}])
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=source)
    shown = {rule.get("PrefixListId"): rule.get("Description") for rule in rules(ec2, group, egress=True)}
    assert shown["pl-12345678"] == "one"


def test_protocol_without_ports_has_none(ec2: Any) -> None:
    group = make(ec2, "web")
    esp = [{"IpProtocol": "50", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=esp)
    assert [(rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) for rule in rules(ec2, group)] == [("50", -1, -1)]


def test_block_loses_the_bits_that_its_length_leaves_out(ec2: Any) -> None:
    group = make(ec2, "web")
    source = https(IpRanges=[{"CidrIp": "100.68.0.18/18"}], Ipv6Ranges=[{"CidrIpv6": "2001:DB8::1/64"}])
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=source)
    blocks = [rule.get("CidrIpv4") or rule.get("CidrIpv6") for rule in rules(ec2, group)]
    assert blocks == ["100.68.0.0/18", "2001:db8::/64"]


def test_group_that_a_rule_of_another_group_uses_stays(ec2: Any) -> None:
    group, other = make(ec2, "web"), make(ec2, "balancer")
    for each in (group, other):
        # A group may refer to itself and still be deleted.
        ec2.authorize_security_group_ingress(GroupId=each, IpPermissions=from_group(group))
    wanted = (400, "DependencyViolation")
    assert refused(lambda: ec2.delete_security_group(GroupId=group)) == wanted
    (rule,) = rules(ec2, other)
    ec2.revoke_security_group_ingress(GroupId=other, SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]])
    ec2.delete_security_group(GroupId=group)


def test_group_that_an_instance_uses_stays(ec2: Any) -> None:
    group = make(ec2, "web")
    wanted = {"ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    instance = ec2.run_instances(**wanted, SecurityGroupIds=[group])["Instances"][0]["InstanceId"]
    assert refused(lambda: ec2.delete_security_group(GroupId=group)) == (400, "DependencyViolation")
    ec2.terminate_instances(InstanceIds=[instance])
    for _ in range(2):
        ec2.describe_instances(InstanceIds=[instance])
    ec2.delete_security_group(GroupId=group)


def test_names_are_unique_whatever_their_case_is(ec2: Any) -> None:
    make(ec2, "web")
    assert refused(lambda: make(ec2, "Web")) == (400, "InvalidGroup.Duplicate")
