//! The price book: list prices by region and usage, with where and when they were found.

use super::items::{Unit, Usage};
use rust_decimal::Decimal;
use serde::Deserialize;
use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

/// The region whose prices stand in for those of a region that the book does not have.
pub const FALLBACK_REGION: &str = "us-east-1";

/// The list prices that come with the program: on-demand, in USD, without free tiers, of services with
/// tiers the first one. Each row says where and when it was found.
const PRICES: &str = include_str!("prices.csv");

/// A list price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// USD for one unit.
    pub usd: Decimal,
    /// What it is for one of.
    pub unit: Unit,
    /// Where it was found.
    pub source: String,
    /// When it was found, as a date or a month.
    pub date: String,
}

/// A price and the region that it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote<'a> {
    /// The price.
    pub price: &'a Price,
    /// The region, which is [`FALLBACK_REGION`] where the region asked for has none.
    pub region: &'a str,
}

type Rows = HashMap<String, HashMap<Usage, Price>>;

/// List prices. It is cheap to clone.
#[derive(Clone, Debug)]
pub struct PriceBook {
    rows: Arc<Rows>,
    /// Prices that were asked for since, which go before the rows.
    fresh: Arc<Rows>,
}

/// A row of the file.
#[derive(Deserialize)]
struct Row {
    service: String,
    key: String,
    region: String,
    unit: String,
    usd: String,
    date: String,
    source: String,
}

/// A row that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PriceBookError {
    /// The file is no table.
    #[error("the price book cannot be read: {0}")]
    Csv(#[from] csv::Error),
    /// A price is no decimal number.
    #[error("the price of {0} is no number: {1}")]
    NoNumber(Usage, rust_decimal::Error),
    /// A unit is not known.
    #[error("the price of {0} has the unknown unit {1}")]
    NoUnit(Usage, String),
}

impl PriceBook {
    /// The prices that come with the program.
    pub fn included() -> Self {
        static INCLUDED: LazyLock<Arc<Rows>> = LazyLock::new(|| {
            // A test reads the same file, so that no row can fail here.
            Arc::new(read(PRICES).unwrap_or_else(|error| {
                tracing::error!(%error, "the price book is left empty, so that no cost is known");
                Rows::new()
            }))
        });
        Self { rows: INCLUDED.clone(), fresh: Arc::default() }
    }

    /// The same with these prices before the others.
    pub fn with(&self, fresh: impl IntoIterator<Item = (String, Usage, Price)>) -> Self {
        let mut rows = Rows::new();
        for (region, usage, price) in fresh {
            rows.entry(region).or_default().insert(usage, price);
        }
        Self { rows: self.rows.clone(), fresh: Arc::new(rows) }
    }

    /// The price of the usage in the region, or that of the region that stands in for it; `None` where
    /// neither is known.
    pub fn quote<'a>(&'a self, usage: &Usage, region: &'a str) -> Option<Quote<'a>> {
        let find = |rows: &'a Rows, region: &'a str| {
            rows.get(region).and_then(|prices| prices.get(usage)).map(|price| Quote { price, region })
        };
        find(&self.fresh, region)
            .or_else(|| find(&self.rows, region))
            .or_else(|| find(&self.fresh, FALLBACK_REGION))
            .or_else(|| find(&self.rows, FALLBACK_REGION))
    }
}

fn read(text: &str) -> Result<Rows, PriceBookError> {
    let mut rows = Rows::new();
    for row in csv::Reader::from_reader(text.as_bytes()).into_deserialize() {
        let row: Row = row?;
        let usage = Usage::new(&row.service, &row.key);
        let usd = Decimal::from_str(&row.usd).map_err(|error| PriceBookError::NoNumber(usage.clone(), error))?;
        let unit = Unit::named(&row.unit).ok_or_else(|| PriceBookError::NoUnit(usage.clone(), row.unit.clone()))?;
        let price = Price { usd, unit, source: row.source, date: row.date };
        rows.entry(row.region).or_default().insert(usage, price);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_book_can_be_read_is_there_once_and_says_where_and_when() {
        let rows = read(PRICES).unwrap();
        let prices: Vec<&Price> = rows.values().flat_map(HashMap::values).collect();
        assert_eq!(prices.len(), PRICES.lines().count() - 1, "a usage is there twice");
        for price in prices {
            assert!(price.usd > Decimal::ZERO, "{price:?}");
            assert!(!price.source.is_empty() && price.date.len() >= "2026-10".len(), "{price:?}");
        }
    }

    #[test]
    fn a_row_that_cannot_be_read_is_named() {
        let row = |unit: &str, usd: &str| {
            read(&format!(
                "service,key,region,unit,usd,date,source\nec2,t3.micro,us-east-1,{unit},{usd},2026-07-20,x\n"
            ))
        };
        assert!(row("hour", "0.0104").is_ok());
        assert!(row("fortnight", "0.0104").unwrap_err().to_string().contains("ec2/t3.micro"));
        assert!(row("hour", "dear").unwrap_err().to_string().contains("ec2/t3.micro"));
    }

    #[test]
    fn a_region_that_the_book_lacks_is_quoted_as_the_one_that_stands_in_for_it() {
        let book = PriceBook::included();
        let usage = Usage::new("ec2", "t3.micro");
        assert_eq!(book.quote(&usage, "eu-west-1").unwrap().region, "us-east-1");
        assert_eq!(book.quote(&Usage::new("ec2", "x99.huge"), "us-east-1"), None);
    }

    #[test]
    fn a_fresh_price_goes_before_the_one_that_came_with_the_program() {
        let book = PriceBook::included();
        let usage = Usage::new("ec2", "t3.micro");
        let fresh = Price {
            usd: Decimal::new(114, 4),
            unit: Unit::Hour,
            source: "AWS Price List API".into(),
            date: "2026-11-24".into(),
        };
        let book = book.with([("eu-west-1".to_owned(), usage.clone(), fresh.clone())]);
        let quote = book.quote(&usage, "eu-west-1").unwrap();
        assert_eq!((quote.price, quote.region), (&fresh, "eu-west-1"));
        assert_eq!(book.quote(&usage, "us-east-1").unwrap().price.usd, Decimal::new(104, 4));
    }
}
