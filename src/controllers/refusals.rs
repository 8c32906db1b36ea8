//! Says in the log which requests the API server refused as forbidden or as invalid, whoever made them: a watch,
//! a write of status or an Event. The API server's own words name the verb, the resource and the namespace.

use crate::controllers::said::Said;
use axum::body::{Body as Answer, Bytes, HttpBody, to_bytes};
use futures::future::BoxFuture;
use hyper::{Request, Response, StatusCode};
use kube::client::Body;
use kube::core::Status;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;
use tower::{BoxError, Layer, Service};

/// The longest refusal that is read, in bytes.
const LONGEST: usize = 1 << 20;

/// Hears refusals, and says each once a minute.
#[derive(Clone, Debug, Default)]
pub struct Refusals(Arc<Mutex<Said>>);

impl Refusals {
    fn heard(&self, refusal: &[u8]) {
        let status: Result<Status, _> = serde_json::from_slice(refusal);
        let message = status.map_or_else(|_| String::from_utf8_lossy(refusal).into_owned(), |status| status.message);
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if said.is_news(right(&message), Instant::now()) {
            tracing::warn!("the API server refused a request: {message}");
        }
    }
}

/// What of a refusal is the same for all objects: the words after `User … cannot`, where a right is missing.
fn right(message: &str) -> &str {
    message.split_once(" cannot ").map_or(message, |(_, right)| right)
}

impl<S> Layer<S> for Refusals {
    type Service = HeardApi<S>;

    fn layer(&self, inner: S) -> HeardApi<S> {
        HeardApi { refusals: self.clone(), inner }
    }
}

/// A connection to the API server whose refusals are heard.
#[derive(Clone, Debug)]
pub struct HeardApi<S> {
    refusals: Refusals,
    inner: S,
}

impl<S, B> Service<Request<Body>> for HeardApi<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError>,
    S::Future: Send + 'static,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Answer>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Answer>, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (answer, refusals) = (self.inner.call(request), self.refusals.clone());
        Box::pin(async move {
            let answer = answer.await?.map(Answer::new);
            if ![StatusCode::FORBIDDEN, StatusCode::UNPROCESSABLE_ENTITY].contains(&answer.status()) {
                return Ok(answer);
            }
            let (head, body) = answer.into_parts();
            let refusal = to_bytes(body, LONGEST).await?;
            refusals.heard(&refusal);
            Ok(Response::from_parts(head, Answer::from(refusal)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tower::{ServiceExt, service_fn};

    #[tokio::test]
    async fn a_refusal_is_heard_and_passed_on_as_it_came() {
        let refusal =
            r#"{"message":"things \"a\" is forbidden: User \"us\" cannot list resource \"things\"","code":403}"#;
        let server = service_fn(|_: Request<Body>| async move {
            let answer = Response::builder().status(StatusCode::FORBIDDEN).body(Answer::from(refusal));
            answer.map_err(BoxError::from)
        });
        let refusals = Refusals::default();
        let answer = refusals.layer(server).oneshot(Request::new(Body::empty())).await.unwrap();
        assert_eq!(to_bytes(answer.into_body(), LONGEST).await.unwrap(), refusal.as_bytes());
        let mut said = refusals.0.lock().unwrap();
        assert!(!said.is_news("list resource \"things\"", Instant::now()), "it was said");
    }

    #[test]
    fn a_right_that_is_missing_is_the_same_for_all_objects() {
        let refused =
            |name: &str| format!("things \"{name}\" is forbidden: User \"us\" cannot patch resource \"things\"");
        assert_eq!(right(&refused("a")), right(&refused("b")));
        assert_eq!(right("a quota is exceeded"), "a quota is exceeded");
    }
}
