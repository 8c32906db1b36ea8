//! What a plan is made from: the objects of the cluster and of the files, put together as the controller
//! would see them once the files were applied.

use super::PlanConfig;
use super::files::{Failure, Manifests};
use crate::api::account::AwsAccount;
use crate::api::resource::AwsResource;
use crate::api::service_agent::ServiceAgent;
use crate::aws::session::{CallSettings, Sessions, http_client};
use crate::config::RunConfig;
use crate::controllers::cluster::cluster_id;
use crate::fence::Fence;
use crate::lifecycle::caches::CachesFilled;
use crate::lifecycle::context::{Context, Memory};
use crate::lifecycle::graph::{self, Graph};
use crate::lifecycle::intent;
use crate::lifecycle::objects::for_each_page;
use crate::lifecycle::prices::Prices;
use crate::lifecycle::recorder::Recorder;
use crate::lifecycle::takeover::Claims;
use crate::metrics::Metrics;
use crate::traces::Traces;
use k8s_openapi::api::core::v1::Namespace;
use kube::client::Body;
use kube::core::{DeserializeGuard, PartialObjectMeta};
use kube::runtime::reflector::{self, Lookup, Store};
use kube::runtime::watcher;
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;
use tower::BoxError;

/// What is said where there is no cluster.
pub(super) const WITHOUT_CLUSTER: &str = "Planned without a cluster: what is recorded in it, its Secrets and objects outside of the files are not known, nor whether its API server would take the objects.";

/// What the cluster has.
#[derive(Default)]
pub(super) struct Cluster {
    pub id: String,
    pub accounts: Vec<DeserializeGuard<AwsAccount>>,
    pub resources: Vec<DeserializeGuard<AwsResource>>,
    pub namespaces: Vec<PartialObjectMeta<Namespace>>,
    pub agents: Vec<DeserializeGuard<ServiceAgent>>,
}

/// What is planned, and what for.
pub(super) struct World {
    pub cx: Context,
    pub objects: Vec<AwsResource>,
}

/// Why a plan cannot be begun.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotReady {
    #[error("{0}")]
    Configuration(#[from] clap::Error),
    #[error("the metrics could not be registered: {0}")]
    Metrics(#[from] prometheus::Error),
}

/// Why the cluster could not be asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    #[error("the {what} of the cluster could not be read: {error}")]
    List { what: &'static str, error: kube::Error },
    #[error(transparent)]
    Id(#[from] crate::controllers::cluster::ClusterError),
}

/// Reads what the plan needs of the cluster: the objects of these namespaces, or all.
pub(super) async fn ask(
    client: &Client,
    namespaces: Option<&BTreeSet<String>>,
    configured: Option<&str>,
) -> Result<Cluster, NoAnswer> {
    let id = cluster_id(client, configured).await?;
    let accounts = list(Api::all(client.clone()), "AwsAccounts").await?;
    let (mut resources, mut agents) = (Vec::new(), Vec::new());
    match namespaces {
        None => {
            resources = list(Api::all(client.clone()), "AwsResources").await?;
            agents = list(Api::all(client.clone()), "ServiceAgents").await?;
        }
        Some(namespaces) => {
            for namespace in namespaces {
                resources.extend(list(Api::namespaced(client.clone(), namespace), "AwsResources").await?);
                agents.extend(list(Api::namespaced(client.clone(), namespace), "ServiceAgents").await?);
            }
        }
    }
    let (labels, mut namespaces): (&Api<Namespace>, _) = (&Api::all(client.clone()), Vec::new());
    let listed =
        for_each_page(|page| async move { labels.list_metadata(&page).await }, |page| namespaces.extend(page)).await;
    listed.map_err(|error| NoAnswer::List { what: "namespaces", error })?;
    Ok(Cluster { id, accounts, resources, namespaces, agents })
}

async fn list<K>(api: Api<K>, what: &'static str) -> Result<Vec<K>, NoAnswer>
where
    K: Clone + DeserializeOwned + Debug,
{
    let mut all = Vec::new();
    let api = &api;
    let listed = for_each_page(|page| async move { api.list(&page).await }, |page| all.extend(page)).await;
    listed.map(|()| all).map_err(|error| NoAnswer::List { what, error })
}

impl World {
    /// Puts the files over the cluster. Planned are the objects of the files where there are any files, else
    /// those of the cluster.
    pub(super) async fn of(
        config: &PlanConfig,
        client: Client,
        cluster: Cluster,
        manifests: Manifests,
        failures: &mut Vec<Failure>,
    ) -> Result<Self, NotReady> {
        let (live, unreadable) = parted(cluster.resources);
        let from_files = !config.what.filename.is_empty();
        if !from_files {
            failures.extend(unreadable);
        }
        let mut known: BTreeMap<graph::Key, AwsResource> =
            live.into_iter().map(|object| (graph::key(&object), object)).collect();
        let objects: Vec<AwsResource> = match from_files {
            true => {
                manifests.resources.into_iter().map(|object| over(known.get(&graph::key(&object)), object)).collect()
            }
            false => known.values().cloned().collect(),
        };
        known.extend(objects.iter().map(|object| (graph::key(object), object.clone())));
        let graph = Graph::default();
        known.values().for_each(|object| drop(graph.applied(object)));
        let declared = manifests.accounts.into_iter().map(|account| DeserializeGuard(Ok(account)));
        let agents = manifests.agents.into_iter().map(|agent| DeserializeGuard(Ok(agent)));
        let settings = CallSettings::to_read(config.aws_attempt_timeout, config.aws_call_timeout);
        let cx = Context {
            recorder: Recorder::new(client.clone()),
            sessions: Sessions::from_environment(&settings, http_client()).await,
            accounts: store(cluster.accounts.into_iter().chain(declared)),
            agents: store(cluster.agents.into_iter().chain(agents)),
            namespaces: store(cluster.namespaces.into_iter().chain(manifests.namespaces)),
            caches: CachesFilled::of(0),
            cluster_id: cluster.id,
            memory: Memory::default(),
            claims: Claims::default(),
            graph: Arc::new(graph),
            client,
            // A plan only reads, which is so by more than intent.
            fence: Fence::closed(),
            config: RunConfig::from_environment()?,
            prices: Prices::included(),
            // Nobody reads them here.
            metrics: Arc::new(Metrics::new()?),
            traces: Traces::default(),
        };
        Ok(Self { cx, objects })
    }
}

/// The objects that can be read, and those that cannot.
fn parted(objects: Vec<DeserializeGuard<AwsResource>>) -> (Vec<AwsResource>, Vec<Failure>) {
    let (mut readable, mut failures) = (Vec::new(), Vec::new());
    for DeserializeGuard(object) in objects {
        match object {
            Ok(object) => readable.push(object),
            Err(invalid) => {
                let name = |part: &Option<String>| part.clone().unwrap_or_default();
                let what = format!("{}/{}", name(&invalid.metadata.namespace), name(&invalid.metadata.name));
                failures.push(Failure::new(what, "InvalidSpec", invalid.error));
            }
        }
    }
    (readable, failures)
}

/// The object as it is in the cluster with the spec of the file; what is not there yet has a UID that no
/// API server gives, so that nothing in AWS can be taken for its own by it.
fn over(live: Option<&AwsResource>, mut declared: AwsResource) -> AwsResource {
    let Some(live) = live else {
        let (namespace, name) = graph::key(&declared);
        declared.metadata.uid = Some(intent::token("not in a cluster yet", &format!("{namespace}/{name}"), 0));
        declared.metadata.deletion_timestamp = None;
        declared.status = None;
        return declared;
    };
    let mut object = live.clone();
    object.spec = declared.spec;
    object.annotations_mut().extend(declared.metadata.annotations.unwrap_or_default());
    object
}

fn store<K>(objects: impl Iterator<Item = K>) -> Store<K>
where
    K: Resource<DynamicType = ()> + Lookup<DynamicType = ()> + Clone + Debug + Send + Sync + 'static,
    <K as Lookup>::DynamicType: Hash + Eq + Clone + Default,
{
    let (store, mut writer) = reflector::store();
    objects.for_each(|object| writer.apply_watcher_event(&watcher::Event::Apply(object)));
    store
}

/// A client where there is no cluster: whoever asks is told so.
pub(super) fn no_cluster() -> Client {
    let refuse =
        |_: hyper::Request<Body>| async { Err::<hyper::Response<Body>, BoxError>("there is no cluster to ask".into()) };
    Client::new(tower::service_fn(refuse), "default")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(bucket: &str) -> AwsResource {
        serde_json::from_value(json!({
            "apiVersion": "aws.ccagi.io/v1alpha1", "kind": "AwsResource",
            "metadata": {"name": "assets", "namespace": "shop"},
            "spec": {"accountRef": {"name": "a"}, "s3Bucket": {"bucketName": bucket}},
        }))
        .unwrap()
    }

    #[test]
    fn an_object_that_exists_keeps_its_identity_and_gets_the_spec_of_the_file() {
        let mut live = object("old");
        live.metadata.uid = Some("u-1".into());
        live.status = serde_json::from_value(json!({"id": "old"})).unwrap();
        let planned = over(Some(&live), object("new"));
        assert_eq!((planned.metadata.uid.as_deref(), planned.spec), (Some("u-1"), object("new").spec));
        assert_eq!(planned.status.and_then(|status| status.id).as_deref(), Some("old"));
    }

    #[test]
    fn an_object_that_is_only_declared_has_a_uid_of_its_own() {
        let mut other = object("b");
        other.metadata.name = Some("other".into());
        let (one, other) = (over(None, object("b")).metadata.uid, over(None, other).metadata.uid);
        assert!(one.is_some() && one != other, "{one:?} {other:?}");
    }
}
