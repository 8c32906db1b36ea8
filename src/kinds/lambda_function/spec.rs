//! What users may write about a function.

use crate::api::resource::OutputRef;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A Lambda function. Only the settings named here are managed; all others are left alone.
///
/// Outputs: `arn` and `name`; with `alias` also `aliasArn` and the `version` that it points to.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
// The fields in which empty means something are atomic: a server-side apply that empties what is merged
// item by item leaves a null, which reads as a field that nobody has named.
#[x_kube(
    validation = Rule::new("self.functionName == oldSelf.functionName").message("lambdaFunction.functionName is immutable: a function cannot be renamed; declare a new object"),
    validation = Rule::new("has(self.roleArn) != has(self.roleRef)").message("the role must be named by roleArn or by roleRef, and not by both"),
    validation = Rule::new("has(self.architecture) == has(oldSelf.architecture) && (!has(self.architecture) || self.architecture == oldSelf.architecture)").message("lambdaFunction.architecture is immutable and cannot be added or removed: code is built for one architecture; declare a new object"),
    validation = Rule::new("has(self.code.imageUri) == has(oldSelf.code.imageUri)").message("code cannot change between a zip archive and a container image: a function keeps its package type; declare a new object"),
    validation = Rule::new("has(self.code.imageUri) || (has(self.runtime) && has(self.handler))").message("runtime and handler must be set unless code.imageUri is"),
    validation = Rule::new("!has(self.code.imageUri) || (!has(self.runtime) && !has(self.handler) && !has(self.layers))").message("runtime, handler and layers must be left out with code.imageUri: the image brings its own")
)]
pub struct LambdaFunctionSpec {
    /// The function's name, unique in its account and region.
    #[schemars(length(min = 1, max = 64))]
    #[x_kube(validation = Rule::new("self.matches('^[a-zA-Z0-9_-]+$')").message("functionName must be letters, digits, hyphens and underscores"))]
    pub function_name: String,
    /// The ARN of the execution role, which must trust `lambda.amazonaws.com`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 20, max = 2048))]
    #[x_kube(validation = Rule::new("self.matches('^arn:aws[a-z-]*:iam::[0-9]{12}:role/[a-zA-Z0-9+=,.@_/-]+$')").message("roleArn must be the ARN of an IAM role"))]
    pub role_arn: Option<String>,
    /// The AwsResource whose role it is; its output `arn`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_ref: Option<OutputRef>,
    /// What the function runs.
    pub code: Code,
    /// The runtime, such as `python3.13` or `provided.al2023`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 32))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z][a-z0-9.-]*$')").message("runtime must be the identifier of a Lambda runtime, such as python3.13"))]
    pub runtime: Option<String>,
    /// What the runtime calls, such as `index.handler`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    #[x_kube(validation = Rule::new("self.matches('^[^ ]+$')").message("handler must have no spaces"))]
    pub handler: Option<String>,
    /// The memory in MiB, which decides the share of the processor too; 128 for a new function
    /// where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 128, max = 10240))]
    pub memory_size_mib: Option<i32>,
    /// Seconds after which an invocation is ended; 3 for a new function where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 900))]
    pub timeout_seconds: Option<i32>,
    /// The environment variables, 4 KiB at most; an empty map removes them all. Whoever may read the
    /// function can read them, so they must hold no secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = 100, "additionalProperties" = {"type": "string", "maxLength": 4096}))]
    #[x_kube(
        merge_strategy = MapMerge::Atomic,
        validation = Rule::new("self.all(key, size(key) >= 2 && size(key) <= 256 && !key.startsWith('AWS_LAMBDA_'))").message("the names of environment variables must have 2 to 256 characters and not begin with AWS_LAMBDA_, which Lambda keeps for itself"),
        // Lambda Developer Guide, "Working with Lambda environment variables": names, "Defined runtime
        // environment variables" that are reserved, and the size of all together, which AWS counts in bytes.
        validation = Rule::new("self.all(key, key.matches('^[a-zA-Z][a-zA-Z0-9_]+$'))").message("the names of environment variables must be letters, digits and underscores, a letter first"),
        validation = Rule::new("self.all(key, !(key in ['AWS_DEFAULT_REGION', 'AWS_REGION', 'AWS_EXECUTION_ENV', 'AWS_ACCESS_KEY', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'LAMBDA_TASK_ROOT', 'LAMBDA_RUNTIME_DIR']))").message("environment must not set a variable that Lambda sets itself, such as AWS_REGION"),
        validation = Rule::new("self.map(key, size(key) + size(self[key])).sum() <= 4096").message("names and values in environment must have at most 4096 bytes together")
    )]
    pub environment: Option<BTreeMap<String, String>>,
    /// The VPC that the function reaches. An empty block, `vpc: {}`, takes it out of the VPC it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-map-type" = "atomic"))]
    pub vpc: Option<Vpc>,
    /// The layers by the ARNs of their versions, in the order in which they are laid over each other;
    /// an empty list removes them all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 5), inner(length(min = 20, max = 256)))]
    #[x_kube(
        merge_strategy = ListMerge::Atomic,
        validation = Rule::new("self.all(layer, layer.matches('^arn:aws[a-z-]*:lambda:.+:layer:[a-zA-Z0-9_-]+:[0-9]+$'))").message("layers must be ARNs of layer versions")
    )]
    pub layers: Option<Vec<String>>,
    /// How many invocations may run at once, reserved from the account's own limit; 0 lets none run.
    /// Where absent, a reservation is left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 2_147_483_647))]
    pub reserved_concurrency: Option<i32>,
    /// The instruction set that the code is built for; `x86_64` where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<Architecture>,
    /// Where the function's logs go, and how long they are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logging: Option<Logging>,
    /// An alias, such as `live`, that points to a published version of the function as it is declared:
    /// with every change of code or settings a version is published and the alias moves to it. Versions
    /// stay until the function is deleted, or somebody deletes them. So does an alias that is renamed
    /// here or taken out: it is left where it points, for those who still call it. The statements of
    /// `permissions` are those of the function itself and not of the alias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    #[x_kube(validation = Rule::new("self.matches('^[a-zA-Z0-9_-]+$') && !self.matches('^[0-9]+$')").message("alias must be letters, digits, hyphens and underscores, and not digits alone"))]
    pub alias: Option<String>,
    /// Who may invoke the function beside those whom IAM allows it; an empty list removes them all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 50))]
    #[x_kube(
        merge_strategy = ListMerge::Atomic,
        validation = Rule::new("self.all(one, self.exists_one(other, other.statementId == one.statementId))").message("every item of permissions must have a statementId of its own")
    )]
    pub permissions: Option<Vec<Permission>>,
}

/// What a function runs: exactly one of the three.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("(has(self.inline) ? 1 : 0) + (has(self.s3) ? 1 : 0) + (has(self.imageUri) ? 1 : 0) == 1").message("code must have exactly one of inline, s3 and imageUri"),
    validation = Rule::new("!has(self.s3) || has(self.s3.sha256) || (has(oldSelf.s3) && self.s3 == oldSelf.s3)").message("code.s3.sha256 must be set where code.s3 is changed: Lambda does not tell which object its code came from, so that the change could not be seen without it")
)]
pub struct Code {
    /// One source file, from which the controller makes the zip archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inline: Option<InlineCode>,
    /// A zip archive in S3. Its bucket, key and version are used whenever code is put into the function
    /// and are not compared with AWS, which does not tell where code came from; `sha256` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3: Option<S3Code>,
    /// The URI of a container image in ECR, with its tag or digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 10, max = 512))]
    #[x_kube(validation = Rule::new("self.matches('^[^ /]+/[^ ]+[:@][^ ]+$')").message("imageUri must be the URI of an image in ECR, with its tag or digest"))]
    pub image_uri: Option<String>,
}

/// One source file.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InlineCode {
    /// The file's name, which the handler begins with, such as `index.py`.
    #[schemars(length(min = 1, max = 128))]
    #[x_kube(validation = Rule::new("self.matches('^[a-zA-Z0-9_-][a-zA-Z0-9_.-]*$')").message("fileName must be letters, digits, dots, hyphens and underscores, and not begin with a dot"))]
    pub file_name: String,
    /// The file's text, at most 64 KiB. It can be read by whoever may read the function, so it must
    /// hold no secrets.
    #[schemars(length(min = 1, max = 65536))]
    #[x_kube(validation = Rule::new("size(bytes(self)) <= 65536").message("source must have at most 65536 bytes in UTF-8"))]
    pub source: String,
}

/// A zip archive in S3, in the function's region.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct S3Code {
    /// The bucket.
    #[schemars(length(min = 3, max = 63))]
    pub bucket: String,
    /// The object's key.
    #[schemars(length(min = 1, max = 1024))]
    pub key: String,
    /// The object's version, where the bucket keeps versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub object_version: Option<String>,
    /// The archive's SHA-256 in base64, as `openssl dgst -sha256 -binary code.zip | base64` prints it.
    /// With it, other code in the function is seen and replaced. Without it, the archive is only
    /// used to make the function and its code is left alone from then on, because Lambda does not
    /// tell which object its code came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 44, max = 44))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9+/]{43}=$')").message("sha256 must be the archive's SHA-256 in base64, not in hexadecimal digits"))]
    pub sha256: Option<String>,
}

/// The VPC that a function reaches.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("(has(self.subnetIds) || has(self.subnetRefs)) == (has(self.securityGroupIds) || has(self.securityGroupRefs))").message("vpc must name subnets and security groups, or neither of them"))]
pub struct Vpc {
    /// The ids of the subnets, in any order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16), inner(length(max = 32)))]
    #[x_kube(
        merge_strategy = ListMerge::Set,
        validation = Rule::new("self.all(subnet, subnet.matches('^subnet-[0-9a-f]{8,17}$'))").message("subnetIds must be ids of subnets: subnet- and hexadecimal digits")
    )]
    pub subnet_ids: Option<Vec<String>>,
    /// The AwsResources whose subnets are added to those above; their output `privateSubnetIds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub subnet_refs: Option<Vec<OutputRef>>,
    /// The ids of the security groups, in any order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 5), inner(length(max = 32)))]
    #[x_kube(
        merge_strategy = ListMerge::Set,
        validation = Rule::new("self.all(group, group.matches('^sg-[0-9a-f]{8,17}$'))").message("securityGroupIds must be ids of security groups: sg- and hexadecimal digits")
    )]
    pub security_group_ids: Option<Vec<String>>,
    /// The AwsResources whose security groups are added to those above; their output `groupId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 5))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub security_group_refs: Option<Vec<OutputRef>>,
}

/// An instruction set.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Architecture {
    /// 64-bit x86.
    #[serde(rename = "x86_64")]
    X8664,
    /// 64-bit Arm.
    #[serde(rename = "arm64")]
    Arm64,
}

/// Where a function's logs go, and how long they are kept.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Logging {
    /// The log group in CloudWatch Logs; `/aws/lambda/` and the function's name for a new function
    /// where absent. The group that a function wrote to before stays with its logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(validation = Rule::new("self.matches('^[a-zA-Z0-9_/.#-]+$') && !self.startsWith('aws/')").message("logGroup must be letters, digits and any of _/.#-, and not begin with aws/"))]
    pub log_group: Option<String>,
    /// How the lines are written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<LogFormat>,
    /// Days after which CloudWatch Logs deletes a line. With it, the log group is made with the
    /// function's tags before there is something to write, and deleted with the function; should a
    /// line arrive after that, Lambda makes the group again, which then stays. A group
    /// that does not carry the function's `ccagi:` tags, such as one that Lambda made at the first
    /// invocation, is neither changed nor deleted. Where absent, no group is made and none is changed;
    /// one that was made for the function before keeps its days and still goes with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3653))]
    #[x_kube(validation = Rule::new("self in [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653]").message("retentionDays must be one of the numbers that CloudWatch Logs takes: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653"))]
    pub retention_days: Option<i32>,
}

/// How log lines are written.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum LogFormat {
    /// Plain text.
    Text,
    /// One JSON object a line.
    #[serde(rename = "JSON")]
    Json,
}

/// A statement of the function's resource-based policy that lets somebody do something.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!(has(self.sourceArn) && has(self.sourceArnRef))").message("set sourceArn or sourceArnRef, not both"))]
pub struct Permission {
    /// The statement's name in the policy.
    #[schemars(length(min = 1, max = 100))]
    #[x_kube(validation = Rule::new("self.matches('^[a-zA-Z0-9_-]+$')").message("statementId must be letters, digits, hyphens and underscores"))]
    pub statement_id: String,
    /// Who: an AWS service such as `s3.amazonaws.com`, an account by its twelve digits, or the ARN of a
    /// user or role.
    #[schemars(length(min = 1, max = 256))]
    #[x_kube(validation = Rule::new("self.matches('^[^ ]+$')").message("principal must have no spaces"))]
    pub principal: String,
    /// What, such as `lambda:InvokeFunction`.
    #[schemars(length(min = 1, max = 64))]
    #[x_kube(validation = Rule::new("self.matches('^lambda:([*]|[a-zA-Z]+)$')").message("action must be an action of Lambda, such as lambda:InvokeFunction"))]
    pub action: String,
    /// The ARN of the resource that an invocation has to come from, such as a bucket. A service is
    /// best held to one: it acts for all of its customers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 8, max = 1024))]
    #[x_kube(validation = Rule::new("self.startsWith('arn:')").message("sourceArn must be an ARN"))]
    pub source_arn: Option<String>,
    /// The AwsResource that an invocation has to come from; its output `arn`. The statement follows once
    /// that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_arn_ref: Option<OutputRef>,
}
