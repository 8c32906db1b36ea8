use super::story::{Story, conditions_of, is_ready, is_true};
use ccagi_aws_agent::api::account::AwsAccount;
use ccagi_aws_agent::api::{ANNOTATION_PAUSED, ANNOTATION_PROTECTED, ANNOTATION_RECONCILE};
use kube::ResourceExt;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::runtime::conditions;
use kube::runtime::wait::await_condition;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_object_makes_no_call_until_it_goes_on() {
    let story = Story::begin("paused").await;
    let bucket = story.bucket();
    story.apply("assets", &format!("s3Bucket: {{bucketName: {bucket}, versioning: Enabled}}")).await;
    story.until_ready("assets").await;
    story.annotate("assets", ANNOTATION_PAUSED, Some("true")).await;
    let paused = story
        .until("assets", "paused", |object| conditions_of(object).iter().any(|c| c.reason == "ReconcilePaused"))
        .await;
    assert!(is_true(Some(&conditions_of(&paused)), "Ready"), "a pause takes nothing away");

    let calls = story.emulator.journal(&story.account_id).iter().filter(|r| r.resource == bucket).count();
    let generation = paused.metadata.generation;
    story.apply("assets", &format!("s3Bucket: {{bucketName: {bucket}, versioning: Suspended}}")).await;
    story
        .until("assets", "seen while paused", |object| {
            object.metadata.generation > generation
                && object.status.as_ref().unwrap().observed_generation == object.metadata.generation
        })
        .await;
    assert_eq!(story.emulator.journal(&story.account_id).iter().filter(|r| r.resource == bucket).count(), calls);

    story.annotate("assets", ANNOTATION_PAUSED, None).await;
    story
        .until("assets", "ready again", |object| {
            is_ready(object) && conditions_of(object).iter().all(|c| c.reason == "Available")
        })
        .await;
    assert_eq!(story.aws("s3", "get_bucket_versioning", json!({"Bucket": bucket}))["Status"], "Suspended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reconcile_that_is_asked_for_happens_now_and_is_answered() {
    let story = Story::begin("reconcile-now").await;
    let bucket = story.bucket();
    story.apply("assets", &format!("s3Bucket: {{bucketName: {bucket}, versioning: Enabled}}")).await;
    story.until_ready("assets").await;
    let suspended = json!({"Bucket": bucket, "VersioningConfiguration": {"Status": "Suspended"}});
    story.aws("s3", "put_bucket_versioning", suspended);

    story.annotate("assets", ANNOTATION_RECONCILE, Some("2026-11-24T12:00:00Z")).await;
    story.until_event("assets", "DriftCorrected").await;
    story
        .until("assets", "answered", |object| {
            object.status.as_ref().and_then(|s| s.last_handled_reconcile_at.as_deref()) == Some("2026-11-24T12:00:00Z")
        })
        .await;
    assert_eq!(story.aws("s3", "get_bucket_versioning", json!({"Bucket": bucket}))["Status"], "Enabled");
}

/// The chart's admission policy refuses such a deletion at once; the suite's cluster has no policies.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_protected_object_that_is_deleted_keeps_its_resource_until_the_protection_goes() {
    let story = Story::begin("protected").await;
    let spec = format!("deletionPolicy: Delete\ns3Bucket: {{bucketName: {}}}", story.bucket());
    story.apply("assets", &spec).await;
    let object = story.until_ready("assets").await;
    story.annotate("assets", ANNOTATION_PROTECTED, Some("true")).await;
    story.delete("assets").await;
    story.until_reason("assets", "Stalled", "DeletionProtected").await;
    story.until_event("assets", "DeletionProtected").await;
    assert_eq!(story.emulator.count(&story.account_id, "DeleteBucket"), 0);

    story.annotate("assets", ANNOTATION_PROTECTED, None).await;
    story.until_gone(&object).await;
    assert_eq!(story.emulator.count(&story.account_id, "DeleteBucket"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_protected_account_stays_until_the_protection_goes() {
    let story = Story::begin("protected-account").await;
    let protect = |value: Option<&str>| json!({"metadata": {"annotations": {ANNOTATION_PROTECTED: value}}});
    let accounts = story.accounts();
    let (params, name) = (PatchParams::default(), story.name.clone());
    accounts.patch(&name, &params, &Patch::Merge(protect(Some("true")))).await.unwrap();
    let uid = accounts.get(&name).await.unwrap().uid().unwrap();
    accounts.delete(&name, &DeleteParams::default()).await.unwrap();
    let why = |account: &AwsAccount| account.status.as_ref().map(|status| status.conditions[0].reason.clone());
    story.until_account(|account| why(account).as_deref() == Some("DeletionProtected")).await;
    accounts.patch(&name, &params, &Patch::Merge(protect(None))).await.unwrap();
    await_condition(accounts, &name, conditions::is_deleted(&uid)).await.unwrap();
}
