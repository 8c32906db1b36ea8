//! The objects of a run as they are now, from one watch.

use ccagi_aws_agent::api::resource::AwsResource;
use futures::StreamExt;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, ResourceExt};
use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Objects by name.
pub type Objects = BTreeMap<String, AwsResource>;

/// A watch over objects; it ends with this value.
pub struct Watched {
    objects: watch::Receiver<Objects>,
    task: JoinHandle<()>,
}

impl Watched {
    pub fn start(api: Api<AwsResource>, selector: &str) -> Self {
        let (sender, objects) = watch::channel(Objects::new());
        let config = watcher::Config::default().labels(selector);
        let task = tokio::spawn(async move {
            let mut events = pin!(watcher(api, config).default_backoff());
            while let Some(event) = events.next().await {
                sender.send_modify(|objects| match event {
                    Ok(watcher::Event::Init) => objects.clear(),
                    Ok(watcher::Event::InitApply(object) | watcher::Event::Apply(object)) => {
                        objects.insert(object.name_any(), object);
                    }
                    Ok(watcher::Event::Delete(object)) => {
                        objects.remove(&object.name_any());
                    }
                    // It is begun again, with a fresh list.
                    Ok(watcher::Event::InitDone) | Err(_) => {}
                });
            }
        });
        Self { objects, task }
    }

    pub fn now(&self) -> Objects {
        self.objects.borrow().clone()
    }

    /// Waits until the objects are as wanted; otherwise says how they are.
    pub async fn until(&self, what: &str, patience: Duration, holds: impl Fn(&Objects) -> bool) -> Result<(), String> {
        let mut objects = self.objects.clone();
        let waiting = objects.wait_for(|objects| holds(objects));
        if let Ok(Ok(_)) = tokio::time::timeout(patience, waiting).await {
            return Ok(());
        }
        let left = self.now();
        let said = left.iter().map(|(name, object)| {
            let status = object.status.clone().unwrap_or_default();
            let conditions: Vec<String> = status
                .conditions
                .iter()
                .filter(|condition| condition.status == "True")
                .map(|condition| format!("{} {}: {}", condition.type_, condition.reason, condition.message))
                .collect();
            format!("{name} [last action {}] {}", status.last_action.unwrap_or_default(), conditions.join("; "))
        });
        Err(format!("waited in vain for {what}: {}", said.collect::<Vec<_>>().join(" | ")))
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.task.abort();
    }
}
