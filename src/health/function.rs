//! A Lambda function: `State` and `LastUpdateStatus` of GetFunction (API reference,
//! FunctionConfiguration; Lambda Developer Guide, "Lambda function states").

use super::{Assessment, Meaning, meaning, means};
use crate::api::resource::Health::{Degraded, Healthy, Unhealthy, Unknown};

/// A function that Lambda has put aside for want of calls comes back with the next one.
const STATES: &[Meaning] = &[
    means("Active", Healthy, "Active"),
    means("ActiveNonInvocable", Unhealthy, "NotInvocable"),
    means("Deactivated", Unhealthy, "Deactivated"),
    means("Deactivating", Unhealthy, "Deactivating"),
    means("Deleting", Unknown, "Deleting"),
    means("Failed", Unhealthy, "Failed"),
    means("Inactive", Healthy, "Idle"),
    means("Pending", Unknown, "Pending"),
];

/// Until an update has succeeded, and after one that failed, calls are answered as before.
const UPDATES: &[Meaning] = &[
    means("Failed", Degraded, "UpdateFailed"),
    means("InProgress", Healthy, "UpdateInProgress"),
    means("Successful", Healthy, "Active"),
];

/// The judgement on a function with this `State` and `LastUpdateStatus`.
pub fn judge(state: Option<&str>, last_update: Option<&str>) -> Assessment {
    let state = meaning(STATES, "State", state);
    match last_update.map(|status| meaning(UPDATES, "LastUpdateStatus", Some(status))) {
        Some(update) if state.health == Healthy && update.health != Healthy => update,
        _ => state,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_as_well_as_its_state_says() {
        for row in STATES {
            assert_eq!(judge(Some(row.value), Some("Successful")).health, row.health, "{}", row.value);
        }
        assert_eq!(judge(Some("BrandNew"), None).health, Unknown);
        assert_eq!(judge(None, None).health, Unknown);
    }

    #[test]
    fn an_update_that_failed_degrades_a_function_that_works() {
        for row in UPDATES {
            assert_eq!(judge(Some("Active"), Some(row.value)).health, row.health, "{}", row.value);
        }
        assert_eq!(judge(Some("Inactive"), Some("Failed")).reason, "UpdateFailed");
        assert_eq!(judge(Some("Failed"), Some("Failed")).reason, "Failed", "the state comes first");
        assert_eq!(judge(Some("Active"), Some("BrandNew")).health, Unknown);
    }
}
