//! Values that a schema takes: made from nothing, and made from another value.

use super::schema::item;
use super::text;
use serde_json::{Map, Value, json};

/// How much of a block is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// What is required.
    Required,
    /// Everything that is no reference.
    Everything,
}

/// A value for `node` that has the members that `way` names; different seeds make different values.
pub fn made(node: &Value, way: &[String], extent: Extent, seed: usize) -> Value {
    made_for(node, &Value::Null, way, extent, seed)
}

fn made_for(node: &Value, list: &Value, way: &[String], extent: Extent, seed: usize) -> Value {
    if let Some(values) = node["enum"].as_array() {
        let values: Vec<_> = values.iter().filter(|value| !value.is_null()).collect();
        return values[seed % values.len()].clone();
    }
    match node["type"].as_str() {
        Some("boolean") => json!(seed.is_multiple_of(2)),
        Some("integer") => json!(node["minimum"].as_i64().unwrap_or(0).max(1) + seed as i64),
        Some("string") => {
            let texts = text::texts(node, list);
            texts.get(seed % texts.len().max(1)).map_or(Value::Null, |text| json!(text))
        }
        Some("array") => {
            let count = node["minItems"].as_u64().unwrap_or(0).max(1) as usize;
            (seed..seed + count).map(|seed| made_for(item(node), node, way, extent, seed)).collect()
        }
        _ if node["properties"].is_object() => block(node, way, extent, seed),
        _ => json!({ format!("KEY{seed}"): made_for(&node["additionalProperties"], node, way, extent, seed) }),
    }
}

fn block(node: &Value, way: &[String], extent: Extent, seed: usize) -> Value {
    let required: Vec<_> = node["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut members = Map::new();
    for (name, member) in node["properties"].as_object().into_iter().flatten() {
        let on_the_way = way.first() == Some(name);
        let wanted = extent == Extent::Everything && !super::schema::is_reference(member);
        if on_the_way || wanted || required.contains(&name.as_str()) {
            let rest = if on_the_way { &way[1..] } else { &[] };
            members.insert(name.clone(), made(member, rest, extent, seed));
        }
    }
    Value::Object(members)
}

/// Other values that `node` takes, as like `present` as can be.
pub fn others(node: &Value, present: &Value) -> Vec<Value> {
    others_for(node, &Value::Null, present)
}

fn others_for(node: &Value, list: &Value, present: &Value) -> Vec<Value> {
    let mut others = match (node["enum"].as_array(), present) {
        (Some(values), _) => values.iter().filter(|value| !value.is_null()).cloned().collect(),
        (None, Value::Bool(on)) => vec![json!(!on)],
        (None, Value::Number(number)) => numbers(node, number.as_i64().unwrap()),
        (None, Value::String(text)) => {
            let made = text::texts(node, list).into_iter();
            made.chain(text::changed(text)).filter(|text| text::fits(text, node)).map(Value::from).collect()
        }
        (None, Value::Array(items)) => lists(node, items),
        (None, Value::Object(members)) => maps(node, members),
        (None, Value::Null) => Vec::new(),
    };
    others.retain(|other| other != present);
    others
}

fn numbers(node: &Value, present: i64) -> Vec<Value> {
    let (least, most) = (node["minimum"].as_i64().unwrap_or(i64::MIN), node["maximum"].as_i64().unwrap_or(i64::MAX));
    [present.saturating_add(1), present.saturating_sub(1)]
        .into_iter()
        .filter(|other| (least..=most).contains(other))
        .map(Value::from)
        .collect()
}

/// The list with an item changed, one more and one less.
fn lists(node: &Value, items: &[Value]) -> Vec<Value> {
    let (inner, last) = (item(node), items.len().saturating_sub(1));
    let mut found = Vec::new();
    if let Some(present) = items.last().filter(|item| !item.is_object()) {
        found.extend(others_for(inner, node, present).into_iter().filter(|other| !items.contains(other)).map(
            |other| {
                let mut copy = items.to_vec();
                copy[last] = other;
                copy
            },
        ));
    }
    if node["maxItems"].as_u64().is_none_or(|most| (items.len() as u64) < most) {
        let more = (0..=items.len()).map(|seed| made_for(inner, node, &[], Extent::Required, seed));
        found.extend(more.filter(|item| !items.contains(item)).map(|item| [items, &[item]].concat()));
    }
    if node["minItems"].as_u64().unwrap_or(0) < items.len() as u64 {
        found.push(items[..last].to_vec());
    }
    found.into_iter().map(Value::from).collect()
}

/// The map with one more member, and with another value of one that it has.
fn maps(node: &Value, members: &Map<String, Value>) -> Vec<Value> {
    let inner = &node["additionalProperties"];
    let mut found = Vec::new();
    let mut more = members.clone();
    more.insert("ANOTHER".to_owned(), made(inner, &[], Extent::Required, 1));
    found.push(Value::Object(more));
    if let Some((name, present)) = members.iter().next() {
        found.extend(others(inner, present).into_iter().map(|other| {
            let mut copy = members.clone();
            copy.insert(name.clone(), other);
            Value::Object(copy)
        }));
    }
    found
}

/// What stands in `spec` at the end of `way`, in the first item of each list on it.
pub fn at<'a>(spec: &'a Value, way: &[String]) -> Option<&'a Value> {
    let Some((name, rest)) = way.split_first() else { return Some(spec) };
    let holder = if spec.is_array() { spec.get(0)? } else { spec };
    at(holder.get(name)?, rest)
}

/// The spec with `value` at the end of `way`, or `None` where nothing is there to hold it.
pub fn with(spec: &Value, way: &[String], value: Value) -> Option<Value> {
    let mut copy = spec.clone();
    let (holder, last) = holder(&mut copy, way)?;
    holder.insert(last.clone(), value);
    Some(copy)
}

/// The spec without what stands at the end of `way`, or `None` where nothing does.
pub fn without(spec: &Value, way: &[String]) -> Option<Value> {
    let mut copy = spec.clone();
    let (holder, last) = holder(&mut copy, way)?;
    holder.remove(last)?;
    Some(copy)
}

fn holder<'a, 'w>(spec: &'a mut Value, way: &'w [String]) -> Option<(&'a mut Map<String, Value>, &'w String)> {
    let (last, holders) = way.split_last()?;
    let mut holder = spec;
    for name in holders {
        holder = first(holder)?.get_mut(name)?;
    }
    Some((first(holder)?.as_object_mut()?, last))
}

/// Whether the items of each named list have names that differ.
pub fn has_unique_names(spec: &Value, named_lists: &[(&str, &str)]) -> bool {
    named_lists.iter().all(|(list, member)| {
        let way: Vec<String> = list.split('.').map(str::to_owned).collect();
        let items = at(spec, &way).and_then(Value::as_array).into_iter().flatten();
        let names: Vec<&Value> = items.filter_map(|item| item.get(member)).collect();
        names.iter().enumerate().all(|(index, name)| !names[..index].contains(name))
    })
}

fn first(value: &mut Value) -> Option<&mut Value> {
    if value.is_array() { value.get_mut(0) } else { Some(value) }
}
