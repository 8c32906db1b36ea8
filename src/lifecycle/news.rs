//! Events: what a person would want to see in `kubectl describe`.

use crate::api::conditions::without_request_id;
use crate::api::resource::{AwsResource, Change};
use crate::lifecycle::context::Context;
use kube::Resource;

/// One piece of news about an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// Whether somebody should worry.
    pub warning: bool,
    /// CamelCase reason.
    pub reason: &'static str,
    /// One or two whole sentences.
    pub note: String,
}

impl News {
    /// Good or neutral news.
    pub fn normal(reason: &'static str, note: impl Into<String>) -> Self {
        Self { warning: false, reason, note: note.into() }
    }

    /// News somebody should look at.
    pub fn warning(reason: &'static str, note: impl Into<String>) -> Self {
        Self { warning: true, reason, note: note.into() }
    }

    /// Publishes the news in the background, unless it is what was last said of the object.
    pub fn publish(self, object: &AwsResource, action: &'static str, cx: &Context) {
        let uid = object.metadata.uid.clone().unwrap_or_default();
        let said = format!("{}: {}", self.reason, without_request_id(&self.note));
        let repeated = cx.memory.change(&uid, |memory| memory.last_event.replace(said.clone()) == Some(said));
        if !repeated {
            self.send(object, action, cx);
        }
    }

    /// Publishes the news in the background, whatever was said before.
    pub fn send(self, object: &AwsResource, action: &'static str, cx: &Context) {
        let (recorder, reference) = (cx.recorder.clone(), object.object_ref(&()));
        tokio::spawn(async move { recorder.tell(&self, action, &reference).await });
    }
}

/// Changes in words, such as `versioning: Suspended → Enabled`.
pub fn in_words(changes: &[Change]) -> String {
    let words = |change: &Change| format!("{}: {}", change.path, change.in_words());
    changes.iter().map(words).collect::<Vec<_>>().join(", ")
}
