//! Making an instance: one call to RunInstances, after a look at the image where it is needed.

use super::spec::Ec2InstanceSpec;
use super::{settings, volumes};
use crate::aws::error::{AwsError, ErrorClass, Named};
use crate::aws::session::Aws;
use crate::aws::tags::Tags;
use crate::kinds::Request;
use aws_sdk_ec2::types as ec2;
use aws_smithy_types::base64;

const RUN: &str = "RunInstances";

/// Starts one instance, tagged together with its volumes, and returns its id. The token makes AWS
/// answer a repeated call with the same instance, so the SDK may repeat it.
pub(super) async fn run(aws: &Aws, request: &Request<'_, Ec2InstanceSpec>) -> Result<String, AwsError> {
    let spec = request.spec;
    let root_device = match spec.root_volume {
        Some(_) => Some(root_device(aws, &spec.image_id).await?),
        None => None,
    };
    let mappings = volumes::mappings(spec, root_device.as_deref());
    let interface = network_interface(spec);
    let answer = aws
        .ec2()
        .run_instances()
        .min_count(1)
        .max_count(1)
        .client_token(request.token)
        .image_id(&spec.image_id)
        .instance_type(ec2::InstanceType::from(spec.instance_type.as_str()))
        .set_subnet_id(spec.subnet_id.clone().filter(|_| interface.is_none()))
        .set_security_group_ids(spec.security_group_ids.clone().filter(|_| interface.is_none()))
        .set_network_interfaces(interface.map(|interface| vec![interface]))
        .set_key_name(spec.key_name.clone())
        .set_iam_instance_profile(spec.iam_instance_profile.as_deref().map(settings::instance_profile_for_api))
        .set_user_data(spec.user_data.as_deref().map(base64::encode))
        .set_block_device_mappings((!mappings.is_empty()).then_some(mappings))
        .set_metadata_options(spec.metadata_options.map(settings::metadata_options_for_api))
        .set_disable_api_termination(spec.termination_protection)
        .tag_specifications(tagged(ec2::ResourceType::Instance, request.tags))
        .tag_specifications(tagged(ec2::ResourceType::Volume, request.tags))
        .send()
        .await
        .named(RUN)?;
    let instance = answer.instances.into_iter().flatten().next();
    instance
        .and_then(|instance| instance.instance_id)
        .ok_or_else(|| AwsError::malformed(RUN, "the answer has no instance id"))
}

/// The primary network interface, where something is asked of it that has no place elsewhere. Subnet and security
/// groups belong to it then and not to the instance, and that it goes with the instance has to be said (API
/// reference, RunInstances and InstanceNetworkInterfaceSpecification).
fn network_interface(spec: &Ec2InstanceSpec) -> Option<ec2::InstanceNetworkInterfaceSpecification> {
    let public = spec.associate_public_ip_address?;
    let interface = ec2::InstanceNetworkInterfaceSpecification::builder()
        .device_index(0)
        .associate_public_ip_address(public)
        .delete_on_termination(true)
        .set_subnet_id(spec.subnet_id.clone())
        .set_groups(spec.security_group_ids.clone());
    Some(interface.build())
}

fn tagged(resource: ec2::ResourceType, tags: &Tags) -> ec2::TagSpecification {
    ec2::TagSpecification::builder()
        .resource_type(resource)
        .set_tags(Some(crate::kinds::ec2_tags::tags_for_api(tags)))
        .build()
}

/// The device that the image starts from, under which the root volume has to be asked for.
async fn root_device(aws: &Aws, image_id: &str) -> Result<String, AwsError> {
    const OPERATION: &str = "DescribeImages";
    let answer = aws.ec2().describe_images().image_ids(image_id).send().await.named(OPERATION)?;
    // AWS leaves out images that exist and are not shared with the account (API reference,
    // DescribeImages, ImageId.N); for the user that is the same as an unknown one.
    let Some(image) = answer.images.into_iter().flatten().next() else {
        return Err(AwsError {
            operation: OPERATION,
            class: ErrorClass::Invalid,
            code: Some("InvalidAMIID.NotFound".into()),
            message: format!("the image {image_id} is not visible to this account"),
            request_id: None,
        });
    };
    image
        .root_device_name
        .ok_or_else(|| AwsError::malformed(OPERATION, format!("the image {image_id} has no root device name")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_address_is_asked_for_at_the_network_interface_with_its_subnet_and_groups() {
        let spec = Ec2InstanceSpec {
            subnet_id: Some("subnet-1".into()),
            security_group_ids: Some(vec!["sg-1".into()]),
            ..Default::default()
        };
        assert_eq!(network_interface(&spec), None);
        for public in [true, false] {
            let spec = Ec2InstanceSpec { associate_public_ip_address: Some(public), ..spec.clone() };
            let interface = network_interface(&spec).unwrap();
            assert_eq!(interface.associate_public_ip_address(), Some(public));
            assert_eq!((interface.subnet_id(), interface.groups()), (Some("subnet-1"), &["sg-1".to_owned()][..]));
            assert_eq!(interface.delete_on_termination(), Some(true), "it must not outlive the instance");
        }
    }
}
