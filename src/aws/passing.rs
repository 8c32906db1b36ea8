//! What AWS refuses now and may accept by itself later, and how long that can take.
//!
//! AWS shows what was written only after a while, each service in its own words, and refuses changes while
//! it is busy. Who reads such a refusal as final makes Helm and Flux fail for nothing; who waits for ever
//! hides a mistake. So each sort has a time after which it is something else.

use crate::aws::codes::Meaning;
use crate::aws::error::{AwsError, ErrorClass};
use std::time::Duration;

/// Why a refusal may pass by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passing {
    /// What IAM has stored is not known everywhere yet: a role, an instance profile, a policy.
    IamSpreads,
    /// What KMS has stored is not known everywhere yet: a grant, a key policy.
    KmsSpreads,
    /// What the call names is not shown yet.
    NotShownYet,
    /// Something has the name, and the look that follows every refusal tells whose it is.
    NameTaken,
    /// Something else is being done to the resource, or it is still in use.
    Busy,
    /// DynamoDB is still at work on the last change of a table's time to live.
    TimeToLiveSettles,
    /// Storage is still being optimised after its last change, or a database has other long work to end.
    StorageSettles,
    /// AWS looks at a new account before it lets it use a service.
    AccountIsVerified,
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

impl Passing {
    /// After how long a refusal of this sort cannot be a passing one any more.
    ///
    /// - IAM promises no time (IAM User Guide, "Changes that I make are not always immediately visible").
    ///   The Terraform provider for AWS waits two minutes, and five where Lambda has to see the change.
    /// - A grant may take five minutes (AWS KMS Developer Guide, "Grant token" and "Eventual consistency").
    /// - EC2 says to try again with waits of up to five minutes (Amazon EC2 Developer Guide, "Eventual
    ///   consistency in the Amazon EC2 API"); the other services give no time.
    /// - A name that is taken is refused again only after two looks, a visibility lag apart, that did not
    ///   show the one that has it as this object's.
    /// - Lambda may keep the network interfaces of a function for twenty minutes (AWS Lambda Developer
    ///   Guide, "Giving Lambda functions access to resources in an Amazon VPC"), which is the longest that
    ///   holds up what else is in use; an hour is thrice that.
    /// - A change of a time to live takes up to an hour (DynamoDB API reference, UpdateTimeToLive).
    /// - The storage of a volume or database is optimised for hours after a change, the larger the longer,
    ///   and is changed again six hours later at the earliest (Amazon RDS User Guide, "Working with storage
    ///   for Amazon RDS DB instances"; Amazon EBS User Guide, "Monitor the progress of volume
    ///   modifications", which names 24 hours).
    /// - How long AWS takes to verify a new account is not said (Amazon EC2 API reference, "Error codes",
    ///   `PendingVerification`); after a day somebody should ask.
    pub fn at_most(self) -> Duration {
        Duration::from_secs(match self {
            Self::IamSpreads | Self::KmsSpreads | Self::NotShownYet => 5 * MINUTE,
            Self::NameTaken => 20,
            Self::Busy => HOUR,
            Self::TimeToLiveSettles => 2 * HOUR,
            Self::StorageSettles => 48 * HOUR,
            Self::AccountIsVerified => 24 * HOUR,
        })
    }

    /// What is so once that time is over, as a sentence.
    pub fn beyond(self) -> &'static str {
        match self {
            Self::IamSpreads => "IAM's changes take no longer than 5 minutes, so that it is something else",
            Self::KmsSpreads => "KMS's changes take no longer than 5 minutes, so that it is something else",
            Self::NotShownYet => "AWS shows what is new within 5 minutes, so that it does not exist",
            Self::NameTaken => {
                "Looks at AWS do not show what has the name as this object's; AWS may compare names without regard to case. Choose another name, or delete or take over what has it"
            }
            Self::Busy => "It has been so for more than an hour, so that it does not end by itself",
            Self::TimeToLiveSettles => "That takes no longer than an hour, so that it is something else",
            Self::StorageSettles => "It has been so for more than two days, so that it does not end by itself",
            Self::AccountIsVerified => "It has been so for more than a day: ask AWS Support",
        }
    }

    /// Why this error may pass by itself, if it may.
    pub fn of(error: &AwsError) -> Option<Self> {
        let code = error.code.as_deref().unwrap_or_default();
        if let Some((passing, _)) = BY_MESSAGE.iter().find(|(_, meaning)| meaning.is(code, &error.message)) {
            return Some(*passing);
        }
        match error.class {
            ErrorClass::NotFound => Some(Self::NotShownYet),
            ErrorClass::Conflict => Some(Self::of_conflict(error.operation, code)),
            ErrorClass::TokenSpent
            | ErrorClass::Blocked
            | ErrorClass::Throttled
            | ErrorClass::OverBudget { .. }
            | ErrorClass::Elsewhere
            | ErrorClass::Denied
            | ErrorClass::Invalid
            | ErrorClass::Quota
            | ErrorClass::Transient
            | ErrorClass::Timeout
            | ErrorClass::NotLeader => None,
        }
    }

    fn of_conflict(operation: &str, code: &str) -> Self {
        match code {
            _ if is_not_shown_yet(code) => Self::NotShownYet,
            "InvalidGroup.Duplicate" | "DBInstanceAlreadyExists" | "DBSubnetGroupAlreadyExists" => Self::NameTaken,
            "BucketAlreadyOwnedByYou" | "FlowLogAlreadyExists" => Self::NameTaken,
            "EntityAlreadyExists" if operation == "CreateRole" => Self::NameTaken,
            "ResourceConflictException" if operation == "CreateFunction" => Self::NameTaken,
            "ResourceInUseException" if operation == "CreateTable" => Self::NameTaken,
            "NoSuchEntity" | "EntityAlreadyExists" | "EntityTemporarilyUnmodifiable" => Self::IamSpreads,
            "ResourceAlreadyExistsException" | "IdempotentParameterMismatch" => Self::NotShownYet,
            "InvalidIPAddress.InUse" | "Resource.AlreadyAssociated" | "RouteAlreadyExists" => Self::NotShownYet,
            "IncorrectModificationState" | "VolumeModificationRateExceeded" => Self::StorageSettles,
            "InvalidDBInstanceState" if operation != "DeleteDBInstance" => Self::StorageSettles,
            _ => Self::Busy,
        }
    }
}

/// Codes of EC2 that say of something a call names, and that this controller may have made a moment ago,
/// that it is not there. Images, snapshots and key pairs are made by other means and are there before a
/// manifest names them: where they are missing, the manifest is wrong.
pub(super) fn is_not_shown_yet(code: &str) -> bool {
    matches!(
        code,
        "InvalidAllocationID.NotFound"
            | "InvalidAssociationID.NotFound"
            | "InvalidGroup.NotFound"
            | "InvalidGroupId.NotFound"
            | "InvalidInstanceID.NotFound"
            | "InvalidInternetGatewayID.NotFound"
            | "InvalidNetworkInterfaceID.NotFound"
            | "InvalidRouteTableID.NotFound"
            | "InvalidSecurityGroupID.NotFound"
            | "InvalidSubnetID.NotFound"
            | "InvalidVolume.NotFound"
            | "InvalidVpcID.NotFound"
            | "NatGatewayNotFound"
    )
}

const fn row(passing: Passing, code: &'static str, words: &'static str, advice: &'static str) -> (Passing, Meaning) {
    (passing, Meaning { code, words, class: ErrorClass::Conflict, advice })
}

/// Refusals that pass by themselves and that the service tells apart from others of their code by the
/// message alone. The words are those that the Terraform provider for AWS goes by; AWS documents none.
pub(super) const BY_MESSAGE: &[(Passing, Meaning)] = &[
    row(
        Passing::IamSpreads,
        "InvalidParameterValue",
        "Invalid IAM Instance Profile",
        "A new instance profile takes a moment before EC2 knows it; the controller tries again. If it does not pass, set ec2Instance.iamInstanceProfile to one that exists in this account.",
    ),
    row(
        Passing::IamSpreads,
        "InvalidParameterValue",
        "has no associated IAM Roles",
        "The role of a new instance profile takes a moment before EC2 knows it; the controller tries again. If it does not pass, put a role into the profile.",
    ),
    row(
        Passing::IamSpreads,
        "MalformedPolicyDocument",
        "Invalid principal in policy",
        "A principal that was made a moment ago takes a while before IAM knows it everywhere; the controller tries again. If it does not pass, correct iamRole.assumeRolePolicy: the principals that it names must exist.",
    ),
    row(
        Passing::IamSpreads,
        "MalformedPolicy",
        "Invalid principal in policy",
        "A principal that was made a moment ago takes a while before S3 knows it; the controller tries again. If it does not pass, correct s3Bucket.policy: the principals that it names must exist.",
    ),
    row(
        Passing::IamSpreads,
        "InvalidParameterValueException",
        "principal was invalid",
        "A principal that was made a moment ago takes a while before Lambda knows it; the controller tries again. If it does not pass, correct principal in lambdaFunction.permissions: it must exist.",
    ),
    row(
        Passing::IamSpreads,
        "InvalidParameterValueException",
        "cannot be assumed by Lambda",
        "A new role takes a moment before Lambda can use it; the controller tries again. If it does not pass, have the role's trust policy allow lambda.amazonaws.com to assume it.",
    ),
    row(
        Passing::IamSpreads,
        "InvalidParameterValueException",
        "does not have permissions to call",
        "A new policy takes a moment before Lambda sees it; the controller tries again. If it does not pass, give the function's role the permission that the message names.",
    ),
    // Said of a managed policy that a role is to get, and not of the role.
    row(
        Passing::IamSpreads,
        "NoSuchEntity",
        "does not exist or is not attachable",
        "A new policy takes a moment before it can be attached; the controller tries again. If it does not pass, set iamRole.managedPolicyArns and iamRole.permissionsBoundary to policies that exist.",
    ),
    row(
        Passing::IamSpreads,
        "InvalidArgument",
        "Unable to validate the following destination",
        "S3 may not invoke the function yet: let s3.amazonaws.com do so in lambdaFunction.permissions; the controller tries again.",
    ),
    row(
        Passing::IamSpreads,
        "InvalidTargetBucketForLogging",
        "",
        "A new bucket policy takes a moment before S3 goes by it; the controller tries again. If it does not pass, let logging.s3.amazonaws.com write to the target bucket in that bucket's policy.",
    ),
    row(
        Passing::KmsSpreads,
        "InvalidParameterValueException",
        "invalid for CreateGrant",
        "A new role takes a moment before KMS knows it; the controller tries again. If it does not pass, check that the key is enabled and that its policy lets the function's role and this account's role use it.",
    ),
    row(
        Passing::KmsSpreads,
        "KMSKeyNotAccessibleFault",
        "",
        "A new key or key policy takes a moment before RDS can use it; the controller tries again. If it does not pass, check that the key exists in this region, is enabled, and lets the role of the AwsAccount use it.",
    ),
    row(
        Passing::NotShownYet,
        "InvalidParameterValueException",
        "EC2 Error Code: InvalidGroup.NotFound",
        "A new security group takes a moment before Lambda sees it; the controller tries again. If it does not pass, correct lambdaFunction.vpc.securityGroupIds.",
    ),
    row(
        Passing::NotShownYet,
        "InvalidParameterValueException",
        "EC2 Error Code: InvalidSubnetID.NotFound",
        "A new subnet takes a moment before Lambda sees it; the controller tries again. If it does not pass, correct lambdaFunction.vpc.subnetIds.",
    ),
    row(
        Passing::NotShownYet,
        "InvalidParameterValue",
        "Invalid security group",
        "A new security group takes a moment before RDS sees it; the controller tries again. If it does not pass, correct rdsInstance.securityGroupIds.",
    ),
    row(
        Passing::NotShownYet,
        "InvalidSubnet",
        "input subnets",
        "A new subnet takes a moment before RDS sees it; the controller tries again. If it does not pass, correct rdsInstance.subnetIds.",
    ),
    row(
        Passing::TimeToLiveSettles,
        "ValidationException",
        "modified multiple times within a fixed interval",
        "DynamoDB takes up to an hour over each change of timeToLive; the controller tries again.",
    ),
    row(
        Passing::StorageSettles,
        "InvalidParameterCombination",
        "being optimized",
        "RDS is still optimising the storage after its last change, which takes hours; the controller tries again.",
    ),
    row(
        Passing::AccountIsVerified,
        "PendingVerification",
        "",
        "AWS verifies a new account before it may use a service or region; the controller tries again.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(operation: &'static str, code: &str, message: &str) -> AwsError {
        AwsError { operation, ..AwsError::within_answer(operation, Some(code), Some(message), None) }
    }

    #[test]
    fn what_is_new_or_busy_in_any_kind_passes_and_has_a_time_and_a_next_step() {
        for (operation, code, message, expected) in [
            (
                "RunInstances",
                "InvalidParameterValue",
                "Value (web) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name",
                Passing::IamSpreads,
            ),
            (
                "RunInstances",
                "InvalidParameterValue",
                "IAM Instance Profile \"arn:x\" has no associated IAM Roles",
                Passing::IamSpreads,
            ),
            (
                "RunInstances",
                "InvalidSubnetID.NotFound",
                "The subnet ID 'subnet-1' does not exist",
                Passing::NotShownYet,
            ),
            ("RunInstances", "InvalidGroup.NotFound", "The security group 'sg-1' does not exist", Passing::NotShownYet),
            ("RunInstances", "PendingVerification", "Your request is being validated.", Passing::AccountIsVerified),
            ("ModifyVolume", "VolumeModificationRateExceeded", "wait", Passing::StorageSettles),
            ("CreateSecurityGroup", "InvalidVpcID.NotFound", "The vpc ID 'vpc-1' does not exist", Passing::NotShownYet),
            (
                "CreateSecurityGroup",
                "InvalidGroup.Duplicate",
                "The security group 'Web' already exists",
                Passing::NameTaken,
            ),
            (
                "CreateRole",
                "MalformedPolicyDocument",
                "Invalid principal in policy: \"AWS\":\"arn:x\"",
                Passing::IamSpreads,
            ),
            ("CreateRole", "EntityAlreadyExists", "Role with name Web already exists.", Passing::NameTaken),
            (
                "CreateInstanceProfile",
                "EntityAlreadyExists",
                "Instance Profile web already exists.",
                Passing::IamSpreads,
            ),
            (
                "AttachRolePolicy",
                "NoSuchEntity",
                "Policy arn:x does not exist or is not attachable.",
                Passing::IamSpreads,
            ),
            ("PutBucketPolicy", "MalformedPolicy", "Invalid principal in policy", Passing::IamSpreads),
            ("PutBucketVersioning", "NoSuchBucket", "The specified bucket does not exist", Passing::NotShownYet),
            (
                "PutBucketLogging",
                "InvalidTargetBucketForLogging",
                "The target bucket does not allow it",
                Passing::IamSpreads,
            ),
            (
                "AddPermission",
                "InvalidParameterValueException",
                "The provided principal was invalid. Please check the principal and try again.",
                Passing::IamSpreads,
            ),
            (
                "CreateFunction",
                "InvalidParameterValueException",
                "Lambda was unable to configure access to your environment variables because the KMS key is invalid for CreateGrant.",
                Passing::KmsSpreads,
            ),
            (
                "CreateFunction",
                "InvalidParameterValueException",
                "Error occurred while DescribeSubnets. EC2 Error Code: InvalidSubnetID.NotFound. EC2 Error Message: no",
                Passing::NotShownYet,
            ),
            ("CreateFunction", "ResourceConflictException", "Function already exist: web", Passing::NameTaken),
            ("UpdateFunctionCode", "ResourceConflictException", "An update is in progress", Passing::Busy),
            (
                "ModifyDBInstance",
                "InvalidDBInstanceState",
                "Database instance is not in available state.",
                Passing::StorageSettles,
            ),
            (
                "ModifyDBInstance",
                "InvalidParameterCombination",
                "You can't currently modify the storage of this DB instance because the previous storage change is being optimized.",
                Passing::StorageSettles,
            ),
            ("DeleteDBInstance", "InvalidDBInstanceState", "Instance orders is currently creating", Passing::Busy),
            (
                "CreateDBInstance",
                "InvalidParameterValue",
                "Invalid security group , groupId= sg-1, groupName=.",
                Passing::NotShownYet,
            ),
            (
                "CreateDBSubnetGroup",
                "InvalidSubnet",
                "Some input subnets in :[subnet-1] are invalid.",
                Passing::NotShownYet,
            ),
            (
                "UpdateTimeToLive",
                "ValidationException",
                "Time to live has been modified multiple times within a fixed interval",
                Passing::TimeToLiveSettles,
            ),
            ("CreateTable", "ResourceInUseException", "Table already exists: orders", Passing::NameTaken),
            ("DeleteVpc", "DependencyViolation", "The vpc has dependencies", Passing::Busy),
        ] {
            let error = refused(operation, code, message);
            assert_eq!(Passing::of(&error), Some(expected), "{operation} {code}");
            assert!(!error.class.needs_a_person(), "{operation} {code}: {:?}", error.class);
            assert!(!error.next_step().is_empty() && !expected.beyond().is_empty());
        }
    }

    #[test]
    fn what_only_another_spec_or_account_can_end_does_not_pass() {
        for (operation, code, message) in [
            ("RunInstances", "InvalidParameterValue", "Invalid value 'x' for instanceType."),
            ("RunInstances", "InvalidAMIID.NotFound", "The image id '[ami-1]' does not exist"),
            ("RunInstances", "InvalidKeyPair.NotFound", "The key pair 'k' does not exist"),
            ("CreateRole", "MalformedPolicyDocument", "Syntax errors in policy."),
            ("PutBucketPolicy", "MalformedPolicy", "Policy has invalid resource"),
            ("CreateBucket", "BucketAlreadyExists", "The requested bucket name is not available."),
            ("ModifyDBInstance", "InvalidParameterCombination", "Iops is not supported for this storage type"),
            ("CreateSubnet", "InvalidSubnet.Conflict", "The CIDR conflicts with another subnet"),
        ] {
            let error = refused(operation, code, message);
            assert_eq!(Passing::of(&error), None, "{operation} {code}");
            assert!(error.class.needs_a_person(), "{operation} {code}: {:?}", error.class);
        }
    }
}
