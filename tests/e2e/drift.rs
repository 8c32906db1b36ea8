use super::story::{Story, message};
use ccagi_aws_agent::api::ANNOTATION_RECONCILE;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drift_is_repaired_within_the_drift_period() {
    let story = Story::begin("drift-repaired").await;
    let bucket = story.bucket();
    story
        .apply("assets", &format!("driftPeriodSeconds: 10\ns3Bucket: {{bucketName: {bucket}, versioning: Enabled}}"))
        .await;
    story.until_ready("assets").await;

    let suspended = json!({"Bucket": bucket, "VersioningConfiguration": {"Status": "Suspended"}});
    story.aws("s3", "put_bucket_versioning", suspended);
    let note = story.until_event("assets", "DriftCorrected").await;

    assert!(note.contains("versioning: Suspended → Enabled"), "{note}");
    assert_eq!(story.aws("s3", "get_bucket_versioning", json!({"Bucket": bucket}))["Status"], "Enabled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_setting_that_the_spec_does_not_name_is_left_alone() {
    let story = Story::begin("drift-unnamed").await;
    let bucket = story.bucket();
    story.apply("assets", &format!("s3Bucket: {{bucketName: {bucket}, versioning: Enabled}}")).await;
    story.until_ready("assets").await;
    let writes = story.emulator.writes(&story.account_id).len();

    let website = json!({"IndexDocument": {"Suffix": "theirs.html"}});
    story.aws("s3", "put_bucket_website", json!({"Bucket": bucket, "WebsiteConfiguration": website}));
    story.annotate("assets", ANNOTATION_RECONCILE, Some("look")).await;
    story
        .until("assets", "looked at again", |object| {
            object.status.as_ref().and_then(|status| status.last_handled_reconcile_at.as_deref()) == Some("look")
        })
        .await;

    let website = story.aws("s3", "get_bucket_website", json!({"Bucket": bucket}));
    assert_eq!(website["IndexDocument"]["Suffix"], "theirs.html");
    assert_eq!(story.emulator.writes(&story.account_id).len(), writes + 1, "only the observer wrote");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_only_observes_shows_the_difference_and_writes_nothing() {
    let story = Story::begin("observe-only").await;
    let bucket = story.bucket();
    story.aws("s3", "create_bucket", json!({"Bucket": bucket}));
    let spec = format!("managementPolicies: [Observe]\ns3Bucket: {{bucketName: {bucket}, versioning: Enabled}}");
    let object = story.apply("assets", &spec).await;
    let object_seen = story
        .until("assets", "observed with a difference", |object| {
            object.status.as_ref().is_some_and(|status| !status.pending_changes.is_empty())
        })
        .await;

    assert!(message(&object_seen, "Synced").contains("versioning: nothing → Enabled"));
    assert!(object_seen.metadata.finalizers.is_none(), "nothing of ours is to be cleaned up");
    story.delete("assets").await;
    story.until_gone(&object).await;
    assert_eq!(story.emulator.writes(&story.account_id), ["CreateBucket"], "only the observer wrote");
}
