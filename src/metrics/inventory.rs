//! What the objects of the cluster come to: how many, how well, how dear. Each is added and taken out by itself, so
//! that neither an event nor a look at the metrics costs a look at all objects.

use crate::agents::counts::Counts;
use crate::api::conditions::ConditionType;
use crate::api::resource::{AwsResource, AwsResourceStatus, Health, ResourceState};
use crate::cost::Sum;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use std::collections::BTreeMap;

/// The kind of an object that is of none, or of several.
const INVALID: &str = "Invalid";

/// What one object adds to the sums of its account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// The name of its AwsAccount.
    pub account: String,
    /// Its kind.
    pub kind: &'static str,
    /// Where it is in its life, once that is known.
    pub state: Option<ResourceState>,
    /// Whether it does its work.
    pub health: Health,
    /// Its cost in USD per day, as its status has it.
    pub per_day: Option<String>,
    /// Whether prices of another region stand in for some of its own.
    pub is_priced_elsewhere: bool,
    /// The historical agent that owns it.
    pub owner: Option<String>,
    /// Whether a service agent governs it.
    pub is_governed: bool,
    /// Why nothing goes on until somebody acts, where that is so.
    pub stalled: Option<String>,
    /// What each of its recommendations would save, in USD per day.
    pub savings: Vec<String>,
}

impl Share {
    /// What this object adds.
    pub fn of(object: &AwsResource) -> Self {
        let status = object.status.as_ref();
        let changes = status.map(|status| status.recommendations.as_slice()).unwrap_or_default();
        let changes = changes.iter().filter_map(|open| open.cost_change_per_day.as_ref());
        Self {
            account: object.spec.account_ref.name.clone(),
            kind: object.spec.kind.name().map_or(INVALID, |kind| kind.as_str()),
            state: status.and_then(|status| status.state),
            health: status.and_then(|status| status.health).unwrap_or(Health::Unknown),
            per_day: status.and_then(|status| status.cost_per_day.clone()),
            is_priced_elsewhere: status.is_some_and(is_priced_elsewhere),
            owner: status.and_then(|status| status.owner.clone()),
            is_governed: status.is_some_and(|status| status.service_agent.is_some()),
            stalled: status.and_then(stalled_for),
            savings: changes.filter_map(|change| change.strip_prefix('-')).map(str::to_owned).collect(),
        }
    }
}

/// Whether its cost is known, and is of prices of another region.
fn is_priced_elsewhere(status: &AwsResourceStatus) -> bool {
    let cost = status.cost.as_ref().filter(|_| status.cost_per_day.is_some());
    cost.is_some_and(|cost| cost.priced_as_in.is_some())
}

/// Why nothing goes on until somebody acts, where that is so.
fn stalled_for(status: &AwsResourceStatus) -> Option<String> {
    let holds = |one: &&Condition| one.type_ == ConditionType::Stalled.as_str() && one.status == "True";
    status.conditions.iter().find(holds).map(|one| one.reason.clone())
}

/// Kind, state and health.
pub type Class = (&'static str, Option<ResourceState>, Health);

/// What the objects of an account come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// How many there are of each class.
    pub classes: Counts<Class>,
    /// How many are stalled, by kind and reason.
    pub stalled: Counts<(&'static str, String)>,
    /// What all of them cost.
    pub cost: Sum,
    /// What those of each owner cost.
    pub cost_by_owner: BTreeMap<Option<String>, Sum>,
    /// What recommendations would save.
    pub savings: Sum,
    /// How many a service agent governs.
    pub governed: i32,
}

impl Sums {
    /// Adds an object.
    pub fn add(&mut self, share: &Share) {
        let per_day = share.per_day.as_deref();
        self.classes.add((share.kind, share.state, share.health));
        share.stalled.iter().for_each(|reason| self.stalled.add((share.kind, reason.clone())));
        self.cost.add(per_day);
        if share.is_priced_elsewhere {
            self.cost.add_stand_in();
        }
        self.cost_by_owner.entry(share.owner.clone()).or_default().add(per_day);
        share.savings.iter().for_each(|saved| self.savings.add(Some(saved)));
        self.governed += i32::from(share.is_governed);
    }

    /// Takes out an object that was added with this share.
    pub fn remove(&mut self, share: &Share) {
        let per_day = share.per_day.as_deref();
        self.classes.remove(&(share.kind, share.state, share.health));
        share.stalled.iter().for_each(|reason| self.stalled.remove(&(share.kind, reason.clone())));
        self.cost.remove(per_day);
        if share.is_priced_elsewhere {
            self.cost.remove_stand_in();
        }
        if let Some(cost) = self.cost_by_owner.get_mut(&share.owner) {
            cost.remove(per_day);
            if *cost == Sum::default() {
                self.cost_by_owner.remove(&share.owner);
            }
        }
        share.savings.iter().for_each(|saved| self.savings.remove(Some(saved)));
        self.governed -= i32::from(share.is_governed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_taken_out_again_leaves_no_trace() {
        let object = |status: serde_json::Value| -> AwsResource {
            serde_json::from_value(json!({
                "apiVersion": "aws.ccagi.io/v1alpha1", "kind": "AwsResource", "metadata": {"name": "one"},
                "spec": {"accountRef": {"name": "shop"}, "s3Bucket": {"bucketName": "one"}}, "status": status,
            }))
            .unwrap()
        };
        let stalled = json!({
            "type": "Stalled", "status": "True", "reason": "AccessDenied", "message": "",
            "lastTransitionTime": "2026-11-24T00:00:00Z",
        });
        let open = json!({
            "id": "1", "action": "Restart", "proposal": "", "reason": "", "approve": "", "since": "",
            "costChangePerDay": "-0.25",
        });
        let stays = Share::of(&object(json!({"state": "Active", "health": "Healthy", "costPerDay": "0.10"})));
        let goes = [
            Share::of(&object(
                json!({"owner": "BillGates", "serviceAgent": "data", "costPerDay": "0.20", "cost": {"pricedAsIn": "us-east-1"}}),
            )),
            Share::of(&object(json!({"conditions": [stalled], "recommendations": [open]}))),
            Share::of(&object(json!(null))),
        ];
        assert_eq!(
            (goes[1].stalled.as_deref(), goes[1].savings.as_slice()),
            (Some("AccessDenied"), ["0.25".into()].as_slice())
        );
        let (mut sums, mut only) = (Sums::default(), Sums::default());
        only.add(&stays);
        goes.iter().chain([&stays]).for_each(|share| sums.add(share));
        assert_eq!((sums.classes.total(), sums.governed), (4, 1));
        assert_eq!(sums.savings.known().map(|usd| usd.to_string()).as_deref(), Some("0.25"));
        goes.iter().for_each(|share| sums.remove(share));
        assert_eq!(sums, only);
    }
}
