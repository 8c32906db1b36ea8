//! Which plans are carried out in one run: where a workload is created, struck and then deleted, the deletion is
//! struck too, by the plan of another workload that begins as this one has ended. What the first plan left is
//! judged before the second one's step begins to matter, so that nothing is shown less than by two runs.

use super::campaign::{Recorded, Verdict};
use super::ground::Ground;
use super::plan::Plan;
use super::run::run;
use std::collections::BTreeMap;
use std::fmt;

/// The plans of one run, with their workloads, by the steps in which they strike.
pub struct Trip<'a>(Vec<(&'a Recorded, Plan)>);

/// The plans, as many of them as possible two in a run.
pub fn of(recorded: &[Recorded], plans: Vec<Plan>) -> Vec<Trip<'_>> {
    let by_name: BTreeMap<&str, &Recorded> = recorded.iter().map(|one| (one.workload.name.as_str(), one)).collect();
    let mut trips: Vec<Trip<'_>> = Vec::new();
    let plans = plans.into_iter().map(|plan| (by_name[plan.workload.as_str()], plan));
    let (later, first): (Vec<_>, Vec<_>) =
        plans.partition(|(of, _)| recorded.iter().any(|other| of.workload.goes_on_from(&other.workload)));
    trips.extend(first.into_iter().map(|plan| Trip(vec![plan])));
    for plan in later {
        match trips.iter_mut().find(|trip| trip.takes(&plan)) {
            Some(trip) => trip.0.push(plan),
            None => trips.push(Trip(vec![plan])),
        }
    }
    trips
}

impl Trip<'_> {
    fn takes(&self, (of, plan): &(&Recorded, Plan)) -> bool {
        let [(first_of, first)] = self.0.as_slice() else { return false };
        let again = plan.again.or(first.again);
        of.workload.goes_on_from(&first_of.workload) && first.fault.goes_with(plan.fault) && again.is_none()
    }

    /// Carries the plans out and returns what became of each. One that was not met in the common run is tried
    /// again by itself.
    pub async fn carry_out(&self, ground: &Ground) -> (&Self, Vec<(Plan, Verdict)>) {
        let mut verdicts = Vec::new();
        let together = if self.0.len() > 1 { self.together(ground).await } else { Vec::new() };
        let mut together = together.into_iter();
        for (of, plan) in &self.0 {
            let verdict = match together.next() {
                None | Some(Verdict::Missed) => of.carry_out(ground, plan).await,
                Some(verdict) => verdict,
            };
            verdicts.push((plan.clone(), verdict));
        }
        (self, verdicts)
    }

    async fn together(&self, ground: &Ground) -> Vec<Verdict> {
        let strikes = self.0.iter().map(|(of, plan)| of.strike(plan)).collect();
        match run(ground, &self.0[0].0.workload, strikes).await {
            Err(error) => vec![Verdict::Failed(vec![error]); self.0.len()],
            Ok(outcomes) => self.0.iter().zip(&outcomes).map(|((of, plan), outcome)| of.judge(plan, outcome)).collect(),
        }
    }
}

impl fmt::Display for Trip<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plans: Vec<String> = self.0.iter().map(|(_, plan)| plan.to_string()).collect();
        f.write_str(&plans.join(" & "))
    }
}
