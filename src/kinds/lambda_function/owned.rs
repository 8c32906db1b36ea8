//! The functions and log groups that carry a cluster's tags. Neither list shows tags.

use super::LambdaFunction;
use super::log_group;
use crate::aws::error::{AwsError, Named, unless_absent};
use crate::aws::session::Aws;
use crate::kinds::Kind;
use crate::kinds::owned::{Listing, Owned, each, names_cluster, pages};
use aws_sdk_cloudwatchlogs::types::LogGroup;
use aws_sdk_lambda::types::FunctionConfiguration;
use k8s_openapi::jiff::Timestamp;

/// How Lambda writes times (API reference, FunctionConfiguration).
const TIME: &str = "%Y-%m-%dT%H:%M:%S%.f%z";

/// Lists the functions, and the log groups whatever their names are.
pub(super) async fn list(aws: &Aws, cluster: &str) -> Listing {
    let functions = pages!(aws.lambda().list_functions(), "ListFunctions");
    let groups = pages!(aws.logs().describe_log_groups(), "DescribeLogGroups");
    let functions = each(functions, |function: FunctionConfiguration| read_function(aws, cluster, function)).await;
    functions.and(each(groups, |group: LogGroup| read_group(aws, cluster, group)).await)
}

async fn read_function(aws: &Aws, cluster: &str, function: FunctionConfiguration) -> Result<Option<Owned>, AwsError> {
    let arn = function.function_arn.unwrap_or_default();
    let answer = aws.lambda().list_tags().resource(&arn).send().await.named("ListTags");
    let Some(answer) = unless_absent(answer, LambdaFunction::ABSENT)? else { return Ok(None) };
    let tags = answer.tags.unwrap_or_default().into_iter().collect();
    Ok(names_cluster(&tags, cluster).then(|| Owned {
        type_: "AWS::Lambda::Function",
        id: function.function_name.unwrap_or_default(),
        arn,
        tags,
        // Lambda does not tell when a function was made.
        since: function.last_modified.and_then(|text| Timestamp::strptime(TIME, text).ok()),
        kept_by_default: false,
    }))
}

async fn read_group(aws: &Aws, cluster: &str, group: LogGroup) -> Result<Option<Owned>, AwsError> {
    let arn = group.log_group_arn.unwrap_or_default();
    let tags = log_group::tags(aws, &arn).await?.filter(|tags| names_cluster(tags, cluster));
    Ok(tags.map(|tags| Owned {
        type_: "AWS::Logs::LogGroup",
        id: group.log_group_name.unwrap_or_default(),
        arn,
        tags,
        since: group.creation_time.and_then(|time| Timestamp::from_millisecond(time).ok()),
        kept_by_default: false,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_the_last_change_is_read_as_lambda_writes_it() {
        let read = Timestamp::strptime(TIME, "2026-11-24T10:15:30.123+0000").unwrap();
        assert_eq!(read.as_second(), 1_795_515_330);
    }
}
