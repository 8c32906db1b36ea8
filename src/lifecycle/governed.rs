//! Carries out what goes beyond the manifest, or recommends it, and keeps account of both in the status.

use crate::agents::decisions::Decision;
use crate::api::conditions::Verdict;
use crate::api::resource::{AwsResourceStatus, ResourceState};
use crate::api::service_agent::{AgentAction, DecisionGround, TakenDecision};
use crate::api::{commands, moment};
use crate::aws::session::Aws;
use crate::cost::{Costs, price, usd};
use crate::kinds::secrets::Secrets;
use crate::kinds::{Kind, Target};
use crate::lifecycle::decide::{Facts, start};
use crate::lifecycle::error::PassError;
use crate::lifecycle::graph;
use crate::lifecycle::news::News;
use crate::lifecycle::observe::View;
use crate::lifecycle::plan::price::paid_for;
use crate::lifecycle::plan::{Plan, Step};
use crate::lifecycle::{Desired, Next, Walk, status};
use k8s_openapi::jiff::Timestamp;
use rust_decimal::Decimal;
use std::cmp::Ordering;

/// Writes down what is about to be done, and on what ground.
pub(super) fn record(
    status: &mut AwsResourceStatus,
    action: AgentAction,
    ground: Option<DecisionGround>,
    now: Timestamp,
) {
    if let Some(ground) = ground {
        status.last_decision = Some(TakenDecision { action, ground, at: moment(now) });
    }
}

/// What was recommended is open until the resource is as it should be, or something else is the
/// matter with it. To wait settles nothing: an approved restart consists of waits.
pub(super) fn settle(status: &mut AwsResourceStatus, action: &'static str) {
    if action != "Wait" {
        status.recommendations.clear();
    }
}

impl Walk<'_> {
    /// Starts what AWS has stopped. That it is done is written down first, as with everything that
    /// somebody may ask about later.
    pub(super) async fn start<K: Kind>(
        &mut self,
        ground: DecisionGround,
        aws: &Aws,
        desired: &Desired<K>,
        view: &View<K>,
        facts: &Facts,
    ) -> Result<Next, PassError> {
        let Some((id, observed)) = &view.found else { return Err(PassError::Stale) };
        let why = observed.detail.as_deref().unwrap_or("no reason is known");
        let verdict = Verdict::reconciling("Healing", format!("{id} was stopped ({why}) and is started."));
        // While AWS refuses it, that is what stays told.
        if !self.is_refused() {
            News::warning("Healing", verdict.message.clone()).publish(&self.object, "Start", self.cx);
            let next = self.next_status(&verdict, facts.now, |status| {
                record(status, AgentAction::Start, Some(ground), facts.now);
                status.state = Some(observed.state);
                status.last_action = Some("Start".into());
            });
            status::write(&self.api, &mut self.object, next).await?;
        }
        let target = Target { id, spec: &desired.spec, observed, secrets: &Secrets::default() };
        let started = K::update(aws, target, &[start()]).await;
        started.map_err(|error| PassError::Write { action: "Start", error })?;
        self.count_update(view.sight.changes());
        Ok(Next::After(self.cx.config.poll_period))
    }

    /// Says what would be done, what it would cost, why it waits and how to approve it.
    pub(super) async fn recommend<K: Kind>(
        &mut self,
        plan: &Plan,
        decision: &Decision,
        what: (&'static str, String),
        desired: &Desired<K>,
        view: &View<K>,
        facts: &Facts,
    ) -> Result<Next, PassError> {
        let (reason, what) = what;
        let open = self.object.status.as_ref().map(|status| status.recommendations.clone()).unwrap_or_default();
        let (namespace, name) = graph::key(&self.object);
        let costs = self.cost_of::<K>(decision, &desired.spec, view).await;
        let object = (namespace.as_str(), name.as_str());
        let recommendation = decision.recommendation(object, facts.mandate.level, costs, &open, &moment(facts.now));
        let proposal = match costs.map(cost_in_words) {
            Some(costs) if !costs.is_empty() => format!("{} {costs}", recommendation.proposal),
            _ => recommendation.proposal.clone(),
        };
        let text = format!("{what} {proposal} {}", recommendation.reason);
        let message = commands::after(&text, "To approve it:", &recommendation.approve);
        News::warning(reason, message.clone()).publish(&self.object, "Recommend", self.cx);
        let gone = decision.action == AgentAction::Recreate;
        let edit = |status: &mut AwsResourceStatus| {
            if gone {
                status.state = Some(ResourceState::Deleted);
            }
            status.recommendations = vec![recommendation];
        };
        self.report_with::<K>(&Verdict::stalled(reason, message), plan, view, facts, edit).await?;
        Ok(Next::After(self.cx.drift_delay(self.object.spec.drift_period_seconds)))
    }

    /// What the decision adds to the cost, in USD per day; `None` where that is not known.
    async fn cost_of<K: Kind>(&self, decision: &Decision, desired: &K::Spec, view: &View<K>) -> Option<Decimal> {
        let step = match decision.action {
            AgentAction::Recreate => Step::Create,
            AgentAction::Start | AgentAction::Restart => Step::Restart,
        };
        let (now, then) = paid_for::<K>(step, decision.changes.iter(), desired, view)?;
        let total = async |costs: &Costs| {
            let book = self.cx.prices.book_for(costs, &self.region).await;
            price(costs, &self.region, &book).total()
        };
        Some(total(&then).await? - total(&now).await?)
    }
}

/// What something adds or saves, as a sentence; empty where the cost stays the same.
fn cost_in_words(per_day: Decimal) -> String {
    let amount = usd(per_day.abs());
    match per_day.cmp(&Decimal::ZERO) {
        Ordering::Greater => format!("That costs {amount} USD more per day."),
        Ordering::Less => format!("That saves {amount} USD per day."),
        Ordering::Equal => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_said() {
        assert_eq!(cost_in_words(Decimal::new(-2496, 4)), "That saves 0.2496 USD per day.");
        assert_eq!(cost_in_words(Decimal::new(5, 1)), "That costs 0.50 USD more per day.");
        assert_eq!(cost_in_words(Decimal::ZERO), "");
    }
}
