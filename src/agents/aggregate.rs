//! The status of a service agent from its resources: one pass over them, bounded however many there are.

use super::historical::Agent;
use crate::api::conditions::{ConditionType, Verdict, is_true};
use crate::api::resource::{AwsResource, Health};
use crate::api::service_agent::{
    AgentState, ResourceDecision, ResourceRecommendation, ServiceAgentSpec, ServiceAgentStatus, TroubledResource,
};
use crate::cost::{Sum, usd};
use crate::health::{badness, worst};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// The most resources, recommendations and decisions that a status lists each.
const LISTED: usize = 10;

/// The most dependencies that a status lists.
const DEPENDENCIES: usize = 50;

/// What is known of an agent's resources; they are added one by one.
#[derive(Debug, Default)]
pub struct Tally {
    resources: i32,
    by_state: BTreeMap<String, i32>,
    by_health: BTreeMap<String, i32>,
    owners: BTreeMap<Agent, i32>,
    worst: BTreeMap<(Reverse<u8>, String), TroubledResource>,
    worst_health: Option<Health>,
    cost: Sum,
    lowest_level: Option<i32>,
    dependencies: BTreeSet<String>,
    stuck: bool,
    on_the_way: bool,
    open: i32,
    /// The longest waiting, by time, resource and place in its status.
    recommendations: BTreeMap<(String, String, usize), ResourceRecommendation>,
    decisions: Vec<ResourceDecision>,
}

/// A resource and what follows from its place among the others.
#[derive(Debug)]
pub struct Member<'a> {
    /// The resource.
    pub resource: &'a AwsResource,
    /// The historical agent that owns it.
    pub owner: Agent,
    /// Its effective autonomy level.
    pub level: i32,
    /// The other agents whose resources it refers to.
    pub dependencies: Vec<String>,
}

impl Tally {
    /// Adds a resource.
    pub fn add(&mut self, member: Member<'_>) {
        let Member { resource, owner, level, dependencies } = member;
        self.resources += 1;
        *self.owners.entry(owner).or_insert(0) += 1;
        self.lowest_level = Some(self.lowest_level.map_or(level, |lowest| lowest.min(level)));
        self.dependencies.extend(dependencies);
        self.count_health(resource);
        self.count_cost(resource);
        self.take_decisions(resource);
    }

    fn count_health(&mut self, resource: &AwsResource) {
        let status = resource.status.as_ref();
        let conditions = status.map(|status| status.conditions.as_slice()).unwrap_or_default();
        let health = status.and_then(|status| status.health).unwrap_or(Health::Unknown);
        let state = status.and_then(|status| status.state);
        *self.by_health.entry(format!("{health:?}")).or_insert(0) += 1;
        *self.by_state.entry(state.map_or("Unknown".into(), |state| format!("{state:?}"))).or_insert(0) += 1;
        self.worst_health = worst(self.worst_health.into_iter().chain([health]));
        let ready = is_true(conditions, ConditionType::Ready);
        let stuck = is_true(conditions, ConditionType::Stalled);
        self.stuck |= stuck;
        self.on_the_way |= !ready && !stuck;
        if ready && health == Health::Healthy {
            return;
        }
        let reason =
            conditions.iter().find(|one| one.type_ == ConditionType::Ready.as_str()).map(|one| one.reason.clone());
        // Among those of the same health, one that is stuck is worse than one that is not ready.
        let rank = badness(health) * 4 + u8::from(stuck) * 2 + u8::from(!ready);
        let name = resource.metadata.name.clone().unwrap_or_default();
        self.worst.insert((Reverse(rank), name.clone()), TroubledResource { name, state, health, reason });
        if self.worst.len() > LISTED {
            self.worst.pop_last();
        }
    }

    fn count_cost(&mut self, resource: &AwsResource) {
        let text = resource.status.as_ref().and_then(|status| status.cost_per_day.as_deref());
        self.cost.add(text.and_then(|text| text.parse().ok()));
    }

    fn take_decisions(&mut self, resource: &AwsResource) {
        let Some(status) = &resource.status else { return };
        let name = resource.metadata.name.clone().unwrap_or_default();
        for (place, open) in status.recommendations.iter().enumerate() {
            self.open += 1;
            let shown = ResourceRecommendation {
                name: name.clone(),
                id: open.id.clone(),
                action: open.action,
                proposal: open.proposal.clone(),
                since: open.since.clone(),
            };
            self.recommendations.insert((open.since.clone(), name.clone(), place), shown);
            if self.recommendations.len() > LISTED {
                self.recommendations.pop_last();
            }
        }
        if let Some(taken) = &status.last_decision {
            let at = taken.at.clone();
            self.decisions.push(ResourceDecision { name, action: taken.action, ground: taken.ground, at });
            if self.decisions.len() > 2 * LISTED {
                self.decisions = latest(std::mem::take(&mut self.decisions));
            }
        }
    }

    /// How many resources there are.
    pub fn resources(&self) -> i32 {
        self.resources
    }

    /// The status, without its conditions. Decisions that `old` tells of stay while there are no later ones.
    pub fn status(self, spec: &ServiceAgentSpec, old: &ServiceAgentStatus) -> ServiceAgentStatus {
        let state = match () {
            () if self.resources == 0 => AgentState::Idle,
            () if self.open > 0 => AgentState::AwaitingApproval,
            () if self.stuck => AgentState::Stalled,
            () if self.on_the_way => AgentState::Progressing,
            () => AgentState::Active,
        };
        let most = self.owners.iter().max_by_key(|(agent, count)| (**count, Reverse(**agent)));
        let decisions = self.decisions.into_iter().chain(old.last_decisions.iter().cloned()).collect();
        let mut dependencies = self.dependencies;
        dependencies.extend(spec.depends_on.iter().cloned());
        ServiceAgentStatus {
            observed_generation: None,
            state: Some(state),
            health: self.worst_health,
            cost_per_day: self.cost.known.map(usd),
            resources_without_cost: Some(self.cost.unknown),
            autonomy_level: self.lowest_level.or(spec.autonomy_level),
            decision_maker: spec.decision_maker.or(most.map(|(agent, _)| *agent)),
            resources: Some(self.resources),
            resources_by_state: self.by_state,
            resources_by_health: self.by_health,
            worst: self.worst.into_values().collect(),
            dependencies: dependencies.into_iter().take(DEPENDENCIES).collect(),
            open_recommendations: Some(self.open),
            recommendations: self.recommendations.into_values().collect(),
            last_decisions: latest(decisions),
            conditions: Vec::new(),
        }
    }
}

/// The latest of the decisions, each once.
fn latest(mut decisions: Vec<ResourceDecision>) -> Vec<ResourceDecision> {
    decisions.sort_by(|one, other| (&other.at, &one.name, one.action).cmp(&(&one.at, &other.name, other.action)));
    decisions.dedup();
    decisions.truncate(LISTED);
    decisions
}

/// What holds for the agent itself: whether it can do its work.
pub fn verdict(problems: &[(&'static str, String)], resources: i32) -> Verdict {
    match (problems, resources) {
        ([(reason, _), ..], _) => {
            let messages: Vec<&str> = problems.iter().map(|(_, message)| message.as_str()).collect();
            Verdict::stalled(reason, messages.join(" "))
        }
        ([], 0) => Verdict::ready("NoResources", "No resource names it, and its selector matches none."),
        ([], 1) => Verdict::ready("Governing", "It governs 1 resource."),
        ([], count) => Verdict::ready("Governing", format!("It governs {count} resources.")),
    }
}

#[cfg(test)]
mod tests;
