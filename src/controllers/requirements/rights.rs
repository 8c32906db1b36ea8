//! The rights in the cluster that the controllers need: the one list of them. A test compares it with the
//! roles that the chart writes. Not in it is the right to get Secrets, which may be granted for single
//! Secrets; an object that refers to one says so by itself.

use crate::config::RunConfig;
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::api::PostParams;
use kube::{Api, Client, Error};
use std::fmt;

/// How many rights are asked for at the same time.
const AT_ONCE: usize = 8;

/// Where Events about objects without a namespace go.
const EVENTS_OF_THE_CLUSTER: &str = "default";

/// The namespace whose UID is the cluster's id.
const SYSTEM: &str = "kube-system";

const OURS: &str = "aws.ccagi.io";

/// A resource of an API group, with its subresource, and verbs.
type Rule = (&'static str, &'static str, &'static [&'static str]);

/// For the objects of a namespace that is watched, or of all.
const OBJECTS: &[Rule] = &[
    (OURS, "awsresources", &["get", "list", "watch", "patch"]),
    (OURS, "serviceagents", &["list", "watch", "create", "delete"]),
    (OURS, "awsresources/status", &["patch"]),
    (OURS, "serviceagents/status", &["patch"]),
    EVENTS,
];
const EVENTS: Rule = ("events.k8s.io", "events", &["create", "patch"]);
const READ_ACCOUNTS: Rule = (OURS, "awsaccounts", &["list", "watch"]);
const WRITE_ACCOUNTS: &[Rule] = &[(OURS, "awsaccounts", &["patch"]), (OURS, "awsaccounts/status", &["patch"])];
/// Whether an account is still used is asked of the whole cluster before it goes.
const LIST_USERS: Rule = (OURS, "awsresources", &["list"]);
const FOLLOW_NAMESPACES: Rule = ("", "namespaces", &["list", "watch"]);
const READ_NAMESPACE: Rule = ("", "namespaces", &["get"]);
/// A Lease that does not exist yet has no name to be granted by.
const CREATE_LEASE: Rule = ("coordination.k8s.io", "leases", &["create"]);
const KEEP_LEASE: Rule = ("coordination.k8s.io", "leases", &["get", "update"]);

/// A right as RBAC grants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Right {
    verb: &'static str,
    group: &'static str,
    /// With its subresource, as in `awsresources/status`.
    resource: &'static str,
    /// One object; all where absent.
    name: Option<String>,
    /// All, or none, where absent.
    namespace: Option<String>,
}

impl fmt::Display for Right {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(text, "{} {}", self.verb, self.resource)?;
        if !self.group.is_empty() {
            write!(text, ".{}", self.group)?;
        }
        if let Some(name) = &self.name {
            write!(text, " named {name}")?;
        }
        match &self.namespace {
            // A Namespace is in the namespace of its own name.
            Some(namespace) if self.name.as_ref() != Some(namespace) => write!(text, " in the namespace {namespace}"),
            _ => Ok(()),
        }
    }
}

/// What the controllers need under this configuration; `own_namespace` is the process's.
pub fn needed(config: &RunConfig, own_namespace: &str) -> Vec<Right> {
    let namespaces = &config.watch_namespaces;
    let mut rights = Vec::new();
    if namespaces.is_empty() {
        rights.extend(of(OBJECTS, None, None));
        rights.extend(of([&FOLLOW_NAMESPACES], None, None));
    }
    for namespace in namespaces {
        rights.extend(of(OBJECTS, None, Some(namespace)));
        rights.extend(of([&READ_NAMESPACE], Some(namespace), Some(namespace)));
    }
    rights.extend(of([&READ_ACCOUNTS], None, None));
    if !config.read_only_accounts {
        rights.extend(of(WRITE_ACCOUNTS, None, None));
        if !namespaces.is_empty() {
            rights.extend(of([&LIST_USERS], None, None));
            rights.extend(of([&EVENTS], None, Some(EVENTS_OF_THE_CLUSTER)));
        }
    }
    if config.cluster_id.is_none() {
        rights.extend(of([&READ_NAMESPACE], Some(SYSTEM), Some(SYSTEM)));
    }
    let election = &config.leader_election;
    if election.leader_elect {
        let namespace = election.leader_election_namespace.as_deref().unwrap_or(own_namespace);
        rights.extend(of([&CREATE_LEASE], None, Some(namespace)));
        rights.extend(of([&KEEP_LEASE], Some(&election.leader_election_id), Some(namespace)));
    }
    rights
}

/// The rights of some rules, for one object or all, in one namespace or the cluster.
fn of<'a>(rules: impl IntoIterator<Item = &'a Rule>, name: Option<&str>, namespace: Option<&str>) -> Vec<Right> {
    let (name, namespace) = (name.map(str::to_owned), namespace.map(str::to_owned));
    let rights = |&(group, resource, verbs): &'a Rule| {
        let (name, namespace) = (name.clone(), namespace.clone());
        verbs.iter().map(move |&verb| Right { verb, group, resource, name: name.clone(), namespace: namespace.clone() })
    };
    rules.into_iter().flat_map(rights).collect()
}

/// Which of these rights this process does not have, by the API server's own word.
///
/// # Errors
/// Where the API server does not say.
pub async fn missing(client: &Client, rights: &[Right]) -> Result<Vec<Right>, Error> {
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let asked = stream::iter(rights.to_vec()).map(|right| {
        let reviews = reviews.clone();
        async move {
            let answer = reviews.create(&PostParams::default(), &review(&right)).await?;
            let allowed = answer.status.is_some_and(|status| status.allowed);
            Ok::<_, Error>((!allowed).then_some(right))
        }
    });
    asked.buffered(AT_ONCE).try_filter_map(|missing| async move { Ok(missing) }).try_collect().await
}

fn review(right: &Right) -> SelfSubjectAccessReview {
    let (resource, subresource) = right.resource.split_once('/').unwrap_or((right.resource, ""));
    let attributes = ResourceAttributes {
        verb: Some(right.verb.into()),
        group: Some(right.group.into()),
        resource: Some(resource.into()),
        subresource: Some(subresource.into()),
        name: right.name.clone(),
        namespace: right.namespace.clone(),
        ..ResourceAttributes::default()
    };
    SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..Default::default() },
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        run: RunConfig,
    }

    /// What is needed with these flags, in words.
    fn words(flags: &str) -> Vec<String> {
        let words = std::iter::once("run").chain(flags.split_whitespace());
        let config = Line::try_parse_from(words).unwrap().run;
        needed(&config, "own").iter().map(Right::to_string).collect()
    }

    #[test]
    fn a_controller_for_the_whole_cluster_needs_its_rights_there() {
        let needed = words("");
        for right in [
            "get awsresources.aws.ccagi.io",
            "patch awsresources/status.aws.ccagi.io",
            "watch namespaces",
            "get namespaces named kube-system",
        ] {
            assert!(needed.iter().any(|one| one == right), "{right} is not in {needed:?}");
        }
        assert!(!needed.iter().any(|one| one.contains("in the namespace") || one.contains("leases")), "{needed:?}");
    }

    #[test]
    fn a_controller_for_some_namespaces_that_only_reads_accounts_needs_nothing_else_of_the_cluster() {
        let needed = words("--watch-namespaces shop,web --read-only-accounts --cluster-id test");
        let of_cluster: Vec<&String> =
            needed.iter().filter(|one| !one.contains("shop") && !one.contains("web")).collect();
        assert_eq!(of_cluster, ["list awsaccounts.aws.ccagi.io", "watch awsaccounts.aws.ccagi.io"]);
        assert!(needed.contains(&"create events.events.k8s.io in the namespace web".to_owned()), "{needed:?}");
        assert!(needed.contains(&"get namespaces named shop".to_owned()), "{needed:?}");
    }

    #[test]
    fn one_that_verifies_accounts_from_some_namespaces_asks_who_uses_them_and_tells_events() {
        let needed = words("--watch-namespaces shop --cluster-id test");
        for right in [
            "patch awsaccounts/status.aws.ccagi.io",
            "list awsresources.aws.ccagi.io",
            "create events.events.k8s.io in the namespace default",
        ] {
            assert!(needed.iter().any(|one| one == right), "{right} is not in {needed:?}");
        }
    }

    #[test]
    fn a_candidate_needs_its_lease_by_name_in_the_namespace_of_the_lease() {
        let lease = |flags: &str| words(flags).into_iter().filter(|one| one.contains("leases")).collect::<Vec<_>>();
        let of = |name: &str, namespace: &str| {
            let resource = "leases.coordination.k8s.io";
            [
                format!("create {resource} in the namespace {namespace}"),
                format!("get {resource} named {name} in the namespace {namespace}"),
                format!("update {resource} named {name} in the namespace {namespace}"),
            ]
        };
        assert_eq!(lease("--leader-elect"), of("ccagi-aws-agent", "own"));
        let named = lease("--leader-elect --leader-election-id a --leader-election-namespace b");
        assert_eq!(named, of("a", "b"));
    }
}
