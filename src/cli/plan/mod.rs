//! `ccagi-aws-agent plan`: what the controller would do now, by the controller's own passes.

mod files;
mod json;
mod progress;
mod rehearsal;
mod text;
mod world;

use super::{FAILED, SOME};
use crate::api::resource::AwsResource;
use crate::controllers::cluster::connect_to_read;
use crate::cost::PriceBook;
use crate::lifecycle::graph;
use crate::lifecycle::plan::ahead::{Ahead, ahead};
use crate::lifecycle::plan::recognise::recognise;
use clap::{Args, ValueEnum};
use files::{Failure, Manifests};
use futures::StreamExt;
use kube::{Client, ResourceExt};
use progress::Progress;
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use world::{Cluster, World};

/// How many objects are planned at the same time.
const OBJECTS: usize = 16;

/// What to plan. Nothing is changed, in AWS or in the cluster, and only reading is needed; who may create and
/// patch the objects of the files also learns whether the API server would refuse them. The exit code is 0
/// where there is nothing to do, 1 where there is something, and 2 or more where something could not be
/// planned.
#[derive(Args, Debug)]
pub struct PlanConfig {
    #[command(flatten)]
    what: What,

    /// Namespace of objects that name none, and with --all the only one; the kubeconfig's for files, and
    /// all with --all, where absent.
    #[arg(short, long)]
    namespace: Option<String>,

    /// Plan from the files and AWS alone, without asking a cluster. Where there is none this is so by itself.
    #[arg(long, requires = "filename")]
    without_cluster: bool,

    /// Id that marks this cluster's resources in AWS; the UID of the namespace kube-system where absent.
    #[arg(long, env = "CCAGI_CLUSTER_ID")]
    cluster_id: Option<String>,

    /// Format of the plan.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,

    /// Time for one attempt of an AWS call.
    #[arg(long, env = "CCAGI_AWS_ATTEMPT_TIMEOUT", default_value = "10s", value_parser = humantime::parse_duration)]
    aws_attempt_timeout: Duration,

    /// Time for an AWS call with its repeats.
    #[arg(long, env = "CCAGI_AWS_CALL_TIMEOUT", default_value = "60s", value_parser = humantime::parse_duration)]
    aws_call_timeout: Duration,
}

/// Which objects are planned.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct What {
    /// Files or folders with manifests, or - for standard input. What is in the cluster already is planned as
    /// if they were applied.
    #[arg(short = 'f', long, value_name = "FILE")]
    filename: Vec<PathBuf>,

    /// All AwsResources of the cluster, as they are.
    #[arg(long)]
    all: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// Why there is no plan at all.
#[derive(Debug, thiserror::Error)]
enum PlanError {
    #[error("the program cannot be started: {0}")]
    NoRuntime(#[source] std::io::Error),
    #[error(transparent)]
    NoCluster(#[from] crate::controllers::cluster::ClusterError),
    #[error(transparent)]
    NoAnswer(#[from] world::NoAnswer),
    #[error(transparent)]
    NotReady(#[from] world::NotReady),
    #[error("standard output: {0}")]
    Output(#[from] std::io::Error),
}

/// The plan of one object.
struct Row {
    object: AwsResource,
    ahead: Ahead,
}

/// All that is printed.
#[derive(Default)]
struct Report {
    rows: Vec<Row>,
    failures: Vec<Failure>,
    /// What could not be known, in whole sentences.
    remarks: Vec<String>,
}

/// Plans, prints the plan, and says in the exit code what it holds.
pub fn run(config: &PlanConfig) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(PlanError::NoRuntime);
    match runtime.and_then(|runtime| runtime.block_on(plan(config))) {
        Ok(code) => code,
        Err(error) => {
            super::complain(&error.to_string());
            ExitCode::from(FAILED)
        }
    }
}

async fn plan(config: &PlanConfig) -> Result<ExitCode, PlanError> {
    let report = report(config).await?;
    match config.output {
        Output::Json => super::print_json(&json::report(&report))?,
        Output::Text => print(&text::report(&report))?,
    }
    // The text shows what the API server refuses beside the plans of the others.
    let told = |failure: &&Failure| config.output == Output::Text && failure.reason == rehearsal::REFUSED;
    for failure in report.failures.iter().filter(|failure| !told(failure)) {
        super::complain(&format!("{}: {}: {}", failure.what, failure.reason, failure.message));
    }
    Ok(report.code())
}

/// Prints a text with its colours where standard output shows them, and without them where it does not.
fn print(text: &str) -> std::io::Result<()> {
    use std::io::Write;
    match writeln!(anstream::stdout(), "{text}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome,
    }
}

async fn report(config: &PlanConfig) -> Result<Report, PlanError> {
    let mut report = Report::default();
    let client = client(config, &mut report).await?;
    let default = client.as_ref().map_or("default", Client::default_namespace).to_owned();
    let namespace = config.namespace.clone().unwrap_or(default);
    let mut manifests = files::read(&config.what.filename, &namespace);
    report.failures.append(&mut manifests.failures);
    if manifests.others > 0 {
        report.remarks.push(format!("{} objects of other kinds were left out.", manifests.others));
    }
    let (client, cluster) = ask(config, client, &manifests, &mut report).await?;
    let has_cluster = cluster.is_some();
    if let Some(cluster) = &cluster {
        report.remarks.extend(rehearsal::rehearse(&client, cluster, &mut manifests).await);
        report.failures.append(&mut manifests.failures);
    }
    let mut world = World::of(config, client, cluster.unwrap_or_default(), manifests, &mut report.failures).await?;
    if !has_cluster {
        let found = recognise(&mut world.objects, &world.cx, config.cluster_id.as_deref()).await;
        world.cx.cluster_id = found.cluster.unwrap_or_default();
        report.remarks.extend(found.remarks);
        world.objects.iter().for_each(|object| drop(world.cx.graph.applied(object)));
    }
    look(&world, &mut report).await;
    Ok(report)
}

/// The connection to the cluster, where there is to be one.
async fn client(config: &PlanConfig, report: &mut Report) -> Result<Option<Client>, PlanError> {
    if config.without_cluster {
        report.remarks.push(world::WITHOUT_CLUSTER.into());
        return Ok(None);
    }
    match connect_to_read().await {
        Ok(client) => Ok(Some(client)),
        Err(error) if config.what.all => Err(error.into()),
        Err(_) => {
            report.remarks.push(world::WITHOUT_CLUSTER.into());
            Ok(None)
        }
    }
}

/// What the cluster answers. Where it does not, the files are still planned.
async fn ask(
    config: &PlanConfig,
    client: Option<Client>,
    manifests: &Manifests,
    report: &mut Report,
) -> Result<(Client, Option<Cluster>), PlanError> {
    let Some(client) = client else { return Ok((world::no_cluster(), None)) };
    let namespaces: Option<BTreeSet<String>> = match config.what.all {
        true => config.namespace.clone().map(|namespace| BTreeSet::from([namespace])),
        false => {
            let agents = manifests.agents.iter().filter_map(ResourceExt::namespace);
            Some(manifests.resources.iter().filter_map(ResourceExt::namespace).chain(agents).collect())
        }
    };
    match world::ask(&client, namespaces.as_ref(), config.cluster_id.as_deref()).await {
        Ok(cluster) => Ok((client, Some(cluster))),
        Err(error) if config.what.all => Err(error.into()),
        Err(error) => {
            report.failures.push(Failure::new("the cluster", "ApiServerUnavailable", error.to_string()));
            report.remarks.push(world::WITHOUT_CLUSTER.into());
            Ok((world::no_cluster(), None))
        }
    }
}

/// Looks ahead of every object, of several at the same time, in their order.
async fn look(world: &World, report: &mut Report) {
    let (book, progress) = (PriceBook::included(), Progress::of(world.objects.len()));
    let looks: Vec<_> = world.objects.iter().map(|object| look_at(object, world, &book, &progress)).collect();
    let mut answers = futures::stream::iter(looks).buffered(OBJECTS);
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(row) => report.rows.push(row),
            Err(failure) => report.failures.push(failure),
        }
    }
    progress.end();
}

async fn look_at(object: &AwsResource, world: &World, book: &PriceBook, progress: &Progress) -> Result<Row, Failure> {
    let outcome = ahead(object.clone(), &world.cx, book).await;
    progress.one_more();
    match outcome {
        Ok(ahead) => Ok(Row { object: object.clone(), ahead }),
        Err(error) => {
            let verdict = error.verdict(object);
            Err(Failure::new(name_of(object), verdict.reason, verdict.message))
        }
    }
}

/// Namespace and name.
fn name_of(object: &AwsResource) -> String {
    let (namespace, name) = graph::key(object);
    format!("{namespace}/{name}")
}

impl Report {
    fn code(&self) -> ExitCode {
        match (self.failures.is_empty(), self.rows.iter().any(|row| row.ahead.plan.differs())) {
            (false, _) => ExitCode::from(FAILED),
            (true, true) => ExitCode::from(SOME),
            (true, false) => ExitCode::SUCCESS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::resource::{Change, Health};
    use crate::lifecycle::decide::Action;
    use crate::lifecycle::plan::Plan;
    use serde_json::json;

    pub(super) fn row(action: Action, changes: Vec<Change>) -> Row {
        let object = json!({
            "apiVersion": "aws.ccagi.io/v1alpha1", "kind": "AwsResource", "metadata": {"namespace": "shop", "name": "web"},
            "spec": {"accountRef": {"name": "a"}, "ec2Instance": {"imageId": "ami-1", "instanceType": "t3.micro"}},
        });
        let plan = Plan {
            action,
            id: Some("i-1".into()),
            state: None,
            health: Some(Health::Healthy),
            changes,
            follow_ups: Vec::new(),
            waits_for: Vec::new(),
            notes: Vec::new(),
        };
        Row { object: serde_json::from_value(object).unwrap(), ahead: Ahead { plan, place: None, cost: None } }
    }

    pub(super) fn report(rows: Vec<Row>) -> Report {
        Report { rows, ..Report::default() }
    }

    #[test]
    fn the_exit_code_is_kubectl_diffs() {
        let code = |report: &Report| format!("{:?}", report.code());
        let plain = |code: u8| format!("{:?}", ExitCode::from(code));
        assert_eq!(code(&report(vec![row(Action::Nothing, Vec::new())])), plain(0));
        assert_eq!(code(&report(vec![row(Action::Create, Vec::new())])), plain(1));
        let mut failed = report(vec![row(Action::Create, Vec::new())]);
        failed.failures.push(Failure::new("shop/b", "InvalidSpec", "no"));
        assert_eq!(code(&failed), plain(2));
    }
}
