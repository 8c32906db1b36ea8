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
    let answer = aws
        .ec2()
        .run_instances()
        .min_count(1)
        .max_count(1)
        .client_token(request.token)
        .image_id(&spec.image_id)
        .instance_type(ec2::InstanceType::from(spec.instance_type.as_str()))
        .set_subnet_id(spec.subnet_id.clone())
        .set_security_group_ids(spec.security_group_ids.clone())
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
