//! RDS Extended Support: which versions it is charged for, and from when.

use super::spec::RdsInstanceSpec;
use super::version;
use k8s_openapi::jiff::civil::{Date, date};

/// An engine's major version with the days from which Extended Support is charged, and charged at the price
/// of the third year.
type Fee = (&'static str, &'static str, Date, Date);

/// The versions of Extended Support (RDS User Guide, "Supported MySQL major versions on Amazon RDS"; Release
/// calendar for Amazon RDS for PostgreSQL; for PostgreSQL 11 the charge began a month after the support).
/// MariaDB has none.
const FEES: &[Fee] = &[
    ("mysql", "5.7", date(2024, 3, 1), date(2026, 3, 1)),
    ("mysql", "8.0", date(2026, 8, 1), date(2028, 8, 1)),
    ("postgres", "11", date(2024, 4, 1), date(2026, 4, 1)),
    ("postgres", "12", date(2025, 3, 1), date(2027, 3, 1)),
    ("postgres", "13", date(2026, 3, 1), date(2028, 3, 1)),
    ("postgres", "14", date(2027, 3, 1), date(2029, 3, 1)),
    ("postgres", "15", date(2028, 3, 1), date(2030, 3, 1)),
    ("postgres", "16", date(2029, 3, 1), date(2031, 3, 1)),
];

/// What `EngineLifecycleSupport` says of an instance that is upgraded instead (API reference, DBInstance).
const DECLINED: &str = "open-source-rds-extended-support-disabled";

/// The years of Extended Support whose price is charged today, as they stand in the price book; `None` where
/// none is, or where the version is not named and AWS takes its default.
pub(super) fn fee(spec: &RdsInstanceSpec, lifecycle: Option<&str>, today: Date) -> Option<&'static str> {
    let major = version::major(&spec.engine, spec.engine_version.as_deref()?)?;
    let of = |(engine, version, ..): &&Fee| *engine == spec.engine && *version == major;
    let (.., charged, third_year) = FEES.iter().find(of).filter(|_| lifecycle != Some(DECLINED))?;
    match today {
        today if today >= *third_year => Some("year-3"),
        today if today >= *charged => Some("year-1-2"),
        _ => None,
    }
}

/// The virtual CPUs of an instance class, which follow from its size in every family from the fourth
/// generation on (RDS User Guide, "Hardware specifications for DB instance classes").
pub(super) fn vcpus(class: &str) -> Option<i32> {
    let mut parts = class.strip_prefix("db.")?.split('.');
    let (family, size) = (parts.next()?, parts.next().filter(|_| parts.clone().next().is_none())?);
    match (family, size) {
        ("t2", "micro" | "small") => Some(1),
        ("t2" | "t3" | "t4g", "micro" | "small" | "medium") | (_, "large") => Some(2),
        (_, "xlarge") => Some(4),
        _ => size.strip_suffix("xlarge")?.parse::<i32>().ok().map(|times| times * 4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vcpus_of_a_class_follow_from_its_size() {
        for (class, expected) in [
            ("db.t4g.micro", Some(2)),
            ("db.t2.small", Some(1)),
            ("db.m5.large", Some(2)),
            ("db.r6g.xlarge", Some(4)),
            ("db.r6i.32xlarge", Some(128)),
            ("db.m3.medium", None),
            ("db.r5.8xlarge.tpc2.mem3x", None),
            ("db.serverless", None),
        ] {
            assert_eq!(vcpus(class), expected, "{class}");
        }
    }

    #[test]
    fn a_version_is_charged_for_from_the_day_on_and_twice_as_much_in_the_third_year() {
        let on = |engine: &str, version: &str, today| {
            let spec =
                RdsInstanceSpec { engine: engine.into(), engine_version: Some(version.into()), ..Default::default() };
            fee(&spec, None, today)
        };
        assert_eq!(on("mysql", "8.0.39", date(2026, 7, 31)), None);
        assert_eq!(on("mysql", "8.0.39", date(2026, 8, 1)), Some("year-1-2"));
        assert_eq!(on("mysql", "5.7.44", date(2026, 12, 1)), Some("year-3"));
        assert_eq!(on("postgres", "13", date(2026, 12, 1)), Some("year-1-2"));
        assert_eq!(on("postgres", "17.2", date(2026, 12, 1)), None);
        assert_eq!(on("mariadb", "10.4", date(2026, 12, 1)), None);
        assert_eq!(fee(&RdsInstanceSpec::default(), None, date(2026, 12, 1)), None);
    }
}
