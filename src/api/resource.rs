//! `AwsResource`: one thing in AWS, declared in a namespace.

use crate::api::cost::Cost;
use crate::api::service_agent::{Recommendation, TakenDecision};
use crate::kinds::KindBlock;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One AWS resource: the account and region it lives in, the policies for handling it, and exactly
/// one kind block that describes it.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[kube(
    group = "aws.ccagi.io",
    version = "v1alpha1",
    kind = "AwsResource",
    doc = "One resource in AWS, such as a bucket or a database: spec says what it is to be, and the controller makes it so and keeps it so; status says what is.",
    plural = "awsresources",
    namespaced,
    shortname = "awsr",
    category = "aws",
    category = "ccagi",
    status = "AwsResourceStatus",
    printcolumn(json_path = ".status.kind", name = "Kind", type_ = "string"),
    printcolumn(json_path = ".status.id", name = "ID", type_ = "string"),
    printcolumn(json_path = ".status.state", name = "State", type_ = "string"),
    printcolumn(json_path = ".status.health", name = "Health", type_ = "string"),
    printcolumn(json_path = ".status.costPerDay", name = "Cost/Day", type_ = "string"),
    printcolumn(json_path = ".status.owner", name = "Owner", type_ = "string"),
    printcolumn(json_path = r#".status.conditions[?(@.type=="Ready")].status"#, name = "Ready", type_ = "string"),
    printcolumn(json_path = r#".status.conditions[?(@.status=="False")].reason"#, name = "Reason", type_ = "string"),
    printcolumn(json_path = ".metadata.creationTimestamp", name = "Age", type_ = "date"),
    printcolumn(json_path = ".spec.tags.team", name = "Team", type_ = "string", priority = 1),
    printcolumn(json_path = ".spec.accountRef.name", name = "Account", type_ = "string", priority = 1),
    printcolumn(json_path = ".status.region", name = "Region", type_ = "string", priority = 1),
    printcolumn(json_path = ".status.arn", name = "ARN", type_ = "string", priority = 1),
    printcolumn(
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        name = "Message",
        type_ = "string",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.accountRef.name == oldSelf.accountRef.name").message("accountRef is immutable: a resource cannot move to another account; declare a new object"),
    validation = Rule::new("(has(self.region) ? self.region : '') == (has(oldSelf.region) ? oldSelf.region : '')").message("region is immutable: a resource cannot move to another region; declare a new object"),
    validation = Rule::new("!has(oldSelf.resourceId) || (has(self.resourceId) && self.resourceId == oldSelf.resourceId)").message("resourceId is immutable once set"),
    validation = Rule::new("!has(self.region) || !has(self.vpcNetwork) || self.vpcNetwork.subnets.all(subnet, subnet.availabilityZone.startsWith(self.region))").message("vpcNetwork.subnets: every availabilityZone must be of the region")
)]
pub struct AwsResourceSpec {
    /// The AwsAccount this resource lives in.
    pub account_ref: AccountRef,
    /// The AWS region; the account's default region where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = crate::api::names::REGION), length(max = 32))]
    pub region: Option<String>,
    /// Tags for the resource, beside the owner tags that the controller adds itself.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 40, "additionalProperties" = {"type": "string", "maxLength": 256}))]
    #[x_kube(
        validation = Rule::new("self.all(key, !key.startsWith('aws:') && !key.startsWith('ccagi:') && key != 'CcagiManaged')").message("tag keys must not start with aws: or ccagi:, which AWS and the controller keep for themselves"),
        validation = Rule::new("self.all(key, size(key) >= 1 && size(key) <= 128)").message("tag keys must have 1 to 128 characters")
    )]
    pub tags: BTreeMap<String, String>,
    /// What the controller may do in AWS; everything where absent.
    // A list that is merged item by item and then emptied by server-side apply would read as absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 6))]
    // The API server holds a field that is stored to a rule only when it changes (Kubernetes, "Validation
    // ratcheting"), so that objects from before can still be changed otherwise and lose their finalizers.
    #[x_kube(
        merge_strategy = ListMerge::Atomic,
        validation = Rule::new("self.all(policy, policy != 'LateInitialize')").message("managementPolicies must leave LateInitialize out: the controller never writes into a spec what AWS has chosen, so that it would do nothing")
    )]
    pub management_policies: Option<Vec<ManagementPolicy>>,
    /// What becomes of the AWS resource when this object is deleted. Kinds that hold data are
    /// retained unless Delete is written here; all others are deleted unless Retain is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
    /// Whether an existing resource without an owner may be taken over. Without it, never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adoption_policy: Option<AdoptionPolicy>,
    /// The AWS id of the resource to adopt or observe, for kinds whose id AWS assigns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub resource_id: Option<String>,
    /// Whether a change that interrupts the resource may be carried out. Where absent, that is for its
    /// service agent's autonomy level or a person's approval to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_policy: Option<RestartPolicy>,
    /// Seconds between two looks for drift; the controller's own period where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10, max = 86400))]
    pub drift_period_seconds: Option<i32>,
    /// The ServiceAgent of the same namespace that governs the resource. Where absent, it is the one whose
    /// selector matches, else one that the controller registers for the kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_agent_ref: Option<ServiceAgentRef>,
    /// Exactly one of the kinds.
    #[serde(flatten)]
    pub kind: KindBlock,
}

/// A reference to an AwsAccount, which is cluster-scoped.
#[derive(KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct AccountRef {
    /// The AwsAccount's name.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = crate::api::names::object_name())]
    pub name: String,
}

/// A reference to a ServiceAgent of the same namespace.
#[derive(KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct ServiceAgentRef {
    /// The ServiceAgent's name.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = crate::api::names::object_name())]
    pub name: String,
}

/// A reference to what another AwsResource of the same namespace gives out.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct OutputRef {
    /// The AwsResource's name.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = crate::api::names::object_name())]
    pub name: String,
    /// The key in its `status.outputs`; where absent, the one that the field usually needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$')").message("output must be a key of status.outputs, such as arn or subnetIds.a"))]
    pub output: Option<String>,
}

/// A key of a Secret in the object's own namespace.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct SecretKeyRef {
    /// The Secret's name.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = crate::api::names::object_name())]
    pub name: String,
    /// The key in its `data`.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^[-._a-zA-Z0-9]+$')").message("key must be letters, digits, hyphens, underscores and dots"))]
    pub key: String,
}

/// One thing the controller may do.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum ManagementPolicy {
    /// Read the resource.
    Observe,
    /// Create it.
    Create,
    /// Change it.
    Update,
    /// Delete it.
    Delete,
    /// Refused for new objects: the spec is never written to. Objects that are stored with it keep it, and it
    /// permits nothing.
    LateInitialize,
    /// Everything.
    #[serde(rename = "*")]
    All,
}

/// What becomes of the AWS resource of a deleted object.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum DeletionPolicy {
    /// It is deleted.
    Delete,
    /// It stays as it is.
    Retain,
}

/// Whether an existing resource may be taken over.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdoptionPolicy {
    /// Take it over; wait for it where it does not exist.
    Adopt,
    /// Take it over, or create it where it does not exist.
    AdoptOrCreate,
}

/// Whether changes may interrupt the resource.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum RestartPolicy {
    /// Changes that need a stop and start wait until this is changed, whatever the service agent may do.
    Never,
    /// Changes that need a stop and start are carried out.
    Allow,
}

/// What the controller knows of the resource.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AwsResourceStatus {
    /// The generation of the spec that this status speaks of; -1 before the first look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The kind of AWS resource, as the kind block says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub kind: Option<String>,
    /// The id by which AWS knows the resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub id: Option<String>,
    /// The resource's ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub arn: Option<String>,
    /// The region that the resource is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub region: Option<String>,
    /// Where the resource is in its life; a display field, conditions are the contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<ResourceState>,
    /// Whether the resource does its work, as far as AWS tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// CamelCase reason for the health.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub health_reason: Option<String>,
    /// What AWS says of the health.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub health_message: Option<String>,
    /// Since when health and reason are what they are, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 40))]
    pub health_since: Option<String>,
    /// List price in USD per day of what is paid for by time, as a decimal string; absent while it is not
    /// known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub cost_per_day: Option<String>,
    /// What the cost is made of, and what it leaves out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// The historical agent that owns the resource: one of seven roles with the names of people, such as
    /// Noguchi for databases. It follows from the kind, unless the AwsAccount or the namespace names another. A
    /// team of your own is named by the tag `team`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub owner: Option<String>,
    /// The ServiceAgent that governs the resource; absent where the condition Ungoverned says why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub service_agent: Option<String>,
    /// What the service agent may not do without a person's approval.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub recommendations: Vec<Recommendation>,
    /// The last thing that was decided about the resource beyond what the manifest asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_decision: Option<TakenDecision>,
    /// The write-ahead record of the create call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
    /// Set while the controller itself has stopped the resource for a change and owes it a start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 40))]
    pub restarting_since: Option<String>,
    /// What others may want to know of the resource: `arn`, `endpoint` and the like, by kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 50, "additionalProperties" = {"type": "string", "maxLength": 2048}))]
    pub outputs: BTreeMap<String, String>,
    /// What AWS was last given from Secrets, by setting: UID, resource version and key of the Secret.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 10, "additionalProperties" = {"type": "string", "maxLength": 400}))]
    pub secret_versions: BTreeMap<String, String>,
    /// Differences between the spec and AWS that are not carried out yet, at most 32.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub pending_changes: Vec<Change>,
    /// The tag keys of the spec that were last applied, so that a key that leaves the spec leaves AWS.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(length(max = 128)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub applied_tag_keys: Vec<String>,
    /// The last thing the controller decided to do; it explains an object that seems stuck.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub last_action: Option<String>,
    /// The last value of the reconcile-requested-at annotation that was acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub last_handled_reconcile_at: Option<String>,
    /// Ready, Synced, and Reconciling or Stalled while they hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

/// The write-ahead record: what the controller is about to create, where, and under which token.
/// It is written by compare-and-swap before the create call, so that a crash at any point after it
/// leads to a look-up instead of a second resource.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Intent {
    /// Counts the lives of the AWS resource; it rises only after the last one has verifiably ended.
    #[schemars(range(min = 1))]
    pub incarnation: i32,
    /// The idempotency token: UUIDv5 of cluster id, object UID and incarnation.
    #[schemars(length(max = 64))]
    pub token: String,
    /// SHA-256 of the spec that the create call is made from.
    #[schemars(length(max = 64))]
    pub request_hash: String,
    /// The account the create call goes to.
    #[schemars(length(max = 12))]
    pub account_id: String,
    /// The region the create call goes to.
    #[schemars(length(max = 32))]
    pub region: String,
    /// When the intent was written, RFC 3339.
    #[schemars(length(max = 40))]
    pub recorded_at: String,
    /// The leaseTransitions of the leader election's Lease at the time: which leader wrote the
    /// intent. Absent where the controller runs without leader election.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_transitions: Option<i32>,
    /// Whether it is known that nothing was ever made or taken over for the object: the controller has sent
    /// nothing, or AWS has refused all that it sent. The object may then go without a look at AWS.
    #[serde(default, skip_serializing_if = "is_false")]
    pub without_effect: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// Where a resource is in its life.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub enum ResourceState {
    /// Not in AWS yet.
    Pending,
    /// AWS is making it.
    Creating,
    /// It is there and in use.
    Active,
    /// AWS is changing it.
    Updating,
    /// It is there but stopped.
    Stopped,
    /// AWS is removing it.
    Deleting,
    /// It is no longer in AWS.
    Deleted,
    /// AWS says that it is broken.
    Failed,
    /// It could not be read.
    Unknown,
}

impl ResourceState {
    /// The state's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Creating => "Creating",
            Self::Active => "Active",
            Self::Updating => "Updating",
            Self::Stopped => "Stopped",
            Self::Deleting => "Deleting",
            Self::Deleted => "Deleted",
            Self::Failed => "Failed",
            Self::Unknown => "Unknown",
        }
    }
}

/// Whether a resource does its work.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub enum Health {
    /// It does.
    Healthy,
    /// It does, but not as it should.
    Degraded,
    /// It does not.
    Unhealthy,
    /// AWS does not tell, or could not be asked.
    Unknown,
}

impl Health {
    /// The health's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "Healthy",
            Self::Degraded => "Degraded",
            Self::Unhealthy => "Unhealthy",
            Self::Unknown => "Unknown",
        }
    }
}

/// One difference between what is declared and what AWS has. A secret value stands on neither side.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Change {
    /// The field, from the kind block down, such as `instanceType` or `tags.team`.
    #[schemars(length(max = 256))]
    pub path: String,
    /// What AWS has, as JSON; absent where it has nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub from: Option<String>,
    /// What the spec asks for, as JSON; absent where it is to go away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub to: Option<String>,
    /// What carrying it out does to the resource.
    pub effect: Effect,
}

impl Change {
    /// What becomes of what, such as `20 → 40`; of a secret value only that it is another one.
    pub fn in_words(&self) -> String {
        let value = |side: &Option<String>| side.clone().unwrap_or_else(|| "nothing".into());
        match (&self.from, &self.to) {
            (None, None) => "changed".into(),
            (from, to) => format!("{} → {}", value(from), value(to)),
        }
    }
}

/// What carrying out a change does to the resource.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub enum Effect {
    /// It is changed while it runs.
    InPlace,
    /// It is stopped and started.
    Restart,
    /// It would have to be made anew, which is never done silently.
    Replace,
}
