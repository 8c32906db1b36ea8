//! What holds for every decision, whatever is known: tried with random facts and sights.

use super::*;
use crate::api::resource::RestartPolicy;
use crate::api::service_agent::AgentAction;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

const STATES: [ResourceState; 9] = [
    ResourceState::Pending,
    ResourceState::Creating,
    ResourceState::Active,
    ResourceState::Updating,
    ResourceState::Stopped,
    ResourceState::Deleting,
    ResourceState::Deleted,
    ResourceState::Failed,
    ResourceState::Unknown,
];

fn intent() -> impl Strategy<Value = Intent> {
    (1..4, "[ab]").prop_map(|(incarnation, request_hash)| Intent {
        incarnation,
        token: "t".into(),
        request_hash,
        account_id: "111122223333".into(),
        region: "us-east-1".into(),
        lease_transitions: None,
        without_effect: false,
        recorded_at: "2026-11-24T00:00:00Z".into(),
    })
}

fn policies() -> impl Strategy<Value = Policies> {
    let adoption = option::of(prop_oneof![Just(AdoptionPolicy::Adopt), Just(AdoptionPolicy::AdoptOrCreate)]);
    let restart = option::of(prop_oneof![Just(RestartPolicy::Never), Just(RestartPolicy::Allow)]);
    (any::<[bool; 3]>(), adoption, restart).prop_map(|([create, update, delete], adoption, restart)| Policies {
        create,
        update,
        delete,
        adoption,
        restart,
    })
}

prop_compose! {
    fn facts()(
        [deleting, finalizer, intent_is_fresh, current, named, restarting, lags] in any::<[bool; 7]>(),
        policies in policies(),
        level in 0..=10_i32,
        intent in option::of(intent()),
        recorded_id in option::of("[ij]"),
        dependants in vec("[d]", 0..2),
        postponed in vec("[p]", 0..2),
        request_hash in "[ab]",
        missed_for in option::of(0_u64..100),
        fruitless_updates in 0..5_u32,
    ) -> Facts {
        Facts {
            now: Timestamp::from_second(1000).unwrap(),
            deleting,
            finalizer,
            policies,
            mandate: Mandate { level, ..Mandate::default() },
            intent,
            intent_is_fresh,
            current,
            recorded_id,
            named,
            dependants,
            postponed,
            request_hash,
            restarting,
            visibility_lag: if lags { Duration::from_secs(30) } else { Duration::ZERO },
            missed_for: missed_for.map(Duration::from_secs),
            poll_period: Duration::from_secs(5),
            drift_period: Duration::from_secs(600),
            fruitless_updates,
            usually: Usually { create_seconds: 60, delete_seconds: 60 },
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    let effect = prop_oneof![Just(Effect::InPlace), Just(Effect::Restart), Just(Effect::Replace)];
    ("[xy]", effect).prop_map(|(path, effect)| Change { path, from: None, to: None, effect })
}

fn seen() -> impl Strategy<Value = Seen> {
    let state = (0..STATES.len()).prop_map(|place| STATES[place]);
    ("[ij]", state, option::of("[d]"), any::<bool>(), vec(change(), 0..4)).prop_map(
        |(id, state, detail, stopped, changes)| Seen {
            id,
            state,
            detail,
            stopped_by_failure: stopped && state == ResourceState::Stopped,
            changes,
        },
    )
}

fn sight() -> impl Strategy<Value = Sight> {
    prop_oneof![
        Just(Sight::Unseen),
        Just(Sight::Absent),
        seen().prop_map(Sight::Ours),
        seen().prop_map(Sight::Unowned),
        seen().prop_map(Sight::Predecessor),
        "[s]".prop_map(Sight::Foreign),
        vec("[ij]", 2..3).prop_map(Sight::Ambiguous),
    ]
}

/// Whether the resource has verifiably ended, or never began: AWS shows its end, or showed nothing in
/// two looks a visibility lag apart, or no call can have been made.
fn ended(facts: &Facts, sight: &Sight) -> bool {
    match sight {
        Sight::Absent => facts.intent_is_fresh || facts.missed_for.unwrap_or_default() >= facts.visibility_lag,
        Sight::Ours(seen) | Sight::Unowned(seen) | Sight::Predecessor(seen) => seen.state == ResourceState::Deleted,
        Sight::Unseen | Sight::Foreign(_) | Sight::Ambiguous(_) => false,
    }
}

/// Whether the resource may be stopped, or stands still for a change already.
fn may_interrupt(facts: &Facts, sight: &Sight) -> bool {
    let Sight::Ours(seen) = sight else { return false };
    let by_itself = facts.policies.restart.is_none() && facts.mandate.permits(AgentAction::Restart);
    let stopped = facts.restarting && seen.state != ResourceState::Active;
    facts.policies.restart == Some(RestartPolicy::Allow) || by_itself || stopped
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_created_without_an_intent_and_a_look_for_what_it_has_made(facts in facts(), sight in sight()) {
        if decide(&facts, &sight) == Action::Create {
            let intent = facts.intent.clone().unwrap();
            prop_assert!(facts.finalizer && facts.current && facts.policies.create && !facts.deleting);
            prop_assert_eq!(&intent.request_hash, &facts.request_hash);
            prop_assert_eq!(&facts.recorded_id, &None);
            prop_assert!(ended(&facts, &sight));
        }
    }

    #[test]
    fn a_new_life_begins_only_after_the_end_of_the_last(facts in facts(), sight in sight()) {
        if let Action::WriteIntent { incarnation } = decide(&facts, &sight) {
            prop_assert!(!facts.deleting && !facts.policies.observe_only());
            let last = facts.intent.as_ref().map_or(1, |intent| intent.incarnation);
            prop_assert!(incarnation == last || (incarnation == last + 1 && ended(&facts, &sight)));
        }
    }

    #[test]
    fn only_what_is_ours_is_deleted_and_only_for_an_object_that_goes(facts in facts(), sight in sight()) {
        if decide(&facts, &sight) == Action::Delete {
            prop_assert!(facts.deleting && facts.finalizer && facts.policies.delete && facts.dependants.is_empty());
            prop_assert!(matches!(sight, Sight::Ours(_)));
        }
    }

    #[test]
    fn only_what_is_ours_is_changed_and_never_replaced(facts in facts(), sight in sight()) {
        if let Action::Update(changes) = decide(&facts, &sight) {
            prop_assert!(!facts.deleting && matches!(sight, Sight::Ours(_)));
            let permitted = |change: &Change| match change.effect {
                Effect::InPlace => true,
                Effect::Restart => may_interrupt(&facts, &sight),
                Effect::Replace => false,
            };
            prop_assert!(changes.iter().all(permitted));
            prop_assert!(facts.policies.update || changes == [start()]);
        }
    }

    #[test]
    fn only_what_is_nobodys_is_taken_over_and_only_with_consent(facts in facts(), sight in sight()) {
        if decide(&facts, &sight) == Action::Adopt {
            prop_assert!(facts.current && !facts.deleting && facts.policies.adoption.is_some());
            prop_assert!(matches!(sight, Sight::Unowned(_) | Sight::Predecessor(_)));
        }
    }

    #[test]
    fn the_finalizer_stays_until_there_is_nothing_of_ours_to_find(facts in facts(), sight in sight()) {
        if let Action::RemoveFinalizer(parting) = decide(&facts, &sight) {
            prop_assert!(facts.deleting && facts.finalizer);
            let fits = match parting {
                Parting::NothingMade => {
                    (facts.intent.is_none() || facts.intent_is_fresh) && facts.recorded_id.is_none()
                }
                Parting::Retained => !facts.policies.delete,
                Parting::NotOurs => matches!(sight, Sight::Unowned(_) | Sight::Predecessor(_) | Sight::Foreign(_)),
                Parting::Deleted => matches!(sight, Sight::Absent | Sight::Ours(_)) && ended(&facts, &sight),
            };
            prop_assert!(fits, "{:?}", parting);
        }
    }

    #[test]
    fn what_exceeds_the_autonomy_level_is_never_done_without_approval(facts in facts(), sight in sight()) {
        let last = facts.intent.as_ref().map_or(1, |intent| intent.incarnation);
        match decide(&facts, &sight) {
            Action::WriteIntent { incarnation } if incarnation > last => {
                prop_assert!(facts.mandate.permits(AgentAction::Recreate));
            }
            Action::Start(_) => prop_assert!(facts.mandate.permits(AgentAction::Start)),
            Action::BeginRestart => prop_assert!(may_interrupt(&facts, &sight)),
            Action::Recommend { decision, .. } => prop_assert!(!facts.mandate.permits(decision.action)),
            _ => {}
        }
    }

    #[test]
    fn who_may_only_observe_never_writes(facts in facts(), sight in sight()) {
        let none = Policies { create: false, update: false, delete: false, ..facts.policies.clone() };
        let action = decide(&Facts { policies: none, restarting: false, ..facts }, &sight);
        let writes = matches!(
            action,
            Action::WriteIntent { .. } | Action::Create | Action::Record(_) | Action::Adopt | Action::Update(_)
                | Action::Delete | Action::BeginRestart | Action::EndRestart | Action::Start(_)
        );
        prop_assert!(!writes, "{:?}", action);
    }
}

/// What random specs of every kind differ in leads to a decision without a panic: nothing is done where
/// nothing differs, only permitted changes are written, and all others are told by the names of their fields.
#[test]
fn whatever_differs_between_specs_of_any_kind_is_carried_out_or_refused_by_its_field() {
    use crate::kinds::contracts::fuzz::every_difference;

    let permitted = |change: &Change| change.effect != Effect::Replace;
    every_difference(|_, _, changes| {
        let policies =
            Policies { create: true, update: true, delete: true, adoption: None, restart: Some(RestartPolicy::Allow) };
        let facts = Facts { policies, ..super::tests::known() };
        let (id, changes) = ("i-1".into(), changes.clone());
        let seen = Seen {
            id,
            state: ResourceState::Active,
            detail: None,
            stopped_by_failure: false,
            changes: changes.clone(),
        };
        let fits = match decide(&facts, &Sight::Ours(seen)) {
            Action::Nothing => changes.is_empty(),
            Action::Update(written) => !written.is_empty() && written.iter().all(permitted),
            Action::BeginRestart => changes.iter().any(|change| change.effect == Effect::Restart),
            Action::Refuse { reason: "ReplaceRefused", message } => {
                !changes.iter().any(permitted) && changes.iter().all(|change| message.contains(&change.path))
            }
            _ => false,
        };
        if fits { Ok(()) } else { Err(format!("{changes:?}")) }
    });
}
