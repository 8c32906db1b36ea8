//! What several resources cost together.

use rust_decimal::Decimal;

/// The costs of several resources, in USD per day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// The sum of the costs that are known; `None` where none is.
    pub known: Option<Decimal>,
    /// How many resources have no cost that is known.
    pub unknown: i32,
}

impl Sum {
    /// Adds the cost of one more resource.
    pub fn add(&mut self, per_day: Option<Decimal>) {
        // A sum no decimal can hold counts as one that is not known.
        match per_day.and_then(|cost| self.known.unwrap_or_default().checked_add(cost)) {
            Some(sum) => self.known = Some(sum),
            None => self.unknown += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_or_past_every_decimal_is_counted_and_adds_nothing() {
        let mut sum = Sum::default();
        sum.add(None);
        assert_eq!(sum, Sum { known: None, unknown: 1 });
        sum.add(Some(Decimal::MAX));
        sum.add(Some(Decimal::MAX));
        assert_eq!(sum, Sum { known: Some(Decimal::MAX), unknown: 2 });
    }
}
