//! An RDS DB instance: `DBInstanceStatus` (RDS User Guide, "Viewing Amazon RDS DB instance status").

use super::{Assessment, Meaning, meaning, means};
use crate::api::resource::Health::{Degraded, Healthy, Unhealthy, Unknown};

/// Every documented status. An instance that works on itself beside serving its data is healthy; one
/// that may be out of reach meanwhile is degraded.
const STATUSES: &[Meaning] = &[
    means("available", Healthy, "Available"),
    means("backing-up", Healthy, "BackingUp"),
    means("configuring-associate-iam-role", Healthy, "Configuring"),
    means("configuring-disassociate-iam-role", Healthy, "Configuring"),
    means("configuring-enhanced-monitoring", Healthy, "Configuring"),
    means("configuring-iam-database-auth", Healthy, "Configuring"),
    means("configuring-log-exports", Healthy, "Configuring"),
    means("converting-to-vpc", Degraded, "Moving"),
    means("creating", Unknown, "Creating"),
    means("delete-precheck", Unknown, "Deleting"),
    means("deleting", Unknown, "Deleting"),
    means("failed", Unhealthy, "Failed"),
    means("inaccessible-encryption-credentials", Unhealthy, "InaccessibleEncryptionCredentials"),
    means("inaccessible-encryption-credentials-recoverable", Unhealthy, "InaccessibleEncryptionCredentials"),
    means("incompatible-create", Unhealthy, "Incompatible"),
    means("incompatible-network", Unhealthy, "Incompatible"),
    means("incompatible-option-group", Unhealthy, "Incompatible"),
    means("incompatible-parameters", Unhealthy, "Incompatible"),
    means("incompatible-restore", Unhealthy, "Incompatible"),
    means("insufficient-capacity", Unhealthy, "InsufficientCapacity"),
    means("maintenance", Degraded, "Maintenance"),
    means("modifying", Degraded, "Modifying"),
    means("moving-to-vpc", Degraded, "Moving"),
    means("rebooting", Degraded, "Rebooting"),
    means("renaming", Degraded, "Renaming"),
    means("resetting-master-credentials", Degraded, "ResettingCredentials"),
    means("restore-error", Unhealthy, "RestoreError"),
    means("starting", Degraded, "Starting"),
    means("stopped", Unknown, "Stopped"),
    means("stopping", Unknown, "Stopping"),
    means("storage-config-upgrade", Healthy, "StorageUpgrade"),
    means("storage-full", Unhealthy, "StorageFull"),
    means("storage-initialization", Degraded, "StorageInitialization"),
    means("storage-optimization", Healthy, "StorageOptimization"),
    means("upgrading", Degraded, "Upgrading"),
];

/// The judgement on an instance with this `DBInstanceStatus`.
pub fn judge(status: Option<&str>) -> Assessment {
    meaning(STATUSES, "DBInstanceStatus", status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_one_meaning_and_a_new_one_is_unknown() {
        for row in STATUSES {
            assert_eq!(STATUSES.iter().filter(|other| other.value == row.value).count(), 1, "{}", row.value);
            assert_ne!(judge(Some(row.value)).reason, "UnknownState");
        }
        assert_eq!(judge(Some("hibernating")).reason, "UnknownState");
        assert_eq!(judge(None).health, Unknown);
    }

    #[test]
    fn a_database_is_as_well_as_its_status_says() {
        let rows = [
            ("available", Healthy),
            ("backing-up", Healthy),
            ("storage-optimization", Healthy),
            ("modifying", Degraded),
            ("rebooting", Degraded),
            ("storage-full", Unhealthy),
            ("incompatible-network", Unhealthy),
            ("creating", Unknown),
            ("stopped", Unknown),
        ];
        for (status, expected) in rows {
            assert_eq!(judge(Some(status)).health, expected, "{status}");
        }
    }
}
