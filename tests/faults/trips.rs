//! Which plans are carried out in one run. A run that creates something to change it, or to delete it, may be struck in
//! its creation too: the world is looked at after each struck step, and all of it is judged once the run is over. Plans
//! of several workloads share a run that takes their steps from the same.

use super::campaign::{Recorded, Verdict};
use super::doors::Strike;
use super::ground::Ground;
use super::plan::Plan;
use super::run::run;
use std::collections::BTreeMap;
use std::fmt;

/// How often a plan whose call did not come up in its run is run again: what comes by the clock, such as
/// another look at something slow, differs from run to run.
const TRIES: usize = 4;

/// A plan of a run.
struct Leg<'a> {
    of: &'a Recorded,
    plan: Plan,
    /// The step of the run in which it strikes.
    step: usize,
}

/// A run of a workload and its plans, of each step at most one.
pub struct Trip<'a> {
    on: &'a Recorded,
    legs: Vec<Leg<'a>>,
}

/// Few trips with all of the plans. Those that only their own workload can carry out come first, the others find
/// their places in these.
pub fn of(recorded: &[Recorded], plans: Vec<Plan>) -> Vec<Trip<'_>> {
    let by_name: BTreeMap<&str, &Recorded> = recorded.iter().map(|one| (one.workload.name.as_str(), one)).collect();
    let hosts = |of: &Recorded| recorded.iter().filter(|on| on.workload.step_of(&of.workload).is_some()).count();
    let mut plans: Vec<_> = plans.into_iter().map(|plan| (by_name[plan.workload.as_str()], plan)).collect();
    plans.sort_by_cached_key(|(of, _)| hosts(of));
    let mut trips: Vec<Trip<'_>> = Vec::new();
    for (of, plan) in plans {
        let place = trips.iter_mut().find_map(|trip| trip.step_for(of, &plan).map(|step| (trip, step)));
        match place {
            Some((trip, step)) => trip.legs.push(Leg { of, plan, step }),
            None => trips.push(Trip::alone(of, plan)),
        }
    }
    trips
}

impl<'a> Trip<'a> {
    fn alone(of: &'a Recorded, plan: Plan) -> Self {
        Self { on: of, legs: vec![Leg { of, plan, step: of.workload.struck }] }
    }

    /// The step in which the plan may strike beside the others.
    fn step_for(&self, of: &Recorded, plan: &Plan) -> Option<usize> {
        let step = self.on.workload.step_of(&of.workload)?;
        let goes_with = |leg: &Leg<'_>| leg.step != step && leg.plan.goes_with(plan);
        self.legs.iter().all(goes_with).then_some(step)
    }

    /// Carries the plans out and returns what became of each. One that was not met is tried again by itself.
    pub async fn carry_out(&self, ground: &Ground) -> Vec<(Plan, Verdict)> {
        let mut verdicts = Vec::new();
        for (leg, mut verdict) in self.legs.iter().zip(self.once(ground).await) {
            // A recovery that has no such write comes to its end without a second crash.
            let tries = if leg.plan.again.is_some() { 1 } else { TRIES };
            for _ in 1..tries {
                if verdict == Verdict::Missed {
                    let again = Self::alone(leg.of, leg.plan.clone()).once(ground).await;
                    verdict = again.into_iter().next().unwrap_or(Verdict::Missed);
                }
            }
            verdicts.push((leg.plan.clone(), verdict));
        }
        verdicts
    }

    async fn once(&self, ground: &Ground) -> Vec<Verdict> {
        let strike = |plan: &Plan| Strike { site: plan.site.clone(), fault: plan.fault, again: plan.again };
        let strikes = self.legs.iter().map(|leg| (leg.step, Some(strike(&leg.plan)))).collect();
        match run(ground, &self.on.workload, strikes).await {
            Err(error) => vec![Verdict::Failed(vec![error]); self.legs.len()],
            Ok(outcomes) => self.legs.iter().map(|leg| self.on.judge(&leg.plan, leg.step, &outcomes)).collect(),
        }
    }
}

impl fmt::Display for Trip<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plans: Vec<String> = self.legs.iter().map(|leg| leg.plan.to_string()).collect();
        f.write_str(&plans.join(" & "))
    }
}
