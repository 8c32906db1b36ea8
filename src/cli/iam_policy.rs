//! `ccagi-aws-agent iam-policy`: the least that a role needs, as an IAM policy document.

use crate::aws::tags::MANAGED;
use crate::kinds::KindName;
use clap::Args;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Whose actions the policy allows.
#[derive(Args, Debug)]
pub struct IamPolicyConfig {
    /// Kinds that the account may hold, by their names or members, such as `S3Bucket` or `s3Bucket`;
    /// all where absent.
    #[arg(long, value_delimiter = ',', value_parser = kind)]
    kinds: Vec<KindName>,

    /// Allow what `ccagi-aws-agent orphans` needs too.
    #[arg(long)]
    orphans: bool,
}

fn kind(text: &str) -> Result<KindName, String> {
    let named = |kind: &&KindName| kind.as_str() == text || kind.member() == text;
    KindName::ALL.iter().find(named).copied().ok_or_else(|| {
        let all: Vec<&str> = KindName::ALL.iter().map(|kind| kind.as_str()).collect();
        format!("there is no such kind; there are {}", all.join(", "))
    })
}

/// The services whose resources carry tags that IAM can ask for where a resource is deleted or stopped
/// (Service Authorization Reference, condition key `aws:ResourceTag`). A bucket's tags count only once
/// its owner has switched that on, so that S3 is not among them.
const TELL_BY_TAG: &[&str] = &["dynamodb", "ec2", "iam", "lambda", "rds"];

/// How the names of actions begin that end a resource, or interrupt it.
const ENDING: &[&str] = &["Delete", "Detach", "Release", "Stop", "Terminate"];

/// The services that instances and functions hand their roles to.
const PASSED_TO: &[&str] = &["ec2.amazonaws.com", "lambda.amazonaws.com"];

/// The policy for the role of an `AwsAccount`: exactly the actions that the kinds' calls need. What is
/// not tagged as managed can be neither deleted nor stopped with it, where AWS can tell, and roles are
/// handed to no other service than the kinds do. The identity check needs no action
/// (`sts:GetCallerIdentity` is always allowed).
pub fn policy(config: &IamPolicyConfig) -> Value {
    let kinds = if config.kinds.is_empty() { KindName::ALL } else { &config.kinds };
    let listing = kinds.iter().filter(|_| config.orphans).flat_map(|kind| kind.listing_actions());
    let actions: BTreeSet<&str> = kinds.iter().flat_map(|kind| kind.iam_actions()).chain(listing).copied().collect();
    let chosen = |condition: Condition| -> Vec<&str> {
        actions.iter().filter(|action| Condition::of(action) == condition).copied().collect()
    };
    let statement = |sid: &str, condition: Condition, text: Option<Value>| {
        let actions = chosen(condition);
        let mut statement = json!({"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": "*"});
        if let Some(text) = text {
            statement["Condition"] = json!({"StringEquals": text});
        }
        (!actions.is_empty()).then_some(statement)
    };
    let statements: Vec<Value> = [
        statement("CcagiAwsAgent", Condition::None, None),
        statement("CcagiManagedOnly", Condition::Managed, Some(json!({format!("aws:ResourceTag/{MANAGED}"): "true"}))),
        statement("CcagiPassRole", Condition::PassedTo, Some(json!({"iam:PassedToService": PASSED_TO}))),
    ]
    .into_iter()
    .flatten()
    .collect();
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// What an action is allowed under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    /// Nothing further.
    None,
    /// That the resource is tagged as managed.
    Managed,
    /// That the role is for one of the services that kinds hand roles to.
    PassedTo,
}

impl Condition {
    fn of(action: &str) -> Self {
        let (service, name) = action.split_once(':').unwrap_or_default();
        match name {
            "PassRole" => Self::PassedTo,
            // Tags are taken off what is let go, and are what the condition asks for.
            "DeleteTags" => Self::None,
            _ if TELL_BY_TAG.contains(&service) && ENDING.iter().any(|verb| name.starts_with(verb)) => Self::Managed,
            _ => Self::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actions(kinds: Vec<KindName>) -> Vec<String> {
        let policy = policy(&IamPolicyConfig { kinds, orphans: false });
        let statements = policy["Statement"].as_array().unwrap();
        statements
            .iter()
            .flat_map(|statement| serde_json::from_value::<Vec<String>>(statement["Action"].clone()).unwrap())
            .collect()
    }

    #[test]
    fn what_ends_a_resource_is_allowed_on_managed_ones_only() {
        assert_eq!(Condition::of("ec2:TerminateInstances"), Condition::Managed);
        assert_eq!(Condition::of("rds:DeleteDBInstance"), Condition::Managed);
        assert_eq!(Condition::of("s3:DeleteBucket"), Condition::None);
        assert_eq!(Condition::of("ec2:DeleteTags"), Condition::None);
        let all = policy(&IamPolicyConfig { kinds: vec![], orphans: false });
        let managed = all["Statement"].as_array().unwrap().iter().find(|one| one["Sid"] == "CcagiManagedOnly").unwrap();
        assert_eq!(managed["Condition"]["StringEquals"]["aws:ResourceTag/CcagiManaged"], "true");
    }

    #[test]
    fn a_kind_brings_its_own_actions_and_no_others() {
        let bucket = actions(vec![KindName::S3Bucket]);
        assert!(bucket.contains(&"s3:CreateBucket".to_owned()));
        assert!(bucket.iter().all(|action| action.starts_with("s3:")));
        assert!(actions(vec![]).len() > bucket.len(), "without a choice all kinds are meant");
    }

    #[test]
    fn what_only_the_search_for_orphans_needs_is_allowed_where_it_is_asked_for() {
        let text = |orphans| policy(&IamPolicyConfig { kinds: vec![KindName::S3Bucket], orphans }).to_string();
        assert!(text(true).contains("s3:ListAllMyBuckets"));
        assert!(!text(false).contains("s3:ListAllMyBuckets"));
        assert!(!text(true).contains("iam:"), "other kinds' actions stay out");
    }

    #[test]
    fn a_kind_is_named_as_in_status_or_as_in_the_manifest() {
        assert_eq!(kind("s3Bucket").unwrap(), KindName::S3Bucket);
        assert_eq!(kind("S3Bucket").unwrap(), KindName::S3Bucket);
        assert!(kind("Bucket").unwrap_err().contains("S3Bucket"));
    }
}
