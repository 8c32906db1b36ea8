//! The gate that every attempt of every AWS write passes, right before it is sent.

use crate::fence::Fence;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use std::time::Duration;

/// Verbs of operations that change nothing. An operation that is none of these counts as a write.
const READS: &[&str] = &["Get", "Head", "List", "Describe", "Assume"];

/// Refuses writes that the fence does not permit. It stands in the clients and not in the lifecycle,
/// so that it also meets each further call of a kind that needs several, and each repeat by the SDK.
#[derive(Clone, Debug)]
pub(super) struct WriteGate {
    /// The fence.
    pub fence: Fence,
    /// Time for one attempt of a call.
    pub attempt_timeout: Duration,
}

#[dyn_dispatch_hint]
impl Intercept for WriteGate {
    fn name(&self) -> &'static str {
        "WriteGate"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if config.load::<Metadata>().is_some_and(|operation| is_read(operation.name())) {
            return Ok(());
        }
        Ok(self.fence.permit(self.attempt_timeout)?)
    }
}

/// Whether an operation changes nothing.
pub(super) fn is_read(operation: &str) -> bool {
    READS.iter().any(|verb| operation.starts_with(verb))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_looks_is_a_read_and_all_else_is_a_write() {
        for operation in ["GetCallerIdentity", "AssumeRole", "HeadBucket", "ListRolePolicies", "DescribeInstances"] {
            assert!(is_read(operation), "{operation}");
        }
        for operation in ["RunInstances", "CreateBucket", "PutBucketTagging", "DeleteTable", "SomethingNew"] {
            assert!(!is_read(operation), "{operation}");
        }
    }
}
