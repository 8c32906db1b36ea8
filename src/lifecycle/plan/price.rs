//! What a plan does to the cost of a resource, at list prices.

use super::{Ground, Plan, Step};
use crate::api::resource::{Change, ResourceState};
use crate::cost::{Costs, Found, HOURS_PER_MONTH, PriceBook, price};
use crate::kinds::Kind;
use crate::lifecycle::decide::Sight;
use crate::lifecycle::observe::View;
use rust_decimal::Decimal;
use serde_json::Value;
use std::collections::BTreeSet;

/// The cost before and after a plan was carried out, in USD per day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CostChange {
    /// What the resource costs now; `None` where a price is missing.
    pub before: Option<Decimal>,
    /// What it will cost; `None` where a price is missing.
    pub after: Option<Decimal>,
    /// What has no price in the book.
    pub missing: Vec<String>,
    /// What comes on top and depends on use, or on what is not known yet.
    pub not_included: Vec<String>,
    /// The region whose prices stand in for some that the book does not have.
    pub priced_as_in: Option<&'static str>,
}

impl CostChange {
    /// What the plan adds per day, or saves.
    pub fn per_day(&self) -> Option<Decimal> {
        Some(self.after? - self.before?)
    }
}

/// An amount per day as one for a month of 730 hours, by which AWS's own calculator goes.
pub fn per_month(per_day: Decimal) -> Decimal {
    per_day * HOURS_PER_MONTH / Decimal::from(24)
}

/// What the plan does to the cost of the resource; `None` where it is somebody else's or more than one.
pub(super) fn cost_change<K: Kind>(plan: &Plan, ground: &Ground<K>, book: &PriceBook) -> Option<CostChange> {
    let carried = plan.changes.iter().filter(|change| plan.carries_out(change));
    let (now, then) = paid_for::<K>(plan.step(), carried, &ground.desired.spec, &ground.view)?;
    let (now, then) = (price(&now, ground.aws.region(), book), price(&then, ground.aws.region(), book));
    let missing: BTreeSet<String> = now.missing.iter().chain(&then.missing).map(|item| item.in_words()).collect();
    Some(CostChange {
        before: now.total(),
        after: then.total(),
        missing: missing.into_iter().collect(),
        not_included: then.not_included.into_iter().map(|item| item.what).collect(),
        priced_as_in: then.priced_as_in.or(now.priced_as_in),
    })
}

/// What is paid for before and after a step that makes these changes; `None` where the resource is somebody
/// else's or more than one.
pub(in crate::lifecycle) fn paid_for<'a, K: Kind>(
    step: Step,
    changes: impl Iterator<Item = &'a Change>,
    desired: &K::Spec,
    view: &View<K>,
) -> Option<(Costs, Costs)> {
    if matches!(view.sight, Sight::Foreign(_) | Sight::Ambiguous(_) | Sight::Unseen) {
        return None;
    }
    let found = view.found.as_ref().map(|(_, observed)| observed);
    let now = found.map_or_else(Costs::default, |observed| K::cost_items(&observed.spec, observed.for_cost()));
    let then = match step {
        Step::Create => K::cost_items(desired, Found::declared()),
        Step::Delete => Costs::default(),
        Step::Update | Step::Restart | Step::Adopt => {
            let observed = found?;
            let spec = merged::<K>(&observed.spec, desired, changes)?;
            // A restart ends with a start.
            let state = if step == Step::Restart { ResourceState::Active } else { observed.state };
            K::cost_items(&spec, Found { state, ..observed.for_cost() })
        }
        Step::Replace | Step::Release | Step::Wait | Step::Refuse | Step::Nothing => now.clone(),
    };
    Some((now, then))
}

/// What was observed, with the members that the changes touch as they are declared.
fn merged<'a, K: Kind>(
    observed: &K::Spec,
    desired: &K::Spec,
    changes: impl Iterator<Item = &'a Change>,
) -> Option<K::Spec> {
    let mut becomes = serde_json::to_value(observed).ok()?;
    let wanted = serde_json::to_value(desired).ok()?;
    let roots: BTreeSet<&str> = changes.filter_map(|change| change.path.split(['.', '[']).next()).collect();
    for root in roots {
        if let (Some(wanted), Some(members)) = (wanted.get(root), becomes.as_object_mut()) {
            overlay(members.entry(root).or_insert(Value::Null), wanted);
        }
    }
    serde_json::from_value(becomes).ok()
}

fn overlay(found: &mut Value, wanted: &Value) {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => {
            for (name, value) in wanted.iter().filter(|(_, value)| !value.is_null()) {
                overlay(found.entry(name).or_insert(Value::Null), value);
            }
        }
        (found, wanted) => *found = wanted.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::ec2_instance::Ec2Instance;
    use serde_json::json;

    fn change(path: &str) -> Change {
        serde_json::from_value(json!({"path": path, "effect": "InPlace"})).unwrap()
    }

    #[test]
    fn what_becomes_of_a_resource_has_only_the_changes_that_are_carried_out() {
        let spec = |value: Value| serde_json::from_value(value).unwrap();
        let observed = spec(json!({"imageId": "ami-1", "instanceType": "t3.micro"}));
        let desired = spec(json!({"imageId": "ami-2", "instanceType": "t3.small"}));
        let becomes = merged::<Ec2Instance>(&observed, &desired, [change("instanceType")].iter()).unwrap();
        assert_eq!((becomes.image_id.as_str(), becomes.instance_type.as_str()), ("ami-1", "t3.small"));
    }

    #[test]
    fn what_the_spec_does_not_name_stays_as_it_was_observed() {
        let mut found = json!({"a": {"x": 1, "y": 2}});
        overlay(&mut found, &json!({"a": {"x": 3}, "b": null}));
        assert_eq!(found, json!({"a": {"x": 3, "y": 2}}));
    }

    #[test]
    fn a_month_has_730_hours() {
        assert_eq!(per_month(Decimal::from(24)), Decimal::from(730));
    }

    #[test]
    fn without_a_price_there_is_no_difference() {
        let change = CostChange { before: Some(Decimal::ONE), ..CostChange::default() };
        assert_eq!(change.per_day(), None);
    }
}
