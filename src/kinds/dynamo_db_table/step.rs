//! The steps of an update. DynamoDB takes one kind of modification per call and one call at a time
//! (API reference, UpdateTable), so that each pass takes the first step that is left.

use super::request;
use super::spec::*;
use crate::api::resource::Change;
use crate::kinds::diff::without_item_names;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::update_table::builders::UpdateTableInputBuilder;
use aws_sdk_dynamodb::types as ddb;

/// One kind of modification, in the order in which they are made: what protects the table comes
/// first, an index goes before a switch to provisioned capacity would need capacity for it, a new
/// index comes once the table is paid for as declared, and time to live, which DynamoDB may refuse
/// to change for an hour, keeps nothing waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    DeletionProtection,
    RemoveIndex,
    Capacity,
    TableClass,
    Encryption,
    Stream,
    AddIndex,
    PointInTimeRecovery,
    TimeToLive,
}

impl Step {
    /// The first step towards `changes`.
    pub(super) fn first(changes: &[Change]) -> Option<Self> {
        changes.iter().filter_map(Self::of).min()
    }

    fn of(change: &Change) -> Option<Self> {
        let path = without_item_names(&change.path);
        let mut members = path.split('.');
        Some(match (members.next()?, members.next()) {
            ("deletionProtection", _) => Self::DeletionProtection,
            ("billingMode" | "provisionedThroughput", _) => Self::Capacity,
            ("globalSecondaryIndexes", None) if change.to.is_none() => Self::RemoveIndex,
            ("globalSecondaryIndexes", None) if change.from.is_none() => Self::AddIndex,
            // A long index name cuts the member off the path; the capacity is all that can change.
            ("globalSecondaryIndexes", None | Some("provisionedThroughput")) => Self::Capacity,
            ("tableClass", _) => Self::TableClass,
            ("encryption", _) => Self::Encryption,
            ("stream", _) => Self::Stream,
            ("timeToLive", _) => Self::TimeToLive,
            ("pointInTimeRecovery", _) => Self::PointInTimeRecovery,
            _ => return None,
        })
    }
}

/// The call that takes a step: of `UpdateTable`, `UpdateTimeToLive` or `UpdateContinuousBackups`.
#[derive(Debug)]
pub(super) enum Call {
    Table(Box<UpdateTableInputBuilder>),
    TimeToLive(ddb::TimeToLiveSpecification),
    ContinuousBackups(ddb::PointInTimeRecoverySpecification),
}

/// The call that takes `step` from `observed` towards `spec`; `None` where the spec does not name
/// what the step is about, which a change cannot come from.
pub(super) fn call(
    step: Step,
    spec: &DynamoDbTableSpec,
    observed: &DynamoDbTableSpec,
) -> Result<Option<Call>, BuildError> {
    let table = UpdateTableInputBuilder::default().table_name(&spec.table_name);
    let modification = match step {
        Step::DeletionProtection => spec.deletion_protection.map(|on| table.deletion_protection_enabled(on)),
        Step::RemoveIndex => remove_index(table, spec, observed)?,
        Step::Capacity => Some(resize(table, spec, observed)?),
        Step::TableClass => spec.table_class.map(|class| table.table_class(request::table_class(class))),
        Step::Encryption => spec.encryption.as_ref().map(|wanted| table.sse_specification(request::encryption(wanted))),
        Step::Stream => match spec.stream {
            Some(wanted) => Some(table.stream_specification(request::stream(next_stream(wanted, observed.stream))?)),
            None => None,
        },
        Step::AddIndex => add_index(table, spec, observed)?,
        Step::TimeToLive => return time_to_live(spec, observed),
        Step::PointInTimeRecovery => return point_in_time_recovery(spec),
    };
    Ok(modification.map(|table| Call::Table(Box::new(table))))
}

fn remove_index(
    table: UpdateTableInputBuilder,
    spec: &DynamoDbTableSpec,
    observed: &DynamoDbTableSpec,
) -> Result<Option<UpdateTableInputBuilder>, BuildError> {
    let surplus = observed.indexes().iter().find(|index| spec.index(&index.index_name).is_none());
    // A spec that does not name the indexes leaves them all alone.
    match surplus.filter(|_| spec.global_secondary_indexes.is_some()) {
        Some(index) => Ok(Some(table.global_secondary_index_updates(request::removed_index(&index.index_name)?))),
        None => Ok(None),
    }
}

/// The definitions must name the key attributes of the new index; they are sent with those of all
/// keys that the table has, as the whole of what it then needs.
fn add_index(
    table: UpdateTableInputBuilder,
    spec: &DynamoDbTableSpec,
    observed: &DynamoDbTableSpec,
) -> Result<Option<UpdateTableInputBuilder>, BuildError> {
    let Some(index) = spec.indexes().iter().find(|index| observed.index(&index.index_name).is_none()) else {
        return Ok(None);
    };
    // An index of a table with reserved capacity needs its own; where the spec leaves capacity to
    // others, it begins with as much as the table.
    let capacity = observed.provisioned_throughput.map(|of_table| index.provisioned_throughput.unwrap_or(of_table));
    let definitions = request::attribute_definitions(observed.keys().chain(index.keys()))?;
    Ok(Some(
        table
            .set_attribute_definitions(Some(definitions))
            .global_secondary_index_updates(request::added_index(index, capacity)?),
    ))
}

/// Billing mode and reserved capacity go into one call: a switch to provisioned needs the capacity
/// of the table and of every index, and a capacity that stays as it is would be refused.
fn resize(
    table: UpdateTableInputBuilder,
    spec: &DynamoDbTableSpec,
    observed: &DynamoDbTableSpec,
) -> Result<UpdateTableInputBuilder, BuildError> {
    let switch = spec.billing_mode.filter(|_| spec.billing_mode != observed.billing_mode);
    let of_table =
        spec.provisioned_throughput.filter(|_| spec.provisioned_throughput != observed.provisioned_throughput);
    let mut indexes = Vec::new();
    for index in observed.indexes() {
        let declared = spec.index(&index.index_name).and_then(|index| index.provisioned_throughput);
        let needed = spec.provisioned_throughput.filter(|_| switch.is_some());
        match declared.or(needed) {
            Some(wanted) if index.provisioned_throughput != Some(wanted) => {
                indexes.push(request::resized_index(&index.index_name, wanted)?);
            }
            _ => {}
        }
    }
    Ok(table
        .set_billing_mode(switch.map(request::billing_mode))
        .set_provisioned_throughput(of_table.map(request::throughput).transpose()?)
        .set_global_secondary_index_updates((!indexes.is_empty()).then_some(indexes)))
}

/// DynamoDB refuses to enable a stream where there is one: another view begins with the end of the
/// stream that there is.
fn next_stream(wanted: Stream, found: Option<Stream>) -> Stream {
    match found {
        Some(found) if found.enabled && wanted.enabled => Stream { enabled: false, view_type: None },
        _ => wanted,
    }
}

/// Time to live is switched off by the attribute that it is on, and is on for one attribute at most:
/// another attribute begins with the end of the one that there is.
fn time_to_live(spec: &DynamoDbTableSpec, observed: &DynamoDbTableSpec) -> Result<Option<Call>, BuildError> {
    let Some(wanted) = &spec.time_to_live else { return Ok(None) };
    let found = observed.time_to_live.as_ref().filter(|found| found.enabled);
    let (enabled, attribute) = match found {
        Some(found) => (false, &found.attribute_name),
        None => (wanted.enabled, &wanted.attribute_name),
    };
    let setting =
        ddb::TimeToLiveSpecification::builder().enabled(enabled).set_attribute_name(attribute.clone()).build()?;
    Ok(Some(Call::TimeToLive(setting)))
}

fn point_in_time_recovery(spec: &DynamoDbTableSpec) -> Result<Option<Call>, BuildError> {
    let Some(enabled) = spec.point_in_time_recovery else { return Ok(None) };
    let setting = ddb::PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(enabled).build()?;
    Ok(Some(Call::ContinuousBackups(setting)))
}
