//! Which service agent governs a resource: exactly one, or none for a reason that is told.

use crate::api::resource::AwsResource;
use crate::api::service_agent::{AgentSelector, ServiceAgent};
use crate::api::{LABEL_REGISTERED, resource::AwsResourceSpec};
use crate::kinds::KindName;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::ResourceExt;
use kube::core::{Selector, SelectorExt};
use std::collections::BTreeMap;

/// The agents of one namespace, with their selectors ready for use.
#[derive(Debug, Default)]
pub struct Candidates {
    explicit: BTreeMap<String, Result<Option<Chosen>, String>>,
    registered: Vec<String>,
}

/// What a selector chooses.
#[derive(Debug)]
struct Chosen {
    kinds: Vec<KindName>,
    labels: Selector,
}

/// Who governs a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assignment {
    /// An agent that a person declared.
    Explicit(String),
    /// The agent that the controller registers for the kind. It may not be there yet.
    Registered(String),
    /// Nobody.
    Ungoverned(Ungoverned),
}

/// Why nobody governs a resource. Nothing is then done for it of the controller's own accord.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ungoverned {
    /// Its spec names an agent that is not there.
    #[error("spec.serviceAgentRef.name: there is no ServiceAgent {0} in this namespace. Create it, or name another.")]
    Unknown(String),
    /// More than one agent selects it.
    #[error(
        "The selectors of more than one ServiceAgent match it: {}. Name one of them in spec.serviceAgentRef, or narrow a selector.",
        .0.join(", ")
    )]
    Ambiguous(Vec<String>),
    /// The name under which the controller would register an agent is taken.
    #[error(
        "No ServiceAgent selects it, and the name {0}, under which the controller would register one, is taken. Name an agent in spec.serviceAgentRef."
    )]
    NameTaken(String),
}

impl Ungoverned {
    /// The CamelCase reason for conditions.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "UnknownServiceAgent",
            Self::Ambiguous(_) => "AmbiguousServiceAgent",
            Self::NameTaken(_) => "ServiceAgentNameTaken",
        }
    }
}

impl Assignment {
    /// The agent's name, where there is one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Explicit(name) | Self::Registered(name) => Some(name),
            Self::Ungoverned(_) => None,
        }
    }
}

/// The name of the agent that the controller registers for a kind.
pub fn registered_name(kind: KindName) -> String {
    format!("registered-{}", kind.as_str().to_lowercase())
}

/// Whether the controller registered the agent, and may remove it. One that a person takes the label off
/// is that person's.
pub fn is_registered(agent: &ServiceAgent) -> bool {
    let labelled = agent.labels().get(LABEL_REGISTERED).is_some_and(|value| value == "true");
    labelled && KindName::ALL.iter().any(|kind| registered_name(*kind) == agent.name_any())
}

impl Candidates {
    /// The agents of one namespace.
    pub fn of<'a>(agents: impl IntoIterator<Item = &'a ServiceAgent>) -> Self {
        let mut candidates = Self::default();
        for agent in agents {
            if is_registered(agent) {
                candidates.registered.push(agent.name_any());
            } else {
                candidates.explicit.insert(agent.name_any(), agent.spec.selector.as_ref().map(chosen).transpose());
            }
        }
        candidates
    }

    /// What is wrong with the selector of this agent.
    pub fn invalid_selector(&self, agent: &str) -> Option<&str> {
        self.explicit.get(agent)?.as_ref().err().map(String::as_str)
    }

    /// Who governs this resource.
    pub fn assignment(&self, resource: &AwsResource, kind: KindName) -> Assignment {
        let AwsResourceSpec { service_agent_ref, .. } = &resource.spec;
        if let Some(named) = service_agent_ref {
            return match (self.explicit.contains_key(&named.name), self.registered.contains(&named.name)) {
                (true, _) => Assignment::Explicit(named.name.clone()),
                (false, true) => Assignment::Registered(named.name.clone()),
                (false, false) => Assignment::Ungoverned(Ungoverned::Unknown(named.name.clone())),
            };
        }
        let matches = |selector: &Result<Option<Chosen>, String>| {
            selector.as_ref().is_ok_and(|chosen| {
                chosen.as_ref().is_some_and(|chosen| {
                    (chosen.kinds.is_empty() || chosen.kinds.contains(&kind))
                        && chosen.labels.matches(resource.labels())
                })
            })
        };
        let mut matching: Vec<&String> =
            self.explicit.iter().filter(|(_, selector)| matches(selector)).map(|(name, _)| name).collect();
        let registered = registered_name(kind);
        match (matching.len(), matching.pop()) {
            (1, Some(name)) => Assignment::Explicit(name.clone()),
            (0, _) if self.explicit.contains_key(&registered) => {
                Assignment::Ungoverned(Ungoverned::NameTaken(registered))
            }
            (0, _) | (_, None) => Assignment::Registered(registered),
            (_, Some(last)) => {
                let all = matching.into_iter().chain([last]).cloned().collect();
                Assignment::Ungoverned(Ungoverned::Ambiguous(all))
            }
        }
    }
}

fn chosen(selector: &AgentSelector) -> Result<Chosen, String> {
    let labels = LabelSelector {
        match_labels: Some(selector.match_labels.clone()),
        match_expressions: Some(selector.match_expressions.clone()),
    };
    let labels = Selector::try_from(labels).map_err(|error| error.to_string())?;
    Ok(Chosen { kinds: selector.kinds.clone(), labels })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn agent(name: &str, spec: serde_json::Value) -> ServiceAgent {
        let object = json!({
            "apiVersion": "aws.ccagi.io/v1alpha1", "kind": "ServiceAgent",
            "metadata": {"name": name, "namespace": "shop"}, "spec": spec,
        });
        serde_json::from_value(object).unwrap()
    }

    fn bucket(labels: serde_json::Value, agent: Option<&str>) -> AwsResource {
        let reference = agent.map(|name| json!({"name": name}));
        let mut object = json!({
            "apiVersion": "aws.ccagi.io/v1alpha1", "kind": "AwsResource",
            "metadata": {"name": "assets", "namespace": "shop", "labels": labels},
            "spec": {"accountRef": {"name": "a"}, "s3Bucket": {"bucketName": "b"}},
        });
        if let Some(reference) = reference {
            object["spec"]["serviceAgentRef"] = reference;
        }
        serde_json::from_value(object).unwrap()
    }

    fn assigned(agents: &[ServiceAgent], resource: &AwsResource) -> Assignment {
        Candidates::of(agents).assignment(resource, KindName::S3Bucket)
    }

    fn registered() -> ServiceAgent {
        let mut agent = agent("registered-s3bucket", json!({"selector": {"kinds": ["S3Bucket"]}}));
        agent.labels_mut().insert(LABEL_REGISTERED.into(), "true".into());
        agent
    }

    #[test]
    fn the_named_agent_comes_before_those_that_select() {
        let agents = [agent("named", json!({})), agent("all", json!({"selector": {}}))];
        assert_eq!(assigned(&agents, &bucket(json!({}), Some("named"))), Assignment::Explicit("named".into()));
        let unknown = assigned(&agents, &bucket(json!({}), Some("gone")));
        assert_eq!(unknown, Assignment::Ungoverned(Ungoverned::Unknown("gone".into())));
    }

    #[test]
    fn an_agent_selects_by_labels_and_kinds_and_without_a_selector_nothing() {
        let agents = [
            agent("none", json!({})),
            agent("web", json!({"selector": {"matchLabels": {"app": "web"}, "kinds": ["S3Bucket"]}})),
            agent("machines", json!({"selector": {"kinds": ["Ec2Instance"]}})),
        ];
        assert_eq!(assigned(&agents, &bucket(json!({"app": "web"}), None)), Assignment::Explicit("web".into()));
        let other = assigned(&agents, &bucket(json!({"app": "api"}), None));
        assert_eq!(other, Assignment::Registered("registered-s3bucket".into()));
    }

    #[test]
    fn expressions_select_as_in_kubernetes_and_one_that_cannot_be_read_selects_nothing() {
        let select = |operator: &str| {
            let rule = json!({"key": "tier", "operator": operator, "values": ["web", "edge"]});
            agent("tier", json!({"selector": {"matchExpressions": [rule]}}))
        };
        let resource = bucket(json!({"tier": "edge"}), None);
        assert_eq!(assigned(&[select("In")], &resource), Assignment::Explicit("tier".into()));
        let registered = Assignment::Registered("registered-s3bucket".into());
        assert_eq!(assigned(&[select("NotIn")], &resource), registered);
        assert_eq!(assigned(&[select("Like")], &resource), registered);
        assert!(Candidates::of(&[select("Like")]).invalid_selector("tier").is_some());
        assert!(Candidates::of(&[select("In")]).invalid_selector("tier").is_none());
    }

    #[test]
    fn a_tie_names_all_and_nobody_governs() {
        let agents = [agent("a", json!({"selector": {}})), agent("b", json!({"selector": {"kinds": ["S3Bucket"]}}))];
        let Assignment::Ungoverned(tie) = assigned(&agents, &bucket(json!({}), None)) else { panic!("governed") };
        assert_eq!(tie, Ungoverned::Ambiguous(vec!["a".into(), "b".into()]));
        assert!(tie.to_string().contains("a, b"), "{tie}");
    }

    #[test]
    fn a_registered_agent_gives_way_to_one_that_selects() {
        let agents = [registered(), agent("mine", json!({"selector": {}}))];
        assert_eq!(assigned(&agents, &bucket(json!({}), None)), Assignment::Explicit("mine".into()));
        assert_eq!(assigned(&agents[..1], &bucket(json!({}), None)).name(), Some("registered-s3bucket"));
    }

    #[test]
    fn an_agent_without_the_label_is_nobody_elses_to_remove() {
        let theirs = agent("registered-s3bucket", json!({}));
        assert!(is_registered(&registered()) && !is_registered(&theirs));
        let taken = assigned(&[theirs], &bucket(json!({}), None));
        assert_eq!(taken, Assignment::Ungoverned(Ungoverned::NameTaken("registered-s3bucket".into())));
        let mut other = agent("other", json!({}));
        other.labels_mut().insert(LABEL_REGISTERED.into(), "true".into());
        assert!(!is_registered(&other), "no kind's agent is registered under this name");
    }
}
