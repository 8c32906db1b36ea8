//! What users may write about an instance.

use crate::api::resource::OutputRef;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An EC2 instance. Only the settings named here are managed; all others are left alone.
///
/// Outputs: `arn`, `instanceId`, `privateIp`, `publicIp`, `privateDnsName`, `publicDnsName`,
/// `availabilityZone`, `subnetId` and `vpcId`, each where the instance has one.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.imageId == oldSelf.imageId").message("ec2Instance.imageId is immutable: an instance cannot change its image; declare a new object"),
    validation = Rule::new("(has(self.subnetId) ? self.subnetId : '') == (has(oldSelf.subnetId) ? oldSelf.subnetId : '')").message("ec2Instance.subnetId is immutable: an instance cannot move to another subnet; declare a new object"),
    validation = Rule::new("(has(self.subnetRef) ? self.subnetRef.name : '') == (has(oldSelf.subnetRef) ? oldSelf.subnetRef.name : '')").message("ec2Instance.subnetRef is immutable: an instance cannot move to another subnet; declare a new object"),
    validation = Rule::new("has(self.associatePublicIpAddress) == has(oldSelf.associatePublicIpAddress) && (!has(self.associatePublicIpAddress) || self.associatePublicIpAddress == oldSelf.associatePublicIpAddress)").message("ec2Instance.associatePublicIpAddress is immutable: whether an instance has a public address is settled when it is made; declare a new object"),
    validation = Rule::new("!(has(self.subnetId) && has(self.subnetRef))").message("set subnetId or subnetRef, not both"),
    validation = Rule::new("!(has(self.iamInstanceProfile) && has(self.iamInstanceProfileRef))").message("set iamInstanceProfile or iamInstanceProfileRef, not both"),
    validation = Rule::new("(has(self.keyName) ? self.keyName : '') == (has(oldSelf.keyName) ? oldSelf.keyName : '')").message("ec2Instance.keyName is immutable: a key pair is put in place when the instance is made; declare a new object"),
    validation = Rule::new("(has(self.userData) ? self.userData : '') == (has(oldSelf.userData) ? oldSelf.userData : '')").message("ec2Instance.userData is immutable: it runs when the instance is made; declare a new object")
)]
pub struct Ec2InstanceSpec {
    /// The Amazon Machine Image (AMI) that the instance is made from, by its id in the region.
    #[schemars(length(min = 12, max = 21))]
    #[x_kube(validation = Rule::new("self.matches('^ami-([0-9a-f]{8}|[0-9a-f]{17})$')").message("imageId must be the id of an AMI: ami- and 8 or 17 hexadecimal digits"))]
    pub image_id: String,
    /// The instance type, such as `t3.micro`. Changing it stops and starts the instance, which
    /// `restartPolicy` has to allow.
    #[schemars(length(min = 3, max = 64))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9-]+[.][a-z0-9-]+$')").message("instanceType must be a family, a dot and a size, such as t3.micro"))]
    pub instance_type: String,
    /// The subnet's id; a default subnet of the account's default VPC where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new("self.matches('^subnet-[0-9a-f]{8,17}$')").message("subnetId must be the id of a subnet: subnet- and hexadecimal digits"))]
    pub subnet_id: Option<String>,
    /// The AwsResource whose output is the subnet's id, such as `subnetIds.a` of a network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet_ref: Option<OutputRef>,
    /// The ids of the security groups of the primary network interface, in any order; the default
    /// group of the VPC where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16), inner(length(max = 32)))]
    #[x_kube(
        merge_strategy = ListMerge::Atomic,
        validation = Rule::new("self.all(one, self.exists_one(other, other == one))").message("every item of securityGroupIds must be there once"),
        validation = Rule::new("self.all(group, group.matches('^sg-[0-9a-f]{8,17}$'))").message("securityGroupIds must be ids of security groups: sg- and hexadecimal digits")
    )]
    pub security_group_ids: Option<Vec<String>>,
    /// The AwsResources whose security groups are added to those above; their output `groupId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub security_group_refs: Option<Vec<OutputRef>>,
    /// Whether AWS lends the instance a public IPv4 address while it runs, another one after each stop; what
    /// the subnet says (`mapPublicIpOnLaunch`) where absent. AWS charges for every hour of the address. It leads to
    /// the instance where the subnet's route goes to an internet gateway and a security group lets the traffic in.
    /// An Elastic IP address takes its place and is no difference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub associate_public_ip_address: Option<bool>,
    /// The name of the key pair for SSH.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub key_name: Option<String>,
    /// The IAM instance profile, by name or ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    #[x_kube(validation = Rule::new("self.startsWith('arn:') ? self.contains(':instance-profile/') : self.matches('^[A-Za-z0-9_+=,.@-]{1,128}$')").message("iamInstanceProfile must be the name or the ARN of an instance profile, not of a role"))]
    pub iam_instance_profile: Option<String>,
    /// The AwsResource whose instance profile it is; its output `instanceProfileArn`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iam_instance_profile_ref: Option<OutputRef>,
    /// What the instance runs at its first start, as plain text of at most 16 KiB. It can be read by
    /// everything on the instance, so it must hold no secrets. It is used when the instance is made and
    /// not compared with AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16384))]
    #[x_kube(validation = Rule::new("size(bytes(self)) <= 16384").message("userData must have at most 16384 bytes in UTF-8"))]
    pub user_data: Option<String>,
    /// The volume that the instance starts from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("!has(self.volumeType) || !(self.volumeType in ['st1', 'sc1'])").message("the volumeType of rootVolume must not be st1 or sc1: an instance does not start from them"))]
    pub root_volume: Option<Volume>,
    /// The volumes that are made with the instance, beside the root volume. What an item leaves out is
    /// left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(
        merge_strategy = ListMerge::Map(vec!["deviceName".into()]),
        validation = Rule::new("self.all(volume, has(volume.sizeGib))").message("every item of dataVolumes must have a sizeGib")
    )]
    pub data_volumes: Option<Vec<DataVolume>>,
    /// The instance metadata service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata_options: Option<MetadataOptions>,
    /// Whether AWS refuses to terminate the instance, this controller's calls included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub termination_protection: Option<bool>,
}

/// An EBS volume of an instance; what is absent follows from the AMI and the account's defaults.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.sizeGib) || !has(oldSelf.sizeGib) || self.sizeGib >= oldSelf.sizeGib").message("sizeGib must not become smaller: a volume can only grow; declare a new object"),
    validation = Rule::new("(has(self.encrypted) ? self.encrypted : false) == (has(oldSelf.encrypted) ? oldSelf.encrypted : false)").message("encrypted is immutable: a volume is encrypted when it is made or never; declare a new object"),
    validation = Rule::new("!has(self.iops) || (has(self.volumeType) && self.volumeType in ['gp3', 'io1', 'io2'])").message("iops must go with the volumeType gp3, io1 or io2"),
    validation = Rule::new("has(self.iops) || !has(self.volumeType) || !(self.volumeType in ['io1', 'io2'])").message("the volumeType io1 and io2 must go with iops"),
    // Sizes and IOPS by type: EBS User Guide, "Amazon EBS volume types".
    validation = Rule::new("!has(self.volumeType) || !has(self.sizeGib) || (self.volumeType in ['st1', 'sc1'] ? self.sizeGib >= 125 && self.sizeGib <= 16384 : self.volumeType == 'standard' ? self.sizeGib <= 1024 : self.volumeType in ['io1', 'io2'] ? self.sizeGib >= 4 && (self.sizeGib <= 16384 || self.volumeType == 'io2') : self.volumeType != 'gp2' || self.sizeGib <= 16384)").message("sizeGib must suit the volumeType: gp2 to 16384, io1 4 to 16384, io2 from 4, st1 and sc1 125 to 16384, standard to 1024"),
    validation = Rule::new("!has(self.volumeType) || !has(self.iops) || (self.volumeType == 'gp3' ? self.iops >= 3000 : self.volumeType != 'io1' || self.iops <= 64000)").message("iops must suit the volumeType: gp3 from 3000, io1 to 64000"),
    validation = Rule::new("!has(self.throughput) || (has(self.volumeType) && self.volumeType == 'gp3')").message("throughput must go with the volumeType gp3")
)]
pub struct Volume {
    /// The size in GiB, at the least: a volume that is larger in AWS is as declared. It can grow while the
    /// instance runs; the file system has to be grown there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65536))]
    pub size_gib: Option<i32>,
    /// The volume type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_type: Option<VolumeType>,
    /// Provisioned I/O operations per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 100, max = 256_000))]
    pub iops: Option<i32>,
    /// Provisioned throughput in MiB per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 125, max = 2000))]
    pub throughput: Option<i32>,
    /// Whether the volume is encrypted, with the account's default key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted: Option<bool>,
    /// Whether the volume is deleted with the instance; where absent, AWS deletes the root volume and
    /// keeps all others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_on_termination: Option<bool>,
}

/// An EBS volume beside the root volume.
// The rules of `Volume` come with its members; a rule on this struct would displace them.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DataVolume {
    /// The device name under which the volume is attached, such as `/dev/sdf`.
    #[schemars(length(min = 3, max = 32))]
    #[x_kube(validation = Rule::new("self.matches('^(/dev/)?(sd|xvd)[a-z0-9]+$')").message("deviceName must be a name such as /dev/sdf or xvdf"))]
    pub device_name: String,
    /// What the volume is like.
    #[serde(flatten)]
    pub volume: Volume,
}

/// An EBS volume type by its name in the EC2 API.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum VolumeType {
    /// General purpose SSD, where IOPS follow from the size.
    Gp2,
    /// General purpose SSD.
    Gp3,
    /// Provisioned IOPS SSD.
    Io1,
    /// Provisioned IOPS SSD of higher durability.
    Io2,
    /// Throughput optimised HDD.
    St1,
    /// Cold HDD.
    Sc1,
    /// Magnetic disk of the previous generation.
    Standard,
}

/// How programs on the instance reach the instance metadata service.
#[derive(KubeSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MetadataOptions {
    /// Whether requests need a session token (IMDSv2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_tokens: Option<HttpTokens>,
    /// Whether the service answers at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_endpoint: Option<HttpEndpoint>,
    /// How many network hops the session token may travel; containers need 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 64))]
    pub http_put_response_hop_limit: Option<i32>,
}

/// Whether metadata requests need a session token.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HttpTokens {
    /// IMDSv2 only.
    Required,
    /// IMDSv1 and IMDSv2.
    Optional,
}

/// Whether the instance metadata service answers.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HttpEndpoint {
    /// It does.
    Enabled,
    /// It does not.
    Disabled,
}
