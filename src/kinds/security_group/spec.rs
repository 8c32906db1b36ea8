//! What users may write about a security group.

use crate::api::resource::OutputRef;
use kube::KubeSchema;
use kube::core::Rule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A security group of a VPC.
///
/// The rules are a set: their order has no meaning, and a rule that is written twice is one rule. A
/// rule that refers to another AwsResource is added as soon as that one is ready, so that two groups
/// may refer to each other.
///
/// Outputs: `groupId`, `arn` and `vpcId`.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.groupName == oldSelf.groupName").message("securityGroup.groupName is immutable: a security group cannot be renamed; declare a new object"),
    validation = Rule::new("self.description == oldSelf.description").message("securityGroup.description is immutable: AWS cannot change it; declare a new object"),
    validation = Rule::new("has(self.vpcId) != has(self.vpcRef)").message("set either vpcId or vpcRef: a security group belongs to exactly one VPC"),
    validation = Rule::new("(has(self.vpcId) ? self.vpcId : '') == (has(oldSelf.vpcId) ? oldSelf.vpcId : '')").message("securityGroup.vpcId is immutable: a security group cannot move to another VPC; declare a new object"),
    validation = Rule::new("has(self.vpcRef) == has(oldSelf.vpcRef) && (!has(self.vpcRef) || self.vpcRef == oldSelf.vpcRef)").message("securityGroup.vpcRef is immutable: a security group cannot move to another VPC; declare a new object")
)]
pub struct SecurityGroupSpec {
    /// The VPC's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new("self.matches('^vpc-[0-9a-f]{8,17}$')").message("vpcId must be the id of a VPC: vpc- and hexadecimal digits"))]
    pub vpc_id: Option<String>,
    /// The AwsResource whose VPC it is; its output `vpcId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc_ref: Option<OutputRef>,
    /// The group's name, unique in the VPC without regard to case.
    #[schemars(length(min = 1, max = 255))]
    #[x_kube(
        validation = Rule::new("self.matches('^[][A-Za-z0-9._:/()#,@+=&;{}!$* -]+$') && !self.startsWith(' ') && !self.endsWith(' ')").message("groupName must be letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*, and not begin or end with a space"),
        validation = Rule::new("!self.lowerAscii().startsWith('sg-') && self.lowerAscii() != 'default'").message("groupName must not begin with sg- or be default, which AWS keeps for itself")
    )]
    pub group_name: String,
    /// What the group is for.
    #[schemars(length(min = 1, max = 255))]
    #[x_kube(validation = Rule::new("self.matches('^[][A-Za-z0-9._:/()#,@+=&;{}!$* -]+$') && !self.startsWith(' ') && !self.endsWith(' ')").message("description must be letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*, and not begin or end with a space"))]
    pub description: String,
    /// The rules for traffic to what is in the group. Where absent, the rules are left as they are; an
    /// empty list lets nothing in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100))]
    #[x_kube(merge_strategy = ListMerge::Atomic, validation = described_once("ingress"))]
    pub ingress: Option<Vec<SecurityGroupRule>>,
    /// The rules for traffic from what is in the group. Where absent, the rules are left as they are:
    /// AWS lets everything out of a new group. Where given, that rule of AWS goes unless it is listed
    /// too; an empty list lets nothing out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100))]
    #[x_kube(merge_strategy = ListMerge::Atomic, validation = described_once("egress"))]
    pub egress: Option<Vec<SecurityGroupRule>>,
    /// What becomes of rules that others have added to the group and that are not listed here; Keep
    /// where absent. It concerns the lists that are given, steers how they are carried out and is not
    /// compared with AWS itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign_rules: Option<ForeignRules>,
}

/// One rule: a protocol, ports where the protocol has them, and one peer, which is the source of
/// `ingress` and the destination of `egress`.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("[has(self.cidrIpv4), has(self.cidrIpv6), has(self.prefixListId), has(self.sourceGroupId), has(self.sourceGroupRef)].exists_one(given, given)").message("a rule must have exactly one of cidrIpv4, cidrIpv6, prefixListId, sourceGroupId and sourceGroupRef"),
    validation = Rule::new("has(self.fromPort) == has(self.toPort)").message("set fromPort and toPort, or neither"),
    validation = Rule::new("!(self.protocol in ['tcp', 'udp', '6', '17']) || (has(self.fromPort) && has(self.toPort) && self.fromPort >= 0 && self.fromPort <= self.toPort)").message("a rule for tcp or udp must have fromPort and toPort, in this order; 0 and 65535 mean all ports"),
    validation = Rule::new("!(self.protocol in ['icmp', 'icmpv6', '1', '58']) || !has(self.fromPort) || !has(self.toPort) || (self.fromPort <= 255 && self.toPort <= 255 && (self.fromPort >= 0 || self.toPort == -1))").message("a rule for icmp or icmpv6 must have a type in fromPort and a code in toPort, each up to 255; -1 means all, and all types have all codes"),
    validation = Rule::new("self.protocol in ['tcp', 'udp', 'icmp', 'icmpv6', '1', '6', '17', '58'] || !has(self.fromPort)").message("leave fromPort and toPort out: only tcp, udp, icmp and icmpv6 have ports; AWS allows all traffic of any other protocol")
)]
pub struct SecurityGroupRule {
    /// The IP protocol: `tcp`, `udp`, `icmp`, `icmpv6`, `all`, or a protocol number as text.
    #[schemars(length(min = 1, max = 6))]
    #[x_kube(validation = Rule::new("self in ['tcp', 'udp', 'icmp', 'icmpv6', 'all'] || (self.matches('^(0|[1-9][0-9]{0,2})$') && int(self) <= 255)").message("protocol must be tcp, udp, icmp, icmpv6, all, or a protocol number from 0 to 255 in quotes"))]
    pub protocol: String,
    /// The first port; for ICMP the type, where -1 or absence means all types.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1, max = 65535))]
    pub from_port: Option<i32>,
    /// The last port; for ICMP the code, where -1 or absence means all codes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1, max = 65535))]
    pub to_port: Option<i32>,
    /// The addresses of the peer as an IPv4 block, such as `10.0.0.0/8`; `0.0.0.0/0` is everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 18))]
    #[x_kube(validation = Rule::new("self.matches('^[0-9]{1,3}([.][0-9]{1,3}){3}/[0-9]{1,2}$') && isCIDR(self)").message("cidrIpv4 must be an IPv4 block such as 10.0.0.0/8"))]
    pub cidr_ipv4: Option<String>,
    /// The addresses of the peer as an IPv6 block, such as `2001:db8::/32`; `::/0` is everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 49))]
    #[x_kube(validation = Rule::new("self.matches('^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*/[0-9]{1,3}$') && isCIDR(self)").message("cidrIpv6 must be an IPv6 block such as 2001:db8::/32"))]
    pub cidr_ipv6: Option<String>,
    /// The id of the prefix list that holds the addresses of the peer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new("self.matches('^pl-[0-9a-f]{8,17}$')").message("prefixListId must be the id of a prefix list: pl- and hexadecimal digits"))]
    pub prefix_list_id: Option<String>,
    /// The id of the security group that the peer is in, of the same account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new("self.matches('^sg-[0-9a-f]{8,17}$')").message("sourceGroupId must be the id of a security group: sg- and hexadecimal digits"))]
    pub source_group_id: Option<String>,
    /// The AwsResource whose security group the peer is in; its output `groupId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_group_ref: Option<OutputRef>,
    /// What the rule is for. It does not tell rules apart: two rules may not differ in it alone. What an
    /// item leaves out is left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    #[x_kube(validation = Rule::new("self.matches('^[][A-Za-z0-9._:/()#,@+=&;{}!$* -]+$')").message("description must be letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*"))]
    pub description: Option<String>,
}

/// What becomes of rules that others have added to the group.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum ForeignRules {
    /// They stay. Only rules that this controller has added are taken away again.
    Keep,
    /// Every rule that is not listed is taken away.
    Remove,
}

/// Refuses rules of one list that differ in their descriptions alone, which AWS takes for one. Rules that say
/// the same in other words are found when they are carried out.
fn described_once(list: &str) -> Rule {
    let same = |member: &str, none: &str| {
        format!("(has(one.{member}) ? one.{member} : {none}) == (has(other.{member}) ? other.{member} : {none})")
    };
    let peers = ["cidrIpv4", "cidrIpv6", "prefixListId", "sourceGroupId"].map(|member| same(member, "''"));
    let group = "(has(one.sourceGroupRef) ? one.sourceGroupRef.name : '') == (has(other.sourceGroupRef) ? other.sourceGroupRef.name : '')";
    let ports = ["fromPort", "toPort"].map(|member| same(member, "-2"));
    let traffic = format!("one.protocol == other.protocol && {}", ports.join(" && "));
    let rule = format!(
        "self.all(one, self.all(other, !({traffic} && {} && {group}) || {}))",
        peers.join(" && "),
        same("description", "''")
    );
    Rule::new(rule).message(format!("{list} must not list a rule twice with different values of description").as_str())
}
