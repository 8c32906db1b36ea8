//! The end state as another client sees it, and with what differs from run to run taken out.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

/// Processes that list accounts, each one account at a time.
pub struct Observers(Vec<Mutex<Process>>);

struct Process {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Observers {
    pub fn start(count: usize) -> Self {
        Self((0..count).map(|_| Mutex::new(Process::start())).collect())
    }

    /// All that the account holds of these services, as AWS describes it.
    pub fn look(&self, account: &str, services: &[String]) -> Value {
        self.ask(&json!({"account": account, "services": services}))
    }

    /// Makes something of somebody else's in the account, of each of these services.
    pub fn plant(&self, account: &str, services: &[String]) {
        let planted = self.ask(&json!({"account": account, "services": services, "plant": true}));
        assert_eq!(planted, json!({}), "not everything could be planted");
    }

    fn ask(&self, question: &Value) -> Value {
        let free = self.0.iter().find_map(|process| process.try_lock().ok());
        let mut process = free.unwrap_or_else(|| self.0[0].lock().unwrap());
        writeln!(process.questions, "{question}").unwrap();
        let mut line = String::new();
        process.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("the inventory failed: {error}: {line}"))
    }
}

impl Process {
    fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faults/inventory.py");
        let mut command = Command::new(crate::e2e::variable("CCAGI_TEST_PYTHON"));
        let mut child = command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (questions, answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, questions, answers: BufReader::new(answers) }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Members that differ from run to run although nothing else does: times, and what AWS makes up.
const VOLATILE: &[&str] = &[
    "AllocationTime",
    "AmiLaunchIndex",
    "AttachTime",
    "AvailableIpAddressCount",
    "ClientToken",
    "CreateDate",
    "CreateTime",
    "CreationDateTime",
    "DBSnapshotArn",
    "DBSnapshotIdentifier",
    "DbiResourceId",
    "EarliestRestorableDateTime",
    "InstanceCreateTime",
    "InstanceProfileId",
    "KmsKeyId",
    "LastDecreaseDateTime",
    "LastModified",
    "LastUpdateToPayPerRequestDateTime",
    "LatestRestorableDateTime",
    "LatestRestorableTime",
    "LaunchTime",
    "MacAddress",
    "MasterUserSecret",
    "OriginalSnapshotCreateTime",
    "RevisionId",
    "RoleLastUsed",
    "SnapshotCreateTime",
    "SnapshotDatabaseTime",
    "StateReason",
    "StateTransitionReason",
    "TableId",
    "UsageOperationUpdateTime",
    "at",
    "creationTime",
    "healthSince",
    "lastHandledReconcileAt",
    "lastTransitionTime",
    "leaseTransitions",
    "masterUserSecretArn",
    "recordedAt",
    "requestHash",
    "restartingSince",
    "secretVersions",
    "token",
];

/// What is particular to a run, and what stands for it.
pub type Names<'a> = &'a [(&'a str, &'a str)];

/// The same with ids and names of the run replaced, times left out and lists in one order.
pub fn normal(found: &Value, names: Names<'_>) -> Value {
    match found {
        Value::Object(members) => {
            let kept = members.iter().filter(|(key, _)| !VOLATILE.contains(&key.as_str()));
            Value::Object(kept.map(|(key, value)| (text(key, names), normal(value, names))).collect())
        }
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(|item| normal(item, names)).collect();
            items.sort_by_cached_key(Value::to_string);
            Value::Array(items)
        }
        Value::String(written) => Value::String(text(written, names)),
        other => other.clone(),
    }
}

fn text(written: &str, names: Names<'_>) -> String {
    let mut written = written.to_owned();
    for (name, shown) in names {
        written = written.replace(name, shown);
    }
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || ['-', '.', '/'].contains(&letter);
    let mut out = String::with_capacity(written.len());
    let mut rest = written.as_str();
    while !rest.is_empty() {
        let end = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
        let parts: Vec<String> = rest[..end].split('/').map(part).collect();
        // A range of addresses is a setting; an address is given by AWS.
        let range = parts.len() == 2 && parts[0] == "IP" && parts[1].chars().all(|digit| digit.is_ascii_digit());
        out += &if range { rest[..end].to_owned() } else { parts.join("/") };
        let next = rest[end..].chars().next().map_or(0, char::len_utf8);
        out += &rest[end..end + next];
        rest = &rest[end + next..];
    }
    out
}

/// A word, or what stands for it where AWS or the API server has made it up.
fn part(word: &str) -> String {
    let hex = |text: &str| text.chars().all(|letter| letter.is_ascii_hexdigit());
    let numbers = |text: &str, by: char| text.split(by).filter(|number| number.parse::<u8>().is_ok()).count();
    let first = word.split('.').next().unwrap_or_default();
    match word.rsplit_once('-') {
        _ if word.len() == 36 && hex(&word.replace('-', "")) => "UUID".into(),
        Some((prefix, id)) if hex(id) && (id.len() == 17 || id.len() == 8) => format!("{prefix}-ID"),
        _ if first.split('-').count() >= 5 && numbers(first, '-') == 4 => "HOST".into(),
        _ if word.split('.').count() == 4 && numbers(word, '.') == 4 => "IP".into(),
        _ if word.len() >= 16 && ["AROA", "AIPA", "ASIA"].iter().any(|start| word.starts_with(start)) => "ID".into(),
        _ => word.into(),
    }
}

/// Where two values differ first, in words.
pub fn difference(expected: &Value, actual: &Value) -> Option<String> {
    if expected == actual {
        return None;
    }
    match (expected, actual) {
        (Value::Object(one), Value::Object(other)) => {
            let keys: std::collections::BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            keys.into_iter().find_map(|key| {
                let (left, right) = (one.get(key).unwrap_or(&Value::Null), other.get(key).unwrap_or(&Value::Null));
                difference(left, right).map(|found| format!("{key}.{found}"))
            })
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => one
            .iter()
            .zip(other)
            .enumerate()
            .find_map(|(at, (left, right))| difference(left, right).map(|found| format!("{at}.{found}"))),
        _ => Some(format!(": {expected} in the run without faults, here {actual}")),
    }
}

#[test]
fn what_differs_from_run_to_run_is_taken_out() {
    let names: Names<'_> = &[("222", "ACCOUNT")];
    for (written, shown) in [
        ("arn:aws:ec2:us-east-1:222:vpc/vpc-0123456789abcdef0", "arn:aws:ec2:us-east-1:ACCOUNT:vpc/vpc-ID"),
        ("vpc-cidr-assoc-8b3c965db43fe8ca1", "vpc-cidr-assoc-ID"),
        ("ip-10-96-208-244.ec2.internal", "HOST"),
        ("10.0.0.0/16 and 10.1.2.3", "10.0.0.0/16 and IP"),
        ("0b6f3bb6-5cf4-4652-8f0d-d439cd36d232", "UUID"),
        ("shop-resize-images", "shop-resize-images"),
    ] {
        assert_eq!(text(written, names), shown);
    }
    assert_eq!(normal(&json!([{"b": 1, "RevisionId": "X"}, {"a": 2}]), &[]), json!([{"a": 2}, {"b": 1}]));
}
