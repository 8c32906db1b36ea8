//! Says when the caches have been filled for the first time.
//!
//! kube 5.0.0's own `Store::wait_until_ready` wakes only the last of several waiting tasks (its
//! `DelayedInit` holds one waker), so that the others would wait for ever.

use tokio::sync::watch;

/// Counts the caches that are still empty.
#[derive(Clone, Debug)]
pub struct CachesFilled(watch::Sender<usize>);

impl CachesFilled {
    /// For this many caches.
    pub fn of(caches: usize) -> Self {
        Self(watch::Sender::new(caches))
    }

    /// One cache is filled.
    pub fn one_is_filled(&self) {
        self.0.send_modify(|empty| *empty = empty.saturating_sub(1));
    }

    /// Waits until all are.
    pub async fn wait(&self) {
        // It cannot fail: the sender that would have to be gone is this one.
        let _ = self.0.subscribe().wait_for(|empty| *empty == 0).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_waiter_is_woken() {
        let caches = CachesFilled::of(2);
        let waiters: Vec<_> = (0..3)
            .map(|_| {
                tokio::spawn({
                    let caches = caches.clone();
                    async move { caches.wait().await }
                })
            })
            .collect();
        tokio::task::yield_now().await;
        caches.one_is_filled();
        caches.one_is_filled();
        for waiter in waiters {
            waiter.await.unwrap();
        }
    }
}
