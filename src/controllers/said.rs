//! What was said in the log, so that the same is said once a minute and not with every try.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Time after which the same is worth saying again.
const AGAIN: Duration = Duration::from_secs(60);

/// What was said within the last minute, and when.
#[derive(Debug, Default)]
pub struct Said(HashMap<String, Instant>);

impl Said {
    /// Whether this was not said within the last minute; from `now` on it was.
    pub fn is_news(&mut self, text: &str, now: Instant) -> bool {
        self.0.retain(|_, when| now.saturating_duration_since(*when) < AGAIN);
        if self.0.contains_key(text) {
            return false;
        }
        self.0.insert(text.to_owned(), now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_said_once_a_minute_and_something_else_at_once() {
        let (mut said, begin) = (Said::default(), Instant::now());
        let mut at = |text: &str, seconds: u64| said.is_news(text, begin + Duration::from_secs(seconds));
        assert!(at("no rights", 0));
        assert!(!at("no rights", 2));
        assert!(at("no definitions", 4));
        assert!(!at("no rights", 59));
        assert!(at("no rights", 60));
        assert!(!at("no definitions", 62));
    }
}
