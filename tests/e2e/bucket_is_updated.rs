use super::story::{Story, current, is_ready};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_and_tags_of_a_bucket_are_changed_in_place() {
    let story = Story::begin("bucket-update").await;
    let bucket = story.bucket();
    let spec = format!("tags: {{team: web, old: tag}}\ns3Bucket: {{bucketName: {bucket}, versioning: Enabled}}");
    story.apply("assets", &spec).await;
    let before = story.until_ready("assets").await;

    let rules = "lifecycleRules: [{id: tidy, enabled: true, expirationDays: 30, prefix: tmp/}]";
    let cors = "corsRules: [{allowedMethods: [GET], allowedOrigins: ['https://shop.example']}]";
    let policy = format!(
        r#"policy: '{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::{bucket}/*","Condition":{{"Bool":{{"aws:SecureTransport":"false"}}}}}}]}}'"#
    );
    let more = "encryption: {algorithm: AES256, bucketKeyEnabled: true}\n  objectOwnership: BucketOwnerPreferred\n  website: {indexDocument: index.html}";
    let spec = format!(
        "tags: {{team: ops}}\ns3Bucket:\n  bucketName: {bucket}\n  versioning: Suspended\n  {rules}\n  {cors}\n  {policy}\n  {more}"
    );
    story.apply("assets", &spec).await;
    let after = story
        .until("assets", "ready in its second generation", |object| {
            is_ready(object) && current(object) && object.metadata.generation > before.metadata.generation
        })
        .await;

    assert!(after.status.unwrap().pending_changes.is_empty());
    let ask = |operation: &str| story.aws("s3", operation, json!({"Bucket": bucket}));
    assert_eq!(ask("get_bucket_versioning")["Status"], "Suspended");
    assert_eq!(ask("get_bucket_lifecycle_configuration")["Rules"][0]["Expiration"]["Days"], 30);
    assert_eq!(ask("get_bucket_cors")["CORSRules"][0]["AllowedMethods"], json!(["GET"]));
    assert_eq!(ask("get_bucket_website")["IndexDocument"]["Suffix"], "index.html");
    assert!(ask("get_bucket_policy")["Policy"].as_str().unwrap().contains("SecureTransport"));
    let tags = ask("get_bucket_tagging")["TagSet"].clone();
    assert!(tags.as_array().unwrap().contains(&json!({"Key": "team", "Value": "ops"})));
    assert!(!tags.to_string().contains("old"), "a tag that left the spec left AWS: {tags}");
    story.until_event("assets", "Updated").await;

    // What is changed in the next minute is told in words of its own, and the same once more is counted.
    let shops = spec.replace("team: ops", "team: shop");
    story.apply("assets", &shops).await;
    story.until_note("assets", "ops → shop").await;
    story.apply("assets", &spec).await;
    story.until_note("assets", "shop → ops").await;
    story.apply("assets", &shops).await;
    story.until_note_again("assets", "ops → shop").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_taken_out_of_a_lifecycle_rule_and_rules_that_are_taken_out_leave_the_bucket() {
    let story = Story::begin("bucket-rules").await;
    let bucket = story.bucket();
    let changed = async |rules: &str| {
        let spec = format!("s3Bucket: {{bucketName: {bucket}, lifecycleRules: {rules}}}");
        let applied = story.apply("assets", &spec).await;
        let generation = applied.metadata.generation;
        story
            .until("assets", "ready as it was last applied", |object| {
                is_ready(object) && current(object) && object.metadata.generation == generation
            })
            .await;
        story.try_aws("s3", "get_bucket_lifecycle_configuration", json!({"Bucket": bucket}))
    };
    let both = changed("[{id: tidy, enabled: true, expirationDays: 30, abortIncompleteUploadsDays: 7}]").await.unwrap();
    assert_eq!(both["Rules"][0]["Expiration"]["Days"], 30);
    // Objects are no longer deleted once the line that says so is gone.
    let less = changed("[{id: tidy, enabled: true, abortIncompleteUploadsDays: 7}]").await.unwrap();
    assert_eq!(less["Rules"][0].get("Expiration"), None);
    assert_eq!(less["Rules"][0]["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"], 7);
    // By server-side apply an emptied list stays an empty list, which means that there are no rules.
    assert_eq!(changed("[]").await, Err("NoSuchLifecycleConfiguration".into()));
}
