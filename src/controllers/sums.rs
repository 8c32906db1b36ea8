//! What an account's resources come to: how many, how well, how dear. It follows the watch and costs no
//! look at the cluster.

use crate::api::account::{AwsAccount, AwsAccountStatus};
use crate::api::resource::{AwsResource, Health};
use crate::controllers::resource::Guarded;
use crate::cost::{Sum, usd};
use crate::health::worst;
use crate::lifecycle::graph;
use futures::Stream;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher;
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::str::FromStr;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

/// How long changes of an account's resources are gathered before they are added up.
const DEBOUNCE: Duration = Duration::from_secs(1);

/// What the resources of an account come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    by_kind: BTreeMap<String, i32>,
    by_health: BTreeMap<String, i32>,
    health: Option<Health>,
    cost: Sum,
}

impl Sums {
    /// Adds up what the statuses of these resources say.
    pub fn of<'a>(resources: impl IntoIterator<Item = &'a AwsResource>) -> Self {
        let mut sums = Self::default();
        for object in resources {
            let share = Share::of(object);
            *sums.by_kind.entry(share.kind.to_owned()).or_default() += 1;
            *sums.by_health.entry(format!("{:?}", share.health)).or_default() += 1;
            sums.health = worst(sums.health.into_iter().chain([share.health]));
            sums.cost.add(share.per_day);
        }
        sums
    }

    /// Puts the sums into an account's status.
    pub fn write(self, status: &mut AwsAccountStatus) {
        status.resources_managed = Some(self.by_kind.values().sum());
        status.resources_by_kind = self.by_kind;
        status.resources_by_health = self.by_health;
        status.health = self.health;
        status.cost_per_day = Some(usd(self.cost.known.unwrap_or_default()));
        status.resources_without_cost = (self.cost.unknown > 0).then_some(self.cost.unknown);
    }
}

/// What one resource adds to the sums of its account.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Share {
    account: String,
    kind: &'static str,
    health: Health,
    per_day: Option<Decimal>,
}

impl Share {
    fn of(object: &AwsResource) -> Self {
        let status = object.status.as_ref();
        let per_day = status.and_then(|status| status.cost_per_day.as_deref());
        Self {
            account: object.spec.account_ref.name.clone(),
            kind: object.spec.kind.the_one().map_or("Invalid", |kind| kind.name().as_str()),
            health: status.and_then(|status| status.health).unwrap_or(Health::Unknown),
            per_day: per_day.and_then(|text| Decimal::from_str(text).ok()),
        }
    }
}

/// Who adds what, so that only what changes a sum is heard of.
#[derive(Default)]
struct Ledger {
    shares: HashMap<(String, String), Share>,
    listed: BTreeSet<(String, String)>,
}

impl Ledger {
    /// The accounts whose sums an event changes.
    fn follow(&mut self, event: &watcher::Event<Guarded>) -> Vec<String> {
        match event {
            watcher::Event::Init => {
                self.listed.clear();
                Vec::new()
            }
            watcher::Event::InitApply(DeserializeGuard(Ok(object))) => {
                self.listed.insert(graph::key(object));
                self.apply(object)
            }
            watcher::Event::InitDone => {
                let listed = std::mem::take(&mut self.listed);
                let gone = self.shares.extract_if(|key, _| !listed.contains(key));
                gone.map(|(_, share)| share.account).collect()
            }
            watcher::Event::Apply(DeserializeGuard(Ok(object))) => self.apply(object),
            watcher::Event::Delete(DeserializeGuard(Ok(object))) => {
                self.shares.remove(&graph::key(object)).map(|share| share.account).into_iter().collect()
            }
            // What cannot be read is in no sum.
            _ => Vec::new(),
        }
    }

    fn apply(&mut self, object: &AwsResource) -> Vec<String> {
        let share = Share::of(object);
        let account = share.account.clone();
        match self.shares.insert(graph::key(object), share.clone()) {
            Some(old) if old == share => Vec::new(),
            Some(old) if old.account != account => vec![old.account, account],
            _ => vec![account],
        }
    }
}

/// What follows the watch of the resources and names the accounts whose sums have changed.
pub fn follow(changed: UnboundedSender<String>) -> impl FnMut(&watcher::Event<Guarded>) {
    let mut ledger = Ledger::default();
    move |event| {
        for account in ledger.follow(event) {
            // The receiver lives as long as the account controller; without it nobody needs to know.
            let _ = changed.send(account);
        }
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

    #[test]
    fn the_sums_are_those_of_all_resources() {
        let unseen = resource("new", "prod", json!({}));
        let sums = Sums::of([&bucket("Healthy", "0.10"), &bucket("Degraded", "0.2496"), &unseen]);
        let mut status = AwsAccountStatus::default();
        sums.write(&mut status);
        assert_eq!(status.cost_per_day.as_deref(), Some("0.3496"));
        assert_eq!(status.resources_without_cost, Some(1));
        assert_eq!(status.health, Some(Health::Degraded));
        assert_eq!((status.resources_managed, status.resources_by_kind["S3Bucket"]), (Some(3), 3));
        let by_health: Vec<_> =
            status.resources_by_health.iter().map(|(health, count)| (health.as_str(), *count)).collect();
        assert_eq!(by_health, [("Degraded", 1), ("Healthy", 1), ("Unknown", 1)]);
    }

    #[test]
    fn only_what_changes_a_sum_is_heard_of() {
        let mut ledger = Ledger::default();
        let mut apply = |object: AwsResource| ledger.follow(&watcher::Event::Apply(DeserializeGuard(Ok(object))));
        assert_eq!(apply(bucket("Healthy", "0.10")), ["prod"]);
        assert!(apply(bucket("Healthy", "0.10")).is_empty());
        assert_eq!(apply(bucket("Unhealthy", "0.10")), ["prod"]);
        assert_eq!(apply(bucket("Unhealthy", "0.20")), ["prod"]);
    }

    #[test]
    fn what_is_gone_after_the_watch_was_begun_anew_leaves_the_sums() {
        let mut ledger = Ledger::default();
        let guarded = |object| DeserializeGuard(Ok(object));
        ledger.follow(&watcher::Event::Apply(guarded(bucket("Healthy", "0.10"))));
        ledger.follow(&watcher::Event::Apply(guarded(resource("other", "test", json!({})))));
        ledger.follow(&watcher::Event::Init);
        ledger.follow(&watcher::Event::InitApply(guarded(bucket("Healthy", "0.10"))));
        assert_eq!(ledger.follow(&watcher::Event::InitDone), ["test"]);
        assert!(ledger.follow(&watcher::Event::Delete(guarded(resource("other", "test", json!({}))))).is_empty());
        assert_eq!(ledger.follow(&watcher::Event::Delete(guarded(bucket("Healthy", "0.10")))), ["prod"]);
    }
}
