//! What users may write about a database instance.

use super::windows;
use crate::api::resource::{OutputRef, SecretKeyRef};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An RDS DB instance. Only the settings named here are managed; all others are left alone. Unless
/// `masterUserPasswordSecretRef` is set, the password of the master user is made, kept and rotated by
/// RDS in AWS Secrets Manager, and the output `masterUserSecretArn` says where. Outputs: `arn`, `address` (the host name), `port`, `endpoint`
/// (both, joined by a colon), `masterUserSecretArn` and `dbSubnetGroupName`.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.dbInstanceIdentifier == oldSelf.dbInstanceIdentifier").message("rdsInstance.dbInstanceIdentifier is immutable: a renamed instance would lose its address; declare a new object"),
    validation = Rule::new("self.engine == oldSelf.engine").message("rdsInstance.engine is immutable: an instance cannot change its engine; declare a new object"),
    validation = Rule::new("self.masterUsername == oldSelf.masterUsername").message("rdsInstance.masterUsername is immutable: the master user is made with the instance; declare a new object"),
    validation = Rule::new("(has(self.databaseName) ? self.databaseName : '') == (has(oldSelf.databaseName) ? oldSelf.databaseName : '')").message("rdsInstance.databaseName is immutable: the first database is made with the instance; create others with SQL"),
    validation = Rule::new("(has(self.storageEncrypted) ? self.storageEncrypted : false) == (has(oldSelf.storageEncrypted) ? oldSelf.storageEncrypted : false)").message("rdsInstance.storageEncrypted is immutable: storage is encrypted when it is made or never; declare a new object"),
    validation = Rule::new("self.allocatedStorageGib >= oldSelf.allocatedStorageGib").message("rdsInstance.allocatedStorageGib must not become smaller: storage can only grow; declare a new object"),
    validation = Rule::new("!has(self.subnetIds) || !has(self.subnetRefs)").message("subnetIds and subnetRefs must not be set together: write one of them"),
    validation = Rule::new("!has(self.securityGroupIds) || !has(self.securityGroupRefs)").message("securityGroupIds and securityGroupRefs must not be set together: write one of them"),
    validation = Rule::new("!has(self.iops) || (has(self.storageType) && self.storageType in ['gp3', 'io1', 'io2'])").message("iops must go with the storageType gp3, io1 or io2"),
    validation = Rule::new("has(self.iops) || !has(self.storageType) || !(self.storageType in ['io1', 'io2'])").message("the storageType io1 and io2 must go with iops"),
    validation = Rule::new("!has(self.storageThroughput) || (has(self.storageType) && self.storageType == 'gp3')").message("storageThroughput must go with the storageType gp3"),
    // RDS User Guide, "Amazon RDS DB instance storage", for the engines that are taken here.
    validation = Rule::new("!has(self.storageType) || self.allocatedStorageGib >= (self.storageType in ['io1', 'io2'] ? 100 : 20)").message("allocatedStorageGib must be 100 or more with the storageType io1 or io2, and 20 or more with gp2 or gp3"),
    validation = Rule::new("!has(self.iops) || !has(self.storageType) || self.storageType != 'gp3' || self.allocatedStorageGib >= 400").message("iops must be left out with the storageType gp3 and less than 400 in allocatedStorageGib: RDS sets them itself there"),
    validation = windows::apart()
)]
pub struct RdsInstanceSpec {
    /// The instance's name, unique in the account and region: 1 to 63 lower-case letters, digits and
    /// single hyphens, beginning with a letter. The DB subnet group of the instance has the same name.
    #[schemars(length(min = 1, max = 63))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z](-?[a-z0-9])*$') && self != 'default'").message("dbInstanceIdentifier must be lower-case letters, digits and single hyphens, begin with a letter, end with a letter or digit, and not be default"))]
    pub db_instance_identifier: String,
    /// The database engine.
    #[schemars(length(max = 32), extend("enum" = ["mariadb", "mysql", "postgres"]))]
    pub engine: String,
    /// The engine's version, such as `16` or `16.4`; AWS's default where absent. One whose standard support
    /// is over, such as `11` of PostgreSQL, costs more: RDS Extended Support. A version that is
    /// less exact than AWS's, such as `16`, is met by every version that begins with it. It can only
    /// rise, and an upgrade interrupts the instance, which `restartPolicy` has to allow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(validation = Rule::new("self.matches('^[0-9]+([.][0-9]+){0,3}$')").message("engineVersion must be numbers with dots between them, such as 16 or 8.0.39"))]
    pub engine_version: Option<String>,
    /// Whether an upgrade may go to another major version, which AWS refuses otherwise. It steers
    /// upgrades and is not compared with AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_major_version_upgrade: Option<bool>,
    /// Whether AWS installs minor versions by itself in the maintenance window, as it does by default. A
    /// later minor version than that of `engineVersion` is then as declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_minor_version_upgrade: Option<bool>,
    /// The instance class, such as `db.t4g.micro`. Changing it interrupts the instance, which
    /// `restartPolicy` has to allow.
    #[schemars(length(min = 4, max = 64))]
    #[x_kube(validation = Rule::new("self.matches('^db[.][a-z0-9-]+([.][a-z0-9-]+)+$')").message("instanceClass must be db, a family and a size with dots between them, such as db.t4g.micro"))]
    pub instance_class: String,
    /// The storage in GiB, at the least: storage can only grow, AWS rounds a growth of less than a tenth up
    /// to one, and grows storage by itself under storage autoscaling. More in AWS is as declared.
    #[schemars(range(min = 5, max = 65536))]
    pub allocated_storage_gib: i32,
    /// The storage type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_type: Option<StorageType>,
    /// Provisioned I/O operations per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1000, max = 256_000))]
    pub iops: Option<i32>,
    /// Provisioned throughput in MiB per second, of gp3 storage from the size at which RDS stripes it
    /// (400 GiB for these engines).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 125, max = 4000))]
    pub storage_throughput: Option<i32>,
    /// Whether the storage is encrypted, with the account's default key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_encrypted: Option<bool>,
    /// Whether a standby in another Availability Zone takes over when the instance fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multi_az: Option<bool>,
    /// The ids of the subnets that the instance may be in, of at least two Availability Zones of one
    /// VPC, in any order. They become a DB subnet group that is made and deleted with the instance.
    /// The group `default` of the account's default VPC is used where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 20), inner(length(max = 32)))]
    #[x_kube(
        merge_strategy = ListMerge::Atomic,
        validation = Rule::new("self.all(one, self.exists_one(other, other == one))").message("every item of subnetIds must be there once"),
        validation = Rule::new("self.all(subnet, subnet.matches('^subnet-[0-9a-f]{8,17}$'))").message("subnetIds must be ids of subnets: subnet- and hexadecimal digits")
    )]
    pub subnet_ids: Option<Vec<String>>,
    /// The resources whose outputs are the subnets' ids: `privateSubnetIds` where no output is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub subnet_refs: Option<Vec<OutputRef>>,
    /// The ids of the security groups, in any order; the default group of the VPC where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16), inner(length(max = 32)))]
    #[x_kube(
        merge_strategy = ListMerge::Atomic,
        validation = Rule::new("self.all(one, self.exists_one(other, other == one))").message("every item of securityGroupIds must be there once"),
        validation = Rule::new("self.all(group, group.matches('^sg-[0-9a-f]{8,17}$'))").message("securityGroupIds must be ids of security groups: sg- and hexadecimal digits")
    )]
    pub security_group_ids: Option<Vec<String>>,
    /// The resources whose outputs are the security groups' ids: `groupId` where no output is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub security_group_refs: Option<Vec<OutputRef>>,
    /// Whether the instance has a public address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publicly_accessible: Option<bool>,
    /// The name of the first database; none is made where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z][A-Za-z0-9_]*$')").message("databaseName must be letters, digits and underscores, and begin with a letter"))]
    pub database_name: Option<String>,
    /// The name of the master user.
    #[schemars(length(min = 1, max = 63))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z][A-Za-z0-9_]*$')").message("masterUsername must be letters, digits and underscores, and begin with a letter"))]
    pub master_username: String,
    /// The key of a Secret in this namespace that holds the password of the master user, which RDS then
    /// does not manage. The controller needs the verb `get` on that Secret. It sends the password again
    /// whenever the Secret changes in any way, which it notices when it next looks for drift; the password
    /// itself is not compared with AWS, which does not show it. Once this field is taken out, RDS makes a
    /// new password and manages it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub master_user_password_secret_ref: Option<SecretKeyRef>,
    /// The DB parameter group, by name. Parameters that AWS calls static are in force after the next
    /// reboot, which the controller does not cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z][a-z0-9.-]*$')").message("parameterGroupName must be lower-case letters, digits, dots and hyphens, and begin with a letter"))]
    pub parameter_group_name: Option<String>,
    /// Days for which automated backups are kept; 0 switches them off, which interrupts the instance
    /// shortly, as does switching them on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 35))]
    pub backup_retention_days: Option<i32>,
    /// The daily time for backups in UTC, such as `03:00-03:30`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 11))]
    #[x_kube(
        validation = Rule::new("self.matches('^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$')").message("backupWindow must be two times of day in UTC, such as 03:00-03:30"),
        validation = windows::half_an_hour("backupWindow", "self.matches('^[0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2}$')", windows::of_day("self"), 1440)
    )]
    pub backup_window: Option<String>,
    /// The weekly time for maintenance in UTC, such as `sun:04:00-sun:04:30`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 19))]
    #[x_kube(
        validation = windows::half_an_hour("maintenanceWindow", "self.matches('^(mon|tue|wed|thu|fri|sat|sun):[0-9]{2}:[0-9]{2}-(mon|tue|wed|thu|fri|sat|sun):[0-9]{2}:[0-9]{2}$')", windows::of_week("self"), 10080),
        validation = Rule::new("self.matches('^(mon|tue|wed|thu|fri|sat|sun):([01][0-9]|2[0-3]):[0-5][0-9]-(mon|tue|wed|thu|fri|sat|sun):([01][0-9]|2[0-3]):[0-5][0-9]$')").message("maintenanceWindow must be two weekdays with times in UTC, such as sun:04:00-sun:04:30")
    )]
    pub maintenance_window: Option<String>,
    /// Whether changes are carried out at once; where absent or false, those that AWS can defer wait
    /// for the maintenance window. A change that already waits goes on waiting until another is made:
    /// this field steers changes and is not compared with AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apply_immediately: Option<bool>,
    /// Whether AWS refuses to delete the instance, this controller's calls included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_protection: Option<bool>,
    /// Whether the instance is deleted without a last snapshot. Where absent or false, a snapshot
    /// stays whose name begins with the instance's and `-final-`. It steers the deletion and is not
    /// compared with AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip_final_snapshot: Option<bool>,
}

/// A storage type by its name in the RDS API.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StorageType {
    /// General purpose SSD, where IOPS follow from the size.
    Gp2,
    /// General purpose SSD.
    Gp3,
    /// Provisioned IOPS SSD.
    Io1,
    /// Provisioned IOPS SSD of higher durability.
    Io2,
}

impl StorageType {
    /// The type by its name, where it is one of these.
    pub(super) fn from_api(name: &str) -> Option<Self> {
        Some(match name {
            "gp2" => Self::Gp2,
            "gp3" => Self::Gp3,
            "io1" => Self::Io1,
            "io2" => Self::Io2,
            _ => return None,
        })
    }

    /// The type's name.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Gp2 => "gp2",
            Self::Gp3 => "gp3",
            Self::Io1 => "io1",
            Self::Io2 => "io2",
        }
    }
}
