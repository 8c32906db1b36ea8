//! Tags and filters as all kinds of the EC2 API write them, and what is found by them.

use crate::aws::error::{AwsError, Named};
use crate::aws::session::Aws;
use crate::aws::tags::{CLUSTER, TagEdit, Tags};
use crate::kinds::owned::{Owned, time};
use aws_sdk_ec2::types as ec2;
use aws_smithy_types::DateTime;

pub(super) fn filter(name: impl Into<String>, value: &str) -> ec2::Filter {
    ec2::Filter::builder().name(name).values(value).build()
}

/// What carries the cluster's tags.
pub(super) fn by_cluster(cluster: &str) -> ec2::Filter {
    filter(format!("tag:{CLUSTER}"), cluster)
}

/// What EC2 showed by its tags, but for its id and tags.
pub(super) struct Found<'a> {
    /// CloudFormation's name of its type.
    pub(super) type_: &'static str,
    /// What stands before the id in its ARN.
    pub(super) segment: &'static str,
    /// When it was made, where EC2 tells.
    pub(super) since: Option<&'a DateTime>,
}

impl Found<'_> {
    pub(super) fn owned(&self, aws: &Aws, id: Option<&str>, tags: &[ec2::Tag]) -> Owned {
        let id = id.unwrap_or_default().to_owned();
        let (partition, region, account) = (aws.partition(), aws.region(), aws.account_id());
        Owned {
            type_: self.type_,
            arn: format!("arn:{partition}:ec2:{region}:{account}:{}/{id}", self.segment),
            id,
            tags: self::tags(tags),
            since: time(self.since),
            kept_by_default: false,
        }
    }
}

pub(super) fn tag(key: &str, value: &str) -> ec2::Tag {
    ec2::Tag::builder().key(key).value(value).build()
}

pub(super) fn tags_for_api(tags: &Tags) -> Vec<ec2::Tag> {
    tags.iter().map(|(key, value)| tag(key, value)).collect()
}

/// The tags of a resource.
pub(super) fn tags(found: &[ec2::Tag]) -> Tags {
    found.iter().filter_map(|tag| Some((tag.key.clone()?, tag.value.clone().unwrap_or_default()))).collect()
}

/// Changes the tags of the resource with this id.
pub(super) async fn retag(aws: &Aws, id: &str, edit: &TagEdit) -> Result<(), AwsError> {
    if !edit.set.is_empty() {
        let call = aws.ec2().create_tags().resources(id).set_tags(Some(tags_for_api(&edit.set)));
        call.send().await.named("CreateTags")?;
    }
    if !edit.remove.is_empty() {
        // Without a value, a tag goes whatever its value is.
        let keys = edit.remove.iter().map(|key| ec2::Tag::builder().key(key).build()).collect();
        let call = aws.ec2().delete_tags().resources(id).set_tags(Some(keys));
        call.send().await.named("DeleteTags")?;
    }
    Ok(())
}
