//! Objects that a person holds by an annotation: paused ones, and protected ones that are to be deleted.

use crate::api::conditions::{ConditionType, Verdict, is_true};
use crate::api::{ANNOTATION_PAUSED, ANNOTATION_PROTECTED};
use crate::lifecycle::error::PassError;
use crate::lifecycle::news::News;
use crate::lifecycle::{Next, Walk, status};
use k8s_openapi::jiff::Timestamp;

impl Walk<'_> {
    /// Leaves what is paused alone.
    pub(super) async fn pause(&mut self) -> Result<Next, PassError> {
        let message = format!(
            "Paused by the annotation {ANNOTATION_PAUSED}; nothing is read or written in AWS. Remove it to go on."
        );
        let ready = self.object.status.as_ref().is_some_and(|status| is_true(&status.conditions, ConditionType::Ready));
        let verdict = Verdict { ready, synced: false, ..Verdict::ready("ReconcilePaused", message) };
        let status = self.next_status(&verdict, Timestamp::now(), |_| {});
        status::write(&self.api, &mut self.object, status).await?;
        Ok(Next::Done)
    }

    /// Keeps what is to be deleted; the chart's admission policy refuses such a deletion before it begins.
    pub(super) async fn protect(&mut self) -> Result<Next, PassError> {
        let message = format!(
            "The annotation {ANNOTATION_PROTECTED} protects the object, so that nothing is deleted. Remove it to let the deletion go on."
        );
        let verdict = Verdict::stalled("DeletionProtected", message.clone());
        let known =
            self.object.status.as_ref().is_some_and(|status| is_true(&status.conditions, ConditionType::Stalled));
        if !known {
            News::warning(verdict.reason, message).publish(&self.object, "Delete", self.cx);
        }
        let status = status::next(&self.object, &verdict, Timestamp::now(), |_| {});
        status::write(&self.api, &mut self.object, status).await?;
        Ok(Next::Done)
    }
}
