//! Definitions that are missing, not served or older than the program.

use super::control_plane::ControlPlane;
use super::controller::Controller;
use super::story::{Story, apply_definition};
use ccagi_aws_agent::api::crd;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::{Value, json};

/// A definition of which a part is taken out or changed.
pub fn altered(definition: &CustomResourceDefinition, alter: impl FnOnce(&mut Value)) -> CustomResourceDefinition {
    let mut value = serde_json::to_value(definition).unwrap();
    alter(&mut value["spec"]["versions"][0]);
    serde_json::from_value(value).unwrap()
}

fn without_versioning(version: &mut Value) {
    let spec = &mut version["schema"]["openAPIV3Schema"]["properties"]["spec"];
    let bucket = spec["properties"]["s3Bucket"]["properties"].as_object_mut().unwrap();
    bucket.remove("versioning").expect("a bucket has versioning");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_waits_for_its_definitions_says_what_they_lack_and_starts_by_itself() {
    let plane = ControlPlane::start("definitions");
    let story = Story::prepare_without_definitions("definitions", &plane.kubeconfig()).await;
    let waiting = "waiting: Missing definitions";
    let controller = Controller::start_until(&story.name, &plane.kubeconfig(), &[], waiting);
    let until_said = async |text: &str| {
        let said = || {
            let (ready, said) = controller.readiness();
            assert!(!ready, "{said}");
            said.contains(text)
        };
        story.until_true(text, said).await;
    };
    let [accounts, resources, agents] = crd::all().try_into().expect("there are three definitions");
    until_said(
        "Missing definitions: awsaccounts.aws.ccagi.io, awsresources.aws.ccagi.io, serviceagents.aws.ccagi.io. Install",
    )
    .await;

    apply_definition(&story.client, accounts).await;
    apply_definition(&story.client, altered(&agents, |version| version["served"] = json!(false))).await;
    until_said("Missing definitions: awsresources.aws.ccagi.io, serviceagents.aws.ccagi.io. Install").await;

    apply_definition(&story.client, altered(&resources, without_versioning)).await;
    story.declare_account(json!({})).await;
    let object = story.apply("assets", &format!("s3Bucket: {{bucketName: {}}}", story.bucket())).await;
    apply_definition(&story.client, agents).await;
    until_said("not ready: Definitions that are older than this program: awsresources.aws.ccagi.io lacks spec.s3Bucket.versioning. Bring").await;
    assert_ne!(controller.lines("waiting: Definitions that are older than this program"), 0);
    let untouched = story.resources().get("assets").await.unwrap();
    assert_eq!(untouched.metadata.resource_version, object.metadata.resource_version, "it was written to");

    apply_definition(&story.client, resources.clone()).await;
    story.until_ready("assets").await;
    assert_eq!(controller.readiness(), (true, "ok".into()));

    apply_definition(&story.client, altered(&resources, without_versioning)).await;
    assert_eq!(controller.until_its_end().code(), Some(1));
}
