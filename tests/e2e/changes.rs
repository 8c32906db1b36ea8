//! Changes to the settings of every kind, each carried out in place. The stories of a kind show what is
//! particular to it; these see to it that no call that a kind can make was never made.

use super::story::{Story, current, is_ready};
use serde_json::{Value, json};

/// Applies the specs one after the other under one name and waits until each is carried out.
async fn becomes(story: &Story, name: &str, specs: &[Value]) {
    for spec in specs {
        let applied = story.apply(name, &spec.to_string()).await;
        let done = |object: &ccagi_aws_agent::api::resource::AwsResource| {
            is_ready(object) && current(object) && object.metadata.generation >= applied.metadata.generation
        };
        let object = story.until(name, "changed", done).await;
        assert!(object.status.unwrap().pending_changes.is_empty(), "{name} has changes left");
    }
}

fn trust(service: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"},
    ]})
    .to_string()
}

fn role(name: &str, more: &Value) -> Value {
    let mut spec = json!({
        "tags": {"team": "web"},
        "iamRole": {"roleName": name, "assumeRolePolicy": trust("ec2.amazonaws.com"), "instanceProfile": true},
    });
    for (member, value) in more.as_object().unwrap() {
        spec["iamRole"][member] = value.clone();
    }
    spec
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_changes_its_trust_its_boundary_and_its_tags() {
    let story = Story::begin("change-role").await;
    let boundary = json!({"permissionsBoundary": "arn:aws:iam::aws:policy/PowerUserAccess"});
    let mut last = role("one", &json!({"permissionsBoundary": "", "assumeRolePolicy": trust("lambda.amazonaws.com")}));
    last["tags"] = json!({"other": "x"});
    becomes(&story, "one", &[role("one", &json!({})), role("one", &boundary), last]).await;
    let found = story.aws("iam", "get_role", json!({"RoleName": "one"}))["Role"].clone();
    assert!(found["PermissionsBoundary"].is_null(), "{found}");
    assert!(found["AssumeRolePolicyDocument"].to_string().contains("lambda.amazonaws.com"), "{found}");
    assert!(found["Tags"].as_array().unwrap().iter().all(|tag| tag["Key"] != "team"), "{found}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_changes_its_role_its_volume_its_metadata_options_and_its_tags() {
    let story = Story::begin("change-instance").await;
    becomes(&story, "one", &[role("one", &json!({}))]).await;
    becomes(&story, "two", &[role("two", &json!({}))]).await;
    let instance = |tags: Value, size: i32, tokens: &str, role: Option<&str>| {
        let mut spec = json!({"tags": tags, "ec2Instance": {
            "imageId": "ami-0abcdef1234567890", "instanceType": "t3.micro",
            "rootVolume": {"sizeGib": size}, "metadataOptions": {"httpTokens": tokens},
        }});
        if let Some(role) = role {
            spec["ec2Instance"]["iamInstanceProfileRef"] = json!({"name": role});
        }
        spec
    };
    let specs = [
        instance(json!({"team": "web"}), 20, "optional", None),
        instance(json!({"team": "web"}), 30, "required", Some("one")),
        instance(json!({"other": "x"}), 30, "required", Some("two")),
    ];
    becomes(&story, "web", &specs).await;
    let found = story.aws("ec2", "describe_instances", json!({}))["Reservations"][0]["Instances"][0].clone();
    assert!(found["IamInstanceProfile"]["Arn"].as_str().unwrap().ends_with("/two"), "{found}");
    assert_eq!(found["MetadataOptions"]["HttpTokens"], "required");
    assert_eq!(story.aws("ec2", "describe_volumes", json!({}))["Volumes"][0]["Size"], 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_changes_the_descriptions_of_its_rules() {
    let story = Story::begin("change-group").await;
    let vpc = story.aws("ec2", "describe_vpcs", json!({}))["Vpcs"][0]["VpcId"].clone();
    let group = |text: &str| {
        let rule =
            json!({"protocol": "tcp", "fromPort": 443, "toPort": 443, "cidrIpv4": "10.0.0.0/8", "description": text});
        json!({"securityGroup": {
            "vpcId": vpc, "groupName": "group", "description": "of a story", "ingress": [rule], "egress": [rule],
        }})
    };
    becomes(&story, "group", &[group("before"), group("after")]).await;
    let filter = json!({"Filters": [{"Name": "tag-key", "Values": ["ccagi:uid"]}]});
    let found = story.aws("ec2", "describe_security_groups", filter)["SecurityGroups"][0].clone();
    for side in ["IpPermissions", "IpPermissionsEgress"] {
        assert_eq!(found[side][0]["IpRanges"][0]["Description"], "after", "{found}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_changes_its_code_its_settings_and_its_layers() {
    let story = Story::begin("change-function").await;
    let trusted = json!({"assumeRolePolicy": trust("lambda.amazonaws.com"), "instanceProfile": false});
    becomes(&story, "role", &[role("role", &trusted)]).await;
    let layer = json!({"LayerName": "tools", "Content": {"ZipFile": "a layer"}});
    let layer = story.aws("lambda", "publish_layer_version", layer)["LayerVersionArn"].clone();
    let bucket = story.bucket();
    story.aws("s3", "create_bucket", json!({"Bucket": bucket}));
    let enabled = json!({"Bucket": bucket, "VersioningConfiguration": {"Status": "Enabled"}});
    story.aws("s3", "put_bucket_versioning", enabled);
    let object = json!({"Bucket": bucket, "Key": "code.zip", "Body": "an archive"});
    let version = story.aws("s3", "put_object", object)["VersionId"].clone();
    let function = |tags: Value, memory: i32, layers: Value, code: Value| {
        json!({"tags": tags, "lambdaFunction": {
            "functionName": "function", "roleRef": {"name": "role"}, "runtime": "python3.13",
            "handler": "index.handler", "memorySizeMib": memory, "layers": layers, "code": code,
            "reservedConcurrency": memory / 128, "logging": {"retentionDays": 7},
        }})
    };
    let inline = json!({"inline": {"fileName": "index.py", "source": "def handler(event, context): pass"}});
    // The digest is that of the words above.
    let sha256 = "nmkdWtrPDhAvIDEAhC/6uk4qff49vVNoJ9PA24x+iPE=";
    let stored = json!({"s3": {"bucket": bucket, "key": "code.zip", "objectVersion": version, "sha256": sha256}});
    let specs = [
        function(json!({"team": "web"}), 128, json!([]), inline),
        function(json!({"other": "x"}), 256, json!([layer]), stored),
    ];
    becomes(&story, "function", &specs).await;
    let found = story.aws("lambda", "get_function", json!({"FunctionName": "function"}));
    assert_eq!(found["Configuration"]["CodeSha256"], sha256);
    assert_eq!(found["Configuration"]["Layers"][0]["Arn"], layer);
    assert_eq!(found["Concurrency"]["ReservedConcurrentExecutions"], 2);
    assert!(found["Tags"]["team"].is_null(), "{found}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_and_a_table_change_what_the_other_stories_leave() {
    let story = Story::begin("change-rest").await;
    let access = |blocked: bool| {
        let names = ["blockPublicAcls", "ignorePublicAcls", "blockPublicPolicy", "restrictPublicBuckets"];
        let block: serde_json::Map<_, _> = names.iter().map(|name| ((*name).to_owned(), json!(blocked))).collect();
        json!({"s3Bucket": {"bucketName": story.bucket(), "publicAccessBlock": block}})
    };
    becomes(&story, "bucket", &[access(true), access(false)]).await;
    let found = story.aws("s3", "get_public_access_block", json!({"Bucket": story.bucket()}));
    assert_eq!(found["PublicAccessBlockConfiguration"]["BlockPublicPolicy"], false, "{found}");
    let table = |tags: Value| json!({"tags": tags, "dynamoDbTable": {"tableName": "table", "partitionKey": {"name": "id", "type": "String"}}});
    becomes(&story, "table", &[table(json!({"team": "web"})), table(json!({"other": "x"}))]).await;
    let arn = story.aws("dynamodb", "describe_table", json!({"TableName": "table"}))["Table"]["TableArn"].clone();
    let tags = story.aws("dynamodb", "list_tags_of_resource", json!({"ResourceArn": arn}))["Tags"].clone();
    assert!(tags.as_array().unwrap().iter().all(|tag| tag["Key"] != "team"), "{tags}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_changes_its_subnets_and_its_tags() {
    let story = Story::begin("change-database").await;
    let subnets = story.aws("ec2", "describe_subnets", json!({}))["Subnets"].clone();
    let subnets: Vec<Value> = subnets.as_array().unwrap().iter().map(|subnet| subnet["SubnetId"].clone()).collect();
    let database = |tags: Value, subnets: &[Value]| {
        json!({"tags": tags, "rdsInstance": {
            "dbInstanceIdentifier": "database", "engine": "postgres", "instanceClass": "db.t4g.micro",
            "allocatedStorageGib": 20, "masterUsername": "shop", "subnetIds": subnets,
        }})
    };
    let specs = [database(json!({"team": "web"}), &subnets[..2]), database(json!({"other": "x"}), &subnets[..3])];
    becomes(&story, "database", &specs).await;
    let found = story.aws("rds", "describe_db_instances", json!({}))["DBInstances"][0].clone();
    assert_eq!(found["DBSubnetGroup"]["Subnets"].as_array().unwrap().len(), 3, "{found}");
    assert!(found["TagList"].as_array().unwrap().iter().all(|tag| tag["Key"] != "team"), "{found}");
}
