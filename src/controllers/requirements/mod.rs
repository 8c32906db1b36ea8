//! What must be there before the controllers start: the definitions, no older than this program, and the rights.
//!
//! While something is missing the process waits, says what in the log and in `/readyz`, and goes on by itself
//! once it is there. Nothing is written meanwhile: with an older definition the API server would drop fields
//! without a word, and with them perhaps the record of what was begun in AWS.

mod definitions;
mod rights;

use crate::api::commands;
use crate::config::RunConfig;
use crate::controllers::said::Said;
use crate::server::Readiness;
use definitions::{Definitions, Lack};
use kube::Client;
use rights::Right;
use std::time::{Duration, Instant};

/// Time between two looks while something is missing.
const WAITING: Duration = Duration::from_secs(2);

/// Time between two looks of a process that had everything when it began to stand by or to work.
const AFTERWARDS: Duration = Duration::from_secs(30);

/// Time for one look.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why the controllers cannot start.
#[derive(Debug, thiserror::Error)]
enum Unmet {
    /// Definitions or rights, in sentences.
    #[error("{}", .0.join(" "))]
    Missing(Vec<String>),
    /// The API server refused to say, or is not to be had.
    #[error("The API server did not say what is there: {}", reason(.0))]
    NotKnown(#[from] kube::Error),
    /// The API server did not answer in time.
    #[error("The API server did not say in time what is there.")]
    NoAnswer,
}

/// What the API server says for people, without the rest of its answer.
fn reason(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        error => error.to_string(),
    }
}

/// What the controllers of one configuration need.
pub struct Requirements {
    client: Client,
    definitions: Definitions,
    rights: Vec<Right>,
}

impl Requirements {
    /// What the controllers need under this configuration. The client must be free to write: a question for
    /// one's own rights is a POST request.
    pub fn of(client: Client, config: &RunConfig) -> Self {
        let rights = rights::needed(config, client.default_namespace());
        Self { client, definitions: Definitions::of_this_program(), rights }
    }

    /// Waits until everything is there, and says what is not: in `readiness` at once, and in the log once a
    /// minute.
    pub async fn until_met(&self, readiness: &Readiness) {
        let (mut said, mut waited) = (Said::default(), false);
        while let Err(unmet) = self.look().await {
            let reason = unmet.to_string();
            if said.is_news(&reason, Instant::now()) {
                tracing::warn!("waiting: {reason}");
            }
            readiness.wait_for(&reason);
            waited = true;
            tokio::time::sleep(WAITING).await;
        }
        if waited {
            tracing::info!("the definitions and rights are there");
            readiness.set(false);
        }
    }

    /// Waits until something is missing.
    pub async fn until_unmet(&self) {
        loop {
            tokio::time::sleep(AFTERWARDS).await;
            // An API server that says nothing has not taken anything away.
            if let Err(Unmet::Missing(_)) = self.look().await {
                return;
            }
        }
    }

    /// Waits until the definitions are older than this program, and says what they lack. Definitions that are
    /// gone need no such care: nothing can be written to them.
    pub async fn until_older(&self) -> String {
        loop {
            tokio::time::sleep(AFTERWARDS).await;
            // An API server that says nothing has not taken anything away.
            let Ok(Ok(mut lacks)) = tokio::time::timeout(PATIENCE, self.definitions.lacks(&self.client)).await else {
                continue;
            };
            lacks.retain(|lack| !lack.is_all());
            if !lacks.is_empty() {
                return sentences(&lacks, &[]).join(" ");
            }
        }
    }

    async fn look(&self) -> Result<(), Unmet> {
        let asking = async {
            let lacks = self.definitions.lacks(&self.client).await?;
            Ok::<_, Unmet>((lacks, rights::missing(&self.client, &self.rights).await?))
        };
        let (lacks, rights) = tokio::time::timeout(PATIENCE, asking).await.map_err(|_| Unmet::NoAnswer)??;
        match sentences(&lacks, &rights) {
            sentences if sentences.is_empty() => Ok(()),
            sentences => Err(Unmet::Missing(sentences)),
        }
    }
}

/// What is missing and what to do about it.
fn sentences(lacks: &[Lack], rights: &[Right]) -> Vec<String> {
    let definitions: Vec<&str> = lacks.iter().filter(|lack| lack.is_all()).map(Lack::definition).collect();
    let older: Vec<String> = lacks.iter().filter(|lack| !lack.is_all()).map(Lack::to_string).collect();
    let rights: Vec<String> = rights.iter().map(Right::to_string).collect();
    let mut sentences = Vec::new();
    if !definitions.is_empty() {
        sentences.push(format!(
            "Missing definitions: {}. Install them with the chart (crds.enabled), or with `{}`.",
            definitions.join(", "),
            commands::install_definitions()
        ));
    }
    if !older.is_empty() {
        sentences.push(format!(
            "Definitions that are older than this program: {}. Bring them up to date with the chart of this version, or with `{}`.",
            older.join("; "),
            commands::update_definitions()
        ));
    }
    if !rights.is_empty() {
        sentences.push(format!("Missing rights: {}. The chart's roles grant them (rbac.create).", rights.join(", ")));
    }
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_with_what_to_do_about_it() {
        assert_eq!(sentences(&[], &[]), Vec::<String>::new());
        let lacks = [
            Lack::all("awsaccounts.aws.ccagi.io"),
            Lack::fields("awsresources.aws.ccagi.io", vec!["spec.region".into(), "status.id".into()]),
        ];
        let said = sentences(&lacks, &[]).join(" ");
        assert!(said.contains("Missing definitions: awsaccounts.aws.ccagi.io. Install"), "{said}");
        assert!(
            said.contains("older than this program: awsresources.aws.ccagi.io lacks spec.region, status.id. "),
            "{said}"
        );
    }
}
