//! What users may write about a role.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// An IAM role. Only the settings named here are managed; all others are left alone. Roles belong to
/// the account as a whole: the region of the object does not matter.
///
/// Outputs: `arn`, `roleName` and `roleId`; `instanceProfileArn` where `instanceProfile` is true.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.roleName == oldSelf.roleName").message("iamRole.roleName is immutable: a role cannot be renamed; declare a new object"),
    validation = Rule::new("has(self.path) == has(oldSelf.path) && (!has(self.path) || self.path == oldSelf.path)").message("iamRole.path is immutable and cannot be added or removed: a role cannot be moved; declare a new object")
)]
pub struct IamRoleSpec {
    /// The role's name, unique in its account whatever the case of its letters. By the IAM naming
    /// rules: 1 to 64 letters, digits and any of `_+=,.@-`.
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z0-9_+=,.@-]+$"))]
    pub role_name: String,
    /// The path in which the role's ARN places it, such as `/shop/`. A new role gets `/` where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512), regex(pattern = r"^/([!-~]+/)?$"))]
    pub path: Option<String>,
    /// What the role is for; an empty text takes the description away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000), regex(pattern = r"^[\t\n\r\x20-\x7E\x{A1}-\x{FF}]*$"))]
    pub description: Option<String>,
    /// Who may assume the role: the trust policy as a JSON document, compared by meaning, not by its
    /// text. AWS counts at most 2048 characters without blanks, unless a higher quota was granted.
    #[schemars(length(min = 2, max = 16384), regex(pattern = r"^[\t\n\r\x20-\x{FF}]*$"))]
    #[x_kube(validation = crate::kinds::policy_document::is_object("assumeRolePolicy"))]
    pub assume_role_policy: String,
    /// The policies that are part of the role. All of them are named here: others are removed, and an
    /// empty list removes them all. AWS counts at most 10240 characters for all of them without blanks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 50))]
    #[x_kube(
        merge_strategy = ListMerge::Atomic,
        validation = Rule::new("self.all(one, self.exists_one(other, other.name == one.name))").message("every item of inlinePolicies must have a name of its own")
    )]
    pub inline_policies: Option<Vec<InlinePolicy>>,
    /// The ARNs of the managed policies that are attached. All of them are named here: others are
    /// detached, and an empty list detaches them all. AWS allows 10 unless a higher quota was granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 25),
        inner(length(min = 20, max = 2048), regex(pattern = r"^arn:[a-z-]+:iam::([0-9]{12}|aws):policy/[!-~]+$"))
    )]
    #[x_kube(
        merge_strategy = ListMerge::Atomic,
        validation = Rule::new("self.all(one, self.exists_one(other, other == one))").message("every item of managedPolicyArns must be there once")
    )]
    pub managed_policy_arns: Option<Vec<String>>,
    /// The ARN of the managed policy that bounds what the role can ever be permitted; an empty text
    /// takes the boundary away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048), regex(pattern = r"^(arn:[a-z-]+:iam::([0-9]{12}|aws):policy/[!-~]+)?$"))]
    pub permissions_boundary: Option<String>,
    /// The longest session of the role in seconds, 3600 to 43200. A new role has 3600 where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 3600, max = 43200))]
    pub max_session_duration_seconds: Option<i32>,
    /// Whether EC2 instances can have the role: an instance profile of the role's name is made, or
    /// removed where false is written. A profile of that name that others made is never written to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_profile: Option<bool>,
}

/// A policy that is part of the role.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InlinePolicy {
    /// The policy's name in the role.
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[A-Za-z0-9_+=,.@-]+$"))]
    pub name: String,
    /// What the role may do, as a JSON document; compared by meaning, not by its text.
    #[schemars(length(min = 2, max = 16384), regex(pattern = r"^[\t\n\r\x20-\x{FF}]*$"))]
    #[x_kube(validation = crate::kinds::policy_document::is_object("document"))]
    pub document: String,
}

impl IamRoleSpec {
    /// The inline policies that are named.
    pub(super) fn policies(&self) -> &[InlinePolicy] {
        self.inline_policies.as_deref().unwrap_or_default()
    }

    /// The managed policies that are named.
    pub(super) fn managed(&self) -> &[String] {
        self.managed_policy_arns.as_deref().unwrap_or_default()
    }
}
