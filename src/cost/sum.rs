//! What several resources cost together.

use rust_decimal::Decimal;
use std::ops::AddAssign;

/// The highest cost that is added up, in USD per day. No resource comes near it, and no number of them
/// makes a sum that a decimal cannot hold.
const HIGHEST: Decimal = Decimal::from_parts(2_764_472_320, 232_830, 0, false, 0);

/// The decimal places that are added up; prices have fewer.
const PLACES: u32 = 12;

/// The costs of several resources, in USD per day; each can be taken out again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    total: Decimal,
    counted: i32,
    unknown: i32,
    stood_in: i32,
}

impl Sum {
    /// Notes that a cost in it is of prices of another region.
    pub fn add_stand_in(&mut self) {
        self.stood_in += 1;
    }

    /// Takes out what [`Self::add_stand_in`] noted.
    pub fn remove_stand_in(&mut self) {
        self.stood_in -= 1;
    }

    /// How many of the costs are of prices of another region.
    pub fn stood_in(&self) -> i32 {
        self.stood_in
    }

    /// Adds the cost of one more resource, as its status has it.
    pub fn add(&mut self, per_day: Option<&str>) {
        match countable(per_day) {
            Some(cost) => (self.total, self.counted) = (self.total + cost, self.counted + 1),
            None => self.unknown += 1,
        }
    }

    /// Takes out what was added for a resource with this cost.
    pub fn remove(&mut self, per_day: Option<&str>) {
        match countable(per_day) {
            Some(cost) => (self.total, self.counted) = (self.total - cost, self.counted - 1),
            None => self.unknown -= 1,
        }
    }

    /// The sum of the costs that are known; `None` where none is.
    pub fn known(&self) -> Option<Decimal> {
        (self.counted > 0).then_some(self.total)
    }

    /// How many resources have no cost that is known.
    pub fn unknown(&self) -> i32 {
        self.unknown
    }
}

impl AddAssign for Sum {
    fn add_assign(&mut self, other: Self) {
        self.total += other.total;
        self.counted += other.counted;
        self.unknown += other.unknown;
        self.stood_in += other.stood_in;
    }
}

fn countable(per_day: Option<&str>) -> Option<Decimal> {
    let cost: Decimal = per_day?.parse().ok()?;
    (cost.abs() <= HIGHEST).then(|| cost.round_dp(PLACES))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(costs: &[Option<&str>]) -> Sum {
        let mut sum = Sum::default();
        costs.iter().for_each(|cost| sum.add(*cost));
        sum
    }

    #[test]
    fn what_is_not_known_or_past_all_measure_is_counted_and_adds_nothing() {
        assert_eq!(HIGHEST.to_string(), "1000000000000000");
        let most = Decimal::MAX.to_string();
        let sum = of(&[None, Some("dear"), Some(&most)]);
        assert_eq!((sum.known(), sum.unknown()), (None, 3));
        let sum = of(&[Some("0.10"), Some("0.2496"), None]);
        assert_eq!((sum.known().map(|usd| usd.to_string()).as_deref(), sum.unknown()), (Some("0.3496"), 1));
    }

    proptest! {
        #[test]
        fn what_is_taken_out_again_leaves_no_trace(
            stays in proptest::collection::vec(proptest::option::of("[0-9]{1,17}\\.[0-9]{1,20}"), 0..5),
            goes in proptest::collection::vec(proptest::option::of("[0-9]{1,17}\\.[0-9]{1,20}"), 0..5),
        ) {
            let texts = |costs: &[Option<String>]| costs.iter().fold(Sum::default(), |mut sum, cost| {
                sum.add(cost.as_deref());
                sum
            });
            let mut both = texts(&goes);
            both += texts(&stays);
            goes.iter().for_each(|cost| both.remove(cost.as_deref()));
            prop_assert_eq!(both.known(), texts(&stays).known());
            prop_assert_eq!(both.unknown(), texts(&stays).unknown());
        }
    }
}
