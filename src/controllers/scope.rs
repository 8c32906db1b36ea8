//! What is watched: the whole cluster, or some namespaces.
//!
//! A controller that works in some namespaces has rights in those only. It watches each by itself and
//! sees them as one. It may not watch Namespace objects, which are the cluster's, and gets its own ones
//! from time to time.

use crate::config::RunConfig;
use futures::StreamExt;
use futures::stream::{BoxStream, SelectAll, select_all, unfold};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Namespace;
use kube::core::PartialObjectMeta;
use kube::runtime::WatchStreamExt;
use kube::runtime::reflector::Store;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::time::Duration;
use tokio::time::{Interval, interval};

/// Time between two looks at the labels of the namespaces.
const NAMESPACE_PERIOD: Duration = Duration::from_secs(30);

/// What happens to the objects of one kind in the namespaces to watch. `store` is the cache that the
/// stream fills: it tells what has gone while a watch was begun anew.
pub fn objects<K>(
    client: &Client,
    config: &RunConfig,
    selected: watcher::Config,
    store: Store<K>,
) -> BoxStream<'static, watcher::Result<Event<K>>>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug + Send + Sync,
    K: 'static,
{
    let namespaces = config.watch_namespaces.as_slice();
    if namespaces.is_empty() {
        return watcher(Api::all(client.clone()), selected).default_backoff().boxed();
    }
    let one = |(index, namespace): (usize, &String)| {
        let api: Api<K> = Api::namespaced(client.clone(), namespace);
        watcher(api, selected.clone()).default_backoff().map(move |event| (index, event)).boxed()
    };
    let all: SelectAll<_> = select_all(namespaces.iter().enumerate().map(one));
    let mut merge = Merge::of(namespaces, store);
    let merged = all.flat_map(move |(index, event)| {
        let seen: Vec<_> = match event {
            Ok(event) => merge.events(index, event).into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        };
        futures::stream::iter(seen)
    });
    merged.boxed()
}

/// What happens to the Namespace objects: watched, or those of the namespaces to watch got anew every
/// [`NAMESPACE_PERIOD`] and given out as a watch would list them.
pub fn namespaces(
    client: &Client,
    config: &RunConfig,
) -> BoxStream<'static, watcher::Result<Event<PartialObjectMeta<Namespace>>>> {
    if config.watch_namespaces.is_empty() {
        let all: Api<PartialObjectMeta<Namespace>> = Api::all(client.clone());
        return watcher(all, watcher::Config::default()).default_backoff().boxed();
    }
    let begin = (interval(NAMESPACE_PERIOD), config.watch_namespaces.clone(), client.clone());
    let looks = unfold(begin, |(mut ticks, names, client): Looks| async {
        ticks.tick().await;
        let seen = match look(&names, &client).await {
            Ok(found) => listed(found).into_iter().map(Ok).collect(),
            Err(error) => vec![Err(watcher::Error::InitialListFailed(error))],
        };
        Some((futures::stream::iter(seen), (ticks, names, client)))
    });
    looks.flatten().boxed()
}

type Looks = (Interval, Vec<String>, Client);

async fn look(names: &[String], client: &Client) -> Result<Vec<PartialObjectMeta<Namespace>>, kube::Error> {
    let api: Api<Namespace> = Api::all(client.clone());
    let found = futures::future::try_join_all(names.iter().map(|name| api.get_metadata_opt(name))).await?;
    Ok(found.into_iter().flatten().collect())
}

fn listed<K>(objects: Vec<K>) -> Vec<Event<K>> {
    let all = objects.into_iter().map(Event::InitApply);
    std::iter::once(Event::Init).chain(all).chain([Event::InitDone]).collect()
}

/// Makes one watch of many. The first lists are held back until all are complete, because a cache takes
/// what comes between `Init` and `InitDone` for all that there is; later lists become single changes.
struct Merge<K: Resource<DynamicType = ()> + Clone + 'static> {
    lists: Vec<List<K>>,
    store: Store<K>,
    begun: bool,
}

struct List<K> {
    namespace: String,
    objects: Vec<K>,
    complete: bool,
}

impl<K: Resource<DynamicType = ()> + Clone + 'static> Merge<K> {
    fn of(namespaces: &[String], store: Store<K>) -> Self {
        let list = |namespace: &String| List { namespace: namespace.clone(), objects: Vec::new(), complete: false };
        Self { lists: namespaces.iter().map(list).collect(), store, begun: false }
    }

    /// What is to be passed on for the next event of the watch with this number.
    fn events(&mut self, index: usize, event: Event<K>) -> Vec<Event<K>> {
        let list = &mut self.lists[index];
        match event {
            Event::Init => {
                list.objects.clear();
                list.complete = false;
            }
            Event::InitApply(object) => list.objects.push(object),
            Event::InitDone if self.begun => return list.as_changes(&self.store),
            Event::InitDone => {
                list.complete = true;
                return self.begin();
            }
            event if self.begun => return vec![event],
            Event::Apply(object) => {
                list.objects.retain(|other| other.name_any() != object.name_any());
                list.objects.push(object);
            }
            Event::Delete(object) => list.objects.retain(|other| other.name_any() != object.name_any()),
        }
        Vec::new()
    }

    /// All first lists as one, once the last of them is complete.
    fn begin(&mut self) -> Vec<Event<K>> {
        self.begun = self.lists.iter().all(|list| list.complete);
        match self.begun {
            true => listed(self.lists.iter_mut().flat_map(|list| std::mem::take(&mut list.objects)).collect()),
            false => Vec::new(),
        }
    }
}

impl<K: Resource<DynamicType = ()> + Clone + 'static> List<K> {
    /// A list that is no longer the first: what the cache has beyond it is gone.
    fn as_changes(&mut self, store: &Store<K>) -> Vec<Event<K>> {
        let listed = std::mem::take(&mut self.objects);
        let names: std::collections::BTreeSet<String> = listed.iter().map(|object| object.name_any()).collect();
        let of_namespace = |object: &K| object.namespace().as_deref() == Some(self.namespace.as_str());
        let known = store.state();
        let gone = known.iter().filter(|object| of_namespace(object) && !names.contains(&object.name_any()));
        let gone: Vec<_> = gone.map(|object| Event::Delete(K::clone(object))).collect();
        gone.into_iter().chain(listed.into_iter().map(Event::Apply)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::runtime::reflector;

    fn object(namespace: &str, name: &str) -> ConfigMap {
        let mut object = ConfigMap::default();
        (object.metadata.namespace, object.metadata.name) = (Some(namespace.into()), Some(name.into()));
        object
    }

    /// The names that a cache has after each of these events of the watches 0 (`a`) and 1 (`b`).
    fn cached(events: Vec<(usize, Event<ConfigMap>)>) -> Vec<String> {
        let (store, mut writer) = reflector::store::<ConfigMap>();
        let mut merge = Merge::of(&["a".to_owned(), "b".to_owned()], store.clone());
        let after = |(index, event): (usize, Event<ConfigMap>)| {
            merge.events(index, event).iter().for_each(|event| writer.apply_watcher_event(event));
            let mut names: Vec<_> = store.state().iter().map(|object| object.name_any()).collect();
            names.sort();
            names.join(" ")
        };
        events.into_iter().map(after).collect()
    }

    #[test]
    fn nothing_is_known_before_the_first_list_of_every_namespace_is_complete() {
        let seen = cached(vec![
            (0, Event::Init),
            (0, Event::InitApply(object("a", "one"))),
            (0, Event::InitDone),
            (0, Event::Apply(object("a", "two"))),
            (0, Event::Delete(object("a", "one"))),
            (1, Event::Init),
            (1, Event::InitApply(object("b", "three"))),
            (1, Event::InitDone),
            (0, Event::Delete(object("a", "two"))),
        ]);
        assert_eq!(seen, ["", "", "", "", "", "", "", "three two", "three"]);
    }

    #[test]
    fn a_watch_that_is_begun_anew_tells_what_has_gone_in_its_own_namespace() {
        let first = [0, 1].map(|index| {
            let namespace = ["a", "b"][index];
            let name = format!("{namespace}-old");
            [(index, Event::Init), (index, Event::InitApply(object(namespace, &name))), (index, Event::InitDone)]
        });
        let again = [(0, Event::Init), (0, Event::InitApply(object("a", "a-new"))), (0, Event::InitDone)];
        let seen = cached(first.into_iter().flatten().chain(again).collect());
        assert_eq!(seen[5..], ["a-old b-old", "a-old b-old", "a-old b-old", "a-new b-old"]);
    }
}
