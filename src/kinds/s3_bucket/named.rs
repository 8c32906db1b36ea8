//! The settings that a spec names: which are read, and which are written in which order.

use super::spec::S3BucketSpec;
use super::{notifications, settings};
use crate::api::resource::Change;
use crate::aws::error::AwsError;
use crate::aws::session::Aws;
use crate::kinds::if_named;
use std::collections::BTreeSet;

/// Reads the settings that `wanted` names, and no others: each is a call.
pub(super) async fn read(aws: &Aws, bucket: &str, wanted: &S3BucketSpec) -> Result<S3BucketSpec, AwsError> {
    let mut found = S3BucketSpec { bucket_name: bucket.to_owned(), ..Default::default() };
    if wanted.versioning.is_some() {
        found.versioning = settings::versioning(aws, bucket).await?;
    }
    if wanted.encryption.is_some() {
        found.encryption = settings::encryption(aws, bucket).await?;
    }
    if wanted.public_access_block.is_some() {
        found.public_access_block = settings::public_access_block(aws, bucket).await?;
    }
    if wanted.object_ownership.is_some() {
        found.object_ownership = settings::ownership(aws, bucket).await?;
    }
    if wanted.policy.is_some() {
        found.policy = settings::policy(aws, bucket).await?;
    }
    if wanted.lifecycle_rules.is_some() {
        found.lifecycle_rules = settings::lifecycle_rules(aws, bucket).await?;
    }
    if wanted.cors_rules.is_some() {
        found.cors_rules = settings::cors_rules(aws, bucket).await?;
    }
    if wanted.logging.is_some() {
        found.logging = settings::logging(aws, bucket).await?;
    }
    if wanted.website.is_some() {
        found.website = settings::website(aws, bucket).await?;
    }
    if wanted.lambda_notifications.is_some() {
        found.lambda_notifications = Some(notifications::read(aws, bucket).await?);
    }
    Ok(found)
}

/// Writes the settings that `changes` touch.
pub(super) async fn write(aws: &Aws, bucket: &str, spec: &S3BucketSpec, changes: &[Change]) -> Result<(), AwsError> {
    for setting in changed(changes) {
        write_one(aws, bucket, spec, setting).await?;
    }
    Ok(())
}

/// The settings that `changes` touch, by their name in the spec, in the order in which AWS needs
/// them: what blocks public access comes off before a policy that needs it to.
fn changed(changes: &[Change]) -> BTreeSet<Setting> {
    changes.iter().filter_map(|change| Setting::of(&change.path)).collect()
}

/// One pair of S3 calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Setting {
    PublicAccessBlock,
    Ownership,
    Versioning,
    Encryption,
    Policy,
    Lifecycle,
    Cors,
    Logging,
    Website,
    Notifications,
}

impl Setting {
    fn of(path: &str) -> Option<Self> {
        Some(match path.split(['.', '[']).next()? {
            "publicAccessBlock" => Self::PublicAccessBlock,
            "objectOwnership" => Self::Ownership,
            "versioning" => Self::Versioning,
            "encryption" => Self::Encryption,
            "policy" => Self::Policy,
            "lifecycleRules" => Self::Lifecycle,
            "corsRules" => Self::Cors,
            "logging" => Self::Logging,
            "website" => Self::Website,
            "lambdaNotifications" => Self::Notifications,
            _ => return None,
        })
    }
}

async fn write_one(aws: &Aws, bucket: &str, spec: &S3BucketSpec, setting: Setting) -> Result<(), AwsError> {
    match setting {
        Setting::PublicAccessBlock => {
            if_named!(spec.public_access_block, value => settings::put_public_access_block(aws, bucket, value))
        }
        Setting::Ownership => if_named!(spec.object_ownership, value => settings::put_ownership(aws, bucket, *value)),
        Setting::Versioning => if_named!(spec.versioning, value => settings::put_versioning(aws, bucket, *value)),
        Setting::Encryption => if_named!(spec.encryption, value => settings::put_encryption(aws, bucket, value)),
        Setting::Policy => if_named!(spec.policy, value => settings::put_policy(aws, bucket, value)),
        Setting::Lifecycle => {
            if_named!(spec.lifecycle_rules, value => settings::put_lifecycle_rules(aws, bucket, value))
        }
        Setting::Cors => if_named!(spec.cors_rules, value => settings::put_cors_rules(aws, bucket, value)),
        Setting::Logging => if_named!(spec.logging, value => settings::put_logging(aws, bucket, value)),
        Setting::Website => if_named!(spec.website, value => settings::put_website(aws, bucket, value)),
        Setting::Notifications => if_named!(spec.lambda_notifications, value => notifications::put(aws, bucket, value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::resource::Effect;

    #[test]
    fn public_access_is_opened_before_the_policy_that_needs_it() {
        let change = |path: &str| Change { path: path.into(), from: None, to: None, effect: Effect::InPlace };
        let order: Vec<_> =
            changed(&[change("policy"), change("publicAccessBlock.blockPublicPolicy")]).into_iter().collect();
        assert_eq!(order, [Setting::PublicAccessBlock, Setting::Policy]);
    }
}
