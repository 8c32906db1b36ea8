//! The fence: whether this process may begin a write now.
//!
//! With leader election, a write may begin only if the lease is this process's own for longer than
//! the write may take; it has then ended, one way or the other, before anybody else may take over.
//! The time is the monotonic clock's, which goes on while a process is stopped, so that a leader
//! that wakes up after its time finds the fence closed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// For how long this process is the one that works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tenure {
    /// For ever: there is no leader election.
    Unlimited,
    /// Not at all.
    None,
    /// Until another process may take the lease.
    Until {
        /// The end, by this process's own clock.
        end: Instant,
        /// The Lease's `leaseTransitions`: which of the leaders this one is.
        epoch: i32,
    },
}

impl Tenure {
    /// Whether a write that begins `now` and takes up to `timeout` is over before the tenure is.
    pub fn permits(self, now: Instant, timeout: Duration) -> bool {
        match self {
            Self::Unlimited => true,
            Self::None => false,
            Self::Until { end, .. } => end.saturating_duration_since(now) > timeout,
        }
    }

    /// The number of this leader, where there is leader election.
    pub fn epoch(self) -> Option<i32> {
        match self {
            Self::Until { epoch, .. } => Some(epoch),
            Self::Unlimited | Self::None => None,
        }
    }
}

/// The present [`Tenure`], shared by those who write and the one who holds the lease.
#[derive(Clone, Debug)]
pub struct Fence(Arc<Mutex<Tenure>>);

/// A write was not begun, because the lease is not ours for long enough. Nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not begun: this process does not hold the leader's lease for long enough")]
pub struct NotLeader;

impl Fence {
    /// A fence that permits everything until it is told otherwise, for a process without leader election.
    pub fn open() -> Self {
        Self::with(Tenure::Unlimited)
    }

    /// A fence that permits nothing until it is told otherwise.
    pub fn closed() -> Self {
        Self::with(Tenure::None)
    }

    fn with(tenure: Tenure) -> Self {
        Self(Arc::new(Mutex::new(tenure)))
    }

    /// Says what holds from now on.
    pub fn set(&self, tenure: Tenure) {
        *self.lock() = tenure;
    }

    /// Lets a write begin that takes up to `timeout`.
    ///
    /// # Errors
    /// [`NotLeader`] where it may not begin.
    pub fn permit(&self, timeout: Duration) -> Result<(), NotLeader> {
        // The clock is read last: waiting for the lock takes time too.
        let tenure = *self.lock();
        if tenure.permits(Instant::now(), timeout) { Ok(()) } else { Err(NotLeader) }
    }

    /// The number of this leader, where there is leader election and this process leads.
    pub fn epoch(&self) -> Option<i32> {
        self.lock().epoch()
    }

    fn lock(&self) -> MutexGuard<'_, Tenure> {
        // Nothing in here can be left half-done by a panic elsewhere.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn without_leader_election_everything_is_permitted() {
        assert!(Tenure::Unlimited.permits(Instant::now(), Duration::MAX));
        assert_eq!(Fence::open().permit(Duration::MAX), Ok(()));
        assert_eq!(Fence::open().epoch(), None);
    }

    #[test]
    fn without_the_lease_nothing_is() {
        assert!(!Tenure::None.permits(Instant::now(), Duration::ZERO));
        assert_eq!(Fence::closed().permit(Duration::ZERO), Err(NotLeader));
    }

    #[test]
    fn a_write_must_be_over_before_the_lease_is() {
        let now = Instant::now();
        let tenure = Tenure::Until { end: now + 15 * SECOND, epoch: 3 };
        assert!(tenure.permits(now, 14 * SECOND));
        assert!(!tenure.permits(now, 15 * SECOND));
        assert!(tenure.permits(now + 4 * SECOND, 10 * SECOND));
        assert!(!tenure.permits(now + 5 * SECOND, 10 * SECOND));
    }

    #[test]
    fn after_its_end_a_lease_permits_not_even_what_takes_no_time() {
        let now = Instant::now();
        let tenure = Tenure::Until { end: now, epoch: 3 };
        assert!(!tenure.permits(now, Duration::ZERO));
        assert!(!tenure.permits(now + 60 * SECOND, Duration::ZERO));
    }

    #[test]
    fn a_fence_that_is_closed_is_closed_for_all_who_share_it() {
        let fence = Fence::closed();
        let other = fence.clone();
        fence.set(Tenure::Until { end: Instant::now() + 3600 * SECOND, epoch: 7 });
        assert_eq!((other.permit(SECOND), other.epoch()), (Ok(()), Some(7)));
        fence.set(Tenure::None);
        assert_eq!((other.permit(SECOND), other.epoch()), (Err(NotLeader), None));
    }
}
