//! The gate that every write to the API server passes.

use crate::fence::Fence;
use futures::future::BoxFuture;
use hyper::{Method, Request};
use kube::client::Body;
use std::task::{Context, Poll};
use std::time::Duration;
use tower::{BoxError, Layer, Service};

/// The API server did not answer a write in time. It may have taken effect.
#[derive(Debug, thiserror::Error)]
#[error("no answer to a write within {}; it may have taken effect", humantime::format_duration(*.0))]
struct NoAnswer(Duration);

/// Begins a write only if the fence permits it, and bounds its time. Reads, watches and dry runs pass: they
/// store nothing.
#[derive(Clone, Debug)]
pub struct ApiWrites {
    /// The fence.
    pub fence: Fence,
    /// Time for one write.
    pub timeout: Duration,
}

impl<S> Layer<S> for ApiWrites {
    type Service = GatedApi<S>;

    fn layer(&self, inner: S) -> GatedApi<S> {
        GatedApi { gate: self.clone(), inner }
    }
}

/// A connection to the API server behind the gate.
#[derive(Clone, Debug)]
pub struct GatedApi<S> {
    gate: ApiWrites,
    inner: S,
}

impl<S> Service<Request<Body>> for GatedApi<S>
where
    S: Service<Request<Body>, Error = BoxError>,
    S::Response: Send + 'static,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<S::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if stores_nothing(&request) {
            return Box::pin(self.inner.call(request));
        }
        let timeout = self.gate.timeout;
        if let Err(refused) = self.gate.fence.permit(timeout) {
            return Box::pin(futures::future::ready(Err(refused.into())));
        }
        let answer = self.inner.call(request);
        Box::pin(async move {
            match tokio::time::timeout(timeout, answer).await {
                Ok(answer) => answer,
                Err(_) => Err(NoAnswer(timeout).into()),
            }
        })
    }
}

/// Whether a request leaves the cluster as it is: by its method, or as a dry run (Kubernetes API Concepts,
/// "Dry-run"; `All` is the only value there is).
fn stores_nothing<B>(request: &Request<B>) -> bool {
    let dry_run = |query: &str| query.split('&').any(|option| option == "dryRun=All");
    matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS)
        || request.uri().query().is_some_and(dry_run)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::Response;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tower::{ServiceExt, service_fn};

    /// How many of a read and a write reach the API server through a gate with this fence.
    async fn reached(fence: Fence) -> (usize, Vec<bool>) {
        let count = Arc::new(AtomicUsize::new(0));
        let server = service_fn({
            let count = count.clone();
            move |_: Request<Body>| {
                count.fetch_add(1, Ordering::Relaxed);
                async { Ok::<_, BoxError>(Response::new(())) }
            }
        });
        let gate = ApiWrites { fence, timeout: Duration::from_secs(10) }.layer(server);
        let mut outcomes = Vec::new();
        for method in [Method::GET, Method::PATCH] {
            let request = Request::builder().method(method).body(Body::empty()).unwrap();
            let outcome = gate.clone().oneshot(request).await;
            outcomes.push(outcome.is_ok());
        }
        (count.load(Ordering::Relaxed), outcomes)
    }

    #[tokio::test]
    async fn a_closed_fence_lets_reads_through_and_no_write() {
        assert_eq!(reached(Fence::closed()).await, (1, vec![true, false]));
        assert_eq!(reached(Fence::open()).await, (2, vec![true, true]));
    }

    #[test]
    fn a_dry_run_stores_nothing_and_nothing_else_passes_for_one() {
        let patch = |uri: &str| stores_nothing(&Request::builder().method(Method::PATCH).uri(uri).body(()).unwrap());
        assert!(patch("/a?fieldManager=b&dryRun=All"));
        for other in ["/a", "/a?dryRun=", "/a?fieldManager=dryRun=All", "/dryRun=All", "/a?xdryRun=All"] {
            assert!(!patch(other), "{other}");
        }
    }

    #[tokio::test]
    async fn a_write_that_is_not_answered_ends_in_its_time() {
        let server = service_fn(|_: Request<Body>| futures::future::pending::<Result<Response<()>, BoxError>>());
        let gate = ApiWrites { fence: Fence::open(), timeout: Duration::from_millis(10) }.layer(server);
        let request = Request::builder().method(Method::PUT).body(Body::empty()).unwrap();
        let error = gate.oneshot(request).await.unwrap_err();
        assert!(error.is::<NoAnswer>(), "{error}");
    }
}
