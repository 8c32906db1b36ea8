//! Reading a network: the VPC, and its parts by their tags.

use super::flow_logs;
use super::parts::{Association, DefaultRoute, Gateway, Nat, NatState, Parts, SubnetPart, Table};
use crate::aws::error::{AwsError, ErrorClass, Named};
use crate::aws::session::Aws;
use crate::aws::tags::{CLUSTER, Tags, UID};
use crate::kinds::ec2_tags::{filter, tags};
use crate::kinds::owned::pages;
use aws_sdk_ec2::types as ec2;
use std::collections::BTreeMap;

/// The tag that says which part of the network a resource is.
pub(super) const PART: &str = "ccagi:part";

/// The tag that says which VPC a part was made for. Gateways and addresses outlive a VPC that
/// somebody else has deleted, and nothing but its id is known then.
pub(super) const VPC: &str = "ccagi:vpc";

/// The route that takes everything without a route of its own.
pub(super) const EVERYWHERE: &str = "0.0.0.0/0";

/// What parts are called in their tag; a subnet is `subnet/` and its name.
pub(super) const SUBNET: &str = "subnet/";
pub(super) const GATEWAY: &str = "internet-gateway";
pub(super) const PUBLIC_TABLE: &str = "route-table/public";
pub(super) const PRIVATE_TABLE: &str = "route-table/private";
pub(super) const NAT: &str = "nat-gateway";
pub(super) const ADDRESS: &str = "elastic-ip";
pub(super) const FLOW_LOGS: &str = "flow-logs";

/// Whose parts are looked for, and in which VPC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    /// The VPC's id.
    pub vpc: String,
    uid: String,
    cluster: String,
}

impl Scope {
    /// The scope of the owner that the tags of the VPC name; `None` where they name nobody, who then
    /// has no parts.
    pub(super) fn of(vpc: &str, tags: &Tags) -> Option<Self> {
        let (uid, cluster) = (tags.get(UID)?.clone(), tags.get(CLUSTER)?.clone());
        Some(Self { vpc: vpc.to_owned(), uid, cluster })
    }

    /// The part that a resource with these tags is; `None` for everything that is not the owner's.
    fn part<'a>(&self, tags: &'a [ec2::Tag]) -> Option<&'a str> {
        let tag = |key: &str| tags.iter().find(|tag| tag.key() == Some(key)).and_then(|tag| tag.value());
        (tag(UID) == Some(&self.uid) && tag(CLUSTER) == Some(&self.cluster)).then(|| tag(PART)).flatten()
    }

    fn filters(&self) -> Vec<ec2::Filter> {
        vec![
            filter(format!("tag:{UID}"), &self.uid),
            filter(format!("tag:{CLUSTER}"), &self.cluster),
            filter("tag-key", PART),
        ]
    }

    fn filters_in_vpc(&self) -> Vec<ec2::Filter> {
        let mut filters = self.filters();
        filters.push(filter("vpc-id", &self.vpc));
        filters
    }
}

/// Everything that carries the owner's tags, as AWS describes it.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub subnets: Vec<ec2::Subnet>,
    /// The gateways that are attached to the VPC or to none.
    pub gateways: Vec<ec2::InternetGateway>,
    /// All route tables of the VPC, the owner's and others: any of them may have a subnet of ours.
    pub tables: Vec<ec2::RouteTable>,
    pub nats: Vec<ec2::NatGateway>,
    pub addresses: Vec<ec2::Address>,
    pub flow_logs: Vec<ec2::FlowLog>,
}

/// Reads the parts: six calls, made at the same time.
pub(super) async fn parts(aws: &Aws, scope: &Scope) -> Result<Found, AwsError> {
    let (subnets, gateways, tables, nats, addresses, flow_logs) = futures::try_join!(
        subnets(aws, scope),
        gateways(aws, scope),
        tables(aws, scope),
        nats(aws, scope),
        addresses(aws, scope),
        flow_logs(aws, scope),
    )?;
    Ok(Found { subnets, gateways, tables, nats, addresses, flow_logs })
}

async fn subnets(aws: &Aws, scope: &Scope) -> Result<Vec<ec2::Subnet>, AwsError> {
    pages!(aws.ec2().describe_subnets().set_filters(Some(scope.filters_in_vpc())), "DescribeSubnets")
}

async fn gateways(aws: &Aws, scope: &Scope) -> Result<Vec<ec2::InternetGateway>, AwsError> {
    let call = aws.ec2().describe_internet_gateways().set_filters(Some(scope.filters()));
    let mut gateways = pages!(call, "DescribeInternetGateways")?;
    gateways.retain(|gateway| {
        let attachments = gateway.attachments();
        attachments.is_empty() || attachments.iter().any(|attachment| attachment.vpc_id() == Some(&scope.vpc))
    });
    Ok(gateways)
}

async fn tables(aws: &Aws, scope: &Scope) -> Result<Vec<ec2::RouteTable>, AwsError> {
    pages!(aws.ec2().describe_route_tables().filters(filter("vpc-id", &scope.vpc)), "DescribeRouteTables")
}

/// The NAT gateways. One that is gone stays visible for about an hour (VPC User Guide, "Delete a NAT
/// gateway").
pub(super) async fn nats(aws: &Aws, scope: &Scope) -> Result<Vec<ec2::NatGateway>, AwsError> {
    let call = aws.ec2().describe_nat_gateways().set_filter(Some(scope.filters_in_vpc()));
    let mut nats = pages!(call, "DescribeNatGateways")?;
    nats.retain(|nat| nat.state() != Some(&ec2::NatGatewayState::Deleted));
    Ok(nats)
}

async fn addresses(aws: &Aws, scope: &Scope) -> Result<Vec<ec2::Address>, AwsError> {
    let call = aws.ec2().describe_addresses().set_filters(Some(scope.filters()));
    Ok(call.send().await.named("DescribeAddresses")?.addresses.unwrap_or_default())
}

/// The flow logs, those for a VPC that is gone included.
async fn flow_logs(aws: &Aws, scope: &Scope) -> Result<Vec<ec2::FlowLog>, AwsError> {
    pages!(aws.ec2().describe_flow_logs().set_filter(Some(scope.filters())), "DescribeFlowLogs")
}

/// The tags of something that was made for a VPC which is gone; `None` where nothing is left.
pub(super) async fn left_behind(aws: &Aws, vpc: &str) -> Result<Option<Tags>, AwsError> {
    let made_for = || filter(format!("tag:{VPC}"), vpc);
    let call = aws.ec2().describe_addresses().filters(made_for());
    if let Some(address) = call.send().await.named("DescribeAddresses")?.addresses.into_iter().flatten().next() {
        return Ok(Some(tags(address.tags())));
    }
    let flow_logs = pages!(aws.ec2().describe_flow_logs().filter(made_for()), "DescribeFlowLogs")?;
    if let Some(logs) = flow_logs.first() {
        return Ok(Some(tags(logs.tags())));
    }
    let call = aws.ec2().describe_internet_gateways().filters(made_for());
    let gateways = pages!(call, "DescribeInternetGateways")?;
    // One that somebody has attached to another VPC is in use there.
    let mut unused = gateways.iter().filter(|gateway| gateway.attachments().is_empty());
    Ok(unused.next().map(|gateway| tags(gateway.tags())))
}

impl Found {
    /// The route tables that are parts.
    pub(super) fn own_tables<'a>(&'a self, scope: &'a Scope) -> impl Iterator<Item = &'a ec2::RouteTable> {
        self.tables.iter().filter(|table| scope.part(table.tags()).is_some())
    }

    /// The ids of all parts.
    pub(super) fn ids(&self, scope: &Scope) -> Vec<String> {
        let subnets = self.subnets.iter().filter_map(|subnet| subnet.subnet_id.clone());
        let gateways = self.gateways.iter().filter_map(|gateway| gateway.internet_gateway_id.clone());
        let tables = self.own_tables(scope).filter_map(|table| table.route_table_id.clone());
        let nats = self.nats.iter().filter_map(|nat| nat.nat_gateway_id.clone());
        let addresses = self.addresses.iter().filter_map(|address| address.allocation_id.clone());
        let flow_logs = self.flow_logs.iter().filter_map(|logs| logs.flow_log_id.clone());
        subnets.chain(gateways).chain(tables).chain(nats).chain(addresses).chain(flow_logs).collect()
    }

    /// The parts by name.
    ///
    /// # Errors
    /// Where a part is there twice. Which of the two is in use cannot be told from here.
    pub(super) fn parts(&self, scope: &Scope) -> Result<Parts, AwsError> {
        let mut names = Names::default();
        let mut parts = Parts { associations: self.associations(), ..Default::default() };
        for subnet in &self.subnets {
            let (Some(part), Some(id)) = (scope.part(subnet.tags()), subnet.subnet_id()) else { continue };
            let Some(name) = part.strip_prefix(SUBNET) else { continue };
            names.note("DescribeSubnets", part, id)?;
            parts.subnets.insert(name.to_owned(), subnet_part(subnet, id));
        }
        for gateway in &self.gateways {
            let Some(id) = gateway.internet_gateway_id() else { continue };
            names.note("DescribeInternetGateways", GATEWAY, id)?;
            parts.gateway = Some(Gateway { id: id.to_owned(), attached: !gateway.attachments().is_empty() });
        }
        for table in &self.tables {
            let (Some(part), Some(id)) = (scope.part(table.tags()), table.route_table_id()) else { continue };
            let public = part == PUBLIC_TABLE;
            if !public && part != PRIVATE_TABLE {
                continue;
            }
            names.note("DescribeRouteTables", part, id)?;
            parts.tables.insert(public, Table { id: id.to_owned(), default_route: default_route(table) });
        }
        for nat in &self.nats {
            let (Some(id), Some(state)) = (nat.nat_gateway_id(), nat_state(nat.state())) else { continue };
            if state == NatState::Deleting {
                parts.nat_leaving = Some(id.to_owned());
                continue;
            }
            names.note("DescribeNatGateways", NAT, id)?;
            parts.nat = Some(nat_part(nat, id, state));
        }
        for address in &self.addresses {
            let Some(id) = address.allocation_id() else { continue };
            names.note("DescribeAddresses", ADDRESS, id)?;
            parts.address = Some(id.to_owned());
        }
        // Those that are there twice are no matter: nothing refers to them, and what is not wanted goes.
        parts.flow_logs = self.flow_logs.iter().filter_map(|logs| flow_logs::part(logs, &scope.vpc)).collect();
        Ok(parts)
    }

    /// The route table of each subnet that is associated with one. A subnet without an association
    /// goes by the VPC's main table.
    fn associations(&self) -> BTreeMap<String, Association> {
        let all = self.tables.iter().flat_map(|table| table.associations());
        all.filter_map(|association| {
            let (id, table) = (association.route_table_association_id()?, association.route_table_id()?);
            Some((association.subnet_id()?.to_owned(), Association { id: id.to_owned(), table: table.to_owned() }))
        })
        .collect()
    }
}

/// The parts that were met, so that a second one of the same name is noticed.
#[derive(Default)]
struct Names(BTreeMap<String, String>);

impl Names {
    fn note(&mut self, operation: &'static str, part: &str, id: &str) -> Result<(), AwsError> {
        match self.0.insert(part.to_owned(), id.to_owned()) {
            None => Ok(()),
            Some(other) => Err(AwsError {
                operation,
                class: ErrorClass::Blocked,
                code: None,
                message: format!(
                    "the part {part} is there twice, as {other} and {id}; delete the one that is not in use, or take its tag {PART} off"
                ),
                request_id: None,
            }),
        }
    }
}

fn subnet_part(subnet: &ec2::Subnet, id: &str) -> SubnetPart {
    SubnetPart {
        id: id.to_owned(),
        zone: subnet.availability_zone.clone().unwrap_or_default(),
        cidr_block: subnet.cidr_block.clone().unwrap_or_default(),
        state: subnet.state().map(|state| state.as_str().to_owned()),
        maps_public_ip: subnet.map_public_ip_on_launch,
        free_addresses: subnet.available_ip_address_count,
    }
}

fn default_route(table: &ec2::RouteTable) -> Option<DefaultRoute> {
    let route = table.routes().iter().find(|route| route.destination_cidr_block() == Some(EVERYWHERE))?;
    let target = route.gateway_id().or(route.nat_gateway_id()).unwrap_or_default().to_owned();
    Some(DefaultRoute { target, works: route.state() != Some(&ec2::RouteState::Blackhole) })
}

/// What a NAT gateway is doing; `None` for one that is gone. A state that is not known is taken for
/// one that passes.
pub(super) fn nat_state(state: Option<&ec2::NatGatewayState>) -> Option<NatState> {
    Some(match state {
        Some(ec2::NatGatewayState::Available) => NatState::Available,
        Some(ec2::NatGatewayState::Failed) => NatState::Failed,
        Some(ec2::NatGatewayState::Deleting) => NatState::Deleting,
        Some(ec2::NatGatewayState::Deleted) => return None,
        Some(_) | None => NatState::Pending,
    })
}

fn nat_part(nat: &ec2::NatGateway, id: &str, state: NatState) -> Nat {
    let address = nat.nat_gateway_addresses().iter().find_map(|address| address.public_ip());
    Nat {
        id: id.to_owned(),
        subnet: nat.subnet_id.clone().unwrap_or_default(),
        state,
        public_ip: address.map(str::to_owned),
        failure: nat.failure_message.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        Scope { vpc: "vpc-1".into(), uid: "u-1".into(), cluster: "c-1".into() }
    }

    fn tag(key: &str, value: &str) -> ec2::Tag {
        ec2::Tag::builder().key(key).value(value).build()
    }

    fn part_tags(uid: &str, part: &str) -> Vec<ec2::Tag> {
        vec![tag(UID, uid), tag(CLUSTER, "c-1"), tag(PART, part)]
    }

    fn subnet(id: &str, uid: &str, name: &str) -> ec2::Subnet {
        let tags = part_tags(uid, &format!("{SUBNET}{name}"));
        ec2::Subnet::builder().subnet_id(id).set_tags(Some(tags)).build()
    }

    #[test]
    fn a_part_that_is_there_twice_is_an_error_that_names_both() {
        let found = Found {
            subnets: vec![subnet("subnet-1", "u-1", "a"), subnet("subnet-2", "u-1", "a")],
            ..Default::default()
        };
        let error = found.parts(&scope()).unwrap_err();
        assert_eq!(error.class, ErrorClass::Blocked);
        assert!(error.message.contains("subnet/a is there twice, as subnet-1 and subnet-2"), "{error}");
    }

    #[test]
    fn what_carries_another_owner_is_no_part() {
        let found = Found { subnets: vec![subnet("subnet-1", "u-2", "a")], ..Default::default() };
        assert!(found.parts(&scope()).unwrap().subnets.is_empty());
        assert_eq!(Scope::of("vpc-1", &Tags::new()), None);
    }

    #[test]
    fn every_state_of_a_nat_gateway_has_a_meaning() {
        let meanings: Vec<_> = ec2::NatGatewayState::values()
            .iter()
            .map(|name| (*name, nat_state(Some(&ec2::NatGatewayState::from(*name)))))
            .collect();
        let expected = [
            ("available", Some(NatState::Available)),
            ("deleted", None),
            ("deleting", Some(NatState::Deleting)),
            ("failed", Some(NatState::Failed)),
            ("pending", Some(NatState::Pending)),
        ];
        assert_eq!(meanings, expected);
    }

    #[test]
    fn a_subnet_may_be_associated_with_a_route_table_of_somebody_else() {
        let association = ec2::RouteTableAssociation::builder()
            .route_table_association_id("rtbassoc-1")
            .route_table_id("rtb-9")
            .subnet_id("subnet-1")
            .build();
        let table = ec2::RouteTable::builder().route_table_id("rtb-9").associations(association).build();
        let parts = Found { tables: vec![table], ..Default::default() }.parts(&scope()).unwrap();
        assert!(parts.tables.is_empty());
        assert_eq!(parts.associations["subnet-1"].table, "rtb-9");
    }
}
