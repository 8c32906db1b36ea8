//! AWS Lambda functions.

mod alias;
mod archive;
mod cost;
mod description;
mod log_group;
mod owned;
mod permissions;
mod request;
mod spec;
mod step;

pub use spec::LambdaFunctionSpec;

use crate::api::resource::{Change, Effect, ResourceState};
use crate::aws::error::{AwsError, ErrorClass, Named, unless_absent};
use crate::aws::session::Aws;
use crate::aws::tags::{Owner, TagEdit, Tags};
use crate::cost::{Costs, Found};
use crate::kinds::owned::Listing;
use crate::kinds::{
    Invalid, Kind, KindName, Look, Observed, Reference, Request, RoleBy, RoleField, Target, Usually, once,
};
use aws_sdk_lambda::operation::get_function::GetFunctionOutput;
use aws_sdk_lambda::types::FunctionConfiguration;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The kind `LambdaFunction`.
pub struct LambdaFunction;

/// The most that inline code, and that all environment variables with their names, may take in bytes
/// (Lambda quotas).
const SOURCE_BYTES: usize = 65_536;
const ENVIRONMENT_BYTES: usize = 4096;

impl Kind for LambdaFunction {
    type Spec = LambdaFunctionSpec;
    const NAME: KindName = KindName::LambdaFunction;
    const NAME_FIELD: Option<&'static str> = Some("functionName");
    const HOLDS_DATA: bool = false;
    const GRANTS_ACCESS: bool = false;
    // Right after it was made, Lambda may say that it knows no such function, and its policy may be
    // shown as it was before the last change; AWS promises nothing else (issue 7214 of the Terraform
    // provider for AWS).
    const LAGS: bool = true;
    // Of its policy, its aliases, its versions and, from CloudWatch Logs, its log group, too.
    const ABSENT: &'static [&'static str] = &["ResourceNotFoundException"];
    const FIRST_WRITE: Option<&'static str> = Some("CreateFunction");
    // With a VPC about a minute more.
    const USUALLY: Usually = Usually { create_seconds: 15, delete_seconds: 5 };
    const NAMED_LISTS: &'static [(&'static str, &'static str)] =
        &[("environment", "name"), ("permissions", "statementId")];
    const ROLES: &'static [RoleField] = &[RoleField { path: "roleArn", from: "roleRef", by: RoleBy::Arn }];
    const REFERENCES: &'static [Reference] = &[
        Reference { from: "roleRef", to: "roleArn", output: "arn", later: false },
        Reference { from: "vpc.subnetRefs", to: "subnetIds", output: "privateSubnetIds", later: false },
        Reference { from: "vpc.securityGroupRefs", to: "securityGroupIds", output: "groupId", later: false },
        Reference { from: "permissions.sourceArnRef", to: "sourceArn", output: "arn", later: true },
    ];
    // GetFunction shows tags only to those who may list them, CreateFunction passes the role on.
    const HIDDEN: &'static [&'static str] = &["environment.value"];
    const IAM_ACTIONS: &'static [&'static str] = &[
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
        "iam:PassRole",
        "lambda:AddPermission",
        "lambda:CreateAlias",
        "lambda:CreateFunction",
        "lambda:DeleteFunction",
        "lambda:GetAlias",
        "lambda:GetFunction",
        "lambda:GetFunctionConfiguration",
        "lambda:GetLayerVersion",
        "lambda:GetPolicy",
        "lambda:ListTags",
        "lambda:ListVersionsByFunction",
        "lambda:PublishVersion",
        "lambda:PutFunctionConcurrency",
        "lambda:RemovePermission",
        "lambda:TagResource",
        "lambda:UntagResource",
        "lambda:UpdateAlias",
        "lambda:UpdateFunctionCode",
        "lambda:UpdateFunctionConfiguration",
        "logs:CreateLogGroup",
        "logs:DeleteLogGroup",
        "logs:DescribeLogGroups",
        "logs:ListTagsForResource",
        "logs:PutRetentionPolicy",
        "logs:TagResource",
        "logs:UntagResource",
        "s3:GetObject",
        "s3:GetObjectVersion",
    ];
    const LISTING_ACTIONS: &'static [&'static str] = &["lambda:ListFunctions"];

    fn validate(spec: &LambdaFunctionSpec) -> Result<(), Invalid> {
        let invalid = |path, message: String| Err(Invalid { path, message });
        if spec.role_arn.is_none() {
            return invalid("roleArn", "a function must have a role".into());
        }
        let source = spec.code.inline.as_ref().map_or(0, |inline| inline.source.len());
        if source > SOURCE_BYTES {
            return invalid("code.inline.source", format!("it must have at most {SOURCE_BYTES} bytes, not {source}"));
        }
        let variables = spec.environment.iter().flatten();
        if let Some((name, _)) = variables.clone().find(|(name, _)| !is_variable_name(name)) {
            return invalid("environment", format!("{name:?} must be letters, digits and underscores, a letter first"));
        }
        let environment: usize = variables.map(|(name, value)| name.len() + value.len()).sum();
        if environment > ENVIRONMENT_BYTES {
            let message = format!("names and values must have at most {ENVIRONMENT_BYTES} bytes, not {environment}");
            return invalid("environment", message);
        }
        let none = |ids: &Option<Vec<String>>| ids.as_ref().is_none_or(Vec::is_empty);
        match &spec.vpc {
            Some(vpc) if none(&vpc.subnet_ids) != none(&vpc.security_group_ids) => {
                invalid("vpc", "it must have subnets and security groups, or neither of them".into())
            }
            _ => Ok(()),
        }
    }

    fn id(spec: &LambdaFunctionSpec) -> Option<String> {
        Some(spec.function_name.clone())
    }

    fn effect(path: &str) -> Option<Effect> {
        match path {
            "functionName" | "architecture" | "code.packageType" => Some(Effect::Replace),
            // Lambda tells the digest of its code and not where it came from.
            path if path.starts_with("code.s3") => None,
            _ => Some(Effect::InPlace),
        }
    }

    fn comparable(spec: &LambdaFunctionSpec) -> Value {
        comparable(spec)
    }

    const FREE_FIELDS: &'static [&'static str] = &[
        "alias",
        "code.imageUri",
        "code.inline.fileName",
        "code.inline.source",
        "code.s3.bucket",
        "code.s3.key",
        "code.s3.objectVersion",
        "code.s3.sha256",
        "environment",
        "functionName",
        "handler",
        "layers",
        "logging.format",
        "logging.logGroup",
        "logging.retentionDays",
        "memorySizeMib",
        "permissions",
        "permissions.action",
        "permissions.principal",
        "permissions.sourceArn",
        "permissions.statementId",
        "reservedConcurrency",
        "roleArn",
        "runtime",
        "timeoutSeconds",
        "vpc.securityGroupIds",
        "vpc.subnetIds",
    ];

    fn cost_items(spec: &LambdaFunctionSpec, found: Found<'_>) -> Costs {
        cost::items(spec, found)
    }

    fn follow_ups(spec: &LambdaFunctionSpec, changes: &[Change]) -> Vec<&'static str> {
        step::moves_alias(spec, changes).then_some("alias").into_iter().collect()
    }

    async fn observe(
        aws: &Aws,
        id: &str,
        look: Look<'_, LambdaFunctionSpec>,
    ) -> Result<Option<Observed<LambdaFunctionSpec>>, AwsError> {
        const OPERATION: &str = "GetFunction";
        let answer = aws.lambda().get_function().function_name(id).send().await.named(OPERATION);
        let Some(answer) = unless_absent(answer, Self::ABSENT)? else {
            return match look {
                Look::Owner { spec, owner } => observe_what_is_left(aws, spec, owner).await,
                // A log group that is left over serves the next function of this name.
                Look::Full(_) => Ok(None),
            };
        };
        let tags = tags(&answer)?;
        let missing = |what: &str| AwsError::malformed(OPERATION, format!("the answer has no {what}"));
        let function = answer.configuration().ok_or_else(|| missing("configuration"))?;
        let arn = function.function_arn.clone().ok_or_else(|| missing("ARN"))?;
        let mut observed = Observed {
            billed: description::billed(function),
            state: description::state(function, false),
            detail: description::detail(function),
            health: description::health(function),
            spec: description::spec(id, &answer, function),
            outputs: BTreeMap::from([("arn".to_owned(), arn.clone()), ("name".to_owned(), id.to_owned())]),
            arn,
            tags,
        };
        if let Look::Full(wanted) = look {
            if wanted.permissions.is_some() {
                observed.spec.permissions = Some(permissions::read(aws, id).await?);
            }
            if wanted.logging.as_ref().is_some_and(|logging| logging.retention_days.is_some()) {
                let group = log_group::read(aws, &log_group::name(wanted, &observed.spec)).await?;
                let logging = observed.spec.logging.get_or_insert_default();
                logging.retention_days = group.map(|group| group.retention_days.unwrap_or(log_group::FOR_EVER));
            }
            observed.state = match &wanted.alias {
                Some(name) if observe_alias(aws, name, function, &mut observed).await? => ResourceState::Updating,
                _ => description::state(function, Self::diff(wanted, &observed).is_empty()),
            };
        }
        Ok(Some(observed))
    }

    async fn create(aws: &Aws, request: Request<'_, LambdaFunctionSpec>) -> Result<String, AwsError> {
        once!(
            aws_sdk_lambda,
            request::creation(aws.lambda().create_function(), request.spec, request.tags),
            "CreateFunction"
        )?;
        Ok(request.spec.function_name.clone())
    }

    async fn update(aws: &Aws, target: Target<'_, LambdaFunctionSpec>, changes: &[Change]) -> Result<(), AwsError> {
        match step::Step::first(changes) {
            Some(step) => step::take(aws, &target, changes, step).await,
            None => Ok(()),
        }
    }

    async fn retag(aws: &Aws, target: Target<'_, LambdaFunctionSpec>, edit: &TagEdit) -> Result<(), AwsError> {
        let arn = &target.observed.arn;
        // The log group first: by the tags of the function it is known that something is left to do.
        let group = log_group::name(target.spec, &target.observed.spec);
        log_group::retag(aws, &group, &target.observed.tags, edit).await?;
        if !edit.set.is_empty() {
            let tags = edit.set.clone().into_iter().collect();
            aws.lambda().tag_resource().resource(arn).set_tags(Some(tags)).send().await.named("TagResource")?;
        }
        if !edit.remove.is_empty() {
            let keys = edit.remove.iter().cloned().collect();
            let call = aws.lambda().untag_resource().resource(arn).set_tag_keys(Some(keys));
            call.send().await.named("UntagResource")?;
        }
        Ok(())
    }

    async fn delete(aws: &Aws, target: Target<'_, LambdaFunctionSpec>) -> Result<(), AwsError> {
        // The function first, with its versions and aliases: as long as it runs, it has Lambda make a log
        // group that is gone. A group that is left over is found again by `observe`.
        // Where it is gone, AWS refuses the call to those who may delete only what is tagged as managed.
        if !only_the_log_group_is_left(target.observed) {
            let answer = aws.lambda().delete_function().function_name(target.id).send().await;
            unless_absent(answer.named("DeleteFunction"), Self::ABSENT)?;
        }
        let group = log_group::name(target.spec, &target.observed.spec);
        log_group::delete(aws, &group, &target.observed.tags).await
    }

    async fn list_owned(aws: &Aws, cluster: &str) -> Listing {
        owned::list(aws, cluster).await
    }
}

/// Adds the alias to what was observed. True while Lambda is making the version that the alias is to
/// point to, for which all else waits.
async fn observe_alias(
    aws: &Aws,
    name: &str,
    function: &FunctionConfiguration,
    observed: &mut Observed<LambdaFunctionSpec>,
) -> Result<bool, AwsError> {
    let id = observed.spec.function_name.clone();
    let mut current = false;
    if let Some(found) = alias::read(aws, &id, name).await? {
        current = found.is_current(aws, &id, function).await?;
        observed.spec.alias = Some(found.in_words(current));
        observed.outputs.extend(found.outputs());
    }
    let settled = current || observed.state != ResourceState::Active;
    if settled || !alias::is_on_its_way(aws, &id, function).await? {
        return Ok(false);
    }
    observed.detail = Some(format!("Lambda is making the version that the alias {name} moves to."));
    Ok(true)
}

fn only_the_log_group_is_left(observed: &Observed<LambdaFunctionSpec>) -> bool {
    observed.arn.split(':').nth(2) == Some("logs")
}

/// The log group of a function that is gone, where it belongs to the same object, so that it is deleted
/// too.
async fn observe_what_is_left(
    aws: &Aws,
    wanted: &LambdaFunctionSpec,
    owner: &Owner,
) -> Result<Option<Observed<LambdaFunctionSpec>>, AwsError> {
    let spec = LambdaFunctionSpec { function_name: wanted.function_name.clone(), ..Default::default() };
    let left = log_group::read_own(aws, &log_group::name(wanted, &spec), &owner.tags()).await?;
    Ok(left.map(|group| Observed::remainder(group.arn, spec, owner.tags(), "only the log group is left")))
}

/// The function's tags. Tags that Lambda could not or would not show are an error: without them a
/// function of ours would pass for nobody's.
fn tags(answer: &GetFunctionOutput) -> Result<Tags, AwsError> {
    match answer.tags_error() {
        None => Ok(answer.tags().into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect()),
        Some(error) => Err(AwsError {
            operation: "GetFunction",
            class: if error.error_code().contains("AccessDenied") { ErrorClass::Denied } else { ErrorClass::Transient },
            code: Some(error.error_code().to_owned()),
            message: format!("the tags were not shown, which needs lambda:ListTags: {}", error.message()),
            request_id: None,
        }),
    }
}

/// By the pattern of the API reference, Environment.
fn is_variable_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The spec with equal meanings made equal. Code is what its digest or image says, beside the kind of
/// package that it is in; a VPC is two sets of ids; the environment is a list of named items, because
/// the spec names the whole of it; no source of a permission is something to compare.
fn comparable(spec: &LambdaFunctionSpec) -> Value {
    let mut spec = spec.clone();
    let environment = spec.environment.take().map(|variables| variables.iter().map(variable).collect::<Vec<_>>());
    let permissions = spec.permissions.take().map(|list| list.into_iter().map(permission).collect::<Vec<_>>());
    let vpc = spec
        .vpc
        .take()
        .map(|vpc| json!({"subnetIds": set(vpc.subnet_ids), "securityGroupIds": set(vpc.security_group_ids)}));
    let inline = spec.code.inline.take().map(|inline| archive::sha256(&archive::zip(&inline)));
    let digest = inline.or_else(|| spec.code.s3.as_ref().and_then(|s3| s3.sha256.clone()));
    let package = if spec.code.image_uri.is_some() { "Image" } else { "Zip" };
    let mut value = serde_json::to_value(&spec).unwrap_or(Value::Null);
    value["code"]["packageType"] = package.into();
    value["code"]["sha256"] = digest.into();
    value["environment"] = environment.into();
    value["permissions"] = permissions.into();
    value["vpc"] = vpc.into();
    value
}

/// The ids in one order, each once; none where there is no list.
fn set(ids: Option<Vec<String>>) -> Vec<String> {
    let mut ids = ids.unwrap_or_default();
    ids.sort();
    ids.dedup();
    ids
}

/// A variable as a named item.
fn variable((name, value): (&String, &String)) -> Value {
    json!({"name": name, "value": value})
}

/// A permission as an item in which the absence of a source can be compared.
fn permission(permission: spec::Permission) -> Value {
    let mut value = serde_json::to_value(permissions::comparable(permission)).unwrap_or(Value::Null);
    if let Some(members) = value.as_object_mut() {
        members.entry("sourceArn").or_insert_with(|| "none".into());
    }
    value
}

#[cfg(test)]
mod tests;
