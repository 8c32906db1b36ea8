//! One run of a workload in accounts of its own, with or without a fault.

use super::doors::{Doors, Entry, Strike, write_down};
use super::ground::Ground;
use super::inventory::{Names, normal};
use super::logs;
use super::tenants::Tenant;
use super::watched::Watched;
use super::workers::Workers;
use super::workloads::{Step, Workload};
use ccagi_aws_agent::api::resource::AwsResource;
use kube::Api;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How long a run waits for something to come true. It is far more than anything takes; a timing is not
/// what the plans are about.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How the world is after a step.
#[derive(Clone, Debug)]
pub struct End {
    /// The objects with their status, without what differs from run to run.
    pub objects: Value,
    /// What the accounts hold, as AWS describes it.
    pub holds: Value,
    /// The same without what differs from run to run.
    pub inventory: Value,
}

/// What strikes in which step. These steps are judged, and the last one; what strikes may be nothing.
pub type Strikes = BTreeMap<usize, Option<Strike>>;

/// All that is known of a run by the end of one of its judged steps.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub name: String,
    pub tenants: Vec<Tenant>,
    pub step: usize,
    /// All calls from the beginning of the run.
    pub journal: Vec<Entry>,
    /// What was in the accounts before, made by somebody else.
    pub planted: Value,
    pub end: End,
    /// The objects of the workload by name, as they were after the last step that applied them.
    pub objects: Vec<AwsResource>,
    /// AWS calls that could change something, made after all was as declared.
    pub late_writes: Vec<String>,
    /// The secret that the objects refer to.
    pub secret: String,
    /// Lines of logs that hold it.
    pub told: Vec<String>,
    /// Whether the fault of the step was met.
    pub fired: bool,
}

impl Outcome {
    /// What is particular to the run, and what stands for it.
    pub fn names(&self) -> Vec<(&str, &str)> {
        names(&self.name, &self.tenants)
    }
}

/// One run on its way.
pub struct Run<'a> {
    pub ground: &'a Ground,
    pub workload: &'a Workload,
    pub name: String,
    pub tenants: Vec<Tenant>,
    pub doors: Arc<Doors>,
    pub watched: Watched,
}

/// Runs the workload in new accounts and returns what is known after each of the judged steps.
pub async fn run(ground: &Ground, workload: &Workload, strikes: Strikes) -> Result<Vec<Outcome>, String> {
    let (name, tenants) = Tenant::new_ones(ground, workload).await;
    let of_run = |error: String| format!("{error} (run {name})");
    let doors = Arc::new(Doors::new());
    // Faults that want another configuration strike alone, or beside their like.
    let fault = strikes.values().flatten().map(|strike| strike.fault).next();
    let workers = Workers::start(ground, &doors, &name, fault, PATIENCE).await.map_err(of_run)?;
    let watched = Watched::start(Api::all(ground.client.clone()), &format!("story={name}"));
    let run = Run { ground, workload, name: name.clone(), tenants, doors, watched };
    let outcomes = run.carry_out(strikes, &workers).await;
    workers.stop().await.map_err(of_run)?;
    match &outcomes {
        Ok(_) => {
            run.clean_up().await.map_err(|error| of_run(error.to_string()))?;
            for tenant in run.tenants {
                ground.forget(&tenant.account).await;
                ground.give_back(tenant.namespace);
            }
        }
        Err(_) => write_down(&run.doors.journal(), &run.name),
    }
    outcomes.map_err(of_run)
}

impl Run<'_> {
    async fn carry_out(&self, mut strikes: Strikes, workers: &Workers) -> Result<Vec<Outcome>, String> {
        self.doors.begin_step(usize::MAX, None);
        let planted = self.plant().await;
        self.keep_secret().await?;
        if !self.workload.of_account {
            self.declare_accounts(&json!({})).await?;
        }
        self.apply_until_ready(&self.workload.before).await?;
        let (mut objects, mut outcomes) = (Vec::new(), Vec::new());
        for (number, step) in self.workload.steps.iter().enumerate() {
            let is_judged = strikes.contains_key(&number) || number + 1 == self.workload.steps.len();
            self.doors.begin_step(number, strikes.remove(&number).flatten());
            self.take(step, &objects).await?;
            if self.doors.fired() {
                workers.resume(PATIENCE).await?;
            }
            let mut late_writes = Vec::new();
            if let Step::Apply(wanted) | Step::Recreate(wanted) = step {
                if is_judged {
                    late_writes = self.look_again(wanted).await?;
                }
                objects = self.own_objects();
            }
            if is_judged {
                outcomes.push(self.outcome(number, &planted, &objects, late_writes).await);
            }
        }
        Ok(outcomes)
    }

    async fn outcome(
        &self,
        step: usize,
        planted: &Value,
        objects: &[AwsResource],
        late_writes: Vec<String>,
    ) -> Outcome {
        let (end, secret) = (self.end().await, self.secret());
        Outcome {
            name: self.name.clone(),
            tenants: self.tenants.clone(),
            step,
            journal: self.doors.journal(),
            planted: planted.clone(),
            end,
            objects: objects.to_vec(),
            late_writes,
            told: logs::lines_with(&self.name, &secret),
            secret,
            fired: self.doors.fired(),
        }
    }

    async fn take(&self, step: &Step, objects: &[AwsResource]) -> Result<(), String> {
        match step {
            Step::Account(spec) => self.declare_accounts(spec).await,
            Step::Apply(wanted) => self.apply_until_ready(wanted).await,
            Step::Recreate(wanted) => {
                self.delete(objects).await?;
                self.apply_until_ready(wanted).await
            }
            Step::Delete => self.delete(objects).await,
            Step::DropAccount => self.drop_accounts().await,
        }
    }

    async fn end(&self) -> End {
        let holds = self.look().await;
        let own = self.own_objects();
        let objects = own.iter().map(|object| {
            json!({
                "name": object.metadata.name, "finalizers": object.metadata.finalizers, "status": object.status,
            })
        });
        let mut objects: Vec<Value> = objects.collect();
        if self.workload.of_account {
            objects.extend(self.accounts_as_seen().await);
        }
        let names: Names<'_> = &names(&self.name, &self.tenants);
        let (objects, inventory) = (normal(&Value::Array(objects), names), normal(&holds, names));
        End { objects, holds, inventory }
    }
}

fn names<'a>(run: &'a str, tenants: &'a [Tenant]) -> Vec<(&'a str, &'a str)> {
    const ACCOUNTS: [&str; 2] = ["ACCOUNT", "NEIGHBOUR"];
    const NAMESPACES: [&str; 2] = ["NAMESPACE", "NEIGHBOURS"];
    let accounts = tenants.iter().zip(ACCOUNTS).map(|(tenant, shown)| (tenant.account.as_str(), shown));
    let namespaces = tenants.iter().zip(NAMESPACES).map(|(tenant, shown)| (tenant.namespace.as_str(), shown));
    accounts.chain([(run, "PLAN")]).chain(namespaces).collect()
}
