//! Amazon VPCs with their subnets and gateways.
//!
//! None of the create calls but that of flow logs has an idempotency token that outlives the call, and
//! theirs has one that is of little use ([`flow_logs`]). The VPC is made alone, so that its id is recorded at once. Every part carries the owner's tags and the tag `ccagi:part`
//! from its create call on, and is looked up by these before it is made. What remains is a part whose
//! create call was made and not answered and that EC2 does not show at the next look: where that makes
//! a second one, it is noticed and told, and nothing is picked.

mod cidr;
mod cost;
mod flow_logs;
mod make;
mod owned;
mod parts;
mod plan;
mod read;
mod spec;
mod teardown;

pub use spec::VpcNetworkSpec;

use self::make::Site;
use self::parts::vpc_state;
use self::read::Scope;
use crate::api::resource::{Change, Effect, Intent, ResourceState};
use crate::aws::error::{AwsError, Named, unless_absent};
use crate::aws::session::Aws;
use crate::aws::tags::{CLUSTER, Owner, TagEdit, UID};
use crate::cost::{Costs, Found};
use crate::health::Assessment;
use crate::kinds::ec2_tags::{self, filter};
use crate::kinds::owned::Listing;
use crate::kinds::{Invalid, Kind, KindName, Look, Observed, Reference, Request, Target, Usually, once};
use aws_sdk_ec2::types as ec2;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The kind `VpcNetwork`.
pub struct VpcNetwork;

impl Kind for VpcNetwork {
    type Spec = VpcNetworkSpec;
    const NAME: KindName = KindName::VpcNetwork;
    const HOLDS_DATA: bool = false;
    const GRANTS_ACCESS: bool = false;
    // The EC2 API is eventually consistent (EC2 Developer Guide, "Eventual consistency").
    const LAGS: bool = true;
    const ABSENT: &'static [&'static str] = &["InvalidVpcID.NotFound"];
    const FIRST_WRITE: Option<&'static str> = Some("CreateVpc");
    // A NAT gateway takes two or three minutes more, either way.
    const USUALLY: Usually = Usually { create_seconds: 30, delete_seconds: 60 };
    const NAMED_LISTS: &'static [(&'static str, &'static str)] = &[("subnets", "name")];
    // The bucket has to outlive the flow logs that are written to it.
    const REFERENCES: &'static [Reference] =
        &[Reference { from: "flowLogs.bucketRef", to: "bucketArn", output: "arn", later: false }];
    const IAM_ACTIONS: &'static [&'static str] = &[
        "ec2:AllocateAddress",
        "ec2:AssociateRouteTable",
        "ec2:AttachInternetGateway",
        "ec2:CreateFlowLogs",
        "ec2:CreateInternetGateway",
        "ec2:CreateNatGateway",
        "ec2:CreateRoute",
        "ec2:CreateRouteTable",
        "ec2:CreateSubnet",
        "ec2:CreateTags",
        "ec2:CreateVpc",
        "ec2:DeleteFlowLogs",
        "ec2:DeleteInternetGateway",
        "ec2:DeleteNatGateway",
        "ec2:DeleteRoute",
        "ec2:DeleteRouteTable",
        "ec2:DeleteSubnet",
        "ec2:DeleteTags",
        "ec2:DeleteVpc",
        "ec2:DescribeAddresses",
        "ec2:DescribeFlowLogs",
        "ec2:DescribeInternetGateways",
        "ec2:DescribeNatGateways",
        "ec2:DescribeRouteTables",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcAttribute",
        "ec2:DescribeVpcs",
        "ec2:DetachInternetGateway",
        "ec2:ModifySubnetAttribute",
        "ec2:ModifyVpcAttribute",
        "ec2:ReleaseAddress",
        "ec2:ReplaceRoute",
        "ec2:ReplaceRouteTableAssociation",
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
        "s3:GetBucketPolicy",
    ];

    fn validate(spec: &VpcNetworkSpec) -> Result<(), Invalid> {
        cidr::check(spec)
    }

    fn id(_spec: &VpcNetworkSpec) -> Option<String> {
        None
    }

    fn effect(path: &str) -> Option<Effect> {
        match path {
            "cidrBlock" | "subnets.availabilityZone" | "subnets.cidrBlock" => Some(Effect::Replace),
            _ => Some(Effect::InPlace),
        }
    }

    /// Gateways and flow logs that the spec does not name are to go, so that none is something to compare.
    fn comparable(spec: &VpcNetworkSpec) -> Value {
        let mut value = serde_json::to_value(spec).unwrap_or(Value::Null);
        if let Some(members) = value.as_object_mut() {
            members.entry("internetGateway").or_insert_with(|| json!(false));
            members.entry("natGateway").or_insert_with(|| "none".into());
            let flow_logs = members.entry("flowLogs").or_insert_with(|| "none".into());
            if let Some(flow_logs) = flow_logs.as_object_mut() {
                let interval = || json!(flow_logs::USUAL_INTERVAL);
                flow_logs.entry("maxAggregationIntervalSeconds").or_insert_with(interval);
            }
        }
        value
    }

    const FREE_FIELDS: &'static [&'static str] = &[
        "cidrBlock",
        "dnsHostnames",
        "dnsSupport",
        "flowLogs.bucketArn",
        "flowLogs.maxAggregationIntervalSeconds",
        "flowLogs.trafficType",
        "internetGateway",
        "natGateway.subnet",
        "subnets",
        "subnets.availabilityZone",
        "subnets.cidrBlock",
        // The address is paid for with the instance that has it.
        "subnets.mapPublicIpOnLaunch",
        "subnets.name",
        "subnets.public",
    ];

    fn cost_items(spec: &VpcNetworkSpec, found: Found<'_>) -> Costs {
        cost::items(spec, found)
    }

    async fn observe(
        aws: &Aws,
        id: &str,
        look: Look<'_, VpcNetworkSpec>,
    ) -> Result<Option<Observed<VpcNetworkSpec>>, AwsError> {
        let Some(vpc) = unless_absent(describe_vpc(aws, id).await, Self::ABSENT)? else {
            return without_vpc(aws, id, look).await;
        };
        let tags = ec2_tags::tags(vpc.tags());
        let arn = arn(aws, id);
        let mut observed = Observed {
            billed: crate::cost::Billed::new(),
            state: vpc_state(vpc.state()),
            detail: None,
            health: parts::Parts::default().health(vpc.state(), false),
            spec: VpcNetworkSpec::default(),
            outputs: outputs(&arn, id, &vpc),
            arn,
            tags,
        };
        match look {
            Look::Owner { .. } => observe_removal(aws, id, &mut observed).await?,
            Look::Full(wanted) => observe_parts(aws, id, &vpc, wanted, &mut observed).await?,
        }
        observed.spec.cidr_block = vpc.cidr_block.unwrap_or_default();
        Ok(Some(observed))
    }

    async fn find(aws: &Aws, owner: &Owner, _intent: &Intent) -> Result<Vec<String>, AwsError> {
        let by_owner = vec![filter(format!("tag:{UID}"), &owner.uid), filter(format!("tag:{CLUSTER}"), &owner.cluster)];
        let call = aws.ec2().describe_vpcs().set_filters(Some(by_owner));
        let vpcs: Vec<ec2::Vpc> =
            call.into_paginator().items().send().collect::<Result<_, _>>().await.named("DescribeVpcs")?;
        Ok(vpcs.into_iter().filter_map(|vpc| vpc.vpc_id).collect())
    }

    async fn create(aws: &Aws, request: Request<'_, VpcNetworkSpec>) -> Result<String, AwsError> {
        let tags = ec2_tags::tags_for_api(request.tags);
        let tags = ec2::TagSpecification::builder().resource_type(ec2::ResourceType::Vpc).set_tags(Some(tags)).build();
        let call = aws.ec2().create_vpc().cidr_block(&request.spec.cidr_block).tag_specifications(tags);
        let answer = once!(aws_sdk_ec2, call, "CreateVpc")?;
        make::id("CreateVpc", answer.vpc.and_then(|vpc| vpc.vpc_id))
    }

    async fn update(aws: &Aws, target: Target<'_, VpcNetworkSpec>, changes: &[Change]) -> Result<(), AwsError> {
        for (attribute, on) in dns_settings(target.spec, changes) {
            put_dns_setting(aws, target.id, attribute, on).await?;
        }
        if changes.iter().any(|change| !change.path.starts_with("dns")) {
            let scope = scope(&target)?;
            let parts = read::parts(aws, &scope).await?.parts(&scope)?;
            let site = Site { vpc: target.id, tags: &target.observed.tags };
            make::steps(aws, &site, target.spec, parts).await?;
        }
        Ok(())
    }

    async fn retag(aws: &Aws, target: Target<'_, VpcNetworkSpec>, edit: &TagEdit) -> Result<(), AwsError> {
        if !edit.set.is_empty() {
            let tags = ec2_tags::tags_for_api(&edit.set);
            let call = aws.ec2().create_tags().resources(target.id).set_tags(Some(tags));
            let call = inherited(aws, &target, edit).await?.into_iter().fold(call, |call, id| call.resources(id));
            call.send().await.named("CreateTags")?;
        }
        if !edit.remove.is_empty() {
            // Without a value, a tag goes whatever its value is.
            let keys = edit.remove.iter().map(|key| ec2::Tag::builder().key(key).build()).collect();
            let call = aws.ec2().delete_tags().resources(target.id).set_tags(Some(keys));
            call.send().await.named("DeleteTags")?;
        }
        Ok(())
    }

    async fn delete(aws: &Aws, target: Target<'_, VpcNetworkSpec>) -> Result<(), AwsError> {
        let scope = scope(&target)?;
        teardown::step(aws, &scope, &read::parts(aws, &scope).await?).await
    }

    async fn list_owned(aws: &Aws, cluster: &str) -> Listing {
        owned::list(aws, cluster).await
    }
}

/// The scope of the owner; a network is changed only once its tags were seen to name one.
fn scope(target: &Target<'_, VpcNetworkSpec>) -> Result<Scope, AwsError> {
    Scope::of(target.id, &target.observed.tags)
        .ok_or_else(|| AwsError::malformed("DescribeVpcs", "the VPC does not carry the tags of its owner"))
}

/// The parts that change hands with the VPC: they are found by the owner's tags, so that a VPC which
/// goes over from an earlier object to a new one must take them along in the same call.
async fn inherited(aws: &Aws, target: &Target<'_, VpcNetworkSpec>, edit: &TagEdit) -> Result<Vec<String>, AwsError> {
    let changes_hands = [UID, CLUSTER].iter().any(|key| edit.set.contains_key(*key));
    match Scope::of(target.id, &target.observed.tags).filter(|_| changes_hands) {
        Some(scope) => Ok(read::parts(aws, &scope).await?.ids(&scope)),
        None => Ok(Vec::new()),
    }
}

fn arn(aws: &Aws, id: &str) -> String {
    format!("arn:{}:ec2:{}:{}:vpc/{id}", aws.partition(), aws.region(), aws.account_id())
}

/// What there is of a network whose VPC is gone. One that is to be made again finds its parts by the
/// owner's tags; one that is to go is there as long as anything of it is.
async fn without_vpc(
    aws: &Aws,
    id: &str,
    look: Look<'_, VpcNetworkSpec>,
) -> Result<Option<Observed<VpcNetworkSpec>>, AwsError> {
    let Look::Owner { .. } = look else { return Ok(None) };
    Ok(read::left_behind(aws, id).await?.map(|tags| Observed {
        billed: crate::cost::Billed::new(),
        arn: arn(aws, id),
        state: ResourceState::Unknown,
        detail: Some("the VPC is gone, and parts of the network are left".into()),
        health: Assessment::unhealthy("VpcGone", "The VPC is gone."),
        spec: VpcNetworkSpec::default(),
        tags,
        outputs: BTreeMap::new(),
    }))
}

async fn describe_vpc(aws: &Aws, id: &str) -> Result<ec2::Vpc, AwsError> {
    const OPERATION: &str = "DescribeVpcs";
    let answer = aws.ec2().describe_vpcs().vpc_ids(id).send().await.named(OPERATION)?;
    let vpc = answer.vpcs.into_iter().flatten().next();
    vpc.ok_or_else(|| AwsError::malformed(OPERATION, format!("the answer has no VPC {id}")))
}

/// A NAT gateway takes minutes to go; until then nothing else of the network can.
async fn observe_removal(aws: &Aws, id: &str, observed: &mut Observed<VpcNetworkSpec>) -> Result<(), AwsError> {
    let Some(scope) = Scope::of(id, &observed.tags) else { return Ok(()) };
    let nats = read::nats(aws, &scope).await?;
    let leaving = nats.iter().find(|nat| nat.state() == Some(&ec2::NatGatewayState::Deleting));
    // While another one is still standing, that one has to be deleted first.
    if nats.iter().all(|nat| matches!(nat.state(), Some(ec2::NatGatewayState::Deleting | ec2::NatGatewayState::Failed)))
        && let Some(nat) = leaving
    {
        observed.state = ResourceState::Deleting;
        observed.detail = nat.nat_gateway_id().map(|id| format!("the NAT gateway {id} is being deleted"));
    }
    Ok(())
}

/// Reads what `wanted` names of the VPC, and all parts.
async fn observe_parts(
    aws: &Aws,
    id: &str,
    vpc: &ec2::Vpc,
    wanted: &VpcNetworkSpec,
    observed: &mut Observed<VpcNetworkSpec>,
) -> Result<(), AwsError> {
    let parts = match Scope::of(id, &observed.tags) {
        Some(scope) => read::parts(aws, &scope).await?.parts(&scope)?,
        None => parts::Parts::default(),
    };
    observed.spec = parts.spec(wanted);
    if wanted.dns_support.is_some() {
        observed.spec.dns_support = dns_setting(aws, id, ec2::VpcAttributeName::EnableDnsSupport).await?;
    }
    if wanted.dns_hostnames.is_some() {
        observed.spec.dns_hostnames = dns_setting(aws, id, ec2::VpcAttributeName::EnableDnsHostnames).await?;
    }
    observed.health = parts.health(vpc.state(), wanted.nat_gateway.is_some());
    (observed.state, observed.detail) = parts.state(observed.state, wanted.nat_gateway.is_some());
    observed.outputs.extend(parts.outputs(wanted));
    Ok(())
}

async fn dns_setting(aws: &Aws, id: &str, attribute: ec2::VpcAttributeName) -> Result<Option<bool>, AwsError> {
    let call = aws.ec2().describe_vpc_attribute().vpc_id(id).attribute(attribute);
    let answer = call.send().await.named("DescribeVpcAttribute")?;
    let value = answer.enable_dns_support.or(answer.enable_dns_hostnames);
    Ok(value.and_then(|attribute| attribute.value))
}

/// The DNS settings to write, in the order that AWS needs: host names are on only while DNS is.
fn dns_settings(spec: &VpcNetworkSpec, changes: &[Change]) -> Vec<(ec2::VpcAttributeName, bool)> {
    let changed = |path: &str| changes.iter().any(|change| change.path == path);
    let support = spec.dns_support.filter(|_| changed("dnsSupport"));
    let hostnames = spec.dns_hostnames.filter(|_| changed("dnsHostnames"));
    let mut settings: Vec<_> =
        [(ec2::VpcAttributeName::EnableDnsSupport, support), (ec2::VpcAttributeName::EnableDnsHostnames, hostnames)]
            .into_iter()
            .filter_map(|(attribute, on)| Some((attribute, on?)))
            .collect();
    if hostnames == Some(false) {
        settings.reverse();
    }
    settings
}

/// EC2 takes one attribute a call (API reference, ModifyVpcAttribute).
async fn put_dns_setting(aws: &Aws, id: &str, attribute: ec2::VpcAttributeName, on: bool) -> Result<(), AwsError> {
    let value = ec2::AttributeBooleanValue::builder().value(on).build();
    let call = aws.ec2().modify_vpc_attribute().vpc_id(id);
    let call = match attribute {
        ec2::VpcAttributeName::EnableDnsHostnames => call.enable_dns_hostnames(value),
        _ => call.enable_dns_support(value),
    };
    call.send().await.named("ModifyVpcAttribute").map(drop)
}

fn outputs(arn: &str, id: &str, vpc: &ec2::Vpc) -> BTreeMap<String, String> {
    [("arn", Some(arn)), ("vpcId", Some(id)), ("cidrBlock", vpc.cidr_block())]
        .into_iter()
        .filter_map(|(output, value)| Some((output.to_owned(), value?.to_owned())))
        .collect()
}

#[cfg(test)]
mod tests;
