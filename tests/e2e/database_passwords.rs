use super::controller::Controller;
use super::story::{Story, conditions_of, is_ready, message};
use super::variable;
use ccagi_aws_agent::api::ANNOTATION_RECONCILE;
use ccagi_aws_agent::api::resource::AwsResource;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Debug;
use std::path::{Path, PathBuf};

/// A database whose password is in the key `password` of the Secret `login`, or managed by RDS.
fn database(from_secret: bool) -> String {
    let engine = "engine: postgres, masterUsername: shop, instanceClass: db.t4g.micro, allocatedStorageGib: 20";
    let place = if from_secret { ", masterUserPasswordSecretRef: {name: login, key: password}" } else { "" };
    format!("rdsInstance: {{dbInstanceIdentifier: orders, {engine}{place}}}")
}

async fn put_secret(story: &Story, text: Value) {
    put_secret_as(story, "stringData", text).await;
}

/// The same, with the values in the field that takes text (`stringData`) or base64 (`data`).
async fn put_secret_as(story: &Story, field: &str, values: Value) {
    let secrets: Api<Secret> = Api::namespaced(story.client.clone(), &story.name);
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"}, field: values});
    secrets.patch("login", &PatchParams::apply("kubectl").force(), &Patch::Apply(secret)).await.unwrap();
}

/// Plans that a call which holds this text has its effect and seems to fail, and returns the fault's id.
fn lose_answer(story: &Story, operation: &str, text: &str) -> String {
    let fault = json!({"operation": operation, "kind": "error-after", "match": text, "times": 1});
    story.emulator.fault_with(&story.account_id, fault)
}

fn versions(object: &AwsResource) -> usize {
    object.status.as_ref().unwrap().secret_versions.len()
}

fn managed(object: &AwsResource) -> bool {
    object.status.as_ref().unwrap().outputs.contains_key("masterUserSecretArn")
}

/// Everything that somebody could read a password in: the object, all Events, and the log.
async fn all_that_was_said(story: &Story) -> String {
    let object = story.resources().get("orders").await.unwrap();
    let events: Api<Event> = Api::namespaced(story.client.clone(), &story.name);
    let events = events.list(&ListParams::default()).await.unwrap().items;
    assert!(!events.is_empty());
    let told = json!([object, events]).to_string();
    told + &story.controller_log()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_from_a_secret_is_sent_when_it_changes_and_is_seen_nowhere_else() {
    let story = Story::begin("password").await;
    put_secret(&story, json!({"password": "canary-one-7c1f"})).await;
    let made = lose_answer(&story, "CreateDBInstance", "MasterUserPassword=canary-one-7c1f");
    story.apply("orders", &database(true)).await;
    let first = story.until_ready("orders").await;
    assert_eq!(story.emulator.fired(&story.account_id, &made), 1);
    assert_eq!(story.emulator.count(&story.account_id, "CreateDBInstance"), 1);
    assert_eq!((versions(&first), managed(&first)), (1, false));

    let changed = lose_answer(&story, "ModifyDBInstance", "MasterUserPassword=canary-two-52ab");
    // AWS may quote what it does not like.
    let quoted = json!({
        "operation": "ModifyDBInstance", "kind": "error", "times": 1, "match": "canary-two-52ab",
        "code": "InvalidParameterValue", "status": 400, "message": "canary-two-52ab is not a valid password.",
    });
    story.emulator.fault_with(&story.account_id, quoted);
    put_secret(&story, json!({"password": "canary-two-52ab"})).await;
    story.annotate("orders", ANNOTATION_RECONCILE, Some("rotated")).await;
    let before = first.status.unwrap().secret_versions;
    story
        .until("orders", "ready with the other password", |object| {
            is_ready(object) && versions(object) == 1 && object.status.as_ref().unwrap().secret_versions != before
        })
        .await;
    assert_eq!(story.emulator.fired(&story.account_id, &changed), 1);
    let note = story.until_event("orders", "Updated").await;
    assert!(note.contains("masterUserPassword: changed"), "{note}");
    let told = story.until_event("orders", "InvalidRequest").await;
    assert!(told.contains("[redacted] is not a valid password"), "{told}");

    let said = all_that_was_said(&story).await;
    assert!(said.contains("masterUserPassword") && said.contains("reconciled"), "the object and the log were read");
    for canary in ["canary-one", "canary-two"] {
        assert!(!said.contains(canary), "{canary} was told");
    }
    for base64 in ["Y2FuYXJ5LW9uZS", "Y2FuYXJ5LXR3by"] {
        assert!(!said.contains(base64), "{base64} was told");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_sent_once_and_handed_over_to_rds_and_back() {
    let story = Story::begin("password-switch").await;
    put_secret(&story, json!({"password": "first-password"})).await;
    story.apply("orders", &database(true)).await;
    story.until_ready("orders").await;
    assert_eq!(story.emulator.writes(&story.account_id), ["CreateDBInstance"]);

    story.apply("orders", &database(false)).await;
    let settled = |wanted: bool| {
        move |object: &AwsResource| is_ready(object) && managed(object) == wanted && (versions(object) == 0) == wanted
    };
    story.until("orders", "managed by RDS", settled(true)).await;
    story.apply("orders", &database(true)).await;
    story.until("orders", "as in the Secret", settled(false)).await;
    let theirs = json!({"DBInstanceIdentifier": "orders", "ManageMasterUserPassword": true});
    story.aws("rds", "modify_db_instance", theirs);
    let status = || story.aws("rds", "describe_db_instances", json!({}))["DBInstances"][0]["DBInstanceStatus"].clone();
    story.until_true("RDS to have its own password", || status() == "available").await;
    story.annotate("orders", ANNOTATION_RECONCILE, Some("managed")).await;
    let note = story.until_event("orders", "DriftCorrected").await;
    assert!(note.contains("masterUserPassword: managed by RDS → as in the Secret"), "{note}");
    let handled =
        |object: &AwsResource| object.status.as_ref().unwrap().last_handled_reconcile_at.as_deref() == Some("managed");
    story.until("orders", "set back", |object| handled(object) && settled(false)(object)).await;
    let found = story.aws("rds", "describe_db_instances", json!({}))["DBInstances"][0].clone();
    assert_eq!(found.get("MasterUserSecret"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_is_missing_or_lacks_its_key_or_holds_no_text_is_told_and_found_once_it_is_there() {
    let story = Story::begin("password-missing").await;
    story.apply("orders", &database(true)).await;
    let stalled = story.until_reason("orders", "Stalled", "SecretMissing").await;
    let said = message(&stalled, "Stalled");
    assert!(said.contains("rdsInstance.masterUserPasswordSecretRef: there is no Secret login"), "{said}");
    assert!(said.contains("Create the Secret"), "{said}");

    put_secret(&story, json!({"pass": "word"})).await;
    let stalled = story.until_reason("orders", "Stalled", "SecretKeyMissing").await;
    let said = message(&stalled, "Stalled");
    assert!(said.contains("the Secret login has no key password"), "{said}");

    put_secret_as(&story, "data", json!({"password": "//79"})).await;
    let stalled = story.until_reason("orders", "Stalled", "SecretNotText").await;
    let said = message(&stalled, "Stalled");
    assert!(said.contains("the key password of the Secret login holds no UTF-8 text"), "{said}");
    assert!(story.emulator.writes(&story.account_id).is_empty(), "nothing is made without its password");

    put_secret(&story, json!({"password": "long-enough"})).await;
    let ready = story.until_ready("orders").await;
    assert!(conditions_of(&ready).iter().all(|condition| condition.type_ != "Stalled"));
}

/// Writes a kubeconfig that acts as a ServiceAccount which may do all that a controller does, but reads
/// no Secrets.
async fn without_secrets(story: &Story) -> PathBuf {
    let user = format!("system:serviceaccount:{}:controller", story.name);
    let subjects = json!([{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": user}]);
    let rules = json!([
        {"apiGroups": ["aws.ccagi.io"], "resources": ["*"], "verbs": ["*"]},
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]},
    ]);
    let roles: Api<ClusterRole> = Api::all(story.client.clone());
    make(&roles, json!({"metadata": {"name": story.name}, "rules": rules})).await;
    let bindings: Api<ClusterRoleBinding> = Api::all(story.client.clone());
    let role = json!({"kind": "ClusterRole", "apiGroup": "rbac.authorization.k8s.io", "name": story.name});
    make(&bindings, json!({"metadata": {"name": story.name}, "roleRef": role, "subjects": subjects})).await;

    let mut config: Value = serde_saphyr::from_str(&std::fs::read_to_string(&story.kubeconfig).unwrap()).unwrap();
    config["users"][0]["user"]["as"] = json!(user);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.kubeconfig", story.name));
    std::fs::write(&path, config.to_string()).unwrap();
    path
}

/// Lets the ServiceAccount of [`without_secrets`] read the one Secret `login`.
async fn permit_secret(story: &Story) {
    let rules = json!([{"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["login"], "verbs": ["get"]}]);
    let roles: Api<Role> = Api::namespaced(story.client.clone(), &story.name);
    make(&roles, json!({"metadata": {"name": "login"}, "rules": rules})).await;
    let user = format!("system:serviceaccount:{}:controller", story.name);
    let subjects = json!([{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": user}]);
    let role = json!({"kind": "Role", "apiGroup": "rbac.authorization.k8s.io", "name": "login"});
    let bindings: Api<RoleBinding> = Api::namespaced(story.client.clone(), &story.name);
    make(&bindings, json!({"metadata": {"name": "login"}, "roleRef": role, "subjects": subjects})).await;
}

async fn make<K: DeserializeOwned + Serialize + Clone + Debug>(api: &Api<K>, object: Value) {
    api.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_right_to_get_the_one_secret_is_enough_and_its_lack_is_told() {
    let story = Story::prepare("password-forbidden", Path::new(&variable("KUBECONFIG"))).await;
    let _controller = Controller::start(&story.name, &without_secrets(&story).await, &[]);
    story.declare_account(json!({})).await;
    put_secret(&story, json!({"password": "long-enough"})).await;
    story.apply("orders", &database(true)).await;
    let stalled = story.until_reason("orders", "Stalled", "SecretForbidden").await;
    let said = message(&stalled, "Stalled");
    assert!(said.contains("may not read the Secret login") && said.contains("the verb get"), "{said}");
    permit_secret(&story).await;
    story.until_ready("orders").await;
}
