//! Fits a status to the bounds of its own definition, right before it is written. Much of a status is copied
//! from users and from AWS, and one value that is too long would have the API server refuse all of it.
//!
//! Text for people is cut. Any other value is whole or absent: half of an ARN is the ARN of something else.

use crate::api::text::{one_line, shortened};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use serde_json::{Map, Value};

/// The fields whose value is text for people, from the status down; `[]` is an item of a list.
const TEXTS: &[&str] = &[
    "conditions[].message",
    "cost.items[].usage",
    "cost.missing[]",
    "cost.notIncluded[]",
    "healthMessage",
    "pendingChanges[].from",
    "pendingChanges[].path",
    "pendingChanges[].to",
    "recommendations[].proposal",
    "recommendations[].reason",
];

/// The field that a status never goes without where there is one: without the write-ahead record of a create
/// call the same could be made twice.
const RECORD: &str = "intent";

/// A status that is within its bounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Fitted {
    /// The status.
    pub status: Value,
    /// The paths of the values that were left out, because they were too long or too many.
    pub lost: Vec<String>,
}

/// The write-ahead record does not fit, so that nothing may be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("status.{0} is longer than its definition allows")]
pub struct Unfit(pub String);

/// The status within the bounds of this schema.
///
/// # Errors
/// Where the record of a create call is out of its bounds.
pub fn fit(status: Value, schema: &JSONSchemaProps) -> Result<Fitted, Unfit> {
    let mut lost = Vec::new();
    let status = fitted(status, schema, "", &mut lost).unwrap_or_else(|| Map::new().into());
    match lost.iter().find(|path| path.split('.').next() == Some(RECORD)) {
        Some(path) => Err(Unfit(path.clone())),
        None => Ok(Fitted { status, lost }),
    }
}

/// The value within its bounds; `None` where only another value would be.
fn fitted(value: Value, schema: &JSONSchemaProps, path: &str, lost: &mut Vec<String>) -> Option<Value> {
    match value {
        Value::String(text) => string(text, schema, path, lost),
        Value::Array(items) => Some(list(items, schema, path, lost)),
        Value::Object(members) if schema.properties.is_some() => block(members, schema, path, lost),
        Value::Object(members) => Some(map(members, schema, path, lost)),
        other => Some(other),
    }
}

fn string(text: String, schema: &JSONSchemaProps, path: &str, lost: &mut Vec<String>) -> Option<Value> {
    let limit = most(schema.max_length);
    if TEXTS.contains(&path) {
        return Some(shortened(&one_line(&text), limit).into());
    }
    // The API server counts characters, not bytes.
    if text.chars().count() > limit {
        lost.push(path.to_owned());
        return None;
    }
    Some(text.into())
}

fn list(items: Vec<Value>, schema: &JSONSchemaProps, path: &str, lost: &mut Vec<String>) -> Value {
    let path = format!("{path}[]");
    let limit = most(schema.max_items);
    if items.len() > limit {
        lost.push(path.clone());
    }
    let one = |item: Value| match &schema.items {
        Some(JSONSchemaPropsOrArray::Schema(inner)) => fitted(item, inner, &path, lost),
        _ => Some(item),
    };
    items.into_iter().filter_map(one).take(limit).collect()
}

fn map(members: Map<String, Value>, schema: &JSONSchemaProps, path: &str, lost: &mut Vec<String>) -> Value {
    let limit = most(schema.max_properties);
    if members.len() > limit {
        lost.push(path.to_owned());
    }
    let one = |(name, value): (String, Value)| match &schema.additional_properties {
        Some(JSONSchemaPropsOrBool::Schema(inner)) => {
            fitted(value, inner, &format!("{path}.{name}"), lost).map(|value| (name, value))
        }
        _ => Some((name, value)),
    };
    Value::Object(members.into_iter().filter_map(one).take(limit).collect())
}

/// A block goes with a member that it cannot be without.
fn block(members: Map<String, Value>, schema: &JSONSchemaProps, path: &str, lost: &mut Vec<String>) -> Option<Value> {
    let mut kept = Map::new();
    for (name, value) in members {
        let inner = schema.properties.as_ref().and_then(|fields| fields.get(&name));
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let value = match inner {
            Some(inner) => fitted(value, inner, &path, lost),
            None => Some(value),
        };
        match value {
            Some(value) => drop(kept.insert(name, value)),
            None if schema.required.iter().flatten().any(|required| *required == name) => return None,
            None => {}
        }
    }
    Some(kept.into())
}

fn most(limit: Option<i64>) -> usize {
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::crd;
    use serde_json::json;

    fn resource(status: Value) -> Result<Fitted, Unfit> {
        fit(status, crd::status_schema("AwsResource").unwrap())
    }

    #[test]
    fn text_is_cut_and_escaped_and_what_must_be_whole_is_left_out() {
        let change = json!({"path": "a", "from": "x\ny", "to": "z".repeat(300), "effect": "InPlace"});
        let outputs = json!({"arn": "arn:aws:s3:::b", "long": "x".repeat(2049)});
        let found = resource(json!({"arn": "a".repeat(2049), "outputs": outputs, "pendingChanges": [change]})).unwrap();
        let change = &found.status["pendingChanges"][0];
        assert_eq!(change["from"], "x\\ny");
        assert_eq!(change["to"].as_str().unwrap().chars().count(), 256);
        assert_eq!(found.status["outputs"], json!({"arn": "arn:aws:s3:::b"}));
        assert_eq!(found.status.get("arn"), None);
        assert_eq!(found.lost, ["arn", "outputs.long"]);
    }

    #[test]
    fn a_list_is_no_longer_than_its_bound_and_an_item_that_cannot_be_whole_goes() {
        let item = |quantity: &str| json!({"usage": "ec2/t3.micro", "quantity": quantity, "unit": "hour"});
        let items = [item("1"), item(&"9".repeat(33)), item("2")];
        let missing: Vec<String> = (0..20).map(|number| number.to_string()).collect();
        let found = resource(json!({"cost": {"items": items, "missing": missing}})).unwrap();
        assert_eq!(found.status["cost"]["items"], json!([item("1"), item("2")]));
        assert_eq!(found.status["cost"]["missing"].as_array().unwrap().len(), 16);
        assert_eq!(found.lost, ["cost.items[].quantity", "cost.missing[]"]);
    }

    #[test]
    fn no_status_is_written_without_the_record_of_a_create_call() {
        let record = json!({"incarnation": 1, "token": "t".repeat(65), "requestHash": "h", "accountId": "1",
                            "region": "r", "recordedAt": "now"});
        assert_eq!(resource(json!({"intent": record})), Err(Unfit("intent.token".into())));
    }

    /// What the bounds of a status leave open, or ask for in a way that [`fit`] does not know.
    fn open(path: &str, node: &Value, problems: &mut Vec<String>) {
        let known = match node["type"].as_str() {
            Some("string") if node["enum"].is_array() || node["format"] == "date-time" => "type",
            Some("string") => "maxLength",
            Some("array") => "maxItems",
            Some("object") if node["properties"].is_null() => "maxProperties",
            _ => "type",
        };
        if node[known].is_null() {
            problems.push(format!("{path} has no {known}: give it one"));
        }
        let unknown = ["pattern", "minLength", "minItems", "minProperties", "uniqueItems", "x-kubernetes-validations"];
        let asked = unknown.iter().filter(|word| !node[**word].is_null());
        problems.extend(asked.map(|word| format!("{path} has {word}, which no status is fitted to: take it out")));
        for (name, member) in node["properties"].as_object().into_iter().flatten() {
            open(&format!("{path}.{name}"), member, problems);
        }
        for (part, inner) in [("[]", &node["items"]), (".*", &node["additionalProperties"])] {
            if inner.is_object() {
                open(&format!("{path}{part}"), inner, problems);
            }
        }
    }

    #[test]
    fn every_field_of_every_status_is_bounded() {
        let mut problems = Vec::new();
        for definition in crd::all() {
            let kind = definition.spec.names.kind;
            open(&kind, &json!(crd::status_schema(&kind).unwrap()), &mut problems);
        }
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }

    #[test]
    fn every_text_is_a_field_of_a_status() {
        let schemas: Vec<Value> = crd::all()
            .iter()
            .map(|definition| json!(crd::status_schema(&definition.spec.names.kind).unwrap()))
            .collect();
        for path in TEXTS {
            let pointer: String = path
                .split('.')
                .map(|part| {
                    let name = part.trim_end_matches("[]");
                    if part.ends_with("[]") {
                        format!("/properties/{name}/items")
                    } else {
                        format!("/properties/{name}")
                    }
                })
                .collect();
            assert!(schemas.iter().any(|schema| schema.pointer(&pointer).is_some()), "{path}");
        }
    }
}
