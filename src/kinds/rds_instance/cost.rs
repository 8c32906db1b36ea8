//! What a database instance is paid for: its hours, its storage, its password and its address.

use super::MANAGED_PASSWORD_OUTPUT;
use super::instance::{Share, share};
use super::spec::{RdsInstanceSpec, StorageType};
use super::storage::{
    GP3_IOPS, GP3_STRIPED_FROM_GIB, GP3_STRIPED_IOPS, GP3_STRIPED_THROUGHPUT, GP3_THROUGHPUT, type_of,
};
use super::support;
use crate::cost::{Costs, Found, Unit, Usage};

/// The name that RDS has for magnetic storage, which the spec has no word for.
const MAGNETIC: &str = "standard";

/// The days for which Performance Insights keeps its data without charge (RDS User Guide, "Pricing and data
/// retention for Performance Insights").
const FREE_INSIGHTS_DAYS: i32 = 7;

/// The items of an instance. A class that is accepted and waits for the maintenance window counts as in
/// force, as it does in the spec. What a status leaves to pay is in AWS's own table of them.
pub(super) fn items(spec: &RdsInstanceSpec, found: Found<'_>) -> Costs {
    let mut costs = Costs::default();
    let zones = if spec.multi_az == Some(true) { "multi-az" } else { "single-az" };
    let share = match found.billed("DBInstanceStatus") {
        Some(status) => share(status),
        None if found.runs() => Share::Whole,
        None => Share::Storage,
    };
    if share == Share::Whole {
        hold_hours(&mut costs, spec, zones, found);
    }
    if share != Share::Nothing {
        hold_storage(&mut costs, spec, zones, found.billed("StorageType"));
        if found.billed("DedicatedLogVolume").is_some() {
            costs.hold(Usage::new("rds", format!("dedicated-log-volume.{zones}")), 1, Unit::Month);
        }
    }
    let managed = match found.outputs {
        Some(_) => found.output(MANAGED_PASSWORD_OUTPUT).is_some(),
        None => spec.master_user_password_secret_ref.is_none(),
    };
    if managed {
        costs.hold(Usage::new("secretsmanager", "secret"), 1, Unit::Month);
    }
    costs.by_use("rds", &["backup"]);
    costs.by_use("data-transfer", &["internet-out"]);
    costs
}

fn hold_hours(costs: &mut Costs, spec: &RdsInstanceSpec, zones: &str, found: Found<'_>) {
    let class = spec.instance_class.as_str();
    costs.hold(Usage::new("rds", format!("{}.{zones}.{class}", spec.engine)), 1, Unit::Hour);
    if spec.publicly_accessible == Some(true) {
        costs.hold(Usage::new("vpc", "public-ipv4.in-use"), 1, Unit::Hour);
    }
    if let Some(year) = support::fee(spec, found.billed("EngineLifecycleSupport"), found.today) {
        hold_vcpus(costs, spec, &format!("extended-support.{year}"), Unit::VcpuHour);
    }
    let days = found.billed("PerformanceInsightsRetentionPeriod").and_then(|days| days.parse::<i32>().ok());
    let family = class.split('.').nth(1).unwrap_or_default();
    if days.is_some_and(|days| days > FREE_INSIGHTS_DAYS) {
        hold_vcpus(costs, spec, &format!("performance-insights.{family}"), Unit::VcpuMonth);
        costs.by_use("rds", &["performance-insights.requests"]);
    }
    if found.billed("DatabaseInsightsMode") == Some("advanced") {
        hold_vcpus(costs, spec, "database-insights.advanced", Unit::VcpuHour);
    }
    if found.billed("MonitoringInterval").is_some() {
        costs.by_use("cloudwatch", &["logs.ingest", "logs.storage"]);
    }
    // RDS runs these classes in unlimited mode (RDS User Guide, "DB instance class types").
    if matches!(family, "t3" | "t4g") {
        costs.by_use("rds", &["cpu-credits"]);
    }
}

/// What is paid for by the virtual CPU: those of the standby are CPUs too. Of a class whose number of them is
/// not known it is paid for all the same, at no price that could be known.
fn hold_vcpus(costs: &mut Costs, spec: &RdsInstanceSpec, key: &str, unit: Unit) {
    let standby = if spec.multi_az == Some(true) { 2 } else { 1 };
    match support::vcpus(&spec.instance_class) {
        Some(count) => costs.hold(Usage::new("rds", key), count * standby, unit),
        None => costs.hold(Usage::new("rds", format!("{key}.{}", spec.instance_class)), standby, Unit::Hour),
    }
}

/// The storage. `found` is its type by AWS's name, where the spec does not have it.
fn hold_storage(costs: &mut Costs, spec: &RdsInstanceSpec, zones: &str, found: Option<&str>) {
    let size = spec.allocated_storage_gib;
    if let (None, Some(name)) = (spec.storage_type, found)
        && StorageType::from_api(name).is_none()
    {
        costs.hold(Usage::new("rds", format!("storage.{name}.{zones}")), size, Unit::GbMonth);
        if name == MAGNETIC {
            costs.by_use("rds", &["requests.standard"]);
        }
        return;
    }
    let type_ = type_of(spec);
    let iops = spec.iops.unwrap_or_default();
    let (free_iops, free_throughput) = match size >= GP3_STRIPED_FROM_GIB {
        true => (GP3_STRIPED_IOPS, GP3_STRIPED_THROUGHPUT),
        false => (GP3_IOPS, GP3_THROUGHPUT),
    };
    let (billed_iops, billed_throughput) = match type_ {
        StorageType::Gp2 => (0, 0),
        StorageType::Gp3 => (iops - free_iops, spec.storage_throughput.unwrap_or_default() - free_throughput),
        StorageType::Io1 | StorageType::Io2 => (iops, 0),
    };
    let usage = |what: &str| Usage::new("rds", format!("{what}.{}.{zones}", type_.as_str()));
    costs.hold(usage("storage"), size, Unit::GbMonth);
    costs.hold(usage("iops"), billed_iops, Unit::IopsMonth);
    costs.hold(usage("throughput"), billed_throughput, Unit::MbpsMonth);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::resource::{ResourceState, SecretKeyRef};
    use crate::cost::Billed;
    use k8s_openapi::jiff::civil::date;
    use std::collections::BTreeMap;

    fn instance() -> RdsInstanceSpec {
        RdsInstanceSpec {
            engine: "postgres".into(),
            instance_class: "db.t4g.micro".into(),
            allocated_storage_gib: 20,
            storage_type: Some(StorageType::Gp3),
            ..Default::default()
        }
    }

    fn shown(spec: &RdsInstanceSpec, state: ResourceState) -> Vec<String> {
        let outputs = BTreeMap::new();
        items(spec, Found::read(state, &outputs, None)).items.iter().map(|item| item.in_words()).collect()
    }

    #[test]
    fn a_running_instance_is_paid_by_engine_class_and_zones_with_its_storage() {
        assert_eq!(
            shown(&instance(), ResourceState::Active),
            ["1 × rds/postgres.single-az.db.t4g.micro", "20 GB-month of rds/storage.gp3.single-az"]
        );
        let spec = RdsInstanceSpec { multi_az: Some(true), publicly_accessible: Some(true), ..instance() };
        assert_eq!(
            shown(&spec, ResourceState::Active),
            [
                "1 × rds/postgres.multi-az.db.t4g.micro",
                "1 × vpc/public-ipv4.in-use",
                "20 GB-month of rds/storage.gp3.multi-az"
            ]
        );
    }

    #[test]
    fn a_stopped_instance_is_paid_for_its_storage_only() {
        assert_eq!(shown(&instance(), ResourceState::Stopped), ["20 GB-month of rds/storage.gp3.single-az"]);
    }

    #[test]
    fn iops_are_paid_beyond_what_the_storage_type_has_anyway() {
        let rows = [
            (StorageType::Gp2, 20, None, None),
            (StorageType::Gp3, 20, Some(3000), None),
            (StorageType::Gp3, 20, Some(4000), Some("1000 IOPS-month of rds/iops.gp3.single-az")),
            (StorageType::Gp3, 400, Some(12_000), None),
            (StorageType::Gp3, 400, Some(13_000), Some("1000 IOPS-month of rds/iops.gp3.single-az")),
            (StorageType::Io1, 100, Some(1000), Some("1000 IOPS-month of rds/iops.io1.single-az")),
            (StorageType::Io2, 100, Some(1000), Some("1000 IOPS-month of rds/iops.io2.single-az")),
        ];
        for (type_, size, iops, expected) in rows {
            let spec = RdsInstanceSpec { storage_type: Some(type_), allocated_storage_gib: size, iops, ..instance() };
            let shown = shown(&spec, ResourceState::Active);
            assert_eq!(shown.get(2).map(String::as_str), expected, "{type_:?} {size} {iops:?}");
        }
    }

    #[test]
    fn a_password_that_rds_manages_is_a_secret_to_pay_for() {
        let has_secret = |spec: &RdsInstanceSpec, found: Found<'_>| {
            items(spec, found).items.iter().any(|item| item.usage.service() == "secretsmanager")
        };
        let own = SecretKeyRef { name: "db".into(), key: "password".into() };
        let own = RdsInstanceSpec { master_user_password_secret_ref: Some(own), ..instance() };
        assert!(has_secret(&instance(), Found::declared()));
        assert!(!has_secret(&own, Found::declared()));
        let outputs = BTreeMap::from([(MANAGED_PASSWORD_OUTPUT.to_owned(), "arn".to_owned())]);
        assert!(has_secret(&instance(), Found::read(ResourceState::Stopped, &outputs, None)));
    }

    /// What is held of an instance of which AWS says this.
    fn read(spec: &RdsInstanceSpec, billed: &[(&'static str, &str)]) -> Vec<String> {
        let (outputs, billed) = (BTreeMap::new(), billed.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let billed: Billed = billed.collect();
        let found = Found::read(ResourceState::Active, &outputs, Some(&billed));
        items(spec, found).items.iter().map(|item| item.in_words()).collect()
    }

    #[test]
    fn every_status_is_paid_for_as_its_column_says() {
        for (status, items) in [
            ("available", 2),
            ("incompatible-option-group", 2),
            ("incompatible-parameters", 2),
            ("restore-error", 2),
            ("storage-full", 2),
            ("incompatible-network", 0),
            ("incompatible-restore", 0),
            ("failed", 0),
            ("inaccessible-encryption-credentials", 0),
            ("inaccessible-encryption-credentials-recoverable", 1),
            ("stopped", 1),
            ("stopping", 1),
            ("deleting", 0),
            ("a-new-one", 2),
        ] {
            let held = read(&instance(), &[("DBInstanceStatus", status)]);
            assert_eq!(held.len(), items, "{status}: {held:?}");
        }
    }

    #[test]
    fn magnetic_storage_is_not_taken_for_another_type() {
        let plain = RdsInstanceSpec { storage_type: None, ..instance() };
        let held = read(&plain, &[("StorageType", "standard")]);
        assert_eq!(held[1], "20 GB-month of rds/storage.standard.single-az");
        assert_eq!(read(&plain, &[("StorageType", "gp4")])[1], "20 GB-month of rds/storage.gp4.single-az");
        // A plan that changes the type has it in the spec.
        assert_eq!(read(&instance(), &[("StorageType", "standard")])[1], "20 GB-month of rds/storage.gp3.single-az");
    }

    #[test]
    fn throughput_is_paid_beyond_what_striped_storage_has_anyway() {
        let spec = RdsInstanceSpec { allocated_storage_gib: 400, storage_throughput: Some(600), ..instance() };
        assert_eq!(shown(&spec, ResourceState::Active)[2], "100 MBps-month of rds/throughput.gp3.single-az");
    }

    #[test]
    fn a_version_past_its_standard_support_is_paid_by_the_vcpu_of_both_zones_unless_it_is_declined() {
        let old = RdsInstanceSpec {
            engine_version: Some("11.22".into()),
            instance_class: "db.m5.xlarge".into(),
            multi_az: Some(true),
            ..instance()
        };
        let outputs = BTreeMap::new();
        let on = |year, month, lifecycle: Option<&str>| {
            let billed: Billed =
                lifecycle.map(|value| ("EngineLifecycleSupport", value.to_owned())).into_iter().collect();
            let found = Found { today: date(year, month, 1), ..Found::read(ResourceState::Active, &outputs, None) };
            let found = Found { billed: Some(&billed), ..found };
            items(&old, found).items.iter().map(|item| item.in_words()).find(|item| item.contains("extended-support"))
        };
        assert_eq!(on(2024, 3, None), None);
        assert_eq!(on(2024, 4, None).as_deref(), Some("8 vCPU-hour of rds/extended-support.year-1-2"));
        assert_eq!(on(2026, 4, None).as_deref(), Some("8 vCPU-hour of rds/extended-support.year-3"));
        assert_eq!(on(2026, 4, Some("open-source-rds-extended-support-disabled")), None);
    }

    #[test]
    fn what_watches_the_instance_is_paid_by_the_vcpu() {
        let held = read(
            &RdsInstanceSpec { instance_class: "db.m5.large".into(), ..instance() },
            &[("PerformanceInsightsRetentionPeriod", "731"), ("DatabaseInsightsMode", "advanced")],
        );
        assert!(held.contains(&"2 vCPU-month of rds/performance-insights.m5".to_owned()), "{held:?}");
        assert!(held.contains(&"2 vCPU-hour of rds/database-insights.advanced".to_owned()), "{held:?}");
        assert_eq!(read(&instance(), &[("PerformanceInsightsRetentionPeriod", "7")]).len(), 2, "that is free");
        let log = read(&instance(), &[("DedicatedLogVolume", "true")]);
        assert_eq!(log[2], "1 × rds/dedicated-log-volume.single-az");
    }
}
