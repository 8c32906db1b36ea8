//! `AwsAccount`: one AWS account the controller may work in, how it gets credentials for it, and
//! which namespaces may use it.

use crate::agents::historical::Agent;
use crate::api::guardrails::Guardrails;
use crate::api::resource::Health;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An AWS account, declared by the people who run the platform.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[kube(
    group = "aws.ccagi.io",
    version = "v1alpha1",
    kind = "AwsAccount",
    doc = "An AWS account that resources may be declared in: how the controller gets credentials for it, in which regions, and for which namespaces.",
    plural = "awsaccounts",
    shortname = "awsacct",
    category = "aws",
    category = "ccagi",
    status = "AwsAccountStatus",
    printcolumn(json_path = ".spec.accountId", name = "Account", type_ = "string"),
    printcolumn(json_path = ".spec.role", name = "Role", type_ = "string"),
    printcolumn(json_path = ".spec.defaultRegion", name = "Region", type_ = "string"),
    printcolumn(json_path = ".status.resourcesManaged", name = "Resources", type_ = "integer"),
    printcolumn(json_path = ".status.health", name = "Health", type_ = "string"),
    printcolumn(json_path = ".status.costPerDay", name = "Cost/Day", type_ = "string"),
    printcolumn(json_path = r#".status.conditions[?(@.type=="Ready")].status"#, name = "Ready", type_ = "string"),
    printcolumn(json_path = r#".status.conditions[?(@.status=="False")].reason"#, name = "Reason", type_ = "string"),
    printcolumn(json_path = ".metadata.creationTimestamp", name = "Age", type_ = "date"),
    printcolumn(json_path = ".status.identityArn", name = "Identity", type_ = "string", priority = 1),
    printcolumn(
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        name = "Message",
        type_ = "string",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.defaultRegion in self.regions").message("defaultRegion must be one of regions"),
    validation = Rule::new("self.accountId == oldSelf.accountId").message("accountId is immutable: declare another AwsAccount for another account")
)]
pub struct AwsAccountSpec {
    /// The twelve digits of the AWS account. Nothing is done until AWS confirms that the
    /// credentials belong to it.
    #[schemars(regex(pattern = r"^[0-9]{12}$"))]
    pub account_id: String,
    /// What the account is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<AccountRole>,
    /// The region of resources that name none.
    #[schemars(regex(pattern = crate::api::names::REGION), length(max = 32))]
    pub default_region: String,
    /// The regions in which resources may be declared.
    #[schemars(length(min = 1, max = 40), inner(regex(pattern = crate::api::names::REGION), length(max = 32)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub regions: Vec<String>,
    /// How credentials are found. Without it, the controller's own default chain is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
    /// Which namespaces may declare resources in this account. Without it, none may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_namespaces: Option<AllowedNamespaces>,
    /// What the AwsResources of these namespaces may do. Without it, the least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guardrails: Option<Guardrails>,
    /// The highest autonomy level of any service agent for resources in this account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10))]
    pub autonomy_cap: Option<i32>,
    /// Historical agents by kind, as in `S3Bucket: Kotler`, that own the account's resources instead of
    /// those by rule. The annotation aws.ccagi.io/owners of a namespace comes before them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 100))]
    pub owners: BTreeMap<String, Agent>,
}

/// What an account is for.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum AccountRole {
    /// The organisation's management account.
    Management,
    /// Runs what customers use.
    Production,
    /// Holds audit and security tooling.
    Security,
    /// For building and trying out.
    Development,
}

/// Where credentials come from, starting at the controller's default chain.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!(has(self.assumeRole) && has(self.assumeRoleChain))").message("set assumeRole or assumeRoleChain, not both"))]
pub struct Credentials {
    /// One role, assumed from the controller's own identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assume_role: Option<AssumeRole>,
    /// Roles assumed one from the other, the first from the controller's own identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub assume_role_chain: Option<Vec<AssumeRole>>,
}

impl Credentials {
    /// The roles to assume, in order; empty for the default chain.
    pub fn roles(&self) -> &[AssumeRole] {
        match (&self.assume_role, &self.assume_role_chain) {
            (Some(role), _) => std::slice::from_ref(role),
            (None, Some(chain)) => chain,
            (None, None) => &[],
        }
    }
}

/// One `sts:AssumeRole` call.
#[derive(KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AssumeRole {
    /// The role's ARN.
    #[schemars(regex(pattern = r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$"), length(max = 2048))]
    pub role_arn: String,
    /// The external id that the role's trust policy asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 1224), regex(pattern = r"^[\w+=,.@:/-]*$"))]
    pub external_id: Option<String>,
    /// The session name that CloudTrail shows; `ccagi-aws-agent` where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 64), regex(pattern = r"^[\w+=,.@-]*$"))]
    pub session_name: Option<String>,
    /// Session tags, for attribute-based access control and CloudTrail.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 50, "additionalProperties" = {"type": "string", "maxLength": 256}))]
    pub session_tags: BTreeMap<String, String>,
}

/// Namespaces by name, by label, or both; a namespace that meets either may use the account.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AllowedNamespaces {
    /// Namespaces by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 500), inner(length(max = 63)))]
    #[x_kube(
        merge_strategy = ListMerge::Set,
        validation = Rule::new("self.all(name, name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'))").message("names must be names of namespaces: lower-case letters, digits and hyphens, and begin and end with a letter or digit; use selector for more than one namespace at a time")
    )]
    pub names: Vec<String>,
    /// Namespaces by label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
}

/// What the controller knows of the account.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AwsAccountStatus {
    /// The generation of the spec that this status speaks of; -1 before the first look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The ARN that `sts:GetCallerIdentity` answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub identity_arn: Option<String>,
    /// When this identity was first confirmed, RFC 3339. It moves only with a new identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 40))]
    pub verified_at: Option<String>,
    /// The regions of the spec in which the credentials were seen to work.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 40), inner(length(max = 32)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub usable_regions: Vec<String>,
    /// How many `AwsResource` objects use this account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources_managed: Option<i32>,
    /// The same by kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 100))]
    pub resources_by_kind: BTreeMap<String, i32>,
    /// The same by health.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 4))]
    pub resources_by_health: BTreeMap<String, i32>,
    /// The worst health of these resources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// What these resources cost together at list prices, in USD per day, as a decimal string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub cost_per_day: Option<String>,
    /// How many of them are in it at prices of another region, because those of their own are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources_priced_elsewhere: Option<i32>,
    /// How many of them have no known cost and are not in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources_without_cost: Option<i32>,
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
