//! For every kind of the table: what is planned is what the controller then does.

use super::plan::{Answer, file, own, plan_all, plan_file};
use super::story::Story;
use crate::faults::workloads;
use ccagi_aws_agent::kinds::KindName;
use futures::StreamExt;
use kube::ResourceExt;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Stories side by side.
const LANES: usize = 3;

/// What the controller decided to update, by object and paths, as its log tells since `lines`. Events tell
/// less: those of one reason about one object are folded into the first.
fn updates(story: &Story, lines: usize) -> BTreeSet<(String, String)> {
    let log = story.controller_log();
    let part = |line: &str, name: &str| line.split_once(name).map(|(_, rest)| rest.to_owned()).unwrap_or_default();
    let of_update =
        log.lines().skip(lines).filter(|line| line.contains("decided") && line.contains("action=\"Update\""));
    let told = |line: &str| {
        let object = part(line, "object=").split(' ').next().unwrap_or_default().to_owned();
        part(line, "changes=").split("; ").map(|path| (object.clone(), path.to_owned())).collect::<Vec<_>>()
    };
    of_update.flat_map(told).collect()
}

/// Applies the manifests and waits until all are ready.
async fn apply(story: &Story, documents: &[Value]) {
    let names: Vec<&str> = documents.iter().map(|one| one["metadata"]["name"].as_str().unwrap()).collect();
    for (name, document) in names.iter().zip(documents) {
        let user = PatchParams::apply("kubectl").force();
        story.resources().patch(name, &user, &Patch::Apply(document)).await.unwrap();
    }
    for name in names {
        story.until_ready(name).await;
    }
}

/// The planned changes of each object, in the words of an Event.
fn planned(answer: &Answer) -> BTreeMap<String, BTreeSet<String>> {
    let words = |change: &Value| {
        let side = |name: &str| change[name].as_str().unwrap_or("nothing").to_owned();
        assert_eq!(change["carriedOut"], true, "{change}");
        format!("{}: {} → {}", change["path"].as_str().unwrap(), side("from"), side("to"))
    };
    let changes = |object: Value| object["changes"].as_array().unwrap().iter().map(words).collect();
    answer.objects().into_iter().map(|(name, object)| (name, changes(object))).collect()
}

fn settled(story: &Story, path: &std::path::Path) {
    let answer = plan_file(story, path);
    assert_eq!(answer.code, 0, "what was planned is done: {}{}", answer.output, answer.errors);
    assert!(answer.steps().values().all(|step| step == "nothing"), "{}", answer.output);
}

async fn is_created_as_planned(story: &Story, documents: &[Value]) {
    let path = file(story, "made", documents);
    let answer = plan_file(story, &path);
    assert_eq!(answer.code, 1, "{}{}", answer.output, answer.errors);
    assert!(answer.steps().values().all(|step| step == "create"), "{}", answer.output);
    assert!(planned(&answer).values().all(|changes| !changes.is_empty()), "{}", answer.output);
    apply(story, documents).await;
    for name in answer.steps().keys() {
        story.until_event(name, "Created").await;
    }
    settled(story, &path);
}

async fn is_updated_as_planned(story: &Story, documents: &[Value]) {
    let path = file(story, "changed", documents);
    let answer = plan_file(story, &path);
    assert_eq!(answer.code, 1, "{}{}", answer.output, answer.errors);
    let name = documents[0]["metadata"]["name"].as_str().unwrap();
    let planned = planned(&answer);
    let acts: Vec<&str> =
        planned.iter().filter(|(_, changes)| !changes.is_empty()).map(|(name, _)| name.as_str()).collect();
    assert_eq!(acts, [name], "only what was changed is to be changed: {}", answer.output);
    let lines = story.controller_log().lines().count();
    apply(story, documents).await;
    for change in &planned[name] {
        story.until_note(name, change).await;
    }
    if answer.steps()[name] == "restart" {
        story.until_event(name, "Restarting").await;
    }
    settled(story, &path);
    let object = &answer.objects()[name];
    let paths = object["changes"].as_array().unwrap().iter().map(|change| &change["path"]);
    let paths = paths.chain(object["followUps"].as_array().unwrap()).map(|path| path.as_str().unwrap());
    let expected: BTreeSet<_> = paths.map(|path| (name.to_owned(), path.to_owned())).collect();
    let mut done = updates(story, lines);
    // A restart ends with the start that is owed, which is a pass of its own.
    done.retain(|(_, path)| answer.steps()[name] != "restart" || path != "state");
    assert_eq!(done, expected, "the controller did something else");
}

async fn is_deleted_as_planned(story: &mut Story) {
    story.take_controller().kill();
    let objects = story.resources().list(&ListParams::default()).await.unwrap().items;
    for object in &objects {
        story.resources().delete(&object.name_any(), &DeleteParams::default()).await.unwrap();
    }
    let steps = plan_all(story).steps();
    assert_eq!(steps.len(), objects.len());
    assert!(steps.values().any(|step| step == "delete" || step == "release"), "{steps:?}");
    story.start_controller();
    for object in &objects {
        story.until_gone(object).await;
    }
    for (name, step) in steps {
        let reason = match step.as_str() {
            "delete" => "Deleted",
            "release" => "Retained",
            // It waits for those that refer to it.
            "wait" => continue,
            step => panic!("{name}: {step}"),
        };
        story.until_event(&name, reason).await;
    }
}

async fn is_as_planned(kind: KindName) {
    let mut story = Story::begin(&format!("planned-{}", kind.as_str().to_lowercase())).await;
    let (objects, before) = workloads::example(kind);
    let in_story = |story: &Story, documents: &[Value]| documents.iter().map(|one| own(story, one)).collect::<Vec<_>>();
    apply(&story, &in_story(&story, &before)).await;
    is_created_as_planned(&story, &in_story(&story, &objects)).await;
    // A new process: within one, news of the same reason about the same object is one Event with the first note.
    story.take_controller().kill();
    story.start_controller();
    is_updated_as_planned(&story, &in_story(&story, &workloads::changed(kind, objects))).await;
    is_deleted_as_planned(&mut story).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_is_made_changed_and_deleted_exactly_as_planned() {
    futures::stream::iter(KindName::ALL).for_each_concurrent(LANES, |kind| is_as_planned(*kind)).await;
}
