//! What a watch brings, as plans have it: late, not at all, several times, or in another order.

use super::doors::{Doors, Spell};
use super::plan::Fault;
use axum::body::{Body as Answer, Bytes};
use futures::StreamExt;
use kube::client::Body;
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::io::{Error, ErrorKind};
use tokio::sync::mpsc;

/// How many of the last events are brought once more.
const REPLAYED: usize = 10;

/// What the API server says where it cannot go on from a resource version.
const GONE: &str = r#"{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old resource version","reason":"Expired","code":410}}"#;

/// The events of one watch, one in each line.
struct Watch {
    out: mpsc::UnboundedSender<Result<Bytes, Error>>,
    /// The beginning of a line whose end has not come yet.
    rest: Vec<u8>,
    /// The last events.
    past: VecDeque<Bytes>,
    /// What is kept back.
    kept: Vec<Bytes>,
    spell: Option<Spell>,
}

/// The answer to a watch, which a spell that begins from now on changes.
pub fn altered(doors: &Doors, body: Body) -> Answer {
    let (out, lines) = mpsc::unbounded_channel();
    let watch = Watch { out, rest: Vec::new(), past: VecDeque::new(), kept: Vec::new(), spell: None };
    let mut spells = doors.spells();
    // One that goes on already is of the watches before.
    spells.mark_unchanged();
    tokio::spawn(watch.pass_on(Answer::new(body), spells));
    let lines = futures::stream::unfold(lines, |mut lines| async { lines.recv().await.map(|line| (line, lines)) });
    Answer::from_stream(lines)
}

impl Watch {
    async fn pass_on(mut self, body: Answer, mut spells: tokio::sync::watch::Receiver<Option<Spell>>) {
        let mut chunks = body.into_data_stream();
        loop {
            let until = self.spell.map(|spell| spell.until);
            let over = async {
                match until {
                    Some(until) => tokio::time::sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            let goes_on = tokio::select! {
                chunk = chunks.next() => match chunk {
                    Some(Ok(chunk)) => self.take(&chunk),
                    // Both ends are told of it by the end of their connection.
                    Some(Err(_)) | None => false,
                },
                // The sender outlives the watch: it is the run's.
                _ = spells.changed() => {
                    let spell = *spells.borrow_and_update();
                    self.begin(spell)
                }
                () = over => self.end(),
                () = self.out.closed() => false,
            };
            if !goes_on {
                return;
            }
        }
    }

    fn send(&self, line: Bytes) -> bool {
        self.out.send(Ok(line)).is_ok()
    }

    /// Passes the lines on that a chunk completes, or keeps them back.
    fn take(&mut self, chunk: &[u8]) -> bool {
        self.rest.extend_from_slice(chunk);
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line = Bytes::from(self.rest.drain(..=end).collect::<Vec<u8>>());
            self.past.push_back(line.clone());
            if self.past.len() > REPLAYED {
                self.past.pop_front();
            }
            let goes_on = match self.spell.map(|spell| spell.fault) {
                Some(Fault::Stale | Fault::Missed | Fault::Reordered) => {
                    self.kept.push(line);
                    true
                }
                Some(Fault::Repeated) => (0..3).all(|_| self.send(line.clone())),
                _ => self.send(line),
            };
            if !goes_on {
                return false;
            }
        }
        true
    }

    fn begin(&mut self, spell: Option<Spell>) -> bool {
        self.spell = spell;
        match spell.map(|spell| spell.fault) {
            Some(Fault::Gone) => self.too_old(),
            Some(Fault::Away) => {
                // The receiver is gone only if nobody watches any more.
                let _ = self.out.send(Err(Error::new(ErrorKind::ConnectionReset, "the connection was reset")));
                false
            }
            Some(Fault::Repeated) => self.past.iter().all(|line| self.send(line.clone())),
            _ => true,
        }
    }

    fn end(&mut self) -> bool {
        let kept = std::mem::take(&mut self.kept);
        match self.spell.take().map(|spell| spell.fault) {
            Some(Fault::Missed) => self.too_old(),
            Some(Fault::Reordered) => {
                let newest = newest(&kept);
                kept.into_iter().rev().chain(newest).all(|line| self.send(line))
            }
            _ => kept.into_iter().all(|line| self.send(line)),
        }
    }

    fn too_old(&self) -> bool {
        // The receiver is gone only if nobody watches any more.
        let _ = self.out.send(Ok(Bytes::from(format!("{GONE}\n"))));
        false
    }
}

/// The last event of each object, in their order.
fn newest(lines: &[Bytes]) -> Vec<Bytes> {
    let mut last: HashMap<String, usize> = HashMap::new();
    for (number, line) in lines.iter().enumerate() {
        let event: Value = serde_json::from_slice(line).unwrap_or_default();
        last.insert(event["object"]["metadata"]["name"].to_string(), number);
    }
    let mut numbers: Vec<usize> = last.into_values().collect();
    numbers.sort_unstable();
    numbers.into_iter().map(|number| lines[number].clone()).collect()
}
