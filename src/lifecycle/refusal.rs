//! What AWS has refused and not yet accepted: it stays told until a try succeeds, and for how long it
//! lasts decides whether it may still pass by itself.

use crate::api::conditions::{Progress, Verdict};
use crate::aws::error::{AwsError, ErrorClass};
use crate::aws::passing::Passing;
use crate::aws::session::Aws;
use crate::kinds::Kind;
use crate::lifecycle::Walk;
use crate::lifecycle::decide::Facts;
use crate::lifecycle::error::PassError;
use crate::lifecycle::observe::{View, Wanted, glimpse};
use crate::lifecycle::plan::Plan;
use crate::lifecycle::status::Described;
use std::time::{Duration, Instant};

/// The last write that AWS refused, of one generation of the spec. A process that begins anew knows of
/// none: what lasts then counts from its next refusal, so that nothing is given up on too early.
#[derive(Clone, Debug)]
pub struct Refusal {
    generation: Option<i64>,
    action: &'static str,
    verdict: Verdict,
    passing: Option<Lasting>,
}

/// Since when, by a monotonic clock, the same refusal has come that may pass by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Lasting {
    operation: &'static str,
    code: Option<String>,
    passing: Passing,
    since: Instant,
}

impl Refusal {
    /// What is known after this refusal, and for how long AWS has refused the same.
    fn after(
        old: Option<&Self>,
        generation: Option<i64>,
        error: &PassError,
        now: Instant,
    ) -> (Option<Lasting>, Duration) {
        let known = old.filter(|old| old.generation == generation).and_then(|old| old.passing.clone());
        let PassError::Write { error: refused, .. } = error else { return (known, Duration::ZERO) };
        match (error.passing(), known) {
            (Some(passing), Some(known))
                if known.passing == passing && known.operation == refused.operation && known.code == refused.code =>
            {
                let lasts = now.saturating_duration_since(known.since);
                (Some(known), lasts)
            }
            (Some(passing), _) => {
                let (operation, code) = (refused.operation, refused.code.clone());
                (Some(Lasting { operation, code, passing, since: now }), Duration::ZERO)
            }
            // AWS that fails or asks for fewer calls says nothing about what it has refused.
            (None, known) if !refused.class.needs_a_person() => (known, Duration::ZERO),
            (None, _) => (None, Duration::ZERO),
        }
    }

    /// What stays told while this is waited for. Before a resource is made again AWS is looked at twice, and
    /// what came of the last try is why. What AWS is busy with by itself tells more than that it was busy
    /// before, but less than a refusal that a person has to end.
    fn during(&self, wait: &str) -> Option<&Verdict> {
        let holds = match wait {
            "ConfirmingAbsence" => self.action == "Create",
            "Creating" | "Updating" | "Restarting" => self.verdict.progress == Progress::Stalled,
            _ => false,
        };
        holds.then_some(&self.verdict)
    }
}

impl Walk<'_> {
    /// What an error means for the object, after those of the same sort before it; remembered where AWS has
    /// refused a write.
    pub(super) fn verdict_on(&self, error: &PassError) -> Verdict {
        let generation = self.object.metadata.generation;
        self.cx.memory.change(&self.uid, |memory| {
            let (passing, lasts) = Refusal::after(memory.refusal.as_ref(), generation, error, Instant::now());
            let verdict = error.verdict_after(&self.object, lasts);
            if let PassError::Write { action, error: refused } = error
                && !matches!(refused.class, ErrorClass::OverBudget { .. })
            {
                memory.refusal = Some(Refusal { generation, action, verdict: verdict.clone(), passing });
            }
            verdict
        })
    }

    /// What AWS has refused and what stays told while this is waited for.
    pub(super) fn still_refused(&self, wait: &str) -> Option<Verdict> {
        let refusal = self.cx.memory.of(&self.uid).refusal.filter(|refusal| self.is_of_this_spec(refusal))?;
        refusal.during(wait).cloned()
    }

    /// Whether AWS has refused what this spec asks for and not yet accepted it.
    pub(super) fn is_refused(&self) -> bool {
        self.cx.memory.of(&self.uid).refusal.is_some_and(|refusal| self.is_of_this_spec(&refusal))
    }

    fn is_of_this_spec(&self, refusal: &Refusal) -> bool {
        refusal.generation == self.object.metadata.generation
    }

    /// Forgets what went wrong before, once a pass has come further. To wait or to look again is no such
    /// pass: a try that fails after each wait would begin with the shortest backoff for ever.
    pub(super) fn note_success(&self) {
        match self.done.last() {
            None | Some(&("Wait" | "Reread" | "ExpectEffect")) => {}
            Some(_) => self.cx.memory.change(&self.uid, |memory| (memory.failures, memory.refusal) = (0, None)),
        }
    }

    /// What a pass has seen of a resource that is this object's, for a status that is written although the
    /// pass does not come to its end.
    pub(super) fn what_was_seen<K: Kind>(&self, view: &View<K>, plan: &Plan, facts: &Facts) -> Option<Described> {
        let (id, observed) = view.found.as_ref()?;
        (view.sight.is_ours() || facts.policies.observe_only()).then(|| Described::of::<K>(id, observed, &plan.changes))
    }

    /// The same of one of which a part cannot be read, before it was ever seen as a whole.
    pub(super) async fn glimpse<K: Kind>(
        &self,
        aws: &Aws,
        wanted: &Wanted<'_, K>,
        refused: &AwsError,
    ) -> Option<Described> {
        let known = self.object.status.as_ref().is_some_and(|status| status.arn.is_some());
        let goes = self.object.metadata.deletion_timestamp.is_some();
        if known || goes || self.looks_ahead || !refused.class.needs_a_person() {
            return None;
        }
        // Where that fails too, what was refused first is told.
        let (id, observed) = glimpse::<K>(aws, &self.object, wanted).await.ok().flatten()?;
        Some(Described::of::<K>(&id, &observed, &[]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(operation: &'static str, code: &str, message: &str) -> PassError {
        let error = AwsError::within_answer(operation, Some(code), Some(message), None);
        PassError::Write { action: "Create", error }
    }

    fn profile() -> PassError {
        refused("RunInstances", "InvalidParameterValue", "Invalid IAM Instance Profile name")
    }

    fn kept(passing: Option<Lasting>) -> Refusal {
        Refusal { generation: Some(1), action: "Create", verdict: Verdict::reconciling("Conflict", ""), passing }
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn the_same_refusal_lasts_from_its_first_time_whatever_comes_between() {
        let begin = Instant::now();
        let (first, lasts) = Refusal::after(None, Some(1), &profile(), begin);
        assert_eq!(lasts, Duration::ZERO);
        let throttled = refused("RunInstances", "RequestLimitExceeded", "slow down");
        let (second, _) = Refusal::after(Some(&kept(first.clone())), Some(1), &throttled, begin + MINUTE);
        assert_eq!(second, first);
        let (third, lasts) = Refusal::after(Some(&kept(second)), Some(1), &profile(), begin + 6 * MINUTE);
        assert_eq!((third, lasts), (first.clone(), 6 * MINUTE));
        let (_, lasts) = Refusal::after(Some(&kept(first)), Some(2), &profile(), begin + 6 * MINUTE);
        assert_eq!(lasts, Duration::ZERO, "another spec begins anew");
    }

    #[test]
    fn what_may_pass_is_stalled_once_it_cannot_pass_any_more() {
        let object = serde_json::from_value(serde_json::json!({
            "apiVersion": "aws.ccagi.io/v1alpha1", "kind": "AwsResource", "metadata": {"name": "one"},
            "spec": {"accountRef": {"name": "shop"}, "s3Bucket": {"bucketName": "one"}},
        }))
        .unwrap();
        let still = profile().verdict_after(&object, 4 * MINUTE);
        assert_eq!((still.progress, still.reason), (Progress::Reconciling, "Conflict"));
        assert!(still.message.contains("takes a moment before EC2 knows it"), "{}", still.message);
        let over = profile().verdict_after(&object, 5 * MINUTE);
        assert_eq!((over.progress, over.reason), (Progress::Stalled, "Conflict"));
        assert!(over.message.contains("something else") && over.message.contains("iamInstanceProfile"), "{over:?}");
        let storage = refused("ModifyDBInstance", "InvalidDBInstanceState", "not available");
        assert_eq!(storage.verdict_after(&object, 1000 * MINUTE).progress, Progress::Reconciling);
        assert_eq!(storage.verdict_after(&object, 3000 * MINUTE).progress, Progress::Stalled);
    }

    #[test]
    fn a_refused_creation_stays_told_while_absence_is_confirmed_and_other_waits_speak_for_themselves() {
        let passing = kept(None);
        assert!(passing.during("ConfirmingAbsence").is_some());
        assert!(passing.during("Updating").is_none() && passing.during("ConfirmingDeletion").is_none());
        let stuck = Refusal { action: "Update", verdict: Verdict::stalled("InvalidRequest", ""), ..passing };
        assert!(stuck.during("Updating").is_some() && stuck.during("ConfirmingAbsence").is_none());
        assert!(stuck.during("DependencyNotReady").is_none());
    }
}
