//! Tags: who owns a resource, and what is to change.

use crate::api::resource::{Change, Effect};
use std::collections::{BTreeMap, BTreeSet};

/// Tag keys and values of one resource.
pub type Tags = BTreeMap<String, String>;

/// Marks every resource the controller made or took over.
pub const MANAGED: &str = "CcagiManaged";
/// The historical agent that owns the kind.
pub const AGENT: &str = "ccagi:agent";
/// The id of the cluster that owns the resource.
pub const CLUSTER: &str = "ccagi:cluster";
/// The namespace of the owning object.
pub const NAMESPACE: &str = "ccagi:namespace";
/// The name of the owning object.
pub const NAME: &str = "ccagi:name";
/// The UID of the owning object.
pub const UID: &str = "ccagi:uid";

/// The object that owns an AWS resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The cluster's id: the UID of its `kube-system` namespace unless configured.
    pub cluster: String,
    /// The object's namespace.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// The object's UID.
    pub uid: String,
    /// The historical agent that owns the kind.
    pub agent: &'static str,
}

/// How a resource's tags relate to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// They name this very object.
    Ours,
    /// They name an earlier object of the same cluster, namespace and name.
    Predecessor,
    /// They name nobody.
    Nobody,
    /// They name somebody else, in words.
    Other(String),
}

impl Owner {
    /// The tags that say that this object owns a resource.
    pub fn tags(&self) -> Tags {
        [
            (MANAGED, "true"),
            (AGENT, self.agent),
            (CLUSTER, &self.cluster),
            (NAMESPACE, &self.namespace),
            (NAME, &self.name),
            (UID, &self.uid),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
    }

    /// How `tags`, read from AWS, relate to this object.
    pub fn relation(&self, tags: &Tags) -> Ownership {
        let tag = |key: &str| tags.get(key).map(String::as_str);
        if [MANAGED, CLUSTER, UID].iter().all(|key| tag(key).is_none()) {
            return Ownership::Nobody;
        }
        let same_cluster = tag(CLUSTER) == Some(&self.cluster);
        if same_cluster && tag(UID) == Some(&self.uid) {
            return Ownership::Ours;
        }
        if same_cluster && tag(NAMESPACE) == Some(&self.namespace) && tag(NAME) == Some(&self.name) {
            return Ownership::Predecessor;
        }
        let part = |key: &str| tag(key).unwrap_or("?").to_owned();
        let cluster = if same_cluster { "this cluster".to_owned() } else { format!("cluster {}", part(CLUSTER)) };
        Ownership::Other(format!("AwsResource {}/{} of {cluster}", part(NAMESPACE), part(NAME)))
    }
}

/// What to do to a resource's tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagEdit {
    /// Keys to set, with their values.
    pub set: Tags,
    /// Keys to take away.
    pub remove: BTreeSet<String>,
}

impl TagEdit {
    /// The edit that turns `observed` into one that has `desired`, and no longer has those of the
    /// keys in `applied` that left the desired set. All other tags are left alone.
    pub fn between(desired: &Tags, observed: &Tags, applied: &[String]) -> Self {
        let set = desired.iter().filter(|(key, value)| observed.get(*key) != Some(value));
        let remove = applied.iter().filter(|key| !desired.contains_key(*key) && observed.contains_key(*key));
        Self { set: set.map(|(k, v)| (k.clone(), v.clone())).collect(), remove: remove.cloned().collect() }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.remove.is_empty()
    }

    /// The edit as changes, for plans and status.
    pub fn changes(&self, observed: &Tags) -> Vec<Change> {
        let change = |key: &String, to: Option<&String>| Change {
            path: format!("tags.{key}"),
            from: observed.get(key).cloned(),
            to: to.cloned(),
            effect: Effect::InPlace,
        };
        let set = self.set.iter().map(|(key, value)| change(key, Some(value)));
        set.chain(self.remove.iter().map(|key| change(key, None))).collect()
    }

    /// `observed` after the edit, for APIs that only replace the whole set.
    pub fn applied_to(&self, observed: &Tags) -> Tags {
        let kept = observed.iter().filter(|(key, _)| !self.remove.contains(*key));
        kept.chain(self.set.iter()).map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}

/// Whether both sets of tags name one and the same owner. Tags that name nobody name no owner.
pub fn same_owner(one: &Tags, other: &Tags) -> bool {
    [CLUSTER, UID].iter().all(|key| one.get(*key).is_some_and(|value| other.get(*key) == Some(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> Owner {
        Owner {
            cluster: "c1".into(),
            namespace: "shop".into(),
            name: "assets".into(),
            uid: "u1".into(),
            agent: "SteveJobs",
        }
    }

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn ownership_is_read_from_cluster_and_uid() {
        let mut seen = owner().tags();
        assert_eq!(owner().relation(&seen), Ownership::Ours);
        seen.insert(UID.into(), "u0".into());
        assert_eq!(owner().relation(&seen), Ownership::Predecessor);
        seen.insert(CLUSTER.into(), "c2".into());
        assert_eq!(owner().relation(&seen), Ownership::Other("AwsResource shop/assets of cluster c2".into()));
        assert_eq!(owner().relation(&tags(&[("team", "web")])), Ownership::Nobody);
    }

    #[test]
    fn foreign_tags_survive_and_tags_that_left_the_spec_go() {
        let observed = tags(&[("team", "web"), ("aws:stack", "x"), ("old", "1"), ("theirs", "2")]);
        let edit = TagEdit::between(&tags(&[("team", "ops")]), &observed, &["old".into(), "team".into()]);
        assert_eq!(edit.applied_to(&observed), tags(&[("team", "ops"), ("aws:stack", "x"), ("theirs", "2")]));
        assert_eq!(edit.changes(&observed).len(), 2);
    }

    #[test]
    fn equal_tags_need_no_edit() {
        let observed = tags(&[("team", "web")]);
        assert!(TagEdit::between(&observed, &observed, &[]).is_empty());
    }

    #[test]
    fn tags_that_name_nobody_name_no_common_owner() {
        let tags = |uid: &str| Tags::from([(CLUSTER.to_owned(), "c-1".to_owned()), (UID.to_owned(), uid.to_owned())]);
        assert!(same_owner(&tags("u-1"), &tags("u-1")));
        assert!(!same_owner(&tags("u-1"), &tags("u-2")));
        assert!(!same_owner(&Tags::new(), &Tags::new()));
    }
}
