//! The buckets that carry a cluster's tags.

use crate::aws::error::{AwsError, Named};
use crate::aws::session::Aws;
use crate::kinds::Kind;
use crate::kinds::owned::{Listing, Owned, each, names_cluster, pages, time};
use aws_sdk_s3::types::Bucket;

/// Buckets of one page. S3 refuses to list without pages where an account may have more than 10,000
/// (API reference, ListBuckets).
const PAGE: i32 = 1000;

/// Lists the buckets of the session's region: S3 shows a bucket's tags only there. A list does not show
/// them.
pub(super) async fn list(aws: &Aws, cluster: &str) -> Listing {
    let call = aws.s3().list_buckets().bucket_region(aws.region()).max_buckets(PAGE);
    each(pages!(call, "ListBuckets"), |bucket: Bucket| read(aws, cluster, bucket)).await
}

async fn read(aws: &Aws, cluster: &str, bucket: Bucket) -> Result<Option<Owned>, AwsError> {
    let id = bucket.name.unwrap_or_default();
    let tags = super::read_tags(aws, &id).await?.filter(|tags| names_cluster(tags, cluster));
    Ok(tags.map(|tags| Owned {
        type_: "AWS::S3::Bucket",
        arn: format!("arn:{}:s3:::{id}", aws.partition()),
        id,
        tags,
        since: time(bucket.creation_date.as_ref()),
        kept_by_default: super::S3Bucket::HOLDS_DATA,
    }))
}
