//! The flow logs of a network: what they read as, which of them are to be made or to go, and the calls.
//!
//! Flow logs cannot be changed, so that others are made in their place. Where these write to another
//! bucket they are made before the old ones go, and no traffic is missed. EC2 refuses two that write
//! what is the same to the same place (API reference, "Error codes", FlowLogAlreadyExists), so that with
//! one bucket the old ones go first.

use super::make::{self, Site, tagged};
use super::parts::FlowLogsPart;
use super::plan::Step;
use super::read::FLOW_LOGS;
use super::spec::{FlowLogs, TrafficType};
use crate::aws::error::{AwsError, ErrorClass, Named};
use crate::aws::session::Aws;
use crate::kinds::ec2_tags::filter;
use aws_sdk_ec2::types as ec2;
use aws_types::request_id::RequestId;
use uuid::Uuid;

/// How often AWS writes where nothing else is asked for, in seconds (API reference, CreateFlowLogs).
pub(super) const USUAL_INTERVAL: u32 = 600;

/// Who writes flow logs to a bucket, as bucket policies name it (VPC User Guide, "Amazon S3 bucket
/// permissions for flow logs").
const WRITER: &str = "delivery.logs.amazonaws.com";

impl FlowLogs {
    /// Whether both record the same, at the same pace, to the same place.
    fn is_same(&self, other: &Self) -> bool {
        let interval = |logs: &Self| logs.max_aggregation_interval_seconds.unwrap_or(USUAL_INTERVAL);
        self.traffic_type == other.traffic_type
            && self.bucket_arn == other.bucket_arn
            && interval(self) == interval(other)
    }
}

/// Flow logs in the words of the spec. What they record for another VPC, or cannot be said here, reads
/// as written nowhere, which is never what is wanted.
pub(super) fn part(found: &ec2::FlowLog, vpc: &str) -> Option<FlowLogsPart> {
    let traffic_type = traffic_type(found.traffic_type());
    let serves = found.resource_id() == Some(vpc) && traffic_type.is_some();
    let spec = FlowLogs {
        traffic_type: traffic_type.unwrap_or_default(),
        bucket_arn: found.log_destination.clone().filter(|_| serves),
        bucket_ref: None,
        max_aggregation_interval_seconds: found.max_aggregation_interval().and_then(|seconds| seconds.try_into().ok()),
    };
    Some(FlowLogsPart { id: found.flow_log_id.clone()?, spec })
}

fn traffic_type(found: Option<&ec2::TrafficType>) -> Option<TrafficType> {
    match found? {
        ec2::TrafficType::Accept => Some(TrafficType::Accept),
        ec2::TrafficType::Reject => Some(TrafficType::Reject),
        ec2::TrafficType::All => Some(TrafficType::All),
        _ => None,
    }
}

/// What the spec would have to read: those that are to go come first, so that they are seen.
pub(super) fn observed(wanted: Option<&FlowLogs>, found: &[FlowLogsPart]) -> Option<FlowLogs> {
    surplus(wanted, found).or(found.first()).map(|part| part.spec.clone())
}

/// The next step for flow logs.
pub(super) fn next(wanted: Option<&FlowLogs>, found: &[FlowLogsPart]) -> Option<Step> {
    let delete = |part: &FlowLogsPart| Step::DeleteFlowLogs { id: part.id.clone() };
    let missing = wanted.filter(|wanted| !found.iter().any(|part| wanted.is_same(&part.spec)));
    let Some(wanted) = missing else { return surplus(wanted, found).map(delete) };
    let in_the_way = found.iter().find(|part| part.spec.bucket_arn == wanted.bucket_arn);
    Some(in_the_way.map_or_else(|| Step::CreateFlowLogs(wanted.clone()), delete))
}

fn surplus<'a>(wanted: Option<&FlowLogs>, found: &'a [FlowLogsPart]) -> Option<&'a FlowLogsPart> {
    found.iter().find(|part| wanted.is_none_or(|wanted| !wanted.is_same(&part.spec)))
}

/// Makes flow logs and returns their id.
///
/// The token makes a repeat return what the first call made. EC2 does so as well where that has been
/// deleted since (EC2 Developer Guide, "Ensuring idempotency": it takes no further action), so that what
/// is not there afterwards is asked for anew. If it is there and only not visible yet, EC2 refuses that.
pub(super) async fn create(aws: &Aws, site: &Site<'_>, wanted: &FlowLogs) -> Result<String, AwsError> {
    spare_policy(aws, wanted).await?;
    let tags = tagged(site, ec2::ResourceType::VpcFlowLog, FLOW_LOGS);
    let id = request(aws, site, wanted, &tags, Some(token(site, wanted, &tags))).await?;
    if is_there(aws, &id).await? {
        return Ok(id);
    }
    match request(aws, site, wanted, &tags, None).await {
        Err(error) if error.code.as_deref() == Some("FlowLogAlreadyExists") => Ok(id),
        answer => answer,
    }
}

/// The idempotency token of a request, which follows from all that is in it: EC2 refuses a token that
/// comes with another request. The tags name the owner.
fn token(site: &Site<'_>, wanted: &FlowLogs, tags: &ec2::TagSpecification) -> String {
    let tags = tags.tags().iter().map(|tag| (tag.key(), tag.value())).collect::<Vec<_>>();
    let name = format!("{}|{wanted:?}|{tags:?}", site.vpc);
    Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()).to_string()
}

/// Without a token the SDK makes one up, which makes its own repeats of the call harmless.
async fn request(
    aws: &Aws,
    site: &Site<'_>,
    wanted: &FlowLogs,
    tags: &ec2::TagSpecification,
    token: Option<String>,
) -> Result<String, AwsError> {
    const OPERATION: &str = "CreateFlowLogs";
    let traffic_type = match wanted.traffic_type {
        TrafficType::Accept => ec2::TrafficType::Accept,
        TrafficType::Reject => ec2::TrafficType::Reject,
        TrafficType::All => ec2::TrafficType::All,
    };
    let interval = wanted.max_aggregation_interval_seconds.and_then(|seconds| seconds.try_into().ok());
    let call = aws
        .ec2()
        .create_flow_logs()
        .resource_type(ec2::FlowLogsResourceType::Vpc)
        .resource_ids(site.vpc)
        .traffic_type(traffic_type)
        .log_destination_type(ec2::LogDestinationType::S3)
        .set_log_destination(wanted.bucket_arn.clone())
        .set_max_aggregation_interval(interval)
        .tag_specifications(tags.clone())
        .set_client_token(token);
    let answer = call.send().await.named(OPERATION)?;
    all_successful(OPERATION, answer.unsuccessful(), answer.request_id())?;
    make::id(OPERATION, answer.flow_log_ids.into_iter().flatten().next())
}

pub(super) async fn delete(aws: &Aws, id: &str) -> Result<(), AwsError> {
    const OPERATION: &str = "DeleteFlowLogs";
    let answer = aws.ec2().delete_flow_logs().flow_log_ids(id).send().await.named(OPERATION)?;
    all_successful(OPERATION, answer.unsuccessful(), answer.request_id())
}

async fn is_there(aws: &Aws, id: &str) -> Result<bool, AwsError> {
    let call = aws.ec2().describe_flow_logs().filter(filter("flow-log-id", id));
    Ok(!call.send().await.named("DescribeFlowLogs")?.flow_logs().is_empty())
}

/// Both calls answer with success, and say inside what they could not do.
fn all_successful(
    operation: &'static str,
    items: &[ec2::UnsuccessfulItem],
    request_id: Option<&str>,
) -> Result<(), AwsError> {
    let Some(item) = items.first() else { return Ok(()) };
    let (code, message) = item.error().map(|error| (error.code(), error.message())).unwrap_or_default();
    Err(AwsError::within_answer(operation, code, message, request_id))
}

/// EC2 puts a policy of its own in the place of a bucket's where the caller owns the bucket, may read and
/// write its policy, and that does not let EC2 write the logs (VPC User Guide, "Amazon S3 bucket
/// permissions for flow logs"). What somebody has written there is not ours to lose.
async fn spare_policy(aws: &Aws, wanted: &FlowLogs) -> Result<(), AwsError> {
    let bucket = wanted.bucket_arn.as_deref().and_then(|arn| arn.rsplit(':').next()).unwrap_or_default();
    let call = aws.s3().get_bucket_policy().bucket(bucket).expected_bucket_owner(aws.account_id());
    let policy = match call.send().await.named("GetBucketPolicy") {
        Ok(answer) => answer.policy,
        // There is none, or no bucket, which EC2 has its own words for.
        Err(error) if matches!(error.code.as_deref(), Some("NoSuchBucketPolicy" | "NoSuchBucket")) => None,
        // What this role may not read, EC2 does not replace on its behalf.
        Err(error) if error.class == ErrorClass::Denied => None,
        Err(error) if error.class == ErrorClass::Elsewhere => return Err(in_another_region(bucket, error)),
        Err(error) => return Err(error),
    };
    match policy {
        Some(policy) if !policy.contains(WRITER) => Err(unwritable(bucket)),
        _ => Ok(()),
    }
}

fn in_another_region(bucket: &str, error: AwsError) -> AwsError {
    let message = format!(
        "the bucket {bucket} of vpcNetwork.flowLogs is in another region than the network, and its policy, which EC2 may replace, cannot be read from here; name a bucket of this region. AWS says: {}",
        error.message
    );
    AwsError { class: ErrorClass::Blocked, code: None, message, ..error }
}

fn unwritable(bucket: &str) -> AwsError {
    AwsError {
        operation: "CreateFlowLogs",
        class: ErrorClass::Blocked,
        code: None,
        message: format!(
            "the policy of the bucket {bucket} does not name {WRITER}, and EC2 would put its own in its place; add the statements of the VPC User Guide, \"Amazon S3 bucket permissions for flow logs\", to it"
        ),
        request_id: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::tags::Tags;

    fn logs(bucket: &str, traffic_type: TrafficType) -> FlowLogs {
        let bucket_arn = Some(format!("arn:aws:s3:::{bucket}"));
        FlowLogs { traffic_type, bucket_arn, ..FlowLogs::default() }
    }

    fn there(id: &str, spec: &FlowLogs) -> FlowLogsPart {
        let max_aggregation_interval_seconds = Some(USUAL_INTERVAL);
        FlowLogsPart { id: id.into(), spec: FlowLogs { max_aggregation_interval_seconds, ..spec.clone() } }
    }

    fn found(vpc: &str, traffic_type: ec2::TrafficType) -> ec2::FlowLog {
        ec2::FlowLog::builder()
            .flow_log_id("fl-1")
            .resource_id(vpc)
            .traffic_type(traffic_type)
            .log_destination("arn:aws:s3:::a")
            .max_aggregation_interval(600)
            .build()
    }

    #[test]
    fn others_are_made_before_the_old_ones_go_where_they_write_to_another_bucket() {
        let (old, new) = (logs("a", TrafficType::All), logs("b", TrafficType::All));
        assert_eq!(next(Some(&new), &[there("fl-1", &old)]), Some(Step::CreateFlowLogs(new.clone())));
        let both = [there("fl-1", &old), there("fl-2", &new)];
        assert_eq!(next(Some(&new), &both), Some(Step::DeleteFlowLogs { id: "fl-1".into() }));
        assert_eq!(observed(Some(&new), &both), Some(both[0].spec.clone()), "what is to go is seen");
        assert_eq!(next(Some(&new), &both[1..]), None);
    }

    #[test]
    fn old_ones_go_first_where_both_write_to_one_bucket() {
        let (old, new) = (logs("a", TrafficType::All), logs("a", TrafficType::Reject));
        let delete = Some(Step::DeleteFlowLogs { id: "fl-1".into() });
        assert_eq!(next(Some(&new), &[there("fl-1", &old)]), delete);
        assert_eq!(next(None, &[there("fl-1", &old)]), delete);
        let faster = FlowLogs { max_aggregation_interval_seconds: Some(60), ..old.clone() };
        assert_eq!(next(Some(&faster), &[there("fl-1", &old)]), delete);
    }

    #[test]
    fn flow_logs_of_another_vpc_or_of_unknown_traffic_are_never_what_is_wanted() {
        let wanted = logs("a", TrafficType::All);
        let read = |log: &ec2::FlowLog| [part(log, "vpc-1").unwrap()];
        assert_eq!(next(Some(&wanted), &read(&found("vpc-1", ec2::TrafficType::All))), None);
        for other in [found("vpc-2", ec2::TrafficType::All), found("vpc-1", ec2::TrafficType::from("SOME"))] {
            assert_eq!(next(Some(&wanted), &read(&other)), Some(Step::CreateFlowLogs(wanted.clone())));
            assert_eq!(next(None, &read(&other)), Some(Step::DeleteFlowLogs { id: "fl-1".into() }));
        }
    }

    #[test]
    fn a_token_stands_for_one_request_and_one_owner() {
        let token = |vpc: &str, uid: &str, wanted: &FlowLogs| {
            let tags: Tags = [("ccagi:uid".to_owned(), uid.to_owned())].into();
            let site = Site { vpc, tags: &tags };
            super::token(&site, wanted, &tagged(&site, ec2::ResourceType::VpcFlowLog, FLOW_LOGS))
        };
        let (all, rejected) = (logs("a", TrafficType::All), logs("a", TrafficType::Reject));
        let first = token("vpc-1", "u-1", &all);
        assert_eq!(first, token("vpc-1", "u-1", &all));
        assert!(first.len() <= 64, "EC2 takes no longer ones");
        for other in [token("vpc-2", "u-1", &all), token("vpc-1", "u-2", &all), token("vpc-1", "u-1", &rejected)] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn a_bucket_in_another_region_is_named_with_its_field() {
        let redirect = AwsError {
            class: ErrorClass::Elsewhere,
            code: Some("PermanentRedirect".into()),
            ..AwsError::malformed("GetBucketPolicy", "AWS names the region eu-west-1")
        };
        let told = in_another_region("logs", redirect);
        assert!(told.class.needs_a_person());
        assert!(told.message.contains("vpcNetwork.flowLogs") && told.message.contains("eu-west-1"), "{told}");
        assert!(!told.next_step().contains("s3Bucket"), "{}", told.next_step());
    }

    #[test]
    fn a_failure_inside_an_answer_of_success_is_an_error() {
        let item = |message: &str| {
            let error = ec2::UnsuccessfulItemError::builder().code("400").message(message).build();
            ec2::UnsuccessfulItem::builder().resource_id("vpc-1").error(error).build()
        };
        assert!(all_successful("CreateFlowLogs", &[], None).is_ok());
        let denied = "Access Denied for LogDestination: a. Please check LogDestination permission";
        let error = all_successful("CreateFlowLogs", &[item(denied)], Some("r-1")).unwrap_err();
        assert_eq!(error.class, ErrorClass::Blocked);
        assert!(error.next_step().contains("delivery.logs.amazonaws.com"), "{}", error.next_step());
        assert_eq!(error.to_string(), format!("CreateFlowLogs failed: 400: {denied} (request id r-1)"));
        let nameless = ec2::UnsuccessfulItem::builder().build();
        assert!(all_successful("DeleteFlowLogs", &[nameless], None).is_err());
    }
}
