//! What holds for every kind of the table, shown by their examples in one account.

use super::story::{Story, is_ready, message};
use ccagi_aws_agent::kinds::KindName;
use kube::api::{DeleteParams, ListParams};
use serde_json::json;
use std::collections::BTreeSet;

/// Applies the examples of the kinds in the story's namespace and account, and waits until all are ready.
async fn apply_all(story: &Story) -> Vec<String> {
    let mut names = Vec::new();
    for path in crate::it::files(&crate::it::repository("examples"), "yaml") {
        // The shop has stories of its own.
        if path.file_name().is_some_and(|name| name == "shop.yaml") {
            continue;
        }
        names.extend(story.apply_file(&path).await);
    }
    for name in &names {
        story.until(name, "ready", is_ready).await;
    }
    names
}

/// The services that the kinds use, by the prefixes of their IAM actions.
fn services() -> BTreeSet<&'static str> {
    let actions = KindName::ALL.iter().flat_map(|kind| kind.iam_actions());
    actions.filter_map(|action| action.split(':').next()).collect()
}

/// Asks for another look at every object and waits until each was taken.
async fn look_again(story: &Story, names: &[String], when: &str) {
    for name in names {
        story.annotate(name, "aws.ccagi.io/reconcile-requested-at", Some(when)).await;
    }
    for name in names {
        let answered = |object: &ccagi_aws_agent::api::resource::AwsResource| {
            object.status.as_ref().and_then(|status| status.last_handled_reconcile_at.as_deref()) == Some(when)
        };
        story.until(name, "looked at again", answered).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_is_tagged_by_its_create_call_and_rests_once_it_is_made() {
    let story = Story::begin("contract-rest").await;
    let names = apply_all(&story).await;
    let kinds: BTreeSet<String> = story
        .resources()
        .list(&ListParams::default())
        .await
        .unwrap()
        .items
        .iter()
        .map(|object| object.status.as_ref().unwrap().kind.clone().unwrap_or_default())
        .collect();
    for kind in KindName::ALL {
        assert!(kinds.contains(kind.as_str()), "{} has no example", kind.as_str());
    }
    let journal = story.emulator.journal(&story.account_id);
    let tagging =
        ["CreateTags", "PutBucketTagging", "TagResource", "TagRole", "TagInstanceProfile", "AddTagsToResource"];
    let later: Vec<_> = journal.iter().filter(|request| tagging.contains(&request.operation.as_str())).collect();
    assert!(later.is_empty(), "tags must come with the create call, and not after it: {later:?}");

    let before = story.emulator.writes(&story.account_id).len();
    look_again(&story, &names, "once").await;
    let writes = story.emulator.writes(&story.account_id);
    assert!(writes.len() == before, "a resource that was just made differs from its spec: {:?}", &writes[before..]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_tells_what_it_may_not_read_from_what_does_not_exist() {
    let story = Story::begin("contract-denied").await;
    let names = apply_all(&story).await;
    let writes = story.emulator.writes(&story.account_id).len();
    for service in services() {
        story
            .emulator
            .fault_with(&story.account_id, json!({"service": service, "operation": "", "kind": "denied", "times": -1}));
    }
    for name in &names {
        story.annotate(name, "aws.ccagi.io/reconcile-requested-at", Some("once")).await;
    }
    for name in &names {
        let stalled = story.until_reason(name, "Stalled", "AccessDenied").await;
        assert!(message(&stalled, "Stalled").contains("request id"), "{}", message(&stalled, "Stalled"));
    }
    let objects = story.resources().list(&ListParams::default()).await.unwrap().items;
    story.resources().delete_collection(&DeleteParams::default(), &ListParams::default()).await.unwrap();
    for name in &names {
        // Each has tried in vain to delete it, or waits for one that has.
        story.until(name, "still there", |object| object.metadata.deletion_timestamp.is_some()).await;
    }
    assert_eq!(story.emulator.writes(&story.account_id).len(), writes, "nothing is written where nothing can be read");

    story.emulator.clear_faults(&story.account_id);
    for object in &objects {
        story.until_gone(object).await;
    }
}
