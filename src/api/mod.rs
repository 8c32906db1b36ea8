//! What users may write: the custom resources of the group `aws.ccagi.io`.
//!
//! This room knows no cluster and no AWS. The one thing it takes from above is the union of kind
//! blocks, which the table in [`crate::kinds`] generates, so that a new kind is one line there.

pub mod account;
pub mod conditions;
pub mod cost;
pub mod crd;
pub mod resource;

/// The finalizer that keeps an object until its AWS side is settled.
pub const FINALIZER: &str = "aws.ccagi.io/finalizer";

/// Annotation that stops every AWS call for an object while its value is `"true"`.
pub const ANNOTATION_PAUSED: &str = "aws.ccagi.io/paused";

/// Annotation that asks for a reconcile now; its value is answered in `status.lastHandledReconcileAt`.
pub const ANNOTATION_RECONCILE: &str = "aws.ccagi.io/reconcile-requested-at";

/// The field manager of the account controller's server-side apply patches.
pub const MANAGER_ACCOUNT: &str = "ccagi-account-controller";

/// The field manager of the resource controller's server-side apply patches.
pub const MANAGER_RESOURCE: &str = "ccagi-resource-controller";
