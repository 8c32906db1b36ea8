//! The steps of an update, one a pass.

use super::spec::LambdaFunctionSpec;
use super::{alias, log_group, permissions, request};
use crate::api::resource::Change;
use crate::aws::error::{AwsError, Named};
use crate::aws::session::Aws;
use crate::kinds::{Target, if_named};

/// One step of an update, in the order in which they are taken: what new code needs is there before
/// the code. Lambda carries out one change of code or configuration at a time and refuses others
/// meanwhile, so that each pass takes the first step that is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// Makes the log group, before somebody invokes the function and Lambda makes one.
    LogGroup,
    Configuration,
    Code,
    Concurrency,
    /// Publishes what the steps above have made of the function.
    Alias,
    Permissions,
    /// Sets the days of a log group that is there. It may be somebody else's, which must not keep the
    /// other steps from being taken.
    Retention,
}

impl Step {
    /// The first step towards `changes`.
    pub(super) fn first(changes: &[Change]) -> Option<Self> {
        changes.iter().filter_map(Self::of).min()
    }

    pub(super) fn of(change: &Change) -> Option<Self> {
        if change.path == "logging.retentionDays" {
            return Some(if change.from.is_none() { Self::LogGroup } else { Self::Retention });
        }
        Some(match request::field(change).as_str() {
            "roleArn" | "runtime" | "handler" | "memorySizeMib" | "timeoutSeconds" | "environment" | "vpc"
            | "layers" | "logging" => Self::Configuration,
            "code" => Self::Code,
            "reservedConcurrency" => Self::Concurrency,
            "alias" => Self::Alias,
            "permissions" => Self::Permissions,
            _ => return None,
        })
    }
}

/// Whether the alias moves once these changes are carried out: to the version that they make.
pub(super) fn moves_alias(spec: &LambdaFunctionSpec, changes: &[Change]) -> bool {
    let steps = || changes.iter().filter_map(Step::of);
    spec.alias.is_some()
        && !steps().any(|step| step == Step::Alias)
        && steps().any(|step| matches!(step, Step::Configuration | Step::Code))
}

/// Takes one step.
pub(super) async fn take(
    aws: &Aws,
    target: &Target<'_, LambdaFunctionSpec>,
    changes: &[Change],
    step: Step,
) -> Result<(), AwsError> {
    let Target { id, spec, observed, .. } = *target;
    let client = aws.lambda();
    let group = log_group::name(spec, &observed.spec);
    let days = spec.logging.as_ref().and_then(|logging| logging.retention_days);
    match step {
        Step::LogGroup => if_named!(days, days => log_group::create(aws, &group, *days, &observed.tags)),
        Step::Retention => if_named!(days, days => log_group::retain(aws, &group, *days, &observed.tags)),
        Step::Alias => if_named!(spec.alias, name => alias::publish(aws, target, name)),
        Step::Configuration => {
            let call = request::configuration_update(client.update_function_configuration(), spec, changes);
            call.function_name(id).send().await.named("UpdateFunctionConfiguration").map(drop)
        }
        Step::Code => {
            let call = request::code_update(client.update_function_code(), &spec.code);
            call.function_name(id).send().await.named("UpdateFunctionCode").map(drop)
        }
        Step::Concurrency => {
            let call = client.put_function_concurrency().function_name(id);
            let call = call.set_reserved_concurrent_executions(spec.reserved_concurrency);
            call.send().await.named("PutFunctionConcurrency").map(drop)
        }
        Step::Permissions => {
            let wanted = spec.permissions.as_deref().unwrap_or_default();
            let found = observed.spec.permissions.as_deref().unwrap_or_default();
            match permissions::next(wanted, found) {
                Some(write) => permissions::send(aws, id, write).await,
                None => Ok(()),
            }
        }
    }
}
