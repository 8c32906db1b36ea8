//! A story: a namespace, an AWS account and a controller of its own, so that stories do not meet.

use super::controller::{self, Controller};
use super::emulator::Emulator;
use super::{observer, variable};
use ccagi_aws_agent::api::account::AwsAccount;
use ccagi_aws_agent::api::crd;
use ccagi_aws_agent::api::resource::AwsResource;
use futures::TryStreamExt;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::{WatchStreamExt, conditions, wait::await_condition, watcher};
use kube::{Api, Client, Config, ResourceExt};
use serde_json::{Value, json};
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long a story waits for something to come true. It is far more than anything takes; a timing is
/// not what these tests are about.
const PATIENCE: Duration = Duration::from_secs(90);

static STORIES: AtomicU64 = AtomicU64::new(0);

pub struct Story {
    pub name: String,
    pub account_id: String,
    pub client: Client,
    pub emulator: Emulator,
    pub kubeconfig: PathBuf,
    controller: Option<Controller>,
    arguments: Vec<String>,
}

impl Story {
    /// Begins a story in the shared environment with a verified account and a running controller.
    pub async fn begin(name: &str) -> Self {
        Self::begin_with(name, &[]).await
    }

    /// The same with further arguments for the controller.
    pub async fn begin_with(name: &str, arguments: &[&str]) -> Self {
        let mut story = Self::prepare(name, &PathBuf::from(variable("KUBECONFIG"))).await;
        story.go_on_with(arguments).await;
        story
    }

    /// Starts the controller of a prepared story with these arguments and waits for the verified account.
    pub async fn go_on_with(&mut self, arguments: &[&str]) {
        self.arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        self.start_controller();
        self.declare_account(json!({})).await;
        self.until_account(|account| is_true(account.status.as_ref().map(|s| &s.conditions), "Ready")).await;
    }

    /// A namespace and an account number, and nothing that runs.
    pub async fn prepare(name: &str, kubeconfig: &Path) -> Self {
        let story = Self::prepare_without_definitions(name, kubeconfig).await;
        apply_definitions(&story.client).await;
        story
    }

    /// The same in a cluster that may know nothing of us.
    pub async fn prepare_without_definitions(name: &str, kubeconfig: &Path) -> Self {
        let number = STORIES.fetch_add(1, Ordering::Relaxed) + u64::from(std::process::id()) * 1000;
        let client = connect_plainly(kubeconfig).await;
        let story = Self {
            name: format!("{name}-{number}"),
            account_id: format!("{:012}", 200_000_000_000 + number),
            client,
            emulator: Emulator::new(&variable("AWS_ENDPOINT_URL")),
            kubeconfig: kubeconfig.to_owned(),
            controller: None,
            arguments: Vec::new(),
        };
        // Every story runs with the least that the program says it needs.
        story.emulator.permit(&story.account_id, &controller::iam_policy_of(&story.account()));
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": story.name}});
        let namespaces: Api<Namespace> = Api::all(story.client.clone());
        namespaces.create(&PostParams::default(), &serde_json::from_value(namespace).unwrap()).await.unwrap();
        story
    }

    pub fn start_controller(&mut self) {
        self.controller = Some(self.another_controller());
    }

    /// A further controller for the same objects.
    pub fn another_controller(&self) -> Controller {
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        Controller::start(&self.name, &self.kubeconfig, &arguments)
    }

    /// The log of the running controller.
    pub fn controller_log(&self) -> String {
        self.controller.as_ref().expect("a controller runs").log()
    }

    /// The running controller, taken out of the story to be killed or stopped.
    pub fn take_controller(&mut self) -> Controller {
        self.controller.take().expect("a controller runs")
    }

    pub fn accounts(&self) -> Api<AwsAccount> {
        Api::all(self.client.clone())
    }

    pub fn resources(&self) -> Api<AwsResource> {
        Api::namespaced(self.client.clone(), &self.name)
    }

    /// The manifest of the story's account with a plain spec.
    pub fn account(&self) -> Value {
        let role = format!("arn:aws:iam::{}:role/CcagiAgentRole", self.account_id);
        json!({
            "apiVersion": "aws.ccagi.io/v1alpha1", "kind": "AwsAccount",
            "metadata": {"name": self.name, "labels": {"story": self.name}},
            "spec": {
                "accountId": self.account_id, "defaultRegion": "us-east-1", "regions": ["us-east-1", "eu-west-1"],
                "credentials": {"assumeRole": {"roleArn": role}},
                "allowedNamespaces": {"names": [self.name]},
                "guardrails": controller::guardrails(&self.name),
            },
        })
    }

    /// Declares the story's account; `spec` overrides members of a plain spec.
    pub async fn declare_account(&self, spec: Value) {
        let mut account = self.account();
        for (member, value) in spec.as_object().unwrap() {
            account["spec"][member] = value.clone();
        }
        self.accounts().patch(&self.name, &user(), &Patch::Apply(account)).await.unwrap();
    }

    /// Applies an AwsResource given as the YAML of its spec without `accountRef`.
    pub async fn apply(&self, name: &str, spec: &str) -> AwsResource {
        self.try_apply(name, spec).await.unwrap()
    }

    /// The same, where it may be refused.
    pub async fn try_apply(&self, name: &str, spec: &str) -> Result<AwsResource, kube::Error> {
        let mut spec: Value = serde_saphyr::from_str(spec).unwrap();
        let own = spec.get("accountRef").cloned();
        spec["accountRef"] = own.unwrap_or_else(|| json!({"name": self.name}));
        let object = json!({
            "apiVersion": "aws.ccagi.io/v1alpha1", "kind": "AwsResource",
            "metadata": {"name": name, "labels": {"story": self.name}}, "spec": spec,
        });
        self.resources().patch(name, &user(), &Patch::Apply(object)).await
    }

    /// Applies the AwsResources of a file of examples, in its order, in the story's namespace and account,
    /// and returns their names.
    pub async fn apply_file(&self, path: &Path) -> Vec<String> {
        let text = std::fs::read_to_string(path).unwrap().replace("111122223333", &self.account_id);
        let mut names = Vec::new();
        for mut document in serde_saphyr::from_multiple::<Value>(&text).unwrap() {
            if document["kind"] != "AwsResource" {
                continue;
            }
            let name = document["metadata"]["name"].as_str().unwrap().to_owned();
            document["metadata"] = json!({"name": name, "labels": {"story": self.name}});
            document["spec"]["accountRef"] = json!({"name": self.name});
            self.resources().patch(&name, &user(), &Patch::Apply(document)).await.unwrap();
            names.push(name);
        }
        names
    }

    pub async fn annotate(&self, name: &str, key: &str, value: Option<&str>) {
        let patch = json!({"metadata": {"annotations": {key: value}}});
        self.resources().patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    }

    pub async fn delete(&self, name: &str) {
        self.resources().delete(name, &DeleteParams::default()).await.unwrap();
    }

    /// Waits until the object is as wanted.
    pub async fn until(&self, name: &str, what: &str, holds: impl Fn(&AwsResource) -> bool) -> AwsResource {
        until(self.resources(), name, what, holds).await
    }

    pub async fn until_account(&self, holds: impl Fn(&AwsAccount) -> bool) -> AwsAccount {
        until(self.accounts(), &self.name, "the account", holds).await
    }

    /// Waits until the object is ready in its present generation.
    pub async fn until_ready(&self, name: &str) -> AwsResource {
        self.until(name, "ready", is_ready).await
    }

    /// Waits until the object carries this condition reason with the wanted status of `condition`.
    pub async fn until_reason(&self, name: &str, condition: &str, reason: &str) -> AwsResource {
        let what = format!("{condition} with reason {reason}");
        self.until(name, &what, |object| {
            current(object)
                && conditions_of(object)
                    .iter()
                    .any(|c| c.type_ == condition && c.status == "True" && c.reason == reason)
        })
        .await
    }

    /// Waits until the object is gone.
    pub async fn until_gone(&self, object: &AwsResource) {
        let (name, uid) = (object.name_any(), object.uid().unwrap());
        let waiting = await_condition(self.resources(), &name, conditions::is_deleted(&uid));
        if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
            let left = self.resources().get_opt(&object.name_any()).await.unwrap();
            panic!("{} is still there: {:#?}", object.name_any(), left.map(|object| object.status));
        }
    }

    /// Waits until something outside of Kubernetes comes true.
    pub async fn until_true(&self, what: &str, holds: impl Fn() -> bool) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !holds() {
            assert!(tokio::time::Instant::now() < deadline, "waited in vain for {what}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until an Event of this reason about the object was published, and returns its note.
    pub async fn until_event(&self, name: &str, reason: &str) -> String {
        self.until_news(name, reason, |event| event.reason.as_deref() == Some(reason)).await
    }

    /// Waits until an Event about the object was published whose note has these words.
    pub async fn until_note(&self, name: &str, words: &str) -> String {
        self.until_news(name, words, |event| event.note.as_ref().is_some_and(|note| note.contains(words))).await
    }

    /// Waits until an Event about the object whose note has these words was counted more than once.
    pub async fn until_note_again(&self, name: &str, words: &str) {
        let again = |event: &Event| event.series.as_ref().is_some_and(|series| series.count > 1);
        let says = |event: &Event| event.note.as_ref().is_some_and(|note| note.contains(words));
        self.until_news(name, words, |event| says(event) && again(event)).await;
    }

    async fn until_news(&self, name: &str, what: &str, holds: impl Fn(&Event) -> bool) -> String {
        let events: Api<Event> = Api::namespaced(self.client.clone(), &self.name);
        let about = |event: &Event| {
            holds(event) && event.regarding.as_ref().and_then(|regarding| regarding.name.as_deref()) == Some(name)
        };
        let mut stream = pin!(watcher(events, watcher::Config::default()).applied_objects());
        let search = async {
            loop {
                let event = stream.try_next().await.unwrap().expect("a watch does not end");
                if about(&event) {
                    return event.note.unwrap_or_default();
                }
            }
        };
        tokio::time::timeout(PATIENCE, search).await.unwrap_or_else(|_| panic!("no Event {what} about {name}"))
    }

    /// How often Events of this reason about the object were published.
    pub async fn count_events(&self, name: &str, reason: &str) -> i32 {
        let events: Api<Event> = Api::namespaced(self.client.clone(), &self.name);
        let all = events.list(&kube::api::ListParams::default()).await.unwrap().items;
        let about = all.iter().filter(|event| {
            event.reason.as_deref() == Some(reason)
                && event.regarding.as_ref().and_then(|regarding| regarding.name.as_deref()) == Some(name)
        });
        about.map(|event| event.series.as_ref().map_or(1, |series| series.count)).sum()
    }

    /// Asks AWS with another client than ours, in the story's account.
    pub fn aws(&self, service: &str, operation: &str, parameters: Value) -> Value {
        self.try_aws(service, operation, parameters).unwrap_or_else(|code| panic!("{operation}: {code}"))
    }

    pub fn try_aws(&self, service: &str, operation: &str, parameters: Value) -> Result<Value, String> {
        observer::ask(&self.account_id, service, operation, parameters)
    }

    /// A bucket's name that no other story uses.
    pub fn bucket(&self) -> String {
        format!("bucket-{}", self.account_id)
    }
}

/// A client of the cluster, which knows the definitions from here on.
pub async fn connect(kubeconfig: &Path) -> Client {
    let client = connect_plainly(kubeconfig).await;
    apply_definitions(&client).await;
    client
}

async fn connect_plainly(kubeconfig: &Path) -> Client {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let read = Kubeconfig::read_from(kubeconfig).unwrap();
    let config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await.unwrap();
    Client::try_from(config).unwrap()
}

async fn apply_definitions(client: &Client) {
    for definition in crd::all() {
        apply_definition(client, definition).await;
    }
}

/// Applies one definition and waits until it is established.
pub async fn apply_definition(client: &Client, definition: CustomResourceDefinition) {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let name = definition.name_any();
    api.patch(&name, &user(), &Patch::Apply(definition)).await.unwrap();
    await_condition(api.clone(), &name, conditions::is_crd_established()).await.unwrap();
}

/// The field manager of a person with kubectl.
pub fn user() -> PatchParams {
    PatchParams::apply("kubectl").force()
}

pub async fn until<K>(api: Api<K>, name: &str, what: &str, holds: impl Fn(&K) -> bool) -> K
where
    K: kube::Resource<DynamicType = ()> + Clone + Debug + serde::de::DeserializeOwned + Send + 'static,
{
    let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let mut stream = pin!(watcher(api.clone(), config).default_backoff().applied_objects());
    let search = async {
        loop {
            match stream.try_next().await {
                Ok(Some(object)) if holds(&object) => return object,
                Ok(_) | Err(_) => {}
            }
        }
    };
    match tokio::time::timeout(PATIENCE, search).await {
        Ok(object) => object,
        Err(_) => panic!("{name} did not become {what}: {:#?}", api.get_opt(name).await),
    }
}

pub fn conditions_of(object: &AwsResource) -> Vec<k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition> {
    object.status.as_ref().map(|status| status.conditions.clone()).unwrap_or_default()
}

/// Whether the status speaks of the present generation.
pub fn current(object: &AwsResource) -> bool {
    object.status.as_ref().is_some_and(|status| status.observed_generation == object.metadata.generation)
}

pub fn is_ready(object: &AwsResource) -> bool {
    current(object) && is_true(Some(&conditions_of(object)), "Ready")
}

pub fn is_true(
    conditions: Option<&Vec<k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition>>,
    type_: &str,
) -> bool {
    conditions.is_some_and(|list| list.iter().any(|c| c.type_ == type_ && c.status == "True"))
}

/// The message of a condition that is true.
pub fn message(object: &AwsResource, type_: &str) -> String {
    conditions_of(object)
        .into_iter()
        .find(|condition| condition.type_ == type_)
        .map(|condition| condition.message)
        .unwrap_or_default()
}

/// The id that status records.
pub fn id(object: &AwsResource) -> String {
    object.status.as_ref().and_then(|status| status.id.clone()).expect("an id is recorded")
}
