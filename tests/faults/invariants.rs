//! What must hold after every run, whatever went wrong in it: functions over the journal and the end
//! state. A function returns what is broken, in words.

use super::doors::Entry;
use super::inventory::{difference, normal};
use super::run::Outcome;
use super::workloads::{Step, Workload};
use kube::ResourceExt;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A run, and the run of the same workload without faults.
pub struct Evidence<'a> {
    pub workload: &'a Workload,
    pub run: &'a Outcome,
    pub faultless: &'a Outcome,
}

type Invariant = fn(&Evidence<'_>) -> Option<String>;

/// The invariants by name.
const INVARIANTS: &[(&str, Invariant)] = &[
    ("I1 nothing leaks", nothing_leaks),
    ("I2 nothing is there twice", nothing_is_there_twice),
    ("I3 nothing foreign is touched", nothing_foreign_is_touched),
    ("I4 what is as declared stays so without writes", at_rest_nothing_is_written),
    ("I5 the status is true", status_is_true),
    ("I6 work is bounded", work_is_bounded),
    ("I7 the finalizer comes first and goes last", finalizer_first_and_last),
    ("I8 only the account's own credentials are used", only_own_credentials),
    ("I9 nothing is destroyed unasked", nothing_is_destroyed_unasked),
    ("AWS ends as without faults", aws_ends_the_same),
    ("objects end as without faults", objects_end_the_same),
    ("as much is made and removed as without faults", as_much_is_made_and_removed),
];

/// All that is broken.
pub fn broken(evidence: &Evidence<'_>) -> Vec<String> {
    let checked = INVARIANTS.iter().filter_map(|(name, holds)| holds(evidence).map(|why| format!("{name}: {why}")));
    checked.collect()
}

impl Evidence<'_> {
    fn uids(&self) -> Vec<String> {
        uids(self.run)
    }

    /// The entries of the workload's steps.
    fn steps(&self) -> impl Iterator<Item = (usize, &Entry)> {
        self.run.journal.iter().enumerate().filter(|(_, entry)| entry.step != usize::MAX)
    }

    /// With several objects, what one of them does says nothing about the others.
    fn only_object(&self) -> Option<String> {
        match self.run.objects.as_slice() {
            [object] => Some(object.name_any()),
            _ => None,
        }
    }
}

fn uids(run: &Outcome) -> Vec<String> {
    run.objects.iter().filter_map(|object| object.uid()).collect()
}

/// The things of an inventory that are there, by list. AWS shows for a while what it has removed.
fn alive(holds: &Value) -> Vec<(&str, &Value)> {
    let lists = holds.as_object().into_iter().flatten();
    let things = lists
        .flat_map(|(list, things)| things.as_array().into_iter().flatten().map(move |thing| (list.as_str(), thing)));
    let ended = |thing: &Value| {
        ["terminated", "deleted"].iter().any(|end| thing["State"]["Name"] == *end || thing["State"] == *end)
    };
    things.filter(|(_, thing)| !ended(thing)).collect()
}

/// A resource is ours if it carries the UID of an object, in whatever form its service has tags.
fn is_ours(thing: &Value, uids: &[String]) -> bool {
    let text = thing.to_string();
    uids.iter().any(|uid| text.contains(uid))
}

fn nothing_leaks(evidence: &Evidence<'_>) -> Option<String> {
    let uids = evidence.uids();
    // The last snapshot of a database is meant to stay.
    let left = alive(&evidence.run.last.holds);
    let mut left = left.into_iter().filter(|(list, thing)| *list != "DBSnapshots" && is_ours(thing, &uids));
    left.next().map(|(list, thing)| format!("{list} still has {thing}"))
}

fn owned(run: &Outcome) -> BTreeMap<(String, String), usize> {
    let mut counts = BTreeMap::new();
    let names: BTreeMap<String, String> =
        run.objects.iter().map(|object| (object.uid().unwrap_or_default(), object.name_any())).collect();
    for (list, thing) in alive(&run.struck.holds) {
        for (uid, name) in &names {
            if is_ours(thing, std::slice::from_ref(uid)) {
                *counts.entry((list.to_owned(), name.clone())).or_default() += 1;
            }
        }
    }
    counts
}

fn nothing_is_there_twice(evidence: &Evidence<'_>) -> Option<String> {
    let expected = owned(evidence.faultless);
    let found = owned(evidence.run).into_iter().find(|(what, count)| *count > expected.get(what).copied().unwrap_or(0));
    found.map(|((list, name), count)| format!("{name} has {count} {list}"))
}

fn foreign(run: &Outcome) -> Value {
    let uids = uids(run);
    let lists = alive(&run.struck.holds).into_iter().filter(|(_, thing)| !is_ours(thing, &uids));
    let things = lists.map(|(list, thing)| serde_json::json!([list, thing])).collect();
    let names = [(run.account.as_str(), "ACCOUNT"), (&run.name, "PLAN"), (&run.namespace, "NAMESPACE")];
    normal(&Value::Array(things), &names)
}

fn nothing_foreign_is_touched(evidence: &Evidence<'_>) -> Option<String> {
    difference(&foreign(evidence.faultless), &foreign(evidence.run))
}

fn at_rest_nothing_is_written(evidence: &Evidence<'_>) -> Option<String> {
    let late = &evidence.run.late_writes;
    (!late.is_empty()).then(|| late.join(", "))
}

/// The body of an effective write of the object's status.
fn status_of(entry: &Entry) -> Option<Value> {
    let is_status =
        entry.call.operation.starts_with("PATCH.awsresources/") && entry.call.operation.ends_with("/status");
    (is_status && entry.took_effect()).then(|| serde_json::from_str(&entry.call.body).unwrap_or_default())
}

fn says_ready(status: &Value) -> bool {
    let conditions = status["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|one| one["type"] == "Ready" && one["status"] == "True")
}

/// Ready is said only after a look that came after the last write, the generation spoken of exists, and
/// so does what the status names.
fn status_is_true(evidence: &Evidence<'_>) -> Option<String> {
    let generations: BTreeMap<String, i64> =
        evidence.run.objects.iter().map(|one| (one.name_any(), one.metadata.generation.unwrap_or_default())).collect();
    let mut unseen: Option<&Entry> = None;
    for (number, entry) in evidence.steps() {
        if entry.is_aws() && entry.call.write && entry.status.is_some() {
            unseen = Some(entry);
        } else if entry.is_aws() && unseen.is_some_and(|write| number >= write.answered_at) {
            unseen = None;
        }
        let Some(status) = status_of(entry) else { continue };
        let name = entry.call.operation.split('/').nth(1).unwrap_or_default();
        let spoken = status["status"]["observedGeneration"].as_i64().unwrap_or_default();
        // The deletion mark counts as a generation too.
        if generations.get(name).is_some_and(|generation| spoken > *generation + 1) {
            return Some(format!("{name} speaks of generation {spoken}"));
        }
        if let (Some(write), Some(_), true) = (unseen, evidence.only_object(), says_ready(&status)) {
            return Some(format!("{} says Ready without a look after {}", entry.site, write.site));
        }
    }
    let holds = evidence.run.struck.holds.to_string();
    let deleting = matches!(evidence.workload.steps.get(evidence.workload.struck), Some(Step::Delete));
    let ids = evidence.run.objects.iter().filter_map(|object| object.status.as_ref()?.id.clone());
    let lost = ids.filter(|_| !deleting).find(|id| !holds.contains(id.as_str()));
    lost.map(|id| format!("the status names {id}, which is not there"))
}

fn work_is_bounded(evidence: &Evidence<'_>) -> Option<String> {
    let count = |run: &Outcome, aws: bool| {
        let of_steps = run.journal.iter().filter(|entry| entry.step != usize::MAX && entry.is_aws() == aws);
        of_steps.filter(|entry| aws || entry.call.write).count()
    };
    [(true, "AWS calls"), (false, "writes to the API server")].into_iter().find_map(|(aws, what)| {
        let (made, usual) = (count(evidence.run, aws), count(evidence.faultless, aws));
        (made > 3 * usual + 60).then(|| format!("{made} {what} instead of {usual}"))
    })
}

/// No AWS write before finalizer and intent are durable; the finalizer goes after a look that came after
/// the last removal, and nothing is written after it.
fn finalizer_first_and_last(evidence: &Evidence<'_>) -> Option<String> {
    let object = format!("PATCH.awsresources/{}", evidence.only_object()?);
    let (mut finalizer, mut intent, mut gone) = (false, false, false);
    let mut unseen: Option<&Entry> = None;
    for (number, entry) in evidence.steps() {
        if entry.call.operation == object {
            let body: Value = serde_json::from_str(&entry.call.body).unwrap_or_default();
            let on = body["metadata"]["finalizers"].as_array().is_some_and(|list| !list.is_empty());
            if let (false, Some(removal)) = (on, unseen) {
                return Some(format!("{} came before a look after {}", entry.site, removal.site));
            }
            if entry.took_effect() {
                (finalizer, gone) = (on, !on);
            }
        }
        intent |= status_of(entry).is_some_and(|status| !status["status"]["intent"].is_null());
        if entry.is_aws() && entry.call.write {
            if gone || !(finalizer && intent) {
                return Some(format!("{} came without finalizer and intent", entry.site));
            }
            if entry.call.destroys() && entry.took_effect() {
                unseen = Some(entry);
            }
        } else if entry.is_aws() && unseen.is_some_and(|removal| number >= removal.answered_at) {
            unseen = None;
        }
    }
    None
}

fn only_own_credentials(evidence: &Evidence<'_>) -> Option<String> {
    let mut issued = BTreeSet::new();
    for entry in evidence.run.journal.iter().filter(|entry| entry.is_aws()) {
        if entry.call.operation == "sts.AssumeRole" {
            if !entry.call.body.contains(&evidence.run.account) {
                return Some(format!("{} is for another account", entry.site));
            }
            let key = entry.answer.split("<AccessKeyId>").nth(1).and_then(|rest| rest.split('<').next());
            issued.extend(key.map(str::to_owned));
        } else if !issued.contains(&entry.call.access_key) {
            return Some(format!("{} is signed with a foreign key", entry.site));
        }
    }
    None
}

fn destroyed(run: &Outcome) -> BTreeSet<(usize, String)> {
    let calls = run.journal.iter().filter(|entry| entry.is_aws() && entry.call.destroys() && entry.step != usize::MAX);
    calls.map(|entry| (entry.step, entry.call.operation.clone())).collect()
}

fn nothing_is_destroyed_unasked(evidence: &Evidence<'_>) -> Option<String> {
    let usual = destroyed(evidence.faultless);
    destroyed(evidence.run).difference(&usual).next().map(|(step, operation)| format!("{operation} in step {step}"))
}

fn aws_ends_the_same(evidence: &Evidence<'_>) -> Option<String> {
    let (run, faultless) = (evidence.run, evidence.faultless);
    difference(&faultless.struck.inventory, &run.struck.inventory)
        .or_else(|| difference(&faultless.last.inventory, &run.last.inventory))
}

fn objects_end_the_same(evidence: &Evidence<'_>) -> Option<String> {
    difference(&evidence.faultless.struck.objects, &evidence.run.struck.objects)
}

/// What was made and what was removed, each counted once however often it was asked for.
fn made_and_removed(run: &Outcome) -> BTreeMap<String, usize> {
    let mut distinct = BTreeSet::new();
    let calls = run.journal.iter().filter(|entry| entry.is_aws() && entry.step != usize::MAX && entry.took_effect());
    for entry in calls {
        let call = &entry.call;
        if call.creates() {
            distinct.insert((call.operation.clone(), made(entry)));
        } else if call.destroys() {
            distinct.insert((call.operation.clone(), format!("{} {}", call.line, call.body)));
        }
    }
    let mut counts = BTreeMap::new();
    for (operation, _) in distinct {
        *counts.entry(operation).or_default() += 1;
    }
    counts
}

/// What a call has made: by the id that the answer gives, else by what was asked for.
fn made(entry: &Entry) -> String {
    let noun = entry.call.operation.split('.').nth(1).unwrap_or_default();
    let noun = ["Create", "Run", "Allocate"].iter().find_map(|verb| noun.strip_prefix(verb)).unwrap_or_default();
    let noun = match noun {
        "Instances" => "instance",
        "Address" => "allocation",
        "SecurityGroup" => "group",
        other => other,
    };
    let mut letters = noun.chars();
    let member =
        letters.next().map(|first| first.to_lowercase().chain(letters).collect::<String>()).unwrap_or_default();
    let tag = format!("<{member}Id>");
    let id = entry.answer.split(&tag).nth(1).and_then(|rest| rest.split('<').next());
    let version = serde_json::from_str::<Value>(&entry.answer)
        .ok()
        .and_then(|answer| answer["Version"].as_str().map(str::to_owned));
    id.map(str::to_owned).or(version).unwrap_or_else(|| format!("{} {}", entry.call.line, entry.call.body))
}

fn as_much_is_made_and_removed(evidence: &Evidence<'_>) -> Option<String> {
    let (usual, here) = (made_and_removed(evidence.faultless), made_and_removed(evidence.run));
    (usual != here).then(|| format!("{usual:?} in the run without faults, here {here:?}"))
}
