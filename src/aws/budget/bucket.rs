//! A token bucket, as AWS's own are: a call takes a token, and tokens come back at a steady rate.
//!
//! After AWS has throttled they come back at half the rate, and little by little at the full one again: additive
//! increase and multiplicative decrease, as TCP finds its share of a line.

use std::time::Duration;

/// In how many seconds the pace rises by as much as the full one.
const RECOVERY: f64 = 120.0;

/// The slowest pace, as a share of the full one.
const SLOWEST: f64 = 1.0 / 16.0;

/// Answers so soon after each other tell of the same shortage.
const ONE_SHORTAGE: Duration = Duration::from_secs(1);

/// What sums of binary fractions may be off by.
const ROUNDING: f64 = 1e-9;

/// How much a bucket holds, and how fast it fills.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rate {
    /// Tokens that it holds at the most.
    pub capacity: f64,
    /// Tokens that come back in a second.
    pub refill: f64,
    /// Tokens that reads leave in it for writes.
    pub reserve: f64,
}

/// The bucket. All times are counted from the same beginning, whichever it is.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    rate: Rate,
    tokens: f64,
    /// Which share of the refill comes in.
    pace: f64,
    /// When that was so.
    at: Duration,
    /// When the pace was last halved.
    halved: Option<Duration>,
}

impl Bucket {
    /// A full bucket.
    pub(super) fn full(rate: Rate, now: Duration) -> Self {
        Self { rate, tokens: rate.capacity, pace: 1.0, at: now, halved: None }
    }

    /// Takes a token.
    ///
    /// # Errors
    /// The time until there is one, at the most, where there is none for such a call now.
    pub(super) fn take(&mut self, now: Duration, is_read: bool) -> Result<(), Duration> {
        self.fill(now);
        let least = if is_read { 1.0 + self.rate.reserve } else { 1.0 };
        if self.tokens + ROUNDING >= least {
            self.tokens = (self.tokens - 1.0).max(0.0);
            return Ok(());
        }
        let seconds = (least - self.tokens) / (self.rate.refill * self.pace);
        Err(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
    }

    /// Learns that AWS has throttled: others take more of the account's rate than was thought.
    pub(super) fn throttled(&mut self, now: Duration) {
        self.fill(now);
        if self.halved.is_some_and(|then| now.saturating_sub(then) < ONE_SHORTAGE) {
            return;
        }
        self.tokens /= 2.0;
        self.pace = (self.pace / 2.0).max(SLOWEST);
        self.halved = Some(now);
    }

    /// Which share of the bucket is left, from 0 to 1.
    pub(super) fn left(&mut self, now: Duration) -> f64 {
        self.fill(now);
        self.tokens / self.rate.capacity
    }

    /// Adds what has come in since the last time.
    fn fill(&mut self, now: Duration) {
        let seconds = now.saturating_sub(self.at).as_secs_f64();
        let rising = seconds.min((1.0 - self.pace) * RECOVERY);
        let at_full_pace = rising * (self.pace + rising / (2.0 * RECOVERY)) + (seconds - rising);
        self.tokens = (self.tokens + self.rate.refill * at_full_pace).min(self.rate.capacity);
        self.pace = (self.pace + rising / RECOVERY).min(1.0);
        self.at = self.at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RATE: Rate = Rate { capacity: 50.0, refill: 10.0, reserve: 0.0 };

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    /// How many calls go out now.
    fn burst(bucket: &mut Bucket, now: Duration, is_read: bool) -> u32 {
        let mut calls = 0;
        while bucket.take(now, is_read).is_ok() {
            calls += 1;
        }
        calls
    }

    /// What may happen to a bucket, and how long after the last thing.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Read(f64),
        Write(f64),
        Throttled(f64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = (0..3, prop_oneof![Just(0.0), 0.0..3.0, 0.0..300.0]).prop_map(|(what, after)| match what {
            0 => Step::Read(after),
            1 => Step::Write(after),
            _ => Step::Throttled(after),
        });
        proptest::collection::vec(step, 1..200)
    }

    fn rates() -> impl Strategy<Value = Rate> {
        (1.0..300.0_f64, 0.01..100.0_f64, 0.0..0.9_f64).prop_map(|(capacity, refill, share)| Rate {
            capacity,
            refill,
            reserve: (capacity - 1.0) * share,
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_more_calls_go_out_than_the_bucket_holds_and_its_refill_brings(rate in rates(), steps in steps()) {
            let (mut now, mut calls) = (0.0, 0.0);
            let mut bucket = Bucket::full(rate, Duration::ZERO);
            for step in steps {
                let (Step::Read(after) | Step::Write(after) | Step::Throttled(after)) = step;
                now += after;
                match step {
                    Step::Throttled(_) => bucket.throttled(seconds(now)),
                    _ => calls += f64::from(u8::from(bucket.take(seconds(now), matches!(step, Step::Read(_))).is_ok())),
                }
                prop_assert!((0.0..=1.0).contains(&bucket.left(seconds(now))));
                prop_assert!(calls <= rate.capacity + rate.refill * now + 1e-3, "{calls} calls in {now} s");
            }
        }

        #[test]
        fn who_waits_as_long_as_told_gets_a_token(rate in rates(), steps in steps()) {
            let mut now = 0.0;
            let mut bucket = Bucket::full(rate, Duration::ZERO);
            for step in steps {
                let (Step::Read(after) | Step::Write(after) | Step::Throttled(after)) = step;
                now += after;
                let is_read = matches!(step, Step::Read(_));
                match step {
                    Step::Throttled(_) => bucket.throttled(seconds(now)),
                    _ => if let Err(wait) = bucket.take(seconds(now), is_read) {
                        let then = seconds(now) + wait + Duration::from_nanos(100);
                        prop_assert_eq!(bucket.clone().take(then, is_read), Ok(()));
                    },
                }
            }
        }

        #[test]
        fn what_comes_in_does_not_depend_on_when_one_looks(looks in proptest::collection::vec(0.0..40.0_f64, 1..30)) {
            let (mut often, mut once) = (Bucket::full(RATE, Duration::ZERO), Bucket::full(RATE, Duration::ZERO));
            for bucket in [&mut often, &mut once] {
                burst(bucket, Duration::ZERO, false);
                bucket.throttled(Duration::ZERO);
            }
            let mut now = 0.0;
            for after in looks {
                now += after;
                often.left(seconds(now));
            }
            prop_assert!((often.left(seconds(now)) - once.left(seconds(now))).abs() < 1e-6);
        }

        #[test]
        fn reads_never_take_what_is_kept_for_writes(rate in rates(), steps in steps()) {
            let mut now = 0.0;
            let mut bucket = Bucket::full(rate, Duration::ZERO);
            for step in steps {
                let (Step::Read(after) | Step::Write(after) | Step::Throttled(after)) = step;
                now += after;
                if bucket.take(seconds(now), true).is_ok() {
                    prop_assert!(bucket.left(seconds(now)) * rate.capacity >= rate.reserve - 1e-6);
                }
            }
        }
    }

    #[test]
    fn an_empty_bucket_gives_exactly_what_its_refill_brings() {
        let mut bucket = Bucket::full(RATE, Duration::ZERO);
        assert_eq!(burst(&mut bucket, Duration::ZERO, true), 50);
        assert_eq!(bucket.take(Duration::ZERO, true), Err(Duration::from_millis(100)));
        assert_eq!(burst(&mut bucket, Duration::from_millis(99), true), 0);
        assert_eq!(burst(&mut bucket, Duration::from_millis(100), true), 1);
        assert_eq!(burst(&mut bucket, Duration::from_millis(2100), true), 20);
        assert_eq!(burst(&mut bucket, Duration::from_secs(3600), true), 50, "it holds no more");
    }

    #[test]
    fn writes_go_on_where_reads_wait() {
        let mut bucket = Bucket::full(Rate { capacity: 20.0, refill: 1.0, reserve: 5.0 }, Duration::ZERO);
        assert_eq!(burst(&mut bucket, Duration::ZERO, true), 15);
        assert_eq!(burst(&mut bucket, Duration::ZERO, false), 5);
        assert_eq!(bucket.take(Duration::ZERO, false), Err(Duration::from_secs(1)));
        assert_eq!(bucket.take(Duration::ZERO, true), Err(Duration::from_secs(6)), "the reserve is filled first");
    }

    #[test]
    fn the_rate_halves_when_aws_throttles_and_comes_back() {
        let mut bucket = Bucket::full(RATE, Duration::ZERO);
        burst(&mut bucket, Duration::ZERO, true);
        bucket.throttled(Duration::ZERO);
        // Half of ten a second, and a little that it has risen by.
        assert_eq!(burst(&mut bucket, Duration::from_secs(2), true), 10);
        // A minute later it is what it was.
        burst(&mut bucket, Duration::from_secs(60), true);
        assert_eq!(burst(&mut bucket, Duration::from_secs(62), true), 20);
    }

    #[test]
    fn what_is_left_halves_too() {
        let mut bucket = Bucket::full(RATE, Duration::ZERO);
        bucket.throttled(Duration::ZERO);
        assert_eq!(burst(&mut bucket, Duration::ZERO, true), 25);
    }

    #[test]
    fn answers_to_calls_that_were_under_way_together_count_once_and_there_is_a_slowest_pace() {
        let mut bucket = Bucket::full(RATE, Duration::ZERO);
        for _ in 0..30 {
            bucket.throttled(Duration::ZERO);
        }
        assert_eq!(burst(&mut bucket, Duration::ZERO, true), 25);
        for second in 1..60 {
            bucket.throttled(Duration::from_secs(second));
        }
        let now = Duration::from_secs(59);
        burst(&mut bucket, now, true);
        let wait = bucket.take(now, true).unwrap_err();
        assert!(wait <= seconds(1.6), "a sixteenth of ten a second: {wait:?}");
    }
}
