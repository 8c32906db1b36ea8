//! The custom resource definitions, as they are written to `crds/` and applied to a cluster.

use crate::api::account::AwsAccount;
use crate::api::resource::AwsResource;
use crate::api::service_agent::ServiceAgent;
use crate::kinds::KindName;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray, ValidationRule,
};
use kube::CustomResourceExt;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Every definition, in the order in which the files are listed.
pub fn all() -> Vec<CustomResourceDefinition> {
    let mut account = described::<AwsAccount>();
    default_status(&mut account);
    add_owner_rule(&mut account);
    let mut resource = described::<AwsResource>();
    default_status(&mut resource);
    add_union_rules(&mut resource);
    let mut agent = described::<ServiceAgent>();
    default_status(&mut agent);
    let mut all = vec![account, resource, agent];
    all.iter_mut().for_each(bound_conditions);
    all
}

/// The schema of the status of the definition of this kind, such as `AwsResource`.
pub fn status_schema(kind: &str) -> Option<&'static JSONSchemaProps> {
    static SCHEMAS: LazyLock<BTreeMap<String, JSONSchemaProps>> = LazyLock::new(|| {
        let status = |mut crd: CustomResourceDefinition| {
            let schema = member(&mut crd, "status")?.clone();
            Some((crd.spec.names.kind, schema))
        };
        all().into_iter().filter_map(status).collect()
    });
    SCHEMAS.get(kind)
}

/// Gives conditions the bounds that Kubernetes has for them (`Condition` in apimachinery's meta/v1); the type
/// that the derive takes has none.
fn bound_conditions(crd: &mut CustomResourceDefinition) {
    let conditions = member(crd, "status").and_then(|status| status.properties.as_mut()?.get_mut("conditions"));
    let Some(JSONSchemaPropsOrArray::Schema(item)) = conditions.and_then(|list| list.items.as_mut()) else { return };
    for (name, length) in [("type", 316), ("status", 16), ("reason", 1024), ("message", 32768)] {
        if let Some(field) = item.properties.as_mut().and_then(|fields| fields.get_mut(name)) {
            field.max_length = Some(length);
        }
    }
}

/// The definition with the descriptions of its fields. The derive gives an optional field whose type is
/// an enum the description of the enum, which says less.
fn described<K: CustomResourceExt + JsonSchema>() -> CustomResourceDefinition {
    let settings = SchemaSettings::openapi3().with(|settings| settings.inline_subschemas = true);
    let fields = settings.into_generator().into_root_schema_for::<K>().to_value();
    let mut definition = K::crd();
    for part in ["spec", "status"] {
        if let Some(schema) = member(&mut definition, part) {
            describe_members(schema, inner(&fields["properties"][part]));
        }
    }
    definition
}

fn describe_members(schema: &mut JSONSchemaProps, fields: &Value) {
    for (name, member) in schema.properties.iter_mut().flatten() {
        let field = &fields["properties"][name];
        if let Some(description) = field["description"].as_str() {
            member.description = Some(description.to_owned());
        }
        describe_members(member, inner(field));
    }
    if let Some(JSONSchemaPropsOrArray::Schema(item)) = &mut schema.items {
        describe_members(item, inner(&fields["items"]));
    }
}

/// What an optional value is where it is there.
fn inner(schema: &Value) -> &Value {
    schema["anyOf"].get(0).unwrap_or(schema)
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
        let rules = spec.x_kubernetes_validations.get_or_insert_default();
        rules.extend(union_rules());
        rules.extend(name_rules());
    }
}

/// Owners can only be named for kinds that there are; JSON schema as Kubernetes has it cannot bound keys.
fn add_owner_rule(crd: &mut CustomResourceDefinition) {
    let owners = member(crd, "spec").and_then(|spec| spec.properties.as_mut()?.get_mut("owners"));
    if let Some(owners) = owners {
        let kinds: Vec<&str> = KindName::ALL.iter().map(|kind| kind.as_str()).collect();
        let named: Vec<String> = kinds.iter().map(|kind| format!("'{kind}'")).collect();
        owners.x_kubernetes_validations.get_or_insert_default().push(ValidationRule {
            rule: format!("self.all(kind, kind in [{}])", named.join(", ")),
            message: Some(format!("owners must be given by kind, one of: {}", kinds.join(", "))),
            ..Default::default()
        });
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

/// For each kind that is named by its users: `resourceId`, where it is written, is that name. An object that
/// was stored before this was refused may still be edited in all else, and so be let go.
fn name_rules() -> Vec<ValidationRule> {
    let rule = |kind: &KindName| {
        let (member, field) = (kind.member(), kind.name_field()?);
        let both = |of: &str| format!("has({of}.resourceId) && has({of}.{member})");
        let (now, before) = (both("self"), both("oldSelf.value()"));
        let unchanged = format!(
            "oldSelf.hasValue() && {before} && oldSelf.value().resourceId == self.resourceId && oldSelf.value().{member}.{field} == self.{member}.{field}"
        );
        Some(ValidationRule {
            rule: format!("!({now}) || self.{member}.{field} == self.resourceId || ({unchanged})"),
            message: Some(format!(
                "resourceId and {member}.{field} both name the resource and must be the same; leave resourceId out, which is for kinds whose id AWS assigns"
            )),
            optional_old_self: Some(true),
            ..Default::default()
        })
    };
    KindName::ALL.iter().filter_map(rule).collect()
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
    fn every_definition_says_in_its_own_words_what_it_is() {
        for crd in all() {
            let text = serde_json::to_string(&crd).unwrap();
            assert!(!text.contains("Auto-generated"), "{}: give the derive a doc", crd.spec.names.kind);
        }
    }

    #[test]
    fn an_optional_choice_has_the_description_of_its_field() {
        let definitions = serde_json::to_value(all()).unwrap();
        let spec = &definitions[1]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
        let policy = spec["properties"]["deletionPolicy"]["description"].as_str().unwrap();
        assert!(policy.contains("retained unless Delete is written here"), "{policy}");
    }

    #[test]
    fn the_union_names_every_kind() {
        let [exactly_one, ..] = union_rules();
        for kind in KindName::ALL {
            assert!(exactly_one.message.as_ref().unwrap().contains(kind.member()));
        }
    }

    /// Every schema below `node` that has members, with the name that leads to it.
    fn walk<'a>(name: &'a str, node: &'a Value, found: &mut Vec<(&'a str, &'a Value)>) {
        found.push((name, node));
        node["properties"].as_object().into_iter().flatten().for_each(|(name, member)| walk(name, member, found));
        [&node["items"], &node["additionalProperties"]].into_iter().filter(|inner| inner.is_object()).for_each(
            |inner| {
                walk(name, inner, found);
            },
        );
    }

    #[test]
    fn what_names_an_object_of_kubernetes_has_a_rule_for_it_and_no_pattern_knows_one_partition_alone() {
        let definitions = serde_json::to_value(all()).unwrap();
        let schemas: Vec<&Value> = definitions
            .as_array()
            .unwrap()
            .iter()
            .map(|one| &one["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"])
            .collect();
        let mut nodes = Vec::new();
        schemas.iter().for_each(|schema| walk("spec", schema, &mut nodes));
        let mut references = 0;
        for (name, node) in nodes {
            let rules = node["x-kubernetes-validations"].as_array().into_iter().flatten().map(|one| &one["rule"]);
            for asked in rules.chain([&node["pattern"]]).filter_map(Value::as_str) {
                assert!(!asked.contains("arn:aws:") && !asked.contains("[a-z]{2}("), "{name}: {asked}");
            }
            if (name.ends_with("Ref") || name.ends_with("Refs")) && node["properties"].is_object() {
                references += 1;
                let rule = serde_json::to_value(crate::api::names::object_name()).unwrap()["rule"].clone();
                let rules = node["properties"]["name"]["x-kubernetes-validations"].as_array().into_iter().flatten();
                assert!(rules.into_iter().any(|one| one["rule"] == rule), "{name}.name has no rule");
            }
        }
        assert!(references >= 18, "{references}");
    }
}
