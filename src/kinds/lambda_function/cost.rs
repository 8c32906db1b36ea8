//! What a function is paid for: each call and how long it takes. A function that nobody calls is free.

use super::spec::{Architecture, LambdaFunctionSpec};
use crate::cost::{Costs, Found};

/// The items of a function; x86_64 where no architecture is named (API reference, CreateFunction).
pub(super) fn items(spec: &LambdaFunctionSpec, found: Found<'_>) -> Costs {
    let mut costs = Costs::default();
    let (duration, provisioned) = match spec.architecture {
        Some(Architecture::Arm64) => ("duration.arm", "provisioned-concurrency.arm"),
        Some(Architecture::X8664) | None => ("duration.x86", "provisioned-concurrency.x86"),
    };
    // Whether a version or an alias has provisioned concurrency is not read.
    costs.by_use("lambda", &["requests", duration, provisioned]);
    if found.billed("EphemeralStorage").is_some() {
        costs.by_use("lambda", &["ephemeral-storage"]);
    }
    if found.billed("SnapStart").is_some() {
        costs.by_use("lambda", &["snapstart.cache", "snapstart.restore"]);
    }
    costs.by_use("cloudwatch", &["logs.ingest", "logs.storage"]);
    costs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::resource::ResourceState;
    use crate::cost::Billed;
    use std::collections::BTreeMap;

    fn by_use(architecture: Option<Architecture>) -> Vec<String> {
        let spec = LambdaFunctionSpec { architecture, ..Default::default() };
        let costs = items(&spec, Found::declared());
        assert!(costs.items.is_empty() && costs.unknown.is_empty());
        costs.by_use.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_function_is_paid_by_call_and_duration_of_its_architecture() {
        let logs = ["cloudwatch/logs.ingest", "cloudwatch/logs.storage"];
        let expected = |duration: &'static str, provisioned: &'static str| {
            [&["lambda/requests", duration, provisioned][..], &logs].concat()
        };
        let x86 = || expected("lambda/duration.x86", "lambda/provisioned-concurrency.x86");
        assert_eq!(by_use(None), x86());
        assert_eq!(by_use(Some(Architecture::X8664)), x86());
        assert_eq!(
            by_use(Some(Architecture::Arm64)),
            expected("lambda/duration.arm", "lambda/provisioned-concurrency.arm")
        );
    }

    #[test]
    fn what_is_kept_for_a_function_is_named() {
        let outputs = BTreeMap::new();
        let billed =
            Billed::from([("EphemeralStorage", "1024".to_owned()), ("SnapStart", "PublishedVersions".to_owned())]);
        let found = Found::read(ResourceState::Active, &outputs, Some(&billed));
        let named = items(&LambdaFunctionSpec::default(), found).by_use;
        for key in ["ephemeral-storage", "snapstart.cache"] {
            assert!(named.iter().any(|usage| usage.key() == key), "{named:?}");
        }
    }
}
