//! The rules of a group in AWS: reading them, telling whose they are, adding and taking them away.

use super::rule::{self, Direction};
use super::spec::{ForeignRules, SecurityGroupRule, SecurityGroupSpec};
use crate::aws::error::{AwsError, Named};
use crate::aws::session::Aws;
use crate::aws::tags::{AGENT, CLUSTER, MANAGED, NAME, NAMESPACE, Tags, UID};
use crate::kinds::ec2_tags;
use crate::kinds::ec2_tags::{filter, tags_for_api};
use aws_sdk_ec2::types as ec2;
use std::collections::BTreeSet;

/// Rules that one page may hold, which is the most EC2 gives.
const PAGE: i32 = 1000;

/// The code by which EC2 says that the rule is there already.
const DUPLICATE: &str = "InvalidPermission.Duplicate";

/// The codes by which EC2 says that a rule is gone already.
const GONE: [&str; 2] = ["InvalidPermission.NotFound", "InvalidSecurityGroupRuleId.NotFound"];

/// One rule that AWS has.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// Its id.
    pub(super) id: String,
    /// Which way its traffic goes.
    pub(super) direction: Direction,
    /// What it allows, in the words of the spec.
    pub(super) rule: SecurityGroupRule,
    /// Its tags.
    pub(super) tags: Tags,
}

/// All rules of the group.
pub(super) async fn read(aws: &Aws, group_id: &str) -> Result<Vec<Found>, AwsError> {
    let rules: Vec<ec2::SecurityGroupRule> = aws
        .ec2()
        .describe_security_group_rules()
        .filters(filter("group-id", group_id))
        .into_paginator()
        .page_size(PAGE)
        .items()
        .send()
        .collect::<Result<_, _>>()
        .await
        .named("DescribeSecurityGroupRules")?;
    Ok(rules.iter().filter_map(found).collect())
}

pub(super) fn found(rule: &ec2::SecurityGroupRule) -> Option<Found> {
    Some(Found {
        id: rule.security_group_rule_id.clone()?,
        direction: if rule.is_egress? { Direction::Egress } else { Direction::Ingress },
        rule: rule::of_api(rule),
        tags: ec2_tags::tags(rule.tags()),
    })
}

/// The rules of one direction as the spec would have to list them: of those that others have made
/// and that are to stay, only the wanted ones.
pub(super) fn listed(
    found: &[Found],
    wanted: &SecurityGroupSpec,
    group_tags: &Tags,
    direction: Direction,
) -> Option<Vec<SecurityGroupRule>> {
    let wanted_rules = rule::by_text(direction.rules(wanted)?, direction);
    let listed = found.iter().filter(|found| found.direction == direction).filter_map(|found| {
        let may_go = may_be_revoked(found, wanted, group_tags);
        let wanted = wanted_rules.get(&rule::text(&found.rule, direction)?);
        match (may_go, wanted) {
            (true, _) => Some(found.rule.clone()),
            // It does what is wanted, and what others call it is not ours to change.
            (false, Some(wanted)) => Some(wanted.clone()),
            (false, None) => None,
        }
    });
    Some(listed.collect())
}

/// Whether the rule may be taken away where the spec does not list it.
pub(super) fn may_be_revoked(found: &Found, wanted: &SecurityGroupSpec, group_tags: &Tags) -> bool {
    wanted.foreign_rules == Some(ForeignRules::Remove) || is_ours(&found.tags, group_tags) || is_from_aws(found)
}

/// Whether the owner of the group has added the rule. An earlier object of the same name counts: the
/// group was taken over from it, with its rules.
fn is_ours(rule_tags: &Tags, group_tags: &Tags) -> bool {
    let same = |key: &str| rule_tags.contains_key(key) && rule_tags.get(key) == group_tags.get(key);
    same(CLUSTER) && (same(UID) || (same(NAMESPACE) && same(NAME)))
}

/// Whether it is the rule that AWS itself gives a new group: everything may go out (VPC User Guide,
/// "Default security groups for your VPCs" and "Security group rules").
fn is_from_aws(found: &Found) -> bool {
    let Found { direction, rule, tags, .. } = found;
    let everywhere = rule.cidr_ipv4.as_deref() == Some("0.0.0.0/0") || rule.cidr_ipv6.as_deref() == Some("::/0");
    *direction == Direction::Egress
        && rule.protocol == "all"
        && everywhere
        && rule.description.is_none()
        && tags.is_empty()
}

/// The tags of a rule: those that say whose the group is.
fn owner_tags(group_tags: &Tags) -> Tags {
    let keys = [MANAGED, AGENT, CLUSTER, NAMESPACE, NAME, UID];
    let owner = group_tags.iter().filter(|(key, _)| keys.contains(&key.as_str()));
    owner.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Adds rules, tagged with the owner. One that is there already is as good as added; EC2 then refuses
/// the whole call, and the rules are added one by one.
pub(super) async fn authorize(
    aws: &Aws,
    group_id: &str,
    direction: Direction,
    rules: &[SecurityGroupRule],
    group_tags: &Tags,
) -> Result<(), AwsError> {
    if rules.is_empty() {
        return Ok(());
    }
    match authorize_at_once(aws, group_id, direction, rules, group_tags).await {
        Err(error) if error.code.as_deref() == Some(DUPLICATE) && rules.len() > 1 => {
            for rule in rules {
                let one = std::slice::from_ref(rule);
                unless(&[DUPLICATE], authorize_at_once(aws, group_id, direction, one, group_tags).await)?;
            }
            Ok(())
        }
        answer => unless(&[DUPLICATE], answer),
    }
}

async fn authorize_at_once(
    aws: &Aws,
    group_id: &str,
    direction: Direction,
    rules: &[SecurityGroupRule],
    group_tags: &Tags,
) -> Result<(), AwsError> {
    let permissions = Some(rules.iter().map(rule::for_api).collect());
    let tags = ec2::TagSpecification::builder()
        .resource_type(ec2::ResourceType::SecurityGroupRule)
        .set_tags(Some(tags_for_api(&owner_tags(group_tags))))
        .build();
    match direction {
        Direction::Ingress => {
            let call = aws.ec2().authorize_security_group_ingress().group_id(group_id);
            let call = call.set_ip_permissions(permissions).tag_specifications(tags);
            call.send().await.named("AuthorizeSecurityGroupIngress").map(drop)
        }
        Direction::Egress => {
            let call = aws.ec2().authorize_security_group_egress().group_id(group_id);
            let call = call.set_ip_permissions(permissions).tag_specifications(tags);
            call.send().await.named("AuthorizeSecurityGroupEgress").map(drop)
        }
    }
}

/// Sets the descriptions of rules that are there.
pub(super) async fn describe(
    aws: &Aws,
    group_id: &str,
    direction: Direction,
    rules: &[SecurityGroupRule],
) -> Result<(), AwsError> {
    if rules.is_empty() {
        return Ok(());
    }
    let permissions = Some(rules.iter().map(rule::for_api).collect());
    match direction {
        Direction::Ingress => {
            let call = aws.ec2().update_security_group_rule_descriptions_ingress().group_id(group_id);
            let call = call.set_ip_permissions(permissions);
            call.send().await.named("UpdateSecurityGroupRuleDescriptionsIngress").map(drop)
        }
        Direction::Egress => {
            let call = aws.ec2().update_security_group_rule_descriptions_egress().group_id(group_id);
            let call = call.set_ip_permissions(permissions);
            call.send().await.named("UpdateSecurityGroupRuleDescriptionsEgress").map(drop)
        }
    }
}

/// The rules that are to go, among those that AWS has now: by id, so that a rule that others have put
/// in the place of ours in the meantime stays.
pub(super) fn ids_to_revoke(
    found: &[Found],
    wanted: &SecurityGroupSpec,
    group_tags: &Tags,
    direction: Direction,
    texts: &BTreeSet<String>,
) -> Vec<String> {
    let of_direction = found.iter().filter(|found| found.direction == direction);
    let to_go = of_direction.filter(|found| {
        let named = rule::text(&found.rule, direction).is_some_and(|text| texts.contains(&text));
        named && may_be_revoked(found, wanted, group_tags)
    });
    to_go.map(|found| found.id.clone()).collect()
}

/// The rules of one direction that refer to groups other than this one.
pub(super) fn ids_with_other_groups(found: &[Found], group_id: &str, direction: Direction) -> Vec<String> {
    let of_direction = found.iter().filter(|found| found.direction == direction);
    let others = of_direction
        .filter(|found| found.rule.source_group_id.as_deref().is_some_and(|referenced| referenced != group_id));
    others.map(|found| found.id.clone()).collect()
}

/// Takes rules away; one that is gone already is as good as taken away. EC2 then leaves the others of
/// the call, which the next look finds.
pub(super) async fn revoke(
    aws: &Aws,
    group_id: &str,
    direction: Direction,
    rule_ids: Vec<String>,
) -> Result<(), AwsError> {
    if rule_ids.is_empty() {
        return Ok(());
    }
    let rule_ids = Some(rule_ids);
    let answer = match direction {
        Direction::Ingress => {
            let call = aws.ec2().revoke_security_group_ingress().group_id(group_id);
            call.set_security_group_rule_ids(rule_ids).send().await.named("RevokeSecurityGroupIngress").map(drop)
        }
        Direction::Egress => {
            let call = aws.ec2().revoke_security_group_egress().group_id(group_id);
            call.set_security_group_rule_ids(rule_ids).send().await.named("RevokeSecurityGroupEgress").map(drop)
        }
    };
    unless(&GONE, answer)
}

/// The answer, where an error with one of these codes is as good as success.
fn unless(codes: &[&str], answer: Result<(), AwsError>) -> Result<(), AwsError> {
    answer.or_else(|error| match error.code.as_deref() {
        Some(code) if codes.contains(&code) => Ok(()),
        _ => Err(error),
    })
}
