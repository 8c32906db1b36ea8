//! A DynamoDB table: `TableStatus` and `Replicas.ReplicaStatus` of DescribeTable (API reference,
//! TableDescription and ReplicaDescription).

use super::{Assessment, Meaning, meaning, means};
use crate::api::resource::Health::{Degraded, Healthy, Unhealthy, Unknown};

/// A table serves its data while it is updated. A replica that may not replicate any more serves what
/// it has.
const STATUSES: &[Meaning] = &[
    means("ACTIVE", Healthy, "Active"),
    means("ARCHIVED", Unhealthy, "Archived"),
    means("ARCHIVING", Unhealthy, "Archiving"),
    means("CREATING", Unknown, "Creating"),
    means("DELETING", Unknown, "Deleting"),
    means("INACCESSIBLE_ENCRYPTION_CREDENTIALS", Unhealthy, "InaccessibleEncryptionCredentials"),
    means("REPLICATION_NOT_AUTHORIZED", Degraded, "ReplicationNotAuthorized"),
    means("UPDATING", Healthy, "Updating"),
];

/// A table whose replica in another region is not as it should be serves its data in its own.
const REPLICAS: &[Meaning] = &[
    means("ACTIVE", Healthy, "Active"),
    means("ARCHIVED", Degraded, "ReplicaArchived"),
    means("ARCHIVING", Degraded, "ReplicaArchived"),
    means("CREATING", Degraded, "ReplicaCreating"),
    means("CREATION_FAILED", Degraded, "ReplicaFailed"),
    means("DELETING", Healthy, "ReplicaDeleting"),
    means("INACCESSIBLE_ENCRYPTION_CREDENTIALS", Degraded, "ReplicaInaccessible"),
    means("REGION_DISABLED", Degraded, "ReplicaRegionDisabled"),
    means("REPLICATION_NOT_AUTHORIZED", Degraded, "ReplicaNotAuthorized"),
    means("UPDATING", Healthy, "ReplicaUpdating"),
];

/// The judgement on a table with this `TableStatus` and these `ReplicaStatus`es.
pub fn judge(status: Option<&str>, replicas: &[&str]) -> Assessment {
    let table = meaning(STATUSES, "TableStatus", status);
    if table.health != Healthy {
        return table;
    }
    let mut replicas = replicas.iter().map(|replica| meaning(REPLICAS, "ReplicaStatus", Some(replica)));
    replicas.find(|replica| replica.health != Healthy).unwrap_or(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_as_well_as_its_status_says() {
        for row in STATUSES {
            assert_eq!((judge(Some(row.value), &[]).health, row.reason), (row.health, row.reason), "{}", row.value);
        }
        assert_eq!(judge(None, &[]).health, Unknown);
        assert_eq!(judge(Some("BRAND_NEW"), &[]).health, Unknown);
    }

    #[test]
    fn a_replica_that_is_not_as_it_should_be_degrades_its_table() {
        for row in REPLICAS {
            assert_eq!(judge(Some("ACTIVE"), &["ACTIVE", row.value]).health, row.health, "{}", row.value);
        }
        assert_eq!(judge(Some("ACTIVE"), &["BRAND_NEW"]).health, Unknown);
        assert_eq!(judge(Some("ARCHIVED"), &["CREATING"]).reason, "Archived", "the table itself comes first");
    }
}
