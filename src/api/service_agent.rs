//! `ServiceAgent`: who decides about the resources of one service, and what it may do without asking.

use crate::agents::historical::Agent;
use crate::api::resource::{Health, ResourceState};
use crate::kinds::KindName;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelectorRequirement};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Governs resources of its namespace: those that name it, else those that its selector matches. Where
/// no agent governs a resource, the controller registers one per kind, with the label
/// aws.ccagi.io/registered, and removes it with its last resource.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[kube(
    group = "aws.ccagi.io",
    version = "v1alpha1",
    kind = "ServiceAgent",
    doc = "Who decides about the AWS resources of a namespace that it governs: what may be done to them without asking a person, and what they cost and how they are together.",
    plural = "serviceagents",
    namespaced,
    shortname = "svcagent",
    category = "aws",
    category = "ccagi",
    status = "ServiceAgentStatus",
    printcolumn(json_path = ".status.state", name = "State", type_ = "string"),
    printcolumn(json_path = ".status.health", name = "Health", type_ = "string"),
    printcolumn(json_path = ".status.costPerDay", name = "Cost/Day", type_ = "string"),
    printcolumn(json_path = ".status.autonomyLevel", name = "Autonomy", type_ = "integer"),
    printcolumn(json_path = ".status.decisionMaker", name = "Decision-Maker", type_ = "string"),
    printcolumn(json_path = ".status.resources", name = "Resources", type_ = "integer"),
    printcolumn(json_path = r#".status.conditions[?(@.type=="Ready")].status"#, name = "Ready", type_ = "string"),
    printcolumn(json_path = r#".status.conditions[?(@.status=="False")].reason"#, name = "Reason", type_ = "string"),
    printcolumn(json_path = ".metadata.creationTimestamp", name = "Age", type_ = "date"),
    printcolumn(json_path = ".status.openRecommendations", name = "Open", type_ = "integer", priority = 1),
    printcolumn(
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        name = "Message",
        type_ = "string",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
pub struct ServiceAgentSpec {
    /// Which resources of the namespace it governs, beside those that name it in spec.serviceAgentRef.
    /// An empty selector matches all; without one, only those that name it are governed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<AgentSelector>,
    /// The historical agent that decides; where absent, the owner of most of its resources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision_maker: Option<Agent>,
    /// What it may do without asking: from 2 on it starts what AWS stopped, from 4 on it makes again
    /// what was deleted in AWS, from 9 on it restarts for a change. Where absent, 8 for LambdaFunction, 6
    /// for Ec2Instance, 4 for RdsInstance and 5 for all other kinds; never more than the account's autonomyCap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10))]
    pub autonomy_level: Option<i32>,
    /// What it may do at all without asking; everything that its level permits where absent.
    // A list that is merged item by item and then emptied by server-side apply would read as absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 3))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub actions: Option<Vec<AgentAction>>,
    /// Names of agents of the namespace that this one depends on, beside those that follow from the
    /// references between their resources.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(length(min = 1, max = 253)))]
    #[x_kube(merge_strategy = ListMerge::Set, validation = crate::api::names::object_names("dependsOn"))]
    pub depends_on: Vec<String>,
}

/// Which resources an agent governs; all that is given must hold.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentSelector {
    /// The kinds of AWS resources; every kind where empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub kinds: Vec<KindName>,
    /// Labels that the AwsResource must have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 50, "additionalProperties" = {"type": "string", "maxLength": 63}))]
    pub match_labels: BTreeMap<String, String>,
    /// Rules that the labels of the AwsResource must keep, as in a LabelSelector of Kubernetes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub match_expressions: Vec<LabelSelectorRequirement>,
}

/// What a service agent may do of its own accord, the least risky first.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub enum AgentAction {
    /// Start what AWS stopped by a failure or for maintenance of its own.
    Start,
    /// Make again what was deleted in AWS.
    Recreate,
    /// Stop and start it for a change of the spec.
    Restart,
}

impl AgentAction {
    /// The action's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "Start",
            Self::Recreate => "Recreate",
            Self::Restart => "Restart",
        }
    }
}

/// Something that waits for a person's approval.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Recommendation {
    /// A hash of all that would be done; the annotation aws.ccagi.io/approve with this value approves
    /// it, and nothing else.
    #[schemars(length(max = 16))]
    pub id: String,
    /// What would be done.
    pub action: AgentAction,
    /// The same in words.
    #[schemars(length(max = 512))]
    pub proposal: String,
    /// Why it waits.
    #[schemars(length(max = 512))]
    pub reason: String,
    /// What it would add to the cost, in USD per day, as a decimal string; negative where it saves, absent where
    /// a price is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub cost_change_per_day: Option<String>,
    /// The command that approves it.
    #[schemars(length(max = 512))]
    pub approve: String,
    /// Since when it waits, RFC 3339.
    #[schemars(length(max = 40))]
    pub since: String,
}

/// Something that was decided about a resource and begun.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct TakenDecision {
    /// What was done.
    pub action: AgentAction,
    /// On what ground.
    pub ground: DecisionGround,
    /// When it was begun, RFC 3339.
    #[schemars(length(max = 40))]
    pub at: String,
}

/// On what ground something was done.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum DecisionGround {
    /// The service agent's autonomy level.
    Autonomy,
    /// A person's approval.
    Approval,
    /// The resource's restartPolicy.
    RestartPolicy,
}

/// What the controller knows of the agent's resources.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceAgentStatus {
    /// The generation of the spec that this status speaks of; -1 before the first look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// What holds for its resources together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<AgentState>,
    /// The worst health of its resources; absent while it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// The sum of its resources' costs in USD per day, as a decimal string; absent while none is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub cost_per_day: Option<String>,
    /// How many of its resources have no known cost and are missing in the sum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources_without_cost: Option<i32>,
    /// The autonomy level in effect, with the account's cap; the lowest where its resources differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autonomy_level: Option<i32>,
    /// The historical agent that decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision_maker: Option<Agent>,
    /// How many resources it governs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<i32>,
    /// The same by state.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 16))]
    pub resources_by_state: BTreeMap<String, i32>,
    /// The same by health.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 8))]
    pub resources_by_health: BTreeMap<String, i32>,
    /// Those of its resources that are not as they should be, the worst first, at most ten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub worst: Vec<TroubledResource>,
    /// The agents whose resources its own refer to, and those that its spec names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(length(max = 253)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub dependencies: Vec<String>,
    /// How many recommendations wait for approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_recommendations: Option<i32>,
    /// The longest waiting of them, at most ten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub recommendations: Vec<ResourceRecommendation>,
    /// What was decided about its resources, the latest first, at most ten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub last_decisions: Vec<ResourceDecision>,
    /// Ready, Synced, and Stalled while it holds: whether the agent itself can do its work. How its
    /// resources are, state and health say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

/// What holds for an agent's resources together.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum AgentState {
    /// It has none.
    Idle,
    /// All are ready.
    Active,
    /// Some are on their way.
    Progressing,
    /// Something waits for approval.
    AwaitingApproval,
    /// Some are stuck.
    Stalled,
}

/// A resource that is not as it should be.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct TroubledResource {
    /// The AwsResource's name.
    #[schemars(length(max = 253))]
    pub name: String,
    /// Where it is in its life.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<ResourceState>,
    /// Whether it does its work.
    pub health: Health,
    /// The reason of its Ready condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub reason: Option<String>,
}

/// A recommendation and the resource it is about.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceRecommendation {
    /// The AwsResource's name; its status has the reason and how to approve.
    #[schemars(length(max = 253))]
    pub name: String,
    /// The recommendation's id.
    #[schemars(length(max = 16))]
    pub id: String,
    /// What would be done.
    pub action: AgentAction,
    /// The same in words.
    #[schemars(length(max = 512))]
    pub proposal: String,
    /// What it would add to the cost, in USD per day, as a decimal string; negative where it saves, absent where
    /// a price is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub cost_change_per_day: Option<String>,
    /// Since when it waits, RFC 3339.
    #[schemars(length(max = 40))]
    pub since: String,
}

/// A decision and the resource it was about.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct ResourceDecision {
    /// The AwsResource's name.
    #[schemars(length(max = 253))]
    pub name: String,
    /// What was done.
    pub action: AgentAction,
    /// On what ground.
    pub ground: DecisionGround,
    /// When it was begun, RFC 3339.
    #[schemars(length(max = 40))]
    pub at: String,
}
