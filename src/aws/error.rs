//! What AWS said, sorted into the few classes that the lifecycle treats differently.
//!
//! This is the one place that turns an error code into a meaning. In particular, only
//! [`ErrorClass::NotFound`] may ever be read as "it does not exist".

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::error::operation::BuildError;
use aws_types::request_id::RequestId;
use std::error::Error;

/// What an AWS error means for the object it happened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// The resource does not exist.
    NotFound,
    /// The resource exists already, is busy, or is in use; the same call may succeed later.
    Conflict,
    /// The idempotency token belongs to a resource whose life has ended.
    TokenSpent,
    /// The resource is in a condition that a person has to change first.
    Blocked,
    /// Too many calls; the account's budget is used up for now.
    Throttled,
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
}

impl ErrorClass {
    /// The CamelCase reason for conditions and Events.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NotFound => "NotFound",
            Self::Conflict => "Conflict",
            Self::TokenSpent => "TokenSpent",
            Self::Blocked => "Blocked",
            Self::Throttled => "Throttled",
            Self::Denied => "AccessDenied",
            Self::Invalid => "InvalidRequest",
            Self::Quota => "QuotaExceeded",
            Self::Transient => "AwsUnavailable",
            Self::Timeout => "AwsTimeout",
        }
    }

    /// Whether a person has to act before the call can succeed.
    pub fn needs_a_person(self) -> bool {
        match self {
            Self::Blocked | Self::Denied | Self::Invalid | Self::Quota => true,
            Self::NotFound | Self::Conflict | Self::TokenSpent | Self::Throttled | Self::Transient | Self::Timeout => {
                false
            }
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
            ErrorClass::Throttled => {
                "The account's request rate is used up; the controller slows down and tries again."
            }
            ErrorClass::Denied => {
                "Give the role of the AwsAccount the permission that the message names; the controller tries again."
            }
            ErrorClass::Invalid => "Correct the spec as the message says.",
            ErrorClass::Quota => "Ask AWS for a higher quota or remove what is not needed; the controller tries again.",
            ErrorClass::Transient | ErrorClass::Timeout => "The controller tries again.",
        }
    }

    /// The next step where the code, or the code with its message, has one of its own.
    fn advice(&self, code: &str) -> Option<&'static str> {
        let told = told_by_message(code, &self.message).map(|meaning| meaning.advice);
        told.or_else(|| advice(self.operation, code))
    }

    fn code_prefix(&self) -> String {
        self.code.as_deref().map(|code| format!("{code}: ")).unwrap_or_default()
    }

    fn request_suffix(&self) -> String {
        self.request_id.as_deref().map(|id| format!(" (request id {id})")).unwrap_or_default()
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
    let request_id = error.request_id().map(str::to_owned);
    let status = error.raw_response().map(|response| response.status().as_u16());
    let code = error.as_service_error().and_then(|e| e.meta().code()).map(str::to_owned);
    let message =
        error.as_service_error().and_then(|e| e.meta().message().map(str::to_owned)).unwrap_or_else(|| chain(error));
    let class = match error {
        SdkError::TimeoutError(_) => ErrorClass::Timeout,
        SdkError::ConstructionFailure(_) => ErrorClass::Invalid,
        SdkError::DispatchFailure(failure) if failure.is_timeout() => ErrorClass::Timeout,
        SdkError::ServiceError(_) => class_of(code.as_deref(), &message, status),
        _ => dispatch_class(&message),
    };
    AwsError { operation, class, code, message, request_id }
}

/// Failures before AWS answered: credentials that cannot be had are a denial, all else is the network.
fn dispatch_class(message: &str) -> ErrorClass {
    let denied =
        ["AccessDenied", "is not authorized", "InvalidClientTokenId", "no providers in chain provided credentials"];
    if denied.iter().any(|sign| message.contains(sign)) { ErrorClass::Denied } else { ErrorClass::Transient }
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

/// The class of an AWS error code; where there is none (answers to HEAD have no body), of the HTTP status.
fn class_of(code: Option<&str>, message: &str, status: Option<u16>) -> ErrorClass {
    let told = code.and_then(|code| told_by_message(code, message)).map(|meaning| meaning.class);
    if let Some(class) = told.or_else(|| code.and_then(class_of_code)) {
        return class;
    }
    match status {
        Some(404) if code.is_none() || code == Some("NotFound") => ErrorClass::NotFound,
        Some(401 | 403) => ErrorClass::Denied,
        Some(409) => ErrorClass::Conflict,
        Some(429) => ErrorClass::Throttled,
        Some(status) if status >= 500 => ErrorClass::Transient,
        Some(status) if status >= 400 => ErrorClass::Invalid,
        // An answer of success that cannot be read.
        Some(_) => ErrorClass::Transient,
        None => ErrorClass::Transient,
    }
}

/// Codes by class, from the services' error references: Amazon S3 "Error responses", Amazon EC2
/// "Error codes", DynamoDB "Error handling", the errors of each action in the IAM API reference, and
/// "Common error types" of each service.
fn class_of_code(code: &str) -> Option<ErrorClass> {
    Some(match code {
        "NoSuchBucket" | "InvalidInstanceID.NotFound" | "TableNotFoundException" => ErrorClass::NotFound,
        "ResourceNotFoundException" | "InvalidGroup.NotFound" | "NoSuchEntity" => ErrorClass::NotFound,
        "OperationAborted" | "IncorrectInstanceState" | "ResourceInUseException" | "DependencyViolation" => {
            ErrorClass::Conflict
        }
        "BucketAlreadyOwnedByYou" | "ConditionalRequestConflict" | "IncorrectState" => ErrorClass::Conflict,
        "ContinuousBackupsUnavailableException" => ErrorClass::Conflict,
        "InvalidGroup.Duplicate" | "InvalidGroup.InUse" => ErrorClass::Conflict,
        "IncorrectModificationState" | "VolumeModificationRateExceeded" => ErrorClass::Conflict,
        "EntityAlreadyExists" | "EntityTemporarilyUnmodifiable" | "ConcurrentModification" | "DeleteConflict" => {
            ErrorClass::Conflict
        }
        "IdempotentInstanceTerminated" => ErrorClass::TokenSpent,
        "BucketAlreadyExists" | "BucketNotEmpty" | "OperationNotPermitted" => ErrorClass::Blocked,
        "InsufficientFreeAddressesInSubnet" | "CannotDelete" | "UnmodifiableEntity" => ErrorClass::Blocked,
        "Throttling" | "ThrottlingException" | "RequestLimitExceeded" | "TooManyRequestsException" | "SlowDown" => {
            ErrorClass::Throttled
        }
        "RequestThrottled" | "ThrottledException" | "RequestThrottledException" => ErrorClass::Throttled,
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" | "AuthFailure" => ErrorClass::Denied,
        "InvalidClientTokenId" | "UnrecognizedClientException" | "SignatureDoesNotMatch" | "OptInRequired" => {
            ErrorClass::Denied
        }
        "InvalidAccessKeyId" | "AllAccessDisabled" | "AccountProblem" => ErrorClass::Denied,
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => ErrorClass::Transient,
        "LimitExceededException" | "TooManyBuckets" | "InstanceLimitExceeded" | "VcpuLimitExceeded" => {
            ErrorClass::Quota
        }
        "VolumeLimitExceeded" | "MaxSpotInstanceCountExceeded" | "LimitExceeded" => ErrorClass::Quota,
        "VolumeModificationSizeLimitExceeded" => ErrorClass::Quota,
        "SecurityGroupLimitExceeded" | "RulesPerSecurityGroupLimitExceeded" => ErrorClass::Quota,
        "InsufficientInstanceCapacity" | "InternalError" | "InternalFailure" | "ServiceUnavailable" | "Unavailable" => {
            ErrorClass::Transient
        }
        "ServiceFailure" => ErrorClass::Transient,
        "RequestTimeout" | "RequestTimeoutException" => ErrorClass::Timeout,
        _ => return None,
    })
}

/// What a code means together with the words of its message.
struct Meaning {
    code: &'static str,
    words: &'static str,
    class: ErrorClass,
    advice: &'static str,
}

/// Codes that mean several things, which DynamoDB and IAM tell apart by the message alone. The words
/// are those that the Terraform provider for AWS and others go by; AWS documents none.
const TOLD_BY_MESSAGE: &[Meaning] = &[
    Meaning {
        code: "ValidationException",
        words: "protected against deletion",
        class: ErrorClass::Blocked,
        advice: "The table is protected: set dynamoDbTable.deletionProtection: false first, or use deletionPolicy: Retain.",
    },
    Meaning {
        code: "ValidationException",
        words: "modified multiple times within a fixed interval",
        class: ErrorClass::Conflict,
        advice: "DynamoDB takes up to an hour over each change of timeToLive; the controller tries again.",
    },
    Meaning {
        code: "LimitExceededException",
        words: "simultaneously",
        class: ErrorClass::Throttled,
        advice: "DynamoDB is changing as many tables or indexes as it does at once; the controller tries again.",
    },
    // Said of a managed policy that a role is to get, and not of the role.
    Meaning {
        code: "NoSuchEntity",
        words: "does not exist or is not attachable",
        class: ErrorClass::Blocked,
        advice: "Set iamRole.managedPolicyArns and iamRole.permissionsBoundary to policies that exist; the controller tries again.",
    },
];

fn told_by_message(code: &str, message: &str) -> Option<&'static Meaning> {
    TOLD_BY_MESSAGE.iter().find(|meaning| meaning.code == code && message.contains(meaning.words))
}

/// The next step where a code has one of its own.
fn advice(operation: &str, code: &str) -> Option<&'static str> {
    Some(match code {
        // S3 does not tell the two apart, so that nobody can find out which names others have taken.
        "AccessDenied" if operation == "GetBucketTagging" => {
            "Either the bucket belongs to another account (names are global: choose another), or the role of the AwsAccount lacks s3:GetBucketTagging."
        }
        "BucketNotEmpty" => {
            "Empty the bucket, or set s3Bucket.forceDestroy: true to have the controller delete its objects."
        }
        "BucketAlreadyExists" => "Bucket names are global and this one belongs to another account: choose another.",
        "OperationNotPermitted" => {
            "The resource is protected: set ec2Instance.terminationProtection: false first, or use deletionPolicy: Retain."
        }
        "InsufficientFreeAddressesInSubnet" => {
            "Free an address in the subnet, or declare a new object with another ec2Instance.subnetId."
        }
        "VolumeModificationRateExceeded" => {
            "AWS limits how often a volume may be changed; the controller tries again until it is allowed."
        }
        "InvalidGroup.Duplicate" => {
            "The VPC has another group of this name: declare a new object with another securityGroup.groupName, or take that group over with resourceId and an adoptionPolicy."
        }
        "InvalidGroup.NotFound" => {
            "Check the ids of security groups: one does not exist in this VPC, or is so new that AWS does not show it yet; the controller tries again."
        }
        "DependencyViolation" if operation == "DeleteSecurityGroup" => {
            "The group is still in use by a network interface or by a rule of another group; the controller tries again."
        }
        "CannotDelete" => {
            "AWS keeps the default security group of a VPC for as long as the VPC: use deletionPolicy: Retain."
        }
        "InvalidAMIID.NotFound" | "InvalidAMIID.Malformed" => {
            "Set ec2Instance.imageId to an AMI that exists in this region and is shared with this account."
        }
        "MalformedPolicyDocument" if operation == "PutRolePolicy" => {
            "Correct the document of iamRole.inlinePolicies as the message says."
        }
        "MalformedPolicyDocument" if matches!(operation, "CreateRole" | "UpdateAssumeRolePolicy") => {
            "Correct iamRole.assumeRolePolicy as the message says; the principals that it names must exist."
        }
        "PolicyNotAttachable" => {
            "Take the policy out of iamRole.managedPolicyArns: AWS keeps it for its own service-linked roles."
        }
        "EntityAlreadyExists" => {
            "Something of this name exists already; the controller reads it and decides by its tags whose it is."
        }
        "DeleteConflict" => {
            "Something still hangs on it that was added meanwhile; the controller takes off what is its own and tries again."
        }
        "UnmodifiableEntity" => {
            "Only the AWS service that a service-linked role belongs to can change it: choose another name."
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codes_that_say_so_mean_not_found() {
        assert_eq!(class_of(Some("NoSuchBucket"), "", Some(404)), ErrorClass::NotFound);
        assert_eq!(class_of(None, "", Some(404)), ErrorClass::NotFound);
        assert_eq!(class_of(Some("NoSuchTagSet"), "", Some(404)), ErrorClass::Invalid);
        assert_eq!(class_of(Some("AccessDenied"), "", Some(403)), ErrorClass::Denied);
        assert_eq!(class_of(None, "", Some(403)), ErrorClass::Denied);
        assert_eq!(class_of(None, "", None), ErrorClass::Transient);
    }

    #[test]
    fn an_unknown_code_is_judged_by_its_status() {
        assert_eq!(class_of(Some("BrandNewCode"), "", Some(400)), ErrorClass::Invalid);
        assert_eq!(class_of(Some("BrandNewCode"), "", Some(503)), ErrorClass::Transient);
    }

    #[test]
    fn dynamodb_tells_some_meanings_apart_in_the_message_alone() {
        let class = |code, message| class_of(Some(code), message, Some(400));
        let protected = "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.";
        assert_eq!(class("ValidationException", protected), ErrorClass::Blocked);
        assert_eq!(class("ValidationException", "Invalid KeySchema"), ErrorClass::Invalid);
        let busy = "Subscriber limit exceeded: Only 50 tables can be created, updated, or deleted simultaneously";
        assert_eq!(class("LimitExceededException", busy), ErrorClass::Throttled);
        let full = "Subscriber limit exceeded: There is a limit of 2500 tables per subscriber";
        assert_eq!(class("LimitExceededException", full), ErrorClass::Quota);
        assert!(
            told_by_message("ValidationException", protected).unwrap().advice.contains("deletionProtection: false")
        );
    }

    #[test]
    fn iam_says_of_a_role_and_of_a_policy_alike_that_it_does_not_exist() {
        let class = |message| class_of(Some("NoSuchEntity"), message, Some(404));
        assert_eq!(class("The role with name web cannot be found."), ErrorClass::NotFound);
        let policy = "Policy arn:aws:iam::aws:policy/Nothing does not exist or is not attachable.";
        assert_eq!(class(policy), ErrorClass::Blocked);
    }

    #[test]
    fn a_malformed_document_is_named_by_the_call_that_carried_it() {
        let advice = |operation| super::advice(operation, "MalformedPolicyDocument").unwrap();
        assert!(advice("CreateRole").contains("iamRole.assumeRolePolicy"));
        assert!(advice("PutRolePolicy").contains("iamRole.inlinePolicies"));
    }

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
}
