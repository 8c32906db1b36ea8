//! What `kubectl get` shows.

use super::story::Story;
use serde_json::json;
use std::collections::BTreeMap;
use std::process::Command;

/// The columns that a page of ours shows in a table with this one.
fn shown(page: &str, column: &str) -> Vec<String> {
    let text = std::fs::read_to_string(crate::it::repository(page)).unwrap();
    let header = text.lines().find(|line| line.starts_with("NAME ") && line.contains(column)).unwrap();
    header.split_whitespace().map(str::to_owned).collect()
}

/// The cells of the rows by name and column, and the columns in their order.
struct Table {
    columns: Vec<String>,
    rows: BTreeMap<String, BTreeMap<String, String>>,
}

fn get(story: &Story, arguments: &[&str]) -> Table {
    let mut kubectl = Command::new("kubectl");
    kubectl.arg("get").args(arguments).env("KUBECONFIG", &story.kubeconfig);
    let done = kubectl.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let text = String::from_utf8(done.stdout).unwrap();
    let header = text.lines().next().unwrap();
    // A column begins where its name does; names hold no two spaces.
    let letters = header.as_bytes();
    let begins_here = |at: &usize| *at == 0 || (letters[*at] != b' ' && letters[..*at].ends_with(b"  "));
    let begins: Vec<usize> = (0..letters.len()).filter(begins_here).collect();
    let cell = |line: &str, index: usize| {
        let all: Vec<char> = line.chars().collect();
        let end = begins.get(index + 1).copied().unwrap_or(all.len()).min(all.len());
        all[begins[index].min(all.len())..end].iter().collect::<String>().trim().to_owned()
    };
    let columns: Vec<String> = (0..begins.len()).map(|index| cell(header, index)).collect();
    let row = |line: &str| {
        let cells = columns.iter().enumerate().map(|(index, column)| (column.clone(), cell(line, index)));
        (cell(line, 0), cells.collect())
    };
    Table { rows: text.lines().skip(1).map(row).collect(), columns }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_says_why_something_is_not_ready_and_a_wide_one_where_and_whose_it_is() {
    let story = Story::begin("columns").await;
    let taken = format!("{}-taken", story.bucket());
    story.aws("s3", "create_bucket", json!({"Bucket": taken}));
    story.apply("assets", &format!("tags: {{team: web}}\ns3Bucket: {{bucketName: {}}}", story.bucket())).await;
    story.apply("taken", &format!("s3Bucket: {{bucketName: {taken}}}")).await;
    story.until_ready("assets").await;
    story.until_reason("taken", "Stalled", "ManagementConflict").await;

    let list = get(&story, &["awsresources", "-n", &story.name]);
    let columns = ["NAME", "KIND", "ID", "STATE", "HEALTH", "COST/DAY", "OWNER", "READY", "REASON", "AGE"];
    assert_eq!(list.columns, columns);
    assert_eq!(shown("README.md", "OWNER"), columns);
    let ready = |name: &str| (list.rows[name]["READY"].as_str(), list.rows[name]["REASON"].as_str());
    assert_eq!(ready("taken"), ("False", "ManagementConflict"));
    assert_eq!(ready("assets"), ("True", ""), "nothing is to be said where all is well");

    let wide = get(&story, &["awsresources", "-n", &story.name, "-o", "wide"]);
    assert_eq!(
        wide.columns,
        columns.into_iter().chain(["TEAM", "ACCOUNT", "REGION", "ARN", "MESSAGE"]).collect::<Vec<_>>()
    );
    let assets = &wide.rows["assets"];
    let cells = ["TEAM", "ACCOUNT", "REGION", "ARN"].map(|column| assets[column].clone());
    assert_eq!(
        cells,
        ["web".into(), story.name.clone(), "us-east-1".into(), format!("arn:aws:s3:::{}", story.bucket())]
    );
    let why = &wide.rows["taken"]["MESSAGE"];
    assert!(why.contains("adoptionPolicy"), "{why}");
    assert_eq!(wide.rows["taken"]["REGION"], "us-east-1", "where it was looked for");

    let accounts = get(&story, &["awsaccounts", &story.name, "-o", "wide"]);
    let account = &accounts.rows[&story.name];
    assert_eq!((account["READY"].as_str(), account["REASON"].as_str()), ("True", ""));
    assert!(account["IDENTITY"].starts_with("arn:aws:"), "{account:?}");
    story
        .declare_account(json!({"credentials": {"assumeRole": {"roleArn": "arn:aws:iam::999999999999:role/Other"}}}))
        .await;
    let refused = |account: &ccagi_aws_agent::api::account::AwsAccount| {
        let conditions = account.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
        conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "False")
    };
    let account = story.until_account(refused).await;
    let reason = account.status.unwrap().conditions.into_iter().find(|one| one.type_ == "Ready").unwrap().reason;
    assert_eq!(get(&story, &["awsaccounts", &story.name]).rows[&story.name]["REASON"], reason);

    let agents = get(&story, &["serviceagents", "-n", &story.name]);
    assert_eq!(agents.columns, shown("docs/service-agents.md", "AUTONOMY"));
}
