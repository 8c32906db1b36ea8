//! What the objects of the cluster say, read from their sums whenever the metrics are read.

use super::inventory::Sums;
use crate::api::resource::{Health, ResourceState};
use crate::cost::Sum;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Gauge, GaugeVec, Opts};
use rust_decimal::prelude::ToPrimitive;
use std::collections::BTreeMap;

/// Tells the sums by account.
type Read = Box<dyn Fn() -> BTreeMap<String, Sums> + Send + Sync>;

/// The label of what an object does not say.
const UNKNOWN: &str = "Unknown";

/// What the objects of the cluster come to.
pub struct Objects {
    read: Read,
    resources: GaugeVec,
    stalled: GaugeVec,
    cost: GaugeVec,
    registered: Gauge,
    health_monitored: Gauge,
    savings: GaugeVec,
}

impl Objects {
    /// Shows what `read` tells, the sums by account.
    ///
    /// # Errors
    /// None but for wrong names, which tests would show.
    pub fn new(read: impl Fn() -> BTreeMap<String, Sums> + Send + Sync + 'static) -> prometheus::Result<Self> {
        let gauges = |name: &str, help: &str, labels: &[&str]| GaugeVec::new(Opts::new(name, help), labels);
        Ok(Self {
            read: Box::new(read),
            resources: gauges("ccagi_resources", "AwsResources, by what they say.", &["kind", "state", "health"])?,
            stalled: gauges(
                "ccagi_resources_stalled",
                "AwsResources for which nothing goes on until somebody acts, by the reason.",
                &["kind", "reason"],
            )?,
            cost: gauges(
                "ccagi_cost_usd_per_day",
                "List price of the resources, in USD per day, without what depends on use.",
                &["account", "owner"],
            )?,
            registered: Gauge::new(
                "ccagi_registered_ratio",
                "Share of the AwsResources that a service agent governs.",
            )?,
            health_monitored: Gauge::new(
                "ccagi_health_monitored_ratio",
                "Share of the AwsResources whose health is known.",
            )?,
            savings: gauges(
                "ccagi_savings_usd_per_day",
                "Savings, in USD per day: those that recommendations would make, and those made.",
                &["stage"],
            )?,
        })
    }

    fn set(&self) {
        [&self.resources, &self.stalled, &self.cost].into_iter().for_each(GaugeVec::reset);
        let (mut all, mut monitored, mut governed, mut savings) = (0, 0, 0, Sum::default());
        for (account, sums) in (self.read)() {
            for ((kind, state, health), number) in sums.classes.iter() {
                let state = state.map_or(UNKNOWN, ResourceState::as_str);
                self.resources.with_label_values(&[*kind, state, health.as_str()]).add(number.into());
                all += number;
                monitored += if *health == Health::Unknown { 0 } else { number };
            }
            for ((kind, reason), number) in sums.stalled.iter() {
                self.stalled.with_label_values(&[*kind, reason]).add(number.into());
            }
            for (owner, cost) in sums.cost_by_owner.iter().filter(|(_, cost)| cost.known().is_some()) {
                self.cost.with_label_values(&[account.as_str(), owner.as_deref().unwrap_or(UNKNOWN)]).set(usd(cost));
            }
            governed += sums.governed;
            savings += sums.savings;
        }
        // What was saved is not told from what was changed for other reasons.
        self.savings.with_label_values(&["realised"]).set(0.0);
        self.savings.with_label_values(&["identified"]).set(usd(&savings));
        self.registered.set(share(governed, all));
        self.health_monitored.set(share(monitored, all));
    }

    fn parts(&self) -> [&dyn Collector; 6] {
        [&self.resources, &self.stalled, &self.cost, &self.registered, &self.health_monitored, &self.savings]
    }
}

/// What stands in a gauge is a binary fraction; it was added up as decimals.
fn usd(sum: &Sum) -> f64 {
    sum.known().and_then(|usd| usd.to_f64()).unwrap_or_default()
}

/// Nothing of nothing is all of it.
fn share(part: i32, all: i32) -> f64 {
    if all == 0 { 1.0 } else { f64::from(part) / f64::from(all) }
}

impl Collector for Objects {
    fn desc(&self) -> Vec<&Desc> {
        self.parts().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.set();
        self.parts().into_iter().flat_map(Collector::collect).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Metrics;
    use super::super::inventory::Share;
    use super::*;
    use crate::api::resource::AwsResource;
    use serde_json::json;

    fn sums(objects: &[AwsResource]) -> BTreeMap<String, Sums> {
        let mut sums = BTreeMap::<String, Sums>::new();
        for share in objects.iter().map(Share::of) {
            sums.entry(share.account.clone()).or_default().add(&share);
        }
        sums
    }

    fn object(kind: serde_json::Value, status: serde_json::Value) -> AwsResource {
        let mut object = json!({
            "apiVersion": "aws.ccagi.io/v1alpha1", "kind": "AwsResource", "metadata": {"name": "one"},
            "spec": kind, "status": status,
        });
        object["spec"]["accountRef"] = json!({"name": "shop"});
        serde_json::from_value(object).unwrap()
    }

    fn bucket(status: serde_json::Value) -> AwsResource {
        object(json!({"s3Bucket": {"bucketName": "one"}}), status)
    }

    fn instance(status: serde_json::Value) -> AwsResource {
        object(json!({"ec2Instance": {"imageId": "ami-1", "instanceType": "t3.micro"}}), status)
    }

    #[test]
    fn objects_are_counted_by_what_they_say_and_their_costs_summed() {
        let said = json!({"state": "Active", "health": "Healthy", "owner": "BillGates", "serviceAgent": "servers", "costPerDay": "0.25", "conditions": []});
        let stalled = json!({
            "type": "Stalled", "status": "True", "reason": "AccessDenied", "message": "",
            "lastTransitionTime": "2026-11-24T00:00:00Z",
        });
        let open = |change: &str| {
            json!({
                "id": "1", "action": "Restart", "proposal": "", "reason": "", "approve": "", "since": "",
                "costChangePerDay": change,
            })
        };
        let open = [open("-0.25"), open("-1.50"), open("3.00")];
        let stuck = json!({"conditions": [stalled], "recommendations": open});
        let objects = [instance(said.clone()), instance(said), bucket(stuck)];
        let metrics = Metrics::new().unwrap();
        metrics.count(Objects::new(move || sums(&objects)).unwrap()).unwrap();
        let text = metrics.text().unwrap();
        for line in [
            "ccagi_resources{health=\"Healthy\",kind=\"Ec2Instance\",state=\"Active\"} 2",
            "ccagi_resources{health=\"Unknown\",kind=\"S3Bucket\",state=\"Unknown\"} 1",
            "ccagi_resources_stalled{kind=\"S3Bucket\",reason=\"AccessDenied\"} 1",
            "ccagi_cost_usd_per_day{account=\"shop\",owner=\"BillGates\"} 0.5",
            "ccagi_registered_ratio 0.6666666666666666",
            "ccagi_health_monitored_ratio 0.6666666666666666",
            "ccagi_savings_usd_per_day{stage=\"identified\"} 1.75",
            "ccagi_savings_usd_per_day{stage=\"realised\"} 0",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn what_is_gone_is_not_counted_again() {
        let metrics = Metrics::new().unwrap();
        let calls = std::sync::atomic::AtomicU32::new(0);
        let first = move || calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0;
        let one = [bucket(json!({"conditions": []}))];
        let read = move || if first() { sums(&one) } else { BTreeMap::new() };
        metrics.count(Objects::new(read).unwrap()).unwrap();
        assert!(metrics.text().unwrap().contains("ccagi_resources{"));
        assert!(!metrics.text().unwrap().contains("ccagi_resources{"));
    }
}
