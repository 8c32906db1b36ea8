//! The request rates that AWS documents, for the calls that are made. What AWS documents no rate for has none here:
//! IAM, S3's calls about buckets, STS.

use crate::aws::budget::bucket::Rate;
use crate::aws::write_gate::is_read;

/// A bucket that serves reads holds at least this many tokens, or as many as AWS's own: a pass makes several reads
/// one after the other and begins anew where one is refused, so that it would never end with fewer.
const LEAST_FOR_READS: f64 = 10.0;

/// A bucket that serves reads and writes keeps this share for writes: what a person waits for comes before looks
/// for drift.
const KEPT_FOR_WRITES: f64 = 0.25;

/// Which calls of a service a limit is about, of those that no earlier one is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Calls {
    /// Those of this operation.
    Of(&'static str),
    /// Those of every operation that only reads, each by itself.
    EachRead,
    /// Those of every operation that writes, each by itself.
    EachWrite,
    /// All together.
    All,
}

/// How often AWS takes calls, per account and region.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Limit {
    /// The service as its SDK names it.
    pub service: &'static str,
    /// What such calls are called in metrics.
    pub class: &'static str,
    /// Which calls.
    pub calls: Calls,
    /// How many it takes at once. Where AWS documents a rate alone, those of a second.
    pub burst: f64,
    /// How many it takes in a second, on and on.
    pub per_second: f64,
}

const fn limit(service: &'static str, class: &'static str, calls: Calls, burst: f64, per_second: f64) -> Limit {
    Limit { service, class, calls, burst, per_second }
}

const fn of(service: &'static str, operation: &'static str, burst: f64, per_second: f64) -> Limit {
    limit(service, operation, Calls::Of(operation), burst, per_second)
}

/// The limits; the first that fits a call counts.
pub(crate) const LIMITS: &[Limit] = &[
    // Amazon EC2 Developer Guide, "Request throttling for the Amazon EC2 API", read in November 2026: every operation
    // has a bucket of its own. "Uncategorized actions" first, then the categories; "resource-intensive actions"
    // have the figures of "mutating actions". Instances are run, started and stopped one by one, so that the buckets
    // of resources never are the narrower ones. Every list has a filter, an id or pages.
    of("EC2", "RunInstances", 5.0, 2.0),
    of("EC2", "StartInstances", 5.0, 2.0),
    of("EC2", "TerminateInstances", 100.0, 5.0),
    of("EC2", "CreateTags", 100.0, 10.0),
    of("EC2", "DeleteTags", 100.0, 10.0),
    of("EC2", "CreateNatGateway", 10.0, 1.0),
    of("EC2", "DeleteNatGateway", 10.0, 1.0),
    of("EC2", "AssociateIamInstanceProfile", 100.0, 5.0),
    of("EC2", "ModifyInstanceMetadataOptions", 100.0, 5.0),
    limit("EC2", "NonMutating", Calls::EachRead, 100.0, 20.0),
    limit("EC2", "Mutating", Calls::EachWrite, 50.0, 5.0),
    // Amazon RDS User Guide, "Request throttling for the Amazon RDS API": all operations together.
    limit("RDS", "All", Calls::All, 300.0, 12.0),
    // AWS Lambda Developer Guide, "Lambda quotas", API requests: GetFunction, GetPolicy, and "the remainder of the
    // control plane APIs" together.
    of("Lambda", "GetFunction", 100.0, 100.0),
    of("Lambda", "GetPolicy", 15.0, 15.0),
    limit("Lambda", "Other", Calls::All, 15.0, 15.0),
    // Amazon DynamoDB Developer Guide, "Best practices for managing the control plane in DynamoDB".
    limit("DynamoDB", "ControlPlane", Calls::All, 2500.0, 2500.0),
    // Amazon CloudWatch Logs User Guide, "CloudWatch Logs quotas": transactions per second of each operation.
    of("CloudWatch Logs", "CreateLogGroup", 10.0, 10.0),
    of("CloudWatch Logs", "DeleteLogGroup", 10.0, 10.0),
    of("CloudWatch Logs", "DescribeLogGroups", 10.0, 10.0),
    of("CloudWatch Logs", "ListTagsForResource", 5.0, 5.0),
    of("CloudWatch Logs", "PutRetentionPolicy", 5.0, 5.0),
    of("CloudWatch Logs", "TagResource", 5.0, 5.0),
    of("CloudWatch Logs", "UntagResource", 5.0, 5.0),
];

impl Limit {
    /// The limit of a call, where AWS documents one.
    pub(crate) fn on(service: &str, operation: &str) -> Option<&'static Self> {
        LIMITS.iter().find(|limit| limit.service == service && limit.fits(operation))
    }

    fn fits(&self, operation: &str) -> bool {
        match self.calls {
            Calls::Of(name) => name == operation,
            Calls::EachRead => is_read(operation),
            Calls::EachWrite => !is_read(operation),
            Calls::All => true,
        }
    }

    /// What the calls that share a bucket with this one have in common: the operation, or the class.
    pub(super) fn bucket<'a>(&self, operation: &'a str) -> &'a str {
        match self.calls {
            Calls::Of(_) | Calls::EachRead | Calls::EachWrite => operation,
            Calls::All => self.class,
        }
    }

    /// This share of the limit.
    pub(super) fn rate(&self, share: f64) -> Rate {
        let (reads, both) = match self.calls {
            Calls::Of(operation) => (is_read(operation), false),
            Calls::EachRead => (true, false),
            Calls::EachWrite => (false, false),
            Calls::All => (true, true),
        };
        let least = if reads { LEAST_FOR_READS } else { 1.0 };
        let capacity = (self.burst * share).max(least).min(self.burst);
        let reserve = if both { capacity * KEPT_FOR_WRITES } else { 0.0 };
        Rate { capacity, refill: self.per_second * share, reserve }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_with_figures_of_its_own_has_those_and_all_others_have_their_categorys() {
        let figures = |service, operation| Limit::on(service, operation).map(|limit| (limit.burst, limit.per_second));
        assert_eq!(figures("EC2", "RunInstances"), Some((5.0, 2.0)));
        assert_eq!(figures("EC2", "StopInstances"), Some((50.0, 5.0)));
        assert_eq!(figures("EC2", "DescribeVpcs"), Some((100.0, 20.0)));
        assert_eq!(figures("Lambda", "GetFunction"), Some((100.0, 100.0)));
        assert_eq!(figures("Lambda", "GetAlias"), Some((15.0, 15.0)));
        assert_eq!(figures("S3", "CreateBucket"), None);
        assert_eq!(figures("IAM", "GetRole"), None);
    }

    #[test]
    fn half_of_a_limit_is_half_of_its_burst_and_half_of_its_rate() {
        let rate = |service, operation| Limit::on(service, operation).unwrap().rate(0.5);
        assert_eq!(rate("EC2", "DescribeVpcs"), Rate { capacity: 50.0, refill: 10.0, reserve: 0.0 });
        assert_eq!(rate("EC2", "CreateVpc"), Rate { capacity: 25.0, refill: 2.5, reserve: 0.0 });
        assert_eq!(rate("RDS", "DescribeDBInstances"), Rate { capacity: 150.0, refill: 6.0, reserve: 37.5 });
    }

    #[test]
    fn whatever_the_share_a_pass_can_end_and_aws_is_never_asked_for_more_than_it_gives() {
        for limit in LIMITS {
            for share in [0.000_001, 0.02, 0.5, 1.0] {
                let rate = limit.rate(share);
                assert!(rate.capacity >= 1.0 + rate.reserve && rate.capacity <= limit.burst, "{limit:?} {rate:?}");
                assert!(rate.refill > 0.0 && rate.refill <= limit.per_second, "{limit:?} {rate:?}");
            }
        }
    }

    #[test]
    fn every_limit_is_the_first_that_fits_something() {
        for limit in LIMITS {
            let operation = match limit.calls {
                Calls::Of(operation) => operation,
                Calls::EachRead => "DescribeSomething",
                Calls::EachWrite | Calls::All => "CreateSomething",
            };
            assert_eq!(Limit::on(limit.service, operation), Some(limit));
        }
    }
}
