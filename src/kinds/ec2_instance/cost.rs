//! What an instance is paid for: its hours, its volumes and its public address.

use super::spec::{Ec2InstanceSpec, Volume, VolumeType};
use crate::cost::{Costs, Found, Unit, Usage};

/// What a gp3 volume has without charge, in IOPS and MiB per second (EBS User Guide, "General Purpose
/// SSD volumes").
const GP3_IOPS: i32 = 3000;
const GP3_THROUGHPUT: i32 = 125;

/// The IOPS from which io2 is cheaper, and again (EBS pricing, "Provisioned IOPS SSD (io2)").
const IO2_TIERS: [(&str, i32); 2] = [("io2.above-64000", 64_000), ("io2.above-32000", 32_000)];

/// The families that may run above their baseline for a fee (EC2 User Guide, "Burstable performance
/// instances"): by default all but t2.
const BURSTABLE: &[&str] = &["t2", "t3", "t3a", "t4g"];

/// The families for which EBS optimisation is paid for by the hour; others have it or not (EC2 User Guide,
/// "EBS optimization supported").
const PAID_OPTIMIZATION: &[&str] = &["c1", "c3", "g2", "i2", "m1", "m2", "m3", "r3"];

/// The metrics of detailed monitoring (EC2 User Guide, "Manage detailed monitoring": seven for an instance).
const DETAILED_METRICS: i32 = 7;

/// The items of an instance. One that stands still is not paid for its hours, and keeps its volumes and
/// its Elastic IP address (EC2 User Guide, "Stop and start Amazon EC2 instances"); the address that AWS
/// lends to a running instance goes with the stop.
pub(super) fn items(spec: &Ec2InstanceSpec, found: Found<'_>) -> Costs {
    let mut costs = Costs::default();
    if found.runs() {
        hold_hours(&mut costs, spec, found);
    }
    // What the root volume leaves out follows from the AMI, which only a look at the instance tells.
    let known = |volume: &Volume| volume.size_gib.is_some() && volume.volume_type.is_some();
    let is_known = spec.root_volume.as_ref().is_some_and(known);
    if !is_known && (found.outputs.is_none() || spec.root_volume.is_some()) {
        costs.unknown.push("ebs/storage of the root volume, which follows from the AMI".into());
    }
    let root = spec.root_volume.as_ref().filter(|volume| volume.volume_type.is_some());
    let data = spec.data_volumes.iter().flatten().map(|item| &item.volume);
    root.into_iter().chain(data).for_each(|volume| hold_volume(&mut costs, volume));
    hold_address(&mut costs, spec, found);
    costs.by_use("data-transfer", &["internet-out"]);
    costs
}

/// A public address, where the instance has one. Before it is made, it gets one by default in a default
/// subnet, and elsewhere as the subnet says (EC2 User Guide, "Public IPv4 addresses").
fn hold_address(costs: &mut Costs, spec: &Ec2InstanceSpec, found: Found<'_>) {
    let by_default = spec.subnet_id.is_none() && spec.subnet_ref.is_none();
    let has_one = match found.outputs {
        Some(_) => found.output("publicIp").is_some(),
        None => spec.associate_public_ip_address.unwrap_or(by_default),
    };
    if has_one {
        costs.hold(Usage::new("vpc", "public-ipv4.in-use"), 1, Unit::Hour);
    } else if found.outputs.is_none() && spec.associate_public_ip_address.is_none() {
        costs.unknown.push("vpc/public-ipv4 where the subnet gives one".into());
    }
}

/// The hours, at the price of what runs: all but Linux on shared hardware on demand has one of its own.
fn hold_hours(costs: &mut Costs, spec: &Ec2InstanceSpec, found: Found<'_>) {
    let type_ = spec.instance_type.as_str();
    let family = type_.split('.').next().unwrap_or_default();
    let tenancy = found.billed("Tenancy");
    if tenancy == Some("host") {
        costs.unknown.push("ec2/dedicated-host that the instance runs on, which is paid for as a whole".into());
    } else {
        let platform = found.billed("PlatformDetails").map(slug);
        let lifecycle = found.billed("InstanceLifecycle").map(slug);
        let apart = [platform, tenancy.map(slug), lifecycle].into_iter().flatten();
        let key = apart.fold(type_.to_owned(), |key, part| format!("{key}.{part}"));
        costs.hold(Usage::new("ec2", key), 1, Unit::Hour);
    }
    if tenancy == Some("dedicated") {
        costs.unknown.push("ec2/dedicated, the fee for each region with a dedicated instance".into());
    }
    if found.outputs.is_none() {
        costs.unknown.push("ec2/licence of the AMI, where it is not of free Linux".into());
    }
    if let Some(product) = found.billed("ProductCode") {
        costs.hold(Usage::new("marketplace", slug(product)), 1, Unit::Hour);
    }
    if found.billed("EbsOptimized").is_some() && PAID_OPTIMIZATION.contains(&family) {
        costs.hold(Usage::new("ec2", format!("ebs-optimized.{type_}")), 1, Unit::Hour);
    }
    if found.billed("Monitoring").is_some() {
        costs.hold(Usage::new("ec2", "detailed-monitoring"), DETAILED_METRICS, Unit::Month);
    }
    if BURSTABLE.contains(&family) {
        costs.by_use.push(Usage::new("ec2", format!("cpu-credits.{family}")));
    }
}

/// AWS's words as a part of a key: `Windows with SQL Server Web` becomes `windows-with-sql-server-web`.
fn slug(words: &str) -> String {
    let parts = words.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

/// A volume of a type that is not named is gp2 (API reference, EbsBlockDevice).
fn hold_volume(costs: &mut Costs, volume: &Volume) {
    let size = volume.size_gib.unwrap_or_default();
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
    let mut iops = billed_iops.unwrap_or_default();
    for (tier, above) in IO2_TIERS.into_iter().filter(|_| name == "io2") {
        costs.hold(Usage::new("ebs", format!("iops.{tier}")), iops - above, Unit::IopsMonth);
        iops = iops.min(above);
    }
    costs.hold(Usage::new("ebs", format!("iops.{name}")), iops, Unit::IopsMonth);
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
    use crate::cost::Billed;
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
        let found = Found::read(ResourceState::Active, &outputs, None);
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
        assert!(shown(&with(None), Found::declared()).contains(&address), "a default subnet gives one");
        let in_subnet = Ec2InstanceSpec { subnet_id: Some("subnet-1".into()), ..with(None) };
        assert!(!shown(&in_subnet, Found::declared()).contains(&address), "the subnet says it");
    }

    #[test]
    fn a_stopped_instance_is_paid_for_its_volumes_only() {
        let outputs = BTreeMap::new();
        let found = Found::read(ResourceState::Stopped, &outputs, None);
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
            (
                volume(500, VolumeType::Io2, Some(100_000), None),
                vec![
                    "500 GB-month of ebs/storage.io2",
                    "36000 IOPS-month of ebs/iops.io2.above-64000",
                    "32000 IOPS-month of ebs/iops.io2.above-32000",
                    "32000 IOPS-month of ebs/iops.io2",
                ],
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
            let shown = shown(&spec, Found::declared());
            assert_eq!(shown[1..shown.len() - 1], expected);
        }
    }

    #[test]
    fn the_root_volume_of_a_declared_instance_is_not_known_before_it_is_made() {
        let unknown = |spec: &Ec2InstanceSpec, found: Found<'_>| {
            items(spec, found).unknown.iter().filter(|what| what.contains("root volume")).count()
        };
        assert_eq!(unknown(&instance(None), Found::declared()), 1);
        assert_eq!(unknown(&instance(Some(volume(8, VolumeType::Gp3, None, None))), Found::declared()), 0);
        let outputs = BTreeMap::new();
        let found = Found::read(ResourceState::Active, &outputs, None);
        // It was looked at and has none: it starts from its instance store.
        assert_eq!(unknown(&instance(None), found), 0);
        // It was made a moment ago and is not listed yet.
        assert_eq!(unknown(&instance(Some(Volume::default())), found), 1);
    }

    #[test]
    fn what_a_root_volume_declares_is_paid_for_although_its_size_follows_from_the_ami() {
        let root = Volume { size_gib: None, ..volume(1, VolumeType::Gp3, Some(6000), Some(200)) };
        let costs = items(&instance(Some(root)), Found::declared());
        let shown: Vec<String> = costs.items.iter().map(|item| item.in_words()).collect();
        assert_eq!(shown[1..3], ["3000 IOPS-month of ebs/iops.gp3", "75 MBps-month of ebs/throughput.gp3"]);
        assert!(costs.unknown.iter().any(|what| what.contains("root volume")));
    }

    #[test]
    fn what_makes_the_hours_dearer_than_linux_on_demand_has_a_price_of_its_own_or_none() {
        let outputs = BTreeMap::new();
        let first = |name: &'static str, value: &str| {
            let billed = Billed::from([(name, value.to_owned())]);
            let found = Found::read(ResourceState::Active, &outputs, Some(&billed));
            shown(&instance(None), found).first().cloned()
        };
        for (name, value, expected) in [
            ("PlatformDetails", "Windows with SQL Server Web", Some("1 × ec2/t3.micro.windows-with-sql-server-web")),
            ("PlatformDetails", "Red Hat Enterprise Linux", Some("1 × ec2/t3.micro.red-hat-enterprise-linux")),
            ("Tenancy", "dedicated", Some("1 × ec2/t3.micro.dedicated")),
            ("Tenancy", "host", None),
            ("InstanceLifecycle", "spot", Some("1 × ec2/t3.micro.spot")),
        ] {
            assert_eq!(first(name, value).as_deref(), expected, "{name} {value}");
        }
    }

    #[test]
    fn what_is_switched_on_beside_it_is_paid_for_while_it_runs() {
        let outputs = BTreeMap::new();
        let billed = Billed::from([
            ("Monitoring", "enabled".to_owned()),
            ("EbsOptimized", "true".to_owned()),
            ("ProductCode", "abc123".to_owned()),
        ]);
        let of = |type_: &str, state| {
            let spec = Ec2InstanceSpec { instance_type: type_.into(), ..Default::default() };
            shown(&spec, Found::read(state, &outputs, Some(&billed)))
        };
        let monitoring = "7 × ec2/detailed-monitoring";
        assert_eq!(of("t3.micro", ResourceState::Active), ["1 × ec2/t3.micro", "1 × marketplace/abc123", monitoring]);
        let old = of("r3.xlarge", ResourceState::Active);
        assert!(old.contains(&"1 × ec2/ebs-optimized.r3.xlarge".to_owned()), "{old:?}");
        assert!(of("r3.xlarge", ResourceState::Stopped).is_empty());
    }

    #[test]
    fn a_declared_instance_has_a_public_address_by_default_and_in_a_subnet_perhaps() {
        let address = |spec: &Ec2InstanceSpec| {
            let costs = items(spec, Found::declared());
            let held = costs.items.iter().any(|item| item.usage.key() == "public-ipv4.in-use");
            (held, costs.unknown.iter().any(|what| what.contains("public-ipv4")))
        };
        assert_eq!(address(&instance(None)), (true, false));
        let within = Ec2InstanceSpec { subnet_id: Some("subnet-1".into()), ..instance(None) };
        assert_eq!(address(&within), (false, true));
    }

    #[test]
    fn credits_beyond_the_baseline_are_named_for_burstable_types() {
        let named = |type_: &str| {
            let spec = Ec2InstanceSpec { instance_type: type_.into(), ..Default::default() };
            items(&spec, Found::declared()).by_use.iter().any(|usage| usage.key().starts_with("cpu-credits"))
        };
        assert!(named("t3.micro") && named("t4g.micro") && !named("m5.large"));
    }
}
