//! The tables that carry a cluster's tags.

use crate::aws::error::{AwsError, ErrorClass, Named};
use crate::aws::session::Aws;
use crate::kinds::Kind;
use crate::kinds::owned::{Listing, Owned, each, names_cluster, pages, time};

/// Lists the tables; their tags are a call each.
pub(super) async fn list(aws: &Aws, cluster: &str) -> Listing {
    each(pages!(aws.dynamodb().list_tables(), "ListTables"), |name: String| read(aws, cluster, name)).await
}

async fn read(aws: &Aws, cluster: &str, id: String) -> Result<Option<Owned>, AwsError> {
    let arn = format!("arn:{}:dynamodb:{}:{}:table/{id}", aws.partition(), aws.region(), aws.account_id());
    let tags = match super::read_tags(aws, &arn).await {
        Err(error) if error.class == ErrorClass::NotFound => return Ok(None),
        answer => answer?,
    };
    if !names_cluster(&tags, cluster) {
        return Ok(None);
    }
    Ok(super::describe_table(aws, &id).await?.map(|table| Owned {
        type_: "AWS::DynamoDB::Table",
        id,
        arn,
        tags,
        since: time(table.creation_date_time()),
        kept_by_default: super::DynamoDbTable::HOLDS_DATA,
    }))
}
