use super::story::{Story, is_ready, message};
use serde_json::json;

fn logged(bucket: &str, to: &str) -> String {
    format!(
        "deletionPolicy: Delete\ns3Bucket: {{bucketName: {bucket}, logging: {{targetBucketRef: {{name: {to}}}, targetPrefix: x/}}}}"
    )
}

/// A bucket that may receive logs, logging to another one where that is given.
fn log_bucket(bucket: &str, to: Option<&str>) -> String {
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject", "Resource": format!("arn:aws:s3:::{bucket}/*"),
    }]});
    let logging = to.map(|to| json!({"targetBucketRef": {"name": to}, "targetPrefix": "x/"}));
    json!({"deletionPolicy": "Delete", "s3Bucket": {"bucketName": bucket, "policy": policy.to_string(), "logging": logging}}).to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_waits_for_what_it_refers_to_and_goes_on_at_once() {
    // Nothing here is found by trying again: the drift period is longer than the story's patience.
    let story = Story::begin("reference").await;
    let bucket = story.bucket();
    story.apply("assets", &logged(&bucket, "logs")).await;
    let waiting = story.until_reason("assets", "Reconciling", "DependencyNotReady").await;
    assert!(message(&waiting, "Reconciling").contains("AwsResource logs, which does not exist"));
    assert!(story.emulator.writes(&story.account_id).is_empty(), "nothing is made before all is known");

    story.apply("logs", &log_bucket(&format!("{bucket}-logs"), None)).await;
    story.until_ready("assets").await;
    let logging = story.aws("s3", "get_bucket_logging", json!({"Bucket": bucket}));
    assert_eq!(logging["LoggingEnabled"]["TargetBucket"], format!("{bucket}-logs"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_referred_to_is_deleted_last_whatever_the_order() {
    let story = Story::begin("in-use").await;
    let bucket = story.bucket();
    let logs = story.apply("logs", &log_bucket(&format!("{bucket}-logs"), None)).await;
    let assets = story.apply("assets", &logged(&bucket, "logs")).await;
    story.until_ready("assets").await;

    story.delete("logs").await;
    let held = story.until_reason("logs", "Reconciling", "InUse").await;
    assert!(message(&held, "Reconciling").contains("assets"));
    story.aws("s3", "head_bucket", json!({"Bucket": format!("{bucket}-logs")}));
    story.delete("assets").await;
    story.until_gone(&assets).await;
    story.until_gone(&logs).await;
    let deleted: Vec<String> = story
        .emulator
        .journal(&story.account_id)
        .into_iter()
        .filter(|request| request.operation == "DeleteBucket")
        .map(|request| request.resource)
        .collect();
    assert_eq!(deleted, [bucket.clone(), format!("{bucket}-logs")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_circle_is_told_to_everyone_in_it_and_ends_when_it_is_broken() {
    let story = Story::begin("cycle").await;
    let bucket = story.bucket();
    for (name, to) in [("a", "b"), ("b", "c"), ("c", "a")] {
        story.apply(name, &log_bucket(&format!("{bucket}-{name}"), Some(to))).await;
    }
    for (name, path) in [("a", "a → b → c → a"), ("b", "b → c → a → b"), ("c", "c → a → b → c")] {
        let stalled = story.until_reason(name, "Stalled", "DependencyCycle").await;
        assert!(message(&stalled, "Stalled").contains(path), "{}", message(&stalled, "Stalled"));
    }
    story.apply("c", &log_bucket(&format!("{bucket}-c"), None)).await;
    for name in ["a", "b", "c"] {
        story.until(name, "ready", is_ready).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_output_that_does_not_exist_is_told_with_those_that_do() {
    let story = Story::begin("no-output").await;
    let bucket = story.bucket();
    story.apply("logs", &format!("s3Bucket: {{bucketName: {bucket}-logs}}")).await;
    story.until_ready("logs").await;
    story.apply("assets", &format!("s3Bucket: {{bucketName: {bucket}, logging: {{targetBucketRef: {{name: logs, output: colour}}, targetPrefix: x/}}}}")).await;
    let stalled = story.until_reason("assets", "Stalled", "OutputMissing").await;
    let said = message(&stalled, "Stalled");
    assert!(said.contains("no output colour") && said.contains("arn, name, region"), "{said}");
}
