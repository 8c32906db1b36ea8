//! The accounts of a run: one, or two that must not meet, each with a namespace of its own.

use super::ground::Ground;
use super::run::{PATIENCE, Run};
use super::steps::user;
use super::workloads::Workload;
use crate::e2e::controller;
use crate::e2e::story::is_true;
use ccagi_aws_agent::api::account::AwsAccount;
use kube::Api;
use kube::api::{DeleteParams, Patch};
use kube::runtime::wait::{await_condition, conditions};
use serde_json::{Value, json};

/// One account and who may use it.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// The name of its AwsAccount.
    pub name: String,
    /// The number of the account.
    pub account: String,
    pub namespace: String,
}

impl Tenant {
    /// The namespace in which documents of the second tenant are written.
    pub const NEIGHBOUR: &'static str = "neighbour";

    /// The name of a run, and the tenants that its workload takes.
    pub async fn new_ones(ground: &Ground, workload: &Workload) -> (String, Vec<Self>) {
        let (run, account) = ground.next();
        let mut tenants = vec![Self { name: run.clone(), account, namespace: ground.take_namespace().await }];
        if workload.neighbour {
            let (_, account) = ground.next();
            tenants.push(Self { name: format!("{run}-b"), account, namespace: ground.take_namespace().await });
        }
        for tenant in &tenants {
            ground.permit(&tenant.account, &tenant.manifest(&run)).await;
        }
        (run, tenants)
    }

    /// The AwsAccount with a plain spec.
    fn manifest(&self, run: &str) -> Value {
        let role = format!("arn:aws:iam::{}:role/CcagiAgentRole", self.account);
        json!({
            "apiVersion": "aws.ccagi.io/v1alpha1", "kind": "AwsAccount",
            "metadata": {"name": self.name, "labels": {"story": run}},
            "spec": {
                "accountId": self.account, "defaultRegion": "us-east-1", "regions": ["us-east-1"],
                "credentials": {"assumeRole": {"roleArn": role}},
                "allowedNamespaces": {"names": [self.namespace]},
                "guardrails": controller::guardrails(&self.namespace),
            },
        })
    }
}

impl Run<'_> {
    pub fn accounts(&self) -> Api<AwsAccount> {
        Api::all(self.ground.client.clone())
    }

    /// Declares the accounts; `spec` overrides members of a plain spec.
    pub async fn declare_accounts(&self, spec: &Value) -> Result<(), String> {
        for tenant in &self.tenants {
            let mut account = tenant.manifest(&self.name);
            for (member, value) in spec.as_object().into_iter().flatten() {
                account["spec"][member] = value.clone();
            }
            let api = self.accounts();
            let applied = api.patch(&tenant.name, &user(), &Patch::Apply(account)).await;
            let generation = applied.map_err(|error| error.to_string())?.metadata.generation;
            let ready = |account: Option<&AwsAccount>| {
                let status = account.and_then(|account| account.status.as_ref());
                let spoken = status.is_some_and(|status| status.observed_generation == generation);
                spoken && is_true(status.map(|status| &status.conditions), "Ready")
            };
            within("the account to be ready", await_condition(api, &tenant.name, ready)).await?;
        }
        Ok(())
    }

    pub async fn drop_accounts(&self) -> Result<(), String> {
        for tenant in &self.tenants {
            let found = self.accounts().get_opt(&tenant.name).await.map_err(|error| error.to_string())?;
            let Some(account) = found else { continue };
            let asked = self.accounts().delete(&tenant.name, &DeleteParams::default()).await;
            asked.map_err(|error| error.to_string())?;
            let gone = conditions::is_deleted(account.metadata.uid.as_deref().unwrap_or_default());
            within("the account to go", await_condition(self.accounts(), &tenant.name, gone)).await?;
        }
        Ok(())
    }

    /// The accounts with their status, without the counts, which are brought up to date from time to time.
    pub async fn accounts_as_seen(&self) -> Vec<Value> {
        let mut seen = Vec::new();
        for tenant in &self.tenants {
            let found = self.accounts().get_opt(&tenant.name).await.expect("the API server answers");
            seen.extend(found.map(|account| {
                let status = account.status.unwrap_or_default();
                json!({
                    "finalizers": account.metadata.finalizers, "conditions": status.conditions,
                    "observedGeneration": status.observed_generation, "identityArn": status.identity_arn,
                    "usableRegions": status.usable_regions,
                })
            }));
        }
        seen
    }

    /// Puts into each account what is somebody else's, and returns all that the accounts hold then.
    pub async fn plant(&self) -> Value {
        for tenant in &self.tenants {
            self.ground.plant(&tenant.account, &self.workload.services).await;
        }
        self.look().await
    }

    /// All that the accounts hold of the workload's services, list by list.
    pub async fn look(&self) -> Value {
        let mut all = serde_json::Map::new();
        for (number, tenant) in self.tenants.iter().enumerate() {
            let holds = self.ground.look(&tenant.account, &self.workload.services).await;
            let Value::Object(lists) = holds else { continue };
            let named = |list: String| if number == 0 { list } else { format!("neighbour's {list}") };
            all.extend(lists.into_iter().map(|(list, things)| (named(list), things)));
        }
        Value::Object(all)
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
