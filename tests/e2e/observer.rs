//! An independent look at AWS: boto3 in a process of its own, not the controller's client.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock};

struct Process {
    _child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

static PROCESS: OnceLock<Mutex<Process>> = OnceLock::new();

fn process() -> &'static Mutex<Process> {
    PROCESS.get_or_init(|| {
        let python = super::variable("CCAGI_TEST_PYTHON");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/observer.py");
        let mut child = Command::new(python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the observer starts");
        let questions = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Mutex::new(Process { _child: child, questions, answers })
    })
}

/// AWS's answer to one call in an account, or its error code.
pub fn ask(account: &str, service: &str, operation: &str, parameters: Value) -> Result<Value, String> {
    let question = json!({
        "account": account, "region": "us-east-1", "service": service,
        "operation": operation, "parameters": parameters,
    });
    let mut process = process().lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    writeln!(process.questions, "{question}").unwrap();
    let mut line = String::new();
    process.answers.read_line(&mut line).unwrap();
    let mut answer: Value = serde_json::from_str(&line).expect("the observer answers in JSON");
    match answer.get("error") {
        Some(code) => Err(code.as_str().unwrap().to_owned()),
        None => Ok(answer["answer"].take()),
    }
}
