//! Whether a resource does its work, from fields that AWS names. It only judges: it asks neither AWS nor
//! the cluster, and takes the time as a value.
//!
//! Each file has the fields of one kind and what every value of them means. A value that is not known is
//! [`Health::Unknown`], and so is what could not be read: neither is ever taken for healthy.

pub mod bucket;
pub mod database;
pub mod function;
pub mod instance;
pub mod network;
pub mod table;
mod teller;

pub use teller::{Teller, Telling};

use crate::api::resource::Health;

/// A judgement on a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// Whether it does its work.
    pub health: Health,
    /// CamelCase reason.
    pub reason: &'static str,
    /// What AWS says, in words that stay the same as long as it does.
    pub message: String,
}

impl Assessment {
    /// A judgement.
    pub fn new(health: Health, reason: &'static str, message: impl Into<String>) -> Self {
        Self { health, reason, message: message.into() }
    }

    /// That it does its work.
    pub fn healthy(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(Health::Healthy, reason, message)
    }

    /// That it does its work, but not as it should.
    pub fn degraded(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(Health::Degraded, reason, message)
    }

    /// That it does not do its work.
    pub fn unhealthy(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(Health::Unhealthy, reason, message)
    }

    /// That AWS does not tell.
    pub fn unknown(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(Health::Unknown, reason, message)
    }

    /// The judgement on something that has no states: it is there and works, or it is not there.
    pub fn found() -> Self {
        Self::healthy("Found", "AWS has it.")
    }
}

/// What a value of a field means. A value that no row names is unknown.
struct Meaning {
    /// AWS's word.
    value: &'static str,
    health: Health,
    reason: &'static str,
}

const fn means(value: &'static str, health: Health, reason: &'static str) -> Meaning {
    Meaning { value, health, reason }
}

fn meaning(rows: &'static [Meaning], field: &str, value: Option<&str>) -> Assessment {
    let Some(value) = value else {
        return Assessment::unknown("NoState", format!("AWS shows no {field}."));
    };
    match rows.iter().find(|row| row.value == value) {
        Some(row) => Assessment::new(row.health, row.reason, format!("{field} is {value}.")),
        None => Assessment::unknown("UnknownState", format!("{field} is {value}, which this version does not know.")),
    }
}

/// The worst of several: what does not work, then what does not as it should, then what is not known.
pub fn worst(all: impl IntoIterator<Item = Health>) -> Option<Health> {
    all.into_iter().max_by_key(|health| badness(*health))
}

/// How bad a health is, the higher the worse. Not to know is worse than to know that all is well.
pub fn badness(health: Health) -> u8 {
    match health {
        Health::Healthy => 0,
        Health::Unknown => 1,
        Health::Degraded => 2,
        Health::Unhealthy => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_several_is_what_somebody_has_to_look_at_first() {
        use Health::{Degraded, Healthy, Unhealthy, Unknown};
        assert_eq!(worst([]), None);
        assert_eq!(worst([Healthy, Healthy]), Some(Healthy));
        assert_eq!(worst([Healthy, Unknown]), Some(Unknown));
        assert_eq!(worst([Degraded, Unknown]), Some(Degraded));
        assert_eq!(worst([Degraded, Unhealthy, Healthy]), Some(Unhealthy));
    }

    #[test]
    fn what_aws_does_not_show_or_nobody_knows_is_unknown() {
        const ROWS: &[Meaning] = &[means("on", Health::Healthy, "On")];
        assert_eq!(meaning(ROWS, "State", Some("on")), Assessment::healthy("On", "State is on."));
        for value in [None, Some("brand-new")] {
            assert_eq!(meaning(ROWS, "State", value).health, Health::Unknown);
        }
    }
}
