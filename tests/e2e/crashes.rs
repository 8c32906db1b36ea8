use super::story::{Story, id};
use serde_json::json;

/// Applies an object, kills the controller while AWS's answer to `operation` is on its way (its effect
/// is done), starts a new controller and waits until the object is ready.
async fn killed_at(story: &mut Story, operation: &str, spec: &str) {
    let fault = story.emulator.fault(&story.account_id, operation, "hold-after", 1);
    story.apply("thing", spec).await;
    let (emulator, account) = (story.emulator.clone(), story.account_id.clone());
    story.until_true("the create call to have its effect", || emulator.held(&account, &fault) == 1).await;
    story.take_controller().kill();
    story.emulator.clear_faults(&story.account_id);
    story.start_controller();
    story.until_ready("thing").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_controller_killed_between_create_and_status_makes_one_bucket() {
    let mut story = Story::begin("killed-bucket").await;
    let spec = format!("s3Bucket: {{bucketName: {}, versioning: Enabled}}", story.bucket());
    killed_at(&mut story, "CreateBucket", &spec).await;
    assert_eq!(story.emulator.count(&story.account_id, "CreateBucket"), 1);
    assert_eq!(story.aws("s3", "get_bucket_versioning", json!({"Bucket": story.bucket()}))["Status"], "Enabled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_controller_killed_between_create_and_status_makes_one_instance() {
    let mut story = Story::begin("killed-instance").await;
    killed_at(&mut story, "RunInstances", "ec2Instance: {imageId: ami-0abcdef1234567890, instanceType: t3.micro}")
        .await;
    let found = story.aws("ec2", "describe_instances", json!({}));
    let reservations = found["Reservations"].as_array().unwrap();
    assert_eq!(reservations.len(), 1, "{found}");
    let object = story.until_ready("thing").await;
    assert_eq!(reservations[0]["Instances"][0]["InstanceId"], id(&object));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_controller_killed_between_create_and_status_makes_one_table() {
    let mut story = Story::begin("killed-table").await;
    let spec = "dynamoDbTable: {tableName: orders, partitionKey: {name: id, type: String}}";
    killed_at(&mut story, "CreateTable", spec).await;
    assert_eq!(story.emulator.count(&story.account_id, "CreateTable"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_behind_which_the_instance_was_made_makes_no_second_one() {
    let story = Story::begin("instance-500").await;
    story.emulator.fault(&story.account_id, "RunInstances", "error-after", 2);
    story.apply("thing", "ec2Instance: {imageId: ami-0abcdef1234567890, instanceType: t3.micro}").await;
    story.until_ready("thing").await;
    let found = story.aws("ec2", "describe_instances", json!({}));
    assert_eq!(found["Reservations"].as_array().unwrap().len(), 1, "{found}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_controllers_at_once_make_one_of_each_and_delete_it() {
    let story = Story::begin("two-controllers").await;
    let _second = story.another_controller();
    let mut objects = Vec::new();
    for number in 0..4 {
        let bucket = format!(
            "deletionPolicy: Delete\ns3Bucket: {{bucketName: {}-{number}, versioning: Enabled}}",
            story.bucket()
        );
        objects.push(story.apply(&format!("bucket-{number}"), &bucket).await);
        let instance = "ec2Instance: {imageId: ami-0abcdef1234567890, instanceType: t3.micro}";
        objects.push(story.apply(&format!("instance-{number}"), instance).await);
    }
    for object in &objects {
        story.until_ready(object.metadata.name.as_deref().unwrap()).await;
    }
    let found = story.aws("ec2", "describe_instances", json!({}));
    assert_eq!(found["Reservations"].as_array().unwrap().len(), 4, "{found}");
    for object in &objects {
        story.delete(object.metadata.name.as_deref().unwrap()).await;
    }
    for object in &objects {
        story.until_gone(object).await;
    }
    assert_eq!(story.aws("s3", "list_buckets", json!({}))["Buckets"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_stays_invisible_for_a_while_after_its_creation_is_not_made_twice() {
    let story = Story::begin("invisible").await;
    // The first call fails without effect, so that the instance was looked for in vain before the
    // second one makes it; then AWS does not know it for a while.
    story.emulator.fault(&story.account_id, "RunInstances", "error-before", 2);
    let invisible = json!({
        "operation": "DescribeInstances", "kind": "error", "times": 2, "match": "InstanceId.1=i-",
        "code": "InvalidInstanceID.NotFound", "status": 400, "message": "The instance ID does not exist",
    });
    let fault = story.emulator.fault_with(&story.account_id, invisible);
    story.apply("thing", "ec2Instance: {imageId: ami-0abcdef1234567890, instanceType: t3.micro}").await;
    story.until_ready("thing").await;
    assert_eq!(story.emulator.fired(&story.account_id, &fault), 2);
    let found = story.aws("ec2", "describe_instances", json!({}));
    assert_eq!(found["Reservations"].as_array().unwrap().len(), 1, "{found}");
}
