use super::*;
use crate::agents::autonomy::Mandate;
use crate::api::resource::{Change, Effect};
use crate::kinds::Usually;
use crate::lifecycle::decide::Parting;
use crate::lifecycle::intent::Draft;
use crate::lifecycle::policies::Policies;
use k8s_openapi::jiff::Timestamp;
use std::time::Duration;

fn facts(deleting: bool, has_intent: bool) -> Facts {
    let draft = Draft {
        cluster: "c",
        uid: "u",
        account_id: "111122223333",
        region: "us-east-1",
        request_hash: "h",
        lease_transitions: None,
    };
    Facts {
        now: Timestamp::UNIX_EPOCH,
        deleting,
        finalizer: true,
        policies: Policies { create: true, update: true, delete: true, adoption: None, restart: None },
        mandate: Mandate::default(),
        intent: has_intent.then(|| draft.intent(1, Timestamp::UNIX_EPOCH)),
        intent_is_fresh: false,
        current: true,
        recorded_id: None,
        named: true,
        dependants: Vec::new(),
        postponed: Vec::new(),
        request_hash: "h".into(),
        restarting: false,
        visibility_lag: Duration::ZERO,
        missed_for: None,
        poll_period: Duration::from_secs(5),
        drift_period: Duration::from_secs(600),
        usually: Usually { create_seconds: 1, delete_seconds: 1 },
        fruitless_updates: 0,
    }
}

fn guard(rule: Rule) -> Guard {
    let denial = Denial {
        rule,
        account: "shop".into(),
        field: "spec.x".into(),
        why: "it may not".into(),
        next_step: "Ask.".into(),
    };
    Guard { denials: vec![denial], settling: Vec::new() }
}

fn change(path: &str) -> Change {
    Change { path: path.into(), from: None, to: Some("x".into()), effect: Effect::InPlace }
}

fn is_refused(action: &Action) -> bool {
    matches!(action, Action::Refuse { reason: REASON, .. })
}

const RULES: [Rule; 6] = [
    Rule::OwnIdentities,
    Rule::AllowedKinds,
    Rule::Adoption,
    Rule::PassableRoles,
    Rule::RequiredPermissionsBoundary,
    Rule::RoleNamePattern,
];

fn writes() -> Vec<Action> {
    vec![
        Action::WriteIntent { incarnation: 1 },
        Action::Create,
        Action::Adopt,
        Action::BeginRestart,
        Action::Update(vec![change("description")]),
    ]
}

#[test]
fn nothing_is_written_that_a_rule_denies_and_the_object_is_told() {
    for rule in RULES {
        for action in writes().into_iter().chain([Action::Nothing]) {
            let said = guard(rule).permit(action.clone(), &facts(false, false));
            assert!(is_refused(&said), "{rule:?} {action:?} {said:?}");
        }
    }
    for action in writes() {
        assert_eq!(Guard::default().permit(action.clone(), &facts(false, false)), action);
    }
}

#[test]
fn what_was_taken_over_before_stays_the_objects_own() {
    let update = Action::Update(vec![change("tags.a")]);
    assert_eq!(guard(Rule::Adoption).permit(update.clone(), &facts(false, true)), update);
    assert_eq!(guard(Rule::Adoption).permit(Action::Nothing, &facts(false, true)), Action::Nothing);
    assert!(is_refused(&guard(Rule::Adoption).permit(Action::Adopt, &facts(false, true))));
}

#[test]
fn what_exists_can_be_deleted_but_for_the_controllers_own_roles_whose_objects_can_be_let_go() {
    for rule in RULES {
        let refused = is_refused(&guard(rule).permit(Action::Delete, &facts(true, true)));
        assert_eq!(refused, rule == Rule::OwnIdentities, "{rule:?}");
        for parting in [Parting::Retained, Parting::NotOurs, Parting::NothingMade, Parting::Deleted] {
            let action = Action::RemoveFinalizer(parting);
            assert_eq!(guard(rule).permit(action.clone(), &facts(true, true)), action);
        }
    }
}

#[test]
fn a_role_is_given_only_once_the_object_that_it_comes_from_has_shown_it_to_be_its_own() {
    let guard = Guard { denials: Vec::new(), settling: vec![("roleArn", "role".into())] };
    let waits =
        |action| matches!(guard.permit(action, &facts(false, true)), Action::Wait { reason: "DependencyNotReady", .. });
    assert!(waits(Action::Create));
    assert!(waits(Action::Update(vec![change("tags.a"), change("roleArn")])));
    assert!(!waits(Action::Update(vec![change("tags.a")])), "the resource has its role already");
    assert!(!waits(Action::Nothing));
}
