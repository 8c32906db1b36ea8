//! The reference of the custom resources as one Markdown page, written from their schemas.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use std::fmt::Write;

/// The page.
pub fn page(definitions: &[CustomResourceDefinition]) -> String {
    let mut page = String::from(
        "# Reference\n\nEvery field of the custom resources, written by `make generate` from the same schemas that the API \
         server enforces.\nA field in **bold** is required.\n",
    );
    for definition in definitions {
        let names = &definition.spec.names;
        let short = names.short_names.clone().unwrap_or_default().join("`, `");
        // Writing to a string cannot fail.
        let _ = writeln!(page, "\n## {}\n\nScope: {}. Short name: `{short}`.", names.kind, definition.spec.scope);
        for version in &definition.spec.versions {
            let schema = version.schema.as_ref().and_then(|schema| schema.open_api_v3_schema.as_ref());
            for part in ["spec", "status"] {
                if let Some(schema) = schema.and_then(|schema| schema.properties.as_ref()?.get(part)) {
                    let _ =
                        writeln!(page, "\n### {} {part}\n\n| field | type | what it is |\n|---|---|---|", names.kind);
                    rows(&mut page, "", schema);
                    rules(&mut page, schema);
                }
            }
        }
    }
    page
}

fn rows(page: &mut String, path: &str, schema: &JSONSchemaProps) {
    let required = schema.required.clone().unwrap_or_default();
    for (name, member) in schema.properties.iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let shown = if required.contains(name) { format!("**{path}**") } else { path.clone() };
        let about = member.description.clone().unwrap_or_default().replace('\n', " ").replace('|', "\\|");
        let _ = writeln!(page, "| {shown} | {} | {about} |", type_of(member));
        match items(member) {
            Some(item) => rows(page, &format!("{path}[]"), item),
            None => rows(page, &path, member),
        }
    }
}

/// The rules that no type can say, in the words in which the API server refuses what breaks them.
fn rules(page: &mut String, schema: &JSONSchemaProps) {
    let mut messages = Vec::new();
    collect_rules(schema, &mut messages);
    if !messages.is_empty() {
        let _ = writeln!(page, "\nThe API server also enforces:\n");
    }
    for message in messages {
        let _ = writeln!(page, "- {message}");
    }
}

fn collect_rules(schema: &JSONSchemaProps, messages: &mut Vec<String>) {
    let own = schema.x_kubernetes_validations.iter().flatten();
    messages.extend(own.filter_map(|rule| rule.message.clone()));
    for member in schema.properties.iter().flatten().map(|(_, member)| member).chain(items(schema)) {
        collect_rules(member, messages);
    }
}

fn items(schema: &JSONSchemaProps) -> Option<&JSONSchemaProps> {
    match schema.items.as_ref()? {
        JSONSchemaPropsOrArray::Schema(item) => Some(item),
        JSONSchemaPropsOrArray::Schemas(_) => None,
    }
}

fn type_of(schema: &JSONSchemaProps) -> String {
    if let Some(values) = &schema.enum_ {
        let named = values.iter().filter_map(|value| value.0.as_str());
        return named.map(|value| format!("`{value}`")).collect::<Vec<_>>().join(" \\| ");
    }
    if let Some(item) = items(schema) {
        return format!("list of {}", type_of(item));
    }
    match &schema.additional_properties {
        Some(JSONSchemaPropsOrBool::Schema(value)) => format!("map of {}", type_of(value)),
        _ => schema.type_.clone().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::crd;

    #[test]
    fn every_kind_and_its_required_fields_are_on_the_page() {
        let page = page(&crd::all());
        for text in ["## AwsAccount", "## AwsResource", "| **accountRef** |", "| **s3Bucket.bucketName** |"] {
            assert!(page.contains(text), "{text}");
        }
    }
}
