//! What all runs stand on: the cluster, the emulator and those who look at it.

use super::inventory::Observers;
use super::logs;
use crate::e2e::emulator::Emulator;
use crate::e2e::{controller, story, variable};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// The runs so far, of all grounds: tests run side by side.
static RUNS: AtomicU64 = AtomicU64::new(1);

pub struct Ground {
    pub client: Client,
    emulator: Emulator,
    observers: Arc<Observers>,
    /// Namespaces without objects: a run takes one and gives it back as it was.
    namespaces: Mutex<Vec<String>>,
}

impl Ground {
    pub async fn lay(observers: usize) -> Self {
        logs::listen();
        Self {
            client: story::connect(&PathBuf::from(variable("KUBECONFIG"))).await,
            emulator: Emulator::new(&variable("AWS_ENDPOINT_URL")),
            observers: Arc::new(Observers::start(observers)),
            namespaces: Mutex::default(),
        }
    }

    /// A name and an account number that no other run has.
    pub fn next(&self) -> (String, String) {
        let number = RUNS.fetch_add(1, Ordering::Relaxed);
        (format!("plan-{}-{number}", std::process::id()), format!("{:012}", 700_000_000_000 + number))
    }

    pub async fn take_namespace(&self) -> String {
        let free = self.namespaces.lock().unwrap().pop();
        if let Some(name) = free {
            return name;
        }
        let api: Api<Namespace> = Api::all(self.client.clone());
        let namespace = json!({"metadata": {"generateName": "faults-"}});
        let namespace = serde_json::from_value(namespace).unwrap();
        let made = api.create(&PostParams::default(), &namespace).await.expect("a namespace is made");
        made.metadata.name.unwrap_or_default()
    }

    pub fn give_back(&self, namespace: String) {
        self.namespaces.lock().unwrap().push(namespace);
    }

    /// Runs go with the least that the program says it needs.
    pub async fn permit(&self, account: &str, manifest: &Value) {
        let (emulator, account, manifest) = (self.emulator.clone(), account.to_owned(), manifest.clone());
        tokio::task::spawn_blocking(move || emulator.permit(&account, &controller::iam_policy_of(&manifest)))
            .await
            .unwrap();
    }

    /// Has the emulator forget an account: what all the runs leave behind would slow it down.
    pub async fn forget(&self, account: &str) {
        let (emulator, account) = (self.emulator.clone(), account.to_owned());
        tokio::task::spawn_blocking(move || emulator.forget(&account)).await.unwrap();
    }

    /// Puts things of somebody else into an account, of the kinds of these services.
    pub async fn plant(&self, account: &str, services: &[String]) {
        let (observers, account, services) = (self.observers.clone(), account.to_owned(), services.to_owned());
        tokio::task::spawn_blocking(move || observers.plant(&account, &services)).await.unwrap();
    }

    /// All that an account holds of these services.
    pub async fn look(&self, account: &str, services: &[String]) -> Value {
        let (observers, account, services) = (self.observers.clone(), account.to_owned(), services.to_owned());
        tokio::task::spawn_blocking(move || observers.look(&account, &services)).await.unwrap()
    }
}
