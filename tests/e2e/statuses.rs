//! What a status may hold: however long the values that users and AWS gave, it is written, and where the API
//! server refuses one all the same, that is told.

use super::control_plane::ControlPlane;
use super::definitions::altered;
use super::story::{Story, apply_definition, current, id, is_ready, message, user};
use ccagi_aws_agent::api::ANNOTATION_RECONCILE;
use ccagi_aws_agent::api::account::AwsAccount;
use ccagi_aws_agent::api::crd;
use ccagi_aws_agent::api::resource::AwsResource;
use ccagi_aws_agent::api::service_agent::ServiceAgent;
use ccagi_aws_agent::lifecycle::{objects, write_refused};
use kube::Api;
use kube::api::Patch;
use kube::core::object::HasStatus;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::fmt::Debug;

/// What is longer than its bound: a text, or a list or map by the number of its members.
#[derive(Clone, Debug, PartialEq)]
enum Long {
    Text(String),
    Members(String),
}

/// A value of this schema within all its bounds but the one.
fn made(schema: &Value, path: &str, long: &Long, number: u64) -> Value {
    let limit = |bound: &str| schema[bound].as_u64().unwrap_or_else(|| panic!("{path} has no {bound}"));
    let members = |bound: &str| if *long == Long::Members(path.into()) { limit(bound) + 1 } else { 1 };
    match schema["type"].as_str().unwrap() {
        "string" if schema["enum"].is_array() => schema["enum"][0].clone(),
        "string" if schema["format"] == "date-time" => json!("2026-12-01T00:00:00Z"),
        "string" => {
            let length =
                if *long == Long::Text(path.into()) { limit("maxLength") + 1 } else { limit("maxLength").min(9) };
            let text = format!("{number}{}", "ä".repeat(usize::try_from(length).unwrap()));
            text.chars().take(usize::try_from(length).unwrap()).collect::<String>().into()
        }
        "array" => (0..members("maxItems")).map(|n| made(&schema["items"], &format!("{path}[]"), long, n)).collect(),
        "object" if schema["additionalProperties"].is_object() => {
            let one = |n: u64| (format!("k{n}"), made(&schema["additionalProperties"], &format!("{path}.*"), long, n));
            Value::Object((0..members("maxProperties")).map(one).collect::<Map<_, _>>())
        }
        "object" => {
            let of = |(name, member): (&String, &Value)| {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                (name.clone(), made(member, &path, long, number))
            };
            Value::Object(schema["properties"].as_object().unwrap().iter().map(of).collect())
        }
        "boolean" => json!(true),
        _ => json!(1),
    }
}

/// All that can be too long in a value of this schema.
fn all_long(schema: &Value, path: &str, found: &mut Vec<Long>) {
    let is_free = schema["enum"].is_null() && schema["format"].is_null();
    match schema["type"].as_str().unwrap() {
        "string" if is_free => found.push(Long::Text(path.into())),
        "array" => {
            found.push(Long::Members(path.into()));
            all_long(&schema["items"], &format!("{path}[]"), found);
        }
        "object" if schema["additionalProperties"].is_object() => {
            found.push(Long::Members(path.into()));
            all_long(&schema["additionalProperties"], &format!("{path}.*"), found);
        }
        "object" => {
            for (name, member) in schema["properties"].as_object().unwrap() {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                all_long(member, &path, found);
            }
        }
        _ => {}
    }
}

/// Writes a status for each value that can be too long, into an object that no controller sees. Returns how many.
async fn write_each<K, S>(api: &Api<K>, object: Value) -> usize
where
    K: kube::Resource<DynamicType = ()> + HasStatus<Status = S> + Clone + DeserializeOwned + Serialize + Debug,
    S: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let name = object["metadata"]["name"].as_str().unwrap().to_owned();
    let mut object = api.patch(&name, &user(), &Patch::Apply(object)).await.unwrap();
    let schema = json!(crd::status_schema(&K::kind(&())).unwrap());
    let mut all = Vec::new();
    all_long(&schema, "", &mut all);
    for long in &all {
        let status: S = serde_json::from_value(made(&schema, "", long, 0)).unwrap();
        match objects::write_status(api, &object, "story", object.status(), &status).await {
            Ok(written) => object = written.unwrap_or(object),
            // Without the whole record of a create call nothing is written at all.
            Err(error) => {
                let told = write_refused::refusal(&error).unwrap_or_default();
                let Long::Text(path) = long else { panic!("{long:?}: {error}") };
                assert!(path.starts_with("intent.") && told.contains(path), "{long:?}: {error}");
            }
        }
    }
    all.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_is_written_however_long_any_of_its_values_is() {
    let kubeconfig = std::path::PathBuf::from(super::variable("KUBECONFIG"));
    let story = Story::prepare("statuses", &kubeconfig).await;
    let object = |kind: &str, spec: Value| json!({"apiVersion": "aws.ccagi.io/v1alpha1", "kind": kind, "metadata": {"name": story.name}, "spec": spec});
    let bucket = json!({"accountRef": {"name": "none"}, "s3Bucket": {"bucketName": story.bucket()}});
    let resources: Api<AwsResource> = story.resources();
    let of_resources = write_each(&resources, object("AwsResource", bucket)).await;
    let account = json!({"accountId": story.account_id, "defaultRegion": "us-east-1", "regions": ["us-east-1"]});
    let accounts: Api<AwsAccount> = story.accounts();
    let of_accounts = write_each(&accounts, object("AwsAccount", account)).await;
    let agents: Api<ServiceAgent> = Api::namespaced(story.client.clone(), &story.name);
    let of_agents = write_each(&agents, object("ServiceAgent", json!({}))).await;
    assert!(of_resources >= 40 && of_accounts >= 10 && of_agents > 20, "{of_resources} {of_accounts} {of_agents}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_annotation_is_handled_once_and_hides_no_change() {
    let story = Story::begin("long-annotation").await;
    let bucket = story.bucket();
    let applied = async |versioning: &str| {
        story.apply("assets", &format!("s3Bucket: {{bucketName: {bucket}, versioning: {versioning}}}")).await
    };
    applied("Enabled").await;
    story.until_ready("assets").await;
    let asked = "x".repeat(300);
    story.annotate("assets", ANNOTATION_RECONCILE, Some(&asked)).await;
    let generation = applied("Suspended").await.metadata.generation;
    let handled = |object: &AwsResource| object.status.clone().and_then(|status| status.last_handled_reconcile_at);
    let object = story
        .until("assets", "ready in its second generation, with an answer to the annotation", |object| {
            is_ready(object)
                && object.metadata.generation == generation
                && handled(object).is_some_and(|answer| answer.starts_with("sha256:"))
        })
        .await;
    assert_eq!(story.aws("s3", "get_bucket_versioning", json!({"Bucket": bucket}))["Status"], "Suspended");
    // Another one of the same beginning is another request; that of the account is answered alike.
    story.annotate("assets", ANNOTATION_RECONCILE, Some(&format!("{asked}y"))).await;
    story.until("assets", "asked again", |now| is_ready(now) && handled(now) != handled(&object)).await;
    let patch = json!({"metadata": {"annotations": {ANNOTATION_RECONCILE: asked}}});
    story.accounts().patch(&story.name, &Default::default(), &Patch::Merge(patch)).await.unwrap();
    story
        .until_account(|account| {
            account.status.as_ref().and_then(|status| status.last_handled_reconcile_at.as_deref())
                == handled(&object).as_deref()
        })
        .await;
    assert_eq!(story.count_events("assets", "ApiServerUnavailable").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_with_the_longest_name_has_events() {
    let story = Story::begin("long-name").await;
    let name = "n".repeat(253);
    story.apply(&name, &format!("s3Bucket: {{bucketName: {}}}", story.bucket())).await;
    story.until_ready(&name).await;
    story.until_event(&name, "Created").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_that_the_api_server_refuses_is_told_and_ready_is_not_left_standing() {
    let plane = ControlPlane::start("refused-status");
    let mut story = Story::prepare("refused-status", &plane.kubeconfig()).await;
    story.go_on_with(&[]).await;
    let bucket = story.bucket();
    story.apply("assets", &format!("s3Bucket: {{bucketName: {bucket}}}")).await;
    let before = story.until_ready("assets").await;
    let [_, resources, _] = crd::all().try_into().expect("there are three definitions");
    let strict = altered(&resources, |version| {
        let status = &mut version["schema"]["openAPIV3Schema"]["properties"]["status"];
        status["properties"]["lastHandledReconcileAt"]["maxLength"] = json!(3);
    });
    apply_definition(&story.client, strict).await;
    // The API server takes a new schema up a moment after it has it.
    let long = async || {
        let patch = json!({"status": {"lastHandledReconcileAt": "long"}});
        let params = kube::api::PatchParams { dry_run: true, ..Default::default() };
        story.resources().patch_status("assets", &params, &Patch::Merge(patch)).await.is_ok()
    };
    while long().await {
        tokio::task::yield_now().await;
    }
    story.annotate("assets", ANNOTATION_RECONCILE, Some("long")).await;
    story.apply("assets", &format!("s3Bucket: {{bucketName: {bucket}, versioning: Enabled}}")).await;

    let object = story.until_reason("assets", "Stalled", "WriteRefused").await;
    assert!(!is_ready(&object) && current(&object));
    assert!(message(&object, "Stalled").contains("status.lastHandledReconcileAt"), "{}", message(&object, "Stalled"));
    assert_eq!(id(&object), id(&before), "what finds the resource again stays");
    let intent = |object: &AwsResource| object.status.clone().and_then(|status| status.intent);
    assert_eq!(intent(&object), intent(&before));
    let versioned = || story.aws("s3", "get_bucket_versioning", json!({"Bucket": bucket}))["Status"] == "Enabled";
    story.until_true("versioning", versioned).await;
    story.until_event("assets", "WriteRefused").await;
    assert_eq!(story.count_events("assets", "ApiServerUnavailable").await, 0);
    assert!(story.controller_log().contains("the API server refused a request"));

    apply_definition(&story.client, resources).await;
    story.until_ready("assets").await;
}
