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

/// The network with flow logs.
fn recorded(network: &str, flow_logs: Value) -> String {
    let mut spec: Value = serde_json::from_str(network).unwrap();
    spec["vpcNetwork"]["flowLogs"] = flow_logs;
    spec.to_string()
}

/// Makes a bucket that is nobody's object and returns its ARN.
fn bucket_by_hand(story: &Story, name: &str) -> String {
    let bucket = format!("{}-{name}", story.bucket());
    story.aws("s3", "create_bucket", json!({"Bucket": bucket}));
    format!("arn:aws:s3:::{bucket}")
}

/// What EC2 lists that carries an owner's tags, in the account of the story.
fn owned(story: &Story, operation: &str, member: &str) -> Vec<Value> {
    let ours = json!({"Filters": [{"Name": "tag-key", "Values": ["ccagi:uid"]}]});
    story.aws("ec2", operation, ours)[member].as_array().unwrap().clone()
}

fn counts(story: &Story) -> [usize; 6] {
    [
        ("describe_vpcs", "Vpcs"),
        ("describe_subnets", "Subnets"),
        ("describe_internet_gateways", "InternetGateways"),
        ("describe_route_tables", "RouteTables"),
        ("describe_addresses", "Addresses"),
        ("describe_flow_logs", "FlowLogs"),
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
    assert_eq!(counts(&story), [1, 2, 1, 2, 1, 0]);
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
    assert_eq!(counts(&story), [1, 2, 1, 2, 0, 0]);

    let open = &[("front", "10.1.0.0/24", true), ("deep", "10.1.2.0/24", true)];
    story.apply("net", &network(open, false)).await;
    let deep = &outputs["subnetIds.deep"];
    story
        .until_true("the subnet to be public", || way_out(&story, deep).is_some_and(|to| to.starts_with("igw-")))
        .await;

    story.delete("net").await;
    story.until_gone(&object).await;
    assert_eq!(counts(&story), [0; 6]);
}

/// The flow logs that an owner has: traffic, place and pace of each.
fn flow_logs(story: &Story) -> Vec<(String, String, u64)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let logs = owned(story, "describe_flow_logs", "FlowLogs");
    logs.iter()
        .map(|logs| {
            let seconds = logs["MaxAggregationInterval"].as_u64().unwrap();
            (text(&logs["TrafficType"]), text(&logs["LogDestination"]), seconds)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flow_logs_are_made_changed_repaired_and_deleted_with_the_network() {
    let story = Story::begin("flow-logs").await;
    let plain = network(TWO, false);
    let bucket = json!({"deletionPolicy": "Delete", "s3Bucket": {"bucketName": story.bucket()}});
    let apply = async |flow_logs: Value| story.apply("net", &recorded(&plain, flow_logs)).await;
    let net = apply(json!({"trafficType": "ALL", "bucketRef": {"name": "logs"}})).await;
    let logs = story.apply("logs", &bucket.to_string()).await;
    let vpc = id(&story.until_ready("net").await);
    let here = format!("arn:aws:s3:::{}", story.bucket());
    assert_eq!(flow_logs(&story), [("ALL".into(), here.clone(), 600)]);
    let made = &owned(&story, "describe_flow_logs", "FlowLogs")[0];
    assert_eq!(made["ResourceId"], *vpc);
    let tag =
        |key: &str| made["Tags"].as_array().unwrap().iter().find(|tag| tag["Key"] == *key).unwrap()["Value"].clone();
    assert_eq!((tag("ccagi:part"), tag("team")), (json!("flow-logs"), json!("web")));

    // Others in the same bucket, and then others in another one.
    let traffic = json!({"trafficType": "REJECT", "bucketRef": {"name": "logs"}, "maxAggregationIntervalSeconds": 60});
    apply(traffic).await;
    let other = vec![("REJECT".to_owned(), here, 60)];
    story.until_true("others in the bucket", || flow_logs(&story) == other).await;
    story.until_ready("net").await;
    let there = bucket_by_hand(&story, "there");
    let elsewhere = json!({"trafficType": "ALL", "bucketArn": there});
    let before = story.emulator.writes(&story.account_id).len();
    apply(elsewhere.clone()).await;
    let wanted = vec![("ALL".to_owned(), there, 600)];
    story.until_true("others in the other bucket", || flow_logs(&story) == wanted).await;
    let writes = story.emulator.writes(&story.account_id);
    let order: Vec<&str> = writes[before..].iter().map(String::as_str).collect();
    assert_eq!(order, ["CreateFlowLogs", "DeleteFlowLogs"], "no traffic is missed");

    // Deleted by hand, they come again although EC2 knows the token.
    story.until_ready("net").await;
    let lost = owned(&story, "describe_flow_logs", "FlowLogs")[0]["FlowLogId"].clone();
    story.aws("ec2", "delete_flow_logs", json!({"FlowLogIds": [lost]}));
    story.annotate("net", "aws.ccagi.io/reconcile-requested-at", Some("now")).await;
    story.until_true("the flow logs to be made again", || flow_logs(&story) == wanted).await;
    story.until_event("net", "DriftCorrected").await;

    story.apply("net", &plain).await;
    story.until_true("the flow logs to go", || flow_logs(&story).is_empty()).await;
    apply(json!({"trafficType": "ACCEPT", "bucketRef": {"name": "logs"}})).await;
    story.until_true("flow logs again", || flow_logs(&story).len() == 1).await;
    story.until_ready("net").await;

    story.delete("logs").await;
    story.until_reason("logs", "Reconciling", "InUse").await;
    story.delete("net").await;
    story.until_gone(&net).await;
    story.until_gone(&logs).await;
    assert_eq!(counts(&story), [0; 6]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flow_logs_wait_for_their_bucket_and_leave_its_policy_alone() {
    let story = Story::begin("flow-logs-bucket").await;
    let apply = async |arn: &str| {
        story.apply("net", &recorded(&network(TWO, false), json!({"trafficType": "ALL", "bucketArn": arn}))).await
    };
    let net = apply(&format!("arn:aws:s3:::{}-nowhere", story.bucket())).await;
    let stalled = story.until_reason("net", "Stalled", "Blocked").await;
    assert!(message(&stalled, "Stalled").contains("does not exist"), "{}", message(&stalled, "Stalled"));

    let arn = bucket_by_hand(&story, "guarded");
    let bucket = arn.rsplit(':').next().unwrap();
    let statement = |principal: Value, action: &str| json!({"Effect": "Allow", "Principal": principal, "Action": action, "Resource": format!("{arn}/*")});
    let put = |statements: &[Value]| {
        let policy = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        story.aws("s3", "put_bucket_policy", json!({"Bucket": bucket, "Policy": policy}));
    };
    let policy = || story.aws("s3", "get_bucket_policy", json!({"Bucket": bucket}))["Policy"].clone();
    let mine = statement(json!({"AWS": story.account_id}), "s3:GetObject");
    put(std::slice::from_ref(&mine));
    let before = policy();
    apply(&arn).await;
    let of_policy = |object: &_| message(object, "Stalled").contains("delivery.logs.amazonaws.com");
    story.until("net", "stalled by the policy", of_policy).await;
    assert_eq!((policy(), flow_logs(&story).len()), (before, 0));

    put(&[mine, statement(json!({"Service": "delivery.logs.amazonaws.com"}), "s3:PutObject")]);
    let before = policy();
    story.annotate("net", "aws.ccagi.io/reconcile-requested-at", Some("now")).await;
    story.until_ready("net").await;
    assert_eq!((policy(), flow_logs(&story).len()), (before, 1));
    story.delete("net").await;
    story.until_gone(&net).await;
    assert_eq!(counts(&story), [0; 6]);
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
        "CreateFlowLogs",
    ];
    let (emulator, account) = (story.emulator.clone(), story.account_id.clone());
    let faults = creations.map(|operation| emulator.fault(&account, operation, "hold-after", 1));
    let arn = bucket_by_hand(&story, "logs");
    story.apply("net", &recorded(&network(TWO, true), json!({"trafficType": "ALL", "bucketArn": arn}))).await;
    for _ in &faults {
        // The effect of the call is done, and its answer is on its way.
        let held = || faults.iter().any(|fault| emulator.held(&account, fault) > 0);
        story.until_true("an answer to be on its way", held).await;
        story.take_controller().kill();
        story.until_true("the connection to be gone", || !held()).await;
        story.start_controller();
    }
    story.until_ready("net").await;
    assert_eq!(counts(&story), [1, 2, 1, 2, 1, 1]);
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
    assert_eq!(counts(&story), [0; 6]);
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subnet_gives_public_addresses_on_launch_as_declared_and_is_changed_in_place() {
    let story = Story::begin("public-subnet").await;
    let with = |front: Option<bool>| {
        let mut spec: Value = serde_json::from_str(&network(TWO, false)).unwrap();
        if let Some(on) = front {
            spec["vpcNetwork"]["subnets"][0]["mapPublicIpOnLaunch"] = json!(on);
        }
        spec.to_string()
    };
    story.apply("net", &with(Some(true))).await;
    let ready = story.until_ready("net").await;
    let ids = ready.status.as_ref().unwrap().outputs.clone();
    let maps = |subnet: &str| {
        let found = story.aws("ec2", "describe_subnets", json!({"SubnetIds": [ids[&format!("subnetIds.{subnet}")]]}));
        found["Subnets"][0]["MapPublicIpOnLaunch"].as_bool().unwrap()
    };
    assert_eq!((maps("front"), maps("back")), (true, false));
    let generation = story.apply("net", &with(Some(false))).await.metadata.generation;
    let changed = story.until_ready("net").await;
    assert!(changed.metadata.generation >= generation);
    assert!(!maps("front"));
    assert_eq!(changed.status.as_ref().unwrap().outputs, ids, "the subnets are the same");
    // What leaves the spec is left as it is.
    let subnet = json!({"SubnetId": ids["subnetIds.front"], "MapPublicIpOnLaunch": {"Value": true}});
    story.aws("ec2", "modify_subnet_attribute", subnet);
    story.apply("net", &with(None)).await;
    story.until_ready("net").await;
    assert!(maps("front"));
    assert_eq!(story.emulator.count(&story.account_id, "ModifySubnetAttribute"), 3, "one of them by hand");
}
