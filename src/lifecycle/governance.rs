//! Who owns an object, who governs it, and what may be done for it without asking: read from the caches
//! once per walk, judged in [`crate::agents`].

use crate::agents::autonomy::{Approval, Mandate, effective};
use crate::agents::historical::Agent;
use crate::agents::membership::{Assignment, Candidates};
use crate::agents::owners::{self, InvalidOwners, Owners};
use crate::api::account::AwsAccount;
use crate::api::conditions::{ConditionType, Verdict};
use crate::api::resource::{AwsResource, AwsResourceStatus};
use crate::api::service_agent::ServiceAgent;
use crate::api::{ANNOTATION_APPROVE, ANNOTATION_OWNERS};
use crate::kinds::KindName;
use crate::lifecycle::context::{Accounts, Context, Namespaces};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::{ObjectRef, Store};
use std::sync::Arc;

/// The ServiceAgents of the cluster; one that does not parse stands for itself only.
pub type Agents = Store<DeserializeGuard<ServiceAgent>>;

/// What holds for one object.
#[derive(Clone, Debug)]
pub struct Governance {
    /// The historical agent that owns it.
    pub owner: Agent,
    /// Its service agent.
    pub assignment: Assignment,
    /// What may be done without asking.
    pub mandate: Mandate,
}

/// Everything that governs the objects of one namespace.
pub struct Constitution {
    /// The agents of the namespace, by what they select.
    pub candidates: Candidates,
    /// The same as they are stored.
    pub agents: Vec<Arc<DeserializeGuard<ServiceAgent>>>,
    /// The owners that the namespace names.
    pub owners: Result<Owners, InvalidOwners>,
    accounts: Accounts,
}

impl Constitution {
    /// Reads what the caches have of the namespace.
    pub fn of(namespace: &str, agents: &Agents, namespaces: &Namespaces, accounts: &Accounts) -> Self {
        let agents = agents.state().into_iter().filter(|agent| agent.namespace().as_deref() == Some(namespace));
        let agents: Vec<_> = agents.collect();
        let found = namespaces.get(&ObjectRef::new(namespace));
        let annotation = found.as_ref().and_then(|found| found.annotations().get(ANNOTATION_OWNERS));
        Self {
            candidates: Candidates::of(agents.iter().filter_map(|guard| guard.0.as_ref().ok())),
            agents,
            owners: annotation.map_or_else(|| Ok(Owners::new()), |text| owners::parse(text)),
            accounts: accounts.clone(),
        }
    }

    /// What holds for an object of the namespace that is of this kind.
    pub fn governance(&self, object: &AwsResource, kind: KindName) -> Governance {
        let account = self.accounts.get(&ObjectRef::<DeserializeGuard<AwsAccount>>::new(&object.spec.account_ref.name));
        let account = account.as_ref().and_then(|guard| guard.0.as_ref().ok());
        let none = Owners::new();
        let by_account = account.map_or(&none, |account| &account.spec.owners);
        let assignment = self.candidates.assignment(object, kind);
        let agent = assignment.name().and_then(|name| self.agent(name));
        let level = match &assignment {
            // Where it is not known who decides, nobody does.
            Assignment::Ungoverned(_) => 0,
            Assignment::Explicit(_) | Assignment::Registered(_) => {
                let declared = agent.and_then(|agent| agent.spec.autonomy_level);
                effective(declared, kind, account.and_then(|account| account.spec.autonomy_cap))
            }
        };
        Governance {
            owner: owners::owner(kind, by_account, self.owners.as_ref().unwrap_or(&none)),
            mandate: Mandate {
                level,
                actions: agent.and_then(|agent| agent.spec.actions.clone()),
                approval: approval(object),
            },
            assignment,
        }
    }

    /// The agent of this name, where it can be read.
    pub fn agent(&self, name: &str) -> Option<&ServiceAgent> {
        self.agents.iter().filter_map(|guard| guard.0.as_ref().ok()).find(|agent| agent.name_any() == name)
    }
}

/// What holds for one object; `None` where it has no kind.
pub fn governance(object: &AwsResource, cx: &Context) -> Option<Governance> {
    let kind = object.spec.kind.name()?;
    let namespace = object.namespace().unwrap_or_default();
    let constitution = Constitution::of(&namespace, &cx.agents, &cx.namespaces, &cx.accounts);
    Some(constitution.governance(object, kind))
}

/// The approval of one of the recommendations that are open for the object.
fn approval(object: &AwsResource) -> Option<Approval> {
    let id = object.annotations().get(ANNOTATION_APPROVE)?.trim();
    let open = object.status.as_ref()?.recommendations.iter().find(|open| open.id == id)?;
    Some(Approval { id: open.id.clone(), since: open.since.clone() })
}

impl Governance {
    /// Puts into the status whose the object is, or why it is nobody's.
    pub fn describe(&self, object: &AwsResource, status: &mut AwsResourceStatus, now: Timestamp) {
        status.owner = Some(self.owner.as_str().into());
        status.service_agent = self.assignment.name().map(str::to_owned);
        let Assignment::Ungoverned(why) = &self.assignment else { return };
        let previous = object.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
        let generation = object.metadata.generation.unwrap_or_default();
        let verdict = Verdict::stalled(why.reason(), why.to_string());
        status.conditions.push(verdict.as_condition(ConditionType::Ungoverned, previous, generation, now));
    }
}
