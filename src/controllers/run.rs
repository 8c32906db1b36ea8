//! Starts the controllers, and stops them in good order.

use crate::api::account::AwsAccount;
use crate::aws::budget::Budgets;
use crate::aws::calls::Observer;
use crate::aws::session::{CallSettings, Sessions, http_client};
use crate::config::{PriceConfig, PriceSource, RunConfig, TimesError};
use crate::controllers::account::{self, AccountContext};
use crate::controllers::agent::{self, AgentContext};
use crate::controllers::api_writes::ApiWrites;
use crate::controllers::cluster::{ClusterError, cluster_id, connect};
use crate::controllers::leader::{Candidate, Leader, LeaseLost};
use crate::controllers::requirements::Requirements;
use crate::controllers::resource::{self, Guarded};
use crate::controllers::sums::{self, Ledger};
use crate::controllers::touch::{Touch, declared_change, every_change, itself, own_namespace, users};
use crate::controllers::{news_in, no_errors, scope, trim};
use crate::fence::Fence;
use crate::lifecycle::caches::CachesFilled;
use crate::lifecycle::context::{Context, Memory, Namespaces};
use crate::lifecycle::governance::Agents;
use crate::lifecycle::graph::{self, Graph};
use crate::lifecycle::prices::Prices;
use crate::metrics::{CallBudgets, Metrics, Objects};
use crate::server::{Readiness, serve, serve_log_filter, serve_metrics};
use crate::telemetry::LogFilter;
use crate::traces::Traces;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt, future};
use kube::core::DeserializeGuard;
use kube::runtime::events::{Recorder, Reporter};
use kube::runtime::reflector::{self, ObjectRef, Store, store::Writer};
use kube::runtime::{Controller, PredicateConfig, WatchStreamExt, controller, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::collections::{BTreeSet, HashSet};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

/// Why the controllers could not be started.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The cluster is not to be had.
    #[error(transparent)]
    NoCluster(#[from] ClusterError),
    /// An address to listen on is not to be had.
    #[error("cannot listen on {address}: {error}")]
    NoListener {
        /// The address.
        address: std::net::SocketAddr,
        /// What the system said.
        error: std::io::Error,
    },
    /// The metrics do not go together, which tests would show.
    #[error("the metrics cannot be set up: {0}")]
    NoMetrics(#[from] prometheus::Error),
    /// The flags contradict each other.
    #[error(transparent)]
    Times(#[from] TimesError),
    /// Another process may work now.
    #[error(transparent)]
    LeaseLost(#[from] LeaseLost),
    /// The process may not listen to signals.
    #[error("cannot listen to signals: {0}")]
    NoSignals(#[from] std::io::Error),
}

/// Runs until the process is asked to stop, then lets running reconciles end, for as long as the
/// configured grace.
///
/// # Errors
/// [`RunError`] where the controllers cannot be started; nothing was touched then. And
/// [`RunError::LeaseLost`] where another process may have taken over.
pub async fn run(config: RunConfig, log: LogFilter, traces: Traces) -> Result<(), RunError> {
    config.check_times()?;
    let readiness = Readiness::default();
    serve(config.health_address, readiness.clone())
        .await
        .map_err(|error| RunError::NoListener { address: config.health_address, error })?;
    let metrics = Arc::new(Metrics::new()?);
    if let Some(address) = config.metrics_address.0 {
        serve_metrics(address, metrics.clone()).await.map_err(|error| RunError::NoListener { address, error })?;
    }
    if let Some(address) = config.log_address.0 {
        serve_log_filter(address, log).await.map_err(|error| RunError::NoListener { address, error })?;
    }
    let (mut terminated, mut interrupted) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (stop, stopping) = watch::channel(false);
    let grace = config.shutdown_grace;
    let controllers = tokio::spawn(elect_and_work(config, readiness.clone(), stopping, metrics, traces));
    tokio::pin!(controllers);
    tokio::select! {
        ended = &mut controllers => return ended.unwrap_or(Ok(())),
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
    tracing::info!("stopping: no new reconciles; running ones may end");
    readiness.set(false);
    // The receiver is gone only if the controllers have ended already.
    let _ = stop.send(true);
    match tokio::time::timeout(grace, controllers).await {
        Ok(_) => tracing::info!("stopped"),
        Err(_) => tracing::warn!("stopped without waiting longer; what was begun is found again from its intent"),
    }
    Ok(())
}

/// Works once there is all that the controllers need, with leader election only while the lease is ours. A
/// standby connects to the cluster and looks at the lease, and no more: what it would cache would be old by the
/// time it is needed.
async fn elect_and_work(
    config: RunConfig,
    readiness: Readiness,
    stopping: watch::Receiver<bool>,
    metrics: Arc<Metrics>,
    traces: Traces,
) -> Result<(), RunError> {
    // The lease itself is written when the fence is closed, and has its own, shorter times; a question for our
    // rights is no write, though it looks like one.
    let writes = ApiWrites { fence: Fence::open(), timeout: config.api_write_timeout };
    let client = connect(writes).await?;
    let requirements = Requirements::of(client.clone(), &config);
    let lease = config.leader_election.leader_election_id.clone();
    if !config.leader_election.leader_elect {
        tokio::select! {
            () = requirements.until_met(&readiness) => {}
            () = stopped(stopping.clone()) => return Ok(()),
        }
        return run_controllers(config, readiness, stopping, Fence::open(), metrics, traces).await;
    }
    metrics.leads(&lease, false);
    let fence = Fence::closed();
    let candidate = || Candidate::new(client.clone(), &config.leader_election, fence.clone());
    let leader = tokio::select! {
        leader = elect(candidate, &requirements, &readiness) => leader,
        () = stopped(stopping.clone()) => return Ok(()),
    };
    metrics.leads(&lease, true);
    leader.lead(run_controllers(config, readiness, stopping, fence, metrics, traces)).await?
}

/// Stands by for the lease while there is all that the controllers need: whoever could not work must not keep it
/// from those who can. A candidate that gives up while it asks for the lease may leave it to run out.
async fn elect(candidate: impl Fn() -> Candidate, requirements: &Requirements, readiness: &Readiness) -> Leader {
    loop {
        requirements.until_met(readiness).await;
        tokio::select! {
            leader = candidate().campaign(readiness) => return leader,
            () = requirements.until_unmet() => {}
        }
    }
}

async fn run_controllers(
    config: RunConfig,
    readiness: Readiness,
    stopping: watch::Receiver<bool>,
    fence: Fence,
    metrics: Arc<Metrics>,
    traces: Traces,
) -> Result<(), RunError> {
    let writes = ApiWrites { fence: fence.clone(), timeout: config.api_write_timeout };
    let client = connect(writes).await?;
    let (counting, traced) = (metrics.clone(), traces.clone());
    let observer = Observer::new(move |attempt| {
        counting.aws_calls.made(attempt);
        traced.attempt(attempt);
    });
    let settings = CallSettings { observer, ..call_settings(&config, &fence) };
    metrics.count(CallBudgets::new(settings.budgets.clone())?)?;
    let sessions = Sessions::from_environment(&settings, http_client()).await;
    run_with(Parts { client, sessions, fence, config, metrics, traces }, readiness, stopping).await
}

/// What the controllers talk through, and how they run.
pub struct Parts {
    /// The connection to the cluster.
    pub client: Client,
    /// The sessions with AWS.
    pub sessions: Sessions,
    /// Whether writes may begin.
    pub fence: Fence,
    /// Flags and environment.
    pub config: RunConfig,
    /// What is counted and measured.
    pub metrics: Arc<Metrics>,
    /// Where traces of reconciles go.
    pub traces: Traces,
}

/// How AWS calls are made under this configuration.
pub fn call_settings(config: &RunConfig, fence: &Fence) -> CallSettings {
    CallSettings {
        attempt_timeout: config.aws_attempt_timeout,
        call_timeout: config.aws_call_timeout,
        attempts: 2,
        refusal_period: config.backoff_base,
        fence: fence.clone(),
        observer: Observer::default(),
        budgets: Budgets::of(config.aws_budget_share.0),
    }
}

/// Where prices come from under this configuration.
pub fn prices(config: &PriceConfig, sessions: &Sessions) -> Prices {
    match config.prices {
        PriceSource::Book => Prices::included(),
        PriceSource::Api => Prices::of_aws(sessions.price_list(&config.pricing_region)),
    }
}

/// Runs the controllers over these parts until `stopping` holds true and running reconciles have ended.
///
/// # Errors
/// [`RunError`] where the cluster's id is not configured and cannot be read.
pub async fn run_with(parts: Parts, readiness: Readiness, stopping: watch::Receiver<bool>) -> Result<(), RunError> {
    let Parts { client, sessions, fence, config, metrics, traces } = parts;
    let cluster_id = cluster_id(&client, config.cluster_id.as_deref()).await?;
    let selected = selected(&config);
    let (accounts, account_writer) = reflector::store();
    let (resources, resource_writer) = reflector::store::<Guarded>();
    let caches = CachesFilled::of(4);
    let (touch, touched) = mpsc::unbounded_channel();
    let (namespaces, agents) = watch_beside(&client, &config, &caches, &touch);
    let touch_users = declared_change(touch.clone(), users(resources.clone()));
    let account_events = watcher(Api::all(client.clone()), selected.clone()).default_backoff();
    let account_stream = stream(account_events, account_writer, &caches, touch_users);
    let graph = Arc::new(Graph::default());
    let (wake, woken) = mpsc::unbounded_channel();
    let (adds, sums_changed) = mpsc::unbounded_channel();
    let sums = Ledger::default();
    let (mut follow_graph, mut follow_sums) = (follow(graph.clone(), wake.clone()), sums.follow(adds));
    let mut touch_each = every_change(touch.clone());
    let follow = move |event: &watcher::Event<Guarded>| {
        follow_graph(event);
        follow_sums(event);
        touch_each(event);
    };
    let resource_events = scope::objects(&client, &config, selected, resources.clone());
    let resource_stream = stream(resource_events, resource_writer, &caches, follow);

    let prices = prices(&config.prices, &sessions);
    let shared = Arc::new(Context {
        recorder: Recorder::new(client.clone(), Reporter::from("ccagi-aws-agent")),
        sessions,
        accounts: accounts.clone(),
        agents,
        namespaces,
        caches: caches.clone(),
        cluster_id,
        memory: Memory::default(),
        graph,
        prices,
        client,
        fence,
        config: config.clone(),
        metrics: metrics.clone(),
        traces,
    });
    let (changed, changes) = mpsc::unbounded_channel();
    let account_context =
        Arc::new(AccountContext { shared: shared.clone(), sums, changed, proven: Default::default() });
    let agent_context = AgentContext {
        shared: shared.clone(),
        resources: resources.clone(),
        wake,
        labels: agent::labels_for(config.watch_selector.as_deref()),
    };
    for controller in ["awsaccount", "awsresource"] {
        metrics.reconciles.run_at_most(controller, config.concurrency);
    }
    metrics.count(counted_objects(resources.clone())?)?;
    let queue = controller::Config::default().concurrency(config.concurrency);
    let accounts_run = run_accounts(account_stream, account_context, sums_changed, queue.clone(), stopping.clone());
    let resources_run = Controller::for_stream(resource_stream, resources.clone())
        .reconcile_on(resources_of_changed(changes, resources.clone()))
        .reconcile_on(received(woken))
        .with_config(queue)
        .graceful_shutdown_on(stopped(stopping))
        .run(resource::reconcile_one, no_errors, shared.clone());
    tokio::spawn(forget_the_gone(shared.clone(), resources.clone()));
    tokio::spawn(tell_when_filled(caches, readiness));
    let resources_end = resources_run.map(log_end).for_each(future::ready);
    let controllers = future::join(accounts_run.for_each(future::ready), resources_end);
    tokio::select! {
        _ = controllers => {}
        // It goes on until the others end.
        () = agent::run(agent_context, touched, touch) => {}
    }
    Ok(())
}

/// The account controller. One that may only read accounts passes their changes on to those who use them.
fn run_accounts(
    events: impl Stream<Item = watcher::Result<DeserializeGuard<AwsAccount>>> + Send + 'static,
    context: Arc<AccountContext>,
    sums_changed: mpsc::UnboundedReceiver<String>,
    queue: controller::Config,
    stopping: watch::Receiver<bool>,
) -> BoxStream<'static, ()> {
    if context.shared.config.read_only_accounts {
        // Nobody writes the sums, so that nobody need be told of them.
        drop(sums_changed);
        return account::follow(events, context).take_until(stopped(stopping)).boxed();
    }
    Controller::for_stream(events, context.shared.accounts.clone())
        .reconcile_on(sums::accounts(sums_changed))
        .with_config(queue)
        .graceful_shutdown_on(stopped(stopping))
        .run(account::reconcile_one, no_errors, context)
        .map(log_end)
        .boxed()
}

async fn tell_when_filled(caches: CachesFilled, readiness: Readiness) {
    caches.wait().await;
    tracing::info!("ready: the caches are filled");
    readiness.set(true);
}

/// Keeps the namespaces and the service agents in caches. Nothing is reconciled for each of them.
fn watch_beside(client: &Client, config: &RunConfig, caches: &CachesFilled, touch: &Touch) -> (Namespaces, Agents) {
    let (namespaces, namespace_writer) = reflector::store();
    let (agents, agent_writer) = reflector::store();
    let touch_itself = declared_change(touch.clone(), itself);
    let namespace_stream = stream(scope::namespaces(client, config), namespace_writer, caches, touch_itself);
    let touch_own = declared_change(touch.clone(), own_namespace);
    let agent_events = scope::objects(client, config, selected(config), agents.clone());
    let agent_stream = stream(agent_events, agent_writer, caches, touch_own);
    tokio::spawn(namespace_stream.for_each(|_| future::ready(())));
    tokio::spawn(agent_stream.for_each(|_| future::ready(())));
    (namespaces, agents)
}

/// From time to time drops what is remembered of objects that are gone.
async fn forget_the_gone(shared: Arc<Context>, resources: Store<Guarded>) {
    let mut ticks = tokio::time::interval(Duration::from_secs(600));
    loop {
        ticks.tick().await;
        shared.caches.wait().await;
        let uids = |uid: Option<String>| uid.unwrap_or_default();
        let mut alive: HashSet<String> = resources.state().iter().map(|guard| uids(guard.uid())).collect();
        alive.extend(shared.accounts.state().iter().map(|guard| uids(guard.uid())));
        shared.memory.keep(&alive);
    }
}

/// The objects in the cache, for the metrics.
fn counted_objects(resources: Store<Guarded>) -> prometheus::Result<Objects> {
    Objects::new(move |each| {
        for guard in resources.state() {
            if let Ok(object) = &guard.0 {
                each(object);
            }
        }
    })
}

fn selected(config: &RunConfig) -> watcher::Config {
    match &config.watch_selector {
        Some(selector) => watcher::Config::default().labels(selector),
        None => watcher::Config::default(),
    }
}

/// The objects of one kind as they change, kept in a cache on the way.
fn stream<K>(
    events: impl Stream<Item = watcher::Result<watcher::Event<K>>> + Send + 'static,
    writer: Writer<K>,
    caches: &CachesFilled,
    mut follow: impl FnMut(&watcher::Event<K>) + Send + 'static,
) -> impl Stream<Item = Result<K, watcher::Error>> + Send + 'static
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    let (caches, mut filled) = (caches.clone(), false);
    events
        .modify(|object| trim(object.meta_mut()))
        .reflect(writer)
        .inspect_ok(move |event| {
            follow(event);
            if matches!(event, watcher::Event::InitDone) && !std::mem::replace(&mut filled, true) {
                caches.one_is_filled();
            }
        })
        .applied_objects()
        .predicate_filter(|object: &K| Some(news_in(object.meta())), PredicateConfig::default())
}

/// The resources of each account that has changed.
fn resources_of_changed(
    changes: mpsc::UnboundedReceiver<String>,
    resources: Store<Guarded>,
) -> impl Stream<Item = ObjectRef<Guarded>> + Send + 'static {
    let accounts =
        futures::stream::unfold(changes, |mut changes| async { changes.recv().await.map(|name| (name, changes)) });
    accounts.flat_map(move |name| futures::stream::iter(resource::objects_of(&name, &resources)))
}

fn received<T: Send + 'static>(channel: mpsc::UnboundedReceiver<T>) -> impl Stream<Item = T> + Send + 'static {
    futures::stream::unfold(channel, |mut channel| async { channel.recv().await.map(|item| (item, channel)) })
}

/// Keeps the graph of references up to date and wakes those whom a change concerns.
fn follow(graph: Arc<Graph>, wake: mpsc::UnboundedSender<ObjectRef<Guarded>>) -> impl FnMut(&watcher::Event<Guarded>) {
    let mut listed = BTreeSet::new();
    move |event| {
        let concerned = match event {
            watcher::Event::Init => {
                listed.clear();
                Vec::new()
            }
            watcher::Event::InitDone => graph.keep(&std::mem::take(&mut listed)),
            watcher::Event::InitApply(DeserializeGuard(Ok(object))) => {
                listed.insert(graph::key(object));
                graph.applied(object)
            }
            watcher::Event::Apply(DeserializeGuard(Ok(object))) => graph.applied(object),
            watcher::Event::Delete(DeserializeGuard(Ok(object))) => graph.deleted(object),
            // An object that cannot be read refers to nothing that is known.
            _ => Vec::new(),
        };
        for (namespace, name) in concerned {
            // The receiver lives as long as the controller; without it nobody needs to be woken.
            let _ = wake.send(ObjectRef::new(&name).within(&namespace));
        }
    }
}

async fn stopped(mut stopping: watch::Receiver<bool>) {
    // An error means that the sender is gone, and with it the process's main loop.
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// The controllers' machinery reports objects that are gone before their turn comes; that is no news.
fn log_end<K: Resource<DynamicType = ()>, E: std::error::Error + 'static, Q: std::error::Error + 'static>(
    end: Result<(ObjectRef<K>, controller::Action), controller::Error<E, Q>>,
) {
    match end {
        Ok(_) | Err(controller::Error::ObjectNotFound(_)) => {}
        Err(error) => tracing::warn!(%error, "the watch failed and is begun again"),
    }
}
