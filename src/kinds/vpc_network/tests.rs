use super::parts::{Association, DefaultRoute, NatState, Parts};
use super::plan::{Step, next};
use super::spec::{FlowLogs, NatGateway, Subnet, TrafficType};
use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};

fn subnet(name: &str, third: u8, public: bool) -> Subnet {
    Subnet {
        name: name.into(),
        availability_zone: "us-east-1a".into(),
        cidr_block: format!("10.0.{third}.0/24"),
        public,
        ..Default::default()
    }
}

/// Two public and two private subnets, with both gateways.
fn full() -> VpcNetworkSpec {
    VpcNetworkSpec {
        cidr_block: "10.0.0.0/16".into(),
        subnets: vec![subnet("a", 0, true), subnet("b", 1, true), subnet("c", 2, false), subnet("d", 3, false)],
        internet_gateway: Some(true),
        nat_gateway: Some(NatGateway { subnet: "a".into() }),
        ..Default::default()
    }
}

fn private() -> VpcNetworkSpec {
    VpcNetworkSpec { subnets: vec![subnet("c", 2, false)], internet_gateway: None, nat_gateway: None, ..full() }
}

fn recorded(bucket: &str, traffic_type: TrafficType) -> VpcNetworkSpec {
    let bucket_arn = Some(format!("arn:aws:s3:::{bucket}"));
    VpcNetworkSpec { flow_logs: Some(FlowLogs { traffic_type, bucket_arn, ..Default::default() }), ..full() }
}

fn observed(wanted: &VpcNetworkSpec, parts: &Parts) -> Observed<VpcNetworkSpec> {
    let spec = VpcNetworkSpec { cidr_block: wanted.cidr_block.clone(), ..parts.spec(wanted) };
    let (state, detail) = parts.state(ResourceState::Active, wanted.nat_gateway.is_some());
    let (tags, outputs) = Default::default();
    Observed {
        arn: String::new(),
        state,
        detail,
        health: Assessment::found(),
        spec,
        tags,
        outputs,
        billed: crate::cost::Billed::new(),
    }
}

fn paths(wanted: &VpcNetworkSpec, parts: &Parts) -> Vec<String> {
    VpcNetwork::diff(wanted, &observed(wanted, parts)).into_iter().map(|change| change.path).collect()
}

/// Takes steps until there is none, with AWS finishing what it has begun in between.
fn settle(wanted: &VpcNetworkSpec, parts: &mut Parts) -> Vec<Step> {
    take(wanted, parts, 100)
}

/// Takes this many steps at most.
fn take(wanted: &VpcNetworkSpec, parts: &mut Parts, most: usize) -> Vec<Step> {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    let mut taken = Vec::new();
    while taken.len() < most {
        let waits = observed(wanted, parts).state == ResourceState::Updating;
        match next(wanted, parts) {
            Some(step) => {
                assert!(waits || !paths(wanted, parts).is_empty(), "{step:?} would never be asked for");
                taken.push(step.clone());
                parts.after(step, format!("id-{}", MADE.fetch_add(1, Ordering::Relaxed)));
            }
            None if waits => finish(parts),
            None => return taken,
        }
    }
    taken
}

fn finish(parts: &mut Parts) {
    parts.nat_leaving = None;
    if let Some(nat) = &mut parts.nat {
        nat.state = NatState::Available;
    }
}

fn made(spec: &VpcNetworkSpec) -> Parts {
    let mut parts = Parts::default();
    settle(spec, &mut parts);
    parts
}

#[test]
fn a_network_is_made_step_by_step_until_nothing_differs() {
    let recorded = recorded("a", TrafficType::All);
    for spec in [full(), private(), recorded, VpcNetworkSpec { nat_gateway: None, ..full() }] {
        let parts = made(&spec);
        assert!(paths(&spec, &parts).is_empty(), "{:?}", paths(&spec, &parts));
        assert_eq!(next(&spec, &parts), None);
    }
}

#[test]
fn every_network_can_become_every_other_one() {
    let mut moved = full();
    moved.subnets[0].public = false;
    moved.subnets[2].public = true;
    moved.nat_gateway = Some(NatGateway { subnet: "b".into() });
    let renamed = VpcNetworkSpec { subnets: vec![subnet("x", 2, false), subnet("y", 0, false)], ..private() };
    let mut all = vec![full(), private(), moved, renamed, VpcNetworkSpec { nat_gateway: None, ..full() }];
    all.extend(
        [("a", TrafficType::All), ("a", TrafficType::Reject), ("b", TrafficType::All)]
            .map(|(bucket, traffic)| recorded(bucket, traffic)),
    );
    for from in &all {
        for to in &all {
            let mut parts = made(from);
            settle(to, &mut parts);
            assert!(paths(to, &parts).is_empty(), "{from:?} → {to:?}: {:?}", paths(to, &parts));
        }
    }
}

#[test]
fn whatever_was_made_before_a_crash_is_gone_on_from() {
    let wanted = recorded("a", TrafficType::All);
    let all = settle(&wanted, &mut Parts::default()).len();
    for crash in 0..all {
        let mut parts = Parts::default();
        let before = take(&wanted, &mut parts, crash).len();
        let after = settle(&wanted, &mut parts).len();
        assert!(paths(&wanted, &parts).is_empty());
        assert_eq!(before + after, all, "something was made twice");
    }
}

#[test]
fn what_is_missing_reads_as_missing() {
    assert_eq!(
        paths(&full(), &Parts::default()),
        ["internetGateway", "natGateway", "subnets[a]", "subnets[b]", "subnets[c]", "subnets[d]"]
    );
}

#[test]
fn flow_logs_that_are_not_as_declared_are_seen_field_by_field() {
    let wanted = recorded("a", TrafficType::All);
    assert_eq!(paths(&wanted, &made(&full())), ["flowLogs"]);
    assert_eq!(paths(&full(), &made(&wanted)), ["flowLogs"]);
    assert_eq!(paths(&wanted, &made(&recorded("a", TrafficType::Reject))), ["flowLogs.trafficType"]);
    assert_eq!(paths(&wanted, &made(&recorded("b", TrafficType::All))), ["flowLogs.bucketArn"]);
    let mut faster = wanted.clone();
    faster.flow_logs.as_mut().unwrap().max_aggregation_interval_seconds = Some(60);
    assert_eq!(paths(&wanted, &made(&faster)), ["flowLogs.maxAggregationIntervalSeconds"]);
}

#[test]
fn a_part_that_does_not_do_its_work_reads_as_missing() {
    let mut parts = made(&full());
    parts.tables.get_mut(&true).unwrap().default_route = None;
    assert_eq!(paths(&full(), &parts), ["internetGateway"]);
    let mut parts = made(&full());
    parts.tables.get_mut(&false).unwrap().default_route =
        Some(DefaultRoute { target: parts.nat.clone().unwrap().id, works: false });
    assert_eq!(paths(&full(), &parts), ["natGateway"]);
    assert!(matches!(next(&full(), &parts), Some(Step::SetRoute { public: false, replace: true, .. })));
}

#[test]
fn a_subnet_that_was_given_another_route_table_gets_its_own_back() {
    for name in ["a", "c"] {
        let mut parts = made(&full());
        let id = parts.subnets[name].id.clone();
        let association = "rtbassoc-9".to_owned();
        parts.associations.insert(id, Association { id: association.clone(), table: "rtb-9".into() });
        assert_eq!(paths(&full(), &parts), [format!("subnets[{name}].public")]);
        assert!(
            matches!(next(&full(), &parts), Some(Step::Reassociate { association: found, .. }) if found == association)
        );
    }
}

#[test]
fn a_nat_gateway_goes_after_its_route_and_before_its_address() {
    let mut parts = made(&full());
    let wanted = VpcNetworkSpec { nat_gateway: None, ..full() };
    let steps = settle(&wanted, &mut parts);
    assert!(
        matches!(
            &steps[..],
            [Step::DeleteRoute { public: false, .. }, Step::DeleteNat { .. }, Step::ReleaseAddress { .. }]
        ),
        "{steps:?}"
    );
}

#[test]
fn a_nat_gateway_that_moves_keeps_its_address() {
    let mut parts = made(&full());
    let address = parts.address.clone();
    let wanted = VpcNetworkSpec { nat_gateway: Some(NatGateway { subnet: "b".into() }), ..full() };
    assert_eq!(paths(&wanted, &parts), ["natGateway.subnet"]);
    settle(&wanted, &mut parts);
    assert_eq!(parts.address, address);
}

#[test]
fn subnets_are_added_before_others_are_removed_unless_one_is_in_the_way() {
    let wanted = |name: &str, third| VpcNetworkSpec { subnets: vec![subnet(name, third, false)], ..private() };
    let steps = settle(&wanted("x", 7), &mut made(&private()));
    assert!(matches!(steps.first(), Some(Step::CreateSubnet(_))), "{steps:?}");
    assert!(matches!(steps.last(), Some(Step::DeleteSubnet { .. })), "{steps:?}");
    let steps = settle(&wanted("x", 2), &mut made(&private()));
    assert!(matches!(steps.first(), Some(Step::DeleteSubnet { .. })), "{steps:?}");
}

#[test]
fn another_zone_or_block_of_a_subnet_is_never_carried_out() {
    let mut wanted = full();
    wanted.subnets[0].availability_zone = "us-east-1b".into();
    let changes = VpcNetwork::diff(&wanted, &observed(&wanted, &made(&full())));
    assert_eq!(changes[0].path, "subnets[a].availabilityZone");
    assert_eq!(changes[0].effect, Effect::Replace);
    assert_eq!(next(&wanted, &made(&full())), None);
}

#[test]
fn a_nat_gateway_on_its_way_keeps_the_network_updating() {
    let mut parts = made(&full());
    parts.nat.as_mut().unwrap().state = NatState::Pending;
    let (state, detail) = parts.state(ResourceState::Active, true);
    assert_eq!(state, ResourceState::Updating);
    assert!(detail.unwrap().contains("is being made"));
    assert_eq!(parts.state(ResourceState::Creating, true).0, ResourceState::Creating);
}

#[test]
fn a_failed_nat_gateway_matters_only_while_it_is_wanted() {
    let mut parts = made(&full());
    parts.nat.as_mut().unwrap().state = NatState::Failed;
    parts.nat.as_mut().unwrap().failure = Some("Network vpc-1 has no Internet gateway attached".into());
    let (state, detail) = parts.state(ResourceState::Active, true);
    assert_eq!(state, ResourceState::Failed);
    assert!(detail.unwrap().contains("no Internet gateway"));
    assert_eq!(parts.state(ResourceState::Active, false).0, ResourceState::Active);
}

#[test]
fn lists_of_subnets_are_given_out_once_they_are_whole() {
    let mut parts = made(&full());
    let outputs = parts.outputs(&full());
    assert_eq!(outputs["publicSubnetIds"], format!("{},{}", outputs["subnetIds.a"], outputs["subnetIds.b"]));
    assert_eq!(outputs["privateSubnetIds"], format!("{},{}", outputs["subnetIds.c"], outputs["subnetIds.d"]));
    parts.subnets.remove("b");
    let outputs = parts.outputs(&full());
    assert!(!outputs.contains_key("publicSubnetIds"));
    assert!(outputs.contains_key("subnetIds.a"));
}

#[test]
fn dns_is_on_before_host_names_are_and_off_after_them() {
    let change = |path: &str| Change { path: path.into(), from: None, to: None, effect: Effect::InPlace };
    let both = [change("dnsSupport"), change("dnsHostnames")];
    let order = |on| {
        let spec = VpcNetworkSpec { dns_support: Some(on), dns_hostnames: Some(on), ..full() };
        dns_settings(&spec, &both).into_iter().map(|(attribute, _)| attribute).collect::<Vec<_>>()
    };
    use ec2::VpcAttributeName::{EnableDnsHostnames, EnableDnsSupport};
    assert_eq!(order(true), [EnableDnsSupport, EnableDnsHostnames]);
    assert_eq!(order(false), [EnableDnsHostnames, EnableDnsSupport]);
    let spec = VpcNetworkSpec { dns_support: Some(true), dns_hostnames: Some(true), ..full() };
    assert_eq!(dns_settings(&spec, &both[1..]), [(EnableDnsHostnames, true)]);
}

#[test]
fn every_state_of_a_vpc_has_a_meaning() {
    let meanings: Vec<_> =
        ec2::VpcState::values().iter().map(|name| (*name, vpc_state(Some(&ec2::VpcState::from(*name))))).collect();
    let expected = [
        ("available", ResourceState::Active),
        ("deleting", ResourceState::Deleting),
        ("pending", ResourceState::Creating),
    ];
    assert_eq!(meanings, expected);
}

#[test]
fn public_addresses_on_launch_are_set_and_changed_in_place_and_left_alone_where_nothing_is_declared() {
    let mut wanted = full();
    let mut parts = Parts::default();
    let set = |steps: Vec<Step>| steps.iter().filter(|step| matches!(step, Step::MapPublicIp { .. })).count();
    assert_eq!(set(settle(&wanted, &mut parts)), 0);
    wanted.subnets[0].map_public_ip_on_launch = Some(true);
    wanted.subnets[1].map_public_ip_on_launch = Some(false);
    let changes = VpcNetwork::diff(&wanted, &observed(&wanted, &parts));
    let told: Vec<_> = changes.iter().map(|change| (change.path.as_str(), change.effect)).collect();
    assert_eq!(told, [("subnets[a].mapPublicIpOnLaunch", Effect::InPlace)]);
    assert_eq!(set(settle(&wanted, &mut parts)), 1);
    assert!(paths(&wanted, &parts).is_empty());
    wanted.subnets[0].map_public_ip_on_launch = None;
    assert!(paths(&wanted, &parts).is_empty(), "what is not declared is not touched");
    wanted.subnets[0].map_public_ip_on_launch = Some(false);
    assert_eq!(set(settle(&wanted, &mut parts)), 1);
}
