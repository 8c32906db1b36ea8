//! What a candidate for a Lease does after a look at it. Pure: the time comes in as a value.
//!
//! The rules are those of client-go's `tools/leaderelection`. The clock of another machine is never
//! compared with ours: the times in the record are only looked at for whether they change, and a
//! lease is taken over when its record has not changed for its duration as measured here.

use k8s_openapi::api::coordination::v1::LeaseSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use std::time::{Duration, Instant};

/// What a candidate does next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Write this by compare-and-swap: the lease is to be had, or is ours and to be renewed.
    Write(LeaseSpec),
    /// Leave it: somebody else holds it.
    StandBy {
        /// The other's identity.
        holder: String,
    },
}

/// One candidate and what it has seen.
#[derive(Clone, Debug)]
pub struct Election {
    identity: String,
    lease_duration: Duration,
    seen: Option<Seen>,
}

/// A record and since when it has been like this, by our clock.
#[derive(Clone, Debug)]
struct Seen {
    record: LeaseSpec,
    missing: bool,
    since: Instant,
}

impl Election {
    /// A candidate with an identity of its own, who will write `lease_duration` into the lease.
    pub fn of(identity: String, lease_duration: Duration) -> Self {
        Self { identity, lease_duration, seen: None }
    }

    /// Takes in a look at the lease, which is `None` where there is none, and says what to do.
    /// `now` is our monotonic clock, `today` what the record is to say for people.
    pub fn look(&mut self, lease: Option<&LeaseSpec>, now: Instant, today: Timestamp) -> Step {
        let seen = match (self.seen.take(), lease) {
            // Nobody has ever held it, as far as we know.
            (None, None) => return Step::Write(self.taken(None, today)),
            // Somebody deleted a lease that may be in use: its holder has until then to notice.
            (Some(seen), None) if !seen.missing => Seen { missing: true, since: now, ..seen },
            (Some(seen), None) => seen,
            (Some(seen), Some(record)) if !seen.missing && seen.record == *record => seen,
            (_, Some(record)) => Seen { record: record.clone(), missing: false, since: now },
        };
        let step = self.step(&seen, now, today);
        self.seen = Some(seen);
        step
    }

    fn step(&self, seen: &Seen, now: Instant, today: Timestamp) -> Step {
        let holder = seen.record.holder_identity.as_deref().unwrap_or_default();
        if holder == self.identity {
            return Step::Write(LeaseSpec {
                acquire_time: seen.record.acquire_time.clone(),
                lease_transitions: seen.record.lease_transitions,
                ..self.taken(Some(&seen.record), today)
            });
        }
        let over = now.saturating_duration_since(seen.since) >= self.promised(&seen.record);
        if holder.is_empty() || over {
            return Step::Write(self.taken(Some(&seen.record), today));
        }
        Step::StandBy { holder: holder.to_owned() }
    }

    /// How long the lease that was seen last may still be another's, if it is not renewed; nothing where none
    /// was seen, and zero where it has run out.
    pub fn left(&self, now: Instant) -> Option<Duration> {
        let over = |seen: &Seen| self.promised(&seen.record).saturating_sub(now.saturating_duration_since(seen.since));
        self.seen.as_ref().map(over)
    }

    /// How long the holder of a record may go on without renewing it.
    fn promised(&self, record: &LeaseSpec) -> Duration {
        let seconds = record.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
        seconds.filter(|seconds| *seconds > 0).map_or(self.lease_duration, Duration::from_secs)
    }

    /// The record after we have taken the lease. What others have written into it stays.
    fn taken(&self, before: Option<&LeaseSpec>, today: Timestamp) -> LeaseSpec {
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: Some(whole_seconds(self.lease_duration)),
            acquire_time: Some(MicroTime(today)),
            renew_time: Some(MicroTime(today)),
            lease_transitions: Some(before.map_or(0, |record| record.lease_transitions.unwrap_or(0).saturating_add(1))),
            ..before.cloned().unwrap_or_default()
        }
    }
}

/// The record after its holder has let it go: anybody may take it at once.
pub fn released(record: &LeaseSpec, today: Timestamp) -> LeaseSpec {
    LeaseSpec {
        holder_identity: Some(String::new()),
        lease_duration_seconds: Some(1),
        renew_time: Some(MicroTime(today)),
        ..record.clone()
    }
}

/// Rounded up: nobody may take over before the holder's own time is over.
fn whole_seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis().div_ceil(1000)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests;
