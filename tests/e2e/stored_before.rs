//! Objects that are stored from a time when the definitions took them: they are told what is wrong, and can
//! still be changed and go.

use super::control_plane::ControlPlane;
use super::story::{Story, apply_definition, is_ready, message};
use ccagi_aws_agent::api::crd;
use ccagi_aws_agent::api::resource::AwsResource;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Error;
use serde_json::{Value, json};
use std::time::Duration;

/// The definition without what its rules and patterns ask for.
fn without_rules(definition: &CustomResourceDefinition) -> CustomResourceDefinition {
    let mut value = serde_json::to_value(definition).unwrap();
    strip(&mut value["spec"]["versions"][0]["schema"]);
    serde_json::from_value(value).unwrap()
}

fn strip(node: &mut Value) {
    match node {
        Value::Object(members) => {
            members.remove("x-kubernetes-validations");
            members.retain(|name, value| name != "pattern" || !value.is_string());
            members.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

/// Waits until the API server goes by the definitions as they are now, and returns why it refuses the spec.
async fn until_refused(story: &Story, spec: &str) -> String {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    loop {
        match story.try_apply("too-late", spec).await {
            Err(Error::Api(status)) => return status.message.clone(),
            answer => assert!(tokio::time::Instant::now() < deadline, "not refused: {answer:?}"),
        }
        story.delete("too-late").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_stored_before_it_was_refused_is_told_and_can_be_changed_and_deleted() {
    let plane = ControlPlane::start("stored-before");
    let mut story = Story::prepare_without_definitions("stored-before", &plane.kubeconfig()).await;
    for definition in crd::all() {
        apply_definition(&story.client, without_rules(&definition)).await;
    }
    let bucket = story.bucket();
    let late = |tags: &str| {
        format!(
            "managementPolicies: [Observe, Create, Update, Delete, LateInitialize]\ndeletionPolicy: Delete\n\
             tags: {{{tags}}}\ns3Bucket: {{bucketName: {bucket}}}"
        )
    };
    let database = "rdsInstance: {dbInstanceIdentifier: orders, engine: postgres, instanceClass: db.t4g.micro, \
        allocatedStorageGib: 20, masterUsername: shop, masterUserPasswordSecretRef: {name: \" x y\\n\", key: a}}";
    let group = "securityGroup: {vpcRef: {name: ta/net}, groupName: web, description: web}";
    let kept = [
        ("group", group.to_owned(), "spec.securityGroup.vpcRef cannot be carried out: name \"ta/net\" must be"),
        ("database", database.to_owned(), "spec.rdsInstance.masterUserPasswordSecretRef: name \" x y\\n\" must be"),
        (
            "account",
            format!("accountRef: {{name: No/where}}\ns3Bucket: {{bucketName: {bucket}-b}}"),
            "spec.accountRef.name: \"No/where\" must be",
        ),
    ];
    let mut stored: Vec<AwsResource> = Vec::new();
    for (name, spec, _) in &kept {
        stored.push(story.apply(name, spec).await);
    }
    stored.push(story.apply("late", &late("team: web")).await);

    for definition in crd::all() {
        apply_definition(&story.client, definition).await;
    }
    let refusal = until_refused(&story, &late("team: web")).await;
    assert!(refusal.contains("managementPolicies must leave LateInitialize out"), "{refusal}");
    story.go_on_with(&[]).await;

    story.until_ready("late").await;
    let changed = story.apply("late", &late("team: shop")).await;
    let as_changed =
        |object: &AwsResource| is_ready(object) && object.metadata.generation == changed.metadata.generation;
    story.until("late", "changed", as_changed).await;
    let tags = story.aws("s3", "get_bucket_tagging", json!({"Bucket": bucket}))["TagSet"].clone();
    assert!(tags.as_array().unwrap().contains(&json!({"Key": "team", "Value": "shop"})), "{tags}");
    for (name, _, says) in &kept {
        let stalled = story.until_reason(name, "Stalled", "InvalidSpec").await;
        assert!(message(&stalled, "Stalled").contains(says), "{name}: {}", message(&stalled, "Stalled"));
    }
    for object in &stored {
        story.delete(object.metadata.name.as_deref().unwrap()).await;
        story.until_gone(object).await;
    }
    assert!(story.try_aws("s3", "get_bucket_tagging", json!({"Bucket": bucket})).is_err(), "the bucket is gone");
}
