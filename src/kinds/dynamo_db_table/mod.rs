//! Amazon DynamoDB tables.

mod cost;
mod description;
mod owned;
mod request;
mod spec;
mod step;

pub use spec::DynamoDbTableSpec;

use self::spec::AttributeType;
use self::step::{Call, Step};
use crate::api::resource::{Change, Effect};
use crate::aws::error::{AwsError, ErrorClass, Named, unbuildable, unless_absent};
use crate::aws::session::Aws;
use crate::aws::tags::{TagEdit, Tags};
use crate::cost::{Costs, Found};
use crate::kinds::owned::Listing;
use crate::kinds::{Invalid, Kind, KindName, Look, Observed, Request, Target, Usually, once};
use aws_sdk_dynamodb::types as ddb;
use serde_json::Value;
use std::collections::BTreeMap;

/// The kind `DynamoDbTable`.
pub struct DynamoDbTable;

/// How many attributes all indexes together may carry with the projection Include (API reference,
/// Projection).
const NON_KEY_ATTRIBUTES: usize = 100;

impl Kind for DynamoDbTable {
    type Spec = DynamoDbTableSpec;
    const NAME: KindName = KindName::DynamoDbTable;
    const NAME_FIELD: Option<&'static str> = Some("tableName");
    const HOLDS_DATA: bool = true;
    const GRANTS_ACCESS: bool = false;
    // DescribeTable is eventually consistent and may not know a table right after it was made (API
    // reference, DescribeTable).
    const LAGS: bool = true;
    const ABSENT: &'static [&'static str] = &["ResourceNotFoundException"];
    const FIRST_WRITE: Option<&'static str> = Some("CreateTable");
    const USUALLY: Usually = Usually { create_seconds: 15, delete_seconds: 15 };
    const NAMED_LISTS: &'static [(&'static str, &'static str)] = &[("globalSecondaryIndexes", "indexName")];
    const IAM_ACTIONS: &'static [&'static str] = &[
        "dynamodb:CreateTable",
        "dynamodb:DeleteTable",
        "dynamodb:DescribeContinuousBackups",
        "dynamodb:DescribeTable",
        "dynamodb:DescribeTimeToLive",
        "dynamodb:ListTagsOfResource",
        "dynamodb:TagResource",
        "dynamodb:UntagResource",
        "dynamodb:UpdateContinuousBackups",
        "dynamodb:UpdateTable",
        "dynamodb:UpdateTimeToLive",
    ];
    const LISTING_ACTIONS: &'static [&'static str] = &["dynamodb:ListTables"];

    fn validate(spec: &DynamoDbTableSpec) -> Result<(), Invalid> {
        let invalid = |message: String| Err(Invalid { path: "globalSecondaryIndexes", message });
        let mut types: BTreeMap<&str, AttributeType> = BTreeMap::new();
        for key in spec.keys() {
            let known = *types.entry(&key.name).or_insert(key.type_);
            if known != key.type_ {
                let (name, type_) = (&key.name, key.type_);
                return invalid(format!("{name} must have one type in all keys, not {known:?} and {type_:?}"));
            }
        }
        let carried: usize = spec.indexes().iter().map(|index| index.non_key_attributes.len()).sum();
        if carried > NON_KEY_ATTRIBUTES {
            return invalid(format!(
                "all indexes together must name at most {NON_KEY_ATTRIBUTES} nonKeyAttributes, not {carried}"
            ));
        }
        Ok(())
    }

    fn id(spec: &DynamoDbTableSpec) -> Option<String> {
        Some(spec.table_name.clone())
    }

    fn effect(path: &str) -> Option<Effect> {
        let mut members = path.split('.');
        Some(match (members.next(), members.next()) {
            (Some("tableName" | "partitionKey" | "sortKey"), _) => Effect::Replace,
            (Some("globalSecondaryIndexes"), None | Some("provisionedThroughput")) => Effect::InPlace,
            (Some("globalSecondaryIndexes"), Some(_)) => Effect::Replace,
            _ => Effect::InPlace,
        })
    }

    fn comparable(spec: &DynamoDbTableSpec) -> Value {
        comparable(spec.clone())
    }

    const FREE_FIELDS: &'static [&'static str] = &[
        "deletionProtection",
        "encryption.kmsKeyId",
        "encryption.type",
        "globalSecondaryIndexes.indexName",
        "globalSecondaryIndexes.nonKeyAttributes",
        "globalSecondaryIndexes.partitionKey.name",
        "globalSecondaryIndexes.partitionKey.type",
        "globalSecondaryIndexes.projection",
        "globalSecondaryIndexes.sortKey.name",
        "globalSecondaryIndexes.sortKey.type",
        "partitionKey.name",
        "partitionKey.type",
        "sortKey.name",
        "sortKey.type",
        "stream.viewType",
        "tableName",
        "timeToLive.attributeName",
        "timeToLive.enabled",
    ];

    fn cost_items(spec: &DynamoDbTableSpec, found: Found<'_>) -> Costs {
        cost::items(spec, found)
    }

    async fn observe(
        aws: &Aws,
        id: &str,
        look: Look<'_, DynamoDbTableSpec>,
    ) -> Result<Option<Observed<DynamoDbTableSpec>>, AwsError> {
        let Some(table) = describe_table(aws, id).await? else { return Ok(None) };
        let arn =
            table.table_arn.clone().ok_or_else(|| AwsError::malformed("DescribeTable", "the answer has no ARN"))?;
        let tags = read_tags(aws, &arn).await?;
        if tags.is_empty() && table.table_status() == Some(&ddb::TableStatus::Creating) {
            // Tags become visible with a delay; without them a table of ours would pass for nobody's.
            return Err(AwsError::malformed("ListTagsOfResource", "a table that is being made shows no tags yet"));
        }
        let spec = match look {
            Look::Owner { .. } => description::spec(&table, None),
            Look::Full(wanted) => read_named_settings(aws, id, &table, wanted).await?,
        };
        Ok(Some(Observed {
            billed: description::billed(&table),
            state: description::state(&table),
            detail: description::detail(&table),
            health: description::health(&table),
            outputs: outputs(&arn, id, &table),
            arn,
            spec,
            tags,
        }))
    }

    async fn create(aws: &Aws, request: Request<'_, DynamoDbTableSpec>) -> Result<String, AwsError> {
        const OPERATION: &str = "CreateTable";
        once!(
            aws_sdk_dynamodb,
            request::creation(aws.dynamodb().create_table(), request.spec, request.tags)
                .map_err(unbuildable(OPERATION))?,
            OPERATION
        )?;
        Ok(request.spec.table_name.clone())
    }

    async fn update(aws: &Aws, target: Target<'_, DynamoDbTableSpec>, changes: &[Change]) -> Result<(), AwsError> {
        let Some(step) = Step::first(changes) else { return Ok(()) };
        let call = step::call(step, target.spec, &target.observed.spec).map_err(unbuildable("UpdateTable"))?;
        match call {
            Some(call) => send(aws, target.id, call).await,
            None => Ok(()),
        }
    }

    async fn retag(aws: &Aws, target: Target<'_, DynamoDbTableSpec>, edit: &TagEdit) -> Result<(), AwsError> {
        const OPERATION: &str = "TagResource";
        let arn = &target.observed.arn;
        if !edit.set.is_empty() {
            let tags = request::tag_set(&edit.set).map_err(unbuildable(OPERATION))?;
            aws.dynamodb().tag_resource().resource_arn(arn).set_tags(Some(tags)).send().await.named(OPERATION)?;
        }
        if !edit.remove.is_empty() {
            let keys = edit.remove.iter().cloned().collect();
            let call = aws.dynamodb().untag_resource().resource_arn(arn).set_tag_keys(Some(keys));
            call.send().await.named("UntagResource")?;
        }
        Ok(())
    }

    async fn delete(aws: &Aws, target: Target<'_, DynamoDbTableSpec>) -> Result<(), AwsError> {
        match aws.dynamodb().delete_table().table_name(target.id).send().await.named("DeleteTable") {
            // The manifest has taken the protection off, perhaps only after the object was deleted.
            Err(error) if error.class == ErrorClass::Blocked && target.spec.deletion_protection == Some(false) => {
                let call = aws.dynamodb().update_table().table_name(target.id).deletion_protection_enabled(false);
                call.send().await.named("UpdateTable").map(drop)
            }
            answer => answer.map(drop),
        }
    }

    async fn list_owned(aws: &Aws, cluster: &str) -> Listing {
        owned::list(aws, cluster).await
    }
}

/// The table, `None` where DynamoDB says that it does not exist.
async fn describe_table(aws: &Aws, name: &str) -> Result<Option<ddb::TableDescription>, AwsError> {
    const OPERATION: &str = "DescribeTable";
    let answer = aws.dynamodb().describe_table().table_name(name).send().await.named(OPERATION);
    let Some(answer) = unless_absent(answer, DynamoDbTable::ABSENT)? else { return Ok(None) };
    answer.table.map(Some).ok_or_else(|| AwsError::malformed(OPERATION, "the answer has no table"))
}

async fn read_tags(aws: &Aws, arn: &str) -> Result<Tags, AwsError> {
    let mut tags = Tags::new();
    let mut next = None;
    loop {
        let call = aws.dynamodb().list_tags_of_resource().resource_arn(arn).set_next_token(next);
        let page = call.send().await.named("ListTagsOfResource")?;
        tags.extend(page.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)));
        next = page.next_token;
        if next.is_none() {
            return Ok(tags);
        }
    }
}

/// What the table's description says, and the settings with calls of their own where `wanted` names
/// them. A table that is not in service yet or any more has none of those.
async fn read_named_settings(
    aws: &Aws,
    name: &str,
    table: &ddb::TableDescription,
    wanted: &DynamoDbTableSpec,
) -> Result<DynamoDbTableSpec, AwsError> {
    let mut found = description::spec(table, Some(wanted));
    if !matches!(table.table_status(), Some(ddb::TableStatus::Active | ddb::TableStatus::Updating)) {
        return Ok(found);
    }
    if wanted.time_to_live.is_some() {
        let answer =
            aws.dynamodb().describe_time_to_live().table_name(name).send().await.named("DescribeTimeToLive")?;
        found.time_to_live = Some(description::time_to_live(answer.time_to_live_description));
    }
    if wanted.point_in_time_recovery.is_some() {
        let call = aws.dynamodb().describe_continuous_backups().table_name(name);
        let answer = call.send().await.named("DescribeContinuousBackups")?;
        found.point_in_time_recovery =
            Some(description::point_in_time_recovery(answer.continuous_backups_description()));
    }
    Ok(found)
}

fn outputs(arn: &str, name: &str, table: &ddb::TableDescription) -> BTreeMap<String, String> {
    // The ARN of a stream outlives the stream by a day.
    let streams = table.stream_specification().is_some_and(|stream| stream.stream_enabled);
    let stream_arn = table.latest_stream_arn().filter(|_| streams);
    [("arn", Some(arn)), ("name", Some(name)), ("streamArn", stream_arn)]
        .into_iter()
        .filter_map(|(output, value)| Some((output.to_owned(), value?.to_owned())))
        .collect()
}

async fn send(aws: &Aws, name: &str, call: Call) -> Result<(), AwsError> {
    let client = aws.dynamodb();
    match call {
        Call::Table(input) => input.send_with(client).await.named("UpdateTable").map(drop),
        Call::TimeToLive(setting) => {
            let call = client.update_time_to_live().table_name(name).time_to_live_specification(setting);
            call.send().await.named("UpdateTimeToLive").map(drop)
        }
        Call::ContinuousBackups(setting) => {
            let call = client.update_continuous_backups().table_name(name);
            let call = call.point_in_time_recovery_specification(setting);
            call.send().await.named("UpdateContinuousBackups").map(drop)
        }
    }
}

/// The spec with equal meanings made equal: the order of projected attributes and the attribute of a
/// time to live that is off mean nothing, a key is the same by id and by ARN, and no sort key is
/// something to compare, because what is not named is not compared.
fn comparable(mut spec: DynamoDbTableSpec) -> Value {
    if let Some(setting) = spec.time_to_live.as_mut().filter(|setting| !setting.enabled) {
        setting.attribute_name = None;
    }
    if let Some(key) = spec.encryption.as_mut().and_then(|setting| setting.kms_key_id.as_mut()) {
        *key = key.rsplit('/').next().unwrap_or_default().to_owned();
    }
    for index in spec.global_secondary_indexes.iter_mut().flatten() {
        index.non_key_attributes.sort();
    }
    let mut value = serde_json::to_value(&spec).unwrap_or(Value::Null);
    name_missing_sort_key(&mut value);
    let indexes = value.get_mut("globalSecondaryIndexes").and_then(Value::as_array_mut);
    indexes.into_iter().flatten().for_each(name_missing_sort_key);
    value
}

fn name_missing_sort_key(keys: &mut Value) {
    if let Some(members) = keys.as_object_mut() {
        members.entry("sortKey").or_insert_with(|| "none".into());
    }
}

#[cfg(test)]
mod tests;
