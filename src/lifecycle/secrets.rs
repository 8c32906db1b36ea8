//! Takes values from Secrets of an object's own namespace, and tells which of them AWS has not got.
//!
//! AWS tells no password, so what it was last given is remembered in the status by the Secret's UID,
//! resource version and key. The value itself is read only when it is about to be sent.

use crate::api::names::not_a_name;
use crate::api::resource::{Change, Effect, SecretKeyRef};
use crate::kinds::secrets::{SecretReference, Secrets};
use crate::lifecycle::error::PassError;
use k8s_openapi::api::core::v1::Secret;
use kube::core::ObjectMeta;
use kube::{Api, Client};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// What AWS was given, by the names of [`SecretReference::to`]: which key of which Secret in which version.
pub type Versions = BTreeMap<String, String>;

/// Why the value of a secret cannot be had. Nothing was sent to AWS.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("spec.{field}: {problem}")]
pub struct SecretError {
    /// The field, from the spec down.
    pub field: String,
    /// What is wrong.
    pub problem: SecretProblem,
}

/// What is wrong with a Secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretProblem {
    /// It can be the name of no Secret, or of no key of one.
    #[error("{0}")]
    Misnamed(String),
    /// There is no such Secret.
    #[error("there is no Secret {0} in this namespace")]
    Missing(String),
    /// The Secret lacks the key.
    #[error("the Secret {name} has no key {key}")]
    KeyMissing {
        /// The Secret's name.
        name: String,
        /// The key.
        key: String,
    },
    /// The value is not text.
    #[error("the key {key} of the Secret {name} holds no UTF-8 text")]
    NotText {
        /// The Secret's name.
        name: String,
        /// The key.
        key: String,
    },
    /// The reference cannot be read.
    #[error("the reference cannot be read: {0}")]
    Unreadable(String),
    /// The controller may not read it.
    #[error("the controller may not read the Secret {0}")]
    Forbidden(String),
}

impl SecretProblem {
    /// The CamelCase reason for conditions and Events.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Misnamed(_) => "InvalidSpec",
            Self::Missing(_) => "SecretMissing",
            Self::KeyMissing { .. } => "SecretKeyMissing",
            Self::NotText { .. } => "SecretNotText",
            Self::Unreadable(_) => "InvalidSpec",
            Self::Forbidden(_) => "SecretForbidden",
        }
    }

    /// What a person can do about it.
    pub fn next_step(&self) -> &'static str {
        match self {
            Self::Misnamed(_) => "Correct the field.",
            Self::Missing(_) => "Create the Secret or correct the reference; the controller tries again.",
            Self::KeyMissing { .. } => {
                "Add the key to the Secret or correct the reference; the controller tries again."
            }
            Self::NotText { .. } => "Store the value as plain text; the controller tries again.",
            Self::Unreadable(_) => "Correct the reference.",
            Self::Forbidden(_) => {
                "Give the controller's ServiceAccount the verb get on this Secret with a Role in this namespace; the controller tries again."
            }
        }
    }
}

/// The Secrets of one namespace, as far as one spec refers to them.
pub struct Vault {
    api: Api<Secret>,
    member: &'static str,
    wanted: Vec<(SecretReference, SecretKeyRef)>,
}

impl Vault {
    /// What `spec`, the kind block `member` of an object in `namespace`, takes from Secrets.
    ///
    /// # Errors
    /// [`SecretError`] for a reference that cannot be read: what is made without the value is another thing.
    pub fn of(
        client: &Client,
        namespace: &str,
        member: &'static str,
        spec: &Value,
        table: &[SecretReference],
    ) -> Result<Self, SecretError> {
        let api = Api::namespaced(client.clone(), namespace);
        let wanted = wanted(spec, table).map_err(|(reference, error)| {
            let problem = SecretProblem::Unreadable(error.to_string());
            SecretError { field: format!("{member}.{}", reference.from), problem }
        })?;
        Ok(Self { api, member, wanted })
    }

    /// The present versions, without the values.
    ///
    /// # Errors
    /// [`PassError::Secret`] where a Secret is missing or may not be read.
    pub async fn versions(&self) -> Result<Versions, PassError> {
        let mut versions = Versions::new();
        for (reference, place) in &self.wanted {
            self.named(reference, place)?;
            let found =
                self.api.get_metadata_opt(&place.name).await.map_err(|error| self.refused(reference, place, error))?;
            let found = found.ok_or_else(|| self.error(reference, SecretProblem::Missing(place.name.clone())))?;
            versions.insert(reference.to.to_owned(), version(&found.metadata, place));
        }
        Ok(versions)
    }

    /// The values and the versions that they are of.
    ///
    /// # Errors
    /// [`PassError::Secret`] where a value cannot be had.
    pub async fn open(&self) -> Result<(Secrets, Versions), PassError> {
        let (mut secrets, mut versions) = (Secrets::default(), Versions::new());
        for (reference, place) in &self.wanted {
            self.named(reference, place)?;
            let found = self.api.get_opt(&place.name).await.map_err(|error| self.refused(reference, place, error))?;
            let mut found = found.ok_or_else(|| self.error(reference, SecretProblem::Missing(place.name.clone())))?;
            let (name, key) = (place.name.clone(), place.key.clone());
            let Some(bytes) = found.data.as_mut().and_then(|data| data.remove(&place.key)) else {
                return Err(self.error(reference, SecretProblem::KeyMissing { name, key }));
            };
            let Ok(text) = String::from_utf8(bytes.0) else {
                return Err(self.error(reference, SecretProblem::NotText { name, key }));
            };
            secrets.insert(reference.to, text.into());
            versions.insert(reference.to.to_owned(), version(&found.metadata, place));
        }
        Ok((secrets, versions))
    }

    /// The API server is not asked for what can be no Secret: the name would become part of another request.
    fn named(&self, reference: &SecretReference, place: &SecretKeyRef) -> Result<(), PassError> {
        misnamed(place).map_or(Ok(()), |problem| Err(self.error(reference, SecretProblem::Misnamed(problem))))
    }

    fn refused(&self, reference: &SecretReference, place: &SecretKeyRef, error: kube::Error) -> PassError {
        match error {
            kube::Error::Api(status) if status.is_forbidden() => {
                self.error(reference, SecretProblem::Forbidden(place.name.clone()))
            }
            error => PassError::Cluster(error),
        }
    }

    fn error(&self, reference: &SecretReference, problem: SecretProblem) -> PassError {
        PassError::Secret(SecretError { field: format!("{}.{}", self.member, reference.from), problem })
    }
}

/// The settings whose value AWS was not given as it is now, as changes that show no value. One that
/// the spec no longer takes from a Secret is given back to AWS.
pub fn differences(table: &[SecretReference], present: &Versions, sent: &Versions) -> Vec<Change> {
    let differs = |reference: &&SecretReference| present.get(reference.to) != sent.get(reference.to);
    let change = |reference: &SecretReference| Change {
        path: reference.to.to_owned(),
        from: None,
        to: None,
        effect: Effect::InPlace,
    };
    table.iter().filter(differs).map(change).collect()
}

/// Notes in `sent` that AWS was given these `changes`, and no other secrets, as they are in `present`.
pub fn take_over(sent: &mut Versions, changes: &[Change], mut present: Versions) {
    for Change { path, .. } in changes {
        match present.remove(path) {
            Some(version) => sent.insert(path.clone(), version),
            None => sent.remove(path),
        };
    }
}

/// The keys of Secrets that a spec names, or the reference that cannot be read.
fn wanted(
    spec: &Value,
    table: &[SecretReference],
) -> Result<Vec<(SecretReference, SecretKeyRef)>, (SecretReference, serde_json::Error)> {
    let place = |reference: &SecretReference| {
        let found = reference.from.split('.').try_fold(spec, |value, member| value.get(member))?;
        let place = SecretKeyRef::deserialize(found);
        (!found.is_null()).then(|| place.map(|place| (*reference, place)).map_err(|error| (*reference, error)))
    };
    table.iter().filter_map(place).collect()
}

/// Why there can be no such key of a Secret (Kubernetes, "Secrets", "Restrictions on Secret names and data").
fn misnamed(place: &SecretKeyRef) -> Option<String> {
    let in_keys = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_key = !place.key.is_empty() && place.key.chars().all(in_keys);
    let key = || format!("key {:?} must be letters, digits, hyphens, underscores and dots", place.key);
    not_a_name(&place.name).map(|problem| format!("name {problem}")).or_else(|| (!is_key).then(key))
}

fn version(metadata: &ObjectMeta, place: &SecretKeyRef) -> String {
    let of = |part: &Option<String>| part.clone().unwrap_or_default();
    format!("{}/{}/{}", of(&metadata.uid), of(&metadata.resource_version), place.key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TABLE: &[SecretReference] = &[
        SecretReference { from: "passwordSecretRef", to: "password" },
        SecretReference { from: "login.tokenSecretRef", to: "token" },
    ];

    fn versions(pairs: &[(&str, &str)]) -> Versions {
        pairs.iter().map(|(name, version)| ((*name).to_owned(), (*version).to_owned())).collect()
    }

    fn changed(present: &[(&str, &str)], sent: &[(&str, &str)]) -> Vec<String> {
        let changes = differences(TABLE, &versions(present), &versions(sent));
        changes.into_iter().map(|change| change.path).collect()
    }

    #[test]
    fn a_spec_wants_what_its_references_name() {
        let spec = json!({"login": {"tokenSecretRef": {"name": "a", "key": "b"}}, "size": 1});
        let found = wanted(&spec, TABLE).unwrap();
        assert_eq!(found, [(TABLE[1], SecretKeyRef { name: "a".into(), key: "b".into() })]);
        assert!(wanted(&json!({"login": 1}), TABLE).unwrap().is_empty());
    }

    #[test]
    fn a_reference_that_cannot_be_read_is_not_dropped() {
        let (reference, _) = wanted(&json!({"passwordSecretRef": {"name": "a"}}), TABLE).unwrap_err();
        assert_eq!(reference, TABLE[0]);
    }

    #[test]
    fn what_can_be_no_key_of_a_secret_is_told_and_not_asked_for() {
        let of = |name: &str, key: &str| misnamed(&SecretKeyRef { name: name.into(), key: key.into() });
        assert_eq!(of("db-password", "Pass_word.1"), None);
        assert!(of(" x y\n", "a").unwrap().contains("name \" x y\\n\" must be"));
        assert!(of("a", "b/c").unwrap().contains("key \"b/c\" must be"));
        assert!(of("a", "").is_some());
    }

    #[test]
    fn what_aws_was_given_in_this_very_version_is_not_sent_again() {
        assert!(changed(&[("password", "u/1/k")], &[("password", "u/1/k")]).is_empty());
        assert_eq!(changed(&[("password", "u/2/k")], &[("password", "u/1/k")]), ["password"]);
        assert_eq!(changed(&[("password", "u/1/k")], &[]), ["password"]);
    }

    #[test]
    fn what_no_longer_comes_from_a_secret_is_a_change_too() {
        assert_eq!(changed(&[], &[("token", "u/1/k")]), ["token"]);
        assert!(changed(&[], &[]).is_empty());
    }

    #[test]
    fn only_what_was_sent_is_noted() {
        let mut sent = versions(&[("password", "u/1/k"), ("token", "v/1/k")]);
        let present = versions(&[("password", "u/2/k"), ("token", "v/2/k")]);
        let changes = differences(TABLE, &versions(&[("password", "u/2/k"), ("token", "v/1/k")]), &sent);
        take_over(&mut sent, &changes, present);
        assert_eq!(sent, versions(&[("password", "u/2/k"), ("token", "v/1/k")]));
        let changes = differences(TABLE, &versions(&[("password", "u/2/k")]), &sent);
        take_over(&mut sent, &changes, Versions::new());
        assert_eq!(sent, versions(&[("password", "u/2/k")]));
    }

    #[test]
    fn another_key_of_the_same_secret_is_another_version() {
        let metadata = ObjectMeta { uid: Some("u".into()), resource_version: Some("7".into()), ..Default::default() };
        let of = |key: &str| version(&metadata, &SecretKeyRef { name: "a".into(), key: key.into() });
        assert_eq!(of("one"), "u/7/one");
        assert_ne!(of("one"), of("two"));
    }
}
