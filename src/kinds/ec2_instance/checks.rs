//! The status checks of an instance: how they are read, and in which fields they say what.

use crate::aws::error::{AwsError, Named};
use crate::aws::session::Aws;
use crate::health::Assessment;
use crate::health::instance::{Checks, Fields, judge};
use aws_sdk_ec2::types as ec2;
use std::time::{Duration, SystemTime};

/// How the descriptions of events begin that are over (API reference, InstanceStatusEvent).
const OVER: &[&str] = &["[Completed]", "[Canceled]"];

/// Reads the status checks, which only a running instance has; `None` where AWS shows none.
pub(super) async fn read(aws: &Aws, id: &str, runs: bool) -> Result<Option<ec2::InstanceStatus>, AwsError> {
    if !runs {
        return Ok(None);
    }
    let answer = aws.ec2().describe_instance_status().instance_ids(id).send().await.named("DescribeInstanceStatus")?;
    Ok(answer.instance_statuses.into_iter().flatten().next())
}

/// Whether the instance does its work.
pub(super) fn assess(instance: &ec2::Instance, status: Option<&ec2::InstanceStatus>) -> Assessment {
    let launched = instance.launch_time().and_then(|time| SystemTime::try_from(*time).ok());
    judge(&Fields {
        state: instance.state().and_then(|state| state.name()).map(ec2::InstanceStateName::as_str),
        state_reason: instance.state_reason().and_then(|reason| reason.code()),
        running_for: launched.and_then(|time| time.elapsed().ok()).unwrap_or(Duration::ZERO),
        checks: status.map_or(Checks::None, checks),
    })
}

fn checks(status: &ec2::InstanceStatus) -> Checks<'_> {
    let is_over = |event: &&ec2::InstanceStatusEvent| {
        event.description().is_some_and(|text| OVER.iter().any(|start| text.starts_with(start)))
    };
    Checks::Read {
        system: status.system_status().and_then(|summary| summary.status()).map(ec2::SummaryStatus::as_str),
        instance: status.instance_status().and_then(|summary| summary.status()).map(ec2::SummaryStatus::as_str),
        volumes: status.attached_ebs_status().and_then(|summary| summary.status()).map(ec2::SummaryStatus::as_str),
        events: status
            .events()
            .iter()
            .filter(|event| !is_over(event))
            .filter_map(|event| event.code())
            .map(ec2::EventCode::as_str)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::resource::Health;

    fn instance(state: &str) -> ec2::Instance {
        let state = ec2::InstanceState::builder().name(state.into()).build();
        ec2::Instance::builder().state(state).build()
    }

    fn status(summary: &str) -> ec2::builders::InstanceStatusBuilder {
        let summary = ec2::InstanceStatusSummary::builder().status(summary.into()).build();
        ec2::InstanceStatus::builder().instance_status(summary.clone()).system_status(summary)
    }

    #[test]
    fn every_state_and_every_check_that_the_sdk_knows_has_a_meaning() {
        for state in ec2::InstanceStateName::values() {
            assert_ne!(assess(&instance(state), None).reason, "UnknownState", "{state}");
        }
        for summary in ec2::SummaryStatus::values() {
            let verdict = assess(&instance("running"), Some(&status(summary).build()));
            assert_ne!(verdict.reason, "UnknownState", "{summary}");
            let expected = match *summary {
                "ok" => Health::Healthy,
                "impaired" => Health::Unhealthy,
                _ => Health::Unknown,
            };
            assert_eq!(verdict.health, expected, "{summary}");
        }
    }

    #[test]
    fn every_event_that_the_sdk_knows_degrades_the_instance_until_it_is_over() {
        for code in ec2::EventCode::values() {
            let with = |description: &str| {
                let event = ec2::InstanceStatusEvent::builder().code((*code).into()).description(description).build();
                assess(&instance("running"), Some(&status("ok").events(event).build())).health
            };
            assert_eq!(with("The instance is running on degraded hardware"), Health::Degraded, "{code}");
            assert_eq!(with("[Completed] The instance is running on degraded hardware"), Health::Healthy, "{code}");
        }
    }
}
