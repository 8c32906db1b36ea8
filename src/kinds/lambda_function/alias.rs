//! The alias of a function, and the published version that it points to.
//!
//! Neither has tags: they belong to whom the function belongs to, and go with it.

use super::spec::LambdaFunctionSpec;
use super::{LambdaFunction, comparable, description};
use crate::aws::error::{AwsError, ErrorClass, Named, unless_absent};
use crate::aws::session::Aws;
use crate::kinds::{Kind, Target};
use aws_sdk_lambda::types::{AliasRoutingConfiguration, FunctionConfiguration, State};

/// The version that is no version: the function as it is now.
const UNPUBLISHED: &str = "$LATEST";

/// An alias.
#[derive(Clone, Debug)]
pub(super) struct Alias {
    name: String,
    arn: String,
    version: String,
    /// Whether some invocations go to another version.
    shared: bool,
}

/// The alias, `None` where Lambda says that it does not exist.
pub(super) async fn read(aws: &Aws, function: &str, name: &str) -> Result<Option<Alias>, AwsError> {
    const OPERATION: &str = "GetAlias";
    let answer = aws.lambda().get_alias().function_name(function).name(name).send().await.named(OPERATION);
    let Some(found) = unless_absent(answer, LambdaFunction::ABSENT)? else { return Ok(None) };
    let missing = |what: &str| AwsError::malformed(OPERATION, format!("the answer has no {what}"));
    let weights = found.routing_config().and_then(|routing| routing.additional_version_weights());
    Ok(Some(Alias {
        name: name.to_owned(),
        shared: weights.is_some_and(|weights| !weights.is_empty()),
        arn: found.alias_arn.ok_or_else(|| missing("ARN"))?,
        version: found.function_version.ok_or_else(|| missing("version"))?,
    }))
}

impl Alias {
    /// Whether the alias leads to a version, and only to that, that is as the function is now.
    pub(super) async fn is_current(
        &self,
        aws: &Aws,
        function: &str,
        latest: &FunctionConfiguration,
    ) -> Result<bool, AwsError> {
        if self.shared || self.version == UNPUBLISHED {
            return Ok(false);
        }
        // A version that somebody has deleted is not as the function is.
        let version = read_version(aws, function, &self.version).await?;
        Ok(version.is_some_and(|version| same(function, &version, latest)))
    }

    /// The alias as the spec would have to read: its name alone where it is current.
    pub(super) fn in_words(&self, current: bool) -> String {
        match (current, self.shared) {
            (true, _) => self.name.clone(),
            (false, true) => format!("{}, at version {} and others", self.name, self.version),
            (false, false) => at_version(&self.name, &self.version),
        }
    }

    /// What others may want to know of it.
    pub(super) fn outputs(&self) -> [(String, String); 2] {
        [("aliasArn".to_owned(), self.arn.clone()), ("version".to_owned(), self.version.clone())]
    }
}

/// How an alias reads that leads to a version, and only to that, which is not as the function is now.
fn at_version(name: &str, version: &str) -> String {
    format!("{name}, at version {version}")
}

/// The version, `None` where Lambda says that it does not exist.
async fn read_version(aws: &Aws, function: &str, version: &str) -> Result<Option<FunctionConfiguration>, AwsError> {
    let call = aws.lambda().get_function_configuration().function_name(function).qualifier(version);
    let answer = call.send().await.named("GetFunctionConfiguration");
    let Some(found) = unless_absent(answer, LambdaFunction::ABSENT)? else { return Ok(None) };
    // The answer has a type of its own with the members of a function's configuration.
    Ok(Some(
        FunctionConfiguration::builder()
            .set_state(found.state)
            .set_role(found.role)
            .set_code_sha256(found.code_sha256)
            .set_package_type(found.package_type)
            .set_runtime(found.runtime)
            .set_handler(found.handler)
            .set_memory_size(found.memory_size)
            .set_timeout(found.timeout)
            .set_environment(found.environment)
            .set_vpc_config(found.vpc_config)
            .set_layers(found.layers)
            .set_architectures(found.architectures)
            .set_logging_config(found.logging_config)
            .build(),
    ))
}

/// Whether Lambda is still making a version that is as the function is now, so that calls of an alias
/// to it would fail.
pub(super) async fn is_on_its_way(aws: &Aws, function: &str, latest: &FunctionConfiguration) -> Result<bool, AwsError> {
    let mut pages = aws.lambda().list_versions_by_function().function_name(function).into_paginator().items().send();
    let mut newest = None;
    // They come from the oldest to the newest, the function itself among them.
    while let Some(version) = pages.next().await {
        let version = version.named("ListVersionsByFunction")?;
        if version.version() != Some(UNPUBLISHED) && same(function, &version, latest) {
            newest = version.version;
        }
    }
    // The list does not tell states.
    let Some(newest) = newest else { return Ok(false) };
    let version = read_version(aws, function, &newest).await?;
    Ok(version.is_some_and(|version| version.state() == Some(&State::Pending)))
}

/// Whether the two have the same code and settings. An image has a digest, too.
pub(super) fn same(function: &str, one: &FunctionConfiguration, other: &FunctionConfiguration) -> bool {
    let settings = |of: &FunctionConfiguration| comparable(&description::settings(function, of));
    one.code_sha256 == other.code_sha256 && settings(one) == settings(other)
}

/// Publishes the function as it is and points the alias to the version once that takes calls. Lambda
/// publishes nothing where the last version is as the function is, and answers with that one, so that
/// nothing is lost or made twice when the process ends between the calls.
///
/// # Errors
/// That of the call that failed; [`ErrorClass::Blocked`] where Lambda could not make the version.
pub(super) async fn publish(aws: &Aws, target: &Target<'_, LambdaFunctionSpec>, name: &str) -> Result<(), AwsError> {
    const OPERATION: &str = "PublishVersion";
    let function = target.id;
    let seen = target.observed.spec.code.s3.as_ref().and_then(|code| code.sha256.clone());
    let call = aws.lambda().publish_version().function_name(function).set_code_sha256(seen);
    let published = call.send().await.named(OPERATION)?;
    let version = published.version().ok_or_else(|| AwsError::malformed(OPERATION, "the answer has no version"))?;
    match published.state() {
        // The next look waits for it.
        Some(State::Pending) => return Ok(()),
        Some(State::Failed) => return Err(failed(OPERATION, name, version, published.state_reason())),
        _ => {}
    }
    match target.observed.spec.alias.as_deref() {
        None => {
            let call = aws.lambda().create_alias().function_name(function).name(name).function_version(version);
            return call.send().await.named("CreateAlias").map(drop);
        }
        // It leads there already: the version was only not shown when it was looked at.
        Some(alias) if alias == at_version(name, version) => return Ok(()),
        Some(_) => {}
    }
    // An empty map takes all weights off (Lambda Developer Guide, "Implement Lambda canary deployments
    // using a weighted alias").
    let alone = AliasRoutingConfiguration::builder().set_additional_version_weights(Some(Default::default())).build();
    let call = aws.lambda().update_alias().function_name(function).name(name).function_version(version);
    call.routing_config(alone).send().await.named("UpdateAlias").map(drop)
}

fn failed(operation: &'static str, alias: &str, version: &str, reason: Option<&str>) -> AwsError {
    let reason = reason.unwrap_or("Lambda gives no reason");
    AwsError {
        operation,
        class: ErrorClass::Blocked,
        code: None,
        message: format!(
            "version {version} has failed, and the alias {alias} stays where it is: {reason}. A change of the function publishes another version"
        ),
        request_id: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_lambda::types::builders::FunctionConfigurationBuilder;
    use aws_sdk_lambda::types::{PackageType, VpcConfigResponse};

    fn alias(shared: bool) -> Alias {
        Alias { name: "live".into(), arn: "arn:live".into(), version: "3".into(), shared }
    }

    fn function(digest: &str) -> FunctionConfigurationBuilder {
        FunctionConfiguration::builder().code_sha256(digest).memory_size(128)
    }

    #[test]
    fn only_an_alias_that_is_current_reads_as_its_name() {
        assert_eq!(alias(false).in_words(true), "live");
        assert_eq!(alias(false).in_words(false), "live, at version 3");
        assert_eq!(alias(true).in_words(false), "live, at version 3 and others");
    }

    #[test]
    fn a_version_is_the_function_by_its_code_and_its_settings_and_not_by_its_name() {
        let is_same = |one: FunctionConfigurationBuilder, other: FunctionConfigurationBuilder| {
            same("orders", &one.build(), &other.build())
        };
        assert!(is_same(function("a").version("$LATEST"), function("a").version("3")));
        assert!(!is_same(function("a"), function("b")));
        assert!(!is_same(function("a"), function("a").memory_size(256)));
        let image = |digest| function(digest).package_type(PackageType::Image);
        assert!(!is_same(image("a"), image("b")));
        let vpc = |ids: [&str; 2]| VpcConfigResponse::builder().set_subnet_ids(Some(ids.map(str::to_owned).into()));
        let inside = |ids| function("a").vpc_config(vpc(ids).build());
        assert!(is_same(inside(["subnet-1", "subnet-2"]), inside(["subnet-2", "subnet-1"])));
    }
}
