//! Storage: what RDS takes and shows of it together, and what it raises by itself.

use super::spec::{RdsInstanceSpec, StorageType};
use aws_sdk_rds::operation::modify_db_instance::builders::ModifyDbInstanceInputBuilder;

/// The size in GiB from which RDS stripes gp3 storage over four volumes for these engines, and what such
/// storage has at the least and without charge, in IOPS and MiB per second (RDS User Guide, "gp3 storage").
pub(super) const GP3_STRIPED_FROM_GIB: i32 = 400;
pub(super) const GP3_STRIPED_IOPS: i32 = 12_000;
pub(super) const GP3_STRIPED_THROUGHPUT: i32 = 500;

/// The same below that size, where neither can be asked for.
pub(super) const GP3_IOPS: i32 = 3000;
pub(super) const GP3_THROUGHPUT: i32 = 125;

/// Storage whose type is not named is gp2, and io1 where IOPS are (API reference, CreateDBInstance).
pub(super) fn type_of(spec: &RdsInstanceSpec) -> StorageType {
    spec.storage_type.unwrap_or(if spec.iops.is_some() { StorageType::Io1 } else { StorageType::Gp2 })
}

/// Counts what RDS has raised by itself as declared: gp3 storage that has grown beyond the size at which it
/// is striped has the IOPS and the throughput that striped storage has at the least.
pub(super) fn lower_to_declared(wanted: &RdsInstanceSpec, found: &mut RdsInstanceSpec) {
    let striped = found.storage_type == Some(StorageType::Gp3) && found.allocated_storage_gib >= GP3_STRIPED_FROM_GIB;
    let lower = |wanted: Option<i32>, found: &mut Option<i32>, least: i32| {
        if striped && *found == Some(least) && wanted.is_some_and(|wanted| wanted < least) {
            *found = wanted;
        }
    };
    lower(wanted.iops, &mut found.iops, GP3_STRIPED_IOPS);
    lower(wanted.storage_throughput, &mut found.storage_throughput, GP3_STRIPED_THROUGHPUT);
}

/// The storage as a whole. RDS takes size, IOPS and throughput only together where it has provisioned ones,
/// and the type io1 or io2 only with IOPS (API reference, ModifyDBInstance: "If you specify io1, io2, or gp3
/// you must also include a value for the Iops parameter"); of gp3 storage that is not striped it takes neither
/// ("You can't specify IOPS or storage throughput for engine postgres and a storage size less than 400"). What
/// the spec leaves out stays as it was found. A size that would shrink is not among what may be changed.
pub(super) fn modification(
    call: ModifyDbInstanceInputBuilder,
    spec: &RdsInstanceSpec,
    found: &RdsInstanceSpec,
    is_changed: impl Fn(&str) -> bool,
) -> ModifyDbInstanceInputBuilder {
    let size = spec.allocated_storage_gib.max(found.allocated_storage_gib);
    let type_ = spec.storage_type.or(found.storage_type);
    let (iops, throughput) = match type_ {
        Some(StorageType::Io1 | StorageType::Io2) => (spec.iops.or(found.iops), None),
        Some(StorageType::Gp3) if size >= GP3_STRIPED_FROM_GIB => {
            let kept = |wanted: Option<i32>, found: Option<i32>, least: i32| {
                wanted.or(Some(found.unwrap_or(least).max(least)))
            };
            (
                kept(spec.iops, found.iops, GP3_STRIPED_IOPS),
                kept(spec.storage_throughput, found.storage_throughput, GP3_STRIPED_THROUGHPUT),
            )
        }
        // What is asked for all the same is for RDS to judge.
        _ => (
            spec.iops.filter(|_| is_changed("iops")),
            spec.storage_throughput.filter(|_| is_changed("storageThroughput")),
        ),
    };
    call.allocated_storage(size)
        .set_storage_type(spec.storage_type.map(|name| name.as_str().to_owned()))
        .set_iops(iops)
        .set_storage_throughput(throughput)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn storage(type_: Option<StorageType>, size: i32, iops: Option<i32>, throughput: Option<i32>) -> RdsInstanceSpec {
        RdsInstanceSpec {
            storage_type: type_,
            allocated_storage_gib: size,
            iops,
            storage_throughput: throughput,
            ..Default::default()
        }
    }

    fn sent(
        wanted: &RdsInstanceSpec,
        found: &RdsInstanceSpec,
        changed: &[&str],
    ) -> (Option<i32>, Option<i32>, Option<i32>) {
        let call =
            modification(ModifyDbInstanceInputBuilder::default(), wanted, found, |field| changed.contains(&field));
        (*call.get_allocated_storage(), *call.get_iops(), *call.get_storage_throughput())
    }

    #[test]
    fn provisioned_iops_go_with_a_growth_whether_they_are_declared_or_not() {
        let (io1, io2, gp3) = (Some(StorageType::Io1), Some(StorageType::Io2), Some(StorageType::Gp3));
        let grown = ["allocatedStorageGib"];
        let rows = [
            // Declared, and found where the spec is silent.
            (storage(io1, 200, Some(3000), None), storage(io1, 100, Some(3000), None), (200, Some(3000), None)),
            (storage(io2, 200, Some(3000), None), storage(io2, 100, Some(3000), None), (200, Some(3000), None)),
            (storage(None, 200, None, None), storage(io1, 100, Some(2000), None), (200, Some(2000), None)),
            (
                storage(None, 500, None, None),
                storage(gp3, 400, Some(13_000), Some(600)),
                (500, Some(13_000), Some(600)),
            ),
            // The size at which gp3 is striped is passed.
            (storage(gp3, 500, None, None), storage(gp3, 100, Some(3000), Some(125)), (500, Some(12_000), Some(500))),
            // Below it RDS takes neither.
            (storage(gp3, 200, None, None), storage(gp3, 100, Some(3000), Some(125)), (200, None, None)),
            (storage(None, 200, None, None), storage(Some(StorageType::Gp2), 100, None, None), (200, None, None)),
        ];
        for (wanted, found, (size, iops, throughput)) in rows {
            assert_eq!(sent(&wanted, &found, &grown), (Some(size), iops, throughput), "{wanted:?}");
        }
    }

    #[test]
    fn other_iops_go_with_the_size_and_the_throughput_that_they_are_for() {
        let gp3 = Some(StorageType::Gp3);
        let wanted = storage(gp3, 400, Some(14_000), None);
        let found = storage(gp3, 440, Some(12_000), Some(600));
        assert_eq!(sent(&wanted, &found, &["iops"]), (Some(440), Some(14_000), Some(600)));
        let small = storage(gp3, 100, Some(4000), None);
        let found = storage(gp3, 100, Some(3000), Some(125));
        assert_eq!(sent(&small, &found, &["iops"]), (Some(100), Some(4000), None), "RDS says what is wrong with it");
    }

    #[test]
    fn what_striped_storage_has_at_the_least_was_raised_by_rds() {
        let gp3 = Some(StorageType::Gp3);
        let mut found = storage(gp3, 440, Some(12_000), Some(500));
        lower_to_declared(&storage(gp3, 390, Some(3000), Some(125)), &mut found);
        assert_eq!((found.iops, found.storage_throughput), (Some(3000), Some(125)));
        let mut found = storage(gp3, 440, Some(16_000), Some(600));
        lower_to_declared(&storage(gp3, 440, Some(12_000), Some(500)), &mut found);
        assert_eq!((found.iops, found.storage_throughput), (Some(16_000), Some(600)), "it can be lowered");
    }
}
