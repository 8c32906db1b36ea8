//! Taking a network down, in the reverse order of its making and one group of parts a pass. The VPC
//! goes last: as long as it is there, its id and its tags lead to what is left.

use super::parts::NatState;
use super::read::{Found, Scope, nat_state};
use super::{flow_logs, make};
use crate::aws::error::{AwsError, Named, unless_absent};
use crate::aws::session::Aws;
use aws_sdk_ec2::types as ec2;

/// What goes next.
#[derive(Debug, PartialEq, Eq)]
enum Takedown {
    FlowLogs(Vec<String>),
    Nats(Vec<String>),
    /// AWS is deleting a NAT gateway; its address and its subnet are in use until it is gone.
    Wait,
    Addresses(Vec<String>),
    Subnets(Vec<String>),
    Tables(Vec<String>),
    /// Internet gateways, and whether each is attached.
    Gateways(Vec<(String, bool)>),
    Vpc,
}

/// Takes the next step down. Parts that are there twice go both: all of them are the owner's.
pub(super) async fn step(aws: &Aws, scope: &Scope, found: &Found) -> Result<(), AwsError> {
    /// Removes each of a group; one that somebody else has removed is no failure.
    macro_rules! each {
        ($ids:expr, $remove:path) => {
            for id in $ids {
                gone_is_fine($remove(aws, &id).await)?;
            }
        };
    }
    match next(scope, found) {
        Takedown::FlowLogs(ids) => each!(ids, flow_logs::delete),
        Takedown::Nats(ids) => each!(ids, make::delete_nat),
        Takedown::Wait => {}
        Takedown::Addresses(ids) => each!(ids, make::release_address),
        Takedown::Subnets(ids) => each!(ids, make::delete_subnet),
        Takedown::Tables(ids) => each!(ids, make::delete_table),
        Takedown::Gateways(gateways) => {
            for (id, attached) in gateways {
                if attached {
                    gone_is_fine(make::detach_gateway(aws, &scope.vpc, &id).await)?;
                }
                gone_is_fine(make::delete_gateway(aws, &id).await)?;
            }
        }
        Takedown::Vpc => {
            gone_is_fine(aws.ec2().delete_vpc().vpc_id(&scope.vpc).send().await.named("DeleteVpc").map(drop))?;
        }
    }
    Ok(())
}

/// What EC2 says of parts that are not there, or not attached; it has a code for each type of resource (API
/// reference, "Error codes").
const GONE: &[&str] = &[
    "Gateway.NotAttached",
    "InvalidAllocationID.NotFound",
    "InvalidFlowLogId.NotFound",
    "InvalidInternetGatewayID.NotFound",
    "InvalidNatGatewayID.NotFound",
    "InvalidRouteTableID.NotFound",
    "InvalidSubnetID.NotFound",
    "InvalidVpcID.NotFound",
    "NatGatewayNotFound",
];

/// Removing what is not there, or not attached, has succeeded.
fn gone_is_fine(answer: Result<(), AwsError>) -> Result<(), AwsError> {
    unless_absent(answer, GONE).map(drop)
}

fn next(scope: &Scope, found: &Found) -> Takedown {
    let flow_logs: Vec<_> = found.flow_logs.iter().filter_map(|logs| logs.flow_log_id.clone()).collect();
    if !flow_logs.is_empty() {
        return Takedown::FlowLogs(flow_logs);
    }
    let in_state = |which: fn(NatState) -> bool| {
        let nats = found.nats.iter().filter(move |nat| nat_state(nat.state()).is_some_and(which));
        nats.filter_map(|nat| nat.nat_gateway_id.clone()).collect::<Vec<_>>()
    };
    // One that has failed holds nothing, and AWS removes it by itself.
    let standing = in_state(|state| matches!(state, NatState::Pending | NatState::Available));
    if !standing.is_empty() {
        return Takedown::Nats(standing);
    }
    if !in_state(|state| state == NatState::Deleting).is_empty() {
        return Takedown::Wait;
    }
    let addresses: Vec<_> = found.addresses.iter().filter_map(|address| address.allocation_id.clone()).collect();
    if !addresses.is_empty() {
        return Takedown::Addresses(addresses);
    }
    let subnets: Vec<_> = found.subnets.iter().filter_map(|subnet| subnet.subnet_id.clone()).collect();
    if !subnets.is_empty() {
        return Takedown::Subnets(subnets);
    }
    let tables: Vec<_> = found.own_tables(scope).filter_map(|table| table.route_table_id.clone()).collect();
    if !tables.is_empty() {
        return Takedown::Tables(tables);
    }
    let gateways: Vec<_> = found.gateways.iter().filter_map(gateway).collect();
    if gateways.is_empty() { Takedown::Vpc } else { Takedown::Gateways(gateways) }
}

fn gateway(gateway: &ec2::InternetGateway) -> Option<(String, bool)> {
    Some((gateway.internet_gateway_id.clone()?, !gateway.attachments().is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::tags::{CLUSTER, UID};
    use crate::kinds::ec2_tags;
    use crate::kinds::vpc_network::read::PART;

    fn scope() -> Scope {
        let tags = [(UID, "u-1"), (CLUSTER, "c-1")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        Scope::of("vpc-1", &tags.into()).unwrap()
    }

    fn nat(state: ec2::NatGatewayState) -> ec2::NatGateway {
        ec2::NatGateway::builder().nat_gateway_id("nat-1").state(state).build()
    }

    fn table(uid: &str) -> ec2::RouteTable {
        let tags = [(UID, uid), (CLUSTER, "c-1"), (PART, "route-table/public")];
        let tags = tags.map(|(key, value)| ec2_tags::tag(key, value)).to_vec();
        ec2::RouteTable::builder().route_table_id(format!("rtb-{uid}")).set_tags(Some(tags)).build()
    }

    fn everything() -> Found {
        let attachment = ec2::InternetGatewayAttachment::builder().vpc_id("vpc-1").build();
        Found {
            subnets: vec![ec2::Subnet::builder().subnet_id("subnet-1").build()],
            gateways: vec![
                ec2::InternetGateway::builder().internet_gateway_id("igw-1").attachments(attachment).build(),
                ec2::InternetGateway::builder().internet_gateway_id("igw-2").build(),
            ],
            tables: vec![table("u-1"), table("u-2")],
            nats: vec![nat(ec2::NatGatewayState::Available)],
            addresses: vec![ec2::Address::builder().allocation_id("eipalloc-1").build()],
            flow_logs: vec![ec2::FlowLog::builder().flow_log_id("fl-1").build()],
        }
    }

    #[test]
    fn parts_go_in_the_reverse_order_of_their_making_and_the_vpc_last() {
        let mut found = everything();
        let ids = |id: &str| vec![id.to_owned()];
        assert_eq!(next(&scope(), &found), Takedown::FlowLogs(ids("fl-1")));
        found.flow_logs.clear();
        assert_eq!(next(&scope(), &found), Takedown::Nats(ids("nat-1")));
        found.nats = vec![nat(ec2::NatGatewayState::Deleting)];
        assert_eq!(next(&scope(), &found), Takedown::Wait);
        found.nats.clear();
        assert_eq!(next(&scope(), &found), Takedown::Addresses(ids("eipalloc-1")));
        found.addresses.clear();
        assert_eq!(next(&scope(), &found), Takedown::Subnets(ids("subnet-1")));
        found.subnets.clear();
        assert_eq!(next(&scope(), &found), Takedown::Tables(ids("rtb-u-1")));
        found.tables = vec![table("u-2")];
        let gateways = vec![("igw-1".to_owned(), true), ("igw-2".to_owned(), false)];
        assert_eq!(next(&scope(), &found), Takedown::Gateways(gateways));
        found.gateways.clear();
        assert_eq!(next(&scope(), &found), Takedown::Vpc);
    }

    #[test]
    fn a_nat_gateway_that_has_failed_does_not_keep_the_rest() {
        let found = Found { nats: vec![nat(ec2::NatGatewayState::Failed)], flow_logs: vec![], ..everything() };
        assert_eq!(next(&scope(), &found), Takedown::Addresses(vec!["eipalloc-1".into()]));
    }

    #[test]
    fn only_codes_that_say_that_it_is_gone_are_taken_for_success() {
        let answer = |code: &str| {
            let error = AwsError { code: Some(code.into()), ..AwsError::malformed("DeleteSubnet", "no") };
            gone_is_fine(Err(error)).is_ok()
        };
        assert!(answer("InvalidSubnetID.NotFound"));
        assert!(answer("NatGatewayNotFound"));
        assert!(answer("Gateway.NotAttached"));
        assert!(!answer("NotFound"), "that is nobody's code");
        assert!(!answer("DependencyViolation"));
        assert!(!answer("UnauthorizedOperation"));
    }
}
