//! The steps that carry changes out, in the order in which they are safe.

use super::spec::{IamRoleSpec, InlinePolicy};
use super::{of_a_part, profile, unless_gone};
use crate::api::resource::Change;
use crate::aws::error::{AwsError, ErrorClass, Named};
use crate::aws::session::Aws;
use crate::kinds::{Target, policy_document};

/// One call, or the few that belong together. In the order in which they are taken: a boundary is in
/// force before the role is permitted more, what is added comes before what is removed, so that the
/// role never lacks what it keeps, and a boundary falls when nothing else is left to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// Sets the permissions boundary to this ARN.
    SetBoundary(String),
    /// Replaces the trust policy.
    Trust(String),
    /// Sets description and session duration.
    Settings(Settings),
    /// Sets an inline policy, by name and document.
    PutPolicy(String, String),
    /// Attaches the managed policy of this ARN.
    Attach(String),
    /// Makes the instance profile and puts the role into it.
    AddProfile,
    /// Detaches the managed policy of this ARN.
    Detach(String),
    /// Removes the inline policy of this name.
    DeletePolicy(String),
    /// Removes the instance profile.
    RemoveProfile,
    /// Takes the permissions boundary away.
    RemoveBoundary,
}

/// What UpdateRole sets. It resets a duration that it is not told (API reference, UpdateRole), so both
/// always go together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Settings {
    pub(super) description: Option<String>,
    pub(super) max_session_duration: Option<i32>,
}

/// The steps from `found` to `wanted` for the members that `changes` touch.
pub(super) fn steps(wanted: &IamRoleSpec, found: &IamRoleSpec, changes: &[Change]) -> Vec<Step> {
    let touched = |member: &str| changes.iter().any(|change| change.path.split(['.', '[']).next() == Some(member));
    let mut steps = Vec::new();
    if touched("permissionsBoundary") {
        steps.extend(wanted.permissions_boundary.clone().map(|arn| match arn.is_empty() {
            true => Step::RemoveBoundary,
            false => Step::SetBoundary(arn),
        }));
    }
    if touched("assumeRolePolicy") {
        steps.push(Step::Trust(wanted.assume_role_policy.clone()));
    }
    if touched("description") || touched("maxSessionDurationSeconds") {
        steps.push(Step::Settings(Settings {
            description: wanted.description.clone().or_else(|| found.description.clone()),
            max_session_duration: wanted.max_session_duration_seconds.or(found.max_session_duration_seconds),
        }));
    }
    if touched("inlinePolicies") {
        steps.extend(policy_steps(wanted.policies(), found.policies()));
    }
    if touched("managedPolicyArns") {
        let missing = wanted.managed().iter().filter(|arn| !found.managed().contains(arn));
        let surplus = found.managed().iter().filter(|arn| !wanted.managed().contains(arn));
        steps.extend(missing.cloned().map(Step::Attach).chain(surplus.cloned().map(Step::Detach)));
    }
    if touched("instanceProfile") {
        steps.extend(wanted.instance_profile.map(|wanted| if wanted { Step::AddProfile } else { Step::RemoveProfile }));
    }
    steps.sort();
    steps
}

fn policy_steps(wanted: &[InlinePolicy], found: &[InlinePolicy]) -> Vec<Step> {
    let same = |a: &InlinePolicy, b: &InlinePolicy| {
        a.name == b.name && policy_document::comparable(&a.document) == policy_document::comparable(&b.document)
    };
    let differing = wanted.iter().filter(|policy| !found.iter().any(|other| same(policy, other)));
    let surplus = found.iter().filter(|policy| !wanted.iter().any(|other| other.name == policy.name));
    let put = differing.map(|policy| Step::PutPolicy(policy.name.clone(), policy.document.clone()));
    put.chain(surplus.map(|policy| Step::DeletePolicy(policy.name.clone()))).collect()
}

/// Whether the steps take something away that counts towards the quota which `step` has hit.
pub(super) fn makes_room(steps: &[Step], step: &Step) -> bool {
    steps.iter().any(|other| {
        matches!((step, other), (Step::Attach(_), Step::Detach(_)) | (Step::PutPolicy(..), Step::DeletePolicy(_)))
    })
}

/// Takes one step.
pub(super) async fn take(aws: &Aws, target: &Target<'_, IamRoleSpec>, step: &Step) -> Result<(), AwsError> {
    let (iam, role) = (aws.iam(), target.id);
    let answer = match step {
        Step::SetBoundary(arn) => {
            let call = iam.put_role_permissions_boundary().role_name(role).permissions_boundary(arn);
            call.send().await.named("PutRolePermissionsBoundary").map(drop)
        }
        Step::Trust(document) => {
            let call = iam.update_assume_role_policy().role_name(role);
            let call = call.policy_document(policy_document::sent(document));
            call.send().await.named("UpdateAssumeRolePolicy").map(drop)
        }
        Step::Settings(settings) => {
            let call = iam.update_role().role_name(role).set_description(settings.description.clone());
            let call = call.set_max_session_duration(settings.max_session_duration);
            call.send().await.named("UpdateRole").map(drop)
        }
        Step::PutPolicy(name, document) => {
            let call = iam.put_role_policy().role_name(role).policy_name(name);
            let call = call.policy_document(policy_document::sent(document));
            call.send().await.named("PutRolePolicy").map(drop).map_err(|error| about_policy(name, error))
        }
        Step::Attach(arn) => {
            let call = iam.attach_role_policy().role_name(role).policy_arn(arn);
            call.send().await.named("AttachRolePolicy").map(drop)
        }
        Step::AddProfile => profile::add(aws, target).await,
        Step::Detach(arn) => detach(aws, role, arn).await,
        Step::DeletePolicy(name) => delete_policy(aws, role, name).await,
        Step::RemoveProfile => profile::take_away(aws, target).await,
        Step::RemoveBoundary => {
            let call = iam.delete_role_permissions_boundary().role_name(role);
            unless_gone(call.send().await.named("DeleteRolePermissionsBoundary")).map(drop)
        }
    };
    answer.map_err(of_a_part)
}

/// IAM does not say which of several documents it refuses.
fn about_policy(name: &str, error: AwsError) -> AwsError {
    match error.class {
        ErrorClass::Invalid | ErrorClass::Quota => {
            AwsError { message: format!("inlinePolicies[{name}]: {}", error.message), ..error }
        }
        _ => error,
    }
}

/// Detaches a managed policy; one that is detached already is no error.
pub(super) async fn detach(aws: &Aws, role: &str, arn: &str) -> Result<(), AwsError> {
    let call = aws.iam().detach_role_policy().role_name(role).policy_arn(arn);
    unless_gone(call.send().await.named("DetachRolePolicy")).map(drop)
}

/// Removes an inline policy; one that is gone already is no error.
pub(super) async fn delete_policy(aws: &Aws, role: &str, name: &str) -> Result<(), AwsError> {
    let call = aws.iam().delete_role_policy().role_name(role).policy_name(name);
    unless_gone(call.send().await.named("DeleteRolePolicy")).map(drop)
}
