//! Health follows what AWS says of a resource, and a change of it is told once.

use super::story::{Story, id};
use ccagi_aws_agent::api::resource::{AwsResource, Health, ResourceState};
use serde_json::json;

const INSTANCE: &str = "driftPeriodSeconds: 10\nec2Instance: {imageId: ami-0abcdef1234567890, instanceType: t3.micro}";

fn health(object: &AwsResource) -> (Option<Health>, String) {
    let status = object.status.as_ref().unwrap();
    (status.health, status.health_reason.clone().unwrap_or_default())
}

async fn look_again(story: &Story, name: &str, when: &str) {
    story.annotate(name, "aws.ccagi.io/reconcile-requested-at", Some(when)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_flips_on_a_failed_status_check_and_back_with_one_event_each() {
    let story = Story::begin("health").await;
    story.apply("web", INSTANCE).await;
    let passed = (Some(Health::Healthy), "StatusChecksPassed".to_owned());
    let well = story.until("web", "healthy", |object| health(object) == passed).await;
    let instance = id(&well);

    story.emulator.show_checks(&story.account_id, &instance, "impaired");
    look_again(&story, "web", "impaired").await;
    let failed = (Some(Health::Unhealthy), "SystemCheckFailed".to_owned());
    let ill = story.until("web", "unhealthy", |object| health(object) == failed).await;
    let note = story.until_event("web", "HealthLost").await;
    assert!(note.contains("Healthy → Unhealthy") && note.contains("SystemStatus is impaired"), "{note}");
    assert_eq!(ill.status.as_ref().unwrap().state, Some(ResourceState::Active), "the instance runs on");

    // The same once more is no news, neither in the status nor in Events.
    look_again(&story, "web", "still impaired").await;
    let still = story
        .until("web", "looked at again", |object| {
            object.status.as_ref().unwrap().last_handled_reconcile_at.as_deref() == Some("still impaired")
        })
        .await;
    assert_eq!(still.status.as_ref().unwrap().health_since, ill.status.as_ref().unwrap().health_since);

    story.emulator.show_checks(&story.account_id, &instance, "ok");
    look_again(&story, "web", "ok").await;
    story.until("web", "healthy again", |object| health(object) == passed).await;
    story.until_event("web", "HealthRestored").await;
    assert_eq!(story.count_events("web", "HealthLost").await, 1);
    assert_eq!(story.count_events("web", "HealthRestored").await, 1);
    assert_eq!(story.emulator.count(&story.account_id, "StopInstances"), 0, "health only tells");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_cannot_be_read_has_no_known_health() {
    let story = Story::begin("health-unread").await;
    story.apply("web", INSTANCE).await;
    story.until("web", "healthy", |object| health(object).0 == Some(Health::Healthy)).await;

    let denied = (Some(Health::Unknown), "AccessDenied".to_owned());
    for operation in ["DescribeInstances", "DescribeInstanceStatus"] {
        story.emulator.fault(&story.account_id, operation, "denied", -1);
        look_again(&story, "web", &format!("{operation} is denied")).await;
        story.until("web", "unreadable", |object| health(object) == denied).await;

        story.emulator.clear_faults(&story.account_id);
        look_again(&story, "web", &format!("{operation} is allowed")).await;
        story.until("web", "healthy again", |object| health(object).0 == Some(Health::Healthy)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_is_open_against_its_spec_is_ill_where_it_may_not_be_closed() {
    let story = Story::begin("health-bucket").await;
    let blocked =
        "{blockPublicAcls: true, ignorePublicAcls: true, blockPublicPolicy: true, restrictPublicBuckets: true}";
    let spec = |policies: &str| {
        format!("{policies}\ns3Bucket: {{bucketName: {}, publicAccessBlock: {blocked}}}", story.bucket())
    };
    story.apply("assets", &spec("managementPolicies: ['*']")).await;
    story.until("assets", "healthy", |object| health(object) == (Some(Health::Healthy), "Found".into())).await;

    story.apply("assets", &spec("managementPolicies: [Observe, Create, Delete]")).await;
    story.aws("s3", "delete_public_access_block", json!({"Bucket": story.bucket()}));
    look_again(&story, "assets", "opened").await;
    let open = (Some(Health::Unhealthy), "PublicAccessNotBlocked".to_owned());
    story.until("assets", "unhealthy", |object| health(object) == open).await;
    story.until_event("assets", "HealthLost").await;
}
