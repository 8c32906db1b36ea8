//! The connection to the cluster.
//!
//! kube's own stack leaves Nagle's algorithm on, which holds back the second part of every write
//! until the first is acknowledged: 40 ms a write. It also repeats every request up to 15 times on
//! 429, 503 and 504, behind the back of a controller that has a pace of its own for that.

use crate::controllers::api_writes::ApiWrites;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ConfigExt};
use kube::{Client, Config};
use std::time::Duration;
use tower::{BoxError, ServiceBuilder};

/// Time to reach the API server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Time after which a silent connection is probed, so that a dead one is noticed.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// A client for the cluster of `KUBECONFIG` or of the pod, whose writes pass the gate.
///
/// # Errors
/// Where no cluster is configured, or its certificates or credentials cannot be read.
pub async fn connect(writes: ApiWrites) -> Result<Client, kube::Error> {
    let config = Config::infer().await.map_err(kube::Error::InferConfig)?;
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    connector.set_keepalive(Some(KEEPALIVE));
    let https = config.rustls_https_connector_with_connector(connector)?;
    let connections: legacy::Client<_, Body> = legacy::Client::builder(TokioExecutor::new()).build(https);
    let service = ServiceBuilder::new()
        .layer(writes)
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(connections);
    Ok(Client::new(service, config.default_namespace))
}
