//! One run of a workload in an account of its own, with or without a fault.

use super::controller::{Controller, config};
use super::doors::{Doors, Entry, Strike, write_down};
use super::ground::Ground;
use super::inventory::{Names, normal};
use super::plan::Fault;
use super::watched::{Objects, Watched};
use super::workloads::{Step, Workload};
use crate::e2e::story::{is_ready, is_true};
use ccagi_aws_agent::api::ANNOTATION_RECONCILE;
use ccagi_aws_agent::api::account::AwsAccount;
use ccagi_aws_agent::api::resource::AwsResource;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::runtime::wait::{await_condition, conditions};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a run waits for something to come true. It is far more than anything takes; a timing is not
/// what the plans are about.
const PATIENCE: Duration = Duration::from_secs(60);

/// How the world is after a step.
#[derive(Clone, Debug)]
pub struct End {
    /// The objects with their status, without what differs from run to run.
    pub objects: Value,
    /// What the account holds, as AWS describes it.
    pub holds: Value,
    /// The same without what differs from run to run.
    pub inventory: Value,
}

/// All that is known of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub name: String,
    pub namespace: String,
    pub account: String,
    pub journal: Vec<Entry>,
    /// After the step that faults strike.
    pub struck: End,
    /// After the last step, when all is deleted.
    pub last: End,
    /// The objects of the workload by name, as they were after the struck step or when last seen.
    pub objects: Vec<AwsResource>,
    /// AWS calls that could change something, made after all was as declared.
    pub late_writes: Vec<String>,
    /// Whether the fault was met.
    pub fired: bool,
}

/// One run on its way.
struct Run<'a> {
    ground: &'a Ground,
    workload: &'a Workload,
    name: String,
    namespace: String,
    account: String,
    doors: Arc<Doors>,
    watched: Watched,
}

/// Runs the workload in a new account; `strike` happens in its struck step.
pub async fn run(ground: &Ground, workload: &Workload, strike: Option<Strike>) -> Result<Outcome, String> {
    let impatient = strike.as_ref().is_some_and(|strike| strike.fault == Fault::Hang);
    let (name, account) = ground.next();
    let namespace = ground.take_namespace().await;
    ground.permit(&account).await;
    let doors = Arc::new(Doors::new());
    let (stop, stopped) = oneshot::channel();
    let config = config(&format!("story={name}"), impatient);
    let controllers = tokio::spawn(supervise(doors.clone(), config, stopped));
    let resources = Api::namespaced(ground.client.clone(), &namespace);
    let watched = Watched::start(resources, &format!("story={name}"));
    let run = Run { ground, workload, name, namespace, account, doors, watched };
    let outcome = run.carry_out(strike).await.map_err(|error| format!("{error} (run {})", run.name));
    if outcome.is_ok() {
        run.clean_up().await;
    }
    if outcome.is_err() {
        write_down(&run.doors.journal(), &run.name);
    }
    // The controllers have ended by themselves only if they panicked, which joining them tells.
    let _ = stop.send(());
    controllers.await.map_err(|error| format!("the controllers failed: {error}"))?;
    if outcome.is_ok() {
        ground.give_back(run.namespace);
    }
    outcome
}

/// Keeps controllers running: where one dies, a fresh one takes its place.
async fn supervise(doors: Arc<Doors>, config: ccagi_aws_agent::config::RunConfig, mut stopped: oneshot::Receiver<()>) {
    let mut crashes = doors.crashes();
    let mut controller = Controller::start(&doors, &config);
    loop {
        tokio::select! {
            _ = crashes.changed() => {
                controller.kill().await;
                controller = Controller::start(&doors, &config);
            }
            _ = &mut stopped => return controller.kill().await,
        }
    }
}

impl Run<'_> {
    async fn carry_out(&self, strike: Option<Strike>) -> Result<Outcome, String> {
        self.doors.begin_step(usize::MAX, None);
        self.declare_account().await?;
        self.apply_until_ready(&self.workload.before).await?;
        let (mut strike, mut struck, mut late_writes, mut objects) = (strike, None, Vec::new(), Vec::new());
        let mut last = None;
        for (number, step) in self.workload.steps.iter().enumerate() {
            let is_struck = number == self.workload.struck;
            self.doors.begin_step(number, if is_struck { strike.take() } else { None });
            match step {
                Step::Apply(wanted) => {
                    self.apply_until_ready(wanted).await?;
                    if is_struck {
                        late_writes = self.look_again(wanted).await?;
                    }
                    objects = self.own_objects();
                }
                Step::Delete => self.delete(&objects).await?,
            }
            if is_struck {
                struck = Some(self.end().await);
            }
            last = Some(number);
        }
        let last = match last {
            Some(number) if number == self.workload.struck => struck.clone(),
            _ => Some(self.end().await),
        };
        Ok(Outcome {
            name: self.name.clone(),
            namespace: self.namespace.clone(),
            account: self.account.clone(),
            journal: self.doors.journal(),
            struck: struck.ok_or("no step is struck")?,
            last: last.ok_or("there is no step")?,
            objects,
            late_writes,
            fired: self.doors.fired(),
        })
    }

    async fn declare_account(&self) -> Result<(), String> {
        let role = format!("arn:aws:iam::{}:role/CcagiAgentRole", self.account);
        let account = json!({
            "apiVersion": "aws.ccagi.io/v1alpha1", "kind": "AwsAccount",
            "metadata": {"name": self.name, "labels": {"story": self.name}},
            "spec": {
                "accountId": self.account, "defaultRegion": "us-east-1", "regions": ["us-east-1"],
                "credentials": {"assumeRole": {"roleArn": role}},
                "allowedNamespaces": {"names": [self.namespace]},
            },
        });
        let api = self.accounts();
        api.patch(&self.name, &user(), &Patch::Apply(account)).await.map_err(|error| error.to_string())?;
        let ready = |account: Option<&AwsAccount>| {
            account.is_some_and(|account| is_true(account.status.as_ref().map(|status| &status.conditions), "Ready"))
        };
        within("the account to be ready", await_condition(api, &self.name, ready)).await
    }

    fn accounts(&self) -> Api<AwsAccount> {
        Api::all(self.ground.client.clone())
    }

    fn resources(&self) -> Api<AwsResource> {
        Api::namespaced(self.ground.client.clone(), &self.namespace)
    }

    async fn apply_until_ready(&self, documents: &[Value]) -> Result<(), String> {
        let mut applied = Vec::new();
        for document in documents {
            let text = document.to_string().replace("111122223333", &self.account);
            let mut object: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
            let name = name_of(document);
            object["metadata"] = json!({"name": name, "labels": {"story": self.name}});
            object["spec"]["accountRef"] = json!({"name": self.name});
            let object = self.resources().patch(name, &user(), &Patch::Apply(object)).await;
            applied.push(object.map_err(|error| error.to_string())?);
        }
        // The watch may still show an object as it was before.
        let is_done = |objects: &Objects, wanted: &AwsResource| {
            let object = objects.get(&wanted.name_any());
            object.is_some_and(|object| object.metadata.generation >= wanted.metadata.generation && is_ready(object))
        };
        let all = |objects: &Objects| applied.iter().all(|wanted| is_done(objects, wanted));
        self.watched.until("all objects to be ready", PATIENCE, all).await
    }

    /// Asks for another look at every object, waits until each was taken, and returns the AWS writes that
    /// were made meanwhile: there is nothing left to do.
    async fn look_again(&self, documents: &[Value]) -> Result<Vec<String>, String> {
        let before = self.doors.journal().len();
        let patch = Patch::Merge(json!({"metadata": {"annotations": {ANNOTATION_RECONCILE: "again"}}}));
        for document in documents {
            let asked = self.resources().patch(name_of(document), &PatchParams::default(), &patch).await;
            asked.map_err(|error| error.to_string())?;
        }
        let looked = |object: &AwsResource| {
            let handled = object.status.as_ref().and_then(|status| status.last_handled_reconcile_at.as_deref());
            is_ready(object) && handled == Some("again")
        };
        let all =
            |objects: &Objects| documents.iter().all(|document| objects.get(name_of(document)).is_some_and(looked));
        self.watched.until("another look at all objects", PATIENCE, all).await?;
        let journal = self.doors.journal();
        let late = journal[before..].iter().filter(|entry| entry.is_aws() && entry.call.write);
        Ok(late.map(|entry| entry.site.clone()).collect())
    }

    fn own_objects(&self) -> Vec<AwsResource> {
        let foreign: Vec<&str> = self.workload.before.iter().map(name_of).collect();
        self.watched.now().into_values().filter(|object| !foreign.contains(&object.name_any().as_str())).collect()
    }

    async fn delete(&self, objects: &[AwsResource]) -> Result<(), String> {
        for object in objects {
            let asked = self.resources().delete(&object.name_any(), &DeleteParams::default()).await;
            asked.map_err(|error| error.to_string())?;
        }
        let gone = |left: &Objects| objects.iter().all(|object| !left.contains_key(&object.name_any()));
        self.watched.until("all objects to be gone", PATIENCE, gone).await
    }

    async fn end(&self) -> End {
        let holds = self.ground.look(&self.account, &self.workload.services).await;
        let objects: Vec<Value> = self
            .own_objects()
            .iter()
            .map(|object| {
                json!({
                    "name": object.name_any(), "finalizers": object.metadata.finalizers, "status": object.status,
                })
            })
            .collect();
        let names: Names<'_> = &[(&self.account, "ACCOUNT"), (&self.name, "PLAN"), (&self.namespace, "NAMESPACE")];
        let (objects, inventory) = (normal(&Value::Array(objects), names), normal(&holds, names));
        End { objects, holds, inventory }
    }

    /// Takes away what the workload was built on. What does not go is in nobody's way.
    async fn clean_up(&self) {
        self.doors.begin_step(usize::MAX, None);
        for document in &self.workload.before {
            let _ = self.resources().delete(name_of(document), &DeleteParams::default()).await;
        }
        let Ok(Some(account)) = self.accounts().get_opt(&self.name).await else { return };
        let _ = self.accounts().delete(&self.name, &DeleteParams::default()).await;
        let gone = conditions::is_deleted(account.metadata.uid.as_deref().unwrap_or_default());
        let _ = within("the account to go", await_condition(self.accounts(), &self.name, gone)).await;
    }
}

async fn within<T, E>(what: &str, future: impl Future<Output = Result<T, E>>) -> Result<(), String>
where
    E: std::fmt::Display,
{
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("waited in vain for {what}")),
    }
}

fn name_of(document: &Value) -> &str {
    document["metadata"]["name"].as_str().unwrap_or_default()
}

/// The field manager of a person with kubectl.
fn user() -> PatchParams {
    PatchParams::apply("kubectl").force()
}
