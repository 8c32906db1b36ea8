use super::{files, repository};
use ccagi_aws_agent::api::resource::AwsResource;
use ccagi_aws_agent::api::service_agent::ServiceAgent;
use ccagi_aws_agent::kinds::KindName;
use serde_json::Value;

/// Every document of the examples.
fn documents() -> Vec<Value> {
    let read = |path| std::fs::read_to_string(path).unwrap();
    let all = files(&repository("examples"), "yaml");
    all.into_iter().map(read).flat_map(|text| serde_saphyr::from_multiple::<Value>(&text).unwrap()).collect()
}

#[test]
fn every_kind_has_an_example_that_reads_as_written() {
    let resources: Vec<Value> = documents().into_iter().filter(|document| document["kind"] == "AwsResource").collect();
    let mut kinds = Vec::new();
    for document in &resources {
        let object: AwsResource = serde_json::from_value(document.clone()).unwrap();
        kinds.push(object.spec.kind.the_one().expect("one kind block").name());
        // A field that the types do not know would be lost on the way.
        assert_eq!(serde_json::to_value(&object.spec).unwrap(), document["spec"]);
    }
    for kind in KindName::ALL {
        assert!(kinds.contains(kind), "{} has no example", kind.as_str());
    }
}

#[test]
fn a_service_agent_has_an_example_that_reads_as_written() {
    let agents: Vec<Value> = documents().into_iter().filter(|document| document["kind"] == "ServiceAgent").collect();
    assert!(!agents.is_empty());
    for document in agents {
        let agent: ServiceAgent = serde_json::from_value(document.clone()).unwrap();
        assert_eq!(serde_json::to_value(&agent.spec).unwrap(), document["spec"]);
    }
}
