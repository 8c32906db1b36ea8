use super::*;
use crate::agents::autonomy::Approval;
use crate::api::resource::RestartPolicy;
use crate::api::service_agent::DecisionGround;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn intent(incarnation: i32) -> Intent {
    Intent {
        incarnation,
        token: "t".into(),
        request_hash: "h".into(),
        account_id: "111122223333".into(),
        region: "us-east-1".into(),
        recorded_at: "2026-11-24T00:00:00Z".into(),
        lease_transitions: None,
        without_effect: false,
    }
}

/// An object that was reconciled before and whose resource is there.
pub(super) fn known() -> Facts {
    Facts {
        now: at(1000),
        deleting: false,
        finalizer: true,
        policies: Policies { create: true, update: true, delete: true, adoption: None, restart: None },
        mandate: Mandate { level: 5, ..Mandate::default() },
        intent: Some(intent(1)),
        intent_is_fresh: false,
        current: true,
        recorded_id: Some("i-1".into()),
        named: false,
        request_hash: "h".into(),
        restarting: false,
        visibility_lag: Duration::from_secs(30),
        missed_for: None,
        poll_period: Duration::from_secs(5),
        drift_period: Duration::from_secs(600),
        dependants: Vec::new(),
        postponed: Vec::new(),
        usually: Usually { create_seconds: 600, delete_seconds: 60 },
        fruitless_updates: 0,
    }
}

/// The same before anything was made.
fn intended() -> Facts {
    Facts { recorded_id: None, ..known() }
}

fn seen(state: ResourceState, changes: &[(&str, Effect)]) -> Seen {
    let change =
        |(path, effect): &(&str, Effect)| Change { path: (*path).into(), from: None, to: None, effect: *effect };
    Seen {
        id: "i-1".into(),
        state,
        detail: None,
        stopped_by_failure: false,
        changes: changes.iter().map(change).collect(),
    }
}

fn active(changes: &[(&str, Effect)]) -> Sight {
    Sight::Ours(seen(ResourceState::Active, changes))
}

fn reason(action: Action) -> &'static str {
    match action {
        Action::Refuse { reason, .. } | Action::Wait { reason, .. } | Action::Recommend { reason, .. } => reason,
        other => panic!("neither refused nor waiting: {other:?}"),
    }
}

#[test]
fn a_new_object_writes_its_intent_before_anything_else() {
    let facts = Facts { finalizer: false, intent: None, recorded_id: None, ..known() };
    assert_eq!(without_looking(&facts), Some(Action::WriteIntent { incarnation: 1 }));
}

#[test]
fn a_lost_finalizer_is_put_back_under_the_same_incarnation() {
    let facts = Facts { finalizer: false, intent: Some(intent(4)), ..known() };
    assert_eq!(without_looking(&facts), Some(Action::WriteIntent { incarnation: 4 }));
}

#[test]
fn a_fresh_intent_creates_at_once() {
    let facts = Facts { intent_is_fresh: true, ..intended() };
    assert_eq!(decide(&facts, &Sight::Absent), Action::Create);
}

#[test]
fn an_old_intent_without_an_id_looks_twice_before_it_creates_with_the_same_token() {
    assert_eq!(reason(decide(&intended(), &Sight::Absent)), "ConfirmingAbsence");
    let soon = Facts { missed_for: Some(Duration::from_secs(10)), ..intended() };
    let Action::Wait { after, .. } = decide(&soon, &Sight::Absent) else { panic!("no wait") };
    assert_eq!(after, Duration::from_secs(20));
    let later = Facts { missed_for: Some(Duration::from_secs(30)), ..intended() };
    assert_eq!(decide(&later, &Sight::Absent), Action::Create);
}

#[test]
fn an_absence_that_this_very_pass_saw_first_is_no_second_look() {
    let facts = Facts { missed_for: Some(Duration::ZERO), ..intended() };
    let Action::Wait { after, .. } = decide(&facts, &Sight::Absent) else { panic!("no wait") };
    assert_eq!(after, Duration::from_secs(30));
}

#[test]
fn a_life_in_which_nothing_was_made_says_nothing_of_the_parts_of_an_earlier_one() {
    let first = Facts { deleting: true, intent_is_fresh: true, ..intended() };
    assert_eq!(without_account(&first), Some(Action::RemoveFinalizer(Parting::NothingMade)));
    let policies = Policies { delete: true, ..first.policies.clone() };
    let second = Facts { intent: Some(intent(2)), policies, ..first };
    assert_eq!(without_account(&second), None, "AWS is looked at first");
}

#[test]
fn that_nothing_was_made_is_taken_back_before_anything_is_sent() {
    let refused = Some(Intent { without_effect: true, ..intent(1) });
    let proven = Facts { intent: refused, intent_is_fresh: true, current: false, ..intended() };
    assert_eq!(decide(&proven, &Sight::Absent), Action::ExpectEffect);
    let policies = Policies { adoption: Some(AdoptionPolicy::Adopt), ..proven.policies.clone() };
    let adopting = Facts { policies, ..proven };
    assert_eq!(decide(&adopting, &Sight::Unowned(seen(ResourceState::Active, &[]))), Action::ExpectEffect);
}

#[test]
fn nothing_becomes_ours_for_an_object_that_only_the_cache_has() {
    let cached = Facts { current: false, visibility_lag: Duration::ZERO, ..intended() };
    assert_eq!(decide(&cached, &Sight::Absent), Action::Reread);
    let policies = Policies { adoption: Some(AdoptionPolicy::Adopt), ..cached.policies.clone() };
    let adopting = Facts { policies, ..cached };
    assert_eq!(decide(&adopting, &Sight::Unowned(seen(ResourceState::Active, &[]))), Action::Reread);
}

#[test]
fn an_edit_before_the_create_call_rewrites_the_intent_under_the_same_token() {
    let facts = Facts { request_hash: "other".into(), visibility_lag: Duration::ZERO, ..intended() };
    assert_eq!(decide(&facts, &Sight::Absent), Action::WriteIntent { incarnation: 1 });
}

#[test]
fn a_resource_found_by_its_token_is_recorded_not_made_again() {
    assert_eq!(decide(&intended(), &active(&[])), Action::Record("i-1".into()));
}

#[test]
fn a_resource_that_vanished_begins_a_new_life() {
    let facts = Facts { missed_for: Some(Duration::from_secs(100)), ..known() };
    assert_eq!(decide(&facts, &Sight::Absent), Action::WriteIntent { incarnation: 2 });
    let terminated = Sight::Ours(seen(ResourceState::Deleted, &[]));
    assert_eq!(decide(&known(), &terminated), Action::WriteIntent { incarnation: 2 });
}

#[test]
fn what_matches_is_left_alone() {
    assert_eq!(decide(&known(), &active(&[])), Action::Nothing);
}

#[test]
fn changes_in_place_are_carried_out() {
    let action = decide(&known(), &active(&[("versioning", Effect::InPlace)]));
    assert!(matches!(action, Action::Update(changes) if changes.len() == 1));
}

#[test]
fn a_restart_needs_permission_and_is_written_down_first() {
    let sight = active(&[("instanceType", Effect::Restart)]);
    assert_eq!(reason(decide(&known(), &sight)), "RestartNotAllowed");
    let mut facts = known();
    facts.policies.restart = Some(RestartPolicy::Allow);
    assert_eq!(decide(&facts, &sight), Action::BeginRestart);
    facts.restarting = true;
    assert!(matches!(decide(&facts, &sight), Action::Update(_)));
}

#[test]
fn a_resource_the_controller_stopped_is_started_again_and_one_somebody_else_stopped_is_not() {
    let stopped = Sight::Ours(seen(ResourceState::Stopped, &[]));
    assert_eq!(decide(&known(), &stopped), Action::Nothing);
    let facts = Facts { restarting: true, ..known() };
    assert_eq!(decide(&facts, &stopped), Action::Update(vec![start()]));
    assert_eq!(decide(&facts, &active(&[])), Action::EndRestart);
}

#[test]
fn a_replacement_is_refused_by_name_after_the_rest_was_carried_out() {
    let both = active(&[("imageId", Effect::Replace), ("tags.team", Effect::InPlace)]);
    assert!(matches!(decide(&known(), &both), Action::Update(changes) if changes[0].path == "tags.team"));
    let Action::Refuse { reason, message } = decide(&known(), &active(&[("imageId", Effect::Replace)])) else {
        panic!("not refused")
    };
    assert_eq!(reason, "ReplaceRefused");
    assert!(message.contains("imageId"));
}

#[test]
fn the_same_update_without_effect_is_not_written_for_ever() {
    let facts = Facts { fruitless_updates: FRUITLESS_LIMIT, ..known() };
    assert_eq!(reason(decide(&facts, &active(&[("policy", Effect::InPlace)]))), "UpdateLoop");
}

#[test]
fn observe_only_never_writes() {
    let policies = Policies { create: false, update: false, delete: false, adoption: None, restart: None };
    let facts = Facts { policies, finalizer: false, intent: None, recorded_id: None, ..known() };
    assert_eq!(without_looking(&facts), None);
    for sight in [active(&[("versioning", Effect::InPlace)]), Sight::Unowned(seen(ResourceState::Active, &[]))] {
        assert_eq!(decide(&facts, &sight), Action::Nothing);
    }
    assert_eq!(reason(decide(&facts, &Sight::Absent)), "ResourceMissing");
}

#[test]
fn a_resource_of_nobody_is_taken_over_only_with_consent() {
    let sight = Sight::Unowned(seen(ResourceState::Active, &[]));
    assert_eq!(reason(decide(&intended(), &sight)), "ManagementConflict");
    let mut facts = intended();
    facts.policies.adoption = Some(AdoptionPolicy::Adopt);
    assert_eq!(decide(&facts, &sight), Action::Adopt);
}

#[test]
fn a_resource_of_somebody_else_is_never_taken_over() {
    let mut facts = intended();
    facts.policies.adoption = Some(AdoptionPolicy::AdoptOrCreate);
    assert_eq!(reason(decide(&facts, &Sight::Foreign("AwsResource a/b".into()))), "ManagementConflict");
}

#[test]
fn adopt_waits_for_something_to_adopt_and_adopt_or_create_makes_it() {
    let mut facts = Facts { intent_is_fresh: true, ..intended() };
    facts.policies.adoption = Some(AdoptionPolicy::Adopt);
    assert_eq!(reason(decide(&facts, &Sight::Absent)), "ResourceMissing");
    facts.policies.adoption = Some(AdoptionPolicy::AdoptOrCreate);
    assert_eq!(decide(&facts, &Sight::Absent), Action::Create);
}

#[test]
fn deletion_is_confirmed_by_reading_before_the_finalizer_goes() {
    let facts = Facts { deleting: true, ..known() };
    assert_eq!(decide(&facts, &active(&[])), Action::Delete);
    assert_eq!(reason(decide(&facts, &Sight::Ours(seen(ResourceState::Deleting, &[])))), "Deleting");
    assert_eq!(reason(decide(&facts, &Sight::Absent)), "ConfirmingDeletion");
    let gone = Sight::Ours(seen(ResourceState::Deleted, &[]));
    assert_eq!(decide(&facts, &gone), Action::RemoveFinalizer(Parting::Deleted));
}

#[test]
fn deletion_never_touches_what_is_not_ours() {
    let facts = Facts { deleting: true, ..known() };
    for sight in [Sight::Predecessor(seen(ResourceState::Active, &[])), Sight::Foreign("x".into())] {
        assert_eq!(decide(&facts, &sight), Action::RemoveFinalizer(Parting::NotOurs));
    }
}

#[test]
fn what_seems_to_be_nobodys_is_let_go_after_a_second_look_because_tags_may_come_late() {
    let facts = Facts { deleting: true, ..known() };
    let sight = Sight::Unowned(seen(ResourceState::Active, &[]));
    assert_eq!(reason(decide(&facts, &sight)), "ConfirmingOwner");
    let later = Facts { missed_for: Some(Duration::from_secs(30)), ..facts.clone() };
    assert_eq!(decide(&later, &sight), Action::RemoveFinalizer(Parting::NotOurs));
    let at_once = Facts { visibility_lag: Duration::ZERO, ..facts };
    assert_eq!(decide(&at_once, &sight), Action::RemoveFinalizer(Parting::NotOurs));
}

#[test]
fn retain_and_nothing_made_need_no_account() {
    let mut facts = Facts { deleting: true, ..known() };
    facts.policies.delete = false;
    assert_eq!(without_account(&facts), Some(Action::RemoveFinalizer(Parting::Retained)));
    let facts = Facts { deleting: true, intent: None, recorded_id: None, ..known() };
    assert_eq!(without_account(&facts), Some(Action::RemoveFinalizer(Parting::NothingMade)));
}

#[test]
fn two_resources_for_one_object_are_reported_not_touched() {
    let sight = Sight::Ambiguous(vec!["i-1".into(), "i-2".into()]);
    assert_eq!(reason(decide(&known(), &sight)), "AmbiguousResource");
    assert_eq!(reason(decide(&Facts { deleting: true, ..known() }, &sight)), "AmbiguousResource");
}

#[test]
fn an_object_that_others_refer_to_stays_also_where_its_resource_would_be_retained() {
    let mut facts = Facts { deleting: true, dependants: vec!["api".into()], ..known() };
    assert_eq!(reason(without_account(&facts).unwrap()), "InUse");
    facts.policies.delete = false;
    assert_eq!(reason(decide(&facts, &active(&[]))), "InUse");
}

#[test]
fn a_resource_that_lacks_what_comes_later_is_not_ready_yet() {
    let facts = Facts { postponed: vec!["It waits for db.".into()], ..known() };
    assert_eq!(reason(decide(&facts, &active(&[]))), "DependencyNotReady");
}

#[test]
fn who_waits_is_told_since_when_and_how_long_it_usually_takes() {
    let told = |facts: &Facts, state| match decide(facts, &Sight::Ours(seen(state, &[]))) {
        Action::Wait { why, .. } => why,
        other => panic!("not waiting: {other:?}"),
    };
    let making = told(&known(), ResourceState::Creating);
    assert!(making.contains("since 2026-11-24T00:00:00Z; that usually takes about 10 minutes"), "{making}");
    let going = told(&Facts { deleting: true, ..known() }, ResourceState::Deleting);
    assert!(going.contains("usually takes about a minute"), "{going}");
}

/// A level that permits nothing without asking, and what a person has approved of what `asked` for.
fn approved(asked: &Action) -> Mandate {
    let Action::Recommend { decision, .. } = asked else { panic!("nothing is recommended: {asked:?}") };
    let since = "2026-11-24T00:00:00Z".to_owned();
    let approval = Some(Approval { id: decision.id(&since), since });
    Mandate { approval, ..Mandate::default() }
}

#[test]
fn what_is_gone_is_made_again_only_if_the_level_permits_it_or_a_person_approves() {
    let gone = Sight::Ours(seen(ResourceState::Deleted, &[]));
    assert_eq!(decide(&known(), &gone), Action::WriteIntent { incarnation: 2 });
    let bound = Facts { mandate: Mandate { level: 3, ..Mandate::default() }, ..known() };
    let asked = decide(&bound, &gone);
    let by_approval = Facts { mandate: approved(&asked), ..known() };
    assert_eq!(decide(&by_approval, &gone), Action::WriteIntent { incarnation: 2 });
    let absent = Facts { missed_for: Some(Duration::from_secs(100)), ..by_approval.clone() };
    assert_eq!(decide(&absent, &Sight::Absent), Action::WriteIntent { incarnation: 2 });
    let next = Facts { intent: Some(intent(2)), ..by_approval };
    assert!(matches!(decide(&next, &gone), Action::Recommend { .. }), "an approval is for one life");
}

#[test]
fn a_restart_is_approved_for_the_very_changes_that_were_shown() {
    let restart = active(&[("instanceType", Effect::Restart)]);
    let asked = decide(&known(), &restart);
    let facts = Facts { mandate: approved(&asked), ..known() };
    assert_eq!(decide(&facts, &restart), Action::BeginRestart);
    let other = active(&[("instanceType", Effect::Restart), ("engineVersion", Effect::Restart)]);
    assert!(matches!(decide(&facts, &other), Action::Recommend { .. }));
}

#[test]
fn restart_policy_is_the_authors_word_and_comes_before_level_and_approval() {
    let restart = active(&[("instanceType", Effect::Restart)]);
    let free = Facts { mandate: Mandate { level: 10, ..Mandate::default() }, ..known() };
    assert_eq!(decide(&free, &restart), Action::BeginRestart);
    let mut never = Facts { ..free };
    never.policies.restart = Some(RestartPolicy::Never);
    assert_eq!(reason(decide(&never, &restart)), "RestartNotAllowed");
    let mut allowed = Facts { mandate: Mandate::default(), ..known() };
    allowed.policies.restart = Some(RestartPolicy::Allow);
    assert_eq!(decide(&allowed, &restart), Action::BeginRestart);
}

#[test]
fn what_stands_still_for_a_change_takes_further_ones_along_and_runs_again_before_anybody_is_asked() {
    let facts = Facts { restarting: true, ..known() };
    let stopped = Sight::Ours(seen(ResourceState::Stopped, &[("instanceType", Effect::Restart)]));
    assert!(matches!(decide(&facts, &stopped), Action::Update(_)));
    let replaced = Sight::Ours(seen(ResourceState::Stopped, &[("imageId", Effect::Replace)]));
    assert_eq!(decide(&facts, &replaced), Action::Update(vec![start()]));
    assert_eq!(decide(&facts, &active(&[("instanceType", Effect::Restart)])), Action::EndRestart);
}

#[test]
fn what_aws_stopped_is_started_and_what_a_person_stopped_is_not() {
    let stopped = |failed| Sight::Ours(Seen { stopped_by_failure: failed, ..seen(ResourceState::Stopped, &[]) });
    assert_eq!(decide(&known(), &stopped(true)), Action::Start(DecisionGround::Autonomy));
    assert_eq!(decide(&known(), &stopped(false)), Action::Nothing);
    let bound = Facts { mandate: Mandate { level: 1, ..Mandate::default() }, ..known() };
    let asked = decide(&bound, &stopped(true));
    let facts = Facts { mandate: approved(&asked), ..known() };
    assert_eq!(decide(&facts, &stopped(true)), Action::Start(DecisionGround::Approval));
    let in_vain = Facts { fruitless_updates: FRUITLESS_LIMIT, ..known() };
    assert_eq!(reason(decide(&in_vain, &stopped(true))), "UpdateLoop");
}

#[test]
fn an_object_for_which_nothing_was_made_goes_without_a_look() {
    let facts = Facts { deleting: true, intent_is_fresh: true, ..intended() };
    let released = Some(Action::RemoveFinalizer(Parting::NothingMade));
    assert_eq!(without_account(&facts), released);
    let retained = Policies { delete: false, ..facts.policies };
    assert_eq!(without_account(&Facts { policies: retained, ..facts.clone() }), released, "nothing stays");
    let perhaps = Facts { intent_is_fresh: false, ..facts.clone() };
    assert_eq!(without_account(&perhaps), None, "a call may have made it");
    let recorded = Facts { recorded_id: Some("i-1".into()), ..facts };
    assert_eq!(without_account(&recorded), None, "it was seen");
}

#[test]
fn what_is_ours_against_the_record_is_recorded_before_anything_else() {
    let seen = seen(ResourceState::Active, &[]);
    let facts = Facts { named: true, intent_is_fresh: true, ..intended() };
    assert_eq!(decide(&facts, &Sight::Ours(seen.clone())), Action::Record(seen.id.clone()));
    let facts = Facts { intent_is_fresh: false, ..facts };
    assert_eq!(decide(&facts, &Sight::Ours(seen)), Action::Nothing);
}
