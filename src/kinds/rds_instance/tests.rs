use super::spec::StorageType;
use super::*;
use crate::api::resource::SecretKeyRef;
use crate::aws::tags::{CLUSTER, Tags};
use crate::health::Assessment;
use aws_sdk_rds::operation::create_db_instance::builders::CreateDbInstanceInputBuilder;
use aws_sdk_rds::operation::modify_db_instance::builders::ModifyDbInstanceInputBuilder;
use aws_sdk_rds::types as rds;
use aws_smithy_types::DateTime;
use std::collections::BTreeMap;

fn spec() -> RdsInstanceSpec {
    RdsInstanceSpec {
        db_instance_identifier: "orders".into(),
        engine: "postgres".into(),
        engine_version: Some("16".into()),
        instance_class: "db.t4g.micro".into(),
        allocated_storage_gib: 20,
        storage_type: Some(StorageType::Gp3),
        subnet_ids: Some(vec!["subnet-1".into(), "subnet-2".into()]),
        security_group_ids: Some(vec!["sg-1".into(), "sg-2".into()]),
        master_username: "shop".into(),
        ..Default::default()
    }
}

fn observed(spec: RdsInstanceSpec) -> Observed<RdsInstanceSpec> {
    Observed {
        billed: crate::cost::Billed::new(),
        arn: "arn:aws:rds:us-east-1:111122223333:db:orders".into(),
        state: ResourceState::Active,
        detail: None,
        health: Assessment::found(),
        spec,
        tags: owner("u-1"),
        outputs: BTreeMap::from([(SUBNET_GROUP_OUTPUT.to_owned(), "orders".to_owned())]),
    }
}

fn owner(uid: &str) -> Tags {
    Tags::from([(CLUSTER.to_owned(), "c-1".to_owned()), (UID.to_owned(), uid.to_owned())])
}

/// The differences between `wanted` and what AWS has, by path and effect.
fn effects(wanted: &RdsInstanceSpec, found: RdsInstanceSpec) -> Vec<(String, Effect)> {
    let changes = RdsInstance::diff(wanted, &observed(found));
    changes.into_iter().map(|change| (change.path, change.effect)).collect()
}

fn one(path: &str, effect: Effect) -> Vec<(String, Effect)> {
    vec![(path.to_owned(), effect)]
}

fn modified(wanted: &RdsInstanceSpec, found: RdsInstanceSpec) -> Option<ModifyDbInstanceInputBuilder> {
    let observed = observed(found);
    request::modification(wanted, &observed, &RdsInstance::diff(wanted, &observed), None)
}

fn with_secret() -> RdsInstanceSpec {
    let place = SecretKeyRef { name: "orders-db".into(), key: "password".into() };
    RdsInstanceSpec { master_user_password_secret_ref: Some(place), ..spec() }
}

/// What is sent once another password is wanted, or none, of an instance whose password RDS manages or not.
fn with_password(password: Option<&str>, managed: bool) -> Option<ModifyDbInstanceInputBuilder> {
    let mut observed = observed(spec());
    if managed {
        observed.outputs.insert(MANAGED_PASSWORD_OUTPUT.into(), "arn".into());
    }
    let change = Change { path: PASSWORD.into(), from: None, to: None, effect: Effect::InPlace };
    request::modification(&spec(), &observed, &[change], password)
}

fn creation(spec: &RdsInstanceSpec) -> CreateDbInstanceInputBuilder {
    creation_with(spec, None)
}

fn creation_with(spec: &RdsInstanceSpec, password: Option<&str>) -> CreateDbInstanceInputBuilder {
    let config = aws_sdk_rds::Config::builder().behavior_version(aws_config::BehaviorVersion::latest()).build();
    let call = aws_sdk_rds::Client::from_conf(config).create_db_instance();
    request::creation(call, spec, &owner("u-1"), password).as_input().clone()
}

#[test]
fn an_instance_that_is_as_declared_has_no_changes() {
    assert!(effects(&spec(), spec()).is_empty());
}

#[test]
fn the_order_of_subnets_and_groups_means_nothing() {
    let mut found = spec();
    found.subnet_ids.as_mut().unwrap().reverse();
    found.security_group_ids.as_mut().unwrap().reverse();
    assert!(effects(&spec(), found).is_empty());
}

#[test]
fn fields_that_only_steer_have_nothing_to_compare_with() {
    let wanted = RdsInstanceSpec {
        allow_major_version_upgrade: Some(true),
        apply_immediately: Some(true),
        skip_final_snapshot: Some(true),
        ..spec()
    };
    assert!(effects(&wanted, spec()).is_empty());
}

#[test]
fn a_version_is_met_by_every_version_that_begins_with_it() {
    let with = |version: &str| RdsInstanceSpec { engine_version: Some(version.into()), ..spec() };
    assert!(effects(&with("16"), with("16.4")).is_empty());
    assert_eq!(effects(&with("16"), with("160.1")), one("engineVersion", Effect::Replace));
    assert_eq!(effects(&with("16.4"), with("16.3")), one("engineVersion", Effect::Restart));
    assert_eq!(effects(&with("16.10"), with("16.9")), one("engineVersion", Effect::Restart));
}

#[test]
fn a_version_cannot_go_down() {
    let with = |version: &str| RdsInstanceSpec { engine_version: Some(version.into()), ..spec() };
    assert_eq!(effects(&with("15"), with("16.4")), one("engineVersion", Effect::Replace));
    let pinned = |version| RdsInstanceSpec { auto_minor_version_upgrade: Some(false), ..with(version) };
    assert_eq!(effects(&with("16.9"), pinned("16.10")), one("engineVersion", Effect::Replace));
}

#[test]
fn a_later_minor_version_is_as_declared_where_aws_installs_them_by_itself() {
    let found = |by_itself| RdsInstanceSpec {
        engine_version: Some("16.10".into()),
        auto_minor_version_upgrade: by_itself,
        ..spec()
    };
    let wanted = RdsInstanceSpec { engine_version: Some("16.9".into()), ..spec() };
    assert!(effects(&wanted, found(Some(true))).is_empty());
    assert!(effects(&wanted, found(None)).is_empty(), "it is the default");
    assert_eq!(effects(&wanted, found(Some(false))), one("engineVersion", Effect::Replace));
}

#[test]
fn storage_grows_in_place_and_what_aws_has_beyond_it_is_as_declared() {
    let of = |size| RdsInstanceSpec { allocated_storage_gib: size, ..spec() };
    assert_eq!(effects(&of(100), of(20)), one("allocatedStorageGib", Effect::InPlace));
    assert!(effects(&of(105), of(110)).is_empty());
}

#[test]
fn an_upgrade_names_the_declared_parameter_group() {
    let group = Some("orders-17".to_owned());
    let wanted = RdsInstanceSpec { engine_version: Some("17".into()), parameter_group_name: group.clone(), ..spec() };
    let found = RdsInstanceSpec { parameter_group_name: group.clone(), ..spec() };
    assert_eq!(modified(&wanted, found).unwrap().get_db_parameter_group_name(), &group);
}

#[test]
fn another_class_interrupts_the_instance() {
    let found = RdsInstanceSpec { instance_class: "db.t4g.small".into(), ..spec() };
    assert_eq!(effects(&spec(), found), one("instanceClass", Effect::Restart));
}

#[test]
fn what_is_made_with_the_instance_cannot_be_changed() {
    for path in ["databaseName", "dbInstanceIdentifier", "engine", "masterUsername", "storageEncrypted"] {
        assert_eq!(RdsInstance::effect(path), Some(Effect::Replace), "{path}");
    }
}

#[test]
fn subnets_change_in_place_only_in_the_group_that_was_made_with_the_instance() {
    let found = RdsInstanceSpec { subnet_ids: Some(vec!["subnet-1".into(), "subnet-3".into()]), ..spec() };
    assert_eq!(effects(&spec(), found.clone()), one("subnetIds", Effect::InPlace));
    let changes = differences(&spec(), &found, Some("default"));
    assert_eq!(changes[0].effect, Effect::Replace);
}

#[test]
fn one_subnet_is_not_enough() {
    let lonely = RdsInstanceSpec { subnet_ids: Some(vec!["subnet-1".into()]), ..spec() };
    assert_eq!(RdsInstance::validate(&lonely).unwrap_err().path, "subnetIds");
    assert!(RdsInstance::validate(&spec()).is_ok());
    assert!(RdsInstance::validate(&RdsInstanceSpec { subnet_ids: None, ..spec() }).is_ok());
}

#[test]
fn the_password_is_made_by_aws_and_the_group_has_the_name_of_the_instance() {
    let call = creation(&spec());
    assert_eq!(call.get_manage_master_user_password(), &Some(true));
    assert_eq!(call.get_master_user_password(), &None);
    assert_eq!(call.get_db_subnet_group_name().as_deref(), Some("orders"));
    assert_eq!(call.get_tags().as_ref().map(Vec::len), Some(2));
    let plain = creation(&RdsInstanceSpec { subnet_ids: None, ..spec() });
    assert_eq!(plain.get_db_subnet_group_name(), &None);
}

#[test]
fn a_password_that_is_given_is_not_managed_by_aws() {
    let call = creation_with(&with_secret(), Some("canary"));
    assert_eq!(call.get_master_user_password().as_deref(), Some("canary"));
    assert_eq!(call.get_manage_master_user_password(), &None);
    assert!(!format!("{call:?}").contains("canary"));
}

#[test]
fn another_password_is_sent_alone_and_takes_the_place_of_a_managed_one() {
    let call = with_password(Some("canary"), false).unwrap();
    assert_eq!(call.get_master_user_password().as_deref(), Some("canary"));
    assert_eq!((call.get_manage_master_user_password(), call.get_db_instance_class()), (&None, &None));
    let call = with_password(Some("canary"), true).unwrap();
    assert_eq!(call.get_manage_master_user_password(), &Some(false));
}

#[test]
fn a_password_that_no_secret_holds_any_longer_is_managed_by_aws() {
    let call = with_password(None, false).unwrap();
    assert_eq!((call.get_master_user_password(), call.get_manage_master_user_password()), (&None, &Some(true)));
    assert!(with_password(None, true).is_none(), "there is nothing left to do");
}

#[test]
fn a_password_managed_by_aws_is_a_difference_only_where_a_secret_is_named() {
    let mut managed = observed(spec());
    managed.outputs.insert(MANAGED_PASSWORD_OUTPUT.into(), "arn".into());
    assert!(RdsInstance::diff(&spec(), &managed).is_empty());
    assert_eq!(RdsInstance::diff(&with_secret(), &managed)[0].path, PASSWORD);
    assert!(RdsInstance::diff(&with_secret(), &observed(spec())).is_empty());
}

#[test]
fn all_that_changes_goes_into_one_call_and_nothing_else() {
    let wanted = RdsInstanceSpec {
        instance_class: "db.t4g.small".into(),
        multi_az: Some(true),
        backup_retention_days: Some(7),
        ..spec()
    };
    let found = RdsInstanceSpec { multi_az: Some(false), backup_retention_days: Some(7), ..spec() };
    let call = modified(&wanted, found).unwrap();
    assert_eq!(call.get_db_instance_class().as_deref(), Some("db.t4g.small"));
    assert_eq!(call.get_multi_az(), &Some(true));
    assert_eq!(call.get_backup_retention_period(), &None);
    assert_eq!(call.get_allocated_storage(), &None);
    assert_eq!(call.get_apply_immediately(), &Some(false));
}

#[test]
fn iops_go_with_the_size_and_type_they_are_for() {
    let wanted = RdsInstanceSpec { iops: Some(12000), apply_immediately: Some(true), ..spec() };
    let found = RdsInstanceSpec { iops: Some(3000), allocated_storage_gib: 400, ..spec() };
    let call = modified(&wanted, found).unwrap();
    assert_eq!(call.get_iops(), &Some(12000));
    assert_eq!(call.get_storage_type().as_deref(), Some("gp3"));
    assert_eq!(call.get_allocated_storage(), &Some(400));
    assert_eq!(call.get_apply_immediately(), &Some(true));
}

#[test]
fn a_major_upgrade_is_allowed_only_beside_an_upgrade() {
    let wanted = RdsInstanceSpec { allow_major_version_upgrade: Some(true), ..spec() };
    let found = RdsInstanceSpec { engine_version: Some("15.7".into()), ..spec() };
    assert_eq!(modified(&wanted, found).unwrap().get_allow_major_version_upgrade(), &Some(true));
    let resized = RdsInstanceSpec { instance_class: "db.t4g.small".into(), ..spec() };
    assert_eq!(modified(&wanted, resized).unwrap().get_allow_major_version_upgrade(), &None);
}

#[test]
fn other_subnets_are_no_change_of_the_instance_itself() {
    let found = RdsInstanceSpec { subnet_ids: Some(vec!["subnet-1".into(), "subnet-3".into()]), ..spec() };
    assert!(modified(&spec(), found).is_none());
}

#[test]
fn an_instance_counts_as_changing_until_what_is_wanted_at_once_is_begun() {
    let at_once = RdsInstanceSpec { apply_immediately: Some(true), ..spec() };
    let active = ResourceState::Active;
    assert_eq!(settling(active, &at_once, true, true), ResourceState::Updating);
    assert_eq!(settling(active, &at_once, true, false), active);
    // A further change can be written, and takes along what waits.
    assert_eq!(settling(active, &at_once, false, true), active);
    // In the window it may wait for days, during which the instance is as declared.
    assert_eq!(settling(active, &spec(), true, true), active);
    assert_eq!(settling(ResourceState::Stopped, &at_once, true, true), ResourceState::Stopped);
}

#[test]
fn the_last_snapshot_has_a_name_of_its_own_in_every_life() {
    let made = |seconds| rds::DbInstance::builder().instance_create_time(DateTime::from_secs(seconds)).build();
    let name = |seconds, uid| {
        let call = request::deletion(&spec(), &made(seconds), "orders", &owner(uid));
        call.get_final_db_snapshot_identifier().clone().unwrap()
    };
    assert_eq!(name(0, "1b4e28ba-2fa1-11d2-883f-0016d3cca427"), "orders-final-1b4e28ba-19700101000000");
    assert_ne!(name(0, "1b4e28ba"), name(60, "1b4e28ba"));
    assert_ne!(name(0, "1b4e28ba"), name(0, "2b4e28ba"));
}

#[test]
fn the_last_snapshot_is_left_out_only_where_the_spec_says_so() {
    let delete = |skip| {
        let spec = RdsInstanceSpec { skip_final_snapshot: skip, ..spec() };
        request::deletion(&spec, &rds::DbInstance::builder().build(), "orders", &owner("u-1"))
    };
    assert_eq!(delete(Some(true)).get_skip_final_snapshot(), &Some(true));
    assert_eq!(delete(Some(true)).get_final_db_snapshot_identifier(), &None);
    for skip in [None, Some(false)] {
        assert_eq!(delete(skip).get_skip_final_snapshot(), &Some(false));
        assert_eq!(delete(skip).get_final_db_snapshot_identifier().as_deref(), Some("orders-final-u-1"));
    }
}

#[test]
fn what_is_left_of_an_instance_is_told_by_its_arn() {
    let group = Observed { arn: "arn:aws:rds:us-east-1:111122223333:subgrp:orders".into(), ..observed(spec()) };
    assert!(only_the_group_is_left(&group));
    assert!(!only_the_group_is_left(&observed(spec())));
}

#[test]
fn a_stopped_instance_waits_for_a_person() {
    let error = stopped("orders");
    assert!(error.class.needs_a_person());
    assert!(error.next_step().contains("Start it in AWS"), "{}", error.next_step());
}
