//! Traces, as a collector gets them.

use super::controller::Controller;
use super::story::{Story, is_true};
use super::variable;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::PostParams;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// What the database's password is.
const CANARY: &str = "canary-trace-91ce";

/// A collector that keeps the requests that it gets, as they are.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Bytes>>>);

impl Collector {
    /// Starts one and returns its endpoint too.
    async fn start() -> (Self, String) {
        let collector = Self::default();
        let keep = |State(Self(kept)): State<Self>, body: Bytes| async move { kept.lock().unwrap().push(body) };
        let router = Router::new().route("/v1/traces", post(keep)).with_state(collector.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (collector, endpoint)
    }

    fn requests(&self) -> Vec<ExportTraceServiceRequest> {
        let kept = self.0.lock().unwrap();
        kept.iter().map(|body| ExportTraceServiceRequest::decode(body.clone()).unwrap()).collect()
    }

    fn spans(&self) -> Vec<Span> {
        let of_resources = self.requests().into_iter().flat_map(|request| request.resource_spans);
        of_resources.flat_map(|part| part.scope_spans).flat_map(|part| part.spans).collect()
    }

    /// The reconciles of an object, as spans.
    fn reconciles(&self, object: &str) -> Vec<Span> {
        let of_object = |span: &Span| span.name == "reconcile" && text(&span.attributes, "object") == object;
        self.spans().into_iter().filter(of_object).collect()
    }

    /// Whether any request has these bytes, in whatever field.
    fn has(&self, word: &str) -> bool {
        let has = |body: &Bytes| body.windows(word.len()).any(|part| part == word.as_bytes());
        self.0.lock().unwrap().iter().any(has)
    }
}

/// The value of an attribute, as text; empty where it is not there.
fn text(attributes: &[KeyValue], key: &str) -> String {
    let found = attributes.iter().find(|attribute| attribute.key == key);
    match found.and_then(|attribute| attribute.value.clone()?.value) {
        Some(any_value::Value::StringValue(text)) => text,
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        _ => String::new(),
    }
}

fn hexadecimal(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The lines that the log has of an object's reconciles.
fn lines(controller: &Controller, object: &str) -> Vec<Value> {
    let log = controller.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["fields"]["object"] == json!(object)).collect()
}

/// A story whose controller sends its traces to this endpoint, with further variables.
async fn begin(name: &str, endpoint: &str, variables: &[(&str, &str)]) -> (Story, Controller) {
    let story = Story::prepare(name, &PathBuf::from(variable("KUBECONFIG"))).await;
    let variables = [&[("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)], variables].concat();
    let arguments = ["--log-format", "json"];
    let controller = Controller::start_with(&story.name, &story.kubeconfig, &arguments, &variables);
    story.declare_account(json!({})).await;
    story.until_account(|account| is_true(account.status.as_ref().map(|s| &s.conditions), "Ready")).await;
    (story, controller)
}

/// Makes the database `orders` with the canary as its password, which AWS refuses once and quotes.
async fn make_database(story: &Story) {
    let secrets: Api<Secret> = Api::namespaced(story.client.clone(), &story.name);
    let secret = json!({"metadata": {"name": "login"}, "stringData": {"password": CANARY}});
    secrets.create(&PostParams::default(), &serde_json::from_value(secret).unwrap()).await.unwrap();
    let quoted = json!({
        "operation": "CreateDBInstance", "kind": "error", "times": 1, "match": CANARY,
        "code": "InvalidParameterValue", "status": 400, "message": format!("{CANARY} is not a valid password."),
    });
    let fault = story.emulator.fault_with(&story.account_id, quoted);
    let engine = "engine: postgres, masterUsername: shop, instanceClass: db.t4g.micro, allocatedStorageGib: 20";
    let password = "masterUserPasswordSecretRef: {name: login, key: password}";
    story.apply("orders", &format!("rdsInstance: {{dbInstanceIdentifier: orders, {engine}, {password}}}")).await;
    story.until_ready("orders").await;
    assert_eq!(story.emulator.fired(&story.account_id, &fault), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reconcile_is_a_trace_that_the_log_names_and_its_aws_calls_are_spans_without_any_value() {
    let (collector, endpoint) = Collector::start().await;
    let (story, controller) = begin("traces", &endpoint, &[("OTEL_BSP_SCHEDULE_DELAY", "100")]).await;
    make_database(&story).await;
    let object = format!("{}/orders", story.name);
    let calls = |result: &str| -> Vec<Span> {
        let is_creation =
            |span: &Span| span.name == "RDS.CreateDBInstance" && text(&span.attributes, "result") == result;
        collector.spans().into_iter().filter(is_creation).collect()
    };
    let of_call =
        |call: &Span| collector.reconciles(&object).into_iter().find(|root| root.span_id == call.parent_span_id);
    let told = |result: &str| calls(result).first().is_some_and(|call| of_call(call).is_some());
    story.until_true("the creation to be traced", || told("Success") && told("InvalidRequest")).await;

    let [call] = calls("Success").try_into().expect("it was made once");
    let reconcile = of_call(&call).unwrap();
    assert_eq!(text(&call.attributes, "account_id"), story.account_id);
    assert_eq!((call.trace_id == reconcile.trace_id, reconcile.parent_span_id.is_empty()), (true, true));
    let trace_id = hexadecimal(&reconcile.trace_id);
    let wide = lines(&controller, &object);
    let line = wide.iter().find(|line| line["span"]["trace_id"] == json!(trace_id)).expect("the log has it");
    for field in ["kind", "account", "action", "outcome"] {
        assert_eq!(line["fields"][field], json!(text(&reconcile.attributes, field)), "{field}: {line}");
    }
    assert_eq!(line["fields"]["aws_calls"].to_string(), text(&reconcile.attributes, "aws_calls"));
    let within = collector.spans().into_iter().filter(|span| span.parent_span_id == reconcile.span_id);
    assert_eq!(within.count().to_string(), text(&reconcile.attributes, "aws_calls"));
    let refused = of_call(&calls("InvalidRequest")[0]).unwrap();
    assert_eq!(text(&refused.attributes, "error_class"), "InvalidRequest");

    let resources = collector.requests().into_iter().flat_map(|request| request.resource_spans);
    let names = resources.map(|part| text(&part.resource.unwrap().attributes, "service.name"));
    assert_eq!(names.collect::<BTreeSet<_>>(), BTreeSet::from(["ccagi-aws-agent".to_owned()]));
    let key = std::env::var("AWS_SECRET_ACCESS_KEY").expect("the controller's own key");
    assert!(collector.has(&object), "what is there is found");
    for secret in ["canary", key.as_str()] {
        assert!(!collector.has(secret), "{secret} was told");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_exported_yet_is_when_the_program_is_asked_to_stop() {
    let (collector, endpoint) = Collector::start().await;
    let (story, controller) = begin("traces-at-the-end", &endpoint, &[("OTEL_BSP_SCHEDULE_DELAY", "3600000")]).await;
    story.apply("assets", &format!("s3Bucket: {{bucketName: {}}}", story.bucket())).await;
    story.until_ready("assets").await;
    let object = format!("{}/assets", story.name);
    // The line comes after the status was written, by which the story has seen it.
    let ready = || lines(&controller, &object).iter().any(|line| line["fields"]["outcome"] == "done");
    story.until_true("the line of the last reconcile", ready).await;
    assert_eq!(collector.reconciles(&object), []);
    let logged = lines(&controller, &object);
    assert!(controller.stop().0.success());
    let id = |line: &Value| line["span"]["trace_id"].as_str().unwrap().to_owned();
    let ids: BTreeSet<String> = logged.iter().map(id).collect();
    let exported: BTreeSet<String> =
        collector.reconciles(&object).iter().map(|span| hexadecimal(&span.trace_id)).collect();
    assert!(!ids.is_empty() && ids.is_subset(&exported), "{ids:?} were logged, and {exported:?} exported");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_never_answers_holds_up_neither_the_work_nor_the_end() {
    // Connections are taken by the system, and nobody reads from them.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let (story, controller) = begin("traces-in-vain", &endpoint, &[("OTEL_BSP_SCHEDULE_DELAY", "100")]).await;
    story.apply("assets", &format!("s3Bucket: {{bucketName: {}}}", story.bucket())).await;
    let made = story.until_ready("assets").await;
    let (_held, _) = silent.accept().await.unwrap();
    story.delete("assets").await;
    story.until_gone(&made).await;
    assert!(controller.stop().0.success());
}
