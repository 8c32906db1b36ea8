//! For how long a resource has been looked for in vain.

use crate::lifecycle::Walk;
use crate::lifecycle::decide::{Facts, Sight};
use std::time::{Duration, Instant};

/// A resource that was looked for in vain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absence {
    /// The number of its life, where one was written down.
    incarnation: Option<i32>,
    /// Its id, where it was known.
    id: Option<String>,
    /// When it was first missed, by a clock that nobody sets.
    since: Instant,
}

impl Absence {
    /// What is missed after a further look that was in vain too. What was looked for before, another life
    /// or another id, says nothing about it.
    fn after(old: Option<Self>, missed: Self) -> Self {
        old.filter(|old| (&old.incarnation, &old.id) == (&missed.incarnation, &missed.id)).unwrap_or(missed)
    }

    /// How long the first look in vain was over when the pass of the present one has `begun`, so that the
    /// time between the two is never taken for longer than it was.
    fn before(&self, begun: Instant) -> Duration {
        begun.saturating_duration_since(self.since)
    }
}

impl Walk<'_> {
    /// Remembers a look, and says for how long the resource has been looked for in vain.
    pub(super) fn remember_absence(&self, sight: &Sight, facts: &Facts, begun: Instant) -> Option<Duration> {
        let missed = Absence {
            incarnation: facts.intent.as_ref().map(|intent| intent.incarnation),
            id: facts.recorded_id.clone(),
            since: Instant::now(),
        };
        self.cx.memory.change(&self.uid, |memory| {
            let old = memory.absence.take();
            memory.absence = sight.is_in_vain(facts.deleting).then(|| Absence::after(old, missed));
            memory.absence.as_ref().map(|absence| absence.before(begun))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missed(incarnation: i32, id: Option<&str>, since: Instant) -> Absence {
        Absence { incarnation: Some(incarnation), id: id.map(str::to_owned), since }
    }

    #[test]
    fn an_absence_lasts_from_the_end_of_its_first_look_to_the_beginning_of_the_present_one() {
        let first = Instant::now();
        let later = first + Duration::from_secs(30);
        let absence = Absence::after(Some(missed(1, None, first)), missed(1, None, later + Duration::from_secs(2)));
        assert_eq!(absence.before(later), Duration::from_secs(30));
        assert_eq!(Absence::after(None, missed(1, None, later)).before(first), Duration::ZERO);
    }

    #[test]
    fn another_life_or_another_id_is_missed_anew() {
        let first = Instant::now();
        let later = first + Duration::from_secs(30);
        for now in [missed(2, None, later), missed(1, Some("i-1"), later)] {
            assert_eq!(Absence::after(Some(missed(1, None, first)), now.clone()), now);
        }
    }
}
