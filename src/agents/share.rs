//! What one resource adds to what its service agent's resources amount to.

use super::historical::Agent;
use crate::api::conditions::{ConditionType, is_true};
use crate::api::resource::{AwsResource, Health, ResourceState};
use crate::api::service_agent::{ResourceDecision, ResourceRecommendation, TroubledResource};
use crate::health::badness;
use kube::ResourceExt;

/// How badly somebody has to look at a resource, the higher the worse.
pub type Rank = u8;

/// What one resource adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// The resource's name.
    pub name: String,
    /// The historical agent that owns it.
    pub owner: Agent,
    /// Its effective autonomy level.
    pub level: i32,
    /// Where it is in its life, once that is known.
    pub state: Option<ResourceState>,
    /// Whether it does its work.
    pub health: Health,
    /// Its cost in USD per day, as its status has it.
    pub cost_per_day: Option<String>,
    /// Whether it is stalled: nothing goes on until a person does something.
    pub is_stuck: bool,
    /// What waits for approval.
    pub recommendations: Vec<ResourceRecommendation>,
    /// The latest decision that was taken for it.
    pub decision: Option<ResourceDecision>,
    is_ready: bool,
    /// Why it is not ready.
    reason: Option<String>,
}

impl Share {
    /// What a resource of this owner, with this autonomy level, adds.
    pub fn of(resource: &AwsResource, owner: Agent, level: i32) -> Self {
        let (name, status) = (resource.name_any(), resource.status.as_ref());
        let conditions = status.map(|status| status.conditions.as_slice()).unwrap_or_default();
        let recommendations = status.map(|status| status.recommendations.as_slice()).unwrap_or_default();
        let ready = conditions.iter().find(|one| one.type_ == ConditionType::Ready.as_str());
        Self {
            owner,
            level,
            state: status.and_then(|status| status.state),
            health: status.and_then(|status| status.health).unwrap_or(Health::Unknown),
            cost_per_day: status.and_then(|status| status.cost_per_day.clone()),
            is_stuck: is_true(conditions, ConditionType::Stalled),
            is_ready: is_true(conditions, ConditionType::Ready),
            reason: ready.map(|one| one.reason.clone()),
            recommendations: recommendations
                .iter()
                .map(|open| ResourceRecommendation {
                    name: name.clone(),
                    id: open.id.clone(),
                    action: open.action,
                    proposal: open.proposal.clone(),
                    cost_change_per_day: open.cost_change_per_day.clone(),
                    since: open.since.clone(),
                })
                .collect(),
            decision: status.and_then(|status| status.last_decision.as_ref()).map(|taken| ResourceDecision {
                name: name.clone(),
                action: taken.action,
                ground: taken.ground,
                at: taken.at.clone(),
            }),
            name,
        }
    }

    /// Whether it becomes ready by itself.
    pub fn is_on_the_way(&self) -> bool {
        !self.is_ready && !self.is_stuck
    }

    /// Among those of the same health, one that is stuck is worse than one that is not ready.
    pub fn rank(&self) -> Rank {
        badness(self.health) * 4 + u8::from(self.is_stuck) * 2 + u8::from(!self.is_ready)
    }

    /// What is shown of it where somebody has to look at it.
    pub fn trouble(&self) -> Option<TroubledResource> {
        (self.rank() > 0).then(|| TroubledResource {
            name: self.name.clone(),
            state: self.state,
            health: self.health,
            reason: self.reason.clone(),
        })
    }
}
