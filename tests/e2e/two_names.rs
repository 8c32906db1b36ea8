//! An object whose `resourceId` and kind block name two resources, stored before that was refused.

use super::control_plane::ControlPlane;
use super::story::{Story, apply_definition, message};
use ccagi_aws_agent::api::{FINALIZER, crd};
use ccagi_aws_agent::controllers::cluster::cluster_id;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

/// The definition as it was before the rule.
fn without_the_rule(definition: &CustomResourceDefinition) -> CustomResourceDefinition {
    let mut value = serde_json::to_value(definition).unwrap();
    let spec = &mut value["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    if let Some(rules) = spec["x-kubernetes-validations"].as_array_mut() {
        rules.retain(|rule| !rule["message"].to_string().contains("both name the resource"));
    }
    serde_json::from_value(value).unwrap()
}

/// Makes it so that the object has taken over the bucket that its `resourceId` names.
async fn took_over(story: &Story, name: &str, bucket: &str) {
    let object = story.resources().get(name).await.unwrap();
    let cluster = cluster_id(&story.client, None).await.unwrap();
    let tag = |key: &str, value: &str| json!({"Key": key, "Value": value});
    let tags = [
        tag("CcagiManaged", "true"),
        tag("ccagi:cluster", &cluster),
        tag("ccagi:namespace", &story.name),
        tag("ccagi:name", name),
        tag("ccagi:uid", &object.uid().unwrap()),
    ];
    story.aws("s3", "put_bucket_tagging", json!({"Bucket": bucket, "Tagging": {"TagSet": tags}}));
    let finalizer = json!({"metadata": {"finalizers": [FINALIZER]}});
    let status = json!({"status": {"id": bucket, "intent": {
        "incarnation": 1, "token": "t", "requestHash": "h", "accountId": story.account_id, "region": "us-east-1",
        "recordedAt": "2026-11-24T10:00:00Z",
    }}});
    let merge = |patch: Value| Patch::Merge(patch);
    story.resources().patch(name, &PatchParams::default(), &merge(finalizer)).await.unwrap();
    story.resources().patch_status(name, &PatchParams::default(), &merge(status)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stored_object_with_two_names_touches_neither_and_can_be_edited_and_deleted() {
    let plane = ControlPlane::start("two-names");
    let mut story = Story::prepare_without_definitions("two-names", &plane.kubeconfig()).await;
    for definition in crd::all() {
        apply_definition(&story.client, without_the_rule(&definition)).await;
    }
    let (named, other) = (format!("{}-a", story.bucket()), format!("{}-b", story.bucket()));
    story.aws("s3", "create_bucket", json!({"Bucket": other}));
    let spec = |policy: &str| {
        format!(
            "deletionPolicy: {policy}\nadoptionPolicy: adopt\nresourceId: {other}\ns3Bucket: {{bucketName: {named}}}"
        )
    };
    let object = story.apply("assets", &spec("Retain")).await;
    took_over(&story, "assets", &other).await;
    let before = story.emulator.writes(&story.account_id);

    for definition in crd::all() {
        apply_definition(&story.client, definition).await;
    }
    story.go_on_with(&[]).await;
    let stalled = story.until_reason("assets", "Stalled", "InvalidSpec").await;
    let said = message(&stalled, "Stalled");
    assert!(
        said.contains(&format!(
            "spec.s3Bucket.bucketName cannot be carried out: it is {named}, and spec.resourceId is {other}"
        )),
        "{said}"
    );

    // What was stored with two names may still be edited in all else.
    story.apply("assets", &spec("Delete")).await;
    story.delete("assets").await;
    story.until_gone(&object).await;
    story.until_note("assets", &format!("{other}, which spec.resourceId names, was not touched")).await;
    story.aws("s3", "head_bucket", json!({"Bucket": other}));
    assert_eq!(story.emulator.writes(&story.account_id), before);
}
