//! What an AwsAccount says about the policy of its role.

use crate::api::account::AwsAccount;
use crate::api::guardrails::{Guardrails, ORDINARY_KINDS};
use crate::guardrails::identities::role_of;
use crate::kinds::KindName;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Why the AwsAccount could not be read.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The file could not be read.
    #[error("{path} cannot be read: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file is no YAML.
    #[error("{path} is no YAML: {error}")]
    NoYaml {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: String,
    },
    /// The AwsAccount does not parse.
    #[error("the AwsAccount in {path} cannot be read: {error}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: serde_json::Error,
    },
    /// There is not exactly one AwsAccount.
    #[error("{path} must hold one AwsAccount, and holds {count}; a policy is for one account")]
    NotOne {
        /// The file.
        path: PathBuf,
        /// How many it holds.
        count: usize,
    },
}

/// Reads the one AwsAccount of a file of manifests, or of standard input where the path is `-`.
///
/// # Errors
/// [`AccountError`] where it cannot be read, or there is none or more than one.
pub fn read(path: &Path) -> Result<AwsAccount, AccountError> {
    let unreadable = |error| AccountError::Unreadable { path: path.to_owned(), error };
    let mut text = String::new();
    match path == Path::new("-") {
        true => std::io::stdin().read_to_string(&mut text).map(drop).map_err(unreadable)?,
        false => text = std::fs::read_to_string(path).map_err(unreadable)?,
    }
    let documents = serde_saphyr::from_multiple::<Value>(&text)
        .map_err(|error| AccountError::NoYaml { path: path.to_owned(), error: error.to_string() })?;
    let mut accounts: Vec<Value> = documents.into_iter().filter(|document| document["kind"] == "AwsAccount").collect();
    match (accounts.pop(), accounts.len()) {
        (Some(account), 0) => {
            serde_json::from_value(account).map_err(|error| AccountError::Invalid { path: path.to_owned(), error })
        }
        (None, _) => Err(AccountError::NotOne { path: path.to_owned(), count: 0 }),
        (Some(_), further) => Err(AccountError::NotOne { path: path.to_owned(), count: further + 1 }),
    }
}

/// What follows from an AwsAccount.
#[derive(Clone, Debug, Default)]
pub struct Bounds {
    /// The kinds that its guardrails allow to anybody.
    pub kinds: Vec<KindName>,
    /// The ARNs of the roles in the account that the controller acts through.
    pub own: Vec<String>,
    /// The ARNs of the roles that AwsResources may declare, as patterns; all where empty.
    pub declared: Vec<String>,
    /// The ARNs of the roles that may be given to resources besides those, as patterns.
    pub passable: Vec<String>,
    /// The permissions boundary that every role must have.
    pub boundary: Option<String>,
}

impl Bounds {
    /// The bounds of an account.
    pub fn of(account: &AwsAccount) -> Self {
        let spec = &account.spec;
        let rules = spec.guardrails.clone().unwrap_or_default();
        let own = own(account);
        let partition = own.first().and_then(|arn| arn.split(':').nth(1)).unwrap_or("aws").to_owned();
        let in_any_path = |pattern: &String| any_path(&partition, &spec.account_id, pattern);
        Self {
            kinds: allowed(&rules),
            declared: rules.role_name_pattern.iter().flat_map(in_any_path).collect(),
            own,
            passable: rules.passable_roles,
            boundary: rules.required_permissions_boundary,
        }
    }
}

fn allowed(rules: &Guardrails) -> Vec<KindName> {
    let ordinary = [ORDINARY_KINDS.to_owned()];
    let named: BTreeSet<&String> = match &rules.allowed_kinds {
        None => ordinary.iter().collect(),
        Some(items) => items.iter().flat_map(|item| &item.kinds).collect(),
    };
    let is_named = |kind: &&KindName| {
        named.iter().any(|name| match name.as_str() {
            ORDINARY_KINDS => !kind.grants_access(),
            name => name == kind.as_str(),
        })
    };
    KindName::ALL.iter().filter(is_named).copied().collect()
}

/// The roles of the account that its credentials name, and the one that AWS has confirmed. The ARN of an assumed
/// role does not show the role's path, so that one stands for every path.
fn own(account: &AwsAccount) -> Vec<String> {
    let here = |arn: &&String| role_of(arn).is_some_and(|(number, _)| number == account.spec.account_id);
    let roles = account.spec.credentials.iter().flat_map(|credentials| credentials.roles());
    let mut own: Vec<String> = roles.map(|role| &role.role_arn).filter(here).cloned().collect();
    let confirmed = account.status.as_ref().and_then(|status| status.identity_arn.as_ref()).filter(here);
    if let Some((arn, (number, name))) = confirmed.and_then(|arn| Some((arn, role_of(arn)?))) {
        let known = own.iter().any(|arn| role_of(arn).is_some_and(|(_, own)| own.eq_ignore_ascii_case(name)));
        let partition = arn.split(':').nth(1).unwrap_or("aws");
        own.extend(any_path(partition, number, name).into_iter().filter(|_| !known));
    }
    own
}

fn any_path(partition: &str, account_id: &str, name: &str) -> [String; 2] {
    ["role/", "role/*/"].map(|path| format!("arn:{partition}:iam::{account_id}:{path}{name}"))
}
