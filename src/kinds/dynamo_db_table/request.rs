//! What is sent to DynamoDB: the values of the spec in the words of its API.

use super::spec::*;
use crate::aws::tags::Tags;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::create_table::builders::CreateTableFluentBuilder;
use aws_sdk_dynamodb::types as ddb;
use std::collections::BTreeMap;

/// The create call with everything that it takes; time to live and point-in-time recovery have
/// calls of their own.
pub(super) fn creation(
    call: CreateTableFluentBuilder,
    spec: &DynamoDbTableSpec,
    tags: &Tags,
) -> Result<CreateTableFluentBuilder, BuildError> {
    let indexes = spec.indexes().iter().map(index).collect::<Result<Vec<_>, _>>()?;
    Ok(call
        .table_name(&spec.table_name)
        .set_attribute_definitions(Some(attribute_definitions(spec.keys())?))
        .set_key_schema(Some(key_schema(&spec.partition_key, spec.sort_key.as_ref())?))
        .billing_mode(billing_mode(spec.billing_mode.unwrap_or(BillingMode::PayPerRequest)))
        .set_provisioned_throughput(spec.provisioned_throughput.map(throughput).transpose()?)
        // DynamoDB refuses an empty list.
        .set_global_secondary_indexes((!indexes.is_empty()).then_some(indexes))
        .set_stream_specification(spec.stream.filter(|stream| stream.enabled).map(stream).transpose()?)
        .set_sse_specification(spec.encryption.as_ref().map(encryption))
        .set_deletion_protection_enabled(spec.deletion_protection)
        .set_table_class(spec.table_class.map(table_class))
        .set_tags(Some(tag_set(tags)?)))
}

/// The definitions of key attributes, each once.
pub(super) fn attribute_definitions<'a>(
    keys: impl Iterator<Item = &'a Key>,
) -> Result<Vec<ddb::AttributeDefinition>, BuildError> {
    let types: BTreeMap<&str, AttributeType> = keys.map(|key| (key.name.as_str(), key.type_)).collect();
    let definition = |(name, type_)| {
        ddb::AttributeDefinition::builder().attribute_name(name).attribute_type(attribute_type(type_)).build()
    };
    types.into_iter().map(definition).collect()
}

fn attribute_type(type_: AttributeType) -> ddb::ScalarAttributeType {
    match type_ {
        AttributeType::String => ddb::ScalarAttributeType::S,
        AttributeType::Number => ddb::ScalarAttributeType::N,
        AttributeType::Binary => ddb::ScalarAttributeType::B,
    }
}

fn key_schema(partition: &Key, sort: Option<&Key>) -> Result<Vec<ddb::KeySchemaElement>, BuildError> {
    let partition = (partition, ddb::KeyType::Hash);
    let sort = sort.map(|key| (key, ddb::KeyType::Range));
    std::iter::once(partition)
        .chain(sort)
        .map(|(key, role)| ddb::KeySchemaElement::builder().attribute_name(&key.name).key_type(role).build())
        .collect()
}

fn index(index: &GlobalSecondaryIndex) -> Result<ddb::GlobalSecondaryIndex, BuildError> {
    ddb::GlobalSecondaryIndex::builder()
        .index_name(&index.index_name)
        .set_key_schema(Some(key_schema(&index.partition_key, index.sort_key.as_ref())?))
        .projection(projection(index))
        .set_provisioned_throughput(index.provisioned_throughput.map(throughput).transpose()?)
        .build()
}

/// An index for a table that exists.
pub(super) fn added_index(
    index: &GlobalSecondaryIndex,
    capacity: Option<Throughput>,
) -> Result<ddb::GlobalSecondaryIndexUpdate, BuildError> {
    let create = ddb::CreateGlobalSecondaryIndexAction::builder()
        .index_name(&index.index_name)
        .set_key_schema(Some(key_schema(&index.partition_key, index.sort_key.as_ref())?))
        .projection(projection(index))
        .set_provisioned_throughput(capacity.map(throughput).transpose()?)
        .build()?;
    Ok(ddb::GlobalSecondaryIndexUpdate::builder().create(create).build())
}

/// The end of an index.
pub(super) fn removed_index(name: &str) -> Result<ddb::GlobalSecondaryIndexUpdate, BuildError> {
    let delete = ddb::DeleteGlobalSecondaryIndexAction::builder().index_name(name).build()?;
    Ok(ddb::GlobalSecondaryIndexUpdate::builder().delete(delete).build())
}

/// Another capacity for an index.
pub(super) fn resized_index(name: &str, capacity: Throughput) -> Result<ddb::GlobalSecondaryIndexUpdate, BuildError> {
    let update = ddb::UpdateGlobalSecondaryIndexAction::builder()
        .index_name(name)
        .provisioned_throughput(throughput(capacity)?)
        .build()?;
    Ok(ddb::GlobalSecondaryIndexUpdate::builder().update(update).build())
}

fn projection(index: &GlobalSecondaryIndex) -> ddb::Projection {
    let type_ = match index.projection {
        Projection::All => ddb::ProjectionType::All,
        Projection::KeysOnly => ddb::ProjectionType::KeysOnly,
        Projection::Include => ddb::ProjectionType::Include,
    };
    let attributes = (!index.non_key_attributes.is_empty()).then(|| index.non_key_attributes.clone());
    ddb::Projection::builder().projection_type(type_).set_non_key_attributes(attributes).build()
}

/// The billing mode in the API's words.
pub(super) fn billing_mode(mode: BillingMode) -> ddb::BillingMode {
    match mode {
        BillingMode::PayPerRequest => ddb::BillingMode::PayPerRequest,
        BillingMode::Provisioned => ddb::BillingMode::Provisioned,
    }
}

/// Reserved capacity in the API's words.
pub(super) fn throughput(throughput: Throughput) -> Result<ddb::ProvisionedThroughput, BuildError> {
    ddb::ProvisionedThroughput::builder()
        .read_capacity_units(throughput.read_capacity_units)
        .write_capacity_units(throughput.write_capacity_units)
        .build()
}

/// The stream in the API's words.
pub(super) fn stream(stream: Stream) -> Result<ddb::StreamSpecification, BuildError> {
    let view = stream.view_type.filter(|_| stream.enabled).map(|view| match view {
        StreamViewType::KeysOnly => ddb::StreamViewType::KeysOnly,
        StreamViewType::NewImage => ddb::StreamViewType::NewImage,
        StreamViewType::OldImage => ddb::StreamViewType::OldImage,
        StreamViewType::NewAndOldImages => ddb::StreamViewType::NewAndOldImages,
    });
    ddb::StreamSpecification::builder().stream_enabled(stream.enabled).set_stream_view_type(view).build()
}

/// Encryption in the API's words: "enabled" means by a key in KMS, and no key named means DynamoDB's
/// own in the account.
pub(super) fn encryption(encryption: &Encryption) -> ddb::SseSpecification {
    let by_kms = encryption.type_ != EncryptionType::AwsOwned;
    ddb::SseSpecification::builder()
        .enabled(by_kms)
        .set_sse_type(by_kms.then_some(ddb::SseType::Kms))
        .set_kms_master_key_id(encryption.kms_key_id.clone())
        .build()
}

/// The table class in the API's words.
pub(super) fn table_class(class: TableClass) -> ddb::TableClass {
    match class {
        TableClass::Standard => ddb::TableClass::Standard,
        TableClass::StandardInfrequentAccess => ddb::TableClass::StandardInfrequentAccess,
    }
}

/// Tags in the API's words.
pub(super) fn tag_set(tags: &Tags) -> Result<Vec<ddb::Tag>, BuildError> {
    tags.iter().map(|(key, value)| ddb::Tag::builder().key(key).value(value).build()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::Client;
    use aws_sdk_dynamodb::config::{BehaviorVersion, Config};

    fn key(name: &str) -> Key {
        Key { name: name.into(), type_: AttributeType::String }
    }

    fn create(spec: &DynamoDbTableSpec) -> CreateTableFluentBuilder {
        let client = Client::from_conf(Config::builder().behavior_version(BehaviorVersion::latest()).build());
        creation(client.create_table(), spec, &Tags::from([("team".into(), "shop".into())])).unwrap()
    }

    #[test]
    fn a_new_table_is_paid_per_request_unless_the_spec_says_otherwise() {
        let spec = DynamoDbTableSpec { partition_key: key("customer"), ..Default::default() };
        let call = create(&spec);
        assert_eq!(call.get_billing_mode(), &Some(ddb::BillingMode::PayPerRequest));
        assert!(call.get_provisioned_throughput().is_none() && call.get_global_secondary_indexes().is_none());
        assert_eq!(call.get_tags().as_deref().map(<[_]>::len), Some(1));
    }

    #[test]
    fn an_attribute_of_several_keys_is_defined_once() {
        let keys = [key("customer"), key("status"), key("customer")];
        let definitions = attribute_definitions(keys.iter()).unwrap();
        let names: Vec<_> = definitions.iter().map(|definition| definition.attribute_name()).collect();
        assert_eq!(names, ["customer", "status"]);
    }
}
