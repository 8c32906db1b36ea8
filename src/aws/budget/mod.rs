//! Budgets of calls: a share of the request rate that AWS documents for an account and region, so that the rest is
//! left to everybody else who calls AWS there.
//!
//! An attempt that finds no token is refused where it would be sent. It does not wait there: it would do so behind
//! the fence, which then says nothing any more about the moment of sending. The reconcile comes back later instead.

mod bucket;
pub(crate) mod limits;

use crate::aws::error::ErrorClass;
use crate::aws::write_gate::is_read;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::retries::RequestAttempts;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use bucket::Bucket;
use limits::Limit;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// An attempt was not sent, because the budget is used up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not {}: the controller's own budget for {service} in account {account}, {region} is used up", self.verb())]
pub(super) struct OverBudget {
    service: &'static str,
    account: String,
    region: String,
    wait: Duration,
    /// Whether an earlier attempt of the call was sent.
    repeats: bool,
}

impl OverBudget {
    fn verb(&self) -> &'static str {
        if self.repeats { "repeated" } else { "sent" }
    }

    /// What it means for the call: where an attempt was sent before, that one failed.
    pub(super) fn class(&self) -> ErrorClass {
        let wait = u32::try_from(self.wait.as_millis()).unwrap_or(u32::MAX);
        if self.repeats { ErrorClass::Transient } else { ErrorClass::OverBudget { wait } }
    }
}

/// The budgets of all accounts in all regions, or that there are none.
#[derive(Clone, Debug, Default)]
pub struct Budgets(Option<Arc<Accounts>>);

#[derive(Debug)]
struct Accounts {
    share: f64,
    /// By account and region.
    regions: Mutex<BTreeMap<(String, String), Arc<Region>>>,
}

#[derive(Debug)]
struct Region {
    account: String,
    region: String,
    share: f64,
    began: Instant,
    /// By service, and by what the calls of a bucket have in common.
    buckets: Mutex<BTreeMap<(&'static str, String), Counted>>,
}

#[derive(Debug)]
struct Counted {
    limit: &'static Limit,
    bucket: Bucket,
    refused: u64,
}

/// What is left of a budget.
#[derive(Clone, Debug, PartialEq)]
pub struct Left {
    /// The account's twelve digits.
    pub account: String,
    /// The region.
    pub region: String,
    /// The service as its SDK names it, such as `EC2`.
    pub service: &'static str,
    /// The class of the calls, such as `NonMutating`.
    pub class: &'static str,
    /// Which share is left, from 0 to 1; of several buckets of the class, in the one with the least.
    pub ratio: f64,
    /// How many attempts were refused.
    pub refused: u64,
}

impl Budgets {
    /// Budgets of this share, from above 0 to 1, of what AWS documents; none where there is no share.
    pub fn of(share: Option<f64>) -> Self {
        Self(share.map(|share| Arc::new(Accounts { share, regions: Mutex::default() })))
    }

    /// The budget of an account in a region, whoever uses it.
    pub(super) fn region(&self, account: &str, region: &str) -> CallBudget {
        CallBudget(self.0.as_ref().map(|all| {
            let mut regions = lock(&all.regions);
            let fresh = || {
                let (account, region) = (account.to_owned(), region.to_owned());
                Arc::new(Region { account, region, share: all.share, began: Instant::now(), buckets: Mutex::default() })
            };
            regions.entry((account.to_owned(), region.to_owned())).or_insert_with(fresh).clone()
        }))
    }

    /// What is left now of each budget that was ever used.
    pub fn left(&self) -> Vec<Left> {
        let Some(all) = &self.0 else { return Vec::new() };
        let regions: Vec<Arc<Region>> = lock(&all.regions).values().cloned().collect();
        regions.iter().flat_map(|region| region.left()).collect()
    }
}

impl Region {
    /// Does something with the bucket of a call; nothing where AWS documents no limit.
    fn with<T>(
        &self,
        service: &str,
        operation: &str,
        work: impl FnOnce(&mut Counted, Duration) -> T,
    ) -> Option<(&'static Limit, T)> {
        let limit = Limit::on(service, operation)?;
        let mut buckets = lock(&self.buckets);
        // The clock is read last, so that the times of one bucket are in order.
        let counted = match buckets.entry((limit.service, limit.bucket(operation).to_owned())) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let bucket = Bucket::full(limit.rate(self.share), self.began.elapsed());
                place.insert(Counted { limit, bucket, refused: 0 })
            }
        };
        Some((limit, work(counted, self.began.elapsed())))
    }

    fn take(&self, service: &str, operation: &str, repeats: bool) -> Result<(), OverBudget> {
        let taken = self.with(service, operation, |counted, now| {
            let taken = counted.bucket.take(now, is_read(operation));
            counted.refused += u64::from(taken.is_err());
            taken
        });
        let Some((limit, Err(wait))) = taken else { return Ok(()) };
        let (account, region) = (self.account.clone(), self.region.clone());
        Err(OverBudget { service: limit.service, account, region, wait, repeats })
    }

    fn left(&self) -> Vec<Left> {
        let mut classes: BTreeMap<(&str, &str), Left> = BTreeMap::new();
        for counted in lock(&self.buckets).values_mut() {
            let (service, class) = (counted.limit.service, counted.limit.class);
            let left = classes.entry((service, class)).or_insert_with(|| {
                let (account, region) = (self.account.clone(), self.region.clone());
                Left { account, region, service, class, ratio: 1.0, refused: 0 }
            });
            left.ratio = left.ratio.min(counted.bucket.left(self.began.elapsed()));
            left.refused += counted.refused;
        }
        classes.into_values().collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing in here can be left half-done by a panic elsewhere.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The interceptor that takes a token for every attempt of a call in an account and region. It stands before the
/// write gate: a token for a write that the fence does not permit is lost, which does no harm.
#[derive(Clone, Debug, Default)]
pub(super) struct CallBudget(Option<Arc<Region>>);

impl CallBudget {
    /// Learns that AWS has throttled a call.
    pub(super) fn throttled(&self, service: &str, operation: &str) {
        if let Some(region) = &self.0 {
            region.with(service, operation, |counted, now| counted.bucket.throttled(now));
        }
    }
}

#[dyn_dispatch_hint]
impl Intercept for CallBudget {
    fn name(&self) -> &'static str {
        "CallBudget"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let (Some(region), Some(call)) = (&self.0, config.load::<Metadata>()) else { return Ok(()) };
        let repeats = config.load::<RequestAttempts>().is_some_and(|made| made.attempts() > 1);
        Ok(region.take(call.service(), call.name(), repeats)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So little that nothing comes back while a test runs.
    const HARDLY_ANY: Option<f64> = Some(1e-9);

    /// How many calls go out before one is refused.
    fn calls(budget: &CallBudget, service: &str, operation: &str) -> usize {
        let region = budget.0.as_ref().unwrap();
        (0..1000).take_while(|_| region.take(service, operation, false).is_ok()).count()
    }

    #[test]
    fn an_account_in_a_region_has_one_budget_and_others_have_theirs() {
        let budgets = Budgets::of(HARDLY_ANY);
        let budget = budgets.region("111122223333", "us-east-1");
        assert_eq!(calls(&budget, "EC2", "RunInstances"), 1);
        assert_eq!(calls(&budgets.region("111122223333", "us-east-1"), "EC2", "RunInstances"), 0);
        assert_eq!(calls(&budgets.region("111122223333", "eu-west-1"), "EC2", "RunInstances"), 1);
        assert_eq!(calls(&budgets.region("444455556666", "us-east-1"), "EC2", "RunInstances"), 1);
        assert_eq!(calls(&budget, "EC2", "DescribeVpcs"), 10);
        assert_eq!(calls(&budget, "EC2", "DescribeSubnets"), 10, "every operation of EC2 has a bucket of its own");
        assert_eq!(calls(&budget, "RDS", "DescribeDBInstances"), 7);
        assert_eq!(calls(&budget, "RDS", "ListTagsForResource"), 0, "those of RDS share one");
        assert_eq!(calls(&budget, "RDS", "CreateDBInstance"), 3, "of which a quarter is kept for writes");
        assert_eq!(calls(&budget, "S3", "CreateBucket"), 1000, "AWS documents no limit");
    }

    #[test]
    fn a_refused_attempt_says_whose_budget_is_used_up() {
        let budget = Budgets::of(Some(0.1)).region("111122223333", "us-east-1").0.unwrap();
        budget.take("EC2", "RunInstances", false).unwrap();
        let over = budget.take("EC2", "RunInstances", false).unwrap_err();
        let said = "not sent: the controller's own budget for EC2 in account 111122223333, us-east-1 is used up";
        assert_eq!(over.to_string(), said);
        assert!(matches!(over.class(), ErrorClass::OverBudget { wait } if wait <= 5000), "{over:?}");
        let again = budget.take("EC2", "RunInstances", true).unwrap_err();
        assert!(again.to_string().starts_with("not repeated: "), "{again}");
        assert_eq!(again.class(), ErrorClass::Transient, "what the earlier attempt did is not known");
    }

    #[test]
    fn what_is_left_and_what_was_refused_is_told_by_class() {
        let budgets = Budgets::of(HARDLY_ANY);
        let budget = budgets.region("111122223333", "us-east-1");
        assert_eq!(budgets.left(), []);
        calls(&budget, "EC2", "DescribeVpcs");
        budget.0.as_ref().unwrap().take("EC2", "DescribeSubnets", false).unwrap();
        budget.throttled("EC2", "DescribeImages");
        let left = budgets.left();
        assert_eq!(left.len(), 1);
        assert_eq!((left[0].service, left[0].class, left[0].refused), ("EC2", "NonMutating", 1));
        assert!(left[0].ratio < 1e-3, "that of the operation with the least: {left:?}");
    }

    #[test]
    fn where_there_is_no_share_there_is_no_budget() {
        let budgets = Budgets::of(None);
        assert!(budgets.region("111122223333", "us-east-1").0.is_none());
        assert_eq!(budgets.left(), []);
    }
}
