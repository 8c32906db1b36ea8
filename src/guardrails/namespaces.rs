//! Which namespaces a rule means.

use crate::api::account::AllowedNamespaces;
use kube::core::{Selector, SelectorExt};
use std::collections::BTreeMap;

/// Whether a rule means a namespace with these labels, such as the rule which may use an account. A selector that cannot be read selects nothing.
pub fn namespace_is_allowed(
    allowed: Option<&AllowedNamespaces>,
    namespace: &str,
    labels: &BTreeMap<String, String>,
) -> bool {
    let Some(allowed) = allowed else { return false };
    if allowed.names.iter().any(|name| name == namespace) {
        return true;
    }
    let Some(selector) = &allowed.selector else { return false };
    Selector::try_from(selector.clone()).is_ok_and(|selector| selector.matches(labels))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(yaml: &str) -> AllowedNamespaces {
        serde_saphyr::from_str(yaml).unwrap()
    }

    #[test]
    fn an_account_that_allows_nobody_allows_nobody() {
        assert!(!namespace_is_allowed(None, "shop", &BTreeMap::new()));
    }

    #[test]
    fn namespaces_are_allowed_by_name_or_by_label() {
        let rule = allowed("names: [shop]\nselector: {matchLabels: {team: web}}");
        let labels = BTreeMap::from([("team".to_owned(), "web".to_owned())]);
        assert!(namespace_is_allowed(Some(&rule), "shop", &BTreeMap::new()));
        assert!(namespace_is_allowed(Some(&rule), "other", &labels));
        assert!(!namespace_is_allowed(Some(&rule), "other", &BTreeMap::new()));
    }
}
