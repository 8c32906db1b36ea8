//! The real program as a process of a story.

use super::variable;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// What the log says when a controller is ready to work.
const READY: &str = "the caches are filled";

/// A running controller; it is killed when the story ends.
pub struct Controller {
    child: Child,
    log: PathBuf,
    /// How long the log was when the process started.
    begin: usize,
}

impl Controller {
    /// Starts the program for the objects with the label `story`, with short periods so that a story
    /// takes seconds, and waits until it is ready.
    pub fn start(story: &str, kubeconfig: &Path, more: &[&str]) -> Self {
        Self::start_until(story, kubeconfig, more, READY)
    }

    /// The same with variables in its environment.
    #[cfg(feature = "otlp")]
    pub fn start_with(story: &str, kubeconfig: &Path, more: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::launch(story, kubeconfig, more, variables, READY)
    }

    /// The same until its log has a line with this text.
    pub fn start_until(story: &str, kubeconfig: &Path, more: &[&str], line: &str) -> Self {
        Self::launch(story, kubeconfig, more, &[], line)
    }

    fn launch(story: &str, kubeconfig: &Path, more: &[&str], variables: &[(&str, &str)], line: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let log = folder.join(format!("{story}-{}.log", std::process::id()));
        let file = File::options().create(true).append(true).open(&log).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_ccagi-aws-agent"));
        command
            .args([
                "run",
                "--health-address",
                "127.0.0.1:0",
                "--metrics-address",
                "127.0.0.1:0",
                "--log-address",
                "127.0.0.1:0",
                "--watch-selector",
                &format!("story={story}"),
            ])
            .args(["--poll-period", "200ms", "--visibility-lag", "1s", "--backoff-base", "200ms"])
            .args(["--aws-attempt-timeout", "5s", "--log", "ccagi_aws_agent=debug,warn"])
            .args(more)
            // Stories share few accounts, and the emulator is quick. A flag of a story's own counts for more.
            .env("CCAGI_AWS_BUDGET_SHARE", "off")
            .env("CCAGI_BACKOFF_MAX", "2s")
            .env("KUBECONFIG", with_the_charts_rights(kubeconfig))
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(file);
        let already = lines(&log, line);
        let begin = std::fs::read(&log).unwrap().len();
        let mut controller = Self { child: command.spawn().expect("the program starts"), log, begin };
        controller.until(line, |log| lines(log, line) > already);
        controller
    }

    fn until(&mut self, what: &str, holds: impl Fn(&Path) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !holds(&self.log) {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the controller ended with {status}; its log is {}", self.log.display());
            }
            assert!(Instant::now() < deadline, "waited in vain for {what}; the log is {}", self.log.display());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// All that the process has written to its log, and those before it in the same story.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// The body that the process answers a request with; `what` is the endpoint's name in the log.
    pub fn ask(&self, what: &str, request: &str, body: &str) -> String {
        self.answer(what, request, body).1
    }

    /// Whether the process is ready, and what it says of that.
    pub fn readiness(&self) -> (bool, String) {
        let (head, body) = self.answer("health", "GET /readyz", "");
        (head.lines().next().is_some_and(|line| line.ends_with(" 200 OK")), body)
    }

    fn answer(&self, what: &str, request: &str, body: &str) -> (String, String) {
        // Those before it have said theirs before it started, and those after it say theirs later.
        let log = self.log().split_off(self.begin);
        let line = log.lines().find(|line| line.contains(&format!("serving {what}"))).expect("it serves");
        let address = line.split("127.0.0.1:").nth(1).unwrap();
        let port: String = address.chars().take_while(char::is_ascii_digit).collect();
        let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
        let length = body.len();
        write!(stream, "{request} HTTP/1.0\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    /// Kills the process without any notice, as a node that dies would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks the process to stop, and returns how it ended and after how long.
    pub fn stop(mut self) -> (ExitStatus, Duration) {
        let begin = Instant::now();
        self.signal("-TERM");
        (self.child.wait().unwrap(), begin.elapsed())
    }

    /// Freezes the process in the middle of whatever it does.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets a frozen process go on, and returns how it ends.
    pub fn thaw_until_its_end(self) -> ExitStatus {
        self.signal("-CONT");
        self.until_its_end()
    }

    /// Waits until the process ends by itself, and returns how.
    pub fn until_its_end(mut self) -> ExitStatus {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            match self.child.try_wait().unwrap() {
                Some(status) => return status,
                None => assert!(Instant::now() < deadline, "it goes on; its log is {}", self.log.display()),
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// How many lines of the log have this text. Controllers of one story share a log.
    pub fn lines(&self, text: &str) -> usize {
        lines(&self.log, text)
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }
}

/// Where a story gives its controller the administrator's kubeconfig, it runs as the chart's ServiceAccount.
fn with_the_charts_rights(kubeconfig: &Path) -> PathBuf {
    match kubeconfig == Path::new(&variable("KUBECONFIG")) {
        true => variable("CCAGI_CONTROLLER_KUBECONFIG").into(),
        false => kubeconfig.to_owned(),
    }
}

fn lines(log: &Path, text: &str) -> usize {
    std::fs::read_to_string(log).unwrap_or_default().lines().filter(|line| line.contains(text)).count()
}

impl Drop for Controller {
    fn drop(&mut self) {
        // It has ended already where the story killed or stopped it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The IAM policy that the program prints: all that the controller's calls need.
pub fn controllers_iam_policy() -> &'static Value {
    static POLICY: OnceLock<Value> = OnceLock::new();
    POLICY.get_or_init(|| iam_policy(&[]))
}

/// The IAM policy that the program prints for the role of this AwsAccount.
pub fn iam_policy_of(account: &Value) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ccagi-aws-agent"));
    let pipes = command.args(["iam-policy", "-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut program = pipes.spawn().unwrap();
    write!(program.stdin.take().unwrap(), "{account}").unwrap();
    let printed = program.wait_with_output().unwrap();
    serde_json::from_slice(&printed.stdout).expect("the policy is JSON")
}

/// What stories and plans of faults need of the guardrails of their account.
pub fn guardrails(namespace: &str) -> Value {
    json!({
        "allowedKinds": [{"kinds": ["*"]}, {"kinds": ["IamRole"], "namespaces": {"names": [namespace]}}],
        "adoption": {"namespaces": {"names": [namespace]}},
    })
}

/// The IAM policy that the program prints with these arguments.
pub fn iam_policy(arguments: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ccagi-aws-agent"));
    let printed = command.arg("iam-policy").args(arguments).output().unwrap();
    serde_json::from_slice(&printed.stdout).expect("the policy is JSON")
}
