//! The roles that the controller acts through, which no manifest may touch.

use std::collections::BTreeMap;

/// The roles that the controller or any AwsAccount acts through, each with who acts through it.
///
/// They are compared by account id and name: the ARN of an assumed role does not show the role's path, and
/// names are unique in their account whatever the path and the case of their letters (IAM User Guide, "IAM
/// and AWS STS quotas": names are not distinguished by case).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identities(BTreeMap<(String, String), String>);

impl Identities {
    /// Takes in the identity with this ARN, a role's or an assumed role's. Users have no roles' names, and no
    /// kind writes to them.
    pub fn add(&mut self, arn: &str, whose: &str) {
        if let Some((account, name)) = role_of(arn) {
            self.0.entry((account.to_owned(), name.to_lowercase())).or_insert_with(|| whose.to_owned());
        }
    }

    /// Who acts through the role of this name in the account; `None` where nobody does.
    pub fn whose(&self, account_id: &str, name: &str) -> Option<&str> {
        self.0.get(&(account_id.to_owned(), name.to_lowercase())).map(String::as_str)
    }

    /// The same for a role by its ARN.
    pub fn whose_arn(&self, arn: &str) -> Option<&str> {
        role_of(arn).and_then(|(account, name)| self.whose(account, name))
    }
}

/// The account and the name of the role in the ARN of a role or an assumed role.
pub fn role_of(arn: &str) -> Option<(&str, &str)> {
    let mut parts = arn.splitn(6, ':').skip(2);
    let (service, _region, account, resource) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let name = match service {
        "iam" => resource.strip_prefix("role/")?.rsplit('/').next()?,
        "sts" => resource.strip_prefix("assumed-role/")?.split('/').next()?,
        _ => return None,
    };
    (!name.is_empty()).then_some((account, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_known_whatever_its_path_and_the_case_of_its_letters() {
        let mut known = Identities::default();
        known.add("arn:aws:iam::111122223333:role/platform/CcagiAgentRole", "shop");
        known.add("arn:aws:sts::999900001111:assumed-role/Controller/session", "itself");
        assert_eq!(known.whose("111122223333", "ccagiAGENTrole"), Some("shop"));
        assert_eq!(known.whose_arn("arn:aws:iam::111122223333:role/CcagiAgentRole"), Some("shop"));
        assert_eq!(known.whose_arn("arn:aws-cn:iam::999900001111:role/any/controller"), Some("itself"));
        assert_eq!(known.whose("444455556666", "CcagiAgentRole"), None, "a role of another account");
        assert_eq!(known.whose("111122223333", "CcagiAgentRole2"), None);
    }

    #[test]
    fn what_is_no_role_is_none() {
        for arn in ["arn:aws:iam::111122223333:user/jane", "arn:aws:s3:::role/x", "CcagiAgentRole", ""] {
            assert_eq!(role_of(arn), None, "{arn}");
        }
    }
}
