//! What a reconcile did, for logs and metrics. The object's owner reads status and Events instead.

use crate::api::conditions::{ConditionType, is_true};
use crate::api::resource::{AwsResource, ResourceState};
use crate::lifecycle::Next;
use crate::lifecycle::error::PassError;
use k8s_openapi::jiff::Timestamp;
use std::time::Duration;

/// What a reconcile did.
#[derive(Clone, Debug)]
pub struct Report {
    /// When to come back.
    pub next: Next,
    /// The actions of its passes, in order.
    pub actions: Vec<&'static str>,
    /// Those of them that came to their end.
    pub done: Vec<&'static str>,
    /// Why its last pass did not come to its end.
    pub failure: Option<Failure>,
    /// How long the resource took from the intent to create it, where it became ready now.
    pub created: Option<Duration>,
}

/// Why a pass did not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The reason, as in the condition.
    pub reason: &'static str,
    /// Whether it waits for something else and nothing went wrong.
    pub waits: bool,
}

impl Failure {
    /// Of this error.
    pub fn of(error: &PassError, reason: &'static str) -> Self {
        let waits = matches!(error, PassError::Awaiting(_) | PassError::NotLeader(_)) || error.over_budget().is_some();
        Self { reason, waits }
    }
}

/// How long a resource took to become ready, from the intent to create it. `before` is the state in
/// which the reconcile found it.
pub fn creation(before: Option<ResourceState>, object: &AwsResource, now: Timestamp) -> Option<Duration> {
    let status = object.status.as_ref()?;
    let was_coming = matches!(before, None | Some(ResourceState::Pending | ResourceState::Creating));
    if !was_coming || !is_true(&status.conditions, ConditionType::Ready) {
        return None;
    }
    let begun: Timestamp = status.intent.as_ref()?.recorded_at.parse().ok()?;
    Duration::try_from(now.duration_since(begun)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(ready: &str) -> AwsResource {
        serde_json::from_value(json!({
            "apiVersion": "aws.ccagi.io/v1alpha1", "kind": "AwsResource", "metadata": {"name": "one"},
            "spec": {"accountRef": {"name": "shop"}, "s3Bucket": {"bucketName": "one"}},
            "status": {
                "intent": {"incarnation": 1, "token": "t", "requestHash": "h", "accountId": "111122223333",
                           "region": "us-east-1", "recordedAt": "2026-11-24T10:00:00Z"},
                "conditions": [{"type": "Ready", "status": ready, "reason": "Any", "message": "",
                                "lastTransitionTime": "2026-11-24T10:00:00Z"}],
            },
        }))
        .unwrap()
    }

    #[test]
    fn a_resource_is_timed_once_from_its_intent_until_it_is_ready() {
        let now: Timestamp = "2026-11-24T10:00:42Z".parse().unwrap();
        let seconds = Duration::from_secs(42);
        assert_eq!(creation(None, &object("True"), now), Some(seconds));
        assert_eq!(creation(Some(ResourceState::Creating), &object("True"), now), Some(seconds));
        assert_eq!(creation(Some(ResourceState::Creating), &object("False"), now), None);
        assert_eq!(creation(Some(ResourceState::Active), &object("True"), now), None);
    }
}
