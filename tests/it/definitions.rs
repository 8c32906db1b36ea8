use super::repository;
use ccagi_aws_agent::api::crd;

#[test]
fn the_committed_definitions_are_the_ones_the_program_writes() {
    for definition in crd::all() {
        let path = repository(&format!("crds/{}.yaml", definition.spec.names.plural));
        let committed = std::fs::read_to_string(&path).unwrap();
        let written = serde_saphyr::to_string(&definition).unwrap();
        assert_eq!(committed, written, "{} is out of date: run `make generate`", path.display());
    }
}
