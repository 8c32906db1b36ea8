use super::story::{Story, current, id, is_ready, message};
use ccagi_aws_agent::api::resource::ResourceState;
use serde_json::{Value, json};

const IMAGE: &str = "ami-0abcdef1234567890";

fn spec(instance_type: &str, more: &str) -> String {
    format!("{more}\ntags: {{team: web}}\nec2Instance: {{imageId: {IMAGE}, instanceType: {instance_type}}}")
}

fn instance(story: &Story, id: &str) -> Value {
    let found = story.aws("ec2", "describe_instances", json!({"InstanceIds": [id]}));
    found["Reservations"][0]["Instances"][0].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_becomes_ready_with_its_owner_tags_and_ends_with_its_object() {
    let story = Story::begin("instance").await;
    let object = story.apply("web", &spec("t3.micro", "")).await;
    let ready = story.until_ready("web").await;
    let found = instance(&story, &id(&ready));
    assert_eq!(found["State"]["Name"], "running");
    let tags = found["Tags"].as_array().unwrap();
    for (key, value) in [("team", "web"), ("ccagi:agent", "BillGates"), ("ccagi:name", "web"), ("CcagiManaged", "true")]
    {
        assert!(tags.contains(&json!({"Key": key, "Value": value})), "{key}: {tags:?}");
    }
    assert!(ready.status.as_ref().unwrap().outputs.contains_key("privateIp"));

    story.delete("web").await;
    story.until_gone(&object).await;
    assert_eq!(instance(&story, &id(&ready))["State"]["Name"], "terminated");
    assert_eq!(story.emulator.count(&story.account_id, "RunInstances"), 1);
    assert_eq!(story.emulator.count(&story.account_id, "TerminateInstances"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_changes_its_type_by_stop_modify_start_once_that_is_allowed() {
    let story = Story::begin("restart").await;
    story.apply("web", &spec("t3.micro", "")).await;
    let before = story.until_ready("web").await;

    story.apply("web", &spec("t3.small", "")).await;
    let refused = story.until_reason("web", "Stalled", "RestartNotAllowed").await;
    assert!(message(&refused, "Stalled").contains("restartPolicy: Allow"));
    assert_eq!(refused.status.as_ref().unwrap().pending_changes[0].path, "instanceType");
    assert_eq!(story.emulator.count(&story.account_id, "StopInstances"), 0);

    story.apply("web", &spec("t3.small", "restartPolicy: Allow")).await;
    let after = story
        .until("web", "ready with its new type", |object| {
            is_ready(object)
                && object.status.as_ref().unwrap().restarting_since.is_none()
                && object.metadata.generation > refused.metadata.generation
        })
        .await;
    assert_eq!(id(&after), id(&before), "it is the same instance");
    let found = instance(&story, &id(&after));
    assert_eq!((found["InstanceType"].as_str(), found["State"]["Name"].as_str()), (Some("t3.small"), Some("running")));
    for operation in ["StopInstances", "StartInstances", "ModifyInstanceAttribute"] {
        assert_eq!(story.emulator.count(&story.account_id, operation), 1, "{operation}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_controller_killed_while_the_instance_is_stopped_for_a_change_starts_it_again() {
    let mut story = Story::begin("killed-restart").await;
    story.apply("web", &spec("t3.micro", "restartPolicy: Allow")).await;
    story.until_ready("web").await;
    let fault = story.emulator.fault(&story.account_id, "StopInstances", "hold-after", 1);
    let changed = story.apply("web", &spec("t3.small", "restartPolicy: Allow")).await;
    let (emulator, account) = (story.emulator.clone(), story.account_id.clone());
    story.until_true("the stop to have its effect", || emulator.held(&account, &fault) == 1).await;
    story.take_controller().kill();
    story.emulator.clear_faults(&story.account_id);
    story.start_controller();
    let after = story
        .until("web", "running again", |object| {
            is_ready(object)
                && object.metadata.generation == changed.metadata.generation
                && object.status.as_ref().unwrap().restarting_since.is_none()
        })
        .await;
    let found = instance(&story, &id(&after));
    assert_eq!((found["InstanceType"].as_str(), found["State"]["Name"].as_str()), (Some("t3.small"), Some("running")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_somebody_stops_is_a_state_and_is_not_started_behind_their_back() {
    let story = Story::begin("stopped").await;
    story.apply("web", &spec("t3.micro", "driftPeriodSeconds: 10")).await;
    let ready = story.until_ready("web").await;
    story.aws("ec2", "stop_instances", json!({"InstanceIds": [id(&ready)]}));
    story.until("web", "stopped", |object| object.status.as_ref().unwrap().state == Some(ResourceState::Stopped)).await;
    assert_eq!(story.emulator.count(&story.account_id, "StartInstances"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_somebody_terminates_is_made_again_once() {
    let story = Story::begin("terminated").await;
    story.apply("web", &spec("t3.micro", "driftPeriodSeconds: 10")).await;
    let first = story.until_ready("web").await;
    story.aws("ec2", "terminate_instances", json!({"InstanceIds": [id(&first)]}));
    let second = story
        .until("web", "ready in its second life", |object| {
            is_ready(object) && object.status.as_ref().unwrap().intent.as_ref().unwrap().incarnation == 2
        })
        .await;
    assert_ne!(id(&first), id(&second));
    assert_eq!(story.emulator.count(&story.account_id, "RunInstances"), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_replace_an_instance_is_refused_by_name_and_the_rest_is_carried_out() {
    let story = Story::begin("replace").await;
    let made = story.aws(
        "ec2",
        "run_instances",
        json!({"ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}),
    );
    let theirs = made["Instances"][0]["InstanceId"].as_str().unwrap().to_owned();
    let other = "ami-0abcdef1234567891";
    let spec = format!(
        "adoptionPolicy: adopt\nresourceId: {theirs}\ntags: {{team: web}}\nec2Instance: {{imageId: {other}, instanceType: t3.micro}}"
    );
    story.apply("web", &spec).await;
    let refused = story.until_reason("web", "Stalled", "ReplaceRefused").await;
    assert!(message(&refused, "Stalled").contains("imageId"), "{}", message(&refused, "Stalled"));
    assert!(current(&refused));
    let tags = instance(&story, &theirs)["Tags"].clone();
    assert!(tags.as_array().unwrap().contains(&json!({"Key": "team", "Value": "web"})), "{tags}");
    assert_eq!(story.emulator.count(&story.account_id, "TerminateInstances"), 0);
    assert_eq!(story.emulator.count(&story.account_id, "RunInstances"), 1, "only the observer's");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_protected_instance_is_not_terminated_until_its_protection_is_off() {
    let story = Story::begin("protected").await;
    let with = |protection: bool| {
        format!("ec2Instance: {{imageId: {IMAGE}, instanceType: t3.micro, terminationProtection: {protection}}}")
    };
    let object = story.apply("web", &with(true)).await;
    let ready = story.until_ready("web").await;
    story.delete("web").await;
    let stalled = story.until_reason("web", "Stalled", "Blocked").await;
    assert!(message(&stalled, "Stalled").contains("terminationProtection"), "{}", message(&stalled, "Stalled"));
    assert_eq!(instance(&story, &id(&ready))["State"]["Name"], "running");
    story.apply("web", &with(false)).await;
    story.until_gone(&object).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_gets_the_public_address_that_it_declares_and_keeps_to_it() {
    let story = Story::begin("public-address").await;
    let vpc = story.aws("ec2", "create_vpc", json!({"CidrBlock": "10.9.0.0/16"}))["Vpc"]["VpcId"].clone();
    let subnet = story.aws("ec2", "create_subnet", json!({"VpcId": vpc, "CidrBlock": "10.9.0.0/24"}));
    let subnet = subnet["Subnet"]["SubnetId"].clone();
    let spec = |public: Option<bool>| {
        let block = json!({
            "imageId": IMAGE, "instanceType": "t3.micro", "subnetId": subnet, "associatePublicIpAddress": public,
        });
        json!({"ec2Instance": block}).to_string()
    };
    for (name, public) in [("open", Some(true)), ("closed", Some(false)), ("silent", None)] {
        story.apply(name, &spec(public)).await;
    }
    let mut ready = Vec::new();
    for name in ["open", "closed", "silent"] {
        ready.push(story.until_ready(name).await);
    }
    let primary = |object: &ccagi_aws_agent::api::resource::AwsResource| {
        instance(&story, &id(object))["NetworkInterfaces"][0].clone()
    };
    assert_eq!(primary(&ready[0])["Association"]["IpOwnerId"], "amazon");
    assert_eq!(primary(&ready[0])["SubnetId"], subnet);
    let outputs = &ready[0].status.as_ref().unwrap().outputs;
    assert_eq!(json!(outputs["publicIp"]), primary(&ready[0])["Association"]["PublicIp"]);
    assert!(outputs["publicDnsName"].contains("compute"), "{outputs:?}");
    let costs = ready[0].status.as_ref().unwrap().cost.clone().unwrap();
    assert!(costs.items.iter().any(|item| item.usage == "vpc/public-ipv4.in-use"), "{costs:?}");
    for object in &ready[1..] {
        assert!(primary(object)["Association"].is_null());
        assert!(!object.status.as_ref().unwrap().outputs.contains_key("publicIp"));
    }

    // While it is stopped it has no address, which is no difference.
    story.emulator.stop_by_aws(&story.account_id, &id(&ready[0]));
    story.annotate("open", ccagi_aws_agent::api::ANNOTATION_RECONCILE, Some("look")).await;
    let again = story
        .until("open", "started again", |object| {
            is_ready(object) && object.status.as_ref().unwrap().last_decision.is_some()
        })
        .await;
    assert_eq!(id(&again), id(&ready[0]), "it is the same instance");
    assert_eq!(story.count_events("open", "ReplaceRefused").await, 0);

    let object = story.resources().get("open").await.unwrap();
    let interface = primary(&object)["NetworkInterfaceId"].clone();
    story.delete("open").await;
    story.until_gone(&object).await;
    let left = story.aws("ec2", "describe_network_interfaces", json!({}));
    let left = left["NetworkInterfaces"].as_array().unwrap().clone();
    assert!(left.iter().all(|one| one["NetworkInterfaceId"] != interface), "{left:?}");
}
