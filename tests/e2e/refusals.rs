//! What AWS refuses: for a while, for good, or of a part only.

use super::story::{Story, conditions_of, message};
use ccagi_aws_agent::api::resource::ResourceState;
use serde_json::{Value, json};
use std::time::Duration;

const IMAGE: &str = "ami-0abcdef1234567890";

fn trust(principal: &Value) -> String {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"},
    ]})
    .to_string()
}

fn role(name: &str) -> Value {
    json!({"roleName": name, "assumeRolePolicy": trust(&json!({"Service": "ec2.amazonaws.com"}))})
}

fn function(name: &str) -> Value {
    json!({
        "functionName": name, "roleRef": {"name": "worker"}, "runtime": "python3.13", "handler": "index.handler",
        "code": {"inline": {"fileName": "index.py", "source": "def handler(event, context):\n    return 1\n"}},
        "permissions": [{"statementId": "s3", "principal": "s3.amazonaws.com", "action": "lambda:InvokeFunction"}],
    })
}

/// Plans that AWS refuses an operation with this code and these words; `times` -1 is for ever.
fn refuse(story: &Story, operation: &str, times: i32, code: &str, words: &str) -> String {
    story.emulator.fault_with(
        &story.account_id,
        json!({"operation": operation, "kind": "error", "times": times, "code": code, "status": 400, "message": words}),
    )
}

async fn worker(story: &Story) {
    let mut worker = role("worker");
    worker["assumeRolePolicy"] = trust(&json!({"Service": "lambda.amazonaws.com"})).into();
    story.apply("worker", &json!({"iamRole": worker}).to_string()).await;
    story.until_ready("worker").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_so_new_that_aws_does_not_know_it_yet_is_waited_for_and_never_told_as_stuck() {
    let story = Story::begin("not-known-yet").await;
    worker(&story).await;
    let bucket = story.bucket();
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{}:role/worker", story.account_id)},
        "Action": "s3:GetObject", "Resource": format!("arn:aws:s3:::{bucket}/*"),
    }]});
    let kms = "Lambda was unable to configure access to your environment variables because the KMS key is invalid for CreateGrant.";
    let cases = [
        (
            "web",
            "RunInstances",
            "InvalidParameterValue",
            "Invalid IAM Instance Profile name",
            json!({"ec2Instance": {"imageId": IMAGE, "instanceType": "t3.micro"}}),
        ),
        (
            "servers",
            "CreateRole",
            "MalformedPolicyDocument",
            "Invalid principal in policy: \"AWS\":\"arn:x\"",
            json!({"iamRole": role("servers")}),
        ),
        (
            "assets",
            "PutBucketPolicy",
            "MalformedPolicy",
            "Invalid principal in policy",
            json!({"s3Bucket": {"bucketName": bucket, "policy": policy.to_string()}}),
        ),
        (
            "orders",
            "CreateFunction",
            "InvalidParameterValueException",
            kms,
            json!({"lambdaFunction": function("orders")}),
        ),
    ];
    for (name, operation, code, words, spec) in &cases {
        let fault = refuse(&story, operation, 3, code, words);
        story.apply(name, &spec.to_string()).await;
        let waits = story.until_reason(name, "Reconciling", "Conflict").await;
        let said = message(&waits, "Reconciling");
        assert!(said.contains(words) && said.contains("tries again"), "{name}: {said}");
        story.until_ready(name).await;
        assert_eq!(story.emulator.fired(&story.account_id, &fault), 3, "{name}");
        assert_eq!(story.count_events(name, "InvalidRequest").await, 0, "{name}");
    }

    refuse(&story, "AddPermission", 2, "InvalidParameterValueException", "The provided principal was invalid.");
    let mut open = function("orders");
    let more = json!({"statementId": "sns", "principal": "sns.amazonaws.com", "action": "lambda:InvokeFunction"});
    open["permissions"].as_array_mut().unwrap().push(more);
    story.apply("orders", &json!({"lambdaFunction": open}).to_string()).await;
    story.until_reason("orders", "Reconciling", "Conflict").await;
    story.until_ready("orders").await;
    assert_eq!(story.count_events("orders", "InvalidRequest").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_whose_storage_is_being_optimised_waits_for_it() {
    let story = Story::begin("storage-optimised").await;
    let database = |gib: u32| {
        format!(
            "rdsInstance: {{dbInstanceIdentifier: orders, engine: postgres, engineVersion: '16.3', masterUsername: shop, instanceClass: db.t4g.micro, allocatedStorageGib: {gib}}}"
        )
    };
    story.apply("orders", &database(20)).await;
    story.until_ready("orders").await;
    let words = "You can't currently modify the storage of this DB instance because the previous storage change is being optimized.";
    let fault = refuse(&story, "ModifyDBInstance", 3, "InvalidParameterCombination", words);
    story.apply("orders", &database(30)).await;
    let waits = story.until_reason("orders", "Reconciling", "Conflict").await;
    assert!(message(&waits, "Reconciling").contains("takes hours"), "{}", message(&waits, "Reconciling"));
    story.until_ready("orders").await;
    assert_eq!(story.emulator.fired(&story.account_id, &fault), 3);
    assert_eq!(story.count_events("orders", "InvalidRequest").await, 0);
}

/// The delays before the next tries of which the log tells, in its order.
fn delays(log: &str) -> Vec<Duration> {
    let told = log.lines().filter(|line| line.contains("reconcile failed"));
    let delay = |line: &str| {
        let number = line.split_once("delay=")?.1.split_whitespace().next()?;
        let seconds = match number.strip_suffix("ms") {
            Some(text) => text.parse::<f64>().ok()? / 1000.0,
            None => number.strip_suffix('s')?.parse().ok()?,
        };
        Some(Duration::from_secs_f64(seconds))
    };
    told.filter_map(delay).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_creation_that_keeps_being_refused_says_why_all_the_time_and_tries_ever_more_seldom() {
    let story = Story::begin("refused-creation").await;
    for (name, operation, code, words, spec) in [
        (
            "web",
            "RunInstances",
            "InvalidParameterValue",
            "Invalid value 'x' for a parameter.",
            json!({"ec2Instance": {"imageId": IMAGE, "instanceType": "t3.micro"}}),
        ),
        (
            "servers",
            "CreateRole",
            "MalformedPolicyDocument",
            "Syntax errors in policy.",
            json!({"iamRole": role("servers")}),
        ),
    ] {
        let fault = refuse(&story, operation, -1, code, words);
        story.apply(name, &spec.to_string()).await;
        let stalled = story.until_reason(name, "Stalled", "InvalidRequest").await;
        assert!(message(&stalled, "Stalled").contains(words));
        // Two looks, a visibility lag apart, come before each of these tries.
        let emulator = story.emulator.clone();
        story.until_true("further tries", || emulator.fired(&story.account_id, &fault) >= 5).await;
        let later = story.resources().get(name).await.unwrap();
        let told = |object: &ccagi_aws_agent::api::resource::AwsResource| {
            conditions_of(object).into_iter().map(|c| (c.type_, c.status, c.reason, c.message)).collect::<Vec<_>>()
        };
        assert_eq!(told(&later), told(&stalled));
        assert_eq!(said(&later), settled(&story, name).await);
        story.emulator.clear_faults(&story.account_id);
        story.until_ready(name).await;
    }
    let longest = delays(&story.controller_log()).into_iter().max().expect("the log tells delays");
    assert!(longest > Duration::from_millis(400), "the tries stay as close as the first two: {longest:?}");
}

/// What the status says to its readers. Each try takes back first that nothing was made, and its refusal proves
/// it again.
fn said(object: &ccagi_aws_agent::api::resource::AwsResource) -> Value {
    let mut status = json!(object.status);
    if let Some(intent) = status["intent"].as_object_mut() {
        intent.remove("withoutEffect");
    }
    assert!(status["conditions"].is_array(), "{status}");
    status
}

/// What it says once AWS has refused two further tries.
async fn settled(story: &Story, name: &str) -> Value {
    let operation = if name == "web" { "RunInstances" } else { "CreateRole" };
    let begin = story.emulator.count(&story.account_id, operation);
    story.until_true("two further tries", || story.emulator.count(&story.account_id, operation) >= begin + 2).await;
    said(&story.resources().get(name).await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_something_unseen_has_is_told_as_stuck_until_it_is_free() {
    let story = Story::begin("name-taken").await;
    let vpc = story.aws("ec2", "create_vpc", json!({"CidrBlock": "10.0.0.0/16"}))["Vpc"]["VpcId"].clone();
    let group = json!({"securityGroup": {"vpcId": vpc, "groupName": "Web", "description": "of a story"}});
    refuse(&story, "CreateSecurityGroup", -1, "InvalidGroup.Duplicate", "The security group 'web' already exists");
    story.apply("web", &group.to_string()).await;
    let stalled = story.until_reason("web", "Stalled", "Conflict").await;
    let said = message(&stalled, "Stalled");
    assert!(said.contains("without regard to case") && said.contains("groupName"), "{said}");
    let begin = story.emulator.count(&story.account_id, "CreateSecurityGroup");
    let tries = || story.emulator.count(&story.account_id, "CreateSecurityGroup") - begin;
    story.until_true("further tries", || tries() >= 2).await;
    let later = story.resources().get("web").await.unwrap();
    assert_eq!(message(&later, "Stalled"), said);
    story.emulator.clear_faults(&story.account_id);
    story.until_ready("web").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_exists_is_shown_with_id_arn_and_outputs_whatever_of_it_is_refused() {
    let story = Story::begin("part-refused").await;
    worker(&story).await;
    let bucket = story.bucket();
    let inline = json!([{"name": "read", "document": json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"},
    ]}).to_string()}]);
    let mut servers = role("servers");
    servers["inlinePolicies"] = inline;
    let key = json!({"name": "id", "type": "String"});
    let cases = [
        ("servers", "PutRolePolicy", json!({"iamRole": servers})),
        ("assets", "PutBucketVersioning", json!({"s3Bucket": {"bucketName": bucket, "versioning": "Enabled"}})),
        (
            "logs",
            "GetBucketVersioning",
            json!({"s3Bucket": {"bucketName": format!("{bucket}-l"), "versioning": "Enabled"}}),
        ),
        (
            "table",
            "UpdateTimeToLive",
            json!({"dynamoDbTable": {
                "tableName": "table", "partitionKey": key, "timeToLive": {"enabled": true, "attributeName": "until"},
            }}),
        ),
        ("orders", "AddPermission", json!({"lambdaFunction": function("orders")})),
        (
            "network",
            "CreateSubnet",
            json!({"vpcNetwork": {"cidrBlock": "10.0.0.0/16", "subnets": [
                {"name": "a", "availabilityZone": "us-east-1a", "cidrBlock": "10.0.0.0/24", "public": false},
            ]}}),
        ),
        (
            "doors",
            "AuthorizeSecurityGroupIngress",
            json!({"securityGroup": {
                "vpcRef": {"name": "network"}, "groupName": "doors", "description": "of a story",
                "ingress": [{"protocol": "tcp", "fromPort": 443, "toPort": 443, "cidrIpv4": "10.0.0.0/8"}],
            }}),
        ),
    ];
    for (name, operation, spec) in &cases {
        story.emulator.fault(&story.account_id, operation, "denied", -1);
        story.apply(name, &spec.to_string()).await;
        let stalled = story.until_reason(name, "Stalled", "AccessDenied").await;
        assert!(message(&stalled, "Stalled").contains(operation), "{name}: {}", message(&stalled, "Stalled"));
        let shown = story
            .until(name, "shown with its ARN", |object| {
                object.status.as_ref().is_some_and(|status| status.arn.is_some())
            })
            .await;
        assert!(message(&shown, "Stalled").contains(operation), "{name}: {:?}", conditions_of(&shown));
        let status = shown.status.unwrap();
        assert!(status.id.is_some(), "{name}");
        assert!(status.arn.as_ref().is_some_and(|arn| arn.starts_with("arn:aws:")), "{name}: {:?}", status.arn);
        assert!(!status.outputs.is_empty(), "{name}");
        assert_ne!(status.state, Some(ResourceState::Pending), "{name}");
        story.emulator.clear_faults(&story.account_id);
        story.until_ready(name).await;
    }
}
