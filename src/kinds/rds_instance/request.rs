//! The calls that make, change and delete an instance, from its spec.

use super::spec::RdsInstanceSpec;
use super::storage;
use super::{MANAGED_PASSWORD_OUTPUT, PASSWORD};
use crate::api::resource::Change;
use crate::aws::tags::{Tags, UID};
use crate::kinds::Observed;
use aws_sdk_rds::operation::create_db_instance::builders::CreateDBInstanceFluentBuilder;
use aws_sdk_rds::operation::delete_db_instance::builders::DeleteDbInstanceInputBuilder;
use aws_sdk_rds::operation::modify_db_instance::builders::ModifyDbInstanceInputBuilder;
use aws_sdk_rds::types as rds;
use aws_smithy_types::date_time::Format;
use std::collections::BTreeSet;

/// How much of the owner's UID the name of a final snapshot holds.
const UID_DIGITS: usize = 8;

/// The digits of a time to the second.
const TIME_DIGITS: usize = 14;

/// The call that makes the instance. Where no password is given, RDS makes one and keeps it in Secrets
/// Manager, so that it is never known here.
pub(super) fn creation(
    call: CreateDBInstanceFluentBuilder,
    spec: &RdsInstanceSpec,
    tags: &Tags,
    password: Option<&str>,
) -> CreateDBInstanceFluentBuilder {
    call.db_instance_identifier(&spec.db_instance_identifier)
        .engine(&spec.engine)
        .set_engine_version(spec.engine_version.clone())
        .set_auto_minor_version_upgrade(spec.auto_minor_version_upgrade)
        .db_instance_class(&spec.instance_class)
        .allocated_storage(spec.allocated_storage_gib)
        .set_storage_type(spec.storage_type.map(|name| name.as_str().to_owned()))
        .set_iops(spec.iops)
        .set_storage_throughput(spec.storage_throughput)
        .set_storage_encrypted(spec.storage_encrypted)
        .set_multi_az(spec.multi_az)
        // The group has the instance's name and was made a moment ago.
        .set_db_subnet_group_name(spec.subnet_ids.as_ref().map(|_| spec.db_instance_identifier.clone()))
        .set_vpc_security_group_ids(spec.security_group_ids.clone())
        .set_publicly_accessible(spec.publicly_accessible)
        .set_db_name(spec.database_name.clone())
        .master_username(&spec.master_username)
        .set_master_user_password(password.map(str::to_owned))
        .set_manage_master_user_password(password.is_none().then_some(true))
        .set_db_parameter_group_name(spec.parameter_group_name.clone())
        .set_backup_retention_period(spec.backup_retention_days)
        .set_preferred_backup_window(spec.backup_window.clone())
        .set_preferred_maintenance_window(spec.maintenance_window.clone())
        .set_deletion_protection(spec.deletion_protection)
        .set_tags(Some(tag_list(tags)))
}

/// The settings that are one field of the spec and one member of the call.
const SETTINGS: &[&str] = &[
    "autoMinorVersionUpgrade",
    "backupRetentionDays",
    "backupWindow",
    "deletionProtection",
    "engineVersion",
    "instanceClass",
    "maintenanceWindow",
    "multiAz",
    "parameterGroupName",
    "publiclyAccessible",
    "securityGroupIds",
];

/// The settings that make up the storage.
const STORAGE: &[&str] = &["allocatedStorageGib", "iops", "storageThroughput", "storageType"];

/// The one call that carries out all of `changes` that are the instance's own, `None` where none is.
pub(super) fn modification(
    spec: &RdsInstanceSpec,
    observed: &Observed<RdsInstanceSpec>,
    changes: &[Change],
    password: Option<&str>,
) -> Option<ModifyDbInstanceInputBuilder> {
    let changed: BTreeSet<&str> = changes.iter().map(|change| change.path.as_str()).collect();
    let any = |fields: &[&str]| fields.iter().any(|field| changed.contains(field));
    // Where RDS manages the password already, there is nothing to hand over.
    let is_managed = observed.outputs.contains_key(MANAGED_PASSWORD_OUTPUT);
    let other_password = changed.contains(PASSWORD) && (password.is_some() || !is_managed);
    if !any(SETTINGS) && !any(STORAGE) && !other_password {
        return None;
    }
    let has = |field: &str| changed.contains(field);
    let call = ModifyDbInstanceInputBuilder::default()
        .db_instance_identifier(&spec.db_instance_identifier)
        .apply_immediately(spec.apply_immediately == Some(true))
        .set_auto_minor_version_upgrade(spec.auto_minor_version_upgrade.filter(|_| has("autoMinorVersionUpgrade")))
        .set_backup_retention_period(spec.backup_retention_days.filter(|_| has("backupRetentionDays")))
        .set_preferred_backup_window(spec.backup_window.clone().filter(|_| has("backupWindow")))
        .set_deletion_protection(spec.deletion_protection.filter(|_| has("deletionProtection")))
        .set_engine_version(spec.engine_version.clone().filter(|_| has("engineVersion")))
        .set_allow_major_version_upgrade(spec.allow_major_version_upgrade.filter(|_| has("engineVersion")))
        .set_db_instance_class(Some(spec.instance_class.clone()).filter(|_| has("instanceClass")))
        .set_preferred_maintenance_window(spec.maintenance_window.clone().filter(|_| has("maintenanceWindow")))
        .set_multi_az(spec.multi_az.filter(|_| has("multiAz")))
        // An upgrade to another major version has to name a group that is for it, where one is in use that is
        // not the default (API reference, ModifyDBInstance, EngineVersion).
        .set_db_parameter_group_name(
            spec.parameter_group_name.clone().filter(|_| any(&["engineVersion", "parameterGroupName"])),
        )
        .set_publicly_accessible(spec.publicly_accessible.filter(|_| has("publiclyAccessible")))
        .set_vpc_security_group_ids(spec.security_group_ids.clone().filter(|_| has("securityGroupIds")));
    let call = if any(STORAGE) { storage::modification(call, spec, &observed.spec, has) } else { call };
    Some(if other_password { with_password(call, password, is_managed) } else { call })
}

/// The password, which RDS may have managed so far; without one, RDS makes its own and manages it. RDS
/// takes `ManageMasterUserPassword: false` only where it does (API reference, ModifyDBInstance).
fn with_password(
    call: ModifyDbInstanceInputBuilder,
    password: Option<&str>,
    is_managed: bool,
) -> ModifyDbInstanceInputBuilder {
    match password {
        Some(password) => {
            call.master_user_password(password).set_manage_master_user_password(is_managed.then_some(false))
        }
        None => call.manage_master_user_password(true),
    }
}

/// The call that deletes the instance, after a last snapshot unless the spec forgoes it.
pub(super) fn deletion(
    spec: &RdsInstanceSpec,
    instance: &rds::DbInstance,
    id: &str,
    tags: &Tags,
) -> DeleteDbInstanceInputBuilder {
    let skip = spec.skip_final_snapshot == Some(true);
    DeleteDbInstanceInputBuilder::default()
        .db_instance_identifier(id)
        .skip_final_snapshot(skip)
        .set_final_db_snapshot_identifier((!skip).then(|| final_snapshot(instance, id, tags)))
}

/// A name that no other instance of this name can have taken, in this life or another: it holds the
/// owner and the time at which the instance was made.
fn final_snapshot(instance: &rds::DbInstance, id: &str, tags: &Tags) -> String {
    let uid: Option<String> = tags.get(UID).map(|uid| uid.chars().take(UID_DIGITS).collect());
    let time = instance.instance_create_time().and_then(|time| time.fmt(Format::DateTime).ok());
    let time = time.map(|text| text.chars().filter(char::is_ascii_digit).take(TIME_DIGITS).collect());
    let parts: Vec<String> = [Some(format!("{id}-final")), uid, time].into_iter().flatten().collect();
    parts.join("-")
}

pub(super) fn tag_list(tags: &Tags) -> Vec<rds::Tag> {
    tags.iter().map(|(key, value)| rds::Tag::builder().key(key).value(value).build()).collect()
}
