//! Resolves an object: its account, its region, the right of its namespace to use them, and the
//! verified session. Reads the caches and, once per account, AWS.

use crate::api::account::{AwsAccount, AwsAccountSpec};
use crate::api::commands;
use crate::api::names::not_a_name;
use crate::api::resource::AwsResource;
use crate::aws::session::{Aws, SessionError};
use crate::guardrails::namespaces::namespace_is_allowed;
use crate::lifecycle::context::Context;
use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Why an object cannot be worked on. AWS was not touched.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// It can be the name of no AwsAccount.
    #[error("spec.accountRef.name: {0}")]
    MisnamedAccount(String),
    /// There is no AwsAccount of that name.
    #[error("spec.accountRef.name: there is no AwsAccount {0}")]
    UnknownAccount(String),
    /// The AwsAccount is stored in a form that this version cannot read.
    #[error("spec.accountRef.name: the AwsAccount {name} cannot be read: {error}")]
    UnreadableAccount {
        /// The account's name.
        name: String,
        /// What is wrong with it.
        error: String,
    },
    /// The account does not let this namespace use it.
    #[error("spec.accountRef.name: the AwsAccount {account} does not allow the namespace {namespace}")]
    NamespaceNotAllowed {
        /// The account's name.
        account: String,
        /// The object's namespace.
        namespace: String,
    },
    /// The region is not one of the account's.
    #[error("spec.region: {region} is not among the regions of the AwsAccount {account} ({})", allowed.join(", "))]
    RegionNotAllowed {
        /// The region asked for.
        region: String,
        /// The account's name.
        account: String,
        /// The account's regions.
        allowed: Vec<String>,
    },
    /// The resource was made in an account that is not the one the AwsAccount now declares.
    #[error("the resource was made in account {made_in}, but the AwsAccount {account} declares {declared}")]
    AccountChanged {
        /// The account in the intent.
        made_in: String,
        /// The AwsAccount's name.
        account: String,
        /// The account it declares.
        declared: String,
    },
    /// There is no session for the account.
    #[error("the AwsAccount {account} cannot be used: {error}")]
    NoSession {
        /// The account's name.
        account: String,
        /// Why.
        error: SessionError,
    },
}

impl ResolveError {
    /// The CamelCase reason for conditions and Events.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::MisnamedAccount(_) => "InvalidSpec",
            Self::UnknownAccount(_) => "UnknownAccount",
            Self::UnreadableAccount { .. } => "UnreadableAccount",
            Self::NamespaceNotAllowed { .. } => "NamespaceNotAllowed",
            Self::RegionNotAllowed { .. } => "RegionNotAllowed",
            Self::AccountChanged { .. } => "AccountChanged",
            Self::NoSession { error, .. } => error.reason(),
        }
    }

    /// Whether a person has to act.
    pub fn needs_a_person(&self) -> bool {
        match self {
            Self::NoSession { error, .. } => error.needs_a_person(),
            _ => true,
        }
    }

    /// What that person can do.
    pub fn next_step(&self) -> Cow<'static, str> {
        match self {
            Self::MisnamedAccount(_) => "It cannot be changed: delete the object and declare it anew.".into(),
            Self::UnknownAccount(_) => {
                format!("Create the AwsAccount, or name one that exists ({}).", commands::list_accounts()).into()
            }
            Self::UnreadableAccount { .. } => "Correct the AwsAccount.".into(),
            Self::NamespaceNotAllowed { .. } => {
                "Add the namespace to the account's allowedNamespaces, or set deletionPolicy: Retain to let a deleted object go.".into()
            }
            Self::RegionNotAllowed { .. } => {
                "Add the region to the account's regions, or declare the object in another.".into()
            }
            Self::AccountChanged { .. } => {
                "Refer to an AwsAccount that declares the account the resource was made in.".into()
            }
            Self::NoSession { account, .. } => {
                format!("What is wrong with its credentials shows: {}", commands::describe_account(account)).into()
            }
        }
    }
}

/// The session of an object in its account and region.
///
/// # Errors
/// [`ResolveError`] says what is missing; nothing was done in AWS.
pub async fn resolve(object: &AwsResource, cx: &Context) -> Result<Aws, ResolveError> {
    let name = &object.spec.account_ref.name;
    if let Some(problem) = not_a_name(name) {
        return Err(ResolveError::MisnamedAccount(problem));
    }
    let account = find_account(name, cx)?;
    let namespace = object.namespace().unwrap_or_default();
    if !namespace_is_allowed(account.spec.allowed_namespaces.as_ref(), &namespace, &namespace_labels(&namespace, cx)) {
        return Err(ResolveError::NamespaceNotAllowed { account: name.clone(), namespace });
    }
    let region = region_of(object, &account.spec);
    if !account.spec.regions.contains(&region) {
        return Err(ResolveError::RegionNotAllowed {
            region,
            account: name.clone(),
            allowed: account.spec.regions.clone(),
        });
    }
    let intent = object.status.as_ref().and_then(|status| status.intent.as_ref());
    if let Some(intent) = intent.filter(|intent| intent.account_id != account.spec.account_id) {
        return Err(ResolveError::AccountChanged {
            made_in: intent.account_id.clone(),
            account: name.clone(),
            declared: account.spec.account_id.clone(),
        });
    }
    cx.sessions
        .session(&account.spec, &region)
        .await
        .map_err(|error| ResolveError::NoSession { account: name.clone(), error })
}

pub(super) fn find_account(name: &str, cx: &Context) -> Result<AwsAccount, ResolveError> {
    let Some(guard) = cx.accounts.get(&ObjectRef::new(name)) else {
        return Err(ResolveError::UnknownAccount(name.to_owned()));
    };
    match &guard.0 {
        Ok(account) => Ok(account.clone()),
        Err(invalid) => Err(ResolveError::UnreadableAccount { name: name.to_owned(), error: invalid.error.clone() }),
    }
}

/// The region of the object: as declared, or where its resource was made before the account's
/// default changed, or the account's default.
pub fn region_of(object: &AwsResource, account: &AwsAccountSpec) -> String {
    let made_in = object.status.as_ref().and_then(|status| status.intent.as_ref()).map(|intent| &intent.region);
    object.spec.region.as_ref().or(made_in).unwrap_or(&account.default_region).clone()
}

pub(super) fn namespace_labels(namespace: &str, cx: &Context) -> BTreeMap<String, String> {
    cx.namespaces.get(&ObjectRef::new(namespace)).map(|found| found.labels().clone()).unwrap_or_default()
}
