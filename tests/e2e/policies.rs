//! Policy documents as AWS shows them, which is not as they were written.

use super::story::{Story, message};
use ccagi_aws_agent::api::ANNOTATION_RECONCILE;
use serde_json::{Value, json};

/// Asks for a look and waits for its outcome.
async fn look(story: &Story, name: &str, asked: &str) {
    story.annotate(name, ANNOTATION_RECONCILE, Some(asked)).await;
    let handled = |object: &ccagi_aws_agent::api::resource::AwsResource| {
        object.status.as_ref().is_some_and(|status| status.last_handled_reconcile_at.as_deref() == Some(asked))
    };
    story.until(name, "looked at", handled).await;
    story.until_ready(name).await;
}

fn policy(bucket: &str, principal: &Value, secure: &Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{
        "Sid": "", "Effect": "Deny", "Principal": principal, "Action": ["S3:*"],
        "Resource": [format!("arn:aws:s3:::{bucket}/*"), format!("arn:aws:s3:::{bucket}")],
        "Condition": {"Bool": {"aws:SecureTransport": secure}},
    }]})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_aws_shows_in_other_words_rests_and_one_that_says_something_else_is_set_back() {
    let story = Story::begin("policies").await;
    let (bucket, account) = (story.bucket(), story.account_id.clone());
    let declared = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Deny", "Principal": {"AWS": account}, "Action": "s3:*",
        "Resource": [format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/*")],
        "Condition": {"Bool": {"aws:SecureTransport": false}},
    }});
    story.apply("shop", &json!({"s3Bucket": {"bucketName": bucket, "policy": declared.to_string()}}).to_string()).await;
    story.until_ready("shop").await;

    let root = json!({"AWS": [format!("arn:aws:iam::{account}:root")]});
    let put = |document: &Value| {
        story.aws("s3", "put_bucket_policy", json!({"Bucket": bucket, "Policy": document.to_string()}));
    };
    let found = || {
        let answer = story.aws("s3", "get_bucket_policy", json!({"Bucket": bucket}));
        serde_json::from_str::<Value>(answer["Policy"].as_str().unwrap()).unwrap()
    };
    let shown = policy(&bucket, &root, &json!(["false"]));
    put(&shown);
    look(&story, "shop", "one").await;
    assert_eq!(found(), shown, "it says the same and was written anew");

    // What AWS shows of a principal that has been deleted.
    put(&policy(&bucket, &json!({"AWS": "AROAIIIIIIIIIIIIIIIII"}), &json!("false")));
    look(&story, "shop", "two").await;
    story.until_true("the policy to be set back", || found() == declared).await;
    put(&policy(&bucket, &root, &json!("true")));
    look(&story, "shop", "three").await;
    story.until_true("the policy to be set back", || found() == declared).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_says_a_thing_twice_is_refused_with_its_place() {
    let story = Story::begin("said-twice").await;
    let trust = r#"{"Statement": [{"Effect": "Deny", "Effect": "Allow"}]}"#;
    let role = |policies: Value, trust: &str| {
        json!({"iamRole": {"roleName": "twice", "assumeRolePolicy": trust, "inlinePolicies": policies}}).to_string()
    };
    let inline = json!([{"name": "read", "document": trust}]);
    let bucket = json!({"s3Bucket": {"bucketName": story.bucket(), "policy": trust}}).to_string();
    for (name, spec, says) in [
        ("trust", role(json!([]), trust), "spec.iamRole.assumeRolePolicy"),
        ("inline", role(inline, "{}"), "spec.iamRole.inlinePolicies"),
        ("bucket", bucket, "spec.s3Bucket.policy"),
    ] {
        story.apply(name, &spec).await;
        let stalled = message(&story.until_reason(name, "Stalled", "InvalidSpec").await, "Stalled");
        let told = stalled.contains(says) && stalled.contains("Statement[0].Effect must be there once");
        assert!(told, "{name}: {stalled}");
    }
}
