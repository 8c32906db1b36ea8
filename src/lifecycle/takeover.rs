//! Takes a resource over, and changes tags only as long as they name the expected owner.
//!
//! AWS has no condition on a tag write, so that the last of several writers would win. Within this process
//! one object at a time takes a resource over ([`Claims`]); against everybody else the owner is read right
//! before each tag write, and after one that takes a resource over.

use crate::api::conditions::Verdict;
use crate::api::resource::Change;
use crate::aws::session::Aws;
use crate::aws::tags::{Ownership, TagEdit, Tags};
use crate::kinds::secrets::Secrets;
use crate::kinds::{Kind, Look, Observed, Target};
use crate::lifecycle::decide::Facts;
use crate::lifecycle::error::PassError;
use crate::lifecycle::news::{News, in_words};
use crate::lifecycle::observe::View;
use crate::lifecycle::plan::Plan;
use crate::lifecycle::{Desired, Next, Walk};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A resource, whatever object declares it: its account and its ARN, which names region and kind where they
/// are needed to tell it from others.
type Resource = (String, String);

/// The resources that objects of this process are taking over, or have taken over so recently that AWS may
/// not show it yet. Losing them makes nothing unsafe but the time that AWS needs to show a tag.
#[derive(Debug, Default)]
pub struct Claims(Mutex<HashMap<Resource, Holder>>);

#[derive(Debug)]
struct Holder {
    uid: String,
    /// Until when the claim stands after the work is done; `None` while it is being done.
    until: Option<Instant>,
}

impl Holder {
    fn stands(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| until > now)
    }
}

/// The right to take a resource over. It stands for a while after it was let go.
#[derive(Debug)]
pub struct Claim<'a> {
    claims: &'a Claims,
    resource: Resource,
    lasts: Duration,
}

impl Claims {
    /// Claims a resource for the object with this UID. `None` where another object has claimed it. Let go,
    /// the claim still stands for the time `lasts`, which is how long AWS may take to show a tag.
    pub fn take(&self, account: &str, arn: &str, uid: &str, lasts: Duration) -> Option<Claim<'_>> {
        let (resource, now) = ((account.to_owned(), arn.to_owned()), Instant::now());
        let mut holders = self.lock();
        holders.retain(|_, holder| holder.stands(now));
        if holders.get(&resource).is_some_and(|holder| holder.uid != uid) {
            return None;
        }
        holders.insert(resource.clone(), Holder { uid: uid.to_owned(), until: None });
        Some(Claim { claims: self, resource, lasts })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Resource, Holder>> {
        // Nothing in here can be left half-done by a panic elsewhere.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if let Some(holder) = self.claims.lock().get_mut(&self.resource) {
            holder.until = Some(Instant::now() + self.lasts);
        }
    }
}

/// A change of tags, and whose the resource must be for it.
pub struct Retagging<'a> {
    /// What is being done, for errors.
    pub action: &'static str,
    /// How the resource's owner may relate to the object for the tags to be written.
    pub expected: &'a [Ownership],
    /// The edit of these tags of the resource.
    pub edit: &'a (dyn Fn(&Tags) -> TagEdit + Sync),
}

impl Walk<'_> {
    /// Shows what adoption will change, then makes the resource ours; the changes follow as updates.
    pub(super) async fn adopt<K: Kind>(
        &mut self,
        plan: &Plan,
        aws: &Aws,
        desired: &Desired<K>,
        view: &View<K>,
        facts: &Facts,
    ) -> Result<Next, PassError> {
        let Some((id, observed)) = &view.found else { return Err(PassError::Stale) };
        let claims = &self.cx.claims;
        let Some(_claim) = claims.take(aws.account_id(), &observed.arn, &self.uid, self.cx.config.visibility_lag)
        else {
            let why = format!("Another object is taking over {id}; a look at its tags then tells whose it is.");
            self.report::<K>(&Verdict::reconciling("ConfirmingOwner", why), plan, view, facts).await?;
            return Ok(Next::After(self.cx.config.poll_period));
        };
        let owner_tags = desired.owner.tags();
        let differences: Vec<Change> = plan
            .changes
            .iter()
            .filter(|change| !change.path.strip_prefix("tags.").is_some_and(|key| owner_tags.contains_key(key)))
            .cloned()
            .collect();
        let what = if differences.is_empty() { "It is as declared".into() } else { in_words(&differences) };
        self.intent_is_fresh = false;
        // While AWS refuses it, that is what stays told.
        if !self.is_refused() {
            let verdict = Verdict::reconciling("Adopting", format!("Taking over {id}. {what}."));
            News::normal(verdict.reason, verdict.message.clone()).publish(&self.object, "Adopt", self.cx);
            self.report::<K>(&verdict, plan, view, facts).await?;
        }
        let edit = |tags: &Tags| TagEdit::between(&owner_tags, tags, &[]);
        let expected = [desired.owner.relation(&observed.tags), Ownership::Ours];
        let retagging = Retagging { action: "Adopt", expected: &expected, edit: &edit };
        if self.retag::<K>(aws, desired, (id, observed), retagging).await?.is_none() {
            return Ok(Next::Again);
        }
        // Somebody else may have read the tags when we did and written them after us.
        match owner_now::<K>(aws, desired, id).await?.map(|now| desired.owner.relation(&now.tags)) {
            Some(Ownership::Ours | Ownership::Predecessor | Ownership::Other(_)) => Ok(Next::Again),
            // AWS does not show the tags yet.
            Some(Ownership::Nobody) | None => Ok(Next::After(self.cx.config.poll_period)),
        }
    }

    /// Changes the tags of a resource, provided that its owner, read right before, is as expected, and
    /// returns what was changed. `None` where it is not: nothing was written then.
    pub(super) async fn retag<K: Kind>(
        &self,
        aws: &Aws,
        desired: &Desired<K>,
        (id, observed): (&str, &Observed<K::Spec>),
        retagging: Retagging<'_>,
    ) -> Result<Option<Vec<Change>>, PassError> {
        // Another ARN is what is left of a resource that is gone.
        let now = owner_now::<K>(aws, desired, id).await?.filter(|now| now.arn == observed.arn);
        let Some(now) = now.filter(|now| retagging.expected.contains(&desired.owner.relation(&now.tags))) else {
            tracing::info!(uid = self.uid, id, "the tags are not written: the resource is not whose it was");
            return Ok(None);
        };
        let edit = (retagging.edit)(&now.tags);
        let changes = edit.changes(&now.tags);
        if !edit.is_empty() {
            let present = Observed { tags: now.tags, ..observed.clone() };
            let target = Target { id, spec: &desired.spec, observed: &present, secrets: &Secrets::default() };
            let answer = K::retag(aws, target, &edit).await;
            answer.map_err(|error| PassError::Write { action: retagging.action, error })?;
        }
        Ok(Some(changes))
    }
}

/// The resource as far as it takes to know whose it is.
async fn owner_now<K: Kind>(aws: &Aws, desired: &Desired<K>, id: &str) -> Result<Option<Observed<K::Spec>>, PassError> {
    let look = Look::Owner { spec: &desired.spec, owner: &desired.owner };
    K::observe(aws, id, look).await.map_err(PassError::Observe)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LASTS: Duration = Duration::from_secs(3600);
    const ARN: &str = "arn:aws:s3:::assets";

    #[test]
    fn one_object_at_a_time_takes_a_resource_over() {
        let claims = Claims::default();
        let first = claims.take("1", ARN, "u-1", LASTS);
        assert!(first.is_some());
        assert!(claims.take("1", ARN, "u-2", LASTS).is_none());
        assert!(claims.take("1", "arn:aws:s3:::others", "u-2", LASTS).is_some());
        assert!(claims.take("2", ARN, "u-2", LASTS).is_some(), "in another account");
    }

    #[test]
    fn a_claim_stands_as_long_as_aws_may_not_show_the_tags() {
        let claims = Claims::default();
        drop(claims.take("1", ARN, "u-1", LASTS));
        assert!(claims.take("1", ARN, "u-2", LASTS).is_none());
        assert!(claims.take("1", ARN, "u-1", Duration::ZERO).is_some(), "its holder may try again");
        assert!(claims.take("1", ARN, "u-2", LASTS).is_some());
    }
}
