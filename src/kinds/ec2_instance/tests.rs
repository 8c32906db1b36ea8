use super::spec::{DataVolume, HttpTokens, MetadataOptions, Volume};
use super::*;
use crate::api::crd;
use crate::health::Assessment;
use std::collections::BTreeMap;

fn spec() -> Ec2InstanceSpec {
    Ec2InstanceSpec {
        image_id: "ami-0123456789abcdef0".into(),
        instance_type: "t3.micro".into(),
        subnet_id: Some("subnet-1".into()),
        security_group_ids: Some(vec!["sg-1".into(), "sg-2".into()]),
        iam_instance_profile: Some("web".into()),
        root_volume: Some(Volume { size_gib: Some(8), ..Default::default() }),
        data_volumes: Some(vec![data("/dev/sdf", 100)]),
        metadata_options: Some(MetadataOptions { http_tokens: Some(HttpTokens::Required), ..Default::default() }),
        ..Default::default()
    }
}

fn data(device: &str, size: i32) -> DataVolume {
    DataVolume { device_name: device.into(), volume: Volume { size_gib: Some(size), ..Default::default() } }
}

fn observed(spec: Ec2InstanceSpec) -> Observed<Ec2InstanceSpec> {
    Observed {
        billed: crate::cost::Billed::new(),
        arn: String::new(),
        state: ResourceState::Active,
        detail: None,
        health: Assessment::found(),
        spec,
        tags: BTreeMap::new(),
        outputs: BTreeMap::new(),
    }
}

/// The differences between `spec()` and what AWS has, by path and effect.
fn differences(found: Ec2InstanceSpec) -> Vec<(String, Effect)> {
    let changes = Ec2Instance::diff(&spec(), &observed(found));
    changes.into_iter().map(|change| (change.path, change.effect)).collect()
}

fn one(path: &str, effect: Effect) -> Vec<(String, Effect)> {
    vec![(path.to_owned(), effect)]
}

fn change(path: &str, effect: Effect) -> Change {
    Change { path: path.into(), from: None, to: None, effect }
}

fn steps_in(state: ResourceState, changes: &[Change]) -> Vec<Step> {
    steps(state, changes).into_iter().collect()
}

#[test]
fn an_instance_that_is_as_declared_has_no_changes() {
    assert!(differences(spec()).is_empty());
}

#[test]
fn the_order_of_security_groups_has_no_meaning() {
    let found = Ec2InstanceSpec { security_group_ids: Some(vec!["sg-2".into(), "sg-1".into()]), ..spec() };
    assert!(differences(found).is_empty());
    let found = Ec2InstanceSpec { security_group_ids: Some(vec!["sg-2".into()]), ..spec() };
    assert_eq!(differences(found), one("securityGroupIds", Effect::InPlace));
}

#[test]
fn a_profile_is_the_same_by_name_and_by_arn() {
    let arn = |name: &str| Some(format!("arn:aws:iam::111122223333:instance-profile/team/{name}"));
    assert!(differences(Ec2InstanceSpec { iam_instance_profile: arn("web"), ..spec() }).is_empty());
    let found = Ec2InstanceSpec { iam_instance_profile: arn("batch"), ..spec() };
    assert_eq!(differences(found), one("iamInstanceProfile", Effect::InPlace));
}

#[test]
fn another_type_needs_a_restart() {
    let found = Ec2InstanceSpec { instance_type: "t3.small".into(), ..spec() };
    assert_eq!(differences(found), one("instanceType", Effect::Restart));
}

#[test]
fn what_an_instance_is_made_from_can_only_be_replaced() {
    let found = Ec2InstanceSpec { image_id: "ami-00000000".into(), subnet_id: Some("subnet-2".into()), ..spec() };
    assert_eq!(differences(found), [("imageId".into(), Effect::Replace), ("subnetId".into(), Effect::Replace)]);
}

#[test]
fn user_data_is_not_compared() {
    let wanted = Ec2InstanceSpec { user_data: Some("#!/bin/sh".into()), ..spec() };
    assert!(Ec2Instance::diff(&wanted, &observed(spec())).is_empty());
}

#[test]
fn a_volume_grows_in_place_and_never_shrinks() {
    let smaller = Ec2InstanceSpec { data_volumes: Some(vec![data("/dev/sdf", 50)]), ..spec() };
    assert_eq!(differences(smaller), one("dataVolumes[/dev/sdf].sizeGib", Effect::InPlace));
    let larger = Ec2InstanceSpec { data_volumes: Some(vec![data("/dev/sdf", 200)]), ..spec() };
    assert!(differences(larger).is_empty(), "EBS has no call for a smaller one, and admission takes none");
}

#[test]
fn volumes_come_and_go_only_with_the_instance() {
    let missing = Ec2InstanceSpec { data_volumes: Some(vec![]), ..spec() };
    assert_eq!(differences(missing), one("dataVolumes[/dev/sdf]", Effect::Replace));
    let extra = Ec2InstanceSpec { data_volumes: Some(vec![data("/dev/sdg", 1), data("/dev/sdf", 100)]), ..spec() };
    assert_eq!(differences(extra), one("dataVolumes[/dev/sdg]", Effect::Replace));
}

#[test]
fn encryption_of_an_existing_volume_cannot_be_changed() {
    assert_eq!(Ec2Instance::effect("rootVolume.encrypted"), Some(Effect::Replace));
    assert_eq!(Ec2Instance::effect("dataVolumes.encrypted"), Some(Effect::Replace));
    assert_eq!(Ec2Instance::effect("rootVolume.iops"), Some(Effect::InPlace));
}

#[test]
fn a_restart_stops_then_changes_then_starts_one_step_per_pass() {
    let resize = [change("instanceType", Effect::Restart)];
    assert_eq!(steps_in(ResourceState::Active, &resize), [Step::Stop]);
    assert!(steps_in(ResourceState::Updating, &resize).is_empty());
    assert_eq!(steps_in(ResourceState::Stopped, &resize), [Step::InstanceType]);
    let start = [change("state", Effect::InPlace)];
    assert_eq!(steps_in(ResourceState::Stopped, &start), [Step::Start]);
}

#[test]
fn the_interruption_comes_last_and_the_way_back_from_it_first() {
    let changes = [
        change("instanceType", Effect::Restart),
        change("rootVolume.sizeGib", Effect::InPlace),
        change("dataVolumes[/dev/sdf].sizeGib", Effect::InPlace),
        change("securityGroupIds", Effect::InPlace),
    ];
    assert_eq!(steps_in(ResourceState::Active, &changes), [Step::SecurityGroups, Step::Volumes, Step::Stop]);
    assert_eq!(steps_in(ResourceState::Stopped, &changes), [Step::InstanceType, Step::SecurityGroups, Step::Volumes]);
}

#[test]
fn a_change_that_needs_a_new_instance_is_never_carried_out() {
    let changes = [change("imageId", Effect::Replace), change("dataVolumes[/dev/sdf]", Effect::Replace)];
    assert!(steps_in(ResourceState::Active, &changes).is_empty());
}

#[test]
fn user_data_is_measured_in_bytes() {
    let fits = Ec2InstanceSpec { user_data: Some("a".repeat(USER_DATA_LIMIT)), ..spec() };
    assert_eq!(Ec2Instance::validate(&fits), Ok(()));
    let too_long = Ec2InstanceSpec { user_data: Some("ä".repeat(USER_DATA_LIMIT)), ..spec() };
    assert_eq!(Ec2Instance::validate(&too_long).unwrap_err().path, "userData");
}

#[test]
fn the_rules_of_a_volume_hold_for_data_volumes_too() {
    let resource = crd::all().into_iter().find(|crd| crd.spec.names.kind == "AwsResource").unwrap();
    let schema = serde_json::to_value(resource.spec.versions[0].schema.clone()).unwrap();
    let block = &schema["openAPIV3Schema"]["properties"]["spec"]["properties"]["ec2Instance"];
    let rules = |node: &serde_json::Value| node["x-kubernetes-validations"].as_array().unwrap().clone();
    let root = rules(&block["properties"]["rootVolume"]);
    let data = rules(&block["properties"]["dataVolumes"]["items"]);
    assert_eq!(data.len(), 7);
    assert!(data.iter().all(|rule| root.contains(rule)));
    assert_eq!(root.len(), 8, "that an instance starts from it is a rule of its own");
}

#[test]
fn a_public_address_is_settled_when_the_instance_is_made() {
    let wanted = Ec2InstanceSpec { associate_public_ip_address: Some(true), ..spec() };
    let differs = |shown: Option<bool>| {
        let found = observed(Ec2InstanceSpec { associate_public_ip_address: shown, ..spec() });
        Ec2Instance::diff(&wanted, &found).into_iter().map(|change| (change.path, change.effect)).collect::<Vec<_>>()
    };
    assert!(differs(Some(true)).is_empty());
    assert_eq!(differs(Some(false)), one("associatePublicIpAddress", Effect::Replace));
    assert!(differences(Ec2InstanceSpec { associate_public_ip_address: Some(true), ..spec() }).is_empty(), "unmanaged");
}
