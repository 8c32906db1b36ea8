use super::story::{Story, message};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_of_nobody_with_the_same_name_is_not_touched() {
    let story = Story::begin("foreign-bucket").await;
    let bucket = story.bucket();
    story.aws("s3", "create_bucket", json!({"Bucket": bucket}));

    let object = story
        .apply("assets", &format!("deletionPolicy: Delete\ns3Bucket: {{bucketName: {bucket}, versioning: Enabled}}"))
        .await;
    let stalled = story.until_reason("assets", "Stalled", "ManagementConflict").await;
    assert!(message(&stalled, "Stalled").contains("adoptionPolicy"), "it says what to do");
    story.until_event("assets", "ManagementConflict").await;

    story.delete("assets").await;
    story.until_gone(&object).await;
    assert_eq!(story.emulator.writes(&story.account_id), ["CreateBucket"], "only the observer wrote");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_another_account_has_taken_is_said_to_be_taken() {
    let story = Story::begin("name-taken").await;
    let bucket = story.bucket();
    super::observer::ask("999900001111", "s3", "create_bucket", json!({"Bucket": bucket})).unwrap();

    story.apply("assets", &format!("s3Bucket: {{bucketName: {bucket}}}")).await;
    let stalled = story.until("assets", "stalled", |object| !message(object, "Stalled").is_empty()).await;
    assert!(message(&stalled, "Stalled").contains("another account"), "{}", message(&stalled, "Stalled"));
    assert!(story.emulator.writes(&story.account_id).iter().all(|operation| operation == "CreateBucket"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_objects_that_claim_one_bucket_the_second_is_told_of_the_first() {
    let story = Story::begin("two-claims").await;
    let bucket = story.bucket();
    let spec = format!("deletionPolicy: Delete\ns3Bucket: {{bucketName: {bucket}}}");
    story.apply("first", &spec).await;
    story.until_ready("first").await;
    let second = story.apply("second", &spec).await;
    let stalled = story.until_reason("second", "Stalled", "ManagementConflict").await;
    let first = format!("AwsResource {}/first", story.name);
    assert!(message(&stalled, "Stalled").contains(&first), "{}", message(&stalled, "Stalled"));

    story.delete("second").await;
    story.until_gone(&second).await;
    story.aws("s3", "head_bucket", json!({"Bucket": bucket}));
    assert_eq!(story.emulator.count(&story.account_id, "DeleteBucket"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_somebody_else_makes_between_look_and_create_gets_none_of_our_settings() {
    let story = Story::begin("made-meanwhile").await;
    story.aws("s3", "create_bucket", json!({"Bucket": story.bucket()}));
    // The look is from before the bucket was there; the create call answers success in us-east-1.
    let before = json!({
        "operation": "GetBucketTagging", "kind": "error", "times": 1,
        "code": "NoSuchBucket", "status": 404, "message": "The specified bucket does not exist",
    });
    story.emulator.fault_with(&story.account_id, before);
    story.apply("assets", &format!("s3Bucket: {{bucketName: {}, versioning: Enabled}}", story.bucket())).await;
    story.until_reason("assets", "Stalled", "ManagementConflict").await;
    assert_eq!(story.emulator.count(&story.account_id, "PutBucketVersioning"), 0);
    assert!(story.aws("s3", "get_bucket_versioning", json!({"Bucket": story.bucket()}))["Status"].is_null());
}
