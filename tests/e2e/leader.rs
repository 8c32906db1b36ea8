use super::controller::Controller;
use super::story::{Story, id};
use super::variable;
use ccagi_aws_agent::api::account::AwsAccountSpec;
use ccagi_aws_agent::aws::budget::Budgets;
use ccagi_aws_agent::aws::calls::Observer;
use ccagi_aws_agent::aws::error::{ErrorClass, Named};
use ccagi_aws_agent::aws::session::{CallSettings, Sessions, http_client};
use ccagi_aws_agent::fence::{Fence, Tenure};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::PostParams;
use kube::{Api, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Debug;
use std::path::Path;
use std::time::Duration;

const INSTANCE: &str = "ec2Instance: {imageId: ami-0abcdef1234567890, instanceType: t3.micro}";

/// A story whose controllers elect a leader. The lease lasts a little longer than a write may take.
pub struct Election {
    pub story: Story,
    flags: Vec<String>,
}

impl Election {
    /// The first controller leads.
    pub async fn begin(name: &str) -> Self {
        let mut story = Story::prepare(name, Path::new(&variable("KUBECONFIG"))).await;
        permit_lease(&story).await;
        let flags = [
            "--leader-elect --leader-election-lease-duration 8s",
            "--leader-election-renew-deadline 6s --leader-election-retry-period 500ms --api-write-timeout 5s",
            &format!("--leader-election-namespace {}", story.name),
        ];
        let flags: Vec<String> = flags.iter().flat_map(|flags| flags.split(' ')).map(str::to_owned).collect();
        story.go_on_with(&flags.iter().map(String::as_str).collect::<Vec<_>>()).await;
        Self { story, flags }
    }

    /// A further controller, which stands by.
    pub fn standby(&self) -> Controller {
        self.replica_until("standing by")
    }

    /// A further controller, whose log has a line with this text.
    pub fn replica_until(&self, line: &str) -> Controller {
        let words: Vec<&str> = self.flags.iter().map(String::as_str).collect();
        Controller::start_until(&self.story.name, &self.story.kubeconfig, &words, line)
    }

    pub async fn lease(&self) -> LeaseSpec {
        let leases: Api<Lease> = Api::namespaced(self.story.client.clone(), &self.story.name);
        leases.get("ccagi-aws-agent").await.unwrap().spec.unwrap()
    }

    async fn holder(&self) -> String {
        self.lease().await.holder_identity.unwrap()
    }

    /// Lets a frozen leader go on after the hand-over, and sees that it ends, says why, and writes
    /// nothing on its way.
    async fn ends_without_a_write(&self, old: Controller, standby: &Controller) {
        let writes = self.story.emulator.writes(&self.story.account_id);
        let status = old.thaw_until_its_end();
        assert_eq!(status.code(), Some(1), "{status}");
        assert_eq!(standby.lines("was lost"), 1, "it says why it ended");
        assert_eq!(self.story.emulator.writes(&self.story.account_id), writes, "written after the hand-over");
        assert_eq!(self.leader_that_makes(2).await, Some(1), "the new leader is not disturbed");
    }

    /// Applies a bucket, waits until it is ready, and says which leader wrote its intent.
    async fn leader_that_makes(&self, number: u8) -> Option<i32> {
        let spec = format!("s3Bucket: {{bucketName: {}-{number}}}", self.story.bucket());
        let name = format!("bucket-{number}");
        self.story.apply(&name, &spec).await;
        self.story.until_ready(&name).await.status.unwrap().intent.unwrap().lease_transitions
    }
}

/// Grants in the story's namespace what the chart grants in the release's.
async fn permit_lease(story: &Story) {
    let rendered = std::fs::read_to_string(variable("CCAGI_LEADER_ROLE")).unwrap();
    for mut document in serde_saphyr::from_multiple::<Value>(&rendered).unwrap() {
        document["metadata"]["namespace"] = json!(story.name);
        let text = document.to_string();
        let name = document["metadata"]["name"].as_str().unwrap();
        match document["kind"].as_str() {
            Some("Role") => grant::<Role>(story, name, &text).await,
            Some("RoleBinding") => grant::<RoleBinding>(story, name, &text).await,
            other => panic!("{other:?} in {rendered}"),
        }
    }
}

async fn grant<K>(story: &Story, name: &str, text: &str)
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + DeserializeOwned + Serialize + Clone + Debug,
{
    let api: Api<K> = Api::namespaced(story.client.clone(), &story.name);
    let object: K = serde_json::from_str(text).unwrap();
    api.create(&PostParams::default(), &object).await.unwrap_or_else(|error| panic!("{name}: {error}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_controllers_one_works_and_the_other_finishes_what_it_leaves_when_it_is_killed() {
    let mut election = Election::begin("leader-killed").await;
    let standby = election.standby();
    let first = election.holder().await;
    assert_eq!(election.leader_that_makes(1).await, Some(0));

    let (emulator, account) = (election.story.emulator.clone(), election.story.account_id.clone());
    let fault = emulator.fault(&account, "RunInstances", "hold-after", 1);
    election.story.apply("thing", INSTANCE).await;
    election.story.until_true("the instance to be made", || emulator.held(&account, &fault) == 1).await;
    assert_eq!(standby.lines("leading"), 1, "only one of them has led");
    election.story.take_controller().kill();
    emulator.clear_faults(&account);

    let object = election.story.until_ready("thing").await;
    let found = election.story.aws("ec2", "describe_instances", json!({}));
    let reservations = found["Reservations"].as_array().unwrap();
    assert_eq!(reservations.len(), 1, "{found}");
    assert_eq!(reservations[0]["Instances"][0]["InstanceId"], id(&object));
    assert_eq!(object.status.unwrap().intent.unwrap().lease_transitions, Some(0), "the first leader's intent stands");
    assert_ne!(election.holder().await, first);
    assert_eq!(election.leader_that_makes(2).await, Some(1));
    assert_eq!(emulator.count(&account, "CreateBucket"), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_stops_in_good_order_lets_the_lease_go() {
    let mut election = Election::begin("leader-stops").await;
    let standby = election.standby();
    let (status, _) = election.story.take_controller().stop();
    assert!(status.success(), "{status}");
    assert_eq!(standby.lines("the lease is let go"), 1);
    assert_eq!(election.leader_that_makes(1).await, Some(1));
    let (status, _) = standby.stop();
    assert!(status.success(), "{status}");
    assert_eq!(election.holder().await, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_stops_in_good_order_and_leaves_the_lease_to_its_leader() {
    let election = Election::begin("standby-stops").await;
    let leader = election.holder().await;
    let (status, _) = election.standby().stop();
    assert!(status.success(), "{status}");
    assert_eq!(election.holder().await, leader);
    assert_eq!(election.leader_that_makes(1).await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_leader_that_wakes_up_after_another_took_over_writes_nothing() {
    let mut election = Election::begin("leader-frozen").await;
    let standby = election.standby();
    let (emulator, account) = (election.story.emulator.clone(), election.story.account_id.clone());
    // Its creations fail, so that it has an intent and looks again and again. One look is held back.
    emulator.fault(&account, "CreateBucket", "error-before", -1);
    let spec = format!("s3Bucket: {{bucketName: {}}}", election.story.bucket());
    election.story.apply("thing", &spec).await;
    election.story.until_true("a creation to fail", || emulator.count(&account, "CreateBucket") > 0).await;
    let fault = emulator.fault(&account, "GetBucketTagging", "hold-after", 1);
    election.story.until_true("a look to be held back", || emulator.held(&account, &fault) == 1).await;
    let old = election.story.take_controller();
    old.freeze();
    // The answer that there is no bucket is under way to the frozen leader, and from now on creations succeed.
    emulator.clear_faults(&account);
    election.story.until_ready("thing").await;
    assert_eq!(emulator.successes(&account, "CreateBucket"), 1);

    election.ends_without_a_write(old, &standby).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_leader_that_wakes_up_in_a_creation_does_not_repeat_it() {
    let mut election = Election::begin("leader-frozen-creating").await;
    let standby = election.standby();
    let (emulator, account) = (election.story.emulator.clone(), election.story.account_id.clone());
    // The answer never comes, so that the AWS SDK would send the request again.
    let fault = emulator.fault(&account, "RunInstances", "hold-after", 1);
    election.story.apply("thing", INSTANCE).await;
    election.story.until_true("the instance to be made", || emulator.held(&account, &fault) == 1).await;
    let old = election.story.take_controller();
    old.freeze();
    election.story.until_ready("thing").await;
    election.ends_without_a_write(old, &standby).await;
    assert_eq!(emulator.count(&account, "RunInstances"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_fence_lets_reads_of_aws_through_and_no_write() {
    let story = Story::begin("fence").await;
    let fence = Fence::closed();
    let settings = CallSettings {
        attempt_timeout: Duration::from_secs(5),
        call_timeout: Duration::from_secs(10),
        attempts: 2,
        refusal_period: Duration::from_secs(1),
        fence: fence.clone(),
        observer: Observer::default(),
        budgets: Budgets::default(),
    };
    let account = story.accounts().get(&story.name).await.unwrap();
    let spec: &AwsAccountSpec = &account.spec;
    let aws = Sessions::from_environment(&settings, http_client()).await.session(spec, "us-east-1").await.unwrap();
    let bucket = story.bucket();
    let create = || aws.s3().create_bucket().bucket(&bucket).send();

    let error = create().await.named("CreateBucket").unwrap_err();
    assert_eq!(error.class, ErrorClass::NotLeader, "{error}");
    let look = aws.s3().get_bucket_tagging().bucket(&bucket).send().await.named("GetBucketTagging");
    assert_eq!(look.unwrap_err().class, ErrorClass::NotFound, "AWS has answered");
    assert_eq!(story.emulator.count(&story.account_id, "CreateBucket"), 0);

    fence.set(Tenure::Unlimited);
    create().await.unwrap();
    assert_eq!(story.emulator.count(&story.account_id, "CreateBucket"), 1);
}
