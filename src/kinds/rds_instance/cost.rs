//! What a database instance is paid for: its hours, its storage, its password and its address.

use super::MANAGED_PASSWORD_OUTPUT;
use super::spec::{RdsInstanceSpec, StorageType};
use crate::cost::{Costs, Found, Unit, Usage};

/// The IOPS that gp3 storage has without charge, below and from the size at which RDS stripes it over
/// four volumes (RDS User Guide, "gp3 storage").
const GP3_IOPS: i32 = 3000;
const GP3_STRIPED_IOPS: i32 = 12_000;
const GP3_STRIPED_FROM_GIB: i32 = 400;

/// The items of an instance. A class that is accepted and waits for the maintenance window counts as in
/// force, as it does in the spec. One that is stopped is paid for its storage and not for its hours (RDS User
/// Guide, "Stopping an Amazon RDS DB instance temporarily").
pub(super) fn items(spec: &RdsInstanceSpec, found: Found<'_>) -> Costs {
    let mut costs = Costs::default();
    let zones = if spec.multi_az == Some(true) { "multi-az" } else { "single-az" };
    if found.runs() {
        let usage = format!("{}.{zones}.{}", spec.engine, spec.instance_class);
        costs.hold(Usage::new("rds", usage), 1, Unit::Hour);
        if spec.publicly_accessible == Some(true) {
            costs.hold(Usage::new("vpc", "public-ipv4.in-use"), 1, Unit::Hour);
        }
    }
    hold_storage(&mut costs, spec, zones);
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

/// Storage whose type is not named is gp2, and io1 where IOPS are (API reference, CreateDBInstance).
fn hold_storage(costs: &mut Costs, spec: &RdsInstanceSpec, zones: &str) {
    let size = spec.allocated_storage_gib;
    let default = if spec.iops.is_some() { StorageType::Io1 } else { StorageType::Gp2 };
    let type_ = spec.storage_type.unwrap_or(default);
    let iops = spec.iops.unwrap_or_default();
    let billed_iops = match type_ {
        StorageType::Gp2 => 0,
        StorageType::Gp3 if size >= GP3_STRIPED_FROM_GIB => iops - GP3_STRIPED_IOPS,
        StorageType::Gp3 => iops - GP3_IOPS,
        StorageType::Io1 | StorageType::Io2 => iops,
    };
    costs.hold(Usage::new("rds", format!("storage.{}.{zones}", type_.as_str())), size, Unit::GbMonth);
    costs.hold(Usage::new("rds", format!("iops.{}.{zones}", type_.as_str())), billed_iops, Unit::IopsMonth);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::resource::{ResourceState, SecretKeyRef};
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
        items(spec, Found { state, outputs: Some(&outputs) }).items.iter().map(|item| item.in_words()).collect()
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
        assert!(has_secret(&instance(), Found { state: ResourceState::Stopped, outputs: Some(&outputs) }));
    }
}
