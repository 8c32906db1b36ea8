use super::story::{Story, is_ready, message};
use serde_json::{Value, json};

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

const CLAIMANTS: [&str; 6] = ["one", "two", "three", "four", "five", "six"];

/// Has six objects of this spec adopt the same resource at once, waits until one is ready and the others are
/// told that it is not theirs, and returns the name of the one.
async fn one_of_six_adopts(story: &Story, spec: &str) -> &'static str {
    futures::future::join_all(CLAIMANTS.map(|name| story.apply(name, spec))).await;
    let settled = async |name: &'static str| {
        let told =
            story.until(name, "ready or told", |object| is_ready(object) || !message(object, "Stalled").is_empty());
        let object = told.await;
        is_ready(&object).then_some(name).ok_or_else(|| message(&object, "Stalled"))
    };
    let outcomes = futures::future::join_all(CLAIMANTS.map(settled)).await;
    let (winners, told): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    let winners: Vec<&str> = winners.into_iter().flatten().collect();
    let [winner] = winners[..] else { panic!("{winners:?} are ready, and {told:?}") };
    let of_winner = format!("It belongs to AwsResource {}/{winner} of this cluster", story.name);
    assert!(told.iter().flat_map(|told| told.as_ref().err()).all(|told| told.contains(&of_winner)), "{told:?}");
    winner
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_six_objects_that_adopt_one_bucket_at_once_one_takes_it_over() {
    let story = Story::begin("six-claims").await;
    let bucket = story.bucket();
    story.aws("s3", "create_bucket", json!({"Bucket": bucket}));
    let winner = one_of_six_adopts(&story, &format!("adoptionPolicy: adopt\ns3Bucket: {{bucketName: {bucket}}}")).await;
    let tags = story.aws("s3", "get_bucket_tagging", json!({"Bucket": bucket}))["TagSet"].clone();
    assert!(tags.as_array().unwrap().contains(&json!({"Key": "ccagi:name", "Value": winner})), "{tags}");
    assert_eq!(story.emulator.writes(&story.account_id), ["CreateBucket", "PutBucketTagging"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_six_objects_that_adopt_one_security_group_at_once_one_takes_it_over() {
    let story = Story::begin("six-claims-by-id").await;
    let vpc = story.aws("ec2", "describe_vpcs", json!({}))["Vpcs"][0]["VpcId"].as_str().unwrap().to_owned();
    let made = json!({"GroupName": "web", "Description": "web", "VpcId": vpc});
    let id = story.aws("ec2", "create_security_group", made)["GroupId"].as_str().unwrap().to_owned();
    let spec = format!(
        "adoptionPolicy: adopt\nresourceId: {id}\nsecurityGroup: {{groupName: web, description: web, vpcId: {vpc}}}"
    );
    let winner = one_of_six_adopts(&story, &spec).await;
    let group = story.aws("ec2", "describe_security_groups", json!({"GroupIds": [id]}))["SecurityGroups"][0].clone();
    assert!(group["Tags"].as_array().unwrap().contains(&json!({"Key": "ccagi:name", "Value": winner})), "{group}");
    assert_eq!(story.emulator.writes(&story.account_id), ["CreateSecurityGroup", "CreateTags"]);
}

/// The tags of an object of another cluster, as S3 takes them.
fn of_another_cluster() -> Value {
    let tag = |key: &str, value: &str| json!({"Key": key, "Value": value});
    json!({"TagSet": [
        tag("CcagiManaged", "true"), tag("ccagi:cluster", "another"), tag("ccagi:namespace", "shop"),
        tag("ccagi:name", "theirs"), tag("ccagi:uid", "7"),
    ]})
}

/// Applies the spec, has another cluster take the bucket over between the controller's look at it and what
/// follows, and waits until the object is told.
async fn overtaken(story: &Story, bucket: &str, spec: &str) {
    let (emulator, account) = (story.emulator.clone(), story.account_id.clone());
    let look = emulator.fault(&account, "GetBucketTagging", "hold-after", 1);
    story.apply("assets", spec).await;
    story.until_true("the look at the owner", || emulator.held(&account, &look) == 1).await;
    story.aws("s3", "put_bucket_tagging", json!({"Bucket": bucket, "Tagging": of_another_cluster()}));
    emulator.clear_faults(&account);
    let stalled = story.until_reason("assets", "Stalled", "ManagementConflict").await;
    assert!(
        message(&stalled, "Stalled").contains("shop/theirs of cluster another"),
        "{}",
        message(&stalled, "Stalled")
    );
    let tags = story.aws("s3", "get_bucket_tagging", json!({"Bucket": bucket}));
    assert_eq!(tags["TagSet"], of_another_cluster()["TagSet"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn adoption_yields_to_an_owner_that_came_after_the_look() {
    let story = Story::begin("overtaken-adoption").await;
    let bucket = story.bucket();
    story.aws("s3", "create_bucket", json!({"Bucket": bucket}));
    overtaken(&story, &bucket, &format!("adoptionPolicy: adopt\ns3Bucket: {{bucketName: {bucket}}}")).await;
    assert_eq!(story.emulator.writes(&story.account_id), ["CreateBucket", "PutBucketTagging"], "the observer's");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_tags_yields_to_an_owner_that_came_after_the_look() {
    let story = Story::begin("overtaken-tags").await;
    let bucket = story.bucket();
    story.apply("assets", &format!("s3Bucket: {{bucketName: {bucket}}}")).await;
    story.until_ready("assets").await;
    overtaken(&story, &bucket, &format!("tags: {{team: web}}\ns3Bucket: {{bucketName: {bucket}}}")).await;
    assert_eq!(story.emulator.writes(&story.account_id), ["CreateBucket", "PutBucketTagging"], "the observer's");
}
