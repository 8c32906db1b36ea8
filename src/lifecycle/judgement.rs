//! What is judged of a resource beside its state: whether it is well, and what it costs. Both are taken
//! from what a pass has read anyway, and are written with the rest of the status.

use crate::api::conditions::{bounded, without_request_id};
use crate::api::cost::{COST_LIST_LIMIT, Cost, Item};
use crate::api::moment;
use crate::api::resource::{AwsResourceStatus, Health, ResourceState};
use crate::cost::{Estimate, price, usd};
use crate::health::{Assessment, Telling};
use crate::kinds::Kind;
use crate::lifecycle::Walk;
use crate::lifecycle::decide::{Facts, Sight};
use crate::lifecycle::error::PassError;
use crate::lifecycle::news::News;
use crate::lifecycle::observe::View;
use k8s_openapi::jiff::Timestamp;
use std::time::Instant;

/// The longest message on health, in characters.
const MESSAGE_LIMIT: usize = 256;

/// What a pass makes of what it has seen.
#[derive(Default)]
pub struct Judgement {
    /// `None` where nothing new is known.
    health: Option<Assessment>,
    /// `None` where nothing new is known; there is no estimate of what is not there.
    cost: Option<Option<Estimate>>,
    /// Whether the resource is at rest, so that its health is worth telling: one that is being changed is
    /// expected not to be at its best.
    settled: bool,
}

impl Walk<'_> {
    /// Judges what was seen. What belongs to somebody else has a health and costs its owner.
    pub(super) async fn judge<K: Kind>(&self, view: &View<K>, facts: &Facts) -> Judgement {
        let Some((_, observed)) = &view.found else { return without_resource(&view.sight, facts) };
        let health = K::health(observed, view.sight.changes());
        let settled = !facts.restarting && !facts.deleting && is_at_rest(observed.state);
        let ours = matches!(view.sight, Sight::Ours(_)) || facts.policies.observe_only();
        // A resource that is on its way out is not looked at closely enough to say what it costs.
        if !ours || facts.deleting {
            return Judgement { health: Some(health), cost: None, settled };
        }
        let found = observed.for_cost();
        let costs = K::cost_items(&observed.spec, found);
        let book = self.cx.prices.book_for(&costs, &self.region).await;
        let estimate = price(&costs, &self.region, &book);
        Judgement { health: Some(health), cost: Some(Some(estimate)), settled }
    }

    /// Publishes a change of health, once it stands in the status. What goes to and fro is told a few times
    /// and then named.
    pub(super) fn tell_health(&self, before: Option<Health>, judgement: &Judgement, now: Instant) {
        let Some(health) = judgement.health.as_ref().filter(|_| judgement.settled) else { return };
        let telling = self.cx.memory.change(&self.uid, |memory| memory.health.hear(before, health.health, now));
        let Some(telling) = telling else { return };
        let news = match telling {
            Telling::Changed(from) => changed(from, health),
            Telling::Flapping => News::warning(
                "HealthFlapping",
                format!("The health goes to and fro, now for {}. More is told once it stays.", health.message),
            ),
        };
        news.send(&self.object, "Judge", self.cx);
    }
}

fn changed(from: Option<Health>, health: &Assessment) -> News {
    let from = from.unwrap_or(Health::Unknown);
    let (from, to) = (from.as_str(), health.health.as_str());
    let note = format!("{from} → {to} ({}): {}", health.reason, health.message);
    match health.health {
        Health::Healthy => News::normal("HealthRestored", note),
        Health::Degraded => News::warning("HealthDegraded", note),
        Health::Unhealthy | Health::Unknown => News::warning("HealthLost", note),
    }
}

fn is_at_rest(state: ResourceState) -> bool {
    matches!(state, ResourceState::Active | ResourceState::Stopped | ResourceState::Failed | ResourceState::Deleted)
}

/// What there is to say where nothing was found.
fn without_resource(sight: &Sight, facts: &Facts) -> Judgement {
    if !matches!(sight, Sight::Absent) {
        return Judgement::default();
    }
    let missed = facts.missed_for.is_some_and(|time| time >= facts.visibility_lag);
    let health = match facts.recorded_id.is_some() && missed {
        true => Assessment::unhealthy("NotFound", "AWS no longer has it."),
        false => Assessment::unknown("NotFound", "AWS does not have it, or does not show it yet."),
    };
    Judgement { health: Some(health), cost: Some(None), settled: false }
}

impl Judgement {
    /// Puts the judgement into the status.
    pub fn write(&self, status: &mut AwsResourceStatus, now: Timestamp) {
        if let Some(health) = &self.health {
            note_health(status, health, now);
        }
        if let Some(estimate) = &self.cost {
            note_cost(status, estimate.as_ref());
        }
    }
}

/// Puts the health into the status; since when moves only with news.
fn note_health(status: &mut AwsResourceStatus, health: &Assessment, now: Timestamp) {
    let same = status.health == Some(health.health) && status.health_reason.as_deref() == Some(health.reason);
    if !same || status.health_since.is_none() {
        status.health_since = Some(moment(now));
    }
    status.health = Some(health.health);
    status.health_reason = Some(health.reason.into());
    status.health_message = Some(bounded(&health.message, MESSAGE_LIMIT));
}

/// Puts what a resource costs into the status.
fn note_cost(status: &mut AwsResourceStatus, estimate: Option<&Estimate>) {
    status.cost_per_day = estimate.and_then(Estimate::total).map(usd);
    status.cost = estimate.map(described).filter(|cost| *cost != Cost::default());
}

/// An estimate as it stands in a status.
fn described(estimate: &Estimate) -> Cost {
    let item = |item: &crate::cost::CostItem, per_day| Item {
        usage: bounded(item.usage.as_str(), 128),
        quantity: item.quantity.normalize().to_string(),
        unit: item.unit.as_str().into(),
        per_day,
    };
    let priced = estimate.items.iter().map(|priced| item(&priced.item, Some(usd(priced.per_day))));
    let unpriced = estimate.missing.iter().map(|missing| item(missing, None));
    let some = |texts: Vec<String>| -> Vec<String> {
        texts.iter().take(COST_LIST_LIMIT).map(|text| bounded(text, 128)).collect()
    };
    Cost {
        items: priced.chain(unpriced).take(COST_LIST_LIMIT).collect(),
        not_included: some(estimate.not_included.iter().map(|one| one.what.clone()).collect()),
        missing: some(estimate.missing.iter().map(|item| item.in_words()).collect()),
        priced_as_in: estimate.priced_as_in.map(str::to_owned),
    }
}

/// Forgets what was judged of an earlier life.
pub fn forget(status: &mut AwsResourceStatus) {
    (status.health, status.health_reason, status.health_message, status.health_since) = (None, None, None, None);
    (status.cost_per_day, status.cost) = (None, None);
}

/// Says that the health is not known where AWS was not read in this pass: what was seen of it earlier
/// says nothing about now.
pub fn note_unread(status: &mut AwsResourceStatus, error: &PassError, reason: &'static str, now: Timestamp) {
    let unread = match error {
        // The look is only put off, as it always is between two looks for drift.
        PassError::Observe(_) => error.over_budget().is_none(),
        PassError::Stale
        | PassError::NotLeader(_)
        | PassError::Cluster(_)
        | PassError::Refused(_)
        | PassError::Write { .. } => false,
        // Before a resource was ever seen there is nothing to take back.
        PassError::NoKind
        | PassError::Invalid { .. }
        | PassError::Resolve(_)
        | PassError::Awaiting(_)
        | PassError::Impossible(_)
        | PassError::Unfit { .. }
        | PassError::Unwritable { .. }
        | PassError::Cycle(_)
        | PassError::Secret(_) => status.health.is_some(),
    };
    if unread {
        let message = format!("AWS was not read: {}", without_request_id(&error.to_string()));
        note_health(status, &Assessment::unknown(reason, message), now);
    }
}
