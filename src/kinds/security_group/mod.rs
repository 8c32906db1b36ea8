//! Amazon EC2 security groups.

mod group;
mod owned;
mod rule;
mod rules;
mod spec;

pub use spec::SecurityGroupSpec;

use crate::api::resource::{Change, Effect, Intent, ResourceState};
use crate::aws::error::{AwsError, Named, unless_absent};
use crate::aws::session::Aws;
use crate::aws::tags::{CLUSTER, Owner, TagEdit, UID};
use crate::cost::{Costs, Found};
use crate::health::Assessment;
use crate::kinds::owned::Listing;
use crate::kinds::{Invalid, Kind, KindName, Look, Observed, Reference, Request, Target, Usually, ec2_tags, once};
use aws_sdk_ec2::types as ec2;
use rule::Direction;
use serde_json::{Map, Value};
use spec::SecurityGroupRule;
use std::collections::{BTreeMap, BTreeSet};

/// The kind `SecurityGroup`.
pub struct SecurityGroup;

/// The member that names a rule where rules are compared.
const RULE: &str = "rule";

impl Kind for SecurityGroup {
    type Spec = SecurityGroupSpec;
    const NAME: KindName = KindName::SecurityGroup;
    const HOLDS_DATA: bool = false;
    const GRANTS_ACCESS: bool = false;
    // The EC2 API is eventually consistent (EC2 Developer Guide, "Eventual consistency").
    const LAGS: bool = true;
    const ABSENT: &'static [&'static str] = &["InvalidGroup.NotFound"];
    const FIRST_WRITE: Option<&'static str> = Some("CreateSecurityGroup");
    const USUALLY: Usually = Usually { create_seconds: 1, delete_seconds: 1 };
    const NAMED_LISTS: &'static [(&'static str, &'static str)] = &[("ingress", RULE), ("egress", RULE)];
    const REFERENCES: &'static [Reference] = &[
        Reference { from: "vpcRef", to: "vpcId", output: "vpcId", later: false },
        Reference { from: "ingress.sourceGroupRef", to: "sourceGroupId", output: "groupId", later: true },
        Reference { from: "egress.sourceGroupRef", to: "sourceGroupId", output: "groupId", later: true },
    ];
    const IAM_ACTIONS: &'static [&'static str] = &[
        "ec2:AuthorizeSecurityGroupEgress",
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:CreateSecurityGroup",
        "ec2:CreateTags",
        "ec2:DeleteSecurityGroup",
        "ec2:DeleteTags",
        "ec2:DescribeSecurityGroupRules",
        "ec2:DescribeSecurityGroups",
        "ec2:RevokeSecurityGroupEgress",
        "ec2:RevokeSecurityGroupIngress",
        "ec2:UpdateSecurityGroupRuleDescriptionsEgress",
        "ec2:UpdateSecurityGroupRuleDescriptionsIngress",
    ];

    fn validate(spec: &SecurityGroupSpec) -> Result<(), Invalid> {
        if spec.vpc_id.is_none() {
            return Err(Invalid { path: "vpcId", message: "it must name a VPC, here or through vpcRef".into() });
        }
        for direction in Direction::BOTH {
            let rules = direction.rules(spec).unwrap_or_default();
            let problem = rules.iter().find_map(not_a_block).or_else(|| described_twice(rules, direction));
            if let Some(message) = problem {
                return Err(Invalid { path: direction.member(), message });
            }
        }
        Ok(())
    }

    fn id(_spec: &SecurityGroupSpec) -> Option<String> {
        None
    }

    fn effect(path: &str) -> Option<Effect> {
        match path {
            "foreignRules" => None,
            "vpcId" | "groupName" | "description" => Some(Effect::Replace),
            _ => Some(Effect::InPlace),
        }
    }

    fn comparable(spec: &SecurityGroupSpec) -> Value {
        let mut value = serde_json::to_value(spec).unwrap_or(Value::Null);
        for direction in Direction::BOTH {
            if let Some(rules) = direction.rules(spec) {
                let rules = rule::by_text(rules, direction);
                value[direction.member()] = rules.into_iter().map(|(text, rule)| named(text, rule)).collect();
            }
        }
        value
    }

    /// Security groups are free of charge.
    const FREE_FIELDS: &'static [&'static str] = &[
        "description",
        "egress",
        "egress.cidrIpv4",
        "egress.cidrIpv6",
        "egress.description",
        "egress.fromPort",
        "egress.prefixListId",
        "egress.protocol",
        "egress.sourceGroupId",
        "egress.toPort",
        "foreignRules",
        "groupName",
        "ingress",
        "ingress.cidrIpv4",
        "ingress.cidrIpv6",
        "ingress.description",
        "ingress.fromPort",
        "ingress.prefixListId",
        "ingress.protocol",
        "ingress.sourceGroupId",
        "ingress.toPort",
        "vpcId",
    ];

    fn cost_items(_spec: &SecurityGroupSpec, _found: Found<'_>) -> Costs {
        Costs::default()
    }

    async fn observe(
        aws: &Aws,
        id: &str,
        look: Look<'_, SecurityGroupSpec>,
    ) -> Result<Option<Observed<SecurityGroupSpec>>, AwsError> {
        let found = group::describe(aws, id).await;
        let Some(group) = unless_absent(found, Self::ABSENT)? else { return Ok(None) };
        let tags = ec2_tags::tags(group.tags());
        let mut spec = group::settings(&group);
        if let Look::Full(wanted) = look
            && (wanted.ingress.is_some() || wanted.egress.is_some())
        {
            let found = rules::read(aws, id).await?;
            spec.ingress = rules::listed(&found, wanted, &tags, Direction::Ingress);
            spec.egress = rules::listed(&found, wanted, &tags, Direction::Egress);
        }
        let arn = format!("arn:{}:ec2:{}:{}:security-group/{id}", aws.partition(), aws.region(), aws.account_id());
        Ok(Some(Observed {
            billed: crate::cost::Billed::new(),
            outputs: group::outputs(id, &arn, group.vpc_id()),
            arn,
            // A group has no states: it is there or it is not.
            state: ResourceState::Active,
            detail: None,
            health: Assessment::found(),
            spec,
            tags,
        }))
    }

    async fn find(aws: &Aws, owner: &Owner, _intent: &Intent) -> Result<Vec<String>, AwsError> {
        let by_owner = vec![
            ec2_tags::filter(format!("tag:{UID}"), &owner.uid),
            ec2_tags::filter(format!("tag:{CLUSTER}"), &owner.cluster),
        ];
        group::search(aws, by_owner).await
    }

    /// Makes the group without rules: they follow as changes once its id is on record.
    async fn create(aws: &Aws, request: Request<'_, SecurityGroupSpec>) -> Result<String, AwsError> {
        const OPERATION: &str = "CreateSecurityGroup";
        let tags = ec2::TagSpecification::builder()
            .resource_type(ec2::ResourceType::SecurityGroup)
            .set_tags(Some(ec2_tags::tags_for_api(request.tags)))
            .build();
        let answer = once!(
            aws_sdk_ec2,
            aws.ec2()
                .create_security_group()
                .set_vpc_id(request.spec.vpc_id.clone())
                .group_name(&request.spec.group_name)
                .description(&request.spec.description)
                .tag_specifications(tags),
            OPERATION
        )?;
        answer.group_id.ok_or_else(|| AwsError::malformed(OPERATION, "the answer has no group id"))
    }

    async fn update(aws: &Aws, target: Target<'_, SecurityGroupSpec>, changes: &[Change]) -> Result<(), AwsError> {
        let Target { id, spec, observed, .. } = target;
        let plans = Direction::BOTH.map(|direction| (direction, Plan::of(spec, changes, direction)));
        // What is allowed before and after must be allowed in between: new rules come first.
        for (direction, plan) in &plans {
            rules::authorize(aws, id, *direction, &plan.add, &observed.tags).await?;
        }
        for (direction, plan) in &plans {
            rules::describe(aws, id, *direction, &plan.describe).await?;
        }
        if plans.iter().all(|(_, plan)| plan.remove.is_empty()) {
            return Ok(());
        }
        let found = rules::read(aws, id).await?;
        for (direction, plan) in &plans {
            let ids = rules::ids_to_revoke(&found, spec, &observed.tags, *direction, &plan.remove);
            rules::revoke(aws, id, *direction, ids).await?;
        }
        Ok(())
    }

    async fn retag(aws: &Aws, target: Target<'_, SecurityGroupSpec>, edit: &TagEdit) -> Result<(), AwsError> {
        ec2_tags::retag(aws, target.id, edit).await
    }

    async fn delete(aws: &Aws, target: Target<'_, SecurityGroupSpec>) -> Result<(), AwsError> {
        // AWS keeps a group that a rule of another group refers to. Each of two groups that refer to
        // each other therefore first lets go of the other.
        let found = rules::read(aws, target.id).await?;
        for direction in Direction::BOTH {
            let ids = rules::ids_with_other_groups(&found, target.id, direction);
            rules::revoke(aws, target.id, direction, ids).await?;
        }
        let call = aws.ec2().delete_security_group().group_id(target.id);
        call.send().await.named("DeleteSecurityGroup").map(drop)
    }

    async fn list_owned(aws: &Aws, cluster: &str) -> Listing {
        owned::list(aws, cluster).await
    }
}

/// A rule as it is compared: its text says all but what it is called.
fn named(text: String, rule: SecurityGroupRule) -> Value {
    let mut members = Map::from_iter([(RULE.to_owned(), Value::String(text))]);
    members.extend(rule.description.map(|description| ("description".to_owned(), Value::String(description))));
    Value::Object(members)
}

/// Why the rule's addresses are none, where they are not.
fn not_a_block(rule: &SecurityGroupRule) -> Option<String> {
    let ipv4 = rule.cidr_ipv4.as_ref().filter(|cidr| rule::ipv4_block(cidr).is_none());
    let ipv6 = rule.cidr_ipv6.as_ref().filter(|cidr| rule::ipv6_block(cidr).is_none());
    let address = |cidr| format!("{cidr} must be an address, a slash and a prefix length, such as 10.0.0.0/8 or ::/0");
    ipv4.or(ipv6).map(address)
}

/// Why the rules contradict each other, where they do.
fn described_twice(rules: &[SecurityGroupRule], direction: Direction) -> Option<String> {
    let mut seen = BTreeMap::new();
    rules.iter().find_map(|rule| {
        let text = rule::text(rule, direction)?;
        let before = seen.insert(text.clone(), &rule.description)?;
        let message = format!("the rule {text} must have one description; it is listed twice with different ones");
        (before != &rule.description).then_some(message)
    })
}

/// What is to be done to the rules of one direction.
#[derive(Debug, Default, PartialEq, Eq)]
struct Plan {
    /// Rules to add.
    add: Vec<SecurityGroupRule>,
    /// Rules whose descriptions are to be set.
    describe: Vec<SecurityGroupRule>,
    /// Rules to take away, by their text.
    remove: BTreeSet<String>,
}

impl Plan {
    fn of(spec: &SecurityGroupSpec, changes: &[Change], direction: Direction) -> Self {
        let mut wanted = rule::by_text(direction.rules(spec).unwrap_or_default(), direction);
        let mut plan = Self::default();
        for change in changes {
            let list = change.path.strip_prefix(direction.member());
            let Some((text, rest)) = list.and_then(|rest| rest.strip_prefix('[')?.split_once(']')) else { continue };
            match (wanted.remove(text), rest) {
                (Some(rule), "") => plan.add.push(rule),
                (Some(rule), _) => plan.describe.push(rule),
                (None, _) => plan.remove.extend([text.to_owned()]),
            }
        }
        plan
    }
}

#[cfg(test)]
mod tests;
