//! The DB instances and DB subnet groups that carry a cluster's tags.

use super::RdsInstance;
use super::instance::tags;
use super::subnet_group;
use crate::aws::error::{AwsError, Named, unless_absent};
use crate::aws::session::Aws;
use crate::kinds::Kind;
use crate::kinds::owned::{Listing, Owned, each, names_cluster, pages, time};
use aws_sdk_rds::types as rds;

/// Lists the instances, which are shown with their tags, and the groups, which are not.
pub(super) async fn list(aws: &Aws, cluster: &str) -> Listing {
    let instances = pages!(aws.rds().describe_db_instances(), "DescribeDBInstances").map(|all| {
        let owned = all.into_iter().map(instance);
        owned.filter(|instance| names_cluster(&instance.tags, cluster)).collect()
    });
    let groups = pages!(aws.rds().describe_db_subnet_groups(), "DescribeDBSubnetGroups");
    Listing::of(instances).and(each(groups, |group: rds::DbSubnetGroup| read_group(aws, cluster, group)).await)
}

fn instance(found: rds::DbInstance) -> Owned {
    Owned {
        type_: "AWS::RDS::DBInstance",
        tags: tags(found.tag_list()),
        // One that is being made has no such time yet.
        since: time(found.instance_create_time()),
        id: found.db_instance_identifier.unwrap_or_default(),
        arn: found.db_instance_arn.unwrap_or_default(),
        kept_by_default: RdsInstance::HOLDS_DATA,
    }
}

async fn read_group(aws: &Aws, cluster: &str, group: rds::DbSubnetGroup) -> Result<Option<Owned>, AwsError> {
    let arn = group.db_subnet_group_arn.unwrap_or_default();
    let answer = aws.rds().list_tags_for_resource().resource_name(&arn).send().await.named("ListTagsForResource");
    let Some(listed) = unless_absent(answer, subnet_group::ABSENT)? else { return Ok(None) };
    let tags = tags(listed.tag_list());
    Ok(names_cluster(&tags, cluster).then(|| Owned {
        type_: "AWS::RDS::DBSubnetGroup",
        id: group.db_subnet_group_name.unwrap_or_default(),
        arn,
        tags,
        since: None,
        // It stays with the instance that is in it.
        kept_by_default: RdsInstance::HOLDS_DATA,
    }))
}
