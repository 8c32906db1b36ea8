//! The real program as a process that speaks to AWS and to the API server through the doors.

use super::doors::Doors;
use super::ground::Ground;
use super::proxies::{Listening, signal};
use crate::e2e::variable;
use serde_json::json;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// Time between two looks at whether a process has come to its end.
const LOOK: Duration = Duration::from_millis(20);

/// What every process of a run is started with.
#[derive(Clone)]
pub struct Launch {
    pub doors: Arc<Doors>,
    pub run: String,
    pub arguments: Vec<String>,
    pub client: kube::Client,
}

/// One life of the program. It is killed with this value.
pub struct Program {
    child: Child,
    doors: Listening,
}

impl Launch {
    pub fn new(doors: &Arc<Doors>, ground: &Ground, run: &str, arguments: Vec<String>) -> Self {
        Self { doors: doors.clone(), run: run.to_owned(), arguments, client: ground.client.clone() }
    }

    /// Where the processes of the run write their logs to.
    pub fn log(run: &str) -> PathBuf {
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{run}.log"))
    }

    /// Starts the program; what an earlier one still says is not heard any more.
    pub async fn start(&self) -> Program {
        self.start_life(self.doors.begin_life()).await
    }

    /// Starts the program beside those that run.
    pub async fn start_rival(&self) -> Program {
        self.start_life(self.doors.begin_rival()).await
    }

    async fn start_life(&self, life: u32) -> Program {
        let endpoint = variable("AWS_ENDPOINT_URL");
        let doors = Listening::start(self.doors.clone(), life, self.client.clone(), &endpoint).await;
        let kubeconfig = Self::log(&self.run).with_extension(format!("{life}.kubeconfig"));
        let content = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "door",
            "clusters": [{"name": "door", "cluster": {"server": doors.kubernetes}}],
            "users": [{"name": "door", "user": {}}],
            "contexts": [{"name": "door", "context": {"cluster": "door", "user": "door"}}],
        });
        std::fs::write(&kubeconfig, content.to_string()).unwrap();
        let log = File::options().create(true).append(true).open(Self::log(&self.run)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_ccagi-aws-agent"));
        command
            .arg("run")
            .args(&self.arguments)
            .args(["--health-address", "127.0.0.1:0", "--metrics-address", "0", "--log-address", "0"])
            .args(["--log", "ccagi_aws_agent=debug,warn"])
            .env("KUBECONFIG", &kubeconfig)
            .env("AWS_ENDPOINT_URL", &doors.aws)
            .stdout(Stdio::null())
            .stderr(log);
        let child = command.spawn().expect("the program starts");
        doors.belong_to(child.id());
        Program { child, doors }
    }
}

impl Program {
    /// Kills the process without any notice, and waits until it is gone.
    pub fn kill(mut self) {
        // It has ended already where it lost its lease.
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }

    /// Lets a stopped process go on.
    pub fn thaw(&self) {
        signal(Some(&self.child.id()), "-CONT");
    }

    /// Waits until the process ends by itself.
    pub async fn end(&mut self, patience: Duration) -> Result<ExitStatus, String> {
        let ended = async {
            loop {
                match self.child.try_wait() {
                    Ok(Some(status)) => return Ok(status),
                    Ok(None) => tokio::time::sleep(LOOK).await,
                    Err(error) => return Err(error.to_string()),
                }
            }
        };
        let waited = tokio::time::timeout(patience, ended).await;
        waited.unwrap_or_else(|_| Err(format!("the process behind {} does not end", self.doors.aws)))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already where the run killed it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
