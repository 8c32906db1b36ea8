//! What IAM says of a role, in the words of the spec.

use super::spec::{IamRoleSpec, InlinePolicy};
use super::{of_a_part, unless_gone};
use crate::aws::error::{AwsError, Named};
use crate::aws::session::Aws;
use crate::aws::tags::Tags;
use crate::kinds::policy_document;
use aws_sdk_iam::types as iam;

/// The role, `None` where IAM says that it does not exist. Its tags come with it.
pub(super) async fn role(aws: &Aws, name: &str) -> Result<Option<iam::Role>, AwsError> {
    const OPERATION: &str = "GetRole";
    let answer = unless_gone(aws.iam().get_role().role_name(name).send().await.named(OPERATION))?;
    match answer.map(|answer| answer.role) {
        Some(None) => Err(AwsError::malformed(OPERATION, "the answer has no role")),
        found => Ok(found.flatten()),
    }
}

/// The role as its spec would have to read, as far as one call tells. What IAM does not show is not
/// there, which the spec writes as an empty text.
pub(super) fn spec(role: &iam::Role) -> IamRoleSpec {
    let boundary = role.permissions_boundary().and_then(|boundary| boundary.permissions_boundary_arn());
    IamRoleSpec {
        role_name: role.role_name.clone(),
        path: Some(role.path.clone()),
        description: Some(role.description.clone().unwrap_or_default()),
        assume_role_policy: role.assume_role_policy_document().map(policy_document::decoded).unwrap_or_default(),
        permissions_boundary: Some(boundary.unwrap_or_default().to_owned()),
        max_session_duration_seconds: role.max_session_duration,
        ..Default::default()
    }
}

/// Reads the policies of the role into `found` where `wanted` names them, and no others.
pub(super) async fn named_lists(
    aws: &Aws,
    role: &str,
    wanted: &IamRoleSpec,
    found: &mut IamRoleSpec,
) -> Result<(), AwsError> {
    if wanted.managed_policy_arns.is_some() {
        found.managed_policy_arns = Some(managed_policies(aws, role).await.map_err(of_a_part)?);
    }
    if wanted.inline_policies.is_some() {
        let mut policies = Vec::new();
        for name in policy_names(aws, role).await.map_err(of_a_part)? {
            // A policy that has gone since the list was read is not there.
            policies.extend(unless_gone(policy(aws, role, name).await)?);
        }
        found.inline_policies = Some(policies);
    }
    Ok(())
}

async fn policy(aws: &Aws, role: &str, name: String) -> Result<InlinePolicy, AwsError> {
    let call = aws.iam().get_role_policy().role_name(role).policy_name(&name);
    let answer = call.send().await.named("GetRolePolicy")?;
    Ok(InlinePolicy { name, document: policy_document::decoded(&answer.policy_document) })
}

/// The ARNs of the managed policies that are attached to the role.
pub(super) async fn managed_policies(aws: &Aws, role: &str) -> Result<Vec<String>, AwsError> {
    let mut arns = Vec::new();
    let mut marker = None;
    loop {
        let call = aws.iam().list_attached_role_policies().role_name(role).set_marker(marker);
        let page = call.send().await.named("ListAttachedRolePolicies")?;
        arns.extend(page.attached_policies.unwrap_or_default().into_iter().filter_map(|policy| policy.policy_arn));
        marker = page.marker;
        if marker.is_none() {
            return Ok(arns);
        }
    }
}

/// The names of the role's inline policies.
pub(super) async fn policy_names(aws: &Aws, role: &str) -> Result<Vec<String>, AwsError> {
    let mut names = Vec::new();
    let mut marker = None;
    loop {
        let call = aws.iam().list_role_policies().role_name(role).set_marker(marker);
        let page = call.send().await.named("ListRolePolicies")?;
        names.extend(page.policy_names);
        marker = page.marker;
        if marker.is_none() {
            return Ok(names);
        }
    }
}

/// Tags as IAM lists them.
pub(super) fn tags(listed: &[iam::Tag]) -> Tags {
    listed.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect()
}
