//! The plan for one object: what a pass found out and decided, before any of it is done.
//!
//! One function makes it, from resolve to decide. The controller carries it out and tells it in status
//! and Events; `ccagi-aws-agent plan` prints it and stops there.

pub mod ahead;
pub mod price;
pub mod recognise;

use crate::api::resource::{Change, Effect, Health, ResourceState};
use crate::api::text::shortened;
use crate::aws::session::Aws;
use crate::aws::tags::Tags;
use crate::kinds::{Kind, diff};
use crate::lifecycle::decide::{self, Action, Facts, Parting, Sight};
use crate::lifecycle::error::PassError;
use crate::lifecycle::names::TwoNames;
use crate::lifecycle::observe::{View, Wanted, observe};
use crate::lifecycle::resolve::resolve;
use crate::lifecycle::secrets::SecretProblem;
use crate::lifecycle::{Desired, Filled, Walk};
use kube::ResourceExt;
use serde::Serialize;
use serde_json::Value;
use std::time::Instant;

/// The longest note that a plan tells.
const NOTE_LIMIT: usize = 512;

/// What is to be done for one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The one thing to do next.
    pub action: Action,
    /// The id of the resource that was found, or was on record.
    pub id: Option<String>,
    /// Where the resource that was found is in its life.
    pub state: Option<ResourceState>,
    /// Whether it does its work.
    pub health: Option<Health>,
    /// What differs from the spec, whether it may be carried out or not; of a resource that is to be
    /// made, all that the spec says.
    pub changes: Vec<Change>,
    /// The fields that come up as changes once these are carried out.
    pub follow_ups: Vec<&'static str>,
    /// What must be there before the action can be taken: the names of objects, or Secrets in words.
    /// Empty where the controller itself works: it waits first and plans then.
    pub waits_for: Vec<String>,
    /// What else there is to say, in whole sentences.
    pub notes: Vec<String>,
}

/// What an action means for the resource, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    /// It is made.
    Create,
    /// An existing one is taken over by its tags; changes follow.
    Adopt,
    /// It is changed while it runs.
    Update,
    /// It is stopped, changed and started.
    Restart,
    /// It would have to be made anew, which is refused.
    Replace,
    /// It is removed.
    Delete,
    /// The object goes, and nothing is done in AWS.
    Release,
    /// Something else must come first.
    Wait,
    /// Nothing is done until somebody acts.
    Refuse,
    /// Nothing is to be done.
    Nothing,
}

impl Plan {
    /// What was decided without a look at AWS.
    fn without_looking(action: Action, id: Option<String>) -> Self {
        Self {
            action,
            id,
            state: None,
            health: None,
            changes: Vec::new(),
            follow_ups: Vec::new(),
            waits_for: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn of<K: Kind>(action: Action, view: &View<K>, spec: &K::Spec, tags: &Tags, id: Option<String>) -> Self {
        let changes = match &action {
            Action::Create => everything::<K>(spec, tags),
            // A start that is owed differs from no field of the spec.
            Action::Update(changes) => {
                let further = view.sight.changes().iter().filter(|change| !changes.contains(change));
                changes.iter().chain(further).cloned().collect()
            }
            _ => view.sight.changes().to_vec(),
        };
        let follow_ups = match &action {
            Action::Update(changes) => K::follow_ups(spec, changes),
            _ => Vec::new(),
        };
        let found = view.found.as_ref();
        Self {
            id: found.map(|(id, _)| id.clone()).or(id),
            state: found.map(|(_, observed)| observed.state),
            health: found.map(|(_, observed)| K::health(observed, view.sight.changes()).health),
            changes,
            follow_ups,
            ..Self::without_looking(action, None)
        }
    }

    /// What the action means for the resource.
    pub fn step(&self) -> Step {
        match &self.action {
            Action::WriteIntent { .. } | Action::ExpectEffect | Action::Create => Step::Create,
            Action::Adopt => Step::Adopt,
            Action::BeginRestart | Action::EndRestart | Action::Start(_) => Step::Restart,
            Action::Update(changes) if changes.iter().any(|change| change.effect == Effect::Restart) => Step::Restart,
            Action::Update(_) => Step::Update,
            Action::Delete => Step::Delete,
            Action::RemoveFinalizer(_) => Step::Release,
            Action::Wait { .. } => Step::Wait,
            Action::Refuse { reason: "ReplaceRefused", .. } => Step::Replace,
            Action::Refuse { .. } | Action::Recommend { .. } => Step::Refuse,
            Action::Reread | Action::Record(_) | Action::Nothing => Step::Nothing,
        }
    }

    /// Whether the action, or what follows from it, makes this change.
    pub fn carries_out(&self, change: &Change) -> bool {
        match &self.action {
            Action::Create | Action::Adopt => true,
            Action::Update(changes) => changes.contains(change),
            _ => false,
        }
    }

    /// The reason and the words of an action that waits or refuses.
    pub fn why(&self) -> Option<(&'static str, &str)> {
        match &self.action {
            Action::Wait { reason, why, .. } => Some((reason, why)),
            Action::Refuse { reason, message } => Some((reason, message)),
            Action::Recommend { reason, what, .. } => Some((reason, what)),
            Action::RemoveFinalizer(parting) => Some(match parting {
                Parting::Deleted => ("Deleted", "AWS no longer has the resource; the object may go."),
                Parting::Retained => ("Retained", "The resource stays in AWS, as the policies say."),
                Parting::NothingMade => ("Released", "Nothing had been made in AWS."),
                Parting::NotOurs => ("Released", "The resource in AWS belongs to somebody else and is not touched."),
            }),
            _ => None,
        }
    }

    /// The paths of the changes, for logs.
    fn paths(&self) -> String {
        self.changes.iter().map(|change| change.path.as_str()).collect::<Vec<_>>().join("; ")
    }

    /// Whether something is done to the resource.
    pub fn acts(&self) -> bool {
        matches!(self.step(), Step::Create | Step::Adopt | Step::Update | Step::Restart | Step::Delete)
    }

    /// Whether anything differs from what is declared. What is let go of on purpose does not.
    pub fn differs(&self) -> bool {
        !matches!(self.step(), Step::Nothing | Step::Release) || !self.changes.is_empty()
    }
}

/// All that a spec and the user's tags say, as changes from nothing.
fn everything<K: Kind>(spec: &K::Spec, tags: &Tags) -> Vec<Change> {
    let fields = diff::Fields { effect: &|_| Some(Effect::InPlace), hidden: &[], ..K::fields() };
    // The pass has written the spec before, so that this cannot fail.
    let written = serde_json::to_value(spec).unwrap_or_default();
    let mut all = diff::between(&written, &Value::Null, &fields);
    for change in &mut all {
        // Items that have their names from what they say have none as they are written.
        change.path = change.path.replace("[]", "");
    }
    all.extend(tags.iter().map(|(key, value)| Change {
        path: format!("tags.{key}"),
        from: None,
        to: Some(value.clone()),
        effect: Effect::InPlace,
    }));
    all
}

/// A plan, and what it takes to carry it out.
pub(super) struct Examined<K: Kind> {
    pub plan: Plan,
    pub facts: Facts,
    /// `None` where nothing in AWS is needed for it.
    pub ground: Option<Ground<K>>,
}

/// What AWS has and is to have.
pub(super) struct Ground<K: Kind> {
    pub aws: Aws,
    pub desired: Desired<K>,
    pub view: View<K>,
}

impl Walk<'_> {
    /// Finds out what is to be done and does none of it: resolve → observe → decide.
    pub(super) async fn examine<K: Kind>(&mut self, spec: K::Spec) -> Result<Examined<K>, PassError> {
        let begun = Instant::now();
        let mut facts = self.facts::<K>(&spec);
        if let Some(action) = decide::without_account(&facts) {
            let plan = Plan::without_looking(action, facts.recorded_id.clone());
            return Ok(Examined { plan, facts, ground: None });
        }
        let givers = self.givers::<K>(&spec);
        let Filled { spec, postponed, waits_for } = self.without_references::<K>(spec, &facts)?;
        facts.postponed = postponed;
        facts.request_hash = self.request_hash::<K>(&spec);
        if !facts.deleting {
            self.validate::<K>(&spec, &waits_for)?;
        }
        let aws = resolve(&self.object, self.cx).await?;
        aws.region().clone_into(&mut self.region);
        let guard = self.guard::<K>(&spec, &givers, &aws, &facts).await?;
        let desired = self.desired::<K>(spec, &facts)?;
        let mut unknown = Unknown { waits_for, notes: Vec::new() };
        let secrets = match self.secret_changes(&desired, &facts).await {
            Err(error) if self.looks_ahead => unknown.without_secrets(error)?,
            outcome => outcome?,
        };
        let view = match decide::without_looking(&facts) {
            Some(_) => View { sight: Sight::Unseen, found: None },
            None => {
                let wanted =
                    Wanted { spec: &desired.spec, owner: &desired.owner, tags: &desired.tags, secrets: &secrets };
                match observe::<K>(&aws, &self.object, &wanted, facts.deleting).await {
                    Ok(view) => view,
                    Err(error) => {
                        self.seen = self.glimpse::<K>(&aws, &wanted, &error).await;
                        return Err(PassError::Observe(error));
                    }
                }
            }
        };
        facts.missed_for = self.remember_absence(&view.sight, &facts, begun);
        facts.fruitless_updates = self.fruitless_updates(&view.sight);
        let action = guard.permit(decide::decide(&facts, &view.sight), &facts);
        if self.looks_ahead && matches!(action, Action::Create | Action::Update(_)) {
            unknown.notes.extend(facts.postponed.iter().map(|why| format!("Some of it follows later. {why}")));
        }
        self.actions.push(action.name());
        let plan = Plan {
            waits_for: unknown.waits_for,
            notes: unknown.notes,
            ..Plan::of::<K>(action, &view, &desired.spec, &self.object.spec.tags, facts.recorded_id.clone())
        };
        self.seen = self.what_was_seen::<K>(&view, &plan, &facts);
        tracing::debug!(
            object = %self.object.name_any(),
            kind = K::NAME.as_str(),
            action = plan.action.name(),
            changes = %plan.paths(),
            "decided"
        );
        Ok(Examined { plan, facts, ground: Some(Ground { aws, desired, view }) })
    }

    /// What the schema cannot check. A value that is not known yet cannot be wrong.
    fn validate<K: Kind>(&self, spec: &K::Spec, waits_for: &[String]) -> Result<(), PassError> {
        if let Some(names) = TwoNames::of::<K>(&self.object, spec) {
            return Err(PassError::Invalid { member: K::NAME.member(), invalid: names.invalid() });
        }
        match K::validate(spec) {
            Err(invalid) if waits_for.is_empty() || !K::REFERENCES.iter().any(|known| known.to == invalid.path) => {
                Err(PassError::Invalid { member: K::NAME.member(), invalid })
            }
            _ => Ok(()),
        }
    }
}

/// What stands in a plan that looks ahead for what cannot be known yet.
struct Unknown {
    waits_for: Vec<String>,
    notes: Vec<String>,
}

impl Unknown {
    /// Goes on without what could not be learned of Secrets, and says so.
    fn without_secrets(&mut self, error: PassError) -> Result<Vec<Change>, PassError> {
        let note = match &error {
            PassError::Secret(secret) => {
                if let SecretProblem::Missing(name) = &secret.problem {
                    self.waits_for.push(format!("Secret {name}"));
                }
                format!("{error}. Whether its value has changed is not known.")
            }
            PassError::Cluster(error) => {
                format!("Whether the values of its Secrets have changed is not known: {error}.")
            }
            _ => return Err(error),
        };
        self.notes.push(shortened(&note, NOTE_LIMIT));
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests;
