use super::plan::{Answer, file, own, program};
use super::story::{Story, is_ready, message};
use ccagi_aws_agent::api::resource::AwsResource;
use serde_json::{Value, json};

fn trust(principal: Value) -> String {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"},
    ]})
    .to_string()
}

/// A role that trusts somebody else's account.
fn role(name: &str, more: Value) -> String {
    let trust = trust(json!({"AWS": "arn:aws:iam::666677778888:root"}));
    let mut spec = json!({"iamRole": {"roleName": name, "assumeRolePolicy": trust}});
    for (member, value) in more.as_object().unwrap() {
        spec[member] = value.clone();
    }
    spec.to_string()
}

fn function(name: &str, role: Value) -> String {
    let mut block = json!({
        "functionName": name, "runtime": "python3.13", "handler": "index.handler",
        "code": {"inline": {"fileName": "index.py", "source": "def handler(event, context):\n    return 1\n"}},
    });
    block.as_object_mut().unwrap().extend(role.as_object().unwrap().clone());
    json!({"lambdaFunction": block}).to_string()
}

/// Makes a role that functions and instances can have, as somebody other than the controller.
fn foreign_role(story: &Story, name: &str) -> String {
    let trust = trust(json!({"Service": ["lambda.amazonaws.com", "ec2.amazonaws.com"]}));
    story.aws("iam", "create_role", json!({"RoleName": name, "AssumeRolePolicyDocument": trust}));
    format!("arn:aws:iam::{}:role/{name}", story.account_id)
}

async fn denied(story: &Story, name: &str, said: &str) -> AwsResource {
    let object = story.until_reason(name, "Stalled", "GuardrailDenied").await;
    let message = message(&object, "Stalled");
    assert!(message.contains(said), "{said} is not in {message}");
    object
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_takes_over_the_role_that_the_controller_acts_through() {
    let story = Story::begin("guard-own").await;
    foreign_role(&story, "CcagiAgentRole");
    let before = story.aws("iam", "get_role", json!({"RoleName": "CcagiAgentRole"}));

    for (name, role_name) in [("takes", "CcagiAgentRole"), ("in-other-letters", "ccagiAGENTrole")] {
        let object = story.apply(name, &role(role_name, json!({"adoptionPolicy": "adopt-or-create"}))).await;
        denied(
            &story,
            name,
            &format!("spec.iamRole.roleName: {role_name} is a role that the AwsAccount {}", story.name),
        )
        .await;
        story.delete(name).await;
        story.until_gone(&object).await;
    }
    assert_eq!(story.aws("iam", "get_role", json!({"RoleName": "CcagiAgentRole"})), before);
    assert_eq!(story.emulator.writes(&story.account_id), ["CreateRole"], "only the observer's");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_becomes_the_controllers_own_is_neither_changed_nor_deleted() {
    let story = Story::begin("guard-becomes-own").await;
    let object = story.apply("worker", &role("second", json!({}))).await;
    story.until_ready("worker").await;
    let next = json!({"assumeRoleChain": [
        {"roleArn": format!("arn:aws:iam::{}:role/CcagiAgentRole", story.account_id)},
        {"roleArn": format!("arn:aws:iam::{}:role/any/Second", story.account_id)},
    ]});
    story.declare_account(json!({"credentials": next})).await;
    denied(&story, "worker", "never written to or deleted").await;
    story.delete("worker").await;
    denied(&story, "worker", "deletionPolicy: Retain").await;
    story.aws("iam", "get_role", json!({"RoleName": "second"}));
    story.apply("worker", &role("second", json!({"deletionPolicy": "Retain"}))).await;
    story.until_gone(&object).await;
    story.aws("iam", "get_role", json!({"RoleName": "second"}));
    assert_eq!(story.emulator.count(&story.account_id, "DeleteRole"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_is_given_a_role_by_its_arn_only_where_a_pattern_covers_it_and_the_controllers_own_never() {
    let story = Story::begin("guard-function").await;
    let (own, admin) = (foreign_role(&story, "CcagiAgentRole"), foreign_role(&story, "admin"));
    story.apply("own", &function("own", json!({"roleArn": own}))).await;
    story.apply("admin", &function("admin", json!({"roleArn": admin}))).await;
    denied(&story, "own", "spec.lambdaFunction.roleArn: ").await;
    denied(&story, "admin", "guardrails.passableRoles").await;

    // A role that an object only observes is not its own: a reference to it gives no more right than its ARN.
    let seen = json!({"managementPolicies": ["Observe"]});
    let trust = trust(json!({"Service": ["lambda.amazonaws.com", "ec2.amazonaws.com"]}));
    let mut observes: Value = serde_json::from_str(&role("admin", seen)).unwrap();
    observes["iamRole"]["assumeRolePolicy"] = trust.into();
    story.apply("seen", &observes.to_string()).await;
    story.until_ready("seen").await;
    story.apply("by-reference", &function("by-reference", json!({"roleRef": {"name": "seen"}}))).await;
    denied(&story, "by-reference", "guardrails.passableRoles").await;
    assert_eq!(story.emulator.count(&story.account_id, "CreateFunction"), 0);

    let mut rules = story.account()["spec"]["guardrails"].clone();
    rules["passableRoles"] = json!([format!("arn:aws:iam::{}:role/*", story.account_id)]);
    story.declare_account(json!({"guardrails": rules})).await;
    story.until_ready("admin").await;
    denied(&story, "own", "is never given to a resource").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_is_given_a_profile_only_where_a_pattern_covers_the_role_in_it() {
    let story = Story::begin("guard-profile").await;
    for (profile, name) in [("ops", "CcagiAgentRole"), ("web", "app-web"), ("db", "db")] {
        foreign_role(&story, name);
        story.aws("iam", "create_instance_profile", json!({"InstanceProfileName": profile}));
        story.aws("iam", "add_role_to_instance_profile", json!({"InstanceProfileName": profile, "RoleName": name}));
    }
    let mut rules = story.account()["spec"]["guardrails"].clone();
    let arn = |name: &str| format!("arn:aws:iam::{}:role/{name}", story.account_id);
    rules["passableRoles"] = json!([arn("app-*"), arn("Ccagi*")]);
    story.declare_account(json!({"guardrails": rules})).await;
    for profile in ["ops", "web", "db"] {
        let spec =
            json!({"imageId": "ami-0abcdef1234567890", "instanceType": "t3.micro", "iamInstanceProfile": profile});
        story.apply(profile, &json!({"ec2Instance": spec}).to_string()).await;
    }
    story.until_ready("web").await;
    denied(&story, "ops", "spec.ec2Instance.iamInstanceProfile: ").await;
    denied(&story, "db", "guardrails.passableRoles").await;
    assert_eq!(story.emulator.count(&story.account_id, "RunInstances"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_there_before_its_guardrails_stays_as_it_is_is_told_and_can_be_deleted() {
    let story = Story::begin("guard-before").await;
    let object = story.apply("worker", &role("worker", json!({}))).await;
    story.until_ready("worker").await;
    story.declare_account(json!({"guardrails": {"allowedKinds": [{"kinds": ["*"]}]}})).await;
    denied(&story, "worker", "the kind IamRole, which can grant access to the account, is not allowed").await;
    let writes = story.emulator.writes(&story.account_id);
    story.apply("worker", &role("worker", json!({"tags": {"a": "b"}}))).await;
    story
        .until("worker", "told of its present generation", |object| {
            object.status.as_ref().and_then(|status| status.observed_generation) == object.metadata.generation
        })
        .await;
    denied(&story, "worker", "guardrails.allowedKinds").await;
    assert_eq!(story.emulator.writes(&story.account_id), writes, "nothing is written");
    story.delete("worker").await;
    story.until_gone(&object).await;
    assert_eq!(story.try_aws("iam", "get_role", json!({"RoleName": "worker"})), Err("NoSuchEntity".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_adopts_unless_the_guardrails_say_so_and_observing_is_not_adopting() {
    let story = Story::begin("guard-adoption").await;
    story.declare_account(json!({"guardrails": {}})).await;
    let bucket = story.bucket();
    story.aws("s3", "create_bucket", json!({"Bucket": bucket}));
    story.apply("takes", &format!("adoptionPolicy: adopt\ns3Bucket: {{bucketName: {bucket}}}")).await;
    denied(&story, "takes", "spec.adoptionPolicy: ").await;
    story
        .apply(
            "sees",
            &format!("managementPolicies: [Observe]\nresourceId: {bucket}\ns3Bucket: {{bucketName: {bucket}}}"),
        )
        .await;
    story.until_ready("sees").await;
    assert_eq!(story.emulator.writes(&story.account_id), ["CreateBucket"], "only the observer's");

    story.declare_account(json!({"guardrails": {"adoption": {"namespaces": {"names": [story.name]}}}})).await;
    story.until("takes", "ready", is_ready).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_needs_the_boundary_and_the_name_that_the_guardrails_ask_for_and_iam_asks_for_them_too() {
    let story = Story::begin("guard-bounds").await;
    let read = json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"});
    let document = json!({"Version": "2012-10-17", "Statement": [read]}).to_string();
    let made = story.aws("iam", "create_policy", json!({"PolicyName": "Bounds", "PolicyDocument": document}));
    let boundary = made["Policy"]["Arn"].as_str().unwrap();
    let mut account = story.account();
    account["spec"]["guardrails"]["requiredPermissionsBoundary"] = json!(boundary);
    account["spec"]["guardrails"]["roleNamePattern"] = json!("app-*");
    story.emulator.permit(&story.account_id, &super::controller::iam_policy_of(&account));
    story.declare_account(json!({"guardrails": account["spec"]["guardrails"]})).await;

    story.apply("free", &role("app-free", json!({}))).await;
    denied(&story, "free", &format!("Set permissionsBoundary: {boundary}.")).await;
    let bounded = |name: &str| {
        let mut spec: Value = serde_json::from_str(&role(name, json!({}))).unwrap();
        spec["iamRole"]["permissionsBoundary"] = json!(boundary);
        spec["iamRole"]["inlinePolicies"] = json!([{"name": "read", "document": document}]);
        spec["iamRole"]["instanceProfile"] = json!(true);
        spec.to_string()
    };
    story.apply("misnamed", &bounded("free")).await;
    denied(&story, "misnamed", "guardrails.roleNamePattern").await;
    let object = story.apply("bound", &bounded("app-bound")).await;
    story.until_ready("bound").await;
    story.delete("bound").await;
    story.until_gone(&object).await;
    assert_eq!(story.emulator.denied(&story.account_id), Vec::<String>::new(), "the narrower policy is enough");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_shows_what_the_guardrails_deny() {
    let story = Story::begin("guard-plan").await;
    let spec: Value = serde_json::from_str(&role("CcagiAgentRole", json!({"adoptionPolicy": "adopt"}))).unwrap();
    let manifest = json!({
        "apiVersion": "aws.ccagi.io/v1alpha1", "kind": "AwsResource", "metadata": {"name": "takes"}, "spec": spec,
    });
    let path = file(&story, "guarded", &[own(&story, &manifest)]);
    let answer = Answer::of(program(&story, &["plan", "-f", path.to_str().unwrap()]).env("NO_COLOR", "1"));
    assert_eq!(answer.code, 1, "{}{}", answer.output, answer.errors);
    assert!(answer.output.contains("refused"), "{}", answer.output);
    assert!(answer.output.contains("GuardrailDenied: spec.iamRole.roleName: "), "{}", answer.output);
}
