//! Flags and environment of `ccagi-aws-agent run`, parsed once into one struct.

use clap::Args;
use std::net::SocketAddr;
use std::time::Duration;

/// How the controller runs. The cluster comes from `KUBECONFIG` or the pod, AWS from the usual
/// `AWS_*` variables; `AWS_ENDPOINT_URL` points at an emulator or a VPC endpoint.
#[derive(Args, Clone, Debug)]
pub struct RunConfig {
    /// Namespace to watch; all where absent.
    #[arg(long, env = "CCAGI_WATCH_NAMESPACE")]
    pub watch_namespace: Option<String>,

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

    /// Time for one reconcile of one object.
    #[arg(long, env = "CCAGI_RECONCILE_TIMEOUT", default_value = "2m", value_parser = humantime::parse_duration)]
    pub reconcile_timeout: Duration,

    /// How many objects are reconciled at the same time.
    #[arg(long, env = "CCAGI_CONCURRENCY", default_value_t = 32)]
    pub concurrency: u16,

    /// How long running reconciles may take to end on shutdown.
    #[arg(long, env = "CCAGI_SHUTDOWN_GRACE", default_value = "20s", value_parser = humantime::parse_duration)]
    pub shutdown_grace: Duration,

    /// Address of /livez and /readyz.
    #[arg(long, env = "CCAGI_HEALTH_ADDRESS", default_value = "0.0.0.0:8081")]
    pub health_address: SocketAddr,

    /// Log format.
    #[arg(long, env = "CCAGI_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,

    /// Log filter, such as `info` or `ccagi_aws_agent=debug`.
    #[arg(long, env = "CCAGI_LOG", default_value = "info")]
    pub log: String,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}
