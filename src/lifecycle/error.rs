//! Why a pass did not come to its end, and what that leaves behind.

use crate::api::conditions::{ConditionType, Verdict, is_true};
use crate::api::resource::AwsResource;
use crate::aws::error::{AwsError, ErrorClass};
use crate::fence::NotLeader;
use crate::kinds::Invalid;
use crate::lifecycle::resolve::ResolveError;
use crate::lifecycle::secrets::SecretError;

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

    /// Whether only news can change it, so that trying again by the clock would be for nothing.
    pub fn waits_for_news(&self) -> bool {
        matches!(self, Self::NoKind | Self::Invalid { .. } | Self::Awaiting(_) | Self::Impossible(_) | Self::Cycle(_))
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

    /// What it means for the object.
    pub fn verdict(&self, object: &AwsResource) -> Verdict {
        let (reason, stuck, next_step) = match self {
            Self::Stale => ("Stale", false, ""),
            Self::NotLeader(_) => (ErrorClass::NotLeader.reason(), false, "The leader goes on with it."),
            Self::Cluster(_) => ("ApiServerUnavailable", false, "The controller tries again."),
            Self::NoKind => ("InvalidSpec", true, "Declare exactly one kind block."),
            Self::Invalid { .. } => ("InvalidSpec", true, "Correct the field."),
            Self::Awaiting(_) => ("DependencyNotReady", false, "The controller goes on as soon as it is."),
            Self::Impossible(_) => ("OutputMissing", true, "Correct the reference."),
            Self::Cycle(_) => ("DependencyCycle", true, "Take one of the references out."),
            Self::Resolve(error) => (error.reason(), error.needs_a_person(), error.next_step()),
            Self::Secret(error) => (error.problem.reason(), true, error.problem.next_step()),
            Self::Observe(error) | Self::Write { error, .. } => {
                (error.class.reason(), error.class.needs_a_person(), error.next_step())
            }
        };
        let message = format!("{}. {next_step}", self.to_string().trim_end_matches('.'));
        if stuck {
            return Verdict::stalled(reason, message);
        }
        // A resource that was fine does not stop being so because AWS was slow to answer a read.
        let was_ready = matches!(self, Self::Observe(_)) && is_ready_at_this_generation(object);
        Verdict { ready: was_ready, ..Verdict::reconciling(reason, message) }
    }
}

fn is_ready_at_this_generation(object: &AwsResource) -> bool {
    object.status.as_ref().is_some_and(|status| {
        status.observed_generation == object.metadata.generation && is_true(&status.conditions, ConditionType::Ready)
    })
}
