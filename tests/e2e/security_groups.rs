use super::story::{Story, id};
use serde_json::{Value, json};

fn group(vpc: &str, name: &str, peer: &str) -> String {
    json!({
        "tags": {"team": "web"},
        "securityGroup": {
            "vpcId": vpc, "groupName": name, "description": "of a story",
            "ingress": [{"protocol": "tcp", "fromPort": 8080, "toPort": 8080, "sourceGroupRef": {"name": peer}}],
        },
    })
    .to_string()
}

fn sources(story: &Story, id: &str) -> Vec<String> {
    let filter = json!({"Filters": [{"Name": "group-id", "Values": [id]}]});
    let rules = story.aws("ec2", "describe_security_group_rules", filter)["SecurityGroupRules"].clone();
    let ingress = rules.as_array().unwrap().iter().filter(|rule| rule["IsEgress"] == false);
    ingress.filter_map(|rule| rule["ReferencedGroupInfo"]["GroupId"].as_str().map(str::to_owned)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_that_refer_to_each_other_are_made_used_and_deleted_whatever_the_order() {
    let story = Story::begin("groups").await;
    let vpcs: Value = story.aws("ec2", "describe_vpcs", json!({}));
    let vpc = vpcs["Vpcs"][0]["VpcId"].as_str().unwrap();
    let instance =
        "ec2Instance: {imageId: ami-0abcdef1234567890, instanceType: t3.micro, securityGroupRefs: [{name: one}]}";
    let web = story.apply("web", instance).await;
    let one = story.apply("one", &group(vpc, "one", "two")).await;
    let two = story.apply("two", &group(vpc, "two", "one")).await;
    let mut ids = Vec::new();
    for name in ["one", "two", "web"] {
        ids.push(id(&story.until_ready(name).await));
    }
    assert_eq!((sources(&story, &ids[0]), sources(&story, &ids[1])), (vec![ids[1].clone()], vec![ids[0].clone()]));
    let found = story.aws("ec2", "describe_instances", json!({"InstanceIds": [ids[2]]}));
    assert_eq!(found["Reservations"][0]["Instances"][0]["SecurityGroups"][0]["GroupId"], ids[0]);

    for name in ["one", "two", "web"] {
        story.delete(name).await;
    }
    for object in [&web, &one, &two] {
        story.until_gone(object).await;
    }
    let left = story.aws("ec2", "describe_security_groups", json!({}))["SecurityGroups"].clone();
    assert!(left.as_array().unwrap().iter().all(|group| group["GroupName"] == "default"), "{left}");
    assert_eq!(story.emulator.count(&story.account_id, "CreateSecurityGroup"), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_is_deleted_is_let_go_by_the_rules_of_one_that_stays() {
    let story = Story::begin("group-goes").await;
    let vpcs: Value = story.aws("ec2", "describe_vpcs", json!({}));
    let vpc = vpcs["Vpcs"][0]["VpcId"].as_str().unwrap();
    story.apply("stays", &group(vpc, "stays", "goes")).await;
    let goes = json!({"securityGroup": {"vpcId": vpc, "groupName": "goes", "description": "of a story"}});
    let goes = story.apply("goes", &goes.to_string()).await;
    let stays = id(&story.until_ready("stays").await);
    assert_eq!(sources(&story, &stays).len(), 1);

    story.delete("goes").await;
    story.until_gone(&goes).await;
    story.until_reason("stays", "Reconciling", "DependencyNotReady").await;
    assert!(sources(&story, &stays).is_empty(), "its rule went with the group it named");
}
