//! The resources of one namespace, each in its place among the service agents, and what that comes to. One
//! resource that changes is put in its new place; the others are not looked at.

use super::aggregate::Tally;
use super::counts::Counts;
use super::membership::{Assignment, Ungoverned, registered_name};
use super::share::Share;
use crate::kinds::KindName;
use std::collections::{BTreeMap, BTreeSet};

/// A resource in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Who governs it.
    pub assignment: Assignment,
    /// Its kind.
    pub kind: KindName,
    /// What it adds to its agent.
    pub share: Share,
    /// The names of the resources that it refers to.
    pub needs: Vec<String>,
}

impl Place {
    /// The agent that the controller has to register for it.
    fn registered(&self) -> Option<(String, KindName)> {
        match &self.assignment {
            Assignment::Registered(name) if *name == registered_name(self.kind) => Some((name.clone(), self.kind)),
            _ => None,
        }
    }
}

/// The resources that several agents select, by resource: the names of these agents.
pub type Ties = BTreeMap<String, Vec<String>>;

/// The resources of one namespace in their places.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Roll {
    places: BTreeMap<String, Place>,
    needed_by: BTreeMap<String, BTreeSet<String>>,
    tallies: BTreeMap<String, Tally>,
    /// By agent, the other agents whose resources its own refer to.
    links: BTreeMap<String, Counts<String>>,
    registered: Counts<(String, KindName)>,
    ties: BTreeMap<String, Ties>,
    taken: Counts<String>,
}

impl Roll {
    /// Puts a resource in its place, or takes it out where it has none any more.
    pub fn put(&mut self, name: &str, place: Option<Place>) {
        let key = |place: &Place| (place.assignment.clone(), place.needs.clone());
        let moves = self.places.get(name).map(key) != place.as_ref().map(key);
        if moves {
            self.unlink(name);
        }
        self.take_out(name);
        if let Some(place) = place {
            self.take_in(name, place);
        }
        if moves {
            self.link(name);
        }
    }

    fn take_in(&mut self, name: &str, place: Place) {
        match &place.assignment {
            Assignment::Explicit(agent) | Assignment::Registered(agent) => {
                self.tallies.entry(agent.clone()).or_default().add(&place.share);
            }
            Assignment::Ungoverned(Ungoverned::Ambiguous(agents)) => {
                for agent in agents {
                    self.ties.entry(agent.clone()).or_default().insert(name.to_owned(), agents.clone());
                }
            }
            Assignment::Ungoverned(Ungoverned::NameTaken(taken)) => self.taken.add(taken.clone()),
            Assignment::Ungoverned(Ungoverned::Unknown(_)) => {}
        }
        place.registered().into_iter().for_each(|agent| self.registered.add(agent));
        for needed in &place.needs {
            self.needed_by.entry(needed.clone()).or_default().insert(name.to_owned());
        }
        self.places.insert(name.to_owned(), place);
    }

    fn take_out(&mut self, name: &str) {
        let Some(place) = self.places.remove(name) else { return };
        match &place.assignment {
            Assignment::Explicit(agent) | Assignment::Registered(agent) => {
                change(&mut self.tallies, agent, |tally| tally.remove(&place.share));
            }
            Assignment::Ungoverned(Ungoverned::Ambiguous(agents)) => {
                for agent in agents {
                    change(&mut self.ties, agent, |ties| ties.retain(|tied, _| tied != name));
                }
            }
            Assignment::Ungoverned(Ungoverned::NameTaken(taken)) => self.taken.remove(taken),
            Assignment::Ungoverned(Ungoverned::Unknown(_)) => {}
        }
        place.registered().iter().for_each(|agent| self.registered.remove(agent));
        for needed in &place.needs {
            change(&mut self.needed_by, needed, |users| users.retain(|user| user != name));
        }
    }

    fn link(&mut self, name: &str) {
        for (from, to) in self.links_of(name) {
            self.links.entry(from).or_default().add(to);
        }
    }

    fn unlink(&mut self, name: &str) {
        for (from, to) in self.links_of(name) {
            change(&mut self.links, &from, |links| links.remove(&to));
        }
    }

    /// From which agent to which the references of and to this resource lead.
    fn links_of(&self, name: &str) -> Vec<(String, String)> {
        let own = self.places.get(name).into_iter().flat_map(|place| &place.needs);
        let own = own.map(|needed| (name, needed.as_str()));
        let of_others = self.needed_by.get(name).into_iter().flatten().map(|user| (user.as_str(), name));
        let agent = |name: &str| self.places.get(name)?.assignment.name();
        let references = own.chain(of_others.filter(|(user, _)| *user != name));
        let agents = references.filter_map(|(from, to)| Some((agent(from)?, agent(to)?)));
        agents.filter(|(from, to)| from != to).map(|(from, to)| (from.to_owned(), to.to_owned())).collect()
    }

    /// What the agent's resources amount to; `None` where it has none.
    pub fn tally(&self, agent: &str) -> Option<&Tally> {
        self.tallies.get(agent)
    }

    /// The other agents whose resources those of this agent refer to.
    pub fn needs(&self, agent: &str) -> impl Iterator<Item = &String> {
        self.links.get(agent).into_iter().flat_map(Counts::keys)
    }

    /// The agents that the controller has to register, each with its kind.
    pub fn registered(&self) -> impl Iterator<Item = &(String, KindName)> {
        self.registered.keys()
    }

    /// The resources that this agent and others select.
    pub fn ties(&self, agent: &str) -> Option<&Ties> {
        self.ties.get(agent)
    }

    /// Whether the agent has the name that the controller would register an agent under.
    pub fn is_taken(&self, agent: &str) -> bool {
        self.taken.keys().any(|taken| taken == agent)
    }
}

/// Changes what stands under a key, and leaves nothing under it that is empty.
fn change<V: Default + PartialEq>(map: &mut BTreeMap<String, V>, key: &str, change: impl FnOnce(&mut V)) {
    if let Some(value) = map.get_mut(key) {
        change(value);
        if *value == V::default() {
            map.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::historical::Agent;
    use crate::api::resource::AwsResource;
    use proptest::prelude::*;
    use serde_json::json;

    fn share(name: &str, health: &str, cost: &str) -> Share {
        let object = json!({
            "apiVersion": "aws.ccagi.io/v1alpha1", "kind": "AwsResource", "metadata": {"name": name},
            "spec": {"accountRef": {"name": "a"}, "s3Bucket": {"bucketName": "b"}},
            "status": {
                "health": health, "costPerDay": cost, "state": "Active",
                "lastDecision": {"action": "Start", "ground": "Autonomy", "at": format!("2026-11-24T00:00:{cost}Z")},
            },
        });
        let object: AwsResource = serde_json::from_value(object).unwrap();
        Share::of(&object, Agent::SteveJobs, 5)
    }

    fn assignment() -> impl Strategy<Value = Assignment> {
        let name = || prop::sample::select(vec!["web", "data", "registered-s3bucket"]).prop_map(str::to_owned);
        prop_oneof![
            3 => name().prop_map(Assignment::Explicit),
            3 => name().prop_map(Assignment::Registered),
            1 => name().prop_map(|name| Assignment::Ungoverned(Ungoverned::NameTaken(name))),
            1 => Just(Assignment::Ungoverned(Ungoverned::Ambiguous(vec!["data".into(), "web".into()]))),
            1 => Just(Assignment::Ungoverned(Ungoverned::Unknown("nobody".into()))),
        ]
    }

    fn name() -> impl Strategy<Value = String> {
        prop::sample::select(vec!["a", "b", "c", "d"]).prop_map(str::to_owned)
    }

    prop_compose! {
        fn change_of_one()(
            name in name(),
            assignment in assignment(),
            health in prop::sample::select(vec!["Healthy", "Unhealthy", "Unknown"]),
            cost in 10..60_u8,
            needs in prop::collection::btree_set(name(), 0..3),
            stays in prop::bool::weighted(0.8),
        ) -> (String, Option<Place>) {
            let share = share(&name, health, &cost.to_string());
            let place = Place { assignment, kind: KindName::S3Bucket, share, needs: needs.into_iter().collect() };
            (name, stays.then_some(place))
        }
    }

    proptest! {
        #[test]
        fn whatever_changed_in_whatever_order_the_roll_is_that_of_what_is_there(
            changes in prop::collection::vec(change_of_one(), 0..30),
        ) {
            let (mut roll, mut last) = (Roll::default(), BTreeMap::new());
            for (name, place) in changes {
                roll.put(&name, place.clone());
                last.insert(name, place);
            }
            let mut anew = Roll::default();
            last.into_iter().for_each(|(name, place)| anew.put(&name, place));
            prop_assert_eq!(roll, anew);
        }
    }

    #[test]
    fn an_agent_needs_those_whose_resources_its_own_refer_to_and_not_itself() {
        let place = |name: &str, agent: &str, needs: &[&str]| {
            let share = share(name, "Healthy", "10");
            let needs = needs.iter().map(|needed| (*needed).to_owned()).collect();
            Some(Place { assignment: Assignment::Explicit(agent.into()), kind: KindName::S3Bucket, share, needs })
        };
        let needs = |roll: &Roll| roll.needs("web").cloned().collect::<Vec<_>>();
        let mut roll = Roll::default();
        roll.put("site", place("site", "web", &["role", "logs", "later"]));
        assert!(needs(&roll).is_empty());
        roll.put("role", place("role", "people", &[]));
        roll.put("logs", place("logs", "web", &[]));
        assert_eq!(needs(&roll), ["people"]);
        roll.put("logs", place("logs", "data", &["site"]));
        assert_eq!(needs(&roll), ["data", "people"]);
        assert_eq!(roll.needs("data").cloned().collect::<Vec<_>>(), ["web"]);
        roll.put("role", None);
        assert_eq!(needs(&roll), ["data"]);
    }
}
