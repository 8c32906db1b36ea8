//! What must hold after every run, whatever went wrong in it: functions over the journal and the end
//! state. A function returns what is broken, in words.

use super::doors::Entry;
use super::inventory::{difference, normal};
use super::plan::Fault;
use super::run::Outcome;
use super::workloads::Step;
use kube::ResourceExt;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A run by the end of a step, and the run of the same workload without faults.
pub struct Evidence<'a> {
    pub step: &'a Step,
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
    ("who was followed by another writes nothing", one_writes_at_a_time),
    ("no secret is told", no_secret_is_told),
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

    /// Whether nothing is declared any more.
    fn all_is_deleted(&self) -> bool {
        matches!(self.step, Step::Delete | Step::DropAccount)
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
    if !evidence.all_is_deleted() {
        return None;
    }
    let uids = evidence.uids();
    // The last snapshot of a database is meant to stay.
    let left = alive(&evidence.run.end.holds);
    let mut left = left.into_iter().filter(|(list, thing)| *list != "DBSnapshots" && is_ours(thing, &uids));
    left.next().map(|(list, thing)| format!("{list} still has {thing}"))
}

fn owned(run: &Outcome) -> BTreeMap<(String, String), usize> {
    let mut counts = BTreeMap::new();
    let names: BTreeMap<String, String> =
        run.objects.iter().map(|object| (object.uid().unwrap_or_default(), object.name_any())).collect();
    for (list, thing) in alive(&run.end.holds) {
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
    let lists = alive(&run.end.holds).into_iter().filter(|(_, thing)| !is_ours(thing, &uids));
    let things = lists.map(|(list, thing)| serde_json::json!([list, thing])).collect();
    normal(&Value::Array(things), &run.names())
}

/// What was there before must be there as it was; and all that is not ours, as without faults.
fn nothing_foreign_is_touched(evidence: &Evidence<'_>) -> Option<String> {
    let run = evidence.run;
    let here: Vec<Value> = alive(&run.end.holds).into_iter().map(|(_, thing)| normal(thing, &[])).collect();
    let planted = alive(&run.planted);
    let mut lost = planted.iter().filter(|(_, thing)| !here.contains(&normal(thing, &[])));
    if let Some((list, thing)) = lost.next() {
        return Some(format!("of {list} this was there before: {thing}"));
    }
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
    let holds = evidence.run.end.holds.to_string();
    let applied = matches!(evidence.step, Step::Apply(_) | Step::Recreate(_));
    let ids = evidence.run.objects.iter().filter_map(|object| object.status.as_ref()?.id.clone());
    let lost = ids.filter(|_| applied).find(|id| !holds.contains(id.as_str()));
    lost.map(|id| format!("the status names {id}, which is not there"))
}

/// What is waited for is polled by the clock, which a single step may be short for: the whole run is counted.
fn work_is_bounded(evidence: &Evidence<'_>) -> Option<String> {
    if !evidence.all_is_deleted() {
        return None;
    }
    let count = |run: &Outcome, aws: bool| {
        let of_steps = run.journal.iter().filter(|entry| entry.step != usize::MAX && entry.is_aws() == aws);
        // A leader renews its lease all the time.
        let of_steps = of_steps.filter(|entry| !entry.call.operation.contains(".leases"));
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

/// Each call is signed with a key of one of the run's accounts, and speaks of no other tenant.
fn only_own_credentials(evidence: &Evidence<'_>) -> Option<String> {
    let run = evidence.run;
    let own = std::env::var("AWS_ACCESS_KEY_ID").unwrap_or_default();
    // Who it is itself the controller asks with its own key, which it uses for nothing else but to assume roles.
    let asks_who_it_is =
        |entry: &Entry| entry.call.operation == "sts.GetCallerIdentity" && entry.call.access_key == own;
    let mut issued: BTreeMap<String, usize> = BTreeMap::new();
    for entry in run.journal.iter().filter(|entry| entry.is_aws() && !asks_who_it_is(entry)) {
        if entry.call.operation == "sts.AssumeRole" {
            let account = run.tenants.iter().position(|tenant| entry.call.body.contains(&tenant.account));
            let Some(account) = account else { return Some(format!("{} is for another account", entry.site)) };
            let key = entry.answer.split("<AccessKeyId>").nth(1).and_then(|rest| rest.split('<').next());
            issued.extend(key.map(|key| (key.to_owned(), account)));
            continue;
        }
        let Some(signer) = issued.get(&entry.call.access_key) else {
            return Some(format!("{} is signed with a foreign key", entry.site));
        };
        let text = format!("{} {}", entry.call.line, entry.call.body);
        for (_, other) in run.tenants.iter().enumerate().filter(|(number, _)| number != signer) {
            let objects = run.objects.iter().filter(|object| object.namespace().as_ref() == Some(&other.namespace));
            let uids = objects.filter_map(|object| object.uid());
            if uids.chain([other.account.clone()]).any(|word| text.contains(&word)) {
                return Some(format!(
                    "{} is signed by {} and is about {}",
                    entry.site, run.tenants[*signer].name, other.name
                ));
            }
        }
    }
    None
}

/// Once another controller has written, one from before writes no more.
fn one_writes_at_a_time(evidence: &Evidence<'_>) -> Option<String> {
    let journal = &evidence.run.journal;
    let is_write = |entry: &&Entry| entry.call.write && !entry.call.operation.contains(".leases");
    let last = journal.iter().filter(is_write).map(|entry| entry.life).max()?;
    let first = journal.iter().position(|entry| is_write(&entry) && entry.life == last)?;
    // One that is on the wire when its controller dies arrives; one that was held up must not be sent.
    let mut late = journal.iter().enumerate().filter(|(number, entry)| {
        let sent = *number > first || (entry.fault == Some(Fault::Held) && entry.status.is_some());
        entry.life < last && is_write(entry) && sent
    });
    late.next().map(|(_, entry)| format!("{} by controller {} after {last} had written", entry.site, entry.life))
}

fn no_secret_is_told(evidence: &Evidence<'_>) -> Option<String> {
    let run = evidence.run;
    let to_cluster = run.journal.iter().find(|entry| !entry.is_aws() && entry.call.body.contains(&run.secret));
    let in_status = run.objects.iter().any(|object| format!("{object:?}").contains(&run.secret));
    let told = to_cluster.map(|entry| format!("{} holds one", entry.site));
    told.or_else(|| in_status.then(|| "an object holds one".into())).or_else(|| run.told.first().cloned())
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
    difference(&evidence.faultless.end.inventory, &evidence.run.end.inventory)
}

fn objects_end_the_same(evidence: &Evidence<'_>) -> Option<String> {
    difference(&evidence.faultless.end.objects, &evidence.run.end.objects)
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
