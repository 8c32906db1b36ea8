//! What users may write about a table.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A DynamoDB table. Only the settings named here are managed; all others are left alone.
///
/// Outputs: `arn`, `name`, and `streamArn` while there is a stream.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.tableName == oldSelf.tableName").message("dynamoDbTable.tableName is immutable: a table cannot be renamed; declare a new object"),
    validation = Rule::new("self.partitionKey == oldSelf.partitionKey").message("dynamoDbTable.partitionKey is immutable: the key of a table cannot change; declare a new object"),
    validation = Rule::new("has(self.sortKey) == has(oldSelf.sortKey) && (!has(self.sortKey) || self.sortKey == oldSelf.sortKey)").message("dynamoDbTable.sortKey is immutable and cannot be added or removed: the key of a table cannot change; declare a new object"),
    validation = Rule::new("!has(self.sortKey) || self.sortKey.name != self.partitionKey.name").message("sortKey must name another attribute than partitionKey"),
    validation = Rule::new("has(self.provisionedThroughput) == (has(self.billingMode) && self.billingMode == 'Provisioned')").message("provisionedThroughput must be set with billingMode: Provisioned, and only then"),
    validation = Rule::new("!has(self.globalSecondaryIndexes) || self.globalSecondaryIndexes.all(index, has(index.provisionedThroughput) == (has(self.billingMode) && self.billingMode == 'Provisioned'))").message("every index must have a provisionedThroughput with billingMode: Provisioned, and only then"),
    validation = Rule::new("!has(self.globalSecondaryIndexes) || self.globalSecondaryIndexes.all(index, [self.partitionKey].all(key, (index.partitionKey.name != key.name || index.partitionKey.type == key.type) && (!has(index.sortKey) || index.sortKey.name != key.name || index.sortKey.type == key.type)))").message("an attribute must have one type in partitionKey and in the keys of globalSecondaryIndexes"),
    validation = Rule::new("!has(self.globalSecondaryIndexes) || !has(self.sortKey) || self.globalSecondaryIndexes.all(index, [self.sortKey].all(key, (index.partitionKey.name != key.name || index.partitionKey.type == key.type) && (!has(index.sortKey) || index.sortKey.name != key.name || index.sortKey.type == key.type)))").message("an attribute must have one type in sortKey and in the keys of globalSecondaryIndexes")
)]
pub struct DynamoDbTableSpec {
    /// The table's name, unique in its account and region. By the DynamoDB naming rules: 3 to 255
    /// letters, digits, underscores, hyphens and dots.
    #[schemars(length(min = 3, max = 255))]
    #[x_kube(validation = Rule::new("self.matches('^[a-zA-Z0-9_.-]+$')").message("tableName must be letters, digits, underscores, hyphens and dots"))]
    pub table_name: String,
    /// The attribute that decides where an item is stored.
    pub partition_key: Key,
    /// The attribute that orders the items of one partition key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort_key: Option<Key>,
    /// How reads and writes are paid for. A new table is PayPerRequest where absent. Leave it out
    /// for a table whose capacity is managed by Application Auto Scaling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing_mode: Option<BillingMode>,
    /// The capacity that is reserved for the table itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisioned_throughput: Option<Throughput>,
    /// Global secondary indexes; an empty list removes them all. AWS allows 20 unless a higher quota
    /// was granted, and makes or removes one at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 50))]
    #[x_kube(
        merge_strategy = ListMerge::Atomic,
        validation = Rule::new("self.all(one, self.exists_one(other, other.indexName == one.indexName))").message("every item of globalSecondaryIndexes must have an indexName of its own"),
        validation = Rule::new("self.map(index, has(index.nonKeyAttributes) ? size(index.nonKeyAttributes) : 0).sum() <= 100").message("all globalSecondaryIndexes together must have at most 100 nonKeyAttributes"),
        validation = Rule::new("self.all(one, self.all(other, (one.partitionKey.name != other.partitionKey.name || one.partitionKey.type == other.partitionKey.type) && (!has(other.sortKey) || one.partitionKey.name != other.sortKey.name || one.partitionKey.type == other.sortKey.type) && (!has(one.sortKey) || !has(other.sortKey) || one.sortKey.name != other.sortKey.name || one.sortKey.type == other.sortKey.type)))").message("an attribute must have one type in the keys of all globalSecondaryIndexes")
    )]
    pub global_secondary_indexes: Option<Vec<GlobalSecondaryIndex>>,
    /// Deletion of items by a time that they carry themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_to_live: Option<TimeToLive>,
    /// The stream of changes to items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<Stream>,
    /// Encryption at rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
    /// Whether the table can be restored as it was at any second of the last 35 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point_in_time_recovery: Option<bool>,
    /// Whether AWS refuses to delete the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_protection: Option<bool>,
    /// The trade between the price of storage and that of reads and writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table_class: Option<TableClass>,
}

/// An attribute that is part of a key.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Key {
    /// The attribute's name.
    #[schemars(length(min = 1, max = 255))]
    pub name: String,
    /// The attribute's type.
    #[serde(rename = "type")]
    pub type_: AttributeType,
}

/// The type of a key attribute.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub enum AttributeType {
    /// Text.
    #[default]
    String,
    /// A number.
    Number,
    /// Bytes.
    Binary,
}

/// How reads and writes are paid for.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum BillingMode {
    /// Each one by itself, as many as come (on-demand).
    PayPerRequest,
    /// By the hour for a reserved capacity.
    Provisioned,
}

/// Reserved capacity.
#[derive(KubeSchema, Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Throughput {
    /// Strongly consistent reads per second of items up to 4 KB.
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub read_capacity_units: i64,
    /// Writes per second of items up to 1 KB.
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub write_capacity_units: i64,
}

/// A global secondary index. Its keys and projection cannot change: for another key, add an index of
/// another name, move its readers over and remove this one.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("(self.projection == 'Include') == has(self.nonKeyAttributes)").message("nonKeyAttributes must be set with projection: Include, and only then"),
    validation = Rule::new("!has(self.sortKey) || self.sortKey.name != self.partitionKey.name").message("the index's sortKey must name another attribute than its partitionKey")
)]
pub struct GlobalSecondaryIndex {
    /// The index's name in the table.
    #[schemars(length(min = 3, max = 255))]
    #[x_kube(validation = Rule::new("self.matches('^[a-zA-Z0-9_.-]+$')").message("indexName must be letters, digits, underscores, hyphens and dots"))]
    pub index_name: String,
    /// The index's partition key.
    pub partition_key: Key,
    /// The index's sort key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort_key: Option<Key>,
    /// Which attributes the index carries.
    pub projection: Projection,
    /// The attributes that the index carries beside its keys and the table's, in any order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    // The most of one index: API reference, Projection.
    #[schemars(length(min = 1, max = 20), inner(length(min = 1, max = 255)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub non_key_attributes: Vec<String>,
    /// The capacity that is reserved for the index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisioned_throughput: Option<Throughput>,
}

/// Which attributes an index carries.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Projection {
    /// All.
    All,
    /// Those of the index's and the table's keys.
    KeysOnly,
    /// Those of the keys and the ones named.
    Include,
}

/// Deletion of items by a time that they carry themselves. DynamoDB takes an hour over each change,
/// and another attribute needs two: off, then on.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!self.enabled || has(self.attributeName)").message("timeToLive.attributeName must be set with enabled: true"))]
pub struct TimeToLive {
    /// Whether expired items are deleted.
    pub enabled: bool,
    /// The attribute that holds the time, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub attribute_name: Option<String>,
}

/// The stream of changes to items. Another view needs a new stream: the old one is ended first, and
/// its readers must move to the new ARN.
#[derive(KubeSchema, Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.enabled == has(self.viewType)").message("stream.viewType must be set with enabled: true, and only then"))]
pub struct Stream {
    /// Whether there is a stream.
    pub enabled: bool,
    /// What the stream shows of a changed item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view_type: Option<StreamViewType>,
}

/// What a stream shows of a changed item.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum StreamViewType {
    /// Its key.
    KeysOnly,
    /// All of it, as it is now.
    NewImage,
    /// All of it, as it was.
    OldImage,
    /// All of it, as it was and as it is.
    NewAndOldImages,
}

/// Encryption at rest. DynamoDB tells the key of a table but not whose key it is, so that a table
/// with AwsManaged reads as in order whatever KMS key it has.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("(self.type == 'CustomerManaged') == has(self.kmsKeyId)").message("encryption.kmsKeyId must be set with type: CustomerManaged, and only then"),
    validation = Rule::new("!(oldSelf.type == 'CustomerManaged' && self.type == 'AwsManaged')").message("encryption.type must go from CustomerManaged to AwsOwned first, and to AwsManaged once the table has taken that: DynamoDB does not tell the two apart")
)]
pub struct Encryption {
    /// Whose key it is.
    #[serde(rename = "type")]
    pub type_: EncryptionType,
    /// The KMS key's id or ARN. The account's role needs `kms:DescribeKey` and `kms:CreateGrant` on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    #[x_kube(validation = Rule::new("self.matches('^(arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/)?[a-zA-Z0-9-]+$')").message("kmsKeyId must be the id or ARN of a key, not an alias: DynamoDB answers with the key's ARN, and an alias cannot be compared with it"))]
    pub kms_key_id: Option<String>,
}

/// Whose key encrypts a table.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum EncryptionType {
    /// DynamoDB's own, at no charge.
    AwsOwned,
    /// The account's key for DynamoDB, which KMS manages (`alias/aws/dynamodb`).
    AwsManaged,
    /// A key of the account.
    CustomerManaged,
}

/// The trade between the price of storage and that of reads and writes.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum TableClass {
    /// For tables that are read and written a lot.
    Standard,
    /// For tables where storage is most of the cost.
    StandardInfrequentAccess,
}

impl DynamoDbTableSpec {
    /// The key attributes of the table and its indexes, with repetitions.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Key> {
        let own = std::iter::once(&self.partition_key).chain(&self.sort_key);
        own.chain(self.indexes().iter().flat_map(GlobalSecondaryIndex::keys))
    }

    /// The indexes; none where the spec does not name them.
    pub(super) fn indexes(&self) -> &[GlobalSecondaryIndex] {
        self.global_secondary_indexes.as_deref().unwrap_or_default()
    }

    /// The index of this name.
    pub(super) fn index(&self, name: &str) -> Option<&GlobalSecondaryIndex> {
        self.indexes().iter().find(|index| index.index_name == name)
    }
}

impl GlobalSecondaryIndex {
    /// The index's key attributes.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.partition_key).chain(&self.sort_key)
    }
}
