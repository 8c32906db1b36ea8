//! Lists of the objects of a cluster, of whatever kind, and writes to them. Each write names the object by UID
//! and, where the writer must have seen the last change, by resource version.

use crate::api::FINALIZER;
use kube::api::{ListParams, ObjectList, Patch, PatchParams};
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::fmt::Debug;

/// The most objects that one answer to a list holds: 10,000 AwsResources in one take 240 MB.
const PAGE: u32 = 100;

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

/// Applies a whole status as `manager`, by compare-and-swap, and returns the object as it is then.
///
/// # Errors
/// A conflict where the object has changed since it was read; nothing was written then.
pub async fn apply_status<K>(api: &Api<K>, object: &K, manager: &str, status: &impl Serialize) -> Result<K, kube::Error>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let patch = json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        "metadata": {"uid": object.uid(), "resourceVersion": object.resource_version()},
        "status": status,
    });
    api.patch_status(&object.name_any(), &PatchParams::apply(manager).force(), &Patch::Apply(patch)).await
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
