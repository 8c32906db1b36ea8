//! A bucket's settings one by one: how each is read, written and taken away.
//!
//! S3 has one pair of calls per setting, and a code of its own for "there is none".

use super::spec::*;
use crate::aws::error::{AwsError, Named, unbuildable, unless_absent};
use crate::aws::session::Aws;
use crate::kinds::policy_document;
use aws_sdk_s3::error::BuildError;
use aws_sdk_s3::types as s3;

/// Calls an S3 operation on a bucket with the account that must own it, and names it.
macro_rules! call {
    ($aws:expr, $bucket:expr, $operation:ident, $name:literal $(, $method:ident($value:expr))*) => {
        $aws.s3()
            .$operation()
            .bucket($bucket)
            .expected_bucket_owner($aws.account_id())
            $(.$method($value))*
            .send()
            .await
            .named($name)
    };
}
pub(super) use call;

pub(super) async fn versioning(aws: &Aws, bucket: &str) -> Result<Option<Versioning>, AwsError> {
    let answer = call!(aws, bucket, get_bucket_versioning, "GetBucketVersioning")?;
    Ok(answer.status().and_then(|status| match status {
        s3::BucketVersioningStatus::Enabled => Some(Versioning::Enabled),
        s3::BucketVersioningStatus::Suspended => Some(Versioning::Suspended),
        _ => None,
    }))
}

pub(super) async fn put_versioning(aws: &Aws, bucket: &str, wanted: Versioning) -> Result<(), AwsError> {
    let status = match wanted {
        Versioning::Enabled => s3::BucketVersioningStatus::Enabled,
        Versioning::Suspended => s3::BucketVersioningStatus::Suspended,
    };
    let setting = s3::VersioningConfiguration::builder().status(status).build();
    call!(aws, bucket, put_bucket_versioning, "PutBucketVersioning", versioning_configuration(setting)).map(drop)
}

pub(super) async fn encryption(aws: &Aws, bucket: &str) -> Result<Option<Encryption>, AwsError> {
    let answer = call!(aws, bucket, get_bucket_encryption, "GetBucketEncryption");
    let answer = unless_absent(answer, &["ServerSideEncryptionConfigurationNotFoundError"])?;
    let Some(rule) = answer
        .and_then(|found| found.server_side_encryption_configuration)
        .and_then(|found| found.rules.into_iter().next())
    else {
        return Ok(None);
    };
    let Some(default) = rule.apply_server_side_encryption_by_default else { return Ok(None) };
    let algorithm = match default.sse_algorithm {
        s3::ServerSideEncryption::AwsKms => EncryptionAlgorithm::Kms,
        s3::ServerSideEncryption::AwsKmsDsse => EncryptionAlgorithm::KmsDsse,
        _ => EncryptionAlgorithm::Aes256,
    };
    Ok(Some(Encryption {
        algorithm,
        kms_key_id: default.kms_master_key_id,
        bucket_key_enabled: rule.bucket_key_enabled.or(Some(false)),
    }))
}

pub(super) async fn put_encryption(aws: &Aws, bucket: &str, wanted: &Encryption) -> Result<(), AwsError> {
    const OPERATION: &str = "PutBucketEncryption";
    let algorithm = match wanted.algorithm {
        EncryptionAlgorithm::Aes256 => s3::ServerSideEncryption::Aes256,
        EncryptionAlgorithm::Kms => s3::ServerSideEncryption::AwsKms,
        EncryptionAlgorithm::KmsDsse => s3::ServerSideEncryption::AwsKmsDsse,
    };
    let default = s3::ServerSideEncryptionByDefault::builder()
        .sse_algorithm(algorithm)
        .set_kms_master_key_id(wanted.kms_key_id.clone())
        .build()
        .map_err(unbuildable(OPERATION))?;
    let rule = s3::ServerSideEncryptionRule::builder()
        .apply_server_side_encryption_by_default(default)
        .set_bucket_key_enabled(wanted.bucket_key_enabled)
        .build();
    let setting =
        s3::ServerSideEncryptionConfiguration::builder().rules(rule).build().map_err(unbuildable(OPERATION))?;
    call!(aws, bucket, put_bucket_encryption, "PutBucketEncryption", server_side_encryption_configuration(setting))
        .map(drop)
}

pub(super) async fn public_access_block(aws: &Aws, bucket: &str) -> Result<Option<PublicAccessBlock>, AwsError> {
    let answer = call!(aws, bucket, get_public_access_block, "GetPublicAccessBlock");
    let answer = unless_absent(answer, &["NoSuchPublicAccessBlockConfiguration"])?;
    Ok(answer.and_then(|found| found.public_access_block_configuration).map(|found| PublicAccessBlock {
        block_public_acls: found.block_public_acls.unwrap_or_default(),
        ignore_public_acls: found.ignore_public_acls.unwrap_or_default(),
        block_public_policy: found.block_public_policy.unwrap_or_default(),
        restrict_public_buckets: found.restrict_public_buckets.unwrap_or_default(),
    }))
}

pub(super) async fn put_public_access_block(
    aws: &Aws,
    bucket: &str,
    wanted: &PublicAccessBlock,
) -> Result<(), AwsError> {
    let setting = s3::PublicAccessBlockConfiguration::builder()
        .block_public_acls(wanted.block_public_acls)
        .ignore_public_acls(wanted.ignore_public_acls)
        .block_public_policy(wanted.block_public_policy)
        .restrict_public_buckets(wanted.restrict_public_buckets)
        .build();
    call!(aws, bucket, put_public_access_block, "PutPublicAccessBlock", public_access_block_configuration(setting))
        .map(drop)
}

pub(super) async fn ownership(aws: &Aws, bucket: &str) -> Result<Option<ObjectOwnership>, AwsError> {
    let answer = call!(aws, bucket, get_bucket_ownership_controls, "GetBucketOwnershipControls");
    let answer = unless_absent(answer, &["OwnershipControlsNotFoundError"])?;
    let rule = answer.and_then(|found| found.ownership_controls).and_then(|found| found.rules.into_iter().next());
    Ok(rule.and_then(|rule| match rule.object_ownership {
        s3::ObjectOwnership::BucketOwnerEnforced => Some(ObjectOwnership::BucketOwnerEnforced),
        s3::ObjectOwnership::BucketOwnerPreferred => Some(ObjectOwnership::BucketOwnerPreferred),
        s3::ObjectOwnership::ObjectWriter => Some(ObjectOwnership::ObjectWriter),
        _ => None,
    }))
}

/// The setting in the SDK's words; the create call takes it too.
pub(super) fn ownership_for_api(wanted: ObjectOwnership) -> s3::ObjectOwnership {
    match wanted {
        ObjectOwnership::BucketOwnerEnforced => s3::ObjectOwnership::BucketOwnerEnforced,
        ObjectOwnership::BucketOwnerPreferred => s3::ObjectOwnership::BucketOwnerPreferred,
        ObjectOwnership::ObjectWriter => s3::ObjectOwnership::ObjectWriter,
    }
}

pub(super) async fn put_ownership(aws: &Aws, bucket: &str, wanted: ObjectOwnership) -> Result<(), AwsError> {
    const OPERATION: &str = "PutBucketOwnershipControls";
    let rule = s3::OwnershipControlsRule::builder()
        .object_ownership(ownership_for_api(wanted))
        .build()
        .map_err(unbuildable(OPERATION))?;
    let setting = s3::OwnershipControls::builder().rules(rule).build().map_err(unbuildable(OPERATION))?;
    call!(aws, bucket, put_bucket_ownership_controls, "PutBucketOwnershipControls", ownership_controls(setting))
        .map(drop)
}

pub(super) async fn policy(aws: &Aws, bucket: &str) -> Result<Option<String>, AwsError> {
    let answer = call!(aws, bucket, get_bucket_policy, "GetBucketPolicy");
    Ok(unless_absent(answer, &["NoSuchBucketPolicy"])?.and_then(|found| found.policy))
}

pub(super) async fn put_policy(aws: &Aws, bucket: &str, wanted: &str) -> Result<(), AwsError> {
    call!(aws, bucket, put_bucket_policy, "PutBucketPolicy", policy(policy_document::sent(wanted))).map(drop)
}

pub(super) async fn logging(aws: &Aws, bucket: &str) -> Result<Option<Logging>, AwsError> {
    let answer = call!(aws, bucket, get_bucket_logging, "GetBucketLogging")?;
    Ok(answer.logging_enabled.map(|found| Logging {
        target_bucket: Some(found.target_bucket),
        target_bucket_ref: None,
        target_prefix: found.target_prefix,
    }))
}

pub(super) async fn put_logging(aws: &Aws, bucket: &str, wanted: &Logging) -> Result<(), AwsError> {
    let target = s3::LoggingEnabled::builder()
        .set_target_bucket(wanted.target_bucket.clone())
        .target_prefix(&wanted.target_prefix)
        .build()
        .map_err(unbuildable("PutBucketLogging"))?;
    let setting = s3::BucketLoggingStatus::builder().logging_enabled(target).build();
    call!(aws, bucket, put_bucket_logging, "PutBucketLogging", bucket_logging_status(setting)).map(drop)
}

pub(super) async fn website(aws: &Aws, bucket: &str) -> Result<Option<Website>, AwsError> {
    let answer = call!(aws, bucket, get_bucket_website, "GetBucketWebsite");
    let answer = unless_absent(answer, &["NoSuchWebsiteConfiguration"])?;
    Ok(answer.and_then(|found| {
        let index = found.index_document?.suffix;
        Some(Website { index_document: index, error_document: found.error_document.map(|document| document.key) })
    }))
}

pub(super) async fn put_website(aws: &Aws, bucket: &str, wanted: &Website) -> Result<(), AwsError> {
    const OPERATION: &str = "PutBucketWebsite";
    let index = s3::IndexDocument::builder().suffix(&wanted.index_document).build().map_err(unbuildable(OPERATION))?;
    let error = match &wanted.error_document {
        Some(key) => Some(s3::ErrorDocument::builder().key(key).build().map_err(unbuildable(OPERATION))?),
        None => None,
    };
    let setting = s3::WebsiteConfiguration::builder().index_document(index).set_error_document(error).build();
    call!(aws, bucket, put_bucket_website, "PutBucketWebsite", website_configuration(setting)).map(drop)
}

pub(super) async fn cors_rules(aws: &Aws, bucket: &str) -> Result<Option<Vec<CorsRule>>, AwsError> {
    let answer = call!(aws, bucket, get_bucket_cors, "GetBucketCors");
    let answer = unless_absent(answer, &["NoSuchCORSConfiguration"])?;
    Ok(answer.and_then(|found| found.cors_rules).map(|rules| {
        rules
            .into_iter()
            .map(|rule| CorsRule {
                allowed_methods: rule.allowed_methods,
                allowed_origins: rule.allowed_origins,
                allowed_headers: rule.allowed_headers.unwrap_or_default(),
                expose_headers: rule.expose_headers.unwrap_or_default(),
                max_age_seconds: rule.max_age_seconds,
            })
            .collect()
    }))
}

pub(super) async fn put_cors_rules(aws: &Aws, bucket: &str, wanted: &[CorsRule]) -> Result<(), AwsError> {
    const OPERATION: &str = "PutBucketCors";
    if wanted.is_empty() {
        return call!(aws, bucket, delete_bucket_cors, "DeleteBucketCors").map(drop);
    }
    let rule = |rule: &CorsRule| {
        s3::CorsRule::builder()
            .set_allowed_methods(Some(rule.allowed_methods.clone()))
            .set_allowed_origins(Some(rule.allowed_origins.clone()))
            .set_allowed_headers(some_if_any(&rule.allowed_headers))
            .set_expose_headers(some_if_any(&rule.expose_headers))
            .set_max_age_seconds(rule.max_age_seconds)
            .build()
    };
    let rules = wanted.iter().map(rule).collect::<Result<Vec<_>, _>>().map_err(unbuildable(OPERATION))?;
    let setting =
        s3::CorsConfiguration::builder().set_cors_rules(Some(rules)).build().map_err(unbuildable(OPERATION))?;
    call!(aws, bucket, put_bucket_cors, "PutBucketCors", cors_configuration(setting)).map(drop)
}

fn some_if_any(list: &[String]) -> Option<Vec<String>> {
    (!list.is_empty()).then(|| list.to_vec())
}

pub(super) async fn lifecycle_rules(aws: &Aws, bucket: &str) -> Result<Option<Vec<LifecycleRule>>, AwsError> {
    let answer = call!(aws, bucket, get_bucket_lifecycle_configuration, "GetBucketLifecycleConfiguration");
    let answer = unless_absent(answer, &["NoSuchLifecycleConfiguration"])?;
    Ok(answer.and_then(|found| found.rules).map(|rules| rules.into_iter().map(lifecycle_rule).collect()))
}

fn lifecycle_rule(rule: s3::LifecycleRule) -> LifecycleRule {
    let transition = |transition: s3::Transition| Transition {
        days: transition.days.unwrap_or_default(),
        storage_class: transition.storage_class.map(|class| class.as_str().to_owned()).unwrap_or_default(),
    };
    LifecycleRule {
        id: rule.id.unwrap_or_default(),
        enabled: rule.status == s3::ExpirationStatus::Enabled,
        prefix: rule.filter.and_then(|filter| filter.prefix).filter(|prefix| !prefix.is_empty()),
        expiration_days: rule.expiration.and_then(|expiration| expiration.days),
        noncurrent_expiration_days: rule.noncurrent_version_expiration.and_then(|e| e.noncurrent_days),
        abort_incomplete_uploads_days: rule
            .abort_incomplete_multipart_upload
            .and_then(|abort| abort.days_after_initiation),
        transitions: rule.transitions.unwrap_or_default().into_iter().map(transition).collect(),
    }
}

pub(super) async fn put_lifecycle_rules(aws: &Aws, bucket: &str, wanted: &[LifecycleRule]) -> Result<(), AwsError> {
    const OPERATION: &str = "PutBucketLifecycleConfiguration";
    if wanted.is_empty() {
        return call!(aws, bucket, delete_bucket_lifecycle, "DeleteBucketLifecycle").map(drop);
    }
    let rules =
        wanted.iter().map(lifecycle_rule_for_api).collect::<Result<Vec<_>, _>>().map_err(unbuildable(OPERATION))?;
    let setting =
        s3::BucketLifecycleConfiguration::builder().set_rules(Some(rules)).build().map_err(unbuildable(OPERATION))?;
    call!(
        aws,
        bucket,
        put_bucket_lifecycle_configuration,
        "PutBucketLifecycleConfiguration",
        lifecycle_configuration(setting)
    )
    .map(drop)
}

fn lifecycle_rule_for_api(rule: &LifecycleRule) -> Result<s3::LifecycleRule, BuildError> {
    let status = if rule.enabled { s3::ExpirationStatus::Enabled } else { s3::ExpirationStatus::Disabled };
    let filter = s3::LifecycleRuleFilter::builder().prefix(rule.prefix.clone().unwrap_or_default()).build();
    let transition = |transition: &Transition| {
        s3::Transition::builder()
            .days(transition.days)
            .storage_class(s3::TransitionStorageClass::from(transition.storage_class.as_str()))
            .build()
    };
    let transitions: Vec<_> = rule.transitions.iter().map(transition).collect();
    s3::LifecycleRule::builder()
        .id(&rule.id)
        .status(status)
        .filter(filter)
        .set_expiration(rule.expiration_days.map(|days| s3::LifecycleExpiration::builder().days(days).build()))
        .set_noncurrent_version_expiration(
            rule.noncurrent_expiration_days
                .map(|days| s3::NoncurrentVersionExpiration::builder().noncurrent_days(days).build()),
        )
        .set_abort_incomplete_multipart_upload(
            rule.abort_incomplete_uploads_days
                .map(|days| s3::AbortIncompleteMultipartUpload::builder().days_after_initiation(days).build()),
        )
        .set_transitions((!transitions.is_empty()).then_some(transitions))
        .build()
}
