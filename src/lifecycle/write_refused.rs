//! Writes that the API server refuses as invalid. Trying again does not help, and the API server is not away:
//! what was written does not fit the definitions, which is the controller's fault or that of the definitions.

use crate::api::commands;
use crate::api::conditions::Verdict;

/// The reason of conditions and Events.
pub const REASON: &str = "WriteRefused";

/// The most fields that are named.
const NAMED: usize = 5;

/// What the API server says of the write that it refused as invalid, with the fields that it names; `None` for
/// every other error.
pub fn refusal(error: &kube::Error) -> Option<String> {
    let kube::Error::Api(status) = error else { return None };
    if !status.is_invalid() {
        return None;
    }
    let causes = status.details.iter().flat_map(|details| &details.causes).filter(|cause| !cause.field.is_empty());
    let fields: Vec<String> = causes.take(NAMED).map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
    Some(if fields.is_empty() { status.message.clone() } else { fields.join("; ") })
}

/// What can be done about it.
pub fn next_step() -> String {
    format!(
        "What was done in AWS stays done. Compare the definitions and admission policies of the cluster with this version of the controller ({}); where they are the same, report it as a fault of the controller.",
        commands::print_definitions()
    )
}

/// What a refused write means for its object.
pub fn verdict(refusal: &str) -> Verdict {
    Verdict::stalled(REASON, format!("{}. {}", in_words(refusal), next_step()))
}

/// The refusal as the beginning of a sentence.
pub fn in_words(refusal: &str) -> String {
    format!("The API server refuses what the controller writes as invalid: {}", refusal.trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::Status;
    use serde_json::json;

    fn error(status: serde_json::Value) -> kube::Error {
        kube::Error::Api(Box::new(serde_json::from_value::<Status>(status).unwrap()))
    }

    #[test]
    fn the_fields_that_the_api_server_names_are_told() {
        let cause = json!({"field": "status.healthMessage", "message": "Too long: may not be more than 512 bytes"});
        let refused = error(json!({"code": 422, "reason": "Invalid", "message": "x is invalid",
                                   "details": {"causes": [cause]}}));
        let told = verdict(&refusal(&refused).unwrap());
        assert_eq!((told.reason, told.ready), ("WriteRefused", false));
        assert!(told.message.contains("status.healthMessage: Too long"), "{told:?}");
    }

    #[test]
    fn a_refusal_without_fields_is_told_in_its_own_words_and_an_api_server_that_is_away_is_none() {
        let refused = error(json!({"code": 422, "reason": "Invalid", "message": "a policy denies it"}));
        assert_eq!(refusal(&refused).as_deref(), Some("a policy denies it"));
        assert_eq!(refusal(&error(json!({"code": 500, "reason": "InternalError", "message": "no"}))), None);
        assert_eq!(refusal(&error(json!({"code": 409, "reason": "Conflict", "message": "no"}))), None);
    }
}
