//! The prices that estimates are made with: the book, and what AWS was asked for since.

use crate::aws::pricing::PriceList;
use crate::cost::{CostItem, Costs, Price, PriceBook, Usage, price_list};
use std::collections::HashMap;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How long an answer is good for. AWS changes list prices a few times a year, and announces it.
const GOOD_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// How long nothing is asked after a question that failed; the book answers meanwhile.
const PAUSE: Duration = Duration::from_secs(5 * 60);

/// Where prices come from.
pub struct Prices {
    book: PriceBook,
    list: Option<List>,
}

/// The Price List service with its answers.
struct List {
    service: PriceList,
    /// One question at a time: many objects want to know the same at once.
    answers: Mutex<Answers>,
}

#[derive(Default)]
struct Answers {
    known: HashMap<(String, Usage), Answer>,
    failed: Option<Instant>,
}

struct Answer {
    /// `None` where AWS has no such price.
    price: Option<Price>,
    asked: Instant,
}

impl Prices {
    /// The prices that come with the program.
    pub fn included() -> Self {
        Self { book: PriceBook::included(), list: None }
    }

    /// Those of AWS where it has them, and otherwise the ones that come with the program.
    pub fn of_aws(service: PriceList) -> Self {
        Self { book: PriceBook::included(), list: Some(List { service, answers: Mutex::default() }) }
    }

    /// A book with the prices of all that is paid for in the region.
    pub async fn book_for(&self, costs: &Costs, region: &str) -> PriceBook {
        let Some(list) = &self.list else { return self.book.clone() };
        let mut fresh = Vec::new();
        for item in &costs.items {
            if let Some(price) = list.price(item, region).await {
                fresh.push((region.to_owned(), item.usage.clone(), price));
            }
        }
        self.book.with(fresh)
    }
}

impl List {
    /// AWS's price; the last known one where AWS cannot be asked now.
    async fn price(&self, item: &CostItem, region: &str) -> Option<Price> {
        let query = price_list::query(&item.usage, region)?;
        let key = (region.to_owned(), item.usage.clone());
        let mut answers = self.answers.lock().await;
        let known = answers.known.get(&key);
        let paused = answers.failed.is_some_and(|when| when.elapsed() < PAUSE);
        if paused || known.is_some_and(|answer| answer.asked.elapsed() < GOOD_FOR) {
            return known.and_then(|answer| answer.price.clone());
        }
        let read = |products: Vec<String>| price_list::price(&products, item.unit).map_err(|error| error.to_string());
        let products = self.service.products(query.service_code, &query.attributes).await;
        match products.map_err(|error| error.to_string()).and_then(read) {
            Ok(price) => {
                answers.failed = None;
                answers.known.insert(key, Answer { price: price.clone(), asked: Instant::now() });
                price
            }
            Err(error) => {
                tracing::warn!(
                    usage = item.usage.as_str(),
                    region,
                    error,
                    "the AWS Price List failed; other prices stand in"
                );
                answers.failed = Some(Instant::now());
                answers.known.get(&key).and_then(|answer| answer.price.clone())
            }
        }
    }
}
