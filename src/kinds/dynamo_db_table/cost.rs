//! What a table is paid for: the capacity that is reserved for it and its indexes, or each request.

use super::spec::{BillingMode, DynamoDbTableSpec, TableClass};
use crate::cost::{Costs, Found, Unit, Usage};

/// The items of a table. Whatever is declared, its data and its requests come on top.
pub(super) fn items(spec: &DynamoDbTableSpec, found: Found<'_>) -> Costs {
    let mut costs = Costs::default();
    // The two classes have prices of their own (DynamoDB pricing).
    let class = match spec.table_class {
        Some(TableClass::StandardInfrequentAccess) => ".infrequent-access",
        Some(TableClass::Standard) | None => "",
    };
    let usage = |key: &str| Usage::new("dynamodb", format!("{key}{class}"));
    // A replica has the writes of the table and, unless it was told otherwise, its reads (DynamoDB Developer
    // Guide, "Global tables").
    let replicas = found.billed("Replicas").map_or(0, |regions| regions.split_whitespace().count() as i64);
    match spec.billing_mode {
        // An archived table serves nothing and has no capacity.
        Some(BillingMode::Provisioned) if found.runs() => {
            let of_indexes = spec.indexes().iter().filter_map(|index| index.provisioned_throughput);
            for throughput in spec.provisioned_throughput.into_iter().chain(of_indexes) {
                let (reads, writes) = (throughput.read_capacity_units, throughput.write_capacity_units);
                costs.hold(usage("provisioned.rcu"), reads * (1 + replicas), Unit::RcuHour);
                costs.hold(usage("provisioned.wcu"), writes, Unit::WcuHour);
                costs.hold(usage("global.rwcu"), writes * replicas, Unit::WcuHour);
            }
        }
        Some(BillingMode::Provisioned) => {}
        Some(BillingMode::PayPerRequest) | None => {
            costs.by_use.extend([usage("on-demand.rru"), usage("on-demand.wru")]);
        }
    }
    costs.by_use.push(match spec.table_class {
        Some(TableClass::StandardInfrequentAccess) => Usage::new("dynamodb", "storage.infrequent-access"),
        Some(TableClass::Standard) | None => Usage::new("dynamodb", "storage.standard"),
    });
    if replicas > 0 {
        costs.unknown.push(format!("dynamodb/storage of {replicas} replicas, and the prices of their regions"));
    }
    costs.by_use("dynamodb", &["backup.on-demand"]);
    if spec.point_in_time_recovery == Some(true) {
        costs.by_use("dynamodb", &["pitr"]);
    }
    if spec.stream.is_some_and(|stream| stream.enabled) {
        costs.by_use("dynamodb", &["streams.read"]);
    }
    costs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::resource::ResourceState;
    use crate::cost::Billed;
    use crate::kinds::dynamo_db_table::spec::{
        GlobalSecondaryIndex, Key, Projection, Stream, StreamViewType, Throughput,
    };
    use std::collections::BTreeMap;

    fn throughput(reads: i64, writes: i64) -> Option<Throughput> {
        Some(Throughput { read_capacity_units: reads, write_capacity_units: writes })
    }

    fn provisioned() -> DynamoDbTableSpec {
        DynamoDbTableSpec {
            billing_mode: Some(BillingMode::Provisioned),
            provisioned_throughput: throughput(10, 5),
            ..Default::default()
        }
    }

    fn held(spec: &DynamoDbTableSpec) -> Vec<String> {
        items(spec, Found::declared()).items.iter().map(|item| item.in_words()).collect()
    }

    fn by_use(spec: &DynamoDbTableSpec) -> Vec<String> {
        items(spec, Found::declared()).by_use.iter().map(|usage| usage.key().to_owned()).collect()
    }

    #[test]
    fn reserved_capacity_is_paid_by_the_hour_for_the_table_and_its_indexes() {
        let index = GlobalSecondaryIndex {
            index_name: "owner".into(),
            partition_key: Key::default(),
            sort_key: None,
            projection: Projection::All,
            non_key_attributes: vec![],
            provisioned_throughput: throughput(20, 15),
        };
        let spec = DynamoDbTableSpec { global_secondary_indexes: Some(vec![index]), ..provisioned() };
        assert_eq!(held(&spec), ["30 RCU-hour of dynamodb/provisioned.rcu", "20 WCU-hour of dynamodb/provisioned.wcu"]);
    }

    #[test]
    fn a_table_on_demand_is_paid_by_request() {
        let spec = DynamoDbTableSpec::default();
        assert!(held(&spec).is_empty());
        assert_eq!(by_use(&spec), ["on-demand.rru", "on-demand.wru", "storage.standard", "backup.on-demand"]);
    }

    #[test]
    fn what_is_switched_on_beside_it_depends_on_use_too() {
        let stream = Stream { enabled: true, view_type: Some(StreamViewType::NewImage) };
        let spec = DynamoDbTableSpec { point_in_time_recovery: Some(true), stream: Some(stream), ..provisioned() };
        assert_eq!(by_use(&spec), ["storage.standard", "backup.on-demand", "pitr", "streams.read"]);
    }

    #[test]
    fn the_class_for_infrequent_access_has_prices_of_its_own() {
        let spec = DynamoDbTableSpec { table_class: Some(TableClass::StandardInfrequentAccess), ..provisioned() };
        assert!(held(&spec).iter().all(|item| item.ends_with(".infrequent-access")), "{:?}", held(&spec));
        assert_eq!(by_use(&spec), ["storage.infrequent-access", "backup.on-demand"]);
    }

    #[test]
    fn replicas_are_paid_for_with_the_table() {
        let (outputs, billed) = (BTreeMap::new(), Billed::from([("Replicas", "eu-west-1 us-west-2".to_owned())]));
        let found = Found::read(ResourceState::Active, &outputs, Some(&billed));
        let costs = items(&provisioned(), found);
        let held: Vec<String> = costs.items.iter().map(|item| item.in_words()).collect();
        assert_eq!(
            held,
            [
                "30 RCU-hour of dynamodb/provisioned.rcu",
                "5 WCU-hour of dynamodb/provisioned.wcu",
                "10 WCU-hour of dynamodb/global.rwcu"
            ]
        );
        assert!(costs.unknown[0].contains("2 replicas"), "{:?}", costs.unknown);
    }
}
