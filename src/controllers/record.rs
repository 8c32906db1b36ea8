//! Writes each reconcile down: one wide log line, the metrics, and a trace.

use crate::api::resource::AwsResource;
use crate::aws::calls::counted;
use crate::lifecycle::context::Context;
use crate::lifecycle::report::Report;
use crate::lifecycle::{Next, reconcile};
use crate::metrics::ReconcileResult;
use crate::traces::{Subject, Summary};
use futures::FutureExt;
use kube::ResourceExt;
use std::time::{Duration, Instant};
use tokio::time::error::Elapsed;
use tracing::Instrument;

/// The controller's name in metrics.
const CONTROLLER: &str = "awsresource";

/// Reconciles within the configured time and writes down what was done. The id of the trace stands in
/// every line of the log that the reconcile causes.
///
/// # Errors
/// [`Elapsed`] where it was cut off. What it had begun is looked up by the next.
pub async fn recorded(object: AwsResource, cx: &Context) -> Result<Next, Elapsed> {
    let subject = subject(&object);
    let (running, begun) = (cx.metrics.reconciles.begin(CONTROLLER), Instant::now());
    let trace = cx.traces.begin(&subject);
    let span = tracing::info_span!("reconcile", trace_id = trace.id());
    let work = tokio::time::timeout(cx.config.reconcile_timeout, reconcile(object, cx).boxed());
    let (outcome, aws_calls) = trace.of(counted(work)).instrument(span.clone()).await;
    let took = begun.elapsed();
    let summary = summary(&outcome, aws_calls);
    span.in_scope(|| log(&subject, &summary, took));
    trace.end(&summary);
    running.end(result(&outcome), took);
    let report = outcome?;
    for action in &report.done {
        if let Some(type_) = counted_as(action) {
            cx.metrics.reconciles.acted(type_);
        }
    }
    if let Some(took) = report.created {
        cx.metrics.reconciles.created(subject.kind, took);
    }
    Ok(report.next)
}

fn subject(object: &AwsResource) -> Subject {
    Subject {
        object: format!("{}/{}", object.namespace().unwrap_or_default(), object.name_any()),
        kind: object.spec.kind.the_one().map_or("", |kind| kind.name().as_str()),
        account: object.spec.account_ref.name.clone(),
    }
}

fn summary(outcome: &Result<Report, Elapsed>, aws_calls: u32) -> Summary {
    let failure = outcome.as_ref().ok().and_then(|report| report.failure);
    let error_class = failure.filter(|failure| !failure.waits).map(|failure| failure.reason);
    let ended = match outcome {
        Err(_) => "cut off; what it had begun is looked up by the next",
        Ok(_) if error_class.is_some() => "failed",
        Ok(Report { failure: Some(_), .. }) => "waits",
        Ok(Report { next: Next::Again, .. }) => "goes on",
        Ok(_) => "done",
    };
    let action = outcome.as_ref().map(|report| report.actions.join(",")).unwrap_or_default();
    Summary { action, aws_calls, outcome: ended, error_class }
}

fn log(subject: &Subject, summary: &Summary, took: Duration) {
    let Subject { object, kind, account } = subject;
    let Summary { action, aws_calls, outcome, error_class } = summary;
    let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(object, kind, account, action, duration_ms, aws_calls, outcome, error_class, "reconciled");
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

/// The type as which an action is counted, where it is one in AWS.
fn counted_as(action: &str) -> Option<&'static str> {
    match action {
        "Create" => Some("CreateResource"),
        "Update" => Some("UpdateResource"),
        "Delete" => Some("DeleteResource"),
        _ => None,
    }
}
