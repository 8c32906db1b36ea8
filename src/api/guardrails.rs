//! The guardrails of an `AwsAccount`: what the people who run the platform let those do who may write
//! AwsResources in its namespaces. Each rule is a field of its own, so that further rules stand beside it.

use crate::api::account::AllowedNamespaces;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// What stands for every kind that grants no access, in [`KindRule::kinds`].
pub const ORDINARY_KINDS: &str = "*";

/// What AwsResources of the account may do. A rule that is absent permits the least: no kind that grants
/// access, no adoption, no role by its ARN.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Guardrails {
    /// Which kinds may be declared, by namespace. Where absent, all that grant no access to the account,
    /// which leaves out IamRole. Where given, a namespace may declare the kinds of all items that name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 50))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub allowed_kinds: Option<Vec<KindRule>>,
    /// Who may take over resources that exist already, by adoptionPolicy or resourceId. Where absent,
    /// nobody may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adoption: Option<AdoptionRule>,
    /// The roles that functions and instances may be given by ARN, name or instance profile, as ARN
    /// patterns in which `*` stands for any characters. Where absent, none: a role is then given by a
    /// reference to an IamRole of the same namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 50),
        inner(
            length(min = 20, max = 2048),
            regex(pattern = r"^arn:(aws[a-z-]*|\*):iam::([0-9]{12}|\*):role/[A-Za-z0-9+=,.@_/*-]+$")
        )
    )]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub passable_roles: Vec<String>,
    /// The ARN of the managed policy that every IamRole must name as its permissionsBoundary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 20, max = 2048), regex(pattern = r"^arn:[a-z-]+:iam::([0-9]{12}|aws):policy/[!-~]+$"))]
    pub required_permissions_boundary: Option<String>,
    /// What the roleName of every IamRole must look like; `*` stands for any characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z0-9_+=,.@*-]+$"))]
    pub role_name_pattern: Option<String>,
}

/// Kinds that namespaces may declare.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KindRule {
    /// Kinds by name, as in `status.kind`. `*` stands for all that grant no access to the account; a kind
    /// that does is only ever permitted by its name.
    #[schemars(
        length(min = 1, max = 50),
        inner(length(min = 1, max = 64), regex(pattern = r"^(\*|[A-Z][A-Za-z0-9]*)$"))
    )]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub kinds: Vec<String>,
    /// The namespaces; all that the account allows where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<AllowedNamespaces>,
}

/// Who may take over what exists.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AdoptionRule {
    /// The namespaces whose objects may.
    pub namespaces: AllowedNamespaces,
}
