//! An instance's settings that change while it runs, and its starts and stops: one call each.

use super::spec::{HttpEndpoint, HttpTokens, MetadataOptions};
use crate::aws::error::{AwsError, Named};
use crate::aws::session::Aws;
use aws_sdk_ec2::types as ec2;

const MODIFY: &str = "ModifyInstanceAttribute";

pub(super) async fn put_security_groups(aws: &Aws, id: &str, wanted: &[String]) -> Result<(), AwsError> {
    let call = aws.ec2().modify_instance_attribute().instance_id(id).set_groups(Some(wanted.to_vec()));
    call.send().await.named(MODIFY).map(drop)
}

pub(super) async fn put_termination_protection(aws: &Aws, id: &str, wanted: bool) -> Result<(), AwsError> {
    let value = ec2::AttributeBooleanValue::builder().value(wanted).build();
    let call = aws.ec2().modify_instance_attribute().instance_id(id).disable_api_termination(value);
    call.send().await.named(MODIFY).map(drop)
}

/// Changes the type; AWS takes it only while the instance is stopped.
pub(super) async fn put_instance_type(aws: &Aws, id: &str, wanted: &str) -> Result<(), AwsError> {
    let value = ec2::AttributeValue::builder().value(wanted).build();
    let call = aws.ec2().modify_instance_attribute().instance_id(id).instance_type(value);
    call.send().await.named(MODIFY).map(drop)
}

pub(super) async fn put_metadata_options(aws: &Aws, id: &str, wanted: MetadataOptions) -> Result<(), AwsError> {
    aws.ec2()
        .modify_instance_metadata_options()
        .instance_id(id)
        .set_http_tokens(wanted.http_tokens.map(http_tokens_for_api))
        .set_http_endpoint(wanted.http_endpoint.map(http_endpoint_for_api))
        .set_http_put_response_hop_limit(wanted.http_put_response_hop_limit)
        .send()
        .await
        .named("ModifyInstanceMetadataOptions")
        .map(drop)
}

/// Gives the instance a profile, in the place of the one it has.
pub(super) async fn put_instance_profile(aws: &Aws, id: &str, wanted: &str) -> Result<(), AwsError> {
    let profile = instance_profile_for_api(wanted);
    match association(aws, id).await? {
        Some(association) => aws
            .ec2()
            .replace_iam_instance_profile_association()
            .association_id(association)
            .iam_instance_profile(profile)
            .send()
            .await
            .named("ReplaceIamInstanceProfileAssociation")
            .map(drop),
        None => aws
            .ec2()
            .associate_iam_instance_profile()
            .instance_id(id)
            .iam_instance_profile(profile)
            .send()
            .await
            .named("AssociateIamInstanceProfile")
            .map(drop),
    }
}

/// The association that holds the instance's profile; one that is being undone holds nothing.
async fn association(aws: &Aws, id: &str) -> Result<Option<String>, AwsError> {
    let answer = aws
        .ec2()
        .describe_iam_instance_profile_associations()
        .filters(crate::kinds::ec2_tags::filter("instance-id", id))
        .send()
        .await
        .named("DescribeIamInstanceProfileAssociations")?;
    let holds = |found: &ec2::IamInstanceProfileAssociation| {
        matches!(
            found.state,
            Some(
                ec2::IamInstanceProfileAssociationState::Associated
                    | ec2::IamInstanceProfileAssociationState::Associating
            )
        )
    };
    let associations = answer.iam_instance_profile_associations.unwrap_or_default();
    Ok(associations.into_iter().find(holds).and_then(|found| found.association_id))
}

pub(super) async fn stop(aws: &Aws, id: &str) -> Result<(), AwsError> {
    aws.ec2().stop_instances().instance_ids(id).send().await.named("StopInstances").map(drop)
}

pub(super) async fn start(aws: &Aws, id: &str) -> Result<(), AwsError> {
    aws.ec2().start_instances().instance_ids(id).send().await.named("StartInstances").map(drop)
}

pub(super) fn instance_profile_for_api(wanted: &str) -> ec2::IamInstanceProfileSpecification {
    let profile = ec2::IamInstanceProfileSpecification::builder();
    if wanted.starts_with("arn:") { profile.arn(wanted).build() } else { profile.name(wanted).build() }
}

pub(super) fn metadata_options_for_api(wanted: MetadataOptions) -> ec2::InstanceMetadataOptionsRequest {
    ec2::InstanceMetadataOptionsRequest::builder()
        .set_http_tokens(wanted.http_tokens.map(http_tokens_for_api))
        .set_http_endpoint(wanted.http_endpoint.map(http_endpoint_for_api))
        .set_http_put_response_hop_limit(wanted.http_put_response_hop_limit)
        .build()
}

fn http_tokens_for_api(wanted: HttpTokens) -> ec2::HttpTokensState {
    match wanted {
        HttpTokens::Required => ec2::HttpTokensState::Required,
        HttpTokens::Optional => ec2::HttpTokensState::Optional,
    }
}

fn http_endpoint_for_api(wanted: HttpEndpoint) -> ec2::InstanceMetadataEndpointState {
    match wanted {
        HttpEndpoint::Enabled => ec2::InstanceMetadataEndpointState::Enabled,
        HttpEndpoint::Disabled => ec2::InstanceMetadataEndpointState::Disabled,
    }
}
