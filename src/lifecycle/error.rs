//! Why a pass did not come to its end, and what that leaves behind.

use crate::api::conditions::{ConditionType, Verdict, is_true};
use crate::api::resource::AwsResource;
use crate::aws::error::{AwsError, ErrorClass};
use crate::aws::passing::Passing;
use crate::fence::NotLeader;
use crate::kinds::Invalid;
use crate::lifecycle::references::Unfit;
use crate::lifecycle::resolve::ResolveError;
use crate::lifecycle::secrets::SecretError;
use crate::lifecycle::write_refused;
use std::borrow::Cow;
use std::time::Duration;

/// Why a pass did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum PassError {
    /// The object has changed since it was read. Nothing was written.
    #[error("the object has changed since it was read")]
    Stale,
    /// This process is not, or not for long enough, the one that works. Nothing was written.
    #[error(transparent)]
    NotLeader(#[from] NotLeader),
    /// The API server could not be asked or refused. What AWS has is found again from the intent.
    #[error("the API server failed: {0}")]
    Cluster(kube::Error),
    /// The API server refused what was to be written to the object as invalid. What was done in AWS before stays
    /// done.
    #[error("{}", write_refused::in_words(.0))]
    Refused(String),
    /// The object has no kind block, or more than one. Nothing was touched.
    #[error("spec: exactly one kind block must be set")]
    NoKind,
    /// The kind block cannot be carried out. Nothing was touched.
    #[error("spec.{member}.{invalid}")]
    Invalid {
        /// The member of the spec that holds the kind block.
        member: &'static str,
        /// What is wrong with it.
        invalid: Invalid,
    },
    /// The object's account cannot be used. Nothing was touched.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// What the spec refers to is not there yet. Nothing was touched.
    #[error("{}", .0.join(" "))]
    Awaiting(Vec<String>),
    /// What the spec refers to cannot be had as things are. Nothing was touched.
    #[error("{}", .0.join(" "))]
    Impossible(Vec<String>),
    /// What the spec refers to has a value that its field cannot take. Nothing was touched.
    #[error("spec.{member}.{unfit}")]
    Unfit {
        /// The member of the spec that holds the kind block.
        member: &'static str,
        /// Which field, and why.
        unfit: Unfit,
    },
    /// The kind block cannot be written as JSON, so that what it refers to is not known. Nothing was touched.
    #[error("spec.{member} cannot be written as JSON: {error}")]
    Unwritable {
        /// The member of the spec that holds the kind block.
        member: &'static str,
        /// What is wrong with it.
        error: serde_json::Error,
    },
    /// The references lead in a circle. Nothing was touched.
    #[error("the references lead in a circle: {}", .0.join(" → "))]
    Cycle(Vec<String>),
    /// The value of a secret cannot be had. Nothing was sent to AWS.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// AWS could not be read. Nothing was touched.
    #[error("{0}")]
    Observe(AwsError),
    /// A write to AWS failed.
    #[error("{error}{}", self.left_behind())]
    Write {
        /// What was being done.
        action: &'static str,
        /// What AWS said.
        error: AwsError,
    },
}

impl From<kube::Error> for PassError {
    fn from(error: kube::Error) -> Self {
        if let Some(refusal) = write_refused::refusal(&error) {
            return Self::Refused(refusal);
        }
        match &error {
            kube::Error::Api(status) if status.is_conflict() || status.is_not_found() => Self::Stale,
            kube::Error::Service(refusal) if refusal.is::<NotLeader>() => Self::NotLeader(NotLeader),
            _ => Self::Cluster(error),
        }
    }
}

impl PassError {
    /// Whether a write was not begun because another process may be the one that works now. Then
    /// nothing is to be said about the object either: that is the other's to do.
    pub fn is_not_leader(&self) -> bool {
        match self {
            Self::NotLeader(_) => true,
            Self::Observe(error) | Self::Write { error, .. } => error.class == ErrorClass::NotLeader,
            _ => false,
        }
    }

    /// How long our own budget has no call left, at the most, where that is why.
    pub fn over_budget(&self) -> Option<Duration> {
        match self {
            Self::Observe(error) | Self::Write { error, .. } => match error.class {
                ErrorClass::OverBudget { wait } => Some(Duration::from_millis(wait.into())),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether our own budget only puts off a look at a resource that is fine as far as is known. Nothing has
    /// changed then, so that there is nothing to be said.
    pub fn puts_off_a_look(&self, object: &AwsResource) -> bool {
        let goes = object.metadata.deletion_timestamp.is_some();
        matches!(self, Self::Observe(_)) && self.over_budget().is_some() && !goes && is_ready_at_this_generation(object)
    }

    /// Whether only news can change it, so that trying again by the clock would be for nothing.
    pub fn waits_for_news(&self) -> bool {
        match self {
            Self::NoKind | Self::Invalid { .. } | Self::Unwritable { .. } => true,
            Self::Awaiting(_) | Self::Impossible(_) | Self::Unfit { .. } | Self::Cycle(_) => true,
            Self::Stale | Self::NotLeader(_) | Self::Cluster(_) | Self::Resolve(_) => false,
            Self::Refused(_) | Self::Secret(_) | Self::Observe(_) | Self::Write { .. } => false,
        }
    }

    /// Whether it keeps an object that is being deleted from going for as long as it lasts.
    fn keeps_waiting(&self, object: &AwsResource) -> bool {
        let of_aws = matches!(self, Self::Observe(_) | Self::Write { .. } | Self::Resolve(_));
        of_aws && object.metadata.deletion_timestamp.is_some() && self.over_budget().is_none()
    }

    /// What a failed write leaves behind, where that is not plain.
    fn left_behind(&self) -> &'static str {
        match self {
            Self::Write { error, .. } if matches!(error.class, ErrorClass::Transient | ErrorClass::Timeout) => {
                ". Whether it took effect is not known; AWS is read before anything is tried again"
            }
            _ => "",
        }
    }

    /// Why AWS may accept by itself later what it has refused, if it may.
    pub fn passing(&self) -> Option<Passing> {
        match self {
            Self::Write { error, .. } => Passing::of(error),
            _ => None,
        }
    }

    /// What it means for the object where it has happened for the first time.
    pub fn verdict(&self, object: &AwsResource) -> Verdict {
        self.verdict_after(object, Duration::ZERO)
    }

    /// What it means for the object where AWS has refused the same for this long.
    pub fn verdict_after(&self, object: &AwsResource, refused_for: Duration) -> Verdict {
        let over = self.passing().filter(|passing| refused_for >= passing.at_most());
        let (reason, stuck, next_step): (_, _, Cow<'static, str>) = match self {
            Self::Stale => ("Stale", false, "".into()),
            Self::NotLeader(_) => (ErrorClass::NotLeader.reason(), false, "The leader goes on with it.".into()),
            Self::Cluster(_) => ("ApiServerUnavailable", false, "The controller tries again.".into()),
            Self::Refused(_) => (write_refused::REASON, true, write_refused::next_step().into()),
            Self::NoKind => ("InvalidSpec", true, "Declare exactly one kind block.".into()),
            Self::Invalid { .. } => ("InvalidSpec", true, "Correct the field.".into()),
            Self::Awaiting(_) => ("DependencyNotReady", false, "The controller goes on as soon as it is.".into()),
            Self::Impossible(_) => ("OutputMissing", true, "Correct the reference.".into()),
            Self::Unfit { .. } => (
                "OutputDoesNotFit",
                true,
                "Correct the reference, or name another output of that object with it.".into(),
            ),
            Self::Unwritable { .. } => ("InvalidSpec", true, "Correct the kind block.".into()),
            Self::Cycle(_) => ("DependencyCycle", true, "Take one of the references out.".into()),
            Self::Resolve(error) => (error.reason(), error.needs_a_person(), error.next_step()),
            Self::Secret(error) => (error.problem.reason(), true, error.problem.next_step().into()),
            Self::Observe(error) | Self::Write { error, .. } => {
                (error.class.reason(), error.class.needs_a_person(), error.next_step().into())
            }
        };
        let what = self.to_string();
        let what = what.trim_end_matches('.');
        let mut message = match over {
            Some(passing) => format!("{what}. {}. {next_step}", passing.beyond()),
            None => format!("{what}. {next_step}"),
        };
        if self.keeps_waiting(object) && !message.contains("deletionPolicy: Retain") {
            message = format!("{message} {WAY_OUT}");
        }
        if stuck || over.is_some() {
            return Verdict::stalled(reason, message);
        }
        // A resource that was fine does not stop being so because AWS was slow to answer a read.
        let was_ready = matches!(self, Self::Observe(_)) && is_ready_at_this_generation(object);
        Verdict { ready: was_ready, ..Verdict::reconciling(reason, message) }
    }
}

/// How an object is let go that is being deleted and cannot come to its end. It needs neither AWS nor the account.
const WAY_OUT: &str = "To let the object go and leave in AWS whatever there is of it, set deletionPolicy: Retain.";

fn is_ready_at_this_generation(object: &AwsResource) -> bool {
    object.status.as_ref().is_some_and(|status| {
        status.observed_generation == object.metadata.generation && is_true(&status.conditions, ConditionType::Ready)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn error(class: ErrorClass) -> AwsError {
        AwsError { operation: "DescribeVpcs", class, code: None, message: "no".into(), request_id: None }
    }

    fn object(ready: &str, deleted: Value) -> AwsResource {
        serde_json::from_value(json!({
            "apiVersion": "aws.ccagi.io/v1alpha1", "kind": "AwsResource",
            "metadata": {"name": "one", "generation": 3, "deletionTimestamp": deleted},
            "spec": {"accountRef": {"name": "shop"}, "s3Bucket": {"bucketName": "one"}},
            "status": {"observedGeneration": 3, "conditions": [{
                "type": "Ready", "status": ready, "reason": "Any", "message": "",
                "lastTransitionTime": "2026-11-24T10:00:00Z",
            }]},
        }))
        .unwrap()
    }

    #[test]
    fn an_object_whose_deletion_waits_is_told_the_way_out() {
        let deleted = object("True", json!("2026-11-24T10:00:00Z"));
        let denied = || PassError::Observe(error(ErrorClass::Denied));
        let told = |error: PassError, object: &AwsResource| error.verdict(object).message.matches("Retain").count();
        assert_eq!(told(denied(), &deleted), 1);
        assert_eq!(told(denied(), &object("True", Value::Null)), 0, "it is not being deleted");
        let account = ResolveError::NamespaceNotAllowed { account: "a".into(), namespace: "n".into() };
        assert_eq!(told(PassError::Resolve(account), &deleted), 1, "it says so by itself");
        assert_eq!(told(PassError::Observe(error(ErrorClass::OverBudget { wait: 1 })), &deleted), 0);
    }

    #[test]
    fn our_own_budget_puts_off_only_a_look_at_what_is_fine() {
        let (fine, not_ready) = (object("True", Value::Null), object("False", Value::Null));
        let deleted = object("True", json!("2026-11-24T10:00:00Z"));
        let over = || error(ErrorClass::OverBudget { wait: 5000 });
        assert!(PassError::Observe(over()).puts_off_a_look(&fine));
        assert!(!PassError::Observe(over()).puts_off_a_look(&not_ready));
        assert!(!PassError::Observe(over()).puts_off_a_look(&deleted));
        assert!(!PassError::Write { action: "Update", error: over() }.puts_off_a_look(&fine));
        assert!(!PassError::Observe(error(ErrorClass::Throttled)).puts_off_a_look(&fine), "AWS was not read");
    }

    #[test]
    fn a_call_that_our_own_budget_refuses_is_throttled_and_waits_for_a_token() {
        let refused = PassError::Write { action: "Create", error: error(ErrorClass::OverBudget { wait: 5000 }) };
        assert_eq!(refused.over_budget(), Some(Duration::from_secs(5)));
        let verdict = refused.verdict(&object("False", Value::Null));
        assert_eq!(verdict.reason, "Throttled");
        assert!(
            verdict.message.contains("--aws-budget-share") && !verdict.message.contains("not known"),
            "{verdict:?}"
        );
        assert_eq!(PassError::Observe(error(ErrorClass::Throttled)).over_budget(), None);
    }
}
