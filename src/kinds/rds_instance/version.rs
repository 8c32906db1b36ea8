//! Versions of engines: which of two is later, and which count as the declared one.

use crate::api::resource::Change;

/// Whether a version is the wanted one, or a closer description of it.
pub(super) fn meets(found: &str, wanted: &str) -> bool {
    found.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Whether the change leads to an earlier version. What cannot be read is left for AWS to judge.
pub(super) fn lowers(change: &Change) -> bool {
    let both = change.from.as_deref().and_then(numbers).zip(change.to.as_deref().and_then(numbers));
    both.is_some_and(|(from, to)| to < from)
}

/// Whether `found` is a later minor version of the major version that `wanted` is of.
pub(super) fn is_later_minor(engine: &str, found: &str, wanted: &str) -> bool {
    let Some((found, wanted)) = numbers(found).zip(numbers(wanted)) else { return false };
    let major = major_parts(engine);
    found.len() >= major && found.get(..major) == wanted.get(..major) && found > wanted
}

/// The major version of a version, such as `16` of PostgreSQL 16.4 and `8.0` of MySQL 8.0.39; `None` where
/// the version leaves it open.
pub(super) fn major(engine: &str, version: &str) -> Option<String> {
    let parts: Vec<&str> = version.split('.').collect();
    Some(parts.get(..major_parts(engine))?.join("."))
}

/// How many numbers make the major version: PostgreSQL counts with one since version 10, MySQL and MariaDB
/// with two (RDS User Guide, "Upgrading a DB instance engine version").
fn major_parts(engine: &str) -> usize {
    if engine == "postgres" { 1 } else { 2 }
}

fn numbers(version: &str) -> Option<Vec<u32>> {
    version.split('.').map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_minor_version_has_the_same_major_one() {
        assert!(is_later_minor("postgres", "16.10", "16.9"));
        assert!(is_later_minor("mysql", "8.0.40", "8.0.39"));
        assert!(is_later_minor("mariadb", "10.6.20", "10.6"));
        for (engine, found, wanted) in [
            ("postgres", "16.9", "16.10"),
            ("postgres", "16.9", "16.9"),
            ("postgres", "17.1", "16.9"),
            ("mysql", "8.4.3", "8.0.39"),
            ("mysql", "8.4.3", "8"),
            ("postgres", "16.R1", "16.1"),
        ] {
            assert!(!is_later_minor(engine, found, wanted), "{engine} {found} {wanted}");
        }
    }

    #[test]
    fn a_major_version_is_told_where_the_version_says_it() {
        assert_eq!(major("postgres", "16.4").as_deref(), Some("16"));
        assert_eq!(major("mysql", "8.0.39").as_deref(), Some("8.0"));
        assert_eq!(major("mysql", "8"), None);
    }
}
