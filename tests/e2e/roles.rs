use super::story::{Story, id, is_ready};
use serde_json::{Value, json};

fn role(name: &str, session_seconds: i32) -> String {
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ]});
    json!({
        "tags": {"team": "web"},
        "iamRole": {
            "roleName": name, "assumeRolePolicy": trust.to_string(),
            "maxSessionDurationSeconds": session_seconds, "instanceProfile": true,
        },
    })
    .to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_is_made_with_its_profile_given_to_an_instance_changed_and_deleted_last() {
    let story = Story::begin("role").await;
    let instance =
        "ec2Instance: {imageId: ami-0abcdef1234567890, instanceType: t3.micro, iamInstanceProfileRef: {name: servers}}";
    let web = story.apply("web", instance).await;
    let servers = story.apply("servers", &role("story-servers", 3600)).await;
    let running = story.until_ready("web").await;
    let found = story.aws("ec2", "describe_instances", json!({"InstanceIds": [id(&running)]}));
    let profile = found["Reservations"][0]["Instances"][0]["IamInstanceProfile"]["Arn"].as_str().unwrap().to_owned();
    assert!(profile.ends_with("instance-profile/story-servers"), "{profile}");
    let tags = story.aws("iam", "get_role", json!({"RoleName": "story-servers"}))["Role"]["Tags"].clone();
    assert!(tags.as_array().unwrap().contains(&json!({"Key": "ccagi:name", "Value": "servers"})), "{tags}");

    let changed = story.apply("servers", &role("story-servers", 7200)).await;
    story
        .until("servers", "changed", |object| {
            is_ready(object) && object.metadata.generation == changed.metadata.generation
        })
        .await;
    let seen: Value = story.aws("iam", "get_role", json!({"RoleName": "story-servers"}));
    assert_eq!(seen["Role"]["MaxSessionDuration"], 7200);

    story.delete("servers").await;
    story.delete("web").await;
    story.until_gone(&web).await;
    story.until_gone(&servers).await;
    assert_eq!(story.try_aws("iam", "get_role", json!({"RoleName": "story-servers"})), Err("NoSuchEntity".into()));
    let profiles = story.aws("iam", "list_instance_profiles", json!({}));
    assert_eq!(profiles["InstanceProfiles"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_profile_of_a_role_that_somebody_else_deleted_goes_with_the_object() {
    let mut story = Story::begin("role-outside").await;
    let object = story.apply("servers", &role("story-outside", 3600)).await;
    story.until_ready("servers").await;
    story.take_controller().kill();
    let name = json!({"InstanceProfileName": "story-outside", "RoleName": "story-outside"});
    story.aws("iam", "remove_role_from_instance_profile", name);
    story.aws("iam", "delete_role", json!({"RoleName": "story-outside"}));
    story.delete("servers").await;
    story.start_controller();
    story.until_gone(&object).await;
    assert_eq!(story.aws("iam", "list_instance_profiles", json!({}))["InstanceProfiles"], json!([]));
}

/// The controller makes the role anew, which AWS refuses; the profile of the role before it is still there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_profile_of_a_role_that_was_lost_and_could_not_be_made_again_goes_with_the_object() {
    let story = Story::begin("role-lost").await;
    let object = story.apply("servers", &role("story-lost", 3600)).await;
    story.until_ready("servers").await;
    story.emulator.fault(&story.account_id, "CreateRole", "denied", -1);
    let name = json!({"InstanceProfileName": "story-lost", "RoleName": "story-lost"});
    story.aws("iam", "remove_role_from_instance_profile", name);
    story.aws("iam", "delete_role", json!({"RoleName": "story-lost"}));
    story.annotate("servers", "aws.ccagi.io/reconcile-requested-at", Some("lost")).await;
    let stalled = story.until_reason("servers", "Stalled", "AccessDenied").await;
    let intent = stalled.status.unwrap().intent.unwrap();
    assert_eq!((intent.incarnation, intent.without_effect), (2, false));

    story.delete("servers").await;
    story.until_gone(&object).await;
    assert_eq!(story.aws("iam", "list_instance_profiles", json!({}))["InstanceProfiles"], json!([]));
}
