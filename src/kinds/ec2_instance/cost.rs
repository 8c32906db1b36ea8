//! What an instance is paid for: its hours, its volumes and its public address.

use super::spec::{Ec2InstanceSpec, Volume, VolumeType};
use crate::cost::{Costs, Found, Unit, Usage};

/// What a gp3 volume has without charge, in IOPS and MiB per second (EBS User Guide, "General Purpose
/// SSD volumes").
const GP3_IOPS: i32 = 3000;
const GP3_THROUGHPUT: i32 = 125;

/// The items of an instance. One that stands still is not paid for its hours, and keeps its volumes and
/// its Elastic IP address (EC2 User Guide, "Stop and start Amazon EC2 instances"); the address that AWS
/// lends to a running instance goes with the stop.
pub(super) fn items(spec: &Ec2InstanceSpec, found: Found<'_>) -> Costs {
    let mut costs = Costs::default();
    if found.runs() {
        costs.hold(Usage::new("ec2", &spec.instance_type), 1, Unit::Hour);
    }
    // What the root volume leaves out follows from the AMI, which only a look at the instance tells.
    let known = |volume: &&Volume| volume.size_gib.is_some() && volume.volume_type.is_some();
    let root = spec.root_volume.as_ref().filter(known);
    if root.is_none() && (found.outputs.is_none() || spec.root_volume.is_some()) {
        costs.unknown.push("ebs/storage of the root volume, which follows from the AMI".into());
    }
    let data = spec.data_volumes.iter().flatten().map(|item| &item.volume);
    root.into_iter().chain(data).for_each(|volume| hold_volume(&mut costs, volume));
    // A lent address is there with the first start; what the subnet says is not known before.
    let declared = found.outputs.is_none() && spec.associate_public_ip_address == Some(true);
    if declared || found.output("publicIp").is_some() {
        costs.hold(Usage::new("vpc", "public-ipv4.in-use"), 1, Unit::Hour);
    }
    costs.by_use("data-transfer", &["internet-out"]);
    costs
}

/// A volume of a type that is not named is gp2 (API reference, EbsBlockDevice).
fn hold_volume(costs: &mut Costs, volume: &Volume) {
    let Some(size) = volume.size_gib else { return };
    let (name, billed_iops, billed_throughput) = match volume.volume_type.unwrap_or(VolumeType::Gp2) {
        VolumeType::Gp2 => ("gp2", None, None),
        VolumeType::Gp3 => (
            "gp3",
            volume.iops.map(|iops| iops - GP3_IOPS),
            volume.throughput.map(|throughput| throughput - GP3_THROUGHPUT),
        ),
        VolumeType::Io1 => ("io1", volume.iops, None),
        VolumeType::Io2 => ("io2", volume.iops, None),
        VolumeType::St1 => ("st1", None, None),
        VolumeType::Sc1 => ("sc1", None, None),
        VolumeType::Standard => ("standard", None, None),
    };
    costs.hold(Usage::new("ebs", format!("storage.{name}")), size, Unit::GbMonth);
    costs.hold(Usage::new("ebs", format!("iops.{name}")), billed_iops.unwrap_or_default(), Unit::IopsMonth);
    let throughput = billed_throughput.unwrap_or_default();
    costs.hold(Usage::new("ebs", format!("throughput.{name}")), throughput, Unit::MbpsMonth);
    if name == "standard" && !costs.by_use.iter().any(|usage| usage.key() == "requests.standard") {
        costs.by_use("ebs", &["requests.standard"]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::resource::ResourceState;
    use crate::kinds::ec2_instance::spec::DataVolume;
    use std::collections::BTreeMap;

    fn volume(size: i32, type_: VolumeType, iops: Option<i32>, throughput: Option<i32>) -> Volume {
        Volume { size_gib: Some(size), volume_type: Some(type_), iops, throughput, ..Default::default() }
    }

    fn instance(root: Option<Volume>) -> Ec2InstanceSpec {
        Ec2InstanceSpec { instance_type: "t3.micro".into(), root_volume: root, ..Default::default() }
    }

    fn shown(spec: &Ec2InstanceSpec, found: Found<'_>) -> Vec<String> {
        items(spec, found).items.iter().map(|item| item.in_words()).collect()
    }

    #[test]
    fn a_running_instance_is_paid_by_the_hour_with_volumes_and_address() {
        let outputs = BTreeMap::from([("publicIp".to_owned(), "192.0.2.1".to_owned())]);
        let found = Found { state: ResourceState::Active, outputs: Some(&outputs) };
        let spec = instance(Some(volume(8, VolumeType::Gp3, Some(3000), Some(125))));
        assert_eq!(
            shown(&spec, found),
            ["1 × ec2/t3.micro", "8 GB-month of ebs/storage.gp3", "1 × vpc/public-ipv4.in-use"]
        );
    }

    #[test]
    fn a_public_address_that_is_declared_is_paid_for_in_a_plan() {
        let root = Some(volume(8, VolumeType::Gp3, Some(3000), Some(125)));
        let with = |public| Ec2InstanceSpec { associate_public_ip_address: public, ..instance(root.clone()) };
        let address = "1 × vpc/public-ipv4.in-use".to_owned();
        assert!(shown(&with(Some(true)), Found::declared()).contains(&address));
        assert!(!shown(&with(Some(false)), Found::declared()).contains(&address));
        assert!(!shown(&with(None), Found::declared()).contains(&address));
    }

    #[test]
    fn a_stopped_instance_is_paid_for_its_volumes_only() {
        let outputs = BTreeMap::new();
        let found = Found { state: ResourceState::Stopped, outputs: Some(&outputs) };
        let spec = instance(Some(volume(8, VolumeType::Gp3, Some(3000), Some(125))));
        assert_eq!(shown(&spec, found), ["8 GB-month of ebs/storage.gp3"]);
    }

    #[test]
    fn every_volume_type_is_paid_as_ebs_bills_it() {
        let rows = [
            (
                volume(40, VolumeType::Gp3, Some(4000), Some(130)),
                vec![
                    "40 GB-month of ebs/storage.gp3",
                    "1000 IOPS-month of ebs/iops.gp3",
                    "5 MBps-month of ebs/throughput.gp3",
                ],
            ),
            // gp2 shows IOPS that follow from its size and are not paid for.
            (volume(40, VolumeType::Gp2, Some(120), None), vec!["40 GB-month of ebs/storage.gp2"]),
            (
                volume(30, VolumeType::Io1, Some(300), None),
                vec!["30 GB-month of ebs/storage.io1", "300 IOPS-month of ebs/iops.io1"],
            ),
            (
                volume(30, VolumeType::Io2, Some(300), None),
                vec!["30 GB-month of ebs/storage.io2", "300 IOPS-month of ebs/iops.io2"],
            ),
            (volume(500, VolumeType::St1, None, None), vec!["500 GB-month of ebs/storage.st1"]),
            (volume(500, VolumeType::Sc1, None, None), vec!["500 GB-month of ebs/storage.sc1"]),
            (volume(10, VolumeType::Standard, None, None), vec!["10 GB-month of ebs/storage.standard"]),
        ];
        for (volume, expected) in rows {
            let spec = Ec2InstanceSpec {
                data_volumes: Some(vec![DataVolume { device_name: "/dev/sdf".into(), volume }]),
                ..instance(None)
            };
            assert_eq!(shown(&spec, Found::declared())[1..], expected);
        }
    }

    #[test]
    fn the_root_volume_of_a_declared_instance_is_not_known_before_it_is_made() {
        let unknown = |spec: &Ec2InstanceSpec, found: Found<'_>| items(spec, found).unknown.len();
        assert_eq!(unknown(&instance(None), Found::declared()), 1);
        assert_eq!(unknown(&instance(Some(volume(8, VolumeType::Gp3, None, None))), Found::declared()), 0);
        let outputs = BTreeMap::new();
        let found = Found { state: ResourceState::Active, outputs: Some(&outputs) };
        // It was looked at and has none: it starts from its instance store.
        assert_eq!(unknown(&instance(None), found), 0);
        // It was made a moment ago and is not listed yet.
        assert_eq!(unknown(&instance(Some(Volume::default())), found), 1);
    }
}
