//! Amazon EC2 instances.

mod checks;
mod cost;
mod instance;
mod launch;
mod owned;
mod settings;
mod spec;
mod volumes;

pub use spec::Ec2InstanceSpec;

use crate::api::resource::{Change, Effect, Intent, ResourceState};
use crate::aws::error::{AwsError, Named, unless_absent};
use crate::aws::session::Aws;
use crate::aws::tags::{CLUSTER, Owner, TagEdit, UID};
use crate::cost::{Costs, Found};
use crate::kinds::owned::Listing;
use crate::kinds::{
    Invalid, Kind, KindName, Look, Observed, Reference, Request, RoleBy, RoleField, Target, Usually, ec2_tags, if_named,
};
use aws_sdk_ec2::types as ec2;
use serde_json::Value;
use std::collections::BTreeSet;

/// The kind `Ec2Instance`.
pub struct Ec2Instance;

/// The code by which EC2 refuses to terminate a protected instance.
const PROTECTED: &str = "OperationNotPermitted";

/// The most user data an instance takes, in bytes before the encoding (EC2 User Guide, "Run commands
/// when you launch an EC2 instance with user data input").
const USER_DATA_LIMIT: usize = 16 * 1024;

impl Kind for Ec2Instance {
    type Spec = Ec2InstanceSpec;
    const NAME: KindName = KindName::Ec2Instance;
    const HOLDS_DATA: bool = false;
    const GRANTS_ACCESS: bool = false;
    // The EC2 API is eventually consistent (EC2 Developer Guide, "Eventual consistency").
    const LAGS: bool = true;
    const ABSENT: &'static [&'static str] = &["InvalidInstanceID.NotFound"];
    const USUALLY: Usually = Usually { create_seconds: 30, delete_seconds: 60 };
    const NAMED_LISTS: &'static [(&'static str, &'static str)] = &[("dataVolumes", "deviceName")];
    // EBS has no call for a smaller volume (EBS User Guide, "Modify an EBS volume").
    const AT_LEAST: &'static [&'static str] = &["dataVolumes.sizeGib", "rootVolume.sizeGib"];
    const ROLES: &'static [RoleField] =
        &[RoleField { path: "iamInstanceProfile", from: "iamInstanceProfileRef", by: RoleBy::InstanceProfile }];
    const REFERENCES: &'static [Reference] = &[
        Reference { from: "subnetRef", to: "subnetId", output: "subnetId", later: false },
        Reference { from: "securityGroupRefs", to: "securityGroupIds", output: "groupId", later: false },
        Reference {
            from: "iamInstanceProfileRef",
            to: "iamInstanceProfile",
            output: "instanceProfileArn",
            later: false,
        },
    ];
    const IAM_ACTIONS: &'static [&'static str] = &[
        "ec2:AssociateIamInstanceProfile",
        "ec2:CreateTags",
        "ec2:DeleteTags",
        "ec2:DescribeIamInstanceProfileAssociations",
        "ec2:DescribeImages",
        "ec2:DescribeInstanceAttribute",
        "ec2:DescribeInstanceStatus",
        "ec2:DescribeInstances",
        "ec2:DescribeVolumes",
        "ec2:ModifyInstanceAttribute",
        "ec2:ModifyInstanceMetadataOptions",
        "ec2:ModifyVolume",
        "ec2:ReplaceIamInstanceProfileAssociation",
        "ec2:RunInstances",
        "ec2:StartInstances",
        "ec2:StopInstances",
        "ec2:TerminateInstances",
        "iam:GetInstanceProfile",
        "iam:PassRole",
    ];

    fn validate(spec: &Ec2InstanceSpec) -> Result<(), Invalid> {
        // The schema counts characters, AWS counts bytes.
        let size = spec.user_data.as_ref().map_or(0, String::len);
        if size > USER_DATA_LIMIT {
            let message = format!("it must be at most {USER_DATA_LIMIT} bytes and is {size}");
            return Err(Invalid { path: "userData", message });
        }
        Ok(())
    }

    fn id(_spec: &Ec2InstanceSpec) -> Option<String> {
        None
    }

    fn effect(path: &str) -> Option<Effect> {
        match path {
            // Programs on the instance may have asked for it once, at the first start.
            "userData" => None,
            "instanceType" => Some(Effect::Restart),
            "imageId" | "subnetId" | "keyName" | "associatePublicIpAddress" => Some(Effect::Replace),
            // A volume as a whole: it is made with the instance or not at all.
            "dataVolumes" => Some(Effect::Replace),
            "rootVolume.encrypted" | "dataVolumes.encrypted" => Some(Effect::Replace),
            _ => Some(Effect::InPlace),
        }
    }

    fn comparable(spec: &Ec2InstanceSpec) -> Value {
        let mut spec = spec.clone();
        if let Some(groups) = &mut spec.security_group_ids {
            groups.sort();
            // A reference may bring one that is listed too.
            groups.dedup();
        }
        // AWS always answers with the ARN. The name at its end is unique in the account.
        spec.iam_instance_profile = spec.iam_instance_profile.as_deref().map(|profile| last_part(profile).to_owned());
        serde_json::to_value(spec).unwrap_or(Value::Null)
    }

    const FREE_FIELDS: &'static [&'static str] = &[
        "dataVolumes.deleteOnTermination",
        "dataVolumes.deviceName",
        "dataVolumes.encrypted",
        "iamInstanceProfile",
        "imageId",
        "keyName",
        "metadataOptions.httpEndpoint",
        "metadataOptions.httpPutResponseHopLimit",
        "metadataOptions.httpTokens",
        "rootVolume.deleteOnTermination",
        "rootVolume.encrypted",
        "securityGroupIds",
        "terminationProtection",
        "userData",
    ];

    fn cost_items(spec: &Ec2InstanceSpec, found: Found<'_>) -> Costs {
        cost::items(spec, found)
    }

    async fn observe(
        aws: &Aws,
        id: &str,
        look: Look<'_, Ec2InstanceSpec>,
    ) -> Result<Option<Observed<Ec2InstanceSpec>>, AwsError> {
        let found = instance::describe(aws, id).await;
        let Some(instance) = unless_absent(found, Self::ABSENT)? else { return Ok(None) };
        let state = instance::state(instance.state().and_then(|state| state.name()));
        let mut found = instance::settings(&instance);
        let mut health = checks::assess(&instance, None);
        if let Look::Full(wanted) = look
            // Nothing of a terminated instance is left to compare.
            && state != ResourceState::Deleted
        {
            // What AWS does not show now is taken for what was asked for.
            found.associate_public_ip_address =
                instance::lends_public_address(&instance).or(wanted.associate_public_ip_address);
            let (_, status) = futures::try_join!(
                read_settings(aws, &instance, id, wanted, &mut found),
                checks::read(aws, id, state == ResourceState::Active),
            )?;
            health = checks::assess(&instance, status.as_ref());
        }
        let arn = format!("arn:{}:ec2:{}:{}:instance/{id}", aws.partition(), aws.region(), aws.account_id());
        Ok(Some(Observed {
            billed: instance::billed(&instance),
            state,
            detail: instance::detail(&instance),
            health,
            spec: found,
            tags: ec2_tags::tags(instance.tags()),
            outputs: instance::outputs(&instance, &arn),
            arn,
        }))
    }

    async fn find(aws: &Aws, owner: &Owner, intent: &Intent) -> Result<Vec<String>, AwsError> {
        // A terminated instance is found by its token too: it says that this life is over.
        let by_token = vec![ec2_tags::filter("client-token", &intent.token)];
        let found = instance::search(aws, by_token).await?;
        if !found.is_empty() {
            return Ok(found);
        }
        let by_owner = vec![
            ec2_tags::filter(format!("tag:{UID}"), &owner.uid),
            ec2_tags::filter(format!("tag:{CLUSTER}"), &owner.cluster),
            instance::alive(),
        ];
        instance::search(aws, by_owner).await
    }

    async fn create(aws: &Aws, request: Request<'_, Ec2InstanceSpec>) -> Result<String, AwsError> {
        launch::run(aws, &request).await
    }

    async fn update(aws: &Aws, target: Target<'_, Ec2InstanceSpec>, changes: &[Change]) -> Result<(), AwsError> {
        for step in steps(target.observed.state, changes) {
            take(aws, &target, changes, step).await?;
        }
        Ok(())
    }

    fn stopped_by_failure(observed: &Observed<Ec2InstanceSpec>) -> bool {
        let stopped = observed.state == ResourceState::Stopped;
        stopped && observed.detail.as_deref().is_some_and(instance::is_aws_own_doing)
    }

    async fn retag(aws: &Aws, target: Target<'_, Ec2InstanceSpec>, edit: &TagEdit) -> Result<(), AwsError> {
        ec2_tags::retag(aws, target.id, edit).await
    }

    async fn delete(aws: &Aws, target: Target<'_, Ec2InstanceSpec>) -> Result<(), AwsError> {
        let call = aws.ec2().terminate_instances().instance_ids(target.id);
        match call.send().await.named("TerminateInstances") {
            // The manifest has taken the protection off, perhaps only after the object was deleted.
            Err(error)
                if error.code.as_deref() == Some(PROTECTED) && target.spec.termination_protection == Some(false) =>
            {
                settings::put_termination_protection(aws, target.id, false).await
            }
            answer => answer.map(drop),
        }
    }

    async fn list_owned(aws: &Aws, cluster: &str) -> Listing {
        owned::list(aws, cluster).await
    }
}

/// Reads the settings that `wanted` names and that the description of the instance lacks, and the volumes,
/// which are paid for whether they are named or not.
async fn read_settings(
    aws: &Aws,
    instance: &ec2::Instance,
    id: &str,
    wanted: &Ec2InstanceSpec,
    found: &mut Ec2InstanceSpec,
) -> Result<(), AwsError> {
    if wanted.termination_protection.is_some() {
        found.termination_protection = instance::termination_protection(aws, id).await?;
    }
    volumes::describe(found, wanted, instance, &volumes::attached(aws, id).await?)
}

fn last_part(arn_or_name: &str) -> &str {
    arn_or_name.rsplit('/').next().unwrap_or(arn_or_name)
}

/// One step of an update, in the order in which they are taken. What brings back an instance that
/// stands still comes first, so that no other step that fails can keep it down; what interrupts a
/// running one comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    InstanceType,
    Start,
    TerminationProtection,
    SecurityGroups,
    InstanceProfile,
    MetadataOptions,
    Volumes,
    Stop,
}

impl Step {
    /// The step that carries out the change, or brings it closer, in an instance in this state.
    fn of(change: &Change, state: ResourceState) -> Option<Self> {
        match (change.effect, change.path.split(['.', '[']).next()?) {
            (Effect::InPlace, "terminationProtection") => Some(Self::TerminationProtection),
            (Effect::InPlace, "securityGroupIds") => Some(Self::SecurityGroups),
            (Effect::InPlace, "iamInstanceProfile") => Some(Self::InstanceProfile),
            (Effect::InPlace, "metadataOptions") => Some(Self::MetadataOptions),
            (Effect::InPlace, "rootVolume" | "dataVolumes") => Some(Self::Volumes),
            // The lifecycle asks for it when it owes the instance a start.
            (Effect::InPlace, "state") => Some(Self::Start),
            (Effect::Restart, _) if state == ResourceState::Active => Some(Self::Stop),
            (Effect::Restart, "instanceType") if state == ResourceState::Stopped => Some(Self::InstanceType),
            _ => None,
        }
    }
}

fn steps(state: ResourceState, changes: &[Change]) -> BTreeSet<Step> {
    changes.iter().filter_map(|change| Step::of(change, state)).collect()
}

async fn take(aws: &Aws, target: &Target<'_, Ec2InstanceSpec>, changes: &[Change], step: Step) -> Result<(), AwsError> {
    let Target { id, spec, .. } = *target;
    match step {
        Step::InstanceType => settings::put_instance_type(aws, id, &spec.instance_type).await,
        Step::Start => settings::start(aws, id).await,
        Step::TerminationProtection => {
            if_named!(spec.termination_protection, value => settings::put_termination_protection(aws, id, *value))
        }
        Step::SecurityGroups => {
            if_named!(spec.security_group_ids, value => settings::put_security_groups(aws, id, value))
        }
        Step::InstanceProfile => {
            if_named!(spec.iam_instance_profile, value => settings::put_instance_profile(aws, id, value))
        }
        Step::MetadataOptions => {
            if_named!(spec.metadata_options, value => settings::put_metadata_options(aws, id, *value))
        }
        Step::Volumes => volumes::modify(aws, id, spec, changes).await,
        Step::Stop => settings::stop(aws, id).await,
    }
}

#[cfg(test)]
mod tests;
