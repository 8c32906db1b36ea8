use super::story::Story;
use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::discovery::ApiResource;
use serde_json::Value;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_server_takes_every_example_as_it_is_written() {
    let story = Story::begin("examples").await;
    let folder = crate::it::repository("examples");
    let dry_run = PatchParams::apply("kubectl").dry_run();
    let mut taken = 0;
    for path in crate::it::files(&folder, "yaml") {
        let text = std::fs::read_to_string(path).unwrap();
        for document in serde_saphyr::from_multiple::<Value>(&text).unwrap() {
            let mut object: DynamicObject = serde_json::from_value(document).unwrap();
            let name = object.metadata.name.clone().unwrap();
            let types = object.types.clone().unwrap();
            let resource = ApiResource::from_gvk(&(&types).try_into().unwrap());
            let api: Api<DynamicObject> = if object.metadata.namespace.is_some() {
                // The example's own namespace does not exist here; for a dry run any does.
                object.metadata.namespace = Some(story.name.clone());
                Api::namespaced_with(story.client.clone(), &story.name, &resource)
            } else {
                Api::all_with(story.client.clone(), &resource)
            };
            api.patch(&name, &dry_run, &Patch::Apply(&object)).await.unwrap_or_else(|error| panic!("{name}: {error}"));
            taken += 1;
        }
    }
    assert!(taken >= 5, "only {taken} documents were found");
}
