//! Writes what became true into an object's status: the one place that does.

use crate::api::MANAGER_RESOURCE;
use crate::api::conditions::{Verdict, keep_repeats};
use crate::api::resource::{AwsResource, AwsResourceStatus, Change, Intent, ResourceState};
use crate::kinds::{Kind, Observed};
use crate::lifecycle::judgement;
use crate::lifecycle::objects::{reconcile_request, write_status};
use crate::lifecycle::write_refused::refusal;
use k8s_openapi::jiff::Timestamp;
use kube::Api;
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
    status.last_handled_reconcile_at = reconcile_request(object);
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
    let known = known && status.id.is_none();
    // An earlier life may have left parts behind.
    if let Some(intent) = status.intent.as_mut().filter(|intent| known && intent.incarnation == 1) {
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
    match write_status(api, object, MANAGER_RESOURCE, object.status.as_ref(), &status).await {
        Ok(Some(written)) => *object = written,
        Ok(None) => {}
        Err(error) => {
            if refusal(&error).is_some() {
                keep_identity(object, status);
            }
            return Err(error);
        }
    }
    Ok(())
}

/// Keeps the id and ARN of a status that was refused, so that they are in the one that tells of it.
fn keep_identity(object: &mut AwsResource, refused: AwsResourceStatus) {
    let status = object.status.get_or_insert_default();
    status.id = status.id.take().or(refused.id);
    status.arn = status.arn.take().or(refused.arn);
}

/// The same as [`write()`], and the least of the status where the API server refuses the whole of it as invalid.
///
/// # Errors
/// As [`write()`]; also where it refuses the least of it.
pub async fn write_at_least(
    api: &Api<AwsResource>,
    object: &mut AwsResource,
    status: AwsResourceStatus,
) -> Result<(), kube::Error> {
    match write(api, object, status.clone()).await {
        Err(error) if refusal(&error).is_some() => write(api, object, least(status)).await,
        answer => answer,
    }
}

/// What an object's status must say: what is so, and all by which its resource is found and kept again. What
/// is only for show is left out, until it is seen again.
fn least(status: AwsResourceStatus) -> AwsResourceStatus {
    AwsResourceStatus {
        observed_generation: status.observed_generation,
        kind: status.kind,
        id: status.id,
        arn: status.arn,
        intent: status.intent,
        restarting_since: status.restarting_since,
        outputs: status.outputs,
        secret_versions: status.secret_versions,
        applied_tag_keys: status.applied_tag_keys,
        conditions: status.conditions,
        ..AwsResourceStatus::default()
    }
}
