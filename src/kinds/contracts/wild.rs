//! Random specs, driven by the schema that users see: valid and nearly valid ones, with each field at its
//! bounds, absent, empty, of the wrong type and in other alphabets (as Acto does it, SOSP '23).

use super::Row;
use super::fields::Subject;
use super::schema::{self, Field};
use super::values::{self, Extent};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Characters that no pattern of ours takes: several bytes, right to left, combining, invisible.
const UNUSUAL: [&str; 5] = ["ä", "שלום", "e\u{301}", "\u{0}", "🜁\u{200d}"];

/// The longest text that is made, in characters.
const LONGEST: u64 = 5_000;

/// The most items that are put into a list or map.
const MOST: u64 = 200;

/// What is done to one field.
#[derive(Clone, Copy, Debug)]
pub enum Move {
    /// Another valid value, as like the present one as can be.
    Other,
    /// A valid value made from nothing.
    Made,
    /// At a bound of the schema.
    Bound,
    /// Left out.
    Absent,
    /// Nothing in it.
    Empty,
    /// Past a bound of the schema.
    Beyond,
    /// In other alphabets.
    Unusual,
    /// Not one of the listed values, where there is a list.
    Unlisted,
    /// Of another type.
    WrongType,
}

impl Move {
    /// Those that leave a spec that the schema takes.
    const VALID: [Self; 3] = [Self::Other, Self::Made, Self::Bound];

    /// Those that may leave one that it refuses.
    const NEARLY_VALID: [Self; 6] =
        [Self::Absent, Self::Empty, Self::Beyond, Self::Unusual, Self::Unlisted, Self::WrongType];
}

/// A move, and the seeds that choose the field and the value.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    pub what: Move,
    field: usize,
    value: usize,
}

/// A spec to begin with, and what is done to it.
#[derive(Clone, Debug)]
pub struct Walk {
    pub row: usize,
    base: usize,
    pub steps: Vec<Step>,
}

/// Walks through valid specs.
pub fn valid(rows: usize) -> impl Strategy<Value = Walk> {
    walk(rows, &Move::VALID)
}

/// Walks that soon leave what is valid.
pub fn nearly_valid(rows: usize) -> impl Strategy<Value = Walk> {
    walk(rows, &Move::NEARLY_VALID)
}

fn walk(rows: usize, moves: &'static [Move]) -> impl Strategy<Value = Walk> {
    let step = (0..moves.len(), any::<usize>(), any::<usize>());
    let step = step.prop_map(|(what, field, value)| Step { what: moves[what], field, value });
    (0..rows, any::<usize>(), vec(step, 1..6)).prop_map(|(row, base, steps)| Walk { row, base, steps })
}

impl Walk {
    /// The spec to begin with.
    pub fn base(&self, row: &Row) -> Value {
        row.examples[self.base % row.examples.len()].clone()
    }
}

impl Step {
    /// The field that the step is about.
    pub fn field<'f, 'a>(&self, fields: &'f [Field<'a>]) -> &'f Field<'a> {
        &fields[self.field % fields.len()]
    }

    /// The spec after the step; `None` where the step does nothing to it.
    pub fn taken(&self, spec: &Value, field: &Field<'_>) -> Option<Value> {
        if matches!(self.what, Move::Absent) {
            return values::without(spec, &field.way);
        }
        let present = values::at(spec, &field.way).cloned();
        let value = self.value(field.schema(), present.as_ref())?;
        values::with(&with_holders(spec, field), &field.way, value)
    }

    fn value(&self, node: &Value, present: Option<&Value>) -> Option<Value> {
        let pick = |choices: Vec<Value>| match choices.len() {
            0 => None,
            count => Some(choices[self.value % count].clone()),
        };
        match self.what {
            Move::Other => pick(values::others(node, present?)),
            Move::Made => Some(values::made(node, &[], Extent::Everything, self.value % 4)),
            Move::Bound => pick(at_bounds(node)),
            Move::Beyond => pick(beyond(node)),
            Move::Empty => pick(vec![json!(""), json!([]), json!({}), Value::Null, json!(0)]),
            Move::Unlisted => node["enum"].is_array().then(|| json!(UNUSUAL[self.value % UNUSUAL.len()])),
            Move::WrongType => pick(of_other_types(node)),
            Move::Unusual => unusual(node, UNUSUAL[self.value % UNUSUAL.len()]),
            Move::Absent => None,
        }
    }
}

/// The spec with the blocks that the field is in, where they are left out.
fn with_holders(spec: &Value, field: &Field<'_>) -> Value {
    let mut spec = spec.clone();
    for depth in 1..field.way.len() {
        let way = &field.way[..depth];
        if values::at(&spec, way).is_none_or(Value::is_null) {
            let holder = values::made(field.node(depth), &field.way[depth..], Extent::Required, 0);
            spec = values::with(&spec, way, holder).unwrap_or(spec);
        }
    }
    spec
}

fn at_bounds(node: &Value) -> Vec<Value> {
    match node["type"].as_str() {
        Some("integer") => ["minimum", "maximum"].iter().map(|bound| node[bound].clone()).collect(),
        // Texts with a pattern are made from it; of all others any has the right form.
        Some("string") if node["pattern"].is_null() && node["enum"].is_null() && schema::rules(node).count() == 0 => {
            let longest = node["maxLength"].as_u64().unwrap_or(LONGEST).min(LONGEST);
            let shortest = node["minLength"].as_u64().unwrap_or(0);
            [shortest, longest].iter().map(|length| json!("a".repeat(*length as usize))).collect()
        }
        _ => Vec::new(),
    }
}

fn beyond(node: &Value) -> Vec<Value> {
    match node["type"].as_str() {
        Some("integer") => {
            let (least, most) = (node["minimum"].as_i64(), node["maximum"].as_i64());
            let past = [least.and_then(|least| least.checked_sub(1)), most.and_then(|most| most.checked_add(1))];
            let extreme = [i64::MIN, i64::MAX, i64::from(i32::MIN), i64::from(i32::MAX)];
            past.into_iter().flatten().chain(extreme).map(Value::from).chain([json!(u64::MAX), json!(1e300)]).collect()
        }
        Some("string") => {
            let longest = node["maxLength"].as_u64().unwrap_or(LONGEST).min(LONGEST);
            vec![json!("a".repeat(longest as usize + 1)), json!("ä".repeat(longest as usize + 1))]
        }
        Some("array") => {
            let most = node["maxItems"].as_u64().unwrap_or(MOST).min(MOST) as usize;
            let item = values::made(schema::item(node), &[], Extent::Everything, 0);
            vec![json!(vec![item; most + 1])]
        }
        _ => Vec::new(),
    }
}

fn of_other_types(node: &Value) -> Vec<Value> {
    let all = [json!(true), json!(7), json!(0.5), json!("text"), json!([[]]), json!({"": {}})];
    let is_own = |value: &Value| match node["type"].as_str() {
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64(),
        Some("string") => value.is_string(),
        Some("array") => value.is_array(),
        _ => value.is_object(),
    };
    all.into_iter().filter(|value| !is_own(value)).collect()
}

fn unusual(node: &Value, text: &str) -> Option<Value> {
    match node["type"].as_str() {
        Some("string") => Some(json!(text)),
        Some("array") => unusual(schema::item(node), text).map(|item| json!([item])),
        Some("object") if node["properties"].is_null() => Some(json!({ text: text })),
        _ => None,
    }
}

/// The fields of a kind that are no references.
pub fn fields<'a>(subject: &Subject<'a>) -> Vec<Field<'a>> {
    schema::fields(subject.block).into_iter().filter(|field| !field.is_reference()).collect()
}
