//! Commands that the program prints, run as they stand by a shell.

use super::service_agents::{declare, recommendations, until_recommended};
use super::story::{Story, is_ready};
use ccagi_aws_agent::api::ANNOTATION_RECONCILE;
use ccagi_aws_agent::api::commands;
use serde_json::json;
use std::path::Path;
use std::process::Command;

/// A name that Kubernetes takes and that has everything a name may have.
const NAME: &str = "1.assets-of.the-shop.0";

/// Runs a command in a shell of somebody whose kubeconfig names another namespace than the story's, and returns
/// what it printed.
fn run(story: &Story, command: &str) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_ccagi-aws-agent"));
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("bash");
    shell.args(["-euo", "pipefail", "-c", command]).env("PATH", path).env("KUBECONFIG", &story.kubeconfig);
    let done = shell.output().unwrap();
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{command}: {}{text}", String::from_utf8_lossy(&done.stderr));
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_that_the_program_prints_works_as_it_stands() {
    let story = Story::begin("commands").await;
    declare(&story, "careful", "autonomyLevel: 1\nselector: {kinds: [S3Bucket]}").await.unwrap();
    let bucket = format!("driftPeriodSeconds: 10\ns3Bucket: {{bucketName: {}}}", story.bucket());
    story.apply(NAME, &bucket).await;
    story.until_ready(NAME).await;
    story.aws("s3", "delete_bucket", json!({"Bucket": story.bucket()}));
    let asked = until_recommended(&story, NAME).await;
    let told = story.until_reason(NAME, "Stalled", "ApprovalRequired").await;
    assert!(super::story::message(&told, "Stalled").ends_with(&format!("To approve it: {}", asked.approve)));

    for name in commands::NAMES {
        let (command, shows) = match *name {
            "approve" => (asked.approve.clone(), "annotated".to_owned()),
            "list_accounts" => (commands::list_accounts(), story.name.clone()),
            "describe_account" => {
                (commands::describe_account(&story.name), format!("Account Id:  {}", story.account_id))
            }
            "list_resources" => (commands::list_resources(&story.name), NAME.to_owned()),
            "print_definitions" => (commands::print_definitions(), "name: awsresources.aws.ccagi.io".to_owned()),
            "install_definitions" => (commands::install_definitions(), "awsaccounts.aws.ccagi.io".to_owned()),
            "update_definitions" => (commands::update_definitions(), "awsresources.aws.ccagi.io".to_owned()),
            "iam_policy_for_orphans" => (commands::iam_policy_for_orphans(), "2012-10-17".to_owned()),
            other => panic!("the command {other} is printed and was never run: run it here"),
        };
        let printed = run(&story, &command);
        let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(plain(&printed).contains(&plain(&shows)), "{command} does not show {shows}:\n{printed}");
    }

    story.annotate(NAME, ANNOTATION_RECONCILE, Some("look")).await;
    let again = |object: &_| is_ready(object) && recommendations(object).is_empty();
    story.until(NAME, "made again, as was approved by the command", again).await;
    assert_eq!(story.emulator.count(&story.account_id, "CreateBucket"), 2);
}
