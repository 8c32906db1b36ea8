//! Sessions: credentials for an account, proven to belong to it, and the clients that use them.
//!
//! One HTTP client, one default credential chain and one identity cache serve all accounts, so that
//! a thousand objects of one account assume its role once.

mod own;

use crate::api::account::{AssumeRole, AwsAccountSpec};
use crate::aws::budget::{Budgets, CallBudget};
use crate::aws::calls::{CallWatch, Observer};
use crate::aws::error::{AwsError, ErrorClass, Named};
use crate::aws::pricing::PriceList;
use crate::aws::whole_answers::WholeAnswers;
use crate::aws::write_gate::WriteGate;
use crate::fence::Fence;
use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::config::IdentityCache;
use aws_sdk_s3::config::retry::RetryPartition;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// The session name that CloudTrail shows where the manifest gives none.
const SESSION_NAME: &str = "ccagi-aws-agent";

/// Credentials are renewed this long before they expire.
const RENEW_BEFORE: Duration = Duration::from_secs(300);

/// How many (account, role) identities the cache holds; the SDK's default of 64 makes it evict and
/// re-assume without end when there are more accounts than that.
const IDENTITIES: usize = 4096;

/// How AWS calls are made.
#[derive(Clone, Debug)]
pub struct CallSettings {
    /// Time for one attempt.
    pub attempt_timeout: Duration,
    /// Time for a call with all its attempts.
    pub call_timeout: Duration,
    /// How often a call is made at the most, its repeats after throttling and failures of AWS included.
    pub attempts: u32,
    /// How long a refused session is taken as refused before it is tried again.
    pub refusal_period: Duration,
    /// Whether a write may begin.
    pub fence: Fence,
    /// Who is told of every attempt of a call.
    pub observer: Observer,
    /// How much of an account's request rate the calls may use.
    pub budgets: Budgets,
}

/// How often a command that only reads makes a call at the most: nothing waits for it, and it makes many.
const ATTEMPTS_TO_READ: u32 = 5;

impl CallSettings {
    /// For a command that only reads, which is so by more than intent: no write gets out.
    pub fn to_read(attempt_timeout: Duration, call_timeout: Duration) -> Self {
        Self {
            attempt_timeout,
            call_timeout,
            attempts: ATTEMPTS_TO_READ,
            // Nobody asks twice for the session of an account that was refused.
            refusal_period: call_timeout,
            fence: Fence::closed(),
            observer: Observer::default(),
            // Refusals would only make what a person waits for incomplete.
            budgets: Budgets::default(),
        }
    }
}

/// Why there is no session for an account.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SessionError {
    /// AWS answered for another account than the one declared. Nothing was touched.
    #[error("the credentials belong to account {actual}, but the AwsAccount declares {declared}; nothing was touched")]
    WrongAccount {
        /// The account in `spec.accountId`.
        declared: String,
        /// The account that `sts:GetCallerIdentity` named.
        actual: String,
    },
    /// The identity could not be read. Nothing was touched.
    #[error("no session: {0}")]
    Refused(#[from] AwsError),
}

/// Who we are in an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The ARN that `sts:GetCallerIdentity` answered.
    pub arn: String,
}

/// One account in one region, verified: what every AWS call is made through.
#[derive(Clone)]
pub struct Aws {
    inner: Arc<Clients>,
}

struct Clients {
    account_id: String,
    region: String,
    partition: String,
    config: SdkConfig,
    path_style: bool,
    gate: WriteGate,
    watch: CallWatch,
    s3: OnceLock<aws_sdk_s3::Client>,
    ec2: OnceLock<aws_sdk_ec2::Client>,
    dynamodb: OnceLock<aws_sdk_dynamodb::Client>,
    iam: OnceLock<aws_sdk_iam::Client>,
    lambda: OnceLock<aws_sdk_lambda::Client>,
    rds: OnceLock<aws_sdk_rds::Client>,
    logs: OnceLock<aws_sdk_cloudwatchlogs::Client>,
}

/// A client of one service with a retry budget of its own account and region: the SDK's default
/// budget is shared by all accounts, and one throttled account would starve the others.
macro_rules! client {
    ($self:ident, $sdk:ident, $field:ident, $service:literal $(, $extra:ident($value:expr))?) => {
        $self.inner.$field.get_or_init(|| {
            let budget = format!("{}-{}-{}", $self.inner.account_id, $self.inner.region, $service);
            let config = $sdk::config::Builder::from(&$self.inner.config)
                .retry_partition(RetryPartition::new(budget))
                .interceptor($self.inner.watch.budget.clone())
                .interceptor($self.inner.gate.clone())
                .interceptor($self.inner.watch.clone())
                $(.$extra($value))?
                .build();
            $sdk::Client::from_conf(config)
        })
    };
}

impl Aws {
    /// Builds the clients ahead of their first use: each reads the table of AWS endpoints, which takes
    /// tens of milliseconds that no object should wait for.
    pub fn prepare(&self) {
        let _ = (self.s3(), self.ec2(), self.dynamodb(), self.iam(), self.lambda(), self.rds(), self.logs());
    }

    /// The account's twelve digits.
    pub fn account_id(&self) -> &str {
        &self.inner.account_id
    }

    /// The region.
    pub fn region(&self) -> &str {
        &self.inner.region
    }

    /// The ARN partition, such as `aws`, `aws-cn` or `aws-us-gov`.
    pub fn partition(&self) -> &str {
        &self.inner.partition
    }

    /// The S3 client.
    pub fn s3(&self) -> &aws_sdk_s3::Client {
        client!(self, aws_sdk_s3, s3, "s3", force_path_style(self.inner.path_style))
    }

    /// The EC2 client.
    pub fn ec2(&self) -> &aws_sdk_ec2::Client {
        client!(self, aws_sdk_ec2, ec2, "ec2")
    }

    /// The DynamoDB client.
    pub fn dynamodb(&self) -> &aws_sdk_dynamodb::Client {
        client!(self, aws_sdk_dynamodb, dynamodb, "dynamodb")
    }

    /// The IAM client.
    pub fn iam(&self) -> &aws_sdk_iam::Client {
        client!(self, aws_sdk_iam, iam, "iam")
    }

    /// The Lambda client.
    pub fn lambda(&self) -> &aws_sdk_lambda::Client {
        client!(self, aws_sdk_lambda, lambda, "lambda")
    }

    /// The RDS client.
    pub fn rds(&self) -> &aws_sdk_rds::Client {
        client!(self, aws_sdk_rds, rds, "rds")
    }

    /// The client of CloudWatch Logs.
    pub fn logs(&self) -> &aws_sdk_cloudwatchlogs::Client {
        client!(self, aws_sdk_cloudwatchlogs, logs, "logs")
    }
}

/// The sessions of all accounts.
pub struct Sessions {
    base: SdkConfig,
    refusal_period: Duration,
    gate: WriteGate,
    observer: Observer,
    budgets: Budgets,
    accounts: Mutex<HashMap<String, Arc<Account>>>,
    /// Who the controller is before it assumes any role, once AWS has told.
    own: Mutex<Option<Identity>>,
}

struct Account {
    config: SdkConfig,
    watch: CallWatch,
    verified: Mutex<Verification>,
    usable_regions: Mutex<Option<Vec<String>>>,
    regions: Mutex<HashMap<String, Aws>>,
}

enum Verification {
    Unknown,
    Is(Identity),
    Refused(Instant, SessionError),
}

impl Sessions {
    /// Reads the usual `AWS_*` variables and files once; calls nothing yet. Every call goes out through
    /// `http`, which is [`http_client`] unless somebody stands in between.
    pub async fn from_environment(settings: &CallSettings, http: SharedHttpClient) -> Self {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(settings.attempt_timeout)
            .operation_timeout(settings.call_timeout)
            .read_timeout(settings.attempt_timeout)
            .build();
        let cache = IdentityCache::lazy().max_partitions(IDENTITIES).buffer_time(RENEW_BEFORE).build();
        let base = aws_config::defaults(BehaviorVersion::latest())
            .http_client(WholeAnswers(http))
            .identity_cache(cache)
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(settings.attempts))
            .load()
            .await;
        let gate = WriteGate { fence: settings.fence.clone(), attempt_timeout: settings.attempt_timeout };
        let (observer, budgets) = (settings.observer.clone(), settings.budgets.clone());
        Self {
            base,
            refusal_period: settings.refusal_period,
            gate,
            observer,
            budgets,
            accounts: Mutex::default(),
            own: Mutex::default(),
        }
    }

    /// The account's session in `region`, verified to belong to the declared account.
    ///
    /// # Errors
    /// [`SessionError`] where the identity cannot be read or is another account's.
    pub async fn session(&self, spec: &AwsAccountSpec, region: &str) -> Result<Aws, SessionError> {
        let account = self.account(spec).await;
        let identity = account.verify(spec, self.refusal_period).await?;
        let mut regions = account.regions.lock().await;
        let aws = regions.entry(region.to_owned()).or_insert_with(|| {
            let config = account.config.to_builder().region(Region::new(region.to_owned())).build();
            let budget = self.budgets.region(&spec.account_id, region);
            let watch = CallWatch { budget, ..account.watch.clone() };
            Aws { inner: Arc::new(Clients::new(region, &identity, config, self.gate.clone(), watch)) }
        });
        Ok(aws.clone())
    }

    /// Who we are in the account, verified to be the declared one.
    ///
    /// # Errors
    /// [`SessionError`] where the identity cannot be read or is another account's.
    pub async fn identity(&self, spec: &AwsAccountSpec) -> Result<Identity, SessionError> {
        self.account(spec).await.verify(spec, self.refusal_period).await
    }

    /// The regions of the account in which its credentials work: AWS refuses the credentials of an
    /// account in regions that it has not enabled.
    pub async fn usable_regions(&self, spec: &AwsAccountSpec) -> Vec<String> {
        let account = self.account(spec).await;
        let mut usable = account.usable_regions.lock().await;
        if let Some(known) = &*usable {
            return known.clone();
        }
        let asked = spec.regions.iter().map(|region| works_in(&account.config, region));
        let answers = futures::future::join_all(asked).await;
        let works = spec.regions.iter().zip(answers).filter(|(_, works)| *works).map(|(region, _)| region.clone());
        usable.insert(works.collect()).clone()
    }

    /// Has the next use of the account prove its identity anew.
    pub async fn recheck(&self, spec: &AwsAccountSpec) {
        let account = self.account(spec).await;
        *account.verified.lock().await = Verification::Unknown;
        *account.usable_regions.lock().await = None;
    }

    /// The Price List service as the controller's own identity sees it, by its endpoint in `region`: it
    /// has one in `us-east-1`, `eu-central-1` and `ap-south-1` (AWS General Reference).
    pub fn price_list(&self, region: &str) -> PriceList {
        let config = self.base.to_builder().region(Region::new(region.to_owned())).build();
        PriceList(aws_sdk_pricing::Client::new(&config))
    }

    /// Forgets what is known of the account, so that the next use verifies it anew.
    pub async fn forget(&self, spec: &AwsAccountSpec) {
        self.accounts.lock().await.remove(&key(spec));
    }

    async fn account(&self, spec: &AwsAccountSpec) -> Arc<Account> {
        let mut accounts = self.accounts.lock().await;
        if let Some(account) = accounts.get(&key(spec)) {
            return account.clone();
        }
        let home = Region::new(spec.default_region.clone());
        let mut config = self.base.to_builder().region(home).build();
        for role in spec.credentials.as_ref().map(|c| c.roles()).unwrap_or_default() {
            let provider = assume(role, &config).await;
            config = config.to_builder().credentials_provider(provider).build();
        }
        // AWS documents no limit of STS.
        let budget = CallBudget::default();
        let watch = CallWatch { account: spec.account_id.clone(), observer: self.observer.clone(), budget };
        let account = Arc::new(Account {
            config,
            watch,
            verified: Mutex::new(Verification::Unknown),
            usable_regions: Mutex::default(),
            regions: Mutex::default(),
        });
        accounts.insert(key(spec), account.clone());
        account
    }
}

/// The HTTP client of all AWS calls.
pub fn http_client() -> SharedHttpClient {
    let crypto = aws_smithy_http_client::tls::rustls_provider::CryptoMode::AwsLc;
    let provider = aws_smithy_http_client::tls::Provider::Rustls(crypto);
    aws_smithy_http_client::Builder::new().tls_provider(provider).build_https()
}

/// Sessions are shared by everything that reads the same; a changed spec gets a new one.
fn key(spec: &AwsAccountSpec) -> String {
    let credentials = serde_json::to_string(&spec.credentials).unwrap_or_default();
    format!("{}/{}/{}/{credentials}", spec.account_id, spec.default_region, spec.regions.join(","))
}

async fn assume(role: &AssumeRole, from: &SdkConfig) -> SharedCredentialsProvider {
    let mut builder = AssumeRoleProvider::builder(&role.role_arn)
        .configure(from)
        .session_name(role.session_name.as_deref().unwrap_or(SESSION_NAME))
        .tags(role.session_tags.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    if let Some(id) = &role.external_id {
        builder = builder.external_id(id);
    }
    let provider = match from.credentials_provider() {
        Some(inner) => builder.build_from_provider(inner).await,
        None => builder.build().await,
    };
    SharedCredentialsProvider::new(provider)
}

impl Account {
    /// Asks AWS who we are, once; concurrent callers wait for the one answer, and a refusal is
    /// remembered for a while so that many objects of a broken account do not hammer STS.
    async fn verify(&self, spec: &AwsAccountSpec, refusal_period: Duration) -> Result<Identity, SessionError> {
        let mut verified = self.verified.lock().await;
        match &*verified {
            Verification::Is(identity) => return Ok(identity.clone()),
            Verification::Refused(when, error) if when.elapsed() < refusal_period => return Err(error.clone()),
            Verification::Unknown | Verification::Refused(..) => {}
        }
        let answer = caller_identity(&self.config, &self.watch, spec).await;
        *verified = match &answer {
            Ok(identity) => Verification::Is(identity.clone()),
            Err(error) => Verification::Refused(Instant::now(), error.clone()),
        };
        answer
    }
}

async fn caller_identity(
    config: &SdkConfig,
    watch: &CallWatch,
    spec: &AwsAccountSpec,
) -> Result<Identity, SessionError> {
    let config = aws_sdk_sts::config::Builder::from(config).interceptor(watch.clone()).build();
    let sts = aws_sdk_sts::Client::from_conf(config);
    let answer = sts.get_caller_identity().send().await.named("GetCallerIdentity")?;
    let actual = answer.account().unwrap_or_default();
    if actual != spec.account_id {
        return Err(SessionError::WrongAccount { declared: spec.account_id.clone(), actual: actual.to_owned() });
    }
    Ok(Identity { arn: answer.arn().unwrap_or_default().to_owned() })
}

async fn works_in(config: &SdkConfig, region: &str) -> bool {
    let config = config.to_builder().region(Region::new(region.to_owned())).build();
    aws_sdk_sts::Client::new(&config).get_caller_identity().send().await.is_ok()
}

impl SessionError {
    /// The CamelCase reason for conditions and Events.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::WrongAccount { .. } => "WrongAccount",
            Self::Refused(error) if error.class == ErrorClass::Denied => "CredentialsRefused",
            Self::Refused(error) => error.class.reason(),
        }
    }

    /// Whether a person has to act before there can be a session.
    pub fn needs_a_person(&self) -> bool {
        match self {
            Self::WrongAccount { .. } => true,
            Self::Refused(error) => error.class.needs_a_person(),
        }
    }
}

impl Clients {
    fn new(region: &str, identity: &Identity, config: SdkConfig, gate: WriteGate, watch: CallWatch) -> Self {
        let partition = identity.arn.split(':').nth(1).filter(|part| !part.is_empty()).unwrap_or("aws");
        Self {
            account_id: watch.account.clone(),
            region: region.to_owned(),
            partition: partition.to_owned(),
            // An emulator or VPC endpoint has one host name for all buckets.
            path_style: config.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some(),
            config,
            gate,
            watch,
            s3: OnceLock::new(),
            ec2: OnceLock::new(),
            dynamodb: OnceLock::new(),
            iam: OnceLock::new(),
            lambda: OnceLock::new(),
            rds: OnceLock::new(),
            logs: OnceLock::new(),
        }
    }
}
