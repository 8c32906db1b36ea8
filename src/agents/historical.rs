//! The seven historical agents. Which kinds each owns stands in the table of [`crate::kinds`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A historical agent.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub enum Agent {
    /// Compute, networks, identity, and every kind without a rule.
    BillGates,
    /// What users see: buckets, distributions, zones.
    SteveJobs,
    /// Scaling and load balancing.
    Napoleon,
    /// The edge.
    Hannibal,
    /// Measurement.
    Drucker,
    /// Messages and interfaces.
    Kotler,
    /// Databases.
    Noguchi,
}

impl Agent {
    /// Every agent.
    pub const ALL: [Self; 7] =
        [Self::BillGates, Self::SteveJobs, Self::Napoleon, Self::Hannibal, Self::Drucker, Self::Kotler, Self::Noguchi];

    /// The agent's name, as in `status.owner` and the `ccagi:agent` tag.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BillGates => "BillGates",
            Self::SteveJobs => "SteveJobs",
            Self::Napoleon => "Napoleon",
            Self::Hannibal => "Hannibal",
            Self::Drucker => "Drucker",
            Self::Kotler => "Kotler",
            Self::Noguchi => "Noguchi",
        }
    }

    /// The agent of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|agent| agent.as_str() == name)
    }
}
