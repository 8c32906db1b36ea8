//! Calls of AWS, as counters and a histogram.

use crate::aws::calls::Attempt;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

/// Seconds; a call of AWS takes tens to hundreds of milliseconds, and is given up after some ten seconds.
const SECONDS: &[f64] = &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Counts and times attempts of calls.
pub struct AwsCalls {
    total: IntCounterVec,
    seconds: HistogramVec,
}

impl AwsCalls {
    pub(super) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let total = IntCounterVec::new(
            Opts::new("ccagi_aws_calls_total", "Attempts of AWS calls, by what came of them."),
            &["service", "operation", "account", "result"],
        )?;
        let seconds = HistogramVec::new(
            HistogramOpts::new("ccagi_aws_call_duration_seconds", "Time of an attempt of an AWS call.")
                .buckets(SECONDS.to_vec()),
            &["service"],
        )?;
        registry.register(Box::new(total.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        Ok(Self { total, seconds })
    }

    /// Counts an attempt.
    pub fn made(&self, attempt: &Attempt<'_>) {
        let result = attempt.failure.map_or("Success", |class| class.reason());
        self.total.with_label_values(&[attempt.service, attempt.operation, attempt.account, result]).inc();
        self.seconds.with_label_values(&[attempt.service]).observe(attempt.took.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::super::Metrics;
    use super::*;
    use crate::aws::error::ErrorClass;
    use std::time::Duration;

    #[test]
    fn an_attempt_is_counted_by_what_came_of_it() {
        let metrics = Metrics::new().unwrap();
        let attempt = |failure| Attempt {
            service: "S3",
            operation: "CreateBucket",
            account: "111122223333",
            failure,
            took: Duration::from_millis(80),
        };
        metrics.aws_calls.made(&attempt(None));
        metrics.aws_calls.made(&attempt(Some(ErrorClass::Throttled)));
        let text = metrics.text().unwrap();
        for (result, count) in [("Success", 1), ("Throttled", 1)] {
            let line = format!(
                "ccagi_aws_calls_total{{account=\"111122223333\",operation=\"CreateBucket\",result=\"{result}\",service=\"S3\"}} {count}"
            );
            assert!(text.contains(&line), "{line} is not in\n{text}");
        }
        assert!(text.contains("ccagi_aws_call_duration_seconds_count{service=\"S3\"} 2"), "{text}");
    }
}
