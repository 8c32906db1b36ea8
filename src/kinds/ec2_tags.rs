//! Tags and filters as all kinds of the EC2 API write them.

use crate::aws::error::{AwsError, Named};
use crate::aws::session::Aws;
use crate::aws::tags::{TagEdit, Tags};
use aws_sdk_ec2::types as ec2;

pub(super) fn filter(name: impl Into<String>, value: &str) -> ec2::Filter {
    ec2::Filter::builder().name(name).values(value).build()
}

pub(super) fn tags_for_api(tags: &Tags) -> Vec<ec2::Tag> {
    tags.iter().map(|(key, value)| ec2::Tag::builder().key(key).value(value).build()).collect()
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
