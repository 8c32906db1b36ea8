//! What the objects of the cluster say, counted whenever the metrics are read.

use crate::api::conditions::ConditionType;
use crate::api::resource::{AwsResource, AwsResourceStatus, Health};
use crate::cost::Sum;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Gauge, GaugeVec, Opts};
use rust_decimal::prelude::ToPrimitive;
use std::collections::BTreeMap;

/// Hands every object of the cache to its argument.
type Read = Box<dyn Fn(&mut dyn FnMut(&AwsResource)) + Send + Sync>;

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
        self.resources.reset();
        self.stalled.reset();
        self.cost.reset();
        let mut identified = Sum::default();
        let (mut all, mut registered, mut monitored) = (0_u32, 0_u32, 0_u32);
        let mut cost: BTreeMap<(String, String), Sum> = BTreeMap::new();
        (self.read)(&mut |object| {
            all += 1;
            let Some(status) = &object.status else { return };
            let word = |text: Option<String>| text.unwrap_or_else(|| "Unknown".into());
            let (kind, state) = (word(status.kind.clone()), word(status.state.map(|state| format!("{state:?}"))));
            let health = status.health.unwrap_or(Health::Unknown);
            self.resources.with_label_values(&[&kind, &state, &format!("{health:?}")]).inc();
            if let Some(reason) = stalled_for(status) {
                self.stalled.with_label_values(&[kind.as_str(), reason]).inc();
            }
            monitored += u32::from(health != Health::Unknown);
            registered += u32::from(status.service_agent.is_some());
            if let Some(per_day) = &status.cost_per_day {
                let key = (object.spec.account_ref.name.clone(), word(status.owner.clone()));
                cost.entry(key).or_default().add(Some(per_day));
            }
            let changes = status.recommendations.iter().filter_map(|open| open.cost_change_per_day.as_ref());
            changes.filter_map(|change| change.strip_prefix('-')).for_each(|saved| identified.add(Some(saved)));
        });
        for ((account, owner), sum) in cost {
            self.cost.with_label_values(&[&account, &owner]).set(usd(&sum));
        }
        // What was saved is not told from what was changed for other reasons.
        self.savings.with_label_values(&["realised"]).set(0.0);
        self.savings.with_label_values(&["identified"]).set(usd(&identified));
        self.registered.set(share(registered, all));
        self.health_monitored.set(share(monitored, all));
    }

    fn parts(&self) -> [&dyn Collector; 6] {
        [&self.resources, &self.stalled, &self.cost, &self.registered, &self.health_monitored, &self.savings]
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

    fn object(status: serde_json::Value) -> AwsResource {
        serde_json::from_value(json!({
            "apiVersion": "aws.ccagi.io/v1alpha1", "kind": "AwsResource", "metadata": {"name": "one"},
            "spec": {"accountRef": {"name": "shop"}, "s3Bucket": {"bucketName": "one"}}, "status": status,
        }))
        .unwrap()
    }

    #[test]
    fn objects_are_counted_by_what_they_say_and_their_costs_summed() {
        let said = json!({"kind": "Ec2Instance", "state": "Active", "health": "Healthy", "owner": "BillGates", "serviceAgent": "servers", "costPerDay": "0.25", "conditions": []});
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
        let bucket = json!({"kind": "S3Bucket", "conditions": [stalled], "recommendations": open});
        let objects = [object(said.clone()), object(said), object(bucket)];
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
        let one = object(json!({"kind": "S3Bucket", "conditions": []}));
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
