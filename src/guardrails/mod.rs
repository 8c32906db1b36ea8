//! What those may do who write AwsResources, by the guardrails of the AwsAccount that they use. Pure: what is
//! declared, and which roles the controller acts through, comes in; what is denied, and why, goes out.
//!
//! The chart's admission policy refuses by the same rules what one object shows; the lifecycle judges again
//! before every write.

pub mod identities;
pub mod namespaces;
pub mod pattern;

use crate::api::guardrails::{Guardrails, ORDINARY_KINDS};
use crate::kinds::{DeclaredRole, KindName};
use identities::Identities;
use namespaces::namespace_is_allowed;
use pattern::covers;
use std::collections::BTreeMap;
use std::fmt;

/// What an object asks for.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// The name of its AwsAccount.
    pub account: &'a str,
    /// The account's twelve digits.
    pub account_id: &'a str,
    /// Its namespace.
    pub namespace: &'a str,
    /// The labels of its namespace.
    pub labels: &'a BTreeMap<String, String>,
    /// Its kind.
    pub kind: KindName,
    /// Whether the controller may write anything for it, which it may not where it only observes.
    pub writes: bool,
    /// The field by which it would take over what exists.
    pub adopts_by: Option<&'static str>,
    /// The role that it declares.
    pub role: Option<DeclaredRole<'a>>,
    /// By which other names it would find that role: the id that it gives, and the one on record.
    pub role_ids: &'a [(&'static str, &'a str)],
    /// The roles that the resource is given.
    pub given: &'a [GivenRole],
}

/// A role that a resource is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenRole {
    /// The field that says so, from the kind block down.
    pub field: &'static str,
    /// The role's ARN; `None` where it is not made yet.
    pub arn: Option<String>,
    /// Whether an object of the same namespace has made the role, and keeps it.
    pub of_the_namespace: bool,
}

/// The rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// No manifest touches a role that the controller acts through. It needs no guardrails, and none lift it.
    OwnIdentities,
    /// `allowedKinds`.
    AllowedKinds,
    /// `adoption`.
    Adoption,
    /// `passableRoles`.
    PassableRoles,
    /// `requiredPermissionsBoundary`.
    RequiredPermissionsBoundary,
    /// `roleNamePattern`.
    RoleNamePattern,
}

/// One thing that is denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The rule.
    pub rule: Rule,
    /// The AwsAccount's name.
    pub account: String,
    /// The field, from the object down.
    pub field: String,
    /// Why, in words that follow the field.
    pub why: String,
    /// What a person can do, in a whole sentence.
    pub next_step: String,
}

impl fmt::Display for Denial {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, field, why, next_step, .. } = self;
        match self.rule.field() {
            Some(rule) => write!(to, "{field}: {why}, by guardrails.{rule} of the AwsAccount {account}. {next_step}"),
            None => write!(to, "{field}: {why}. {next_step}"),
        }
    }
}

impl Rule {
    /// The member of the guardrails; `None` for the rule that holds without any.
    pub fn field(self) -> Option<&'static str> {
        match self {
            Self::OwnIdentities => None,
            Self::AllowedKinds => Some("allowedKinds"),
            Self::Adoption => Some("adoption"),
            Self::PassableRoles => Some("passableRoles"),
            Self::RequiredPermissionsBoundary => Some("requiredPermissionsBoundary"),
            Self::RoleNamePattern => Some("roleNamePattern"),
        }
    }
}

/// All that is denied of what is asked for; empty where it may be done.
pub fn denied(rules: &Guardrails, own: &Identities, asked: &Asked<'_>) -> Vec<Denial> {
    let mut denials = Vec::new();
    denials.extend(kind(rules, asked));
    if !asked.writes {
        // Who only observes changes nothing in AWS, whatever it names.
        return denials;
    }
    denials.extend(adoption(rules, asked));
    for given in asked.given {
        denials.extend(giving(rules, own, asked, given));
    }
    if let Some(role) = asked.role {
        denials.extend(own_role(own, asked, role));
        denials.extend(boundary(rules, asked, role));
        denials.extend(role_name(rules, asked, role));
    }
    denials
}

/// Whether a namespace may declare resources of a kind.
pub fn kind_is_allowed(rules: &Guardrails, kind: KindName, namespace: &str, labels: &BTreeMap<String, String>) -> bool {
    let names = |listed: &String| match listed.as_str() {
        ORDINARY_KINDS => !kind.grants_access(),
        name => name == kind.as_str(),
    };
    match &rules.allowed_kinds {
        None => !kind.grants_access(),
        Some(items) => items.iter().any(|item| {
            let meant = item.namespaces.as_ref().is_none_or(|rule| namespace_is_allowed(Some(rule), namespace, labels));
            meant && item.kinds.iter().any(names)
        }),
    }
}

fn denial(rule: Rule, asked: &Asked<'_>, field: String, why: String, next_step: String) -> Denial {
    Denial { rule, account: asked.account.to_owned(), field, why, next_step }
}

fn kind(rules: &Guardrails, asked: &Asked<'_>) -> Option<Denial> {
    let Asked { kind, namespace, labels, account, .. } = asked;
    if kind_is_allowed(rules, *kind, namespace, labels) {
        return None;
    }
    let name = kind.as_str();
    let grants = if kind.grants_access() { ", which can grant access to the account," } else { "" };
    Some(denial(
        Rule::AllowedKinds,
        asked,
        format!("spec.{}", kind.member()),
        format!("the kind {name}{grants} is not allowed in the namespace {namespace}"),
        format!(
            "Ask those who run the platform to name {name} for this namespace in spec.guardrails.allowedKinds of the AwsAccount {account}. What exists in AWS stays as it is; the object can be deleted."
        ),
    ))
}

fn adoption(rules: &Guardrails, asked: &Asked<'_>) -> Option<Denial> {
    let field = asked.adopts_by?;
    let may = rules.adoption.as_ref().map(|rule| &rule.namespaces);
    if namespace_is_allowed(may, asked.namespace, asked.labels) {
        return None;
    }
    Some(denial(
        Rule::Adoption,
        asked,
        format!("spec.{field}"),
        format!("the namespace {} may not take over what exists in AWS", asked.namespace),
        format!(
            "Take the field out, observe only (managementPolicies: [Observe]), or ask those who run the platform to name the namespace in spec.guardrails.adoption of the AwsAccount {}.",
            asked.account
        ),
    ))
}

fn giving(rules: &Guardrails, own: &Identities, asked: &Asked<'_>, given: &GivenRole) -> Option<Denial> {
    let arn = given.arn.as_deref()?;
    let field = format!("spec.{}.{}", asked.kind.member(), given.field);
    if let Some(whose) = own.whose_arn(arn) {
        let why = format!("{arn} is a role that {whose} acts through, and is never given to a resource");
        return Some(denial(Rule::OwnIdentities, asked, field, why, "Give it another role.".into()));
    }
    if given.of_the_namespace || rules.passable_roles.iter().any(|pattern| covers(pattern, arn)) {
        return None;
    }
    Some(denial(
        Rule::PassableRoles,
        asked,
        field,
        format!("the role {arn} may not be given to a resource"),
        format!(
            "Refer to an IamRole of this namespace that makes its role, or ask those who run the platform to cover the ARN in spec.guardrails.passableRoles of the AwsAccount {}.",
            asked.account
        ),
    ))
}

fn own_role(own: &Identities, asked: &Asked<'_>, role: DeclaredRole<'_>) -> Option<Denial> {
    let declared = format!("spec.{}.roleName", asked.kind.member());
    let mut names = std::iter::once((declared.as_str(), role.name)).chain(asked.role_ids.iter().copied());
    let (field, name, whose) =
        names.find_map(|(field, name)| Some((field, name, own.whose(asked.account_id, name)?)))?;
    Some(denial(
        Rule::OwnIdentities,
        asked,
        field.to_owned(),
        format!("{name} is a role that {whose} acts through, and is never written to or deleted"),
        "Choose another name. To let the object go, set deletionPolicy: Retain and delete it; the role stays.".into(),
    ))
}

fn boundary(rules: &Guardrails, asked: &Asked<'_>, role: DeclaredRole<'_>) -> Option<Denial> {
    let required = rules.required_permissions_boundary.as_deref()?;
    if role.boundary == Some(required) {
        return None;
    }
    Some(denial(
        Rule::RequiredPermissionsBoundary,
        asked,
        format!("spec.{}.permissionsBoundary", asked.kind.member()),
        format!("it is not {required}"),
        format!("Set permissionsBoundary: {required}."),
    ))
}

fn role_name(rules: &Guardrails, asked: &Asked<'_>, role: DeclaredRole<'_>) -> Option<Denial> {
    let pattern = rules.role_name_pattern.as_deref()?;
    if covers(pattern, role.name) {
        return None;
    }
    Some(denial(
        Rule::RoleNamePattern,
        asked,
        format!("spec.{}.roleName", asked.kind.member()),
        format!("{} is not as {pattern} says", role.name),
        format!("Choose a name that {pattern} covers."),
    ))
}

#[cfg(test)]
mod tests;
