//! `ccagi-aws-agent orphans`, run as a process under the policy that `iam-policy --orphans` prints.

use super::controller::iam_policy;
use super::story::{Story, id};
use kube::ResourceExt;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::process::{Command, Stdio};

/// What a search answered.
struct Answer {
    code: i32,
    output: String,
    errors: String,
}

impl Answer {
    fn of(output: std::process::Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code().expect("the program was not killed"),
            output: text(output.stdout),
            errors: text(output.stderr),
        }
    }

    fn report(&self) -> Value {
        serde_json::from_str(&self.output).unwrap_or_else(|error| panic!("{error}: {}{}", self.output, self.errors))
    }

    /// The ids of the orphans that the report names.
    fn ids(&self) -> BTreeSet<String> {
        members(&self.report(), "id")
    }
}

/// A member of all orphans of a report.
fn members(report: &Value, member: &str) -> BTreeSet<String> {
    let orphans = report["orphans"].as_array().unwrap();
    orphans.iter().map(|orphan| orphan[member].as_str().unwrap_or_default().to_owned()).collect()
}

fn command(story: &Story, account: &str, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ccagi-aws-agent"));
    command.args(["orphans", "--account", account, "--settle", "100ms"]).args(more);
    command.env("KUBECONFIG", &story.kubeconfig).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn search(story: &Story, more: &[&str]) -> Answer {
    Answer::of(command(story, &story.name, more).output().unwrap())
}

/// What makes a search take resources of any age for what they are.
const OF_ANY_AGE: &[&str] = &["--min-age", "0s", "-o", "json"];

fn search_at_once(story: &Story) -> Answer {
    search(story, OF_ANY_AGE)
}

async fn begin(name: &str) -> Story {
    let story = Story::begin(name).await;
    story.emulator.permit(&story.account_id, &iam_policy(&["--orphans"]));
    story
}

/// Deletes all objects of the story, their finalizers taken off by force. The controller is dead by then.
async fn force_away(story: &mut Story) {
    story.take_controller().kill();
    let unheld = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    for object in story.resources().list(&ListParams::default()).await.unwrap() {
        let name = object.name_any();
        story.resources().patch(&name, &PatchParams::default(), &unheld).await.unwrap();
        story.resources().delete(&name, &DeleteParams::default()).await.unwrap();
        story.until_gone(&object).await;
    }
}

/// A bucket by its spec.
fn bucket(name: &str, more: &str) -> String {
    format!("{more}\ns3Bucket: {{bucketName: {name}}}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_healthy_namespace_is_an_orphan_and_all_of_it_is_one_without_its_objects() {
    let mut story = begin("orphans").await;
    let mut names = story.apply_file(&crate::it::repository("examples/shop.yaml")).await;
    let function = json!({"functionName": "logged", "roleRef": {"name": "function-role"}, "runtime": "python3.13",
        "handler": "index.handler", "logging": {"retentionDays": 30},
        "code": {"inline": {"fileName": "index.py", "source": "def handler(event, context):\n    return 1\n"}}});
    let network = json!({"cidrBlock": "10.1.0.0/16", "internetGateway": true, "natGateway": {"subnet": "front"},
        "subnets": [{"name": "front", "availabilityZone": "us-east-1a", "cidrBlock": "10.1.0.0/24", "public": true}]});
    story.apply("logged", &json!({"lambdaFunction": function}).to_string()).await;
    story.apply("with-nat", &json!({"vpcNetwork": network}).to_string()).await;
    story.apply("abroad", &bucket(&story.bucket(), "region: eu-west-1")).await;
    names.extend(["logged", "with-nat", "abroad"].map(str::to_owned));
    for name in &names {
        story.until_ready(name).await;
    }

    let writes = story.emulator.writes(&story.account_id);
    let healthy = search_at_once(&story);
    assert_eq!(healthy.code, 0, "{}{}", healthy.output, healthy.errors);
    assert_eq!(healthy.report(), json!({"complete": true, "orphans": [], "young": 0, "failures": []}));

    force_away(&mut story).await;
    let report = search_at_once(&story);
    assert_eq!(report.code, 1, "{}", report.errors);
    let report = report.report();
    let expected = [
        "AWS::DynamoDB::Table",
        "AWS::EC2::EIP",
        "AWS::EC2::Instance",
        "AWS::EC2::InternetGateway",
        "AWS::EC2::NatGateway",
        "AWS::EC2::RouteTable",
        "AWS::EC2::SecurityGroup",
        "AWS::EC2::Subnet",
        "AWS::EC2::VPC",
        "AWS::IAM::InstanceProfile",
        "AWS::IAM::Role",
        "AWS::Lambda::Function",
        "AWS::Logs::LogGroup",
        "AWS::RDS::DBInstance",
        "AWS::RDS::DBSubnetGroup",
        "AWS::S3::Bucket",
    ];
    assert_eq!(members(&report, "type"), expected.map(str::to_owned).into());
    assert_eq!(members(&report, "name"), names.into_iter().collect(), "something is left of every object");
    assert_eq!(members(&report, "region"), ["", "eu-west-1", "us-east-1"].map(str::to_owned).into());
    let told = |orphan: &&Value| orphan.get("since").is_some();
    let dated: BTreeSet<_> =
        report["orphans"].as_array().unwrap().iter().filter(told).map(|one| one["type"].as_str().unwrap()).collect();
    for type_ in ["EC2::Instance", "EC2::NatGateway", "IAM::Role", "Lambda::Function", "Logs::LogGroup", "S3::Bucket"] {
        assert!(dated.contains(format!("AWS::{type_}").as_str()), "the age of {type_} is not told: {dated:?}");
    }
    assert_eq!(report["complete"], true);
    assert_eq!(story.emulator.writes(&story.account_id), writes, "the search only reads");
    let denied = story.emulator.denied(&story.account_id);
    assert!(denied.is_empty(), "iam-policy --orphans lacks what the search calls: {denied:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orphan_is_told_with_its_object_once_it_is_old_enough() {
    let mut story = begin("orphan").await;
    story.apply("assets", &bucket(&story.bucket(), "")).await;
    let object = story.until_ready("assets").await;
    force_away(&mut story).await;

    let young = search(&story, &["-o", "json"]);
    assert_eq!((young.code, young.report()["young"].as_u64()), (0, Some(1)), "{}", young.output);

    let found = search_at_once(&story);
    assert_eq!(found.code, 1, "{}", found.errors);
    let report = found.report();
    let mut orphan = report["orphans"][0].clone();
    assert!(orphan["since"].as_str().is_some_and(|since| since.ends_with('Z')), "{orphan}");
    orphan.as_object_mut().unwrap().remove("since");
    let bucket = story.bucket();
    let expected = json!({
        "kind": "S3Bucket", "type": "AWS::S3::Bucket", "id": bucket, "arn": format!("arn:aws:s3:::{bucket}"),
        "account": story.name, "accountId": story.account_id, "region": "us-east-1",
        "namespace": story.name, "name": "assets", "uid": object.uid().unwrap(), "reason": "PerhapsRetained",
        "message": "its object is gone; it is of a type that is retained by default",
    });
    assert_eq!(orphan, expected);

    let table = search(&story, &["--min-age", "0s"]);
    assert!(table.output.contains(&format!("{}/assets", story.name)), "{}", table.output);
    assert!(table.output.contains("1 orphan."), "{}", table.output);

    // What is kept on purpose leaves the report with its tags.
    story.aws("s3", "delete_bucket_tagging", json!({"Bucket": bucket}));
    assert_eq!(search_at_once(&story).code, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_another_clusters_or_nobodys_is_not_reported_and_a_volume_left_behind_is() {
    let story = begin("not-orphans").await;
    story.apply("assets", &bucket(&story.bucket(), "")).await;
    story.until_ready("assets").await;
    let tags = story.aws("s3", "get_bucket_tagging", json!({"Bucket": story.bucket()}))["TagSet"].clone();
    let tags: Vec<Value> = tags.as_array().unwrap().iter().filter(|tag| tag["Key"] != "ccagi:uid").cloned().collect();
    let ours = tags.iter().find(|tag| tag["Key"] == "ccagi:cluster").unwrap()["Value"].clone();
    let volume = |cluster: &Value| {
        let tags = json!([{"Key": "ccagi:cluster", "Value": cluster}, {"Key": "ccagi:uid", "Value": "gone"}]);
        let tags = json!([{"ResourceType": "volume", "Tags": tags}]);
        let made = json!({"AvailabilityZone": "us-east-1a", "Size": 1, "TagSpecifications": tags});
        story.aws("ec2", "create_volume", made)["VolumeId"].as_str().unwrap().to_owned()
    };
    volume(&json!("another-cluster"));
    story.aws("ec2", "create_volume", json!({"AvailabilityZone": "us-east-1a", "Size": 1}));
    let left = volume(&ours);
    for (name, tags) in [("untagged", json!([])), ("another", json!([{"Key": "ccagi:cluster", "Value": "another"}]))] {
        let name = format!("{}-{name}", story.bucket());
        story.aws("s3", "create_bucket", json!({"Bucket": name}));
        story.aws("s3", "put_bucket_tagging", json!({"Bucket": name, "Tagging": {"TagSet": tags}}));
    }
    let unnamed = format!("{}-unnamed", story.bucket());
    story.aws("s3", "create_bucket", json!({"Bucket": unnamed}));
    story.aws("s3", "put_bucket_tagging", json!({"Bucket": unnamed, "Tagging": {"TagSet": tags}}));

    let found = search_at_once(&story);
    assert_eq!(found.ids(), [left, unnamed].into(), "{}", found.output);
    assert_eq!(members(&found.report(), "reason"), ["NoUid", "PerhapsRetained"].map(str::to_owned).into());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_object_takes_over_between_the_two_looks_is_not_reported() {
    let mut story = begin("orphan-adopted").await;
    story.apply("assets", &bucket(&story.bucket(), "")).await;
    story.until_ready("assets").await;
    force_away(&mut story).await;

    // The first look reads the tags of the object that is gone, and learns of them only after another
    // object has taken the bucket over.
    let fault = story.emulator.fault(&story.account_id, "GetBucketTagging", "hold-after", 1);
    let searching = command(&story, &story.name, OF_ANY_AGE).spawn().unwrap();
    story.until_true("the first look", || story.emulator.held(&story.account_id, &fault) == 1).await;
    story.start_controller();
    story.apply("assets", &bucket(&story.bucket(), "adoptionPolicy: adopt")).await;
    story.until_ready("assets").await;
    story.emulator.clear_faults(&story.account_id);

    let answer = Answer::of(searching.wait_with_output().unwrap());
    assert!(answer.errors.contains("found 1 at the first look"), "{}", answer.errors);
    assert_eq!(answer.code, 0, "{}", answer.output);
    assert_eq!(answer.ids(), BTreeSet::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_listed_is_said_and_never_taken_for_none() {
    let mut story = begin("orphans-denied").await;
    let image = "ami-0abcdef1234567890";
    story.apply("web", &format!("ec2Instance: {{imageId: {image}, instanceType: t3.micro}}")).await;
    let instance = id(&story.until_ready("web").await);

    let fault = json!({"operation": "DescribeVpcs", "kind": "denied", "times": -1});
    story.emulator.fault_with(&story.account_id, fault);
    let denied = search_at_once(&story);
    assert_eq!(denied.code, 2, "{}", denied.output);
    let report = denied.report();
    assert_eq!(report["complete"], false);
    let failures = report["failures"].as_array().unwrap();
    let regions: BTreeSet<_> = failures.iter().map(|failure| failure["region"].as_str().unwrap()).collect();
    assert_eq!(regions, ["eu-west-1", "us-east-1"].into());
    for failure in failures {
        assert_eq!(failure["kind"], "VpcNetwork");
        assert!(
            failure["message"].as_str().unwrap().contains("DescribeVpcs failed: UnauthorizedOperation"),
            "{failure}"
        );
    }
    assert!(denied.errors.contains("not all of VpcNetwork in us-east-1 could be looked at"), "{}", denied.errors);

    // Without the actions that only the search needs, what can be listed is reported all the same.
    story.emulator.clear_faults(&story.account_id);
    story.emulator.permit(&story.account_id, &iam_policy(&[]));
    force_away(&mut story).await;
    let half = search_at_once(&story);
    assert!(half.errors.contains("iam-policy --orphans"), "{}", half.errors);
    assert_eq!((half.code, half.ids()), (2, [instance].into()), "{}", half.output);
    let kinds: BTreeSet<_> =
        half.report()["failures"].as_array().unwrap().iter().map(|one| one["kind"].to_string()).collect();
    assert_eq!(
        kinds,
        ["DynamoDbTable", "IamRole", "LambdaFunction", "S3Bucket"].map(|kind| format!("{kind:?}")).into()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_is_not_verified_is_not_touched() {
    let story = Story::prepare("orphans-unverified", std::path::Path::new(&super::variable("KUBECONFIG"))).await;
    story.declare_account(json!({"accountId": "000000000001"})).await;
    let answer = search_at_once(&story);
    assert_eq!(answer.code, 2, "{}", answer.output);
    assert!(answer.errors.contains(&story.account_id), "{}", answer.errors);
    let asked = story.emulator.journal(&story.account_id);
    assert!(asked.iter().all(|request| request.operation == "GetCallerIdentity"), "{asked:?}");

    let unknown = Answer::of(command(&story, "no-such-account", &[]).output().unwrap());
    assert_eq!((unknown.code, unknown.output.as_str()), (2, ""));
    assert!(unknown.errors.contains("no-such-account does not exist"), "{}", unknown.errors);
}
