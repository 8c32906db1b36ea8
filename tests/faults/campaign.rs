//! Records a workload without faults, plans one run for each of its calls and each fault that applies to
//! it, and carries the plans out side by side.

use super::doors::{Entry, write_down};
use super::ground::Ground;
use super::invariants::{Evidence, broken};
use super::plan::{Fault, Plan};
use super::report::Row;
use super::run::{Outcome, run};
use super::trips;
use super::words;
use super::workloads::Workload;
use futures::StreamExt;
use kube::ResourceExt;
use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::time::Instant;

/// How many writes of a recovery are struck by a second crash, one in each plan.
const RECOVERY: u32 = 4;

/// A workload with the run against which all others are judged.
pub struct Recorded {
    pub workload: Workload,
    /// The run without faults, after each step.
    pub faultless: Vec<Outcome>,
    /// The calls of the struck step that came up in a second run without faults, too.
    common: BTreeSet<String>,
}

/// What became of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Passed,
    Failed(Vec<String>),
    /// The call did not come up in any of the tries, which were runs without faults then: it is not one
    /// that every run makes.
    Missed,
}

/// Runs a workload twice without faults; the second run must pass the judgement of all others.
pub async fn record(ground: &Ground, workload: Workload) -> Recorded {
    let name = workload.name.clone();
    let once = async || {
        let every_step = (0..workload.steps.len()).map(|step| (step, None)).collect();
        let outcomes = run(ground, &workload, every_step).await;
        outcomes.unwrap_or_else(|error| panic!("{name} without faults: {error}"))
    };
    let (faultless, second) = futures::future::join(once(), once()).await;
    let struck = second.iter().flat_map(|outcome| &outcome.journal).filter(|entry| entry.step == workload.struck);
    let common = struck.map(|entry| entry.site.clone()).collect();
    let recorded = Recorded { common, workload, faultless };
    for outcome in &second {
        let wrong = recorded.wrong(outcome);
        if !wrong.is_empty() {
            write_down(&outcome.journal, &outcome.name);
            panic!("{name} without faults: {wrong:#?}; run {}", outcome.name);
        }
    }
    recorded
}

impl Recorded {
    /// What is broken after a step, in words.
    fn wrong(&self, run: &Outcome) -> Vec<String> {
        let (step, faultless) = (&self.workload.steps[run.step], &self.faultless[run.step]);
        broken(&Evidence { step, run, faultless })
    }

    /// The calls that can be struck, each once.
    fn sites(&self) -> Vec<&Entry> {
        let faultless = &self.faultless[self.workload.struck];
        let objects: Vec<String> = faultless.objects.iter().map(|object| object.name_any()).collect();
        let mut seen = BTreeSet::new();
        let entries = faultless.journal.iter().filter(|entry| entry.step == self.workload.struck);
        entries
            .filter(|entry| match entry.is_aws() {
                // Only the first of the reads between two writes is the same one in every run.
                true => {
                    (entry.call.service != "sts" || self.workload.of_account)
                        && (entry.call.write || entry.site.ends_with("#1"))
                }
                false => entry.call.write && self.is_of_workload(entry, &objects),
            })
            .filter(|entry| self.common.contains(&entry.site) && seen.insert(entry.site.clone()))
            .collect()
    }

    fn is_of_workload(&self, entry: &Entry, objects: &[String]) -> bool {
        let operation = &entry.call.operation;
        objects.iter().any(|name| operation.split('/').any(|part| part == name))
            || (self.workload.of_account && operation.starts_with("PATCH.awsaccounts/account"))
    }

    /// The writes among the sites.
    pub fn write_sites(&self) -> BTreeSet<String> {
        self.sites().into_iter().filter(|entry| entry.call.write).map(|entry| entry.site.clone()).collect()
    }

    /// Whether it depends on the clock how often the call comes up: it tells of a resource on its way, or asks
    /// again for what was refused.
    pub fn may_come_by_the_clock(&self, site: &str) -> bool {
        let is_status = site.starts_with("kubernetes:") && site.contains("/status#");
        let operation = |site: &str| site.split('#').next().map(str::to_owned);
        let mut entries = self.faultless[self.workload.struck].journal.iter();
        let was_refused = |entry: &Entry| {
            let is_it = entry.step == self.workload.struck && operation(&entry.site) == operation(site);
            is_it && !entry.took_effect()
        };
        is_status || entries.any(was_refused)
    }

    /// One plan for each site and each fault that applies to it.
    pub fn plans(&self) -> Vec<Plan> {
        let mut plans = Vec::new();
        for entry in self.sites() {
            let at_write = Fault::AT_WRITES.into_iter().filter(|_| entry.call.write);
            let at_aws = Fault::AT_AWS_CALLS.into_iter().filter(|fault| self.applies(*fault, entry));
            let plan = |fault| self.plan(entry, fault, None);
            plans.extend(at_write.chain(at_aws).map(plan));
        }
        plans
    }

    /// Plans in which the controller dies at a write, and again after one of the first writes of its
    /// recovery.
    pub fn pairs(&self) -> Vec<Plan> {
        let writes = self.sites().into_iter().filter(|entry| entry.call.write);
        let faults = |entry| [Fault::CrashBefore, Fault::CrashAfter].map(|fault| (entry, fault));
        let again = |(entry, fault)| (1..=RECOVERY).map(move |number| self.plan(entry, fault, Some(number)));
        writes.flat_map(faults).flat_map(again).collect()
    }

    /// Plans in which the real program is killed.
    pub fn kills(&self) -> Vec<Plan> {
        let writes = self.sites().into_iter().filter(|entry| entry.call.write && entry.is_aws());
        writes.flat_map(|entry| Fault::KILLS.map(|fault| self.plan(entry, fault, None))).collect()
    }

    /// Plans in which watches bring something else than what happens, or the API server is away.
    pub fn spells(&self) -> Vec<Plan> {
        let is_event = |entry: &Entry| entry.call.operation.contains(".events/");
        let writes = self.sites().into_iter().filter(|entry| entry.call.write && !is_event(entry));
        let applies = |entry: &Entry, fault| !entry.is_aws() || [Fault::Stale, Fault::Away].contains(&fault);
        let faults = |entry| {
            Fault::SPELLS.into_iter().filter(move |fault| applies(entry, *fault)).map(move |fault| (entry, fault))
        };
        writes.flat_map(faults).map(|(entry, fault)| self.plan(entry, fault, None)).collect()
    }

    /// Plans in which a leader that creates something is held up, at each of its writes and with the
    /// answer to the last look before each write to AWS, while another takes over.
    pub fn rivals(&self) -> Vec<Plan> {
        if !self.workload.name.ends_with("/create") || !self.workload.is_plain() {
            return Vec::new();
        }
        let is_event = |entry: &Entry| entry.call.operation.contains(".events/");
        let (mut plans, mut look) = (Vec::new(), None);
        for entry in self.sites().into_iter().filter(|entry| !is_event(entry)) {
            if entry.is_aws() && !entry.call.write {
                look = Some(entry);
                continue;
            }
            plans.push(self.plan(entry, Fault::Held, None));
            plans.extend(look.take_if(|_| entry.is_aws()).map(|look| self.plan(look, Fault::Frozen, None)));
        }
        plans
    }

    fn plan(&self, entry: &Entry, fault: Fault, again: Option<u32>) -> Plan {
        Plan { workload: self.workload.name.clone(), site: entry.site.clone(), fault, again }
    }

    fn applies(&self, fault: Fault, entry: &Entry) -> bool {
        let call = &entry.call;
        match fault {
            _ if !entry.is_aws() || !self.workload.every_call => false,
            Fault::ErrorAfter => call.write,
            Fault::NotFound => !call.creates() && words::can_be(call, fault),
            // Whatever the call, its answer is not AWS's.
            Fault::Blank | Fault::Page => !call.write || call.destroys(),
            Fault::Omitted => words::without_items(call, &entry.answer).is_some(),
            Fault::Truncated => entry.answer.len() > 2,
            _ => true,
        }
    }

    /// What became of a plan that was to strike in this step of a run.
    pub fn judge(&self, plan: &Plan, step: usize, outcomes: &[Outcome]) -> Verdict {
        if outcomes.iter().any(|outcome| outcome.step == step && outcome.fired) {
            // What a step leaves behind may show at the end only.
            let ends =
                outcomes.iter().filter(|outcome| outcome.step == step || outcome.step + 1 == self.faultless.len());
            let mut wrong: Vec<String> = ends.flat_map(|outcome| self.wrong(outcome)).collect();
            if wrong.is_empty() {
                return Verdict::Passed;
            }
            if let Some(outcome) = outcomes.last() {
                write_down(&outcome.journal, &outcome.name);
                wrong.push(format!("(run {})", outcome.name));
            }
            return Verdict::Failed(wrong);
        }
        // What has the same name is not always the same call: a look may be for an id, or by tags.
        let is_it =
            |entry: &Entry| entry.step == step && entry.site == plan.site && words::can_be(&entry.call, plan.fault);
        if outcomes.iter().flat_map(|outcome| &outcome.journal).any(is_it) && plan.again.is_none() {
            return Verdict::Failed(vec![format!("{} came up and was not struck", plan.site)]);
        }
        Verdict::Missed
    }
}

/// Carries out plans, `lanes` runs at a time, and returns a row per workload.
pub async fn carry_out(ground: &Ground, recorded: &[Recorded], plans: Vec<Plan>, lanes: usize) -> Vec<Row> {
    let (begin, total) = (Instant::now(), plans.len());
    let trips = trips::of(recorded, plans);
    eprintln!("{total} plans in {} runs", trips.len());
    let runs = trips.iter().map(async |trip| (trip, trip.carry_out(ground).await));
    let mut runs = pin!(futures::stream::iter(runs).buffer_unordered(lanes));
    let mut verdicts: BTreeMap<String, Vec<(Plan, Verdict)>> = BTreeMap::new();
    let (mut done, mut told) = (0, 0);
    while let Some((trip, judged)) = runs.next().await {
        for (plan, verdict) in judged {
            done += 1;
            if let Verdict::Failed(why) = &verdict {
                eprintln!("FAILED {plan}\n  {}\n  replay: FAULT='{trip}' make faults", why.join("\n  "));
            }
            verdicts.entry(plan.workload.clone()).or_default().push((plan, verdict));
        }
        if done / 50 > told {
            told = done / 50;
            let rate = done as f64 / begin.elapsed().as_secs_f64() * 60.0;
            eprintln!("{done} of {total} plans, {rate:.0} a minute");
        }
    }
    let rows = recorded.iter().map(|one| Row::of(one, verdicts.remove(&one.workload.name).unwrap_or_default()));
    rows.collect()
}
