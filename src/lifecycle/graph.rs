//! Who refers to whom: the graph of the objects of a cluster, kept up to date from the watch, so that
//! a change reaches exactly those who wait for it.

use crate::api::conditions::{ConditionType, is_true};
use crate::api::resource::AwsResource;
use crate::kinds::{Kind, with_kind};
use crate::lifecycle::references::{self, Output};
use kube::ResourceExt;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// An object by namespace and name.
pub type Key = (String, String);

/// The graph of references between objects.
#[derive(Default)]
pub struct Graph(Mutex<HashMap<Key, Node>>);

#[derive(Default)]
struct Node {
    /// The names it refers to, each with whether the value may come later.
    needs: BTreeMap<String, bool>,
    /// What others can take from it.
    gives: Option<Gift>,
}

/// What an object gives to those who refer to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gift {
    /// Whether it is ready.
    pub ready: bool,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Its outputs.
    pub outputs: BTreeMap<String, String>,
}

impl Gift {
    /// What stands for an output of the object `name` that is not known yet; nothing does where the object
    /// is on its way out.
    pub fn promise(&self, name: &str) -> Option<String> {
        let after = if self.outputs.is_empty() { "after create of" } else { "once it is ready, from" };
        (!self.deleting).then(|| format!("(known {after} {name})"))
    }
}

impl Graph {
    /// Takes in an object as it is now and returns whom that concerns.
    pub fn applied(&self, object: &AwsResource) -> Vec<Key> {
        let key = key(object);
        let node = Node { needs: needs(object), gives: Some(gift(object)) };
        let mut nodes = self.lock();
        let before = nodes.insert(key.clone(), node).unwrap_or_default();
        let after = &nodes[&key];
        let mut concerned = BTreeSet::new();
        if before.gives != after.gives {
            concerned.extend(dependants_in(&nodes, &key, |_| true));
        }
        if before.needs != after.needs {
            // A new reference may have closed a circle, which concerns everyone in it, and one that is
            // gone may be what somebody's deletion waits for.
            let circle = cycle_in(&nodes, &key).unwrap_or_default();
            let gone = before.needs.into_keys().filter(|name| !after.needs.contains_key(name));
            concerned.extend(circle.into_iter().chain(gone).map(|name| (key.0.clone(), name)));
            concerned.remove(&key);
        }
        concerned.into_iter().collect()
    }

    /// Takes out an object that is gone and returns whom that concerns: those who referred to it, and
    /// those it referred to, whose deletion may wait for it.
    pub fn deleted(&self, object: &AwsResource) -> Vec<Key> {
        self.remove(&key(object))
    }

    fn remove(&self, key: &Key) -> Vec<Key> {
        let mut nodes = self.lock();
        let gone = nodes.remove(key).unwrap_or_default();
        let mut concerned: BTreeSet<Key> = dependants_in(&nodes, key, |_| true).collect();
        concerned.extend(gone.needs.into_keys().map(|name| (key.0.clone(), name)));
        concerned.into_iter().collect()
    }

    /// Takes out all objects but these, and returns whom that concerns: after a watch was begun anew,
    /// what it no longer lists is gone.
    pub fn keep(&self, keys: &BTreeSet<Key>) -> Vec<Key> {
        let gone: Vec<Key> = self.lock().keys().filter(|key| !keys.contains(key)).cloned().collect();
        gone.iter().flat_map(|key| self.remove(key)).collect()
    }

    /// What the object of this name gives, `None` where there is no such object.
    pub fn gift(&self, key: &Key) -> Option<Gift> {
        self.lock().get(key).and_then(|node| node.gives.clone())
    }

    /// The names of the objects that cannot be without this one. References whose value may come later
    /// do not count: their owners take them back by themselves.
    pub fn dependants(&self, key: &Key) -> Vec<String> {
        dependants_in(&self.lock(), key, |later| !later).map(|(_, name)| name).collect()
    }

    /// The names that the object refers to.
    pub fn needs(&self, key: &Key) -> Vec<String> {
        self.lock().get(key).map(|node| node.needs.keys().cloned().collect()).unwrap_or_default()
    }

    /// The circle of references that the object is in, beginning and ending with it.
    pub fn cycle(&self, key: &Key) -> Option<Vec<String>> {
        cycle_in(&self.lock(), key)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Node>> {
        // Nothing in here can be left half-done by a panic elsewhere.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn dependants_in<'a>(
    nodes: &'a HashMap<Key, Node>,
    key: &'a Key,
    counts: impl Fn(bool) -> bool + 'a,
) -> impl Iterator<Item = Key> + 'a {
    nodes
        .iter()
        .filter(move |((namespace, name), node)| {
            *namespace == key.0 && *name != key.1 && node.needs.get(&key.1).is_some_and(|later| counts(*later))
        })
        .map(|(dependant, _)| dependant.clone())
}

/// Follows references that must be known first, depth first, until they come back to `key`.
fn cycle_in(nodes: &HashMap<Key, Node>, key: &Key) -> Option<Vec<String>> {
    let mut seen = BTreeSet::new();
    let mut path = vec![key.1.clone()];
    follow(nodes, key, &key.0, &key.1, &mut seen, &mut path).then_some(path)
}

fn follow(
    nodes: &HashMap<Key, Node>,
    start: &Key,
    namespace: &str,
    name: &str,
    seen: &mut BTreeSet<String>,
    path: &mut Vec<String>,
) -> bool {
    let Some(node) = nodes.get(&(namespace.to_owned(), name.to_owned())) else { return false };
    for (next, _) in node.needs.iter().filter(|(_, later)| !**later) {
        path.push(next.clone());
        if *next == start.1 || (seen.insert(next.clone()) && follow(nodes, start, namespace, next, seen, path)) {
            return true;
        }
        path.pop();
    }
    false
}

/// What is known of an output of the object `name`, given what that object gives. A resource that is
/// in use keeps the value it was made with while the other object is busy for a moment. What may come
/// later may also go first: it is given back as soon as the other object is being deleted, which would
/// else wait for it.
pub fn output(gift: Option<&Gift>, name: &str, output: &str, in_use: bool, later: bool) -> Output {
    let Some(gift) = gift else {
        return Output::Awaited(format!("It waits for the AwsResource {name}, which does not exist."));
    };
    match gift.outputs.get(output) {
        Some(value) if (gift.ready || in_use) && !(later && gift.deleting) => Output::Known(value.clone()),
        _ if gift.deleting => Output::Awaited(format!("It waits for the AwsResource {name}, which is being deleted.")),
        None if gift.ready => {
            let has: Vec<&str> = gift.outputs.keys().map(String::as_str).collect();
            Output::Impossible(format!("The AwsResource {name} has no output {output}; it has {}.", has.join(", ")))
        }
        Some(_) | None => Output::Awaited(format!("It waits for the AwsResource {name} to be ready.")),
    }
}

/// An object's key.
pub fn key(object: &AwsResource) -> Key {
    (object.namespace().unwrap_or_default(), object.name_any())
}

/// The names that an object refers to, each with whether the value may come later.
pub fn needs(object: &AwsResource) -> BTreeMap<String, bool> {
    let Some(kind) = object.spec.kind.the_one() else { return BTreeMap::new() };
    let names = with_kind!(kind, K, spec => match K::REFERENCES {
        [] => Vec::new(),
        table => references::names(&serde_json::to_value(&spec).unwrap_or_default(), table),
    });
    let mut needs = BTreeMap::new();
    for (name, later) in names {
        // Where one of several references to an object must be known first, it must be known first.
        needs.entry(name).and_modify(|known: &mut bool| *known &= later).or_insert(later);
    }
    needs
}

fn gift(object: &AwsResource) -> Gift {
    let status = object.status.as_ref();
    Gift {
        ready: status.is_some_and(|status| is_true(&status.conditions, ConditionType::Ready)),
        deleting: object.metadata.deletion_timestamp.is_some(),
        outputs: status.map(|status| status.outputs.clone()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(&str, &str, bool)]) -> Graph {
        let graph = Graph::default();
        for (from, to, later) in edges {
            let mut nodes = graph.lock();
            nodes.entry(at(from)).or_default().needs.insert((*to).to_owned(), *later);
            nodes.entry(at(to)).or_default();
        }
        graph
    }

    fn at(name: &str) -> Key {
        ("shop".to_owned(), name.to_owned())
    }

    #[test]
    fn a_cycle_is_told_by_its_path() {
        let graph = graph(&[("a", "b", false), ("b", "c", false), ("c", "a", false), ("d", "a", false)]);
        assert_eq!(graph.cycle(&at("a")).unwrap(), ["a", "b", "c", "a"]);
        assert_eq!(graph.cycle(&at("d")), None, "it leads into the circle but is not in it");
    }

    #[test]
    fn what_may_come_later_makes_no_cycle_and_blocks_no_deletion() {
        let graph = graph(&[("a", "b", true), ("b", "a", true), ("c", "b", false)]);
        assert_eq!(graph.cycle(&at("a")), None);
        assert_eq!(graph.dependants(&at("b")), ["c"]);
        assert!(graph.dependants(&at("a")).is_empty());
    }

    #[test]
    fn what_may_come_later_is_given_back_when_its_giver_is_being_deleted() {
        let outputs = BTreeMap::from([("groupId".to_owned(), "sg-1".to_owned())]);
        let gift = Gift { ready: true, deleting: true, outputs };
        assert!(matches!(output(Some(&gift), "g", "groupId", true, true), Output::Awaited(_)));
        assert_eq!(output(Some(&gift), "g", "groupId", true, false), Output::Known("sg-1".into()));
    }

    #[test]
    fn an_output_is_known_once_its_giver_is_ready_and_stays_known_while_in_use() {
        let outputs = BTreeMap::from([("arn".to_owned(), "a".to_owned())]);
        let gift = |ready| Gift { ready, deleting: false, outputs: outputs.clone() };
        assert!(matches!(output(Some(&gift(false)), "r", "arn", false, false), Output::Awaited(_)));
        assert_eq!(output(Some(&gift(false)), "r", "arn", true, false), Output::Known("a".into()));
        assert!(matches!(output(Some(&gift(true)), "r", "id", true, false), Output::Impossible(_)));
        assert!(matches!(output(None, "r", "arn", true, false), Output::Awaited(_)));
    }

    #[test]
    fn an_object_that_refers_to_itself_is_a_cycle_and_not_its_own_dependant() {
        let graph = graph(&[("a", "a", false)]);
        assert_eq!(graph.cycle(&at("a")).unwrap(), ["a", "a"]);
        assert!(graph.dependants(&at("a")).is_empty());
    }
}
