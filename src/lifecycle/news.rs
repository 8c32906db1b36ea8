//! Events: what a person would want to see in `kubectl describe`.

use crate::api::conditions::without_request_id;
use crate::api::resource::{AwsResource, Change};
use crate::lifecycle::context::Context;
use crate::lifecycle::decide::Parting;
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

impl Parting {
    /// What is told of it; `id` is empty where none was recorded.
    pub(super) fn news(self, id: &str) -> News {
        match self {
            Self::Deleted if id.is_empty() => News::normal("Deleted", "AWS has no such resource."),
            Self::Deleted => News::normal("Deleted", format!("AWS no longer has {id}.")),
            Self::Retained if id.is_empty() => News::normal(
                "Retained",
                "Whether anything was made in AWS is not known; if it was, it stays there, as the policies say.",
            ),
            Self::Retained => News::normal("Retained", format!("{id} stays in AWS, as the policies say.")),
            Self::NothingMade => News::normal("Released", "Nothing had been made in AWS."),
            Self::NotOurs => {
                let id = if id.is_empty() { "The resource" } else { id };
                News::warning("Released", format!("{id} in AWS belongs to somebody else and was not touched."))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parting_is_told_in_whole_sentences_with_and_without_an_id() {
        for parting in [Parting::Deleted, Parting::Retained, Parting::NothingMade, Parting::NotOurs] {
            for id in ["", "i-1"] {
                let note = parting.news(id).note;
                assert!(note.starts_with(|first: char| first.is_uppercase() || id == "i-1"), "{note}");
                assert!(note.ends_with('.') && !note.contains(" ."), "{note}");
            }
        }
        assert!(!Parting::Retained.news("").note.starts_with("The resource stays"), "nobody knows that");
    }
}
