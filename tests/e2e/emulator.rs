//! The emulator's own interface: its journal of requests and its faults.

use serde::Deserialize;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;

/// One AWS request that the emulator answered.
#[derive(Clone, Debug, Deserialize)]
pub struct Request {
    pub operation: String,
    pub resource: String,
    /// The IAM action that the account's policy lacks, empty where nothing was refused.
    pub denied: String,
    pub status: u16,
}

impl Request {
    /// Whether the request may change something in AWS.
    pub fn is_write(&self) -> bool {
        !["Get", "Head", "List", "Describe", "Assume"].iter().any(|verb| self.operation.starts_with(verb))
    }
}

/// The emulator at the endpoint that the environment names.
#[derive(Clone)]
pub struct Emulator {
    host: String,
}

impl Emulator {
    pub fn new(endpoint: &str) -> Self {
        Self { host: endpoint.trim_start_matches("http://").trim_end_matches('/').to_owned() }
    }

    /// The requests that the account's sessions made, the oldest first.
    pub fn journal(&self, account: &str) -> Vec<Request> {
        let answer = self.call("GET", &format!("journal?account={account}"), &Value::Null);
        serde_json::from_value(answer["entries"].clone()).unwrap()
    }

    /// The account's requests that may have changed something, by operation.
    pub fn writes(&self, account: &str) -> Vec<String> {
        self.journal(account).into_iter().filter(Request::is_write).map(|request| request.operation).collect()
    }

    /// How many requests of this operation the account made.
    pub fn count(&self, account: &str, operation: &str) -> usize {
        self.journal(account).iter().filter(|request| request.operation == operation).count()
    }

    /// How many requests of this operation had success.
    pub fn successes(&self, account: &str, operation: &str) -> usize {
        let of_it = |request: &&Request| request.operation == operation && request.status < 300;
        self.journal(account).iter().filter(of_it).count()
    }

    /// Plans a fault and returns its id. `times` -1 is until it is cleared.
    pub fn fault(&self, account: &str, operation: &str, kind: &str, times: i32) -> String {
        self.fault_with(account, json!({"operation": operation, "kind": kind, "times": times}))
    }

    /// The same for a fault in full.
    pub fn fault_with(&self, account: &str, mut fault: Value) -> String {
        fault["account"] = json!(account);
        self.call("POST", "faults", &fault)["id"].as_str().expect("a fault has an id").to_owned()
    }

    /// How often a fault has fired.
    pub fn fired(&self, account: &str, id: &str) -> u64 {
        let answer = self.call("GET", &format!("faults?account={account}"), &Value::Null);
        let faults = answer["faults"].as_array().unwrap();
        faults.iter().find(|fault| fault["id"] == *id).map_or(0, |fault| fault["fired"].as_u64().unwrap())
    }

    /// How many answers a `hold-after` fault is holding back.
    pub fn held(&self, account: &str, id: &str) -> u64 {
        let answer = self.call("GET", &format!("faults?account={account}"), &Value::Null);
        let faults = answer["faults"].as_array().unwrap();
        faults.iter().find(|fault| fault["id"] == *id).map_or(0, |fault| fault["held"].as_u64().unwrap())
    }

    /// Lets the answers go that a `hold-after` fault is holding back.
    pub fn release(&self, id: &str) {
        self.call("POST", "release", &json!({"id": id}));
    }

    /// Has every later call of the controller in the account refused that the IAM policy does not allow.
    pub fn permit(&self, account: &str, policy: &Value) {
        let answer = self.call("PUT", "permissions", &json!({"account": account, "policy": policy}));
        assert_eq!(answer["account"], account, "the policy was not taken: {answer}");
    }

    /// Has the status checks of an instance show this from now on.
    pub fn show_checks(&self, account: &str, instance: &str, system: &str) {
        self.call("PUT", "checks", &json!({"account": account, "id": instance, "system": system}));
    }

    /// The calls that the account's policy refused: operation and missing action.
    pub fn denied(&self, account: &str) -> Vec<String> {
        let denied = self.journal(account).into_iter().filter(|request| !request.denied.is_empty());
        denied.map(|request| format!("{} needs {}", request.operation, request.denied)).collect()
    }

    /// Stops an instance as AWS does when its hardware is retired.
    pub fn stop_by_aws(&self, account: &str, instance: &str) {
        let body = json!({"account": account, "region": "us-east-1", "instance": instance});
        assert_eq!(self.call("POST", "stop", &body), json!({}), "{instance} was not stopped");
    }

    /// Forgets the account with all that it holds.
    pub fn forget(&self, account: &str) {
        assert_eq!(self.call("DELETE", &format!("account?account={account}"), &Value::Null), json!({}));
    }

    /// Forgets the account's faults.
    pub fn clear_faults(&self, account: &str) {
        self.call("DELETE", &format!("faults?account={account}"), &Value::Null);
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect(&self.host).expect("the emulator listens");
        let length = body.len();
        let request = format!(
            "{method} /_emulator/{path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}",
            self.host
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, content) = answer.split_once("\r\n\r\n").expect("an answer has a body");
        serde_json::from_str(content).unwrap_or_else(|error| panic!("{method} {path}: {error}: {answer}"))
    }
}
