use super::story::{Story, is_ready, message};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_is_deleted_with_its_object_where_the_manifest_says_so() {
    let story = Story::begin("bucket-delete").await;
    let bucket = story.bucket();
    let object = story.apply("assets", &format!("deletionPolicy: Delete\ns3Bucket: {{bucketName: {bucket}}}")).await;
    story.until_ready("assets").await;
    story.delete("assets").await;
    story.until_gone(&object).await;
    assert_eq!(story.try_aws("s3", "head_bucket", json!({"Bucket": bucket})), Err("404".into()));
    story.until_event("assets", "Deleted").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_is_retained_by_default() {
    let story = Story::begin("bucket-retain").await;
    let bucket = story.bucket();
    let object = story.apply("assets", &format!("s3Bucket: {{bucketName: {bucket}}}")).await;
    story.until_ready("assets").await;
    story.delete("assets").await;
    story.until_gone(&object).await;
    story.aws("s3", "head_bucket", json!({"Bucket": bucket}));
    story.until_event("assets", "Retained").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_with_objects_is_emptied_only_where_the_manifest_says_so() {
    let story = Story::begin("force-destroy").await;
    let bucket = story.bucket();
    let spec = format!("deletionPolicy: Delete\ns3Bucket: {{bucketName: {bucket}, versioning: Enabled");
    let object = story.apply("assets", &format!("{spec}}}")).await;
    story.until_ready("assets").await;
    for body in ["one", "two"] {
        story.aws("s3", "put_object", json!({"Bucket": bucket, "Key": "page.html", "Body": body}));
    }
    story.aws("s3", "delete_object", json!({"Bucket": bucket, "Key": "page.html"}));

    story.delete("assets").await;
    let stalled = story.until_reason("assets", "Stalled", "Blocked").await;
    assert!(message(&stalled, "Stalled").contains("forceDestroy"), "{}", message(&stalled, "Stalled"));
    assert_eq!(story.emulator.count(&story.account_id, "DeleteObjects"), 0);

    story.apply("assets", &format!("{spec}, forceDestroy: true}}")).await;
    story.until_gone(&object).await;
    assert_eq!(story.try_aws("s3", "head_bucket", json!({"Bucket": bucket})), Err("404".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_is_emptied_of_keys_that_xml_cannot_hold() {
    let story = Story::begin("odd-keys").await;
    let bucket = story.bucket();
    let spec =
        format!("deletionPolicy: Delete\ns3Bucket: {{bucketName: {bucket}, versioning: Enabled, forceDestroy: true}}");
    let object = story.apply("assets", &spec).await;
    story.until_ready("assets").await;
    for key in ["a\u{1}b", "\u{1f}", "a b+c/%41 ü", "line\r\nbreak", "plain"] {
        story.aws("s3", "put_object", json!({"Bucket": bucket, "Key": key, "Body": "one"}));
    }
    story.aws("s3", "delete_object", json!({"Bucket": bucket, "Key": "a\u{1}b"}));

    story.delete("assets").await;
    story.until_gone(&object).await;
    assert_eq!(story.try_aws("s3", "head_bucket", json!({"Bucket": bucket})), Err("404".into()));
    let by_us = |operation| story.emulator.successes(&story.account_id, operation);
    assert_eq!(by_us("DeleteObjects"), 1, "what XML can hold goes together");
    assert_eq!(by_us("DeleteObject"), 1 + 3, "a marker of the observer's, and two versions and that marker of ours");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_made_anew_under_the_same_name_gets_a_resource_of_its_own() {
    let story = Story::begin("made-anew").await;
    let bucket = story.bucket();
    let spec = format!("deletionPolicy: Delete\ns3Bucket: {{bucketName: {bucket}}}");
    let first = story.apply("assets", &spec).await;
    story.until_ready("assets").await;
    story.delete("assets").await;
    story.until_gone(&first).await;
    story.apply("assets", &spec).await;
    let second = story
        .until("assets", "ready anew", |object| object.metadata.uid != first.metadata.uid && is_ready(object))
        .await;

    let tags = story.aws("s3", "get_bucket_tagging", json!({"Bucket": bucket}))["TagSet"].clone();
    let uid = second.metadata.uid.unwrap();
    assert!(tags.as_array().unwrap().contains(&json!({"Key": "ccagi:uid", "Value": uid})), "{tags}");
    assert_eq!(story.emulator.writes(&story.account_id), ["CreateBucket", "DeleteBucket", "CreateBucket"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_somebody_deletes_in_aws_is_made_again() {
    let story = Story::begin("out-of-band").await;
    let bucket = story.bucket();
    let spec = format!("driftPeriodSeconds: 10\ns3Bucket: {{bucketName: {bucket}, versioning: Enabled}}");
    story.apply("assets", &spec).await;
    story.until_ready("assets").await;
    story.aws("s3", "delete_bucket", json!({"Bucket": bucket}));

    story.until_event("assets", "ResourceGone").await;
    let object = story
        .until("assets", "ready in its second life", |object| {
            is_ready(object) && object.status.as_ref().unwrap().intent.as_ref().unwrap().incarnation == 2
        })
        .await;
    assert_eq!(story.aws("s3", "get_bucket_versioning", json!({"Bucket": bucket}))["Status"], "Enabled");
    assert!(object.status.unwrap().pending_changes.is_empty());
}
