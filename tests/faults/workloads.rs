//! The workloads: every kind of the table, created, changed, deleted and declared again as its example
//! says; an account; a database with a Secret; two tenants; and the shop.

use super::steps::SECRET;
use super::tenants::Tenant;
use ccagi_aws_agent::kinds::KindName;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// One thing that a user does, and then waits for.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// The accounts are declared with these members of their spec, and wanted ready.
    Account(Value),
    /// The objects are applied, and wanted ready.
    Apply(Vec<Value>),
    /// They are deleted, and, as soon as they are gone, applied anew.
    Recreate(Vec<Value>),
    /// They are deleted, and wanted gone.
    Delete,
    /// The accounts are deleted, and wanted gone.
    DropAccount,
}

/// Steps, one of which faults strike.
#[derive(Clone, Debug)]
pub struct Workload {
    pub name: String,
    /// Objects that are there before: what those of the workload refer to.
    pub before: Vec<Value>,
    pub steps: Vec<Step>,
    /// The step that faults strike.
    pub struck: usize,
    /// The AWS services whose contents are compared.
    pub services: Vec<String>,
    /// Whether each AWS call fails in each way, or only writes crash and lose their answers. What single
    /// calls do when they fail is shown by the kinds' own workloads.
    pub every_call: bool,
    /// Whether its steps declare the accounts, so that what is done for these is struck too.
    pub of_account: bool,
    /// Whether there are two tenants.
    pub neighbour: bool,
    /// Whether objects refer to a Secret.
    pub secret: bool,
}

impl Workload {
    /// Whether it is one of the kinds' own, created, changed or deleted.
    pub fn is_plain(&self) -> bool {
        ["/create", "/update", "/delete"].iter().any(|end| self.name.ends_with(end))
            && KindName::ALL.iter().any(|kind| self.name.split('/').next() == Some(kind.as_str()))
    }

    /// The step of this workload that is the struck one of the other: the same, and taken from the same.
    pub fn step_of(&self, other: &Self) -> Option<usize> {
        let is_it = |step: &usize| {
            self.steps[*step] == other.steps[other.struck]
                && self.declared_before(*step) == other.declared_before(other.struck)
        };
        (0..self.steps.len()).filter(|_| self.stage() == other.stage()).find(is_it)
    }

    /// What the steps stand on.
    fn stage(&self) -> (&[Value], &[String], [bool; 3]) {
        (&self.before, &self.services, [self.of_account, self.neighbour, self.secret])
    }

    /// The account's spec and the objects that are declared when a step begins.
    fn declared_before(&self, step: usize) -> (Option<&Value>, &[Value]) {
        let (mut account, mut declared): (Option<&Value>, &[Value]) = (None, &[]);
        for step in &self.steps[..step] {
            match step {
                Step::Account(spec) => account = Some(spec),
                Step::Apply(objects) | Step::Recreate(objects) => declared = objects,
                Step::Delete => declared = &[],
                Step::DropAccount => account = None,
            }
        }
        (account, declared)
    }
}

/// Every workload, in the order of the table.
pub fn all() -> Vec<Workload> {
    let mut all: Vec<Workload> = KindName::ALL.iter().flat_map(|kind| of_kind(*kind)).collect();
    all.extend(of_account());
    all.extend([with_secret(), of_two_tenants()]);
    all.extend(shop());
    all
}

fn of_kind(kind: KindName) -> Vec<Workload> {
    let (objects, before) = example(kind);
    let changed = changed(kind, objects.clone());
    let again = Step::Recreate(objects.clone());
    let (apply, update) = (Step::Apply(objects), Step::Apply(changed));
    let workload = |name: &str, steps: Vec<Step>, struck| Workload {
        name: format!("{}/{name}", kind.as_str()),
        before: before.clone(),
        steps,
        struck,
        services: services(&[kind]),
        every_call: name != "recreate",
        of_account: false,
        neighbour: false,
        secret: false,
    };
    vec![
        workload("create", vec![apply.clone(), Step::Delete], 0),
        workload("update", vec![apply.clone(), update, Step::Delete], 1),
        workload("delete", vec![apply.clone(), Step::Delete], 1),
        workload("recreate", vec![apply, again, Step::Delete], 1),
    ]
}

/// An account with a bucket: declared, changed and deleted.
fn of_account() -> Vec<Workload> {
    let (bucket, _) = example(KindName::S3Bucket);
    let (declare, apply) = (Step::Account(json!({})), Step::Apply(bucket));
    let change = Step::Account(json!({"regions": ["us-east-1", "eu-west-1"]}));
    let workload = |name: &str, steps: Vec<Step>, struck| Workload {
        name: format!("AwsAccount/{name}"),
        before: Vec::new(),
        steps,
        struck,
        services: services(&[KindName::S3Bucket]),
        every_call: true,
        of_account: true,
        neighbour: false,
        secret: false,
    };
    vec![
        workload("create", vec![declare.clone(), apply.clone(), Step::Delete], 0),
        workload("update", vec![declare.clone(), change, apply.clone(), Step::Delete], 1),
        workload("delete", vec![declare, apply, Step::Delete, Step::DropAccount], 3),
    ]
}

/// A database whose password comes from a Secret.
fn with_secret() -> Workload {
    let kind = KindName::RdsInstance;
    let mut create = of_kind(kind).swap_remove(0);
    if let Step::Apply(objects) = &mut create.steps[0] {
        let (name, key) = SECRET;
        objects[0]["spec"][kind.member()]["masterUserPasswordSecretRef"] = json!({"name": name, "key": key});
    }
    Workload { name: "RdsInstance/secret".into(), secret: true, ..create }
}

/// A bucket and an instance of each of two tenants.
fn of_two_tenants() -> Workload {
    let (mut objects, _) = example(KindName::S3Bucket);
    objects.extend(example(KindName::Ec2Instance).0);
    let mut neighbours = objects.clone();
    for object in &mut neighbours {
        let name = format!("{}-too", object["metadata"]["name"].as_str().unwrap_or_default());
        object["metadata"] = json!({"name": name, "namespace": Tenant::NEIGHBOUR});
    }
    objects.extend(neighbours);
    Workload {
        name: "tenants/create".into(),
        before: Vec::new(),
        steps: vec![Step::Apply(objects), Step::Delete],
        struck: 0,
        services: services(&[KindName::S3Bucket, KindName::Ec2Instance]),
        every_call: false,
        of_account: false,
        neighbour: true,
        secret: false,
    }
}

fn shop() -> Vec<Workload> {
    let steps = vec![Step::Apply(documents("shop.yaml")), Step::Delete];
    let workload = |name: &str, struck| Workload {
        name: format!("shop/{name}"),
        before: Vec::new(),
        steps: steps.clone(),
        struck,
        services: services(KindName::ALL),
        every_call: false,
        of_account: false,
        neighbour: false,
        secret: false,
    };
    vec![workload("create", 0), workload("delete", 1)]
}

/// The services that kinds use, by the prefixes of their IAM actions.
fn services(kinds: &[KindName]) -> Vec<String> {
    let actions = kinds.iter().flat_map(|kind| kind.iam_actions());
    let services: BTreeSet<&str> = actions.filter_map(|action| action.split(':').next()).collect();
    services.into_iter().map(str::to_owned).collect()
}

/// The objects of a kind's example, and those that they refer to.
pub fn example(kind: KindName) -> (Vec<Value>, Vec<Value>) {
    let file = match kind {
        KindName::S3Bucket => "s3-bucket.yaml",
        KindName::Ec2Instance => "ec2-instance.yaml",
        KindName::SecurityGroup => "security-group.yaml",
        KindName::DynamoDbTable => "dynamo-db-table.yaml",
        KindName::IamRole => "iam-role.yaml",
        KindName::VpcNetwork => "vpc-network.yaml",
        KindName::LambdaFunction => "lambda-function.yaml",
        KindName::RdsInstance => "rds-instance.yaml",
    };
    let (own, mut others): (Vec<Value>, Vec<Value>) =
        documents(file).into_iter().partition(|document| !document["spec"][kind.member()].is_null());
    if kind == KindName::SecurityGroup {
        let mut network = documents("vpc-network.yaml").swap_remove(0);
        // Groups need nothing more of a network than that it is there.
        let spec = network["spec"]["vpcNetwork"].as_object_mut().unwrap();
        spec.retain(|member, _| ["cidrBlock", "subnets"].contains(&member.as_str()));
        spec["subnets"].as_array_mut().unwrap().retain(|subnet| subnet["public"] == false);
        others.push(network);
    }
    for other in &mut others {
        // Its looks for drift would come up among the calls of the workload.
        other["spec"]["driftPeriodSeconds"] = json!(86400);
    }
    (own, others)
}

/// The AwsResources of a file of examples.
fn documents(file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(crate::it::repository("examples").join(file)).unwrap();
    let all = serde_saphyr::from_multiple::<Value>(&text).unwrap();
    all.into_iter().filter(|document| document["kind"] == "AwsResource").collect()
}

/// The objects with one setting changed.
pub fn changed(kind: KindName, mut objects: Vec<Value>) -> Vec<Value> {
    let block = &mut objects[0]["spec"][kind.member()];
    match kind {
        KindName::S3Bucket => block["versioning"] = json!("Suspended"),
        KindName::Ec2Instance => block["instanceType"] = json!("t3.small"),
        KindName::SecurityGroup => {
            block["ingress"][0]["fromPort"] = json!(8443);
            block["ingress"][0]["toPort"] = json!(8443);
        }
        KindName::DynamoDbTable => block["pointInTimeRecovery"] = json!(false),
        KindName::IamRole => block["maxSessionDurationSeconds"] = json!(7200),
        KindName::VpcNetwork => {
            let zone = "us-east-1c";
            let subnet =
                json!({"name": "private-c", "availabilityZone": zone, "cidrBlock": "10.0.48.0/20", "public": false});
            block["subnets"].as_array_mut().unwrap().push(subnet);
        }
        KindName::LambdaFunction => block["memorySizeMib"] = json!(512),
        KindName::RdsInstance => block["backupRetentionDays"] = json!(14),
    }
    objects
}

#[test]
fn a_step_is_found_in_the_workloads_that_take_it_from_the_same() {
    let all = all();
    let named = |name: &str| all.iter().find(|workload| workload.name == name).unwrap();
    let found = |on: &str, name: &str| named(on).step_of(named(name));
    assert_eq!(found("VpcNetwork/create", "VpcNetwork/delete"), Some(1));
    assert_eq!(found("VpcNetwork/recreate", "VpcNetwork/delete"), Some(2));
    assert_eq!(found("VpcNetwork/update", "VpcNetwork/create"), Some(0));
    assert_eq!(found("VpcNetwork/update", "VpcNetwork/delete"), None, "what is deleted there was changed");
    assert_eq!(found("AwsAccount/update", "AwsAccount/create"), Some(0));
    assert_eq!(found("RdsInstance/create", "RdsInstance/secret"), None);
    for workload in &all {
        assert_eq!(workload.step_of(workload), Some(workload.struck), "{}", workload.name);
    }
}
