//! An EC2 instance: `State.Name` and `StateReason.Code` of DescribeInstances; `InstanceStatus`,
//! `SystemStatus`, `AttachedEbsStatus` and `Events` of DescribeInstanceStatus (EC2 User Guide, "Status
//! checks for your instances" and "Scheduled events for your instances").

use super::Assessment;
use std::time::Duration;

/// How long status checks may be initializing before that is a matter. They take some minutes after a
/// start; EC2 waits as long before an Auto Scaling group counts them.
const GRACE: Duration = Duration::from_secs(15 * 60);

/// The fields of an instance.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    /// `State.Name`.
    pub state: Option<&'a str>,
    /// `StateReason.Code`.
    pub state_reason: Option<&'a str>,
    /// Time since `LaunchTime`, which is the last start.
    pub running_for: Duration,
    /// The status checks.
    pub checks: Checks<'a>,
}

/// The status checks as far as AWS shows them.
#[derive(Clone, Debug, Default)]
pub enum Checks<'a> {
    /// AWS shows none: the instance does not run, or not for long.
    #[default]
    None,
    /// What AWS shows.
    Read {
        /// `SystemStatus.Status`.
        system: Option<&'a str>,
        /// `InstanceStatus.Status`.
        instance: Option<&'a str>,
        /// `AttachedEbsStatus.Status`.
        volumes: Option<&'a str>,
        /// `Events.Code` of the events that are neither completed nor cancelled.
        events: Vec<&'a str>,
    },
}

/// The judgement on an instance. One that is on its way somewhere, or that somebody has stopped, is
/// neither well nor ill.
pub fn judge(fields: &Fields<'_>) -> Assessment {
    let reason = fields.state_reason.unwrap_or_default();
    match fields.state {
        Some("running") => judge_running(fields),
        Some("pending") => Assessment::unknown("Pending", "The instance is being started."),
        Some("stopping") => Assessment::unknown("Stopping", "The instance is being stopped."),
        Some("shutting-down") => Assessment::unknown("ShuttingDown", "The instance is being terminated."),
        Some("stopped") if is_failure(reason) => {
            Assessment::unhealthy("StoppedByFailure", format!("AWS stopped the instance: {reason}."))
        }
        Some("stopped") => Assessment::unknown("Stopped", "The instance is stopped, and AWS names no failure."),
        Some("terminated") => Assessment::unhealthy("Terminated", "The instance is terminated."),
        Some(state) => {
            Assessment::unknown("UnknownState", format!("State is {state}, which this version does not know."))
        }
        None => Assessment::unknown("NoState", "AWS shows no State."),
    }
}

/// Whether nobody asked for the stop (API reference, StateReason: the codes with `Server.`, and those
/// that say what the launch ran into).
fn is_failure(code: &str) -> bool {
    let asked = ["Client.UserInitiatedShutdown", "Client.InstanceInitiatedShutdown", "Client.UserInitiatedHibernate"];
    let scheduled = ["Server.ScheduledStop"];
    !code.is_empty() && !asked.contains(&code) && !scheduled.contains(&code)
}

fn judge_running(fields: &Fields<'_>) -> Assessment {
    let (system, instance, volumes, events) = match &fields.checks {
        Checks::None => return Assessment::unknown("NoStatusChecks", "AWS shows no status checks yet."),
        Checks::Read { system, instance, volumes, events } => (*system, *instance, *volumes, events),
    };
    let checks = [
        ("SystemStatus", system, "SystemCheckFailed"),
        ("InstanceStatus", instance, "InstanceCheckFailed"),
        // Instances without EBS volumes, and regions without the check, show none.
        (
            "AttachedEbsStatus",
            volumes.filter(|status| *status != "not-applicable").or(Some("ok")),
            "AttachedEbsCheckFailed",
        ),
    ];
    if let Some((name, status, reason)) = checks.iter().find(|(_, status, _)| *status == Some("impaired")) {
        return Assessment::unhealthy(reason, format!("{name} is {}.", status.unwrap_or_default()));
    }
    if let Some((name, status, _)) = checks.iter().find(|(_, status, _)| *status != Some("ok")) {
        return not_ok(name, *status, fields.running_for);
    }
    match events.first() {
        Some(event) => Assessment::degraded("ScheduledEvent", format!("AWS has scheduled {event} for the instance.")),
        None => Assessment::healthy("StatusChecksPassed", "SystemStatus and InstanceStatus are ok."),
    }
}

/// A check that is neither ok nor impaired.
fn not_ok(name: &str, status: Option<&str>, running_for: Duration) -> Assessment {
    match status {
        Some("initializing") if running_for > GRACE => {
            let minutes = GRACE.as_secs() / 60;
            Assessment::degraded("InitializingLong", format!("{name} is initializing for more than {minutes} minutes."))
        }
        Some("initializing") => Assessment::unknown("Initializing", format!("{name} is initializing.")),
        Some("insufficient-data") => Assessment::unknown("InsufficientData", format!("{name} is insufficient-data.")),
        Some("not-applicable") => Assessment::unknown("NotApplicable", format!("{name} is not-applicable.")),
        Some(status) => {
            Assessment::unknown("UnknownState", format!("{name} is {status}, which this version does not know."))
        }
        None => Assessment::unknown("NoStatusChecks", format!("AWS shows no {name} yet.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::resource::Health::{self, Degraded, Healthy, Unhealthy, Unknown};

    fn judged(state: &str, state_reason: Option<&str>, minutes: u64, checks: Checks<'_>) -> (Health, &'static str) {
        let running_for = Duration::from_secs(60 * minutes);
        let verdict = judge(&Fields { state: Some(state), state_reason, running_for, checks });
        (verdict.health, verdict.reason)
    }

    fn running(system: &str, instance: &str, minutes: u64) -> (Health, &'static str) {
        let checks = Checks::Read { system: Some(system), instance: Some(instance), volumes: None, events: vec![] };
        judged("running", None, minutes, checks)
    }

    #[test]
    fn a_running_instance_is_as_well_as_the_worse_of_its_checks() {
        let rows = [
            ("ok", "ok", (Healthy, "StatusChecksPassed")),
            ("impaired", "ok", (Unhealthy, "SystemCheckFailed")),
            ("ok", "impaired", (Unhealthy, "InstanceCheckFailed")),
            ("impaired", "insufficient-data", (Unhealthy, "SystemCheckFailed")),
            ("insufficient-data", "impaired", (Unhealthy, "InstanceCheckFailed")),
            ("ok", "insufficient-data", (Unknown, "InsufficientData")),
            ("not-applicable", "not-applicable", (Unknown, "NotApplicable")),
            ("initializing", "ok", (Unknown, "Initializing")),
            ("ok", "brand-new", (Unknown, "UnknownState")),
        ];
        for (system, instance, expected) in rows {
            assert_eq!(running(system, instance, 3), expected, "{system} {instance}");
        }
    }

    #[test]
    fn checks_that_stay_initializing_are_a_matter_after_a_while() {
        assert_eq!(running("ok", "initializing", 15), (Unknown, "Initializing"));
        assert_eq!(running("ok", "initializing", 16), (Degraded, "InitializingLong"));
    }

    #[test]
    fn volumes_that_cannot_be_reached_and_scheduled_events_count() {
        let with = |volumes: Option<&'static str>, events: Vec<&'static str>| {
            judged("running", None, 60, Checks::Read { system: Some("ok"), instance: Some("ok"), volumes, events })
        };
        assert_eq!(with(Some("ok"), vec![]), (Healthy, "StatusChecksPassed"));
        assert_eq!(with(Some("not-applicable"), vec![]), (Healthy, "StatusChecksPassed"));
        assert_eq!(with(Some("impaired"), vec![]), (Unhealthy, "AttachedEbsCheckFailed"));
        assert_eq!(with(None, vec!["instance-retirement"]), (Degraded, "ScheduledEvent"));
    }

    #[test]
    fn an_instance_without_checks_is_unknown() {
        assert_eq!(judged("running", None, 60, Checks::None), (Unknown, "NoStatusChecks"));
    }

    #[test]
    fn an_instance_that_does_not_run_is_ill_only_where_aws_names_a_failure() {
        let rows = [
            ("pending", None, (Unknown, "Pending")),
            ("stopping", None, (Unknown, "Stopping")),
            ("shutting-down", None, (Unknown, "ShuttingDown")),
            ("terminated", Some("Client.UserInitiatedShutdown"), (Unhealthy, "Terminated")),
            ("stopped", None, (Unknown, "Stopped")),
            ("stopped", Some("Client.UserInitiatedShutdown"), (Unknown, "Stopped")),
            ("stopped", Some("Client.InstanceInitiatedShutdown"), (Unknown, "Stopped")),
            ("stopped", Some("Server.ScheduledStop"), (Unknown, "Stopped")),
            ("stopped", Some("Server.InternalError"), (Unhealthy, "StoppedByFailure")),
            ("stopped", Some("Server.InsufficientInstanceCapacity"), (Unhealthy, "StoppedByFailure")),
            ("stopped", Some("Client.VolumeLimitExceeded"), (Unhealthy, "StoppedByFailure")),
            ("hibernating", None, (Unknown, "UnknownState")),
        ];
        for (state, reason, expected) in rows {
            assert_eq!(judged(state, reason, 60, Checks::None), expected, "{state} {reason:?}");
        }
    }
}
