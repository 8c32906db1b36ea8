//! What a change concerns in the namespaces of the service agents.

use crate::controllers::resource::{Guarded, objects_of};
use kube::core::ObjectMeta;
use kube::runtime::reflector::Store;
use kube::runtime::watcher::Event;
use kube::{Resource, ResourceExt};
use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use tokio::sync::mpsc::UnboundedSender;

/// What has to be looked at again in a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Touched {
    /// All that is in it.
    All(String),
    /// The object of this namespace and name.
    One(String, String),
}

/// Where it goes what has to be looked at.
pub type Touch = UnboundedSender<Touched>;

/// Touches every object that comes by, whatever has changed of it.
pub fn every_change<K: Resource<DynamicType = ()>>(touch: Touch) -> impl FnMut(&Event<K>) + Send + 'static {
    let mut known = BTreeSet::new();
    move |event| {
        let (Event::Apply(object) | Event::InitApply(object) | Event::Delete(object)) = event else {
            // What went while nobody watched is missed only now.
            if matches!(event, Event::InitDone) {
                known.iter().for_each(|namespace: &String| tell_all(&touch, namespace));
            }
            return;
        };
        let namespace = object.namespace().unwrap_or_default();
        tell(&touch, Touched::One(namespace.clone(), object.name_any()));
        known.insert(namespace);
    }
}

/// Touches what `concerned` names where anything but the status of an object has changed.
pub fn declared_change<K: Resource<DynamicType = ()>>(
    touch: Touch,
    concerned: impl Fn(&K) -> BTreeSet<String> + Send + 'static,
) -> impl FnMut(&Event<K>) + Send + 'static {
    let mut seen: HashMap<String, u64> = HashMap::new();
    let mut known = BTreeSet::new();
    move |event| match event {
        Event::Init => seen.clear(),
        // What went while nobody watched is missed only now.
        Event::InitDone => known.iter().for_each(|namespace: &String| tell_all(&touch, namespace)),
        Event::Apply(object) | Event::InitApply(object) => {
            let uid = object.uid().unwrap_or_default();
            let news = declared(object.meta());
            if seen.insert(uid, news) != Some(news) {
                let namespaces = concerned(object);
                namespaces.iter().for_each(|namespace| tell_all(&touch, namespace));
                known.extend(namespaces);
            }
        }
        Event::Delete(object) => {
            seen.remove(&object.uid().unwrap_or_default());
            concerned(object).iter().for_each(|namespace| tell_all(&touch, namespace));
        }
    }
}

/// The namespace that an object is in.
pub fn own_namespace<K: Resource<DynamicType = ()>>(object: &K) -> BTreeSet<String> {
    object.namespace().into_iter().collect()
}

/// The namespace that an object is.
pub fn itself<K: Resource<DynamicType = ()>>(object: &K) -> BTreeSet<String> {
    BTreeSet::from([object.name_any()])
}

/// The namespaces whose resources use an account.
pub fn users<K: Resource<DynamicType = ()>>(resources: Store<Guarded>) -> impl Fn(&K) -> BTreeSet<String> {
    move |account| {
        let users = objects_of(&account.name_any(), &resources);
        users.into_iter().filter_map(|resource| resource.namespace).collect()
    }
}

fn declared(metadata: &ObjectMeta) -> u64 {
    let mut hasher = DefaultHasher::new();
    metadata.generation.hash(&mut hasher);
    metadata.labels.hash(&mut hasher);
    metadata.annotations.hash(&mut hasher);
    metadata.deletion_timestamp.is_some().hash(&mut hasher);
    hasher.finish()
}

fn tell_all(touch: &Touch, namespace: &str) {
    tell(touch, Touched::All(namespace.to_owned()));
}

fn tell(touch: &Touch, touched: Touched) {
    // The receiver lives as long as the controller; without it nobody needs to know.
    let _ = touch.send(touched);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::service_agent::{ServiceAgent, ServiceAgentSpec, ServiceAgentStatus};
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    fn agent(generation: i64) -> ServiceAgent {
        let mut agent = ServiceAgent::new("web", ServiceAgentSpec::default());
        agent.metadata.namespace = Some("shop".into());
        agent.metadata.uid = Some("u".into());
        agent.metadata.generation = Some(generation);
        agent
    }

    fn told(touched: &mut UnboundedReceiver<Touched>) -> usize {
        std::iter::from_fn(|| touched.try_recv().ok()).count()
    }

    #[test]
    fn a_status_of_our_own_is_no_news_and_all_else_is() {
        let (touch, mut touched) = unbounded_channel();
        let mut follow = declared_change(touch, own_namespace);
        follow(&Event::Apply(agent(1)));
        assert_eq!(told(&mut touched), 1);
        follow(&Event::Apply(ServiceAgent { status: Some(ServiceAgentStatus::default()), ..agent(1) }));
        assert_eq!(told(&mut touched), 0);
        follow(&Event::Apply(agent(2)));
        follow(&Event::Delete(agent(2)));
        assert_eq!(told(&mut touched), 2);
    }

    #[test]
    fn what_went_while_nobody_watched_is_told_once_the_list_is_there() {
        let (touch, mut touched) = unbounded_channel();
        let mut follow = every_change(touch);
        follow(&Event::Apply(agent(1)));
        assert_eq!(touched.try_recv().unwrap(), Touched::One("shop".into(), "web".into()));
        follow(&Event::Init);
        follow(&Event::InitDone);
        assert_eq!(touched.try_recv().unwrap(), Touched::All("shop".into()));
        assert_eq!(told(&mut touched), 0);
    }
}
