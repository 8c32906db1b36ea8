//! What DynamoDB says of a table, in the words of the spec.

use super::spec::*;
use crate::api::resource::ResourceState;
use crate::cost::Billed;
use crate::health::Assessment;
use crate::health::table::judge;
use aws_sdk_dynamodb::types as ddb;

/// The table as its spec would have to read. Whose KMS key it has is not told by DynamoDB: it is
/// taken for the AWS managed one where `wanted` asks for that, and for a customer's otherwise.
pub(super) fn spec(table: &ddb::TableDescription, wanted: Option<&DynamoDbTableSpec>) -> DynamoDbTableSpec {
    let billing_mode = billing_mode(table);
    let provisioned = billing_mode == BillingMode::Provisioned;
    let wants_managed_key = wanted
        .and_then(|spec| spec.encryption.as_ref())
        .is_some_and(|encryption| encryption.type_ == EncryptionType::AwsManaged);
    DynamoDbTableSpec {
        table_name: table.table_name.clone().unwrap_or_default(),
        // A table on its way out may show no keys any more.
        partition_key: key(table, table.key_schema(), &ddb::KeyType::Hash).unwrap_or_default(),
        sort_key: key(table, table.key_schema(), &ddb::KeyType::Range),
        billing_mode: Some(billing_mode),
        provisioned_throughput: table.provisioned_throughput().filter(|_| provisioned).map(throughput),
        global_secondary_indexes: Some(
            standing_indexes(table).map(|description| index(table, description, provisioned)).collect(),
        ),
        stream: Some(stream(table)),
        encryption: Some(encryption(table.sse_description(), wants_managed_key)),
        deletion_protection: Some(table.deletion_protection_enabled.unwrap_or_default()),
        table_class: table_class(table),
        ..Default::default()
    }
}

/// What the table is paid for beyond the spec: the regions of its replicas.
pub(super) fn billed(table: &ddb::TableDescription) -> Billed {
    let regions: Vec<&str> = table.replicas().iter().filter_map(|replica| replica.region_name()).collect();
    Billed::from_iter((!regions.is_empty()).then(|| ("Replicas", regions.join(" "))))
}

/// Tables that never were on-demand have no summary (API reference, BillingModeSummary).
fn billing_mode(table: &ddb::TableDescription) -> BillingMode {
    match table.billing_mode_summary().and_then(|summary| summary.billing_mode()) {
        Some(ddb::BillingMode::PayPerRequest) => BillingMode::PayPerRequest,
        _ => BillingMode::Provisioned,
    }
}

/// Tables whose class never changed have no summary (API reference, TableClassSummary).
fn table_class(table: &ddb::TableDescription) -> Option<TableClass> {
    match table.table_class_summary().and_then(|summary| summary.table_class()) {
        None | Some(ddb::TableClass::Standard) => Some(TableClass::Standard),
        Some(ddb::TableClass::StandardInfrequentAccess) => Some(TableClass::StandardInfrequentAccess),
        Some(_) => None,
    }
}

/// The key of one role in a schema. An index may have several attributes in one role, which the spec
/// has no words for: their names are joined, so that the index never passes for one of a single key.
fn key(table: &ddb::TableDescription, schema: &[ddb::KeySchemaElement], role: &ddb::KeyType) -> Option<Key> {
    let names: Vec<&str> =
        schema.iter().filter(|element| element.key_type == *role).map(|element| element.attribute_name()).collect();
    let first = names.first()?;
    let definition = table.attribute_definitions().iter().find(|definition| definition.attribute_name() == *first)?;
    let type_ = match definition.attribute_type() {
        ddb::ScalarAttributeType::S => AttributeType::String,
        ddb::ScalarAttributeType::N => AttributeType::Number,
        ddb::ScalarAttributeType::B => AttributeType::Binary,
        _ => return None,
    };
    Some(Key { name: names.join(", "), type_ })
}

fn throughput(description: &ddb::ProvisionedThroughputDescription) -> Throughput {
    Throughput {
        read_capacity_units: description.read_capacity_units.unwrap_or_default(),
        write_capacity_units: description.write_capacity_units.unwrap_or_default(),
    }
}

/// The indexes without those that DynamoDB is removing.
fn standing_indexes(table: &ddb::TableDescription) -> impl Iterator<Item = &ddb::GlobalSecondaryIndexDescription> {
    table.global_secondary_indexes().iter().filter(|index| index.index_status() != Some(&ddb::IndexStatus::Deleting))
}

fn index(
    table: &ddb::TableDescription,
    description: &ddb::GlobalSecondaryIndexDescription,
    provisioned: bool,
) -> GlobalSecondaryIndex {
    let projection = description.projection();
    GlobalSecondaryIndex {
        index_name: description.index_name.clone().unwrap_or_default(),
        partition_key: key(table, description.key_schema(), &ddb::KeyType::Hash).unwrap_or_default(),
        sort_key: key(table, description.key_schema(), &ddb::KeyType::Range),
        projection: match projection.and_then(|projection| projection.projection_type()) {
            Some(ddb::ProjectionType::Include) => Projection::Include,
            Some(ddb::ProjectionType::KeysOnly) => Projection::KeysOnly,
            _ => Projection::All,
        },
        non_key_attributes: projection.map(|found| found.non_key_attributes().to_vec()).unwrap_or_default(),
        provisioned_throughput: description.provisioned_throughput().filter(|_| provisioned).map(throughput),
    }
}

fn stream(table: &ddb::TableDescription) -> Stream {
    match table.stream_specification().filter(|stream| stream.stream_enabled) {
        None => Stream { enabled: false, view_type: None },
        Some(stream) => Stream {
            enabled: true,
            view_type: stream.stream_view_type().and_then(|view| match view {
                ddb::StreamViewType::KeysOnly => Some(StreamViewType::KeysOnly),
                ddb::StreamViewType::NewImage => Some(StreamViewType::NewImage),
                ddb::StreamViewType::OldImage => Some(StreamViewType::OldImage),
                ddb::StreamViewType::NewAndOldImages => Some(StreamViewType::NewAndOldImages),
                _ => None,
            }),
        },
    }
}

/// DynamoDB describes encryption only where it is by a key in KMS.
fn encryption(description: Option<&ddb::SseDescription>, wants_managed_key: bool) -> Encryption {
    let by_kms = description.filter(|found| {
        !matches!(found.status(), None | Some(ddb::SseStatus::Disabled | ddb::SseStatus::Disabling))
            && found.sse_type() == Some(&ddb::SseType::Kms)
    });
    match by_kms {
        None => Encryption { type_: EncryptionType::AwsOwned, kms_key_id: None },
        Some(_) if wants_managed_key => Encryption { type_: EncryptionType::AwsManaged, kms_key_id: None },
        Some(found) => {
            Encryption { type_: EncryptionType::CustomerManaged, kms_key_id: found.kms_master_key_arn.clone() }
        }
    }
}

/// Time to live as its spec would have to read. What is being switched counts as switched.
pub(super) fn time_to_live(description: Option<ddb::TimeToLiveDescription>) -> TimeToLive {
    let on = |found: &ddb::TimeToLiveDescription| {
        matches!(found.time_to_live_status(), Some(ddb::TimeToLiveStatus::Enabled | ddb::TimeToLiveStatus::Enabling))
    };
    match description.filter(on) {
        None => TimeToLive { enabled: false, attribute_name: None },
        Some(found) => TimeToLive { enabled: true, attribute_name: found.attribute_name },
    }
}

/// Whether point-in-time recovery is on.
pub(super) fn point_in_time_recovery(description: Option<&ddb::ContinuousBackupsDescription>) -> bool {
    let recovery = description.and_then(|found| found.point_in_time_recovery_description());
    recovery.and_then(|found| found.point_in_time_recovery_status()) == Some(&ddb::PointInTimeRecoveryStatus::Enabled)
}

/// Where the table is in its life. DynamoDB makes or removes one index at a time and shows the table
/// as active meanwhile, so that a table with an index in motion counts as being changed.
pub(super) fn state(table: &ddb::TableDescription) -> ResourceState {
    match table.table_status() {
        Some(ddb::TableStatus::Active) if index_in_motion(table).is_some() => ResourceState::Updating,
        Some(status) => state_of(status),
        None => ResourceState::Unknown,
    }
}

/// The status of the table alone. A replica of a global table that has lost the permission to
/// replicate still serves its data.
fn state_of(status: &ddb::TableStatus) -> ResourceState {
    match status {
        ddb::TableStatus::Creating => ResourceState::Creating,
        ddb::TableStatus::Active | ddb::TableStatus::ReplicationNotAuthorized => ResourceState::Active,
        ddb::TableStatus::Updating | ddb::TableStatus::Archiving => ResourceState::Updating,
        ddb::TableStatus::Archived => ResourceState::Stopped,
        ddb::TableStatus::Deleting => ResourceState::Deleting,
        ddb::TableStatus::InaccessibleEncryptionCredentials => ResourceState::Failed,
        _ => ResourceState::Unknown,
    }
}

/// Whether the table serves its data.
pub(super) fn health(table: &ddb::TableDescription) -> Assessment {
    let replicas = table.replicas().iter().filter_map(|replica| replica.replica_status());
    let replicas: Vec<&str> = replicas.map(ddb::ReplicaStatus::as_str).collect();
    judge(table.table_status().map(ddb::TableStatus::as_str), &replicas)
}

/// What there is to say beyond the state: the index in motion, or the status that is out of the
/// ordinary.
pub(super) fn detail(table: &ddb::TableDescription) -> Option<String> {
    let status = table.table_status()?;
    let reason = table.archival_summary().and_then(|summary| summary.archival_reason());
    match (status, reason) {
        (ddb::TableStatus::Active | ddb::TableStatus::Updating, _) => index_in_motion(table),
        (ddb::TableStatus::Creating | ddb::TableStatus::Deleting, _) => None,
        (status, Some(reason)) => Some(format!("{status}, because of {reason}")),
        (status, None) => Some(status.to_string()),
    }
}

fn index_in_motion(table: &ddb::TableDescription) -> Option<String> {
    table.global_secondary_indexes().iter().find_map(|index| {
        let status = index.index_status().filter(|status| **status != ddb::IndexStatus::Active)?;
        Some(format!("index {} is {status}", index.index_name().unwrap_or_default()))
    })
}
