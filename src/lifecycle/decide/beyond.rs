//! What goes beyond what the manifest asks for: a new life, a start, an interruption. The service agent's
//! level or a person's approval permits it; otherwise it is recommended.

use super::{Action, FRUITLESS_LIMIT, Facts, Seen, detail, refuse};
use crate::agents::decisions::Decision;
use crate::api::resource::{Change, Effect, Intent, RestartPolicy};
use crate::api::service_agent::{AgentAction, DecisionGround};

/// Begins the next life of a resource that somebody has removed, or asks whether to.
pub(super) fn next_life(facts: &Facts, intent: &Intent) -> Action {
    let decision = recreate(facts, intent);
    let what = format!("{} no longer exists in AWS.", decision.of);
    match facts.mandate.ground(&decision) {
        Some(_) => Action::WriteIntent { incarnation: intent.incarnation + 1 },
        None => Action::Recommend { decision, reason: "ApprovalRequired", what },
    }
}

fn recreate(facts: &Facts, intent: &Intent) -> Decision {
    let of = facts.recorded_id.clone().unwrap_or_default();
    Decision { action: AgentAction::Recreate, of, life: intent.incarnation, changes: Vec::new() }
}

/// On what ground the next life of a resource that was there begins; `None` where there never was one.
pub fn next_life_ground(facts: &Facts) -> Option<DecisionGround> {
    let intent = facts.intent.as_ref().filter(|_| facts.recorded_id.is_some())?;
    facts.mandate.ground(&recreate(facts, intent))
}

/// On what ground the resource may be interrupted for these of its changes, if on any.
/// `restartPolicy` is the word of the manifest's author, and comes first whatever it says.
pub fn restart_ground(facts: &Facts, seen: &Seen) -> Option<DecisionGround> {
    match facts.policies.restart {
        Some(RestartPolicy::Allow) => Some(DecisionGround::RestartPolicy),
        Some(RestartPolicy::Never) => None,
        None => facts.mandate.ground(&restart(facts, seen)),
    }
}

pub(super) fn restart(facts: &Facts, seen: &Seen) -> Decision {
    let changes = seen.changes.iter().filter(|change| change.effect == Effect::Restart).cloned().collect();
    Decision { action: AgentAction::Restart, of: seen.id.clone(), life: life(facts), changes }
}

fn life(facts: &Facts) -> i32 {
    facts.intent.as_ref().map_or(1, |intent| intent.incarnation)
}

/// Starts what AWS itself has stopped, or asks whether to.
pub(super) fn heal(facts: &Facts, seen: &Seen) -> Action {
    let decision = Decision { action: AgentAction::Start, of: seen.id.clone(), life: life(facts), changes: Vec::new() };
    match facts.mandate.ground(&decision) {
        Some(_) if facts.fruitless_updates >= FRUITLESS_LIMIT => refuse(
            "UpdateLoop",
            detail(seen, &format!("Starting it {FRUITLESS_LIMIT} times had no effect, so the controller stopped.")),
        ),
        Some(ground) => Action::Start(ground),
        None => {
            let what = detail(seen, "The resource stands still, and nobody had asked for that.");
            Action::Recommend { decision, reason: "ApprovalRequired", what }
        }
    }
}

/// The change that brings back a resource that stands still.
pub fn start() -> Change {
    Change { path: "state".into(), from: Some("Stopped".into()), to: Some("Active".into()), effect: Effect::InPlace }
}
