//! What every pass works with, and what is remembered of an object between passes.

use crate::api::account::AwsAccount;
use crate::aws::session::Sessions;
use crate::config::RunConfig;
use crate::fence::Fence;
use crate::health::Teller;
use crate::lifecycle::absence::Absence;
use crate::lifecycle::caches::CachesFilled;
use crate::lifecycle::governance::Agents;
use crate::lifecycle::graph::Graph;
use crate::lifecycle::prices::Prices;
use crate::lifecycle::recorder::Recorder;
use crate::lifecycle::refusal::Refusal;
use crate::lifecycle::takeover::Claims;
use crate::metrics::Metrics;
use crate::traces::Traces;
use k8s_openapi::api::core::v1::Namespace;
use kube::Client;
use kube::core::{DeserializeGuard, PartialObjectMeta};
use kube::runtime::reflector::Store;
use rand::Rng;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The AwsAccounts of the cluster; one that does not parse stands for itself only.
pub type Accounts = Store<DeserializeGuard<AwsAccount>>;

/// The namespaces of the cluster, for their labels.
pub type Namespaces = Store<PartialObjectMeta<Namespace>>;

/// What every pass works with.
pub struct Context {
    /// The Kubernetes client.
    pub client: Client,
    /// The one recorder of Events: it counts repeats.
    pub recorder: Recorder,
    /// The AWS sessions.
    pub sessions: Sessions,
    /// The AwsAccounts of the cluster.
    pub accounts: Accounts,
    /// The service agents of the cluster.
    pub agents: Agents,
    /// The namespaces of the cluster.
    pub namespaces: Namespaces,
    /// Whether the caches are filled: before that, an account that is not in the cache may well exist.
    pub caches: CachesFilled,
    /// The id that marks this cluster's resources in AWS.
    pub cluster_id: String,
    /// Whether a write may begin.
    pub fence: Fence,
    /// Flags and environment.
    pub config: RunConfig,
    /// What is remembered of objects, by UID.
    pub memory: Memory,
    /// Who is taking over what.
    pub claims: Claims,
    /// Who refers to whom.
    pub graph: Arc<Graph>,
    /// What things cost.
    pub prices: Prices,
    /// What is counted and measured.
    pub metrics: Arc<Metrics>,
    /// Where traces of reconciles go.
    pub traces: Traces,
}

/// What is remembered of objects between passes. All of it may be lost at any time: it spares
/// calls and writes, and makes nothing safe.
#[derive(Default)]
pub struct Memory(Mutex<HashMap<String, Recollection>>);

/// What is remembered of one object.
#[derive(Clone, Debug, Default)]
pub struct Recollection {
    /// How many passes in a row ended in an error.
    pub failures: u32,
    /// What was looked for in vain.
    pub absence: Option<Absence>,
    /// What AWS has refused and not yet accepted.
    pub refusal: Option<Refusal>,
    /// The last changes written, as text, and how often in a row.
    pub last_update: Option<(String, u32)>,
    /// The last Event, so that the same news is told once.
    pub last_event: Option<String>,
    /// What was told of its health.
    pub health: Teller,
}

impl Memory {
    /// What is remembered of the object with this UID.
    pub fn of(&self, uid: &str) -> Recollection {
        self.lock().get(uid).cloned().unwrap_or_default()
    }

    /// Changes what is remembered of an object.
    pub fn change<T>(&self, uid: &str, edit: impl FnOnce(&mut Recollection) -> T) -> T {
        edit(self.lock().entry(uid.to_owned()).or_default())
    }

    /// Forgets all objects but these: one without our finalizer goes without notice.
    pub fn keep(&self, uids: &HashSet<String>) {
        self.lock().retain(|uid, _| uids.contains(uid));
    }

    /// Forgets an object that is gone.
    pub fn forget(&self, uid: &str) {
        self.lock().remove(uid);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Recollection>> {
        // Nothing in here can be left half-done by a panic elsewhere.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Context {
    /// The delay before the next try after `failures` errors in a row: exponential, with jitter of a
    /// half, between the configured base and maximum.
    pub fn backoff(&self, failures: u32) -> Duration {
        let factor = 2_u32.saturating_pow(failures.saturating_sub(1).min(20));
        let full = self.config.backoff_base.saturating_mul(factor).min(self.config.backoff_max);
        full.mul_f64(rand::rng().random_range(0.5..=1.0))
    }

    /// The time until the next look for drift, with jitter of a tenth, so that objects that were
    /// applied together are not looked at together for ever.
    pub fn drift_delay(&self, period_seconds: Option<i32>) -> Duration {
        let own = period_seconds.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
        own.unwrap_or(self.config.drift_period).mul_f64(rand::rng().random_range(0.9..=1.1))
    }
}
