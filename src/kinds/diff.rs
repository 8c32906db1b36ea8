//! The difference between what a spec names and what AWS has, as data.
//!
//! Both sides are the same type, written as JSON: the spec as declared, and the spec as it would
//! have to read to describe what is in AWS. Only what the declared side names is compared; all
//! else in AWS is left alone.

use super::digest::{Place, cut, hidden};
use crate::api::resource::{Change, Effect};
use serde_json::{Map, Value};

/// The longest value a change shows, in characters. [`Change`]'s schema has the same limit.
const VALUE_LIMIT: usize = 256;

/// What is known of the fields of a kind's spec.
pub struct Fields<'a> {
    /// What changing the field at a path does; `None` for fields that only steer the controller
    /// or the create call and have no counterpart to compare.
    pub effect: &'a dyn Fn(&str) -> Option<Effect>,
    /// The lists whose items have a name: their path and the member that names an item.
    pub named_lists: &'a [(&'static str, &'static str)],
    /// The paths whose values are told apart and never shown.
    pub hidden: &'a [&'static str],
    /// The numbers that are minimums, see [`AT_LEAST`](crate::kinds::Kind::AT_LEAST).
    pub at_least: &'a [&'static str],
}

/// The changes that would make `observed` read as `desired`.
pub fn between(desired: &Value, observed: &Value, fields: &Fields<'_>) -> Vec<Change> {
    let mut changes = Vec::new();
    walk("", desired, observed, fields, &mut changes);
    changes
}

fn walk(path: &str, desired: &Value, observed: &Value, fields: &Fields<'_>, out: &mut Vec<Change>) {
    match (desired, observed) {
        (Value::Null, _) => {}
        (Value::Object(wanted), Value::Object(found)) => members(path, wanted, found, fields, out),
        (Value::Object(wanted), Value::Null) => members(path, wanted, &Map::new(), fields, out),
        (Value::Array(wanted), Value::Array(_) | Value::Null) => match item_key(path, fields) {
            Some(key) => items(path, key, wanted, observed.as_array().map_or(&[], Vec::as_slice), fields, out),
            None if wanted.is_empty() && observed.is_null() => {}
            None => leaf(path, Some(desired), Some(observed), fields, out),
        },
        _ => leaf(path, Some(desired), Some(observed), fields, out),
    }
}

fn members(
    path: &str,
    wanted: &Map<String, Value>,
    found: &Map<String, Value>,
    fields: &Fields<'_>,
    out: &mut Vec<Change>,
) {
    for (name, value) in wanted {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        walk(&path, value, found.get(name).unwrap_or(&Value::Null), fields, out);
    }
}

/// Lists of named items are compared item by item, in any order; an item that only AWS has is to go,
/// because the spec names the whole list.
fn items(path: &str, key: &str, wanted: &[Value], found: &[Value], fields: &Fields<'_>, out: &mut Vec<Change>) {
    let name = |item: &Value| item.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    for item in wanted {
        let path = format!("{path}[{}]", name(item));
        match found.iter().find(|other| name(other) == name(item)) {
            Some(other) => walk(&path, item, other, fields, out),
            None => leaf(&path, Some(item), None, fields, out),
        }
    }
    for item in found.iter().filter(|item| !wanted.iter().any(|other| name(other) == name(item))) {
        leaf(&format!("{path}[{}]", name(item)), None, Some(item), fields, out);
    }
}

fn item_key(path: &str, fields: &Fields<'_>) -> Option<&'static str> {
    let plain = without_item_names(path);
    fields.named_lists.iter().find(|(list, _)| *list == plain).map(|(_, key)| *key)
}

fn leaf(path: &str, desired: Option<&Value>, observed: Option<&Value>, fields: &Fields<'_>, out: &mut Vec<Change>) {
    if desired == observed {
        return;
    }
    let plain = without_item_names(path);
    if fields.at_least.contains(&plain.as_str()) && reaches(desired, observed) {
        return;
    }
    let Some(effect) = (fields.effect)(&plain) else { return };
    let side = |value: Option<&Value>, place| {
        let value = value.map(|value| masked(&plain, value, fields.hidden, place));
        shown(value.as_ref(), place)
    };
    let (from, to) = (side(observed, Place::Aws), side(desired, Place::Spec));
    out.push(Change { path: cut(path, VALUE_LIMIT, Place::Path), from, to, effect });
}

/// The value with a digest in the place of everything that is not shown.
fn masked(path: &str, value: &Value, hidden_paths: &[&str], place: Place) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::String(text) if hidden_paths.contains(&path) => hidden(text, place).into(),
        other if hidden_paths.contains(&path) => hidden(&other.to_string(), place).into(),
        Value::Array(items) => items.iter().map(|item| masked(path, item, hidden_paths, place)).collect(),
        Value::Object(members) => {
            let masked = |(name, value): (&String, &Value)| {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                (name.clone(), masked(&path, value, hidden_paths, place))
            };
            Value::Object(members.iter().map(masked).collect())
        }
        plain => plain.clone(),
    }
}

/// Whether a number in AWS is at least the declared one.
fn reaches(desired: Option<&Value>, observed: Option<&Value>) -> bool {
    let number = |value: Option<&Value>| value.and_then(Value::as_i64);
    number(desired).zip(number(observed)).is_some_and(|(wanted, found)| found >= wanted)
}

/// Writes `none` for each of these members that the object leaves out, so that its absence is something
/// to compare: what a spec does not name is left alone.
pub fn name_absent(object: &mut Value, names: &[&str]) {
    if let Some(members) = object.as_object_mut() {
        for name in names {
            members.entry(*name).or_insert_with(|| "none".into());
        }
    }
}

/// `globalSecondaryIndexes[byOwner].keys` becomes `globalSecondaryIndexes.keys`.
pub fn without_item_names(path: &str) -> String {
    let mut depth = 0;
    path.chars()
        .filter(|c| {
            depth += i32::from(*c == '[');
            let keep = depth == 0;
            depth -= i32::from(*c == ']');
            keep
        })
        .collect()
}

/// Strings are shown as they are, everything else as JSON; a long value ends in a digest of the whole of it.
fn shown(value: Option<&Value>, place: Place) -> Option<String> {
    match value? {
        Value::Null => None,
        Value::String(text) => Some(cut(text, VALUE_LIMIT, place)),
        other => Some(cut(&other.to_string(), VALUE_LIMIT, place)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const IN_PLACE: Fields<'static> = Fields {
        effect: &|path| (path != "forceDestroy").then_some(Effect::InPlace),
        named_lists: &[("indexes", "name"), ("variables", "name")],
        hidden: &["variables.value", "token"],
        at_least: &["storage", "indexes.storage"],
    };

    fn paths(desired: Value, observed: Value) -> Vec<String> {
        between(&desired, &observed, &IN_PLACE).into_iter().map(|change| change.path).collect()
    }

    #[test]
    fn fields_the_spec_does_not_name_are_left_alone() {
        assert!(paths(json!({"a": 1}), json!({"a": 1, "b": 2})).is_empty());
        assert!(paths(json!({"a": {"x": 1}}), json!({"a": {"x": 1, "y": 2}})).is_empty());
    }

    #[test]
    fn nested_differences_are_named_by_their_path() {
        assert_eq!(paths(json!({"a": {"x": 1, "y": 2}}), json!({"a": {"x": 1, "y": 3}})), ["a.y"]);
        assert_eq!(paths(json!({"a": {"x": 1}}), json!({})), ["a.x"]);
    }

    #[test]
    fn fields_without_an_effect_are_not_compared() {
        assert!(paths(json!({"forceDestroy": true}), json!({})).is_empty());
    }

    #[test]
    fn named_items_are_compared_one_by_one_in_any_order() {
        let desired = json!({"indexes": [{"name": "a", "size": 1}, {"name": "b", "size": 1}]});
        let observed = json!({"indexes": [{"name": "c"}, {"name": "b", "size": 1}, {"name": "a", "size": 2}]});
        assert_eq!(paths(desired, observed), ["indexes[a].size", "indexes[c]"]);
    }

    #[test]
    fn more_than_a_minimum_is_no_difference_and_less_is() {
        assert!(paths(json!({"storage": 105}), json!({"storage": 110})).is_empty());
        assert_eq!(paths(json!({"storage": 105}), json!({"storage": 100})), ["storage"]);
        assert_eq!(paths(json!({"storage": 105}), json!({})), ["storage"]);
        assert_eq!(paths(json!({"size": 105}), json!({"size": 110})), ["size"], "only where it is declared");
        let of = |storage: i32| json!({"indexes": [{"name": "a", "storage": storage}]});
        assert!(paths(of(1), of(2)).is_empty());
    }

    #[test]
    fn an_empty_list_and_none_are_the_same() {
        assert!(paths(json!({"a": []}), json!({})).is_empty());
        assert_eq!(paths(json!({"a": []}), json!({"a": [1]})), ["a"]);
    }

    #[test]
    fn long_values_that_differ_only_at_their_end_are_two_changes() {
        let change = |to: &str| between(&json!({"policy": to}), &json!({"policy": "a"}), &IN_PLACE);
        let long = |end: &str| format!("{}{end}", "x".repeat(2 * VALUE_LIMIT));
        assert_eq!(change(&long("1")), change(&long("1")));
        assert_ne!(change(&long("1")), change(&long("2")));
        let shown = change(&long("1"))[0].to.clone().unwrap();
        assert_eq!(shown.chars().count(), VALUE_LIMIT);
        assert!(shown.starts_with("xxx") && shown.ends_with(" of 513 characters)"), "{shown}");
        // What is written out as the cut value reads is still another value.
        assert_ne!(change(&shown), change(&long("1")));
    }

    #[test]
    fn long_paths_that_differ_only_at_their_end_are_two_paths() {
        let path = |end: &str| paths(json!({"x".repeat(2 * VALUE_LIMIT) + end: 1}), json!({}));
        assert_ne!(path("1"), path("2"));
    }

    #[test]
    fn what_is_hidden_is_told_apart_and_shown_nowhere() {
        let found =
            json!({"variables": [{"name": "A", "value": "hunter2"}, {"name": "B", "value": "hunter2"}], "token": 7});
        let change = |value: &str| {
            between(&json!({"variables": [{"name": "A", "value": value}], "token": "t"}), &found, &IN_PLACE)
        };
        let changes = change("hunter3");
        let shown = serde_json::to_string(&changes).unwrap();
        assert_eq!(
            changes.iter().map(|change| change.path.as_str()).collect::<Vec<_>>(),
            ["token", "variables[A].value", "variables[B]"]
        );
        assert!(!shown.contains("hunter") && shown.contains(r#"\"name\":\"B\""#), "{shown}");
        assert_eq!(changes[0].from, Some(hidden("7", Place::Aws)));
        assert_ne!(changes, change("hunter4"), "another value is another change");
    }
}
