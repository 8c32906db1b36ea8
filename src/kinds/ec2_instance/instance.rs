//! Reading an instance: what the EC2 API says, in the words of the spec and the status.

use super::spec::{Ec2InstanceSpec, HttpEndpoint, HttpTokens, MetadataOptions};
use crate::api::resource::ResourceState;
use crate::aws::error::{AwsError, Named};
use crate::aws::session::Aws;
use crate::cost::Billed;
use aws_sdk_ec2::types as ec2;
use std::collections::BTreeMap;

const DESCRIBE: &str = "DescribeInstances";

/// Instances that one page of a search may hold; AWS advises to page rather than to ask for all.
const PAGE: i32 = 100;

/// Reads the instance; that AWS does not know it is an error like any other here.
pub(super) async fn describe(aws: &Aws, id: &str) -> Result<ec2::Instance, AwsError> {
    let answer = aws.ec2().describe_instances().instance_ids(id).send().await.named(DESCRIBE)?;
    answer
        .reservations
        .into_iter()
        .flatten()
        .find_map(|reservation| reservation.instances?.into_iter().next())
        .ok_or_else(|| AwsError::malformed(DESCRIBE, format!("the answer has no instance {id}")))
}

/// The states of an instance that is not terminated. A terminated one stays visible for about an hour.
pub(super) fn alive() -> ec2::Filter {
    let alive = ec2::InstanceStateName::values()
        .iter()
        .filter(|name| **name != ec2::InstanceStateName::Terminated.as_str())
        .map(|name| (*name).to_owned())
        .collect();
    ec2::Filter::builder().name("instance-state-name").set_values(Some(alive)).build()
}

/// The ids of all instances for which the filters hold.
pub(super) async fn search(aws: &Aws, filters: Vec<ec2::Filter>) -> Result<Vec<String>, AwsError> {
    let reservations: Vec<ec2::Reservation> = aws
        .ec2()
        .describe_instances()
        .set_filters(Some(filters))
        .into_paginator()
        .page_size(PAGE)
        .items()
        .send()
        .collect::<Result<_, _>>()
        .await
        .named(DESCRIBE)?;
    let instances = reservations.into_iter().flat_map(|reservation| reservation.instances.unwrap_or_default());
    Ok(instances.filter_map(|instance| instance.instance_id).collect())
}

/// Whether AWS refuses to terminate the instance.
pub(super) async fn termination_protection(aws: &Aws, id: &str) -> Result<Option<bool>, AwsError> {
    let answer = aws
        .ec2()
        .describe_instance_attribute()
        .instance_id(id)
        .attribute(ec2::InstanceAttributeName::DisableApiTermination)
        .send()
        .await
        .named("DescribeInstanceAttribute")?;
    Ok(answer.disable_api_termination.and_then(|attribute| attribute.value))
}

/// Where the instance is in its life. A stopping instance counts as updating: it is on its way to a
/// state in which it can be changed.
pub(super) fn state(name: Option<&ec2::InstanceStateName>) -> ResourceState {
    match name {
        Some(ec2::InstanceStateName::Pending) => ResourceState::Creating,
        Some(ec2::InstanceStateName::Running) => ResourceState::Active,
        Some(ec2::InstanceStateName::Stopping) => ResourceState::Updating,
        Some(ec2::InstanceStateName::Stopped) => ResourceState::Stopped,
        Some(ec2::InstanceStateName::ShuttingDown) => ResourceState::Deleting,
        Some(ec2::InstanceStateName::Terminated) => ResourceState::Deleted,
        Some(_) | None => ResourceState::Unknown,
    }
}

/// AWS's reason for the last change of state; empty while the instance runs.
pub(super) fn detail(instance: &ec2::Instance) -> Option<String> {
    let reason = instance.state_reason().and_then(|reason| reason.message());
    reason.or(instance.state_transition_reason()).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Whether AWS itself, and not a person or the instance, brought about the last change of state: the
/// codes of StateReason that begin with `Server.`, such as `Server.ScheduledStop`, as the EC2 API
/// Reference lists them. Messages begin with the code.
pub(super) fn is_aws_own_doing(detail: &str) -> bool {
    detail.starts_with("Server.")
}

/// The platforms that EC2 has no licence to pay for in.
const FREE_PLATFORM: &str = "Linux/UNIX";

/// What the instance is paid for beyond the spec (EC2 API reference, Instance): only what makes its price
/// another than that of Linux on shared hardware.
pub(super) fn billed(instance: &ec2::Instance) -> Billed {
    let tenancy = instance.placement().and_then(|placement| placement.tenancy()).map(ec2::Tenancy::as_str);
    let platform = instance.platform_details().or(instance.platform().map(ec2::PlatformValues::as_str));
    let lifecycle = instance.instance_lifecycle().map(ec2::InstanceLifecycleType::as_str);
    let monitoring = instance.monitoring().and_then(|monitoring| monitoring.state());
    let product = instance.product_codes().iter().find_map(|code| {
        code.product_code_id().filter(|_| code.product_code_type() == Some(&ec2::ProductCodeValues::Marketplace))
    });
    [
        ("Tenancy", tenancy.filter(|tenancy| *tenancy != "default")),
        ("PlatformDetails", platform.filter(|platform| !platform.is_empty() && *platform != FREE_PLATFORM)),
        ("InstanceLifecycle", lifecycle),
        ("EbsOptimized", (instance.ebs_optimized() == Some(true)).then_some("true")),
        ("Monitoring", monitoring.filter(|state| **state == ec2::MonitoringState::Enabled).map(|_| "enabled")),
        ("ProductCode", product),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?.to_owned())))
    .collect()
}

/// The settings that the description of an instance holds; volumes and termination protection are
/// calls of their own.
pub(super) fn settings(instance: &ec2::Instance) -> Ec2InstanceSpec {
    let groups = instance.security_groups().iter().filter_map(|group| group.group_id.clone()).collect();
    Ec2InstanceSpec {
        image_id: instance.image_id.clone().unwrap_or_default(),
        instance_type: instance.instance_type().map(|name| name.as_str().to_owned()).unwrap_or_default(),
        subnet_id: instance.subnet_id.clone(),
        security_group_ids: Some(groups),
        key_name: instance.key_name.clone(),
        iam_instance_profile: instance.iam_instance_profile().and_then(|profile| profile.arn.clone()),
        metadata_options: instance.metadata_options().map(metadata_options),
        ..Default::default()
    }
}

/// Who owns a public address that AWS lends, as opposed to an Elastic IP address, which an account owns (API
/// reference, InstanceNetworkInterfaceAssociation, IpOwnerId).
const LENDER: &str = "amazon";

/// Whether AWS lends the instance a public address; `None` where that does not show: only a running instance has
/// one, and an Elastic IP address hides it (EC2 User Guide, "Public IPv4 addresses").
pub(super) fn lends_public_address(instance: &ec2::Instance) -> Option<bool> {
    let running = instance.state().and_then(|state| state.name()) == Some(&ec2::InstanceStateName::Running);
    let is_primary = |interface: &&ec2::InstanceNetworkInterface| {
        interface.attachment().and_then(|attachment| attachment.device_index()) == Some(0)
    };
    let primary = instance.network_interfaces().iter().find(is_primary).filter(|_| running)?;
    match primary.association() {
        Some(association) => (association.ip_owner_id() == Some(LENDER)).then_some(true),
        None => Some(false),
    }
}

fn metadata_options(found: &ec2::InstanceMetadataOptionsResponse) -> MetadataOptions {
    MetadataOptions {
        http_tokens: found.http_tokens().and_then(|tokens| match tokens {
            ec2::HttpTokensState::Required => Some(HttpTokens::Required),
            ec2::HttpTokensState::Optional => Some(HttpTokens::Optional),
            _ => None,
        }),
        http_endpoint: found.http_endpoint().and_then(|endpoint| match endpoint {
            ec2::InstanceMetadataEndpointState::Enabled => Some(HttpEndpoint::Enabled),
            ec2::InstanceMetadataEndpointState::Disabled => Some(HttpEndpoint::Disabled),
            _ => None,
        }),
        http_put_response_hop_limit: found.http_put_response_hop_limit,
    }
}

/// What others may want to know; AWS writes empty names for what an instance does not have.
pub(super) fn outputs(instance: &ec2::Instance, arn: &str) -> BTreeMap<String, String> {
    [
        ("arn", Some(arn)),
        ("instanceId", instance.instance_id()),
        ("privateIp", instance.private_ip_address()),
        ("publicIp", instance.public_ip_address()),
        ("privateDnsName", instance.private_dns_name()),
        ("publicDnsName", instance.public_dns_name()),
        ("availabilityZone", instance.placement().and_then(|placement| placement.availability_zone())),
        ("subnetId", instance.subnet_id()),
        ("vpcId", instance.vpc_id()),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value.filter(|value| !value.is_empty())?.to_owned())))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_of_an_instance_has_a_meaning() {
        let meanings: Vec<_> = ec2::InstanceStateName::values()
            .iter()
            .map(|name| (*name, state(Some(&ec2::InstanceStateName::from(*name)))))
            .collect();
        let expected = [
            ("pending", ResourceState::Creating),
            ("running", ResourceState::Active),
            ("shutting-down", ResourceState::Deleting),
            ("stopped", ResourceState::Stopped),
            ("stopping", ResourceState::Updating),
            ("terminated", ResourceState::Deleted),
        ];
        assert_eq!(meanings, expected);
    }

    #[test]
    fn a_state_that_the_sdk_does_not_know_is_unknown() {
        assert_eq!(state(Some(&ec2::InstanceStateName::from("hibernating"))), ResourceState::Unknown);
        assert_eq!(state(None), ResourceState::Unknown);
    }

    #[test]
    fn the_reason_for_a_stop_is_told_and_an_empty_one_is_not() {
        let reason = ec2::StateReason::builder().message("Client.UserInitiatedShutdown").build();
        let stopped = ec2::Instance::builder().state_reason(reason).state_transition_reason("User initiated").build();
        assert_eq!(detail(&stopped).as_deref(), Some("Client.UserInitiatedShutdown"));
        let running = ec2::Instance::builder().state_transition_reason("").build();
        assert_eq!(detail(&running), None);
    }

    #[test]
    fn only_the_codes_of_the_server_are_awss_own_doing() {
        assert!(is_aws_own_doing("Server.ScheduledStop: Stopped due to a scheduled retirement"));
        assert!(!is_aws_own_doing("Client.UserInitiatedShutdown: User initiated shutdown"));
        assert!(!is_aws_own_doing("Client.InstanceInitiatedShutdown: Instance initiated shutdown"));
        assert!(!is_aws_own_doing("User initiated (2026-11-24 10:00:00 GMT)"));
    }

    #[test]
    fn an_address_is_seen_to_be_lent_only_while_the_instance_runs_and_no_other_hides_it() {
        let shown = |state: ec2::InstanceStateName, owner: Option<&str>| {
            let association = owner.map(|owner| {
                ec2::InstanceNetworkInterfaceAssociation::builder().public_ip("192.0.2.1").ip_owner_id(owner).build()
            });
            let attachment = ec2::InstanceNetworkInterfaceAttachment::builder().device_index(0).build();
            let interface = ec2::InstanceNetworkInterface::builder().attachment(attachment);
            let interface = interface.set_association(association).build();
            let state = ec2::InstanceState::builder().name(state).build();
            lends_public_address(&ec2::Instance::builder().state(state).network_interfaces(interface).build())
        };
        assert_eq!(shown(ec2::InstanceStateName::Running, Some("amazon")), Some(true));
        assert_eq!(shown(ec2::InstanceStateName::Running, None), Some(false));
        assert_eq!(shown(ec2::InstanceStateName::Running, Some("111122223333")), None, "an Elastic IP address");
        for state in ["pending", "stopping", "stopped", "shutting-down", "terminated"] {
            assert_eq!(shown(ec2::InstanceStateName::from(state), None), None, "{state}");
        }
        assert_eq!(lends_public_address(&ec2::Instance::builder().build()), None);
    }

    #[test]
    fn outputs_hold_only_what_the_instance_has() {
        let instance = ec2::Instance::builder().instance_id("i-1").private_ip_address("10.0.0.4").private_dns_name("");
        let names: Vec<_> = outputs(&instance.build(), "arn:aws:ec2:::instance/i-1").into_keys().collect();
        assert_eq!(names, ["arn", "instanceId", "privateIp"]);
    }
}
