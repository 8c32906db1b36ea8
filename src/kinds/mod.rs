//! What each AWS thing is: the trait [`Kind`] and the one table of kinds.
//!
//! A kind says how its resource is read, made, changed, tagged and removed, one call at a time, and
//! what its fields are. It decides nothing: whether and when any of this happens is the business of
//! [`crate::lifecycle`].

pub mod diff;
mod digest;
mod ec2_tags;
mod json;
pub mod owned;
mod policy_document;
pub mod secrets;
#[macro_use]
mod table;

use self::owned::Listing;
use crate::agents::historical::Agent;
use crate::api::resource::{Change, Effect, Intent, ResourceState};
use crate::aws::error::AwsError;
use crate::aws::session::Aws;
use crate::aws::tags::{Owner, TagEdit, Tags};
use crate::cost::{Billed, Costs, Found};
use crate::health::Assessment;
use kube::KubeSchema;
use schemars::JsonSchema;
use secrets::{SecretReference, Secrets};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::future::Future;

// A new kind is a file beside this one and a line here: name, module, member of the manifest, spec, owner.
kinds! {
    /// An Amazon S3 general purpose bucket.
    S3Bucket, s3_bucket, "s3Bucket", S3BucketSpec, SteveJobs;
    /// An Amazon EC2 instance.
    Ec2Instance, ec2_instance, "ec2Instance", Ec2InstanceSpec, BillGates;
    /// An Amazon EC2 security group.
    SecurityGroup, security_group, "securityGroup", SecurityGroupSpec, BillGates;
    /// An Amazon DynamoDB table.
    DynamoDbTable, dynamo_db_table, "dynamoDbTable", DynamoDbTableSpec, Noguchi;
    /// An AWS IAM role.
    IamRole, iam_role, "iamRole", IamRoleSpec, BillGates;
    /// An Amazon VPC with its subnets.
    VpcNetwork, vpc_network, "vpcNetwork", VpcNetworkSpec, BillGates;
    /// An AWS Lambda function.
    LambdaFunction, lambda_function, "lambdaFunction", LambdaFunctionSpec, BillGates;
    /// An Amazon RDS DB instance.
    RdsInstance, rds_instance, "rdsInstance", RdsInstanceSpec, Noguchi;
}

/// One kind of AWS resource.
///
/// The four verbs of a life (observe, create, update, delete), plus `find` for kinds whose id AWS
/// assigns, `retag`, and `list_owned` for what has outlived its object. Each makes as few calls as it
/// can, waits for nothing, and returns what AWS said; every call names the account it expects where the
/// API has such a parameter.
pub trait Kind: Send + Sync + 'static {
    /// The kind's block in the manifest.
    type Spec: Serialize + DeserializeOwned + Clone + Send + Sync + 'static;

    /// The kind's name, as in `status.kind`.
    const NAME: KindName;

    /// Whether the resource holds data and is therefore retained on delete unless the manifest says
    /// `deletionPolicy: Delete`.
    const HOLDS_DATA: bool;

    /// Whether a resource of the kind can give somebody rights in the account beyond the resource itself. Such
    /// a kind is denied unless the account's guardrails name it (`docs/accounts-and-roles.md`).
    const GRANTS_ACCESS: bool;

    /// The fields by which the resource is given a role to act with.
    const ROLES: &'static [RoleField] = &[];

    /// Whether a resource may stay invisible for a while after the call that made it. The lifecycle
    /// then never takes one look for an answer after a call whose outcome it does not know.
    const LAGS: bool;

    /// The codes by which AWS says that a resource of the kind does not exist, and nothing else by which it
    /// could be read. Parts with codes of their own name theirs where they are read.
    const ABSENT: &'static [&'static str];

    /// The first write of `create`, where a refusal of it proves that nothing was made: nothing is written
    /// before it, and the SDK does not repeat it.
    const FIRST_WRITE: Option<&'static str> = None;

    /// How long AWS usually takes to make and to delete a resource. It is told to those who wait, and
    /// decides nothing.
    const USUALLY: Usually;

    /// The field of the spec that names the resource in AWS, for kinds that are named by their users; its
    /// value is what [`Self::id`] gives.
    const NAME_FIELD: Option<&'static str> = None;

    /// The lists in the spec whose items have names: path and naming member.
    const NAMED_LISTS: &'static [(&'static str, &'static str)] = &[];

    /// The paths in [`Self::comparable`] whose values may be secrets of somebody else: changes of them are
    /// told without the values.
    const HIDDEN: &'static [&'static str] = &[];

    /// The numbers, by path without item names, that AWS has at the least what the spec says: what AWS may
    /// raise by itself or can never lower. More than that is no difference.
    const AT_LEAST: &'static [&'static str] = &[];

    /// The fields that may take another resource's output instead of a value of their own. The verbs
    /// and `diff` see specs in which the references are replaced by the values.
    const REFERENCES: &'static [Reference] = &[];

    /// The fields that take a value from a Secret. `create` and `update` get the values, the spec never
    /// holds one. An update whose changes are all of [`SecretReference::to`] must carry them all out;
    /// one whose value is not given is to be managed by AWS again.
    const SECRETS: &'static [SecretReference] = &[];

    /// The IAM actions that the kind's calls need.
    const IAM_ACTIONS: &'static [&'static str];

    /// The IAM actions that `list_owned` needs beyond those.
    const LISTING_ACTIONS: &'static [&'static str] = &[];

    /// Whether the account has the resources as a whole, and not each of its regions its own.
    const GLOBAL: bool = false;

    /// Checks what the schema cannot.
    ///
    /// # Errors
    /// [`Invalid`] with the field and what it must be.
    fn validate(_spec: &Self::Spec) -> Result<(), Invalid> {
        Ok(())
    }

    /// The role that the spec declares, for kinds that write to roles.
    fn role(_spec: &Self::Spec) -> Option<DeclaredRole<'_>> {
        None
    }

    /// The id that follows from the spec alone, for kinds that are named by their users.
    fn id(spec: &Self::Spec) -> Option<String>;

    /// What changing the field at `path` does, with item names taken out of the path; `None` for a
    /// field that has no counterpart in AWS to compare with.
    fn effect(path: &str) -> Option<Effect>;

    /// The spec as it is compared. Kinds override it to make equal meanings equal, such as policy
    /// documents that differ only in layout.
    fn comparable(spec: &Self::Spec) -> Value {
        serde_json::to_value(spec).unwrap_or(Value::Null)
    }

    /// What is known of the fields of the kind's spec where two are compared.
    fn fields() -> diff::Fields<'static> {
        diff::Fields {
            effect: &Self::effect,
            named_lists: Self::NAMED_LISTS,
            hidden: Self::HIDDEN,
            at_least: Self::AT_LEAST,
        }
    }

    /// The differences between the spec and what AWS has; tags are compared by the lifecycle.
    fn diff(spec: &Self::Spec, observed: &Observed<Self::Spec>) -> Vec<Change> {
        diff::between(&Self::comparable(spec), &Self::comparable(&observed.spec), &Self::fields())
    }

    /// Whether the resource does its work. `changes` are the differences from the spec.
    fn health(observed: &Observed<Self::Spec>, _changes: &[Change]) -> Assessment {
        observed.health.clone()
    }

    /// What a resource of this spec is paid for, by time and by use. What AWS sets where the spec is silent
    /// is in an observed spec and unknown in a declared one.
    fn cost_items(spec: &Self::Spec, found: Found<'_>) -> Costs;

    /// The fields, by path without item names, that nothing is paid for by time for. Every other field changes
    /// what [`cost_items`](Self::cost_items) says; a test holds each kind to it.
    const FREE_FIELDS: &'static [&'static str];

    /// The fields that come up as changes only once `changes` are carried out, such as the alias of what
    /// they make. A plan names them.
    fn follow_ups(_spec: &Self::Spec, _changes: &[Change]) -> Vec<&'static str> {
        Vec::new()
    }

    /// Reads the resource. `Ok(None)` only where AWS says that it does not exist.
    fn observe(
        aws: &Aws,
        id: &str,
        look: Look<'_, Self::Spec>,
    ) -> impl Future<Output = Result<Option<Observed<Self::Spec>>, AwsError>> + Send;

    /// The ids of resources made for this intent or tagged with this owner: how a create call whose
    /// answer was lost is found again. Kinds named by their users have nothing to search for.
    fn find(
        _aws: &Aws,
        _owner: &Owner,
        _intent: &Intent,
    ) -> impl Future<Output = Result<Vec<String>, AwsError>> + Send {
        async { Ok(Vec::new()) }
    }

    /// Makes the resource, tagged from the first call on, and returns its id.
    fn create(aws: &Aws, request: Request<'_, Self::Spec>) -> impl Future<Output = Result<String, AwsError>> + Send;

    /// Takes the next step towards carrying out `changes`. Where AWS allows one thing at a time, it
    /// does one and leaves the rest to the next pass.
    fn update(
        aws: &Aws,
        target: Target<'_, Self::Spec>,
        changes: &[Change],
    ) -> impl Future<Output = Result<(), AwsError>> + Send;

    /// Whether the resource stands still by a failure, and not because somebody had it stopped. An
    /// update with the change `state: Stopped → Active` starts it.
    fn stopped_by_failure(_observed: &Observed<Self::Spec>) -> bool {
        false
    }

    /// Changes the resource's tags.
    fn retag(
        aws: &Aws,
        target: Target<'_, Self::Spec>,
        edit: &TagEdit,
    ) -> impl Future<Output = Result<(), AwsError>> + Send;

    /// Asks AWS to remove the resource, or takes the next step towards it.
    fn delete(aws: &Aws, target: Target<'_, Self::Spec>) -> impl Future<Output = Result<(), AwsError>> + Send;

    /// Lists the resources of the kind, and the parts of any, that carry the tags of this cluster,
    /// whichever object they were made for. It goes by the tags alone, and reads all pages.
    fn list_owned(aws: &Aws, cluster: &str) -> impl Future<Output = Listing> + Send;
}

/// Awaits a call made with the value of a field of the spec, where the spec names it; a change to a
/// field that it does not name cannot come up.
macro_rules! if_named {
    ($field:expr, $value:ident => $call:expr) => {
        match &$field {
            Some($value) => $call.await,
            None => Ok(()),
        }
    };
}
pub(crate) use if_named;

/// Sends a call that has no idempotency token, which the SDK must not repeat behind our back.
macro_rules! once {
    ($sdk:ident, $call:expr, $operation:expr) => {{
        let once = $sdk::config::Builder::new().retry_config(aws_config::retry::RetryConfig::disabled());
        $call.customize().config_override(once).send().await.named($operation)
    }};
}
pub(crate) use once;

/// How long AWS usually takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usually {
    /// To make a resource, in seconds.
    pub create_seconds: u32,
    /// To delete one, in seconds.
    pub delete_seconds: u32,
}

impl Usually {
    /// The time to make a resource in words, no more precise than it is known.
    pub fn to_create(self) -> String {
        about(self.create_seconds)
    }

    /// The time to delete a resource in words.
    pub fn to_delete(self) -> String {
        about(self.delete_seconds)
    }
}

fn about(seconds: u32) -> String {
    match seconds {
        0..=20 => "a few seconds".into(),
        21..=45 => "half a minute".into(),
        46..=90 => "about a minute".into(),
        _ => format!("about {} minutes", (seconds + 30) / 60),
    }
}

/// A pair of fields: one that takes a value, and one beside it that takes it from another resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The path of the field with the [`OutputRef`](crate::api::resource::OutputRef), or with a list of
    /// them, such as `subnetRefs` or `ingress.sourceGroupRef`. Lists on the way are walked through.
    pub from: &'static str,
    /// The name of the member beside it that gets the value, such as `subnetIds`. Values of a list
    /// of references are added to the list that stands there.
    pub to: &'static str,
    /// The output that is taken where the reference names none.
    pub output: &'static str,
    /// Whether the resource can be made before the value is known. What refers to it is then left
    /// out at first and follows as a change, so that two resources may refer to each other.
    pub later: bool,
}

/// A field by which a resource is given a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoleField {
    /// The path of the field, from the kind block down.
    pub path: &'static str,
    /// The field beside it that takes the role from another object, as [`Reference::from`].
    pub from: &'static str,
    /// What the field names.
    pub by: RoleBy,
}

/// What a field names that gives a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleBy {
    /// The role, by its ARN.
    Arn,
    /// The instance profile that has the role in it, by name or ARN.
    InstanceProfile,
}

/// A role that a spec declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeclaredRole<'a> {
    /// Its name.
    pub name: &'a str,
    /// The ARN of its permissions boundary.
    pub boundary: Option<&'a str>,
}

/// A spec that its schema lets through and that can still not be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path} cannot be carried out: {message}")]
pub struct Invalid {
    /// The field, from the kind block down.
    pub path: &'static str,
    /// What it must be.
    pub message: String,
}

/// How closely to look at a resource.
#[derive(Debug)]
pub enum Look<'a, S> {
    /// Whether it exists, its state and its tags, for an object that is being deleted. Where it is gone,
    /// what is left of its parts stands for it.
    Owner {
        /// The declared spec, by which parts are found.
        spec: &'a S,
        /// The object, which owns only parts whose tags name it.
        owner: &'a Owner,
    },
    /// That and every setting the spec names.
    Full(&'a S),
}

// Derived `Clone` and `Copy` would ask the same of `S`, which only stands behind a reference.
impl<S> Clone for Look<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<S> Copy for Look<'_, S> {}

/// The reason of the health of what is left of a resource.
const REMAINDER: &str = "Remainder";

/// What AWS has.
#[derive(Clone, Debug)]
pub struct Observed<S> {
    /// The resource's ARN.
    pub arn: String,
    /// Where it is in its life.
    pub state: ResourceState,
    /// AWS's own words on the state, where there are any.
    pub detail: Option<String>,
    /// Whether it does its work, as far as the resource itself tells.
    pub health: Assessment,
    /// The spec as it would have to read to describe the resource, as far as it was looked at.
    pub spec: S,
    /// Its tags.
    pub tags: Tags,
    /// What others may want to know of it.
    pub outputs: BTreeMap<String, String>,
    /// What it is paid for beyond what the spec has.
    pub billed: Billed,
}

impl<S> Observed<S> {
    /// Something of the resource that is still there although the resource itself is gone, to be
    /// deleted too. Its state is not Deleting: that would be waited for, and this goes only by a call.
    fn remainder(arn: String, spec: S, tags: Tags, detail: &str) -> Self {
        Self {
            arn,
            state: ResourceState::Stopped,
            detail: Some(detail.into()),
            health: Assessment::unknown(REMAINDER, detail),
            spec,
            tags,
            outputs: BTreeMap::new(),
            billed: Billed::new(),
        }
    }

    /// Whether it is only what is left of a resource that is gone.
    pub fn is_remainder(&self) -> bool {
        self.health.reason == REMAINDER
    }

    /// What the cost of it follows from beside the spec.
    pub fn for_cost(&self) -> Found<'_> {
        Found::read(self.state, &self.outputs, Some(&self.billed))
    }
}

/// What a create call is made from.
#[derive(Debug)]
pub struct Request<'a, S> {
    /// The declared spec.
    pub spec: &'a S,
    /// The user's tags and the owner's.
    pub tags: &'a Tags,
    /// The idempotency token.
    pub token: &'a str,
    /// The values that the spec takes from Secrets.
    pub secrets: &'a Secrets,
}

/// An existing resource and what is wanted of it.
#[derive(Debug)]
pub struct Target<'a, S> {
    /// Its id.
    pub id: &'a str,
    /// The declared spec.
    pub spec: &'a S,
    /// What AWS had when it was last read, moments ago.
    pub observed: &'a Observed<S>,
    /// The values that the spec takes from Secrets, where a change of them is to be carried out.
    pub secrets: &'a Secrets,
}

#[cfg(test)]
pub(crate) mod contracts;
