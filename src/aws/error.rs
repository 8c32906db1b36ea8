//! What AWS said, sorted into the few classes that the lifecycle treats differently.
//!
//! What the codes mean stands in [`crate::aws::codes`]. Only [`AwsError::says_absent`] tells whether an
//! answer may be read as "it does not exist".

use crate::aws::budget::OverBudget;
use crate::aws::codes;
use crate::fence::NotLeader;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::error::operation::BuildError;
use aws_types::request_id::RequestId;
use std::error::Error;

/// What an AWS error means for the object it happened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// What the call names does not exist. Whether that is the resource itself, only the code tells.
    NotFound,
    /// The resource exists already, is busy or in use, or what the call names is not known everywhere yet;
    /// the same call may succeed later.
    Conflict,
    /// The idempotency token belongs to a resource whose life has ended.
    TokenSpent,
    /// The resource is in a condition that a person has to change first.
    Blocked,
    /// Too many calls; the account's budget is used up for now.
    Throttled,
    /// Not sent: our own share of the account's request rate is used up.
    OverBudget {
        /// For how long, in milliseconds at the most.
        wait: u32,
    },
    /// What the call names is in another region than the one that was asked.
    Elsewhere,
    /// The credentials do not allow it, or are not valid.
    Denied,
    /// AWS will never accept this request as it is.
    Invalid,
    /// A limit of the account is reached.
    Quota,
    /// AWS failed, or the connection did. The call may have had its effect.
    Transient,
    /// No answer in time. The call may have had its effect.
    Timeout,
    /// Not sent: another process may be the one that works now.
    NotLeader,
}

impl ErrorClass {
    /// The CamelCase reason for conditions and Events.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NotFound => "NotFound",
            Self::Conflict => "Conflict",
            Self::TokenSpent => "TokenSpent",
            Self::Blocked => "Blocked",
            Self::Throttled | Self::OverBudget { .. } => "Throttled",
            Self::Elsewhere => "WrongRegion",
            Self::Denied => "AccessDenied",
            Self::Invalid => "InvalidRequest",
            Self::Quota => "QuotaExceeded",
            Self::Transient => "AwsUnavailable",
            Self::Timeout => "AwsTimeout",
            Self::NotLeader => "NotLeader",
        }
    }

    /// Whether a person has to act before the call can succeed.
    pub fn needs_a_person(self) -> bool {
        match self {
            Self::Blocked | Self::Elsewhere | Self::Denied | Self::Invalid | Self::Quota => true,
            Self::NotFound | Self::Conflict | Self::TokenSpent | Self::Throttled => false,
            Self::OverBudget { .. } | Self::Transient | Self::Timeout | Self::NotLeader => false,
        }
    }
}

/// An AWS call that did not succeed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{operation} failed: {}{message}{}", self.code_prefix(), self.request_suffix())]
pub struct AwsError {
    /// The API operation, such as `CreateBucket`.
    pub operation: &'static str,
    /// What the error means.
    pub class: ErrorClass,
    /// The AWS error code, where AWS answered with one.
    pub code: Option<String>,
    /// The AWS message, or what went wrong on the way.
    pub message: String,
    /// The AWS request id, for a support case.
    pub request_id: Option<String>,
}

impl AwsError {
    /// An error of ours about a call's answer, such as a missing id.
    pub fn malformed(operation: &'static str, message: impl Into<String>) -> Self {
        Self { operation, class: ErrorClass::Transient, code: None, message: message.into(), request_id: None }
    }

    /// An error that AWS reports inside an answer of success, for one of the things that were asked for.
    pub fn within_answer(
        operation: &'static str,
        code: Option<&str>,
        message: Option<&str>,
        request_id: Option<&str>,
    ) -> Self {
        let message = message.unwrap_or("AWS gives no reason");
        Self {
            operation,
            class: codes::class_of(code, message, Some(400)),
            code: code.map(str::to_owned),
            message: message.to_owned(),
            request_id: request_id.map(str::to_owned),
        }
    }

    /// Whether AWS says by one of these codes of its own that what the call names does not exist. A status
    /// is not enough: what stands between us and AWS answers with 404 too.
    pub fn says_absent(&self, codes: &[&str]) -> bool {
        self.code.as_deref().is_some_and(|code| codes.contains(&code))
    }

    /// Whether the call surely had no effect: AWS refused it in its own words, or it was never sent. That holds
    /// only for a call that the SDK does not repeat.
    pub fn is_refusal(&self) -> bool {
        match self.class {
            ErrorClass::OverBudget { .. } => true,
            ErrorClass::Blocked | ErrorClass::Elsewhere | ErrorClass::Denied => self.code.is_some(),
            ErrorClass::Invalid | ErrorClass::Quota | ErrorClass::Throttled => self.code.is_some(),
            ErrorClass::NotFound | ErrorClass::Conflict | ErrorClass::TokenSpent => false,
            ErrorClass::Transient | ErrorClass::Timeout | ErrorClass::NotLeader => false,
        }
    }

    /// What a person can do about it.
    pub fn next_step(&self) -> &'static str {
        if let Some(advice) = self.code.as_deref().and_then(|code| self.advice(code)) {
            return advice;
        }
        match self.class {
            ErrorClass::NotFound => "Check that the resource still exists.",
            ErrorClass::Conflict => "AWS is busy with the resource; the controller tries again.",
            ErrorClass::TokenSpent => "The controller makes the resource anew.",
            ErrorClass::Blocked => "Remove what blocks the change; the controller tries again.",
            ErrorClass::Elsewhere => {
                "Declare the object in the region that the resource is in, or under another name; the controller tries again."
            }
            ErrorClass::Throttled => {
                "The account's request rate is used up; the controller slows down and tries again."
            }
            ErrorClass::OverBudget { .. } => {
                "The controller tries again by itself; --aws-budget-share says how much of an account's request rate it may use."
            }
            ErrorClass::Denied => {
                "Give the role of the AwsAccount the permission that the message names; the controller tries again."
            }
            ErrorClass::Invalid => "Correct the spec as the message says.",
            ErrorClass::Quota => "Ask AWS for a higher quota or remove what is not needed; the controller tries again.",
            ErrorClass::Transient | ErrorClass::Timeout => "The controller tries again.",
            ErrorClass::NotLeader => "The leader goes on with it.",
        }
    }

    /// The next step where the code, or the code with its message, has one of its own.
    fn advice(&self, code: &str) -> Option<&'static str> {
        let told = codes::told_by_message(code, &self.message).map(|meaning| meaning.advice);
        told.or_else(|| codes::advice(self.operation, code))
    }

    fn code_prefix(&self) -> String {
        self.code.as_deref().map(|code| format!("{code}: ")).unwrap_or_default()
    }

    fn request_suffix(&self) -> String {
        self.request_id.as_deref().map(|id| format!(" (request id {id})")).unwrap_or_default()
    }
}

/// The answer, `None` where AWS says by one of these codes that what the call names does not exist.
///
/// # Errors
/// Every other error of the call.
pub fn unless_absent<T>(answer: Result<T, AwsError>, codes: &[&str]) -> Result<Option<T>, AwsError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.says_absent(codes) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Turns a request that the SDK refused to build into an error of `operation`: the spec lacks
/// something that its schema should have asked for.
pub fn unbuildable(operation: &'static str) -> impl Fn(BuildError) -> AwsError {
    move |error| AwsError {
        operation,
        class: ErrorClass::Invalid,
        code: None,
        message: error.to_string(),
        request_id: None,
    }
}

/// Names the operation of an SDK call's result and classifies its error.
pub trait Named<T> {
    /// The value, or the error as an [`AwsError`] of `operation`.
    fn named(self, operation: &'static str) -> Result<T, AwsError>;
}

impl<T, E> Named<T> for Result<T, SdkError<E, HttpResponse>>
where
    E: ProvideErrorMetadata + Error + 'static,
{
    fn named(self, operation: &'static str) -> Result<T, AwsError> {
        self.map_err(|error| from_sdk(operation, &error))
    }
}

fn from_sdk<E>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> AwsError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    if let Some(over) = cause::<OverBudget>(error) {
        return AwsError { operation, class: over.class(), code: None, message: over.to_string(), request_id: None };
    }
    let request_id = error.request_id().map(str::to_owned);
    let status = error.raw_response().map(|response| response.status().as_u16());
    let code = error.as_service_error().and_then(|e| e.meta().code()).map(str::to_owned);
    let message =
        error.as_service_error().and_then(|e| e.meta().message().map(str::to_owned)).unwrap_or_else(|| chain(error));
    let message = match error.raw_response().and_then(named_region) {
        Some(region) if !message.contains(region) => format!("{message} (AWS names the region {region})"),
        _ => message,
    };
    let class = match error {
        _ if cause::<NotLeader>(error).is_some() => ErrorClass::NotLeader,
        SdkError::TimeoutError(_) => ErrorClass::Timeout,
        SdkError::ConstructionFailure(_) => ErrorClass::Invalid,
        SdkError::DispatchFailure(failure) if failure.is_timeout() => ErrorClass::Timeout,
        SdkError::ServiceError(_) => codes::class_of(code.as_deref(), &message, status),
        _ => dispatch_class(&message),
    };
    AwsError { operation, class, code, message, request_id }
}

/// The region that the answer sends us to: S3 names it in a header, whatever the body says, and in answers
/// of success as well (S3 User Guide, "Request redirection and the REST API").
fn named_region(response: &HttpResponse) -> Option<&str> {
    let redirects = !response.status().is_success();
    response.headers().get("x-amz-bucket-region").filter(|_| redirects)
}

/// Failures before AWS answered: credentials that cannot be had are a denial, all else is the network.
fn dispatch_class(message: &str) -> ErrorClass {
    let denied =
        ["AccessDenied", "is not authorized", "InvalidClientTokenId", "no providers in chain provided credentials"];
    if denied.iter().any(|sign| message.contains(sign)) { ErrorClass::Denied } else { ErrorClass::Transient }
}

/// The error of this type among the causes.
fn cause<'a, C: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a C> {
    error.downcast_ref::<C>().or_else(|| error.source().and_then(cause::<C>))
}

/// The causes of an error in one line; the SDK's own texts say only "service error".
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_names_operation_code_and_request() {
        let error = AwsError {
            operation: "CreateBucket",
            class: ErrorClass::Denied,
            code: Some("AccessDenied".into()),
            message: "no".into(),
            request_id: Some("r-1".into()),
        };
        assert_eq!(error.to_string(), "CreateBucket failed: AccessDenied: no (request id r-1)");
    }

    #[test]
    fn only_a_code_that_is_named_says_that_something_is_absent() {
        let error = |code: Option<&str>| AwsError {
            code: code.map(str::to_owned),
            class: ErrorClass::NotFound,
            ..AwsError::malformed("GetBucketTagging", "no")
        };
        let absent = |code| unless_absent::<()>(Err(error(code)), &["NoSuchBucket"]).is_ok();
        assert!(absent(Some("NoSuchBucket")));
        for code in [None, Some("NotFound"), Some("NoSuchKey")] {
            assert!(!absent(code), "{code:?}");
        }
        let denied = AwsError { class: ErrorClass::Denied, ..error(Some("AccessDenied")) };
        assert!(unless_absent::<()>(Err(denied), &["NoSuchBucket"]).is_err());
    }

    #[test]
    fn only_words_of_aws_prove_that_a_call_had_no_effect() {
        let refusal = |class, code: Option<&str>| {
            let code = code.map(str::to_owned);
            AwsError { class, code, ..AwsError::malformed("CreateBucket", "no") }.is_refusal()
        };
        assert!(refusal(ErrorClass::Denied, Some("AccessDenied")));
        assert!(refusal(ErrorClass::Blocked, Some("BucketAlreadyExists")));
        assert!(refusal(ErrorClass::OverBudget { wait: 1 }, None), "it was not sent");
        assert!(!refusal(ErrorClass::Denied, None), "a proxy may have said it");
        assert!(!refusal(ErrorClass::Conflict, Some("OperationAborted")), "another call is at work");
        assert!(!refusal(ErrorClass::Transient, Some("InternalError")));
        assert!(!refusal(ErrorClass::Timeout, None));
    }

    #[test]
    fn the_region_that_an_answer_names_is_told() {
        let answer = |status: u16, region: Option<&'static str>| {
            let status = status.try_into().unwrap();
            let mut response = HttpResponse::new(status, aws_smithy_types::body::SdkBody::empty());
            region.map(|region| response.headers_mut().insert("x-amz-bucket-region", region));
            named_region(&response).map(str::to_owned)
        };
        assert_eq!(answer(301, Some("eu-west-1")).as_deref(), Some("eu-west-1"));
        assert_eq!(answer(301, None), None);
        assert_eq!(answer(200, Some("eu-west-1")), None);
    }
}
