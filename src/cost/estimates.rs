//! Money: quantities times prices.

use super::items::{CostItem, Costs, Found, Unit, Usage};
use super::prices::{FALLBACK_REGION, Price, PriceBook};
use crate::kinds::Kind;
use rust_decimal::{Decimal, RoundingStrategy};

/// The decimal places to which an amount is told at the most, and at the least.
const PLACES: (u32, u32) = (4, 2);

/// What a resource costs at list prices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// USD per day of all that has a price. It is the whole only where nothing is [missing](Self::missing).
    pub per_day: Decimal,
    /// What it is made of.
    pub items: Vec<PricedItem>,
    /// What comes on top and depends on use, or on what is not known.
    pub not_included: Vec<NotIncluded>,
    /// What is paid for by time and has no price in the book.
    pub missing: Vec<CostItem>,
    /// The region whose prices stand in for some that the book does not have.
    pub priced_as_in: Option<&'static str>,
}

/// An item with its price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PricedItem {
    /// What is held, and how much of it.
    pub item: CostItem,
    /// The list price.
    pub price: Price,
    /// USD per day.
    pub per_day: Decimal,
}

/// Something that the amount does not include.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotIncluded {
    /// The usage, or in words what is not known.
    pub what: String,
    /// The list price of a unit, where the book has one.
    pub price: Option<Price>,
}

impl Estimate {
    /// USD per day; `None` where the price of something is missing.
    pub fn total(&self) -> Option<Decimal> {
        self.missing.is_empty().then_some(self.per_day)
    }
}

/// What a resource of the kind costs in the region once it is as `spec` declares it and runs.
pub fn estimate<K: Kind>(spec: &K::Spec, region: &str, book: &PriceBook) -> Estimate {
    price(&K::cost_items(spec, Found::declared()), region, book)
}

/// What these items cost in the region.
pub fn price(costs: &Costs, region: &str, book: &PriceBook) -> Estimate {
    let mut estimate = Estimate::default();
    for item in &costs.items {
        let quote = book.quote(&item.usage, region).filter(|quote| quote.price.unit == item.unit);
        let per_day = quote.and_then(|quote| item.unit.per_day(quote.price.usd));
        let Some((quote, per_day)) = quote.zip(per_day) else {
            estimate.missing.push(item.clone());
            continue;
        };
        if quote.region != region {
            estimate.priced_as_in = Some(FALLBACK_REGION);
        }
        let per_day = per_day * item.quantity;
        estimate.per_day += per_day;
        estimate.items.push(PricedItem { item: item.clone(), price: quote.price.clone(), per_day });
    }
    let of_use = |usage: &Usage| NotIncluded {
        what: usage.to_string(),
        price: book.quote(usage, region).map(|quote| quote.price.clone()),
    };
    let unknown = costs.unknown.iter().map(|what| NotIncluded { what: what.clone(), price: None });
    estimate.not_included = costs.by_use.iter().map(of_use).chain(unknown).collect();
    estimate
}

/// An amount as text, to two places, or to four where it has them.
pub fn usd(amount: Decimal) -> String {
    let (most, least) = PLACES;
    let mut rounded = amount.round_dp_with_strategy(most, RoundingStrategy::MidpointAwayFromZero).normalize();
    if rounded.scale() < least {
        rounded.rescale(least);
    }
    rounded.to_string()
}

impl CostItem {
    /// The item in words, such as `2 × ec2/t3.micro`.
    pub fn in_words(&self) -> String {
        match self.unit {
            Unit::Hour | Unit::Month => format!("{} × {}", self.quantity.normalize(), self.usage),
            unit => format!("{} {} of {}", self.quantity.normalize(), unit.as_str(), self.usage),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::items::HOURS_PER_MONTH;
    use super::*;
    use std::str::FromStr;

    fn decimal(text: &str) -> Decimal {
        Decimal::from_str(text).unwrap()
    }

    /// Usage, quantity and unit.
    type Held = (&'static str, i64, Unit);

    fn held(items: &[Held]) -> Costs {
        let mut costs = Costs::default();
        for (usage, quantity, unit) in items {
            costs.hold(Usage::named(usage), *quantity, *unit);
        }
        costs
    }

    /// USD for a month of 730 hours, to the cent.
    fn monthly(costs: &Costs) -> String {
        let estimate = price(costs, "us-east-1", &PriceBook::included());
        let month = estimate.total().unwrap() * HOURS_PER_MONTH / Decimal::from(24);
        month.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero).to_string()
    }

    /// Amounts that infracost prints for the same quantities (its golden files, @95ba4f49a).
    #[test]
    fn worked_examples_come_out_to_the_cent() {
        use Unit::{GbMonth, Hour, IopsMonth, MbpsMonth, RcuHour, WcuHour};
        let examples: &[(&[Held], &str)] = &[
            (&[("ec2/t3.medium", 1, Hour)], "30.37"),
            (
                &[
                    ("ebs/storage.gp3", 40, GbMonth),
                    ("ebs/iops.gp3", 1000, IopsMonth),
                    ("ebs/throughput.gp3", 5, MbpsMonth),
                ],
                "8.40",
            ),
            (&[("ebs/storage.io1", 30, GbMonth), ("ebs/iops.io1", 300, IopsMonth)], "23.25"),
            (&[("rds/mysql.single-az.db.t3.large", 1, Hour)], "99.28"),
            (&[("rds/mysql.multi-az.db.t3.large", 1, Hour)], "198.56"),
            (&[("dynamodb/provisioned.wcu", 20, WcuHour), ("dynamodb/provisioned.rcu", 30, RcuHour)], "12.34"),
            (&[("vpc/nat.hour", 1, Hour)], "32.85"),
            (&[("vpc/public-ipv4.idle", 1, Hour)], "3.65"),
        ];
        for (items, expected) in examples {
            assert_eq!(monthly(&held(items)), *expected, "{items:?}");
        }
    }

    #[test]
    fn what_is_paid_by_use_has_the_unit_prices_of_the_worked_example() {
        let book = PriceBook::included();
        let unit = |usage: &str| book.quote(&Usage::named(usage), "us-east-1").unwrap().price.usd;
        // 0.1 million requests and 17,500 GB-seconds for 0.31 USD.
        let amount = unit("lambda/requests") * decimal("0.1") + unit("lambda/duration.x86") * decimal("17500");
        assert_eq!(amount.round_dp(2), decimal("0.31"));
    }

    #[test]
    fn a_missing_price_is_said_and_the_total_is_unknown() {
        let costs = held(&[("ec2/x99.huge", 1, Unit::Hour), ("ebs/storage.gp3", 8, Unit::GbMonth)]);
        let estimate = price(&costs, "us-east-1", &PriceBook::included());
        assert_eq!(estimate.total(), None);
        assert_eq!(estimate.missing[0].in_words(), "1 × ec2/x99.huge");
        assert!(estimate.per_day > Decimal::ZERO, "what is known is known");
    }

    #[test]
    fn a_price_for_another_unit_is_no_price() {
        let costs = held(&[("ec2/t3.micro", 1, Unit::GbMonth)]);
        assert_eq!(price(&costs, "us-east-1", &PriceBook::included()).total(), None);
    }

    #[test]
    fn prices_of_another_region_are_marked() {
        let costs = held(&[("ec2/t3.micro", 1, Unit::Hour)]);
        let in_region = |region: &str| price(&costs, region, &PriceBook::included()).priced_as_in;
        assert_eq!((in_region("us-east-1"), in_region("eu-west-1")), (None, Some("us-east-1")));
    }

    #[test]
    fn what_depends_on_use_is_shown_apart_with_its_price_or_without() {
        let mut costs = Costs::default();
        costs.by_use("s3", &["storage.STANDARD", "storage.NEW"]);
        costs.unknown.push("the root volume".into());
        let estimate = price(&costs, "us-east-1", &PriceBook::included());
        assert_eq!(estimate.total(), Some(Decimal::ZERO));
        let shown: Vec<_> = estimate.not_included.iter().map(|one| (one.what.as_str(), one.price.is_some())).collect();
        assert_eq!(shown, [("s3/storage.STANDARD", true), ("s3/storage.NEW", false), ("the root volume", false)]);
    }

    #[test]
    fn an_amount_has_two_places_at_the_least_and_four_at_the_most() {
        for (amount, shown) in [
            ("0", "0.00"),
            ("0.2496", "0.2496"),
            ("1.08", "1.08"),
            ("0.00263", "0.0026"),
            ("3.5", "3.50"),
            ("12", "12.00"),
        ] {
            assert_eq!(usd(decimal(amount)), shown);
        }
    }
}
