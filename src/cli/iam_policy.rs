//! `ccagi-aws-agent iam-policy`: the least that a role needs, as an IAM policy document.

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
}

fn kind(text: &str) -> Result<KindName, String> {
    let named = |kind: &&KindName| kind.as_str() == text || kind.member() == text;
    KindName::ALL.iter().find(named).copied().ok_or_else(|| {
        let all: Vec<&str> = KindName::ALL.iter().map(|kind| kind.as_str()).collect();
        format!("there is no such kind; there are {}", all.join(", "))
    })
}

/// The policy for the role of an `AwsAccount`: exactly the actions that the kinds' calls need. The
/// identity check needs none (`sts:GetCallerIdentity` is always allowed).
pub fn policy(config: &IamPolicyConfig) -> Value {
    let kinds = if config.kinds.is_empty() { KindName::ALL } else { &config.kinds };
    let actions: BTreeSet<&str> = kinds.iter().flat_map(|kind| kind.iam_actions()).copied().collect();
    json!({
        "Version": "2012-10-17",
        "Statement": [{"Sid": "CcagiAwsAgent", "Effect": "Allow", "Action": actions, "Resource": "*"}],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actions(kinds: Vec<KindName>) -> Vec<String> {
        let policy = policy(&IamPolicyConfig { kinds });
        serde_json::from_value(policy["Statement"][0]["Action"].clone()).unwrap()
    }

    #[test]
    fn a_kind_brings_its_own_actions_and_no_others() {
        let bucket = actions(vec![KindName::S3Bucket]);
        assert!(bucket.contains(&"s3:CreateBucket".to_owned()));
        assert!(bucket.iter().all(|action| action.starts_with("s3:")));
        assert!(actions(vec![]).len() > bucket.len(), "without a choice all kinds are meant");
    }

    #[test]
    fn a_kind_is_named_as_in_status_or_as_in_the_manifest() {
        assert_eq!(kind("s3Bucket").unwrap(), KindName::S3Bucket);
        assert_eq!(kind("S3Bucket").unwrap(), KindName::S3Bucket);
        assert!(kind("Bucket").unwrap_err().contains("S3Bucket"));
    }
}
