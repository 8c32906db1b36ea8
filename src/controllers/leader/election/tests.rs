use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn today() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn candidate(name: &str) -> Election {
    Election::of(name.into(), 15 * SECOND)
}

/// A lease of `holder`, renewed at this second of the holder's own clock.
fn lease(holder: &str, renewed: i64, transitions: i32) -> LeaseSpec {
    let time = Some(MicroTime(Timestamp::from_second(renewed).unwrap()));
    LeaseSpec {
        holder_identity: Some(holder.into()),
        lease_duration_seconds: Some(15),
        acquire_time: time.clone(),
        renew_time: time,
        lease_transitions: Some(transitions),
        ..LeaseSpec::default()
    }
}

fn written(step: Step) -> LeaseSpec {
    match step {
        Step::Write(record) => record,
        Step::StandBy { holder } => panic!("{holder} holds it"),
    }
}

fn stands_by(step: &Step) -> bool {
    matches!(step, Step::StandBy { .. })
}

#[test]
fn a_lease_that_nobody_ever_held_is_taken_at_once() {
    let record = written(candidate("us").look(None, Instant::now(), today()));
    assert_eq!(record.holder_identity.as_deref(), Some("us"));
    assert_eq!((record.lease_duration_seconds, record.lease_transitions), (Some(15), Some(0)));
    assert_eq!(record.acquire_time, record.renew_time);
}

#[test]
fn a_lease_that_was_let_go_is_taken_at_once_and_counts_one_more_leader() {
    let before = released(&lease("them", 5, 4), today());
    let record = written(candidate("us").look(Some(&before), Instant::now(), today()));
    assert_eq!(record.lease_transitions, Some(5));
    assert_eq!(record.lease_duration_seconds, Some(15));
}

#[test]
fn a_lease_of_somebody_else_is_left_until_it_has_not_changed_for_its_duration_on_our_clock() {
    let (mut us, now) = (candidate("us"), Instant::now());
    let theirs = lease("them", 5, 4);
    assert!(stands_by(&us.look(Some(&theirs), now, today())));
    assert!(stands_by(&us.look(Some(&theirs), now + 14 * SECOND, today())));
    assert_eq!(written(us.look(Some(&theirs), now + 15 * SECOND, today())).lease_transitions, Some(5));
}

#[test]
fn what_the_other_clock_says_does_not_matter() {
    let now = Instant::now();
    for renewed in [0, 1_800_000_000, 4_000_000_000] {
        assert!(stands_by(&candidate("us").look(Some(&lease("them", renewed, 0)), now, today())));
    }
}

#[test]
fn every_change_of_the_lease_begins_its_duration_anew() {
    let (mut us, now) = (candidate("us"), Instant::now());
    us.look(Some(&lease("them", 5, 4)), now, today());
    assert!(stands_by(&us.look(Some(&lease("them", 6, 4)), now + 14 * SECOND, today())));
    assert!(stands_by(&us.look(Some(&lease("them", 6, 4)), now + 28 * SECOND, today())));
    assert!(!stands_by(&us.look(Some(&lease("them", 6, 4)), now + 29 * SECOND, today())));
}

#[test]
fn the_duration_that_counts_is_the_one_that_the_holder_wrote() {
    let (mut us, now) = (candidate("us"), Instant::now());
    let theirs = LeaseSpec { lease_duration_seconds: Some(60), ..lease("them", 5, 4) };
    us.look(Some(&theirs), now, today());
    assert!(stands_by(&us.look(Some(&theirs), now + 59 * SECOND, today())));
    assert!(!stands_by(&us.look(Some(&theirs), now + 60 * SECOND, today())));
}

#[test]
fn a_lease_without_a_sensible_duration_has_ours() {
    for seconds in [None, Some(0), Some(-7)] {
        let (mut us, now) = (candidate("us"), Instant::now());
        let theirs = LeaseSpec { lease_duration_seconds: seconds, ..lease("them", 5, 4) };
        us.look(Some(&theirs), now, today());
        assert!(stands_by(&us.look(Some(&theirs), now + 14 * SECOND, today())));
        assert!(!stands_by(&us.look(Some(&theirs), now + 15 * SECOND, today())));
    }
}

#[test]
fn our_own_lease_is_renewed_and_its_count_and_beginning_stay() {
    let record = written(candidate("us").look(Some(&lease("us", 5, 4)), Instant::now(), today()));
    assert_eq!(record.lease_transitions, Some(4));
    assert_eq!(record.acquire_time, lease("us", 5, 4).acquire_time);
    assert_eq!(record.renew_time, Some(MicroTime(today())));
}

#[test]
fn a_lease_that_somebody_deleted_is_not_taken_before_its_holder_must_have_stopped() {
    let (mut us, now) = (candidate("us"), Instant::now());
    us.look(Some(&lease("them", 5, 4)), now, today());
    assert!(stands_by(&us.look(None, now + 14 * SECOND, today())));
    assert!(stands_by(&us.look(None, now + 28 * SECOND, today())));
    assert_eq!(written(us.look(None, now + 29 * SECOND, today())).lease_transitions, Some(5));
    // The holder has noticed and made it anew.
    let mut us = candidate("us");
    us.look(Some(&lease("them", 5, 4)), now, today());
    us.look(None, now + SECOND, today());
    assert!(stands_by(&us.look(Some(&lease("them", 5, 4)), now + 17 * SECOND, today())));
}

#[test]
fn our_own_lease_that_somebody_deleted_is_made_again_at_once() {
    let (mut us, now) = (candidate("us"), Instant::now());
    us.look(Some(&lease("us", 5, 4)), now, today());
    assert_eq!(written(us.look(None, now + SECOND, today())).lease_transitions, Some(4));
}

#[test]
fn a_duration_is_written_in_whole_seconds_and_never_shorter() {
    assert_eq!(whole_seconds(Duration::from_millis(14_001)), 15);
    assert_eq!(whole_seconds(15 * SECOND), 15);
}

#[test]
fn what_a_lease_has_left_counts_from_when_its_last_change_was_seen() {
    let (mut us, now) = (candidate("us"), Instant::now());
    assert_eq!(us.left(now), None);
    us.look(Some(&lease("them", 5, 4)), now, today());
    assert_eq!(us.left(now + 4 * SECOND), Some(11 * SECOND));
    us.look(Some(&lease("them", 7, 4)), now + 6 * SECOND, today());
    assert_eq!(us.left(now + 6 * SECOND), Some(15 * SECOND));
    assert_eq!(us.left(now + 60 * SECOND), Some(Duration::ZERO));
    us.look(Some(&released(&lease("them", 7, 4), today())), now + 8 * SECOND, today());
    assert_eq!(us.left(now + 8 * SECOND), Some(SECOND), "a lease that was let go is promised for no longer");
}
