//! Listens to `AwsResource` objects and walks each through its life.

use crate::api::MANAGER_RESOURCE;
use crate::api::conditions::Verdict;
use crate::api::resource::AwsResource;
use crate::controllers::record::recorded;
use crate::controllers::to_action;
use crate::lifecycle::Next;
use crate::lifecycle::context::Context;
use crate::lifecycle::news::News;
use k8s_openapi::jiff::Timestamp;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::error_boundary::InvalidObject;
use kube::core::{ApiResource, DeserializeGuard};
use kube::runtime::controller::Action;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Api, Resource, ResourceExt};
use serde_json::json;
use std::convert::Infallible;
use std::sync::Arc;

/// An `AwsResource`, or what is known of one that this version cannot read.
pub type Guarded = DeserializeGuard<AwsResource>;

/// One reconcile, bounded in time.
pub async fn reconcile_one(object: Arc<Guarded>, cx: Arc<Context>) -> Result<Action, Infallible> {
    cx.caches.wait().await;
    let object = match &object.0 {
        Ok(object) => object.clone(),
        Err(invalid) => return Ok(to_action(report_unreadable(invalid, &cx).await)),
    };
    let uid = object.uid().unwrap_or_default();
    let next = match recorded(object, &cx).await {
        Ok(next) => next,
        Err(_) => {
            let failures = cx.memory.change(&uid, |memory| {
                memory.failures += 1;
                memory.failures
            });
            Next::After(cx.backoff(failures))
        }
    };
    Ok(to_action(next))
}

/// The objects that refer to an account, to be looked at when the account changes.
pub fn objects_of(account: &str, resources: &Store<Guarded>) -> Vec<ObjectRef<Guarded>> {
    let of_account = |guard: &Arc<Guarded>| match &guard.0 {
        Ok(object) => object.spec.account_ref.name == account,
        Err(_) => false,
    };
    resources.state().iter().filter(|guard| of_account(guard)).map(|guard| ObjectRef::from_obj(&**guard)).collect()
}

/// Tells the owner of an object that was stored in a form this version cannot read. All other
/// objects go on as ever.
async fn report_unreadable(invalid: &InvalidObject, cx: &Context) -> Next {
    let metadata = &invalid.metadata;
    let (name, namespace) = (metadata.name.clone().unwrap_or_default(), metadata.namespace.clone().unwrap_or_default());
    let message = format!(
        "The stored object cannot be read: {}. Nothing was touched. Correct it and apply it again.",
        invalid.error
    );
    tracing::warn!(namespace, name, error = invalid.error, "an object cannot be read");
    let verdict = Verdict::stalled("InvalidObject", message.clone());
    let generation = metadata.generation.unwrap_or_default();
    let resource = ApiResource::erase::<AwsResource>(&());
    let patch = json!({
        "apiVersion": AwsResource::api_version(&()),
        "kind": AwsResource::kind(&()),
        "status": {"observedGeneration": generation, "conditions": verdict.conditions(&[], generation, Timestamp::now())},
    });
    let api: Api<DynamicObject> = Api::namespaced_with(cx.client.clone(), &namespace, &resource);
    let params = PatchParams::apply(MANAGER_RESOURCE).force();
    if let Err(error) = api.patch_status(&name, &params, &Patch::Apply(patch)).await {
        tracing::debug!(%error, "the status of an unreadable object could not be written");
    }
    let reference = DeserializeGuard::<AwsResource>(Err(invalid.clone())).object_ref(&());
    cx.recorder.tell(&News::warning("InvalidObject", message), "Reconcile", &reference).await;
    Next::Done
}
