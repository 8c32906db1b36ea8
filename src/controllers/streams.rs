//! What a controller hears: watches that fill caches on the way, and wishes for another look.

use crate::config::RunConfig;
use crate::controllers::resource::{self, Guarded};
use crate::controllers::{news_in, trim};
use crate::lifecycle::caches::CachesFilled;
use crate::lifecycle::graph::{self, Graph};
use futures::{Stream, StreamExt, TryStreamExt};
use kube::Resource;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::{ObjectRef, Store, store::Writer};
use kube::runtime::{PredicateConfig, WatchStreamExt, controller, watcher};
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// What of a kind is watched under this configuration.
pub(super) fn selected(config: &RunConfig) -> watcher::Config {
    match &config.watch_selector {
        Some(selector) => watcher::Config::default().labels(selector),
        None => watcher::Config::default(),
    }
}

/// The objects of one kind as they change, kept in a cache on the way.
pub(super) fn stream<K>(
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
pub(super) fn resources_of_changed(
    changes: mpsc::UnboundedReceiver<String>,
    resources: Store<Guarded>,
) -> impl Stream<Item = ObjectRef<Guarded>> + Send + 'static {
    let accounts =
        futures::stream::unfold(changes, |mut changes| async { changes.recv().await.map(|name| (name, changes)) });
    accounts.flat_map(move |name| futures::stream::iter(resource::objects_of(&name, &resources)))
}

/// What comes in through a channel, until nobody can send any more.
pub(super) fn received<T: Send + 'static>(
    channel: mpsc::UnboundedReceiver<T>,
) -> impl Stream<Item = T> + Send + 'static {
    futures::stream::unfold(channel, |mut channel| async { channel.recv().await.map(|item| (item, channel)) })
}

/// Keeps the graph of references up to date and wakes those whom a change concerns.
pub(super) fn follow(
    graph: Arc<Graph>,
    wake: mpsc::UnboundedSender<ObjectRef<Guarded>>,
) -> impl FnMut(&watcher::Event<Guarded>) {
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

/// Waits until the process is asked to stop.
pub(super) async fn stopped(mut stopping: watch::Receiver<bool>) {
    // An error means that the sender is gone, and with it the process's main loop.
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// The controllers' machinery reports objects that are gone before their turn comes; that is no news.
pub(super) fn log_end<K: Resource<DynamicType = ()>, E: std::error::Error + 'static, Q: std::error::Error + 'static>(
    end: Result<(ObjectRef<K>, controller::Action), controller::Error<E, Q>>,
) {
    match end {
        Ok(_) | Err(controller::Error::ObjectNotFound(_)) => {}
        Err(error) => tracing::warn!(%error, "the watch failed and is begun again"),
    }
}
