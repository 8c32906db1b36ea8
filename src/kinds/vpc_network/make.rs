//! Carrying out the steps of a plan.

use super::flow_logs;
use super::parts::Parts;
use super::plan::{Step, next};
use super::read::{ADDRESS, EVERYWHERE, GATEWAY, NAT, PART, PRIVATE_TABLE, PUBLIC_TABLE, SUBNET, VPC};
use super::spec::{Subnet, VpcNetworkSpec};
use crate::aws::error::{AwsError, ErrorClass, Named};
use crate::aws::session::Aws;
use crate::aws::tags::Tags;
use crate::kinds::ec2_tags::tag;
use crate::kinds::once;
use aws_sdk_ec2::types as ec2;

/// How many calls one pass makes; the next pass looks again and goes on.
const CALLS: usize = 8;

/// The network that steps are taken in.
pub(super) struct Site<'a> {
    /// The VPC's id.
    pub vpc: &'a str,
    /// The VPC's tags, which its parts get when they are made.
    pub tags: &'a Tags,
}

/// Takes the next steps, each from what the one before it has left.
pub(super) async fn steps(aws: &Aws, site: &Site<'_>, spec: &VpcNetworkSpec, mut parts: Parts) -> Result<(), AwsError> {
    for _ in 0..CALLS {
        let Some(step) = next(spec, &parts) else { return Ok(()) };
        let id = take(aws, site, &step).await.map_err(not_visible_yet)?;
        parts.after(step, id);
    }
    Ok(())
}

/// Steps name only what was read a moment ago. Where EC2 does not know it, it does not know it yet
/// (EC2 Developer Guide, "Eventual consistency") or not any more, and the next look tells which.
fn not_visible_yet(error: AwsError) -> AwsError {
    match error.code.as_deref() {
        Some(code) if code.ends_with("NotFound") => AwsError { class: ErrorClass::Conflict, ..error },
        _ => error,
    }
}

/// The id in an answer.
pub(super) fn id(operation: &'static str, id: Option<String>) -> Result<String, AwsError> {
    id.ok_or_else(|| AwsError::malformed(operation, "the answer has no id"))
}

/// Makes the call of a step; the answer is the id of what was made, or nothing.
async fn take(aws: &Aws, site: &Site<'_>, step: &Step) -> Result<String, AwsError> {
    match step {
        Step::CreateSubnet(subnet) => create_subnet(aws, site, subnet).await,
        Step::MapPublicIp { subnet, on } => map_public_ip(aws, subnet, *on).await.map(|()| String::new()),
        Step::CreateGateway => create_gateway(aws, site).await,
        Step::CreateTable { public } => create_table(aws, site, *public).await,
        Step::AllocateAddress => allocate_address(aws, site).await,
        Step::CreateNat { subnet, address } => create_nat(aws, site, subnet, address).await,
        Step::Associate { subnet, table } => associate(aws, subnet, table).await,
        Step::Reassociate { association, table, .. } => reassociate(aws, association, table).await,
        Step::SetRoute { public, table, target, replace } => {
            set_route(aws, *public, table, target, *replace).await.map(|()| String::new())
        }
        Step::AttachGateway { gateway } => {
            let call = aws.ec2().attach_internet_gateway().internet_gateway_id(gateway).vpc_id(site.vpc);
            call.send().await.named("AttachInternetGateway").map(|_| String::new())
        }
        Step::DeleteRoute { table, .. } => {
            let call = aws.ec2().delete_route().route_table_id(table).destination_cidr_block(EVERYWHERE);
            call.send().await.named("DeleteRoute").map(|_| String::new())
        }
        Step::DeleteNat { nat } => delete_nat(aws, nat).await.map(|()| String::new()),
        Step::ReleaseAddress { address } => release_address(aws, address).await.map(|()| String::new()),
        Step::DeleteSubnet { subnet, .. } => delete_subnet(aws, subnet).await.map(|()| String::new()),
        Step::DetachGateway { gateway } => detach_gateway(aws, site.vpc, gateway).await.map(|()| String::new()),
        Step::DeleteGateway { gateway } => delete_gateway(aws, gateway).await.map(|()| String::new()),
        Step::CreateFlowLogs(wanted) => flow_logs::create(aws, site, wanted).await,
        Step::DeleteFlowLogs { id } => flow_logs::delete(aws, id).await.map(|()| String::new()),
    }
}

/// The tags of a part, for its create call: those of the VPC, which part it is, and of which VPC. Tags
/// of AWS's own cannot be set by anybody else.
pub(super) fn tagged(site: &Site<'_>, resource: ec2::ResourceType, part: &str) -> ec2::TagSpecification {
    let of_vpc = site.tags.iter().filter(|(key, _)| !key.starts_with("aws:") && *key != PART && *key != VPC);
    let tags = of_vpc.map(|(key, value)| tag(key, value)).chain([tag(PART, part), tag(VPC, site.vpc)]).collect();
    ec2::TagSpecification::builder().resource_type(resource).set_tags(Some(tags)).build()
}

async fn create_subnet(aws: &Aws, site: &Site<'_>, subnet: &Subnet) -> Result<String, AwsError> {
    let part = format!("{SUBNET}{}", subnet.name);
    let call = aws
        .ec2()
        .create_subnet()
        .vpc_id(site.vpc)
        .availability_zone(&subnet.availability_zone)
        .cidr_block(&subnet.cidr_block)
        .tag_specifications(tagged(site, ec2::ResourceType::Subnet, &part));
    let answer = once!(aws_sdk_ec2, call, "CreateSubnet")?;
    id("CreateSubnet", answer.subnet.and_then(|subnet| subnet.subnet_id))
}

/// EC2 takes one attribute a call (API reference, ModifySubnetAttribute).
async fn map_public_ip(aws: &Aws, subnet: &str, on: bool) -> Result<(), AwsError> {
    let value = ec2::AttributeBooleanValue::builder().value(on).build();
    let call = aws.ec2().modify_subnet_attribute().subnet_id(subnet).map_public_ip_on_launch(value);
    call.send().await.named("ModifySubnetAttribute").map(drop)
}

async fn create_gateway(aws: &Aws, site: &Site<'_>) -> Result<String, AwsError> {
    let tags = tagged(site, ec2::ResourceType::InternetGateway, GATEWAY);
    let answer =
        once!(aws_sdk_ec2, aws.ec2().create_internet_gateway().tag_specifications(tags), "CreateInternetGateway")?;
    id("CreateInternetGateway", answer.internet_gateway.and_then(|gateway| gateway.internet_gateway_id))
}

async fn create_table(aws: &Aws, site: &Site<'_>, public: bool) -> Result<String, AwsError> {
    let part = if public { PUBLIC_TABLE } else { PRIVATE_TABLE };
    let tags = tagged(site, ec2::ResourceType::RouteTable, part);
    let answer = once!(
        aws_sdk_ec2,
        aws.ec2().create_route_table().vpc_id(site.vpc).tag_specifications(tags),
        "CreateRouteTable"
    )?;
    id("CreateRouteTable", answer.route_table.and_then(|table| table.route_table_id))
}

async fn allocate_address(aws: &Aws, site: &Site<'_>) -> Result<String, AwsError> {
    let tags = tagged(site, ec2::ResourceType::ElasticIp, ADDRESS);
    let call = aws.ec2().allocate_address().domain(ec2::DomainType::Vpc).tag_specifications(tags);
    id("AllocateAddress", once!(aws_sdk_ec2, call, "AllocateAddress")?.allocation_id)
}

async fn create_nat(aws: &Aws, site: &Site<'_>, subnet: &str, address: &str) -> Result<String, AwsError> {
    let tags = tagged(site, ec2::ResourceType::Natgateway, NAT);
    let call = aws.ec2().create_nat_gateway().subnet_id(subnet).allocation_id(address).tag_specifications(tags);
    let answer = once!(aws_sdk_ec2, call, "CreateNatGateway")?;
    id("CreateNatGateway", answer.nat_gateway.and_then(|nat| nat.nat_gateway_id))
}

async fn associate(aws: &Aws, subnet: &str, table: &str) -> Result<String, AwsError> {
    let call = aws.ec2().associate_route_table().subnet_id(subnet).route_table_id(table);
    id("AssociateRouteTable", call.send().await.named("AssociateRouteTable")?.association_id)
}

/// Another table takes over in one call, so that the subnet is never without one.
async fn reassociate(aws: &Aws, association: &str, table: &str) -> Result<String, AwsError> {
    let call = aws.ec2().replace_route_table_association().association_id(association).route_table_id(table);
    id("ReplaceRouteTableAssociation", call.send().await.named("ReplaceRouteTableAssociation")?.new_association_id)
}

async fn set_route(aws: &Aws, public: bool, table: &str, target: &str, replace: bool) -> Result<(), AwsError> {
    let (gateway, nat) = if public { (Some(target), None) } else { (None, Some(target)) };
    let (gateway, nat) = (gateway.map(str::to_owned), nat.map(str::to_owned));
    if replace {
        let call = aws.ec2().replace_route().route_table_id(table).destination_cidr_block(EVERYWHERE);
        let call = call.set_gateway_id(gateway).set_nat_gateway_id(nat);
        return call.send().await.named("ReplaceRoute").map(drop);
    }
    let call = aws.ec2().create_route().route_table_id(table).destination_cidr_block(EVERYWHERE);
    let call = call.set_gateway_id(gateway).set_nat_gateway_id(nat);
    call.send().await.named("CreateRoute").map(drop)
}

pub(super) async fn delete_nat(aws: &Aws, id: &str) -> Result<(), AwsError> {
    aws.ec2().delete_nat_gateway().nat_gateway_id(id).send().await.named("DeleteNatGateway").map(drop)
}

pub(super) async fn release_address(aws: &Aws, id: &str) -> Result<(), AwsError> {
    aws.ec2().release_address().allocation_id(id).send().await.named("ReleaseAddress").map(drop)
}

pub(super) async fn delete_subnet(aws: &Aws, id: &str) -> Result<(), AwsError> {
    aws.ec2().delete_subnet().subnet_id(id).send().await.named("DeleteSubnet").map(drop)
}

pub(super) async fn delete_table(aws: &Aws, id: &str) -> Result<(), AwsError> {
    aws.ec2().delete_route_table().route_table_id(id).send().await.named("DeleteRouteTable").map(drop)
}

pub(super) async fn detach_gateway(aws: &Aws, vpc: &str, id: &str) -> Result<(), AwsError> {
    let call = aws.ec2().detach_internet_gateway().internet_gateway_id(id).vpc_id(vpc);
    call.send().await.named("DetachInternetGateway").map(drop)
}

pub(super) async fn delete_gateway(aws: &Aws, id: &str) -> Result<(), AwsError> {
    let call = aws.ec2().delete_internet_gateway().internet_gateway_id(id);
    call.send().await.named("DeleteInternetGateway").map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_carry_the_tags_of_the_vpc_and_what_they_are() {
        let of_vpc = [("ccagi:uid", "u-1"), ("team", "web"), ("aws:stack", "x"), (PART, "?")];
        let tags = of_vpc.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let site = Site { vpc: "vpc-1", tags: &tags };
        let found = tagged(&site, ec2::ResourceType::Subnet, "subnet/a");
        let found: Vec<_> = found.tags().iter().filter_map(|tag| Some((tag.key()?, tag.value()?))).collect();
        assert_eq!(found, [("ccagi:uid", "u-1"), ("team", "web"), (PART, "subnet/a"), (VPC, "vpc-1")]);
    }

    #[test]
    fn what_was_read_a_moment_ago_and_is_not_found_is_no_fault_of_the_spec() {
        let class = |code: &str| {
            let error = AwsError { code: Some(code.into()), ..AwsError::malformed("CreateSubnet", "no") };
            not_visible_yet(AwsError { class: ErrorClass::Invalid, ..error }).class
        };
        assert_eq!(class("InvalidVpcID.NotFound"), ErrorClass::Conflict);
        assert_eq!(class("InvalidParameterValue"), ErrorClass::Invalid);
    }
}
