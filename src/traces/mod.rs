//! Traces: one for each reconcile of a resource, and in it a span for each attempt of an AWS call.
//!
//! They are not made from the log. What is exported does not depend on the log filter, and a span has
//! the fields that are named here and no others, so that no message and no value can get into it.

#[cfg(feature = "otlp")]
mod otlp;
#[cfg(not(feature = "otlp"))]
#[path = "without.rs"]
mod otlp;

use crate::aws::calls::Attempt;
use std::future::Future;
use tokio::runtime::Handle;

/// Either says where traces go (OpenTelemetry Specification, "OpenTelemetry Protocol Exporter").
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// What a reconcile is about, in its log line as in its trace.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Namespace and name, such as `shop/assets`.
    pub object: String,
    /// The kind, such as `S3Bucket`; empty where the object has none.
    pub kind: &'static str,
    /// The name of the AwsAccount.
    pub account: String,
}

/// What came of a reconcile, in its log line as in its trace.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The actions of its passes, separated by commas.
    pub action: String,
    /// Attempts of AWS calls.
    pub aws_calls: u32,
    /// How it ended, in a few words.
    pub outcome: &'static str,
    /// The reason that the conditions give, where it failed.
    pub error_class: Option<&'static str>,
}

/// Where traces go; nowhere by default.
#[derive(Clone, Default)]
pub struct Traces {
    exporter: Option<otlp::Exporter>,
}

/// The trace of one reconcile.
pub struct Trace {
    id: String,
    span: Option<otlp::Reconcile>,
}

impl Traces {
    /// Where the environment sends them: nowhere unless `OTEL_EXPORTER_OTLP_ENDPOINT` or
    /// `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` is set. Where they cannot be exported, the log says why, and
    /// the program works without: nobody waits for traces. The requests are made on `runtime`.
    pub fn from_environment(runtime: &Handle) -> Self {
        let set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        if !ENDPOINTS.iter().any(set) {
            return Self::default();
        }
        let exporter = otlp::Exporter::new(runtime)
            .inspect(|_| tracing::info!("traces are exported"))
            .inspect_err(|error| tracing::warn!(%error, "traces are not exported"));
        Self { exporter: exporter.ok() }
    }

    /// Begins the trace of a reconcile.
    pub fn begin(&self, subject: &Subject) -> Trace {
        let span = self.exporter.as_ref().map(|exporter| exporter.begin(subject));
        let id = span.as_ref().map_or_else(|| format!("{:032x}", rand::random::<u128>()), |span| span.trace_id());
        Trace { id, span }
    }

    /// Adds an attempt that has just ended to the trace of the reconcile that made it. One that belongs
    /// to none, such as a call for credentials, is left out.
    pub fn attempt(&self, attempt: &Attempt<'_>) {
        if let Some(exporter) = &self.exporter {
            exporter.attempt(attempt);
        }
    }

    /// Exports what has not been yet, and nothing after that. It blocks, for a few seconds where the
    /// collector does not answer.
    pub fn end(&self) {
        if let Some(exporter) = &self.exporter {
            exporter.end();
        }
    }
}

impl Trace {
    /// Its id, 32 hexadecimal digits. The log has it whether the trace is exported or not.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Does `work`, whose attempts of AWS calls belong to this trace.
    pub async fn of<F: Future>(&self, work: F) -> F::Output {
        match &self.span {
            Some(span) => span.of(work).await,
            None => work.await,
        }
    }

    /// Ends it.
    pub fn end(self, summary: &Summary) {
        if let Some(span) = self.span {
            span.end(summary);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reconcile_has_an_id_of_its_own_where_traces_go_nowhere() {
        let subject = Subject { object: "shop/assets".to_owned(), kind: "S3Bucket", account: "shop".to_owned() };
        let (one, other) = (Traces::default().begin(&subject), Traces::default().begin(&subject));
        for trace in [&one, &other] {
            assert!(trace.id().len() == 32 && trace.id().chars().all(|digit| digit.is_ascii_hexdigit()));
        }
        assert_ne!(one.id(), other.id());
        assert_eq!(one.of(async { 7 }).await, 7);
    }
}
