//! What a bucket is paid for: what is in it and how it is used. An empty bucket is free.

use super::spec::S3BucketSpec;
use crate::cost::{Costs, Found, Usage};

/// The items of a bucket, with the storage classes that its lifecycle rules move objects to.
pub(super) fn items(spec: &S3BucketSpec, _found: Found<'_>) -> Costs {
    let mut costs = Costs::default();
    costs.by_use("s3", &["storage.STANDARD", "requests.tier1.STANDARD", "requests.tier2.STANDARD"]);
    let rules = spec.lifecycle_rules.iter().flatten().filter(|rule| rule.enabled);
    for transition in rules.flat_map(|rule| &rule.transitions) {
        let usages: &[String] = &match transition.storage_class.as_str() {
            "INTELLIGENT_TIERING" => {
                vec!["storage.INTELLIGENT_TIERING.frequent".into(), "monitoring.INTELLIGENT_TIERING".into()]
            }
            class => vec![format!("storage.{class}")],
        };
        for usage in usages.iter().map(|key| Usage::new("s3", key)) {
            if !costs.by_use.contains(&usage) {
                costs.by_use.push(usage);
            }
        }
    }
    costs.by_use("data-transfer", &["internet-out"]);
    costs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::s3_bucket::spec::{LifecycleRule, Transition};

    fn keys(spec: &S3BucketSpec) -> Vec<String> {
        let costs = items(spec, Found::declared());
        assert!(costs.items.is_empty() && costs.unknown.is_empty(), "nothing is paid for an empty bucket");
        costs.by_use.iter().map(|usage| usage.key().to_owned()).collect()
    }

    #[test]
    fn a_bucket_is_paid_for_what_is_in_it_and_for_requests() {
        assert_eq!(
            keys(&S3BucketSpec::default()),
            ["storage.STANDARD", "requests.tier1.STANDARD", "requests.tier2.STANDARD", "internet-out"]
        );
    }

    #[test]
    fn the_classes_that_objects_move_to_are_named_once() {
        let transition = |class: &str| Transition { days: 30, storage_class: class.into() };
        let rule = |id: &str, classes: &[&str]| LifecycleRule {
            id: id.into(),
            enabled: id != "off",
            prefix: None,
            expiration_days: None,
            noncurrent_expiration_days: None,
            abort_incomplete_uploads_days: None,
            transitions: classes.iter().map(|class| transition(class)).collect(),
        };
        let rules = vec![
            rule("cold", &["STANDARD_IA", "GLACIER"]),
            rule("tiered", &["INTELLIGENT_TIERING", "GLACIER"]),
            rule("off", &["DEEP_ARCHIVE"]),
        ];
        let spec = S3BucketSpec { lifecycle_rules: Some(rules), ..Default::default() };
        assert_eq!(
            keys(&spec)[3..7],
            [
                "storage.STANDARD_IA",
                "storage.GLACIER",
                "storage.INTELLIGENT_TIERING.frequent",
                "monitoring.INTELLIGENT_TIERING"
            ]
        );
    }
}
