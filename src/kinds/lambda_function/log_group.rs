//! The log group that a function writes to, where its logs are kept for a number of days.
//!
//! It is a resource of its own with tags of its own. Whose it is, they tell: it is the function's where
//! both name the same object. All others are read and never written to.

use super::LambdaFunction;
use super::spec::LambdaFunctionSpec;
use crate::aws::error::{AwsError, ErrorClass, Named, unless_absent};
use crate::aws::session::Aws;
use crate::aws::tags::{TagEdit, Tags, same_owner};
use crate::kinds::{Kind, once};

/// What stands for the days of a log group that keeps its logs for ever.
pub(super) const FOR_EVER: i32 = 0;

/// The code that says that there is a log group of this name.
const EXISTS: &str = "ResourceAlreadyExistsException";

/// A log group.
#[derive(Clone, Debug)]
pub(super) struct LogGroup {
    name: String,
    pub(super) arn: String,
    /// Days after which a line is deleted, `None` where lines are kept for ever.
    pub(super) retention_days: Option<i32>,
    protected: bool,
}

/// The name of the group that the function is to write to: the declared one, else the one it has.
pub(super) fn name(wanted: &LambdaFunctionSpec, observed: &LambdaFunctionSpec) -> String {
    let named = |spec: &LambdaFunctionSpec| spec.logging.as_ref().and_then(|logging| logging.log_group.clone());
    named(wanted).or_else(|| named(observed)).unwrap_or_else(|| format!("/aws/lambda/{}", wanted.function_name))
}

/// The group, `None` where there is none of this name.
pub(super) async fn read(aws: &Aws, name: &str) -> Result<Option<LogGroup>, AwsError> {
    const OPERATION: &str = "DescribeLogGroups";
    // The groups come in ASCII order (API reference), in which a name stands before all that it begins.
    let answer = aws.logs().describe_log_groups().log_group_name_prefix(name).send().await.named(OPERATION)?;
    let Some(group) = answer.log_groups().iter().find(|group| group.log_group_name() == Some(name)) else {
        return Ok(None);
    };
    let arn = group.log_group_arn().ok_or_else(|| AwsError::malformed(OPERATION, "the log group has no ARN"))?;
    Ok(Some(LogGroup {
        name: name.to_owned(),
        arn: arn.to_owned(),
        retention_days: group.retention_in_days,
        protected: group.deletion_protection_enabled == Some(true),
    }))
}

/// The group with this name, provided that its tags and those of the function name the same owner.
pub(super) async fn read_own(aws: &Aws, name: &str, function_tags: &Tags) -> Result<Option<LogGroup>, AwsError> {
    let Some(group) = read(aws, name).await? else { return Ok(None) };
    let tags = tags(aws, &group.arn).await?;
    Ok(tags.filter(|tags| same_owner(tags, function_tags)).map(|_| group))
}

/// The tags of the group with this ARN, `None` where it is gone.
pub(super) async fn tags(aws: &Aws, arn: &str) -> Result<Option<Tags>, AwsError> {
    let call = aws.logs().list_tags_for_resource().resource_arn(arn);
    let answer = unless_absent(call.send().await.named("ListTagsForResource"), LambdaFunction::ABSENT)?;
    Ok(answer.map(|answer| answer.tags.unwrap_or_default().into_iter().collect()))
}

/// Makes the group, tagged like the function. One that is there by now is left to the next pass, which
/// looks whose it is.
pub(super) async fn create(aws: &Aws, name: &str, days: i32, function_tags: &Tags) -> Result<(), AwsError> {
    // Tags that AWS itself set cannot be written.
    let tags = function_tags.clone().into_iter().filter(|(key, _)| !key.starts_with("aws:")).collect();
    let call = aws.logs().create_log_group().log_group_name(name).set_tags(Some(tags));
    match once!(aws_sdk_cloudwatchlogs, call, "CreateLogGroup") {
        Ok(_) => put_retention(aws, name, days).await,
        Err(error) if error.code.as_deref() == Some(EXISTS) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Has the group keep its logs for so many days, provided that it belongs to the function.
pub(super) async fn retain(aws: &Aws, name: &str, days: i32, function_tags: &Tags) -> Result<(), AwsError> {
    match read_own(aws, name, function_tags).await? {
        Some(_) => put_retention(aws, name, days).await,
        None => Err(blocked(
            "PutRetentionPolicy",
            format!(
                "the log group {name} does not carry this function's ccagi: tags and is not touched. Give it the tags to hand it over, have its owner set {days} days, or take lambdaFunction.logging.retentionDays out"
            ),
        )),
    }
}

async fn put_retention(aws: &Aws, name: &str, days: i32) -> Result<(), AwsError> {
    let call = aws.logs().put_retention_policy().log_group_name(name).retention_in_days(days);
    call.send().await.named("PutRetentionPolicy").map(drop)
}

/// Makes the same edit to the group's tags as to those of the function, which were `function_tags` so
/// far: before that edit, or after it where an earlier attempt came no further than here.
pub(super) async fn retag(aws: &Aws, name: &str, function_tags: &Tags, edit: &TagEdit) -> Result<(), AwsError> {
    let Some(group) = read(aws, name).await? else { return Ok(()) };
    let tags = tags(aws, &group.arn).await?.unwrap_or_default();
    if !same_owner(&tags, function_tags) && !same_owner(&tags, &edit.applied_to(function_tags)) {
        return Ok(());
    }
    if !edit.set.is_empty() {
        let tags = edit.set.clone().into_iter().collect();
        let call = aws.logs().tag_resource().resource_arn(&group.arn).set_tags(Some(tags));
        call.send().await.named("TagResource")?;
    }
    if !edit.remove.is_empty() {
        let keys = edit.remove.iter().cloned().collect();
        let call = aws.logs().untag_resource().resource_arn(&group.arn).set_tag_keys(Some(keys));
        call.send().await.named("UntagResource")?;
    }
    Ok(())
}

/// Deletes the group, provided that it belongs to the function.
pub(super) async fn delete(aws: &Aws, name: &str, function_tags: &Tags) -> Result<(), AwsError> {
    const OPERATION: &str = "DeleteLogGroup";
    let Some(group) = read_own(aws, name, function_tags).await? else { return Ok(()) };
    if group.protected {
        return Err(blocked(
            OPERATION,
            format!(
                "the log group {name} is protected against deletion. Take the protection off, or use deletionPolicy: Retain"
            ),
        ));
    }
    let answer = aws.logs().delete_log_group().log_group_name(&group.name).send().await.named(OPERATION);
    // Where it is not there, somebody was faster.
    unless_absent(answer, LambdaFunction::ABSENT).map(drop)
}

fn blocked(operation: &'static str, message: String) -> AwsError {
    AwsError { operation, class: ErrorClass::Blocked, code: None, message, request_id: None }
}

#[cfg(test)]
mod tests {
    use super::super::spec::Logging;
    use super::*;

    fn writing_to(group: Option<&str>) -> LambdaFunctionSpec {
        let logging = Logging { log_group: group.map(Into::into), ..Logging::default() };
        LambdaFunctionSpec { function_name: "orders".into(), logging: Some(logging), ..Default::default() }
    }

    #[test]
    fn the_group_is_the_declared_one_else_the_one_in_use_else_that_of_the_name() {
        assert_eq!(name(&writing_to(Some("/shop/a")), &writing_to(Some("/shop/b"))), "/shop/a");
        assert_eq!(name(&writing_to(None), &writing_to(Some("/shop/b"))), "/shop/b");
        assert_eq!(name(&writing_to(None), &writing_to(None)), "/aws/lambda/orders");
    }
}
