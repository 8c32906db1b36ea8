use super::story::{Story, conditions_of, id, is_ready, is_true, message, until, user};
use ccagi_aws_agent::api::resource::{AwsResource, Health};
use ccagi_aws_agent::api::service_agent::{
    AgentAction, DecisionGround, Recommendation, ServiceAgent, ServiceAgentStatus,
};
use ccagi_aws_agent::api::{ANNOTATION_APPROVE, ANNOTATION_OWNERS, ANNOTATION_RECONCILE, LABEL_REGISTERED};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Patch, PatchParams};
use kube::runtime::{conditions, wait::await_condition};
use kube::{Api, Error, ResourceExt};
use rust_decimal::Decimal;
use serde_json::{Value, json};

const IMAGE: &str = "ami-0abcdef1234567890";

fn agents(story: &Story) -> Api<ServiceAgent> {
    Api::namespaced(story.client.clone(), &story.name)
}

/// Declares an agent, given as the YAML of its spec.
pub async fn declare(story: &Story, name: &str, spec: &str) -> Result<ServiceAgent, Error> {
    let spec: Value = serde_saphyr::from_str(spec).unwrap();
    let agent = json!({
        "apiVersion": "aws.ccagi.io/v1alpha1", "kind": "ServiceAgent",
        "metadata": {"name": name, "labels": {"story": story.name}}, "spec": spec,
    });
    agents(story).patch(name, &user(), &Patch::Apply(agent)).await
}

async fn until_agent(
    story: &Story,
    name: &str,
    what: &str,
    holds: impl Fn(&ServiceAgentStatus) -> bool,
) -> ServiceAgent {
    until(agents(story), name, what, |agent: &ServiceAgent| agent.status.as_ref().is_some_and(&holds)).await
}

fn bucket(story: &Story, more: &str) -> String {
    format!("{more}\ndeletionPolicy: Delete\ns3Bucket: {{bucketName: {}}}", story.bucket())
}

fn instance(instance_type: &str) -> String {
    format!("driftPeriodSeconds: 10\nec2Instance: {{imageId: {IMAGE}, instanceType: {instance_type}}}")
}

pub fn recommendations(object: &AwsResource) -> Vec<Recommendation> {
    object.status.as_ref().map(|status| status.recommendations.clone()).unwrap_or_default()
}

fn life(object: &AwsResource) -> i32 {
    object.status.as_ref().unwrap().intent.as_ref().unwrap().incarnation
}

fn agent_of(object: &AwsResource) -> Option<&str> {
    object.status.as_ref().and_then(|status| status.service_agent.as_deref())
}

fn is_ungoverned(object: &AwsResource) -> bool {
    is_true(Some(&conditions_of(object)), "Ungoverned")
}

/// Waits until a decision about the object waits for approval.
pub async fn until_recommended(story: &Story, name: &str) -> Recommendation {
    let object = story.until(name, "waiting for approval", |object| !recommendations(object).is_empty()).await;
    recommendations(&object).remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_appears_with_the_first_resource_of_a_kind_and_goes_with_the_last() {
    let story = Story::begin("agent-registered").await;
    let object = story.apply("assets", &bucket(&story, "")).await;
    let ready = story.until_ready("assets").await;
    assert_eq!(agent_of(&ready), Some("registered-s3bucket"));
    let agent = until_agent(&story, "registered-s3bucket", "Healthy", |status| {
        status.health == Some(Health::Healthy) && is_true(Some(&status.conditions), "Ready")
    })
    .await;
    assert_eq!(agent.labels()[LABEL_REGISTERED], "true");
    let shown = serde_json::to_value(agent.status.as_ref().unwrap()).unwrap();
    for (member, value) in [
        ("state", json!("Active")),
        ("resources", json!(1)),
        ("autonomyLevel", json!(5)),
        ("decisionMaker", json!("SteveJobs")),
        ("resourcesByHealth", json!({"Healthy": 1})),
        ("observedGeneration", json!(agent.metadata.generation)),
    ] {
        assert_eq!(shown[member], value, "{member}");
    }

    story.delete("assets").await;
    story.until_gone(&object).await;
    let uid = agent.uid().unwrap();
    await_condition(agents(&story), "registered-s3bucket", conditions::is_deleted(&uid)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resource_that_two_agents_select_is_nobodys_until_it_names_one() {
    let story = Story::begin("agent-tie").await;
    declare(&story, "web", "selector: {matchLabels: {}}").await.unwrap();
    let idle = until_agent(&story, "web", "seen", |status| !status.conditions.is_empty()).await;
    assert!(is_true(idle.status.as_ref().map(|status| &status.conditions), "Ready"), "to select nothing is no error");
    declare(&story, "storage", "selector: {kinds: [S3Bucket]}").await.unwrap();

    story.apply("assets", &bucket(&story, "")).await;
    let tied = story.until("assets", "ready and nobody's", |object| is_ready(object) && is_ungoverned(object)).await;
    assert_eq!(agent_of(&tied), None);
    let said = message(&tied, "Ungoverned");
    assert!(said.contains("storage, web"), "{said}");
    for name in ["web", "storage"] {
        let agent = until_agent(&story, name, "stalled", |status| is_true(Some(&status.conditions), "Stalled")).await;
        let conditions = agent.status.unwrap().conditions;
        assert!(conditions[0].message.contains("assets is selected by storage and web"), "{}", conditions[0].message);
    }

    story.apply("assets", &bucket(&story, "serviceAgentRef: {name: web}")).await;
    let governed = story.until("assets", "governed", |object| !is_ungoverned(object)).await;
    assert_eq!(agent_of(&governed), Some("web"));
    until_agent(&story, "web", "governing", |status| {
        status.resources == Some(1) && is_true(Some(&status.conditions), "Ready")
    })
    .await;

    story.apply("assets", &bucket(&story, "serviceAgentRef: {name: gone}")).await;
    let lost = story.until("assets", "nobody's", is_ungoverned).await;
    assert!(message(&lost, "Ungoverned").contains("there is no ServiceAgent gone"));
    declare(&story, "gone", "{}").await.unwrap();
    story.until("assets", "governed again", |object| agent_of(object) == Some("gone")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_exceeds_the_autonomy_level_waits_and_is_done_once_when_approved() {
    let story = Story::begin("agent-approval").await;
    declare(&story, "careful", "autonomyLevel: 1\nselector: {kinds: [S3Bucket]}").await.unwrap();
    story.apply("assets", &bucket(&story, "driftPeriodSeconds: 10")).await;
    story.until_ready("assets").await;

    story.aws("s3", "delete_bucket", json!({"Bucket": story.bucket()}));
    let asked = until_recommended(&story, "assets").await;
    assert_eq!(asked.action, AgentAction::Recreate);
    assert!(asked.reason.contains("level 1 does not permit it; 4 would"), "{}", asked.reason);
    story.until_reason("assets", "Stalled", "ApprovalRequired").await;
    let agent = until_agent(&story, "careful", "asking", |status| status.open_recommendations == Some(1)).await;
    assert_eq!(agent.status.unwrap().recommendations[0].id, asked.id);

    story.annotate("assets", ANNOTATION_APPROVE, Some("000000000000")).await;
    story.annotate("assets", ANNOTATION_RECONCILE, Some("look")).await;
    let refused = story
        .until("assets", "looked at again", |object| {
            object.status.as_ref().and_then(|status| status.last_handled_reconcile_at.as_deref()) == Some("look")
        })
        .await;
    assert_eq!(recommendations(&refused), std::slice::from_ref(&asked), "another id approves nothing");
    assert_eq!(story.emulator.count(&story.account_id, "CreateBucket"), 1);

    story.annotate("assets", ANNOTATION_APPROVE, Some(&asked.id)).await;
    let again = story.until("assets", "ready in its second life", |object| is_ready(object) && life(object) == 2).await;
    assert!(recommendations(&again).is_empty());
    let decided = until_agent(&story, "careful", "done", |status| status.open_recommendations == Some(0)).await;
    let decision = decided.status.unwrap().last_decisions.remove(0);
    assert_eq!((decision.action, decision.ground), (AgentAction::Recreate, DecisionGround::Approval));

    story.aws("s3", "delete_bucket", json!({"Bucket": story.bucket()}));
    let next = until_recommended(&story, "assets").await;
    assert_ne!(next.id, asked.id, "an approval is for one time");
    assert_eq!(story.emulator.count(&story.account_id, "CreateBucket"), 2);
    declare(&story, "careful", "autonomyLevel: 4\nselector: {kinds: [S3Bucket]}").await.unwrap();
    story.until("assets", "ready in its third life", |object| is_ready(object) && life(object) == 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_aws_stops_is_started_as_far_as_the_accounts_cap_permits() {
    let story = Story::begin("agent-heals").await;
    story.apply("web", &instance("t3.micro")).await;
    let ready = story.until_ready("web").await;
    let capped = json!({"autonomyCap": 1});
    story.declare_account(capped).await;
    until_agent(&story, "registered-ec2instance", "capped", |status| status.autonomy_level == Some(1)).await;
    story.emulator.stop_by_aws(&story.account_id, &id(&ready));
    let asked = until_recommended(&story, "web").await;
    assert_eq!(asked.action, AgentAction::Start);
    assert_eq!(story.emulator.count(&story.account_id, "StartInstances"), 0);

    story.declare_account(json!({"autonomyCap": 6})).await;
    let healed = story
        .until("web", "healed", |object| is_ready(object) && object.status.as_ref().unwrap().last_decision.is_some())
        .await;
    assert_eq!(id(&healed), id(&ready), "it is the same instance");
    assert_eq!(healed.status.unwrap().last_decision.unwrap().ground, DecisionGround::Autonomy);
    assert_eq!(story.emulator.count(&story.account_id, "StartInstances"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_is_approved_for_the_change_that_was_shown() {
    let story = Story::begin("agent-restart").await;
    story.apply("web", &instance("t3.micro")).await;
    story.until_ready("web").await;
    story.apply("web", &instance("t3.small")).await;
    let small = until_recommended(&story, "web").await;
    assert!(small.proposal.contains("t3.small"), "{}", small.proposal);
    // 24 hours of 0.0208 USD instead of 0.0104.
    assert_eq!(small.cost_change_per_day.as_deref(), Some("0.2496"));

    story.apply("web", &instance("t3.large")).await;
    let waiting = story
        .until("web", "waiting for another approval", |object| {
            recommendations(object).first().is_some_and(|open| open.proposal.contains("t3.large"))
        })
        .await;
    let large = recommendations(&waiting).remove(0);
    assert_eq!(large.cost_change_per_day.as_deref(), Some("1.7472"));
    assert!(message(&waiting, "Stalled").contains("That costs 1.7472 USD more per day."), "{large:?}");
    story.annotate("web", ANNOTATION_APPROVE, Some(&small.id)).await;
    story.annotate("web", ANNOTATION_RECONCILE, Some("look")).await;
    story
        .until("web", "looked at again", |object| {
            object.status.as_ref().and_then(|status| status.last_handled_reconcile_at.as_deref()) == Some("look")
        })
        .await;
    assert_eq!(story.emulator.count(&story.account_id, "StopInstances"), 0, "t3.large was not approved");

    story.annotate("web", ANNOTATION_APPROVE, Some(&large.id)).await;
    let after = story.until("web", "ready", |object| is_ready(object) && recommendations(object).is_empty()).await;
    let decision = after.status.as_ref().unwrap().last_decision.clone().unwrap();
    assert_eq!((decision.action, decision.ground), (AgentAction::Restart, DecisionGround::Approval));
    let found = story.aws("ec2", "describe_instances", json!({"InstanceIds": [id(&after)]}));
    assert_eq!(found["Reservations"][0]["Instances"][0]["InstanceType"], "t3.large");
}

fn tag(story: &Story) -> String {
    let answer = story.aws("s3", "get_bucket_tagging", json!({"Bucket": story.bucket()}));
    let tags = answer["TagSet"].as_array().unwrap();
    let tag = tags.iter().find(|tag| tag["Key"] == "ccagi:agent").unwrap();
    tag["Value"].as_str().unwrap().to_owned()
}

async fn annotate_namespace(story: &Story, value: Option<&str>) {
    let patch = json!({"metadata": {"annotations": {ANNOTATION_OWNERS: value}}});
    let namespaces: Api<Namespace> = Api::all(story.client.clone());
    namespaces.patch(&story.name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn owners_are_by_rule_or_as_account_and_namespace_say_and_the_tag_follows() {
    let story = Story::begin("agent-owners").await;
    story.apply("assets", &bucket(&story, "")).await;
    story.until_ready("assets").await;
    assert_eq!(tag(&story), "SteveJobs");

    let owned_by = async |owner: &str| {
        let what = format!("owned by {owner}");
        story
            .until("assets", &what, |object| {
                is_ready(object) && object.status.as_ref().unwrap().owner.as_deref() == Some(owner)
            })
            .await;
        story.until_true(&what, || tag(&story) == owner).await;
    };
    story.declare_account(json!({"owners": {"S3Bucket": "Kotler"}})).await;
    owned_by("Kotler").await;
    annotate_namespace(&story, Some("S3Bucket=Drucker,*=Napoleon")).await;
    owned_by("Drucker").await;
    annotate_namespace(&story, Some("S3Bucket=Nobody")).await;
    owned_by("Kotler").await;
    let told =
        until_agent(&story, "registered-s3bucket", "told", |status| is_true(Some(&status.conditions), "Stalled")).await;
    let conditions = told.status.unwrap().conditions;
    assert!(conditions[0].message.contains("S3Bucket=Nobody"), "{}", conditions[0].message);
    annotate_namespace(&story, None).await;
    story.declare_account(json!({})).await;
    owned_by("SteveJobs").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_shows_the_worst_health_the_sum_and_whom_its_resources_depend_on() {
    let story = Story::begin("agent-sum").await;
    declare(&story, "shop", "autonomyLevel: 0\nselector: {kinds: [S3Bucket, Ec2Instance]}").await.unwrap();
    story.apply("assets", &bucket(&story, "")).await;
    let vpcs = story.aws("ec2", "describe_vpcs", json!({}));
    let group = json!({"vpcId": vpcs["Vpcs"][0]["VpcId"], "groupName": "web", "description": "of a story"});
    story.apply("firewall", &json!({"securityGroup": group}).to_string()).await;
    let web = format!(
        "driftPeriodSeconds: 10\nec2Instance: {{imageId: {IMAGE}, instanceType: t3.micro, securityGroupRefs: [{{name: firewall}}]}}"
    );
    story.apply("web", &web).await;
    let ready = story.until_ready("web").await;
    story.until_ready("assets").await;
    let mut costs = Vec::new();
    for name in ["assets", "web"] {
        costs.push(story.resources().get(name).await.unwrap().status.unwrap().cost_per_day);
    }
    let sum = costs.into_iter().flatten().map(|cost| cost.parse::<Decimal>().unwrap()).reduce(|one, other| one + other);
    let well = until_agent(&story, "shop", "healthy, at the sum of its resources' costs", |status| {
        let cost = status.cost_per_day.as_ref().map(|cost| cost.parse().unwrap());
        status.health == Some(Health::Healthy) && status.resources == Some(2) && cost == sum
    })
    .await
    .status
    .unwrap();
    assert_eq!(well.dependencies, ["registered-securitygroup"]);
    assert!(well.worst.is_empty(), "{:?}", well.worst);

    story.aws("ec2", "terminate_instances", json!({"InstanceIds": [id(&ready)]}));
    let ill = until_agent(&story, "shop", "unhealthy", |status| status.health == Some(Health::Unhealthy)).await;
    let ill = ill.status.unwrap();
    assert_eq!(ill.worst.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["web"]);
    assert_eq!(ill.resources_by_health["Healthy"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_agent_or_account_cannot_mean_is_refused_by_its_field() {
    let story = Story::begin("agent-bad").await;
    for (spec, says) in [
        ("autonomyLevel: 11", "spec.autonomyLevel"),
        ("autonomyLevel: -1", "spec.autonomyLevel"),
        ("decisionMaker: Nobody", "spec.decisionMaker"),
        ("actions: [Explode]", "spec.actions"),
        ("selector: {kinds: [Bucket]}", "spec.selector.kinds"),
    ] {
        let Err(Error::Api(status)) = declare(&story, "bad", spec).await else { panic!("not refused: {spec}") };
        assert!(status.message.contains(says), "{spec}: {}", status.message);
    }
    declare(&story, "odd", "selector: {matchExpressions: [{key: a, operator: Like, values: [b]}]}\ndependsOn: [gone]")
        .await
        .unwrap();
    let odd = until_agent(&story, "odd", "stalled", |status| is_true(Some(&status.conditions), "Stalled")).await;
    let said = odd.status.unwrap().conditions[0].message.clone();
    assert!(said.contains("spec.selector") && said.contains("no ServiceAgent gone"), "{said}");
    for (spec, says) in [
        (json!({"autonomyCap": 11}), "spec.autonomyCap"),
        (json!({"owners": {"Bucket": "Kotler"}}), "owners must be given by kind"),
    ] {
        let patch = json!({"spec": spec});
        let answer = story.accounts().patch(&story.name, &PatchParams::default(), &Patch::Merge(patch)).await;
        let Err(Error::Api(status)) = answer else { panic!("not refused: {spec}") };
        assert!(status.message.contains(says), "{spec}: {}", status.message);
    }
}
