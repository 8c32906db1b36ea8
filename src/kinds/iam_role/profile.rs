//! The instance profile of a role's name, through which EC2 instances get the role.
//!
//! It is a resource of its own with tags of its own. Whose it is, they tell: it is the role's where
//! both name the same object. All others are read and never written to.

use super::spec::IamRoleSpec;
use super::{of_a_part, read, tag_set, unless_gone};
use crate::aws::error::{AwsError, ErrorClass, Named, unbuildable};
use crate::aws::session::Aws;
use crate::aws::tags::{TagEdit, Tags, same_owner};
use crate::kinds::{Target, once};
use aws_sdk_iam::types as iam;

/// An instance profile.
#[derive(Clone, Debug)]
pub(super) struct Profile {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) roles: Vec<String>,
    pub(super) tags: Tags,
}

impl Profile {
    /// The profile, `None` where IAM says that it does not exist.
    pub(super) async fn read(aws: &Aws, name: &str) -> Result<Option<Self>, AwsError> {
        const OPERATION: &str = "GetInstanceProfile";
        let call = aws.iam().get_instance_profile().instance_profile_name(name);
        match unless_gone(call.send().await.named(OPERATION))?.map(|answer| answer.instance_profile) {
            Some(None) => Err(AwsError::malformed(OPERATION, "the answer has no instance profile")),
            found => Ok(found.flatten().map(Self::from)),
        }
    }

    /// Whether instances that have the profile have the role.
    pub(super) fn holds(&self, role: &str) -> bool {
        self.roles.iter().any(|held| held == role)
    }

    /// Whether the profile's tags and these name the same owner.
    pub(super) fn belongs_to(&self, tags: &Tags) -> bool {
        same_owner(&self.tags, tags)
    }

    /// Whether the profile is what `wanted` asks for: one with the role in it. Where none is wanted, one
    /// of the role's own that was emptied and not yet removed is there too.
    pub(super) fn is_there(&self, role: &str, role_tags: &Tags, wanted: bool) -> bool {
        self.holds(role) || (!wanted && self.belongs_to(role_tags))
    }

    /// Follows a change of the role's tags, where the profile belongs to the role: before the change,
    /// or after it where an earlier attempt came no further than here.
    pub(super) async fn retag(&self, aws: &Aws, role_tags: &Tags, edit: &TagEdit) -> Result<(), AwsError> {
        const OPERATION: &str = "TagInstanceProfile";
        if !self.belongs_to(role_tags) && !self.belongs_to(&edit.applied_to(role_tags)) {
            return Ok(());
        }
        let name = &self.name;
        if !edit.set.is_empty() {
            let tags = tag_set(&edit.set).map_err(unbuildable(OPERATION))?;
            let call = aws.iam().tag_instance_profile().instance_profile_name(name).set_tags(Some(tags));
            call.send().await.named(OPERATION).map_err(of_a_part)?;
        }
        if !edit.remove.is_empty() {
            let keys = edit.remove.iter().cloned().collect();
            let call = aws.iam().untag_instance_profile().instance_profile_name(name).set_tag_keys(Some(keys));
            call.send().await.named("UntagInstanceProfile").map_err(of_a_part)?;
        }
        Ok(())
    }

    /// Takes the role out and removes the profile. What is gone already is no error.
    pub(super) async fn remove(&self, aws: &Aws, role: &str) -> Result<(), AwsError> {
        if self.holds(role) {
            let call = aws.iam().remove_role_from_instance_profile().instance_profile_name(&self.name).role_name(role);
            unless_gone(call.send().await.named("RemoveRoleFromInstanceProfile"))?;
        }
        let call = aws.iam().delete_instance_profile().instance_profile_name(&self.name);
        unless_gone(call.send().await.named("DeleteInstanceProfile")).map(drop)
    }
}

impl From<iam::InstanceProfile> for Profile {
    fn from(found: iam::InstanceProfile) -> Self {
        Self {
            tags: read::tags(found.tags()),
            roles: found.roles.into_iter().map(|role| role.role_name).collect(),
            name: found.instance_profile_name,
            arn: found.arn,
        }
    }
}

/// Makes the profile, tagged like its role, and puts the role into it.
pub(super) async fn add(aws: &Aws, target: &Target<'_, IamRoleSpec>) -> Result<(), AwsError> {
    const OPERATION: &str = "AddRoleToInstanceProfile";
    let name = target.id;
    match Profile::read(aws, name).await? {
        Some(profile) if profile.holds(name) => return Ok(()),
        Some(profile) if !profile.belongs_to(&target.observed.tags) => return Err(foreign(OPERATION, &profile.name)),
        Some(_) => {}
        None => create(aws, target).await?,
    }
    let call = aws.iam().add_role_to_instance_profile().instance_profile_name(name).role_name(name);
    call.send().await.named(OPERATION).map(drop).map_err(of_a_part)
}

async fn create(aws: &Aws, target: &Target<'_, IamRoleSpec>) -> Result<(), AwsError> {
    const OPERATION: &str = "CreateInstanceProfile";
    let mut tags = target.observed.tags.clone();
    // Tags that AWS itself set cannot be written.
    tags.retain(|key, _| !key.starts_with("aws:"));
    once!(
        aws_sdk_iam,
        aws.iam()
            .create_instance_profile()
            .instance_profile_name(target.id)
            .set_path(target.observed.spec.path.clone())
            .set_tags(Some(tag_set(&tags).map_err(unbuildable(OPERATION))?)),
        OPERATION
    )
    .map(drop)
}

/// Takes the role out of its profile and removes the profile, where it belongs to the role.
pub(super) async fn take_away(aws: &Aws, target: &Target<'_, IamRoleSpec>) -> Result<(), AwsError> {
    match Profile::read(aws, target.id).await? {
        None => Ok(()),
        Some(profile) if profile.belongs_to(&target.observed.tags) => profile.remove(aws, target.id).await,
        Some(profile) => Err(foreign("RemoveRoleFromInstanceProfile", &profile.name)),
    }
}

/// The profile that goes with the role. An error where the role is in a profile that does not go with
/// it, because IAM then refuses to delete the role.
pub(super) async fn before_deletion(aws: &Aws, role: &str, tags: &Tags) -> Result<Option<Profile>, AwsError> {
    let ours = Profile::read(aws, role).await?.filter(|profile| profile.belongs_to(tags));
    let holding = unless_gone(holding(aws, role).await)?.unwrap_or_default();
    match holding.into_iter().find(|name| ours.as_ref().is_none_or(|profile| profile.name != *name)) {
        Some(name) => Err(foreign("DeleteRole", &name)),
        None => Ok(ours),
    }
}

/// The ARNs of the roles in the instance profile of this name or ARN: one, or none where it is empty.
///
/// # Errors
/// The error of the call. A profile that IAM does not show is an error too, and one that may pass: nobody
/// knows then which role it gives.
pub async fn roles_in_profile(aws: &Aws, profile: &str) -> Result<Vec<String>, AwsError> {
    const OPERATION: &str = "GetInstanceProfile";
    let name = profile.rsplit('/').next().unwrap_or(profile);
    let call = aws.iam().get_instance_profile().instance_profile_name(name);
    let answer = call.send().await.named(OPERATION).map_err(of_a_part)?;
    let found =
        answer.instance_profile.ok_or_else(|| AwsError::malformed(OPERATION, "the answer has no instance profile"))?;
    Ok(found.roles.into_iter().map(|role| role.arn).collect())
}

/// The names of all profiles that have the role. IAM lists them without their tags.
async fn holding(aws: &Aws, role: &str) -> Result<Vec<String>, AwsError> {
    let mut names = Vec::new();
    let mut marker = None;
    loop {
        let call = aws.iam().list_instance_profiles_for_role().role_name(role).set_marker(marker);
        let page = call.send().await.named("ListInstanceProfilesForRole")?;
        names.extend(page.instance_profiles.into_iter().map(|profile| profile.instance_profile_name));
        marker = page.marker;
        if marker.is_none() {
            return Ok(names);
        }
    }
}

/// Says that a profile which does not belong to the role is in the way, and what to do.
pub(super) fn foreign(operation: &'static str, profile: &str) -> AwsError {
    AwsError {
        operation,
        class: ErrorClass::Blocked,
        code: None,
        message: format!(
            "the instance profile {profile} does not belong to this object and is not touched; take the role out of it or remove it yourself"
        ),
        request_id: None,
    }
}
