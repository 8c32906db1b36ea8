use super::story::{Story, id, message};
use serde_json::{Value, json};

fn network(subnets: &[(&str, &str, bool)], nat: bool) -> String {
    let subnets: Vec<Value> = subnets
        .iter()
        .map(|(name, block, public)| {
            json!({"name": name, "availabilityZone": "us-east-1a", "cidrBlock": block, "public": public})
        })
        .collect();
    let mut spec =
        json!({"cidrBlock": "10.1.0.0/16", "dnsHostnames": true, "subnets": subnets, "internetGateway": true});
    if nat {
        spec["natGateway"] = json!({"subnet": "front"});
    }
    json!({"tags": {"team": "web"}, "vpcNetwork": spec}).to_string()
}

const TWO: &[(&str, &str, bool)] = &[("front", "10.1.0.0/24", true), ("back", "10.1.1.0/24", false)];

/// What EC2 lists that carries an owner's tags, in the account of the story.
fn owned(story: &Story, operation: &str, member: &str) -> Vec<Value> {
    let ours = json!({"Filters": [{"Name": "tag-key", "Values": ["ccagi:uid"]}]});
    story.aws("ec2", operation, ours)[member].as_array().unwrap().clone()
}

fn counts(story: &Story) -> [usize; 5] {
    [
        ("describe_vpcs", "Vpcs"),
        ("describe_subnets", "Subnets"),
        ("describe_internet_gateways", "InternetGateways"),
        ("describe_route_tables", "RouteTables"),
        ("describe_addresses", "Addresses"),
    ]
    .map(|(operation, member)| owned(story, operation, member).len())
}

/// Where the traffic of the named subnet to the internet goes.
fn way_out(story: &Story, subnet: &str) -> Option<String> {
    let tables = owned(story, "describe_route_tables", "RouteTables");
    let of_subnet = |table: &&Value| {
        table["Associations"].as_array().unwrap().iter().any(|association| association["SubnetId"] == *subnet)
    };
    let table = tables.iter().find(of_subnet)?;
    let route = table["Routes"].as_array()?.iter().find(|route| route["DestinationCidrBlock"] == "0.0.0.0/0")?;
    let target = route["GatewayId"].as_str().or(route["NatGatewayId"].as_str())?;
    Some(target.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_is_made_changed_repaired_and_deleted_with_all_its_parts() {
    let story = Story::begin("network").await;
    let object = story.apply("net", &network(TWO, true)).await;
    let ready = story.until_ready("net").await;
    assert_eq!(counts(&story), [1, 2, 1, 2, 1]);
    let outputs = ready.status.as_ref().unwrap().outputs.clone();
    let (front, back) = (&outputs["subnetIds.front"], &outputs["subnetIds.back"]);
    assert!(way_out(&story, front).unwrap().starts_with("igw-"));
    assert!(way_out(&story, back).unwrap().starts_with("nat-"));
    assert_eq!((&outputs["publicSubnetIds"], &outputs["privateSubnetIds"]), (front, back));

    // Behind the controller's back, the public subnets lose their way out.
    let tables = owned(&story, "describe_route_tables", "RouteTables");
    let has_gateway = |table: &&Value| {
        table["Routes"]
            .as_array()
            .unwrap()
            .iter()
            .any(|route| route["GatewayId"].as_str().is_some_and(|id| id.starts_with("igw-")))
    };
    let table = tables.iter().find(has_gateway).unwrap()["RouteTableId"].clone();
    story.aws("ec2", "delete_route", json!({"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0"}));
    story.annotate("net", "aws.ccagi.io/reconcile-requested-at", Some("now")).await;
    story.until_true("the way out to be repaired", || way_out(&story, front).is_some()).await;
    story.until_event("net", "DriftCorrected").await;

    // Then the private ones are led around the NAT gateway.
    let leads_to_nat = |table: &&Value| {
        table["Routes"].as_array().unwrap().iter().any(|route| route["NatGatewayId"].as_str().is_some())
    };
    let tables = owned(&story, "describe_route_tables", "RouteTables");
    let table = tables.iter().find(leads_to_nat).unwrap()["RouteTableId"].clone();
    let around = json!({
        "RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": way_out(&story, front).unwrap(),
    });
    story.aws("ec2", "replace_route", around);
    story.annotate("net", "aws.ccagi.io/reconcile-requested-at", Some("again")).await;
    story.until_true("the way through the NAT gateway", || way_out(&story, back).unwrap().starts_with("nat-")).await;

    // One subnet goes and another comes; the NAT gateway goes with its address.
    let changed = &[("front", "10.1.0.0/24", true), ("deep", "10.1.2.0/24", false)];
    story.apply("net", &network(changed, false)).await;
    let ready = story.until_ready("net").await;
    let outputs = ready.status.as_ref().unwrap().outputs.clone();
    assert!(outputs.contains_key("subnetIds.deep") && !outputs.contains_key("subnetIds.back"), "{outputs:?}");
    assert_eq!(counts(&story), [1, 2, 1, 2, 0]);

    let open = &[("front", "10.1.0.0/24", true), ("deep", "10.1.2.0/24", true)];
    story.apply("net", &network(open, false)).await;
    let deep = &outputs["subnetIds.deep"];
    story
        .until_true("the subnet to be public", || way_out(&story, deep).is_some_and(|to| to.starts_with("igw-")))
        .await;

    story.delete("net").await;
    story.until_gone(&object).await;
    assert_eq!(counts(&story), [0; 5]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_controller_killed_at_every_part_of_a_network_makes_each_once() {
    let mut story = Story::begin("killed-network").await;
    let creations = [
        "CreateVpc",
        "CreateSubnet",
        "CreateInternetGateway",
        "CreateRouteTable",
        "AllocateAddress",
        "CreateNatGateway",
    ];
    let (emulator, account) = (story.emulator.clone(), story.account_id.clone());
    let faults = creations.map(|operation| emulator.fault(&account, operation, "hold-after", 1));
    story.apply("net", &network(TWO, true)).await;
    for _ in &faults {
        // The effect of the call is done, and its answer is on its way.
        let held = || faults.iter().any(|fault| emulator.held(&account, fault) > 0);
        story.until_true("an answer to be on its way", held).await;
        story.take_controller().kill();
        story.until_true("the connection to be gone", || !held()).await;
        story.start_controller();
    }
    story.until_ready("net").await;
    assert_eq!(counts(&story), [1, 2, 1, 2, 1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vpc_that_others_use_waits_and_says_for_what() {
    let story = Story::begin("network-in-use").await;
    let object = story.apply("net", &network(TWO, false)).await;
    let vpc = id(&story.until_ready("net").await);
    let foreign = json!({"GroupName": "by-hand", "Description": "of a person", "VpcId": vpc});
    let group = story.aws("ec2", "create_security_group", foreign)["GroupId"].clone();
    story.delete("net").await;
    let waiting =
        story.until("net", "held up", |object| message(object, "Reconciling").contains("DependencyViolation")).await;
    assert!(message(&waiting, "Reconciling").contains("not this object's"), "{}", message(&waiting, "Reconciling"));
    let groups = story.aws("ec2", "describe_security_groups", json!({"GroupIds": [group]}));
    assert_eq!(groups["SecurityGroups"].as_array().unwrap().len(), 1, "what is not ours is not touched");
    story.aws("ec2", "delete_security_group", json!({"GroupId": group}));
    story.until_gone(&object).await;
    assert_eq!(counts(&story), [0; 5]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subnets_that_overlap_or_lie_outside_are_refused_at_once() {
    let story = Story::begin("network-cidr").await;
    let refused = |answer: Result<_, kube::Error>| match answer {
        Err(error) => error.to_string(),
        Ok(_) => panic!("it was taken"),
    };
    let overlap = &[("front", "10.1.0.0/24", true), ("back", "10.1.0.128/25", false)];
    let told = refused(story.try_apply("net", &network(overlap, false)).await);
    assert!(told.contains("must not overlap"), "{told}");
    let outside = &[("front", "10.1.0.0/24", true), ("back", "10.2.0.0/24", false)];
    let told = refused(story.try_apply("net", &network(outside, false)).await);
    assert!(told.contains("must be inside the cidrBlock of the VPC"), "{told}");
}
