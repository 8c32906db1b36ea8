//! Holds every pass to the guardrails of the account: gathers what they are judged by, and puts a refusal in
//! the place of an action that they do not permit.

use crate::aws::session::Aws;
use crate::guardrails::identities::Identities;
use crate::guardrails::{Asked, Denial, GivenRole, Rule, denied};
use crate::kinds::iam_role::roles_in_profile;
use crate::kinds::{Kind, RoleBy, RoleField};
use crate::lifecycle::context::Context;
use crate::lifecycle::decide::{Action, Facts};
use crate::lifecycle::error::PassError;
use crate::lifecycle::graph::Standing;
use crate::lifecycle::resolve::{ResolveError, find_account, namespace_labels};
use crate::lifecycle::{Walk, references};
use kube::ResourceExt;
use serde_json::Value;

/// The reason for conditions and Events.
pub const REASON: &str = "GuardrailDenied";

/// What the guardrails say of one object.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    /// What is denied.
    denials: Vec<Denial>,
    /// The fields that take a role of another object of which it is not sure yet that the role is its own,
    /// with that object's name.
    settling: Vec<(&'static str, String)>,
}

/// Whom a field takes its role from.
pub(super) struct Giver {
    field: RoleField,
    /// The other object; `None` where the field itself names the role.
    object: Option<GivingObject>,
}

/// An object that a field takes a role from.
struct GivingObject {
    name: String,
    /// How it stands to its role; `None` where it declares none.
    standing: Option<Standing>,
    /// What it gives for such a field. Another of its outputs may name something that is not its own, such as an
    /// instance profile of the same name.
    gives: Option<String>,
}

impl Walk<'_> {
    /// Whom the fields of a spec take roles from, before references are replaced.
    pub(super) fn givers<K: Kind>(&self, spec: &K::Spec) -> Vec<Giver> {
        if K::ROLES.is_empty() {
            return Vec::new();
        }
        let written = serde_json::to_value(spec).unwrap_or_default();
        let namespace = self.object.namespace().unwrap_or_default();
        let giver = |field: &RoleField| {
            let table: Vec<_> =
                K::REFERENCES.iter().filter(|reference| reference.from == field.from).copied().collect();
            let object = references::names(&written, &table).pop().map(|(name, _)| {
                let gift = self.cx.graph.gift(&(namespace.clone(), name.clone()));
                let output = table.first().map(|reference| reference.output).unwrap_or_default();
                let gives = gift.as_ref().and_then(|gift| gift.outputs.get(output).cloned());
                GivingObject { name, standing: gift.and_then(|gift| gift.role), gives }
            });
            Giver { field: *field, object }
        };
        K::ROLES.iter().map(giver).collect()
    }

    /// What the guardrails say of the object as its spec is now.
    ///
    /// # Errors
    /// What of AWS could not be read. Without it nothing may be written.
    pub(super) async fn guard<K: Kind>(
        &self,
        spec: &K::Spec,
        givers: &[Giver],
        aws: &Aws,
        facts: &Facts,
    ) -> Result<Guard, PassError> {
        let name = &self.object.spec.account_ref.name;
        let account = find_account(name, self.cx)?;
        let given = if facts.deleting { Vec::new() } else { self.given(spec, givers, aws).await? };
        let role = K::role(spec);
        let own = match role.is_some() || !given.is_empty() {
            true => self.identities(aws).await?,
            false => Identities::default(),
        };
        let namespace = self.object.namespace().unwrap_or_default();
        let labels = namespace_labels(&namespace, self.cx);
        let spec = &self.object.spec;
        let recorded = self.object.status.as_ref().and_then(|status| status.id.as_deref());
        let declared_id = spec.resource_id.as_deref().map(|id| ("spec.resourceId", id));
        let role_ids: Vec<_> = declared_id.into_iter().chain(recorded.map(|id| ("status.id", id))).collect();
        let asked = Asked {
            account: name,
            account_id: aws.account_id(),
            namespace: &namespace,
            labels: &labels,
            kind: K::NAME,
            writes: !facts.policies.observe_only(),
            adopts_by: match (spec.adoption_policy, &spec.resource_id) {
                (Some(_), _) => Some("adoptionPolicy"),
                (None, Some(_)) => Some("resourceId"),
                (None, None) => None,
            },
            role,
            role_ids: &role_ids,
            given: &given,
        };
        let settling = givers.iter().filter_map(|giver| match &giver.object {
            Some(GivingObject { name, standing: Some(Standing::Settling), .. }) if !self.looks_ahead => {
                Some((giver.field.path, name.clone()))
            }
            _ => None,
        });
        let denials = denied(&account.spec.guardrails.unwrap_or_default(), &own, &asked);
        Ok(Guard { denials, settling: settling.collect() })
    }

    /// The roles that the resource is to be given. What an instance profile holds is asked of IAM, unless it is
    /// the profile of an object of the namespace, which has its role's name.
    async fn given<S: serde::Serialize>(
        &self,
        spec: &S,
        givers: &[Giver],
        aws: &Aws,
    ) -> Result<Vec<GivenRole>, PassError> {
        let mut given = Vec::new();
        let filled = serde_json::to_value(spec).unwrap_or_default();
        for Giver { field, object } in givers {
            let pointer = format!("/{}", field.path.replace('.', "/"));
            let Some(value) = filled.pointer(&pointer).and_then(Value::as_str).filter(|text| !text.is_empty()) else {
                continue;
            };
            let own = |object: &GivingObject| matches!(object.standing, Some(Standing::Own | Standing::Settling));
            let gives_it = |object: &GivingObject| object.gives.as_deref() == Some(value);
            // A plan has words in place of what is not known yet.
            let awaited =
                self.looks_ahead && object.as_ref().is_some_and(|object| own(object) && object.gives.is_none());
            let of_the_namespace = awaited || object.as_ref().is_some_and(|object| own(object) && gives_it(object));
            let named = |arn: Option<String>| GivenRole { field: field.path, arn, of_the_namespace };
            match field.by {
                _ if awaited => given.push(named(None)),
                RoleBy::Arn => given.push(named(Some(value.to_owned()))),
                RoleBy::InstanceProfile if of_the_namespace => {
                    let name = value.rsplit('/').next().unwrap_or(value);
                    given.push(named(Some(role_arn(aws, name))));
                }
                RoleBy::InstanceProfile => {
                    let roles = roles_in_profile(aws, value).await.map_err(PassError::Observe)?;
                    given.extend(roles.into_iter().map(|arn| named(Some(arn))));
                }
            }
        }
        Ok(given)
    }

    /// The roles that the controller and all AwsAccounts act through.
    async fn identities(&self, aws: &Aws) -> Result<Identities, PassError> {
        let mut own = declared_identities(self.cx);
        let name = &self.object.spec.account_ref.name;
        let account = find_account(name, self.cx)?;
        let refused = |error| PassError::Resolve(ResolveError::NoSession { account: name.clone(), error });
        let sessions = &self.cx.sessions;
        own.add(&sessions.identity(&account.spec).await.map_err(refused)?.arn, &whose(name));
        own.add(&sessions.own_identity(aws.region()).await.map_err(refused)?.arn, "the controller itself");
        Ok(own)
    }
}

fn role_arn(aws: &Aws, name: &str) -> String {
    format!("arn:{}:iam::{}:role/{name}", aws.partition(), aws.account_id())
}

fn whose(account: &str) -> String {
    format!("the AwsAccount {account}")
}

/// What the AwsAccounts declare and what their statuses say. One that cannot be read is acted through by nobody.
fn declared_identities(cx: &Context) -> Identities {
    let mut own = Identities::default();
    for guard in cx.accounts.state() {
        let Ok(account) = &guard.0 else { continue };
        let whose = whose(&account.name_any());
        for role in account.spec.credentials.iter().flat_map(|credentials| credentials.roles()) {
            own.add(&role.role_arn, &whose);
        }
        let confirmed = account.status.as_ref().and_then(|status| status.identity_arn.as_ref());
        confirmed.into_iter().for_each(|arn| own.add(arn, &whose));
    }
    own
}

impl Guard {
    /// The action, or the refusal that stands in its place. What exists may always be let go and deleted, but
    /// for the roles that the controller acts through; what an object has already taken over is its own.
    pub fn permit(&self, action: Action, facts: &Facts) -> Action {
        match &action {
            // They touch nothing in AWS.
            Action::RemoveFinalizer(_) | Action::Reread | Action::Record(_) | Action::EndRestart => return action,
            _ if facts.deleting && action != Action::Delete => return action,
            _ => {}
        }
        let holds = |denial: &&Denial| match denial.rule {
            Rule::OwnIdentities => true,
            _ if facts.deleting => false,
            Rule::Adoption => action == Action::Adopt || facts.intent.is_none(),
            _ => true,
        };
        let held: Vec<String> = self.denials.iter().filter(holds).map(ToString::to_string).collect();
        if !held.is_empty() {
            return Action::Refuse { reason: REASON, message: held.join(" ") };
        }
        match self.settling.iter().find(|(field, _)| gives(&action, field)) {
            Some((field, name)) => Action::Wait {
                after: facts.poll_period,
                reason: "DependencyNotReady",
                why: format!("{field} waits until the AwsResource {name} has shown that the role is its own."),
            },
            None => action,
        }
    }
}

/// Whether the action gives the resource the role that a field names.
fn gives(action: &Action, field: &str) -> bool {
    match action {
        Action::Create => true,
        Action::Update(changes) => changes.iter().any(|change| change.path == field),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
