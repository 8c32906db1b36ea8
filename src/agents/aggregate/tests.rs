use super::*;
use crate::api::resource::AwsResource;
use crate::api::resource::AwsResourceStatus;
use crate::api::service_agent::{AgentAction, DecisionGround};
use serde_json::json;

fn resource(name: &str, status: serde_json::Value) -> AwsResource {
    let object = json!({
        "apiVersion": "aws.ccagi.io/v1alpha1", "kind": "AwsResource",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"accountRef": {"name": "a"}, "s3Bucket": {"bucketName": "b"}},
        "status": status,
    });
    serde_json::from_value(object).unwrap()
}

fn status(health: &str, cost: Option<&str>, ready: bool) -> serde_json::Value {
    let condition = json!({
        "type": "Ready", "status": if ready { "True" } else { "False" }, "reason": "R", "message": "",
        "lastTransitionTime": "2026-11-24T00:00:00Z",
    });
    json!({"health": health, "costPerDay": cost, "state": "Active", "conditions": [condition]})
}

fn tally(resources: &[AwsResource]) -> Tally {
    let mut tally = Tally::default();
    for resource in resources {
        tally.add(&Share::of(resource, Agent::SteveJobs, 5));
    }
    tally
}

fn aggregated(resources: &[AwsResource]) -> ServiceAgentStatus {
    tally(resources).status(&ServiceAgentSpec::default(), [].iter(), &ServiceAgentStatus::default())
}

#[test]
fn the_worst_health_counts_and_not_to_know_is_worse_than_well() {
    let of = |healths: &[&str]| {
        let resources: Vec<_> = healths
            .iter()
            .enumerate()
            .map(|(place, health)| resource(&place.to_string(), status(health, None, true)))
            .collect();
        aggregated(&resources).health
    };
    assert_eq!(of(&[]), None);
    assert_eq!(of(&["Healthy", "Healthy"]), Some(Health::Healthy));
    assert_eq!(of(&["Healthy", "Unknown"]), Some(Health::Unknown));
    assert_eq!(of(&["Unknown", "Degraded", "Healthy"]), Some(Health::Degraded));
    assert_eq!(of(&["Unhealthy", "Degraded"]), Some(Health::Unhealthy));
}

#[test]
fn the_sum_is_exact_and_what_has_no_cost_is_counted_and_not_taken_for_nothing() {
    let with = |costs: &[Option<&str>]| {
        let resources: Vec<_> = costs.iter().map(|cost| resource("r", status("Healthy", *cost, true))).collect();
        let found = aggregated(&resources);
        (found.cost_per_day, found.resources_without_cost.unwrap())
    };
    assert_eq!(with(&[Some("0.10"), Some("0.20")]), (Some("0.30".into()), 0));
    assert_eq!(with(&[Some("0.2496"), Some("0.0004")]), (Some("0.25".into()), 0));
    assert_eq!(with(&[Some("1"), None]), (Some("1.00".into()), 1));
    assert_eq!(with(&[None]), (None, 1));
    assert_eq!(with(&[Some("dear")]), (None, 1));
}

#[test]
fn a_thousand_resources_leave_a_status_that_lists_the_worst_ten() {
    let resources: Vec<_> = (0..1000)
        .map(|number| {
            let health = if number % 100 == 0 { "Unhealthy" } else { "Degraded" };
            resource(&format!("r-{number:04}"), status(health, Some("0.01"), true))
        })
        .collect();
    let found = aggregated(&resources);
    assert_eq!(found.resources, Some(1000));
    assert_eq!(found.cost_per_day.as_deref(), Some("10.00"));
    assert_eq!(found.resources_by_health["Unhealthy"], 10);
    let worst: Vec<&str> = found.worst.iter().map(|one| one.name.as_str()).collect();
    let expected: Vec<String> = (0..10).map(|number| format!("r-{:04}", number * 100)).collect();
    assert_eq!(worst, expected);
    assert!(serde_json::to_string(&found).unwrap().len() < 4096);
}

#[test]
fn what_is_as_it_should_be_is_not_among_the_worst() {
    let found =
        aggregated(&[resource("well", status("Healthy", None, true)), resource("new", status("Healthy", None, false))]);
    assert_eq!(found.worst.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["new"]);
    assert_eq!(found.state, Some(AgentState::Progressing));
}

#[test]
fn recommendations_and_decisions_are_counted_and_bounded() {
    let busy = |number: usize| {
        let open = json!({
            "id": format!("{number}"), "action": "Recreate", "proposal": "p", "reason": "r", "approve": "a",
            "since": format!("2026-11-24T00:00:{number:02}Z"),
        });
        let taken = json!({"action": "Start", "ground": "Autonomy", "at": format!("2026-11-24T01:00:{number:02}Z")});
        let mut status = status("Healthy", None, true);
        status["recommendations"] = json!([open]);
        status["lastDecision"] = taken;
        resource(&format!("r-{number:02}"), status)
    };
    let found = aggregated(&(0..30).map(busy).collect::<Vec<_>>());
    assert_eq!((found.open_recommendations, found.state), (Some(30), Some(AgentState::AwaitingApproval)));
    assert_eq!(found.recommendations.len(), 10);
    assert_eq!(found.recommendations[0].name, "r-00", "the longest waiting");
    assert_eq!(found.last_decisions.len(), 10);
    assert_eq!(found.last_decisions[0].name, "r-29", "the latest");
}

#[test]
fn a_decision_outlives_its_resource_and_is_told_once() {
    let taken = ResourceDecision {
        name: "gone".into(),
        action: AgentAction::Recreate,
        ground: DecisionGround::Approval,
        at: "2026-11-24T00:00:00Z".into(),
    };
    let old = ServiceAgentStatus { last_decisions: vec![taken.clone()], ..Default::default() };
    let mut status = AwsResourceStatus::default();
    let own =
        crate::api::service_agent::TakenDecision { action: taken.action, ground: taken.ground, at: taken.at.clone() };
    status.last_decision = Some(own);
    let same = resource("gone", serde_json::to_value(status).unwrap());
    assert_eq!(
        tally(&[same]).status(&ServiceAgentSpec::default(), [].iter(), &old).last_decisions,
        std::slice::from_ref(&taken)
    );
    assert_eq!(tally(&[]).status(&ServiceAgentSpec::default(), [].iter(), &old).last_decisions, [taken]);
}

#[test]
fn the_owner_of_most_resources_decides_unless_the_spec_says_otherwise() {
    let one = resource("r", json!({}));
    let mut tally = Tally::default();
    for owner in [Agent::Noguchi, Agent::BillGates, Agent::Noguchi] {
        tally.add(&Share::of(&one, owner, 6));
    }
    tally.add(&Share::of(&one, Agent::BillGates, 4));
    tally.add(&Share::of(&one, Agent::Noguchi, 5));
    let spec = ServiceAgentSpec { depends_on: vec!["mail".into()], ..Default::default() };
    let found = tally.status(&spec, ["net".to_owned()].iter(), &ServiceAgentStatus::default());
    assert_eq!(found.decision_maker, Some(Agent::Noguchi));
    assert_eq!(found.autonomy_level, Some(4), "the lowest");
    assert_eq!(found.dependencies, ["mail", "net"]);
    let spec = ServiceAgentSpec { decision_maker: Some(Agent::Kotler), autonomy_level: Some(3), ..Default::default() };
    let none = Tally::default().status(&spec, [].iter(), &ServiceAgentStatus::default());
    assert_eq!((none.decision_maker, none.autonomy_level), (Some(Agent::Kotler), Some(3)));
    assert_eq!((none.state, none.health, none.cost_per_day), (Some(AgentState::Idle), None, None));
}

#[test]
fn an_agent_that_selects_nothing_says_so_and_is_no_error() {
    let verdict = super::verdict(&[], 0);
    assert!(verdict.ready && verdict.reason == "NoResources", "{verdict:?}");
    let tie = super::verdict(&[("AmbiguousSelector", "a and b.".into())], 3);
    assert!(!tie.ready && tie.message == "a and b.");
}
