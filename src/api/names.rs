//! Names as Kubernetes and AWS give them, for schemas and for what is stored from before a schema asked.

use kube::core::Rule;

/// A region of any partition, such as `us-east-1`, `us-gov-west-1`, `eusc-de-east-1` or `us-isob-east-1`
/// (AWS General Reference, "Regions and zones").
pub const REGION: &str = r"^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$";

/// A DNS subdomain (Kubernetes, "Object Names and IDs", "DNS Subdomain Names"; RFC 1123).
const SUBDOMAIN: &str = "self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')";

/// What a name must be.
const MUST_BE: &str = "lower-case letters, digits, hyphens and dots, and begin and end with a letter or digit";

/// The rule of a member `name` that names an object of Kubernetes: what is no such name names nothing, and
/// would be waited for without end.
pub fn object_name() -> Rule {
    Rule::new(SUBDOMAIN).message(format!("name must be the name of an object of Kubernetes: {MUST_BE}").as_str())
}

/// The same for every item of the list `field`.
pub fn object_names(field: &str) -> Rule {
    let rule = format!("self.all(name, {})", SUBDOMAIN.replace("self.", "name."));
    Rule::new(rule).message(format!("{field} must be names of objects of Kubernetes: {MUST_BE}").as_str())
}

/// Why `name` cannot be the name of an object, where it cannot.
pub fn not_a_name(name: &str) -> Option<String> {
    let label = |label: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        !label.is_empty() && label.chars().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    let is_name = name.len() <= 253 && name.split('.').all(label);
    (!is_name).then(|| format!("{name:?} must be {MUST_BE}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kubernetes_would_not_name_an_object_is_told() {
        for name in ["net", "a", "0", "shop.net-1", &"a".repeat(253)] {
            assert_eq!(not_a_name(name), None, "{name}");
        }
        for name in
            ["", "ta/net", " x y\n", "Net", "net.", ".net", "a..b", "-net", "net-", "n_t", "ä", &"a".repeat(254)]
        {
            let told = not_a_name(name).unwrap();
            assert!(told.contains("must be lower-case letters") && !told.contains('\n'), "{told}");
        }
    }
}
