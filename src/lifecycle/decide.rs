//! Decides the one thing to do next. Pure: what is known comes in as [`Facts`] and [`Sight`], one
//! [`Action`] goes out; nothing here waits, reads or writes.

mod action;
mod beyond;

pub use action::{Action, Parting};
pub use beyond::{next_life_ground, restart_ground, start};

use crate::agents::autonomy::Mandate;
use crate::api::resource::{AdoptionPolicy, Change, Effect, Intent, ResourceState};
use crate::kinds::Usually;
use crate::lifecycle::policies::Policies;
use beyond::{heal, next_life, restart};
use k8s_openapi::jiff::Timestamp;
use std::time::Duration;

/// What the object, its history and the configuration say.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The time of this pass.
    pub now: Timestamp,
    /// Whether the object is being deleted.
    pub deleting: bool,
    /// Whether our finalizer is on the object.
    pub finalizer: bool,
    /// What may be done.
    pub policies: Policies,
    /// What may be done beyond what the manifest asks for, by the service agent or by approval.
    pub mandate: Mandate,
    /// The write-ahead record.
    pub intent: Option<Intent>,
    /// Whether nothing was made under the intent: it was written a moment ago by this very walk, so that no
    /// create call can have been made under it, or AWS has refused each.
    pub intent_is_fresh: bool,
    /// Whether this very walk has read the object from the API server itself or written it by
    /// compare-and-swap: one from the cache may be long gone.
    pub current: bool,
    /// The id in status, which says that the resource existed.
    pub recorded_id: Option<String>,
    /// Whether the kind is named by its users, so that its id needs no record.
    pub named: bool,
    /// The names of the objects that cannot be without this one.
    pub dependants: Vec<String>,
    /// What the spec refers to and what is left out of it until it is known, in words.
    pub postponed: Vec<String>,
    /// The hash of the create request that the spec would make now.
    pub request_hash: String,
    /// Whether the controller has stopped the resource and owes it a start.
    pub restarting: bool,
    /// How long a resource of this kind may stay invisible; zero for kinds that do not lag.
    pub visibility_lag: Duration,
    /// How long before this pass began the first of the looks in vain ended, see [`Sight::is_in_vain`]; zero
    /// where this pass made it. By a monotonic clock: one that is set back must not keep a second look off.
    pub missed_for: Option<Duration>,
    /// Time between two looks at something that AWS is busy with.
    pub poll_period: Duration,
    /// Time between two looks at something that only news can change.
    pub drift_period: Duration,
    /// How long AWS usually takes with resources of this kind.
    pub usually: Usually,
    /// How often in a row the same changes were written without effect.
    pub fruitless_updates: u32,
}

impl Facts {
    /// Whether no call was made for the object that could have had an effect. What is known of a later life says
    /// nothing of the parts that an earlier one may have left behind.
    fn nothing_was_ever_made(&self) -> bool {
        let first_life = |intent: &Intent| self.intent_is_fresh && intent.incarnation == 1;
        self.recorded_id.is_none() && self.intent.as_ref().is_none_or(first_life)
    }

    /// Whether it stands on record that nothing was made under the intent.
    fn is_without_effect(&self) -> bool {
        self.intent.as_ref().is_some_and(|intent| intent.without_effect)
    }

    /// Whether an intent of this number begins another life of the resource.
    pub fn begins(&self, incarnation: i32) -> bool {
        self.intent.as_ref().is_none_or(|intent| intent.incarnation != incarnation)
    }
}

/// What a look at AWS showed.
#[derive(Clone, Debug)]
pub enum Sight {
    /// Nobody has looked.
    Unseen,
    /// AWS says that it does not exist.
    Absent,
    /// It is there and its tags name this object.
    Ours(Seen),
    /// It is there and its tags name nobody.
    Unowned(Seen),
    /// It is there and its tags name an earlier object of the same name in this cluster.
    Predecessor(Seen),
    /// It is there and belongs to somebody else, in words.
    Foreign(String),
    /// There is more than one that could be it.
    Ambiguous(Vec<String>),
}

impl Sight {
    /// Whether the look was in vain: nothing was there, or, for an object that goes, nothing with an
    /// owner's tags.
    pub fn is_in_vain(&self, deleting: bool) -> bool {
        match self {
            Self::Absent => true,
            Self::Unowned(_) => deleting,
            Self::Unseen | Self::Ours(_) | Self::Predecessor(_) | Self::Foreign(_) | Self::Ambiguous(_) => false,
        }
    }
}

/// A resource as far as a decision needs to know it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its id.
    pub id: String,
    /// Where it is in its life.
    pub state: ResourceState,
    /// AWS's words on that.
    pub detail: Option<String>,
    /// Whether it stands still and nobody had asked for that.
    pub stopped_by_failure: bool,
    /// What differs from the spec.
    pub changes: Vec<Change>,
}

/// After this many equal updates in a row without effect, the controller stops writing.
pub const FRUITLESS_LIMIT: u32 = 3;

/// What can be decided from the object alone, without an account: an object that is being deleted
/// must not wait for credentials where nothing is to be deleted.
pub fn without_account(facts: &Facts) -> Option<Action> {
    if !facts.deleting {
        return None;
    }
    if !facts.finalizer {
        return Some(Action::Nothing);
    }
    if facts.nothing_was_ever_made() {
        return Some(Action::RemoveFinalizer(Parting::NothingMade));
    }
    if !facts.dependants.is_empty() {
        return Some(Action::Wait {
            after: facts.drift_period,
            reason: "InUse",
            why: format!(
                "It stays as long as it is referred to, by {}. Delete those first.",
                facts.dependants.join(", ")
            ),
        });
    }
    (!facts.policies.delete).then_some(Action::RemoveFinalizer(Parting::Retained))
}

/// What can be decided without looking at AWS: nothing is made before the intent to make it is
/// written down.
pub fn without_looking(facts: &Facts) -> Option<Action> {
    let may_own = !facts.policies.observe_only();
    let recorded = facts.finalizer && (facts.intent.is_some() || facts.recorded_id.is_some());
    (!facts.deleting && may_own && !recorded)
        .then(|| Action::WriteIntent { incarnation: facts.intent.as_ref().map_or(1, |intent| intent.incarnation) })
}

/// Decides from everything that is known.
///
/// Nothing becomes ours on behalf of an object that only the cache has: were it gone, no finalizer would
/// be left to find the resource by.
pub fn decide(facts: &Facts, sight: &Sight) -> Action {
    match choose(facts, sight) {
        // Its compare-and-swap proves too that the object is still there.
        Action::Create | Action::Adopt if facts.is_without_effect() => Action::ExpectEffect,
        Action::Create | Action::Adopt if !facts.current => Action::Reread,
        action => action,
    }
}

fn choose(facts: &Facts, sight: &Sight) -> Action {
    if let Some(action) = without_account(facts).or_else(|| without_looking(facts)) {
        return action;
    }
    match (facts.deleting, sight) {
        (_, Sight::Unseen) => wait(facts, "Observing", "The resource has not been looked at yet.".into()),
        (_, Sight::Ambiguous(ids)) => refuse(
            "AmbiguousResource",
            format!(
                "More than one resource carries this object's token or tags: {}. Nothing was touched; remove the tags of those that are not wanted.",
                ids.join(", ")
            ),
        ),
        (true, Sight::Absent) => absent_while_deleting(facts),
        (true, Sight::Ours(seen)) => ours_while_deleting(facts, seen),
        (true, Sight::Unowned(_)) => unowned_while_deleting(facts),
        (true, Sight::Predecessor(_) | Sight::Foreign(_)) => Action::RemoveFinalizer(Parting::NotOurs),
        (false, Sight::Absent) => absent(facts),
        (false, Sight::Ours(seen)) => ours(facts, seen),
        (false, Sight::Unowned(seen)) => unowned(facts, seen, "it exists in AWS and nobody owns it"),
        (false, Sight::Predecessor(seen)) => {
            unowned(facts, seen, "it belongs to an earlier object of this name, which no longer exists")
        }
        (false, Sight::Foreign(owner)) => refuse(
            "ManagementConflict",
            format!(
                "It belongs to {owner} and is not touched. Choose another name or id, or delete that owner with deletionPolicy: Retain and remove its ccagi: tags."
            ),
        ),
    }
}

fn absent_while_deleting(facts: &Facts) -> Action {
    match still_uncertain(facts) {
        Some(after) => Action::Wait {
            after,
            reason: "ConfirmingDeletion",
            why: "AWS does not show the resource; a second look confirms that it is gone.".into(),
        },
        None => Action::RemoveFinalizer(Parting::Deleted),
    }
}

/// A resource may be shown before its tags are: what seems to be nobody's is believed to be so after a
/// second look only, as an absence is.
fn unowned_while_deleting(facts: &Facts) -> Action {
    match still_uncertain(facts) {
        Some(after) => Action::Wait {
            after,
            reason: "ConfirmingOwner",
            why: "The resource carries no owner's tags; a second look confirms that it is not this object's.".into(),
        },
        None => Action::RemoveFinalizer(Parting::NotOurs),
    }
}

fn ours_while_deleting(facts: &Facts, seen: &Seen) -> Action {
    match seen.state {
        ResourceState::Deleted => Action::RemoveFinalizer(Parting::Deleted),
        ResourceState::Deleting => {
            let takes = facts.usually.to_delete();
            wait(facts, "Deleting", detail(seen, &format!("AWS is deleting the resource; that usually takes {takes}.")))
        }
        ResourceState::Pending
        | ResourceState::Creating
        | ResourceState::Active
        | ResourceState::Updating
        | ResourceState::Stopped
        | ResourceState::Failed
        | ResourceState::Unknown => Action::Delete,
    }
}

/// Absence is believed at once where the kind does not lag or no create call can have been made;
/// else only after a second look, a visibility lag after the first.
fn still_uncertain(facts: &Facts) -> Option<Duration> {
    if facts.visibility_lag.is_zero() || facts.intent_is_fresh {
        return None;
    }
    let remaining = facts.visibility_lag.saturating_sub(facts.missed_for.unwrap_or_default());
    (!remaining.is_zero()).then_some(remaining)
}

fn absent(facts: &Facts) -> Action {
    if facts.policies.observe_only() {
        return refuse(
            "ResourceMissing",
            "It does not exist in AWS, and managementPolicies permit only observing. Create it, or permit Create."
                .into(),
        );
    }
    if let Some(after) = still_uncertain(facts) {
        let why = "AWS does not show the resource; a second look decides whether it was made.".into();
        return Action::Wait { after, reason: "ConfirmingAbsence", why };
    }
    if facts.policies.adoption == Some(AdoptionPolicy::Adopt) {
        return refuse(
            "ResourceMissing",
            "There is nothing to adopt. Create the resource, or set adoptionPolicy: adopt-or-create.".into(),
        );
    }
    if !facts.policies.create {
        return refuse(
            "ResourceMissing",
            "It does not exist in AWS, and managementPolicies do not permit Create.".into(),
        );
    }
    match &facts.intent {
        None => Action::WriteIntent { incarnation: 1 },
        // The resource was there and is gone: its life has verifiably ended, the next one begins.
        Some(intent) if facts.recorded_id.is_some() => next_life(facts, intent),
        // The spec was edited before anything was made: AWS must see the token with one request only.
        Some(intent) if intent.request_hash != facts.request_hash => {
            Action::WriteIntent { incarnation: intent.incarnation }
        }
        Some(_) => Action::Create,
    }
}

fn ours(facts: &Facts, seen: &Seen) -> Action {
    // One that is named by its user needs no record, unless it is on record that nothing was made.
    let needs_record = !facts.named || facts.intent_is_fresh;
    if needs_record && facts.recorded_id.as_ref() != Some(&seen.id) && !facts.policies.observe_only() {
        return Action::Record(seen.id.clone());
    }
    match seen.state {
        ResourceState::Creating | ResourceState::Updating | ResourceState::Pending if facts.restarting => {
            wait(facts, "Restarting", "The resource is stopped and started for a change.".into())
        }
        ResourceState::Deleted => match &facts.intent {
            Some(intent) if facts.policies.create => next_life(facts, intent),
            _ => {
                refuse("ResourceMissing", "It was deleted in AWS, and managementPolicies do not permit Create.".into())
            }
        },
        ResourceState::Deleting => {
            wait(facts, "DeletedOutside", "Somebody else is deleting the resource in AWS.".into())
        }
        ResourceState::Creating | ResourceState::Pending => wait(facts, "Creating", detail(seen, &being_made(facts))),
        ResourceState::Updating => wait(facts, "Updating", detail(seen, "AWS is changing the resource.")),
        ResourceState::Failed => {
            refuse("ResourceFailed", detail(seen, "AWS says that the resource has failed. Look at it in AWS."))
        }
        ResourceState::Active | ResourceState::Stopped | ResourceState::Unknown => settled(facts, seen),
    }
}

fn settled(facts: &Facts, seen: &Seen) -> Action {
    // What stands still for a change already is not interrupted by a further one.
    let stopped = facts.restarting && seen.state != ResourceState::Active;
    let may_restart = stopped || restart_ground(facts, seen).is_some();
    let (may, may_not): (Vec<Change>, Vec<Change>) = seen.changes.iter().cloned().partition(|change| {
        facts.policies.update
            && match change.effect {
                Effect::InPlace => true,
                Effect::Restart => may_restart,
                Effect::Replace => false,
            }
    });
    if may.is_empty() {
        return nothing_permitted(facts, &may_not, seen);
    }
    if facts.fruitless_updates >= FRUITLESS_LIMIT {
        return refuse(
            "UpdateLoop",
            format!(
                "Writing {} {FRUITLESS_LIMIT} times had no effect, so the controller stopped. Write the value as AWS shows it, or take the field out of the spec, where admission allows it.",
                paths(&may)
            ),
        );
    }
    let interrupts = may.iter().any(|change| change.effect == Effect::Restart);
    if interrupts && !facts.restarting && seen.state == ResourceState::Active {
        return Action::BeginRestart;
    }
    Action::Update(may)
}

fn nothing_permitted(facts: &Facts, may_not: &[Change], seen: &Seen) -> Action {
    if facts.restarting {
        return match seen.state {
            ResourceState::Active => Action::EndRestart,
            _ => Action::Update(vec![start()]),
        };
    }
    if seen.stopped_by_failure && facts.policies.update {
        return heal(facts, seen);
    }
    let of = |effect: Effect| may_not.iter().filter(move |change| change.effect == effect).cloned().collect::<Vec<_>>();
    let (replace, restarts) = (of(Effect::Replace), of(Effect::Restart));
    if may_not.is_empty() {
        return match facts.postponed.as_slice() {
            [] => Action::Nothing,
            postponed => Action::Wait {
                after: facts.drift_period,
                reason: "DependencyNotReady",
                why: format!("The rest is in place. {}", postponed.join(" ")),
            },
        };
    }
    if !facts.policies.update {
        return Action::Nothing;
    }
    if !replace.is_empty() {
        return refuse(
            "ReplaceRefused",
            format!(
                "{} cannot be changed in place, and the resource is never replaced silently. Write the value that AWS has, where admission lets the field be edited; else declare a new object and delete this one.",
                paths(&replace)
            ),
        );
    }
    let what = format!(
        "Changing {} needs a stop and start. Set restartPolicy: Allow to permit it, or set the field back.",
        paths(&restarts)
    );
    match facts.policies.restart {
        Some(_) => refuse("RestartNotAllowed", what),
        None => Action::Recommend { decision: restart(facts, seen), reason: "RestartNotAllowed", what },
    }
}

fn unowned(facts: &Facts, seen: &Seen, what: &str) -> Action {
    if facts.policies.observe_only() {
        return Action::Nothing;
    }
    match facts.policies.adoption {
        Some(_) if seen.state == ResourceState::Deleted => absent(facts),
        Some(_) => Action::Adopt,
        None => refuse(
            "ManagementConflict",
            format!(
                "{} is not touched: {what}. Set adoptionPolicy: adopt to take it over, or choose another name.",
                seen.id
            ),
        ),
    }
}

fn wait(facts: &Facts, reason: &'static str, why: String) -> Action {
    Action::Wait { after: facts.poll_period, reason, why }
}

fn being_made(facts: &Facts) -> String {
    let since = facts.intent.as_ref().map(|intent| format!(" since {}", intent.recorded_at)).unwrap_or_default();
    format!("AWS is making the resource{since}; that usually takes {}.", facts.usually.to_create())
}

fn refuse(reason: &'static str, message: String) -> Action {
    Action::Refuse { reason, message }
}

fn detail(seen: &Seen, text: &str) -> String {
    match &seen.detail {
        Some(detail) => format!("{text} AWS says: {detail}"),
        None => text.to_owned(),
    }
}

fn paths(changes: &[Change]) -> String {
    let shown = |change: &Change| format!("{} ({})", change.path, change.in_words());
    changes.iter().map(shown).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
