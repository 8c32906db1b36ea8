//! Amazon S3 general purpose buckets.

mod cost;
mod named;
mod notifications;
mod objects;
mod owned;
mod settings;
mod spec;

pub use spec::S3BucketSpec;

use self::settings::call;
use self::spec::{Encryption, EncryptionAlgorithm, ObjectOwnership, PublicAccessBlock};
use crate::api::resource::{Change, Effect, ResourceState};
use crate::aws::error::{AwsError, ErrorClass, Named, unbuildable, unless_absent};
use crate::aws::session::Aws;
use crate::aws::tags::{TagEdit, Tags, same_owner};
use crate::cost::{Costs, Found};
use crate::health::{self, Assessment};
use crate::kinds::owned::Listing;
use crate::kinds::{
    Invalid, Kind, KindName, Look, Observed, Reference, Request, Target, Usually, diff, once, policy_document,
};
use aws_sdk_s3::types as s3;
use serde_json::Value;
use std::collections::BTreeMap;

/// The kind `S3Bucket`.
pub struct S3Bucket;

/// The one region that wants no location constraint (API reference, CreateBucketConfiguration).
const REGION_WITHOUT_CONSTRAINT: &str = "us-east-1";

/// What the items of lists may leave out. The spec names them as a whole, so that what is taken out of
/// one has to leave AWS.
const OPTIONAL_OF_ITEMS: [(&str, &[&str]); 2] = [
    ("lambdaNotifications", &["prefix", "suffix"]),
    (
        "lifecycleRules",
        &["prefix", "expirationDays", "noncurrentExpirationDays", "abortIncompleteUploadsDays", "transitions"],
    ),
];

impl Kind for S3Bucket {
    type Spec = S3BucketSpec;
    const NAME: KindName = KindName::S3Bucket;
    const NAME_FIELD: Option<&'static str> = Some("bucketName");
    const HOLDS_DATA: bool = true;
    const GRANTS_ACCESS: bool = false;
    // Buckets themselves have "an eventual consistency model", other than the objects in them (S3 User
    // Guide, "Amazon S3 data consistency model"), and S3 may answer NoSuchBucket for a while after it has made
    // one (issues 372 and 10068 of the Terraform provider for AWS).
    const LAGS: bool = true;
    const ABSENT: &'static [&'static str] = &["NoSuchBucket"];
    const FIRST_WRITE: Option<&'static str> = Some("CreateBucket");
    const USUALLY: Usually = Usually { create_seconds: 1, delete_seconds: 1 };
    const NAMED_LISTS: &'static [(&'static str, &'static str)] =
        &[("lambdaNotifications", "id"), ("lifecycleRules", "id")];
    const REFERENCES: &'static [Reference] = &[
        Reference { from: "logging.targetBucketRef", to: "targetBucket", output: "name", later: false },
        Reference { from: "lambdaNotifications.functionRef", to: "functionArn", output: "arn", later: true },
    ];
    const IAM_ACTIONS: &'static [&'static str] = &[
        "s3:CreateBucket",
        "s3:DeleteBucket",
        "s3:DeleteObject",
        "s3:DeleteObjectVersion",
        "s3:GetBucketCORS",
        "s3:GetBucketLogging",
        "s3:GetBucketNotification",
        "s3:GetBucketOwnershipControls",
        "s3:GetBucketPolicy",
        "s3:GetBucketPublicAccessBlock",
        "s3:GetBucketTagging",
        "s3:GetBucketVersioning",
        "s3:GetBucketWebsite",
        "s3:GetEncryptionConfiguration",
        "s3:GetLifecycleConfiguration",
        "s3:ListBucketVersions",
        "s3:PutBucketCORS",
        "s3:PutBucketLogging",
        "s3:PutBucketNotification",
        "s3:PutBucketOwnershipControls",
        "s3:PutBucketPolicy",
        "s3:PutBucketPublicAccessBlock",
        "s3:PutBucketTagging",
        "s3:PutBucketVersioning",
        "s3:PutBucketWebsite",
        "s3:PutEncryptionConfiguration",
        "s3:PutLifecycleConfiguration",
        "s3:TagResource",
    ];
    const LISTING_ACTIONS: &'static [&'static str] = &["s3:ListAllMyBuckets"];

    fn validate(spec: &S3BucketSpec) -> Result<(), Invalid> {
        spec.policy.as_deref().map_or(Ok(()), |policy| policy_document::validate("policy", policy))
    }

    fn id(spec: &S3BucketSpec) -> Option<String> {
        Some(spec.bucket_name.clone())
    }

    fn effect(path: &str) -> Option<Effect> {
        match path {
            "forceDestroy" => None,
            "bucketName" => Some(Effect::Replace),
            _ => Some(Effect::InPlace),
        }
    }

    fn comparable(spec: &S3BucketSpec) -> Value {
        let mut spec = spec.clone();
        spec.lambda_notifications.iter_mut().flatten().for_each(|notification| notification.events.sort());
        let mut value = serde_json::to_value(&spec).unwrap_or(Value::Null);
        if let Some(policy) = &spec.policy {
            value["policy"] = policy_document::comparable(policy).into();
        }
        for (list, members) in OPTIONAL_OF_ITEMS {
            let items = value.get_mut(list).and_then(Value::as_array_mut);
            items.into_iter().flatten().for_each(|item| diff::name_absent(item, members));
        }
        value
    }

    const FREE_FIELDS: &'static [&'static str] = &[
        "bucketName",
        "corsRules",
        "corsRules.allowedHeaders",
        "corsRules.allowedMethods",
        "corsRules.allowedOrigins",
        "corsRules.exposeHeaders",
        "corsRules.maxAgeSeconds",
        "encryption.algorithm",
        "encryption.bucketKeyEnabled",
        "encryption.kmsKeyId",
        "forceDestroy",
        "lambdaNotifications",
        "lambdaNotifications.events",
        "lambdaNotifications.functionArn",
        "lambdaNotifications.id",
        "lambdaNotifications.prefix",
        "lambdaNotifications.suffix",
        "lifecycleRules.abortIncompleteUploadsDays",
        "lifecycleRules.expirationDays",
        "lifecycleRules.id",
        "lifecycleRules.noncurrentExpirationDays",
        "lifecycleRules.prefix",
        "lifecycleRules.transitions.days",
        "logging.targetBucket",
        "logging.targetPrefix",
        "objectOwnership",
        "policy",
        "publicAccessBlock.blockPublicAcls",
        "publicAccessBlock.blockPublicPolicy",
        "publicAccessBlock.ignorePublicAcls",
        "publicAccessBlock.restrictPublicBuckets",
        "versioning",
        "website.errorDocument",
        "website.indexDocument",
    ];

    fn cost_items(spec: &S3BucketSpec, found: Found<'_>) -> Costs {
        cost::items(spec, found)
    }

    fn health(_observed: &Observed<S3BucketSpec>, changes: &[Change]) -> Assessment {
        health::bucket::judge(changes)
    }

    async fn observe(
        aws: &Aws,
        id: &str,
        look: Look<'_, S3BucketSpec>,
    ) -> Result<Option<Observed<S3BucketSpec>>, AwsError> {
        let Some(tags) = read_tags(aws, id).await? else { return Ok(None) };
        let arn = format!("arn:{}:s3:::{id}", aws.partition());
        let spec = match look {
            Look::Owner { .. } => S3BucketSpec { bucket_name: id.to_owned(), ..Default::default() },
            Look::Full(wanted) => named::read(aws, id, wanted).await?,
        };
        let outputs = BTreeMap::from([
            ("arn".to_owned(), arn.clone()),
            ("name".to_owned(), id.to_owned()),
            ("region".to_owned(), aws.region().to_owned()),
        ]);
        Ok(Some(Observed {
            billed: crate::cost::Billed::new(),
            arn,
            state: ResourceState::Active,
            detail: None,
            health: Assessment::found(),
            spec,
            tags,
            outputs,
        }))
    }

    async fn create(aws: &Aws, request: Request<'_, S3BucketSpec>) -> Result<String, AwsError> {
        let bucket = &request.spec.bucket_name;
        let constraint =
            (aws.region() != REGION_WITHOUT_CONSTRAINT).then(|| s3::BucketLocationConstraint::from(aws.region()));
        let configuration = s3::CreateBucketConfiguration::builder()
            .set_location_constraint(constraint)
            .set_tags(Some(tag_set(request.tags)?))
            .build();
        once!(
            aws_sdk_s3,
            aws.s3()
                .create_bucket()
                .bucket(bucket)
                .create_bucket_configuration(configuration)
                .set_object_ownership(request.spec.object_ownership.map(settings::ownership_for_api)),
            "CreateBucket"
        )?;
        if aws.region() == REGION_WITHOUT_CONSTRAINT {
            made_by_this_call(aws, bucket, request.tags).await?;
        }
        let fresh = fresh_bucket(request.spec, request.tags);
        let target = Target { id: bucket, spec: request.spec, observed: &fresh, secrets: request.secrets };
        // The bucket is there. What of its settings is refused is a difference that the look which follows
        // every create call finds, and the refusal of the next try is told beside the bucket's id and ARN.
        if let Err(error) = Self::update(aws, target, &Self::diff(request.spec, &fresh)).await {
            tracing::debug!(bucket, %error, "a setting of a new bucket is left for the next pass");
        }
        Ok(bucket.clone())
    }

    async fn update(aws: &Aws, target: Target<'_, S3BucketSpec>, changes: &[Change]) -> Result<(), AwsError> {
        named::write(aws, target.id, target.spec, changes).await
    }

    async fn retag(aws: &Aws, target: Target<'_, S3BucketSpec>, edit: &TagEdit) -> Result<(), AwsError> {
        // S3 replaces the whole set; the tags of others are written back as they were. Tags that
        // AWS itself set cannot be written and are kept by S3.
        let mut tags = edit.applied_to(&target.observed.tags);
        tags.retain(|key, _| !key.starts_with("aws:"));
        let tagging = s3::Tagging::builder()
            .set_tag_set(Some(tag_set(&tags)?))
            .build()
            .map_err(unbuildable("PutBucketTagging"))?;
        call!(aws, target.id, put_bucket_tagging, "PutBucketTagging", tagging(tagging)).map(drop)
    }

    async fn delete(aws: &Aws, target: Target<'_, S3BucketSpec>) -> Result<(), AwsError> {
        match call!(aws, target.id, delete_bucket, "DeleteBucket") {
            Err(error)
                if error.code.as_deref() == Some("BucketNotEmpty") && target.spec.force_destroy == Some(true) =>
            {
                objects::delete_a_page(aws, target.id).await
            }
            answer => answer.map(drop),
        }
    }

    async fn list_owned(aws: &Aws, cluster: &str) -> Listing {
        owned::list(aws, cluster).await
    }
}

/// The tags of the bucket, `None` where there is no bucket. It is the cheapest call that tells
/// whether the bucket exists, whether it is this account's, and who owns it.
async fn read_tags(aws: &Aws, bucket: &str) -> Result<Option<Tags>, AwsError> {
    let tags = match call!(aws, bucket, get_bucket_tagging, "GetBucketTagging") {
        Ok(answer) => Ok(answer.tag_set.into_iter().map(|tag| (tag.key, tag.value)).collect()),
        Err(error) if error.code.as_deref() == Some("NoSuchTagSet") => Ok(Tags::new()),
        Err(error) => Err(error),
    };
    unless_absent(tags, S3Bucket::ABSENT)
}

/// Fails where the bucket carries other tags than the call gave it. In us-east-1 CreateBucket answers
/// success for a bucket that the account has already (API reference, CreateBucket): one that somebody
/// else made since the last look must not get our settings.
async fn made_by_this_call(aws: &Aws, bucket: &str, tags: &Tags) -> Result<(), AwsError> {
    match read_tags(aws, bucket).await? {
        Some(found) if !same_owner(&found, tags) => Err(AwsError {
            operation: "CreateBucket",
            class: ErrorClass::Conflict,
            code: None,
            message: format!("the bucket {bucket} was made by somebody else a moment ago and is not touched"),
            request_id: None,
        }),
        _ => Ok(()),
    }
}

/// What a bucket is known to be right after the create call, so that no call is spent on setting
/// what is so already. The look that follows every create proves it. Defaults since January and
/// April 2023: SSE-S3 encryption, all public access blocked, ACLs off (S3 User Guide, "Default
/// settings for new S3 buckets").
fn fresh_bucket(spec: &S3BucketSpec, tags: &Tags) -> Observed<S3BucketSpec> {
    let blocked = PublicAccessBlock {
        block_public_acls: true,
        ignore_public_acls: true,
        block_public_policy: true,
        restrict_public_buckets: true,
    };
    let spec = S3BucketSpec {
        bucket_name: spec.bucket_name.clone(),
        encryption: Some(Encryption {
            algorithm: EncryptionAlgorithm::Aes256,
            kms_key_id: None,
            bucket_key_enabled: Some(false),
        }),
        public_access_block: Some(blocked),
        object_ownership: spec.object_ownership.or(Some(ObjectOwnership::BucketOwnerEnforced)),
        lambda_notifications: Some(Vec::new()),
        ..Default::default()
    };
    Observed {
        billed: crate::cost::Billed::new(),
        arn: String::new(),
        state: ResourceState::Active,
        detail: None,
        health: Assessment::found(),
        spec,
        tags: tags.clone(),
        outputs: BTreeMap::new(),
    }
}

fn tag_set(tags: &Tags) -> Result<Vec<s3::Tag>, AwsError> {
    tags.iter()
        .map(|(key, value)| s3::Tag::builder().key(key).value(value).build())
        .collect::<Result<_, _>>()
        .map_err(unbuildable("PutBucketTagging"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::s3_bucket::spec::{CorsRule, Versioning};

    fn bucket() -> S3BucketSpec {
        S3BucketSpec { bucket_name: "assets".into(), ..Default::default() }
    }

    fn paths(spec: &S3BucketSpec) -> Vec<String> {
        S3Bucket::diff(spec, &fresh_bucket(spec, &Tags::new())).into_iter().map(|change| change.path).collect()
    }

    #[test]
    fn a_fresh_bucket_needs_no_call_for_what_aws_sets_by_default() {
        let fresh = fresh_bucket(&bucket(), &Tags::new());
        let spec = S3BucketSpec { force_destroy: Some(true), ..fresh.spec };
        assert!(paths(&spec).is_empty());
    }

    #[test]
    fn a_setting_that_differs_from_the_default_is_written() {
        let spec = S3BucketSpec { versioning: Some(Versioning::Enabled), ..bucket() };
        assert_eq!(paths(&spec), ["versioning"]);
    }

    #[test]
    fn policies_are_compared_by_meaning() {
        let one = S3BucketSpec { policy: Some(r#"{"Action":["s3:Get","s3:Put"],"Effect":"Deny"}"#.into()), ..bucket() };
        let other =
            S3BucketSpec { policy: Some(r#"{ "Effect": "Deny", "Action": ["s3:Put", "s3:Get"] }"#.into()), ..bucket() };
        assert_eq!(S3Bucket::comparable(&one), S3Bucket::comparable(&other));
    }

    #[test]
    fn a_policy_that_is_not_json_is_refused_with_its_place() {
        let spec = S3BucketSpec { policy: Some("{oops".into()), ..bucket() };
        assert_eq!(S3Bucket::validate(&spec).unwrap_err().path, "policy");
    }

    #[test]
    fn an_empty_list_of_rules_takes_the_rules_away() {
        let rule = CorsRule {
            allowed_methods: vec!["GET".into()],
            allowed_origins: vec!["*".into()],
            allowed_headers: vec![],
            expose_headers: vec![],
            max_age_seconds: None,
        };
        let mut observed = fresh_bucket(&bucket(), &Tags::new());
        observed.spec.cors_rules = Some(vec![rule]);
        let spec = S3BucketSpec { cors_rules: Some(vec![]), ..bucket() };
        assert_eq!(S3Bucket::diff(&spec, &observed)[0].path, "corsRules");
    }
}
