//! What the process counts and measures, in Prometheus' text format.
//!
//! What dashboards for controllers look for has controller-runtime's names and labels
//! (<https://book.kubebuilder.io/reference/metrics-reference>); the rest begins with `ccagi_`. Labels take
//! their values from fixed sets, and from the accounts of the cluster, never from objects.

mod budgets;
mod calls;
pub mod inventory;
mod objects;
mod reconciles;

pub use budgets::CallBudgets;
pub use calls::AwsCalls;
pub use objects::Objects;
pub use reconciles::{ReconcileResult, Reconciles};

use prometheus::core::Collector;
use prometheus::{IntGaugeVec, Opts, Registry, TextEncoder};

/// All metrics of the process.
pub struct Metrics {
    registry: Registry,
    /// Reconciles of all controllers.
    pub reconciles: Reconciles,
    /// Calls of AWS.
    pub aws_calls: AwsCalls,
    leads: IntGaugeVec,
}

impl Metrics {
    /// All metrics, at zero.
    ///
    /// # Errors
    /// Where two of them have the same name.
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let leads = IntGaugeVec::new(
            Opts::new("leader_election_master_status", "Whether this process holds the Lease of this name: 1 or 0."),
            &["name"],
        )?;
        registry.register(Box::new(leads.clone()))?;
        let (reconciles, aws_calls) = (Reconciles::register(&registry)?, AwsCalls::register(&registry)?);
        Ok(Self { reconciles, aws_calls, leads, registry })
    }

    /// Says whether this process holds the Lease of this name.
    pub fn leads(&self, lease: &str, it_does: bool) {
        self.leads.with_label_values(&[lease]).set(i64::from(it_does));
    }

    /// Has these counted whenever the metrics are read.
    ///
    /// # Errors
    /// Where they are counted already.
    pub fn count(&self, what: impl Collector + 'static) -> prometheus::Result<()> {
        self.registry.register(Box::new(what))
    }

    /// All metrics as they are now.
    ///
    /// # Errors
    /// Where a metric has no samples of its type.
    pub fn text(&self) -> prometheus::Result<String> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_reconcile_is_counted_under_the_names_that_dashboards_expect() {
        let metrics = Metrics::new().unwrap();
        let running = metrics.reconciles.begin("awsresource");
        assert!(metrics.text().unwrap().contains("controller_runtime_active_workers{controller=\"awsresource\"} 1"));
        running.end(ReconcileResult::Error, Duration::from_millis(20));
        let text = metrics.text().unwrap();
        for line in [
            "controller_runtime_active_workers{controller=\"awsresource\"} 0",
            "controller_runtime_reconcile_total{controller=\"awsresource\",result=\"error\"} 1",
            "controller_runtime_reconcile_errors_total{controller=\"awsresource\"} 1",
            "controller_runtime_reconcile_time_seconds_count{controller=\"awsresource\"} 1",
            "workqueue_work_duration_seconds_count{controller=\"awsresource\",name=\"awsresource\"} 1",
            "workqueue_retries_total{controller=\"awsresource\",name=\"awsresource\"} 1",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn a_reconcile_that_is_cut_off_is_no_longer_active() {
        let metrics = Metrics::new().unwrap();
        drop(metrics.reconciles.begin("awsresource"));
        assert!(metrics.text().unwrap().contains("controller_runtime_active_workers{controller=\"awsresource\"} 0"));
    }

    #[test]
    fn the_leader_is_told_from_a_standby() {
        let metrics = Metrics::new().unwrap();
        metrics.leads("ccagi-aws-agent", false);
        metrics.leads("ccagi-aws-agent", true);
        assert!(metrics.text().unwrap().contains("leader_election_master_status{name=\"ccagi-aws-agent\"} 1"));
    }
}
