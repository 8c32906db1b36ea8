//! What users may write about a network.

use crate::api::resource::OutputRef;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A VPC with its subnets, its internet gateway, its NAT gateway, the route tables that they need, and its
/// flow logs.
/// All of them are made for this object and belong to it: what leaves the spec leaves AWS. Whatever
/// else is in the VPC is left alone.
///
/// Outputs: `arn`, `vpcId`, `cidrBlock`, `subnetIds.<name>` for each subnet, `publicSubnetIds` and
/// `privateSubnetIds` with the ids separated by commas once all subnets are there, and `natPublicIp`.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.cidrBlock == oldSelf.cidrBlock").message("vpcNetwork.cidrBlock is immutable: a VPC cannot change its addresses; declare a new object"),
    validation = Rule::new("!has(self.dnsHostnames) || !self.dnsHostnames || !has(self.dnsSupport) || self.dnsSupport").message("dnsHostnames: true must go with dnsSupport: true"),
    validation = Rule::new("!isCIDR(self.cidrBlock) || self.subnets.all(subnet, !isCIDR(subnet.cidrBlock) || cidr(self.cidrBlock).containsCIDR(subnet.cidrBlock))").message("the cidrBlock of every subnet must be inside the cidrBlock of the VPC"),
    validation = Rule::new("self.subnets.all(one, self.subnets.all(other, one.name == other.name || !isCIDR(one.cidrBlock) || !isCIDR(other.cidrBlock) || !cidr(one.cidrBlock).containsCIDR(other.cidrBlock)))").message("the cidrBlocks of subnets must not overlap"),
    validation = Rule::new("!self.subnets.exists(subnet, subnet.public) || (has(self.internetGateway) && self.internetGateway)").message("internetGateway must be true where a subnet is public: its traffic goes through the internet gateway"),
    validation = Rule::new("!has(self.natGateway) || self.subnets.exists(subnet, subnet.name == self.natGateway.subnet && subnet.public)").message("natGateway.subnet must be the name of a public subnet in subnets"),
    validation = Rule::new("!has(self.natGateway) || !has(oldSelf.natGateway) || self.natGateway.subnet == oldSelf.natGateway.subnet").message("natGateway.subnet is immutable: a NAT gateway cannot move; take natGateway out, and declare it anew once it is gone")
)]
pub struct VpcNetworkSpec {
    /// The IPv4 addresses of the VPC, such as `10.0.0.0/16`: a block of /16 to /28.
    #[schemars(length(min = 9, max = 18))]
    #[x_kube(
        validation = Rule::new("self.matches('^[0-9]{1,3}([.][0-9]{1,3}){3}/(1[6-9]|2[0-8])$') && isCIDR(self)").message("cidrBlock must be an IPv4 address and a size from /16 to /28, such as 10.0.0.0/16"),
        validation = Rule::new("!isCIDR(self) || cidr(self).masked() == cidr(self)").message("cidrBlock must begin at its first address: AWS would make 10.0.0.0/16 of 10.0.3.0/16, which then differs from the spec")
    )]
    pub cidr_block: String,
    /// Whether the Amazon DNS server answers in the VPC; AWS begins with true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns_support: Option<bool>,
    /// Whether instances with public addresses get public DNS names; AWS begins with false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns_hostnames: Option<bool>,
    /// The subnets. One that leaves the list is deleted, which AWS refuses while something is in it. What an item
    /// leaves out is left as it is.
    #[schemars(length(min = 1, max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub subnets: Vec<Subnet>,
    /// Whether the VPC has an internet gateway; false where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub internet_gateway: Option<bool>,
    /// The NAT gateway, through which private subnets reach the internet; none where absent. It costs
    /// money: AWS charges for every hour of the gateway and of its public address, a good dollar a
    /// day, and for every gigabyte that goes through it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nat_gateway: Option<NatGateway>,
    /// The flow logs, in which AWS writes down what traffic there was in the VPC; none where absent. AWS
    /// charges for every gigabyte of them. They cannot be changed, so that others are made in their place.
    /// The bucket's policy has to let `delivery.logs.amazonaws.com` write there. A bucket of the account
    /// that has no policy gets one by AWS, where the role of the AwsAccount may write it; one whose policy
    /// does not name `delivery.logs.amazonaws.com` is refused, because AWS would replace that policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow_logs: Option<FlowLogs>,
}

/// A subnet.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.availabilityZone == oldSelf.availabilityZone").message("availabilityZone is immutable: a subnet cannot move; add a subnet of another name and remove this one"),
    validation = Rule::new("self.cidrBlock == oldSelf.cidrBlock").message("the cidrBlock of a subnet is immutable: add a subnet of another name and remove this one")
)]
pub struct Subnet {
    /// The subnet's name in this network.
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?$')").message("the name of a subnet must be lower-case letters, digits and hyphens, and begin and end with a letter or digit"))]
    pub name: String,
    /// The availability zone, such as `us-east-1a`.
    #[schemars(length(min = 4, max = 64))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}([a-z]|(-[a-z0-9]+)+)$')").message("availabilityZone must be the name of a zone, such as us-east-1a"))]
    pub availability_zone: String,
    /// The IPv4 addresses of the subnet: a block of /16 to /28 inside the VPC's.
    #[schemars(length(min = 9, max = 18))]
    #[x_kube(
        validation = Rule::new("self.matches('^[0-9]{1,3}([.][0-9]{1,3}){3}/(1[6-9]|2[0-8])$') && isCIDR(self)").message("cidrBlock must be an IPv4 address and a size from /16 to /28, such as 10.0.1.0/24"),
        validation = Rule::new("!isCIDR(self) || cidr(self).masked() == cidr(self)").message("cidrBlock must begin at its first address: AWS would make 10.0.0.0/16 of 10.0.3.0/16, which then differs from the spec")
    )]
    pub cidr_block: String,
    /// Whether the subnet's traffic to the internet goes through the internet gateway. Public addresses are a
    /// matter of `mapPublicIpOnLaunch` and of what is put there. Private subnets reach the internet through the
    /// NAT gateway, or not at all.
    pub public: bool,
    /// Whether AWS lends instances that are launched in the subnet a public IPv4 address, unless they say otherwise
    /// themselves; AWS begins with false. It charges for every hour of such an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map_public_ip_on_launch: Option<bool>,
}

/// A NAT gateway with a public address of its own.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NatGateway {
    /// The name of the public subnet that the gateway stands in.
    #[schemars(length(min = 1, max = 32))]
    pub subnet: String,
}

/// Flow logs that AWS writes to an S3 bucket.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.bucketArn) != has(self.bucketRef)").message("flowLogs must name its bucket by bucketArn or by bucketRef, and not by both"))]
pub struct FlowLogs {
    /// Which traffic is written down.
    pub traffic_type: TrafficType,
    /// The ARN of the bucket that receives the logs, such as `arn:aws:s3:::flow-logs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 16, max = 96))]
    #[x_kube(validation = Rule::new("self.matches('^arn:aws[a-z-]*:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$')").message("bucketArn must be the ARN of a bucket, such as arn:aws:s3:::flow-logs"))]
    pub bucket_arn: Option<String>,
    /// The AwsResource whose bucket receives the logs; its output `arn`. The bucket is not deleted as long as
    /// the network writes there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket_ref: Option<OutputRef>,
    /// For how many seconds at the most traffic is gathered before it is written down: 60 or 600; 600 where
    /// absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 60, max = 600))]
    #[x_kube(validation = Rule::new("self in [60, 600]").message("maxAggregationIntervalSeconds must be 60 or 600"))]
    pub max_aggregation_interval_seconds: Option<u32>,
}

/// Which traffic flow logs record.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TrafficType {
    /// What was let through.
    Accept,
    /// What was refused.
    Reject,
    /// Both.
    #[default]
    All,
}

impl VpcNetworkSpec {
    /// The subnet of this name.
    pub(super) fn subnet(&self, name: &str) -> Option<&Subnet> {
        self.subnets.iter().find(|subnet| subnet.name == name)
    }

    /// Whether the network is to have an internet gateway.
    pub(super) fn wants_internet_gateway(&self) -> bool {
        self.internet_gateway == Some(true)
    }

    /// Whether there is a subnet that is public, or one that is not.
    pub(super) fn has_subnets(&self, public: bool) -> bool {
        self.subnets.iter().any(|subnet| subnet.public == public)
    }
}
