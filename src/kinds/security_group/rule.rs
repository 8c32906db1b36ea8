//! One rule in one form: rules that mean the same read the same, however they are written.

use super::spec::{SecurityGroupRule, SecurityGroupSpec};
use aws_sdk_ec2::types as ec2;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

/// What ICMP has in the place of ports where it means all types or all codes.
const ALL: i32 = -1;

/// Which way the traffic of a rule goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// To what is in the group.
    Ingress,
    /// From what is in the group.
    Egress,
}

impl Direction {
    pub(super) const BOTH: [Self; 2] = [Self::Ingress, Self::Egress];

    /// The direction's list in the spec, by its name.
    pub(super) fn member(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }

    /// The direction's list in the spec.
    pub(super) fn rules(self, spec: &SecurityGroupSpec) -> Option<&[SecurityGroupRule]> {
        match self {
            Self::Ingress => spec.ingress.as_deref(),
            Self::Egress => spec.egress.as_deref(),
        }
    }
}

/// The rules by their text, which drops what is written twice. A rule without a peer is left out: it
/// refers to another resource that is not there yet.
pub(super) fn by_text(rules: &[SecurityGroupRule], direction: Direction) -> BTreeMap<String, SecurityGroupRule> {
    let normal = rules.iter().map(normalised);
    normal.filter_map(|rule| Some((text(&rule, direction)?, rule))).collect()
}

/// What tells the rule apart from all others of its group, in words, such as
/// `tcp 8000-8100 from 10.0.0.0/8`. It has no brackets, which paths of changes keep for themselves.
pub(super) fn text(rule: &SecurityGroupRule, direction: Direction) -> Option<String> {
    let rule = normalised(rule);
    let traffic = match (rule.protocol.as_str(), rule.from_port, rule.to_port) {
        ("icmp" | "icmpv6", Some(ALL), _) => rule.protocol,
        ("icmp" | "icmpv6", Some(kind), Some(ALL)) => format!("{} type {kind}", rule.protocol),
        ("icmp" | "icmpv6", Some(kind), Some(code)) => format!("{} type {kind} code {code}", rule.protocol),
        (_, Some(from), Some(to)) if from == to => format!("{} {from}", rule.protocol),
        (_, Some(from), Some(to)) => format!("{} {from}-{to}", rule.protocol),
        _ => rule.protocol,
    };
    let preposition = match direction {
        Direction::Ingress => "from",
        Direction::Egress => "to",
    };
    let peer = rule.cidr_ipv4.or(rule.cidr_ipv6).or(rule.prefix_list_id).or(rule.source_group_id)?;
    Some(format!("{traffic} {preposition} {peer}"))
}

/// The rule as AWS would show it.
fn normalised(rule: &SecurityGroupRule) -> SecurityGroupRule {
    let protocol = protocol(&rule.protocol);
    let (from_port, to_port) = match protocol.as_str() {
        "tcp" | "udp" => (rule.from_port, rule.to_port),
        "icmp" | "icmpv6" => (rule.from_port.or(Some(ALL)), rule.to_port.or(Some(ALL))),
        _ => (None, None),
    };
    SecurityGroupRule {
        protocol,
        from_port,
        to_port,
        cidr_ipv4: rule.cidr_ipv4.as_deref().map(|cidr| ipv4_block(cidr).unwrap_or_else(|| cidr.to_owned())),
        cidr_ipv6: rule.cidr_ipv6.as_deref().map(|cidr| ipv6_block(cidr).unwrap_or_else(|| cidr.to_owned())),
        source_group_ref: None,
        ..rule.clone()
    }
}

/// The name of a protocol that has one, the number of any other (Protocol Numbers, IANA).
fn protocol(name: &str) -> String {
    match name.to_ascii_lowercase().as_str() {
        "-1" | "all" => "all",
        "1" | "icmp" => "icmp",
        "6" | "tcp" => "tcp",
        "17" | "udp" => "udp",
        "58" | "icmpv6" => "icmpv6",
        _ => name,
    }
    .to_owned()
}

/// The block without the bits that its length leaves out, as EC2 writes it (API reference, IpRange);
/// `None` where it is not an IPv4 block.
pub(super) fn ipv4_block(cidr: &str) -> Option<String> {
    let (address, length) = cidr.split_once('/')?;
    let (address, length): (Ipv4Addr, u32) = (address.parse().ok()?, length.parse().ok()?);
    let mask = u32::MAX.checked_shl(Ipv4Addr::BITS.checked_sub(length)?).unwrap_or(0);
    Some(format!("{}/{length}", Ipv4Addr::from_bits(address.to_bits() & mask)))
}

/// The same for IPv6 (API reference, Ipv6Range).
pub(super) fn ipv6_block(cidr: &str) -> Option<String> {
    let (address, length) = cidr.split_once('/')?;
    let (address, length): (Ipv6Addr, u32) = (address.parse().ok()?, length.parse().ok()?);
    let mask = u128::MAX.checked_shl(Ipv6Addr::BITS.checked_sub(length)?).unwrap_or(0);
    Some(format!("{}/{length}", Ipv6Addr::from_bits(address.to_bits() & mask)))
}

/// What AWS has, in the words of the spec.
pub(super) fn of_api(found: &ec2::SecurityGroupRule) -> SecurityGroupRule {
    normalised(&SecurityGroupRule {
        protocol: found.ip_protocol.clone().unwrap_or_default(),
        from_port: found.from_port,
        to_port: found.to_port,
        cidr_ipv4: found.cidr_ipv4.clone(),
        cidr_ipv6: found.cidr_ipv6.clone(),
        prefix_list_id: found.prefix_list_id.clone(),
        source_group_id: found.referenced_group_info.as_ref().and_then(|group| group.group_id.clone()),
        source_group_ref: None,
        // AWS writes an empty one where there is none.
        description: found.description.clone().filter(|text| !text.is_empty()),
    })
}

/// The rule as EC2 takes it.
pub(super) fn for_api(rule: &SecurityGroupRule) -> ec2::IpPermission {
    let SecurityGroupRule { protocol, from_port, to_port, description, .. } = normalised(rule);
    let permission = ec2::IpPermission::builder()
        .ip_protocol(if protocol == "all" { "-1".to_owned() } else { protocol })
        .set_from_port(from_port)
        .set_to_port(to_port);
    if let Some(cidr) = &rule.cidr_ipv4 {
        let range = ec2::IpRange::builder().cidr_ip(cidr).set_description(description);
        permission.ip_ranges(range.build()).build()
    } else if let Some(cidr) = &rule.cidr_ipv6 {
        let range = ec2::Ipv6Range::builder().cidr_ipv6(cidr).set_description(description);
        permission.ipv6_ranges(range.build()).build()
    } else if let Some(list) = &rule.prefix_list_id {
        let list = ec2::PrefixListId::builder().prefix_list_id(list).set_description(description);
        permission.prefix_list_ids(list.build()).build()
    } else {
        let group = rule.source_group_id.clone();
        let pair = ec2::UserIdGroupPair::builder().set_group_id(group).set_description(description);
        permission.user_id_group_pairs(pair.build()).build()
    }
}
