//! Who refers to whom: the graph of the objects of a cluster, kept up to date from the watch, so that
//! a change reaches exactly those who wait for it.

use crate::api::conditions::{ConditionType, is_true};
use crate::api::resource::AwsResource;
use crate::kinds::{Kind, with_kind};
use crate::lifecycle::policies::Policies;
use crate::lifecycle::references::{self, Output};
use kube::ResourceExt;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// An object by namespace and name.
pub type Key = (String, String);

/// The graph of references between objects.
#[derive(Default)]
pub struct Graph(Mutex<Nodes>);

#[derive(Default)]
struct Nodes {
    all: HashMap<Key, Node>,
    /// Who refers to an object, be it there or not: the names of its namespace.
    dependants: HashMap<Key, BTreeSet<String>>,
}

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
    /// How it stands to the role that it gives; `None` for objects of other kinds than roles.
    pub role: Option<Standing>,
}

/// How an object that declares a role stands to the role of that name in AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The last look at its present generation found the role to be its own and as declared.
    Own,
    /// It is to be its own, and no look has shown that of the present generation.
    Settling,
    /// It only observes: the role is anybody's.
    Observes,
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
        let before = nodes.put(&key, node);
        let after = &nodes.all[&key];
        let mut concerned = BTreeSet::new();
        if before.gives != after.gives {
            concerned.extend(nodes.dependants(&key, |_| true));
        }
        if before.needs != after.needs {
            // A new reference may have closed a circle, which concerns everyone in it, and one that is
            // gone may be what somebody's deletion waits for.
            let circle = nodes.cycle(&key).unwrap_or_default();
            let gone = before.needs.into_keys().filter(|name| !after.needs.contains_key(name));
            concerned.extend(circle.into_iter().chain(gone));
            concerned.remove(&key.1);
        }
        in_namespace(&key.0, concerned)
    }

    /// Takes out an object that is gone and returns whom that concerns: those who referred to it, and
    /// those it referred to, whose deletion may wait for it.
    pub fn deleted(&self, object: &AwsResource) -> Vec<Key> {
        self.remove(&key(object))
    }

    fn remove(&self, key: &Key) -> Vec<Key> {
        let mut nodes = self.lock();
        let gone = nodes.take(key);
        let mut concerned: BTreeSet<String> = nodes.dependants(key, |_| true).collect();
        concerned.extend(gone.needs.into_keys());
        in_namespace(&key.0, concerned)
    }

    /// Takes out all objects but these, and returns whom that concerns: after a watch was begun anew,
    /// what it no longer lists is gone.
    pub fn keep(&self, keys: &BTreeSet<Key>) -> Vec<Key> {
        let gone: Vec<Key> = self.lock().all.keys().filter(|key| !keys.contains(key)).cloned().collect();
        gone.iter().flat_map(|key| self.remove(key)).collect()
    }

    /// What the object of this name gives, `None` where there is no such object.
    pub fn gift(&self, key: &Key) -> Option<Gift> {
        self.lock().all.get(key).and_then(|node| node.gives.clone())
    }

    /// The names of the objects that cannot be without this one. References whose value may come later
    /// do not count: their owners take them back by themselves.
    pub fn dependants(&self, key: &Key) -> Vec<String> {
        self.lock().dependants(key, |later| !later).collect()
    }

    /// The names that the object refers to.
    pub fn needs(&self, key: &Key) -> Vec<String> {
        self.lock().all.get(key).map(|node| node.needs.keys().cloned().collect()).unwrap_or_default()
    }

    /// The circle of references that the object is in, beginning and ending with it.
    pub fn cycle(&self, key: &Key) -> Option<Vec<String>> {
        self.lock().cycle(key)
    }

    fn lock(&self) -> MutexGuard<'_, Nodes> {
        // Nothing in here can be left half-done by a panic elsewhere.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Nodes {
    /// Puts a node in the place of the one that was there, which it returns.
    fn put(&mut self, key: &Key, node: Node) -> Node {
        let before = self.take(key);
        for name in node.needs.keys() {
            self.dependants.entry((key.0.clone(), name.clone())).or_default().insert(key.1.clone());
        }
        self.all.insert(key.clone(), node);
        before
    }

    /// Takes a node out.
    fn take(&mut self, key: &Key) -> Node {
        let gone = self.all.remove(key).unwrap_or_default();
        for name in gone.needs.keys() {
            if let Entry::Occupied(mut dependants) = self.dependants.entry((key.0.clone(), name.clone())) {
                dependants.get_mut().remove(&key.1);
                if dependants.get().is_empty() {
                    dependants.remove();
                }
            }
        }
        gone
    }

    /// The names of those who refer to an object in a way that counts; one that refers to itself is not its own
    /// dependant.
    fn dependants(&self, key: &Key, counts: impl Fn(bool) -> bool) -> impl Iterator<Item = String> {
        let names = self.dependants.get(key).into_iter().flatten().filter(|name| **name != key.1);
        names.filter(move |name| self.later(&key.0, name, &key.1).is_some_and(&counts)).cloned()
    }

    /// Whether the value that `name` takes from `other` may come later.
    fn later(&self, namespace: &str, name: &str, other: &str) -> Option<bool> {
        self.all.get(&(namespace.to_owned(), name.to_owned()))?.needs.get(other).copied()
    }

    /// Follows references that must be known first, depth first, until they come back to `key`.
    fn cycle(&self, key: &Key) -> Option<Vec<String>> {
        let mut seen = BTreeSet::new();
        let mut path = vec![key.1.clone()];
        self.follow(key, &key.1, &mut seen, &mut path).then_some(path)
    }

    fn follow(&self, start: &Key, name: &str, seen: &mut BTreeSet<String>, path: &mut Vec<String>) -> bool {
        let Some(node) = self.all.get(&(start.0.clone(), name.to_owned())) else { return false };
        for (next, _) in node.needs.iter().filter(|(_, later)| !**later) {
            path.push(next.clone());
            if *next == start.1 || (seen.insert(next.clone()) && self.follow(start, next, seen, path)) {
                return true;
            }
            path.pop();
        }
        false
    }
}

fn in_namespace(namespace: &str, names: BTreeSet<String>) -> Vec<Key> {
    names.into_iter().map(|name| (namespace.to_owned(), name)).collect()
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
pub fn key(object: &impl ResourceExt) -> Key {
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
        role: standing(object),
    }
}

fn standing(object: &AwsResource) -> Option<Standing> {
    let kind = object.spec.kind.the_one()?;
    let (is_role, holds_data) = with_kind!(kind, K, spec => (K::role(&spec).is_some(), K::HOLDS_DATA));
    if !is_role {
        return None;
    }
    if Policies::of(&object.spec, holds_data).observe_only() {
        return Some(Standing::Observes);
    }
    // Ready alone may be left over from a time in which it only observed, if the object was paused meanwhile.
    let shown = object.status.as_ref().is_some_and(|status| {
        let holds = |type_| is_true(&status.conditions, type_);
        let observed = status.observed_generation == object.metadata.generation;
        observed && holds(ConditionType::Ready) && holds(ConditionType::Synced)
    });
    Some(if shown { Standing::Own } else { Standing::Settling })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(&str, &str, bool)]) -> Graph {
        let graph = Graph::default();
        for (from, to, later) in edges {
            let mut nodes = graph.lock();
            let mut node = nodes.take(&at(from));
            node.needs.insert((*to).to_owned(), *later);
            nodes.put(&at(from), node);
            nodes.all.entry(at(to)).or_default();
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
        let gift = Gift { ready: true, deleting: true, outputs, role: None };
        assert!(matches!(output(Some(&gift), "g", "groupId", true, true), Output::Awaited(_)));
        assert_eq!(output(Some(&gift), "g", "groupId", true, false), Output::Known("sg-1".into()));
    }

    #[test]
    fn an_output_is_known_once_its_giver_is_ready_and_stays_known_while_in_use() {
        let outputs = BTreeMap::from([("arn".to_owned(), "a".to_owned())]);
        let gift = |ready| Gift { ready, deleting: false, outputs: outputs.clone(), role: None };
        assert!(matches!(output(Some(&gift(false)), "r", "arn", false, false), Output::Awaited(_)));
        assert_eq!(output(Some(&gift(false)), "r", "arn", true, false), Output::Known("a".into()));
        assert!(matches!(output(Some(&gift(true)), "r", "id", true, false), Output::Impossible(_)));
        assert!(matches!(output(None, "r", "arn", true, false), Output::Awaited(_)));
    }

    #[test]
    fn a_role_is_its_objects_own_once_a_look_at_the_present_generation_has_shown_it() {
        let role = |policies: &str, ready: &str, synced: &str, observed: i64| {
            let condition = |type_: &str, status: &str| serde_json::json!({"type": type_, "status": status, "reason": "A", "message": "", "lastTransitionTime": "2026-11-24T10:00:00Z"});
            let object = serde_json::json!({
                "apiVersion": "aws.ccagi.io/v1alpha1", "kind": "AwsResource", "metadata": {"name": "r", "generation": 2},
                "spec": {
                    "accountRef": {"name": "a"}, "managementPolicies": [policies],
                    "iamRole": {"roleName": "r", "assumeRolePolicy": "{}"},
                },
                "status": {"observedGeneration": observed, "conditions": [condition("Ready", ready), condition("Synced", synced)]},
            });
            gift(&serde_json::from_value(object).unwrap()).role
        };
        assert_eq!(role("*", "True", "True", 2), Some(Standing::Own));
        assert_eq!(role("*", "True", "True", 1), Some(Standing::Settling));
        assert_eq!(role("*", "True", "False", 2), Some(Standing::Settling), "paused while it was edited");
        assert_eq!(role("Observe", "True", "True", 2), Some(Standing::Observes));
    }

    #[test]
    fn whoever_refers_to_what_is_gone_or_not_there_yet_is_its_dependant() {
        let graph = graph(&[("a", "b", false), ("c", "b", false)]);
        assert_eq!(graph.remove(&at("b")), [at("a"), at("c")]);
        assert_eq!(graph.dependants(&at("b")), ["a", "c"]);
        assert_eq!(graph.remove(&at("a")), [at("b")], "the deletion of b may wait for a");
        assert_eq!(graph.dependants(&at("b")), ["c"]);
        graph.remove(&at("c"));
        assert!(graph.lock().dependants.is_empty(), "nothing is kept of those who are gone");
    }

    #[test]
    fn an_object_that_refers_to_itself_is_a_cycle_and_not_its_own_dependant() {
        let graph = graph(&[("a", "a", false)]);
        assert_eq!(graph.cycle(&at("a")).unwrap(), ["a", "a"]);
        assert!(graph.dependants(&at("a")).is_empty());
    }
}
