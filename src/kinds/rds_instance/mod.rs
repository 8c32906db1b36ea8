//! Amazon RDS DB instances.

mod cost;
mod instance;
mod owned;
mod request;
mod spec;
mod storage;
mod subnet_group;
mod support;
mod version;
mod windows;

pub use spec::RdsInstanceSpec;

use crate::api::resource::{Change, Effect, ResourceState};
use crate::aws::error::{AwsError, ErrorClass, Named};
use crate::aws::session::Aws;
use crate::aws::tags::{TagEdit, UID};
use crate::cost::{Costs, Found};
use crate::health;
use crate::kinds::owned::Listing;
use crate::kinds::secrets::SecretReference;
use crate::kinds::{Invalid, Kind, KindName, Look, Observed, Reference, Request, Target, Usually, diff, once};
use serde_json::Value;

/// The kind `RdsInstance`.
pub struct RdsInstance;

const CREATE: &str = "CreateDBInstance";
const MODIFY: &str = "ModifyDBInstance";
const DELETE: &str = "DeleteDBInstance";

/// The output that names the DB subnet group.
const SUBNET_GROUP_OUTPUT: &str = "dbSubnetGroupName";

/// The output that names the secret in AWS Secrets Manager where RDS keeps the master user's password.
const MANAGED_PASSWORD_OUTPUT: &str = "masterUserSecretArn";

/// The name of the master user's password where it comes from a Secret of the cluster.
const PASSWORD: &str = "masterUserPassword";

/// The fewest subnets that can lie in two Availability Zones.
const SUBNETS: usize = 2;

impl Kind for RdsInstance {
    type Spec = RdsInstanceSpec;
    const NAME: KindName = KindName::RdsInstance;
    const NAME_FIELD: Option<&'static str> = Some("dbInstanceIdentifier");
    const HOLDS_DATA: bool = true;
    const GRANTS_ACCESS: bool = false;
    // AWS does not promise that an instance is visible as soon as it is made. Its name keeps a second
    // one from being made, but a deletion that believed the first look could leave one behind.
    const LAGS: bool = true;
    const ABSENT: &'static [&'static str] = &["DBInstanceNotFound"];
    // The last snapshot included.
    const USUALLY: Usually = Usually { create_seconds: 600, delete_seconds: 480 };
    const AT_LEAST: &'static [&'static str] = &["allocatedStorageGib"];
    const REFERENCES: &'static [Reference] = &[
        Reference { from: "subnetRefs", to: "subnetIds", output: "privateSubnetIds", later: false },
        Reference { from: "securityGroupRefs", to: "securityGroupIds", output: "groupId", later: false },
    ];
    const SECRETS: &'static [SecretReference] =
        &[SecretReference { from: "masterUserPasswordSecretRef", to: PASSWORD }];
    // Those of KMS and Secrets Manager are for the master user's secret, which RDS makes in the caller's
    // name (RDS User Guide, "Permissions required for Secrets Manager integration").
    const IAM_ACTIONS: &'static [&'static str] = &[
        "kms:DescribeKey",
        "rds:AddTagsToResource",
        "rds:CreateDBInstance",
        "rds:CreateDBSnapshot",
        "rds:CreateDBSubnetGroup",
        "rds:DeleteDBInstance",
        "rds:DeleteDBSubnetGroup",
        "rds:DescribeDBInstances",
        "rds:DescribeDBSubnetGroups",
        "rds:ListTagsForResource",
        "rds:ModifyDBInstance",
        "rds:ModifyDBSubnetGroup",
        "rds:RemoveTagsFromResource",
        "secretsmanager:CreateSecret",
        "secretsmanager:TagResource",
    ];

    fn validate(spec: &RdsInstanceSpec) -> Result<(), Invalid> {
        // References may have brought fewer than the schema asks for.
        match &spec.subnet_ids {
            Some(subnets) if subnets.len() < SUBNETS => {
                let message = "it must be subnets in at least two Availability Zones".into();
                Err(Invalid { path: "subnetIds", message })
            }
            _ => Ok(()),
        }
    }

    fn id(spec: &RdsInstanceSpec) -> Option<String> {
        Some(spec.db_instance_identifier.clone())
    }

    fn effect(path: &str) -> Option<Effect> {
        match path {
            // They steer how changes and the deletion are carried out.
            "allowMajorVersionUpgrade" | "applyImmediately" | "skipFinalSnapshot" => None,
            "subnetRefs" | "securityGroupRefs" => None,
            // RDS shows no password: the lifecycle knows which one was sent.
            "masterUserPasswordSecretRef.key" | "masterUserPasswordSecretRef.name" => None,
            // RDS stops and starts the database by itself for these.
            "engineVersion" | "instanceClass" => Some(Effect::Restart),
            "databaseName" | "dbInstanceIdentifier" | "engine" | "masterUsername" | "storageEncrypted" => {
                Some(Effect::Replace)
            }
            _ => Some(Effect::InPlace),
        }
    }

    fn comparable(spec: &RdsInstanceSpec) -> Value {
        let mut spec = spec.clone();
        for list in [&mut spec.subnet_ids, &mut spec.security_group_ids].into_iter().flatten() {
            list.sort();
            list.dedup();
        }
        serde_json::to_value(spec).unwrap_or(Value::Null)
    }

    fn diff(spec: &RdsInstanceSpec, observed: &Observed<RdsInstanceSpec>) -> Vec<Change> {
        let group = observed.outputs.get(SUBNET_GROUP_OUTPUT).map(String::as_str);
        let mut changes = differences(spec, &observed.spec, group);
        let managed = observed.spec.master_user_password_secret_ref.is_none()
            && observed.outputs.contains_key(MANAGED_PASSWORD_OUTPUT);
        if managed && spec.master_user_password_secret_ref.is_some() {
            let (from, to) = (Some("managed by RDS".into()), Some("as in the Secret".into()));
            changes.push(Change { path: PASSWORD.into(), from, to, effect: Effect::InPlace });
        }
        changes
    }

    const FREE_FIELDS: &'static [&'static str] = &[
        "allowMajorVersionUpgrade",
        "applyImmediately",
        "autoMinorVersionUpgrade",
        // Backups are paid for by what they hold.
        "backupRetentionDays",
        "backupWindow",
        "databaseName",
        "dbInstanceIdentifier",
        "deletionProtection",
        "maintenanceWindow",
        "masterUserPasswordSecretRef.key",
        "masterUserPasswordSecretRef.name",
        "masterUsername",
        "parameterGroupName",
        "securityGroupIds",
        // The last snapshot outlives the instance.
        "skipFinalSnapshot",
        "storageEncrypted",
        "subnetIds",
    ];

    fn cost_items(spec: &RdsInstanceSpec, found: Found<'_>) -> Costs {
        cost::items(spec, found)
    }

    async fn observe(
        aws: &Aws,
        id: &str,
        look: Look<'_, RdsInstanceSpec>,
    ) -> Result<Option<Observed<RdsInstanceSpec>>, AwsError> {
        const OPERATION: &str = "DescribeDBInstances";
        let Some(instance) = instance::describe(aws, id).await? else {
            return match look {
                Look::Owner { .. } => observe_what_is_left(aws, id).await,
                // A group that is left over is used by the next create call.
                Look::Full(_) => Ok(None),
            };
        };
        let arn = instance.db_instance_arn.clone();
        let arn = arn.ok_or_else(|| AwsError::malformed(OPERATION, "the answer has no ARN"))?;
        let tags = instance::tags(instance.tag_list());
        let mut state = instance::state(instance.db_instance_status());
        let health = health::database::judge(instance.db_instance_status());
        if tags.is_empty() && state == ResourceState::Creating {
            // Without its tags an instance of ours would pass for nobody's.
            return Err(AwsError::malformed(OPERATION, "an instance that is being made shows no tags yet"));
        }
        let spec = instance::spec(&instance);
        if let Look::Full(wanted) = look {
            let done = differences(wanted, &spec, instance::subnet_group(&instance)).is_empty();
            state = settling(state, wanted, done, !instance::pending(&instance).is_empty());
        }
        let (detail, outputs) = (instance::detail(&instance), instance::outputs(&instance, &arn));
        let billed = instance::billed(&instance);
        Ok(Some(Observed { arn, state, detail, health, spec, tags, outputs, billed }))
    }

    async fn create(aws: &Aws, request: Request<'_, RdsInstanceSpec>) -> Result<String, AwsError> {
        let spec = request.spec;
        if let Some(subnets) = &spec.subnet_ids {
            subnet_group::ensure(aws, &spec.db_instance_identifier, subnets, request.tags).await?;
        }
        once!(
            aws_sdk_rds,
            request::creation(aws.rds().create_db_instance(), spec, request.tags, request.secrets.expose(PASSWORD)),
            CREATE
        )?;
        Ok(spec.db_instance_identifier.clone())
    }

    async fn update(aws: &Aws, target: Target<'_, RdsInstanceSpec>, changes: &[Change]) -> Result<(), AwsError> {
        let Target { id, spec, observed, secrets } = target;
        if observed.state == ResourceState::Stopped {
            return Err(stopped(id));
        }
        if let Some(subnets) = &spec.subnet_ids
            && changes.iter().any(|change| change.path == "subnetIds" && change.effect == Effect::InPlace)
        {
            subnet_group::put_subnets(aws, id, subnets, &observed.tags).await?;
        }
        match request::modification(spec, observed, changes, secrets.expose(PASSWORD)) {
            Some(call) => call.send_with(aws.rds()).await.named(MODIFY).map(drop),
            None => Ok(()),
        }
    }

    async fn retag(aws: &Aws, target: Target<'_, RdsInstanceSpec>, edit: &TagEdit) -> Result<(), AwsError> {
        let observed = target.observed;
        // The group first: once the instance has its tags, nobody comes back for the group.
        subnet_group::retag(aws, target.id, &observed.tags, edit).await?;
        subnet_group::edit_tags(aws, &observed.arn, edit).await
    }

    async fn delete(aws: &Aws, target: Target<'_, RdsInstanceSpec>) -> Result<(), AwsError> {
        let Target { id, spec, observed, .. } = target;
        if only_the_group_is_left(observed) {
            return subnet_group::delete(aws, id).await;
        }
        // The name of the last snapshot holds the time at which the instance was made.
        let Some(instance) = instance::describe(aws, id).await? else { return Ok(()) };
        let call = request::deletion(spec, &instance, id, &observed.tags);
        match call.send_with(aws.rds()).await.named(DELETE) {
            // The manifest has taken the protection off, perhaps only after the object was deleted.
            Err(error) if error.class == ErrorClass::Blocked && spec.deletion_protection == Some(false) => {
                let call = aws.rds().modify_db_instance().db_instance_identifier(id).deletion_protection(false);
                call.apply_immediately(true).send().await.named(MODIFY).map(drop)
            }
            answer => answer.map(drop),
        }
    }

    async fn list_owned(aws: &Aws, cluster: &str) -> Listing {
        owned::list(aws, cluster).await
    }
}

/// What is left of an instance that is gone and is to be gone: the DB subnet group of its name, where
/// its tags name an owner. It counts as the resource until it is deleted too.
async fn observe_what_is_left(aws: &Aws, id: &str) -> Result<Option<Observed<RdsInstanceSpec>>, AwsError> {
    let group = subnet_group::read(aws, id).await?.filter(|group| group.tags.contains_key(UID));
    let spec = RdsInstanceSpec { db_instance_identifier: id.to_owned(), ..Default::default() };
    Ok(group.map(|group| Observed::remainder(group.arn, spec, group.tags, "only the DB subnet group is left")))
}

fn only_the_group_is_left(observed: &Observed<RdsInstanceSpec>) -> bool {
    observed.arn.split(':').nth(5) == Some("subgrp")
}

/// The state of an instance that shows as available. RDS takes a moment to begin with changes that are
/// to be made at once; until then they are pending, and the instance counts as being changed.
fn settling(state: ResourceState, wanted: &RdsInstanceSpec, done: bool, pending: bool) -> ResourceState {
    let about_to_change = pending && done && wanted.apply_immediately == Some(true);
    if state == ResourceState::Active && about_to_change { ResourceState::Updating } else { state }
}

/// The differences between the spec and what was found. `group` is the name of the DB subnet group that
/// the instance is in.
fn differences(spec: &RdsInstanceSpec, found: &RdsInstanceSpec, group: Option<&str>) -> Vec<Change> {
    let mut found = found.clone();
    let versions = spec.engine_version.as_deref().zip(found.engine_version.as_deref());
    // AWS installs minor versions by itself unless that is switched off.
    let installs = found.auto_minor_version_upgrade != Some(false);
    let raised = |wanted, version| installs && version::is_later_minor(&spec.engine, version, wanted);
    if versions.is_some_and(|(wanted, found)| version::meets(found, wanted) || raised(wanted, found)) {
        found.engine_version.clone_from(&spec.engine_version);
    }
    storage::lower_to_declared(spec, &mut found);
    let comparable = RdsInstance::comparable;
    let mut changes = diff::between(&comparable(spec), &comparable(&found), &RdsInstance::fields());
    for change in &mut changes {
        let impossible = match change.path.as_str() {
            // RDS can only raise versions.
            "engineVersion" => version::lowers(change),
            // A group that was not made with the instance is not ours to change.
            "subnetIds" => group != Some(&spec.db_instance_identifier),
            _ => false,
        };
        if impossible {
            change.effect = Effect::Replace;
        }
    }
    changes
}

/// RDS changes no instance that is stopped (User Guide, "Stopping an Amazon RDS DB instance
/// temporarily"), and one that somebody stopped is not started without being asked.
fn stopped(id: &str) -> AwsError {
    AwsError {
        operation: MODIFY,
        class: ErrorClass::Blocked,
        code: Some("InvalidDBInstanceState".into()),
        message: format!("the instance {id} is stopped, and RDS changes no instance that is"),
        request_id: None,
    }
}

#[cfg(test)]
mod tests;
