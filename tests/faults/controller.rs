//! The product's controllers within this process, on a thread and a runtime of their own, so that all of
//! it can be dropped at any moment as a killed process would be.

use super::aws_door::AwsDoor;
use super::doors::Doors;
use super::kubernetes_door;
use super::plan::Fault;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use ccagi_aws_agent::aws::session::{Sessions, http_client};
use ccagi_aws_agent::config::RunConfig;
use ccagi_aws_agent::controllers::api_writes::ApiWrites;
use ccagi_aws_agent::controllers::cluster::connect;
use ccagi_aws_agent::controllers::{Parts, call_settings, run_with};
use ccagi_aws_agent::fence::Fence;
use ccagi_aws_agent::metrics::Metrics;
use ccagi_aws_agent::server::Readiness;
use ccagi_aws_agent::traces::Traces;
use clap::Parser;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::{oneshot, watch};

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    run: RunConfig,
}

/// Flags of the product with short periods, as a plan with this fault takes them. Looks for drift are frequent
/// only where a watch may keep something from the controller.
pub fn arguments(selector: &str, fault: Option<Fault>) -> Vec<String> {
    let impatient = fault.is_some_and(|fault| fault.takes_two() || fault == Fault::Hang);
    let (attempt, call) = if impatient { ("1s", "4s") } else { ("20s", "60s") };
    let drift = if fault.is_some_and(|fault| Fault::SPELLS.contains(&fault)) { "5s" } else { "30s" };
    let arguments = ["--watch-selector", selector, "--poll-period", "50ms"];
    let periods = ["--visibility-lag", "300ms", "--backoff-base", "50ms", "--backoff-max", "500ms"];
    let timeouts = ["--aws-attempt-timeout", attempt, "--aws-call-timeout", call, "--drift-period", drift];
    // What is refused by the product itself is no fault.
    let budget = ["--aws-budget-share", "off"];
    arguments.into_iter().chain(periods).chain(timeouts).chain(budget).map(str::to_owned).collect()
}

/// The configuration that the flags make.
pub fn config(arguments: &[String]) -> RunConfig {
    Arguments::parse_from(std::iter::once("controller").chain(arguments.iter().map(String::as_str))).run
}

/// One life of the controllers.
pub struct Controller {
    kill: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Controller {
    pub fn start(doors: &Arc<Doors>, config: &RunConfig) -> Self {
        let (kill, killed) = oneshot::channel();
        let (doors, config, life) = (doors.clone(), config.clone(), doors.begin_life());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                tokio::select! {
                    () = live(doors, life, config) => {}
                    _ = killed => {}
                }
            });
            runtime.shutdown_background();
        });
        Self { kill, thread }
    }

    /// Drops everything of it at once and waits until nothing is left.
    pub async fn kill(self) {
        // It may have ended by itself.
        let _ = self.kill.send(());
        tokio::task::spawn_blocking(|| self.thread.join()).await.unwrap().expect("the controllers do not panic");
    }
}

async fn live(doors: Arc<Doors>, life: u32, config: RunConfig) {
    let fence = Fence::open();
    let writes = ApiWrites { fence: fence.clone(), timeout: config.api_write_timeout };
    let behind = connect(writes).await.expect("the cluster is there");
    let client = kubernetes_door::client(doors.clone(), life, behind);
    let http = AwsDoor { doors, life, inner: http_client() };
    let sessions = Sessions::from_environment(&call_settings(&config, &fence), SharedHttpClient::new(http)).await;
    let metrics = Arc::new(Metrics::new().expect("the metrics go together"));
    let (_stop, stopping) = watch::channel(false);
    let parts = Parts { client, sessions, fence, config, metrics, traces: Traces::default() };
    run_with(parts, Readiness::default(), stopping).await.expect("the controllers run");
}
