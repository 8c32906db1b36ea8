//! The VPCs and parts of networks that carry a cluster's tags.

use crate::aws::error::{AwsError, Named};
use crate::aws::session::Aws;
use crate::kinds::ec2_tags::{Found, by_cluster};
use crate::kinds::owned::{Listing, Owned, pages};
use aws_sdk_ec2::types as ec2;

/// Lists the VPCs and, whether their VPC is still there or not, all parts.
pub(super) async fn list(aws: &Aws, cluster: &str) -> Listing {
    let (vpcs, subnets, gateways) =
        tokio::join!(vpcs(aws, cluster), subnets(aws, cluster), internet_gateways(aws, cluster));
    let (tables, nats, addresses, logs) = tokio::join!(
        route_tables(aws, cluster),
        nat_gateways(aws, cluster),
        addresses(aws, cluster),
        flow_logs(aws, cluster)
    );
    let parts = [vpcs, subnets, gateways, tables, nats, addresses, logs];
    parts.into_iter().map(Listing::of).fold(Listing::default(), Listing::and)
}

async fn vpcs(aws: &Aws, cluster: &str) -> Result<Vec<Owned>, AwsError> {
    let call = aws.ec2().describe_vpcs().filters(by_cluster(cluster));
    let vpcs: Vec<ec2::Vpc> = pages!(call, "DescribeVpcs")?;
    let found = Found { type_: "AWS::EC2::VPC", segment: "vpc", since: None };
    Ok(vpcs.iter().map(|vpc| found.owned(aws, vpc.vpc_id(), vpc.tags())).collect())
}

async fn subnets(aws: &Aws, cluster: &str) -> Result<Vec<Owned>, AwsError> {
    let call = aws.ec2().describe_subnets().filters(by_cluster(cluster));
    let subnets: Vec<ec2::Subnet> = pages!(call, "DescribeSubnets")?;
    let found = Found { type_: "AWS::EC2::Subnet", segment: "subnet", since: None };
    Ok(subnets.iter().map(|subnet| found.owned(aws, subnet.subnet_id(), subnet.tags())).collect())
}

async fn internet_gateways(aws: &Aws, cluster: &str) -> Result<Vec<Owned>, AwsError> {
    let call = aws.ec2().describe_internet_gateways().filters(by_cluster(cluster));
    let gateways: Vec<ec2::InternetGateway> = pages!(call, "DescribeInternetGateways")?;
    let found = Found { type_: "AWS::EC2::InternetGateway", segment: "internet-gateway", since: None };
    Ok(gateways.iter().map(|gateway| found.owned(aws, gateway.internet_gateway_id(), gateway.tags())).collect())
}

async fn route_tables(aws: &Aws, cluster: &str) -> Result<Vec<Owned>, AwsError> {
    let call = aws.ec2().describe_route_tables().filters(by_cluster(cluster));
    let tables: Vec<ec2::RouteTable> = pages!(call, "DescribeRouteTables")?;
    let found = Found { type_: "AWS::EC2::RouteTable", segment: "route-table", since: None };
    Ok(tables.iter().map(|table| found.owned(aws, table.route_table_id(), table.tags())).collect())
}

/// One that is gone stays visible for about an hour (VPC User Guide, "Delete a NAT gateway").
async fn nat_gateways(aws: &Aws, cluster: &str) -> Result<Vec<Owned>, AwsError> {
    let call = aws.ec2().describe_nat_gateways().filter(by_cluster(cluster));
    let nats: Vec<ec2::NatGateway> = pages!(call, "DescribeNatGateways")?;
    let there = nats.iter().filter(|nat| nat.state() != Some(&ec2::NatGatewayState::Deleted));
    let owned = there.map(|nat| {
        let found = Found { type_: "AWS::EC2::NatGateway", segment: "natgateway", since: nat.create_time() };
        found.owned(aws, nat.nat_gateway_id(), nat.tags())
    });
    Ok(owned.collect())
}

async fn addresses(aws: &Aws, cluster: &str) -> Result<Vec<Owned>, AwsError> {
    let call = aws.ec2().describe_addresses().filters(by_cluster(cluster));
    let addresses = call.send().await.named("DescribeAddresses")?.addresses.unwrap_or_default();
    let found = Found { type_: "AWS::EC2::EIP", segment: "elastic-ip", since: None };
    Ok(addresses.iter().map(|address| found.owned(aws, address.allocation_id(), address.tags())).collect())
}

async fn flow_logs(aws: &Aws, cluster: &str) -> Result<Vec<Owned>, AwsError> {
    let call = aws.ec2().describe_flow_logs().filter(by_cluster(cluster));
    let logs: Vec<ec2::FlowLog> = pages!(call, "DescribeFlowLogs")?;
    let owned = logs.iter().map(|log| {
        let found = Found { type_: "AWS::EC2::FlowLog", segment: "vpc-flow-log", since: log.creation_time() };
        found.owned(aws, log.flow_log_id(), log.tags())
    });
    Ok(owned.collect())
}
