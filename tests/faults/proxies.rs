//! The doors as servers, for a program that is a process of its own.

use super::calls::Call;
use super::doors::Doors;
use super::kubernetes_door;
use super::plan::Fault;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode, Uri};
use axum::serve::ListenerExt;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::Client;
use std::future::pending;
use std::process::Command;
use std::sync::{Arc, OnceLock};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tower::BoxError;

/// The doors of one life of the program.
#[derive(Clone)]
struct Proxies {
    doors: Arc<Doors>,
    life: u32,
    client: Client,
    emulator: String,
    connections: legacy::Client<HttpConnector, Body>,
    /// The number of the process, once it is there.
    process: Arc<OnceLock<u32>>,
}

/// Where the doors listen; they are closed with this value.
pub struct Listening {
    /// The URL of AWS.
    pub aws: String,
    /// The URL of the API server.
    pub kubernetes: String,
    process: Arc<OnceLock<u32>>,
    servers: [JoinHandle<()>; 2],
}

impl Listening {
    pub async fn start(doors: Arc<Doors>, life: u32, client: Client, emulator: &str) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let process = Arc::new(OnceLock::new());
        let proxies = Proxies {
            doors,
            life,
            client,
            emulator: emulator.trim_end_matches('/').to_owned(),
            connections: legacy::Client::builder(TokioExecutor::new()).build(connector),
            process: process.clone(),
        };
        let (aws, to_aws) = listen(Router::new().fallback(pass_to_aws).with_state(proxies.clone())).await;
        let (kubernetes, to_cluster) = listen(Router::new().fallback(pass_to_cluster).with_state(proxies)).await;
        Self { aws, kubernetes, process, servers: [to_aws, to_cluster] }
    }

    /// Says which process speaks through these doors.
    pub fn belong_to(&self, process: u32) {
        self.process.set(process).expect("a life has one process");
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.servers.iter().for_each(JoinHandle::abort);
    }
}

async fn listen(router: Router) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let listener = listener.tap_io(|connection| connection.set_nodelay(true).unwrap());
    let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (format!("http://{address}"), server)
}

async fn pass_to_cluster(State(proxies): State<Proxies>, request: Request) -> Response<Body> {
    let Proxies { doors, life, client, .. } = proxies;
    let (mut parts, body) = request.into_parts();
    parts.headers.remove("host");
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    // Only a server that has read the whole request notices that the other end is gone, and drops it.
    doors.reach(life).await;
    let request = Request::from_parts(parts, body.into());
    kubernetes_door::pass(doors, life, client, request).await.unwrap_or_else(|error| no_gateway(&error))
}

async fn pass_to_aws(State(proxies): State<Proxies>, request: Request) -> Response<Body> {
    let Proxies { doors, life, .. } = &proxies;
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    doors.reach(*life).await;
    let copy = Request::from_parts(parts.clone(), SdkBody::from(body.clone()));
    let call = Call::aws(&HttpRequest::try_from(copy).unwrap());
    let Some((number, fault)) = doors.admit(*life, call) else { return pending().await };
    if fault == Some(Fault::Held) {
        doors.reach(*life).await;
    }
    let answer = match proxies.ask(Request::from_parts(parts, Body::from(body)), number).await {
        Ok(answer) => answer,
        Err(error) => return no_gateway(&error),
    };
    match fault {
        Some(Fault::KilledAfter) => {
            doors.crash(*life);
            pending().await
        }
        Some(Fault::Frozen) => {
            signal(proxies.process.get(), "-STOP");
            answer
        }
        _ => answer,
    }
}

impl Proxies {
    /// Asks the emulator and reads the whole answer: a call has taken effect when that is there. It goes on
    /// when the program dies meanwhile: what is on the wire arrives, and is written down.
    async fn ask(&self, request: Request, number: usize) -> Result<Response<Body>, BoxError> {
        let (mut parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        parts.uri = format!("{}{path}", self.emulator).parse::<Uri>()?;
        parts.headers.remove("transfer-encoding");
        let (doors, connections) = (self.doors.clone(), self.connections.clone());
        let sent = self.doors.runtime.spawn(async move {
            let answer = connections.request(Request::from_parts(parts, body)).await?;
            let (mut parts, body) = answer.into_parts();
            let body = to_bytes(Body::new(body), usize::MAX).await?;
            parts.headers.remove("transfer-encoding");
            doors.answered(number, parts.status.as_u16(), &String::from_utf8_lossy(&body));
            Ok(Response::from_parts(parts, Body::from(body)))
        });
        sent.await?
    }
}

/// Sends a signal to the process.
pub fn signal(process: Option<&u32>, signal: &str) {
    let process = process.expect("the process is there").to_string();
    assert!(Command::new("kill").args([signal, &process]).status().unwrap().success());
}

fn no_gateway(error: &dyn std::fmt::Display) -> Response<Body> {
    Response::builder().status(StatusCode::BAD_GATEWAY).body(Body::from(error.to_string())).unwrap()
}
