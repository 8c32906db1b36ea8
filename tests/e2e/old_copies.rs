//! What a controller does with a copy of an object that is no longer true: it writes nothing by it, to the API
//! server nor to AWS. Here the product's lifecycle is given such copies by hand.

use super::story::{Story, is_ready};
use ccagi_aws_agent::api::FINALIZER;
use ccagi_aws_agent::api::resource::AwsResource;
use ccagi_aws_agent::aws::session::{Sessions, http_client};
use ccagi_aws_agent::config::RunConfig;
use ccagi_aws_agent::controllers::call_settings;
use ccagi_aws_agent::controllers::cluster::cluster_id;
use ccagi_aws_agent::fence::Fence;
use ccagi_aws_agent::lifecycle::caches::CachesFilled;
use ccagi_aws_agent::lifecycle::context::{Context, Memory};
use ccagi_aws_agent::lifecycle::prices::Prices;
use ccagi_aws_agent::lifecycle::recorder::Recorder;
use ccagi_aws_agent::lifecycle::takeover::Claims;
use ccagi_aws_agent::lifecycle::{Next, objects, reconcile, status};
use ccagi_aws_agent::metrics::Metrics;
use ccagi_aws_agent::traces::Traces;
use clap::Parser;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use kube::core::DeserializeGuard;
use kube::runtime::{reflector, watcher};
use serde_json::json;
use std::sync::Arc;

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    run: RunConfig,
}

/// What a controller works with, without a controller: its caches hold the story's account.
async fn context(story: &Story) -> Context {
    let config = Arguments::parse_from(["controller", "--visibility-lag", "0s"]).run;
    let (accounts, mut account_writer) = reflector::store();
    let account = story.until_account(|_| true).await;
    account_writer.apply_watcher_event(&watcher::Event::Apply(DeserializeGuard(Ok(account))));
    let ((namespaces, _), (agents, _)) = (reflector::store(), reflector::store());
    let fence = Fence::open();
    Context {
        recorder: Recorder::new(story.client.clone()),
        sessions: Sessions::from_environment(&call_settings(&config, &fence), http_client()).await,
        accounts,
        namespaces,
        agents,
        caches: CachesFilled::of(0),
        cluster_id: cluster_id(&story.client, None).await.unwrap(),
        memory: Memory::default(),
        claims: Claims::default(),
        graph: Arc::default(),
        prices: Prices::included(),
        metrics: Arc::new(Metrics::new().unwrap()),
        traces: Traces::default(),
        client: story.client.clone(),
        fence,
        config,
    }
}

async fn set_finalizers(story: &Story, name: &str, finalizers: &[&str]) {
    let patch = Patch::Merge(json!({"metadata": {"finalizers": finalizers}}));
    story.resources().patch(name, &PatchParams::default(), &patch).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_mark_of_an_object_that_is_gone_or_was_made_anew_deletes_nothing() {
    let mut story = Story::begin("old-mark").await;
    let bucket = story.bucket();
    let spec = format!("deletionPolicy: Delete\ns3Bucket: {{bucketName: {bucket}}}");
    let first = story.apply("assets", &spec).await;
    story.until_ready("assets").await;
    story.take_controller().stop();
    story.delete("assets").await;
    let marked = story.until("assets", "marked", |object| object.metadata.deletion_timestamp.is_some()).await;
    set_finalizers(&story, "assets", &[]).await;
    story.until_gone(&first).await;
    let cx = context(&story).await;
    let before = story.emulator.writes(&story.account_id);

    assert_eq!(reconcile(marked.clone(), &cx).await.next, Next::Done);
    story.apply("assets", &spec).await;
    assert_eq!(reconcile(marked.clone(), &cx).await.next, Next::Done);
    set_finalizers(&story, "assets", &["example.com/hold", FINALIZER]).await;
    story.delete("assets").await;
    assert_eq!(reconcile(marked, &cx).await.next, Next::Done);

    assert_eq!(story.emulator.writes(&story.account_id), before);
    let live = story.resources().get("assets").await.unwrap();
    assert_eq!(live.finalizers(), ["example.com/hold", FINALIZER], "the old copy let the new object go");
    set_finalizers(&story, "assets", &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_older_than_the_last_change_writes_neither_status_nor_finalizers() {
    let mut story = Story::begin("old-copy").await;
    let spec = format!("s3Bucket: {{bucketName: {}}}", story.bucket());
    story.apply("assets", &spec).await;
    story.until("assets", "ready", is_ready).await;
    story.take_controller().stop();
    let old = story.resources().get("assets").await.unwrap();
    story.annotate("assets", "example.com/changed", Some("yes")).await;
    let live = story.resources().get("assets").await.unwrap();
    assert_writes_nothing(&story, &old).await;

    let now = story.resources().get("assets").await.unwrap();
    assert_eq!(now.resource_version(), live.resource_version());

    // The name goes to another object.
    objects::remove_finalizer(&story.resources(), &live).await.expect("the newest copy writes");
    story.delete("assets").await;
    story.until_gone(&live).await;
    let anew = story.apply("assets", &spec).await;
    assert_writes_nothing(&story, &live).await;
    let now = story.resources().get("assets").await.unwrap();
    assert_eq!(now.resource_version(), anew.resource_version());
}

/// Each write that the lifecycle makes to an object is refused with a conflict where it is made by `copy`.
async fn assert_writes_nothing(story: &Story, copy: &AwsResource) {
    let api = story.resources();
    let is_conflict = |error: kube::Error| matches!(&error, kube::Error::Api(answer) if answer.code == 409);
    let mut changed = copy.status.clone().unwrap();
    changed.last_action = Some("OfAnOldCopy".into());
    assert!(is_conflict(status::write(&api, &mut copy.clone(), changed).await.unwrap_err()));
    assert!(is_conflict(objects::remove_finalizer(&api, copy).await.unwrap_err()));
    let mut bare = copy.clone();
    bare.metadata.finalizers = None;
    assert!(is_conflict(objects::add_finalizer(&api, &bare).await.unwrap_err()));
}
