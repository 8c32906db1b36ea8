//! Keeps the `ServiceAgent` objects: registers those that no person declared, removes them with their last
//! resource, and writes what their resources amount to. It listens to what the watches bring; resources that
//! have changed are put in their places a moment later, each once however often it has changed, and a whole
//! namespace only where something else in it has: an agent, an account, the namespace itself.

use crate::agents::aggregate::{Tally, verdict};
use crate::agents::membership::is_registered;
use crate::agents::roll::{Place, Roll};
use crate::agents::share::Share;
use crate::api::resource::AwsResource;
use crate::api::service_agent::{AgentSelector, ServiceAgent, ServiceAgentSpec, ServiceAgentStatus};
use crate::api::{LABEL_REGISTERED, MANAGER_AGENT};
use crate::controllers::resource::Guarded;
use crate::controllers::touch::{Touch, Touched};
use crate::kinds::KindName;
use crate::lifecycle::context::Context;
use crate::lifecycle::governance::{Constitution, Governance};
use crate::lifecycle::graph;
use crate::lifecycle::news::News;
use crate::lifecycle::objects::write_status;
use crate::lifecycle::write_refused;
use k8s_openapi::jiff::Timestamp;
use kube::api::{DeleteParams, PostParams, Preconditions};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Api, Resource, ResourceExt};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

/// How long changes are gathered before they are looked at.
const GATHER: Duration = Duration::from_millis(500);

/// The most resources that a condition names.
const NAMED: usize = 5;

/// What the agent controller works with.
pub struct AgentContext {
    /// What all controllers share.
    pub shared: Arc<Context>,
    /// The resources in the cache.
    pub resources: Store<Guarded>,
    /// Where resources go whose place has changed, to be looked at.
    pub wake: UnboundedSender<ObjectRef<Guarded>>,
    /// Labels that a registered agent needs to be seen by this controller; `None` where its selector
    /// cannot be met by labels, so that it registers none.
    pub labels: Option<BTreeMap<String, String>>,
}

/// The labels that meet a selector of nothing but equalities, such as `team=web,tier==shop`.
pub fn labels_for(selector: Option<&str>) -> Option<BTreeMap<String, String>> {
    let parts = selector.unwrap_or_default().split(',').map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (key, value) = part.split_once("==").or_else(|| part.split_once('='))?;
            let plain = |text: &str| !text.is_empty() && !text.contains(['!', ' ', '(', ')', '=']);
            let (key, value) = (key.trim(), value.trim());
            (plain(key) && (value.is_empty() || plain(value))).then(|| (key.to_owned(), value.to_owned()))
        })
        .collect()
}

/// Looks at what is touched until nobody can touch anything any more. What fails is looked at again.
pub async fn run(cx: AgentContext, mut touched: UnboundedReceiver<Touched>, again: Touch) {
    cx.shared.caches.wait().await;
    if cx.labels.is_none() {
        tracing::warn!("--watch-selector asks for more than equal labels: no ServiceAgents are registered");
    }
    let mut watched = HashMap::new();
    while let Some(first) = touched.recv().await {
        tokio::time::sleep(GATHER).await;
        let mut gathered = BTreeMap::new();
        gather(&mut gathered, first);
        while let Ok(next) = touched.try_recv() {
            gather(&mut gathered, next);
        }
        for (namespace, part) in gathered {
            if let Err(error) = cx.look_at(&namespace, part, &mut watched).await {
                tracing::debug!(namespace, %error, "the service agents could not be brought up to date");
                let (again, delay) = (again.clone(), cx.shared.config.backoff_base);
                tokio::spawn(async move {
                    tokio::time::sleep(delay).await;
                    // The receiver lives as long as the controller; without it nothing is left to do.
                    let _ = again.send(Touched::All(namespace));
                });
            }
        }
    }
}

/// What is known of a namespace.
#[derive(Default)]
struct Watched {
    roll: Roll,
    /// The agents that are registered, or whose names somebody has taken whom this controller does not
    /// see, since the namespace was looked at as a whole.
    registered: BTreeSet<String>,
}

/// What is touched in a namespace.
enum Part {
    All,
    Objects(BTreeSet<String>),
}

fn gather(gathered: &mut BTreeMap<String, Part>, touched: Touched) {
    match touched {
        Touched::All(namespace) => drop(gathered.insert(namespace, Part::All)),
        Touched::One(namespace, name) => {
            if let Part::Objects(names) = gathered.entry(namespace).or_insert_with(|| Part::Objects(BTreeSet::new())) {
                names.insert(name);
            }
        }
    }
}

impl AgentContext {
    async fn look_at(
        &self,
        namespace: &str,
        part: Part,
        watched: &mut HashMap<String, Watched>,
    ) -> Result<(), kube::Error> {
        let shared = &self.shared;
        let found = shared.namespaces.get(&ObjectRef::new(namespace));
        // Nothing can be made in a namespace that is going, and all in it goes.
        if found.is_none_or(|found| found.metadata.deletion_timestamp.is_some()) {
            watched.remove(namespace);
            return Ok(());
        }
        let constitution = Constitution::of(namespace, &shared.agents, &shared.namespaces, &shared.accounts);
        match (part, watched.get_mut(namespace)) {
            (Part::Objects(names), Some(known)) => {
                for name in names {
                    let object = self.resources.get(&ObjectRef::new(&name).within(namespace));
                    known.roll.put(&name, object.and_then(|object| self.place(&object, &constitution)));
                }
            }
            _ => {
                let roll = self.call(namespace, &constitution);
                watched.insert(namespace.to_owned(), Watched { roll, ..Watched::default() });
            }
        }
        let Watched { roll, registered } = watched.entry(namespace.to_owned()).or_default();
        let api: Api<ServiceAgent> = Api::namespaced(shared.client.clone(), namespace);
        for (name, kind) in roll.registered() {
            if constitution.agent(name).is_none() && !registered.contains(name) {
                self.register(&api, name, *kind).await?;
                registered.insert(name.clone());
            }
        }
        let mut failed = None;
        for guard in &constitution.agents {
            let Ok(agent) = &guard.0 else { continue };
            if let Err(error) = self.bring_up_to_date(&api, agent, &constitution, roll).await {
                failed = Some(error);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// All resources of a namespace in their places.
    fn call(&self, namespace: &str, constitution: &Constitution) -> Roll {
        let mut roll = Roll::default();
        for guard in self.resources.state() {
            if guard.namespace().as_deref() == Some(namespace) {
                roll.put(&guard.name_any(), self.place(&guard, constitution));
            }
        }
        roll
    }

    /// The place of a resource, which is woken where the place is news to it.
    fn place(&self, guard: &Guarded, constitution: &Constitution) -> Option<Place> {
        let object = guard.0.as_ref().ok()?;
        let kind = object.spec.kind.name()?;
        let governance = constitution.governance(object, kind);
        if is_news(object, &governance) {
            // The receiver lives as long as the controller; without it nobody needs to be woken.
            let _ = self.wake.send(ObjectRef::from_obj(guard));
        }
        Some(Place {
            kind,
            share: Share::of(object, governance.owner, governance.mandate.level),
            needs: self.shared.graph.needs(&graph::key(object)),
            assignment: governance.assignment,
        })
    }

    async fn register(&self, api: &Api<ServiceAgent>, name: &str, kind: KindName) -> Result<(), kube::Error> {
        let Some(labels) = &self.labels else { return Ok(()) };
        let selector = AgentSelector { kinds: vec![kind], ..AgentSelector::default() };
        let spec = ServiceAgentSpec { selector: Some(selector), ..ServiceAgentSpec::default() };
        let mut agent = ServiceAgent::new(name, spec);
        agent.labels_mut().extend(labels.clone());
        agent.labels_mut().insert(LABEL_REGISTERED.to_owned(), "true".to_owned());
        let params = PostParams { field_manager: Some(MANAGER_AGENT.to_owned()), ..PostParams::default() };
        match api.create(&params, &agent).await {
            // The cache is behind, or another controller sees to it.
            Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
            answer => answer.map(drop),
        }
    }

    async fn bring_up_to_date(
        &self,
        api: &Api<ServiceAgent>,
        agent: &ServiceAgent,
        constitution: &Constitution,
        roll: &Roll,
    ) -> Result<(), kube::Error> {
        let name = agent.name_any();
        if agent.metadata.deletion_timestamp.is_some() {
            return Ok(());
        }
        let none = Tally::default();
        let tally = match roll.tally(&name) {
            None if is_registered(agent) => return remove(api, agent).await,
            found => found.unwrap_or(&none),
        };
        let problems = problems(&name, agent, constitution, roll);
        let verdict = verdict(&problems, tally.resources());
        let old = agent.status.clone().unwrap_or_default();
        let generation = agent.metadata.generation.unwrap_or_default();
        let status = ServiceAgentStatus {
            observed_generation: Some(generation),
            conditions: verdict.conditions(&old.conditions, generation, Timestamp::now()),
            ..tally.status(&agent.spec, roll.needs(&name), &old)
        };
        match write_status(api, agent, MANAGER_AGENT, agent.status.as_ref(), &status).await {
            // Somebody was faster; what they did comes by the watch.
            Err(kube::Error::Api(status)) if status.is_not_found() => {}
            Err(error) => return Err(self.tell_refusal(api, agent, error).await),
            Ok(_) => {}
        }
        Ok(())
    }

    /// Where the API server refuses a status as invalid, the agent says so, in one that holds no more than that.
    async fn tell_refusal(&self, api: &Api<ServiceAgent>, agent: &ServiceAgent, error: kube::Error) -> kube::Error {
        let Some(refusal) = write_refused::refusal(&error) else { return error };
        let verdict = write_refused::verdict(&refusal);
        let news = News::warning(verdict.reason, verdict.message.clone());
        self.shared.recorder.tell(&news, "Govern", &agent.object_ref(&())).await;
        let (old, generation) = (agent.status.as_ref(), agent.metadata.generation.unwrap_or_default());
        let before = old.map(|status| status.conditions.as_slice()).unwrap_or_default();
        let least = ServiceAgentStatus {
            observed_generation: Some(generation),
            conditions: verdict.conditions(before, generation, Timestamp::now()),
            ..ServiceAgentStatus::default()
        };
        match write_status(api, agent, MANAGER_AGENT, old, &least).await {
            Ok(_) => error,
            Err(worse) => worse,
        }
    }
}

/// Removes an agent that has lost its last resource, unless it has changed since.
async fn remove(api: &Api<ServiceAgent>, agent: &ServiceAgent) -> Result<(), kube::Error> {
    let params = DeleteParams {
        preconditions: Some(Preconditions { uid: agent.uid(), resource_version: agent.resource_version() }),
        ..DeleteParams::default()
    };
    match api.delete(&agent.name_any(), &params).await {
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        answer => answer.map(drop),
    }
}

/// Whether the object should be looked at: its place or owner is another, or what it waits for is permitted now.
fn is_news(object: &AwsResource, governance: &Governance) -> bool {
    let Some(status) = object.status.as_ref().filter(|status| status.observed_generation.is_some_and(|seen| seen > 0))
    else {
        return false;
    };
    let moved = status.service_agent.as_deref() != governance.assignment.name();
    let owned_by_another = status.owner.as_deref() != Some(governance.owner.as_str());
    let permitted = status.recommendations.iter().any(|open| governance.mandate.permits(open.action));
    moved || owned_by_another || permitted
}

/// What keeps an agent from its work, in words.
fn problems(name: &str, agent: &ServiceAgent, constitution: &Constitution, roll: &Roll) -> Vec<(&'static str, String)> {
    let mut problems = Vec::new();
    if let Some(error) = constitution.candidates.invalid_selector(name) {
        problems.push(("InvalidSelector", format!("spec.selector selects nothing, for it cannot be read: {error}.")));
    }
    if let Some(ties) = roll.ties(name) {
        let shown: Vec<String> = ties
            .iter()
            .take(NAMED)
            .map(|(resource, agents)| format!("{resource} is selected by {}", agents.join(" and ")))
            .collect();
        let rest = ties.len().checked_sub(NAMED).filter(|rest| *rest > 0);
        let more = rest.map(|rest| format!(", and {rest} more")).unwrap_or_default();
        let message = format!(
            "{}{more}. Nobody governs them: narrow a selector, or name one agent in their spec.serviceAgentRef.",
            shown.join("; ")
        );
        problems.push(("AmbiguousSelector", message));
    }
    if roll.is_taken(name) {
        let message = format!(
            "The controller would register an agent named {name} for resources that no agent selects. Rename this one, or have it select them."
        );
        problems.push(("NameTaken", message));
    }
    let missing: Vec<&str> =
        agent.spec.depends_on.iter().filter(|other| constitution.agent(other).is_none()).map(String::as_str).collect();
    if !missing.is_empty() {
        let message = format!("spec.dependsOn: there is no ServiceAgent {} in this namespace.", missing.join(", "));
        problems.push(("UnknownDependency", message));
    }
    if let Err(error) = &constitution.owners {
        let message = format!("The namespace's annotation {}: {error}. The rule holds.", crate::api::ANNOTATION_OWNERS);
        problems.push(("InvalidOwners", message));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registered_agent_gets_the_labels_by_which_this_controller_sees_it() {
        let of = |pairs: &[(&str, &str)]| {
            Some(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>())
        };
        assert_eq!(labels_for(None), of(&[]));
        assert_eq!(labels_for(Some("story=web-1, a/b==c")), of(&[("story", "web-1"), ("a/b", "c")]));
        for selector in ["team!=web", "team in (a, b)", "team", "!team", "a=b,team"] {
            assert_eq!(labels_for(Some(selector)), None, "{selector}");
        }
    }
}
