//! `examples/shop.yaml`: a graph of objects, applied at once and deleted at once.

use super::story::{Story, is_ready};
use ccagi_aws_agent::api::resource::AwsResource;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{DeleteParams, ListParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub async fn apply(story: &Story) -> Vec<String> {
    story.apply_file(&crate::it::repository("examples/shop.yaml")).await
}

pub async fn until_all_ready(story: &Story, names: &[String]) {
    for name in names {
        story.until(name, "ready", is_ready).await;
    }
}

pub async fn objects(story: &Story) -> Vec<AwsResource> {
    story.resources().list(&ListParams::default()).await.unwrap().items
}

pub async fn until_all_gone(story: &Story, objects: &[AwsResource]) {
    for object in objects {
        story.until_gone(object).await;
    }
}

/// What another client finds in the account, each with the name of AWS's list that it is in.
fn found(story: &Story) -> Vec<(&'static str, Value)> {
    let lists = [
        ("s3", "list_buckets", "Buckets"),
        ("dynamodb", "list_tables", "TableNames"),
        ("iam", "list_roles", "Roles"),
        ("iam", "list_instance_profiles", "InstanceProfiles"),
        ("lambda", "list_functions", "Functions"),
        ("rds", "describe_db_instances", "DBInstances"),
        ("rds", "describe_db_subnet_groups", "DBSubnetGroups"),
    ];
    let mut found = Vec::new();
    for (service, operation, member) in lists {
        let answer = story.aws(service, operation, json!({}));
        found.extend(answer[member].as_array().unwrap().iter().map(|one| (member, one.clone())));
    }
    let ours = json!({"Filters": [{"Name": "tag-key", "Values": ["ccagi:uid"]}]});
    for (operation, member) in [
        ("describe_vpcs", "Vpcs"),
        ("describe_subnets", "Subnets"),
        ("describe_route_tables", "RouteTables"),
        ("describe_internet_gateways", "InternetGateways"),
        ("describe_security_groups", "SecurityGroups"),
    ] {
        let answer = story.aws("ec2", operation, ours.clone());
        found.extend(answer[member].as_array().unwrap().iter().map(|one| (member, one.clone())));
    }
    let instances = story.aws("ec2", "describe_instances", json!({}));
    let instances =
        instances["Reservations"].as_array().unwrap().iter().flat_map(|one| one["Instances"].as_array().unwrap());
    let instances = instances.filter(|one| one["State"]["Name"] != "terminated");
    found.extend(instances.map(|one| ("Instances", one.clone())));
    found
}

/// How many there are in each of AWS's lists.
pub fn counts(story: &Story) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for (list, _) in found(story) {
        *counts.entry(list).or_default() += 1;
    }
    counts
}

pub fn nothing_is_left(story: &Story) {
    let denied = story.emulator.denied(&story.account_id);
    assert!(denied.is_empty(), "iam-policy lacks what the kinds call: {denied:?}");
    let left = found(story);
    assert!(left.is_empty(), "AWS still has {left:#?}");
    let snapshots = story.aws("rds", "describe_db_snapshots", json!({}));
    let snapshots = snapshots["DBSnapshots"].as_array().unwrap();
    assert_eq!(snapshots.len(), 1, "the last snapshot of the database stays: {snapshots:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_comes_to_life_in_any_order_and_goes_in_the_order_of_need() {
    let story = Story::begin("shop").await;
    let names = apply(&story).await;
    assert!(names.len() >= 12, "the shop has only {} objects", names.len());
    until_all_ready(&story, &names).await;
    let bucket = format!("webshop-assets-{}", story.account_id);
    let told = story.aws("s3", "get_bucket_notification_configuration", json!({"Bucket": bucket}));
    let function = told["LambdaFunctionConfigurations"][0]["LambdaFunctionArn"].as_str().unwrap();
    assert!(function.ends_with("function:webshop-resize-images"), "{told}");
    let database = story.aws("rds", "describe_db_instances", json!({}))["DBInstances"][0].clone();
    let subnets = database["DBSubnetGroup"]["Subnets"].as_array().unwrap();
    assert_eq!(subnets.len(), 2, "the database is in the private subnets: {database}");

    let created = objects(&story).await;
    story.resources().delete_collection(&DeleteParams::default(), &ListParams::default()).await.unwrap();
    until_all_gone(&story, &created).await;
    nothing_is_left(&story);
    let writes = story.emulator.writes(&story.account_id);
    let creations = writes.iter().filter(|operation| operation.starts_with("Create")).count();
    let vpcs = writes.iter().filter(|operation| *operation == "CreateVpc").count();
    assert_eq!(vpcs, 1, "of {creations} creations: {writes:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_is_deleted_in_the_foreground() {
    let story = Story::begin("shop-foreground").await;
    let names = apply(&story).await;
    until_all_ready(&story, &names).await;
    let created = objects(&story).await;
    for object in &created {
        story.resources().delete(&object.name_any(), &DeleteParams::foreground()).await.unwrap();
    }
    until_all_gone(&story, &created).await;
    nothing_is_left(&story);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_goes_with_its_namespace() {
    let story = Story::begin("shop-namespace").await;
    let names = apply(&story).await;
    until_all_ready(&story, &names).await;
    let created = objects(&story).await;
    let namespaces: Api<Namespace> = Api::all(story.client.clone());
    namespaces.delete(&story.name, &DeleteParams::default()).await.unwrap();
    until_all_gone(&story, &created).await;
    nothing_is_left(&story);
}
