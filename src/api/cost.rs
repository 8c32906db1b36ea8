//! The part of a status that says what a resource costs.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// The most items, and the most entries of each other list.
pub const COST_LIST_LIMIT: usize = 16;

/// What a resource costs at list prices. `ccagi-aws-agent explain-cost` shows the same with unit prices
/// and where they are from.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cost {
    /// What is paid for by time, at most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub items: Vec<Item>,
    /// What depends on use, or on what is not known, and comes on top; at most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 128)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub not_included: Vec<String>,
    /// What has no price; at most 16. The cost per day is not known then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 128)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub missing: Vec<String>,
    /// The region whose prices stand in for those of the resource's own, which are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub priced_as_in: Option<String>,
}

/// One thing that is paid for by time.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// Service and key of the price, such as `ec2/t3.micro`.
    #[schemars(length(max = 128))]
    pub usage: String,
    /// How much of it is held, as a decimal string.
    #[schemars(length(max = 32))]
    pub quantity: String,
    /// What the price is for one of, such as `hour` or `GB-month`.
    #[schemars(length(max = 32))]
    pub unit: String,
    /// USD per day, as a decimal string; absent where there is no price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub per_day: Option<String>,
}
