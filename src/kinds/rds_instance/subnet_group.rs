//! The DB subnet group of an instance: a resource of its own in RDS, which is made before the instance
//! and deleted after it. It has the instance's name and the same owner tags, and only what has those
//! is written to.

use super::instance;
use super::request::tag_list;
use crate::aws::error::{AwsError, ErrorClass, Named, unless_absent};
use crate::aws::session::Aws;
use crate::aws::tags::{TagEdit, Tags, same_owner};
use crate::kinds::once;
use std::collections::BTreeSet;

const CREATE: &str = "CreateDBSubnetGroup";
const DESCRIBE: &str = "DescribeDBSubnetGroups";
const MODIFY: &str = "ModifyDBSubnetGroup";

/// The one code by which RDS says that there is no such group.
pub(super) const ABSENT: &[&str] = &["DBSubnetGroupNotFoundFault"];

/// The code by which RDS says that the name is taken.
const EXISTS: &str = "DBSubnetGroupAlreadyExists";

/// A DB subnet group as far as it matters here.
pub(super) struct SubnetGroup {
    /// Its ARN.
    pub(super) arn: String,
    /// The ids of its subnets.
    subnets: BTreeSet<String>,
    /// Its tags.
    pub(super) tags: Tags,
}

/// Reads the group with its tags, `None` where RDS says that it does not exist.
pub(super) async fn read(aws: &Aws, name: &str) -> Result<Option<SubnetGroup>, AwsError> {
    let answer = aws.rds().describe_db_subnet_groups().db_subnet_group_name(name).send().await.named(DESCRIBE);
    let Some(answer) = unless_absent(answer, ABSENT)? else { return Ok(None) };
    let found = answer.db_subnet_groups.into_iter().flatten().next();
    let Some((arn, group)) = found.and_then(|group| Some((group.db_subnet_group_arn.clone()?, group))) else {
        return Err(AwsError::malformed(DESCRIBE, format!("the answer has no group {name} with an ARN")));
    };
    let listed = aws.rds().list_tags_for_resource().resource_name(&arn).send().await.named("ListTagsForResource")?;
    let subnets = group.subnets().iter().filter_map(|subnet| subnet.subnet_identifier.clone()).collect();
    Ok(Some(SubnetGroup { arn, subnets, tags: instance::tags(listed.tag_list()) }))
}

/// Makes the group, or takes the one that an earlier attempt for the same owner has left.
pub(super) async fn ensure(aws: &Aws, name: &str, subnets: &[String], tags: &Tags) -> Result<(), AwsError> {
    let made = once!(
        aws_sdk_rds,
        aws.rds()
            .create_db_subnet_group()
            .db_subnet_group_name(name)
            .db_subnet_group_description(format!("Subnets of the DB instance {name}"))
            .set_subnet_ids(Some(subnets.to_vec()))
            .set_tags(Some(tag_list(tags))),
        CREATE
    );
    match made {
        Err(error) if error.code.as_deref() == Some(EXISTS) => put_subnets(aws, name, subnets, tags).await,
        answer => answer.map(drop),
    }
}

/// Gives the group these subnets, provided that it has the owner that `tags` name. RDS takes the whole
/// list and refuses to take away a subnet that is in use.
pub(super) async fn put_subnets(aws: &Aws, name: &str, subnets: &[String], tags: &Tags) -> Result<(), AwsError> {
    let Some(group) = read(aws, name).await?.filter(|group| same_owner(&group.tags, tags)) else {
        return Err(AwsError {
            operation: MODIFY,
            class: ErrorClass::Blocked,
            code: None,
            message: format!(
                "the DB subnet group {name}, which has the instance's name, belongs to somebody else and is not touched"
            ),
            request_id: None,
        });
    };
    if group.subnets == subnets.iter().cloned().collect() {
        return Ok(());
    }
    let call = aws.rds().modify_db_subnet_group().db_subnet_group_name(name).set_subnet_ids(Some(subnets.to_vec()));
    call.send().await.named(MODIFY).map(drop)
}

/// Makes the same edit to the group's tags as to those of the instance, whose tags were `tags` so far.
pub(super) async fn retag(aws: &Aws, name: &str, tags: &Tags, edit: &TagEdit) -> Result<(), AwsError> {
    match read(aws, name).await?.filter(|group| same_owner(&group.tags, tags)) {
        Some(group) => edit_tags(aws, &group.arn, edit).await,
        None => Ok(()),
    }
}

/// Changes the tags of anything in RDS.
pub(super) async fn edit_tags(aws: &Aws, arn: &str, edit: &TagEdit) -> Result<(), AwsError> {
    if !edit.set.is_empty() {
        let call = aws.rds().add_tags_to_resource().resource_name(arn).set_tags(Some(tag_list(&edit.set)));
        call.send().await.named("AddTagsToResource")?;
    }
    if !edit.remove.is_empty() {
        let keys = edit.remove.iter().cloned().collect();
        let call = aws.rds().remove_tags_from_resource().resource_name(arn).set_tag_keys(Some(keys));
        call.send().await.named("RemoveTagsFromResource")?;
    }
    Ok(())
}

/// Deletes the group; RDS refuses while an instance is in it.
pub(super) async fn delete(aws: &Aws, name: &str) -> Result<(), AwsError> {
    aws.rds().delete_db_subnet_group().db_subnet_group_name(name).send().await.named("DeleteDBSubnetGroup").map(drop)
}
