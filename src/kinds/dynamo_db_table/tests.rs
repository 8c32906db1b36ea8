//! Tests of the kind's pure parts.

use super::spec::*;
use super::*;
use crate::api::resource::ResourceState;
use crate::health::Assessment;
use aws_sdk_dynamodb::operation::update_table::UpdateTableInput;
use aws_sdk_dynamodb::operation::update_table::builders::UpdateTableInputBuilder;

const STRING: AttributeType = AttributeType::String;

fn key(name: &str, type_: AttributeType) -> Key {
    Key { name: name.into(), type_ }
}

fn capacity(units: i64) -> Throughput {
    Throughput { read_capacity_units: units, write_capacity_units: units }
}

fn index(name: &str) -> GlobalSecondaryIndex {
    GlobalSecondaryIndex {
        index_name: name.into(),
        partition_key: key(name, STRING),
        sort_key: None,
        projection: Projection::All,
        non_key_attributes: vec![],
        provisioned_throughput: None,
    }
}

fn table(indexes: Vec<GlobalSecondaryIndex>) -> DynamoDbTableSpec {
    DynamoDbTableSpec {
        table_name: "orders".into(),
        partition_key: key("customer", STRING),
        sort_key: Some(key("placedAt", AttributeType::Number)),
        billing_mode: Some(BillingMode::PayPerRequest),
        global_secondary_indexes: Some(indexes),
        ..Default::default()
    }
}

fn provisioned(units: i64, indexes: Vec<GlobalSecondaryIndex>) -> DynamoDbTableSpec {
    let sized = |index| GlobalSecondaryIndex { provisioned_throughput: Some(capacity(units)), ..index };
    DynamoDbTableSpec {
        billing_mode: Some(BillingMode::Provisioned),
        provisioned_throughput: Some(capacity(units)),
        ..table(indexes.into_iter().map(sized).collect())
    }
}

fn observed(spec: DynamoDbTableSpec) -> Observed<DynamoDbTableSpec> {
    Observed {
        billed: crate::cost::Billed::new(),
        arn: "arn:aws:dynamodb:us-east-1:111122223333:table/orders".into(),
        state: ResourceState::Active,
        detail: None,
        health: Assessment::found(),
        spec,
        tags: Tags::new(),
        outputs: BTreeMap::new(),
    }
}

fn changes(desired: &DynamoDbTableSpec, found: &DynamoDbTableSpec) -> Vec<Change> {
    DynamoDbTable::diff(desired, &observed(found.clone()))
}

fn effects(desired: &DynamoDbTableSpec, found: &DynamoDbTableSpec) -> Vec<(String, Effect)> {
    changes(desired, found).into_iter().map(|change| (change.path, change.effect)).collect()
}

/// The first step from `found` to `desired`, as the body of its `UpdateTable` call.
fn first_update(desired: &DynamoDbTableSpec, found: &DynamoDbTableSpec) -> UpdateTableInput {
    let step = Step::first(&changes(desired, found)).unwrap();
    match step::call(step, desired, found).unwrap() {
        Some(Call::Table(input)) => UpdateTableInputBuilder::build(*input).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn first_time_to_live(desired: TimeToLive, found: TimeToLive) -> ddb::TimeToLiveSpecification {
    let with = |setting| DynamoDbTableSpec { time_to_live: Some(setting), ..table(vec![]) };
    let (desired, found) = (with(desired), with(found));
    let step = Step::first(&changes(&desired, &found)).unwrap();
    match step::call(step, &desired, &found).unwrap() {
        Some(Call::TimeToLive(setting)) => setting,
        other => panic!("{other:?}"),
    }
}

fn description(status: &str) -> ddb::builders::TableDescriptionBuilder {
    let attribute = |name: &str, type_| {
        ddb::AttributeDefinition::builder().attribute_name(name).attribute_type(type_).build().unwrap()
    };
    ddb::TableDescription::builder()
        .table_name("orders")
        .table_status(status.into())
        .attribute_definitions(attribute("customer", ddb::ScalarAttributeType::S))
        .attribute_definitions(attribute("placedAt", ddb::ScalarAttributeType::N))
        .attribute_definitions(attribute("status", ddb::ScalarAttributeType::S))
        .key_schema(element("customer", ddb::KeyType::Hash))
        .key_schema(element("placedAt", ddb::KeyType::Range))
}

fn element(name: &str, role: ddb::KeyType) -> ddb::KeySchemaElement {
    ddb::KeySchemaElement::builder().attribute_name(name).key_type(role).build().unwrap()
}

fn described_index(status: ddb::IndexStatus) -> ddb::GlobalSecondaryIndexDescription {
    ddb::GlobalSecondaryIndexDescription::builder()
        .index_name("status")
        .index_status(status)
        .key_schema(element("status", ddb::KeyType::Hash))
        .projection(ddb::Projection::builder().projection_type(ddb::ProjectionType::All).build())
        .build()
}

#[test]
fn every_status_of_a_table_has_a_state() {
    for status in ddb::TableStatus::values() {
        let state = description::state(&description(status).build());
        let expected = match *status {
            "CREATING" => ResourceState::Creating,
            "ACTIVE" | "REPLICATION_NOT_AUTHORIZED" => ResourceState::Active,
            "UPDATING" | "ARCHIVING" => ResourceState::Updating,
            "DELETING" => ResourceState::Deleting,
            "INACCESSIBLE_ENCRYPTION_CREDENTIALS" => ResourceState::Failed,
            "ARCHIVED" => ResourceState::Stopped,
            new => panic!("{new} has no state yet"),
        };
        assert_eq!(state, expected, "{status}");
    }
    assert_eq!(description::state(&description("BRAND_NEW").build()), ResourceState::Unknown);
}

#[test]
fn every_status_of_a_table_and_a_replica_that_the_sdk_knows_says_something_of_its_health() {
    for status in ddb::TableStatus::values() {
        assert_ne!(description::health(&description(status).build()).reason, "UnknownState", "{status}");
    }
    for status in ddb::ReplicaStatus::values() {
        let replica = ddb::ReplicaDescription::builder().replica_status((*status).into()).build();
        let table = description("ACTIVE").replicas(replica).build();
        assert_ne!(description::health(&table).reason, "UnknownState", "{status}");
    }
}

#[test]
fn an_index_in_motion_makes_the_table_updating_and_is_named() {
    let moving = description("ACTIVE").global_secondary_indexes(described_index(ddb::IndexStatus::Creating)).build();
    assert_eq!(description::state(&moving), ResourceState::Updating);
    assert_eq!(description::detail(&moving).as_deref(), Some("index status is CREATING"));
    let at_rest = description("ACTIVE").global_secondary_indexes(described_index(ddb::IndexStatus::Active)).build();
    assert_eq!(description::state(&at_rest), ResourceState::Active);
    assert_eq!(description::detail(&at_rest), None);
}

#[test]
fn an_archived_table_says_why() {
    let reason = ddb::ArchivalSummary::builder().archival_reason("INACCESSIBLE_ENCRYPTION_CREDENTIALS").build();
    let archived = description("ARCHIVED").archival_summary(reason).build();
    let expected = "ARCHIVED, because of INACCESSIBLE_ENCRYPTION_CREDENTIALS";
    assert_eq!(description::detail(&archived).as_deref(), Some(expected));
}

#[test]
fn a_description_reads_as_the_spec_that_made_it() {
    let summary = ddb::BillingModeSummary::builder().billing_mode(ddb::BillingMode::PayPerRequest).build();
    let found = description("ACTIVE")
        .billing_mode_summary(summary)
        .global_secondary_indexes(described_index(ddb::IndexStatus::Active))
        .build();
    let desired = DynamoDbTableSpec {
        stream: Some(Stream { enabled: false, view_type: None }),
        encryption: Some(Encryption { type_: EncryptionType::AwsOwned, kms_key_id: None }),
        deletion_protection: Some(false),
        table_class: Some(TableClass::Standard),
        ..table(vec![index("status")])
    };
    assert_eq!(description::spec(&found, Some(&desired)), desired);
}

#[test]
fn an_index_on_its_way_out_is_there_no_more() {
    let found = description("ACTIVE").global_secondary_indexes(described_index(ddb::IndexStatus::Deleting)).build();
    assert_eq!(description::spec(&found, None).global_secondary_indexes, Some(vec![]));
}

#[test]
fn a_kms_key_is_the_managed_one_only_where_that_is_asked_for() {
    let sse = ddb::SseDescription::builder()
        .status(ddb::SseStatus::Enabled)
        .sse_type(ddb::SseType::Kms)
        .kms_master_key_arn("arn:aws:kms:us-east-1:111122223333:key/1234")
        .build();
    let found = description("ACTIVE").sse_description(sse).build();
    let with = |type_, kms_key_id: Option<&str>| DynamoDbTableSpec {
        encryption: Some(Encryption { type_, kms_key_id: kms_key_id.map(Into::into) }),
        ..table(vec![])
    };
    let differs = |desired: &DynamoDbTableSpec| {
        let found = description::spec(&found, Some(desired));
        changes(desired, &found).into_iter().any(|change| change.path.starts_with("encryption"))
    };
    assert!(!differs(&with(EncryptionType::AwsManaged, None)));
    assert!(!differs(&with(EncryptionType::CustomerManaged, Some("1234"))));
    assert!(differs(&with(EncryptionType::CustomerManaged, Some("5678"))));
    assert!(differs(&with(EncryptionType::AwsOwned, None)));
}

#[test]
fn equal_specs_have_no_difference() {
    let carrying = |attributes: [&str; 2]| GlobalSecondaryIndex {
        projection: Projection::Include,
        non_key_attributes: attributes.map(Into::into).to_vec(),
        ..index("status")
    };
    assert!(changes(&table(vec![index("status")]), &table(vec![index("status")])).is_empty());
    assert!(changes(&table(vec![carrying(["a", "b"])]), &table(vec![carrying(["b", "a"])])).is_empty());
}

#[test]
fn what_the_spec_does_not_name_is_left_alone() {
    let desired = DynamoDbTableSpec { billing_mode: None, global_secondary_indexes: None, ..provisioned(5, vec![]) };
    let desired = DynamoDbTableSpec { provisioned_throughput: None, ..desired };
    let found = DynamoDbTableSpec { deletion_protection: Some(true), ..provisioned(9, vec![index("status")]) };
    assert!(changes(&desired, &found).is_empty());
}

#[test]
fn a_time_to_live_that_is_off_has_no_attribute_to_compare() {
    let with = |attribute: Option<&str>| DynamoDbTableSpec {
        time_to_live: Some(TimeToLive { enabled: false, attribute_name: attribute.map(Into::into) }),
        ..table(vec![])
    };
    assert!(changes(&with(Some("expiresAt")), &with(None)).is_empty());
}

#[test]
fn indexes_come_and_go_in_place_and_are_never_rekeyed() {
    let sorted = GlobalSecondaryIndex { sort_key: Some(key("placedAt", AttributeType::Number)), ..index("status") };
    let in_place = |name: &str| vec![(format!("globalSecondaryIndexes[{name}]"), Effect::InPlace)];
    let replace = |member: &str| vec![(format!("globalSecondaryIndexes[status].{member}"), Effect::Replace)];
    assert_eq!(effects(&table(vec![index("status")]), &table(vec![])), in_place("status"));
    assert_eq!(effects(&table(vec![]), &table(vec![index("status")])), in_place("status"));
    assert_eq!(effects(&table(vec![sorted.clone()]), &table(vec![index("status")])), replace("sortKey"));
    assert_eq!(effects(&table(vec![index("status")]), &table(vec![sorted])), replace("sortKey"));
    let narrow = GlobalSecondaryIndex { projection: Projection::KeysOnly, ..index("status") };
    assert_eq!(effects(&table(vec![narrow]), &table(vec![index("status")])), replace("projection"));
}

#[test]
fn a_table_with_another_key_would_have_to_be_replaced() {
    let plain = DynamoDbTableSpec { sort_key: None, ..table(vec![]) };
    assert_eq!(effects(&plain, &table(vec![])), [("sortKey".to_owned(), Effect::Replace)]);
    let other = DynamoDbTableSpec { partition_key: key("tenant", STRING), ..table(vec![]) };
    assert_eq!(effects(&other, &table(vec![])), [("partitionKey.name".to_owned(), Effect::Replace)]);
}

#[test]
fn each_update_takes_the_first_step_that_is_left() {
    let change = |path: &str, from: Option<&str>, to: Option<&str>| Change {
        path: path.into(),
        from: from.map(Into::into),
        to: to.map(Into::into),
        effect: Effect::InPlace,
    };
    let mut left = vec![
        change("timeToLive.enabled", Some("false"), Some("true")),
        change("pointInTimeRecovery", Some("false"), Some("true")),
        change("globalSecondaryIndexes[new]", None, Some("{}")),
        change("stream.enabled", Some("false"), Some("true")),
        change("encryption.type", Some("AwsOwned"), Some("AwsManaged")),
        change("tableClass", Some("Standard"), Some("StandardInfrequentAccess")),
        change("globalSecondaryIndexes[kept].provisionedThroughput.readCapacityUnits", Some("1"), Some("2")),
        change("globalSecondaryIndexes[old]", Some("{}"), None),
        change("deletionProtection", Some("true"), Some("false")),
    ];
    let mut steps = Vec::new();
    while let Some(step) = Step::first(&left) {
        steps.push(step);
        left.pop();
    }
    assert_eq!(
        steps,
        [
            Step::DeletionProtection,
            Step::RemoveIndex,
            Step::Capacity,
            Step::TableClass,
            Step::Encryption,
            Step::Stream,
            Step::AddIndex,
            Step::PointInTimeRecovery,
            Step::TimeToLive,
        ]
    );
}

#[test]
fn one_index_is_removed_per_call_and_before_one_is_added() {
    let found = table(vec![index("a"), index("b"), index("kept")]);
    let update = first_update(&table(vec![index("kept"), index("new")]), &found);
    let [only] = update.global_secondary_index_updates() else { panic!("{update:?}") };
    assert_eq!(only.delete().unwrap().index_name(), "a");
    assert!(only.create().is_none());
}

#[test]
fn an_added_index_comes_with_the_attributes_of_every_key_once() {
    let new = GlobalSecondaryIndex { sort_key: Some(key("placedAt", AttributeType::Number)), ..index("new") };
    let update = first_update(&table(vec![index("kept"), new]), &table(vec![index("kept")]));
    let attributes: Vec<_> = update.attribute_definitions().iter().map(|known| known.attribute_name()).collect();
    assert_eq!(attributes, ["customer", "kept", "new", "placedAt"]);
    let [only] = update.global_secondary_index_updates() else { panic!("{update:?}") };
    assert_eq!(only.create().unwrap().index_name(), "new");
    assert!(only.create().unwrap().provisioned_throughput().is_none());
}

#[test]
fn an_index_added_where_others_manage_capacity_begins_with_that_of_the_table() {
    let desired = DynamoDbTableSpec { billing_mode: None, ..table(vec![index("new")]) };
    let update = first_update(&desired, &provisioned(7, vec![]));
    let create = update.global_secondary_index_updates()[0].create().unwrap();
    assert_eq!(create.provisioned_throughput().unwrap().read_capacity_units(), 7);
}

#[test]
fn a_switch_to_provisioned_brings_capacity_for_every_index() {
    let desired = provisioned(5, vec![index("kept"), index("new")]);
    let update = first_update(&desired, &table(vec![index("kept")]));
    assert_eq!(update.billing_mode(), Some(&ddb::BillingMode::Provisioned));
    assert_eq!(update.provisioned_throughput().unwrap().write_capacity_units(), 5);
    let [only] = update.global_secondary_index_updates() else { panic!("{update:?}") };
    assert_eq!(only.update().unwrap().index_name(), "kept");

    let unnamed = DynamoDbTableSpec { global_secondary_indexes: None, ..desired };
    let update = first_update(&unnamed, &table(vec![index("theirs")]));
    assert_eq!(update.global_secondary_index_updates()[0].update().unwrap().index_name(), "theirs");
}

#[test]
fn a_switch_to_pay_per_request_names_no_capacity() {
    let update = first_update(&table(vec![index("kept")]), &provisioned(5, vec![index("kept")]));
    assert_eq!(update.billing_mode(), Some(&ddb::BillingMode::PayPerRequest));
    assert!(update.provisioned_throughput().is_none());
    assert!(update.global_secondary_index_updates().is_empty());
}

#[test]
fn a_capacity_that_stays_is_not_sent() {
    let mut desired = provisioned(5, vec![index("a"), index("b")]);
    desired.global_secondary_indexes.as_mut().unwrap()[1].provisioned_throughput = Some(capacity(6));
    let update = first_update(&desired, &provisioned(5, vec![index("a"), index("b")]));
    assert!(update.billing_mode().is_none() && update.provisioned_throughput().is_none());
    let [only] = update.global_secondary_index_updates() else { panic!("{update:?}") };
    assert_eq!(only.update().unwrap().index_name(), "b");
}

#[test]
fn another_view_begins_with_the_end_of_the_stream() {
    let with = |view_type: Option<StreamViewType>| DynamoDbTableSpec {
        stream: Some(Stream { enabled: view_type.is_some(), view_type }),
        ..table(vec![])
    };
    let desired = with(Some(StreamViewType::NewImage));
    let first = first_update(&desired, &with(Some(StreamViewType::KeysOnly)));
    assert!(!first.stream_specification().unwrap().stream_enabled());
    let second = first_update(&desired, &with(None)).stream_specification.unwrap();
    assert_eq!(second.stream_view_type(), Some(&ddb::StreamViewType::NewImage));
}

#[test]
fn another_attribute_begins_with_the_end_of_the_time_to_live_there_is() {
    let on = |attribute: &str| TimeToLive { enabled: true, attribute_name: Some(attribute.into()) };
    let off = TimeToLive { enabled: false, attribute_name: None };
    let first = first_time_to_live(on("endsAt"), on("expiresAt"));
    assert_eq!((first.enabled(), first.attribute_name()), (false, "expiresAt"));
    let second = first_time_to_live(on("endsAt"), off.clone());
    assert_eq!((second.enabled(), second.attribute_name()), (true, "endsAt"));
    let ended = first_time_to_live(off, on("expiresAt"));
    assert_eq!((ended.enabled(), ended.attribute_name()), (false, "expiresAt"));
}

#[test]
fn one_attribute_has_one_type() {
    let clash = GlobalSecondaryIndex { partition_key: key("customer", AttributeType::Number), ..index("status") };
    let invalid = DynamoDbTable::validate(&table(vec![clash])).unwrap_err();
    assert_eq!(invalid.path, "globalSecondaryIndexes");
    assert!(invalid.message.contains("customer") && invalid.message.contains("String and Number"), "{invalid}");
    assert!(DynamoDbTable::validate(&table(vec![index("status")])).is_ok());
}

#[test]
fn all_indexes_together_carry_a_hundred_attributes() {
    let carrying = |name: &str, count| GlobalSecondaryIndex {
        projection: Projection::Include,
        non_key_attributes: (0..count).map(|n| format!("a{n}")).collect(),
        ..index(name)
    };
    assert!(DynamoDbTable::validate(&table(vec![carrying("a", 50), carrying("b", 50)])).is_ok());
    assert!(DynamoDbTable::validate(&table(vec![carrying("a", 50), carrying("b", 51)])).is_err());
}
