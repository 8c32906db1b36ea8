//! Keeps the `ServiceAgent` objects: registers those that no person declared, removes them with their last
//! resource, and writes what their resources amount to. It listens to what the watches bring; a namespace
//! in which something has changed is gone through once, a moment later, however much has changed.

use crate::agents::aggregate::{Member, Tally, verdict};
use crate::agents::membership::{Assignment, Ungoverned, is_registered, registered_name};
use crate::api::conditions::bounded;
use crate::api::resource::AwsResource;
use crate::api::service_agent::{AgentSelector, ServiceAgent, ServiceAgentSpec, ServiceAgentStatus};
use crate::api::{LABEL_REGISTERED, MANAGER_AGENT};
use crate::controllers::resource::Guarded;
use crate::kinds::KindName;
use crate::lifecycle::context::Context;
use crate::lifecycle::governance::{Constitution, Governance};
use crate::lifecycle::graph;
use crate::lifecycle::objects::apply_status;
use k8s_openapi::jiff::Timestamp;
use kube::api::{DeleteParams, PostParams, Preconditions};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Api, ResourceExt};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

/// How long changes are gathered before a namespace is gone through.
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

/// Goes through the namespaces that `dirty` names until its senders are gone. One that fails is gone
/// through again.
pub async fn run(cx: AgentContext, mut dirty: UnboundedReceiver<String>, again: UnboundedSender<String>) {
    cx.shared.caches.wait().await;
    if cx.labels.is_none() {
        tracing::warn!("--watch-selector asks for more than equal labels: no ServiceAgents are registered");
    }
    while let Some(first) = dirty.recv().await {
        tokio::time::sleep(GATHER).await;
        let mut namespaces = BTreeSet::from([first]);
        while let Ok(namespace) = dirty.try_recv() {
            namespaces.insert(namespace);
        }
        for namespace in namespaces {
            if let Err(error) = cx.go_through(&namespace).await {
                tracing::debug!(namespace, %error, "the service agents could not be brought up to date");
                let (again, delay) = (again.clone(), cx.shared.config.backoff_base);
                tokio::spawn(async move {
                    tokio::time::sleep(delay).await;
                    // The receiver lives as long as the controller; without it nothing is left to do.
                    let _ = again.send(namespace);
                });
            }
        }
    }
}

/// What one pass over a namespace found.
#[derive(Default)]
struct Findings {
    tallies: BTreeMap<String, Tally>,
    wanted: BTreeMap<String, KindName>,
    /// What is wrong, by agent: the resources that it and others select.
    ties: BTreeMap<String, Vec<(String, Vec<String>)>>,
    taken: BTreeSet<String>,
    woken: Vec<ObjectRef<Guarded>>,
}

impl AgentContext {
    async fn go_through(&self, namespace: &str) -> Result<(), kube::Error> {
        let shared = &self.shared;
        let found = shared.namespaces.get(&ObjectRef::new(namespace));
        // Nothing can be made in a namespace that is going, and all in it goes.
        if found.is_none_or(|found| found.metadata.deletion_timestamp.is_some()) {
            return Ok(());
        }
        let constitution = Constitution::of(namespace, &shared.agents, &shared.namespaces, &shared.accounts);
        let mut findings = self.look(namespace, &constitution);
        for resource in findings.woken.drain(..) {
            // The receiver lives as long as the controller; without it nobody needs to be woken.
            let _ = self.wake.send(resource);
        }
        let api: Api<ServiceAgent> = Api::namespaced(shared.client.clone(), namespace);
        for (name, kind) in &findings.wanted {
            if constitution.agent(name).is_none() {
                self.register(&api, name, *kind).await?;
            }
        }
        let mut failed = None;
        for guard in &constitution.agents {
            let Ok(agent) = &guard.0 else { continue };
            if let Err(error) = self.bring_up_to_date(&api, agent, &constitution, &mut findings).await {
                failed = Some(error);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// One pass over the resources of a namespace.
    fn look(&self, namespace: &str, constitution: &Constitution) -> Findings {
        let mut findings = Findings::default();
        let all = self.resources.state();
        let own = all.iter().filter(|guard| guard.namespace().as_deref() == Some(namespace));
        let objects: Vec<(&AwsResource, KindName, Governance)> = own
            .filter_map(|guard| guard.0.as_ref().ok())
            .filter_map(|object| {
                let kind = object.spec.kind.name()?;
                Some((object, kind, constitution.governance(object, kind)))
            })
            .collect();
        let places: BTreeMap<String, &str> = objects
            .iter()
            .filter_map(|(object, _, governance)| Some((object.name_any(), governance.assignment.name()?)))
            .collect();
        for (object, kind, governance) in &objects {
            if is_news(object, governance) {
                findings.woken.push(ObjectRef::new(&object.name_any()).within(namespace));
            }
            match &governance.assignment {
                Assignment::Ungoverned(Ungoverned::Ambiguous(agents)) => {
                    for agent in agents {
                        findings.ties.entry(agent.clone()).or_default().push((object.name_any(), agents.clone()));
                    }
                }
                Assignment::Ungoverned(Ungoverned::NameTaken(name)) => {
                    findings.taken.insert(name.clone());
                }
                Assignment::Ungoverned(Ungoverned::Unknown(_)) => {}
                Assignment::Registered(name) | Assignment::Explicit(name) => {
                    if matches!(governance.assignment, Assignment::Registered(_)) && *name == registered_name(*kind) {
                        findings.wanted.insert(name.clone(), *kind);
                    }
                    let others = self.shared.graph.needs(&graph::key(object));
                    let others = others.iter().filter_map(|needed| places.get(needed)).filter(|other| *other != name);
                    let dependencies = others.map(|other| (*other).to_owned()).collect();
                    let (owner, level) = (governance.owner, governance.mandate.level);
                    let member = Member { resource: object, owner, level, dependencies };
                    findings.tallies.entry(name.clone()).or_default().add(member);
                }
            }
        }
        findings
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
        findings: &mut Findings,
    ) -> Result<(), kube::Error> {
        let name = agent.name_any();
        if agent.metadata.deletion_timestamp.is_some() {
            return Ok(());
        }
        let tally = findings.tallies.remove(&name);
        if tally.is_none() && is_registered(agent) {
            return remove(api, agent).await;
        }
        let tally = tally.unwrap_or_default();
        let problems = problems(&name, agent, constitution, findings);
        let verdict = verdict(&problems, tally.resources());
        let old = agent.status.clone().unwrap_or_default();
        let generation = agent.metadata.generation.unwrap_or_default();
        let status = ServiceAgentStatus {
            observed_generation: Some(generation),
            conditions: verdict.conditions(&old.conditions, generation, Timestamp::now()),
            ..tally.status(&agent.spec, &old)
        };
        if agent.status.as_ref() != Some(&status) {
            match apply_status(api, agent, MANAGER_AGENT, &status).await {
                // Somebody was faster; what they did comes by the watch.
                Err(kube::Error::Api(status)) if status.is_not_found() => {}
                answer => drop(answer?),
            }
        }
        Ok(())
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
fn problems(
    name: &str,
    agent: &ServiceAgent,
    constitution: &Constitution,
    findings: &Findings,
) -> Vec<(&'static str, String)> {
    let mut problems = Vec::new();
    if let Some(error) = constitution.candidates.invalid_selector(name) {
        problems.push(("InvalidSelector", format!("spec.selector selects nothing, for it cannot be read: {error}.")));
    }
    if let Some(ties) = findings.ties.get(name) {
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
        problems.push(("AmbiguousSelector", bounded(&message, 1024)));
    }
    if findings.taken.contains(name) {
        let message = format!(
            "The controller would register an agent named {name} for resources that no agent selects. Rename this one, or have it select them."
        );
        problems.push(("NameTaken", message));
    }
    let missing: Vec<&str> =
        agent.spec.depends_on.iter().filter(|other| constitution.agent(other).is_none()).map(String::as_str).collect();
    if !missing.is_empty() {
        let message = format!("spec.dependsOn: there is no ServiceAgent {} in this namespace.", missing.join(", "));
        problems.push(("UnknownDependency", bounded(&message, 1024)));
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
