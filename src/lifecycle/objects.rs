//! Lists of the objects of a cluster, of whatever kind, and writes to them. Each write names the object by UID
//! and, where the writer must have seen the last change, by resource version.

use crate::api::fit::{Fitted, fit};
use crate::api::{ANNOTATION_RECONCILE, FINALIZER, crd};
use kube::api::{ListParams, ObjectList, Patch, PatchParams};
use kube::core::Status;
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::fmt::Debug;

/// The most objects that one answer to a list holds: 10,000 AwsResources in one take 240 MB.
const PAGE: u32 = 100;

/// The longest value of `status.lastHandledReconcileAt`, in characters.
const ANSWER_LIMIT: usize = 256;

/// Lists all objects, a page at a time, each by `list`. Further pages are of the same moment as the first.
///
/// # Errors
/// That of the page that failed; those before it were visited.
pub async fn for_each_page<K, L>(
    list: impl Fn(ListParams) -> L,
    mut visit: impl FnMut(Vec<K>),
) -> Result<(), kube::Error>
where
    K: Clone,
    L: Future<Output = Result<ObjectList<K>, kube::Error>>,
{
    let mut page = ListParams::default().limit(PAGE);
    loop {
        let listed = list(page.clone()).await?;
        visit(listed.items);
        match listed.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => page = page.continue_token(&token),
            None => return Ok(()),
        }
    }
}

/// Fits a whole status to the bounds of its definition and applies it as `manager`, by compare-and-swap, unless
/// it is `old`, what the object has already. Returns the object as it is then, where something was written.
///
/// # Errors
/// A conflict where the object has changed since it was read; nothing was written then.
pub async fn write_status<K, S>(
    api: &Api<K>,
    object: &K,
    manager: &str,
    old: Option<&S>,
    status: &S,
) -> Result<Option<K>, kube::Error>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
    S: Serialize + DeserializeOwned + PartialEq,
{
    let status: S = within_bounds::<K, S>(status, &object.name_any())?;
    if old == Some(&status) {
        return Ok(None);
    }
    let patch = json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        "metadata": {"uid": object.uid(), "resourceVersion": object.resource_version()},
        "status": status,
    });
    api.patch_status(&object.name_any(), &PatchParams::apply(manager).force(), &Patch::Apply(patch)).await.map(Some)
}

/// The status as its definition takes it. What that leaves out is said in the log: it is a fault of the
/// controller, since nobody else writes a status.
fn within_bounds<K, S>(status: &S, name: &str) -> Result<S, kube::Error>
where
    K: Resource<DynamicType = ()>,
    S: Serialize + DeserializeOwned,
{
    let kind = K::kind(&());
    let mut written = serde_json::to_value(status).map_err(kube::Error::SerdeError)?;
    if let Some(schema) = crd::status_schema(&kind) {
        let Fitted { status, lost } = fit(written, schema).map_err(|unfit| {
            let refused = Status::failure(&unfit.to_string(), "Invalid").with_code(422);
            kube::Error::Api(refused.boxed())
        })?;
        if !lost.is_empty() {
            tracing::warn!(%kind, name, lost = lost.join(", "), "values out of their bounds were left out of a status");
        }
        written = status;
    }
    serde_json::from_value(written).map_err(kube::Error::SerdeError)
}

/// The value of the annotation that asks for a reconcile, as `status.lastHandledReconcileAt` answers it: itself,
/// or a digest of one that is longer than the field takes.
pub fn reconcile_request(object: &impl ResourceExt) -> Option<String> {
    let asked = object.annotations().get(ANNOTATION_RECONCILE)?;
    if asked.chars().count() <= ANSWER_LIMIT {
        return Some(asked.clone());
    }
    let digest: String = Sha256::digest(asked.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    Some(format!("sha256:{digest}"))
}

/// Whether our finalizer is on the object.
pub fn has_finalizer(object: &impl ResourceExt) -> bool {
    object.finalizers().iter().any(|name| name == FINALIZER)
}

/// Whether the value of this annotation is `"true"`.
pub fn is_set(object: &impl ResourceExt, annotation: &str) -> bool {
    object.annotations().get(annotation).is_some_and(|value| value == "true")
}

/// Puts our finalizer on the object, by compare-and-swap, if it is not there, and returns the object
/// as it is then.
///
/// # Errors
/// A conflict where the object has changed since it was read.
pub async fn add_finalizer<K>(api: &Api<K>, object: &K) -> Result<K, kube::Error>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    if has_finalizer(object) {
        return Ok(object.clone());
    }
    let mut finalizers = object.finalizers().to_vec();
    finalizers.push(FINALIZER.to_owned());
    write_finalizers(api, object, finalizers).await
}

/// Takes our finalizer off the object, by compare-and-swap. Those of others stay.
///
/// # Errors
/// A conflict where the object has changed since it was read.
pub async fn remove_finalizer<K>(api: &Api<K>, object: &K) -> Result<K, kube::Error>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let others = object.finalizers().iter().filter(|name| *name != FINALIZER).cloned().collect();
    write_finalizers(api, object, others).await
}

async fn write_finalizers<K>(api: &Api<K>, object: &K, finalizers: Vec<String>) -> Result<K, kube::Error>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let patch = json!({"metadata": {
        "uid": object.uid(),
        "resourceVersion": object.resource_version(),
        "finalizers": finalizers,
    }});
    api.patch(&object.name_any(), &PatchParams::default(), &Patch::Merge(patch)).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::resource::{AwsResource, AwsResourceStatus};

    fn asked(value: &str) -> Option<String> {
        let object: AwsResource = serde_json::from_value(json!({
            "apiVersion": "aws.ccagi.io/v1alpha1", "kind": "AwsResource",
            "metadata": {"name": "one", "annotations": {ANNOTATION_RECONCILE: value}},
            "spec": {"accountRef": {"name": "shop"}, "s3Bucket": {"bucketName": "one"}},
        }))
        .unwrap();
        reconcile_request(&object)
    }

    #[test]
    fn a_long_request_to_reconcile_is_answered_by_its_digest() {
        assert_eq!(asked("now").as_deref(), Some("now"));
        assert_eq!(asked(&"ä".repeat(256)), Some("ä".repeat(256)));
        let (one, other) = (asked(&"x".repeat(257)).unwrap(), asked(&format!("{}y", "x".repeat(256))).unwrap());
        assert!(one.starts_with("sha256:") && one != other, "{one} {other}");
        let status = AwsResourceStatus { last_handled_reconcile_at: Some(one), ..AwsResourceStatus::default() };
        assert_eq!(within_bounds::<AwsResource, _>(&status, "one").unwrap(), status);
    }

    #[test]
    fn a_record_that_does_not_fit_is_refused_like_by_the_api_server() {
        let intent = json!({"incarnation": 1, "token": "t".repeat(65), "requestHash": "h", "accountId": "1",
                            "region": "r", "recordedAt": "now"});
        let status: AwsResourceStatus = serde_json::from_value(json!({"intent": intent})).unwrap();
        let error = within_bounds::<AwsResource, _>(&status, "one").unwrap_err();
        assert!(crate::lifecycle::write_refused::refusal(&error).unwrap().contains("intent.token"), "{error}");
    }
}
