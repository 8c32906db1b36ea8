//! Stories that need a control plane of their own, because they stop it or store what it would refuse.

use super::story::{Story, id};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// A control plane that ends with the story.
pub struct ControlPlane {
    folder: PathBuf,
}

impl ControlPlane {
    pub fn start(name: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let plane = Self { folder };
        plane.env("up");
        plane
    }

    /// Runs a command of the environment, such as `stop-apiserver`.
    pub fn env(&self, command: &str) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/env/env.py");
        let done = Command::new("python3").arg(script).arg(command).arg("--dir").arg(&self.folder).output().unwrap();
        assert!(done.status.success(), "{command}: {}", String::from_utf8_lossy(&done.stderr));
    }

    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.join("kubeconfig")
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        self.env("down");
    }
}

async fn story_on(plane: &ControlPlane, name: &str) -> Story {
    let mut story = Story::prepare(name, &plane.kubeconfig()).await;
    story.start_controller();
    story.declare_account(json!({})).await;
    story
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_server_that_goes_and_comes_back_is_worked_with_again() {
    let plane = ControlPlane::start("api-server-back");
    let story = story_on(&plane, "api-server-back").await;
    let bucket = story.bucket();
    story.apply("before", &format!("s3Bucket: {{bucketName: {bucket}-a}}")).await;
    story.until_ready("before").await;
    plane.env("stop-apiserver");
    plane.env("start-apiserver");
    story.apply("after", &format!("s3Bucket: {{bucketName: {bucket}-b}}")).await;
    story.until_ready("after").await;
    assert_eq!(story.emulator.writes(&story.account_id), ["CreateBucket", "CreateBucket"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_server_that_restarts_in_the_middle_of_a_creation_makes_no_second_instance() {
    let plane = ControlPlane::start("api-server-restart");
    let story = story_on(&plane, "api-server-restart").await;
    let (emulator, account) = (story.emulator.clone(), story.account_id.clone());
    let fault = emulator.fault(&account, "RunInstances", "hold-after", 1);
    story.apply("thing", "ec2Instance: {imageId: ami-0abcdef1234567890, instanceType: t3.micro}").await;
    story.until_true("the instance to be made", || emulator.held(&account, &fault) == 1).await;
    plane.env("stop-apiserver");
    // The answer comes while its id cannot be recorded.
    emulator.clear_faults(&account);
    plane.env("start-apiserver");
    let object = story.until_ready("thing").await;
    let found = story.aws("ec2", "describe_instances", json!({}));
    let reservations = found["Reservations"].as_array().unwrap();
    assert_eq!(reservations.len(), 1, "{found}");
    assert_eq!(reservations[0]["Instances"][0]["InstanceId"], id(&object));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_controller_stops_in_good_order_also_without_an_api_server() {
    let plane = ControlPlane::start("good-order");
    let mut story = story_on(&plane, "good-order").await;
    story.apply("assets", &format!("s3Bucket: {{bucketName: {}}}", story.bucket())).await;
    story.until_ready("assets").await;
    plane.env("stop-apiserver");
    let (status, took) = story.take_controller().stop();
    assert!(status.success(), "{status}");
    assert!(took < Duration::from_secs(25), "the pod would be killed before: {took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stored_object_that_cannot_be_read_does_not_stop_the_others() {
    let plane = ControlPlane::start("unreadable");
    let story = story_on(&plane, "unreadable").await;
    let bucket = story.bucket();
    // An object from before a rule: the schema is loosened, something odd is stored, and others follow.
    let definitions: Api<CustomResourceDefinition> = Api::all(story.client.clone());
    let mut loose = definitions.get("awsresources.aws.ccagi.io").await.unwrap();
    loose.metadata.managed_fields = None;
    let mut value = serde_json::to_value(&loose).unwrap();
    value["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"] =
        json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    definitions.patch("awsresources.aws.ccagi.io", &PatchParams::default(), &Patch::Merge(&value)).await.unwrap();
    let resource = ApiResource::erase::<ccagi_aws_agent::api::resource::AwsResource>(&());
    let odd: Api<DynamicObject> = Api::namespaced_with(story.client.clone(), &story.name, &resource);
    let object = json!({
        "apiVersion": "aws.ccagi.io/v1alpha1", "kind": "AwsResource",
        "metadata": {"name": "odd", "labels": {"story": story.name}},
        "spec": {"accountRef": 7, "s3Bucket": "not a block"},
    });
    // A loosened schema takes a moment to be in force.
    let mut stored = Err(String::new());
    for _ in 0..100 {
        let patch = Patch::Apply(&object);
        stored = odd.patch("odd", &PatchParams::apply("kubectl").force(), &patch).await.map_err(|e| e.to_string());
        if stored.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    stored.unwrap();

    story.apply("good", &format!("s3Bucket: {{bucketName: {bucket}}}")).await;
    story.until_ready("good").await;
    let note = story.until_event("odd", "InvalidObject").await;
    assert!(note.contains("cannot be read"), "{note}");
    let told: Value = serde_json::to_value(odd.get("odd").await.unwrap()).unwrap();
    assert!(told["status"]["conditions"].to_string().contains("Stalled"), "{told}");
}
