//! `ccagi-aws-agent tree`: which objects depend on which, with state, health and cost.

mod branches;
mod text;

use crate::api::conditions::ConditionType;
use crate::api::resource::{AwsResource, Health, ResourceState};
use crate::controllers::cluster::{ClusterError, connect_to_read};
use crate::lifecycle::graph;
use crate::lifecycle::objects::for_each_page;
use branches::{Forest, Line};
use clap::{Args, ValueEnum};
use kube::core::DeserializeGuard;
use kube::{Api, ResourceExt};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::error::Error;

/// What to show. Below each object stands what it refers to; what is there more than once is drawn once and
/// marked where it comes again.
#[derive(Args, Debug)]
pub struct TreeConfig {
    /// Name of the AwsResource to begin with; all that nothing else refers to where absent.
    name: Option<String>,

    /// Namespace of the objects; the kubeconfig's where absent.
    #[arg(short, long)]
    namespace: Option<String>,

    /// Format of the tree.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// Why there is no tree.
#[derive(Debug, thiserror::Error)]
enum TreeError {
    #[error("the program cannot be started: {0}")]
    NoRuntime(#[source] std::io::Error),
    #[error(transparent)]
    NoCluster(#[from] ClusterError),
    #[error("the AwsResources of the namespace {namespace} could not be listed: {error}")]
    NoObjects { namespace: String, error: kube::Error },
    #[error("the AwsResource {name} does not exist in the namespace {namespace}")]
    Unknown { namespace: String, name: String },
    #[error("standard output: {0}")]
    Output(#[from] std::io::Error),
}

/// The key of the tag or label that names a team.
const TEAM: &str = "team";

/// One object as far as a tree tells of it.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<ResourceState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<Health>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_per_day: Option<String>,
    /// The region whose prices stand in for some of the resource's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    priced_as_in: Option<String>,
    /// The team by its tag, or by the object's label.
    #[serde(skip_serializing_if = "Option::is_none")]
    team: Option<String>,
    ready: String,
    reason: String,
    message: String,
    /// The names that it refers to, each with whether the value may come later.
    needs: BTreeMap<String, bool>,
}

impl Node {
    fn of(object: &AwsResource) -> Self {
        let status = object.status.clone().unwrap_or_default();
        let ready = status.conditions.iter().find(|condition| condition.type_ == ConditionType::Ready.as_str());
        Self {
            name: object.name_any(),
            kind: object.spec.kind.the_one().map(|kind| kind.name().as_str().to_owned()),
            id: status.id,
            state: status.state,
            health: status.health,
            cost_per_day: status.cost_per_day,
            team: object.spec.tags.get(TEAM).or_else(|| object.labels().get(TEAM)).cloned(),
            priced_as_in: status.cost.and_then(|cost| cost.priced_as_in),
            ready: ready.map_or("Unknown", |condition| condition.status.as_str()).to_owned(),
            reason: ready.map(|condition| condition.reason.clone()).unwrap_or_default(),
            message: ready.map(|condition| condition.message.clone()).unwrap_or_default(),
            needs: graph::needs(object),
        }
    }

    /// One that this version of the program cannot read.
    fn unreadable(name: String, message: String) -> Self {
        Self { name, ready: "Unknown".into(), reason: "InvalidSpec".into(), message, ..Self::default() }
    }

    fn is_ready(&self) -> bool {
        self.ready == "True"
    }
}

/// Prints the tree.
///
/// # Errors
/// Where the cluster cannot be asked, or there is no object of the name.
pub fn run(config: &TreeConfig) -> Result<(), Box<dyn Error + Send + Sync>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(TreeError::NoRuntime)?;
    Ok(runtime.block_on(show(config))?)
}

async fn show(config: &TreeConfig) -> Result<(), TreeError> {
    let client = connect_to_read().await?;
    let namespace = config.namespace.clone().unwrap_or_else(|| client.default_namespace().to_owned());
    let api: &Api<DeserializeGuard<AwsResource>> = &Api::namespaced(client, &namespace);
    let node = |DeserializeGuard(object)| match object {
        Ok(object) => Node::of(&object),
        Err(invalid) => Node::unreadable(invalid.metadata.name.unwrap_or_default(), invalid.error),
    };
    let mut nodes = Vec::new();
    let listed =
        for_each_page(|page| async move { api.list(&page).await }, |page| nodes.extend(page.into_iter().map(node)));
    listed.await.map_err(|error| TreeError::NoObjects { namespace: namespace.clone(), error })?;
    let forest = Forest::of(nodes.into_iter());
    let lines = match &config.name {
        None => forest.all(),
        Some(name) => forest.below(name).ok_or_else(|| TreeError::Unknown { namespace, name: name.clone() })?,
    };
    match config.output {
        Output::Text => super::print(&text::table(&forest, &lines))?,
        Output::Json => super::print_json(&report(&forest, &lines))?,
    }
    Ok(())
}

/// The tree for machines: the objects that are in it, and where it begins.
fn report(forest: &Forest, lines: &[Line]) -> Value {
    let roots: Vec<&str> = lines.iter().filter(|line| line.depth() == 0).map(|line| line.name.as_str()).collect();
    json!({"roots": roots, "objects": forest.in_lines(lines), "circles": forest.circles(lines)})
}
