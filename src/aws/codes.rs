//! What AWS error codes mean, and what a person can do about them.
//!
//! This is the one place that turns an error code into a meaning.

use crate::aws::error::ErrorClass;
use crate::aws::passing;

/// The class of an AWS error code; where there is none, of the HTTP status.
///
/// A status alone never means absence: an endpoint, a proxy or a load balancer in between answers with 404
/// too. Where the body of a 404 is empty, aws-sdk-s3 fills in the code `NotFound`, which S3 itself writes
/// nowhere (S3 API reference, "Error responses").
pub(super) fn class_of(code: Option<&str>, message: &str, status: Option<u16>) -> ErrorClass {
    let told = code.and_then(|code| told_by_message(code, message)).map(|meaning| meaning.class);
    if let Some(class) = told.or_else(|| code.and_then(class_of_code)) {
        return class;
    }
    match status {
        Some(404) if code.is_none_or(|code| code == FILLED_IN) => ErrorClass::Transient,
        // HTTP's permanent redirects; the SDK follows none, and all others may pass (RFC 9110, 15.4).
        Some(301 | 308) => ErrorClass::Elsewhere,
        Some(408) => ErrorClass::Timeout,
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

/// What aws-sdk-s3 fills in where an empty 404 has no code.
const FILLED_IN: &str = "NotFound";

/// Codes by class, from the services' error references: Amazon S3 "Error responses", Amazon EC2
/// "Error codes", DynamoDB "Error handling", the errors of each action in the API references of IAM, Lambda,
/// CloudWatch Logs and RDS, and "Common error types" of each service.
fn class_of_code(code: &str) -> Option<ErrorClass> {
    Some(match code {
        "NoSuchBucket" | "InvalidInstanceID.NotFound" | "TableNotFoundException" => ErrorClass::NotFound,
        "ResourceNotFoundException" | "InvalidGroup.NotFound" | "NoSuchEntity" => ErrorClass::NotFound,
        "DBInstanceNotFound" | "DBSubnetGroupNotFoundFault" => ErrorClass::NotFound,
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
        "InvalidIPAddress.InUse" | "Resource.AlreadyAssociated" | "RouteAlreadyExists" => ErrorClass::Conflict,
        "FlowLogAlreadyExists" => ErrorClass::Conflict,
        // An earlier call under this token had its effect, which is found before the token is used again.
        "IdempotentParameterMismatch" => ErrorClass::Conflict,
        "DBInstanceAlreadyExists" | "InvalidDBInstanceState" | "DBSubnetGroupAlreadyExists" => ErrorClass::Conflict,
        "InvalidDBSubnetGroupStateFault" | "ResourceConflictException" => ErrorClass::Conflict,
        "PreconditionFailedException" | "OperationAbortedException" | "ResourceAlreadyExistsException" => {
            ErrorClass::Conflict
        }
        "PermanentRedirect" | "PermanentRedirectControlError" | "IncorrectEndpoint" => ErrorClass::Elsewhere,
        // Our requests are signed for the region of their endpoint and constrain buckets to it.
        "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException" => ErrorClass::Elsewhere,
        // "You are being redirected to the bucket while DNS updates" (S3 API reference, "Error responses").
        "TemporaryRedirect" | "Redirect" => ErrorClass::Transient,
        "IdempotentInstanceTerminated" => ErrorClass::TokenSpent,
        "BucketAlreadyExists" | "BucketNotEmpty" | "OperationNotPermitted" => ErrorClass::Blocked,
        "InsufficientFreeAddressesInSubnet" | "CannotDelete" | "UnmodifiableEntity" => ErrorClass::Blocked,
        "InvalidSubnet.Conflict" | "SubnetIPAddressLimitReachedException" => ErrorClass::Blocked,
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
        "CodeStorageExceededException" | "ENILimitReachedException" => ErrorClass::Quota,
        "AliasLimitExceededException" => ErrorClass::Quota,
        "InstanceQuotaExceeded" | "StorageQuotaExceeded" | "SnapshotQuotaExceeded" => ErrorClass::Quota,
        "DBSubnetGroupQuotaExceeded" | "DBSubnetQuotaExceededFault" => ErrorClass::Quota,
        "VpcLimitExceeded" | "SubnetLimitExceeded" | "InternetGatewayLimitExceeded" => ErrorClass::Quota,
        "RouteTableLimitExceeded" | "NatGatewayLimitExceeded" | "AddressLimitExceeded" => ErrorClass::Quota,
        "FlowLogsLimitExceeded" => ErrorClass::Quota,
        "SecurityGroupLimitExceeded" | "RulesPerSecurityGroupLimitExceeded" => ErrorClass::Quota,
        "InsufficientInstanceCapacity" | "InternalError" | "InternalFailure" | "ServiceUnavailable" | "Unavailable" => {
            ErrorClass::Transient
        }
        "ServiceFailure" | "InsufficientDBInstanceCapacity" => ErrorClass::Transient,
        "RequestTimeout" | "RequestTimeoutException" => ErrorClass::Timeout,
        code if passing::is_not_shown_yet(code) => ErrorClass::Conflict,
        _ => return None,
    })
}

/// What a code means together with the words of its message.
pub(super) struct Meaning {
    pub(super) code: &'static str,
    pub(super) words: &'static str,
    pub(super) class: ErrorClass,
    pub(super) advice: &'static str,
}

impl Meaning {
    /// Whether it is that of this code and message.
    pub(super) fn is(&self, code: &str, message: &str) -> bool {
        self.code == code && message.contains(self.words)
    }
}

/// Codes that mean several things, which the service tells apart by the message alone. The words are
/// those that the Terraform provider for AWS and others go by; AWS documents none.
const TOLD_BY_MESSAGE: &[Meaning] = &[
    Meaning {
        code: "ValidationException",
        words: "protected against deletion",
        class: ErrorClass::Blocked,
        advice: "The table is protected: set dynamoDbTable.deletionProtection: false first, or use deletionPolicy: Retain.",
    },
    Meaning {
        code: "LimitExceededException",
        words: "simultaneously",
        class: ErrorClass::Throttled,
        advice: "DynamoDB is changing as many tables or indexes as it does at once; the controller tries again.",
    },
    Meaning {
        code: "InvalidParameterValueException",
        words: "at 'runtime' failed to satisfy constraint",
        class: ErrorClass::Invalid,
        advice: "Set lambdaFunction.runtime to one that Lambda has; the AWS Lambda Developer Guide lists them under \"Lambda runtimes\".",
    },
    Meaning {
        code: "InvalidParameterValueException",
        words: "UnreservedConcurrentExecution below its minimum",
        class: ErrorClass::Quota,
        advice: "Lower lambdaFunction.reservedConcurrency here or elsewhere in the account, or ask AWS for a higher quota; the controller tries again.",
    },
    Meaning {
        code: "InvalidParameterCombination",
        words: "delete protected DB Instance",
        class: ErrorClass::Blocked,
        advice: "The instance is protected: set rdsInstance.deletionProtection: false first, or use deletionPolicy: Retain.",
    },
    // EC2 puts the HTTP status in the place of a code where it could not make flow logs.
    Meaning {
        code: "400",
        words: "Access Denied for LogDestination",
        class: ErrorClass::Blocked,
        advice: "Let delivery.logs.amazonaws.com write to the bucket of vpcNetwork.flowLogs in the bucket's policy, as the VPC User Guide says under \"Amazon S3 bucket permissions for flow logs\"; the controller tries again.",
    },
    Meaning {
        code: "400",
        words: "does not exist",
        class: ErrorClass::Blocked,
        advice: "Let vpcNetwork.flowLogs name a bucket that exists; the controller tries again.",
    },
];

pub(super) fn told_by_message(code: &str, message: &str) -> Option<&'static Meaning> {
    let passes = passing::BY_MESSAGE.iter().map(|(_, meaning)| meaning);
    TOLD_BY_MESSAGE.iter().chain(passes).find(|meaning| meaning.is(code, message))
}

/// The next step where a code has one of its own.
pub(super) fn advice(operation: &str, code: &str) -> Option<&'static str> {
    Some(match code {
        // S3 does not tell the two apart, so that nobody can find out which names others have taken.
        "AccessDenied" if operation == "GetBucketTagging" => {
            "Either the bucket belongs to another account (names are global: choose another), or the role of the AwsAccount lacks s3:GetBucketTagging."
        }
        "PermanentRedirect"
        | "PermanentRedirectControlError"
        | "IncorrectEndpoint"
        | "AuthorizationHeaderMalformed" => {
            "A bucket of this name is in another region, and names are global: choose another s3Bucket.bucketName, or declare a new object with that region in spec.region if the bucket is this account's."
        }
        "IllegalLocationConstraintException" => {
            "The endpoint that was asked makes no buckets in this region: correct the region or the endpoint, or choose another s3Bucket.bucketName if a bucket of this name is in another region."
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
        "InvalidSubnet.Conflict" => {
            "Another subnet of the VPC has these addresses: declare the subnet with another cidrBlock, or delete the other one."
        }
        "DependencyViolation" if operation == "DeleteSubnet" => {
            "Something still stands in the subnet, such as an instance, a load balancer or a network interface: delete it; the controller tries again."
        }
        "DependencyViolation" if operation == "DetachInternetGateway" => {
            "Something in the VPC still has a public address: delete it; the controller tries again."
        }
        "DependencyViolation" if operation == "DeleteVpc" => {
            "Something that is not this object's is still in the VPC, such as a security group, a subnet or an endpoint: delete it; the controller tries again."
        }
        "FlowLogAlreadyExists" => {
            "The VPC has flow logs that are not this object's and write the same to the same bucket: delete them, or name another bucket in vpcNetwork.flowLogs."
        }
        "IdempotentParameterMismatch" => {
            "An earlier call of this object asked for something else; the controller looks for what that call made and goes on with it."
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
        "InvalidDBInstanceState" if operation == "DeleteDBInstance" => {
            "AWS is busy with the instance; the controller tries again. One that has failed goes only with rdsInstance.skipFinalSnapshot: true, because there is nothing to take a snapshot of."
        }
        "InvalidDBInstanceState" => {
            "An instance is changed only while it is available; the controller tries again. Start it in AWS if it is stopped."
        }
        "DBSubnetGroupDoesNotCoverEnoughAZs" => {
            "Name subnets in at least two Availability Zones in rdsInstance.subnetIds or subnetRefs."
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
        "CodeStorageExceededException" => {
            "Delete versions of functions that no alias needs any more, or ask AWS for more code storage; the controller tries again."
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
        assert_eq!(class_of(Some("NoSuchTagSet"), "", Some(404)), ErrorClass::Invalid);
        assert_eq!(class_of(Some("AccessDenied"), "", Some(403)), ErrorClass::Denied);
        assert_eq!(class_of(None, "", Some(403)), ErrorClass::Denied);
        assert_eq!(class_of(None, "", None), ErrorClass::Transient);
    }

    #[test]
    fn a_404_without_a_code_of_the_service_means_nothing() {
        assert_eq!(class_of(None, "", Some(404)), ErrorClass::Transient);
        assert_eq!(class_of(Some("NotFound"), "", Some(404)), ErrorClass::Transient, "aws-sdk-s3 fills it in");
    }

    #[test]
    fn a_bucket_in_another_region_is_told_from_one_that_is_on_its_way() {
        for code in ["PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"] {
            assert_eq!(class_of(Some(code), "", Some(400)), ErrorClass::Elsewhere, "{code}");
            assert!(advice("GetBucketTagging", code).unwrap().contains("bucketName"), "{code}");
        }
        assert_eq!(class_of(None, "", Some(301)), ErrorClass::Elsewhere);
        assert_eq!(class_of(Some("TemporaryRedirect"), "", Some(307)), ErrorClass::Transient);
        assert!(ErrorClass::Elsewhere.needs_a_person());
    }

    #[test]
    fn every_class_of_status_has_a_meaning_without_a_code() {
        for (statuses, class) in [
            (vec![200, 204, 302, 303, 307, 500, 502, 503, 504], ErrorClass::Transient),
            (vec![301, 308], ErrorClass::Elsewhere),
            (vec![400, 405, 413, 431], ErrorClass::Invalid),
            (vec![401, 403], ErrorClass::Denied),
            (vec![408], ErrorClass::Timeout),
            (vec![409], ErrorClass::Conflict),
            (vec![429], ErrorClass::Throttled),
        ] {
            for status in statuses {
                assert_eq!(class_of(None, "", Some(status)), class, "{status}");
            }
        }
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
        assert_eq!(class(policy), ErrorClass::Conflict);
    }

    #[test]
    fn a_malformed_document_is_named_by_the_call_that_carried_it() {
        let advice = |operation| super::advice(operation, "MalformedPolicyDocument").unwrap();
        assert!(advice("CreateRole").contains("iamRole.assumeRolePolicy"));
        assert!(advice("PutRolePolicy").contains("iamRole.inlinePolicies"));
    }

    #[test]
    fn lambda_tells_what_is_tried_again_from_what_is_wrong_in_the_message_alone() {
        let class = |message| class_of(Some("InvalidParameterValueException"), message, Some(400));
        let role = "The role defined for the function cannot be assumed by Lambda.";
        assert_eq!(class(role), ErrorClass::Conflict);
        assert!(told_by_message("InvalidParameterValueException", role).unwrap().advice.contains("trust policy"));
        let network = "The provided execution role does not have permissions to call CreateNetworkInterface on EC2";
        assert_eq!(class(network), ErrorClass::Conflict);
        let reserved = "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].";
        assert_eq!(class(reserved), ErrorClass::Quota);
        let runtime = "Value cobol60 at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [python3.13] or be a valid ARN";
        assert_eq!(class(runtime), ErrorClass::Invalid);
        assert!(told_by_message("InvalidParameterValueException", runtime).unwrap().advice.contains("runtime"));
        assert_eq!(class("Unzipped size must be smaller than 262144000 bytes"), ErrorClass::Invalid);
    }

    #[test]
    fn a_protected_database_is_told_from_a_bad_request_by_the_message() {
        let class = |message| class_of(Some("InvalidParameterCombination"), message, Some(400));
        let protected = "Cannot delete protected DB Instance, please disable deletion protection and try again.";
        assert_eq!(class(protected), ErrorClass::Blocked);
        assert_eq!(class("Iops is not supported for this storage type"), ErrorClass::Invalid);
    }
}
