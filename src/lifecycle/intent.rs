//! The write-ahead record: token and request hash of a create call.

use crate::api::moment;
use crate::api::resource::Intent;
use k8s_openapi::jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The idempotency token of one life of one object's AWS resource: a UUIDv5, 36 characters, short
/// enough for every AWS API that takes one. It depends on nothing that an edit can change.
pub fn token(cluster: &str, uid: &str, incarnation: i32) -> String {
    let name = format!("{cluster}|{uid}|{incarnation}");
    Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()).to_string()
}

/// A hash of what a create call is made from. AWS refuses a token that comes with another request. It stands
/// in the status without a key, since all that it is made from stands in the spec beside it, or in the
/// outputs that the spec refers to; values from Secrets are no part of it.
pub fn request_hash(request: &serde_json::Value) -> String {
    let digest = Sha256::digest(request.to_string().as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where and what a create call is about to make.
#[derive(Clone, Debug)]
pub struct Draft<'a> {
    /// The cluster's id.
    pub cluster: &'a str,
    /// The object's UID.
    pub uid: &'a str,
    /// The account's twelve digits.
    pub account_id: &'a str,
    /// The region.
    pub region: &'a str,
    /// The hash of the request.
    pub request_hash: &'a str,
    /// Which leader writes it, where there is leader election.
    pub lease_transitions: Option<i32>,
}

impl Draft<'_> {
    /// The intent for the resource's life number `incarnation`.
    pub fn intent(&self, incarnation: i32, now: Timestamp) -> Intent {
        Intent {
            incarnation,
            token: token(self.cluster, self.uid, incarnation),
            request_hash: self.request_hash.to_owned(),
            account_id: self.account_id.to_owned(),
            region: self.region.to_owned(),
            recorded_at: moment(now),
            lease_transitions: self.lease_transitions,
            without_effect: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_the_same_after_a_restart_and_differs_between_lives() {
        assert_eq!(token("c", "u", 1), token("c", "u", 1));
        assert_ne!(token("c", "u", 1), token("c", "u", 2));
        assert_ne!(token("c", "u", 1), token("c2", "u", 1));
        assert_eq!(token("c", "u", 1).len(), 36);
    }

    #[test]
    fn the_hash_follows_the_request() {
        let hash = request_hash(&serde_json::json!({"a": 1}));
        assert_eq!(hash.len(), 64);
        assert_ne!(hash, request_hash(&serde_json::json!({"a": 2})));
    }
}
