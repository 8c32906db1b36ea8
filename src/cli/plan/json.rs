//! The plan for machines.

use super::files::Failure;
use super::{Report, Row};
use crate::cost::usd;
use crate::lifecycle::graph;
use crate::lifecycle::plan::price::{CostChange, per_month};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The whole plan. What is not known is left out.
pub(super) fn report(report: &Report) -> Value {
    let failures: Vec<Value> = report.failures.iter().map(failure).collect();
    let (total, unknown) = report.cost();
    json!({
        "complete": failures.is_empty(),
        "objects": report.rows.iter().map(row).collect::<Vec<_>>(),
        "failures": failures,
        "remarks": report.remarks,
        "cost": cost_of_all(report, total, unknown),
    })
}

fn cost_of_all(report: &Report, total: Decimal, unknown: usize) -> Value {
    let mut cost = json!({"perDay": usd(total), "perMonth": usd(per_month(total)), "unknown": unknown});
    let elsewhere = report.priced_as_in();
    if !elsewhere.is_empty() {
        cost["pricedAsIn"] = json!(elsewhere);
    }
    cost
}

fn failure(failure: &Failure) -> Value {
    json!({"what": failure.what, "reason": failure.reason, "message": failure.message})
}

fn row(row: &Row) -> Value {
    let plan = &row.ahead.plan;
    let (namespace, name) = graph::key(&row.object);
    let changes = plan.changes.iter().map(|change| {
        let mut value = json!(change);
        value["carriedOut"] = plan.carries_out(change).into();
        value
    });
    let (reason, message) = plan.why().unzip();
    let parts = [
        ("kind", row.object.spec.kind.the_one().map(|kind| json!(kind.name()))),
        ("account", Some(json!(row.object.spec.account_ref.name))),
        ("accountId", row.ahead.place.as_ref().map(|place| json!(place.account_id))),
        ("region", row.ahead.place.as_ref().map(|place| json!(place.region))),
        ("id", plan.id.as_ref().map(|id| json!(id))),
        ("state", plan.state.map(|state| json!(state))),
        ("health", plan.health.map(|health| json!(health))),
        ("step", Some(json!(plan.step()))),
        ("action", Some(json!(plan.action.name()))),
        ("reason", reason.map(|reason| json!(reason))),
        ("message", message.map(|message| json!(message))),
        ("differs", Some(json!(plan.differs()))),
        ("changes", Some(changes.collect())),
        ("followUps", Some(json!(plan.follow_ups))),
        ("waitsFor", Some(json!(plan.waits_for))),
        ("notes", Some(json!(plan.notes))),
        ("cost", row.ahead.cost.as_ref().map(cost)),
    ];
    let mut value = Map::from_iter([("namespace".into(), json!(namespace)), ("name".into(), json!(name))]);
    value.extend(parts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    value.into()
}

fn cost(cost: &CostChange) -> Value {
    let mut value = json!({"missing": cost.missing, "notIncluded": cost.not_included});
    let month = cost.per_day().map(per_month);
    let amounts = [("before", cost.before), ("after", cost.after), ("perDay", cost.per_day()), ("perMonth", month)];
    for (name, amount) in amounts {
        if let Some(amount) = amount {
            value[name] = json!(usd(amount));
        }
    }
    if let Some(region) = cost.priced_as_in {
        value["pricedAsIn"] = json!(region);
    }
    value
}

impl Report {
    /// The regions whose prices stand in for some of those that the sum is made of.
    pub(super) fn priced_as_in(&self) -> BTreeSet<&'static str> {
        let known = self.rows.iter().filter_map(|row| row.ahead.cost.as_ref());
        let changed = known.filter(|cost| cost.per_day().is_some_and(|per_day| !per_day.is_zero()));
        changed.filter_map(|cost| cost.priced_as_in).collect()
    }

    /// What all plans together add per day, and of how many that is not known.
    pub(super) fn cost(&self) -> (Decimal, usize) {
        let of_rows = || self.rows.iter().filter_map(|row| row.ahead.cost.as_ref()).map(CostChange::per_day);
        (of_rows().flatten().sum(), of_rows().filter(Option::is_none).count())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{report as sample, row};
    use super::*;
    use crate::lifecycle::decide::Action;

    #[test]
    fn every_change_says_whether_it_is_carried_out() {
        let change: crate::api::resource::Change =
            serde_json::from_value(json!({"path": "a", "to": "1", "effect": "InPlace"})).unwrap();
        let other = crate::api::resource::Change { path: "b".into(), ..change.clone() };
        let action = Action::Update(vec![change.clone()]);
        let value = report(&sample(vec![row(action, vec![change, other])]));
        let object = &value["objects"][0];
        assert_eq!(
            (&object["step"], &object["action"], &object["id"]),
            (&json!("update"), &json!("Update"), &json!("i-1"))
        );
        assert_eq!(object["changes"][0]["carriedOut"], true);
        assert_eq!(object["changes"][1]["carriedOut"], false);
        assert_eq!(value["complete"], true);
    }

    #[test]
    fn what_could_not_be_planned_makes_the_plan_incomplete() {
        let mut report = sample(Vec::new());
        report.failures.push(Failure::new("shop/web", "UnknownAccount", "there is no AwsAccount x"));
        let value = super::report(&report);
        assert_eq!((&value["complete"], &value["failures"][0]["what"]), (&json!(false), &json!("shop/web")));
    }

    #[test]
    fn an_unknown_cost_is_counted_and_not_taken_for_zero() {
        let mut unknown = row(Action::Create, Vec::new());
        unknown.ahead.cost = Some(CostChange { before: Some(Decimal::ZERO), ..CostChange::default() });
        let value = report(&sample(vec![unknown]));
        assert_eq!(value["cost"]["unknown"], 1);
        assert_eq!(value["objects"][0]["cost"].get("after"), None);
    }
}
