//! The door to AWS: a wrapper around the HTTP client that every SDK call goes through.

use super::calls::Call;
use super::doors::Doors;
use super::plan::Fault;
use super::words;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use std::fmt;
use std::future::pending;
use std::sync::Arc;

/// The HTTP client of one life of the controller.
#[derive(Clone)]
pub struct AwsDoor {
    pub doors: Arc<Doors>,
    pub life: u32,
    pub inner: SharedHttpClient,
}

impl fmt::Debug for AwsDoor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsDoor").field("life", &self.life).finish_non_exhaustive()
    }
}

impl HttpClient for AwsDoor {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let behind = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Connector { door: self.clone(), behind })
    }
}

#[derive(Clone, Debug)]
struct Connector {
    door: AwsDoor,
    behind: SharedHttpConnector,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connector = self.clone();
        HttpConnectorFuture::new(async move { connector.pass(request).await })
    }
}

impl Connector {
    async fn pass(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let call = Call::aws(&request);
        let AwsDoor { doors, life, .. } = &self.door;
        let Some((number, fault)) = doors.admit(*life, call.clone()) else { return pending().await };
        let Some(fault) = fault else { return self.send(request, number).await };
        match fault {
            Fault::Throttled | Fault::ErrorBefore | Fault::Denied | Fault::NotFound | Fault::Blank | Fault::Page => {
                Ok(failure(&call, fault))
            }
            Fault::ErrorAfter => {
                self.send(request, number).await?;
                Ok(failure(&call, fault))
            }
            Fault::AnswerLost => {
                self.send(request, number).await?;
                Err(ConnectorError::io("the connection was reset".into()))
            }
            Fault::CrashBefore | Fault::KilledBefore => pending().await,
            Fault::CrashAfter | Fault::KilledAfter => {
                self.send(request, number).await?;
                doors.crash(*life);
                pending().await
            }
            Fault::Hang => {
                self.send(request, number).await?;
                pending().await
            }
            Fault::Omitted | Fault::Truncated => {
                let mut response = self.send(request, number).await?;
                let text = response.body().bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
                let text = text.unwrap_or_default();
                let changed = match fault {
                    Fault::Omitted => words::without_items(&call, &text).unwrap_or(text),
                    _ => text.chars().take(text.chars().count() / 2).collect(),
                };
                response.headers_mut().remove("content-length");
                *response.body_mut() = SdkBody::from(changed);
                Ok(response)
            }
            // What happens to watches and to the API server is no concern of AWS; the others are the program's.
            Fault::Stale
            | Fault::Missed
            | Fault::Gone
            | Fault::Repeated
            | Fault::Reordered
            | Fault::Away
            | Fault::Held
            | Fault::Frozen => self.send(request, number).await,
        }
    }

    /// Sends the request and reads the whole answer: a call has taken effect when that is there. It goes
    /// on when the controller dies meanwhile: what is on the wire arrives, and is written down.
    async fn send(&self, request: HttpRequest, number: usize) -> Result<HttpResponse, ConnectorError> {
        let (doors, behind) = (self.door.doors.clone(), self.behind.clone());
        let sent = self.door.doors.runtime.spawn(async move {
            let mut response = behind.call(request).await?;
            let body = ByteStream::new(response.take_body()).collect().await;
            let bytes = body.map_err(|error| ConnectorError::io(error.into()))?.into_bytes();
            doors.answered(number, response.status().as_u16(), &String::from_utf8_lossy(&bytes));
            *response.body_mut() = SdkBody::from(bytes);
            Ok(response)
        });
        sent.await.map_err(|error| ConnectorError::other(error.into(), None))?
    }
}

fn failure(call: &Call, fault: Fault) -> HttpResponse {
    let words = words::error(call, fault).unwrap_or_else(|| panic!("{fault} does not apply to {}", call.operation));
    let status = StatusCode::try_from(words.status).unwrap();
    let mut response = HttpResponse::new(status, SdkBody::from(words.body));
    response.headers_mut().insert("content-type", words.content_type);
    if !words.code.is_empty() {
        response.headers_mut().insert("x-amzn-errortype", words.code);
    }
    response
}
