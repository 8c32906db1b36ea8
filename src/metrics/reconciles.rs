//! Reconciles, under the names of controller-runtime and of client-go's work queue.
//!
//! kube's controllers do not tell how many objects wait in their queue, so that `workqueue_depth`,
//! `workqueue_adds_total` and `workqueue_queue_duration_seconds` do not exist here.

use prometheus::{
    HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, exponential_buckets,
};
use std::time::Duration;

/// Buckets in seconds: some of controller-runtime's for `reconcile_time_seconds`, and the time after which a
/// reconcile is cut off by default.
const RECONCILE_SECONDS: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.75, 2.5, 3.5, 4.5, 6.0, 8.0, 10.0, 20.0, 30.0, 60.0, 120.0];

/// How a reconcile ended, with controller-runtime's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReconcileResult {
    /// There is nothing left to do until the object changes.
    Success,
    /// It comes back at once.
    Requeue,
    /// It comes back after a while.
    RequeueAfter,
    /// It failed and is tried again.
    Error,
}

impl ReconcileResult {
    fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Requeue => "requeue",
            Self::RequeueAfter => "requeue_after",
            Self::Error => "error",
        }
    }
}

/// Counts and times reconciles.
pub struct Reconciles {
    total: IntCounterVec,
    errors: IntCounterVec,
    seconds: HistogramVec,
    active: IntGaugeVec,
    most: IntGaugeVec,
    work_seconds: HistogramVec,
    retries: IntCounterVec,
    creation: HistogramVec,
    actions: IntCounterVec,
}

/// The types of actions that the product has. Those without a feature yet stay at zero.
const ACTIONS: &[&str] = &[
    "CreateResource",
    "UpdateResource",
    "DeleteResource",
    "DiscoverResources",
    "OptimizeCosts",
    "SecurityAudit",
    "HealthCheck",
    "Heal",
];

impl Reconciles {
    pub(super) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let counter = |name: &str, help: &str, labels: &[&str]| -> prometheus::Result<IntCounterVec> {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let gauge = |name: &str, help: &str| -> prometheus::Result<IntGaugeVec> {
            let gauge = IntGaugeVec::new(Opts::new(name, help), &["controller"])?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let histogram = |name: &str, help: &str, labels: &[&str], buckets: Vec<f64>| {
            let histogram = HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets), labels)?;
            registry.register(Box::new(histogram.clone()))?;
            prometheus::Result::Ok(histogram)
        };
        let actions = counter("ccagi_actions_total", "Actions that were carried out in AWS, by type.", &["type"])?;
        for action in ACTIONS {
            actions.with_label_values(&[action]).inc_by(0);
        }
        Ok(Self {
            total: counter(
                "controller_runtime_reconcile_total",
                "Reconciles, by controller and result.",
                &["controller", "result"],
            )?,
            errors: counter("controller_runtime_reconcile_errors_total", "Reconciles that failed.", &["controller"])?,
            seconds: histogram(
                "controller_runtime_reconcile_time_seconds",
                "Time of a reconcile.",
                &["controller"],
                RECONCILE_SECONDS.to_vec(),
            )?,
            active: gauge("controller_runtime_active_workers", "Reconciles that are running.")?,
            most: gauge(
                "controller_runtime_max_concurrent_reconciles",
                "How many reconciles run at the same time at the most.",
            )?,
            work_seconds: histogram(
                "workqueue_work_duration_seconds",
                "Time that an object taken from the queue takes.",
                &["name", "controller"],
                exponential_buckets(1e-5, 10.0, 8)?,
            )?,
            retries: counter("workqueue_retries_total", "Objects that are tried again.", &["name", "controller"])?,
            creation: histogram(
                "ccagi_resource_creation_seconds",
                "Time from the intent to create a resource until it is ready.",
                &["kind"],
                exponential_buckets(0.5, 2.0, 12)?,
            )?,
            actions,
        })
    }

    /// Says how many reconciles a controller runs at the same time.
    pub fn run_at_most(&self, controller: &str, most: u16) {
        self.most.with_label_values(&[controller]).set(i64::from(most));
    }

    /// Begins a reconcile.
    pub fn begin<'a>(&'a self, controller: &'a str) -> Running<'a> {
        let active = self.active.with_label_values(&[controller]);
        active.inc();
        Running { all: self, controller, active }
    }

    /// Says that a resource of this kind became ready, and how long that took.
    pub fn created(&self, kind: &str, took: Duration) {
        self.creation.with_label_values(&[kind]).observe(took.as_secs_f64());
    }

    /// Says that an action of this type was carried out.
    pub fn acted(&self, action: &str) {
        self.actions.with_label_values(&[action]).inc();
    }
}

/// A reconcile that is running.
pub struct Running<'a> {
    all: &'a Reconciles,
    controller: &'a str,
    active: IntGauge,
}

impl Running<'_> {
    /// Ends it.
    pub fn end(self, result: ReconcileResult, took: Duration) {
        let (all, own, seconds) = (self.all, [self.controller], took.as_secs_f64());
        all.total.with_label_values(&[self.controller, result.as_str()]).inc();
        all.seconds.with_label_values(&own).observe(seconds);
        all.work_seconds.with_label_values(&[self.controller, self.controller]).observe(seconds);
        if result == ReconcileResult::Error {
            all.errors.with_label_values(&own).inc();
            all.retries.with_label_values(&[self.controller, self.controller]).inc();
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.active.dec();
    }
}
