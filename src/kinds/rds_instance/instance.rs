//! Reading an instance: what the RDS API says, in the words of the spec and the status.

use super::RdsInstance;
use super::spec::{RdsInstanceSpec, StorageType};
use crate::api::resource::ResourceState;
use crate::aws::error::{AwsError, Named, unless_absent};
use crate::aws::session::Aws;
use crate::aws::tags::Tags;
use crate::cost::Billed;
use crate::kinds::Kind;
use aws_sdk_rds::types as rds;
use std::collections::BTreeMap;

const DESCRIBE: &str = "DescribeDBInstances";

/// The instance, `None` where RDS says that it does not exist.
pub(super) async fn describe(aws: &Aws, id: &str) -> Result<Option<rds::DbInstance>, AwsError> {
    let answer = aws.rds().describe_db_instances().db_instance_identifier(id).send().await.named(DESCRIBE);
    let Some(answer) = unless_absent(answer, RdsInstance::ABSENT)? else { return Ok(None) };
    let found = answer.db_instances.into_iter().flatten().next();
    found.map(Some).ok_or_else(|| AwsError::malformed(DESCRIBE, format!("the answer has no instance {id}")))
}

/// What the status of an instance means (RDS User Guide, "Viewing Amazon RDS DB instance status"; the
/// API has no enumeration of them). An instance that serves its data and takes changes counts as
/// active whatever RDS does beside it. A full one does too: growing its storage is what helps it.
///
/// The third is what the table's column "Billed" says. An instance that is made or started counts as if it ran
/// already: it will in a moment.
const STATUSES: &[(&str, ResourceState, Share)] = &[
    ("available", ResourceState::Active, Share::Whole),
    ("backing-up", ResourceState::Active, Share::Whole),
    ("configuring-associate-iam-role", ResourceState::Updating, Share::Whole),
    ("configuring-disassociate-iam-role", ResourceState::Updating, Share::Whole),
    ("configuring-enhanced-monitoring", ResourceState::Updating, Share::Whole),
    ("configuring-iam-database-auth", ResourceState::Updating, Share::Whole),
    ("configuring-log-exports", ResourceState::Updating, Share::Whole),
    ("converting-to-vpc", ResourceState::Updating, Share::Whole),
    ("creating", ResourceState::Creating, Share::Whole),
    ("delete-precheck", ResourceState::Deleting, Share::Nothing),
    ("deleting", ResourceState::Deleting, Share::Nothing),
    ("failed", ResourceState::Failed, Share::Nothing),
    ("inaccessible-encryption-credentials", ResourceState::Failed, Share::Nothing),
    ("inaccessible-encryption-credentials-recoverable", ResourceState::Failed, Share::Storage),
    ("incompatible-create", ResourceState::Failed, Share::Nothing),
    ("incompatible-network", ResourceState::Failed, Share::Nothing),
    ("incompatible-option-group", ResourceState::Failed, Share::Whole),
    ("incompatible-parameters", ResourceState::Failed, Share::Whole),
    ("incompatible-restore", ResourceState::Failed, Share::Nothing),
    ("insufficient-capacity", ResourceState::Failed, Share::Nothing),
    ("maintenance", ResourceState::Updating, Share::Whole),
    ("modifying", ResourceState::Updating, Share::Whole),
    ("moving-to-vpc", ResourceState::Updating, Share::Whole),
    ("rebooting", ResourceState::Updating, Share::Whole),
    ("renaming", ResourceState::Updating, Share::Whole),
    ("resetting-master-credentials", ResourceState::Updating, Share::Whole),
    ("restore-error", ResourceState::Failed, Share::Whole),
    ("starting", ResourceState::Updating, Share::Whole),
    ("stopped", ResourceState::Stopped, Share::Storage),
    ("stopping", ResourceState::Updating, Share::Storage),
    ("storage-config-upgrade", ResourceState::Active, Share::Whole),
    ("storage-full", ResourceState::Active, Share::Whole),
    ("storage-initialization", ResourceState::Active, Share::Whole),
    ("storage-optimization", ResourceState::Active, Share::Whole),
    ("upgrading", ResourceState::Updating, Share::Whole),
];

/// Where the instance is in its life.
pub(super) fn state(status: Option<&str>) -> ResourceState {
    let known = STATUSES.iter().find(|(name, ..)| Some(*name) == status);
    known.map_or(ResourceState::Unknown, |(_, state, _)| *state)
}

/// What of an instance is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Share {
    /// All of it.
    Whole,
    /// Its storage alone.
    Storage,
    /// Nothing but its backups.
    Nothing,
}

/// What is paid for in this status; the whole where AWS has a new one.
pub(super) fn share(status: &str) -> Share {
    STATUSES.iter().find(|(name, ..)| *name == status).map_or(Share::Whole, |(.., share)| *share)
}

/// What the instance is paid for beyond the spec (API reference, DBInstance).
pub(super) fn billed(instance: &rds::DbInstance) -> Billed {
    let pending = instance.pending_modified_values();
    let storage = pending.and_then(|values| values.storage_type()).or(instance.storage_type());
    let days = instance
        .performance_insights_retention_period()
        .filter(|_| instance.performance_insights_enabled() == Some(true));
    let interval = instance.monitoring_interval().filter(|seconds| *seconds > 0);
    [
        ("DBInstanceStatus", instance.db_instance_status().map(str::to_owned)),
        ("StorageType", storage.map(str::to_owned)),
        ("EngineLifecycleSupport", instance.engine_lifecycle_support().map(str::to_owned)),
        ("PerformanceInsightsRetentionPeriod", days.map(|days| days.to_string())),
        ("DatabaseInsightsMode", instance.database_insights_mode().map(|mode| mode.as_str().to_owned())),
        ("MonitoringInterval", interval.map(|seconds| seconds.to_string())),
        ("DedicatedLogVolume", (instance.dedicated_log_volume() == Some(true)).then(|| "true".to_owned())),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect()
}

/// What there is to say beyond the state: a status that is out of the ordinary, and what is accepted
/// and not applied yet.
pub(super) fn detail(instance: &rds::DbInstance) -> Option<String> {
    let ordinary = ["available", "creating", "deleting", "stopped"];
    let status = instance.db_instance_status().filter(|status| !ordinary.contains(status)).map(str::to_owned);
    let pending = pending(instance);
    let waiting = (!pending.is_empty()).then(|| format!("waiting to be applied: {}", pending.join(", ")));
    let parts: Vec<String> = status.into_iter().chain(waiting).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// The fields of the spec that RDS has accepted and not applied yet.
pub(super) fn pending(instance: &rds::DbInstance) -> Vec<&'static str> {
    let Some(pending) = instance.pending_modified_values() else { return Vec::new() };
    [
        ("allocatedStorageGib", pending.allocated_storage.is_some()),
        ("backupRetentionDays", pending.backup_retention_period.is_some()),
        ("engineVersion", pending.engine_version.is_some()),
        ("instanceClass", pending.db_instance_class.is_some()),
        ("iops", pending.iops.is_some()),
        (super::PASSWORD, pending.master_user_password.is_some()),
        ("multiAz", pending.multi_az.is_some()),
        ("storageThroughput", pending.storage_throughput.is_some()),
        ("storageType", pending.storage_type.is_some()),
    ]
    .into_iter()
    .filter_map(|(field, waits)| waits.then_some(field))
    .collect()
}

pub(super) fn tags(found: &[rds::Tag]) -> Tags {
    found.iter().filter_map(|tag| Some((tag.key.clone()?, tag.value.clone().unwrap_or_default()))).collect()
}

/// The name of the instance's DB subnet group.
pub(super) fn subnet_group(instance: &rds::DbInstance) -> Option<&str> {
    instance.db_subnet_group().and_then(|group| group.db_subnet_group_name())
}

/// The instance as its spec would have to read. A value that RDS has accepted counts as applied: it
/// waits for the maintenance window, and writing it again would change nothing.
pub(super) fn spec(instance: &rds::DbInstance) -> RdsInstanceSpec {
    let pending = instance.pending_modified_values();
    /// The pending value, else the one in force.
    macro_rules! value {
        ($field:ident) => {
            pending.and_then(|values| values.$field.clone()).or_else(|| instance.$field.clone())
        };
    }
    // A group that is being taken off is as good as gone.
    let groups = instance.vpc_security_groups().iter().filter(|group| group.status() != Some("removing"));
    let subnets = instance.db_subnet_group().map(|group| group.subnets()).unwrap_or_default();
    let parameter_group = instance.db_parameter_groups().first();
    RdsInstanceSpec {
        db_instance_identifier: instance.db_instance_identifier.clone().unwrap_or_default(),
        engine: instance.engine.clone().unwrap_or_default(),
        engine_version: value!(engine_version),
        auto_minor_version_upgrade: instance.auto_minor_version_upgrade,
        instance_class: value!(db_instance_class).unwrap_or_default(),
        allocated_storage_gib: value!(allocated_storage).unwrap_or_default(),
        storage_type: value!(storage_type).as_deref().and_then(StorageType::from_api),
        iops: value!(iops),
        storage_throughput: value!(storage_throughput),
        storage_encrypted: instance.storage_encrypted,
        multi_az: value!(multi_az),
        subnet_ids: Some(subnets.iter().filter_map(|subnet| subnet.subnet_identifier.clone()).collect()),
        security_group_ids: Some(groups.filter_map(|group| group.vpc_security_group_id.clone()).collect()),
        publicly_accessible: instance.publicly_accessible,
        database_name: instance.db_name.clone(),
        master_username: instance.master_username.clone().unwrap_or_default(),
        parameter_group_name: parameter_group.and_then(|group| group.db_parameter_group_name.clone()),
        backup_retention_days: value!(backup_retention_period),
        backup_window: instance.preferred_backup_window.clone(),
        maintenance_window: instance.preferred_maintenance_window.clone(),
        deletion_protection: instance.deletion_protection,
        ..Default::default()
    }
}

/// What others may want to know. An instance that is being made has no address yet.
pub(super) fn outputs(instance: &rds::DbInstance, arn: &str) -> BTreeMap<String, String> {
    let endpoint = instance.endpoint();
    let address = endpoint.and_then(|endpoint| endpoint.address()).filter(|address| !address.is_empty());
    let port = endpoint.and_then(|endpoint| endpoint.port()).map(|port| port.to_string());
    // Once another password is accepted, the one that RDS manages is on its way out.
    let given = instance.pending_modified_values().is_some_and(|pending| pending.master_user_password.is_some());
    let secret = instance.master_user_secret().and_then(|secret| secret.secret_arn()).filter(|_| !given);
    [
        ("arn", Some(arn.to_owned())),
        ("address", address.map(str::to_owned)),
        ("port", port.clone().filter(|_| address.is_some())),
        ("endpoint", address.zip(port).map(|(address, port)| format!("{address}:{port}"))),
        (super::MANAGED_PASSWORD_OUTPUT, secret.map(str::to_owned)),
        (super::SUBNET_GROUP_OUTPUT, subnet_group(instance).map(str::to_owned)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health;

    fn available() -> aws_sdk_rds::types::builders::DbInstanceBuilder {
        rds::DbInstance::builder().db_instance_identifier("orders").db_instance_status("available")
    }

    #[test]
    fn every_documented_status_has_a_meaning_and_one_alone() {
        for (name, ..) in STATUSES {
            assert_eq!(STATUSES.iter().filter(|(other, ..)| other == name).count(), 1, "{name}");
            assert_ne!(state(Some(name)), ResourceState::Unknown, "{name}");
            assert_ne!(health::database::judge(Some(name)).reason, "UnknownState", "{name}");
        }
    }

    #[test]
    fn a_status_that_is_not_documented_is_unknown() {
        assert_eq!(state(Some("hibernating")), ResourceState::Unknown);
        assert_eq!(state(None), ResourceState::Unknown);
    }

    #[test]
    fn a_full_instance_can_be_changed_so_that_its_storage_can_grow() {
        assert_eq!(state(Some("storage-full")), ResourceState::Active);
    }

    #[test]
    fn what_waits_for_the_window_counts_as_applied_and_is_told() {
        let waiting = rds::PendingModifiedValues::builder().db_instance_class("db.t4g.small").allocated_storage(40);
        let instance = available()
            .db_instance_class("db.t4g.micro")
            .allocated_storage(20)
            .iops(3000)
            .pending_modified_values(waiting.build())
            .build();
        let found = spec(&instance);
        assert_eq!((found.instance_class.as_str(), found.allocated_storage_gib), ("db.t4g.small", 40));
        assert_eq!(found.iops, Some(3000));
        assert_eq!(detail(&instance).as_deref(), Some("waiting to be applied: allocatedStorageGib, instanceClass"));
    }

    #[test]
    fn only_a_status_out_of_the_ordinary_is_told() {
        assert_eq!(detail(&available().build()), None);
        let full = available().db_instance_status("storage-full").build();
        assert_eq!(detail(&full).as_deref(), Some("storage-full"));
    }

    #[test]
    fn a_security_group_on_its_way_out_is_gone() {
        let group = |id: &str, status: &str| {
            rds::VpcSecurityGroupMembership::builder().vpc_security_group_id(id).status(status).build()
        };
        let instance = available()
            .vpc_security_groups(group("sg-1", "removing"))
            .vpc_security_groups(group("sg-2", "adding"))
            .build();
        assert_eq!(spec(&instance).security_group_ids, Some(vec!["sg-2".to_owned()]));
    }

    #[test]
    fn outputs_hold_only_what_the_instance_has() {
        let arn = "arn:aws:rds:us-east-1:111122223333:db:orders";
        let names: Vec<_> = outputs(&available().build(), arn).into_keys().collect();
        assert_eq!(names, ["arn"]);
        let endpoint = rds::Endpoint::builder().address("orders.example.com").port(5432).build();
        let found = outputs(&available().endpoint(endpoint).build(), arn);
        assert_eq!(found["endpoint"], "orders.example.com:5432");
        assert_eq!((found["address"].as_str(), found["port"].as_str()), ("orders.example.com", "5432"));
    }
}
