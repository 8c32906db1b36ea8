//! `ccagi-aws-agent iam-policy`: the least that a role needs, as an IAM policy document.

mod account;

use self::account::{AccountError, Bounds};
use crate::aws::tags::MANAGED;
use crate::kinds::KindName;
use clap::Args;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Whose actions the policy allows.
#[derive(Args, Debug)]
pub struct IamPolicyConfig {
    /// Kinds that the account may hold, by their names or members, such as `S3Bucket` or `s3Bucket`; those
    /// that the AwsAccount allows, or all, where absent.
    #[arg(long, value_delimiter = ',', value_parser = kind)]
    kinds: Vec<KindName>,

    /// Allow what `ccagi-aws-agent orphans` needs too.
    #[arg(long)]
    orphans: bool,

    /// The manifest of the AwsAccount whose role it is for, `-` for standard input. What its guardrails say
    /// makes the policy narrower: roles as they bound them, and nothing for the controller's own.
    #[arg(long, short, value_name = "FILE")]
    filename: Option<PathBuf>,
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

/// The actions that make a role what it is (Service Authorization Reference, "Actions defined by AWS Identity and
/// Access Management"). They are bounded by a role's name, and denied on the controller's own.
const ROLE_WRITES: &[&str] = &[
    "iam:AttachRolePolicy",
    "iam:CreateRole",
    "iam:DeleteRole",
    "iam:DeleteRolePermissionsBoundary",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:PutRolePermissionsBoundary",
    "iam:PutRolePolicy",
    "iam:TagRole",
    "iam:UntagRole",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateRole",
];

/// Those by which a role comes to rights, which the condition key `iam:PermissionsBoundary` can bound.
const BOUNDED: &[&str] =
    &["iam:AttachRolePolicy", "iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"];

/// Hands a role to a service.
const PASS_ROLE: &str = "iam:PassRole";

/// Takes the boundary off a role.
const UNBIND: &str = "iam:DeleteRolePermissionsBoundary";

/// The policy for the role of an `AwsAccount`: exactly the actions that the kinds' calls need. What is
/// not tagged as managed can be neither deleted nor stopped with it, where AWS can tell, and roles are
/// handed to no other service than the kinds do. Where the account is given, it has no more than its
/// guardrails let AwsResources do. The identity check needs no action (`sts:GetCallerIdentity` is always
/// allowed).
///
/// # Errors
/// [`AccountError`] where the AwsAccount cannot be read.
pub fn policy(config: &IamPolicyConfig) -> Result<Value, AccountError> {
    let bounds = config.filename.as_deref().map(account::read).transpose()?.map(|account| Bounds::of(&account));
    Ok(document(config, bounds.as_ref()))
}

fn document(config: &IamPolicyConfig, bounds: Option<&Bounds>) -> Value {
    let kinds: &[KindName] = match (config.kinds.as_slice(), bounds) {
        ([], Some(bounds)) => &bounds.kinds,
        ([], None) => KindName::ALL,
        (chosen, _) => chosen,
    };
    let listing = kinds.iter().filter(|_| config.orphans).flat_map(|kind| kind.listing_actions());
    let actions: BTreeSet<&str> = kinds.iter().flat_map(|kind| kind.iam_actions()).chain(listing).copied().collect();
    let writes_roles = actions.contains("iam:CreateRole");
    let mut statements: BTreeMap<Condition, Vec<&str>> = BTreeMap::new();
    for action in actions {
        let bound = |bounds: &&Bounds| bounds.boundary.is_some();
        if action == UNBIND && bounds.as_ref().is_some_and(bound) {
            continue;
        }
        statements.entry(Condition::of(action, bounds)).or_default().push(action);
    }
    let allowed =
        statements.iter().filter_map(|(condition, actions)| condition.statement(actions, bounds, writes_roles));
    let denied = bounds.filter(|bounds| !bounds.own.is_empty()).map(|bounds| {
        let actions: BTreeSet<&str> = ROLE_WRITES.iter().copied().chain([PASS_ROLE]).collect();
        json!({"Sid": "CcagiOwnRoles", "Effect": "Deny", "Action": actions, "Resource": bounds.own})
    });
    json!({"Version": "2012-10-17", "Statement": allowed.chain(denied).collect::<Vec<Value>>()})
}

/// What an action is allowed under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Condition {
    /// Nothing further.
    None,
    /// That the resource is tagged as managed.
    Managed,
    /// That the role has a name as the guardrails say.
    Named,
    /// Both.
    ManagedAndNamed,
    /// That the role has the permissions boundary, and its name where the guardrails say one.
    Bounded,
    /// That the role is for one of the services that kinds hand roles to, and may be handed on.
    PassedTo,
}

impl Condition {
    fn of(action: &str, bounds: Option<&Bounds>) -> Self {
        let (service, name) = action.split_once(':').unwrap_or_default();
        // Tags are taken off what is let go, and are what the condition asks for.
        let ends = name != "DeleteTags" && ENDING.iter().any(|verb| name.starts_with(verb));
        let managed = ends && TELL_BY_TAG.contains(&service);
        let named = ROLE_WRITES.contains(&action) && bounds.is_some_and(|bounds| !bounds.declared.is_empty());
        let bounded = BOUNDED.contains(&action) && bounds.is_some_and(|bounds| bounds.boundary.is_some());
        match (managed, named) {
            _ if action == PASS_ROLE => Self::PassedTo,
            _ if bounded => Self::Bounded,
            (true, true) => Self::ManagedAndNamed,
            (true, false) => Self::Managed,
            (false, true) => Self::Named,
            (false, false) => Self::None,
        }
    }

    fn sid(self) -> &'static str {
        match self {
            Self::None => "CcagiAwsAgent",
            Self::Managed => "CcagiManagedOnly",
            Self::Named => "CcagiNamedRoles",
            Self::ManagedAndNamed => "CcagiManagedRoles",
            Self::Bounded => "CcagiBoundedRoles",
            Self::PassedTo => "CcagiPassRole",
        }
    }

    /// The statement that allows the actions; `None` where there is nothing that they may be used on.
    fn statement(self, actions: &[&str], bounds: Option<&Bounds>, writes_roles: bool) -> Option<Value> {
        let everything = vec!["*".to_owned()];
        let declared = || bounds.map(|bounds| bounds.declared.clone()).filter(|named| !named.is_empty());
        let resources = match (self, bounds) {
            (Self::PassedTo, Some(bounds)) => match writes_roles {
                // Whatever role an object declares, others may refer to.
                true => declared().map_or(everything, |named| [named, bounds.passable.clone()].concat()),
                false => bounds.passable.clone(),
            },
            (Self::Named | Self::ManagedAndNamed | Self::Bounded, _) => declared().unwrap_or(everything),
            (Self::None | Self::Managed | Self::PassedTo, _) => everything,
        };
        let condition = match (self, bounds.and_then(|bounds| bounds.boundary.as_ref())) {
            (Self::Managed | Self::ManagedAndNamed, _) => Some(json!({format!("aws:ResourceTag/{MANAGED}"): "true"})),
            (Self::Bounded, Some(boundary)) => Some(json!({"iam:PermissionsBoundary": boundary})),
            (Self::PassedTo, _) => Some(json!({"iam:PassedToService": PASSED_TO})),
            (Self::None | Self::Named | Self::Bounded, _) => None,
        };
        let mut statement = json!({"Sid": self.sid(), "Effect": "Allow", "Action": actions, "Resource": resources});
        if resources == ["*"] {
            statement["Resource"] = "*".into();
        }
        if let Some(condition) = condition {
            statement["Condition"] = json!({"StringEquals": condition});
        }
        (!resources.is_empty()).then_some(statement)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(kinds: Vec<KindName>, orphans: bool) -> IamPolicyConfig {
        IamPolicyConfig { kinds, orphans, filename: None }
    }

    /// The policy for an account with these guardrails, as statements by their names.
    fn bounded(guardrails: &str) -> BTreeMap<String, Value> {
        let account = format!(
            "{{apiVersion: aws.ccagi.io/v1alpha1, kind: AwsAccount, metadata: {{name: shop}}, spec: {{accountId: '111122223333', defaultRegion: us-east-1, regions: [us-east-1], credentials: {{assumeRole: {{roleArn: 'arn:aws:iam::111122223333:role/CcagiAgentRole'}}}}, guardrails: {guardrails}}}}}"
        );
        let bounds = Bounds::of(&serde_saphyr::from_str(&account).unwrap());
        let document = document(&config(vec![], false), Some(&bounds));
        let statements = document["Statement"].as_array().unwrap().iter();
        statements.map(|one| (one["Sid"].as_str().unwrap().to_owned(), one.clone())).collect()
    }

    fn has(statement: &Value, action: &str) -> bool {
        statement["Action"].as_array().unwrap().iter().any(|one| one == action)
    }

    #[test]
    fn the_controllers_own_role_is_denied_and_no_role_is_handed_on_unless_one_may_be() {
        let plain = bounded("{}");
        assert_eq!(plain["CcagiOwnRoles"]["Effect"], "Deny");
        assert_eq!(plain["CcagiOwnRoles"]["Resource"], json!(["arn:aws:iam::111122223333:role/CcagiAgentRole"]));
        assert!(ROLE_WRITES.iter().chain(&[PASS_ROLE]).all(|action| has(&plain["CcagiOwnRoles"], action)));
        assert!(!plain.contains_key("CcagiPassRole"), "there is no role that could be handed on");
        assert!(!has(&plain["CcagiAwsAgent"], "iam:CreateRole"), "no namespace may declare roles");
        let passable = bounded("{passableRoles: ['arn:aws:iam::111122223333:role/app/*']}");
        assert_eq!(passable["CcagiPassRole"]["Resource"], json!(["arn:aws:iam::111122223333:role/app/*"]));
    }

    #[test]
    fn roles_are_bounded_by_their_names_and_their_boundary() {
        let boundary = "arn:aws:iam::111122223333:policy/Bounds";
        let policy = bounded(&format!(
            "{{allowedKinds: [{{kinds: [IamRole, LambdaFunction]}}], roleNamePattern: 'app-*', requiredPermissionsBoundary: '{boundary}'}}"
        ));
        let named = json!(["arn:aws:iam::111122223333:role/app-*", "arn:aws:iam::111122223333:role/*/app-*"]);
        let roles = &policy["CcagiBoundedRoles"];
        assert!(BOUNDED.iter().all(|action| has(roles, action)));
        assert_eq!(roles["Condition"]["StringEquals"]["iam:PermissionsBoundary"], boundary);
        for sid in ["CcagiBoundedRoles", "CcagiNamedRoles", "CcagiManagedRoles", "CcagiPassRole"] {
            assert_eq!(policy[sid]["Resource"], named, "{sid}");
        }
        assert!(policy.values().filter(|one| one["Effect"] == "Allow").all(|one| !has(one, UNBIND)));
        assert!(policy.values().all(|one| !has(one, "s3:CreateBucket")), "the kind is not allowed");
    }

    #[test]
    fn a_role_that_only_aws_has_named_is_denied_in_every_path() {
        let account = json!({
            "apiVersion": "aws.ccagi.io/v1alpha1", "kind": "AwsAccount", "metadata": {"name": "shop"},
            "spec": {"accountId": "111122223333", "defaultRegion": "us-east-1", "regions": ["us-east-1"]},
            "status": {"identityArn": "arn:aws:sts::111122223333:assumed-role/Controller/session"},
        });
        let bounds = Bounds::of(&serde_json::from_value(account).unwrap());
        let wanted = ["arn:aws:iam::111122223333:role/Controller", "arn:aws:iam::111122223333:role/*/Controller"];
        assert_eq!(bounds.own, wanted);
    }

    fn actions(kinds: Vec<KindName>) -> Vec<String> {
        let policy = document(&config(kinds, false), None);
        let statements = policy["Statement"].as_array().unwrap();
        statements
            .iter()
            .flat_map(|statement| serde_json::from_value::<Vec<String>>(statement["Action"].clone()).unwrap())
            .collect()
    }

    #[test]
    fn what_ends_a_resource_is_allowed_on_managed_ones_only() {
        assert_eq!(Condition::of("ec2:TerminateInstances", None), Condition::Managed);
        assert_eq!(Condition::of("rds:DeleteDBInstance", None), Condition::Managed);
        assert_eq!(Condition::of("s3:DeleteBucket", None), Condition::None);
        assert_eq!(Condition::of("ec2:DeleteTags", None), Condition::None);
        let all = document(&config(vec![], false), None);
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
        let text = |orphans| document(&config(vec![KindName::S3Bucket], orphans), None).to_string();
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
