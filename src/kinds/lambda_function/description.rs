//! What Lambda says of a function, in the words of the spec.

use super::spec::*;
use crate::api::resource::ResourceState;
use crate::cost::Billed;
use crate::health::Assessment;
use crate::health::function::judge;
use aws_sdk_lambda::operation::get_function::GetFunctionOutput;
use aws_sdk_lambda::types as lambda;
use aws_sdk_lambda::types::{FunctionConfiguration, LastUpdateStatus, State};

/// The function as its spec would have to read, as far as GetFunction tells.
pub(super) fn spec(id: &str, answer: &GetFunctionOutput, function: &FunctionConfiguration) -> LambdaFunctionSpec {
    let mut spec = settings(id, function);
    if let Some(uri) = &mut spec.code.image_uri {
        *uri = answer.code().and_then(|code| code.image_uri()).unwrap_or_default().to_owned();
    }
    spec.reserved_concurrency = answer.concurrency().and_then(|found| found.reserved_concurrent_executions());
    spec
}

/// The size in MiB of `/tmp` that a function has without charge (Lambda pricing, "ephemeral storage").
const FREE_STORAGE: i32 = 512;

/// What the function is paid for beyond the spec.
pub(super) fn billed(function: &FunctionConfiguration) -> Billed {
    let storage = function.ephemeral_storage().map(|storage| storage.size).filter(|size| *size > FREE_STORAGE);
    let starts = function.snap_start().and_then(|start| start.apply_on());
    let starts = starts.filter(|on| **on == lambda::SnapStartApplyOn::PublishedVersions);
    [("EphemeralStorage", storage.map(|size| size.to_string())), ("SnapStart", starts.map(|on| on.as_str().to_owned()))]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

/// What a published version has of a function: its code, by the digest, and its settings.
pub(super) fn settings(id: &str, function: &FunctionConfiguration) -> LambdaFunctionSpec {
    let variables = function.environment().and_then(|environment| environment.variables());
    LambdaFunctionSpec {
        function_name: id.to_owned(),
        role_arn: function.role.clone(),
        code: code(function),
        runtime: function.runtime().map(|runtime| runtime.as_str().to_owned()),
        handler: function.handler.clone(),
        memory_size_mib: function.memory_size,
        timeout_seconds: function.timeout,
        environment: Some(variables.into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect()),
        vpc: Some(vpc(function.vpc_config())),
        layers: Some(function.layers().iter().filter_map(|layer| layer.arn.clone()).collect()),
        architecture: architecture(function.architectures()),
        logging: function.logging_config().map(logging),
        ..Default::default()
    }
}

/// Lambda keeps every archive in S3 and tells the digest of the one in use, whatever it came from. A
/// function whose image cannot be read any more may show none, and is one of an image still.
fn code(function: &FunctionConfiguration) -> Code {
    if function.package_type() == Some(&lambda::PackageType::Image) {
        return Code { image_uri: Some(String::new()), ..Code::default() };
    }
    Code { s3: Some(S3Code { sha256: function.code_sha256.clone(), ..S3Code::default() }), ..Code::default() }
}

fn vpc(found: Option<&lambda::VpcConfigResponse>) -> Vpc {
    let ids = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
    Vpc {
        subnet_ids: found.and_then(|vpc| ids(vpc.subnet_ids())),
        security_group_ids: found.and_then(|vpc| ids(vpc.security_group_ids())),
        ..Vpc::default()
    }
}

/// The days that logs are kept are not the function's but the log group's.
fn logging(found: &lambda::LoggingConfig) -> Logging {
    let format = match found.log_format() {
        Some(lambda::LogFormat::Text) => Some(LogFormat::Text),
        Some(lambda::LogFormat::Json) => Some(LogFormat::Json),
        _ => None,
    };
    Logging { log_group: found.log_group.clone(), format, retention_days: None }
}

/// Lambda lists the one architecture that a function has.
fn architecture(found: &[lambda::Architecture]) -> Option<Architecture> {
    match found.first() {
        Some(lambda::Architecture::Arm64) => Some(Architecture::Arm64),
        Some(lambda::Architecture::X8664) => Some(Architecture::X8664),
        _ => None,
    }
}

/// Where the function is in its life. A function that Lambda has put aside for want of calls comes
/// back with the next one. An update that failed makes the function a failed one where AWS shows it
/// `as_declared` nevertheless; where there is something left to change, the change is the way out.
pub(super) fn state(function: &FunctionConfiguration, as_declared: bool) -> ResourceState {
    match (function.state().map_or(ResourceState::Unknown, state_of), function.last_update_status()) {
        (ResourceState::Active, Some(LastUpdateStatus::InProgress)) => ResourceState::Updating,
        (ResourceState::Active, Some(LastUpdateStatus::Failed)) if as_declared => ResourceState::Failed,
        (state, _) => state,
    }
}

fn state_of(state: &State) -> ResourceState {
    match state {
        State::Pending => ResourceState::Creating,
        State::Active | State::Inactive | State::ActiveNonInvocable => ResourceState::Active,
        State::Deactivating => ResourceState::Updating,
        State::Deactivated => ResourceState::Stopped,
        State::Deleting => ResourceState::Deleting,
        State::Failed => ResourceState::Failed,
        _ => ResourceState::Unknown,
    }
}

/// Whether the function answers calls.
pub(super) fn health(function: &FunctionConfiguration) -> Assessment {
    judge(function.state().map(State::as_str), function.last_update_status().map(LastUpdateStatus::as_str))
}

/// Lambda's reason for the state, or for how the last update went.
pub(super) fn detail(function: &FunctionConfiguration) -> Option<String> {
    let update_failed = function.last_update_status() == Some(&LastUpdateStatus::Failed);
    let (reason, code) = match function.state() {
        Some(State::Active | State::Inactive) if update_failed => {
            (function.last_update_status_reason(), function.last_update_status_reason_code().map(|code| code.as_str()))
        }
        Some(State::Active | State::Inactive) => (None, None),
        _ => (function.state_reason(), function.state_reason_code().map(|code| code.as_str())),
    };
    match (reason, code) {
        (Some(reason), Some(code)) => Some(format!("{code}: {reason}")),
        (reason, code) => reason.or(code).map(str::to_owned),
    }
}
