//! What is done while it may be: the watches, the controllers over them, and what all of them share.

use crate::api::account::AwsAccount;
use crate::aws::budget::Budgets;
use crate::aws::calls::Observer;
use crate::aws::session::{CallSettings, Sessions};
use crate::config::{PriceConfig, PriceSource, RunConfig};
use crate::controllers::account::{self, AccountContext};
use crate::controllers::agent::{self, AgentContext};
use crate::controllers::cluster::cluster_id;
use crate::controllers::resource::{self, Guarded};
use crate::controllers::run::RunError;
use crate::controllers::streams::{follow, log_end, received, resources_of_changed, selected, stopped, stream};
use crate::controllers::sums::{self, Ledger};
use crate::controllers::touch::{Touch, declared_change, every_change, itself, own_namespace, users};
use crate::controllers::{no_errors, scope};
use crate::fence::Fence;
use crate::lifecycle::caches::CachesFilled;
use crate::lifecycle::context::{Accounts, Context, Memory, Namespaces};
use crate::lifecycle::governance::Agents;
use crate::lifecycle::graph::Graph;
use crate::lifecycle::prices::{PATIENCE, Prices};
use crate::lifecycle::recorder::Recorder;
use crate::lifecycle::takeover::Claims;
use crate::metrics::{Metrics, Objects};
use crate::server::Readiness;
use crate::traces::Traces;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, future};
use kube::core::DeserializeGuard;
use kube::runtime::reflector::{self, Store};
use kube::runtime::{Controller, WatchStreamExt, controller, watcher};
use kube::{Api, Client, ResourceExt};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

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

/// Where prices come from under this configuration. An answer of AWS is waited for no longer than `patience`.
pub fn prices(config: &PriceConfig, sessions: &Sessions, patience: Duration) -> Prices {
    match config.prices {
        PriceSource::Book => Prices::included(),
        PriceSource::Api => Prices::of_aws(sessions.price_list(&config.pricing_region), patience),
    }
}

/// Runs the controllers over these parts until `stopping` holds true and running reconciles have ended.
///
/// # Errors
/// [`RunError`] where the cluster's id is not configured and cannot be read.
pub async fn run_with(parts: Parts, readiness: Readiness, stopping: watch::Receiver<bool>) -> Result<(), RunError> {
    let (client, config) = (parts.client.clone(), parts.config.clone());
    let cluster_id = cluster_id(&client, config.cluster_id.as_deref()).await?;
    let (accounts, account_writer) = reflector::store();
    let (resources, resource_writer) = reflector::store::<Guarded>();
    let (caches, graph, sums) = (CachesFilled::of(4), Arc::new(Graph::default()), Ledger::default());
    let (touch, touched) = mpsc::unbounded_channel();
    let (wake, woken) = mpsc::unbounded_channel();
    let (adds, sums_changed) = mpsc::unbounded_channel();
    let (changed, changes) = mpsc::unbounded_channel();

    let (namespaces, agents) = watch_beside(&client, &config, &caches, &touch);
    let touch_users = declared_change(touch.clone(), users(resources.clone()));
    let account_events = watcher(Api::all(client.clone()), selected(&config)).default_backoff();
    let account_stream = stream(account_events, account_writer, &caches, touch_users);
    let (mut follow_graph, mut follow_sums) = (follow(graph.clone(), wake.clone()), sums.follow(adds));
    let mut touch_each = every_change(touch.clone());
    let follow = move |event: &watcher::Event<Guarded>| {
        follow_graph(event);
        follow_sums(event);
        touch_each(event);
    };
    let resource_events = scope::objects(&client, &config, selected(&config), resources.clone());
    let resource_stream = stream(resource_events, resource_writer, &caches, follow);

    let seen = Seen { accounts, namespaces, agents, caches: caches.clone(), graph };
    let shared = Arc::new(context(parts, cluster_id, seen));
    prepare_metrics(&shared, sums.clone())?;
    let proven = Default::default();
    let account_context = Arc::new(AccountContext { shared: shared.clone(), sums, changed, proven });
    let labels = agent::labels_for(config.watch_selector.as_deref());
    let agent_context = AgentContext { shared: shared.clone(), resources: resources.clone(), wake, labels };
    let queue = controller::Config::default().concurrency(config.concurrency);
    let accounts_run = run_accounts(account_stream, account_context, sums_changed, queue.clone(), stopping.clone());
    let resources_run = Controller::for_stream(resource_stream, resources.clone())
        .reconcile_on(resources_of_changed(changes, resources.clone()))
        .reconcile_on(received(woken))
        .with_config(queue)
        .graceful_shutdown_on(stopped(stopping))
        .run(resource::reconcile_one, no_errors, shared.clone());
    tokio::spawn(forget_the_gone(shared, resources));
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

/// What the watches keep up to date.
struct Seen {
    accounts: Accounts,
    namespaces: Namespaces,
    agents: Agents,
    caches: CachesFilled,
    graph: Arc<Graph>,
}

fn context(parts: Parts, cluster_id: String, seen: Seen) -> Context {
    let Parts { client, sessions, fence, config, metrics, traces } = parts;
    let Seen { accounts, namespaces, agents, caches, graph } = seen;
    let prices = prices(&config.prices, &sessions, PATIENCE);
    let recorder = Recorder::new(client.clone());
    let memory = Memory::default();
    Context {
        client,
        recorder,
        sessions,
        accounts,
        agents,
        namespaces,
        caches,
        cluster_id,
        fence,
        config,
        memory,
        claims: Claims::default(),
        graph,
        prices,
        metrics,
        traces,
    }
}

/// Makes known how much each controller may do at once, and what the objects come to.
fn prepare_metrics(shared: &Context, sums: Ledger) -> prometheus::Result<()> {
    for controller in ["awsaccount", "awsresource"] {
        shared.metrics.reconciles.run_at_most(controller, shared.config.concurrency);
    }
    shared.metrics.count(Objects::new(move || sums.sums())?)
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
