"""What EC2 does with the rules and the end of a security group, and moto does not.

- a rule is the same whatever its description is, every kind of source has one, and it can
  be changed (moto takes a group with two descriptions for two rules, and forgets some):
  https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html
  https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_UpdateSecurityGroupRuleDescriptionsIngress.html
- only tcp, udp, icmp and icmpv6 have ports (moto fails where there are none):
  https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
- blocks of addresses lose the bits that their length leaves out:
  https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpRange.html
- a group that a network interface or a rule of another group uses is not deleted:
  https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSecurityGroup.html
- names are unique in a VPC whatever their case is:
  https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html
"""

from __future__ import annotations

import ipaddress
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import DependencyViolationError, InvalidSecurityGroupDuplicateError
from moto.ec2.models.security_groups import SecurityGroup, SecurityGroupBackend, SecurityGroupRule
from moto.ec2.responses.security_groups import SecurityGroups

WITH_PORTS = {"tcp", "udp", "icmp", "icmpv6"}


def install() -> None:
    """Treat rules and groups as EC2 does."""
    _wrap_rule()
    SecurityGroupRule.__eq__ = lambda self, other: _identity(self) == _identity(other)
    SecurityGroupRule.description = property(lambda self: self.given_description)
    SecurityGroupBackend._sg_update_description = _update_description
    _wrap_creation()
    _wrap_deletion()


def _wrap_rule() -> None:
    original = SecurityGroupRule.__init__

    def __init__(
        self: SecurityGroupRule,
        backend: Any,
        protocol: str,
        group_id: str,
        from_port: str | None,
        to_port: str | None,
        *sources: Any,
        **more: Any,
    ) -> None:
        ports = (-1 if port is None else port for port in (from_port, to_port))
        original(self, backend, protocol, group_id, *ports, *sources, **more)
        if self.ip_protocol not in WITH_PORTS:
            self.from_port = self.to_port = None
        given = [source["Description"] for source in sources if source and source.get("Description")]
        self.given_description = next(iter(given), None)
        for member in ("CidrIp", "CidrIpv6"):
            if self.ip_range.get(member):
                block = ipaddress.ip_network(self.ip_range[member], strict=False)
                self.ip_range = {**self.ip_range, member: str(block)}

    SecurityGroupRule.__init__ = __init__


def _identity(rule: SecurityGroupRule) -> tuple[Any, ...]:
    """Return what tells a rule apart from the others of its group."""
    block = rule.ip_range.get("CidrIp"), rule.ip_range.get("CidrIpv6")
    return (
        rule.ip_protocol,
        rule.from_port,
        rule.to_port,
        *block,
        rule.source_group.get("GroupId"),
        rule.prefix_list_id,
    )


def _update_description(self: Any, wanted: SecurityGroupRule, rule: SecurityGroupRule) -> None:
    rule.given_description = wanted.given_description
    for source in (rule.ip_range, rule.source_group):
        if source:
            source["Description"] = wanted.given_description


def _wrap_creation() -> None:
    original = SecurityGroupBackend.create_security_group

    def create_security_group(
        self: Any, name: str, description: str, vpc_id: str | None = None, **more: Any
    ) -> SecurityGroup:
        others = self.groups.get(vpc_id or getattr(self.default_vpc, "id", None), {})
        if not more.get("force") and name.lower() in {group.name.lower() for group in others.values()}:
            raise InvalidSecurityGroupDuplicateError(name)
        return original(self, name, description, vpc_id=vpc_id, **more)

    SecurityGroupBackend.create_security_group = create_security_group


def _wrap_deletion() -> None:
    original = SecurityGroups.delete_security_group

    def delete_security_group(self: SecurityGroups) -> ActionResult:
        group_id = self._get_param("GroupId")
        if group_id and _is_in_use(self.ec2_backend, group_id):
            raise DependencyViolationError(f"resource {group_id} has a dependent object")
        return original(self)

    SecurityGroups.delete_security_group = delete_security_group


def _is_in_use(backend: Any, group_id: str) -> bool:
    if any(group.id == group_id for interface in backend.enis.values() for group in interface.group_set):
        return True
    others = [group for groups in backend.groups.values() for group in groups.values() if group.id != group_id]
    rules = [rule for group in others for rule in (*group.ingress_rules, *group.egress_rules)]
    return any(rule.source_group.get("GroupId") == group_id for rule in rules)
