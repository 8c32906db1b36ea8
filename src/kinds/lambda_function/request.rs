//! The calls that make and change a function.

use super::archive;
use super::spec::*;
use crate::api::resource::Change;
use crate::aws::tags::Tags;
use crate::kinds::diff::without_item_names;
use aws_sdk_lambda::operation::create_function::builders::CreateFunctionFluentBuilder;
use aws_sdk_lambda::operation::update_function_code::builders::UpdateFunctionCodeFluentBuilder;
use aws_sdk_lambda::operation::update_function_configuration::builders::UpdateFunctionConfigurationFluentBuilder;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types as lambda;
use std::collections::{BTreeMap, BTreeSet};

/// The call that makes the function, with all that CreateFunction takes. What needs a function that is
/// there, such as a reserved concurrency, follows as changes.
pub(super) fn creation(
    call: CreateFunctionFluentBuilder,
    spec: &LambdaFunctionSpec,
    tags: &Tags,
) -> CreateFunctionFluentBuilder {
    let image = spec.code.image_uri.is_some();
    call.function_name(&spec.function_name)
        .set_role(spec.role_arn.clone())
        .code(function_code(&spec.code))
        .package_type(if image { lambda::PackageType::Image } else { lambda::PackageType::Zip })
        .set_runtime(spec.runtime.as_deref().map(lambda::Runtime::from))
        .set_handler(spec.handler.clone())
        .set_memory_size(spec.memory_size_mib)
        .set_timeout(spec.timeout_seconds)
        .set_environment(spec.environment.as_ref().map(environment))
        .set_vpc_config(spec.vpc.as_ref().map(vpc_config))
        .set_layers(spec.layers.clone())
        .set_logging_config(spec.logging.as_ref().and_then(logging_config))
        .set_architectures(spec.architecture.map(|architecture| vec![architecture_for_api(architecture)]))
        .set_tags(Some(tags.clone().into_iter().collect()))
}

fn function_code(code: &Code) -> lambda::FunctionCode {
    lambda::FunctionCode::builder()
        .set_zip_file(code.inline.as_ref().map(zip_file))
        .set_s3_bucket(code.s3.as_ref().map(|s3| s3.bucket.clone()))
        .set_s3_key(code.s3.as_ref().map(|s3| s3.key.clone()))
        .set_s3_object_version(code.s3.as_ref().and_then(|s3| s3.object_version.clone()))
        .set_image_uri(code.image_uri.clone())
        .build()
}

/// The call that puts the declared code into the function.
pub(super) fn code_update(call: UpdateFunctionCodeFluentBuilder, code: &Code) -> UpdateFunctionCodeFluentBuilder {
    call.set_zip_file(code.inline.as_ref().map(zip_file))
        .set_s3_bucket(code.s3.as_ref().map(|s3| s3.bucket.clone()))
        .set_s3_key(code.s3.as_ref().map(|s3| s3.key.clone()))
        .set_s3_object_version(code.s3.as_ref().and_then(|s3| s3.object_version.clone()))
        .set_image_uri(code.image_uri.clone())
}

/// The call that sets those of the function's settings that `changes` touch, each to all that the
/// spec says of it; AWS leaves the others as they are.
pub(super) fn configuration_update(
    call: UpdateFunctionConfigurationFluentBuilder,
    spec: &LambdaFunctionSpec,
    changes: &[Change],
) -> UpdateFunctionConfigurationFluentBuilder {
    let touched: BTreeSet<String> = changes.iter().map(field).collect();
    let is = |field: &str| touched.contains(field);
    call.set_role(spec.role_arn.clone().filter(|_| is("roleArn")))
        .set_runtime(spec.runtime.as_deref().filter(|_| is("runtime")).map(lambda::Runtime::from))
        .set_handler(spec.handler.clone().filter(|_| is("handler")))
        .set_memory_size(spec.memory_size_mib.filter(|_| is("memorySizeMib")))
        .set_timeout(spec.timeout_seconds.filter(|_| is("timeoutSeconds")))
        .set_environment(spec.environment.as_ref().filter(|_| is("environment")).map(environment))
        .set_vpc_config(spec.vpc.as_ref().filter(|_| is("vpc")).map(vpc_config))
        .set_layers(spec.layers.clone().filter(|_| is("layers")))
        .set_logging_config(spec.logging.as_ref().filter(|_| is("logging")).and_then(logging_config))
}

/// The field of the spec that a change is in.
pub(super) fn field(change: &Change) -> String {
    without_item_names(&change.path).split('.').next().unwrap_or_default().to_owned()
}

fn zip_file(code: &InlineCode) -> Blob {
    Blob::new(archive::zip(code))
}

fn environment(variables: &BTreeMap<String, String>) -> lambda::Environment {
    let variables = variables.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    lambda::Environment::builder().set_variables(Some(variables)).build()
}

/// Empty lists take the function out of its VPC (API reference, VpcConfig).
fn vpc_config(vpc: &Vpc) -> lambda::VpcConfig {
    lambda::VpcConfig::builder()
        .set_subnet_ids(Some(vpc.subnet_ids.clone().unwrap_or_default()))
        .set_security_group_ids(Some(vpc.security_group_ids.clone().unwrap_or_default()))
        .build()
}

/// What of the logging is the function's own, where the spec names some of it.
fn logging_config(logging: &Logging) -> Option<lambda::LoggingConfig> {
    let format = logging.format.map(|format| match format {
        LogFormat::Text => lambda::LogFormat::Text,
        LogFormat::Json => lambda::LogFormat::Json,
    });
    (logging.log_group.is_some() || format.is_some()).then(|| {
        let config = lambda::LoggingConfig::builder().set_log_group(logging.log_group.clone());
        config.set_log_format(format).build()
    })
}

fn architecture_for_api(architecture: Architecture) -> lambda::Architecture {
    match architecture {
        Architecture::X8664 => lambda::Architecture::X8664,
        Architecture::Arm64 => lambda::Architecture::Arm64,
    }
}
