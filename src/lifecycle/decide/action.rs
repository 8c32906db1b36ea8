//! What may be decided.

use crate::agents::decisions::Decision;
use crate::api::resource::Change;
use crate::api::service_agent::DecisionGround;
use std::time::Duration;

/// The one thing to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Put the finalizer on the object and write down what is about to be created.
    WriteIntent {
        /// The number of the resource's life.
        incarnation: i32,
    },
    /// Read the object from the API server itself and look again.
    Reread,
    /// Take back on record that nothing was made, before a call that may make something.
    ExpectEffect,
    /// Make the resource.
    Create,
    /// Write down the id of a resource that was found to be ours.
    Record(String),
    /// Make an unowned resource ours by its tags.
    Adopt,
    /// Write down that the resource is about to be stopped for a change.
    BeginRestart,
    /// Write down that it runs again.
    EndRestart,
    /// Carry out these changes.
    Update(Vec<Change>),
    /// Start what AWS itself has stopped.
    Start(DecisionGround),
    /// Ask a person to approve what the service agent may not do by itself.
    Recommend {
        /// What would be done.
        decision: Decision,
        /// The reason for the conditions.
        reason: &'static str,
        /// What is so.
        what: String,
    },
    /// Remove the resource.
    Delete,
    /// Look again later.
    Wait {
        /// How much later.
        after: Duration,
        /// The reason for the conditions.
        reason: &'static str,
        /// What is waited for.
        why: String,
    },
    /// Let the object go.
    RemoveFinalizer(Parting),
    /// All is as it should be.
    Nothing,
    /// Leave everything as it is until somebody acts.
    Refuse {
        /// The reason for the conditions.
        reason: &'static str,
        /// What is wrong and what to do.
        message: String,
    },
}

/// How an object parts from its AWS resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parting {
    /// The resource is gone, confirmed by reading.
    Deleted,
    /// It stays, as the policies say.
    Retained,
    /// There never was one.
    NothingMade,
    /// It belongs to somebody else.
    NotOurs,
}

impl Action {
    /// The action's name, for `status.lastAction` and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::WriteIntent { .. } => "WriteIntent",
            Self::Reread => "Reread",
            Self::ExpectEffect => "ExpectEffect",
            Self::Create => "Create",
            Self::Record(_) => "Record",
            Self::Adopt => "Adopt",
            Self::BeginRestart => "BeginRestart",
            Self::EndRestart => "EndRestart",
            Self::Update(_) => "Update",
            Self::Start(_) => "Start",
            Self::Recommend { .. } => "Recommend",
            Self::Delete => "Delete",
            Self::Wait { .. } => "Wait",
            Self::RemoveFinalizer(_) => "RemoveFinalizer",
            Self::Nothing => "Nothing",
            Self::Refuse { .. } => "Refuse",
        }
    }
}
