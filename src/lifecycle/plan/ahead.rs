//! Looks ahead: what the controller would come to do in AWS for an object as things are now.
//!
//! The passes are the controller's own. Between two of them it writes down in the object what it is about
//! to do; here that is noted in memory only, and the first action that would touch AWS ends the walk.

use super::{Examined, Plan};
use crate::api::resource::{AwsResource, ResourceState};
use crate::api::{ANNOTATION_PAUSED, FINALIZER};
use crate::cost::PriceBook;
use crate::kinds::{Kind, KindSpec, with_kind};
use crate::lifecycle::context::Context;
use crate::lifecycle::decide::{Action, Facts};
use crate::lifecycle::error::PassError;
use crate::lifecycle::intent::Draft;
use crate::lifecycle::plan::price::{CostChange, cost_change};
use crate::lifecycle::{PASSES, Walk, objects, status};
use futures::future::BoxFuture;
use kube::ResourceExt;

/// What is ahead of one object.
#[derive(Clone, Debug)]
pub struct Ahead {
    /// What is to be done.
    pub plan: Plan,
    /// Where, unless that did not matter.
    pub place: Option<Place>,
    /// What that does to the cost; `None` where the resource was not looked at.
    pub cost: Option<CostChange>,
}

/// An account and a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The account's twelve digits.
    pub account_id: String,
    /// The region.
    pub region: String,
}

/// Looks ahead of the object, which must have been read from the API server just now or not be there yet.
/// The references between objects come from the context's graph; one to an object that is still to be made
/// has a placeholder for its value. Nothing is written.
///
/// # Errors
/// Why a pass of the controller would not come to its end.
pub async fn ahead(object: AwsResource, cx: &Context, book: &PriceBook) -> Result<Ahead, PassError> {
    let mut walk = Walk::new(object, cx);
    (walk.looks_ahead, walk.current) = (true, true);
    if walk.object.annotations().get(ANNOTATION_PAUSED).is_some_and(|value| value == "true") {
        let id = walk.object.status.as_ref().and_then(|status| status.id.clone());
        let mut plan = Plan::without_looking(Action::Nothing, id);
        plan.notes.push(format!("Paused by the annotation {ANNOTATION_PAUSED}; AWS was not looked at."));
        return Ok(Ahead { plan, place: None, cost: None });
    }
    match walk.foresee(book).await {
        // The controller says so in the status and goes on as soon as it can, which is no failure.
        Err(PassError::Awaiting(why)) => Ok(Ahead { plan: walk.waiting(&why), place: None, cost: None }),
        outcome => outcome,
    }
}

impl Walk<'_> {
    async fn foresee(&mut self, book: &PriceBook) -> Result<Ahead, PassError> {
        let mut notes = Vec::new();
        let mut passes = 0;
        loop {
            passes += 1;
            let kind: KindSpec = self.object.spec.kind.the_one().ok_or(PassError::NoKind)?;
            let (mut ahead, facts) = with_kind!(kind, K, spec => self.boxed_pass_ahead::<K>(spec, book)).await?;
            if passes == PASSES || !self.note_down(&ahead, &facts, &mut notes) {
                ahead.plan.notes.splice(0..0, notes);
                return Ok(ahead);
            }
        }
    }

    fn waiting(&self, why: &[String]) -> Plan {
        let after = self.cx.config.drift_period;
        let action = Action::Wait { after, reason: "DependencyNotReady", why: why.join(" ") };
        Plan::without_looking(action, self.object.status.as_ref().and_then(|status| status.id.clone()))
    }

    /// One pass, on the heap, as the controller's own are.
    fn boxed_pass_ahead<'b, K: Kind>(
        &'b mut self,
        spec: K::Spec,
        book: &'b PriceBook,
    ) -> BoxFuture<'b, Result<(Ahead, Facts), PassError>> {
        Box::pin(self.one_pass::<K>(spec, book))
    }

    async fn one_pass<K: Kind>(&mut self, spec: K::Spec, book: &PriceBook) -> Result<(Ahead, Facts), PassError> {
        let Examined { plan, facts, ground } = self.examine::<K>(spec).await?;
        let place = ground
            .as_ref()
            .map(|ground| Place { account_id: ground.aws.account_id().into(), region: ground.aws.region().into() });
        let cost = ground.and_then(|ground| cost_change::<K>(&plan, &ground, book));
        Ok((Ahead { plan, place, cost }, facts))
    }

    /// Does in memory what the action would write into the object; `false` where the action is another.
    fn note_down(&mut self, ahead: &Ahead, facts: &Facts, notes: &mut Vec<String>) -> bool {
        let (action, object) = (&ahead.plan.action, &mut self.object);
        match (action, &ahead.place) {
            (Action::WriteIntent { incarnation }, Some(place)) => {
                if !objects::has_finalizer(object) {
                    object.finalizers_mut().push(FINALIZER.to_owned());
                }
                let draft = Draft {
                    cluster: &self.cx.cluster_id,
                    uid: &self.uid,
                    account_id: &place.account_id,
                    region: &place.region,
                    request_hash: &facts.request_hash,
                    lease_transitions: None,
                };
                if facts.intent.is_some() && *incarnation > 1 {
                    notes.push("The resource is gone from AWS and is made again.".into());
                }
                let intent = draft.intent(*incarnation, facts.now);
                self.intent_is_fresh = facts.begins(*incarnation);
                let keys = object.spec.tags.keys().cloned().collect();
                status::begin(object.status.get_or_insert_default(), intent, keys, self.intent_is_fresh);
            }
            (Action::Reread, _) => self.current = true,
            (Action::ExpectEffect, _) => status::expect_effect(object.status.get_or_insert_default()),
            (Action::Record(id), _) => object.status.get_or_insert_default().id = Some(id.clone()),
            (Action::BeginRestart, _) => {
                let status = object.status.get_or_insert_default();
                status.restarting_since = Some(facts.now.to_string());
                status.state = Some(ResourceState::Updating);
            }
            (Action::EndRestart, _) => object.status.get_or_insert_default().restarting_since = None,
            _ => return false,
        }
        true
    }
}
