//! What a service agent may do without asking, by its autonomy level: the one table.

use super::decisions::Decision;
use crate::api::service_agent::{AgentAction, DecisionGround};
use crate::kinds::KindName;

/// The highest autonomy level.
pub const HIGHEST: i32 = 10;

/// The riskiest action that a level permits without asking; every less risky one is permitted too. What
/// a manifest asks for, and what interrupts nothing, is its author's decision and needs no level.
///
/// The order is that of what users of the resource may lose: a start gives back what was there; a
/// new life of what is gone anyway has a new id and no data; a restart interrupts what works.
pub fn permitted(level: i32) -> Option<AgentAction> {
    match level {
        ..=1 => None,
        2..=3 => Some(AgentAction::Start),
        4..=8 => Some(AgentAction::Recreate),
        9.. => Some(AgentAction::Restart),
    }
}

/// The lowest level that permits an action.
pub fn required(action: AgentAction) -> i32 {
    (0..=HIGHEST).find(|level| permitted(*level).is_some_and(|riskiest| action <= riskiest)).unwrap_or(HIGHEST)
}

/// The level of a kind for which no service agent names one.
pub fn default_level(kind: KindName) -> i32 {
    match kind {
        KindName::LambdaFunction => 8,
        KindName::Ec2Instance => 6,
        KindName::RdsInstance => 4,
        _ => 5,
    }
}

/// The level that holds for a resource: the service agent's, else the kind's, and never more than the
/// account's cap.
pub fn effective(declared: Option<i32>, kind: KindName, cap: Option<i32>) -> i32 {
    declared.unwrap_or_else(|| default_level(kind)).min(cap.unwrap_or(HIGHEST)).clamp(0, HIGHEST)
}

/// What may be done for one resource without asking, and what a person has approved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mandate {
    /// The effective autonomy level.
    pub level: i32,
    /// What the service agent may do at all; `None` for everything.
    pub actions: Option<Vec<AgentAction>>,
    /// The approval that the object carries, where it names one of its open recommendations.
    pub approval: Option<Approval>,
}

/// The approval of one recommendation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The id that the annotation names.
    pub id: String,
    /// Since when the recommendation of that id is open.
    pub since: String,
}

impl Mandate {
    /// Whether an action is permitted without asking.
    pub fn permits(&self, action: AgentAction) -> bool {
        let listed = self.actions.as_ref().is_none_or(|actions| actions.contains(&action));
        listed && permitted(self.level).is_some_and(|riskiest| action <= riskiest)
    }

    /// The ground on which a decision may be carried out, if there is one.
    pub fn ground(&self, decision: &Decision) -> Option<DecisionGround> {
        if self.permits(decision.action) {
            return Some(DecisionGround::Autonomy);
        }
        let approved = self.approval.as_ref().is_some_and(|approval| decision.id(&approval.since) == approval.id);
        approved.then_some(DecisionGround::Approval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use AgentAction::{Recreate, Restart, Start};

    #[test]
    fn every_level_permits_what_the_table_says() {
        let rows = [
            (0, [false, false, false]),
            (1, [false, false, false]),
            (2, [true, false, false]),
            (3, [true, false, false]),
            (4, [true, true, false]),
            (5, [true, true, false]),
            (6, [true, true, false]),
            (7, [true, true, false]),
            (8, [true, true, false]),
            (9, [true, true, true]),
            (10, [true, true, true]),
        ];
        for (level, permitted) in rows {
            let mandate = Mandate { level, ..Mandate::default() };
            assert_eq!([Start, Recreate, Restart].map(|action| mandate.permits(action)), permitted, "level {level}");
        }
    }

    #[test]
    fn the_lowest_level_of_an_action_is_told() {
        assert_eq!([Start, Recreate, Restart].map(required), [2, 4, 9]);
    }

    #[test]
    fn every_kind_has_the_level_that_the_manual_says() {
        for kind in KindName::ALL {
            let expected = match kind.as_str() {
                "LambdaFunction" => 8,
                "Ec2Instance" => 6,
                "RdsInstance" => 4,
                _ => 5,
            };
            assert_eq!(default_level(*kind), expected, "{}", kind.as_str());
        }
    }

    #[test]
    fn a_level_is_never_above_the_accounts_cap() {
        assert_eq!(effective(None, KindName::Ec2Instance, None), 6);
        assert_eq!(effective(None, KindName::Ec2Instance, Some(3)), 3);
        assert_eq!(effective(Some(10), KindName::Ec2Instance, Some(3)), 3);
        assert_eq!(effective(Some(1), KindName::Ec2Instance, Some(3)), 1);
    }

    #[test]
    fn an_action_that_the_agent_does_not_list_is_not_permitted_at_any_level() {
        let mandate = Mandate { level: 10, actions: Some(vec![Start]), approval: None };
        assert!(mandate.permits(Start) && !mandate.permits(Recreate));
    }

    #[test]
    fn an_approval_holds_for_the_decision_that_was_recommended_and_for_no_other() {
        let decision = Decision { action: Recreate, of: "i-1".into(), life: 1, changes: Vec::new() };
        let since = "2026-11-24T00:00:00Z".to_owned();
        let approval = Some(Approval { id: decision.id(&since), since });
        let mandate = Mandate { level: 0, actions: None, approval };
        assert_eq!(mandate.ground(&decision), Some(DecisionGround::Approval));
        assert_eq!(mandate.ground(&Decision { life: 2, ..decision.clone() }), None);
        assert_eq!(mandate.ground(&Decision { action: Start, ..decision }), None);
    }
}
