//! What the API server refuses of one object by the schema and its rules, and what it must take.

use super::story::{Story, user};
use super::variable;
use ccagi_aws_agent::api::account::AwsAccount;
use ccagi_aws_agent::api::resource::AwsResource;
use kube::api::{Patch, PatchParams};
use kube::{Api, Error};
use serde_json::{Value, json};
use std::path::PathBuf;

/// What the API server says of an object that it does not keep: nothing, or why it refuses it.
async fn judged(story: &Story, kind: &str, spec: Value) -> Option<String> {
    let object = json!({
        "apiVersion": "aws.ccagi.io/v1alpha1", "kind": kind, "metadata": {"name": "judged"}, "spec": spec,
    });
    let how = PatchParams { dry_run: true, ..user() };
    let answer = match kind {
        "AwsAccount" => {
            let accounts: Api<AwsAccount> = Api::all(story.client.clone());
            accounts.patch("judged", &how, &Patch::Apply(object)).await.map(drop)
        }
        _ => {
            let resources: Api<AwsResource> = story.resources();
            resources.patch("judged", &how, &Patch::Apply(object)).await.map(drop)
        }
    };
    match answer {
        Ok(()) => None,
        Err(Error::Api(status)) => Some(status.message.clone()),
        Err(error) => panic!("the API server was not asked: {error:?}"),
    }
}

async fn judged_resource(story: &Story, spec: &str) -> Option<String> {
    let mut spec: Value = serde_saphyr::from_str(spec).unwrap();
    spec["accountRef"] = spec.get("accountRef").cloned().unwrap_or_else(|| json!({"name": "shop"}));
    judged(story, "AwsResource", spec).await
}

fn network(cidr: &str, zone: &str, subnet: &str) -> String {
    format!(
        "vpcNetwork: {{cidrBlock: {cidr}, subnets: [{{name: a, availabilityZone: {zone}, cidrBlock: {subnet}, public: false}}]}}"
    )
}

fn group(members: &str) -> String {
    format!("securityGroup: {{vpcId: vpc-0123abcd, groupName: web, description: web, {members}}}")
}

fn database(members: &str) -> String {
    format!(
        "rdsInstance: {{dbInstanceIdentifier: orders, engine: postgres, instanceClass: db.t4g.micro, masterUsername: shop, {members}}}"
    )
}

fn table(members: &str) -> String {
    format!("dynamoDbTable: {{tableName: orders, partitionKey: {{name: id, type: String}}, {members}}}")
}

fn instance(members: &str) -> String {
    format!("ec2Instance: {{imageId: ami-0abcdef1234567890, instanceType: t3.micro, {members}}}")
}

fn function(members: &str, source: &str) -> String {
    format!(
        "lambdaFunction: {{functionName: f, runtime: python3.13, handler: index.handler, \
         code: {{inline: {{fileName: index.py, source: {source}}}}}, {members}}}"
    )
}

fn bucket(members: &str) -> String {
    format!("s3Bucket: {{bucketName: shop-assets, {members}}}")
}

/// An index by this attribute, with so many attributes beside its keys.
fn index(name: &str, attribute: &str, type_: &str, beside: usize) -> String {
    let beside: Vec<String> = (0..beside).map(|number| format!("a{number}")).collect();
    format!(
        "{{indexName: {name}, partitionKey: {{name: {attribute}, type: {type_}}}, projection: Include, nonKeyAttributes: [{}]}}",
        beside.join(", ")
    )
}

fn refused() -> Vec<(String, &'static str)> {
    let role = "roleArn: 'arn:aws:iam::111122223333:role/f'";
    let many: Vec<String> = (0..6).map(|number| index(&format!("by-{number}"), "customer", "String", 20)).collect();
    let rule = |rest: &str| group(&format!("ingress: [{{protocol: tcp, fromPort: 1, toPort: 1, {rest}}}]"));
    vec![
        (network("10.71.5.0/16", "us-east-1a", "10.71.0.0/24"), "cidrBlock must begin at its first address"),
        (network("10.71.0.0/16", "us-east-1a", "10.71.0.9/24"), "cidrBlock must begin at its first address"),
        (network("10.256.0.0/16", "us-east-1a", "10.71.0.0/24"), "cidrBlock must be an IPv4 address"),
        (network("10.71.0.0/16", "nowhere", "10.71.0.0/24"), "availabilityZone must be the name of a zone"),
        (
            format!("region: eu-west-1\n{}", network("10.71.0.0/16", "us-east-1a", "10.71.0.0/24")),
            "every availabilityZone must be of the region",
        ),
        (rule("cidrIpv4: 300.0.0.0/8"), "cidrIpv4 must be an IPv4 block"),
        (rule("cidrIpv4: 10.0.0.0/33"), "cidrIpv4 must be an IPv4 block"),
        (rule("cidrIpv6: '2001:db8::1::/32'"), "cidrIpv6 must be an IPv6 block"),
        (
            group(
                "egress: [{protocol: all, cidrIpv4: 0.0.0.0/0, description: a}, {protocol: all, cidrIpv4: 0.0.0.0/0}]",
            ),
            "must not list a rule twice",
        ),
        (database("allocatedStorageGib: 20, storageType: io1, iops: 1000"), "allocatedStorageGib must be 100 or more"),
        (database("allocatedStorageGib: 20, storageType: gp3, iops: 3000"), "iops must be left out"),
        (database("allocatedStorageGib: 20, backupWindow: 23:50-00:10"), "backupWindow must be at least 30 minutes"),
        (
            database("allocatedStorageGib: 20, maintenanceWindow: sun:23:50-mon:00:10"),
            "maintenanceWindow must be at least 30 minutes",
        ),
        (
            database("allocatedStorageGib: 20, backupWindow: 23:30-00:30, maintenanceWindow: sun:00:00-sun:00:30"),
            "must not overlap",
        ),
        (
            table(&format!("globalSecondaryIndexes: [{}]", index("by-id", "id", "Number", 1))),
            "an attribute must have one type",
        ),
        (
            table(&format!(
                "globalSecondaryIndexes: [{}, {}]",
                index("one", "customer", "Number", 1),
                index("two", "customer", "String", 1)
            )),
            "an attribute must have one type",
        ),
        (table(&format!("globalSecondaryIndexes: [{}]", many.join(", "))), "at most 100 nonKeyAttributes"),
        (table(&format!("globalSecondaryIndexes: [{}]", index("one", "a", "String", 21))), "20"),
        (instance(&format!("userData: {}", "ä".repeat(9000))), "userData must have at most 16384 bytes"),
        (instance("rootVolume: {volumeType: st1, sizeGib: 500}"), "must not be st1 or sc1"),
        (instance("rootVolume: {volumeType: gp2, sizeGib: 20000}"), "sizeGib must suit the volumeType"),
        (
            instance("dataVolumes: [{deviceName: /dev/sdf, volumeType: sc1, sizeGib: 100}]"),
            "sizeGib must suit the volumeType",
        ),
        (function(role, &"ä".repeat(40_000)), "source must have at most 65536 bytes"),
        (function(&format!("environment: {{A-B: c}}, {role}"), "x"), "must be letters, digits and underscores"),
        (function(&format!("environment: {{AWS_REGION: c}}, {role}"), "x"), "must not set a variable that Lambda sets"),
        (
            function(&format!("environment: {{AA: {0}, BB: {0}}}, {role}", "x".repeat(3000)), "x"),
            "must have at most 4096 bytes",
        ),
        (bucket("policy: oops"), "policy must be a JSON object"),
        ("iamRole: {roleName: r, assumeRolePolicy: '[]'}".into(), "assumeRolePolicy must be a JSON object"),
        (
            "iamRole: {roleName: r, assumeRolePolicy: '{}', inlinePolicies: [{name: a, document: oops}]}".into(),
            "document must be a JSON object",
        ),
        (bucket("website: {indexDocument: a/index.html}"), "indexDocument must have no slash"),
        (bucket("corsRules: [{allowedMethods: [get], allowedOrigins: ['*']}]"), "allowedMethods must be GET"),
        (bucket("corsRules: [{allowedMethods: [GET], allowedOrigins: ['*.a.*']}]"), "must have at most one *"),
        (bucket("lifecycleRules: [{id: a, enabled: true}]"), "must have at least one of expirationDays"),
        (
            bucket(
                "lifecycleRules: [{id: a, enabled: true, expirationDays: 30, transitions: [{days: 30, storageClass: GLACIER}]}]",
            ),
            "expirationDays must be more than",
        ),
        (
            bucket("lifecycleRules: [{id: a, enabled: true, transitions: [{days: 1, storageClass: STANDARD_IA}]}]"),
            "days must be 30 or more",
        ),
        (
            bucket("lifecycleRules: [{id: a, enabled: true, transitions: [{days: 1, storageClass: COLD}]}]"),
            "storageClass must be GLACIER",
        ),
        (
            bucket("encryption: {algorithm: 'aws:kms:dsse', bucketKeyEnabled: true}"),
            "bucketKeyEnabled must not be true",
        ),
        ("s3Bucket: {bucketName: amzn-s3-demo-bucket}".into(), "bucketName must not look like"),
        ("managementPolicies: [LateInitialize]\ns3Bucket: {bucketName: abc}".into(), "must leave LateInitialize out"),
        (
            "managementPolicies: [Observe, LateInitialize]\ns3Bucket: {bucketName: abc}".into(),
            "must leave LateInitialize out",
        ),
        ("accountRef: {name: 'No/where'}\ns3Bucket: {bucketName: abc}".into(), "name must be the name of an object"),
        ("serviceAgentRef: {name: A}\ns3Bucket: {bucketName: abc}".into(), "name must be the name of an object"),
        (
            "securityGroup: {vpcRef: {name: ta/net}, groupName: web, description: web}".into(),
            "name must be the name of an object",
        ),
        (rule("sourceGroupRef: {name: 'a b'}"), "name must be the name of an object"),
        (instance("subnetRef: {name: net, output: 'a b'}"), "output must be a key of status.outputs"),
        (
            database("allocatedStorageGib: 20, masterUserPasswordSecretRef: {name: \" x y\\n\", key: a}"),
            "name must be the name of an object",
        ),
        (
            database("allocatedStorageGib: 20, masterUserPasswordSecretRef: {name: x, key: 'a/b'}"),
            "key must be letters",
        ),
    ]
}

fn taken() -> Vec<String> {
    vec![
        format!("region: eusc-de-east-1\n{}", network("10.71.0.0/16", "eusc-de-east-1a", "10.71.0.0/24")),
        network("10.71.0.0/16", "us-west-2-lax-1a", "10.71.0.0/28"),
        network("10.71.0.0/16", "us-east-1-wl1-bos-wlz-1", "10.71.16.0/20"),
        "region: us-isob-east-1\ns3Bucket: {bucketName: abc}".into(),
        "region: us-gov-west-1\niamRole: {roleName: r, assumeRolePolicy: ' {} ', managedPolicyArns: ['arn:aws-us-gov:iam::aws:policy/ReadOnlyAccess']}".into(),
        function("roleArn: 'arn:aws-eusc:iam::111122223333:role/f', environment: {AWS_X: a}", &"ä".repeat(30_000)),
        group("ingress: [{protocol: tcp, fromPort: 1, toPort: 1, cidrIpv4: 10.1.2.3/8}, {protocol: tcp, fromPort: 2, toPort: 2, cidrIpv6: '2001:db8::1/32'}]"),
        database("allocatedStorageGib: 400, storageType: gp3, iops: 12000, backupWindow: 23:30-00:00, maintenanceWindow: sun:00:00-sun:00:30"),
        table(&format!("globalSecondaryIndexes: [{}]", index("by-id", "id", "String", 20))),
        instance(&format!("userData: {}, rootVolume: {{volumeType: io2, sizeGib: 20000, iops: 100000}}", "ä".repeat(8000))),
        bucket("lifecycleRules: [{id: a, enabled: true, expirationDays: 31, transitions: [{days: 30, storageClass: STANDARD_IA}]}]"),
        "securityGroup: {vpcRef: {name: ta.net-1, output: vpcId}, groupName: web, description: web}".into(),
        instance("subnetRef: {name: net, output: subnetIds.a-1}"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_one_object_shows_is_refused_before_it_is_kept() {
    let story = Story::prepare("admission-rules", &PathBuf::from(variable("KUBECONFIG"))).await;
    for (spec, says) in refused() {
        let message = judged_resource(&story, &spec).await.unwrap_or_else(|| panic!("not refused: {spec}"));
        assert!(message.contains(says), "{spec}: {message}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_aws_takes_in_any_partition_is_taken() {
    let story = Story::prepare("admission-partitions", &PathBuf::from(variable("KUBECONFIG"))).await;
    for spec in taken() {
        assert_eq!(judged_resource(&story, &spec).await, None, "{spec}");
    }
    let account = |region: &str, partition: &str, namespace: &str| {
        json!({
            "accountId": "111122223333", "defaultRegion": region, "regions": [region],
            "credentials": {"assumeRole": {"roleArn": format!("arn:{partition}:iam::111122223333:role/CcagiAgentRole")}},
            "allowedNamespaces": {"names": [namespace]},
        })
    };
    for (region, partition) in [
        ("us-east-1", "aws"),
        ("cn-northwest-1", "aws-cn"),
        ("us-gov-east-1", "aws-us-gov"),
        ("eusc-de-east-1", "aws-eusc"),
        ("eu-isoe-west-1", "aws-iso-e"),
    ] {
        assert_eq!(judged(&story, "AwsAccount", account(region, partition, "shop")).await, None, "{region}");
    }
    let message = judged(&story, "AwsAccount", account("europe", "aws", "shop")).await.unwrap();
    assert!(message.contains("spec.defaultRegion"), "{message}");
    let message = judged(&story, "AwsAccount", account("us-east-1", "aws", "shop*")).await.unwrap();
    assert!(message.contains("names must be names of namespaces"), "{message}");
}
