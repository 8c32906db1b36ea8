//! Leader election: a Lease of `coordination.k8s.io/v1`, taken, renewed and let go by
//! compare-and-swap. `election` decides, this file asks and writes.

mod election;

use crate::config::LeaderElection;
use crate::fence::{Fence, Tenure};
use crate::server::Readiness;
use election::{Election, Step, released};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::core::ObjectMeta;
use kube::{Api, Client};
use rand::Rng;
use std::future::Future;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use uuid::Builder;

/// The lease was lost: others may work now, so this process must not go on.
#[derive(Debug, thiserror::Error)]
#[error("the lease {lease} was lost: {why}; the process ends, and what it had begun is found again from its intent")]
pub struct LeaseLost {
    /// Namespace and name of the Lease.
    lease: String,
    why: String,
}

/// A process that wants a Lease, or has it.
pub struct Candidate {
    api: Api<Lease>,
    name: String,
    /// Namespace and name, for people.
    title: String,
    identity: String,
    times: Times,
    fence: Fence,
    election: Election,
    /// The Lease as it was written last.
    lease: Option<Lease>,
    /// Which leader this process is, from the day it has led.
    epoch: Option<i32>,
}

/// A process that has just got its Lease.
pub struct Leader {
    candidate: Candidate,
    /// When the lease was asked for.
    since: Instant,
}

/// How long things may take; the names are client-go's.
#[derive(Clone, Copy, Debug)]
struct Times {
    lease_duration: Duration,
    renew_deadline: Duration,
    retry_period: Duration,
}

/// Why a try to write the Lease did not come to its end.
#[derive(Debug, thiserror::Error)]
enum TryError {
    #[error(transparent)]
    Cluster(#[from] kube::Error),
    #[error("the API server did not answer in time")]
    NoAnswer,
    #[error("this process could not run in time")]
    TooLate,
}

/// What came of a try.
enum Outcome {
    /// The lease is ours, counted from the time at which it was asked for.
    Ours(Instant),
    /// Another process holds it: its identity.
    Theirs(String),
    /// Another process has held it since this one did.
    Interrupted,
}

impl Candidate {
    /// A candidate with an identity of its own, that opens `fence` while it holds the Lease.
    pub fn new(client: Client, config: &LeaderElection, fence: Fence) -> Self {
        let namespace =
            config.leader_election_namespace.clone().unwrap_or_else(|| client.default_namespace().to_owned());
        let identity = identity();
        Self {
            name: config.leader_election_id.clone(),
            title: format!("{namespace}/{}", config.leader_election_id),
            election: Election::of(identity.clone(), config.leader_election_lease_duration),
            identity,
            times: Times {
                lease_duration: config.leader_election_lease_duration,
                renew_deadline: config.leader_election_renew_deadline,
                retry_period: config.leader_election_retry_period,
            },
            api: Api::namespaced(client, &namespace),
            fence,
            lease: None,
            epoch: None,
        }
    }

    /// Stands by until the lease is ours.
    pub async fn campaign(mut self, readiness: &Readiness) -> Leader {
        let mut said = String::new();
        loop {
            match self.attempt(self.times.renew_deadline).await {
                Ok(Outcome::Ours(since)) => {
                    tracing::info!(lease = self.title, identity = self.identity, epoch = self.epoch, "leading");
                    return Leader { candidate: self, since };
                }
                // It has not held the lease yet, so that nobody can have come in between.
                Ok(Outcome::Interrupted) => {}
                Ok(Outcome::Theirs(holder)) => {
                    // A standby that watches the lease does all that is asked of it.
                    readiness.set(true);
                    if said != holder {
                        tracing::info!(lease = self.title, holder, "standing by");
                        said = holder;
                    }
                }
                // Another candidate was faster; the next look shows who.
                Err(error) if error.is_conflict() => {}
                Err(error) => {
                    let text = error.to_string();
                    if said != text {
                        tracing::warn!(lease = self.title, error = text, "the lease cannot be had; it is tried again");
                        said = text;
                    }
                }
            }
            // Never longer than the period, so that a lease that was let go is taken within it, nor than the
            // lease has left, so that one whose holder died is taken as soon as it has run out.
            let pause = self.times.retry_period.mul_f64(rand::rng().random_range(0.8..=1.0));
            let left = self.election.left(Instant::now()).filter(|left| !left.is_zero());
            tokio::time::sleep(left.map_or(pause, |left| pause.min(left))).await;
        }
    }

    /// Renews the lease until the work is done, then lets it go.
    async fn keep(mut self, since: Instant, mut done: oneshot::Receiver<()>) -> Result<(), LeaseLost> {
        let mut renewed = since;
        loop {
            tokio::select! {
                biased;
                _ = &mut done => {
                    self.release().await;
                    return Ok(());
                }
                () = tokio::time::sleep(self.times.retry_period) => {}
            }
            let left = self.times.renew_deadline.saturating_sub(renewed.elapsed());
            let why = match self.renew(left).await {
                Ok(Outcome::Ours(asked)) => {
                    renewed = asked;
                    continue;
                }
                Ok(Outcome::Theirs(holder)) => format!("{holder} holds it"),
                Ok(Outcome::Interrupted) => "another process has held it since".into(),
                Err(error) if renewed.elapsed() >= self.times.renew_deadline => {
                    let deadline = humantime::format_duration(self.times.renew_deadline);
                    format!("it could not be renewed within {deadline}: {error}")
                }
                Err(error) => {
                    tracing::warn!(lease = self.title, %error, "the lease was not renewed; it is tried again");
                    continue;
                }
            };
            self.fence.set(Tenure::None);
            return Err(LeaseLost { lease: self.title, why });
        }
    }

    /// Renews the lease as it was written last; only where that has changed is it read again.
    async fn renew(&mut self, limit: Duration) -> Result<Outcome, TryError> {
        if limit.is_zero() {
            return Err(TryError::TooLate);
        }
        let known = self.lease.clone();
        let patience = self.patience(limit);
        match tokio::time::timeout(patience, self.write_if_ours(known)).await {
            Ok(Err(error)) if error.is_conflict() => self.attempt(limit).await,
            Ok(outcome) => outcome,
            Err(_) => Err(TryError::NoAnswer),
        }
    }

    /// Reads the lease, and takes or renews it where that may be.
    async fn attempt(&mut self, limit: Duration) -> Result<Outcome, TryError> {
        let patience = self.patience(limit);
        let asking = async {
            let lease = self.api.get_opt(&self.name).await?;
            self.write_if_ours(lease).await
        };
        tokio::time::timeout(patience, asking).await.unwrap_or(Err(TryError::NoAnswer))
    }

    /// The time for one try: an API server that does not answer must leave time for another.
    fn patience(&self, limit: Duration) -> Duration {
        limit.min(self.times.renew_deadline / 2)
    }

    async fn write_if_ours(&mut self, lease: Option<Lease>) -> Result<Outcome, TryError> {
        let asked = Instant::now();
        let spec = lease.as_ref().map(|lease| lease.spec.clone().unwrap_or_default());
        let record = match self.election.look(spec.as_ref(), asked, Timestamp::now()) {
            Step::Write(record) => record,
            Step::StandBy { holder } => return Ok(Outcome::Theirs(holder)),
        };
        let epoch = record.lease_transitions.unwrap_or_default();
        if self.epoch.is_some_and(|own| own != epoch) {
            // What this process knows is from before; it must not go on as if nothing had been.
            return Ok(Outcome::Interrupted);
        }
        self.lease = Some(self.write(lease, record).await?);
        self.epoch = Some(epoch);
        // Ours from before the request went out: nobody can have seen the renewal earlier than that.
        self.fence.set(Tenure::Until { end: asked + self.times.lease_duration, epoch });
        Ok(Outcome::Ours(asked))
    }

    /// Writes by compare-and-swap: the read Lease carries its resourceVersion, and a new one must not exist.
    async fn write(&self, lease: Option<Lease>, record: LeaseSpec) -> Result<Lease, kube::Error> {
        match lease {
            Some(lease) => {
                let lease = Lease { spec: Some(record), ..lease };
                self.api.replace(&self.name, &PostParams::default(), &lease).await
            }
            None => {
                let metadata = ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() };
                self.api.create(&PostParams::default(), &Lease { metadata, spec: Some(record) }).await
            }
        }
    }

    /// Lets the lease go, so that the next one need not wait for its end.
    async fn release(mut self) {
        self.fence.set(Tenure::None);
        let Some(lease) = self.lease.take() else { return };
        let record = released(&lease.spec.clone().unwrap_or_default(), Timestamp::now());
        match tokio::time::timeout(self.times.renew_deadline / 2, self.write(Some(lease), record)).await {
            Ok(Ok(_)) => tracing::info!(lease = self.title, "the lease is let go"),
            Ok(Err(error)) => tracing::warn!(lease = self.title, %error, "the lease was not let go; it runs out"),
            Err(_) => tracing::warn!(lease = self.title, "the lease was not let go in time; it runs out"),
        }
    }
}

impl Leader {
    /// Does `work` while the lease is ours, and lets the lease go when it is done.
    ///
    /// # Errors
    /// [`LeaseLost`] as soon as the lease is lost; `work` is dropped then, wherever it is.
    pub async fn lead<T>(self, work: impl Future<Output = T>) -> Result<T, LeaseLost> {
        let lease = self.candidate.title.clone();
        let (done, ends) = oneshot::channel();
        // The lease is kept by a task of its own, so that much work cannot keep it from being renewed.
        let mut keeping = tokio::spawn(self.candidate.keep(self.since, ends));
        tokio::select! {
            ended = &mut keeping => match ended {
                Ok(Err(lost)) => Err(lost),
                Ok(Ok(())) | Err(_) => Err(LeaseLost { lease, why: "nothing renews it any more".into() }),
            },
            result = work => {
                // The receiver is gone only if the lease is lost, and the work is done nevertheless.
                let _ = done.send(());
                let _ = keeping.await;
                Ok(result)
            }
        }
    }
}

impl TryError {
    /// Whether the Lease has changed since it was read, is gone, or was made by another.
    fn is_conflict(&self) -> bool {
        match self {
            Self::Cluster(kube::Error::Api(status)) => {
                status.is_conflict() || status.is_already_exists() || status.is_not_found()
            }
            _ => false,
        }
    }
}

/// Host and a random part, as client-go's users do it: no two processes have the same.
fn identity() -> String {
    let of_system = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let host = std::env::var("HOSTNAME").ok().or_else(of_system).unwrap_or_else(|| "ccagi-aws-agent".into());
    format!("{}_{}", host.trim(), Builder::from_random_bytes(rand::rng().random()).into_uuid())
}
