//! Two programs with one lease: the leader is held up, the other takes over, and then the first goes on.

use super::doors::Doors;
use super::program::{Launch, Program};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::DeleteParams;
use kube::runtime::wait::await_condition;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// The namespace of the leases.
const NAMESPACE: &str = "default";

/// The old leader and the one that stands by.
pub struct Rivals {
    old: Mutex<Program>,
    _new: Program,
    doors: Arc<Doors>,
    leases: Api<Lease>,
    run: String,
}

/// The flags of a leader election with a lease that no load of the machine makes a leader lose.
pub fn arguments(run: &str) -> Vec<String> {
    let flags = [
        "--leader-elect --leader-election-lease-duration 12s --leader-election-renew-deadline 10s",
        "--leader-election-retry-period 500ms --api-write-timeout 5s --leader-election-namespace",
        NAMESPACE,
        "--leader-election-id",
        run,
    ];
    flags.iter().flat_map(|flags| flags.split(' ')).map(str::to_owned).collect()
}

impl Rivals {
    /// Starts both; the first one leads.
    pub async fn start(launch: &Launch, patience: Duration) -> Result<Self, String> {
        let leases: Api<Lease> = Api::namespaced(launch.client.clone(), NAMESPACE);
        let old = launch.start().await;
        let held = |lease: Option<&Lease>| {
            let holder = lease.and_then(|lease| lease.spec.as_ref()?.holder_identity.as_ref());
            holder.is_some_and(|holder| !holder.is_empty())
        };
        let leads = await_condition(leases.clone(), &launch.run, held);
        let waited = tokio::time::timeout(patience, leads).await;
        waited.map_err(|_| "nobody leads")?.map_err(|error| error.to_string())?;
        let new = launch.start_rival().await;
        let (doors, run) = (launch.doors.clone(), launch.run.clone());
        Ok(Self { old: Mutex::new(old), _new: new, doors, leases, run })
    }

    /// Lets the old leader go on, and waits until it has ended, as one that has lost its lease does.
    pub async fn resume(&self, patience: Duration) -> Result<(), String> {
        let mut old = self.old.lock().await;
        old.thaw();
        self.doors.heal();
        let status = old.end(patience).await?;
        match status.code() {
            Some(1) => Ok(()),
            _ => Err(format!("the old leader ended with {status}")),
        }
    }

    /// Takes the lease away. One that stays is in nobody's way.
    pub async fn clean_up(&self) {
        let _ = self.leases.delete(&self.run, &DeleteParams::default()).await;
    }
}
