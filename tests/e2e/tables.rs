use super::story::{Story, is_ready, message};
use serde_json::json;

const KEYS: &str = "tableName: orders, partitionKey: {name: id, type: String}";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_becomes_ready_with_its_owner_tags_and_is_deleted_where_the_manifest_says_so() {
    let story = Story::begin("table").await;
    let object = story
        .apply("orders", &format!("deletionPolicy: Delete\ntags: {{team: web}}\ndynamoDbTable: {{{KEYS}, pointInTimeRecovery: true, timeToLive: {{attributeName: expires, enabled: true}}}}"))
        .await;
    let ready = story.until_ready("orders").await;
    let table = story.aws("dynamodb", "describe_table", json!({"TableName": "orders"}))["Table"].clone();
    assert_eq!(table["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(ready.status.as_ref().unwrap().arn.as_deref(), table["TableArn"].as_str());
    let tags =
        story.aws("dynamodb", "list_tags_of_resource", json!({"ResourceArn": table["TableArn"]}))["Tags"].clone();
    for (key, value) in [("team", "web"), ("ccagi:agent", "Noguchi"), ("ccagi:name", "orders")] {
        assert!(tags.as_array().unwrap().contains(&json!({"Key": key, "Value": value})), "{key}: {tags}");
    }
    let backups = story.aws("dynamodb", "describe_continuous_backups", json!({"TableName": "orders"}));
    assert_eq!(
        backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"],
        "ENABLED"
    );
    let expiry = story.aws("dynamodb", "describe_time_to_live", json!({"TableName": "orders"}));
    assert_eq!(expiry["TimeToLiveDescription"]["AttributeName"], "expires");

    story.delete("orders").await;
    story.until_gone(&object).await;
    let gone = story.try_aws("dynamodb", "describe_table", json!({"TableName": "orders"}));
    assert_eq!(gone, Err("ResourceNotFoundException".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_is_changed_one_thing_at_a_time() {
    let story = Story::begin("table-update").await;
    story.apply("orders", &format!("dynamoDbTable: {{{KEYS}}}")).await;
    let before = story.until_ready("orders").await;
    let index =
        |name: &str| format!("{{indexName: {name}, partitionKey: {{name: {name}, type: String}}, projection: All}}");
    let indexes = format!("globalSecondaryIndexes: [{}, {}]", index("owner"), index("state"));
    story.apply("orders", &format!("dynamoDbTable: {{{KEYS}, deletionProtection: true, {indexes}}}")).await;
    story
        .until("orders", "ready with its indexes", |object| {
            is_ready(object) && object.metadata.generation > before.metadata.generation
        })
        .await;
    let table = story.aws("dynamodb", "describe_table", json!({"TableName": "orders"}))["Table"].clone();
    assert_eq!(table["GlobalSecondaryIndexes"].as_array().unwrap().len(), 2);
    assert_eq!(table["DeletionProtectionEnabled"], true);
    assert_eq!(story.emulator.count(&story.account_id, "UpdateTable"), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_protected_table_is_not_deleted_and_the_owner_is_told_why() {
    let story = Story::begin("table-protected").await;
    let with = |protection: bool| {
        format!("deletionPolicy: Delete\ndynamoDbTable: {{{KEYS}, deletionProtection: {protection}}}")
    };
    let object = story.apply("orders", &with(true)).await;
    story.until_ready("orders").await;
    story.delete("orders").await;
    let stalled = story.until_reason("orders", "Stalled", "Blocked").await;
    assert!(message(&stalled, "Stalled").contains("deletionProtection"), "{}", message(&stalled, "Stalled"));
    story.apply("orders", &with(false)).await;
    story.until_gone(&object).await;
}
