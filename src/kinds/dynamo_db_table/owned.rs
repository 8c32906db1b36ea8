//! The tables that carry a cluster's tags.

use crate::aws::error::{AwsError, Named, unless_absent};
use crate::aws::session::Aws;
use crate::kinds::Kind;
use crate::kinds::owned::{Listing, Owned, each, names_cluster, pages, time};

/// Lists the tables; their tags are a call each.
pub(super) async fn list(aws: &Aws, cluster: &str) -> Listing {
    each(pages!(aws.dynamodb().list_tables(), "ListTables"), |name: String| read(aws, cluster, name)).await
}

async fn read(aws: &Aws, cluster: &str, id: String) -> Result<Option<Owned>, AwsError> {
    let arn = format!("arn:{}:dynamodb:{}:{}:table/{id}", aws.partition(), aws.region(), aws.account_id());
    let tags = unless_absent(super::read_tags(aws, &arn).await, super::DynamoDbTable::ABSENT)?;
    let Some(tags) = tags.filter(|tags| names_cluster(tags, cluster)) else { return Ok(None) };
    Ok(super::describe_table(aws, &id).await?.map(|table| Owned {
        type_: "AWS::DynamoDB::Table",
        id,
        arn,
        tags,
        since: time(table.creation_date_time()),
        kept_by_default: super::DynamoDbTable::HOLDS_DATA,
    }))
}
