use super::story::Story;
use serde_json::{Value, json};

/// The value of the series that has all these labels, or nothing where there is none.
pub fn value(text: &str, name: &str, labels: &[&str]) -> Option<f64> {
    let of_name = text.lines().filter(|line| line.split(['{', ' ']).next() == Some(name));
    let mut found = of_name.filter(|line| labels.iter().all(|label| line.contains(label)));
    found.next().map(|line| line.rsplit(' ').next().unwrap().parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_done_is_told_in_metrics_and_in_one_line_of_the_log() {
    let mut story = Story::begin_with("telemetry", &["--log-format", "json"]).await;
    let bucket = story.bucket();
    story.apply("assets", &format!("s3Bucket: {{bucketName: {bucket}}}")).await;
    story.until_ready("assets").await;
    let controller = story.take_controller();
    // It is counted after the status was written, by which the story has seen it.
    let created = |text: &str| value(text, "ccagi_actions_total", &["type=\"CreateResource\""]);
    let scrape = || controller.ask("metrics", "GET /metrics", "");
    story.until_true("the creation to be counted", || created(&scrape()) == Some(1.0)).await;
    let text = scrape();

    let account = format!("account=\"{}\"", story.account_id);
    let create = ["service=\"S3\"", "operation=\"CreateBucket\"", "result=\"Success\"", account.as_str()];
    assert_eq!(value(&text, "ccagi_aws_calls_total", &create), Some(1.0), "{text}");
    let identity = ["service=\"STS\"", "operation=\"GetCallerIdentity\"", "result=\"Success\""];
    assert!(value(&text, "ccagi_aws_calls_total", &identity) >= Some(1.0), "{text}");
    assert_eq!(value(&text, "ccagi_actions_total", &["type=\"CreateResource\""]), Some(1.0));
    assert_eq!(value(&text, "ccagi_actions_total", &["type=\"Heal\""]), Some(0.0));
    assert_eq!(value(&text, "ccagi_resource_creation_seconds_count", &["kind=\"S3Bucket\""]), Some(1.0));
    assert_eq!(value(&text, "ccagi_resources", &["kind=\"S3Bucket\"", "state=\"Active\""]), Some(1.0));
    assert!(value(&text, "controller_runtime_reconcile_total", &["controller=\"awsresource\""]) >= Some(1.0));
    assert!(value(&text, "controller_runtime_reconcile_total", &["controller=\"awsaccount\""]) >= Some(1.0));

    let log = controller.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let object = format!("{}/assets", story.name);
    let wide: Vec<Value> = lines.filter(|line| line["fields"]["object"] == json!(object)).collect();
    let creation =
        wide.iter().find(|line| line["fields"]["action"].to_string().contains("Create")).expect("one made it");
    let fields = &creation["fields"];
    assert_eq!(fields["kind"], "S3Bucket");
    assert_eq!(fields["account"], json!(story.name));
    assert!(fields["aws_calls"].as_u64() >= Some(2) && fields["duration_ms"].is_u64(), "{creation}");
    assert_eq!(creation["span"]["trace_id"].as_str().map(str::len), Some(32), "{creation}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_filter_changes_while_the_program_runs() {
    let mut story = Story::begin("log-filter").await;
    let controller = story.take_controller();
    assert_eq!(controller.ask("log", "GET /log", "").trim(), "ccagi_aws_agent=debug,warn");
    let refused = controller.ask("log", "PUT /log", "ccagi_aws_agent=loud");
    assert!(refused.contains("not a log filter"), "{refused}");
    assert_eq!(controller.ask("log", "PUT /log", "ccagi_aws_agent=trace").trim(), "ccagi_aws_agent=trace");
    assert_eq!(controller.ask("log", "GET /log", "").trim(), "ccagi_aws_agent=trace");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_is_taken_ends_the_program_with_its_address() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ccagi-aws-agent"));
    let arguments = ["run", "--health-address", "127.0.0.1:0", "--metrics-address", &address, "--log-address", "0"];
    let ended = command.args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(!ended.status.success());
    assert!(said.contains(&format!("cannot listen on {address}")), "{said}");
}
