//! A VPC with its parts: `State` of DescribeVpcs, DescribeSubnets and DescribeNatGateways,
//! `AvailableIpAddressCount` of the subnets and `State` of the routes.

use super::{Assessment, Meaning, meaning, means};
use crate::api::resource::Health::{Healthy, Unhealthy, Unknown};

const VPCS: &[Meaning] = &[
    means("available", Healthy, "Available"),
    means("deleting", Unknown, "Deleting"),
    means("pending", Unknown, "Pending"),
];

const SUBNETS: &[Meaning] = &[
    means("available", Healthy, "Available"),
    means("failed", Unhealthy, "SubnetFailed"),
    means("failed-insufficient-capacity", Unhealthy, "SubnetFailed"),
    means("pending", Unknown, "SubnetPending"),
    means("unavailable", Unhealthy, "SubnetUnavailable"),
];

/// One gateway serves all private subnets, so that without it they have no way out.
const NAT_GATEWAYS: &[Meaning] = &[
    means("available", Healthy, "Available"),
    means("deleted", Healthy, "NatGatewayDeleted"),
    means("deleting", Healthy, "NatGatewayDeleting"),
    means("failed", Unhealthy, "NatGatewayFailed"),
    means("pending", Unknown, "NatGatewayPending"),
];

/// A subnet with less than a tenth of its addresses free is short of them.
const FEW: u64 = 10;

/// AWS keeps five addresses of each subnet for itself (VPC User Guide, "Subnet CIDR blocks").
const RESERVED: u64 = 5;

/// The fields of a network.
#[derive(Clone, Debug, Default)]
pub struct Fields<'a> {
    /// The VPC's `State`.
    pub vpc: Option<&'a str>,
    /// Its subnets.
    pub subnets: Vec<Subnet<'a>>,
    /// The `State` of its NAT gateway, where the network is to have one.
    pub nat_gateway: Option<&'a str>,
    /// Whether a default route leads to what is no longer there: its `State` is `blackhole`.
    pub blackhole: bool,
}

/// The fields of a subnet.
#[derive(Clone, Copy, Debug)]
pub struct Subnet<'a> {
    /// Its name in the network.
    pub name: &'a str,
    /// Its `State`.
    pub state: Option<&'a str>,
    /// Its `AvailableIpAddressCount`.
    pub free: Option<i32>,
    /// Its `CidrBlock`.
    pub cidr_block: &'a str,
}

/// The judgement on a network: that on the part which is worst off.
pub fn judge(fields: &Fields<'_>) -> Assessment {
    let vpc = meaning(VPCS, "State of the VPC", fields.vpc);
    if vpc.health != Healthy {
        return vpc;
    }
    let mut found: Vec<Assessment> = Vec::new();
    if let Some(state) = fields.nat_gateway {
        found.push(meaning(NAT_GATEWAYS, "State of the NAT gateway", Some(state)));
    }
    for subnet in &fields.subnets {
        let field = format!("State of the subnet {}", subnet.name);
        found.push(meaning(SUBNETS, &field, subnet.state));
    }
    if fields.blackhole {
        found.push(Assessment::unhealthy("BlackholeRoute", "A default route leads to a gateway that is not there."));
    }
    found.extend(fields.subnets.iter().filter(|subnet| subnet.is_nearly_full()).map(|subnet| {
        let message = format!("Less than {FEW} % of the addresses of the subnet {} are free.", subnet.name);
        Assessment::degraded("FewFreeAddresses", message)
    }));
    let worst = super::worst(found.iter().map(|one| one.health)).filter(|worst| *worst != Healthy);
    worst.and_then(|worst| found.into_iter().find(|one| one.health == worst)).unwrap_or(vpc)
}

impl Subnet<'_> {
    fn is_nearly_full(&self) -> bool {
        let bits = self.cidr_block.rsplit_once('/').and_then(|(_, bits)| bits.parse::<u32>().ok());
        let size = bits.and_then(|bits| 1_u64.checked_shl(32_u32.checked_sub(bits)?));
        let usable = size.map(|size| size.saturating_sub(RESERVED));
        let free = self.free.and_then(|free| u64::try_from(free).ok());
        free.zip(usable).is_some_and(|(free, usable)| free * 100 < usable * FEW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::resource::Health::Degraded;

    fn subnet(state: &str, free: i32) -> Subnet<'_> {
        Subnet { name: "a", state: Some(state), free: Some(free), cidr_block: "10.0.0.0/24" }
    }

    fn network() -> Fields<'static> {
        Fields { vpc: Some("available"), subnets: vec![subnet("available", 251)], ..Default::default() }
    }

    #[test]
    fn a_network_is_as_well_as_its_vpc() {
        for row in VPCS {
            assert_eq!(judge(&Fields { vpc: Some(row.value), ..network() }).health, row.health, "{}", row.value);
        }
        assert_eq!(judge(&Fields { vpc: None, ..network() }).health, Unknown);
    }

    #[test]
    fn a_network_is_as_well_as_its_subnets() {
        for row in SUBNETS {
            let subnets = vec![subnet("available", 251), subnet(row.value, 251)];
            assert_eq!(judge(&Fields { subnets, ..network() }).health, row.health, "{}", row.value);
        }
    }

    #[test]
    fn a_network_is_as_well_as_its_nat_gateway() {
        for row in NAT_GATEWAYS {
            let fields = Fields { nat_gateway: Some(row.value), ..network() };
            assert_eq!(judge(&fields).health, row.health, "{}", row.value);
        }
    }

    #[test]
    fn a_route_into_nothing_is_ill() {
        let verdict = judge(&Fields { blackhole: true, ..network() });
        assert_eq!((verdict.health, verdict.reason), (Unhealthy, "BlackholeRoute"));
    }

    #[test]
    fn a_subnet_with_few_addresses_left_degrades_the_network() {
        // A /24 has 251 addresses to give away.
        for (free, expected) in [(26, Healthy), (25, Degraded), (0, Degraded)] {
            let fields = Fields { subnets: vec![subnet("available", free)], ..network() };
            assert_eq!(judge(&fields).health, expected, "{free}");
        }
    }

    #[test]
    fn the_worst_part_counts() {
        let subnets = vec![subnet("available", 0), subnet("unavailable", 251)];
        assert_eq!(judge(&Fields { subnets, nat_gateway: Some("pending"), ..network() }).reason, "SubnetUnavailable");
    }
}
