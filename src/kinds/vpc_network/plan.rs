//! What to do next to a network. Pure: the spec and the parts that are there go in, one call to AWS
//! comes out.

use super::parts::{Association, DefaultRoute, FlowLogsPart, Gateway, Nat, NatState, Parts, SubnetPart, Table};
use super::spec::{FlowLogs, Subnet, VpcNetworkSpec};
use super::{cidr, flow_logs};

/// One call to AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    CreateSubnet(Subnet),
    MapPublicIp {
        subnet: String,
        on: bool,
    },
    CreateGateway,
    AttachGateway {
        gateway: String,
    },
    CreateTable {
        public: bool,
    },
    /// Sends everything to the gateway: the internet gateway of the public table, the NAT gateway of
    /// the private one.
    SetRoute {
        public: bool,
        table: String,
        target: String,
        replace: bool,
    },
    DeleteRoute {
        public: bool,
        table: String,
    },
    Associate {
        subnet: String,
        table: String,
    },
    Reassociate {
        subnet: String,
        association: String,
        table: String,
    },
    AllocateAddress,
    CreateNat {
        subnet: String,
        address: String,
    },
    DeleteNat {
        nat: String,
    },
    ReleaseAddress {
        address: String,
    },
    DeleteSubnet {
        name: String,
        subnet: String,
    },
    DetachGateway {
        gateway: String,
    },
    DeleteGateway {
        gateway: String,
    },
    CreateFlowLogs(FlowLogs),
    DeleteFlowLogs {
        id: String,
    },
}

/// The next step, `None` where there is none or where AWS has to finish something first. What is
/// missing is made before anything is removed, but for a subnet that stands in the way of a new one.
/// The NAT gateway comes after the rest that is made, so that nothing waits for it, and flow logs come
/// last, because nothing else depends on them and a bucket may refuse them.
pub(super) fn next(spec: &VpcNetworkSpec, parts: &Parts) -> Option<Step> {
    subnet_in_the_way(spec, parts)
        .or_else(|| missing_subnet(spec, parts))
        .or_else(|| public_addresses(spec, parts))
        .or_else(|| internet_gateway(spec, parts))
        .or_else(|| route_tables(spec, parts))
        .or_else(|| associations(spec, parts))
        .or_else(|| nat_gateway(spec, parts))
        .or_else(|| surplus_nat_gateway(spec, parts))
        .or_else(|| surplus_subnet(spec, parts, |_| true))
        .or_else(|| surplus_internet_gateway(spec, parts))
        .or_else(|| flow_logs::next(spec.flow_logs.as_ref(), &parts.flow_logs))
}

fn missing<'a>(spec: &'a VpcNetworkSpec, parts: &'a Parts) -> impl Iterator<Item = &'a Subnet> {
    spec.subnets.iter().filter(|subnet| !parts.subnets.contains_key(&subnet.name))
}

fn subnet_in_the_way(spec: &VpcNetworkSpec, parts: &Parts) -> Option<Step> {
    surplus_subnet(spec, parts, |part| {
        missing(spec, parts).any(|subnet| cidr::overlap(&subnet.cidr_block, &part.cidr_block))
    })
}

fn missing_subnet(spec: &VpcNetworkSpec, parts: &Parts) -> Option<Step> {
    missing(spec, parts).next().cloned().map(Step::CreateSubnet)
}

fn public_addresses(spec: &VpcNetworkSpec, parts: &Parts) -> Option<Step> {
    spec.subnets.iter().find_map(|subnet| {
        let part = parts.subnets.get(&subnet.name)?;
        let on = subnet.map_public_ip_on_launch.filter(|on| part.maps_public_ip != Some(*on))?;
        Some(Step::MapPublicIp { subnet: part.id.clone(), on })
    })
}

fn internet_gateway(spec: &VpcNetworkSpec, parts: &Parts) -> Option<Step> {
    match &parts.gateway {
        _ if !spec.wants_internet_gateway() => None,
        None => Some(Step::CreateGateway),
        Some(gateway) if !gateway.attached => Some(Step::AttachGateway { gateway: gateway.id.clone() }),
        Some(_) => None,
    }
}

fn route_tables(spec: &VpcNetworkSpec, parts: &Parts) -> Option<Step> {
    let missing =
        [true, false].into_iter().find(|public| spec.has_subnets(*public) && !parts.tables.contains_key(public));
    if let Some(public) = missing {
        return Some(Step::CreateTable { public });
    }
    let gateway = parts.gateway.as_ref().filter(|_| spec.has_subnets(true))?;
    lead(parts, true, &gateway.id)
}

/// The step that makes the table of the public or the private subnets send everything to `target`.
fn lead(parts: &Parts, public: bool, target: &str) -> Option<Step> {
    let table = parts.tables.get(&public).filter(|_| !parts.leads(public, target))?;
    let replace = table.default_route.is_some();
    Some(Step::SetRoute { public, table: table.id.clone(), target: target.to_owned(), replace })
}

fn associations(spec: &VpcNetworkSpec, parts: &Parts) -> Option<Step> {
    spec.subnets.iter().find_map(|subnet| {
        let id = &parts.subnets.get(&subnet.name)?.id;
        let table = &parts.tables.get(&subnet.public)?.id;
        match parts.associations.get(id) {
            None => Some(Step::Associate { subnet: id.clone(), table: table.clone() }),
            Some(Association { table: found, .. }) if found == table => None,
            Some(Association { id: association, .. }) => {
                Some(Step::Reassociate { subnet: id.clone(), association: association.clone(), table: table.clone() })
            }
        }
    })
}

fn nat_gateway(spec: &VpcNetworkSpec, parts: &Parts) -> Option<Step> {
    let wanted = parts.subnets.get(&spec.nat_gateway.as_ref()?.subnet)?;
    match (&parts.nat, &parts.address) {
        (Some(nat), _) if nat.subnet != wanted.id => without_nat_gateway(parts, nat),
        (Some(nat), _) if nat.state == NatState::Available && spec.has_subnets(false) => lead(parts, false, &nat.id),
        (Some(_), _) => None,
        // The address is not free before the gateway that has it is gone.
        (None, _) if parts.nat_leaving.is_some() => None,
        (None, None) => Some(Step::AllocateAddress),
        (None, Some(address)) => Some(Step::CreateNat { subnet: wanted.id.clone(), address: address.clone() }),
    }
}

/// The steps that take a NAT gateway away: first the route, which would lead nowhere.
fn without_nat_gateway(parts: &Parts, nat: &Nat) -> Option<Step> {
    match parts.tables.get(&false) {
        Some(table) if table.default_route.as_ref().is_some_and(|route| route.target == nat.id) => {
            Some(Step::DeleteRoute { public: false, table: table.id.clone() })
        }
        _ => Some(Step::DeleteNat { nat: nat.id.clone() }),
    }
}

fn surplus_nat_gateway(spec: &VpcNetworkSpec, parts: &Parts) -> Option<Step> {
    match (&parts.nat, &parts.address) {
        _ if spec.nat_gateway.is_some() || parts.nat_leaving.is_some() => None,
        (Some(nat), _) => without_nat_gateway(parts, nat),
        (None, Some(address)) => Some(Step::ReleaseAddress { address: address.clone() }),
        (None, None) => None,
    }
}

fn surplus_subnet(spec: &VpcNetworkSpec, parts: &Parts, which: impl Fn(&SubnetPart) -> bool) -> Option<Step> {
    let mut surplus = parts.subnets.iter().filter(|(name, part)| spec.subnet(name).is_none() && which(part));
    surplus.next().map(|(name, part)| Step::DeleteSubnet { name: name.clone(), subnet: part.id.clone() })
}

fn surplus_internet_gateway(spec: &VpcNetworkSpec, parts: &Parts) -> Option<Step> {
    let gateway = parts.gateway.as_ref().filter(|_| !spec.wants_internet_gateway())?;
    match parts.tables.get(&true) {
        Some(table) if table.default_route.as_ref().is_some_and(|route| route.target == gateway.id) => {
            Some(Step::DeleteRoute { public: true, table: table.id.clone() })
        }
        _ if gateway.attached => Some(Step::DetachGateway { gateway: gateway.id.clone() }),
        _ => Some(Step::DeleteGateway { gateway: gateway.id.clone() }),
    }
}

impl Parts {
    /// The parts after a step; `id` is what AWS called what the step made.
    pub(super) fn after(&mut self, step: Step, id: String) {
        match step {
            Step::CreateSubnet(Subnet { name, availability_zone: zone, cidr_block, .. }) => {
                // A subnet that is not AWS's default one begins without (API reference, ModifySubnetAttribute).
                let (state, maps_public_ip) = (Some("available".into()), Some(false));
                let part = SubnetPart { id, zone, cidr_block, state, maps_public_ip, free_addresses: None };
                self.subnets.insert(name, part);
            }
            Step::MapPublicIp { subnet, on } => {
                let part = self.subnets.values_mut().find(|part| part.id == subnet);
                part.into_iter().for_each(|part| part.maps_public_ip = Some(on));
            }
            Step::CreateGateway => self.gateway = Some(Gateway { id, attached: false }),
            Step::AttachGateway { gateway } => self.gateway = Some(Gateway { id: gateway, attached: true }),
            Step::CreateTable { public } => {
                self.tables.insert(public, Table { id, default_route: None });
            }
            Step::SetRoute { public, table, target, .. } => {
                let default_route = Some(DefaultRoute { target, works: true });
                self.tables.insert(public, Table { id: table, default_route });
            }
            Step::DeleteRoute { public, table } => {
                self.tables.insert(public, Table { id: table, default_route: None });
            }
            Step::Associate { subnet, table } | Step::Reassociate { subnet, table, .. } => {
                self.associations.insert(subnet, Association { id, table });
            }
            Step::AllocateAddress => self.address = Some(id),
            Step::CreateNat { subnet, .. } => {
                self.nat = Some(Nat { id, subnet, state: NatState::Pending, public_ip: None, failure: None });
            }
            Step::DeleteNat { nat } => (self.nat, self.nat_leaving) = (None, Some(nat)),
            Step::ReleaseAddress { .. } => self.address = None,
            Step::DeleteSubnet { name, subnet } => {
                self.subnets.remove(&name);
                self.associations.remove(&subnet);
            }
            Step::DetachGateway { gateway } => self.gateway = Some(Gateway { id: gateway, attached: false }),
            Step::DeleteGateway { .. } => self.gateway = None,
            Step::CreateFlowLogs(spec) => self.flow_logs.push(FlowLogsPart { id, spec }),
            Step::DeleteFlowLogs { id } => self.flow_logs.retain(|part| part.id != id),
        }
    }
}
