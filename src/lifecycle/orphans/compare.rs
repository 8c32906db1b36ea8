//! Which of the resources that carry the cluster's tags belong to no object. Pure.

use crate::aws::tags::{NAME, NAMESPACE, UID};
use crate::kinds::KindName;
use crate::kinds::owned::Owned;
use k8s_openapi::jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A resource that carries the cluster's tags, and where it was seen.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// The name of the AwsAccount.
    pub account: String,
    /// The account's twelve digits.
    pub account_id: String,
    /// The region; `None` for what the account has as a whole.
    pub region: Option<String>,
    /// The kind that the resource is of or a part of.
    pub kind: KindName,
    /// The resource.
    pub owned: Owned,
}

/// The objects of the cluster.
#[derive(Clone, Debug, Default)]
pub struct Live {
    uids: BTreeSet<String>,
    names: BTreeSet<(String, String)>,
}

impl Live {
    /// Adds an object by its namespace, name and UID.
    pub fn add(&mut self, namespace: String, name: String, uid: String) {
        self.names.insert((namespace, name));
        self.uids.insert(uid);
    }
}

/// A resource that belongs to no object.
#[derive(Clone, Debug)]
pub struct Orphan {
    /// The resource.
    pub sighting: Sighting,
    /// What is known of the object that it was made for.
    pub why: Why,
}

/// What is known of the object that a resource was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Why {
    /// It is gone.
    ObjectGone,
    /// It is gone, and what was made for it stays by default where an object is deleted. The tags do not
    /// tell whether this one was meant to.
    PerhapsRetained,
    /// It is gone, and there is another one of its name.
    ObjectReplaced,
    /// The tags do not name it.
    NoUid,
}

impl Why {
    /// The reason in words.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::ObjectGone => "its object is gone",
            Self::PerhapsRetained => "its object is gone; it is of a type that is retained by default",
            Self::ObjectReplaced => "its object is gone; another one has its name",
            Self::NoUid => "its tags name no object",
        }
    }
}

/// What a comparison leaves.
#[derive(Clone, Debug, Default)]
pub struct Judged {
    /// What belongs to no object, in the order of account, region, type and id.
    pub orphans: Vec<Orphan>,
    /// How many more there are that are too young to be judged.
    pub young: usize,
}

/// Compares what was seen in AWS with the objects that were there after that. A resource that was seen
/// in two AwsAccounts of one AWS account counts once.
pub fn judge(sightings: Vec<Sighting>, live: &Live, now: Timestamp, min_age: Duration) -> Judged {
    let mut judged = Judged::default();
    let by_arn: BTreeMap<_, _> = sightings
        .into_iter()
        .map(|sighting| ((sighting.account_id.clone(), sighting.owned.arn.clone()), sighting))
        .collect();
    for sighting in by_arn.into_values() {
        let Some(why) = why(&sighting.owned, live) else { continue };
        if is_young(sighting.owned.since, now, min_age) {
            judged.young += 1;
        } else {
            judged.orphans.push(Orphan { sighting, why });
        }
    }
    judged.orphans.sort_by(|one, other| order(&one.sighting).cmp(&order(&other.sighting)));
    judged
}

/// What of a second look the first look showed too: the same resource, made for the same object.
pub fn confirmed(first: &[Orphan], again: Vec<Orphan>) -> Vec<Orphan> {
    let seen: BTreeSet<_> = first.iter().map(identity).collect();
    again.into_iter().filter(|orphan| seen.contains(&identity(orphan))).collect()
}

/// Why the resource belongs to no object; `None` where it belongs to one.
fn why(owned: &Owned, live: &Live) -> Option<Why> {
    let tag = |key: &str| owned.tags.get(key).filter(|value| !value.is_empty());
    let Some(uid) = tag(UID) else { return Some(Why::NoUid) };
    if live.uids.contains(uid) {
        return None;
    }
    let name = tag(NAMESPACE).cloned().zip(tag(NAME).cloned());
    Some(match name.is_some_and(|name| live.names.contains(&name)) {
        true => Why::ObjectReplaced,
        false if owned.kept_by_default => Why::PerhapsRetained,
        false => Why::ObjectGone,
    })
}

/// A time in the future is young too. Where AWS does not tell, two looks have to do.
fn is_young(since: Option<Timestamp>, now: Timestamp, min_age: Duration) -> bool {
    since.is_some_and(|since| {
        Duration::try_from(now.duration_since(since)).is_ok_and(|age| age < min_age) || since > now
    })
}

fn order(sighting: &Sighting) -> (&str, Option<&str>, &str, &str) {
    (&sighting.account, sighting.region.as_deref(), sighting.owned.type_, &sighting.owned.id)
}

fn identity(orphan: &Orphan) -> (&str, &str, Option<&String>) {
    let Sighting { account_id, owned, .. } = &orphan.sighting;
    (account_id, &owned.arn, owned.tags.get(UID))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::tags::{CLUSTER, Tags};

    const MINUTE: Duration = Duration::from_secs(60);

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    fn seen(id: &str, tags: &[(&str, &str)]) -> Sighting {
        let cluster = [(CLUSTER, "c-1")];
        let tags: Tags = cluster.iter().chain(tags).map(|(key, value)| ((*key).into(), (*value).into())).collect();
        Sighting {
            account: "shop".into(),
            account_id: "111122223333".into(),
            region: Some("us-east-1".into()),
            kind: KindName::VpcNetwork,
            owned: Owned {
                type_: "AWS::EC2::VPC",
                id: id.into(),
                arn: format!("arn:{id}"),
                tags,
                since: None,
                kept_by_default: false,
            },
        }
    }

    fn made_for<'a>(uid: &'a str, name: &'a str) -> Vec<(&'a str, &'a str)> {
        vec![(UID, uid), (NAMESPACE, "shop"), (NAME, name)]
    }

    fn aged(id: &str, seconds: i64) -> Sighting {
        let mut sighting = seen(id, &made_for("u-1", "net"));
        sighting.owned.since = Timestamp::from_second(now().as_second() - seconds).ok();
        sighting
    }

    fn objects(all: &[(&str, &str)]) -> Live {
        let mut live = Live::default();
        all.iter().for_each(|(name, uid)| live.add("shop".into(), (*name).into(), (*uid).into()));
        live
    }

    fn reasons(sightings: Vec<Sighting>, live: &Live) -> Vec<(String, Why)> {
        let judged = judge(sightings, live, now(), MINUTE);
        judged.orphans.into_iter().map(|orphan| (orphan.sighting.owned.id, orphan.why)).collect()
    }

    #[test]
    fn what_belongs_to_a_live_object_is_no_orphan_whatever_the_object_is_called() {
        assert_eq!(reasons(vec![seen("vpc-1", &made_for("u-1", "old-name"))], &objects(&[("net", "u-1")])), []);
    }

    #[test]
    fn what_belongs_to_no_live_object_is_an_orphan_for_a_reason() {
        let mut retained = seen("vpc-3", &made_for("u-3", "data"));
        retained.owned.kept_by_default = true;
        let all = vec![
            seen("vpc-1", &made_for("u-1", "net")),
            seen("vpc-2", &made_for("u-2", "made-anew")),
            retained,
            seen("vpc-4", &[]),
            seen("vpc-5", &[(UID, "")]),
        ];
        let expected = [
            ("vpc-1", Why::ObjectGone),
            ("vpc-2", Why::ObjectReplaced),
            ("vpc-3", Why::PerhapsRetained),
            ("vpc-4", Why::NoUid),
            ("vpc-5", Why::NoUid),
        ];
        assert_eq!(reasons(all, &objects(&[("made-anew", "u-9")])), expected.map(|(id, why)| (id.to_owned(), why)));
    }

    #[test]
    fn what_is_young_or_of_the_future_is_counted_and_not_judged() {
        let judged = judge(vec![aged("a", 59), aged("b", 60), aged("c", -5)], &objects(&[]), now(), MINUTE);
        assert_eq!(judged.young, 2);
        assert_eq!(judged.orphans.len(), 1);
        let all = judge(vec![aged("a", 0)], &objects(&[]), now(), Duration::ZERO);
        assert_eq!((all.orphans.len(), all.young), (1, 0));
    }

    #[test]
    fn what_is_young_and_belongs_to_an_object_is_not_counted() {
        assert_eq!(judge(vec![aged("a", 1)], &objects(&[("net", "u-1")]), now(), MINUTE).young, 0);
    }

    #[test]
    fn what_two_accounts_objects_show_counts_once() {
        let mut twin = seen("vpc-1", &made_for("u-1", "net"));
        twin.account = "shop-again".into();
        assert_eq!(reasons(vec![seen("vpc-1", &made_for("u-1", "net")), twin], &objects(&[])).len(), 1);
    }

    #[test]
    fn only_what_both_looks_show_with_the_same_owner_is_confirmed() {
        let look = |all: Vec<Sighting>| judge(all, &objects(&[]), now(), MINUTE).orphans;
        let first = look(vec![seen("a", &made_for("u-1", "x")), seen("b", &made_for("u-2", "y"))]);
        let again = look(vec![
            seen("a", &made_for("u-1", "x")),
            seen("b", &made_for("u-3", "y")),
            seen("c", &made_for("u-4", "z")),
        ]);
        let left: Vec<_> = confirmed(&first, again).into_iter().map(|orphan| orphan.sighting.owned.id).collect();
        assert_eq!(left, ["a"]);
    }
}
