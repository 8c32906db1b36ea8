//! The group itself, without its rules: what the EC2 API says of it and takes for it.

use super::spec::SecurityGroupSpec;
use crate::aws::error::{AwsError, Named};
use crate::aws::session::Aws;
use aws_sdk_ec2::types as ec2;
use std::collections::BTreeMap;

const DESCRIBE: &str = "DescribeSecurityGroups";

/// Groups that one page of a search may hold; AWS advises to page rather than to ask for all.
const PAGE: i32 = 100;

/// Reads the group; that AWS does not know it is an error like any other here.
pub(super) async fn describe(aws: &Aws, id: &str) -> Result<ec2::SecurityGroup, AwsError> {
    let answer = aws.ec2().describe_security_groups().group_ids(id).send().await.named(DESCRIBE)?;
    let group = answer.security_groups.into_iter().flatten().next();
    group.ok_or_else(|| AwsError::malformed(DESCRIBE, format!("the answer has no security group {id}")))
}

/// The ids of all groups for which the filters hold.
pub(super) async fn search(aws: &Aws, filters: Vec<ec2::Filter>) -> Result<Vec<String>, AwsError> {
    let groups: Vec<ec2::SecurityGroup> = aws
        .ec2()
        .describe_security_groups()
        .set_filters(Some(filters))
        .into_paginator()
        .page_size(PAGE)
        .items()
        .send()
        .collect::<Result<_, _>>()
        .await
        .named(DESCRIBE)?;
    Ok(groups.into_iter().filter_map(|group| group.group_id).collect())
}

/// The settings that the description of a group holds; its rules are a call of their own.
pub(super) fn settings(group: &ec2::SecurityGroup) -> SecurityGroupSpec {
    SecurityGroupSpec {
        vpc_id: group.vpc_id.clone(),
        group_name: group.group_name.clone().unwrap_or_default(),
        description: group.description.clone().unwrap_or_default(),
        ..Default::default()
    }
}

/// What others may want to know.
pub(super) fn outputs(id: &str, arn: &str, vpc_id: Option<&str>) -> BTreeMap<String, String> {
    let all = [("groupId", Some(id)), ("arn", Some(arn)), ("vpcId", vpc_id)];
    all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect()
}
