//! What resources cost: in their status, in their account's, and explained.

use super::story::{Story, id, is_ready};
use ccagi_aws_agent::api::account::AwsAccount;
use ccagi_aws_agent::api::resource::{AwsResource, Health, ResourceState};
use serde_json::{Value, json};
use std::process::Command;

/// The image's root volume has 8 GB of gp2: 8 × 0.10 × 24 / 730.
const VOLUME: &str = "0.0263";

fn spec(instance_type: &str, more: &str) -> String {
    format!("{more}\nec2Instance: {{imageId: ami-0abcdef1234567890, instanceType: {instance_type}}}")
}

/// The items of the status, as usage and cost per day.
fn items(object: &AwsResource) -> Vec<(String, String)> {
    let cost = object.status.as_ref().and_then(|status| status.cost.clone()).unwrap_or_default();
    cost.items.into_iter().map(|item| (item.usage, item.per_day.unwrap_or_default())).collect()
}

fn costs(object: &AwsResource, usage: &str) -> Option<String> {
    items(object).into_iter().find(|(item, _)| item == usage).map(|(_, per_day)| per_day)
}

fn explain(story: &Story, name: &str, more: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ccagi-aws-agent"));
    command.args(["explain-cost", name, "--namespace", &story.name]).args(more);
    let output = command.env("KUBECONFIG", &story.kubeconfig).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cost_follows_the_instance_type_and_a_stopped_instance_costs_its_volume_only() {
    let story = Story::begin("cost").await;
    story.apply("web", &spec("t3.micro", "restartPolicy: Allow")).await;
    let micro =
        story.until("web", "priced", |object| is_ready(object) && costs(object, "ec2/t3.micro").is_some()).await;
    assert_eq!(costs(&micro, "ec2/t3.micro").as_deref(), Some("0.2496"));
    assert_eq!(costs(&micro, "ebs/storage.gp2").as_deref(), Some(VOLUME));

    story.apply("web", &spec("t3.small", "restartPolicy: Allow")).await;
    let small =
        story.until("web", "priced anew", |object| is_ready(object) && costs(object, "ec2/t3.small").is_some()).await;
    assert_eq!(costs(&small, "ec2/t3.small").as_deref(), Some("0.4992"));
    assert_eq!(costs(&small, "ec2/t3.micro"), None);

    story.aws("ec2", "stop_instances", json!({"InstanceIds": [id(&small)]}));
    story.annotate("web", "aws.ccagi.io/reconcile-requested-at", Some("stopped")).await;
    let stopped = story
        .until("web", "stopped", |object| object.status.as_ref().unwrap().state == Some(ResourceState::Stopped))
        .await;
    assert_eq!(items(&stopped), [("ebs/storage.gp2".to_owned(), VOLUME.to_owned())]);
    assert_eq!(stopped.status.as_ref().unwrap().cost_per_day.as_deref(), Some(VOLUME));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sums_of_an_account_follow_its_resources() {
    let story = Story::begin("cost-sums").await;
    let table = |more: &str| {
        format!(
            "deletionPolicy: Delete\ndynamoDbTable: {{tableName: orders, partitionKey: {{name: id, type: String}}{more}}}"
        )
    };
    let status = |account: &AwsAccount| account.status.clone().unwrap_or_default();
    story.apply("assets", &format!("deletionPolicy: Delete\ns3Bucket: {{bucketName: {}}}", story.bucket())).await;
    story
        .until_account(|account| {
            status(account).cost_per_day.as_deref() == Some("0.00") && status(account).health == Some(Health::Healthy)
        })
        .await;

    // 30 RCU × 0.00013 × 24 and 20 WCU × 0.00065 × 24.
    let provisioned =
        ", billingMode: Provisioned, provisionedThroughput: {readCapacityUnits: 30, writeCapacityUnits: 20}";
    let object = story.apply("orders", &table(provisioned)).await;
    let account = story
        .until_account(|account| {
            status(account).cost_per_day.as_deref() == Some("0.4056") && status(account).health == Some(Health::Healthy)
        })
        .await;
    let sums = status(&account);
    assert_eq!((sums.resources_managed, sums.resources_by_kind.get("DynamoDbTable")), (Some(2), Some(&1)));
    assert_eq!(sums.resources_by_health.get("Healthy"), Some(&2));
    assert_eq!(sums.resources_without_cost, None);

    story.delete("orders").await;
    story.until_gone(&object).await;
    story.until_account(|account| status(account).cost_per_day.as_deref() == Some("0.00")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cost_is_explained_by_its_components_from_the_cluster_alone() {
    let story = Story::begin("cost-explain").await;
    story.apply("web", &spec("t3.micro", "")).await;
    let ready = story.until("web", "priced", |object| is_ready(object) && !items(object).is_empty()).await;
    let asked = story.emulator.journal(&story.account_id).len();

    let (code, output, errors) = explain(&story, "web", &["-o", "json"]);
    assert_eq!(code, Some(0), "{errors}");
    let report: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(report["perDay"].as_str(), ready.status.as_ref().unwrap().cost_per_day.as_deref());
    assert_eq!(report["basis"], "found");
    let instance = report["items"].as_array().unwrap().iter().find(|item| item["usage"] == "ec2/t3.micro").unwrap();
    assert_eq!((instance["quantity"].as_str(), instance["unit"].as_str()), (Some("1"), Some("hour")));
    assert_eq!((instance["unitPrice"].as_str(), instance["date"].as_str()), (Some("0.0104"), Some("2026-07-20")));

    let (code, output, _) = explain(&story, "web", &[]);
    assert_eq!(code, Some(0));
    assert!(
        output.contains("ec2/t3.micro") && output.contains("UNIT PRICE") && output.contains("Not included"),
        "{output}"
    );
    let (code, _, errors) = explain(&story, "nobody", &[]);
    assert_eq!(code, Some(1));
    assert!(errors.contains("nobody does not exist"), "{errors}");
    // The controller itself may look for drift meanwhile, but nothing is written.
    let later: Vec<_> = story.emulator.journal(&story.account_id).split_off(asked);
    assert!(later.iter().all(|request| !request.is_write()), "{later:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_past_its_standard_support_costs_the_fee_for_it() {
    let story = Story::begin("cost-support").await;
    let database = "dbInstanceIdentifier: orders, engine: postgres, engineVersion: '11', instanceClass: db.t4g.micro, allocatedStorageGib: 20, masterUsername: shop";
    story.apply("orders", &format!("deletionPolicy: Delete\nrdsInstance: {{{database}}}")).await;
    let fee = "rds/extended-support.year-3";
    let orders = story.until("orders", "priced", |object| is_ready(object) && costs(object, fee).is_some()).await;
    // 2 vCPU × 0.20 × 24.
    assert_eq!(costs(&orders, fee).as_deref(), Some("9.60"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prices_of_another_region_stand_in_and_a_type_without_a_price_has_no_cost() {
    let story = Story::begin("cost-unknown").await;
    story.apply("abroad", &spec("t3.micro", "region: eu-west-1")).await;
    let abroad = story.until("abroad", "priced", |object| !items(object).is_empty()).await;
    let cost = abroad.status.as_ref().unwrap().cost.clone().unwrap();
    assert_eq!(cost.priced_as_in.as_deref(), Some("us-east-1"));
    // The sum of the account says so too.
    story.until_account(|account| account.status.as_ref().unwrap().resources_priced_elsewhere == Some(1)).await;

    // The book has no io1 storage in two zones.
    let database = "rdsInstance: {dbInstanceIdentifier: orders, engine: postgres, instanceClass: db.t4g.micro, allocatedStorageGib: 100, storageType: io1, iops: 1000, multiAz: true, masterUsername: shop}";
    story.apply("orders", &format!("deletionPolicy: Delete\n{database}")).await;
    let orders = story.until("orders", "judged", |object| !items(object).is_empty()).await;
    let status = orders.status.as_ref().unwrap();
    assert_eq!(status.cost_per_day, None, "what is not known is not zero");
    let missing = &status.cost.as_ref().unwrap().missing;
    assert!(missing.iter().any(|text| text.contains("rds/storage.io1.multi-az")), "{missing:?}");
    story.until_account(|account| account.status.as_ref().unwrap().resources_without_cost == Some(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prices_are_asked_of_aws_where_that_is_configured_and_each_once() {
    let story = Story::begin_with("cost-api", &["--prices", "api"]).await;
    for name in ["web-a", "web-b"] {
        story.apply(name, &spec("t3.micro", "region: eu-west-1")).await;
    }
    for name in ["web-a", "web-b"] {
        let object =
            story.until(name, "priced", |object| is_ready(object) && costs(object, "ec2/t3.micro").is_some()).await;
        // 0.0114 an hour, and 8 GB of gp2 at 0.11 a month, in Ireland.
        assert_eq!(costs(&object, "ec2/t3.micro").as_deref(), Some("0.2736"));
        assert_eq!(costs(&object, "ebs/storage.gp2").as_deref(), Some("0.0289"));
    }
    let (code, output, errors) = explain(&story, "web-a", &["--prices", "api", "-o", "json"]);
    assert_eq!(code, Some(0), "{errors}");
    let report: Value = serde_json::from_str(&output).unwrap();
    let instance = report["items"].as_array().unwrap().iter().find(|item| item["usage"] == "ec2/t3.micro").unwrap();
    assert_eq!(instance["date"], "2026-11-20");
    assert!(instance["source"].as_str().unwrap().starts_with("AWS Price List API"), "{instance}");
}
