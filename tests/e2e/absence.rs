//! What is taken for absence, and how an object ends for which nothing was made.

use super::observer;
use super::story::{Story, message};
use ccagi_aws_agent::api::resource::AwsResource;
use serde_json::{Value, json};

/// What an endpoint or a proxy in between answers, and what S3 answers while it does not show a bucket yet.
fn misleading_answers() -> [Value; 3] {
    [
        json!({"kind": "bare", "status": 404}),
        json!({"kind": "bare", "status": 404, "body": "<html><body>404 Not Found</body></html>"}),
        json!({"kind": "error", "status": 404, "code": "NoSuchBucket"}),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_goes_with_its_object_is_not_left_behind_by_a_misleading_answer() {
    let story = Story::begin("misleading").await;
    let bucket = story.bucket();
    for mut fault in misleading_answers() {
        let object =
            story.apply("assets", &format!("deletionPolicy: Delete\ns3Bucket: {{bucketName: {bucket}}}")).await;
        story.until_ready("assets").await;
        (fault["operation"], fault["times"]) = (json!("GetBucketTagging"), json!(1));
        let planned = story.emulator.fault_with(&story.account_id, fault.clone());
        story.delete("assets").await;
        story.until_gone(&object).await;
        assert_eq!(story.emulator.fired(&story.account_id, &planned), 1, "{fault}");
        assert_eq!(story.try_aws("s3", "head_bucket", json!({"Bucket": bucket})), Err("404".into()), "{fault}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_misleading_answer_takes_no_bucket_out_of_the_status() {
    let story = Story::begin("misleading-drift").await;
    let bucket = story.bucket();
    story.apply("assets", &format!("driftPeriodSeconds: 10\ns3Bucket: {{bucketName: {bucket}}}")).await;
    story.until_ready("assets").await;
    for mut fault in misleading_answers() {
        (fault["operation"], fault["times"]) = (json!("GetBucketTagging"), json!(1));
        let planned = story.emulator.fault_with(&story.account_id, fault);
        story.annotate("assets", "aws.ccagi.io/reconcile-requested-at", Some(&planned)).await;
        story.until_true("the fault", || story.emulator.fired(&story.account_id, &planned) == 1).await;
        let object = story.until_ready("assets").await;
        let status = object.status.unwrap();
        assert_eq!(status.id.as_deref(), Some(bucket.as_str()));
        assert_eq!(status.intent.unwrap().incarnation, 1);
    }
    assert_eq!(story.emulator.count(&story.account_id, "CreateBucket"), 1);
}

/// Reads and creates that tell of a bucket elsewhere: operation and answer.
fn elsewhere() -> Vec<(&'static str, Value)> {
    let redirect = "The bucket you are attempting to access must be addressed using the specified endpoint.";
    let header = "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-1'";
    let region = json!({"x-amz-bucket-region": "eu-west-1"});
    vec![
        (
            "GetBucketTagging",
            json!({"kind": "error", "status": 301, "code": "PermanentRedirect", "message": redirect, "headers": region}),
        ),
        (
            "GetBucketTagging",
            json!({"kind": "error", "status": 400, "code": "AuthorizationHeaderMalformed", "message": header}),
        ),
        ("GetBucketTagging", json!({"kind": "bare", "status": 301, "headers": region})),
        (
            "CreateBucket",
            json!({"kind": "error", "status": 400, "code": "IllegalLocationConstraintException",
                   "message": "The eu-west-1 location constraint is incompatible for the region specific endpoint this request was sent to."}),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_in_another_region_is_told_and_its_object_may_go() {
    let story = Story::begin("elsewhere").await;
    for (number, (operation, mut fault)) in elsewhere().into_iter().enumerate() {
        let name = format!("assets-{number}");
        (fault["operation"], fault["times"]) = (json!(operation), json!(-1));
        story.emulator.fault_with(&story.account_id, fault.clone());
        let spec = format!("deletionPolicy: Delete\ns3Bucket: {{bucketName: {}-{number}}}", story.bucket());
        let object = story.apply(&name, &spec).await;
        let stalled = story.until_reason(&name, "Stalled", "WrongRegion").await;
        let said = message(&stalled, "Stalled");
        assert!(said.contains("eu-west-1") && said.contains("region"), "{said}");

        story.delete(&name).await;
        story.until_gone(&object).await;
        let note = story.until_event(&name, "Released").await;
        assert!(note.contains("Nothing had been made"), "{note}");
        story.emulator.clear_faults(&story.account_id);
    }
    assert_eq!(story.emulator.successes(&story.account_id, "CreateBucket"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_whose_bucket_another_account_has_may_go() {
    let story = Story::begin("taken").await;
    let bucket = story.bucket();
    let other = format!("7{}", &story.account_id[1..]);
    observer::ask(&other, "s3", "create_bucket", json!({"Bucket": bucket})).unwrap();
    for (name, policy) in [("deleted", "deletionPolicy: Delete\n"), ("retained", "")] {
        let object = story.apply(name, &format!("{policy}s3Bucket: {{bucketName: {bucket}}}")).await;
        story.until_reason(name, "Stalled", "AccessDenied").await;
        story.delete(name).await;
        story.until_gone(&object).await;
        let note = story.until_event(name, "Released").await;
        assert!(note.contains("Nothing had been made"), "{note}");
        assert_eq!(story.count_events(name, "Retained").await, 0, "nothing stays");
    }
    observer::ask(&other, "s3", "head_bucket", json!({"Bucket": bucket})).unwrap();
    assert!(story.emulator.writes(&story.account_id).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_may_have_been_made_is_waited_for_and_the_way_out_is_named() {
    let story = Story::begin("perhaps-made").await;
    let bucket = story.bucket();
    let held = story.emulator.fault(&story.account_id, "CreateBucket", "hold-after", 1);
    let spec = |policy: &str| format!("deletionPolicy: {policy}\ns3Bucket: {{bucketName: {bucket}}}");
    let object = story.apply("assets", &spec("Delete")).await;
    story.until_true("the bucket", || story.emulator.held(&story.account_id, &held) == 1).await;
    story.emulator.fault(&story.account_id, "GetBucketTagging", "denied", -1);
    story.emulator.release(&held);
    story.until_reason("assets", "Stalled", "AccessDenied").await;

    story.delete("assets").await;
    let waiting = story
        .until("assets", "told the way out", |object| {
            object.metadata.deletion_timestamp.is_some()
                && message(object, "Stalled").contains("deletionPolicy: Retain")
        })
        .await;
    assert!(!waiting.status.unwrap().intent.unwrap().without_effect, "a bucket was made");
    story.aws("s3", "head_bucket", json!({"Bucket": bucket}));

    story.apply("assets", &spec("Retain")).await;
    story.until_gone(&object).await;
    story.until_event("assets", "Retained").await;
    story.aws("s3", "head_bucket", json!({"Bucket": bucket}));
}

/// A create call whose answer was lost, a refused one after it, and then AWS that cannot be read: something may
/// have been made, and nothing is let go of.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_says_nothing_of_an_earlier_call() {
    let story = Story::begin("earlier-call").await;
    let lost = story.emulator.fault(&story.account_id, "CreateBucket", "error-before", 1);
    let held = story.emulator.fault_with(
        &story.account_id,
        json!({"operation": "CreateBucket", "kind": "error", "times": -1, "code": "TooManyBuckets", "status": 400}),
    );
    let spec = format!("deletionPolicy: Delete\ns3Bucket: {{bucketName: {}}}", story.bucket());
    let object = story.apply("assets", &spec).await;
    story.until_reason("assets", "Stalled", "QuotaExceeded").await;
    assert_eq!(story.emulator.fired(&story.account_id, &lost), 1);
    assert!(story.emulator.fired(&story.account_id, &held) > 0);
    story.emulator.fault(&story.account_id, "GetBucketTagging", "denied", -1);

    story.delete("assets").await;
    let told = |object: &AwsResource| message(object, "Stalled").contains("deletionPolicy: Retain");
    let waiting = story.until("assets", "told the way out", told).await;
    assert!(!waiting.status.unwrap().intent.unwrap().without_effect);

    story.emulator.clear_faults(&story.account_id);
    story.until_gone(&object).await;
}

/// The same where the only create call was refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_aws_refused_to_make_may_go_although_aws_cannot_be_read() {
    let story = Story::begin("refused").await;
    story.emulator.fault_with(
        &story.account_id,
        json!({"operation": "CreateBucket", "kind": "error", "times": -1, "code": "TooManyBuckets", "status": 400}),
    );
    let spec = format!("deletionPolicy: Delete\ns3Bucket: {{bucketName: {}}}", story.bucket());
    let object = story.apply("assets", &spec).await;
    let refused = |object: &AwsResource| {
        let intent = object.status.as_ref().and_then(|status| status.intent.as_ref());
        intent.is_some_and(|intent| intent.without_effect) && !message(object, "Stalled").is_empty()
    };
    story.until("assets", "refused", refused).await;
    story.emulator.fault(&story.account_id, "GetBucketTagging", "denied", -1);
    story.until_reason("assets", "Stalled", "AccessDenied").await;

    story.delete("assets").await;
    story.until_gone(&object).await;
    assert!(story.until_event("assets", "Released").await.contains("Nothing had been made"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_refused_and_is_then_taken_over_is_kept_track_of() {
    let story = Story::begin("taken-over").await;
    let bucket = story.bucket();
    story.aws("s3", "create_bucket", json!({"Bucket": bucket}));
    let refused = story.apply("refused", &format!("s3Bucket: {{bucketName: {bucket}}}")).await;
    story.until_reason("refused", "Stalled", "ManagementConflict").await;
    story.delete("refused").await;
    story.until_gone(&refused).await;
    assert!(story.until_event("refused", "Released").await.contains("Nothing had been made"));

    let spec = format!("deletionPolicy: Delete\ns3Bucket: {{bucketName: {bucket}}}");
    story.apply("adopted", &spec).await;
    let conflict = story.until_reason("adopted", "Stalled", "ManagementConflict").await;
    assert!(conflict.status.unwrap().intent.unwrap().without_effect);
    let object = story.apply("adopted", &format!("adoptionPolicy: adopt\n{spec}")).await;
    let adopted = story.until_ready("adopted").await;
    assert!(!adopted.status.unwrap().intent.unwrap().without_effect);
    story.delete("adopted").await;
    story.until_gone(&object).await;
    assert_eq!(story.try_aws("s3", "head_bucket", json!({"Bucket": bucket})), Err("404".into()));
}
