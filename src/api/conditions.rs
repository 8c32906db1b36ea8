//! Conditions by the Kubernetes API conventions and kstatus: `Ready` and `Synced` are always
//! present, `Reconciling` and `Stalled` only while they are true.

use crate::api::text::{one_line, shortened};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;

/// The condition types we write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionType {
    /// The AWS side exists, is usable and matches the spec of this generation.
    Ready,
    /// The last look at AWS found no difference from the spec, or only ones we may not touch.
    Synced,
    /// Work is going on; kstatus reads it as in progress.
    Reconciling,
    /// Nothing will change until somebody acts; kstatus reads it as failed.
    Stalled,
    /// No service agent decides about the resource; present only while true.
    Ungoverned,
}

impl ConditionType {
    /// The type's name as it stands in `status.conditions[].type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Synced => "Synced",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
            Self::Ungoverned => "Ungoverned",
        }
    }
}

/// What one pass found out, in the form in which it becomes conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the AWS side is usable and as declared.
    pub ready: bool,
    /// Whether the last comparison with AWS found what the spec asks for.
    pub synced: bool,
    /// In progress, stuck, or neither.
    pub progress: Progress,
    /// CamelCase reason for all conditions of this pass.
    pub reason: &'static str,
    /// One or two whole sentences: what is, and what to do if something is to be done.
    pub message: String,
}

/// Whether an object is on its way, stuck, or settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing is going on.
    Settled,
    /// The controller is at work or will try again by itself.
    Reconciling,
    /// A person has to act; the controller looks again only slowly.
    Stalled,
}

/// The longest message we write; the API server's own bound is 32768 characters.
const MESSAGE_LIMIT: usize = 1024;

impl Verdict {
    /// A settled, ready object.
    pub fn ready(reason: &'static str, message: impl Into<String>) -> Self {
        Self { ready: true, synced: true, progress: Progress::Settled, reason, message: message.into() }
    }

    /// An object the controller is working on.
    pub fn reconciling(reason: &'static str, message: impl Into<String>) -> Self {
        Self { ready: false, synced: false, progress: Progress::Reconciling, reason, message: message.into() }
    }

    /// An object that waits for a person.
    pub fn stalled(reason: &'static str, message: impl Into<String>) -> Self {
        Self { ready: false, synced: false, progress: Progress::Stalled, reason, message: message.into() }
    }

    /// The condition list for this verdict. Transition times of `previous` are kept where the
    /// status did not flip, so that writing the same verdict again changes nothing.
    pub fn conditions(&self, previous: &[Condition], generation: i64, now: Timestamp) -> Vec<Condition> {
        let mut wanted = vec![(ConditionType::Ready, self.ready), (ConditionType::Synced, self.synced)];
        match self.progress {
            Progress::Settled => {}
            Progress::Reconciling => wanted.push((ConditionType::Reconciling, true)),
            Progress::Stalled => wanted.push((ConditionType::Stalled, true)),
        }
        wanted.into_iter().map(|(kind, holds)| self.condition(kind, holds, previous, generation, now)).collect()
    }

    /// One condition that is true for this verdict's reason, beside those of the pass.
    pub fn as_condition(
        &self,
        kind: ConditionType,
        previous: &[Condition],
        generation: i64,
        now: Timestamp,
    ) -> Condition {
        self.condition(kind, true, previous, generation, now)
    }

    fn condition(
        &self,
        kind: ConditionType,
        holds: bool,
        previous: &[Condition],
        generation: i64,
        now: Timestamp,
    ) -> Condition {
        let status = if holds { "True" } else { "False" };
        let since = previous
            .iter()
            .find(|old| old.type_ == kind.as_str() && old.status == status)
            .map_or(Time(now), |old| old.last_transition_time.clone());
        Condition {
            type_: kind.as_str().into(),
            status: status.into(),
            observed_generation: Some(generation),
            last_transition_time: since,
            reason: self.reason.into(),
            message: shortened(&one_line(&self.message), MESSAGE_LIMIT),
        }
    }
}

/// A message that differs from the last one only in the AWS request id is no news: the old one stays,
/// or a failing call would write to the API server with every try.
pub fn keep_repeats(mut new: Vec<Condition>, old: &[Condition]) -> Vec<Condition> {
    for condition in &mut new {
        let same = |other: &&Condition| {
            other.type_ == condition.type_
                && other.status == condition.status
                && other.reason == condition.reason
                && without_request_id(&other.message) == without_request_id(&condition.message)
        };
        if let Some(repeat) = old.iter().find(same) {
            condition.message.clone_from(&repeat.message);
        }
    }
    new
}

/// A message without the AWS request id in it.
pub fn without_request_id(message: &str) -> String {
    match message.split_once(" (request id ") {
        Some((before, after)) => format!("{before}{}", after.split_once(')').map_or("", |(_, rest)| rest)),
        None => message.to_owned(),
    }
}

/// Cuts `text` to at most `limit` characters, with an ellipsis where something was cut.
pub fn bounded(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars().take(limit.saturating_sub(1)).chain(['…']).collect()
}

/// Whether `conditions` say that `kind` is true.
pub fn is_true(conditions: &[Condition], kind: ConditionType) -> bool {
    conditions.iter().any(|c| c.type_ == kind.as_str() && c.status == "True")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn transition_time_moves_only_when_the_status_flips() {
        let first = Verdict::reconciling("Creating", "The bucket is being created.").conditions(&[], 1, at(10));
        let second = Verdict::reconciling("Creating", "Still at it.").conditions(&first, 1, at(20));
        let third = Verdict::ready("Available", "All is well.").conditions(&second, 1, at(30));
        assert_eq!(second[0].last_transition_time, Time(at(10)));
        assert_eq!(third[0].last_transition_time, Time(at(30)));
    }

    #[test]
    fn abnormal_conditions_are_present_only_while_true() {
        let stalled = Verdict::stalled("Denied", "No.").conditions(&[], 1, at(1));
        assert!(is_true(&stalled, ConditionType::Stalled));
        assert_eq!(Verdict::ready("Available", "Yes.").conditions(&stalled, 1, at(2)).len(), 2);
    }

    #[test]
    fn the_request_id_is_no_part_of_the_news() {
        assert_eq!(without_request_id("X failed: no (request id 7). Do it."), "X failed: no. Do it.");
        let say = |id: &str| Verdict::stalled("Denied", format!("No (request id {id}).")).conditions(&[], 1, at(1));
        assert_eq!(keep_repeats(say("2"), &say("1")), say("1"));
    }

    #[test]
    fn a_message_is_one_line_and_a_long_one_keeps_its_end() {
        let said = format!("X failed: a\nb{} (request id 7). Do it.", "x".repeat(2000));
        let message = Verdict::stalled("Denied", said).conditions(&[], 1, at(1))[0].message.clone();
        assert_eq!(message.chars().count(), MESSAGE_LIMIT);
        assert!(message.starts_with("X failed: a\\nbx") && message.ends_with(" (request id 7). Do it."), "{message}");
    }

    #[test]
    fn a_long_message_is_cut_at_a_character_boundary() {
        assert_eq!(bounded("äöü", 2), "ä…");
        assert_eq!(bounded("äöü", 3), "äöü");
    }
}
