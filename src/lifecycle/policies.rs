//! What an object's policies permit, with the defaults filled in.

use crate::api::resource::{AdoptionPolicy, AwsResourceSpec, DeletionPolicy, ManagementPolicy, RestartPolicy};

/// What the controller may do for one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policies {
    /// Make the resource.
    pub create: bool,
    /// Change it.
    pub update: bool,
    /// Remove it when the object goes.
    pub delete: bool,
    /// Take over an existing resource that nobody owns.
    pub adoption: Option<AdoptionPolicy>,
    /// Interrupt it for a change; `None` where that is for the service agent to say.
    pub restart: Option<RestartPolicy>,
}

impl Policies {
    /// The policies of `spec` for a kind that holds data, or does not.
    pub fn of(spec: &AwsResourceSpec, holds_data: bool) -> Self {
        let may = |policy: ManagementPolicy| match &spec.management_policies {
            None => true,
            Some(listed) => listed.contains(&policy) || listed.contains(&ManagementPolicy::All),
        };
        let delete = match spec.deletion_policy {
            Some(DeletionPolicy::Delete) => true,
            Some(DeletionPolicy::Retain) => false,
            None => !holds_data,
        };
        Self {
            create: may(ManagementPolicy::Create),
            update: may(ManagementPolicy::Update),
            delete: delete && may(ManagementPolicy::Delete),
            adoption: spec.adoption_policy,
            restart: spec.restart_policy,
        }
    }

    /// Whether nothing may ever be written.
    pub fn observe_only(&self) -> bool {
        !self.create && !self.update && !self.delete
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(yaml: &str) -> AwsResourceSpec {
        serde_saphyr::from_str(&format!("accountRef: {{name: a}}\n{yaml}")).unwrap()
    }

    #[test]
    fn kinds_that_hold_data_are_retained_unless_delete_is_written() {
        assert!(!Policies::of(&spec(""), true).delete);
        assert!(Policies::of(&spec(""), false).delete);
        assert!(Policies::of(&spec("deletionPolicy: Delete"), true).delete);
        assert!(!Policies::of(&spec("deletionPolicy: Retain"), false).delete);
    }

    #[test]
    fn observe_alone_permits_no_write_even_with_deletion_policy_delete() {
        assert!(Policies::of(&spec("managementPolicies: [Observe]\ndeletionPolicy: Delete"), true).observe_only());
        assert!(!Policies::of(&spec("managementPolicies: ['*']"), false).observe_only());
    }
}
