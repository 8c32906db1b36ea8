//! What a function is paid for: each call and how long it takes. A function that nobody calls is free.

use super::spec::{Architecture, LambdaFunctionSpec};
use crate::cost::{Costs, Found};

/// The items of a function; x86_64 where no architecture is named (API reference, CreateFunction).
pub(super) fn items(spec: &LambdaFunctionSpec, _found: Found<'_>) -> Costs {
    let mut costs = Costs::default();
    let duration = match spec.architecture {
        Some(Architecture::Arm64) => "duration.arm",
        Some(Architecture::X8664) | None => "duration.x86",
    };
    costs.by_use("lambda", &["requests", duration]);
    costs.by_use("cloudwatch", &["logs.ingest", "logs.storage"]);
    costs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_use(architecture: Option<Architecture>) -> Vec<String> {
        let spec = LambdaFunctionSpec { architecture, ..Default::default() };
        let costs = items(&spec, Found::declared());
        assert!(costs.items.is_empty() && costs.unknown.is_empty());
        costs.by_use.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_function_is_paid_by_call_and_duration_of_its_architecture() {
        let logs = ["cloudwatch/logs.ingest", "cloudwatch/logs.storage"];
        let expected = |duration: &'static str| [&["lambda/requests", duration][..], &logs].concat();
        assert_eq!(by_use(None), expected("lambda/duration.x86"));
        assert_eq!(by_use(Some(Architecture::X8664)), expected("lambda/duration.x86"));
        assert_eq!(by_use(Some(Architecture::Arm64)), expected("lambda/duration.arm"));
    }
}
