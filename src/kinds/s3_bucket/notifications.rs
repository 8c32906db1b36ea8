//! The Lambda functions that a bucket tells of its events.
//!
//! S3 keeps everybody whom a bucket tells in one document, and a write replaces all of it: topics,
//! queues and EventBridge, which the spec has no words for, are written back as they were read.

use super::settings::call;
use super::spec::LambdaNotification;
use crate::aws::error::{AwsError, Named, unbuildable};
use crate::aws::session::Aws;
use aws_sdk_s3::error::BuildError;
use aws_sdk_s3::operation::get_bucket_notification_configuration::GetBucketNotificationConfigurationOutput;
use aws_sdk_s3::types as s3;

/// The functions that are told; an empty list where nobody is.
pub(super) async fn read(aws: &Aws, bucket: &str) -> Result<Vec<LambdaNotification>, AwsError> {
    let found = document(aws, bucket).await?.lambda_function_configurations;
    Ok(found.into_iter().flatten().map(notification).collect())
}

/// Has exactly these functions told.
pub(super) async fn put(aws: &Aws, bucket: &str, wanted: &[LambdaNotification]) -> Result<(), AwsError> {
    const OPERATION: &str = "PutBucketNotificationConfiguration";
    let others = document(aws, bucket).await?;
    let functions = wanted.iter().map(for_api).collect::<Result<Vec<_>, _>>().map_err(unbuildable(OPERATION))?;
    let all = s3::NotificationConfiguration::builder()
        .set_topic_configurations(others.topic_configurations)
        .set_queue_configurations(others.queue_configurations)
        .set_event_bridge_configuration(others.event_bridge_configuration)
        .set_lambda_function_configurations(Some(functions))
        .build();
    call!(
        aws,
        bucket,
        put_bucket_notification_configuration,
        "PutBucketNotificationConfiguration",
        notification_configuration(all)
    )
    .map(drop)
}

async fn document(aws: &Aws, bucket: &str) -> Result<GetBucketNotificationConfigurationOutput, AwsError> {
    call!(aws, bucket, get_bucket_notification_configuration, "GetBucketNotificationConfiguration")
}

fn notification(found: s3::LambdaFunctionConfiguration) -> LambdaNotification {
    let rules = found.filter.and_then(|filter| filter.key).and_then(|key| key.filter_rules).unwrap_or_default();
    let value = |wanted: &str| {
        // S3 answers the names of the rules with a capital letter, whatever was sent.
        let rule = rules.iter().find(|rule| rule.name().is_some_and(|name| name.as_str().eq_ignore_ascii_case(wanted)));
        rule.and_then(|rule| rule.value.clone()).filter(|value| !value.is_empty())
    };
    LambdaNotification {
        id: found.id.unwrap_or_default(),
        events: found.events.into_iter().map(|event| event.as_str().to_owned()).collect(),
        prefix: value("prefix"),
        suffix: value("suffix"),
        function_arn: Some(found.lambda_function_arn),
        function_ref: None,
    }
}

fn for_api(wanted: &LambdaNotification) -> Result<s3::LambdaFunctionConfiguration, BuildError> {
    let rule = |name, value: &Option<String>| {
        value.as_ref().map(|value| s3::FilterRule::builder().name(name).value(value).build())
    };
    let rules: Vec<_> =
        [rule(s3::FilterRuleName::Prefix, &wanted.prefix), rule(s3::FilterRuleName::Suffix, &wanted.suffix)]
            .into_iter()
            .flatten()
            .collect();
    let filter = (!rules.is_empty()).then(|| {
        let key = s3::S3KeyFilter::builder().set_filter_rules(Some(rules)).build();
        s3::NotificationConfigurationFilter::builder().key(key).build()
    });
    s3::LambdaFunctionConfiguration::builder()
        .id(&wanted.id)
        .set_lambda_function_arn(wanted.function_arn.clone())
        .set_events(Some(wanted.events.iter().map(|event| s3::Event::from(event.as_str())).collect()))
        .set_filter(filter)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_reads_as_it_was_written() {
        let wanted = LambdaNotification {
            id: "uploads".into(),
            events: vec!["s3:ObjectCreated:*".into()],
            prefix: Some("originals/".into()),
            suffix: None,
            function_arn: Some("arn:aws:lambda:us-east-1:111122223333:function:resize".into()),
            function_ref: None,
        };
        assert_eq!(notification(for_api(&wanted).unwrap()), wanted);
    }
}
