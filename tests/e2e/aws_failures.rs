use super::story::{Story, conditions_of, message};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denied_call_is_reported_with_its_code_and_request_and_tried_again() {
    let story = Story::begin("denied").await;
    let fault = story.emulator.fault(&story.account_id, "PutBucketVersioning", "denied", -1);
    let spec = format!("s3Bucket: {{bucketName: {}, versioning: Enabled}}", story.bucket());
    story.apply("assets", &spec).await;
    let stalled = story.until_reason("assets", "Stalled", "AccessDenied").await;
    let said = message(&stalled, "Stalled");
    for part in ["PutBucketVersioning", "AccessDenied", "request id", "permission"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let note = story.until_event("assets", "AccessDenied").await;
    assert!(note.contains("PutBucketVersioning") && note.contains("request id"), "{note}");
    assert!(story.emulator.fired(&story.account_id, &fault) > 0);

    story.emulator.clear_faults(&story.account_id);
    story.until_ready("assets").await;
    assert_eq!(story.emulator.count(&story.account_id, "CreateBucket"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denied_read_is_never_taken_for_absence() {
    let story = Story::begin("denied-read").await;
    story.emulator.fault(&story.account_id, "GetBucketTagging", "denied", -1);
    story.apply("assets", &format!("s3Bucket: {{bucketName: {}}}", story.bucket())).await;
    story.until_reason("assets", "Stalled", "AccessDenied").await;
    assert!(story.emulator.writes(&story.account_id).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn throttling_for_a_while_delays_and_harms_nothing() {
    let story = Story::begin("throttled").await;
    let fault = story.emulator.fault(&story.account_id, "CreateBucket", "throttle", 3);
    story.apply("assets", &format!("s3Bucket: {{bucketName: {}, versioning: Enabled}}", story.bucket())).await;
    let seen = story
        .until("assets", "throttled", |object| conditions_of(object).iter().any(|c| c.reason == "Throttled"))
        .await;
    assert!(conditions_of(&seen).iter().all(|condition| condition.type_ != "Stalled"), "it is not stuck");
    story.until_ready("assets").await;
    assert_eq!(story.emulator.fired(&story.account_id, &fault), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_behind_which_the_bucket_was_made_makes_no_second_one() {
    let story = Story::begin("made-behind-500").await;
    story.emulator.fault(&story.account_id, "CreateBucket", "error-after", 1);
    let object = story
        .apply(
            "assets",
            &format!("deletionPolicy: Delete\ns3Bucket: {{bucketName: {}, versioning: Enabled}}", story.bucket()),
        )
        .await;
    story.until_ready("assets").await;
    assert_eq!(story.emulator.count(&story.account_id, "CreateBucket"), 1);

    story.emulator.fault(&story.account_id, "DeleteBucket", "error-after", 1);
    story.delete("assets").await;
    story.until_gone(&object).await;
    assert_eq!(story.try_aws("s3", "head_bucket", json!({"Bucket": story.bucket()})), Err("404".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quota_that_is_used_up_is_said_to_be() {
    let story = Story::begin("quota").await;
    story.emulator.fault_with(&story.account_id, json!({
        "operation": "CreateBucket", "kind": "error", "times": -1,
        "code": "TooManyBuckets", "status": 400, "message": "You have attempted to create more buckets than allowed",
    }));
    story.apply("assets", &format!("s3Bucket: {{bucketName: {}}}", story.bucket())).await;
    let stalled = story.until_reason("assets", "Stalled", "QuotaExceeded").await;
    assert!(message(&stalled, "Stalled").contains("quota"));
}
