//! What is left of the budgets of AWS calls, read whenever the metrics are.

use crate::aws::budget::Budgets;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, IntCounterVec, Opts};
use std::sync::{Mutex, PoisonError};

const LABELS: &[&str] = &["account", "region", "service", "class"];

/// Tells what is left of the budgets.
pub struct CallBudgets {
    budgets: Budgets,
    left: GaugeVec,
    refused: IntCounterVec,
    /// Held while the series are set: two who read at the same time would count twice.
    reading: Mutex<()>,
}

impl CallBudgets {
    /// Tells of these budgets.
    ///
    /// # Errors
    /// None but for wrong names, which tests would show.
    pub fn new(budgets: Budgets) -> prometheus::Result<Self> {
        let left = GaugeVec::new(
            Opts::new(
                "ccagi_aws_call_budget_left_ratio",
                "Share of the controller's own budget of AWS calls that is left; of a class with several buckets, in the emptiest.",
            ),
            LABELS,
        )?;
        let refused = IntCounterVec::new(
            Opts::new(
                "ccagi_aws_calls_refused_total",
                "Attempts of AWS calls that were not sent because the controller's own budget was used up.",
            ),
            LABELS,
        )?;
        Ok(Self { budgets, left, refused, reading: Mutex::default() })
    }
}

impl Collector for CallBudgets {
    fn desc(&self) -> Vec<&Desc> {
        self.left.desc().into_iter().chain(self.refused.desc()).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let _reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        self.refused.reset();
        for left in self.budgets.left() {
            let labels = [left.account.as_str(), &left.region, left.service, left.class];
            self.left.with_label_values(&labels).set(left.ratio);
            self.refused.with_label_values(&labels).inc_by(left.refused);
        }
        self.left.collect().into_iter().chain(self.refused.collect()).collect()
    }
}
