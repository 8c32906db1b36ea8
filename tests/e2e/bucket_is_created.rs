use super::story::{Story, id};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_becomes_ready_with_its_settings_and_owner_tags_in_aws() {
    let story = Story::begin("bucket-create").await;
    let bucket = story.bucket();
    let spec = format!("tags: {{team: web}}\ns3Bucket: {{bucketName: {bucket}, versioning: Enabled}}");
    story.apply("assets", &spec).await;
    let object = story.until_ready("assets").await;

    assert_eq!(id(&object), bucket);
    let versioning = story.aws("s3", "get_bucket_versioning", json!({"Bucket": bucket}));
    assert_eq!(versioning["Status"], "Enabled");
    let tags = story.aws("s3", "get_bucket_tagging", json!({"Bucket": bucket}));
    let uid = object.metadata.uid.clone().unwrap();
    for (key, value) in [
        ("team", "web"),
        ("CcagiManaged", "true"),
        ("ccagi:agent", "SteveJobs"),
        ("ccagi:namespace", &story.name),
        ("ccagi:name", "assets"),
        ("ccagi:uid", &uid),
    ] {
        assert!(tags["TagSet"].as_array().unwrap().contains(&json!({"Key": key, "Value": value})), "{key}: {tags}");
    }
    assert_eq!(story.emulator.count(&story.account_id, "CreateBucket"), 1);
    story.until_event("assets", "Created").await;
}
