//! What the users of a run do, and how they wait for it.

use super::run::{PATIENCE, Run};
use super::tenants::Tenant;
use super::watched::Objects;
use crate::e2e::story::is_ready;
use ccagi_aws_agent::api::ANNOTATION_RECONCILE;
use ccagi_aws_agent::api::resource::AwsResource;
use ccagi_aws_agent::api::service_agent::ServiceAgent;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Debug;

/// The Secret that objects may refer to, and its key.
pub const SECRET: (&str, &str) = ("shop-orders", "password");

impl Run<'_> {
    pub fn resources(&self, namespace: &str) -> Api<AwsResource> {
        Api::namespaced(self.ground.client.clone(), namespace)
    }

    /// The tenant that an object is of: the first one, unless it is the neighbour's.
    fn tenant_of(&self, document: &Value) -> &Tenant {
        let is_neighbours = document["metadata"]["namespace"] == Tenant::NEIGHBOUR;
        &self.tenants[usize::from(is_neighbours)]
    }

    pub async fn apply_until_ready(&self, documents: &[Value]) -> Result<(), String> {
        let mut applied = Vec::new();
        for document in documents {
            let tenant = self.tenant_of(document);
            let text = document.to_string().replace("111122223333", &tenant.account);
            let mut object: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
            let name = name_of(document);
            object["metadata"] = json!({"name": name, "labels": {"story": self.name}});
            object["spec"]["accountRef"] = json!({"name": tenant.name});
            let object = self.resources(&tenant.namespace).patch(name, &user(), &Patch::Apply(object)).await;
            applied.push(object.map_err(|error| error.to_string())?);
        }
        // The watch may still show an object as it was before.
        let is_done = |objects: &Objects, wanted: &AwsResource| {
            let object = objects.get(&wanted.name_any());
            object.is_some_and(|object| {
                object.metadata.uid == wanted.metadata.uid
                    && object.metadata.generation >= wanted.metadata.generation
                    && is_ready(object)
            })
        };
        let all = |objects: &Objects| applied.iter().all(|wanted| is_done(objects, wanted));
        self.watched.until("all objects to be ready", PATIENCE, all).await
    }

    /// Asks for another look at every object, waits until each was taken, and returns the AWS writes that
    /// were made meanwhile: there is nothing left to do.
    pub async fn look_again(&self, documents: &[Value]) -> Result<Vec<String>, String> {
        let before = self.doors.journal().len();
        let patch = Patch::Merge(json!({"metadata": {"annotations": {ANNOTATION_RECONCILE: "again"}}}));
        for document in documents {
            let api = self.resources(&self.tenant_of(document).namespace);
            let asked = api.patch(name_of(document), &PatchParams::default(), &patch).await;
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

    pub fn own_objects(&self) -> Vec<AwsResource> {
        let foreign: Vec<&str> = self.workload.before.iter().map(name_of).collect();
        self.watched.now().into_values().filter(|object| !foreign.contains(&object.name_any().as_str())).collect()
    }

    pub async fn delete(&self, objects: &[AwsResource]) -> Result<(), String> {
        for object in objects {
            let api = self.resources(&object.namespace().unwrap_or_default());
            let asked = api.delete(&object.name_any(), &DeleteParams::default()).await;
            asked.map_err(|error| error.to_string())?;
        }
        let gone = |left: &Objects| objects.iter().all(|object| !left.contains_key(&object.name_any()));
        self.watched.until("all objects to be gone", PATIENCE, gone).await
    }

    /// The value of the Secret: one that nobody else has, so that it is known wherever it turns up.
    pub fn secret(&self) -> String {
        format!("canary-{}", self.name)
    }

    /// Writes the Secret that the objects refer to.
    pub async fn keep_secret(&self) -> Result<(), String> {
        if !self.workload.secret {
            return Ok(());
        }
        let secrets: Api<Secret> = Api::namespaced(self.ground.client.clone(), &self.tenants[0].namespace);
        let (name, key) = SECRET;
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {key: self.secret()},
        });
        let written = secrets.patch(name, &user(), &Patch::Apply(secret)).await;
        written.map(|_| ()).map_err(|error| error.to_string())
    }

    /// Takes away what the workload was built on, once nobody works on it. In AWS it goes with the account.
    pub async fn clean_up(&self) -> Result<(), kube::Error> {
        for object in self.watched.now().into_values() {
            remove(&self.resources(&object.namespace().unwrap_or_default()), &object).await?;
        }
        for tenant in &self.tenants {
            if let Some(account) = self.accounts().get_opt(&tenant.name).await? {
                remove(&self.accounts(), &account).await?;
            }
            let agents: Api<ServiceAgent> = Api::namespaced(self.ground.client.clone(), &tenant.namespace);
            agents.delete_collection(&DeleteParams::default(), &ListParams::default()).await?;
        }
        Ok(())
    }
}

/// Removes an object together with what protects it from that.
async fn remove<K>(api: &Api<K>, object: &K) -> Result<(), kube::Error>
where
    K: Resource + Clone + Debug + DeserializeOwned,
{
    let name = object.name_any();
    let patch = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    api.patch(&name, &PatchParams::default(), &patch).await?;
    api.delete(&name, &DeleteParams::default()).await.map(drop)
}

fn name_of(document: &Value) -> &str {
    document["metadata"]["name"].as_str().unwrap_or_default()
}

/// The field manager of a person with kubectl.
pub fn user() -> PatchParams {
    PatchParams::apply("kubectl").force()
}
