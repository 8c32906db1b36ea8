//! The roles and instance profiles that carry a cluster's tags. IAM lists both without tags.

use super::profile::Profile;
use super::read;
use crate::aws::error::{AwsError, Named};
use crate::aws::session::Aws;
use crate::aws::tags::Tags;
use crate::kinds::owned::{Listing, Owned, each, names_cluster, pages, time};
use aws_sdk_iam::types as iam;
use aws_smithy_types::DateTime;

/// The paths of the roles that only AWS's own services make (IAM User Guide, "Create a service-linked
/// role"; IAM Identity Center User Guide, "Referencing permission sets"). None of them is read.
const MADE_BY_SERVICES: &[&str] = &["/aws-service-role/", "/aws-reserved/"];

/// Lists the account's roles and instance profiles.
pub(super) async fn list(aws: &Aws, cluster: &str) -> Listing {
    let roles = pages!(aws.iam().list_roles(), "ListRoles").map(|roles: Vec<iam::Role>| {
        let by_service = |role: &iam::Role| MADE_BY_SERVICES.iter().any(|path| role.path.starts_with(path));
        roles.into_iter().filter(|role| !by_service(role)).collect()
    });
    let profiles = pages!(aws.iam().list_instance_profiles(), "ListInstanceProfiles");
    let roles = each(roles, |role: iam::Role| read_role(aws, cluster, role)).await;
    roles.and(each(profiles, |profile: iam::InstanceProfile| read_profile(aws, cluster, profile)).await)
}

async fn read_role(aws: &Aws, cluster: &str, role: iam::Role) -> Result<Option<Owned>, AwsError> {
    let found = read::role(aws, &role.role_name).await?;
    let tags = found.map(|found| read::tags(found.tags()));
    Ok(owned("AWS::IAM::Role", cluster, tags, role.role_name, role.arn, &role.create_date))
}

async fn read_profile(aws: &Aws, cluster: &str, profile: iam::InstanceProfile) -> Result<Option<Owned>, AwsError> {
    let tags = Profile::read(aws, &profile.instance_profile_name).await?.map(|found| found.tags);
    let (name, arn) = (profile.instance_profile_name, profile.arn);
    Ok(owned("AWS::IAM::InstanceProfile", cluster, tags, name, arn, &profile.create_date))
}

fn owned(
    type_: &'static str,
    cluster: &str,
    tags: Option<Tags>,
    id: String,
    arn: String,
    created: &DateTime,
) -> Option<Owned> {
    let tags = tags.filter(|tags| names_cluster(tags, cluster))?;
    Some(Owned { type_, id, arn, tags, since: time(Some(created)), kept_by_default: false })
}
