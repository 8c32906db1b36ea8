//! The volumes of an instance: how they are asked for, read and changed.

use super::instance;
use super::spec::{DataVolume, Ec2InstanceSpec, Volume, VolumeType};
use crate::api::resource::{Change, Effect};
use crate::aws::error::{AwsError, ErrorClass, Named};
use crate::aws::session::Aws;
use crate::aws::tags::UID;
use aws_sdk_ec2::types as ec2;

const DESCRIBE: &str = "DescribeVolumes";

/// The block device mappings of the launch. `root_device` is the device that the AMI starts from; it
/// is only needed where the spec names the root volume.
pub(super) fn mappings(spec: &Ec2InstanceSpec, root_device: Option<&str>) -> Vec<ec2::BlockDeviceMapping> {
    let root = spec.root_volume.as_ref().zip(root_device).map(|(volume, device)| mapping(device, volume));
    let data = spec.data_volumes.iter().flatten().map(|item| mapping(&item.device_name, &item.volume));
    root.into_iter().chain(data).collect()
}

fn mapping(device: &str, volume: &Volume) -> ec2::BlockDeviceMapping {
    let ebs = ec2::EbsBlockDevice::builder()
        .set_volume_size(volume.size_gib)
        .set_volume_type(volume.volume_type.map(type_for_api))
        .set_iops(volume.iops)
        .set_throughput(volume.throughput)
        .set_encrypted(volume.encrypted)
        .set_delete_on_termination(volume.delete_on_termination)
        .build();
    ec2::BlockDeviceMapping::builder().device_name(device).ebs(ebs).build()
}

/// Reads the volumes that are attached to the instance.
pub(super) async fn attached(aws: &Aws, id: &str) -> Result<Vec<ec2::Volume>, AwsError> {
    aws.ec2()
        .describe_volumes()
        .filters(crate::kinds::ec2_tags::filter("attachment.instance-id", id))
        .into_paginator()
        .items()
        .send()
        .collect::<Result<_, _>>()
        .await
        .named(DESCRIBE)
}

/// Writes the volumes into `found`. A data volume that the spec does not name counts only where it
/// was made with the instance, which its owner tag tells: one that was attached later, such as a
/// volume of a Kubernetes storage driver, is somebody else's.
pub(super) fn describe(
    found: &mut Ec2InstanceSpec,
    wanted: &Ec2InstanceSpec,
    instance: &ec2::Instance,
    volumes: &[ec2::Volume],
) -> Result<(), AwsError> {
    let named = |device: &str| wanted.data_volumes.iter().flatten().any(|item| item.device_name == device);
    let owner = tag(instance.tags(), UID);
    let mut data = Vec::new();
    for mapping in instance.block_device_mappings() {
        let Some((device, ebs)) = mapping.device_name().zip(mapping.ebs()) else { continue };
        let is_root = instance.root_device_name() == Some(device);
        let Some(volume) = volumes.iter().find(|volume| volume.volume_id == ebs.volume_id) else {
            if wanted.root_volume.is_none() && wanted.data_volumes.is_none() {
                // Nothing is compared with it, and what it costs is not known yet.
                found.root_volume = found.root_volume.take().or(is_root.then(Volume::default));
                continue;
            }
            // A volume that was made a moment ago may not be listed yet; it is not missing.
            return Err(AwsError::malformed(DESCRIBE, format!("the answer lacks the volume at {device}")));
        };
        if is_root {
            found.root_volume = Some(settings(volume, ebs));
        } else if named(device) || (owner.is_some() && tag(volume.tags(), UID) == owner) {
            data.push(DataVolume { device_name: device.to_owned(), volume: settings(volume, ebs) });
        }
    }
    found.data_volumes = Some(data);
    Ok(())
}

fn tag<'a>(tags: &'a [ec2::Tag], key: &str) -> Option<&'a str> {
    tags.iter().find(|tag| tag.key() == Some(key))?.value()
}

fn settings(volume: &ec2::Volume, attachment: &ec2::EbsInstanceBlockDevice) -> Volume {
    Volume {
        size_gib: volume.size,
        volume_type: volume.volume_type().and_then(type_from_api),
        iops: volume.iops,
        throughput: volume.throughput,
        encrypted: volume.encrypted,
        delete_on_termination: attachment.delete_on_termination,
    }
}

fn type_for_api(wanted: VolumeType) -> ec2::VolumeType {
    match wanted {
        VolumeType::Gp2 => ec2::VolumeType::Gp2,
        VolumeType::Gp3 => ec2::VolumeType::Gp3,
        VolumeType::Io1 => ec2::VolumeType::Io1,
        VolumeType::Io2 => ec2::VolumeType::Io2,
        VolumeType::St1 => ec2::VolumeType::St1,
        VolumeType::Sc1 => ec2::VolumeType::Sc1,
        VolumeType::Standard => ec2::VolumeType::Standard,
    }
}

fn type_from_api(found: &ec2::VolumeType) -> Option<VolumeType> {
    Some(match found {
        ec2::VolumeType::Gp2 => VolumeType::Gp2,
        ec2::VolumeType::Gp3 => VolumeType::Gp3,
        ec2::VolumeType::Io1 => VolumeType::Io1,
        ec2::VolumeType::Io2 => VolumeType::Io2,
        ec2::VolumeType::St1 => VolumeType::St1,
        ec2::VolumeType::Sc1 => VolumeType::Sc1,
        ec2::VolumeType::Standard => VolumeType::Standard,
        _ => return None,
    })
}

/// What is to change on one volume.
#[derive(Debug, PartialEq, Eq)]
struct Edit<'a> {
    /// The device name; `None` for the root volume.
    device: Option<&'a str>,
    /// The volume as declared.
    volume: &'a Volume,
    /// The members that change.
    members: Vec<&'a str>,
}

/// The volumes that the in-place changes among `changes` touch.
fn edits<'a>(spec: &'a Ec2InstanceSpec, changes: &'a [Change]) -> Vec<Edit<'a>> {
    let root = spec.root_volume.as_ref().map(|volume| (None, "rootVolume.".to_owned(), volume));
    let data = spec
        .data_volumes
        .iter()
        .flatten()
        .map(|item| (Some(item.device_name.as_str()), format!("dataVolumes[{}].", item.device_name), &item.volume));
    root.into_iter()
        .chain(data)
        .map(|(device, prefix, volume)| {
            let in_place = changes.iter().filter(|change| change.effect == Effect::InPlace);
            let members = in_place.filter_map(|change| change.path.strip_prefix(&prefix)).collect();
            Edit { device, volume, members }
        })
        .filter(|edit| !edit.members.is_empty())
        .collect()
}

/// Carries out the in-place changes of volumes, each with one call. EBS takes no second modification
/// of a volume while it works on the first, so all that changes on a volume goes into one.
pub(super) async fn modify(aws: &Aws, id: &str, spec: &Ec2InstanceSpec, changes: &[Change]) -> Result<(), AwsError> {
    let edits = edits(spec, changes);
    let instance = instance::describe(aws, id).await?;
    for edit in edits {
        let device = edit.device.or(instance.root_device_name());
        let mapped = instance.block_device_mappings().iter().find(|mapped| mapped.device_name() == device);
        let volume = mapped.and_then(|mapped| mapped.ebs()).and_then(|ebs| ebs.volume_id());
        let (Some(device), Some(volume)) = (device, volume) else {
            return Err(detached(id, device));
        };
        if edit.members.iter().any(|member| *member != DELETE_ON_TERMINATION) {
            modify_volume(aws, volume, &edit).await?;
        }
        if edit.members.contains(&DELETE_ON_TERMINATION) {
            modify_attachment(aws, id, device, edit.volume.delete_on_termination).await?;
        }
    }
    Ok(())
}

/// The one member that is a setting of the attachment and not of the volume.
const DELETE_ON_TERMINATION: &str = "deleteOnTermination";

fn detached(id: &str, device: Option<&str>) -> AwsError {
    AwsError {
        operation: "ModifyVolume",
        class: ErrorClass::Blocked,
        code: None,
        message: format!("instance {id} has no volume attached as {}", device.unwrap_or("its root device")),
        request_id: None,
    }
}

async fn modify_volume(aws: &Aws, volume: &str, edit: &Edit<'_>) -> Result<(), AwsError> {
    let wanted = edit.volume;
    aws.ec2()
        .modify_volume()
        .volume_id(volume)
        // The size is kept where it is not given; IOPS and throughput fall back to their defaults
        // when the type changes, so all that is declared of them is said again.
        .set_size(wanted.size_gib.filter(|_| edit.members.contains(&"sizeGib")))
        .set_volume_type(wanted.volume_type.map(type_for_api))
        .set_iops(wanted.iops)
        .set_throughput(wanted.throughput)
        .send()
        .await
        .named("ModifyVolume")
        .map(drop)
}

async fn modify_attachment(aws: &Aws, id: &str, device: &str, delete: Option<bool>) -> Result<(), AwsError> {
    let ebs = ec2::EbsInstanceBlockDeviceSpecification::builder().set_delete_on_termination(delete).build();
    let mapping = ec2::InstanceBlockDeviceMappingSpecification::builder().device_name(device).ebs(ebs).build();
    aws.ec2()
        .modify_instance_attribute()
        .instance_id(id)
        .block_device_mappings(mapping)
        .send()
        .await
        .named("ModifyInstanceAttribute")
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(device: &str) -> DataVolume {
        let volume = Volume { size_gib: Some(10), ..Default::default() };
        DataVolume { device_name: device.into(), volume }
    }

    fn spec() -> Ec2InstanceSpec {
        Ec2InstanceSpec {
            root_volume: Some(Volume { size_gib: Some(8), ..Default::default() }),
            data_volumes: Some(vec![data("/dev/sdf"), data("/dev/sdg")]),
            ..Default::default()
        }
    }

    /// The id of a volume in these tests is its device's name.
    fn volume(device: &str, uid: Option<&str>) -> ec2::Volume {
        let tags = uid.map(|uid| vec![ec2::Tag::builder().key(UID).value(uid).build()]);
        ec2::Volume::builder().volume_id(device).size(10).set_tags(tags).build()
    }

    fn mapped(device: &str) -> ec2::InstanceBlockDeviceMapping {
        let ebs = ec2::EbsInstanceBlockDevice::builder().volume_id(device).build();
        ec2::InstanceBlockDeviceMapping::builder().device_name(device).ebs(ebs).build()
    }

    fn seen(wanted: &Ec2InstanceSpec, devices: &[&str], volumes: &[ec2::Volume]) -> Result<Ec2InstanceSpec, AwsError> {
        let instance = ec2::Instance::builder()
            .root_device_name("/dev/xvda")
            .set_block_device_mappings(Some(devices.iter().map(|device| mapped(device)).collect()))
            .tags(ec2::Tag::builder().key(UID).value("u-1").build())
            .build();
        let mut found = Ec2InstanceSpec::default();
        describe(&mut found, wanted, &instance, volumes)?;
        Ok(found)
    }

    #[test]
    fn the_root_volume_is_told_from_the_others_by_its_device() {
        let volumes = [volume("/dev/sdf", None), volume("/dev/xvda", None)];
        let found = seen(&spec(), &["/dev/xvda", "/dev/sdf"], &volumes).unwrap();
        assert!(found.root_volume.is_some());
        assert_eq!(found.data_volumes, Some(vec![data("/dev/sdf")]));
    }

    #[test]
    fn a_volume_that_was_attached_later_is_not_ours_to_judge() {
        let none = Ec2InstanceSpec { data_volumes: Some(vec![]), ..Default::default() };
        let data_volumes = |uid| seen(&none, &["/dev/sdf"], &[volume("/dev/sdf", uid)]).unwrap().data_volumes;
        assert_eq!(data_volumes(Some("u-2")), Some(vec![]));
        assert_eq!(data_volumes(None), Some(vec![]));
        assert_eq!(data_volumes(Some("u-1")), Some(vec![data("/dev/sdf")]));
    }

    #[test]
    fn a_volume_that_is_not_listed_yet_is_not_taken_for_missing() {
        let error = seen(&spec(), &["/dev/xvda", "/dev/sdf"], &[volume("/dev/xvda", None)]).unwrap_err();
        assert_eq!(error.class, ErrorClass::Transient);
    }

    #[test]
    fn the_changes_of_one_volume_go_together_and_other_volumes_stay_out() {
        let change = |path: &str, effect| Change { path: path.into(), from: None, to: None, effect };
        let changes = [
            change("dataVolumes[/dev/sdg].sizeGib", Effect::InPlace),
            change("dataVolumes[/dev/sdg].iops", Effect::InPlace),
            change("dataVolumes[/dev/sdf].encrypted", Effect::Replace),
            change("rootVolume.deleteOnTermination", Effect::InPlace),
        ];
        let spec = spec();
        let edits: Vec<_> = edits(&spec, &changes).into_iter().map(|edit| (edit.device, edit.members)).collect();
        assert_eq!(edits, [(None, vec!["deleteOnTermination"]), (Some("/dev/sdg"), vec!["sizeGib", "iops"])]);
    }

    #[test]
    fn the_root_volume_is_asked_for_under_the_device_of_the_image() {
        let devices: Vec<_> =
            mappings(&spec(), Some("/dev/xvda")).into_iter().filter_map(|mapping| mapping.device_name).collect();
        assert_eq!(devices, ["/dev/xvda", "/dev/sdf", "/dev/sdg"]);
    }
}
