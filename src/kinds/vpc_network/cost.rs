//! What a network is paid for: its NAT gateway and that one's address. All else of it is free.

use super::spec::VpcNetworkSpec;
use crate::cost::{Costs, Found, Unit, Usage};

/// The items of a network. The address of a gateway that is gone is paid for until it is released.
pub(super) fn items(spec: &VpcNetworkSpec, _found: Found<'_>) -> Costs {
    let mut costs = Costs::default();
    if spec.nat_gateway.is_some() {
        costs.hold(Usage::new("vpc", "nat.hour"), 1, Unit::Hour);
        costs.hold(Usage::new("vpc", "public-ipv4.in-use"), 1, Unit::Hour);
        costs.by_use("vpc", &["nat.data"]);
    }
    if spec.flow_logs.is_some() {
        costs.by_use("vpc", &["flow-logs.s3"]);
    }
    costs.by_use("data-transfer", &["internet-out"]);
    costs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::{PriceBook, price, usd};
    use crate::kinds::vpc_network::spec::{FlowLogs, NatGateway};

    fn per_day(spec: &VpcNetworkSpec) -> String {
        let estimate = price(&items(spec, Found::declared()), "us-east-1", &PriceBook::included());
        usd(estimate.total().unwrap())
    }

    #[test]
    fn a_network_is_free_but_for_its_nat_gateway_and_address() {
        assert_eq!(per_day(&VpcNetworkSpec::default()), "0.00");
        // 1.08 for the gateway and 0.12 for the address.
        let nat_gateway = Some(NatGateway { subnet: "public-a".into() });
        assert_eq!(per_day(&VpcNetworkSpec { nat_gateway, ..Default::default() }), "1.20");
    }

    #[test]
    fn flow_logs_are_paid_by_what_is_written() {
        let spec = VpcNetworkSpec { flow_logs: Some(FlowLogs::default()), ..Default::default() };
        assert!(items(&spec, Found::declared()).by_use.contains(&Usage::new("vpc", "flow-logs.s3")));
    }
}
