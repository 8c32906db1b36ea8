//! What users may write: the custom resources of the group `aws.ccagi.io`.
//!
//! This room knows no cluster and no AWS. The one thing it takes from above is the union of kind
//! blocks, which the table in [`crate::kinds`] generates, so that a new kind is one line there.

pub mod account;
pub mod commands;
pub mod conditions;
pub mod cost;
pub mod crd;
pub mod fit;
pub mod guardrails;
pub mod names;
pub mod resource;
pub mod service_agent;
pub mod text;

use k8s_openapi::jiff::Timestamp;

/// A moment as it stands in specs, statuses and reports: RFC 3339 in UTC, to the second.
pub fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The finalizer that keeps an object until its AWS side is settled.
pub const FINALIZER: &str = "aws.ccagi.io/finalizer";

/// Annotation that stops every AWS call for an object while its value is `"true"`.
pub const ANNOTATION_PAUSED: &str = "aws.ccagi.io/paused";

/// Annotation that keeps an object and what it stands for while its value is `"true"`: its deletion waits.
pub const ANNOTATION_PROTECTED: &str = "aws.ccagi.io/protected";

/// Annotation that asks for a reconcile now; its value is answered in `status.lastHandledReconcileAt`.
pub const ANNOTATION_RECONCILE: &str = "aws.ccagi.io/reconcile-requested-at";

/// Annotation that approves the one recommendation in `status.recommendations` whose id is its value.
pub const ANNOTATION_APPROVE: &str = "aws.ccagi.io/approve";

/// Annotation of a namespace that names the historical agents which own its resources, as in
/// `S3Bucket=Kotler,*=Napoleon`.
pub const ANNOTATION_OWNERS: &str = "aws.ccagi.io/owners";

/// Label of the service agents that the controller has registered itself and removes again.
pub const LABEL_REGISTERED: &str = "aws.ccagi.io/registered";

/// The field manager of the account controller's server-side apply patches.
pub const MANAGER_ACCOUNT: &str = "ccagi-account-controller";

/// The field manager of the service agent controller's server-side apply patches.
pub const MANAGER_AGENT: &str = "ccagi-agent-controller";

/// The field manager of the resource controller's server-side apply patches.
pub const MANAGER_RESOURCE: &str = "ccagi-resource-controller";
