//! Does the one action that was decided.

use crate::api::conditions::{ConditionType, Progress, Verdict, is_true};
use crate::api::moment;
use crate::api::resource::{AwsResourceStatus, Change, ResourceState};
use crate::api::service_agent::AgentAction;
use crate::aws::error::{AwsError, ErrorClass};
use crate::aws::session::Aws;
use crate::aws::tags::{Ownership, Tags};
use crate::kinds::secrets::Secrets;
use crate::kinds::{Kind, Request, Target};
use crate::lifecycle::decide::{Action, Facts, Parting, Sight, next_life_ground, restart_ground};
use crate::lifecycle::error::PassError;
use crate::lifecycle::intent::Draft;
use crate::lifecycle::names::TwoNames;
use crate::lifecycle::news::{News, in_words};
use crate::lifecycle::observe::{View, tag_edit};
use crate::lifecycle::plan::Plan;
use crate::lifecycle::secrets::{self, Versions};
use crate::lifecycle::takeover::Retagging;
use crate::lifecycle::{Desired, Next, Walk, fingerprint, governed, objects, status};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use std::time::Instant;

impl Walk<'_> {
    pub(super) async fn apply<K: Kind>(
        &mut self,
        plan: &Plan,
        aws: &Aws,
        desired: &Desired<K>,
        view: &View<K>,
        facts: &Facts,
    ) -> Result<Next, PassError> {
        let name = plan.action.name();
        match plan.action.clone() {
            Action::WriteIntent { incarnation } => self.write_intent(incarnation, aws, facts).await,
            Action::Reread => self.reread().await,
            Action::ExpectEffect => self.expect_effect().await,
            Action::Create => self.create::<K>(aws, desired, facts).await,
            Action::Record(id) => self.record(id, facts).await,
            Action::Adopt => self.adopt::<K>(plan, aws, desired, view, facts).await,
            Action::BeginRestart => self.mark_restart(true, view, facts).await,
            Action::EndRestart => self.mark_restart(false, view, facts).await,
            Action::Update(changes) => self.update::<K>(aws, desired, view, &changes, facts).await,
            Action::Start(ground) => self.start::<K>(ground, aws, desired, view, facts).await,
            Action::Recommend { decision, reason, what } => {
                self.recommend::<K>(plan, &decision, (reason, what), desired, view, facts).await
            }
            Action::Delete => self.delete::<K>(aws, desired, view).await,
            action @ Action::RemoveFinalizer(_) => self.let_go(action).await,
            Action::Nothing => {
                let verdict = self.at_rest(plan);
                self.report::<K>(&verdict, plan, view, facts).await?;
                Ok(Next::After(self.cx.drift_delay(self.object.spec.drift_period_seconds)))
            }
            Action::Wait { after, reason, why } => {
                let refused = self.still_refused(reason);
                let verdict = refused.unwrap_or_else(|| Verdict::reconciling(reason, why));
                self.report::<K>(&verdict, plan, view, facts).await?;
                Ok(Next::After(after))
            }
            Action::Refuse { reason, message } => {
                News::warning(reason, message.clone()).publish(&self.object, name, self.cx);
                self.report::<K>(&Verdict::stalled(reason, message), plan, view, facts).await?;
                Ok(Next::After(self.cx.drift_delay(self.object.spec.drift_period_seconds)))
            }
        }
    }

    /// Finalizer, then intent: both by compare-and-swap, which proves that our view is fresh.
    async fn write_intent(&mut self, incarnation: i32, aws: &Aws, facts: &Facts) -> Result<Next, PassError> {
        // A finalizer without an intent is what an earlier life of this status may have left.
        let is_first = facts.intent.is_none() && !facts.finalizer;
        self.object = objects::add_finalizer(&self.api, &self.object).await?;
        let draft = Draft {
            cluster: &self.cx.cluster_id,
            uid: &self.uid,
            account_id: aws.account_id(),
            region: aws.region(),
            request_hash: &facts.request_hash,
            lease_transitions: self.cx.fence.epoch(),
        };
        let begins = facts.begins(incarnation);
        if begins && facts.intent.is_some() {
            let note = format!("The resource is gone from AWS and is made again, as its life number {incarnation}.");
            News::warning("ResourceGone", note).publish(&self.object, "WriteIntent", self.cx);
        }
        let ground = next_life_ground(facts);
        let verdict = Verdict::reconciling("Creating", "The resource is about to be created.");
        let keys = self.object.spec.tags.keys().cloned().collect();
        let intent = draft.intent(incarnation, facts.now);
        let next = self.next_status(&verdict, facts.now, |status| {
            status.last_action = Some("WriteIntent".into());
            if begins {
                governed::record(status, AgentAction::Recreate, ground, facts.now);
                status.recommendations.clear();
            }
            status::begin(status, intent, keys, begins);
        });
        status::write(&self.api, &mut self.object, next).await?;
        let next_life = begins && facts.intent.is_some();
        self.intent_is_fresh = is_first || next_life || (facts.intent_is_fresh && !begins);
        self.current = true;
        Ok(Next::Again)
    }

    async fn create<K: Kind>(&mut self, aws: &Aws, desired: &Desired<K>, facts: &Facts) -> Result<Next, PassError> {
        let Some(intent) = &facts.intent else { return Err(PassError::Stale) };
        // Looks from before the call say nothing about what it makes: a resource that stays invisible
        // for a while must be looked for twice again before it is believed to be gone.
        self.cx.memory.change(&self.uid, |memory| memory.absence = None);
        let (secrets, versions) = desired.vault.open().await?;
        let request = Request { spec: &desired.spec, tags: &desired.tags, token: &intent.token, secrets: &secrets };
        let untouched = std::mem::take(&mut self.intent_is_fresh);
        let id = match K::create(aws, request).await {
            Ok(id) => id,
            // AWS itself says that this life of the resource is over, so the next one may begin.
            Err(error) if error.class == ErrorClass::TokenSpent => {
                return self.write_intent(intent.incarnation + 1, aws, facts).await;
            }
            Err(error) => {
                // Its refusal says nothing of an earlier call whose answer was lost.
                let refused = K::FIRST_WRITE == Some(error.operation) && error.is_refusal();
                self.intent_is_fresh = untouched && refused;
                return Err(write_error("Create", error, &secrets));
            }
        };
        News::normal("Created", format!("Created {} {id}.", K::NAME.as_str())).publish(&self.object, "Create", self.cx);
        if !versions.is_empty() {
            self.record_secrets(|sent| *sent = versions, facts).await?;
        }
        if facts.named {
            return Ok(Next::Again);
        }
        self.record(id, facts).await
    }

    /// Takes back on record that nothing was made, before a call that may make something. What was said last
    /// of the object stays said until that call has its answer.
    async fn expect_effect(&mut self) -> Result<Next, PassError> {
        let mut next = self.object.status.clone().unwrap_or_default();
        status::expect_effect(&mut next);
        status::write(&self.api, &mut self.object, next).await?;
        (self.intent_is_fresh, self.current) = (true, true);
        Ok(Next::Again)
    }

    async fn record(&mut self, id: String, facts: &Facts) -> Result<Next, PassError> {
        let verdict = Verdict::reconciling("Creating", format!("AWS is making {id}."));
        let next = self.next_status(&verdict, facts.now, |status| {
            status.id = Some(id);
            status::expect_effect(status);
            status.state = Some(ResourceState::Creating);
            status.last_action = Some("Record".into());
        });
        status::write(&self.api, &mut self.object, next).await?;
        Ok(Next::Again)
    }

    /// Writes down what AWS was given from Secrets. Where that fails the same is sent again.
    async fn record_secrets(&mut self, edit: impl FnOnce(&mut Versions), facts: &Facts) -> Result<(), PassError> {
        let verdict = Verdict::reconciling("Updating", "AWS has the values of the Secrets that the spec names.");
        let next = self.next_status(&verdict, facts.now, |status| edit(&mut status.secret_versions));
        status::write(&self.api, &mut self.object, next).await?;
        Ok(())
    }

    async fn mark_restart<K: Kind>(&mut self, begins: bool, view: &View<K>, facts: &Facts) -> Result<Next, PassError> {
        let (verdict, action) = match begins {
            true => (
                Verdict::reconciling("Restarting", "The resource is stopped and started for a change."),
                "BeginRestart",
            ),
            false => (Verdict::reconciling("Restarting", "The resource runs again."), "EndRestart"),
        };
        News::normal("Restarting", verdict.message.clone()).publish(&self.object, action, self.cx);
        let since = moment(facts.now);
        let ground = match &view.sight {
            Sight::Ours(seen) if begins => restart_ground(facts, seen),
            _ => None,
        };
        let next = self.next_status(&verdict, facts.now, |status| {
            governed::record(status, AgentAction::Restart, ground, facts.now);
            status.restarting_since = begins.then_some(since);
            status.state = Some(ResourceState::Updating);
            status.last_action = Some(action.into());
        });
        status::write(&self.api, &mut self.object, next).await?;
        Ok(Next::Again)
    }

    async fn update<K: Kind>(
        &mut self,
        aws: &Aws,
        desired: &Desired<K>,
        view: &View<K>,
        changes: &[Change],
        facts: &Facts,
    ) -> Result<Next, PassError> {
        let Some((id, observed)) = &view.found else { return Err(PassError::Stale) };
        let edit = tag_edit(&self.object, &desired.tags, &observed.tags);
        let is_secret = |change: &&Change| K::SECRETS.iter().any(|secret| secret.to == change.path);
        let of_secrets: Vec<Change> = changes.iter().filter(is_secret).cloned().collect();
        // Tags, secrets and settings are three kinds of writes, so they are three passes. Which secrets
        // AWS was given is known for sure only where nothing else was sent with them.
        let (values, versions) = match edit.is_empty() && !of_secrets.is_empty() {
            true => desired.vault.open().await.map(|(values, versions)| (values, Some(versions)))?,
            false => (Secrets::default(), None),
        };
        let target = Target { id, spec: &desired.spec, observed, secrets: &values };
        let (written, answer) = match (edit.is_empty(), &versions) {
            (false, _) => {
                let desired_edit = |tags: &Tags| tag_edit(&self.object, &desired.tags, tags);
                let retagging = Retagging { action: "Update", expected: &[Ownership::Ours], edit: &desired_edit };
                match self.retag::<K>(aws, desired, (id, observed), retagging).await? {
                    Some(written) => (written, Ok(())),
                    // Another owner has it by now: the next look tells whose it is.
                    None => return Ok(Next::Again),
                }
            }
            (true, Some(_)) => (of_secrets.clone(), K::update(aws, target, &of_secrets).await),
            (true, None) => (changes.to_vec(), K::update(aws, target, changes).await),
        };
        answer.map_err(|error| write_error("Update", error, &values))?;
        // Another value in a Secret, which is all that is known of it, is no drift: AWS has what it was given.
        let in_aws = |change: &Change| change.from.is_some() || change.to.is_some();
        let drifted = self.was_synced() && written.iter().any(in_aws);
        let (reason, what) = if drifted { ("DriftCorrected", "Set back") } else { ("Updated", "Changed") };
        News::normal(reason, format!("{what} {}.", in_words(&written))).publish(&self.object, "Update", self.cx);
        if let Some(versions) = versions {
            self.record_secrets(|sent| secrets::take_over(sent, &of_secrets, versions), facts).await?;
        }
        match self.count_update(view.sight.changes()) {
            1 if !K::LAGS => Ok(Next::Again),
            // AWS may need a moment to show what was written.
            _ => Ok(Next::After(self.cx.config.poll_period)),
        }
    }

    /// Reads the object live by UID before it asks AWS to remove anything: a cached deletion mark
    /// may belong to an object that no longer exists.
    async fn delete<K: Kind>(&mut self, aws: &Aws, desired: &Desired<K>, view: &View<K>) -> Result<Next, PassError> {
        let Some((id, observed)) = &view.found else { return Err(PassError::Stale) };
        match self.api.get_opt(&self.object.name_any()).await? {
            Some(live) if live.uid().as_ref() == Some(&self.uid) && live.metadata.deletion_timestamp.is_some() => {
                let changed = live.spec != self.object.spec;
                self.object = live;
                if changed {
                    return Ok(Next::Again);
                }
            }
            _ => return Err(PassError::Stale),
        }
        let target = Target { id, spec: &desired.spec, observed, secrets: &Secrets::default() };
        match K::delete(aws, target).await {
            Ok(()) => {
                News::normal("Deleting", format!("Asked AWS to delete {id}.")).publish(&self.object, "Delete", self.cx);
                Ok(Next::Again)
            }
            // Somebody was faster; the next look confirms it.
            Err(error) if error.says_absent(K::ABSENT) => Ok(Next::Again),
            Err(error) => Err(PassError::Write { action: "Delete", error }),
        }
    }

    /// Lets the object go, makes it wait for those who need it, or leaves one alone that was never ours.
    pub(super) async fn let_go(&mut self, action: Action) -> Result<Next, PassError> {
        if let Action::Wait { after, reason, why } = action {
            News::warning(reason, why.clone()).publish(&self.object, "Delete", self.cx);
            let verdict = Verdict::reconciling(reason, why);
            let next = self.next_status(&verdict, Timestamp::now(), |_| {});
            status::write(&self.api, &mut self.object, next).await?;
            return Ok(Next::After(after));
        }
        if let Action::RemoveFinalizer(parting) = action {
            let recorded = self.object.status.as_ref().and_then(|status| status.id.clone()).unwrap_or_default();
            let names = TwoNames::of_any(&self.object).filter(|_| parting != Parting::NothingMade);
            let id = names.as_ref().map_or(recorded, |names| names.name.clone());
            parting.news(&id).publish(&self.object, "RemoveFinalizer", self.cx);
            if let Some(names) = names {
                names.parting().publish(&self.object, "RemoveFinalizer", self.cx);
            }
            self.object = objects::remove_finalizer(&self.api, &self.object).await?;
        }
        self.cx.memory.forget(&self.uid);
        Ok(Next::Done)
    }

    /// Writes what was seen, with a verdict on it.
    pub(super) async fn report<K: Kind>(
        &mut self,
        verdict: &Verdict,
        plan: &Plan,
        view: &View<K>,
        facts: &Facts,
    ) -> Result<(), PassError> {
        self.report_with::<K>(verdict, plan, view, facts, |_| {}).await
    }

    /// The same with what `edit` adds to it.
    pub(super) async fn report_with<K: Kind>(
        &mut self,
        verdict: &Verdict,
        plan: &Plan,
        view: &View<K>,
        facts: &Facts,
        edit: impl FnOnce(&mut AwsResourceStatus),
    ) -> Result<(), PassError> {
        let keys = self.object.spec.tags.keys().cloned().collect();
        let in_sync = verdict.synced;
        let before = self.object.status.as_ref().and_then(|status| status.health);
        let judgement = self.judge::<K>(view, facts).await;
        let untouched = self.intent_is_fresh;
        let next = self.next_status(verdict, facts.now, |status| {
            status.last_action = Some(plan.action.name().into());
            governed::settle(status, plan.action.name());
            match &view.found {
                Some((id, observed)) => status::Described::of::<K>(id, observed, &plan.changes).write(status),
                None if matches!(view.sight, Sight::Absent) => status.state = Some(ResourceState::Pending),
                None => {}
            }
            judgement.write(status, facts.now);
            if !matches!(view.sight, Sight::Ours(_)) && !facts.policies.observe_only() {
                // The id of somebody else's resource must not be taken for one of ours later.
                status.id.clone_from(&facts.recorded_id);
            }
            status::note_without_effect(status, untouched);
            if facts.restarting {
                // AWS calls it stopped or being made; to its owner it is the same resource on its way.
                status.state = Some(ResourceState::Updating);
            }
            if in_sync {
                status.applied_tag_keys = keys;
            }
            edit(status);
        });
        status::write(&self.api, &mut self.object, next).await?;
        self.tell_health(before, &judgement, Instant::now());
        Ok(())
    }

    fn at_rest(&self, plan: &Plan) -> Verdict {
        // What happens from here on is news again.
        self.cx.memory.change(&self.uid, |memory| (memory.last_update, memory.last_event) = (None, None));
        let pending = &plan.changes;
        let running = plan.state.is_none_or(|state| state == ResourceState::Active);
        let verdict = match running {
            true => Verdict::ready("Available", "The resource is as declared."),
            false => Verdict {
                progress: Progress::Settled,
                synced: true,
                ..Verdict::reconciling(
                    "NotRunning",
                    "The resource is there but not running; nobody asked the controller to start it.",
                )
            },
        };
        if pending.is_empty() {
            return verdict;
        }
        let message =
            format!("AWS differs from the spec, and managementPolicies do not permit Update: {}.", in_words(pending));
        Verdict { synced: false, reason: "DriftObserved", message, ..verdict }
    }

    /// Counts how often in a row the same changes were written.
    pub(super) fn count_update(&self, changes: &[Change]) -> u32 {
        let text = fingerprint(changes);
        self.cx.memory.change(&self.uid, |memory| {
            let times = match &memory.last_update {
                Some((last, times)) if *last == text => times + 1,
                _ => 1,
            };
            memory.last_update = Some((text, times));
            times
        })
    }

    /// Whether the resource matched this very generation before, so that a difference is drift.
    fn was_synced(&self) -> bool {
        self.object.status.as_ref().is_some_and(|status| {
            status.observed_generation == self.object.metadata.generation
                && is_true(&status.conditions, ConditionType::Synced)
        })
    }
}

/// A failed write, without any secret that AWS may have quoted in its answer.
fn write_error(action: &'static str, mut error: AwsError, secrets: &Secrets) -> PassError {
    error.message = secrets.redacted(&error.message);
    PassError::Write { action, error }
}

impl Sight {
    /// Whether what was seen is this object's.
    pub fn is_ours(&self) -> bool {
        matches!(self, Self::Ours(_))
    }

    /// What differs from the spec, as far as something was seen.
    pub fn changes(&self) -> &[Change] {
        match self {
            Self::Ours(seen) | Self::Unowned(seen) | Self::Predecessor(seen) => &seen.changes,
            Self::Unseen | Self::Absent | Self::Foreign(_) | Self::Ambiguous(_) => &[],
        }
    }
}
