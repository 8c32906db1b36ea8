//! `ccagi-aws-agent plan`, run as a process.

use super::controller::controllers_iam_policy;
use super::story::{Story, id};
use ccagi_aws_agent::api::resource::AwsResource;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use kube::api::{ListParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const IMAGE: &str = "ami-0abcdef1234567890";

/// What a plan answered.
pub struct Answer {
    pub code: i32,
    pub output: String,
    pub errors: String,
}

impl Answer {
    pub fn of(command: &mut Command) -> Self {
        let output = command.stdin(Stdio::null()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code().expect("the program was not killed"),
            output: text(output.stdout),
            errors: text(output.stderr),
        }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.output).unwrap_or_else(|error| panic!("{error}: {}{}", self.output, self.errors))
    }

    /// The planned objects by their names.
    pub fn objects(&self) -> BTreeMap<String, Value> {
        let objects = self.json()["objects"].as_array().unwrap().clone();
        objects.into_iter().map(|object| (object["name"].as_str().unwrap().to_owned(), object)).collect()
    }

    /// The planned steps by the objects' names.
    pub fn steps(&self) -> BTreeMap<String, String> {
        let step = |object: Value| object["step"].as_str().unwrap().to_owned();
        self.objects().into_iter().map(|(name, object)| (name, step(object))).collect()
    }
}

/// The program with its arguments, in the story's cluster.
pub fn program(story: &Story, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ccagi-aws-agent"));
    command.args(arguments).env("KUBECONFIG", &story.kubeconfig);
    command
}

/// The plan of a file in JSON.
pub fn plan_file(story: &Story, file: &Path) -> Answer {
    Answer::of(&mut program(story, &["plan", "-f", file.to_str().unwrap(), "-o", "json"]))
}

/// The plan of all that is in the story's namespace.
pub fn plan_all(story: &Story) -> Answer {
    Answer::of(&mut program(story, &["plan", "--all", "-n", &story.name, "-o", "json"]))
}

/// A manifest in the story's namespace and account, from one of the examples or the like.
pub fn own(story: &Story, document: &Value) -> Value {
    let text = document.to_string().replace("111122223333", &story.account_id);
    let mut document: Value = serde_json::from_str(&text).unwrap();
    let name = document["metadata"]["name"].clone();
    document["metadata"] = json!({"name": name, "namespace": story.name, "labels": {"story": story.name}});
    if document["spec"]["accountRef"].is_null() || document["spec"]["accountRef"]["name"] == "shop-production" {
        document["spec"]["accountRef"] = json!({"name": story.name});
    }
    document
}

/// A manifest from the YAML of its spec without `accountRef`.
fn manifest(story: &Story, name: &str, spec: &str) -> Value {
    let spec: Value = serde_saphyr::from_str(spec).unwrap();
    let types = json!({"apiVersion": "aws.ccagi.io/v1alpha1", "kind": "AwsResource", "metadata": {"name": name}});
    let mut document = types;
    document["spec"] = spec;
    own(story, &document)
}

/// Writes manifests into a file of the story.
pub fn file(story: &Story, name: &str, documents: &[Value]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}.yaml", story.name));
    let texts: Vec<String> = documents.iter().map(Value::to_string).collect();
    std::fs::write(&path, texts.join("\n---\n")).unwrap();
    path
}

fn bucket(name: &str, versioning: &str) -> String {
    format!("s3Bucket: {{bucketName: {name}, versioning: {versioning}}}")
}

fn instance(type_: &str) -> String {
    format!("restartPolicy: Allow\nec2Instance: {{imageId: {IMAGE}, instanceType: {type_}}}")
}

/// What of the controller's IAM policy only reads.
fn reading_policy() -> Value {
    let mut policy = controllers_iam_policy().clone();
    for statement in policy["Statement"].as_array_mut().unwrap() {
        let reads = |action: &Value| {
            let verb = action.as_str().unwrap().split(':').nth(1).unwrap();
            ["Get", "List", "Describe"].iter().any(|read| verb.starts_with(read))
        };
        statement["Action"].as_array_mut().unwrap().retain(reads);
    }
    policy["Statement"].as_array_mut().unwrap().retain(|one| !one["Action"].as_array().unwrap().is_empty());
    policy
}

/// A kubeconfig of somebody who may read what a plan needs, and nothing else.
async fn reader(story: &Story) -> PathBuf {
    let rules = json!([
        {"apiGroups": ["aws.ccagi.io"], "resources": ["awsresources", "awsaccounts", "serviceagents"], "verbs": ["get", "list"]},
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list"]},
    ]);
    let name = format!("{}-reader", story.name);
    let roles: Api<ClusterRole> = Api::all(story.client.clone());
    let role = json!({"metadata": {"name": name}, "rules": rules});
    roles.create(&PostParams::default(), &serde_json::from_value(role).unwrap()).await.unwrap();
    let bindings: Api<ClusterRoleBinding> = Api::all(story.client.clone());
    let binding = json!({
        "metadata": {"name": name},
        "roleRef": {"kind": "ClusterRole", "apiGroup": "rbac.authorization.k8s.io", "name": name},
        "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": name}],
    });
    bindings.create(&PostParams::default(), &serde_json::from_value(binding).unwrap()).await.unwrap();
    let mut config: Value = serde_saphyr::from_str(&std::fs::read_to_string(&story.kubeconfig).unwrap()).unwrap();
    config["users"][0]["user"]["as"] = json!(name);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.kubeconfig"));
    std::fs::write(&path, config.to_string()).unwrap();
    path
}

async fn versions(story: &Story) -> Vec<Option<String>> {
    let objects: Vec<AwsResource> = story.resources().list(&ListParams::default()).await.unwrap().items;
    objects.iter().map(|object| object.resource_version()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_only_read_gets_the_whole_plan_and_nothing_is_written() {
    let mut story = Story::begin("plan-reads").await;
    story.apply("assets", &bucket(&story.bucket(), "Enabled")).await;
    story.apply("web", &instance("t3.micro")).await;
    story.until_ready("assets").await;
    let web = id(&story.until_ready("web").await);
    story.take_controller().kill();
    let documents = [
        manifest(&story, "assets", &bucket(&story.bucket(), "Suspended")),
        manifest(&story, "web", &instance("t3.small")),
        manifest(&story, "worker", &instance("t3.micro")),
    ];
    let path = file(&story, "all", &documents);
    story.emulator.permit(&story.account_id, &reading_policy());
    let (writes, before) = (story.emulator.writes(&story.account_id), versions(&story).await);

    let config = reader(&story).await;
    let mut command = program(&story, &["plan", "-f", path.to_str().unwrap(), "-o", "json"]);
    let answer = Answer::of(command.env("KUBECONFIG", config));
    assert_eq!(answer.code, 1, "{}{}", answer.output, answer.errors);
    let objects = answer.objects();
    let steps: Vec<_> = answer.steps().into_values().collect();
    assert_eq!(steps, ["update", "restart", "create"]);
    let remarks = answer.json()["remarks"].to_string();
    for verb in ["patch", "create"] {
        let right = format!("you have no right to {verb} awsresources in the namespace {}.", story.name);
        assert!(remarks.contains(&right), "{right} is not in {remarks}");
    }
    let change = json!([{"path": "instanceType", "from": "t3.micro", "to": "t3.small", "effect": "Restart", "carriedOut": true}]);
    assert_eq!((&objects["web"]["changes"], &objects["web"]["id"]), (&change, &json!(web)));
    let text = Answer::of(program(&story, &["plan", "-f", path.to_str().unwrap()]).env("NO_COLOR", "1"));
    for line in ["~ ", "    versioning: Enabled → Suspended", "    instanceType: t3.micro → t3.small (restart)", "+ "]
    {
        assert!(text.output.contains(line), "{line} is not in {}", text.output);
    }
    assert!(text.output.contains("Plan: 1 to create, 1 to update, 1 to restart. Cost: +"), "{}", text.output);
    assert!(!text.output.contains('\u{1b}'), "no colours where nobody sees them: {}", text.output);

    assert_eq!(story.emulator.writes(&story.account_id), writes, "nothing is written in AWS");
    assert_eq!(versions(&story).await, before, "nothing is written in the cluster");
    assert_eq!(story.emulator.denied(&story.account_id), Vec::<String>::new(), "nothing else was tried");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_planned_with_aws_alone_and_what_exists_is_found_by_its_name_and_tags() {
    let story = Story::begin("plan-files").await;
    story.apply("assets", &bucket(&story.bucket(), "Enabled")).await;
    story.apply("web", &instance("t3.micro")).await;
    story.until_ready("assets").await;
    let web = id(&story.until_ready("web").await);
    let account = json!({
        "apiVersion": "aws.ccagi.io/v1alpha1", "kind": "AwsAccount", "metadata": {"name": story.name},
        "spec": story.accounts().get(&story.name).await.unwrap().spec,
    });
    let documents = [
        account.clone(),
        manifest(&story, "assets", &bucket(&story.bucket(), "Suspended")),
        manifest(&story, "web", &instance("t3.small")),
        manifest(&story, "logs", &bucket(&format!("{}-logs", story.bucket()), "Enabled")),
    ];
    let path = file(&story, "all", &documents);
    let alone = ["plan", "-f", path.to_str().unwrap(), "-o", "json"];
    let nowhere = [("KUBECONFIG", "/nonexistent"), ("HOME", "/nonexistent")];
    let answer = Answer::of(program(&story, &alone).envs(nowhere));
    assert_eq!(answer.code, 1, "{}{}", answer.output, answer.errors);
    let steps: Vec<_> = answer.steps().into_iter().collect();
    let expected = [("assets", "update"), ("logs", "create"), ("web", "restart")];
    assert_eq!(steps, expected.map(|(name, step)| (name.to_owned(), step.to_owned())));
    assert_eq!(answer.objects()["web"]["id"], web, "it is found by the tags of the cluster that the bucket names");
    assert!(answer.json()["remarks"].to_string().contains("Planned without a cluster"), "{}", answer.output);

    // Without anything that names the cluster, what has no name of its own may exist or not.
    let path = file(&story, "web", &[account, manifest(&story, "web", &instance("t3.small"))]);
    let alone = ["plan", "-f", path.to_str().unwrap(), "--without-cluster", "-o", "json"];
    let answer = Answer::of(&mut program(&story, &alone));
    assert_eq!((answer.code, answer.steps()["web"].as_str()), (1, "create"), "{}", answer.errors);
    assert!(answer.json()["remarks"].to_string().contains("--cluster-id"), "{}", answer.output);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_made_together_waits_for_one_another_in_the_plan_too() {
    let story = Story::begin("plan-shop").await;
    let text = std::fs::read_to_string(crate::it::repository("examples/shop.yaml")).unwrap();
    let documents: Vec<Value> = serde_saphyr::from_multiple::<Value>(&text).unwrap();
    let documents: Vec<Value> =
        documents.iter().filter(|one| one["kind"] == "AwsResource").map(|one| own(&story, one)).collect();
    let answer = plan_file(&story, &file(&story, "shop", &documents));
    assert_eq!(answer.code, 1, "{}", answer.errors);
    let objects = answer.objects();
    assert_eq!(objects.len(), documents.len());
    assert!(objects.values().all(|object| object["step"] == "create"), "{}", answer.output);
    let waiting: Vec<&Value> =
        objects.values().filter(|object| !object["waitsFor"].as_array().unwrap().is_empty()).collect();
    assert!(!waiting.is_empty());
    assert!(answer.output.contains("Some of it follows later. It waits for the AwsResource"), "{}", answer.output);
    for object in waiting {
        for name in object["waitsFor"].as_array().unwrap() {
            let known = format!("(known after create of {})", name.as_str().unwrap());
            assert!(object["changes"].to_string().contains(&known), "{known} is not in {object}");
        }
    }
    assert!(story.emulator.writes(&story.account_id).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_api_server_would_refuse_is_not_promised() {
    let story = Story::begin("plan-dry-run").await;
    let parts = |encrypted: bool| {
        let volume = json!({"sizeGib": 8, "volumeType": "gp3", "encrypted": encrypted});
        json!({"ec2Instance": {"imageId": IMAGE, "instanceType": "t3.micro", "rootVolume": volume}}).to_string()
    };
    story.apply("web", &parts(false)).await;
    story.until_ready("web").await;
    let mut reader = manifest(&story, "reader", &bucket(&format!("{}-reader", story.bucket()), "Enabled"));
    reader["spec"]["s3Bucket"]["logging"] = json!({"targetBucketRef": {"name": "wrong"}, "targetPrefix": "x/"});
    let documents = [
        manifest(&story, "wrong", &bucket("Shop_Assets", "Enabled")),
        manifest(&story, "web", &parts(true)),
        manifest(&story, "assets", &bucket(&story.bucket(), "Enabled")),
        reader,
    ];
    let path = file(&story, "all", &documents);
    let (writes, before) = (story.emulator.writes(&story.account_id), versions(&story).await);
    let answer = plan_file(&story, &path);
    assert_eq!(answer.code, 2, "{}{}", answer.output, answer.errors);
    let steps: Vec<_> = answer.steps().into_iter().collect();
    let expected = [("assets", "create"), ("reader", "wait")];
    assert_eq!(steps, expected.map(|(name, step)| (name.to_owned(), step.to_owned())));
    let failures = answer.json()["failures"].clone();
    let told = |name: &str, words: &str| {
        let what = json!(format!("{}/{name}", story.name));
        let failure = failures.as_array().unwrap().iter().find(|failure| failure["what"] == what);
        let failure = failure.unwrap_or_else(|| panic!("no failure of {name}: {failures}"));
        assert_eq!(failure["reason"], "RefusedByApiServer");
        assert!(failure["message"].as_str().unwrap().contains(words), "{words} is not in {failure}");
    };
    told("wrong", "bucketName must be");
    told("web", "encrypted is immutable");

    let text = Answer::of(program(&story, &["plan", "-f", path.to_str().unwrap()]).env("NO_COLOR", "1"));
    assert_eq!(text.code, 2, "{}", text.errors);
    assert!(
        text.output.contains(&format!("✗ {}/wrong  refused\n    RefusedByApiServer: ", story.name)),
        "{}",
        text.output
    );
    assert!(text.output.contains("Plan: 1 to create, 2 refused, 1 waiting."), "{}", text.output);
    assert_eq!(story.emulator.writes(&story.account_id), writes, "nothing is written in AWS");
    assert_eq!(versions(&story).await, before, "nothing is written in the cluster");

    // Where the namespace comes with the objects, there is nobody to ask yet.
    let namespace =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": format!("{}-new", story.name)}});
    let mut away = manifest(&story, "away", &bucket("Shop_Assets", "Enabled"));
    away["metadata"]["namespace"] = namespace["metadata"]["name"].clone();
    let answer = plan_file(&story, &file(&story, "namespace", &[namespace.clone(), away]));
    let remark =
        format!("is not known: the namespace {} is not there yet.", namespace["metadata"]["name"].as_str().unwrap());
    assert!(answer.json()["remarks"].to_string().contains(&remark), "{}", answer.output);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_planned_is_told_and_hides_none_of_the_rest() {
    let story = Story::begin("plan-bad").await;
    let taken = format!("{}-taken", story.bucket());
    story.aws("s3", "create_bucket", json!({"Bucket": taken}));
    let mut stranger = manifest(&story, "stranger", &bucket("strange", "Enabled"));
    stranger["spec"]["accountRef"]["name"] = json!("no-such-account");
    let mut misspelt = manifest(&story, "misspelt", &bucket("b", "Enabled"));
    misspelt["spec"]["s3Bucket"]["versionning"] = json!("Enabled");
    let documents = [
        stranger,
        misspelt,
        manifest(&story, "taken", &bucket(&taken, "Enabled")),
        manifest(&story, "assets", &bucket(&story.bucket(), "Enabled")),
        manifest(
            &story,
            "lost",
            "s3Bucket: {bucketName: lost, logging: {targetBucketRef: {name: gone}, targetPrefix: x/}}",
        ),
    ];
    let path = file(&story, "all", &documents);
    let answer = plan_file(&story, &path);
    assert_eq!(answer.code, 2, "{}", answer.output);
    assert!(answer.errors.contains("stranger: UnknownAccount: "), "{}", answer.errors);
    assert!(answer.errors.contains("spec.s3Bucket.versionning is no field"), "{}", answer.errors);
    let objects = answer.objects();
    assert_eq!(objects["assets"]["step"], "create");
    assert_eq!(
        (&objects["taken"]["step"], &objects["taken"]["reason"]),
        (&json!("refuse"), &json!("ManagementConflict"))
    );
    assert_eq!((&objects["lost"]["step"], &objects["lost"]["reason"]), (&json!("wait"), &json!("DependencyNotReady")));
    assert_eq!(answer.json()["complete"], false);

    // A cluster that does not answer is told; what the files and AWS tell is planned all the same.
    let mut config: Value = serde_saphyr::from_str(&std::fs::read_to_string(&story.kubeconfig).unwrap()).unwrap();
    config["clusters"][0]["cluster"]["server"] = json!("https://127.0.0.1:1");
    let away = file(&story, "kubeconfig", &[config]);
    let mut command = program(&story, &["plan", "-f", path.to_str().unwrap(), "-o", "json"]);
    let answer = Answer::of(command.env("KUBECONFIG", &away));
    assert_eq!(answer.code, 2, "{}", answer.output);
    assert!(answer.errors.contains("the cluster: ApiServerUnavailable"), "{}", answer.errors);
    assert!(answer.errors.contains("UnknownAccount"), "no account is in the files: {}", answer.errors);
    let all = Answer::of(program(&story, &["plan", "--all"]).env("KUBECONFIG", &away));
    assert_eq!((all.code, all.output.as_str()), (2, ""), "{}", all.errors);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_paused_or_only_observed_is_told_as_such() {
    let story = Story::begin("plan-refused").await;
    let (web, assets) = (format!("ec2Instance: {{imageId: {IMAGE}, instanceType: t3.micro}}"), story.bucket());
    for name in ["web", "other", "paused"] {
        story.apply(name, &web).await;
        story.until_ready(name).await;
    }
    story.apply("assets", &bucket(&assets, "Enabled")).await;
    story.until_ready("assets").await;
    story.annotate("paused", "aws.ccagi.io/paused", Some("true")).await;
    let observed = format!("managementPolicies: [Observe]\n{}", bucket(&assets, "Suspended"));
    let documents = [
        // A volume is made with its instance, which no rule of the schema can tell.
        manifest(
            &story,
            "web",
            &web.replace("t3.micro", "t3.micro, dataVolumes: [{deviceName: /dev/sdf, sizeGib: 8}]"),
        ),
        manifest(&story, "other", &web.replace("micro", "small")),
        manifest(&story, "paused", &web.replace("micro", "small")),
        manifest(&story, "assets", &observed),
    ];
    let answer = plan_file(&story, &file(&story, "all", &documents));
    assert_eq!(answer.code, 1, "{}", answer.errors);
    let objects = answer.objects();
    let told = |name: &str| {
        let object = &objects[name];
        let carried: Vec<bool> =
            object["changes"].as_array().unwrap().iter().map(|change| change["carriedOut"] == true).collect();
        (object["step"].as_str().unwrap().to_owned(), carried)
    };
    assert_eq!(told("web").0, "replace");
    assert!(told("web").1.iter().all(|carried| !carried) && !told("web").1.is_empty());
    assert_eq!(told("other"), ("refuse".into(), vec![false]));
    assert_eq!(told("paused"), ("nothing".into(), vec![]));
    assert_eq!(told("assets").0, "nothing");
    assert!(told("assets").1.iter().all(|carried| !carried) && !told("assets").1.is_empty());
    assert_eq!(objects["other"]["reason"], "RestartNotAllowed");
    assert!(objects["paused"]["notes"].to_string().contains("Paused"), "{}", objects["paused"]);
}
