//! Writes what became true into an object's status: the one place that does.

use crate::api::conditions::{Verdict, keep_repeats};
use crate::api::resource::{AwsResource, AwsResourceStatus, Change, Intent, ResourceState};
use crate::api::{ANNOTATION_RECONCILE, MANAGER_RESOURCE};
use crate::kinds::{Kind, Observed};
use crate::lifecycle::judgement;
use crate::lifecycle::objects::apply_status;
use k8s_openapi::jiff::Timestamp;
use kube::{Api, ResourceExt};
use std::collections::BTreeMap;

/// The most pending changes that a status lists.
const PENDING_LIMIT: usize = 32;

/// The status after a pass: `object`'s own, with this verdict and what `edit` changes in it.
pub fn next(
    object: &AwsResource,
    verdict: &Verdict,
    now: Timestamp,
    edit: impl FnOnce(&mut AwsResourceStatus),
) -> AwsResourceStatus {
    let mut status = object.status.clone().unwrap_or_default();
    let generation = object.metadata.generation.unwrap_or_default();
    status.observed_generation = Some(generation);
    if let Some(kind) = object.spec.kind.the_one().map(|kind| kind.name()) {
        status.kind = Some(kind.as_str().into());
    }
    status.last_handled_reconcile_at = object.annotations().get(ANNOTATION_RECONCILE).cloned();
    edit(&mut status);
    status.conditions = keep_repeats(verdict.conditions(&status.conditions, generation, now), &status.conditions);
    status
}

/// Writes down what is about to be made. Where that begins another life of the resource, nothing of the
/// last one stays.
pub fn begin(status: &mut AwsResourceStatus, intent: Intent, tag_keys: Vec<String>, begins: bool) {
    status.intent = Some(intent);
    status.applied_tag_keys = tag_keys;
    if begins {
        status.id = None;
        status.arn = None;
        status.outputs.clear();
        status.secret_versions.clear();
        status.restarting_since = None;
        status.state = Some(ResourceState::Pending);
        judgement::forget(status);
    }
}

/// Writes down that nothing was made under the intent so far, where that is known. It outlives the process:
/// an object that is deleted later may go then although AWS cannot be read.
pub fn note_without_effect(status: &mut AwsResourceStatus, known: bool) {
    if let Some(intent) = status.intent.as_mut().filter(|_| known && status.id.is_none()) {
        intent.without_effect = true;
    }
}

/// Takes that back, before anything is sent.
pub fn expect_effect(status: &mut AwsResourceStatus) {
    if let Some(intent) = status.intent.as_mut() {
        intent.without_effect = false;
    }
}

/// What was read of a resource, as a status shows it.
#[derive(Clone, Debug)]
pub struct Described {
    id: String,
    arn: String,
    state: ResourceState,
    outputs: BTreeMap<String, String>,
    pending_changes: Vec<Change>,
}

impl Described {
    /// Of this resource, which differs from its spec by `changes`.
    pub fn of<K: Kind>(id: &str, observed: &Observed<K::Spec>, changes: &[Change]) -> Self {
        Self {
            id: id.to_owned(),
            arn: observed.arn.clone(),
            state: observed.state,
            outputs: observed.outputs.clone(),
            pending_changes: changes.iter().take(PENDING_LIMIT).cloned().collect(),
        }
    }

    /// Puts it into the status. A resource that `restarting_since` says is stopped and started is on its
    /// way, whatever AWS calls it.
    pub fn write(self, status: &mut AwsResourceStatus) {
        status.id = Some(self.id);
        status.arn = Some(self.arn);
        status.state = Some(if status.restarting_since.is_some() { ResourceState::Updating } else { self.state });
        status.outputs = self.outputs;
        status.pending_changes = self.pending_changes;
    }
}

/// Writes `status` by compare-and-swap, unless it is what the object has already. The object is
/// then the one that the API server answered with.
///
/// # Errors
/// A conflict where the object has changed since it was read; nothing was written then.
pub async fn write(
    api: &Api<AwsResource>,
    object: &mut AwsResource,
    status: AwsResourceStatus,
) -> Result<(), kube::Error> {
    if object.status.as_ref() == Some(&status) {
        return Ok(());
    }
    *object = apply_status(api, object, MANAGER_RESOURCE, &status).await?;
    Ok(())
}
