//! The prices that estimates are made with: the book, and what AWS was asked for since.

use crate::aws::pricing::PriceList;
use crate::cost::{CostItem, Costs, Price, PriceBook, Usage, price_list};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long an answer is good for. AWS changes list prices a few times a year, and announces it.
const GOOD_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// How long nothing is asked after a question that failed; the book answers meanwhile.
const PAUSE: Duration = Duration::from_secs(5 * 60);

/// How long a reconcile waits for a price. A slow answer must not keep it from its resource.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// Where prices come from.
pub struct Prices {
    book: PriceBook,
    list: Option<List<PriceList>>,
}

/// What answers with the products of a service that have these attributes.
trait Service {
    async fn ask(&self, service_code: &str, attributes: &[(&str, String)]) -> Result<Vec<String>, String>;
}

impl Service for PriceList {
    async fn ask(&self, service_code: &str, attributes: &[(&str, String)]) -> Result<Vec<String>, String> {
        self.products(service_code, attributes).await.map_err(|error| error.to_string())
    }
}

/// The Price List service with its answers.
struct List<S> {
    service: S,
    patience: Duration,
    answers: Mutex<Answers>,
}

/// Usage and region.
type Key = (String, Usage);

#[derive(Default)]
struct Answers {
    known: HashMap<Key, Answer>,
    /// Whose turn it is to ask for a price: many objects want to know the same at once.
    turns: HashMap<Key, Arc<tokio::sync::Mutex<()>>>,
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

    /// Those of AWS where it has them and tells them within `patience`, and otherwise the ones that come with the
    /// program.
    pub fn of_aws(service: PriceList, patience: Duration) -> Self {
        Self { book: PriceBook::included(), list: Some(List { service, patience, answers: Mutex::default() }) }
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

impl Answers {
    /// The price that is good for now, which may be none; `None` where AWS should be asked.
    fn settled(&self, key: &Key) -> Option<Option<Price>> {
        let known = self.known.get(key);
        let paused = self.failed.is_some_and(|when| when.elapsed() < PAUSE);
        let settled = paused || known.is_some_and(|answer| answer.asked.elapsed() < GOOD_FOR);
        settled.then(|| known.and_then(|answer| answer.price.clone()))
    }
}

impl<S: Service> List<S> {
    /// AWS's price; the last known one where AWS cannot be asked now, or does not answer soon enough.
    async fn price(&self, item: &CostItem, region: &str) -> Option<Price> {
        let query = price_list::query(&item.usage, region)?;
        let key = (region.to_owned(), item.usage.clone());
        // No answer is waited for under this lock, so that one that is slow delays only who needs it.
        let turn = {
            let mut answers = self.lock();
            if let Some(price) = answers.settled(&key) {
                return price;
            }
            answers.turns.entry(key.clone()).or_default().clone()
        };
        let ask = async {
            let _turn = turn.lock().await;
            if let Some(price) = self.lock().settled(&key) {
                return Ok(price);
            }
            let products = self.service.ask(query.service_code, &query.attributes).await?;
            let price = price_list::price(&products, item.unit).map_err(|error| error.to_string())?;
            self.learn(key.clone(), price.clone());
            Ok(price)
        };
        let late = || format!("no answer within {} s", self.patience.as_secs());
        let answer: Result<Option<Price>, String> =
            tokio::time::timeout(self.patience, ask).await.unwrap_or_else(|_| Err(late()));
        answer.unwrap_or_else(|error| {
            let mut answers = self.lock();
            if answers.failed.is_none_or(|when| when.elapsed() >= PAUSE) {
                let usage = item.usage.as_str();
                tracing::warn!(usage, region, error, "the AWS Price List failed; other prices stand in");
            }
            answers.failed = Some(Instant::now());
            answers.known.get(&key).and_then(|answer| answer.price.clone())
        })
    }

    fn learn(&self, key: Key, price: Option<Price>) {
        let mut answers = self.lock();
        answers.failed = None;
        answers.turns.remove(&key);
        answers.known.insert(key, Answer { price, asked: Instant::now() });
    }

    fn lock(&self) -> MutexGuard<'_, Answers> {
        // Nothing in here can be left half-done by a panic elsewhere.
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::Unit;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// A service that answers for t3.micro alone, and never for anything else.
    #[derive(Default)]
    struct Slow {
        asked: AtomicU32,
    }

    impl Service for Slow {
        async fn ask(&self, _: &str, attributes: &[(&str, String)]) -> Result<Vec<String>, String> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            if !attributes.iter().any(|(_, value)| value == "t3.micro") {
                std::future::pending::<()>().await;
            }
            tokio::task::yield_now().await;
            Ok(Vec::new())
        }
    }

    fn list() -> List<Slow> {
        List { service: Slow::default(), patience: Duration::from_millis(50), answers: Mutex::default() }
    }

    fn item(instance_type: &str) -> CostItem {
        let mut costs = Costs::default();
        costs.hold(Usage::new("ec2", instance_type), 1, Unit::Hour);
        costs.items.remove(0)
    }

    #[tokio::test]
    async fn an_answer_that_does_not_come_keeps_nobody_for_long_and_no_other_price_waits_for_it() {
        let (list, late, quick) = (list(), item("x99.huge"), item("t3.micro"));
        let known = || list.lock().known.len();
        let (price, known_before) = {
            let late = list.price(&late, "eu-west-1");
            tokio::pin!(late);
            // It is asked first, and waits while the other is answered.
            assert!(futures::poll!(&mut late).is_pending());
            list.price(&quick, "eu-west-1").await;
            let known_before = known();
            (late.await, known_before)
        };
        assert_eq!((price, known_before), (None, 1));
        list.price(&item("m5.large"), "eu-west-1").await;
        assert_eq!(list.service.asked.load(Ordering::Relaxed), 2, "nothing is asked for a while after that");
    }

    #[tokio::test]
    async fn what_many_want_to_know_is_asked_once() {
        let (list, micro) = (list(), item("t3.micro"));
        futures::future::join_all((0..32).map(|_| list.price(&micro, "eu-west-1"))).await;
        assert_eq!(list.service.asked.load(Ordering::Relaxed), 1);
    }
}
