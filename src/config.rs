//! Flags and environment of `ccagi-aws-agent run`, parsed once into one struct.

use clap::{Args, Parser};
use std::net::{AddrParseError, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

/// How the controller runs. The cluster comes from `KUBECONFIG` or the pod, AWS from the usual
/// `AWS_*` variables; `AWS_ENDPOINT_URL` points at an emulator or a VPC endpoint.
#[derive(Args, Clone, Debug)]
pub struct RunConfig {
    /// Namespaces to watch, separated by commas; all where absent. With it, no right to list Namespaces is needed.
    #[arg(long, env = "CCAGI_WATCH_NAMESPACES", value_delimiter = ',')]
    pub watch_namespaces: Vec<String>,

    /// Only read AwsAccounts: another controller, or nobody, verifies them and writes their status.
    #[arg(long, env = "CCAGI_READ_ONLY_ACCOUNTS")]
    pub read_only_accounts: bool,

    /// Label selector that AwsAccount and AwsResource objects must match to be managed by this controller.
    #[arg(long, env = "CCAGI_WATCH_SELECTOR")]
    pub watch_selector: Option<String>,

    /// Id that marks this cluster's resources in AWS; the UID of the namespace kube-system where absent.
    #[arg(long, env = "CCAGI_CLUSTER_ID")]
    pub cluster_id: Option<String>,

    /// Time between two looks for drift, per object, give or take a tenth.
    #[arg(long, env = "CCAGI_DRIFT_PERIOD", default_value = "10m", value_parser = humantime::parse_duration)]
    pub drift_period: Duration,

    /// Time between two looks at a resource that AWS is busy with.
    #[arg(long, env = "CCAGI_POLL_PERIOD", default_value = "5s", value_parser = humantime::parse_duration)]
    pub poll_period: Duration,

    /// How long a new resource may stay invisible in services that are eventually consistent.
    #[arg(long, env = "CCAGI_VISIBILITY_LAG", default_value = "30s", value_parser = humantime::parse_duration)]
    pub visibility_lag: Duration,

    /// First delay after an error; it doubles with every further one.
    #[arg(long, env = "CCAGI_BACKOFF_BASE", default_value = "1s", value_parser = humantime::parse_duration)]
    pub backoff_base: Duration,

    /// Longest delay after errors.
    #[arg(long, env = "CCAGI_BACKOFF_MAX", default_value = "5m", value_parser = humantime::parse_duration)]
    pub backoff_max: Duration,

    /// Time for one attempt of an AWS call.
    #[arg(long, env = "CCAGI_AWS_ATTEMPT_TIMEOUT", default_value = "10s", value_parser = humantime::parse_duration)]
    pub aws_attempt_timeout: Duration,

    /// Time for an AWS call with its repeats.
    #[arg(long, env = "CCAGI_AWS_CALL_TIMEOUT", default_value = "30s", value_parser = humantime::parse_duration)]
    pub aws_call_timeout: Duration,

    /// Share of the request rates that AWS documents which calls may use, per account and region; the rest is left to
    /// everybody else there. 0 or off for no budget.
    #[arg(long, env = "CCAGI_AWS_BUDGET_SHARE", default_value = "0.5")]
    pub aws_budget_share: BudgetShare,

    /// Time for one write to the API server.
    #[arg(long, env = "CCAGI_API_WRITE_TIMEOUT", default_value = "10s", value_parser = humantime::parse_duration)]
    pub api_write_timeout: Duration,

    /// Time for one reconcile of one object.
    #[arg(long, env = "CCAGI_RECONCILE_TIMEOUT", default_value = "2m", value_parser = humantime::parse_duration)]
    pub reconcile_timeout: Duration,

    /// How many objects are reconciled at the same time.
    #[arg(long, env = "CCAGI_CONCURRENCY", default_value_t = 32)]
    pub concurrency: u16,

    /// How long running reconciles may take to end on shutdown.
    #[arg(long, env = "CCAGI_SHUTDOWN_GRACE", default_value = "20s", value_parser = humantime::parse_duration)]
    pub shutdown_grace: Duration,

    /// Where prices come from.
    #[command(flatten)]
    pub prices: PriceConfig,

    /// Whether and how one of several processes is chosen to work.
    #[command(flatten)]
    pub leader_election: LeaderElection,

    /// Address of /livez and /readyz.
    #[arg(long, env = "CCAGI_HEALTH_ADDRESS", default_value = "0.0.0.0:8081")]
    pub health_address: SocketAddr,

    /// Address of /metrics; 0 for none.
    #[arg(long, env = "CCAGI_METRICS_ADDRESS", default_value = "0.0.0.0:8080")]
    pub metrics_address: Listening,

    /// Address of /log, where the log filter is read by GET and set by PUT; 0 for none. Whoever reaches it may do so.
    #[arg(long, env = "CCAGI_LOG_ADDRESS", default_value = "127.0.0.1:8082")]
    pub log_address: Listening,

    /// Log format.
    #[arg(long, env = "CCAGI_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,

    /// Log filter, such as `info` or `ccagi_aws_agent=debug`.
    #[arg(long, env = "CCAGI_LOG", default_value = "info")]
    pub log: String,
}

/// An address to listen on, or none, which is written 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listening(pub Option<SocketAddr>);

impl FromStr for Listening {
    type Err = AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "0" => Ok(Self(None)),
            text => text.parse().map(|address| Self(Some(address))),
        }
    }
}

/// A share of what AWS documents, from above 0 to 1, or none, which is written 0 or `off`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BudgetShare(pub Option<f64>);

/// A share that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it must be above 0 and at most 1, which is all that AWS permits the account; 0 or off for no budget")]
pub struct NotAShare;

impl FromStr for BudgetShare {
    type Err = NotAShare;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse::<f64>() {
            Ok(0.0) => Ok(Self(None)),
            Ok(share) if share > 0.0 && share <= 1.0 => Ok(Self(Some(share))),
            Err(_) if text == "off" => Ok(Self(None)),
            _ => Err(NotAShare),
        }
    }
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// Where prices come from.
#[derive(Args, Clone, Debug)]
pub struct PriceConfig {
    /// Take prices from the book that comes with the program, or ask AWS for them and fall back to it. Asking
    /// needs `pricing:GetProducts` for the program's own identity.
    #[arg(long, env = "CCAGI_PRICES", value_enum, default_value_t = PriceSource::Book)]
    pub prices: PriceSource,

    /// Region of the Price List service's endpoint: us-east-1, eu-central-1 or ap-south-1.
    #[arg(long, env = "CCAGI_PRICING_REGION", default_value = "us-east-1")]
    pub pricing_region: String,
}

/// Where prices come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum PriceSource {
    /// The book that comes with the program.
    Book,
    /// The AWS Price List service, and the book for what it does not tell.
    Api,
}

/// Leader election: of several processes with the same Lease one works, and the others stand by.
/// The names of the times are client-go's. Their defaults let the Lease move within 15 s of a leader's death: it
/// runs out 14 s after a standby saw its last renewal, which is 1 s after it at the most.
#[derive(Args, Clone, Debug)]
pub struct LeaderElection {
    /// Work only while holding a Lease, so that several replicas can run and one works at a time.
    #[arg(long, env = "CCAGI_LEADER_ELECT")]
    pub leader_elect: bool,

    /// Namespace of the Lease; the pod's own, or the kubeconfig's, where absent.
    #[arg(long, env = "CCAGI_LEADER_ELECTION_NAMESPACE")]
    pub leader_election_namespace: Option<String>,

    /// Name of the Lease. Controllers that share the objects of a cluster by --watch-selector or --watch-namespaces need one each.
    #[arg(long, env = "CCAGI_LEADER_ELECTION_ID", default_value = "ccagi-aws-agent")]
    pub leader_election_id: String,

    /// How long others wait after the last renewal that they saw before they take the Lease.
    #[arg(long, env = "CCAGI_LEADER_ELECTION_LEASE_DURATION", default_value = "14s", value_parser = humantime::parse_duration)]
    pub leader_election_lease_duration: Duration,

    /// How long a leader tries to renew the Lease before it gives up and ends.
    #[arg(long, env = "CCAGI_LEADER_ELECTION_RENEW_DEADLINE", default_value = "10s", value_parser = humantime::parse_duration)]
    pub leader_election_renew_deadline: Duration,

    /// Time between two looks at the Lease, and between two renewals.
    #[arg(long, env = "CCAGI_LEADER_ELECTION_RETRY_PERIOD", default_value = "1s", value_parser = humantime::parse_duration)]
    pub leader_election_retry_period: Duration,
}

/// Times that do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimesError {
    /// A leader would still try to renew what others may have taken.
    #[error("--leader-election-renew-deadline must be shorter than --leader-election-lease-duration")]
    RenewDeadline,
    /// A leader would give up before its first try.
    #[error("--leader-election-retry-period must be longer than 0s and shorter than --leader-election-renew-deadline")]
    RetryPeriod,
    /// The lease would never be ours for long enough to begin a write.
    #[error(
        "--leader-election-lease-duration must be longer than --leader-election-retry-period and the longest write \
         together, which is the longer of --aws-attempt-timeout and --api-write-timeout: {longest}",
        longest = humantime::format_duration(*.0)
    )]
    LongestWrite(Duration),
}

impl RunConfig {
    /// The configuration that the environment gives, without any flags: what a controller beside this
    /// process would run with, as far as that can be known.
    ///
    /// # Errors
    /// Where a variable does not parse.
    pub fn from_environment() -> Result<Self, clap::Error> {
        #[derive(Parser)]
        struct Line {
            #[command(flatten)]
            run: RunConfig,
        }
        Ok(Line::try_parse_from(["run"])?.run)
    }

    /// How long one write may take from being sent until it is answered or given up.
    pub fn longest_write(&self) -> Duration {
        self.aws_attempt_timeout.max(self.api_write_timeout)
    }

    /// Whether the times of the leader election go together.
    ///
    /// # Errors
    /// [`TimesError`] with the flags that do not. Without leader election all do.
    pub fn check_times(&self) -> Result<(), TimesError> {
        let election = &self.leader_election;
        let (lease, renew) = (election.leader_election_lease_duration, election.leader_election_renew_deadline);
        let retry = election.leader_election_retry_period;
        if !election.leader_elect {
            return Ok(());
        }
        if renew >= lease {
            return Err(TimesError::RenewDeadline);
        }
        if retry.is_zero() || retry >= renew {
            return Err(TimesError::RetryPeriod);
        }
        match self.longest_write() {
            longest if retry.saturating_add(longest) >= lease => Err(TimesError::LongestWrite(longest)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        run: RunConfig,
    }

    fn check(flags: &str) -> Result<(), TimesError> {
        let words = std::iter::once("run").chain(flags.split_whitespace());
        Line::try_parse_from(words).unwrap().run.check_times()
    }

    #[test]
    fn the_defaults_go_together() {
        assert_eq!(check("--leader-elect"), Ok(()));
    }

    #[test]
    fn times_that_do_not_go_together_are_refused_by_the_flags_names() {
        let seconds = Duration::from_secs;
        let cases = [
            ("--leader-elect --leader-election-renew-deadline 15s", TimesError::RenewDeadline),
            ("--leader-elect --leader-election-retry-period 10s", TimesError::RetryPeriod),
            ("--leader-elect --leader-election-retry-period 0s", TimesError::RetryPeriod),
            ("--leader-elect --aws-attempt-timeout 13s", TimesError::LongestWrite(seconds(13))),
            ("--leader-elect --api-write-timeout 20s", TimesError::LongestWrite(seconds(20))),
        ];
        for (flags, error) in cases {
            assert_eq!(check(flags), Err(error), "{flags}");
        }
    }

    #[test]
    fn an_address_may_be_none() {
        assert_eq!("0".parse(), Ok(Listening(None)));
        assert_eq!("127.0.0.1:8080".parse(), Ok(Listening(Some(SocketAddr::from(([127, 0, 0, 1], 8080))))));
        assert!("8080".parse::<Listening>().is_err());
    }

    #[test]
    fn a_budget_is_a_share_of_all_or_none() {
        assert_eq!("0.5".parse(), Ok(BudgetShare(Some(0.5))));
        assert_eq!("1".parse(), Ok(BudgetShare(Some(1.0))));
        assert_eq!(["0", "0.0", "off"].map(str::parse::<BudgetShare>), [Ok(BudgetShare(None)); 3]);
        assert_eq!(["1.1", "-0.5", "NaN", "half", "", "inf"].map(str::parse::<BudgetShare>), [Err(NotAShare); 6]);
        let refused = Line::try_parse_from(["run", "--aws-budget-share", "2"]).map(|_| ()).unwrap_err().to_string();
        assert!(refused.contains("--aws-budget-share") && refused.contains("at most 1"), "{refused}");
    }

    #[test]
    fn without_leader_election_its_times_do_not_matter() {
        assert_eq!(check("--aws-attempt-timeout 60s"), Ok(()));
    }
}
