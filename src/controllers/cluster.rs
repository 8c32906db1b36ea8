//! The connection to the cluster, and the cluster's id.
//!
//! kube's own stack leaves Nagle's algorithm on, which holds back the second part of every write
//! until the first is acknowledged: 40 ms a write. It also repeats every request up to 15 times on
//! 429, 503 and 504, behind the back of a controller that has a pace of its own for that.

use crate::controllers::api_writes::ApiWrites;
use crate::controllers::refusals::Refusals;
use crate::fence::Fence;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use k8s_openapi::api::core::v1::Namespace;
use kube::client::{Body, ConfigExt};
use kube::{Api, Client, Config, ResourceExt};
use std::time::Duration;
use tower::{BoxError, ServiceBuilder};

/// Time to reach the API server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Time after which a silent connection is probed, so that a dead one is noticed.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Why there is nothing to work with.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// No cluster is configured, or its configuration cannot be read.
    #[error("no cluster: {0}; set KUBECONFIG or run in a pod")]
    NoCluster(#[source] kube::Error),
    /// The cluster's id could not be read.
    #[error("the UID of the namespace kube-system could not be read: {0}; grant it, or set --cluster-id")]
    NoId(#[source] kube::Error),
}

/// The id that marks the cluster's resources in AWS: the configured one, else the UID of the namespace
/// `kube-system`, which is as old as the cluster.
///
/// # Errors
/// Where none is configured and the namespace cannot be read.
pub async fn cluster_id(client: &Client, configured: Option<&str>) -> Result<String, ClusterError> {
    if let Some(id) = configured {
        return Ok(id.to_owned());
    }
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let system = namespaces.get("kube-system").await.map_err(ClusterError::NoId)?;
    Ok(system.uid().unwrap_or_default())
}

/// A client for the cluster of `KUBECONFIG` or of the pod, whose writes pass the gate.
///
/// # Errors
/// Where no cluster is configured, or its certificates or credentials cannot be read.
pub async fn connect(writes: ApiWrites) -> Result<Client, ClusterError> {
    client(writes).await.map_err(ClusterError::NoCluster)
}

/// The same client for those who only read: no write passes it.
///
/// # Errors
/// Where no cluster is configured, or its certificates or credentials cannot be read.
pub async fn connect_to_read() -> Result<Client, ClusterError> {
    connect(ApiWrites { fence: Fence::closed(), timeout: Duration::ZERO }).await
}

async fn client(writes: ApiWrites) -> Result<Client, kube::Error> {
    let config = Config::infer().await.map_err(kube::Error::InferConfig)?;
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    connector.set_keepalive(Some(KEEPALIVE));
    let https = config.rustls_https_connector_with_connector(connector)?;
    let connections: legacy::Client<_, Body> = legacy::Client::builder(TokioExecutor::new()).build(https);
    let service = ServiceBuilder::new()
        .layer(Refusals::default())
        .layer(writes)
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(connections);
    Ok(Client::new(service, config.default_namespace))
}
