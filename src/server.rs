//! The endpoints: `/livez` says that the process runs, `/readyz` that its caches are filled, or that it
//! stands by for the leader, and that it is not stopping, or else why it is not ready; `/metrics` says what
//! it counts and measures; `/log` what it logs, which may be changed there.

use crate::metrics::Metrics;
use crate::telemetry::{LogFilter, LogFilterError};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpListener;

/// Why a process is not ready that has nothing else to say about it.
const FILLING_OR_STOPPING: &str = "the caches are not filled yet, or the process is stopping";

/// Whether the process is ready, and why where it is not.
#[derive(Clone, Debug)]
pub struct Readiness(Arc<Mutex<Result<(), String>>>);

impl Default for Readiness {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Err(FILLING_OR_STOPPING.into()))))
    }
}

impl Readiness {
    /// Says whether the process is ready from now on.
    pub fn set(&self, ready: bool) {
        *self.lock() = if ready { Ok(()) } else { Err(FILLING_OR_STOPPING.into()) };
    }

    /// Says what keeps the process from being ready from now on.
    pub fn wait_for(&self, reason: &str) {
        *self.lock() = Err(reason.to_owned());
    }

    fn lock(&self) -> MutexGuard<'_, Result<(), String>> {
        // Nothing in here can be left half-done by a panic elsewhere.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves the health endpoints in the background.
///
/// # Errors
/// The system's, where the address is not to be had.
pub async fn serve(address: SocketAddr, readiness: Readiness) -> std::io::Result<()> {
    let router =
        Router::new().route("/livez", get(|| async { "ok" })).route("/readyz", get(readyz)).with_state(readiness);
    listen(address, "health", router).await
}

/// Serves the metrics in the background.
///
/// # Errors
/// The system's, where the address is not to be had.
pub async fn serve_metrics(address: SocketAddr, metrics: Arc<Metrics>) -> std::io::Result<()> {
    let router = Router::new().route("/metrics", get(read_metrics)).with_state(metrics);
    listen(address, "metrics", router).await
}

/// Serves the log filter in the background: `GET /log` tells it, `PUT /log` changes it.
///
/// # Errors
/// The system's, where the address is not to be had.
pub async fn serve_log_filter(address: SocketAddr, filter: LogFilter) -> std::io::Result<()> {
    let router = Router::new().route("/log", get(read_log_filter).put(change_log_filter)).with_state(filter);
    listen(address, "log", router).await
}

async fn read_log_filter(State(filter): State<LogFilter>) -> (StatusCode, String) {
    said(filter.get())
}

async fn change_log_filter(State(filter): State<LogFilter>, text: String) -> (StatusCode, String) {
    said(filter.set(text.trim()).and_then(|()| filter.get()))
}

fn said(outcome: Result<String, LogFilterError>) -> (StatusCode, String) {
    match outcome {
        Ok(filter) => (StatusCode::OK, format!("{filter}\n")),
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")),
    }
}

async fn listen(address: SocketAddr, what: &'static str, router: Router) -> std::io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    tracing::info!(address = %listener.local_addr()?, "serving {what}");
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "the {what} endpoints ended");
        }
    });
    Ok(())
}

async fn read_metrics(State(metrics): State<Arc<Metrics>>) -> Response {
    match metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn readyz(State(readiness): State<Readiness>) -> (StatusCode, String) {
    match &*readiness.lock() {
        Ok(()) => (StatusCode::OK, "ok".into()),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reason}")),
    }
}
