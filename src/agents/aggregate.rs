//! The status of a service agent from its resources. Each of them is added and taken out by itself, so that
//! one that changes costs the same however many there are; the status is bounded.

use super::counts::Counts;
use super::historical::Agent;
use super::share::{Rank, Share};
use crate::api::conditions::Verdict;
use crate::api::resource::{Health, ResourceState};
use crate::api::service_agent::{
    AgentState, ResourceDecision, ResourceRecommendation, ServiceAgentSpec, ServiceAgentStatus, TroubledResource,
};
use crate::cost::{Sum, usd};
use crate::health::worst;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// The most resources, recommendations and decisions that a status lists each.
const LISTED: usize = 10;

/// The most dependencies that a status lists.
const DEPENDENCIES: usize = 50;

/// What an agent's resources amount to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    resources: i32,
    states: Counts<Option<ResourceState>>,
    healths: Counts<Health>,
    owners: Counts<Agent>,
    levels: Counts<i32>,
    cost: Sum,
    stuck: i32,
    on_the_way: i32,
    /// Those that somebody has to look at, the worst first.
    troubled: BTreeMap<(Reverse<Rank>, String), TroubledResource>,
    /// The longest waiting first, by time, resource and place in its status.
    recommendations: BTreeMap<(String, String, usize), ResourceRecommendation>,
    /// The latest first, by time and resource.
    decisions: BTreeMap<(Reverse<String>, String), ResourceDecision>,
}

impl Tally {
    /// Adds a resource.
    pub fn add(&mut self, share: &Share) {
        self.resources += 1;
        self.states.add(share.state);
        self.healths.add(share.health);
        self.owners.add(share.owner);
        self.levels.add(share.level);
        self.cost.add(share.cost_per_day.as_deref());
        self.stuck += i32::from(share.is_stuck);
        self.on_the_way += i32::from(share.is_on_the_way());
        self.troubled.extend(share.trouble().map(|trouble| (trouble_key(share), trouble)));
        let open = share.recommendations.iter().enumerate();
        self.recommendations.extend(open.map(|(place, open)| (open_key(share, place, open), open.clone())));
        self.decisions.extend(share.decision.iter().map(|taken| (taken_key(taken), taken.clone())));
    }

    /// Takes out a resource that was added with this share.
    pub fn remove(&mut self, share: &Share) {
        self.resources -= 1;
        self.states.remove(&share.state);
        self.healths.remove(&share.health);
        self.owners.remove(&share.owner);
        self.levels.remove(&share.level);
        self.cost.remove(share.cost_per_day.as_deref());
        self.stuck -= i32::from(share.is_stuck);
        self.on_the_way -= i32::from(share.is_on_the_way());
        self.troubled.remove(&trouble_key(share));
        for (place, open) in share.recommendations.iter().enumerate() {
            self.recommendations.remove(&open_key(share, place, open));
        }
        if let Some(taken) = &share.decision {
            self.decisions.remove(&taken_key(taken));
        }
    }

    /// How many resources there are.
    pub fn resources(&self) -> i32 {
        self.resources
    }

    /// The status of an agent whose resources refer to those of the agents in `needs`; without its
    /// conditions. Decisions that `old` tells of stay while there are no later ones.
    pub fn status<'a>(
        &self,
        spec: &'a ServiceAgentSpec,
        needs: impl Iterator<Item = &'a String>,
        old: &ServiceAgentStatus,
    ) -> ServiceAgentStatus {
        let most = self.owners.iter().max_by_key(|(agent, count)| (*count, Reverse(**agent)));
        let decisions = self.decisions.values().take(LISTED).chain(&old.last_decisions).cloned().collect();
        let dependencies: BTreeSet<&String> = needs.chain(&spec.depends_on).collect();
        ServiceAgentStatus {
            observed_generation: None,
            state: Some(self.state()),
            health: worst(self.healths.keys().copied()),
            cost_per_day: self.cost.known().map(usd),
            resources_without_cost: Some(self.cost.unknown()),
            autonomy_level: self.levels.keys().next().copied().or(spec.autonomy_level),
            decision_maker: spec.decision_maker.or(most.map(|(agent, _)| *agent)),
            resources: Some(self.resources),
            resources_by_state: self.states_by_name(),
            resources_by_health: self.healths.by_name(|health| health.as_str()),
            worst: self.troubled.values().take(LISTED).cloned().collect(),
            dependencies: dependencies.into_iter().take(DEPENDENCIES).cloned().collect(),
            open_recommendations: i32::try_from(self.recommendations.len()).ok(),
            recommendations: self.recommendations.values().take(LISTED).cloned().collect(),
            last_decisions: latest(decisions),
            conditions: Vec::new(),
        }
    }

    fn state(&self) -> AgentState {
        match () {
            () if self.resources == 0 => AgentState::Idle,
            () if !self.recommendations.is_empty() => AgentState::AwaitingApproval,
            () if self.stuck > 0 => AgentState::Stalled,
            () if self.on_the_way > 0 => AgentState::Progressing,
            () => AgentState::Active,
        }
    }

    fn states_by_name(&self) -> BTreeMap<String, i32> {
        let named = |state: &Option<ResourceState>| state.map_or("Unknown", ResourceState::as_str).to_owned();
        self.states.iter().map(|(state, count)| (named(state), count)).collect()
    }
}

fn trouble_key(share: &Share) -> (Reverse<Rank>, String) {
    (Reverse(share.rank()), share.name.clone())
}

fn open_key(share: &Share, place: usize, open: &ResourceRecommendation) -> (String, String, usize) {
    (open.since.clone(), share.name.clone(), place)
}

fn taken_key(taken: &ResourceDecision) -> (Reverse<String>, String) {
    (Reverse(taken.at.clone()), taken.name.clone())
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
