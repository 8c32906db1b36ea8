use super::story::Story;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn adoption_shows_its_difference_and_then_takes_over() {
    let story = Story::begin("adoption").await;
    let bucket = story.bucket();
    story.aws("s3", "create_bucket", json!({"Bucket": bucket}));
    let theirs = json!({"TagSet": [{"Key": "cost-centre", "Value": "7"}]});
    story.aws("s3", "put_bucket_tagging", json!({"Bucket": bucket, "Tagging": theirs}));

    let spec = format!("adoptionPolicy: adopt\ns3Bucket: {{bucketName: {bucket}, versioning: Enabled}}");
    story.apply("assets", &spec).await;
    story.until_ready("assets").await;

    let note = story.until_event("assets", "Adopting").await;
    assert!(note.contains("versioning: nothing → Enabled"), "{note}");
    let tags = story.aws("s3", "get_bucket_tagging", json!({"Bucket": bucket}))["TagSet"].clone();
    let tags = tags.as_array().unwrap();
    assert!(tags.contains(&json!({"Key": "cost-centre", "Value": "7"})), "tags of others stay: {tags:?}");
    assert!(tags.contains(&json!({"Key": "ccagi:name", "Value": "assets"})));
    assert_eq!(story.aws("s3", "get_bucket_versioning", json!({"Bucket": bucket}))["Status"], "Enabled");
    assert_eq!(story.emulator.count(&story.account_id, "CreateBucket"), 1, "only the observer's");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn adopt_waits_for_a_bucket_and_adopt_or_create_makes_one() {
    let story = Story::begin("adopt-or-create").await;
    let bucket = story.bucket();
    story.apply("waits", &format!("adoptionPolicy: adopt\ns3Bucket: {{bucketName: {bucket}-a}}")).await;
    story.apply("makes", &format!("adoptionPolicy: adopt-or-create\ns3Bucket: {{bucketName: {bucket}-b}}")).await;
    story.until_reason("waits", "Stalled", "ResourceMissing").await;
    story.until_ready("makes").await;
    assert_eq!(story.emulator.writes(&story.account_id), ["CreateBucket"]);
}
