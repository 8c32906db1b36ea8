//! The command line.

mod crds;
mod explain_cost;
mod iam_policy;
mod orphans;
mod plan;
mod reference;
mod table;
mod tree;

use crate::api::text::{harmless_json, indented};
use crate::config::RunConfig;
use crate::traces::Traces;
use crate::{controllers, telemetry};
use clap::{Parser, Subcommand};
use serde_json::Value;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

/// The exit code of a command that looks for something, where it found some.
const SOME: u8 = 1;

/// The exit code of such a command where it could not look at everything, whatever else it found.
const FAILED: u8 = 2;

/// Runs AWS from Kubernetes manifests.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the controller.
    Run(Box<RunConfig>),
    /// Print the custom resource definitions, or write one file each.
    Crds(crds::CrdsConfig),
    /// Print the IAM policy that the role of an AwsAccount needs.
    IamPolicy(iam_policy::IamPolicyConfig),
    /// Show what the cost of an AwsResource is made of.
    ExplainCost(explain_cost::ExplainCostConfig),
    /// Report AWS resources that carry this cluster's tags and belong to no object.
    Orphans(orphans::OrphansConfig),
    /// Show what the controller would do now, field by field, and do none of it.
    Plan(plan::PlanConfig),
    /// Show which objects depend on which, with state, health and cost.
    Tree(tree::TreeConfig),
}

/// The program: parses the arguments, runs the command, and says what failed.
///
/// It lives in the library, runtime and all: the bodies of asynchronous functions are compiled where
/// they are polled, and this way that is here once and not again in every binary.
pub fn main() -> ExitCode {
    // kube and the AWS SDK share this one provider; a second in the process would make rustls panic.
    // It fails only if one is installed already, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let outcome = match Cli::parse().command {
        Command::Run(config) => run(*config),
        Command::Crds(config) => crds::write(&config).map_err(Into::into),
        Command::IamPolicy(config) => match iam_policy::policy(&config) {
            Ok(policy) => print_json(&policy).map_err(Into::into),
            Err(error) => Err(error.into()),
        },
        Command::ExplainCost(config) => explain_cost::run(&config),
        // Its exit codes say what was found.
        Command::Orphans(config) => return orphans::run(&config),
        Command::Plan(config) => return plan::run(&config),
        Command::Tree(config) => tree::run(&config),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn run(config: RunConfig) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let log = telemetry::init(&config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let traces = Traces::from_environment(runtime.handle());
    let outcome = runtime.block_on(controllers::run(config, log, traces.clone()));
    // Before the runtime ends, on which they are sent.
    traces.end();
    // Tasks that hang on a dead API server must not keep the process.
    runtime.shutdown_background();
    outcome.map_err(Into::into)
}

/// Says on standard error what is wrong. Whatever is quoted in it cannot pass for another line of ours.
fn complain(what: &str) {
    eprintln!("ccagi-aws-agent: {}", indented(what));
}

/// Prints a report for machines.
fn print_json(report: &Value) -> std::io::Result<()> {
    print(&harmless_json(&format!("{report:#}")))
}

/// Prints a text. A reader that has seen enough, such as `head`, is no error.
fn print(text: &str) -> std::io::Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome,
    }
}
