//! Which historical agent owns a resource: by rule, unless the account or the namespace says otherwise.

use super::historical::Agent;
use crate::kinds::KindName;
use std::collections::BTreeMap;

/// What stands for every kind in the annotation of a namespace.
const EVERY_KIND: &str = "*";

/// Owners by the name of the kind; [`EVERY_KIND`] for those that are not named.
pub type Owners = BTreeMap<String, Agent>;

/// An annotation that names no owners. The rule then holds as if it were not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{part:?} is not Kind=Agent; kinds are {} or * for all, agents are {}",
    names(KindName::ALL.iter().map(|kind| kind.as_str())),
    names(Agent::ALL.iter().map(|agent| agent.as_str()))
)]
pub struct InvalidOwners {
    /// The part that cannot be read.
    pub part: String,
}

fn names<'a>(all: impl Iterator<Item = &'a str>) -> String {
    all.collect::<Vec<_>>().join(", ")
}

/// Reads the annotation of a namespace, such as `S3Bucket=Kotler,*=Napoleon`.
///
/// # Errors
/// [`InvalidOwners`] with the part that cannot be read; nothing of it holds then.
pub fn parse(annotation: &str) -> Result<Owners, InvalidOwners> {
    let mut owners = Owners::new();
    for part in annotation.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let invalid = || InvalidOwners { part: part.to_owned() };
        let (kind, agent) = part.split_once('=').ok_or_else(invalid)?;
        let (kind, agent) = (kind.trim(), Agent::named(agent.trim()).ok_or_else(invalid)?);
        if kind != EVERY_KIND && KindName::ALL.iter().all(|known| known.as_str() != kind) {
            return Err(invalid());
        }
        owners.insert(kind.to_owned(), agent);
    }
    Ok(owners)
}

/// The owner of a kind: what the namespace says, else what the account says, else the rule. The
/// namespace comes first because it is the narrower of the two, as with every default of Kubernetes
/// that a namespace may set.
pub fn owner(kind: KindName, account: &Owners, namespace: &Owners) -> Agent {
    let of = |owners: &Owners| owners.get(kind.as_str()).or_else(|| owners.get(EVERY_KIND)).copied();
    of(namespace).or_else(|| of(account)).unwrap_or_else(|| kind.owner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_holds_where_nobody_says_otherwise() {
        let none = Owners::new();
        assert_eq!(owner(KindName::S3Bucket, &none, &none), Agent::SteveJobs);
        assert_eq!(owner(KindName::RdsInstance, &none, &none), Agent::Noguchi);
        assert_eq!(owner(KindName::VpcNetwork, &none, &none), Agent::BillGates);
    }

    #[test]
    fn a_namespace_comes_before_its_account_and_a_kind_before_all_kinds() {
        let account = Owners::from([("S3Bucket".to_owned(), Agent::Kotler)]);
        let namespace = parse("S3Bucket=Drucker, *=Napoleon").unwrap();
        assert_eq!(owner(KindName::S3Bucket, &account, &Owners::new()), Agent::Kotler);
        assert_eq!(owner(KindName::S3Bucket, &account, &namespace), Agent::Drucker);
        assert_eq!(owner(KindName::IamRole, &account, &namespace), Agent::Napoleon);
    }

    #[test]
    fn an_annotation_with_a_name_that_nobody_has_is_told_by_that_part() {
        for part in ["S3Bucket=Nobody", "S3bucket=Kotler", "Kotler"] {
            let error = parse(&format!("Ec2Instance=Napoleon,{part}")).unwrap_err();
            assert_eq!(error.part, part);
            assert!(error.to_string().contains("SteveJobs"), "{error}");
        }
    }
}
