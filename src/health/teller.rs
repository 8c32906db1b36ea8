//! When a change of health is news: at once, and not again and again where it goes to and fro.

use crate::api::resource::Health;
use std::time::{Duration, Instant};

/// Changes within this time count together.
const WINDOW: Duration = Duration::from_secs(600);

/// So many changes within the window are told one by one; with the next one it is said once that the
/// health goes to and fro, and nothing more until it has stayed the same for the window.
const MOST: usize = 4;

/// What is to be told of a resource's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// That it has changed, from what was told last.
    Changed(Option<Health>),
    /// That it goes to and fro.
    Flapping,
}

/// What was heard and told of the health of one resource. Losing it costs an Event at the most.
#[derive(Clone, Debug, Default)]
pub struct Teller {
    seen: Option<Health>,
    told: Option<Health>,
    changes: Vec<Instant>,
    flapping: bool,
}

impl Teller {
    /// Takes note of the health `now`, and says what is to be told. `before` is what the status said,
    /// for a teller that has heard nothing yet. That nothing is known is no news, and neither is that a
    /// new resource is well.
    pub fn hear(&mut self, before: Option<Health>, health: Health, now: Instant) -> Option<Telling> {
        if health == Health::Unknown {
            return None;
        }
        if self.seen.is_none() {
            let known = before.filter(|before| *before != Health::Unknown).or(Some(Health::Healthy));
            (self.seen, self.told) = (known, known);
        }
        self.changes.retain(|change| now.saturating_duration_since(*change) < WINDOW);
        if self.seen.replace(health) != Some(health) {
            self.changes.push(now);
        }
        let unsteady = self.changes.len() > MOST || (self.flapping && !self.changes.is_empty());
        if unsteady {
            return (!std::mem::replace(&mut self.flapping, true)).then_some(Telling::Flapping);
        }
        self.flapping = false;
        let told = self.told.replace(health);
        (told != Some(health)).then_some(Telling::Changed(told))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Health::{Degraded, Healthy, Unhealthy, Unknown};

    fn minutes(number: u64) -> Duration {
        Duration::from_secs(60 * number)
    }

    /// What is told when these are heard, one a minute.
    fn told(before: Option<Health>, heard: &[Health]) -> Vec<Telling> {
        let (mut teller, begin) = (Teller::default(), Instant::now());
        let times = (0..).map(|minute| begin + minutes(minute));
        heard.iter().zip(times).filter_map(|(health, now)| teller.hear(before, *health, now)).collect()
    }

    #[test]
    fn a_change_is_told_once_each_way() {
        let news = told(Some(Healthy), &[Healthy, Unhealthy, Unhealthy, Healthy, Healthy]);
        assert_eq!(news, [Telling::Changed(Some(Healthy)), Telling::Changed(Some(Unhealthy))]);
    }

    #[test]
    fn that_a_new_resource_is_well_is_no_news_and_that_it_is_ill_is() {
        assert!(told(None, &[Unknown, Healthy]).is_empty());
        assert_eq!(told(None, &[Unknown, Degraded]), [Telling::Changed(Some(Healthy))]);
    }

    #[test]
    fn what_is_unknown_for_a_while_is_no_news() {
        assert!(told(Some(Healthy), &[Healthy, Unknown, Healthy]).is_empty());
        assert_eq!(told(Some(Unhealthy), &[Unknown, Healthy]), [Telling::Changed(Some(Unhealthy))]);
    }

    #[test]
    fn a_restart_tells_nothing_anew() {
        assert!(told(Some(Unhealthy), &[Unhealthy]).is_empty());
    }

    #[test]
    fn what_goes_to_and_fro_is_told_a_few_times_and_then_named() {
        let flapping: Vec<Health> = (0..40).map(|minute| if minute % 2 == 0 { Unhealthy } else { Healthy }).collect();
        let news = told(Some(Healthy), &flapping);
        assert_eq!(news.len(), MOST + 1, "{news:?}");
        assert_eq!(news.last(), Some(&Telling::Flapping));
    }

    #[test]
    fn what_has_settled_is_told_where_it_differs_from_what_was_told_last() {
        let (mut teller, begin) = (Teller::default(), Instant::now());
        let at = |minute| begin + minutes(minute);
        for minute in 0..6 {
            teller.hear(Some(Healthy), if minute % 2 == 0 { Unhealthy } else { Healthy }, at(minute));
        }
        assert_eq!(teller.hear(None, Unhealthy, at(6)), None, "it is known to go to and fro");
        assert_eq!(teller.hear(None, Unhealthy, at(15)), None, "not yet steady for the whole window");
        assert_eq!(teller.hear(None, Unhealthy, at(16)), Some(Telling::Changed(Some(Healthy))));
    }
}
