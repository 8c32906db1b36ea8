//! What the objects of the cluster say, counted whenever the metrics are read.

use crate::api::conditions::ConditionType;
use crate::api::resource::{AwsResource, AwsResourceStatus, Health, ResourceState};
use crate::cost::Sum;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Gauge, GaugeVec, Opts};
use rust_decimal::prelude::ToPrimitive;
use std::collections::BTreeMap;

/// Hands every object of the cache to its argument.
type Read = Box<dyn Fn(&mut dyn FnMut(&AwsResource)) + Send + Sync>;

/// The label of what an object does not say.
const UNKNOWN: &str = "Unknown";

/// Counts the objects of the cluster.
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
    /// Counts what `read` hands out.
    ///
    /// # Errors
    /// None but for wrong names, which tests would show.
    pub fn new(read: impl Fn(&mut dyn FnMut(&AwsResource)) + Send + Sync + 'static) -> prometheus::Result<Self> {
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
        let mut counts = Counts::default();
        (self.read)(&mut |object| counts.add(object));
        [&self.resources, &self.stalled, &self.cost].into_iter().for_each(GaugeVec::reset);
        for ((kind, state, health), number) in counts.resources {
            let (state, health) = (state.map_or(UNKNOWN.into(), |state| format!("{state:?}")), format!("{health:?}"));
            self.resources.with_label_values(&[kind, &state, &health]).set(number.into());
        }
        for ((kind, reason), number) in counts.stalled {
            self.stalled.with_label_values(&[kind, &reason]).set(number.into());
        }
        for ((account, owner), sum) in counts.cost {
            self.cost.with_label_values(&[&account, &owner]).set(usd(&sum));
        }
        // What was saved is not told from what was changed for other reasons.
        self.savings.with_label_values(&["realised"]).set(0.0);
        self.savings.with_label_values(&["identified"]).set(usd(&counts.identified));
        self.registered.set(share(counts.registered, counts.all));
        self.health_monitored.set(share(counts.monitored, counts.all));
    }

    fn parts(&self) -> [&dyn Collector; 6] {
        [&self.resources, &self.stalled, &self.cost, &self.registered, &self.health_monitored, &self.savings]
    }
}

/// What the objects say, counted before any series is set: to find a series takes longer than all else.
#[derive(Default)]
struct Counts {
    all: u32,
    registered: u32,
    monitored: u32,
    resources: BTreeMap<(&'static str, Option<ResourceState>, Health), u32>,
    stalled: BTreeMap<(&'static str, String), u32>,
    /// By account and owner.
    cost: BTreeMap<(String, String), Sum>,
    identified: Sum,
}

impl Counts {
    fn add(&mut self, object: &AwsResource) {
        self.all += 1;
        let Some(status) = &object.status else { return };
        let kind = object.spec.kind.name().map_or(UNKNOWN, |kind| kind.as_str());
        let health = status.health.unwrap_or(Health::Unknown);
        *self.resources.entry((kind, status.state, health)).or_default() += 1;
        if let Some(reason) = stalled_for(status) {
            *self.stalled.entry((kind, reason.to_owned())).or_default() += 1;
        }
        self.monitored += u32::from(health != Health::Unknown);
        self.registered += u32::from(status.service_agent.is_some());
        if let Some(per_day) = &status.cost_per_day {
            let owner = status.owner.clone().unwrap_or_else(|| UNKNOWN.to_owned());
            let key = (object.spec.account_ref.name.clone(), owner);
            self.cost.entry(key).or_default().add(Some(per_day));
        }
        let changes = status.recommendations.iter().filter_map(|open| open.cost_change_per_day.as_ref());
        changes.filter_map(|change| change.strip_prefix('-')).for_each(|saved| self.identified.add(Some(saved)));
    }
}

/// Why nothing goes on until somebody acts, where that is so.
fn stalled_for(status: &AwsResourceStatus) -> Option<&str> {
    let holds = |one: &&Condition| one.type_ == ConditionType::Stalled.as_str() && one.status == "True";
    status.conditions.iter().find(holds).map(|one| one.reason.as_str())
}

/// What stands in a gauge is a binary fraction; it was added up as decimals.
fn usd(sum: &Sum) -> f64 {
    sum.known().and_then(|usd| usd.to_f64()).unwrap_or_default()
}

/// Nothing of nothing is all of it.
fn share(part: u32, all: u32) -> f64 {
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
    use super::*;
    use serde_json::json;

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
        metrics.count(Objects::new(move |each| objects.iter().for_each(each)).unwrap()).unwrap();
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
        let one = bucket(json!({"conditions": []}));
        let read = move |each: &mut dyn FnMut(&AwsResource)| {
            if first() {
                each(&one);
            }
        };
        metrics.count(Objects::new(read).unwrap()).unwrap();
        assert!(metrics.text().unwrap().contains("ccagi_resources{"));
        assert!(!metrics.text().unwrap().contains("ccagi_resources{"));
    }
}
