use super::story::{Story, current, is_ready, message};
use ccagi_aws_agent::api::resource::{AwsResource, ResourceState};
use serde_json::{Value, json};

const ORDERS: &str = "dbInstanceIdentifier: orders, engine: postgres, masterUsername: shop";

/// A small database; `more` is further fields, and `outer` members beside the kind block.
fn database(more: &str, outer: &str) -> String {
    let common = "engineVersion: '16.3', instanceClass: db.t4g.micro, allocatedStorageGib: 20";
    format!("{outer}\nrdsInstance: {{{ORDERS}, {common}, {more}}}")
}

fn instance(story: &Story) -> Value {
    story.aws("rds", "describe_db_instances", json!({"DBInstanceIdentifier": "orders"}))["DBInstances"][0].clone()
}

fn instances(story: &Story) -> usize {
    story.aws("rds", "describe_db_instances", json!({}))["DBInstances"].as_array().unwrap().len()
}

/// Waits until the object is ready in the generation that `applied` has.
async fn until_ready_again(story: &Story, applied: &AwsResource) {
    let generation = applied.metadata.generation;
    story.until("orders", "ready again", |object| is_ready(object) && object.metadata.generation == generation).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_in_a_network_of_its_own_is_made_last_and_leaves_a_snapshot_and_nothing_else() {
    let story = Story::begin("database").await;
    let more =
        "subnetRefs: [{name: network}], securityGroupRefs: [{name: doors}], backupRetentionDays: 7, multiAz: true";
    let orders = story.apply("orders", &database(more, "deletionPolicy: Delete\ntags: {team: web}")).await;
    let doors = "securityGroup: {vpcRef: {name: network}, groupName: doors, description: of a story}";
    let doors = story.apply("doors", doors).await;
    let subnet = |name: &str, zone: &str, block: &str| json!({"name": name, "availabilityZone": zone, "cidrBlock": block, "public": false});
    let subnets = json!([subnet("a", "us-east-1a", "10.0.0.0/24"), subnet("b", "us-east-1b", "10.0.1.0/24")]);
    let network = json!({"vpcNetwork": {"cidrBlock": "10.0.0.0/16", "subnets": subnets}});
    let network = story.apply("network", &network.to_string()).await;

    let ready = story.until_ready("orders").await;
    let outputs = ready.status.as_ref().unwrap().outputs.clone();
    assert_eq!(outputs["endpoint"], format!("{}:5432", outputs["address"]));
    assert!(outputs["masterUserSecretArn"].starts_with("arn:aws:secretsmanager:"));
    let found = instance(&story);
    assert_eq!(found["DBSubnetGroup"]["Subnets"].as_array().unwrap().len(), 2);
    let group = story.until_ready("doors").await.status.unwrap().outputs["groupId"].clone();
    assert_eq!(found["VpcSecurityGroups"][0]["VpcSecurityGroupId"], group);
    assert_eq!((&found["MultiAZ"], &found["BackupRetentionPeriod"]), (&json!(true), &json!(7)));
    for (key, value) in [("team", "web"), ("ccagi:agent", "Noguchi"), ("ccagi:name", "orders")] {
        assert!(found["TagList"].as_array().unwrap().contains(&json!({"Key": key, "Value": value})), "{key}: {found}");
    }

    for name in ["network", "doors", "orders"] {
        story.delete(name).await;
    }
    for object in [&orders, &doors, &network] {
        story.until_gone(object).await;
    }
    assert_eq!(instances(&story), 0);
    assert_eq!(story.aws("rds", "describe_db_subnet_groups", json!({}))["DBSubnetGroups"], json!([]));
    let snapshots = story.aws("rds", "describe_db_snapshots", json!({"SnapshotType": "manual"}))["DBSnapshots"].clone();
    let names: Vec<&str> =
        snapshots.as_array().unwrap().iter().map(|one| one["DBSnapshotIdentifier"].as_str().unwrap()).collect();
    assert!(matches!(names[..], [name] if name.starts_with("orders-final-")), "{names:?}");
    let networks = story.aws("ec2", "describe_vpcs", json!({}))["Vpcs"].clone();
    assert!(networks.as_array().unwrap().iter().all(|vpc| vpc["IsDefault"] == true), "{networks}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_changed_in_a_database_is_set_back_and_what_the_spec_leaves_open_is_not() {
    let story = Story::begin("database-drift").await;
    let more = "backupRetentionDays: 7, deletionProtection: true";
    story.apply("orders", &database(more, "driftPeriodSeconds: 10")).await;
    story.until_ready("orders").await;
    let theirs = json!({
        "DBInstanceIdentifier": "orders", "BackupRetentionPeriod": 1, "DeletionProtection": false,
        "PreferredMaintenanceWindow": "mon:05:00-mon:05:30",
    });
    story.aws("rds", "modify_db_instance", theirs);
    let note = story.until_event("orders", "DriftCorrected").await;
    assert!(note.contains("backupRetentionDays: 1 → 7") && note.contains("deletionProtection: false → true"), "{note}");
    let found = instance(&story);
    assert_eq!((&found["BackupRetentionPeriod"], &found["DeletionProtection"]), (&json!(7), &json!(true)));
    assert_eq!(found["PreferredMaintenanceWindow"], "mon:05:00-mon:05:30");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_class_waits_for_permission_and_more_storage_does_not() {
    let story = Story::begin("database-class").await;
    let with = |class: &str, storage: u32, outer: &str| {
        let more = format!("instanceClass: {class}, allocatedStorageGib: {storage}");
        format!("{outer}\nrdsInstance: {{{ORDERS}, {more}, applyImmediately: true}}")
    };
    story.apply("orders", &with("db.t4g.micro", 20, "")).await;
    story.until_ready("orders").await;
    story.apply("orders", &with("db.t4g.small", 40, "")).await;
    let refused = story.until_reason("orders", "Stalled", "RestartNotAllowed").await;
    let said = message(&refused, "Stalled");
    assert!(said.contains("instanceClass") && said.contains("restartPolicy: Allow"), "{said}");
    let found = instance(&story);
    assert_eq!(
        (&found["DBInstanceClass"], &found["AllocatedStorage"]),
        (&json!("db.t4g.micro"), &json!(40)),
        "what interrupts nothing is carried out"
    );
    let allowed = story.apply("orders", &with("db.t4g.small", 40, "restartPolicy: Allow")).await;
    until_ready_again(&story, &allowed).await;
    assert_eq!(instance(&story)["DBInstanceClass"], "db.t4g.small");
    assert_eq!(story.emulator.count(&story.account_id, "ModifyDBInstance"), 2);
    assert_eq!(story.emulator.count(&story.account_id, "CreateDBInstance"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_database_cannot_do_is_refused_at_admission_or_by_field_reason_and_next_step() {
    let story = Story::begin("database-refused").await;
    let with = |version: &str, storage: u32| {
        format!(
            "rdsInstance: {{{ORDERS}, engineVersion: '{version}', instanceClass: db.t4g.micro, allocatedStorageGib: {storage}}}"
        )
    };
    story.apply("orders", &with("16.3", 20)).await;
    story.until_ready("orders").await;
    match story.try_apply("orders", &with("16.3", 10)).await {
        Err(kube::Error::Api(status)) => assert!(status.message.contains("storage can only grow"), "{status:?}"),
        other => panic!("not refused: {other:?}"),
    }
    story.apply("orders", &with("15", 20)).await;
    let refused = story.until_reason("orders", "Stalled", "ReplaceRefused").await;
    let said = message(&refused, "Stalled");
    assert!(said.contains("engineVersion (16.3 → 15)") && said.contains("Write the value that AWS has"), "{said}");
    assert_eq!(instance(&story)["EngineVersion"], "16.3");
    assert_eq!(story.emulator.writes(&story.account_id), ["CreateDBInstance"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_with_provisioned_iops_grows_in_one_call_and_what_aws_rounds_up_is_as_declared() {
    let story = Story::begin("database-iops").await;
    let with = |storage: u32| {
        let storage = format!("allocatedStorageGib: {storage}, storageType: io1, iops: 1000, applyImmediately: true");
        format!("driftPeriodSeconds: 10\nrdsInstance: {{{ORDERS}, instanceClass: db.t4g.micro, {storage}}}")
    };
    story.apply("orders", &with(100)).await;
    story.until_ready("orders").await;
    let grown = story.apply("orders", &with(105)).await;
    until_ready_again(&story, &grown).await;
    let found = instance(&story);
    assert_eq!((&found["AllocatedStorage"], &found["Iops"]), (&json!(110), &json!(1000)));
    // Storage autoscaling does the same by itself.
    let more =
        json!({"DBInstanceIdentifier": "orders", "AllocatedStorage": 200, "Iops": 1000, "ApplyImmediately": true});
    story.aws("rds", "modify_db_instance", more);
    let whole = |object: &AwsResource| {
        let cost = object.status.as_ref().and_then(|status| status.cost.as_ref());
        is_ready(object) && cost.is_some_and(|cost| serde_json::to_string(cost).unwrap_or_default().contains("\"200\""))
    };
    story.until("orders", "ready and paid for as AWS has it", whole).await;
    let calls = story.emulator.writes(&story.account_id);
    assert_eq!(calls.iter().filter(|call| *call == "ModifyDBInstance").count(), 2, "one is the observer's: {calls:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_somebody_stopped_is_a_state_and_is_changed_once_it_is_started() {
    let story = Story::begin("database-stopped").await;
    story.apply("orders", &database("backupRetentionDays: 7", "driftPeriodSeconds: 10")).await;
    story.until_ready("orders").await;
    let one = json!({"DBInstanceIdentifier": "orders"});
    story.aws("rds", "stop_db_instance", one.clone());
    let stopped = |object: &AwsResource| object.status.as_ref().unwrap().state == Some(ResourceState::Stopped);
    story.until("orders", "stopped", stopped).await;

    let changed = story.apply("orders", &database("backupRetentionDays: 3", "driftPeriodSeconds: 10")).await;
    let blocked = story.until_reason("orders", "Stalled", "Blocked").await;
    assert!(message(&blocked, "Stalled").contains("Start it in AWS"), "{}", message(&blocked, "Stalled"));
    assert!(current(&blocked));
    assert_eq!(story.emulator.count(&story.account_id, "StartDBInstance"), 0);
    story.aws("rds", "start_db_instance", one);
    until_ready_again(&story, &changed).await;
    assert_eq!(instance(&story)["BackupRetentionPeriod"], 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_controller_killed_while_a_database_is_made_makes_one() {
    let mut story = Story::begin("database-killed").await;
    let fault = story.emulator.fault(&story.account_id, "CreateDBInstance", "hold-after", 1);
    story.apply("orders", &database("backupRetentionDays: 7", "")).await;
    let (emulator, account) = (story.emulator.clone(), story.account_id.clone());
    story.until_true("the create call to have its effect", || emulator.held(&account, &fault) == 1).await;
    story.take_controller().kill();
    story.emulator.clear_faults(&story.account_id);
    story.start_controller();
    let ready = story.until_ready("orders").await;
    assert_eq!(instances(&story), 1);
    assert_eq!(story.emulator.count(&story.account_id, "CreateDBInstance"), 1);
    assert_eq!(ready.status.unwrap().intent.unwrap().incarnation, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_behind_which_the_database_was_made_makes_no_second_one_and_deletes_it_whole() {
    let story = Story::begin("database-500").await;
    let subnets = story.aws("ec2", "describe_subnets", json!({}))["Subnets"].clone();
    let ids: Vec<&str> =
        subnets.as_array().unwrap().iter().take(3).map(|one| one["SubnetId"].as_str().unwrap()).collect();
    story.emulator.fault(&story.account_id, "CreateDBSubnetGroup", "error-after", 1);
    story.emulator.fault(&story.account_id, "CreateDBInstance", "error-after", 1);
    let more = format!("subnetIds: [{}], skipFinalSnapshot: true", ids.join(", "));
    let object = story.apply("orders", &database(&more, "deletionPolicy: Delete")).await;
    story.until_ready("orders").await;
    assert_eq!(instances(&story), 1);
    assert_eq!(story.aws("rds", "describe_db_subnet_groups", json!({}))["DBSubnetGroups"].as_array().unwrap().len(), 1);

    story.emulator.fault(&story.account_id, "DeleteDBInstance", "error-after", 1);
    story.emulator.fault(&story.account_id, "DeleteDBSubnetGroup", "error-after", 1);
    story.delete("orders").await;
    story.until_gone(&object).await;
    assert_eq!(instances(&story), 0);
    assert_eq!(story.aws("rds", "describe_db_subnet_groups", json!({}))["DBSubnetGroups"], json!([]));
    let snapshots = story.aws("rds", "describe_db_snapshots", json!({"SnapshotType": "manual"}));
    assert_eq!(snapshots["DBSnapshots"], json!([]));
}
