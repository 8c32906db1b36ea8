//! AWS IAM roles.

mod owned;
mod profile;
mod read;
mod spec;
mod step;

pub use profile::roles_in_profile;
pub use spec::IamRoleSpec;

use self::profile::Profile;
use crate::api::resource::{Change, Effect, ResourceState};
use crate::aws::error::{AwsError, ErrorClass, Named, unbuildable, unless_absent};
use crate::aws::session::Aws;
use crate::aws::tags::{Owner, TagEdit, Tags};
use crate::cost::{Costs, Found};
use crate::health::Assessment;
use crate::kinds::owned::Listing;
use crate::kinds::{
    DeclaredRole, Invalid, Kind, KindName, Look, Observed, Request, Target, Usually, once, policy_document,
};
use aws_sdk_iam::error::BuildError;
use aws_sdk_iam::types as iam;
use serde_json::Value;
use std::collections::BTreeMap;

/// The kind `IamRole`.
pub struct IamRole;

impl Kind for IamRole {
    type Spec = IamRoleSpec;
    const NAME: KindName = KindName::IamRole;
    const NAME_FIELD: Option<&'static str> = Some("roleName");
    const HOLDS_DATA: bool = false;
    // A role may be given any right of the account, and be assumed by anybody.
    const GRANTS_ACCESS: bool = true;
    // IAM shows what was written only after a while (IAM User Guide, "Changes that I make are not
    // always immediately visible"). The name alone would keep a second role from being made, but an
    // object that is deleted right after the create call would leave its role behind unseen.
    const LAGS: bool = true;
    const ABSENT: &'static [&'static str] = &["NoSuchEntity"];
    const FIRST_WRITE: Option<&'static str> = Some("CreateRole");
    const USUALLY: Usually = Usually { create_seconds: 5, delete_seconds: 5 };
    const NAMED_LISTS: &'static [(&'static str, &'static str)] = &[("inlinePolicies", "name")];
    const IAM_ACTIONS: &'static [&'static str] = &[
        "iam:AddRoleToInstanceProfile",
        "iam:AttachRolePolicy",
        "iam:CreateInstanceProfile",
        "iam:CreateRole",
        "iam:DeleteInstanceProfile",
        "iam:DeleteRole",
        "iam:DeleteRolePermissionsBoundary",
        "iam:DeleteRolePolicy",
        "iam:DetachRolePolicy",
        "iam:GetInstanceProfile",
        "iam:GetRole",
        "iam:GetRolePolicy",
        "iam:ListAttachedRolePolicies",
        "iam:ListInstanceProfilesForRole",
        "iam:ListRolePolicies",
        // Not a call: AddRoleToInstanceProfile asks for it.
        "iam:PassRole",
        "iam:PutRolePermissionsBoundary",
        "iam:PutRolePolicy",
        "iam:RemoveRoleFromInstanceProfile",
        "iam:TagInstanceProfile",
        "iam:TagRole",
        "iam:UntagInstanceProfile",
        "iam:UntagRole",
        "iam:UpdateAssumeRolePolicy",
        "iam:UpdateRole",
    ];
    const LISTING_ACTIONS: &'static [&'static str] = &["iam:ListInstanceProfiles", "iam:ListRoles"];
    const GLOBAL: bool = true;

    fn validate(spec: &IamRoleSpec) -> Result<(), Invalid> {
        policy_document::validate("assumeRolePolicy", &spec.assume_role_policy)?;
        for policy in spec.policies() {
            policy_document::validate("inlinePolicies", &policy.document).map_err(|invalid| Invalid {
                message: format!("document of {}: {}", policy.name, invalid.message),
                ..invalid
            })?;
        }
        Ok(())
    }

    fn role(spec: &IamRoleSpec) -> Option<DeclaredRole<'_>> {
        let boundary = spec.permissions_boundary.as_deref().filter(|arn| !arn.is_empty());
        Some(DeclaredRole { name: &spec.role_name, boundary })
    }

    fn id(spec: &IamRoleSpec) -> Option<String> {
        Some(spec.role_name.clone())
    }

    fn effect(path: &str) -> Option<Effect> {
        match path {
            "roleName" | "path" => Some(Effect::Replace),
            _ => Some(Effect::InPlace),
        }
    }

    fn comparable(spec: &IamRoleSpec) -> Value {
        let mut spec = spec.clone();
        spec.assume_role_policy = policy_document::comparable(&spec.assume_role_policy);
        for policy in spec.inline_policies.iter_mut().flatten() {
            policy.document = policy_document::comparable(&policy.document);
        }
        if let Some(arns) = &mut spec.managed_policy_arns {
            arns.sort();
        }
        serde_json::to_value(&spec).unwrap_or(Value::Null)
    }

    /// Roles and instance profiles are free of charge.
    const FREE_FIELDS: &'static [&'static str] = &[
        "assumeRolePolicy",
        "description",
        "inlinePolicies",
        "inlinePolicies.document",
        "inlinePolicies.name",
        "instanceProfile",
        "managedPolicyArns",
        "maxSessionDurationSeconds",
        "path",
        "permissionsBoundary",
        "roleName",
    ];

    fn cost_items(_spec: &IamRoleSpec, _found: Found<'_>) -> Costs {
        Costs::default()
    }

    async fn observe(
        aws: &Aws,
        id: &str,
        look: Look<'_, IamRoleSpec>,
    ) -> Result<Option<Observed<IamRoleSpec>>, AwsError> {
        let Some(role) = read::role(aws, id).await? else {
            return match look {
                Look::Owner { owner, .. } => observe_what_is_left(aws, id, owner).await,
                // A profile that is left over serves the next role of this name.
                Look::Full(_) => Ok(None),
            };
        };
        let tags = read::tags(role.tags());
        let mut spec = read::spec(&role);
        let mut outputs = BTreeMap::from([
            ("arn".to_owned(), role.arn.clone()),
            ("roleName".to_owned(), role.role_name.clone()),
            ("roleId".to_owned(), role.role_id.clone()),
        ]);
        if let Look::Full(wanted) = look {
            read::named_lists(aws, id, wanted, &mut spec).await?;
            if let Some(wanted) = wanted.instance_profile {
                let found = Profile::read(aws, id).await?.filter(|profile| profile.is_there(id, &tags, wanted));
                spec.instance_profile = Some(found.is_some());
                outputs.extend(found.map(|profile| ("instanceProfileArn".to_owned(), profile.arn)));
            }
        }
        Ok(Some(Observed {
            billed: crate::cost::Billed::new(),
            // A role has no state: it is there and works, or it is not there.
            state: ResourceState::Active,
            detail: None,
            health: Assessment::found(),
            arn: role.arn,
            spec,
            tags,
            outputs,
        }))
    }

    async fn create(aws: &Aws, request: Request<'_, IamRoleSpec>) -> Result<String, AwsError> {
        const OPERATION: &str = "CreateRole";
        let spec = request.spec;
        // What hangs on the role follows as changes, once IAM shows the role.
        once!(
            aws_sdk_iam,
            aws.iam()
                .create_role()
                .role_name(&spec.role_name)
                .set_path(spec.path.clone())
                .set_description(spec.description.clone().filter(|text| !text.is_empty()))
                .assume_role_policy_document(policy_document::sent(&spec.assume_role_policy))
                .set_permissions_boundary(spec.permissions_boundary.clone().filter(|arn| !arn.is_empty()))
                .set_max_session_duration(spec.max_session_duration_seconds)
                .set_tags(Some(tag_set(request.tags).map_err(unbuildable(OPERATION))?)),
            OPERATION
        )?;
        Ok(spec.role_name.clone())
    }

    async fn update(aws: &Aws, target: Target<'_, IamRoleSpec>, changes: &[Change]) -> Result<(), AwsError> {
        let steps = step::steps(target.spec, &target.observed.spec, changes);
        for step in &steps {
            match step::take(aws, &target, step).await {
                // The role is full, and what is to go makes room; the next pass adds the rest.
                Err(error) if error.class == ErrorClass::Quota && step::makes_room(&steps, step) => {}
                answer => answer?,
            }
        }
        Ok(())
    }

    async fn retag(aws: &Aws, target: Target<'_, IamRoleSpec>, edit: &TagEdit) -> Result<(), AwsError> {
        const OPERATION: &str = "TagRole";
        // The profile first: by the tags of the role it is known that something is left to do.
        if let Some(profile) = Profile::read(aws, target.id).await? {
            profile.retag(aws, &target.observed.tags, edit).await?;
        }
        if !edit.set.is_empty() {
            let tags = tag_set(&edit.set).map_err(unbuildable(OPERATION))?;
            aws.iam().tag_role().role_name(target.id).set_tags(Some(tags)).send().await.named(OPERATION)?;
        }
        if !edit.remove.is_empty() {
            let keys = edit.remove.iter().cloned().collect();
            aws.iam().untag_role().role_name(target.id).set_tag_keys(Some(keys)).send().await.named("UntagRole")?;
        }
        Ok(())
    }

    async fn delete(aws: &Aws, target: Target<'_, IamRoleSpec>) -> Result<(), AwsError> {
        let id = target.id;
        if only_the_profile_is_left(target.observed) {
            return match Profile::read(aws, id).await? {
                Some(profile) if profile.belongs_to(&target.observed.tags) => profile.remove(aws, id).await,
                _ => Ok(()),
            };
        }
        // Nothing is taken off a role that cannot go because somebody else's profile has it.
        let profile = profile::before_deletion(aws, id, &target.observed.tags).await?;
        for arn in unless_gone(read::managed_policies(aws, id).await)?.unwrap_or_default() {
            step::detach(aws, id, &arn).await?;
        }
        for name in unless_gone(read::policy_names(aws, id).await)?.unwrap_or_default() {
            step::delete_policy(aws, id, &name).await?;
        }
        if let Some(profile) = profile {
            profile.remove(aws, id).await?;
        }
        aws.iam().delete_role().role_name(id).send().await.named("DeleteRole").map(drop)
    }

    async fn list_owned(aws: &Aws, cluster: &str) -> Listing {
        owned::list(aws, cluster).await
    }
}

/// The instance profile of a role that somebody else has deleted, where it belongs to the same object,
/// so that it is deleted too.
async fn observe_what_is_left(aws: &Aws, id: &str, owner: &Owner) -> Result<Option<Observed<IamRoleSpec>>, AwsError> {
    let left = Profile::read(aws, id).await?.filter(|profile| profile.belongs_to(&owner.tags()));
    let spec = IamRoleSpec { role_name: id.to_owned(), ..Default::default() };
    Ok(left.map(|profile| Observed::remainder(profile.arn, spec, profile.tags, "only the instance profile is left")))
}

fn only_the_profile_is_left(observed: &Observed<IamRoleSpec>) -> bool {
    observed.arn.contains(":instance-profile/")
}

/// The answer, `None` where IAM says that what the call is about does not exist.
fn unless_gone<T>(answer: Result<T, AwsError>) -> Result<Option<T>, AwsError> {
    unless_absent(answer, IamRole::ABSENT)
}

/// An error of a call that reads or changes a part of a role. IAM has one code for the absence of the
/// part and of the role, and may not show yet what was made a moment ago: only the look at the role
/// itself may tell that the role is gone.
fn of_a_part(error: AwsError) -> AwsError {
    match error.class {
        ErrorClass::NotFound => AwsError { class: ErrorClass::Conflict, ..error },
        _ => error,
    }
}

fn tag_set(tags: &Tags) -> Result<Vec<iam::Tag>, BuildError> {
    tags.iter().map(|(key, value)| iam::Tag::builder().key(key).value(value).build()).collect()
}

#[cfg(test)]
mod tests;
