//! The seven historical agents. Which kinds each owns stands in the table of [`crate::kinds`].

/// A historical agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
}
