//! The instances that carry a cluster's tags, and the volumes that they have left behind.

use super::instance;
use crate::aws::error::{AwsError, Named};
use crate::aws::session::Aws;
use crate::kinds::ec2_tags::{Found, by_cluster};
use crate::kinds::owned::{Listing, Owned, pages};
use aws_sdk_ec2::types as ec2;

/// Lists the instances that are not terminated, and the volumes that are attached to none: those that
/// are share the fate of their instance.
pub(super) async fn list(aws: &Aws, cluster: &str) -> Listing {
    Listing::of(instances(aws, cluster).await).and(Listing::of(volumes(aws, cluster).await))
}

async fn instances(aws: &Aws, cluster: &str) -> Result<Vec<Owned>, AwsError> {
    let call = aws.ec2().describe_instances().filters(by_cluster(cluster)).filters(instance::alive());
    let reservations: Vec<ec2::Reservation> = pages!(call, "DescribeInstances")?;
    let instances = reservations.into_iter().flat_map(|reservation| reservation.instances.unwrap_or_default());
    let owned = instances.map(|instance| {
        let found = Found { type_: "AWS::EC2::Instance", segment: "instance", since: instance.launch_time() };
        found.owned(aws, instance.instance_id(), instance.tags())
    });
    Ok(owned.collect())
}

async fn volumes(aws: &Aws, cluster: &str) -> Result<Vec<Owned>, AwsError> {
    let call = aws.ec2().describe_volumes().filters(by_cluster(cluster));
    let volumes: Vec<ec2::Volume> = pages!(call, "DescribeVolumes")?;
    let owned = volumes.iter().filter(|volume| volume.attachments().is_empty()).map(|volume| {
        let found = Found { type_: "AWS::EC2::Volume", segment: "volume", since: volume.create_time() };
        // Only one that was told to outlives its instance: `deleteOnTermination: false`.
        Owned { kept_by_default: true, ..found.owned(aws, volume.volume_id(), volume.tags()) }
    });
    Ok(owned.collect())
}
