//! The contract of costs: every field either changes what a resource is paid for, or is declared to be free.

use super::fields::{self, Subject};
use super::schema::{self, Field};
use super::values;
use crate::cost::Found;
use crate::kinds::Kind;
use serde_json::Value;
use std::collections::BTreeSet;

/// Which fields are neither seen in the cost nor declared to be free, or wrongly declared so.
pub fn problems<K: Kind>(subject: &Subject<'_>) -> Vec<String> {
    let fields = schema::fields(subject.block);
    // What is referred to counts where its value stands.
    let fields: Vec<&Field> = fields.iter().filter(|field| !field.is_reference()).collect();
    let paths: BTreeSet<String> = fields.iter().map(|field| field.path()).collect();
    let of_field = |field: &&Field| {
        let path = field.path();
        match (K::FREE_FIELDS.contains(&path.as_str()), is_seen::<K>(subject, field)) {
            (false, false) => Some(format!(
                "{path} changes nothing that is paid for: let cost_items() say what AWS bills for it, in the sum, as \
                 missing or as not included, or declare it in FREE_FIELDS"
            )),
            (true, true) => Some(format!("{path} changes what is paid for: take it out of FREE_FIELDS")),
            _ => None,
        }
    };
    let unknown = K::FREE_FIELDS.iter().filter(|path| !paths.contains(**path));
    let unknown = unknown.map(|path| format!("{path} in FREE_FIELDS is no field in the schema: correct it"));
    let unordered = K::FREE_FIELDS.windows(2).filter(|pair| pair[0] >= pair[1]);
    let unordered =
        unordered.map(|pair| format!("{} and {} in FREE_FIELDS must be in order and differ", pair[0], pair[1]));
    fields.iter().filter_map(of_field).chain(unknown).chain(unordered).collect()
}

/// Whether another value of the field, or none, is paid for otherwise, where the resource is only declared.
fn is_seen<K: Kind>(subject: &Subject<'_>, field: &Field) -> bool {
    let bases = fields::bases(subject.examples, field);
    bases.iter().flat_map(|base| with_every_choice(subject, base)).any(|base| {
        let base = &base;
        let Some(present) = values::at(base, &field.way) else { return false };
        let others = values::others(field.schema(), present).into_iter().chain(most(field));
        let changed = others.filter_map(|other| values::with(base, &field.way, other));
        let changed = changed.chain(values::without(base, &field.way));
        let before = fields::read::<K>(base).map(|spec| K::cost_items(&spec, Found::declared())).ok();
        changed.filter_map(|spec| fields::read::<K>(&spec).ok()).any(|spec| {
            let after = K::cost_items(&spec, Found::declared());
            before.as_ref().is_some_and(|before| *before != after)
        })
    })
}

/// The spec, and the same with each choice that the schema offers in it made otherwise: what is paid for a
/// number may depend on a type beside it.
fn with_every_choice(subject: &Subject<'_>, base: &Value) -> Vec<Value> {
    let mut found = vec![base.clone()];
    for field in schema::fields(subject.block) {
        for choice in field.schema()["enum"].as_array().into_iter().flatten().filter(|choice| !choice.is_null()) {
            found.extend(values::with(base, &field.way, choice.clone()));
        }
    }
    found
}

/// The largest number that the field takes: some are paid for only above what comes without charge.
fn most(field: &Field) -> Option<Value> {
    let most = field.schema()["maximum"].as_number()?.to_string();
    most.trim_end_matches(".0").parse::<i64>().ok().map(Value::from)
}
