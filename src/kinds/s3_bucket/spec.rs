//! What users may write about a bucket.

use crate::api::resource::OutputRef;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An S3 general purpose bucket. Only the settings named here are managed; all others are left alone.
///
/// Outputs: `arn`, `name` and `region`.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.bucketName == oldSelf.bucketName").message("s3Bucket.bucketName is immutable: a bucket cannot be renamed; declare a new object"))]
pub struct S3BucketSpec {
    /// The bucket's name, unique in all of AWS. By the S3 naming rules: 3 to 63 lower-case letters,
    /// digits, dots and hyphens, beginning and ending with a letter or digit.
    #[schemars(length(min = 3, max = 63))]
    #[x_kube(
        validation = Rule::new("self.matches('^[a-z0-9][a-z0-9.-]*[a-z0-9]$') && !self.contains('..')").message("bucketName must be lower-case letters, digits, dots and hyphens, begin and end with a letter or digit, and have no two dots in a row"),
        validation = Rule::new("!self.matches('^[0-9]+[.][0-9]+[.][0-9]+[.][0-9]+$') && !['xn--', 'sthree-', 'amzn-s3-demo-'].exists(start, self.startsWith(start)) && !['-s3alias', '--ol-s3', '.mrap', '--x-s3', '--table-s3'].exists(end, self.endsWith(end))").message("bucketName must not look like an IP address, begin with xn--, sthree- or amzn-s3-demo-, or end with -s3alias, --ol-s3, .mrap, --x-s3 or --table-s3, which S3 keeps for itself")
    )]
    pub bucket_name: String,
    /// Object versioning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versioning: Option<Versioning>,
    /// Default encryption of new objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
    /// What public access is blocked, whatever policies and ACLs say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_access_block: Option<PublicAccessBlock>,
    /// Who owns objects that other accounts upload, and whether ACLs are in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_ownership: Option<ObjectOwnership>,
    /// The bucket policy as a JSON document; compared by meaning, not by its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 20480))]
    #[x_kube(validation = crate::kinds::policy_document::is_object("policy"))]
    pub policy: Option<String>,
    /// Lifecycle rules; an empty list removes them all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100))]
    #[x_kube(
        merge_strategy = ListMerge::Atomic,
        validation = Rule::new("self.all(one, self.exists_one(other, other.id == one.id))").message("every item of lifecycleRules must have an id of its own")
    )]
    pub lifecycle_rules: Option<Vec<LifecycleRule>>,
    /// Rules for requests from web pages of other origins; an empty list removes them all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub cors_rules: Option<Vec<CorsRule>>,
    /// Server access logging.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logging: Option<Logging>,
    /// Static website hosting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub website: Option<Website>,
    /// The Lambda functions that are told of events in the bucket. All of them are named here: others
    /// are told no longer. Topics, queues and EventBridge are left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 50))]
    #[x_kube(
        merge_strategy = ListMerge::Atomic,
        validation = Rule::new("self.all(one, self.exists_one(other, other.id == one.id))").message("lambdaNotifications must have ids that differ")
    )]
    pub lambda_notifications: Option<Vec<LambdaNotification>>,
    /// Whether all objects and versions are deleted with the bucket. Without it, a bucket that is
    /// not empty is never deleted. It steers the deletion and is not compared with AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub force_destroy: Option<bool>,
}

/// Object versioning.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Versioning {
    /// Every change keeps the version before it.
    Enabled,
    /// No new versions are kept.
    Suspended,
}

/// Default encryption of new objects.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.kmsKeyId) || self.algorithm != 'AES256'").message("encryption.kmsKeyId must go with the algorithm aws:kms or aws:kms:dsse"),
    validation = Rule::new("self.algorithm != 'aws:kms:dsse' || !has(self.bucketKeyEnabled) || !self.bucketKeyEnabled").message("encryption.bucketKeyEnabled must not be true with the algorithm aws:kms:dsse, for which S3 has no bucket keys")
)]
pub struct Encryption {
    /// The algorithm.
    pub algorithm: EncryptionAlgorithm,
    /// The KMS key's id or ARN; AWS's own key for S3 where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub kms_key_id: Option<String>,
    /// Whether a bucket key saves calls to KMS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket_key_enabled: Option<bool>,
}

/// The algorithm of default encryption.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum EncryptionAlgorithm {
    /// Keys that S3 manages (SSE-S3).
    #[serde(rename = "AES256")]
    Aes256,
    /// Keys in KMS (SSE-KMS).
    #[serde(rename = "aws:kms")]
    Kms,
    /// Two layers with keys in KMS (DSSE-KMS).
    #[serde(rename = "aws:kms:dsse")]
    KmsDsse,
}

/// What public access is blocked.
#[derive(KubeSchema, Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PublicAccessBlock {
    /// Whether new public ACLs are refused.
    pub block_public_acls: bool,
    /// Whether existing public ACLs have no effect.
    pub ignore_public_acls: bool,
    /// Whether new public policies are refused.
    pub block_public_policy: bool,
    /// Whether a bucket with a public policy is closed to all but AWS services and the account.
    pub restrict_public_buckets: bool,
}

/// Who owns objects, and whether ACLs are in use.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum ObjectOwnership {
    /// The bucket's owner; ACLs are off.
    BucketOwnerEnforced,
    /// The bucket's owner where the upload allows it.
    BucketOwnerPreferred,
    /// Whoever uploaded them.
    ObjectWriter,
}

/// A lifecycle rule. It must do something, and objects move before they are deleted (API reference,
/// PutBucketLifecycleConfiguration).
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.expirationDays) || has(self.noncurrentExpirationDays) || has(self.abortIncompleteUploadsDays) || (has(self.transitions) && size(self.transitions) > 0)").message("a rule must have at least one of expirationDays, noncurrentExpirationDays, abortIncompleteUploadsDays and transitions"),
    validation = Rule::new("!has(self.expirationDays) || !has(self.transitions) || self.transitions.all(transition, transition.days < self.expirationDays)").message("expirationDays must be more than the days of every one of transitions")
)]
pub struct LifecycleRule {
    /// The rule's name in the bucket.
    #[schemars(length(min = 1, max = 255))]
    pub id: String,
    /// Whether the rule is in force.
    pub enabled: bool,
    /// The key prefix of the objects it is for; all objects where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub prefix: Option<String>,
    /// Days after which objects are deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub expiration_days: Option<i32>,
    /// Days after which versions that are no longer current are deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub noncurrent_expiration_days: Option<i32>,
    /// Days after which the parts of an unfinished upload are deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub abort_incomplete_uploads_days: Option<i32>,
    /// When objects move to another storage class.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub transitions: Vec<Transition>,
}

/// A move to another storage class (S3 User Guide, "Transitioning objects using Amazon S3 Lifecycle").
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!(self.storageClass in ['STANDARD_IA', 'ONEZONE_IA']) || self.days >= 30").message("days must be 30 or more with the storageClass STANDARD_IA or ONEZONE_IA"))]
pub struct Transition {
    /// Days after which objects move.
    #[schemars(range(min = 0, max = 2_147_483_647))]
    pub days: i32,
    /// The storage class by its name in the S3 API, such as `STANDARD_IA`.
    #[schemars(regex(pattern = r"^[A-Z_]+$"), length(max = 32))]
    #[x_kube(validation = Rule::new("self in ['GLACIER', 'STANDARD_IA', 'ONEZONE_IA', 'INTELLIGENT_TIERING', 'DEEP_ARCHIVE', 'GLACIER_IR']").message("storageClass must be GLACIER, STANDARD_IA, ONEZONE_IA, INTELLIGENT_TIERING, DEEP_ARCHIVE or GLACIER_IR"))]
    pub storage_class: String,
}

/// A rule for requests from web pages of other origins.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CorsRule {
    /// HTTP methods that are allowed.
    #[schemars(length(min = 1, max = 5), inner(length(max = 8)))]
    #[x_kube(
        merge_strategy = ListMerge::Atomic,
        validation = Rule::new("self.all(method, method in ['GET', 'PUT', 'POST', 'DELETE', 'HEAD'])").message("allowedMethods must be GET, PUT, POST, DELETE or HEAD, in capital letters")
    )]
    pub allowed_methods: Vec<String>,
    /// Origins that are allowed.
    #[schemars(length(min = 1, max = 100), inner(length(max = 256)))]
    #[x_kube(
        merge_strategy = ListMerge::Atomic,
        validation = Rule::new("self.all(origin, origin.indexOf('*') == origin.lastIndexOf('*'))").message("every item of allowedOrigins must have at most one *")
    )]
    pub allowed_origins: Vec<String>,
    /// Request headers that are allowed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(max = 256)))]
    #[x_kube(
        merge_strategy = ListMerge::Atomic,
        validation = Rule::new("self.all(header, header.indexOf('*') == header.lastIndexOf('*'))").message("every item of allowedHeaders must have at most one *")
    )]
    pub allowed_headers: Vec<String>,
    /// Response headers that scripts may read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(max = 256)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub expose_headers: Vec<String>,
    /// Seconds for which a browser may remember the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 2_147_483_647))]
    pub max_age_seconds: Option<i32>,
}

/// Server access logging.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.targetBucket) != has(self.targetBucketRef)").message("logging must name its bucket by targetBucket or by targetBucketRef, and not by both"))]
pub struct Logging {
    /// The bucket that receives the logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 63))]
    pub target_bucket: Option<String>,
    /// The AwsResource whose bucket receives the logs; its output `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_bucket_ref: Option<OutputRef>,
    /// The prefix of the log objects' keys.
    #[schemars(length(max = 512))]
    pub target_prefix: String,
}

/// Static website hosting.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Website {
    /// The object that is served for a folder.
    #[schemars(length(min = 1, max = 256))]
    #[x_kube(validation = Rule::new("!self.contains('/')").message("indexDocument must have no slash: it is the name of a file in every folder"))]
    pub index_document: String,
    /// The object that is served for an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub error_document: Option<String>,
}

/// A Lambda function that is told of events in the bucket. S3 takes it only when the function's
/// permissions let `s3.amazonaws.com` invoke it.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.functionArn) != has(self.functionRef)").message("a notification must name its function by functionArn or by functionRef, and not by both"))]
pub struct LambdaNotification {
    /// The notification's name in the bucket.
    #[schemars(length(min = 1, max = 255))]
    pub id: String,
    /// The events by their names in the S3 API, such as `s3:ObjectCreated:*`, in any order.
    #[schemars(
        length(min = 1, max = 30),
        inner(length(min = 4, max = 64), regex(pattern = r"^s3:[A-Za-z]+(:([A-Za-z]+|[*]))?$"))
    )]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub events: Vec<String>,
    /// What the keys of the objects begin with; all objects where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub prefix: Option<String>,
    /// What the keys of the objects end with; all objects where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub suffix: Option<String>,
    /// The function's ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 20, max = 256),
        regex(pattern = r"^arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_:$-]+$")
    )]
    pub function_arn: Option<String>,
    /// The AwsResource that is the function; its output `arn`. The notification follows once that is
    /// known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function_ref: Option<OutputRef>,
}
