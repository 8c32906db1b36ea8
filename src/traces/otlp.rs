//! Exports traces by the OpenTelemetry protocol over HTTP, as protobuf.
//!
//! A span that ends goes into a bounded queue, and is dropped where that is full. A thread of its own
//! takes it from there to the collector, so that a collector that fails or is not there holds up nobody.

use super::{Subject, Summary};
use crate::aws::calls::Attempt;
use crate::aws::error::ErrorClass;
use async_trait::async_trait;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use opentelemetry::context::FutureExt;
use opentelemetry::trace::{Span, SpanKind, Status, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, Key, KeyValue};
use opentelemetry_http::hyper::HyperClient;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use std::future::Future;
use std::time::{Duration, SystemTime};
use tokio::runtime::Handle;

/// The name of the service, unless the environment gives one.
const SERVICE: &str = "ccagi-aws-agent";

/// The one protocol that is built in.
const PROTOCOL: &str = "http/protobuf";

/// Either says which protocol the collector speaks; the first that is set decides.
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];

/// Time for one request to the collector: the specification's default.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the end of the process waits for the collector.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);

/// Why traces are not exported.
#[derive(Debug, thiserror::Error)]
pub enum NotExported {
    /// The collector speaks another protocol.
    #[error("{variable} is {protocol}, and {PROTOCOL} is the only protocol that is built in")]
    Protocol {
        /// The variable that says so.
        variable: &'static str,
        /// Its value.
        protocol: String,
    },
    /// The certificate authorities cannot be read.
    #[error("the certificate authorities cannot be read: {0}")]
    Certificates(#[from] std::io::Error),
    /// The variables cannot be what is meant. What the library says of them may quote a URL with a password.
    #[error("OTEL_EXPORTER_OTLP_ENDPOINT is not a URL, or another of the OTEL_EXPORTER_OTLP_ variables cannot be read")]
    Unreadable(#[from] ExporterBuildError),
}

/// Exports traces to the collector that the environment names.
#[derive(Clone)]
pub struct Exporter {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

/// The span of a reconcile, with which its trace begins.
pub struct Reconcile(Context);

impl Exporter {
    /// Reads the environment. Nothing is sent before a span ends.
    ///
    /// # Errors
    /// [`NotExported`] where the environment cannot be followed.
    pub fn new(runtime: &Handle) -> Result<Self, NotExported> {
        check_protocol(|name| std::env::var(name).ok())?;
        let connector = HttpsConnectorBuilder::new().with_native_roots()?.https_or_http().enable_http1().build();
        let client = HyperClient::new(connector, REQUEST_TIMEOUT, None);
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_http_client(OnRuntime { client, runtime: runtime.clone() })
            .build()?;
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource()).build();
        let tracer = provider.tracer(SERVICE);
        Ok(Self { provider, tracer })
    }

    pub fn begin(&self, subject: &Subject) -> Reconcile {
        let span = self
            .tracer
            .span_builder("reconcile")
            .with_kind(SpanKind::Internal)
            .with_attributes([
                KeyValue::new("object", subject.object.clone()),
                KeyValue::new("kind", subject.kind),
                KeyValue::new("account", subject.account.clone()),
            ])
            .start_with_context(&self.tracer, &Context::new());
        Reconcile(Context::new().with_span(span))
    }

    pub fn attempt(&self, attempt: &Attempt<'_>) {
        let parent = Context::current();
        if !parent.has_active_span() {
            return;
        }
        let end = SystemTime::now();
        let result = attempt.failure.map_or("Success", ErrorClass::reason);
        let mut span = self
            .tracer
            .span_builder(format!("{}.{}", attempt.service, attempt.operation))
            .with_kind(SpanKind::Client)
            .with_start_time(end.checked_sub(attempt.took).unwrap_or(end))
            .with_attributes([
                KeyValue::new("service", attempt.service.to_owned()),
                KeyValue::new("operation", attempt.operation.to_owned()),
                KeyValue::new("account_id", attempt.account.to_owned()),
                KeyValue::new("result", result),
            ])
            .start_with_context(&self.tracer, &parent);
        // That something does not exist is what many calls are made to learn.
        if attempt.failure.is_some_and(|class| class != ErrorClass::NotFound) {
            span.set_status(Status::error(result));
        }
        span.end_with_timestamp(end);
    }

    pub fn end(&self) {
        if let Err(error) = self.provider.shutdown_with_timeout(FLUSH_TIMEOUT) {
            tracing::warn!(%error, "the last traces may not have been exported");
        }
    }
}

impl Reconcile {
    pub fn trace_id(&self) -> String {
        self.0.span().span_context().trace_id().to_string()
    }

    pub fn of<F: Future>(&self, work: F) -> impl Future<Output = F::Output> {
        work.with_context(self.0.clone())
    }

    pub fn end(self, summary: &Summary) {
        let span = self.0.span();
        span.set_attribute(KeyValue::new("action", summary.action.clone()));
        span.set_attribute(KeyValue::new("aws_calls", i64::from(summary.aws_calls)));
        span.set_attribute(KeyValue::new("outcome", summary.outcome));
        if let Some(class) = summary.error_class {
            span.set_attribute(KeyValue::new("error_class", class));
            span.set_status(Status::error(class));
        }
        span.end();
    }
}

/// Refuses a protocol that is not built in. The specification treats an empty variable as absent.
fn check_protocol(read: impl Fn(&str) -> Option<String>) -> Result<(), NotExported> {
    let set = PROTOCOLS.into_iter().find_map(|variable| {
        let protocol = read(variable).filter(|protocol| !protocol.is_empty())?;
        Some((variable, protocol))
    });
    match set {
        Some((variable, protocol)) if protocol != PROTOCOL => Err(NotExported::Protocol { variable, protocol }),
        _ => Ok(()),
    }
}

/// What the spans are of: `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`, and our own name and version
/// where these say nothing.
fn resource() -> Resource {
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let given = Resource::builder().build();
    let name = given.get(&Key::from_static_str("service.name")).map(|name| name.to_string());
    let resource = Resource::builder().with_attribute(version);
    // The specification has the library put `unknown_service` where there is no name.
    match name.is_none_or(|name| name.starts_with("unknown_service")) {
        true => resource.with_service_name(SERVICE).build(),
        false => resource.build(),
    }
}

/// Makes the requests on the program's runtime: the exporter's thread has none.
#[derive(Debug)]
struct OnRuntime {
    client: HyperClient<HttpsConnector<HttpConnector>>,
    runtime: Handle,
}

#[async_trait]
impl HttpClient for OnRuntime {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        self.runtime.spawn(async move { client.send_bytes(request).await }).await?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_protocol_is_refused_by_the_variable_that_asks_for_it() {
        let check = |variables: &[(&str, &str)]| {
            let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
            check_protocol(|name| find(name).map(|(_, value)| (*value).to_owned())).map_err(|error| error.to_string())
        };
        assert_eq!(check(&[]), Ok(()));
        assert_eq!(check(&[(PROTOCOLS[1], "")]), Ok(()));
        assert_eq!(check(&[(PROTOCOLS[1], PROTOCOL)]), Ok(()));
        assert_eq!(check(&[(PROTOCOLS[0], PROTOCOL), (PROTOCOLS[1], "grpc")]), Ok(()));
        let refused = "OTEL_EXPORTER_OTLP_PROTOCOL is grpc, and http/protobuf is the only protocol that is built in";
        assert_eq!(check(&[(PROTOCOLS[1], "grpc")]), Err(refused.to_owned()));
    }
}
