//! The parts of a network as far as they are there, and what they look like in the words of the spec.

use super::flow_logs;
use super::spec::{FlowLogs, NatGateway, Subnet, VpcNetworkSpec};
use crate::api::resource::ResourceState;
use crate::health::{Assessment, network};
use aws_sdk_ec2::types as ec2;
use std::collections::BTreeMap;

/// The parts of a network, each by its tag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    /// The subnets by name.
    pub subnets: BTreeMap<String, SubnetPart>,
    /// The internet gateway.
    pub gateway: Option<Gateway>,
    /// The route table of the public subnets under `true`, that of the private ones under `false`.
    pub tables: BTreeMap<bool, Table>,
    /// The associations of subnets with route tables, by the subnet's id.
    pub associations: BTreeMap<String, Association>,
    /// The allocation id of the NAT gateway's public address.
    pub address: Option<String>,
    /// The NAT gateway.
    pub nat: Option<Nat>,
    /// A NAT gateway that AWS is deleting.
    pub nat_leaving: Option<String>,
    /// The flow logs: several where some are on their way to be replaced.
    pub flow_logs: Vec<FlowLogsPart>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SubnetPart {
    pub id: String,
    pub zone: String,
    pub cidr_block: String,
    /// Its state in AWS's words.
    pub state: Option<String>,
    /// Whether instances get a public address there.
    pub maps_public_ip: Option<bool>,
    /// How many of its addresses are free.
    pub free_addresses: Option<i32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gateway {
    pub id: String,
    /// Whether it is attached to the VPC.
    pub attached: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub id: String,
    pub default_route: Option<DefaultRoute>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DefaultRoute {
    /// The id of the gateway; empty where it is neither an internet nor a NAT gateway.
    pub target: String,
    /// Whether the target is there.
    pub works: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Association {
    pub id: String,
    pub table: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Nat {
    pub id: String,
    /// The id of the subnet that it stands in.
    pub subnet: String,
    pub state: NatState,
    pub public_ip: Option<String>,
    /// AWS's words on why it has failed.
    pub failure: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FlowLogsPart {
    pub id: String,
    pub spec: FlowLogs,
}

/// What a NAT gateway is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NatState {
    Pending,
    Available,
    Failed,
    Deleting,
}

impl NatState {
    /// AWS's word for it.
    fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Available => "available",
            Self::Failed => "failed",
            Self::Deleting => "deleting",
        }
    }
}

impl Parts {
    /// The name of the subnet with this id.
    pub(super) fn name_of(&self, subnet_id: &str) -> Option<&str> {
        self.subnets.iter().find(|(_, subnet)| subnet.id == subnet_id).map(|(name, _)| name.as_str())
    }

    /// Whether the subnet goes by the public table or the private one; `None` where it goes by neither.
    pub(super) fn is_public(&self, subnet: &SubnetPart) -> Option<bool> {
        let table = &self.associations.get(&subnet.id)?.table;
        self.tables.iter().find(|(_, own)| own.id == *table).map(|(public, _)| *public)
    }

    /// Whether the table of the public or the private subnets sends everything to this gateway.
    pub(super) fn leads(&self, public: bool, target: &str) -> bool {
        let route = self.tables.get(&public).and_then(|table| table.default_route.as_ref());
        route.is_some_and(|route| route.works && route.target == target)
    }

    /// The network as its spec would have to read, DNS aside. A part counts as there once it does
    /// its work: an internet gateway without its route reads as none.
    pub(super) fn spec(&self, wanted: &VpcNetworkSpec) -> VpcNetworkSpec {
        let subnets = self.subnets.iter().map(|(name, part)| Subnet {
            name: name.clone(),
            availability_zone: part.zone.clone(),
            cidr_block: part.cidr_block.clone(),
            // A subnet that goes by another table is neither, which must not pass for what is wanted.
            public: self
                .is_public(part)
                .unwrap_or_else(|| wanted.subnet(name).is_some_and(|declared| !declared.public)),
            map_public_ip_on_launch: part.maps_public_ip,
        });
        VpcNetworkSpec {
            subnets: subnets.collect(),
            internet_gateway: Some(self.has_internet_gateway(wanted)),
            nat_gateway: self.nat_gateway(wanted),
            flow_logs: flow_logs::observed(wanted.flow_logs.as_ref(), &self.flow_logs),
            ..Default::default()
        }
    }

    fn has_internet_gateway(&self, wanted: &VpcNetworkSpec) -> bool {
        let Some(gateway) = &self.gateway else { return false };
        let works = gateway.attached && (!wanted.has_subnets(true) || self.leads(true, &gateway.id));
        works || !wanted.wants_internet_gateway()
    }

    fn nat_gateway(&self, wanted: &VpcNetworkSpec) -> Option<NatGateway> {
        let subnet = self.nat.as_ref().map(|nat| self.name_of(&nat.subnet).unwrap_or_default().to_owned());
        let Some(declared) = &wanted.nat_gateway else {
            // An address without a gateway is what is left of one, and is to go as well.
            let left = self.nat.is_some() || self.address.is_some();
            return left.then(|| NatGateway { subnet: subnet.unwrap_or_default() });
        };
        let (nat, subnet) = (self.nat.as_ref()?, subnet?);
        let leads = !wanted.has_subnets(false) || self.leads(false, &nat.id);
        (leads || subnet != declared.subnet).then_some(NatGateway { subnet })
    }

    /// Where the network is in its life, with words on it. `wants_nat` is whether the spec has a NAT
    /// gateway: one that has failed and is to go anyway does not matter.
    pub(super) fn state(&self, vpc: ResourceState, wants_nat: bool) -> (ResourceState, Option<String>) {
        if vpc != ResourceState::Active {
            return (vpc, None);
        }
        if let Some(id) = &self.nat_leaving {
            return (ResourceState::Updating, Some(format!("the NAT gateway {id} is being deleted")));
        }
        let Some(nat) = &self.nat else { return (vpc, None) };
        match nat.state {
            NatState::Pending => (
                ResourceState::Updating,
                Some(format!("the NAT gateway {} is being made, which takes minutes", nat.id)),
            ),
            NatState::Failed if wants_nat => {
                let why = nat.failure.as_deref().unwrap_or("AWS gives no reason");
                (
                    ResourceState::Failed,
                    Some(format!("the NAT gateway {} has failed and is to be deleted: {why}", nat.id)),
                )
            }
            NatState::Available | NatState::Failed | NatState::Deleting => (vpc, None),
        }
    }

    /// Whether the network carries traffic.
    pub(super) fn health(&self, vpc: Option<&ec2::VpcState>, wants_nat: bool) -> Assessment {
        let subnets = self.subnets.iter().map(|(name, part)| network::Subnet {
            name,
            state: part.state.as_deref(),
            free: part.free_addresses,
            cidr_block: &part.cidr_block,
        });
        let routes = self.tables.values().filter_map(|table| table.default_route.as_ref());
        network::judge(&network::Fields {
            vpc: vpc.map(ec2::VpcState::as_str),
            subnets: subnets.collect(),
            nat_gateway: self.nat.as_ref().filter(|_| wants_nat).map(|nat| nat.state.as_str()),
            blackhole: routes.into_iter().any(|route| !route.works),
        })
    }

    /// What others may want to know of the parts.
    pub(super) fn outputs(&self, wanted: &VpcNetworkSpec) -> BTreeMap<String, String> {
        let ids = self.subnets.iter().map(|(name, part)| (format!("subnetIds.{name}"), part.id.clone()));
        let mut outputs: BTreeMap<String, String> = ids.collect();
        for (output, public) in [("publicSubnetIds", true), ("privateSubnetIds", false)] {
            let declared = wanted.subnets.iter().filter(|subnet| subnet.public == public);
            // A list that lacks a subnet would be taken for the whole by whoever refers to it.
            let ids: Option<Vec<&str>> =
                declared.map(|subnet| Some(self.subnets.get(&subnet.name)?.id.as_str())).collect();
            if let Some(ids) = ids.filter(|ids| !ids.is_empty()) {
                outputs.insert(output.to_owned(), ids.join(","));
            }
        }
        if let Some(ip) = self.nat.as_ref().and_then(|nat| nat.public_ip.clone()) {
            outputs.insert("natPublicIp".to_owned(), ip);
        }
        outputs
    }
}

/// Where the VPC itself is in its life.
pub(super) fn vpc_state(state: Option<&ec2::VpcState>) -> ResourceState {
    match state {
        Some(ec2::VpcState::Available) => ResourceState::Active,
        Some(ec2::VpcState::Pending) => ResourceState::Creating,
        Some(ec2::VpcState::Deleting) => ResourceState::Deleting,
        Some(_) | None => ResourceState::Unknown,
    }
}
