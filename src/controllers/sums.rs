//! What an account's resources come to: how many, how well, how dear. It follows the watch: a resource that
//! changes costs neither a look at the cluster nor one at the others.

use crate::api::account::{AwsAccount, AwsAccountStatus};
use crate::api::resource::Health;
use crate::controllers::resource::Guarded;
use crate::cost::usd;
use crate::health::worst;
use crate::lifecycle::graph::{self, Key};
use crate::metrics::inventory::{Share, Sums};
use futures::Stream;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

/// How long changes of an account's resources are gathered before its status is written.
const DEBOUNCE: Duration = Duration::from_secs(1);

/// Who adds what to which sums.
#[derive(Default)]
struct Entries {
    shares: HashMap<Key, Share>,
    listed: BTreeSet<Key>,
    sums: BTreeMap<String, Sums>,
}

impl Entries {
    /// The accounts whose status an event changes.
    fn follow(&mut self, event: &watcher::Event<Guarded>) -> Vec<String> {
        match event {
            watcher::Event::Init => {
                self.listed.clear();
                Vec::new()
            }
            watcher::Event::InitApply(object) => {
                self.listed.insert(graph::key(object));
                self.enter(graph::key(object), share(object))
            }
            watcher::Event::InitDone => {
                let listed = std::mem::take(&mut self.listed);
                let gone: Vec<Key> = self.shares.keys().filter(|key| !listed.contains(*key)).cloned().collect();
                gone.into_iter().flat_map(|key| self.enter(key, None)).collect()
            }
            watcher::Event::Apply(object) => self.enter(graph::key(object), share(object)),
            watcher::Event::Delete(object) => self.enter(graph::key(object), None),
        }
    }

    fn enter(&mut self, key: Key, share: Option<Share>) -> Vec<String> {
        let old = match share.clone() {
            Some(share) => self.shares.insert(key, share),
            None => self.shares.remove(&key),
        };
        if old == share {
            return Vec::new();
        }
        if let Some(old) = &old {
            let sums = self.sums.entry(old.account.clone()).or_default();
            sums.remove(old);
            if *sums == Sums::default() {
                self.sums.remove(&old.account);
            }
        }
        if let Some(share) = &share {
            self.sums.entry(share.account.clone()).or_default().add(share);
        }
        if old.as_ref().map(told) == share.as_ref().map(told) {
            return Vec::new();
        }
        let mut accounts: Vec<String> = old.into_iter().chain(share).map(|share| share.account).collect();
        accounts.dedup();
        accounts
    }
}

/// What an object adds; one that cannot be read is in no sum.
fn share(object: &Guarded) -> Option<Share> {
    object.0.as_ref().ok().map(Share::of)
}

/// What of a share the status of its account tells.
fn told(share: &Share) -> (&str, &str, Health, Option<&str>, bool) {
    (&share.account, share.kind, share.health, share.per_day.as_deref(), share.is_priced_elsewhere)
}

/// The sums of all accounts.
#[derive(Clone, Default)]
pub struct Ledger(Arc<Mutex<Entries>>);

impl Ledger {
    /// What follows the watch of the resources and names the accounts whose status has to tell of a change.
    pub fn follow(&self, changed: UnboundedSender<String>) -> impl FnMut(&watcher::Event<Guarded>) + Send + 'static {
        let ledger = self.clone();
        move |event| {
            for account in ledger.lock().follow(event) {
                // The receiver lives as long as the account controller; without it nobody needs to know.
                let _ = changed.send(account);
            }
        }
    }

    /// Puts an account's sums into its status.
    pub fn write(&self, account: &str, status: &mut AwsAccountStatus) {
        let Sums { classes, cost, .. } = self.lock().sums.get(account).cloned().unwrap_or_default();
        let (kinds, healths) = (classes.by(|(kind, ..)| *kind), classes.by(|(_, _, health)| *health));
        status.resources_managed = Some(classes.total());
        status.resources_by_kind = kinds.iter().map(|(kind, count)| ((*kind).to_owned(), count)).collect();
        status.resources_by_health = healths.by_name(|health| health.as_str());
        status.health = worst(healths.keys().copied());
        status.cost_per_day = Some(usd(cost.known().unwrap_or_default()));
        status.resources_priced_elsewhere = (cost.stood_in() > 0).then_some(cost.stood_in());
        status.resources_without_cost = (cost.unknown() > 0).then_some(cost.unknown());
    }

    /// The sums by account as they are now.
    pub fn sums(&self) -> BTreeMap<String, Sums> {
        self.lock().sums.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        // Nothing in here can be left half-done by a panic elsewhere.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The accounts to add up anew, each once for what happens within a moment.
pub fn accounts(changed: UnboundedReceiver<String>) -> impl Stream<Item = ObjectRef<DeserializeGuard<AwsAccount>>> {
    let gathered = futures::stream::unfold(changed, |mut changed| async {
        let mut names = BTreeSet::from([changed.recv().await?]);
        tokio::time::sleep(DEBOUNCE).await;
        while let Ok(name) = changed.try_recv() {
            names.insert(name);
        }
        Some((futures::stream::iter(names.into_iter().map(|name| ObjectRef::new(&name))), changed))
    });
    futures::StreamExt::flatten(gathered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::resource::AwsResource;
    use serde_json::json;

    fn resource(name: &str, account: &str, status: serde_json::Value) -> AwsResource {
        serde_json::from_value(json!({
            "apiVersion": "aws.ccagi.io/v1alpha1", "kind": "AwsResource",
            "metadata": {"name": name, "namespace": "shop"},
            "spec": {"accountRef": {"name": account}, "s3Bucket": {"bucketName": "assets"}},
            "status": status,
        }))
        .unwrap()
    }

    fn bucket(health: &str, per_day: &str) -> AwsResource {
        resource("assets", "prod", json!({"health": health, "costPerDay": per_day}))
    }

    fn guarded(object: AwsResource) -> Guarded {
        DeserializeGuard(Ok(object))
    }

    #[test]
    fn the_sums_are_those_of_all_resources() {
        let ledger = Ledger::default();
        let named = |name: &str, object: AwsResource| {
            let mut object = object;
            object.metadata.name = Some(name.into());
            watcher::Event::Apply(guarded(object))
        };
        let mut follow = ledger.follow(tokio::sync::mpsc::unbounded_channel().0);
        follow(&named("a", bucket("Healthy", "0.10")));
        follow(&named("b", bucket("Unhealthy", "7.00")));
        follow(&named("b", bucket("Degraded", "0.2496")));
        follow(&named("c", resource("new", "prod", json!({}))));
        let mut status = AwsAccountStatus::default();
        ledger.write("prod", &mut status);
        assert_eq!(status.cost_per_day.as_deref(), Some("0.3496"));
        assert_eq!(status.resources_without_cost, Some(1));
        assert_eq!(status.health, Some(Health::Degraded));
        assert_eq!((status.resources_managed, status.resources_by_kind["S3Bucket"]), (Some(3), 3));
        let by_health: Vec<_> =
            status.resources_by_health.iter().map(|(health, count)| (health.as_str(), *count)).collect();
        assert_eq!(by_health, [("Degraded", 1), ("Healthy", 1), ("Unknown", 1)]);
    }

    #[test]
    fn an_account_that_nobody_uses_has_nothing_and_costs_nothing() {
        let mut status = AwsAccountStatus::default();
        Ledger::default().write("prod", &mut status);
        assert_eq!((status.resources_managed, status.cost_per_day.as_deref()), (Some(0), Some("0.00")));
        assert_eq!((status.health, status.resources_without_cost), (None, None));
    }

    #[test]
    fn only_what_the_status_of_an_account_tells_is_heard_of() {
        let mut entries = Entries::default();
        let mut apply = |object: AwsResource| entries.follow(&watcher::Event::Apply(guarded(object)));
        assert_eq!(apply(bucket("Healthy", "0.10")), ["prod"]);
        assert!(apply(bucket("Healthy", "0.10")).is_empty());
        let owned = json!({"health": "Healthy", "costPerDay": "0.10", "owner": "SteveJobs", "state": "Active"});
        assert!(apply(resource("assets", "prod", owned)).is_empty());
        assert_eq!(apply(bucket("Unhealthy", "0.10")), ["prod"]);
        assert_eq!(apply(bucket("Unhealthy", "0.20")), ["prod"]);
        assert_eq!(apply(resource("assets", "test", json!({}))), ["prod", "test"]);
    }

    #[test]
    fn what_can_no_longer_be_read_leaves_the_sums() {
        let mut entries = Entries::default();
        let unreadable: Guarded = serde_json::from_value(json!({
            "apiVersion": "aws.ccagi.io/v1alpha1", "kind": "AwsResource",
            "metadata": {"name": "assets", "namespace": "shop"}, "spec": {"accountRef": 7},
        }))
        .unwrap();
        assert!(unreadable.0.is_err());
        entries.follow(&watcher::Event::Apply(guarded(bucket("Healthy", "0.10"))));
        assert_eq!(entries.follow(&watcher::Event::Apply(unreadable)), ["prod"]);
        assert!(entries.sums.is_empty() && entries.shares.is_empty());
    }

    #[test]
    fn what_is_gone_after_the_watch_was_begun_anew_leaves_the_sums() {
        let mut entries = Entries::default();
        entries.follow(&watcher::Event::Apply(guarded(bucket("Healthy", "0.10"))));
        entries.follow(&watcher::Event::Apply(guarded(resource("other", "test", json!({})))));
        entries.follow(&watcher::Event::Init);
        entries.follow(&watcher::Event::InitApply(guarded(bucket("Healthy", "0.10"))));
        assert_eq!(entries.follow(&watcher::Event::InitDone), ["test"]);
        assert!(entries.follow(&watcher::Event::Delete(guarded(resource("other", "test", json!({}))))).is_empty());
        assert_eq!(entries.follow(&watcher::Event::Delete(guarded(bucket("Healthy", "0.10")))), ["prod"]);
        assert!(entries.sums.is_empty() && entries.shares.is_empty());
    }
}
