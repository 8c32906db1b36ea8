//! Values from Secrets of the cluster, on their way to AWS.

use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;

/// A field that names a key of a Secret, and the setting of the AWS resource that gets the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretReference {
    /// The path of the field with the [`SecretKeyRef`](crate::api::resource::SecretKeyRef), such as
    /// `masterUserPasswordSecretRef`. It leads through no list.
    pub from: &'static str,
    /// The name by which the kind asks for the value, and under which a change of it is shown.
    pub to: &'static str,
}

/// Secret values by the names that [`SecretReference::to`] gives them. They are shown nowhere: the
/// type cannot be serialised, its `Debug` hides them, and their memory is wiped when they go.
#[derive(Debug, Default)]
pub struct Secrets(BTreeMap<&'static str, SecretString>);

/// What stands where a secret value was taken out of a text.
const REDACTED: &str = "[redacted]";

impl Secrets {
    /// Takes a value in.
    pub fn insert(&mut self, name: &'static str, value: SecretString) {
        self.0.insert(name, value);
    }

    /// The value of this name, in the open: for a call to AWS and for nothing else.
    pub fn expose(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(ExposeSecret::expose_secret)
    }

    /// A text without these values, should somebody have written one into it.
    pub fn redacted(&self, text: &str) -> String {
        let values = self.0.values().map(ExposeSecret::expose_secret).filter(|value| !value.is_empty());
        values.fold(text.to_owned(), |text, value| text.replace(value, REDACTED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(value: &str) -> Secrets {
        let mut secrets = Secrets::default();
        secrets.insert("masterUserPassword", value.into());
        secrets
    }

    #[test]
    fn a_value_is_had_by_its_name_and_never_shown() {
        let secrets = secrets("canary");
        assert_eq!(secrets.expose("masterUserPassword"), Some("canary"));
        assert_eq!(secrets.expose("other"), None);
        let shown = format!("{secrets:?}");
        assert!(shown.contains("masterUserPassword") && !shown.contains("canary"), "{shown}");
    }

    #[test]
    fn a_value_is_taken_out_of_a_text_that_quotes_it() {
        assert_eq!(secrets("canary").redacted("canary is too short: canary"), "[redacted] is too short: [redacted]");
        assert_eq!(secrets("").redacted("no"), "no");
    }
}
