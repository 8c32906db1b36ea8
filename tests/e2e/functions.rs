use super::story::{Story, is_ready, message};
use ccagi_aws_agent::api::ANNOTATION_RECONCILE;
use ccagi_aws_agent::api::resource::AwsResource;
use serde_json::{Value, json};

const GROUP: &str = "/aws/lambda/orders";

fn role(service: &str) -> String {
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"},
    ]});
    json!({"iamRole": {"roleName": "orders", "assumeRolePolicy": trust.to_string()}}).to_string()
}

/// A function whose role is the AwsResource `worker`; `more` adds to its kind block or overrides it.
fn function(more: Value) -> String {
    let mut block = json!({
        "functionName": "orders", "roleRef": {"name": "worker"}, "runtime": "python3.13", "handler": "index.handler",
        "code": {"inline": {"fileName": "index.py", "source": "def handler(event, context):\n    return 1\n"}},
    });
    for (member, value) in more.as_object().unwrap() {
        block[member] = value.clone();
    }
    json!({"tags": {"team": "web"}, "lambdaFunction": block}).to_string()
}

fn permission(statement: &str, principal: &str) -> Value {
    json!({"statementId": statement, "principal": principal, "action": "lambda:InvokeFunction"})
}

/// Applies the function and waits until it is ready as it is now declared.
async fn settled(story: &Story, spec: &str) -> AwsResource {
    let applied = story.apply("orders", spec).await;
    story
        .until("orders", "ready", |object| {
            is_ready(object) && object.metadata.generation == applied.metadata.generation
        })
        .await
}

fn output(object: &AwsResource, name: &str) -> String {
    object.status.as_ref().unwrap().outputs[name].clone()
}

fn configuration(story: &Story) -> Value {
    story.aws("lambda", "get_function", json!({"FunctionName": "orders"}))["Configuration"].clone()
}

fn alias_of(story: &Story) -> Value {
    story.aws("lambda", "get_alias", json!({"FunctionName": "orders", "Name": "live"}))
}

fn alias_version(story: &Story) -> Value {
    alias_of(story)["FunctionVersion"].clone()
}

/// The numbers of the published versions.
fn versions(story: &Story) -> Vec<Value> {
    let found = story.aws("lambda", "list_versions_by_function", json!({"FunctionName": "orders"}));
    let numbers = found["Versions"].as_array().unwrap().iter().map(|version| version["Version"].clone());
    numbers.filter(|number| number != "$LATEST").collect()
}

/// The statements of the function's policy by name and principal.
fn statements(story: &Story) -> Vec<(String, Value)> {
    let policy = story.aws("lambda", "get_policy", json!({"FunctionName": "orders"}));
    let document: Value = serde_json::from_str(policy["Policy"].as_str().unwrap()).unwrap();
    let statements = document["Statement"].as_array().unwrap().iter();
    statements.map(|one| (one["Sid"].as_str().unwrap().to_owned(), one["Principal"].clone())).collect()
}

fn log_groups(story: &Story) -> Value {
    story.aws("logs", "describe_log_groups", json!({}))["logGroups"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_is_made_once_its_role_is_there_changed_and_deleted_with_all_that_is_its_own() {
    let story = Story::begin("function").await;
    let first = json!({
        "memorySizeMib": 256, "logging": {"format": "JSON", "retentionDays": 14}, "alias": "live",
        "permissions": [permission("bucket", "s3.amazonaws.com"), permission("topic", "sns.amazonaws.com")],
    });
    let object = story.apply("orders", &function(first)).await;
    let waiting = story.until_reason("orders", "Reconciling", "DependencyNotReady").await;
    assert!(message(&waiting, "Reconciling").contains("AwsResource worker, which does not exist"));
    let worker = story.apply("worker", &role("lambda.amazonaws.com")).await;
    let ready = story.until_ready("orders").await;

    let made = story.aws("lambda", "get_function", json!({"FunctionName": "orders"}));
    assert_eq!(made["Tags"]["ccagi:name"], "orders");
    assert_eq!(made["Configuration"]["LoggingConfig"], json!({"LogFormat": "JSON", "LogGroup": GROUP}));
    assert_eq!(output(&ready, "version"), "1");
    assert_eq!(output(&ready, "aliasArn"), format!("{}:live", output(&ready, "arn")));
    assert_eq!((alias_version(&story), versions(&story)), (json!("1"), vec![json!("1")]));
    assert_eq!(log_groups(&story)[0]["retentionInDays"], 14);
    let tags =
        story.aws("logs", "list_tags_for_resource", json!({"resourceArn": log_groups(&story)[0]["logGroupArn"]}));
    assert_eq!((&tags["tags"]["team"], &tags["tags"]["ccagi:name"]), (&json!("web"), &json!("orders")));
    let names: Vec<_> = statements(&story).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["bucket", "topic"]);

    let second = json!({
        "memorySizeMib": 512, "environment": {"STAGE": "production"},
        "logging": {"format": "JSON", "retentionDays": 30}, "alias": "live",
        "permissions": [permission("bucket", "s3.amazonaws.com"), permission("queue", "sqs.amazonaws.com")],
        "code": {"inline": {"fileName": "index.py", "source": "def handler(event, context):\n    return 2\n"}},
    });
    let changed = settled(&story, &function(second)).await;
    let found = configuration(&story);
    assert_eq!(
        (&found["MemorySize"], &found["Environment"]["Variables"]["STAGE"]),
        (&json!(512), &json!("production"))
    );
    let digest = found["CodeSha256"].clone();
    let live =
        story.aws("lambda", "get_function_configuration", json!({"FunctionName": "orders", "Qualifier": "live"}));
    assert_eq!((&live["CodeSha256"], &live["MemorySize"]), (&digest, &json!(512)));
    assert_eq!(live["Version"], output(&changed, "version"));
    assert_eq!(versions(&story).len(), 2, "both changes are published as one version");
    assert_eq!(log_groups(&story)[0]["retentionInDays"], 30);
    let bucket = ("bucket".to_owned(), json!({"Service": "s3.amazonaws.com"}));
    assert_eq!(statements(&story), [bucket, ("queue".to_owned(), json!({"Service": "sqs.amazonaws.com"}))]);

    story.delete("worker").await;
    story.until_reason("worker", "Reconciling", "InUse").await;
    story.delete("orders").await;
    story.until_gone(&object).await;
    story.until_gone(&worker).await;
    let gone = story.try_aws("lambda", "get_function", json!({"FunctionName": "orders"}));
    assert_eq!(gone, Err("ResourceNotFoundException".into()));
    assert_eq!(story.try_aws("iam", "get_role", json!({"RoleName": "orders"})), Err("NoSuchEntity".into()));
    assert_eq!(log_groups(&story), json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_did_to_a_function_its_alias_and_its_logs_is_put_right() {
    let story = Story::begin("function-drift").await;
    story.apply("worker", &role("lambda.amazonaws.com")).await;
    let with =
        |seconds: i32| function(json!({"timeoutSeconds": seconds, "alias": "live", "logging": {"retentionDays": 7}}));
    settled(&story, &with(5)).await;
    settled(&story, &with(6)).await;
    let declared = configuration(&story)["CodeSha256"].clone();

    story.aws("lambda", "update_function_code", json!({"FunctionName": "orders", "ZipFile": "anything else"}));
    let halves = json!({"AdditionalVersionWeights": {"1": 0.5}});
    story.aws("lambda", "update_alias", json!({"FunctionName": "orders", "Name": "live", "RoutingConfig": halves}));
    story.aws("logs", "put_retention_policy", json!({"logGroupName": GROUP, "retentionInDays": 1}));
    story.annotate("orders", ANNOTATION_RECONCILE, Some("look")).await;
    let is_as_declared = || {
        configuration(&story)["CodeSha256"] == declared
            && log_groups(&story)[0]["retentionInDays"] == 7
            && alias_of(&story)["RoutingConfig"]["AdditionalVersionWeights"].get("1").is_none()
    };
    story.until_true("code, alias and retention to be as declared", is_as_declared).await;
    assert_eq!(alias_version(&story), "2");
    assert_eq!(versions(&story).len(), 2, "nothing new is published: the last version is as declared");

    story.aws("lambda", "update_alias", json!({"FunctionName": "orders", "Name": "live", "FunctionVersion": "1"}));
    story.annotate("orders", ANNOTATION_RECONCILE, Some("look again")).await;
    story.until_true("the alias to be moved back", || alias_version(&story) == "2").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_that_lambda_refuses_says_what_to_do_and_is_made_once_it_is_done() {
    let story = Story::begin("function-refused").await;
    story.apply("worker", &role("ec2.amazonaws.com")).await;
    story.apply("orders", &function(json!({"runtime": "cobol60"}))).await;
    let stalled = story.until_reason("orders", "Stalled", "InvalidRequest").await;
    let said = message(&stalled, "Stalled");
    assert!(said.contains("cobol60") && said.contains("Set lambdaFunction.runtime"), "{said}");

    story.apply("orders", &function(json!({}))).await;
    let refused = story.until_reason("orders", "Reconciling", "Conflict").await;
    let said = message(&refused, "Reconciling");
    assert!(said.contains("cannot be assumed by Lambda") && said.contains("trust policy"), "{said}");

    story.apply("worker", &role("lambda.amazonaws.com")).await;
    story.until_ready("orders").await;
    assert_eq!(configuration(&story)["State"], "Active");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_group_of_somebody_else_is_not_touched_until_it_is_handed_over() {
    let story = Story::begin("function-logs").await;
    story.aws("logs", "create_log_group", json!({"logGroupName": GROUP, "tags": {"team": "audit"}}));
    story.apply("worker", &role("lambda.amazonaws.com")).await;
    let object = story.apply("orders", &function(json!({"logging": {"retentionDays": 14}, "alias": "live"}))).await;
    let stalled = story.until_reason("orders", "Stalled", "Blocked").await;
    let said = message(&stalled, "Stalled");
    assert!(said.contains(GROUP) && said.contains("Give it the tags"), "{said}");
    assert_eq!(log_groups(&story)[0]["retentionInDays"], Value::Null);
    assert_eq!(alias_version(&story), "1", "the rest is carried out");

    let owner = story.aws("lambda", "get_function", json!({"FunctionName": "orders"}))["Tags"].clone();
    let arn = log_groups(&story)[0]["logGroupArn"].clone();
    story.aws("logs", "tag_resource", json!({"resourceArn": arn, "tags": owner}));
    story.until_ready("orders").await;
    assert_eq!(log_groups(&story)[0]["retentionInDays"], 14);

    let tags: Vec<&String> = owner.as_object().unwrap().keys().collect();
    story.aws("logs", "untag_resource", json!({"resourceArn": arn, "tagKeys": tags}));
    story.delete("orders").await;
    story.until_gone(&object).await;
    assert_eq!(log_groups(&story)[0]["logGroupName"], GROUP, "it is somebody else's again and stays");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_get_lost_make_nothing_twice_and_leave_nothing_behind() {
    let story = Story::begin("function-lost").await;
    for operation in ["CreateFunction", "CreateLogGroup", "PublishVersion", "CreateAlias", "DeleteFunction"] {
        story.emulator.fault(&story.account_id, operation, "error-after", 1);
    }
    story.apply("worker", &role("lambda.amazonaws.com")).await;
    let spec = function(json!({"logging": {"retentionDays": 14}, "alias": "live"}));
    let object = story.apply("orders", &spec).await;
    story.until_ready("orders").await;
    assert_eq!((alias_version(&story), versions(&story)), (json!("1"), vec![json!("1")]));
    assert_eq!(log_groups(&story)[0]["retentionInDays"], 14);

    story.delete("orders").await;
    story.until_gone(&object).await;
    assert_eq!(log_groups(&story), json!([]), "the log group went although the answer to DeleteFunction was lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_group_of_a_function_that_somebody_else_deleted_goes_with_the_object() {
    let story = Story::begin("function-gone").await;
    story.apply("worker", &role("lambda.amazonaws.com")).await;
    let logging = json!({"logGroup": "/shop/orders", "retentionDays": 14});
    let object = settled(&story, &function(json!({"logging": logging}))).await;
    story.aws("lambda", "delete_function", json!({"FunctionName": "orders"}));
    story.delete("orders").await;
    story.until_gone(&object).await;
    assert_eq!(log_groups(&story), json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_controller_killed_between_a_version_and_its_alias_publishes_once() {
    let mut story = Story::begin("function-killed").await;
    story.apply("worker", &role("lambda.amazonaws.com")).await;
    let fault = story.emulator.fault(&story.account_id, "PublishVersion", "hold-after", 1);
    story.apply("orders", &function(json!({"alias": "live"}))).await;
    let (emulator, account) = (story.emulator.clone(), story.account_id.clone());
    story.until_true("a version to be published", || emulator.held(&account, &fault) == 1).await;
    story.take_controller().kill();
    story.emulator.clear_faults(&story.account_id);
    story.start_controller();
    story.until_ready("orders").await;
    assert_eq!((alias_version(&story), versions(&story)), (json!("1"), vec![json!("1")]));
}
