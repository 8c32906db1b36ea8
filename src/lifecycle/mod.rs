//! Decides and acts, for every kind alike.
//!
//! A reconcile is a walk of passes. One pass reads as five calls: `resolve` (account and session) →
//! `observe` (what AWS has) → `decide` (pure: one action) → `apply` (does it) → `status` (says what
//! became true). A pass makes at most one kind of AWS write, so that every point at which the
//! process can die has a name, and a new pass looks again before the next write.

pub mod absence;
pub mod apply;
pub mod caches;
pub mod context;
pub mod decide;
pub mod error;
pub mod governance;
mod governed;
pub mod graph;
pub mod guardrails;
mod held;
pub mod intent;
mod judgement;
mod names;
pub mod news;
pub mod objects;
pub mod observe;
pub mod orphans;
pub mod plan;
pub mod policies;
pub mod prices;
pub mod recorder;
pub mod references;
pub mod refusal;
pub mod report;
pub mod resolve;
pub mod secrets;
pub mod status;
pub mod takeover;
pub mod write_refused;

use crate::api::conditions::Verdict;
use crate::api::resource::{AwsResource, AwsResourceStatus, Change};
use crate::api::{ANNOTATION_PAUSED, ANNOTATION_PROTECTED};
use crate::aws::error::ErrorClass;
use crate::aws::tags::{Owner, Tags};
use crate::kinds::{Kind, KindSpec, Reference, with_kind};
use context::Context;
use decide::{Facts, Sight};
use error::PassError;
use futures::future::BoxFuture;
use governance::Governance;
use k8s_openapi::jiff::Timestamp;
use kube::{Api, ResourceExt};
use news::News;
use plan::{Examined, Ground};
use policies::Policies;
use references::Output;
use report::{Failure, Report, creation};
use secrets::Vault;
use serde_json::Value;
use status::Described;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

/// The most passes of one walk; a longer one goes on with the next reconcile.
const PASSES: usize = 16;

/// What comes after a pass or a walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Another pass at once.
    Again,
    /// Another reconcile after this time.
    After(Duration),
    /// Nothing until the object changes.
    Done,
}

/// One reconcile of one object.
pub struct Walk<'a> {
    cx: &'a Context,
    api: Api<AwsResource>,
    object: AwsResource,
    uid: String,
    /// Whose it is and what may be done without asking; `None` for an object without a kind.
    governance: Option<Governance>,
    /// The region of the account that the resource is in, once it is known.
    region: String,
    /// Whether this very walk knows that nothing was made in the resource's present life: it has begun it, so
    /// that no create call can have been made for it, or AWS has refused each.
    intent_is_fresh: bool,
    /// Whether this very walk has read the object from the API server itself or written its intent.
    current: bool,
    /// The actions of its passes so far, and those that came to their end.
    actions: Vec<&'static str>,
    done: Vec<&'static str>,
    /// Why its last pass did not come to its end.
    failure: Option<Failure>,
    /// What the present pass has seen of a resource that is ours.
    seen: Option<Described>,
    /// Whether the walk only looks ahead and never applies: what is not known yet then has a placeholder.
    looks_ahead: bool,
}

/// Reconciles one object, and says when to come back and what was done.
pub async fn reconcile(object: AwsResource, cx: &Context) -> Report {
    let state = object.status.as_ref().and_then(|status| status.state);
    let mut walk = Walk::new(object, cx);
    let next = walk.walk().await;
    let created = creation(state, &walk.object, Timestamp::now());
    Report { next, actions: walk.actions, done: walk.done, failure: walk.failure, created }
}

/// What is the same for every pass over one kind block.
struct Desired<K: Kind> {
    spec: K::Spec,
    owner: Owner,
    tags: Tags,
    vault: Vault,
}

/// A spec without references.
struct Filled<K: Kind> {
    spec: K::Spec,
    /// What is left out of it for now, in words.
    postponed: Vec<String>,
    /// The objects whose values have a placeholder.
    waits_for: Vec<String>,
}

impl<'a> Walk<'a> {
    fn new(object: AwsResource, cx: &'a Context) -> Self {
        let api = Api::namespaced(cx.client.clone(), &object.namespace().unwrap_or_default());
        let uid = object.uid().unwrap_or_default();
        let asked = objects::reconcile_request(&object);
        if asked.as_ref() != object.status.as_ref().and_then(|status| status.last_handled_reconcile_at.as_ref()) {
            // Somebody asks for another try: what was given up on is tried again.
            cx.memory.change(&uid, |memory| memory.last_update = None);
        }
        let (actions, done, failure, seen) = (Vec::new(), Vec::new(), None, None);
        let (governance, region) = (governance::governance(&object, cx), String::new());
        let (intent_is_fresh, current, looks_ahead) = (false, false, false);
        Self {
            cx,
            api,
            object,
            uid,
            governance,
            region,
            intent_is_fresh,
            current,
            actions,
            done,
            failure,
            seen,
            looks_ahead,
        }
    }

    async fn walk(&mut self) -> Next {
        for _ in 0..PASSES {
            let outcome = match self.pass().await {
                Err(PassError::Stale) => self.reread().await,
                outcome => outcome,
            };
            match outcome {
                Ok(next) => {
                    self.note_success();
                    if next != Next::Again {
                        return next;
                    }
                }
                Err(error) if error.is_not_leader() => {
                    self.failure = Some(Failure::of(&error, ErrorClass::NotLeader.reason()));
                    return Next::After(self.cx.config.leader_election.leader_election_retry_period);
                }
                Err(error) if error.puts_off_a_look(&self.object) => return self.put_off(&error),
                Err(error) => return self.fail(error).await,
            }
        }
        Next::After(self.cx.config.poll_period)
    }

    async fn pass(&mut self) -> Result<Next, PassError> {
        self.seen = None;
        // Every single write is fenced where it is sent; here it spares the looks before it.
        self.cx.fence.permit(self.cx.config.longest_write())?;
        if objects::is_set(&self.object, ANNOTATION_PAUSED) {
            return self.pause().await;
        }
        if self.object.metadata.deletion_timestamp.is_some() && objects::is_set(&self.object, ANNOTATION_PROTECTED) {
            return self.protect().await;
        }
        let kind: KindSpec = self.object.spec.kind.the_one().ok_or(PassError::NoKind)?;
        with_kind!(kind, K, spec => self.boxed_pass::<K>(spec)).await
    }

    /// The pass over one kind block, on the heap: the futures of all kinds side by side would take a good part
    /// of a thread's stack.
    fn boxed_pass<K: Kind>(&mut self, spec: K::Spec) -> BoxFuture<'_, Result<Next, PassError>> {
        Box::pin(self.pass_of::<K>(spec))
    }

    async fn pass_of<K: Kind>(&mut self, spec: K::Spec) -> Result<Next, PassError> {
        let Examined { plan, facts, ground } = self.examine::<K>(spec).await?;
        let action = plan.action.name();
        let next = match ground {
            Some(Ground { aws, desired, view }) => self.apply::<K>(&plan, &aws, &desired, &view, &facts).await?,
            None => self.let_go(plan.action).await?,
        };
        self.done.push(action);
        Ok(next)
    }

    fn facts<K: Kind>(&self, spec: &K::Spec) -> Facts {
        let status = self.object.status.as_ref();
        let config = &self.cx.config;
        let intent = status.and_then(|status| status.intent.clone());
        Facts {
            now: Timestamp::now(),
            deleting: self.object.metadata.deletion_timestamp.is_some(),
            finalizer: objects::has_finalizer(&self.object),
            policies: Policies::of(&self.object.spec, K::HOLDS_DATA),
            mandate: self.governance.as_ref().map(|governance| governance.mandate.clone()).unwrap_or_default(),
            intent_is_fresh: self.intent_is_fresh || intent.as_ref().is_some_and(|intent| intent.without_effect),
            intent,
            current: self.current,
            recorded_id: status.and_then(|status| status.id.clone()),
            named: K::id(spec).is_some(),
            request_hash: String::new(),
            dependants: self.cx.graph.dependants(&graph::key(&self.object)),
            postponed: Vec::new(),
            restarting: status.is_some_and(|status| status.restarting_since.is_some()),
            visibility_lag: if K::LAGS || self.may_come_late() { config.visibility_lag } else { Duration::ZERO },
            missed_for: None,
            poll_period: config.poll_period,
            drift_period: self.cx.drift_delay(self.object.spec.drift_period_seconds),
            usually: K::USUALLY,
            fruitless_updates: 0,
        }
    }

    /// Whether a create call may still take effect for an object that is about to go: one was perhaps
    /// made, its answer was lost, and nothing was ever seen of it. A last look must not come too soon.
    fn may_come_late(&self) -> bool {
        let status = self.object.status.as_ref();
        self.object.metadata.deletion_timestamp.is_some()
            && status.is_some_and(|status| status.intent.is_some() && status.id.is_none())
    }

    fn request_hash<K: Kind>(&self, spec: &K::Spec) -> String {
        let request = serde_json::json!([K::comparable(spec), self.object.spec.tags, self.object.spec.region]);
        intent::request_hash(&request)
    }

    /// The spec with the values of what it refers to, and what is left out of it for now. A deletion
    /// goes on with what is known: what it refers to may be on its way out too.
    fn without_references<K: Kind>(&self, spec: K::Spec, facts: &Facts) -> Result<Filled<K>, PassError> {
        if K::REFERENCES.is_empty() {
            return Ok(Filled { spec, postponed: Vec::new(), waits_for: Vec::new() });
        }
        let own = graph::key(&self.object);
        if let Some(path) = self.cx.graph.cycle(&own).filter(|_| !facts.deleting) {
            return Err(PassError::Cycle(path));
        }
        let written = written::<K>(&spec, facts.deleting)?;
        if let Some(invalid) = references::misnamed(&written, K::REFERENCES).filter(|_| !facts.deleting) {
            return Err(PassError::Invalid { member: K::NAME.member(), invalid });
        }
        let in_use = facts.recorded_id.is_some();
        let waits_for = RefCell::new(BTreeSet::new());
        let output = |reference: &Reference, name: &str, output: &str| {
            let gift = self.cx.graph.gift(&(own.0.clone(), name.to_owned()));
            let found = graph::output(gift.as_ref(), name, output, in_use, reference.later);
            let placeholder = gift.filter(|_| self.looks_ahead && !reference.later).and_then(|gift| gift.promise(name));
            match (found, placeholder) {
                (Output::Awaited(_), Some(placeholder)) => {
                    waits_for.borrow_mut().insert(name.to_owned());
                    Output::Known(placeholder)
                }
                (found, _) => found,
            }
        };
        let filled = references::fill(written.clone(), K::REFERENCES, &output);
        if !facts.deleting && !filled.impossible.is_empty() {
            return Err(PassError::Impossible(filled.impossible));
        }
        if !facts.deleting && !filled.awaited.is_empty() {
            return Err(PassError::Awaiting(filled.awaited));
        }
        let spec = match references::read(&filled.spec, &written, K::REFERENCES, &output) {
            Ok(spec) => spec,
            // A deletion goes on with what is known.
            Err(_) if facts.deleting => spec,
            Err(unfit) => return Err(PassError::Unfit { member: K::NAME.member(), unfit }),
        };
        Ok(Filled { spec, postponed: filled.postponed, waits_for: waits_for.into_inner().into_iter().collect() })
    }

    fn desired<K: Kind>(&self, spec: K::Spec, facts: &Facts) -> Result<Desired<K>, PassError> {
        let owner = Owner {
            cluster: self.cx.cluster_id.clone(),
            namespace: self.object.namespace().unwrap_or_default(),
            name: self.object.name_any(),
            uid: self.uid.clone(),
            agent: self.governance.as_ref().map_or(K::NAME.owner(), |governance| governance.owner).as_str(),
        };
        let mut tags = self.object.spec.tags.clone();
        if !facts.policies.observe_only() {
            tags.extend(owner.tags());
        }
        // Who deletes needs no secrets.
        let written = if facts.deleting { Value::Null } else { written::<K>(&spec, false)? };
        let vault = Vault::of(&self.cx.client, &owner.namespace, K::NAME.member(), &written, K::SECRETS)?;
        Ok(Desired { spec, owner, tags, vault })
    }

    /// What AWS was not given from Secrets as it is now. Who only observes, or deletes, needs no secrets.
    async fn secret_changes<K: Kind>(&self, desired: &Desired<K>, facts: &Facts) -> Result<Vec<Change>, PassError> {
        if K::SECRETS.is_empty() || facts.deleting || facts.policies.observe_only() {
            return Ok(Vec::new());
        }
        let sent = self.object.status.as_ref().map(|status| status.secret_versions.clone()).unwrap_or_default();
        Ok(secrets::differences(K::SECRETS, &desired.vault.versions().await?, &sent))
    }

    fn fruitless_updates(&self, sight: &Sight) -> u32 {
        let Sight::Ours(seen) = sight else { return 0 };
        match self.cx.memory.of(&self.uid).last_update {
            Some((changes, times)) if changes == fingerprint(&seen.changes) => times,
            _ => 0,
        }
    }

    /// Reads the object anew after a conflict; one that is gone or was made anew is another's walk.
    async fn reread(&mut self) -> Result<Next, PassError> {
        self.intent_is_fresh = false;
        match self.api.get_opt(&self.object.name_any()).await? {
            Some(object) if object.uid().as_ref() == Some(&self.uid) => {
                self.governance = governance::governance(&object, self.cx);
                self.object = object;
                self.current = true;
                Ok(Next::Again)
            }
            _ => Ok(Next::Done),
        }
    }

    /// The status after a pass, with whose the object is and in which region.
    fn next_status(
        &self,
        verdict: &Verdict,
        now: Timestamp,
        edit: impl FnOnce(&mut AwsResourceStatus),
    ) -> AwsResourceStatus {
        let mut status = status::next(&self.object, verdict, now, edit);
        if !self.region.is_empty() {
            status.region = Some(self.region.clone());
        }
        if let Some(governance) = &self.governance {
            governance.describe(&self.object, &mut status, now);
        }
        status
    }

    /// Comes back later for a look that our own budget puts off, and says nothing.
    fn put_off(&mut self, error: &PassError) -> Next {
        self.failure = Some(Failure::of(error, error.verdict(&self.object).reason));
        let delay = self.delay(error);
        tracing::debug!(uid = self.uid, ?delay, %error, "a look is put off");
        Next::After(delay)
    }

    /// Counts an error, and tells the time until the next try: the back-off, and no less than our own budget needs.
    fn delay(&self, error: &PassError) -> Duration {
        let failures = self.cx.memory.change(&self.uid, |memory| {
            memory.failures += 1;
            memory.failures
        });
        let needs = error.over_budget().unwrap_or_default().min(self.cx.config.backoff_max);
        self.cx.backoff(failures).max(needs)
    }

    /// Says in status and Events what went wrong, and comes back later: at first soon, then ever later.
    async fn fail(&mut self, error: PassError) -> Next {
        let delay = self.delay(&error);
        let verdict = self.verdict_on(&error);
        let failure = Failure::of(&error, verdict.reason);
        self.failure = Some(failure);
        let (namespace, name) = graph::key(&self.object);
        let news = if failure.waits {
            News::normal(verdict.reason, verdict.message.clone())
        } else {
            tracing::warn!(namespace, name, reason = verdict.reason, ?delay, %error, "reconcile failed");
            News::warning(verdict.reason, verdict.message.clone())
        };
        news.publish(&self.object, "Reconcile", self.cx);
        let now = Timestamp::now();
        let untouched = self.intent_is_fresh;
        let seen = self.seen.take();
        let status = self.next_status(&verdict, now, |status| {
            // What exists is shown, whatever was refused of it.
            seen.into_iter().for_each(|seen| seen.write(status));
            judgement::note_unread(status, &error, verdict.reason, now);
            status::note_without_effect(status, untouched);
        });
        match status::write_at_least(&self.api, &mut self.object, status).await {
            Ok(()) if error.waits_for_news() => Next::After(self.cx.drift_delay(self.object.spec.drift_period_seconds)),
            Ok(()) => Next::After(delay),
            // The object has changed meanwhile, or the API server is away: its owner must still be told.
            Err(error) => {
                tracing::debug!(%error, "the failure could not be written to the status; the next pass does");
                Next::After(delay)
            }
        }
    }
}

/// The spec as JSON. One that cannot be written would read as one that names nothing, and all that it refers
/// to would be lost in silence; only a deletion goes on without it.
fn written<K: Kind>(spec: &K::Spec, deleting: bool) -> Result<Value, PassError> {
    match serde_json::to_value(spec) {
        Ok(written) => Ok(written),
        Err(_) if deleting => Ok(Value::Null),
        Err(error) => Err(PassError::Unwritable { member: K::NAME.member(), error }),
    }
}

/// Changes as text, to tell whether the same was written before. A change that shows a value cut has a digest
/// of the whole of it.
fn fingerprint(changes: &[Change]) -> String {
    let changes: Vec<_> = changes.iter().map(|change| (&change.path, &change.from, &change.to)).collect();
    serde_json::json!(changes).to_string()
}
