use super::*;
use crate::kinds::s3_bucket::S3Bucket;
use serde_json::json;
use std::time::Duration;

fn change(path: &str, effect: Effect) -> Change {
    Change { path: path.into(), from: None, to: Some("1".into()), effect }
}

fn plan(action: Action, changes: Vec<Change>) -> Plan {
    Plan { changes, ..Plan::without_looking(action, None) }
}

#[test]
fn a_change_that_interrupts_makes_an_update_a_restart() {
    let (quiet, loud) = (change("a", Effect::InPlace), change("b", Effect::Restart));
    assert_eq!(plan(Action::Update(vec![quiet.clone()]), Vec::new()).step(), Step::Update);
    assert_eq!(plan(Action::Update(vec![quiet, loud]), Vec::new()).step(), Step::Restart);
}

#[test]
fn only_what_is_in_an_update_is_carried_out() {
    let (may, may_not) = (change("a", Effect::InPlace), change("b", Effect::Replace));
    let update = plan(Action::Update(vec![may.clone()]), vec![may.clone(), may_not.clone()]);
    assert!(update.carries_out(&may) && !update.carries_out(&may_not));
    assert!(plan(Action::Create, Vec::new()).carries_out(&may));
    assert!(!plan(Action::Nothing, vec![may.clone()]).carries_out(&may));
}

#[test]
fn what_is_refused_or_waited_for_differs_and_what_is_let_go_of_does_not() {
    let wait = Action::Wait { after: Duration::ZERO, reason: "Creating", why: "AWS is making it.".into() };
    assert!(plan(wait, Vec::new()).differs());
    let refuse = Action::Refuse { reason: "ReplaceRefused", message: "No.".into() };
    assert_eq!(plan(refuse.clone(), Vec::new()).step(), Step::Replace);
    assert!(plan(refuse, Vec::new()).differs());
    assert!(!plan(Action::Nothing, Vec::new()).differs());
    assert!(!plan(Action::RemoveFinalizer(Parting::Retained), Vec::new()).differs());
}

#[test]
fn drift_that_may_not_be_touched_differs_although_nothing_is_done() {
    let drift = plan(Action::Nothing, vec![change("a", Effect::InPlace)]);
    assert_eq!((drift.step(), drift.differs()), (Step::Nothing, true));
}

#[test]
fn all_that_a_spec_says_is_what_is_made() {
    let spec = serde_json::from_value(json!({"bucketName": "b", "versioning": "Enabled"})).unwrap();
    let all = everything::<S3Bucket>(&spec, &Tags::from([("team".into(), "web".into())]));
    let told: Vec<(&str, Option<&str>)> =
        all.iter().map(|change| (change.path.as_str(), change.to.as_deref())).collect();
    assert_eq!(told, [("bucketName", Some("b")), ("versioning", Some("Enabled")), ("tags.team", Some("web"))]);
}

#[test]
fn what_cannot_be_known_of_secrets_is_noted_and_a_missing_one_is_waited_for() {
    let missing = crate::lifecycle::secrets::SecretError {
        field: "rdsInstance.passwordRef".into(),
        problem: SecretProblem::Missing("login".into()),
    };
    let mut unknown = Unknown { waits_for: Vec::new(), notes: Vec::new() };
    assert_eq!(unknown.without_secrets(PassError::Secret(missing)).unwrap(), Vec::new());
    assert_eq!(unknown.waits_for, ["Secret login"]);
    assert!(unknown.notes[0].contains("there is no Secret login"), "{:?}", unknown.notes);
    assert!(unknown.without_secrets(PassError::NoKind).is_err(), "other errors are errors");
}
