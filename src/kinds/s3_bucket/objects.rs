//! Emptying a bucket, where its owner wants it emptied.

use super::settings::call;
use crate::aws::error::{AwsError, ErrorClass, Named, unbuildable};
use crate::aws::session::Aws;
use aws_sdk_s3::types as s3;

/// Deletes up to 1000 objects, versions and delete markers; the next pass goes on.
pub(super) async fn delete_a_page(aws: &Aws, bucket: &str) -> Result<(), AwsError> {
    let page = call!(aws, bucket, list_object_versions, "ListObjectVersions")?;
    let versions = page.versions().iter().map(|version| (version.key(), version.version_id()));
    let markers = page.delete_markers().iter().map(|marker| (marker.key(), marker.version_id()));
    let objects = versions
        .chain(markers)
        .map(|(key, version)| {
            s3::ObjectIdentifier::builder().set_key(key.map(Into::into)).set_version_id(version.map(Into::into)).build()
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(unbuildable("DeleteObjects"))?;
    if objects.is_empty() {
        return Ok(());
    }
    let batch =
        s3::Delete::builder().set_objects(Some(objects)).quiet(true).build().map_err(unbuildable("DeleteObjects"))?;
    let answer = call!(aws, bucket, delete_objects, "DeleteObjects", delete(batch))?;
    match answer.errors().first() {
        None => Ok(()),
        Some(error) => Err(AwsError {
            operation: "DeleteObjects",
            class: ErrorClass::Blocked,
            code: error.code().map(str::to_owned),
            message: format!("{}: {}", error.key().unwrap_or("?"), error.message().unwrap_or("not deleted")),
            request_id: None,
        }),
    }
}
