//! Writes each reconcile down: one wide log line, and the metrics.

use crate::api::resource::AwsResource;
use crate::aws::calls::counted;
use crate::lifecycle::context::Context;
use crate::lifecycle::report::Report;
use crate::lifecycle::{Next, reconcile};
use crate::metrics::ReconcileResult;
use futures::FutureExt;
use kube::ResourceExt;
use std::time::{Duration, Instant};
use tokio::time::error::Elapsed;
use tracing::Instrument;

/// The controller's name in metrics.
const CONTROLLER: &str = "awsresource";

/// What the log line says of the object.
struct Subject {
    object: String,
    kind: &'static str,
    account: String,
}

/// Reconciles within the configured time and writes down what was done. The id of the trace stands in
/// every line of the log that the reconcile causes.
///
/// # Errors
/// [`Elapsed`] where it was cut off. What it had begun is looked up by the next.
pub async fn recorded(object: AwsResource, cx: &Context) -> Result<Next, Elapsed> {
    let subject = Subject::of(&object);
    let (running, begun) = (cx.metrics.reconciles.begin(CONTROLLER), Instant::now());
    let span = tracing::info_span!("reconcile", trace_id = format!("{:032x}", rand::random::<u128>()));
    let work = tokio::time::timeout(cx.config.reconcile_timeout, reconcile(object, cx).boxed());
    let (outcome, aws_calls) = counted(work).instrument(span.clone()).await;
    let took = begun.elapsed();
    span.in_scope(|| subject.log(&outcome, aws_calls, took));
    running.end(result(&outcome), took);
    let report = outcome?;
    for action in &report.done {
        if let Some(task) = task(action) {
            cx.metrics.reconciles.completed(task);
        }
    }
    if let Some(took) = report.created {
        cx.metrics.reconciles.created(subject.kind, took);
    }
    Ok(report.next)
}

impl Subject {
    fn of(object: &AwsResource) -> Self {
        Self {
            object: format!("{}/{}", object.namespace().unwrap_or_default(), object.name_any()),
            kind: object.spec.kind.the_one().map_or("", |kind| kind.name().as_str()),
            account: object.spec.account_ref.name.clone(),
        }
    }

    fn log(&self, outcome: &Result<Report, Elapsed>, aws_calls: u32, took: Duration) {
        let (object, kind, account) = (&self.object, self.kind, &self.account);
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let action = outcome.as_ref().map(|report| report.actions.join(",")).unwrap_or_default();
        let failure = outcome.as_ref().ok().and_then(|report| report.failure);
        let error_class = failure.filter(|failure| !failure.waits).map(|failure| failure.reason);
        let outcome = match outcome {
            Err(_) => "cut off; what it had begun is looked up by the next",
            Ok(_) if error_class.is_some() => "failed",
            Ok(Report { failure: Some(_), .. }) => "waits",
            Ok(Report { next: Next::Again, .. }) => "goes on",
            Ok(_) => "done",
        };
        tracing::info!(object, kind, account, action, duration_ms, aws_calls, outcome, error_class, "reconciled");
    }
}

fn result(outcome: &Result<Report, Elapsed>) -> ReconcileResult {
    match outcome {
        Err(_) => ReconcileResult::Error,
        Ok(Report { failure: Some(failure), .. }) if !failure.waits => ReconcileResult::Error,
        Ok(Report { next: Next::Again, .. }) => ReconcileResult::Requeue,
        Ok(Report { next: Next::After(_), .. }) => ReconcileResult::RequeueAfter,
        Ok(Report { next: Next::Done, .. }) => ReconcileResult::Success,
    }
}

/// The type of the task that an action carries out.
fn task(action: &str) -> Option<&'static str> {
    match action {
        "Create" => Some("CreateResource"),
        "Update" => Some("UpdateResource"),
        "Delete" => Some("DeleteResource"),
        _ => None,
    }
}
