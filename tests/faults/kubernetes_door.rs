//! The door to the API server: a service around the controller's own connection.

use super::calls::Call;
use super::doors::Doors;
use super::plan::Fault;
use super::watches;
use axum::body::Body as Answer;
use axum::http::{Request, Response};
use kube::Client;
use kube::client::Body;
use std::future::pending;
use std::io::{Error, ErrorKind};
use std::sync::Arc;
use tower::BoxError;

/// A client whose every request goes through the door.
pub fn client(doors: Arc<Doors>, life: u32, behind: Client) -> Client {
    let namespace = behind.default_namespace().to_owned();
    let service = tower::service_fn(move |request| pass(doors.clone(), life, behind.clone(), request));
    Client::new(service, namespace)
}

/// Lets one request through, or does to it what the plan wants.
pub async fn pass(
    doors: Arc<Doors>,
    life: u32,
    behind: Client,
    request: Request<Body>,
) -> Result<Response<Answer>, BoxError> {
    let (parts, body) = request.into_parts();
    let bytes = body.collect_bytes().await?;
    if doors.is_away() {
        return Err(Error::new(ErrorKind::ConnectionRefused, "nobody listens").into());
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let call = Call::kubernetes(parts.method.as_str(), parts.uri.path(), text);
    let is_watch = parts.uri.query().is_some_and(|query| query.contains("watch=true"));
    let request = Request::from_parts(parts, Body::from(bytes.to_vec()));
    let Some((number, fault)) = doors.admit(life, call) else { return pending().await };
    if fault == Some(Fault::Held) {
        doors.reach(life).await;
    }
    let answer = behind.send(request).await?;
    doors.answered(number, answer.status().as_u16(), "");
    match fault {
        Some(Fault::AnswerLost | Fault::Away) => {
            Err(Error::new(ErrorKind::ConnectionReset, "the connection was reset").into())
        }
        Some(Fault::CrashAfter | Fault::KilledAfter) => {
            doors.crash(life);
            pending().await
        }
        _ if is_watch => Ok(answer.map(|body| watches::altered(&doors, body))),
        _ => Ok(answer.map(Answer::new)),
    }
}
