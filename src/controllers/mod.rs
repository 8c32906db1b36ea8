//! The controllers: they listen, call the lifecycle, and come back when it says so.

pub mod account;
pub mod agent;
pub mod api_writes;
pub mod cluster;
mod leader;
mod record;
mod refusals;
mod requirements;
pub mod resource;
mod run;
mod said;
mod scope;
mod streams;
mod sums;
mod touch;
mod work;

pub use run::{RunError, run};
pub use work::{Parts, call_settings, prices, run_with};

use crate::lifecycle::Next;
use kube::core::ObjectMeta;
use kube::runtime::controller::Action;
use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

/// What the Kubernetes machinery is to do next.
fn to_action(next: Next) -> Action {
    match next {
        Next::Again => Action::requeue(Duration::ZERO),
        Next::After(delay) => Action::requeue(delay),
        Next::Done => Action::await_change(),
    }
}

/// A reconcile reports its errors in the object and chooses its own delay, so that there is nothing
/// left for this policy to do.
fn no_errors<K, C>(_object: Arc<K>, error: &Infallible, _context: Arc<C>) -> Action {
    match *error {}
}

/// What of an object's metadata is news to a controller: its generation, which counts spec edits and
/// the deletion mark, and its annotations, which pause it and ask for a reconcile. Writes of status
/// and finalizers are our own and would only wake us up again.
fn news_in(metadata: &ObjectMeta) -> u64 {
    let mut hasher = DefaultHasher::new();
    metadata.uid.hash(&mut hasher);
    metadata.generation.hash(&mut hasher);
    metadata.annotations.hash(&mut hasher);
    metadata.deletion_timestamp.is_some().hash(&mut hasher);
    hasher.finish()
}

/// Drops what no controller reads from a cached object; it is about half of its size.
fn trim(metadata: &mut ObjectMeta) {
    metadata.managed_fields = None;
    if let Some(annotations) = &mut metadata.annotations {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
}
