//! Several replicas: which of them leads, by their own metrics, and what is left when they are killed.

use super::controller::Controller;
use super::leader::Election;
use super::shop;
use super::story::Story;
use super::telemetry::value;
use kube::api::{DeleteParams, ListParams};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::time::Duration;

/// How often replicas are killed while the shop is made, and while it is deleted.
const STRIKES: (i32, i32) = (4, 3);

/// What a replica's metrics say of whether it leads.
fn leads(replica: &Controller) -> Option<f64> {
    let name = ["name=\"ccagi-aws-agent\""];
    value(&replica.ask("metrics", "GET /metrics", ""), "leader_election_master_status", &name)
}

/// Two replicas of which one leads, and chance.
struct Replicas {
    election: Election,
    running: Vec<Controller>,
    random: StdRng,
}

impl Replicas {
    async fn begin(name: &str, seed: u64) -> Self {
        let mut election = Election::begin(name).await;
        let running = vec![election.story.take_controller(), election.standby()];
        Self { election, running, random: StdRng::seed_from_u64(seed) }
    }

    /// Kills the leader at a random moment of its reign, and sometimes the other too, and starts them again.
    async fn strike(&mut self) {
        let one_leads = || self.running.iter().any(|replica| leads(replica) == Some(1.0));
        self.election.story.until_true("one of the replicas to lead", one_leads).await;
        tokio::time::sleep(Duration::from_millis(self.random.random_range(0..2000))).await;
        let both = self.random.random_ratio(1, 4);
        let (struck, spared): (Vec<Controller>, Vec<Controller>) =
            self.running.drain(..).partition(|replica| both || leads(replica) == Some(1.0));
        self.running = spared;
        for replica in struck {
            replica.kill();
            self.running.push(self.election.replica_until("serving log"));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_one_replica_says_that_it_leads_and_the_other_after_that_one_has_stopped() {
    let mut election = Election::begin("leader-metrics").await;
    let standby = election.standby();
    let leader = election.story.take_controller();
    assert_eq!([leads(&leader), leads(&standby)], [Some(1.0), Some(0.0)]);
    let (status, _) = leader.stop();
    assert!(status.success(), "{status}");
    assert_eq!(standby.lines("the lease is let go"), 1);
    election.story.until_true("the other to lead", || leads(&standby) == Some(1.0)).await;
    assert_eq!(election.lease().await.lease_transitions, Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_are_killed_at_random_make_one_of_each_and_leave_nothing() {
    let calm = Story::begin("replicas-calm").await;
    let names = shop::apply(&calm).await;
    shop::until_all_ready(&calm, &names).await;
    let one_of_each = shop::counts(&calm);

    let given = std::env::var("CCAGI_SEED").ok();
    let seed = given.map_or_else(rand::random, |text| text.parse().expect("a seed is a number"));
    println!("CCAGI_SEED={seed} kills at the same moments again");
    let mut replicas = Replicas::begin("replicas", seed).await;
    shop::apply(&replicas.election.story).await;
    for _ in 0..STRIKES.0 {
        replicas.strike().await;
    }
    let story = &replicas.election.story;
    shop::until_all_ready(story, &names).await;
    assert_eq!(shop::counts(story), one_of_each, "an undisturbed controller makes these");

    let created = shop::objects(story).await;
    story.resources().delete_collection(&DeleteParams::default(), &ListParams::default()).await.unwrap();
    for _ in 0..STRIKES.1 {
        replicas.strike().await;
    }
    let story = &replicas.election.story;
    shop::until_all_gone(story, &created).await;
    shop::nothing_is_left(story);
    let leaders = replicas.election.lease().await.lease_transitions.unwrap() + 1;
    assert!(leaders >= STRIKES.0 + STRIKES.1, "only {leaders} have led, so that a strike has met none");
}
