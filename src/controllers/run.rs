//! Starts the controllers, and stops them in good order.

use crate::aws::calls::Observer;
use crate::aws::session::{CallSettings, Sessions, http_client};
use crate::config::{RunConfig, TimesError};
use crate::controllers::api_writes::ApiWrites;
use crate::controllers::cluster::{ClusterError, connect};
use crate::controllers::leader::{Candidate, Leader, LeaseLost};
use crate::controllers::requirements::Requirements;
use crate::controllers::streams::stopped;
use crate::controllers::work::{Parts, call_settings, run_with};
use crate::fence::Fence;
use crate::metrics::{CallBudgets, Metrics};
use crate::server::{Readiness, serve, serve_log_filter, serve_metrics};
use crate::telemetry::LogFilter;
use crate::traces::Traces;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Why the controllers could not be started.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The cluster is not to be had.
    #[error(transparent)]
    NoCluster(#[from] ClusterError),
    /// An address to listen on is not to be had.
    #[error("cannot listen on {address}: {error}")]
    NoListener {
        /// The address.
        address: std::net::SocketAddr,
        /// What the system said.
        error: std::io::Error,
    },
    /// The metrics do not go together, which tests would show.
    #[error("the metrics cannot be set up: {0}")]
    NoMetrics(#[from] prometheus::Error),
    /// The flags contradict each other.
    #[error(transparent)]
    Times(#[from] TimesError),
    /// Another process may work now.
    #[error(transparent)]
    LeaseLost(#[from] LeaseLost),
    /// The definitions have become older than the program while it worked: with them the API server would drop
    /// parts of what is written.
    #[error("{0} The process ends; what it had begun is found again from its intent.")]
    OlderDefinitions(String),
    /// The process may not listen to signals.
    #[error("cannot listen to signals: {0}")]
    NoSignals(#[from] std::io::Error),
}

/// Runs until the process is asked to stop, then lets running reconciles end, for as long as the
/// configured grace.
///
/// # Errors
/// [`RunError`] where the controllers cannot be started; nothing was touched then. And
/// [`RunError::LeaseLost`] where another process may have taken over, [`RunError::OlderDefinitions`] where
/// somebody has put older definitions in place.
pub async fn run(config: RunConfig, log: LogFilter, traces: Traces) -> Result<(), RunError> {
    config.check_times()?;
    let readiness = Readiness::default();
    serve(config.health_address, readiness.clone())
        .await
        .map_err(|error| RunError::NoListener { address: config.health_address, error })?;
    let metrics = Arc::new(Metrics::new()?);
    if let Some(address) = config.metrics_address.0 {
        serve_metrics(address, metrics.clone()).await.map_err(|error| RunError::NoListener { address, error })?;
    }
    if let Some(address) = config.log_address.0 {
        serve_log_filter(address, log).await.map_err(|error| RunError::NoListener { address, error })?;
    }
    let (mut terminated, mut interrupted) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (stop, stopping) = watch::channel(false);
    let grace = config.shutdown_grace;
    let controllers = tokio::spawn(elect_and_work(config, readiness.clone(), stopping, metrics, traces));
    tokio::pin!(controllers);
    tokio::select! {
        ended = &mut controllers => return ended.unwrap_or(Ok(())),
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
    tracing::info!("stopping: no new reconciles; running ones may end");
    readiness.set(false);
    // The receiver is gone only if the controllers have ended already.
    let _ = stop.send(true);
    match tokio::time::timeout(grace, controllers).await {
        Ok(_) => tracing::info!("stopped"),
        Err(_) => tracing::warn!("stopped without waiting longer; what was begun is found again from its intent"),
    }
    Ok(())
}

/// Works once there is all that the controllers need, with leader election only while the lease is ours. A
/// standby connects to the cluster and looks at the lease, and no more: what it would cache would be old by the
/// time it is needed.
async fn elect_and_work(
    config: RunConfig,
    readiness: Readiness,
    stopping: watch::Receiver<bool>,
    metrics: Arc<Metrics>,
    traces: Traces,
) -> Result<(), RunError> {
    // The lease itself is written when the fence is closed, and has its own, shorter times; a question for our
    // rights is no write, though it looks like one.
    let writes = ApiWrites { fence: Fence::open(), timeout: config.api_write_timeout };
    let client = connect(writes).await?;
    let requirements = Requirements::of(client.clone(), &config);
    let lease = config.leader_election.leader_election_id.clone();
    if !config.leader_election.leader_elect {
        tokio::select! {
            () = requirements.until_met(&readiness) => {}
            () = stopped(stopping.clone()) => return Ok(()),
        }
        let work = run_controllers(config, readiness, stopping, Fence::open(), metrics, traces);
        return work_while_served(work, &requirements).await;
    }
    metrics.leads(&lease, false);
    let fence = Fence::closed();
    let candidate = || Candidate::new(client.clone(), &config.leader_election, fence.clone());
    let leader = tokio::select! {
        leader = elect(candidate, &requirements, &readiness) => leader,
        () = stopped(stopping.clone()) => return Ok(()),
    };
    metrics.leads(&lease, true);
    let work = run_controllers(config, readiness, stopping, fence, metrics, traces);
    leader.lead(work_while_served(work, &requirements)).await?
}

async fn work_while_served(
    work: impl Future<Output = Result<(), RunError>>,
    requirements: &Requirements,
) -> Result<(), RunError> {
    tokio::select! {
        ended = work => ended,
        lacking = requirements.until_older() => Err(RunError::OlderDefinitions(lacking)),
    }
}

/// Stands by for the lease while there is all that the controllers need: whoever could not work must not keep it
/// from those who can. A candidate that gives up while it asks for the lease may leave it to run out.
async fn elect(candidate: impl Fn() -> Candidate, requirements: &Requirements, readiness: &Readiness) -> Leader {
    loop {
        requirements.until_met(readiness).await;
        tokio::select! {
            leader = candidate().campaign(readiness) => return leader,
            () = requirements.until_unmet() => {}
        }
    }
}

async fn run_controllers(
    config: RunConfig,
    readiness: Readiness,
    stopping: watch::Receiver<bool>,
    fence: Fence,
    metrics: Arc<Metrics>,
    traces: Traces,
) -> Result<(), RunError> {
    let writes = ApiWrites { fence: fence.clone(), timeout: config.api_write_timeout };
    let client = connect(writes).await?;
    let (counting, traced) = (metrics.clone(), traces.clone());
    let observer = Observer::new(move |attempt| {
        counting.aws_calls.made(attempt);
        traced.attempt(attempt);
    });
    let settings = CallSettings { observer, ..call_settings(&config, &fence) };
    metrics.count(CallBudgets::new(settings.budgets.clone())?)?;
    let sessions = Sessions::from_environment(&settings, http_client()).await;
    run_with(Parts { client, sessions, fence, config, metrics, traces }, readiness, stopping).await
}
