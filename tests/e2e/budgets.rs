//! The controller's own budget of AWS calls: what it has no token for is not sent, and comes later.

use super::story::Story;
use super::telemetry::value;
use ccagi_aws_agent::aws::budget::Budgets;
use ccagi_aws_agent::aws::calls::{Observer, counted};
use ccagi_aws_agent::aws::error::{ErrorClass, Named};
use ccagi_aws_agent::aws::session::{Aws, CallSettings, Sessions, http_client};
use ccagi_aws_agent::fence::Fence;
use serde_json::json;
use std::time::Duration;

const REFUSED: &str = "RunInstances failed: not sent: the controller's own budget for EC2";

/// A network, a security group in it, and instances in both.
async fn apply_servers(story: &Story, instances: &[&str]) {
    let subnets =
        json!([{"name": "front", "availabilityZone": "us-east-1a", "cidrBlock": "10.1.0.0/24", "public": true}]);
    let network = json!({"cidrBlock": "10.1.0.0/16", "subnets": subnets, "internetGateway": true});
    story.apply("net", &json!({"vpcNetwork": network}).to_string()).await;
    let group = json!({"vpcRef": {"name": "net"}, "groupName": "web", "description": "of a story"});
    story.apply("web", &json!({"securityGroup": group}).to_string()).await;
    let instance = json!({
        "imageId": "ami-0abcdef1234567890", "instanceType": "t3.micro",
        "subnetRef": {"name": "net", "output": "subnetIds.front"}, "securityGroupRefs": [{"name": "web"}],
    });
    for name in instances {
        story.apply(name, &json!({"ec2Instance": instance}).to_string()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_tiny_budget_everything_comes_to_be_once_and_later() {
    // One instance is run at once, and one every five seconds. Of those that wait, each must leave the others the
    // reads of a whole pass, for which a back-off of two seconds is too short.
    let mut story = Story::begin_with("budget", &["--aws-budget-share", "0.1", "--backoff-max", "20s"]).await;
    apply_servers(&story, &["one", "two", "three"]).await;
    let note = tokio::select! {
        note = story.until_note("one", REFUSED) => note,
        note = story.until_note("two", REFUSED) => note,
        note = story.until_note("three", REFUSED) => note,
    };
    let whose = format!("in account {}, us-east-1 is used up", story.account_id);
    assert!(note.contains(&whose) && note.contains("--aws-budget-share"), "{note}");
    for name in ["net", "web", "one", "two", "three"] {
        story.until_ready(name).await;
    }
    let made = ["CreateVpc", "CreateSecurityGroup", "RunInstances"];
    assert_eq!(made.map(|operation| story.emulator.count(&story.account_id, operation)), [1, 1, 3]);

    let text = story.take_controller().ask("metrics", "GET /metrics", "");
    let account = format!("account=\"{}\"", story.account_id);
    let class = [account.as_str(), "region=\"us-east-1\"", "service=\"EC2\"", "class=\"RunInstances\""];
    assert!(value(&text, "ccagi_aws_calls_refused_total", &class) >= Some(1.0), "{text}");
    let left = value(&text, "ccagi_aws_call_budget_left_ratio", &class).unwrap();
    assert!((0.0..=1.0).contains(&left), "{left}");
    let sent = [account.as_str(), "service=\"EC2\"", "operation=\"RunInstances\""];
    assert_eq!(value(&text, "ccagi_aws_calls_total", &sent), Some(3.0), "what is not sent is no call: {text}");
}

/// A session with so small a share that nothing comes back into its buckets while a story runs.
async fn session(story: &Story) -> Aws {
    let settings = CallSettings {
        attempt_timeout: Duration::from_secs(5),
        call_timeout: Duration::from_secs(20),
        attempts: 2,
        refusal_period: Duration::from_secs(1),
        fence: Fence::open(),
        observer: Observer::default(),
        budgets: Budgets::of(Some(1e-9)),
    };
    let account = story.accounts().get(&story.name).await.unwrap();
    Sessions::from_environment(&settings, http_client()).await.session(&account.spec, "us-east-1").await.unwrap()
}

/// Asks for the VPCs until it is refused by the budget, and tells how many times AWS was asked.
async fn look_until_refused(aws: &Aws) -> u32 {
    let looks = async {
        for _ in 0..100 {
            let look = aws.ec2().describe_vpcs().send().await.named("DescribeVpcs");
            if let Err(error) = look {
                assert!(matches!(error.class, ErrorClass::OverBudget { .. }), "{error}");
                return;
            }
        }
        panic!("no look was refused");
    };
    counted(looks).await.1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_without_a_token_is_neither_sent_nor_counted() {
    let story = Story::begin("budget-refused").await;
    let aws = session(&story).await;
    let before = story.emulator.count(&story.account_id, "DescribeVpcs");
    assert_eq!(look_until_refused(&aws).await, 10);
    assert_eq!(story.emulator.count(&story.account_id, "DescribeVpcs"), before + 10);
    aws.ec2().describe_subnets().send().await.expect("another operation has a bucket of its own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_throttled_attempt_halves_what_is_left_and_its_repeat_takes_a_token_too() {
    let story = Story::begin("budget-throttled").await;
    let aws = session(&story).await;
    story.emulator.fault(&story.account_id, "DescribeVpcs", "throttle", 1);
    // Of ten tokens one goes, half of nine is left, and four more attempts find one.
    assert_eq!(look_until_refused(&aws).await, 5);

    // The one token goes with the attempt that fails, and what that did is not known.
    let fault = story.emulator.fault(&story.account_id, "CreateVpc", "throttle", 1);
    let create = aws.ec2().create_vpc().cidr_block("10.1.0.0/16").send().await.named("CreateVpc").unwrap_err();
    assert_eq!(create.class, ErrorClass::Transient, "{create}");
    assert!(create.message.starts_with("not repeated: "), "{create}");
    assert_eq!(story.emulator.fired(&story.account_id, &fault), 1);
    assert_eq!(story.emulator.count(&story.account_id, "CreateVpc"), 1);
}
