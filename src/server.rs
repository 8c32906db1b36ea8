//! The health endpoints: `/livez` says that the process runs, `/readyz` that its caches are filled,
//! or that it stands by for the leader, and that it is not stopping.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::net::TcpListener;

/// Whether the process is ready.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// Says whether the process is ready from now on.
    pub fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Relaxed);
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Serves the health endpoints in the background.
///
/// # Errors
/// The system's, where the address is not to be had.
pub async fn serve(address: SocketAddr, readiness: Readiness) -> std::io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    let router =
        Router::new().route("/livez", get(|| async { "ok" })).route("/readyz", get(readyz)).with_state(readiness);
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "the health endpoints ended");
        }
    });
    Ok(())
}

async fn readyz(State(readiness): State<Readiness>) -> (StatusCode, &'static str) {
    match readiness.get() {
        true => (StatusCode::OK, "ok"),
        false => {
            (StatusCode::SERVICE_UNAVAILABLE, "not ready: the caches are not filled yet, or the process is stopping")
        }
    }
}
