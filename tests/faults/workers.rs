//! Who works in a run: controllers within this process, or processes of the real program.

use super::controller::{Controller, arguments, config};
use super::doors::Doors;
use super::ground::Ground;
use super::plan::Fault;
use super::program::Launch;
use super::rivals::{self, Rivals};
use ccagi_aws_agent::config::RunConfig;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The controllers of a run.
pub enum Workers {
    /// One at a time: where one dies, a fresh one takes its place.
    OneByOne { stop: oneshot::Sender<()>, ended: JoinHandle<()> },
    /// Two programs with one lease.
    Two(Box<Rivals>),
}

impl Workers {
    /// Starts those that `fault` takes.
    pub async fn start(
        ground: &Ground,
        doors: &Arc<Doors>,
        run: &str,
        fault: Option<Fault>,
        patience: Duration,
    ) -> Result<Self, String> {
        let two = fault.is_some_and(Fault::takes_two);
        let mut arguments = arguments(&format!("story={run}"), fault);
        if two {
            arguments.extend(rivals::arguments(run));
            return Rivals::start(&Launch::new(doors, ground, run, arguments), patience)
                .await
                .map(Box::new)
                .map(Self::Two);
        }
        let (stop, stopped) = oneshot::channel();
        let ended = match fault.is_some_and(Fault::takes_the_program) {
            true => tokio::spawn(programs(Launch::new(doors, ground, run, arguments), stopped)),
            false => tokio::spawn(controllers(doors.clone(), config(&arguments), stopped)),
        };
        Ok(Self::OneByOne { stop, ended })
    }

    /// Lets a leader that was held up go on after the hand-over, and waits until it has ended.
    pub async fn resume(&self, patience: Duration) -> Result<(), String> {
        match self {
            Self::OneByOne { .. } => Ok(()),
            Self::Two(rivals) => rivals.resume(patience).await,
        }
    }

    /// Ends all of them.
    pub async fn stop(self) -> Result<(), String> {
        match self {
            Self::OneByOne { stop, ended } => {
                // They have ended by themselves only if they panicked, which joining them tells.
                let _ = stop.send(());
                ended.await.map_err(|error| format!("the controllers failed: {error}"))
            }
            Self::Two(rivals) => {
                rivals.clean_up().await;
                Ok(())
            }
        }
    }
}

async fn controllers(doors: Arc<Doors>, config: RunConfig, mut stopped: oneshot::Receiver<()>) {
    let mut crashes = doors.crashes();
    let mut controller = Controller::start(&doors, &config);
    loop {
        tokio::select! {
            _ = crashes.changed() => {
                controller.kill().await;
                controller = Controller::start(&doors, &config);
            }
            _ = &mut stopped => return controller.kill().await,
        }
    }
}

/// The same for processes, which die by SIGKILL.
async fn programs(launch: Launch, mut stopped: oneshot::Receiver<()>) {
    let mut crashes = launch.doors.crashes();
    let mut program = launch.start().await;
    loop {
        tokio::select! {
            _ = crashes.changed() => {
                program.kill();
                program = launch.start().await;
            }
            _ = &mut stopped => return program.kill(),
        }
    }
}
