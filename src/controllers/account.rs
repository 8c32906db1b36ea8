//! Listens to `AwsAccount` objects: proves that their credentials belong to the declared account,
//! and keeps an account until no resource uses it.

use crate::api::account::{AwsAccount, AwsAccountStatus};
use crate::api::conditions::{ConditionType, Verdict, is_true};
use crate::api::{ANNOTATION_PAUSED, ANNOTATION_PROTECTED, MANAGER_ACCOUNT, moment};
use crate::aws::session::{Identity, SessionError};
use crate::controllers::resource::Guarded;
use crate::controllers::sums::Ledger;
use crate::controllers::to_action;
use crate::lifecycle::Next;
use crate::lifecycle::context::Context;
use crate::lifecycle::news::News;
use crate::lifecycle::objects::{
    add_finalizer, for_each_page, has_finalizer, is_set, reconcile_request, remove_finalizer, write_status,
};
use crate::lifecycle::write_refused;
use crate::metrics::ReconcileResult;
use futures::{Stream, StreamExt};
use k8s_openapi::jiff::Timestamp;
use kube::core::DeserializeGuard;
use kube::runtime::controller::Action;
use kube::runtime::watcher;
use kube::{Api, Resource, ResourceExt};
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedSender;

/// Time between two looks at whether a deleted account is still in use.
const RELEASE_PERIOD: Duration = Duration::from_secs(10);

/// What the account controller works with.
pub struct AccountContext {
    /// What all controllers share.
    pub shared: Arc<Context>,
    /// What the accounts' resources come to.
    pub sums: Ledger,
    /// Where the names of accounts go whose resources should be looked at.
    pub changed: UnboundedSender<String>,
    /// When each account was last proven, by UID.
    pub proven: Mutex<HashMap<String, Instant>>,
}

/// Why an account could not be reconciled. The next pass begins anew.
#[derive(Debug, thiserror::Error)]
enum AccountError {
    #[error("the API server failed: {0}")]
    Cluster(#[from] kube::Error),
}

/// Only passes on that an account has changed to the objects that use it, and writes nothing.
pub fn follow(
    accounts: impl Stream<Item = watcher::Result<DeserializeGuard<AwsAccount>>> + Send + 'static,
    cx: Arc<AccountContext>,
) -> impl Stream<Item = ()> + Send + 'static {
    accounts.map(move |seen| match seen {
        Ok(account) => {
            // The receiver lives as long as the resource controller; without it nobody needs to know.
            let _ = cx.changed.send(account.name_any());
        }
        Err(error) => tracing::warn!(%error, "the watch failed and is begun again"),
    })
}

/// One reconcile of one account.
pub async fn reconcile_one(
    guard: Arc<DeserializeGuard<AwsAccount>>,
    cx: Arc<AccountContext>,
) -> Result<Action, Infallible> {
    let account = match &guard.0 {
        Ok(account) => account,
        Err(invalid) => {
            tracing::warn!(name = guard.name_any(), error = invalid.error, "an AwsAccount cannot be read");
            return Ok(Action::await_change());
        }
    };
    cx.shared.caches.wait().await;
    let uid = account.uid().unwrap_or_default();
    let (running, begun) = (cx.shared.metrics.reconciles.begin("awsaccount"), Instant::now());
    let outcome = cx.pass(account).await;
    running.end(result(&outcome), begun.elapsed());
    let next = match outcome {
        Ok(next) => next,
        Err(AccountError::Cluster(error)) => {
            let failures = cx.shared.memory.change(&uid, |memory| {
                memory.failures += 1;
                memory.failures
            });
            tracing::debug!(name = account.name_any(), %error, "an account could not be reconciled");
            Next::After(cx.shared.backoff(failures))
        }
    };
    Ok(to_action(next))
}

fn result(outcome: &Result<Next, AccountError>) -> ReconcileResult {
    match outcome {
        Err(_) => ReconcileResult::Error,
        Ok(Next::Done) => ReconcileResult::Success,
        Ok(Next::Again) => ReconcileResult::Requeue,
        Ok(Next::After(_)) => ReconcileResult::RequeueAfter,
    }
}

impl AccountContext {
    async fn pass(&self, account: &AwsAccount) -> Result<Next, AccountError> {
        let api: Api<AwsAccount> = Api::all(self.shared.client.clone());
        if account.metadata.deletion_timestamp.is_some() {
            return self.release(&api, account).await;
        }
        if is_set(account, ANNOTATION_PAUSED) {
            return Ok(Next::Done);
        }
        let account = &add_finalizer(&api, account).await?;
        let proof = self.prove(account).await;
        let (verdict, next) = self.judge(account, &proof);
        let status = self.status(account, &verdict, &proof).await;
        let news = account.status.as_ref().is_none_or(|old| {
            old.observed_generation != status.observed_generation
                || is_true(&old.conditions, ConditionType::Ready) != verdict.ready
        });
        if news {
            self.publish(account, &verdict).await;
        }
        self.write_status(&api, account, status).await?;
        if verdict.ready {
            self.prepare(account).await;
        }
        if news {
            // The receiver lives as long as the resource controller; without it nobody needs to know.
            let _ = self.changed.send(account.name_any());
        }
        Ok(next)
    }

    /// Asks AWS who we are: when the spec is new, when somebody asks, and once every drift period.
    async fn prove(&self, account: &AwsAccount) -> Result<Identity, SessionError> {
        let uid = account.uid().unwrap_or_default();
        let asked = reconcile_request(account).as_ref()
            != account.status.as_ref().and_then(|status| status.last_handled_reconcile_at.as_ref());
        let period = self.shared.config.drift_period;
        let due = {
            let mut proven = self.proven.lock().unwrap_or_else(PoisonError::into_inner);
            let due = asked || proven.get(&uid).is_none_or(|when| when.elapsed() >= period);
            if due {
                proven.insert(uid.clone(), Instant::now());
            }
            due
        };
        if due {
            self.shared.sessions.recheck(&account.spec).await;
        }
        self.shared.sessions.identity(&account.spec).await
    }

    /// The time until the account has to be proven again. Its sums come with the watch meanwhile.
    fn until_next_proof(&self, uid: &str) -> Duration {
        let period = self.shared.config.drift_period;
        let proven = self.proven.lock().unwrap_or_else(PoisonError::into_inner);
        let since = proven.get(uid).map_or(Duration::ZERO, Instant::elapsed);
        period.saturating_sub(since).max(Duration::from_secs(1))
    }

    /// Has the clients of the default region ready before the first object needs them.
    async fn prepare(&self, account: &AwsAccount) {
        if let Ok(aws) = self.shared.sessions.session(&account.spec, &account.spec.default_region).await {
            // It only computes, and for long enough to be in the way of others.
            let _ = tokio::task::spawn_blocking(move || aws.prepare()).await;
        }
    }

    fn judge(&self, account: &AwsAccount, proof: &Result<Identity, SessionError>) -> (Verdict, Next) {
        let uid = account.uid().unwrap_or_default();
        match proof {
            Ok(identity) => {
                self.shared.memory.change(&uid, |memory| memory.failures = 0);
                let message = format!("AWS confirms account {} as {}.", account.spec.account_id, identity.arn);
                (Verdict::ready("Verified", message), Next::After(self.until_next_proof(&uid)))
            }
            Err(error) => {
                let failures = self.shared.memory.change(&uid, |memory| {
                    memory.failures += 1;
                    memory.failures
                });
                let message = format!("{}. {}", capitalised(&error.to_string()), next_step(error));
                let verdict = match error.needs_a_person() {
                    true => Verdict::stalled(error.reason(), message),
                    false => Verdict::reconciling(error.reason(), message),
                };
                (verdict, Next::After(self.shared.backoff(failures)))
            }
        }
    }

    async fn status(
        &self,
        account: &AwsAccount,
        verdict: &Verdict,
        proof: &Result<Identity, SessionError>,
    ) -> AwsAccountStatus {
        let old = account.status.clone().unwrap_or_default();
        let generation = account.metadata.generation.unwrap_or_default();
        let now = Timestamp::now();
        let conditions =
            crate::api::conditions::keep_repeats(verdict.conditions(&old.conditions, generation, now), &old.conditions);
        let mut status = AwsAccountStatus {
            observed_generation: Some(generation),
            last_handled_reconcile_at: reconcile_request(account),
            conditions,
            ..AwsAccountStatus::default()
        };
        self.sums.write(&account.name_any(), &mut status);
        if let Ok(identity) = proof {
            let known = old.identity_arn.as_ref() == Some(&identity.arn);
            let first_seen = || moment(now);
            status.verified_at = old.verified_at.filter(|_| known).or_else(|| Some(first_seen()));
            status.identity_arn = Some(identity.arn.clone());
            status.usable_regions = self.shared.sessions.usable_regions(&account.spec).await;
        }
        status
    }

    /// Lets a deleted account go once no resource uses it: without it, nothing could delete them.
    async fn release(&self, api: &Api<AwsAccount>, account: &AwsAccount) -> Result<Next, AccountError> {
        if !has_finalizer(account) {
            return Ok(Next::Done);
        }
        if is_set(account, ANNOTATION_PROTECTED) {
            let message =
                format!("The annotation {ANNOTATION_PROTECTED} protects the account. Remove it to let it go.");
            self.hold(api, account, Verdict::stalled("DeletionProtected", message)).await?;
            return Ok(Next::Done);
        }
        let in_use = self.users(&account.name_any()).await?;
        if in_use > 0 {
            let message = format!("{in_use} AwsResources still use this account, so it stays. Delete them first.");
            self.hold(api, account, Verdict::stalled("InUse", message)).await?;
            return Ok(Next::After(RELEASE_PERIOD.min(self.shared.config.poll_period)));
        }
        remove_finalizer(api, account).await?;
        self.shared.sessions.forget(&account.spec).await;
        self.shared.memory.forget(&account.uid().unwrap_or_default());
        Ok(Next::Done)
    }

    /// Tells why a deleted account stays.
    async fn hold(&self, api: &Api<AwsAccount>, account: &AwsAccount, verdict: Verdict) -> Result<(), AccountError> {
        let mut status = account.status.clone().unwrap_or_default();
        let generation = account.metadata.generation.unwrap_or_default();
        status.observed_generation = Some(generation);
        status.conditions = verdict.conditions(&status.conditions, generation, Timestamp::now());
        self.publish(account, &verdict).await;
        Ok(self.write_status(api, account, status).await?)
    }

    /// How many resources use the account, asked of the API server: a cache, or a controller that
    /// watches only a part of the cluster, must not let an account go too early.
    async fn users(&self, account: &str) -> Result<usize, kube::Error> {
        let all: &Api<Guarded> = &Api::all(self.shared.client.clone());
        // One that cannot be read may be of this account.
        let uses = |guard: &&Guarded| guard.0.as_ref().map_or(true, |object| object.spec.account_ref.name == account);
        let mut count = 0;
        let list = |page| async move { all.list(&page).await };
        for_each_page(list, |page| count += page.iter().filter(uses).count()).await?;
        Ok(count)
    }

    /// Writes the status, unless it is what the account has already. Where the API server refuses it as invalid,
    /// the account says so, in a status that holds no more than that.
    async fn write_status(
        &self,
        api: &Api<AwsAccount>,
        account: &AwsAccount,
        status: AwsAccountStatus,
    ) -> Result<(), kube::Error> {
        let old = account.status.as_ref();
        let Err(error) = write_status(api, account, MANAGER_ACCOUNT, old, &status).await else { return Ok(()) };
        if let Some(refusal) = write_refused::refusal(&error) {
            let verdict = write_refused::verdict(&refusal);
            self.publish(account, &verdict).await;
            let generation = account.metadata.generation.unwrap_or_default();
            let before = old.map(|status| status.conditions.as_slice()).unwrap_or_default();
            let least = AwsAccountStatus {
                observed_generation: Some(generation),
                conditions: verdict.conditions(before, generation, Timestamp::now()),
                ..AwsAccountStatus::default()
            };
            write_status(api, account, MANAGER_ACCOUNT, old, &least).await?;
        }
        Err(error)
    }

    async fn publish(&self, account: &AwsAccount, verdict: &Verdict) {
        let news = News { warning: !verdict.ready, reason: verdict.reason, note: verdict.message.clone() };
        self.shared.recorder.tell(&news, "Verify", &account.object_ref(&())).await;
    }
}

fn next_step(error: &SessionError) -> &'static str {
    match error {
        SessionError::WrongAccount { .. } => "Correct spec.accountId or spec.credentials.",
        SessionError::Refused(error) if error.class.needs_a_person() => {
            "Check that the role exists, that its trust policy names the controller's identity, and that spec.credentials gives the external id it asks for."
        }
        SessionError::Refused(_) => "The controller tries again.",
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
