//! Writes Events. The same words about the same object become a series of one Event for some minutes.
//!
//! kube's own recorder goes by the reason alone: as long as that comes up again, an Event keeps the words it began
//! with, though what is the matter may be another by now.

use crate::api::conditions::without_request_id;
use crate::api::text::{one_line, shortened_to_bytes};
use crate::lifecycle::news::News;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams, PostParams};
use kube::core::ObjectMeta;
use kube::{Api, Client};
use serde_json::json;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long the same news is counted instead of told anew: as long as client-go does it
/// (`finishTime` in `tools/events/event_broadcaster.go`).
const SERIES: Duration = Duration::from_secs(6 * 60);

/// Who reports.
const CONTROLLER: &str = "ccagi-aws-agent";

/// The most bytes of a note that the Events API takes.
const NOTE_LIMIT: usize = 1024;

/// The longest name of an Event.
const NAME_LIMIT: usize = 253;

/// Writes Events about objects.
#[derive(Clone)]
pub struct Recorder {
    client: Client,
    told: Arc<Mutex<Told>>,
}

/// What was told in the last minutes, by a hash of what it says and of whom.
#[derive(Default)]
struct Told {
    series: HashMap<u64, Series>,
    swept: Option<Instant>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Series {
    /// The Event's name.
    name: String,
    /// How often it was told.
    count: i32,
    last: Instant,
}

impl Recorder {
    /// A recorder that writes to this cluster.
    pub fn new(client: Client) -> Self {
        Self { client, told: Arc::default() }
    }

    /// Tells the news. Losing an Event loses nothing: status and conditions hold all that matters.
    pub async fn tell(&self, news: &News, action: &str, regarding: &ObjectReference) {
        if let Err(error) = self.publish(news, action, regarding).await {
            tracing::debug!(%error, reason = news.reason, "an Event could not be published");
        }
    }

    async fn publish(&self, news: &News, action: &str, regarding: &ObjectReference) -> Result<(), kube::Error> {
        // Events about what is the cluster's are in the namespace `default`.
        let namespace = regarding.namespace.as_deref().unwrap_or("default");
        let api: Api<Event> = Api::namespaced(self.client.clone(), namespace);
        let key = key(news, action, regarding);
        let known = self.lock().once_more(key, Instant::now());
        if let Some(series) = known {
            // Nothing else of an Event may be changed.
            let patch = json!({"series": {"count": series.count, "lastObservedTime": MicroTime(Timestamp::now())}});
            match api.patch(&series.name, &PatchParams::default(), &Patch::Merge(patch)).await {
                Err(kube::Error::Api(status)) if status.is_not_found() => {}
                answer => return answer.map(drop),
            }
        }
        let event = event(news, action, regarding, Timestamp::now());
        api.create(&PostParams::default(), &event).await?;
        self.lock().begin(key, event.metadata.name.unwrap_or_default(), Instant::now());
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        // Nothing in here can be left half-done by a panic elsewhere.
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Told {
    /// Counts what was told a short while ago; `None` where it was not.
    fn once_more(&mut self, key: u64, now: Instant) -> Option<Series> {
        self.sweep(now);
        let series = self.series.get_mut(&key).filter(|series| series.last + SERIES > now)?;
        (series.count, series.last) = (series.count.saturating_add(1), now);
        Some(series.clone())
    }

    fn begin(&mut self, key: u64, name: String, now: Instant) {
        self.series.insert(key, Series { name, count: 1, last: now });
    }

    /// Forgets what was told long ago; not each time, because there may be very much.
    fn sweep(&mut self, now: Instant) {
        if self.swept.is_none_or(|swept| swept + SERIES <= now) {
            self.series.retain(|_, series| series.last + SERIES > now);
            self.series.shrink_to_fit();
            self.swept = Some(now);
        }
    }
}

fn key(news: &News, action: &str, regarding: &ObjectReference) -> u64 {
    let mut hasher = DefaultHasher::new();
    let object = (&regarding.namespace, &regarding.name, &regarding.uid);
    (object, news.warning, news.reason, action, without_request_id(&news.note)).hash(&mut hasher);
    hasher.finish()
}

fn event(news: &News, action: &str, regarding: &ObjectReference, now: Timestamp) -> Event {
    let name = event_name(regarding.name.as_deref().unwrap_or(CONTROLLER), now);
    Event {
        metadata: ObjectMeta { name: Some(name), namespace: regarding.namespace.clone(), ..ObjectMeta::default() },
        action: Some(action.to_owned()),
        event_time: Some(MicroTime(now)),
        note: Some(note(&news.note)),
        reason: Some(news.reason.to_owned()),
        regarding: Some(regarding.clone()),
        reporting_controller: Some(CONTROLLER.to_owned()),
        reporting_instance: Some(CONTROLLER.to_owned()),
        type_: Some(if news.warning { "Warning" } else { "Normal" }.to_owned()),
        ..Event::default()
    }
}

/// The Event's name: the object's, and the moment. A name may be no longer than 253 characters and consists of
/// parts that end in a letter or digit (Kubernetes, "Object Names and IDs", DNS subdomain names).
fn event_name(object: &str, now: Timestamp) -> String {
    let moment = format!(".{:x}", now.as_nanosecond());
    let end = object.floor_char_boundary(NAME_LIMIT - moment.len());
    format!("{}{moment}", object[..end].trim_end_matches(['.', '-']))
}

/// As much of the text as a note takes, on one line.
fn note(text: &str) -> String {
    shortened_to_bytes(&one_line(text), NOTE_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_has_no_more_bytes_than_the_api_takes() {
        let end = " (request id 1). Correct the field.";
        let long = note(&format!("{}{end}", "→".repeat(400)));
        assert!(long.len() <= NOTE_LIMIT && long.starts_with("→→") && long.ends_with(end), "{long}");
        assert_eq!(note("short\nDeleted"), "short\\nDeleted", "nobody writes a line of ours");
    }

    #[test]
    fn an_event_of_an_object_with_the_longest_name_has_a_name_that_the_api_takes() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        for object in ["x".repeat(253), format!("{}-.{}", "x".repeat(234), "y".repeat(17))] {
            let name = event_name(&object, now);
            assert!(name.len() <= 253 && name.starts_with("xxx"), "{name}");
            let whole = |part: &str| part.starts_with(char::is_alphanumeric) && part.ends_with(char::is_alphanumeric);
            assert!(name.split('.').all(whole), "{name}");
        }
        assert_eq!(event_name("web", now), "web.18fae27693b40000");
    }

    #[test]
    fn the_same_is_counted_until_it_is_long_ago() {
        let (mut told, begin) = (Told::default(), Instant::now());
        assert_eq!(told.once_more(1, begin), None);
        told.begin(1, "web.1".into(), begin);
        let again = told.once_more(1, begin + SERIES / 2).unwrap();
        assert_eq!((again.name.as_str(), again.count), ("web.1", 2));
        assert_eq!(told.once_more(2, begin + SERIES / 2), None, "something else is told anew");
        let late = begin + SERIES / 2 + SERIES;
        assert_eq!(told.once_more(1, late), None);
        assert!(told.series.is_empty(), "what is long ago takes no room");
    }

    #[test]
    fn other_words_are_other_news_and_another_request_is_none() {
        let of = |note: &str| key(&News::warning("AccessDenied", note), "Create", &ObjectReference::default());
        assert_ne!(of("s3:PutBucketTagging is missing"), of("s3:PutBucketVersioning is missing"));
        assert_eq!(of("denied (request id 1)"), of("denied (request id 2)"));
    }
}
