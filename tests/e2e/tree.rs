//! `ccagi-aws-agent tree`, run as a process.

use super::plan::{Answer, program};
use super::story::Story;
use serde_json::json;

/// A bucket that may receive logs, logging to others where those are given.
fn bucket(name: &str, to: Option<&str>) -> String {
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject", "Resource": format!("arn:aws:s3:::{name}/*"),
    }]});
    let logging = to.map(|to| json!({"targetBucketRef": {"name": to}, "targetPrefix": "x/"}));
    json!({"s3Bucket": {"bucketName": name, "policy": policy.to_string(), "logging": logging}}).to_string()
}

fn tree(story: &Story, more: &[&str]) -> Answer {
    let arguments: Vec<&str> = ["tree", "-n", &story.name].iter().copied().chain(more.iter().copied()).collect();
    Answer::of(&mut program(story, &arguments))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tree_shows_what_depends_on_what_and_why_something_is_not_ready() {
    let story = Story::begin("tree").await;
    let named = |name: &str| format!("{}-{name}", story.bucket());
    for (name, to) in [("logs", None), ("assets", Some("logs")), ("media", Some("logs"))] {
        let mut spec: serde_json::Value = serde_json::from_str(&bucket(&named(name), to)).unwrap();
        if name == "assets" {
            spec["tags"] = json!({"team": "web"});
        }
        story.apply(name, &spec.to_string()).await;
    }
    for name in ["logs", "assets", "media"] {
        story.until_ready(name).await;
    }
    for (name, to) in [("egg", "hen"), ("hen", "egg"), ("lost", "gone")] {
        story.apply(name, &bucket(&named(name), Some(to))).await;
    }
    story.until_reason("egg", "Stalled", "DependencyCycle").await;
    story.until_reason("hen", "Stalled", "DependencyCycle").await;
    story.until_reason("lost", "Reconciling", "DependencyNotReady").await;

    let answer = tree(&story, &[]);
    assert_eq!(answer.code, 0, "{}", answer.errors);
    let cells = |line: &str| {
        line.split("   ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    let lines: Vec<Vec<String>> = answer.output.lines().map(cells).collect();
    let first: Vec<&str> = lines.iter().map(|line| line[0].as_str()).take(10).collect();
    let expected = ["OBJECT", "assets", "└─ logs", "lost", "└─ gone (does not exist)", "media"];
    assert_eq!(first[..6], expected, "{}", answer.output);
    assert_eq!(first[6..], ["└─ logs (shown above)", "egg", "└─ hen", "└─ egg (closes a circle)"], "{}", answer.output);
    assert_eq!((lines[1][1].as_str(), lines[1][2].as_str()), ("S3Bucket", "Active"), "{}", answer.output);
    let page = std::fs::read_to_string(crate::it::repository("docs/commands.md")).unwrap();
    let header = page.lines().find(|line| line.starts_with("OBJECT ")).unwrap();
    assert_eq!(lines[0], cells(header), "docs/commands.md shows the same columns");
    assert_eq!((lines[0][5].as_str(), lines[1][5].as_str(), lines[2][5].as_str()), ("TEAM", "web", "-"));
    assert!(
        answer.output.contains("lost is not ready: DependencyNotReady: It waits for the AwsResource gone"),
        "{}",
        answer.output
    );

    let value = tree(&story, &["media", "-o", "json"]).json();
    assert_eq!(value["roots"], json!(["media"]));
    let names: Vec<&str> =
        value["objects"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["logs", "media"]);
    assert_eq!(value["objects"][1]["needs"], json!({"logs": false}));
    assert_eq!(tree(&story, &["-o", "json"]).json()["circles"], json!(["egg"]));

    let unknown = tree(&story, &["nobody"]);
    assert_eq!((unknown.code, unknown.output.as_str()), (1, ""));
    assert!(unknown.errors.contains("nobody does not exist"), "{}", unknown.errors);
}
