//! `ccagi-aws-agent orphans`: AWS resources that carry the cluster's tags and belong to no object.

mod report;

use super::{FAILED, SOME};
use crate::api::account::AwsAccount;
use crate::api::commands;
use crate::aws::session::{CallSettings, Sessions, http_client};
use crate::controllers::cluster::{ClusterError, cluster_id, connect_to_read};
use crate::lifecycle::objects::for_each_page;
use crate::lifecycle::orphans::{Outlook, Search};
use clap::{Args, ValueEnum};
use kube::{Api, Client};
use std::process::ExitCode;
use std::time::Duration;

/// Where and how to look for orphans. Nothing is changed. The exit code is 0 where there are none, 1
/// where there are some, and 2 or more where something could not be looked at.
///
/// What was retained on purpose keeps its tags and is reported like all else, as `PerhapsRetained` where
/// its type is retained by default; it leaves the report once its `ccagi:` tags are taken off.
#[derive(Args, Debug)]
pub struct OrphansConfig {
    #[command(flatten)]
    accounts: Accounts,

    /// Id that marks this cluster's resources in AWS; the UID of the namespace kube-system where absent.
    #[arg(long, env = "CCAGI_CLUSTER_ID")]
    cluster_id: Option<String>,

    /// Time between two looks; only what both show is reported. It must be longer than AWS takes to show
    /// a change of tags.
    #[arg(long, default_value = "60s", value_parser = humantime::parse_duration)]
    settle: Duration,

    /// Resources that AWS says to be younger are counted and not reported.
    #[arg(long, default_value = "10m", value_parser = humantime::parse_duration)]
    min_age: Duration,

    /// Format of the report.
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    output: Output,

    /// Time for one attempt of an AWS call.
    #[arg(long, env = "CCAGI_AWS_ATTEMPT_TIMEOUT", default_value = "10s", value_parser = humantime::parse_duration)]
    aws_attempt_timeout: Duration,

    /// Time for an AWS call with its repeats.
    #[arg(long, env = "CCAGI_AWS_CALL_TIMEOUT", default_value = "60s", value_parser = humantime::parse_duration)]
    aws_call_timeout: Duration,
}

/// Which accounts to look into.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct Accounts {
    /// Name of the AwsAccount to look into, in all its regions.
    #[arg(long)]
    account: Option<String>,

    /// Look into all AwsAccounts of the cluster.
    #[arg(long)]
    all_accounts: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Table,
    /// For machines.
    Json,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
enum OrphansError {
    #[error("the program cannot be started: {0}")]
    NoRuntime(#[source] std::io::Error),
    #[error(transparent)]
    NoCluster(#[from] ClusterError),
    #[error("the AwsAccount {0} does not exist ({list})", list = commands::list_accounts())]
    UnknownAccount(String),
    #[error("the AwsAccounts could not be read: {0}")]
    NoAccounts(#[source] kube::Error),
    #[error("the AwsResources of the cluster could not be listed, so that nothing can be said: {0}")]
    NoObjects(#[source] kube::Error),
    #[error("standard output: {0}")]
    Output(#[from] std::io::Error),
}

/// Looks for orphans, prints the report, and says in the exit code what it holds.
pub fn run(config: &OrphansConfig) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(OrphansError::NoRuntime);
    match runtime.and_then(|runtime| runtime.block_on(search(config))) {
        Ok(code) => code,
        Err(error) => {
            super::complain(&error.to_string());
            ExitCode::from(FAILED)
        }
    }
}

async fn search(config: &OrphansConfig) -> Result<ExitCode, OrphansError> {
    let client = connect_to_read().await?;
    let accounts = accounts(&client, &config.accounts).await?;
    let cluster_id = cluster_id(&client, config.cluster_id.as_deref()).await?;
    let settings = CallSettings::to_read(config.aws_attempt_timeout, config.aws_call_timeout);
    let sessions = Sessions::from_environment(&settings, http_client()).await;
    let search = Search { client, sessions, cluster_id, min_age: config.min_age };
    let first = search.look(&accounts).await.map_err(OrphansError::NoObjects)?;
    let outlook = match first.outlook.orphans.len() {
        0 => first.outlook,
        count => {
            let settle = humantime::format_duration(config.settle);
            super::complain(&format!("found {count} at the first look; looking again in {settle}"));
            tokio::time::sleep(config.settle).await;
            search.look_again(first).await.map_err(OrphansError::NoObjects)?
        }
    };
    match config.output {
        Output::Json => super::print_json(&report::json(&outlook))?,
        Output::Table => super::print(&report::table(&outlook))?,
    }
    report::failures(&outlook).iter().for_each(|line| super::complain(line));
    Ok(code(&outlook))
}

/// What could not be looked at outweighs what was found: the report is not the whole.
fn code(outlook: &Outlook) -> ExitCode {
    match (outlook.failures.is_empty(), outlook.orphans.is_empty()) {
        (true, true) => ExitCode::SUCCESS,
        (true, false) => ExitCode::from(SOME),
        (false, _) => ExitCode::from(FAILED),
    }
}

async fn accounts(client: &Client, wanted: &Accounts) -> Result<Vec<AwsAccount>, OrphansError> {
    let api: Api<AwsAccount> = Api::all(client.clone());
    match &wanted.account {
        Some(name) => match api.get_opt(name).await.map_err(OrphansError::NoAccounts)? {
            Some(account) => Ok(vec![account]),
            None => Err(OrphansError::UnknownAccount(name.clone())),
        },
        None => {
            let (api, mut all) = (&api, Vec::new());
            let listed = for_each_page(|page| async move { api.list(&page).await }, |page| all.extend(page)).await;
            listed.map(|()| all).map_err(OrphansError::NoAccounts)
        }
    }
}
