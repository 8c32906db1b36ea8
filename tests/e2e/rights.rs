//! Rights that are missing when the program starts, and that are lost while it runs.

use super::control_plane::ControlPlane;
use super::controller::Controller;
use super::leader::Election;
use super::story::{self, Story, user};
use super::variable;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, RoleBinding};
use kube::api::{DeleteParams, Patch, PostParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const ROLE: &str = "ccagi-aws-agent";

/// The rights that the chart grants for the whole cluster, one resource and verb a rule.
async fn of_the_chart() -> Vec<PolicyRule> {
    let shared = story::connect(Path::new(&variable("KUBECONFIG"))).await;
    let role = Api::<ClusterRole>::all(shared).get(ROLE).await.unwrap();
    let mut single = Vec::new();
    for rule in role.rules.unwrap() {
        for resource in rule.resources.iter().flatten() {
            for verb in &rule.verbs {
                single.push(PolicyRule {
                    resources: Some(vec![resource.clone()]),
                    verbs: vec![verb.clone()],
                    ..rule.clone()
                });
            }
        }
    }
    single
}

/// A controller's ServiceAccount in a cluster of its own, and what it may do there.
struct Granted {
    story: Story,
    rules: Vec<PolicyRule>,
}

impl Granted {
    /// Grants the chart's rights but these, given as verb and resource.
    async fn but(&self, lacking: &[(&str, &str)]) {
        let lacks = |rule: &&PolicyRule| {
            let resource = &rule.resources.as_ref().unwrap()[0];
            !lacking.iter().any(|(verb, of)| rule.verbs[0] == *verb && resource == of)
        };
        let rules: Vec<&PolicyRule> = self.rules.iter().filter(lacks).collect();
        assert_eq!(rules.len() + lacking.len(), self.rules.len(), "the chart does not grant all of {lacking:?}");
        let role = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": ROLE}, "rules": rules,
        });
        let roles: Api<ClusterRole> = Api::all(self.story.client.clone());
        roles.patch(ROLE, &user(), &Patch::Apply(role)).await.unwrap();
    }

    /// A kubeconfig that acts as the ServiceAccount, to which the rights are bound.
    async fn kubeconfig(&self, of: &Path) -> PathBuf {
        let namespace = &self.story.name;
        let subject = json!({"kind": "ServiceAccount", "name": ROLE, "namespace": namespace});
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": ROLE}, "subjects": [subject],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": ROLE},
        });
        let bindings: Api<ClusterRoleBinding> = Api::all(self.story.client.clone());
        bindings.patch(ROLE, &user(), &Patch::Apply(binding)).await.unwrap();
        let mut config: Value = serde_json::from_str(&std::fs::read_to_string(of).unwrap()).unwrap();
        config["users"][0]["user"]["as"] = json!(format!("system:serviceaccount:{namespace}:{ROLE}"));
        let path = of.with_file_name("controller.kubeconfig");
        std::fs::write(&path, config.to_string()).unwrap();
        path
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_that_is_missing_is_named_at_the_start_and_when_it_is_lost() {
    let plane = ControlPlane::start("rights");
    let story = Story::prepare("rights", &plane.kubeconfig()).await;
    let granted = Granted { story, rules: of_the_chart().await };
    let story = &granted.story;
    granted.but(&[("watch", "serviceagents"), ("patch", "awsresources/status")]).await;
    let kubeconfig = granted.kubeconfig(&plane.kubeconfig()).await;
    let controller = Controller::start_until(&story.name, &kubeconfig, &[], "waiting: Missing rights");
    let missing =
        "not ready: Missing rights: watch serviceagents.aws.ccagi.io, patch awsresources/status.aws.ccagi.io. ";
    let (ready, said) = controller.readiness();
    assert!(!ready && said.starts_with(missing), "{said}");
    granted.but(&[]).await;
    story.until_true("the program to start", || controller.readiness().0).await;
    let bucket = story.bucket();
    story.declare_account(json!({})).await;
    story.apply("one", &format!("s3Bucket: {{bucketName: {bucket}-1}}")).await;
    story.until_ready("one").await;

    granted.but(&[("patch", "awsresources/status"), ("list", "serviceagents"), ("watch", "serviceagents")]).await;
    // Watches that run are not cut off by a right that goes; they are when the API server does.
    plane.env("stop-apiserver");
    plane.env("start-apiserver");
    story.apply("two", &format!("s3Bucket: {{bucketName: {bucket}-2}}")).await;
    for refused in ["cannot patch resource \"awsresources/status\"", "resource \"serviceagents\" in API group"] {
        let of_log = |log: &str| {
            log.lines().any(|line| line.contains("the API server refused a request") && line.contains(refused))
        };
        story.until_true(refused, || of_log(&controller.log().replace("\\\"", "\""))).await;
    }
    granted.but(&[]).await;
    story.until_ready("two").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_loses_its_right_to_the_lease_says_so_and_stands_by_again_when_it_has_it() {
    let election = Election::begin("standby-rights").await;
    let standby = election.standby();
    assert_eq!(standby.readiness(), (true, "ok".into()));
    let story = &election.story;
    let bindings: Api<RoleBinding> = Api::namespaced(story.client.clone(), &story.name);
    let [mut binding] =
        bindings.list(&Default::default()).await.unwrap().items.try_into().expect("there is one binding");
    bindings.delete(&binding.name_any(), &DeleteParams::default()).await.unwrap();
    let lacks = format!("update leases.coordination.k8s.io named ccagi-aws-agent in the namespace {}", story.name);
    story.until_true("the standby to miss its right", || standby.readiness().1.contains(&lacks)).await;
    binding.metadata.resource_version = None;
    binding.metadata.uid = None;
    bindings.create(&PostParams::default(), &binding).await.unwrap();
    // The leader could not renew the lease either, and ended.
    let spec = format!("s3Bucket: {{bucketName: {}}}", story.bucket());
    story.apply("assets", &spec).await;
    story.until_ready("assets").await;
    assert!(standby.readiness().0);
}
