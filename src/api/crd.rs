//! The custom resource definitions, as they are written to `crds/` and applied to a cluster.

use crate::api::account::AwsAccount;
use crate::api::resource::AwsResource;
use crate::kinds::KindName;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, ValidationRule,
};
use kube::CustomResourceExt;
use serde_json::json;

/// Every definition, in the order in which the files are listed.
pub fn all() -> Vec<CustomResourceDefinition> {
    let mut account = AwsAccount::crd();
    default_status(&mut account);
    let mut resource = AwsResource::crd();
    default_status(&mut resource);
    add_union_rules(&mut resource);
    vec![account, resource]
}

/// Gives `status` the default `{observedGeneration: -1}`: kstatus then never reads an object that
/// the controller has not seen yet as current. The derive has no attribute for it.
fn default_status(crd: &mut CustomResourceDefinition) {
    if let Some(status) = member(crd, "status") {
        status.default = Some(JSON(json!({"observedGeneration": -1})));
    }
}

/// The rules of the union of kind blocks, which follow from the table of kinds.
fn add_union_rules(crd: &mut CustomResourceDefinition) {
    if let Some(spec) = member(crd, "spec") {
        spec.x_kubernetes_validations.get_or_insert_default().extend(union_rules());
    }
}

fn member<'a>(crd: &'a mut CustomResourceDefinition, name: &str) -> Option<&'a mut JSONSchemaProps> {
    let schema = crd.spec.versions.first_mut()?.schema.as_mut()?.open_api_v3_schema.as_mut()?;
    schema.properties.as_mut()?.get_mut(name)
}

fn union_rules() -> [ValidationRule; 3] {
    let of = |text: &dyn Fn(&str, &str) -> String, between: &str| {
        let parts: Vec<String> = KindName::ALL.iter().map(|kind| text(kind.member(), kind.as_str())).collect();
        parts.join(between)
    };
    let set = of(&|member, _| format!("has(self.{member})"), ", ");
    let members = of(&|member, _| member.to_owned(), ", ");
    let named = of(&|member, kind| format!("(self.type == '{kind}' && has(self.{member}))"), " || ");
    let same = of(&|member, _| format!("has(self.{member}) == has(oldSelf.{member})"), " && ");
    let rule = |rule: String, message: String| ValidationRule { rule, message: Some(message), ..Default::default() };
    [
        rule(
            format!("[{set}].filter(x, x).size() == 1"),
            format!("exactly one kind block must be set, one of: {members}"),
        ),
        rule(format!("!has(self.type) || {named}"), "type must name the kind block that is set".into()),
        rule(same, "the kind is immutable: declare a new object for another kind of resource".into()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_definition_stays_under_200_kib() {
        for crd in all() {
            let size = serde_saphyr::to_string(&crd).unwrap().len();
            assert!(size < 200 * 1024, "{} is {size} bytes", crd.spec.names.kind);
        }
    }

    #[test]
    fn a_fresh_object_never_reads_as_current() {
        for crd in all() {
            let schema = crd.spec.versions[0].schema.clone().unwrap().open_api_v3_schema.unwrap();
            let status = &schema.properties.unwrap()["status"];
            assert_eq!(status.default, Some(JSON(json!({"observedGeneration": -1}))));
        }
    }

    #[test]
    fn the_union_names_every_kind() {
        let [exactly_one, ..] = union_rules();
        for kind in KindName::ALL {
            assert!(exactly_one.message.as_ref().unwrap().contains(kind.member()));
        }
    }
}
