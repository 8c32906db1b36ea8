//! The security groups that carry a cluster's tags. Their rules go with them.

use crate::aws::error::{AwsError, Named};
use crate::aws::session::Aws;
use crate::kinds::ec2_tags::{Found, by_cluster};
use crate::kinds::owned::{Listing, Owned, pages};
use aws_sdk_ec2::types as ec2;

/// Lists the groups.
pub(super) async fn list(aws: &Aws, cluster: &str) -> Listing {
    Listing::of(groups(aws, cluster).await)
}

async fn groups(aws: &Aws, cluster: &str) -> Result<Vec<Owned>, AwsError> {
    let call = aws.ec2().describe_security_groups().filters(by_cluster(cluster));
    let groups: Vec<ec2::SecurityGroup> = pages!(call, "DescribeSecurityGroups")?;
    let found = Found { type_: "AWS::EC2::SecurityGroup", segment: "security-group", since: None };
    Ok(groups.iter().map(|group| found.owned(aws, group.group_id(), group.tags())).collect())
}
