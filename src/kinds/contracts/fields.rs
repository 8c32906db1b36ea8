//! The contract of fields: whatever can be written can be seen, or is refused, or is said to have no
//! counterpart in AWS.

use super::schema::{self, Field};
use super::values::{self, Extent};
use crate::api::resource::{Change, Effect, ResourceState};
use crate::aws::tags::Tags;
use crate::health::Assessment;
use crate::kinds::diff::without_item_names;
use crate::kinds::{Kind, Observed};
use serde_json::Value;

/// What the description of a field that has no effect has to contain.
const NOT_COMPARED: &str = "not compared";

/// What the description of a member of named items has to contain whose absence means nothing.
const LEFT_ALONE: &str = "What an item leaves out is left as it is";

/// A kind with what its contract is checked by.
pub struct Subject<'a> {
    /// The schema of its block.
    pub block: &'a Value,
    /// Its examples, without references.
    pub examples: &'a [Value],
    /// The names of its outputs.
    pub outputs: &'a [String],
}

/// What came of setting a field to other values.
#[derive(Default)]
struct Outcome {
    /// Whether a change was seen that has the effect that the kind declares.
    seen: bool,
    /// Why other values were refused.
    refusals: Vec<String>,
    /// How many other values were tried.
    tried: usize,
}

/// What is wrong with how the kind treats its fields.
pub fn problems<K: Kind>(subject: &Subject<'_>) -> Vec<String> {
    let fields = schema::fields(subject.block);
    let paths: Vec<String> = fields.iter().map(Field::path).collect();
    fields
        .iter()
        .filter(|field| !field.is_reference())
        .filter_map(|field| check::<K>(subject, field, &paths).err())
        .collect()
}

/// What of a named item can be taken out of the spec without being seen: the spec names such items
/// whole, so that what is taken out of one has to leave AWS.
pub fn kept<K: Kind>(subject: &Subject<'_>) -> Vec<String> {
    let mut problems = Vec::new();
    for field in schema::fields(subject.block).iter().filter(|field| !field.is_reference()) {
        for depth in 2..=field.way.len() {
            let (path, within) = (field.way[..depth].join("."), field.way[..depth - 1].join("."));
            let is_member = K::NAMED_LISTS.iter().any(|(list, _)| within.starts_with(list));
            let said = field.says(LEFT_ALONE);
            if is_member && field.is_optional(depth) && !said && !is_missed::<K>(subject, field, depth) {
                problems.push(format!(
                    "{path} can be taken out unseen: let comparable() write down its absence, or say in its \
                     description: {LEFT_ALONE}"
                ));
            }
        }
    }
    problems.dedup();
    problems
}

fn is_missed<K: Kind>(subject: &Subject<'_>, field: &Field, depth: usize) -> bool {
    bases(subject.examples, field).iter().any(|base| {
        let Some(less) = values::without(base, &field.way[..depth]) else { return false };
        let specs = read::<K>(base).ok().zip(read::<K>(&less).ok());
        specs.is_some_and(|(before, after)| !K::diff(&after, &observed::<K>(subject, before)).is_empty())
    })
}

fn check<K: Kind>(subject: &Subject<'_>, field: &Field, paths: &[String]) -> Result<(), String> {
    let path = field.path();
    let mut outcome = Outcome::default();
    for base in bases(subject.examples, field) {
        try_others::<K>(subject, field, &base, paths, &mut outcome)?;
    }
    let described = field.says(NOT_COMPARED);
    match K::effect(&path) {
        _ if outcome.seen => Ok(()),
        None if described => Ok(()),
        None => {
            Err(format!("{path} has no effect: say in its description that it is {NOT_COMPARED} with AWS, and why"))
        }
        Some(_) if field.is_guarded() => Ok(()),
        Some(_) if outcome.tried == 0 => Err(format!(
            "{path} cannot be checked, because no other value is valid ({:?}): set it in an example, or show a value \
             in its description with \"such as\"",
            outcome.refusals
        )),
        Some(_) => Err(format!(
            "a change of {path} is not seen: compare it, or let effect({path:?}) be None and say in its description that \
             it is {NOT_COMPARED}"
        )),
    }
}

/// Specs in which the field has a value: the examples that set it, and examples in which it, or a
/// block that it is in, is made from the schema.
pub fn bases(examples: &[Value], field: &Field) -> Vec<Value> {
    let mut bases = Vec::new();
    for example in examples {
        bases.extend(values::at(example, &field.way).map(|_| example.clone()));
        for depth in (1..=field.way.len()).rev() {
            for extent in [Extent::Required, Extent::Everything] {
                let made = values::made(field.node(depth), &field.way[depth..], extent, 0);
                bases.extend(values::with(example, &field.way[..depth], made));
            }
        }
    }
    bases
}

fn try_others<K: Kind>(
    subject: &Subject<'_>,
    field: &Field,
    base: &Value,
    paths: &[String],
    outcome: &mut Outcome,
) -> Result<(), String> {
    let path = field.path();
    let before = read::<K>(base)?;
    if !values::has_unique_names(base, K::NAMED_LISTS) {
        return Ok(());
    }
    if let Err(refusal) = K::validate(&before) {
        outcome.refusals.push(refusal.to_string());
        return Ok(());
    }
    settled::<K>(subject, base)?;
    let Some(present) = values::at(base, &field.way) else { return Ok(()) };
    for other in values::others(field.schema(), present) {
        let Some(changed) = values::with(base, &field.way, other) else { continue };
        if !values::has_unique_names(&changed, K::NAMED_LISTS) {
            continue;
        }
        let after = read::<K>(&changed)?;
        if let Err(refusal) = K::validate(&after) {
            outcome.refusals.push(refusal.to_string());
            continue;
        }
        settled::<K>(subject, &changed)?;
        outcome.tried += 1;
        let changes = K::diff(&after, &observed::<K>(subject, before.clone()));
        judge::<K>(&path, &changes, paths)?;
        outcome.seen |= changes.iter().any(|change| declared::<K>(change) == Some(change.effect));
    }
    Ok(())
}

/// Every change must name the field and be at least as grave as the kind declares.
pub fn judge<K: Kind>(path: &str, changes: &[Change], paths: &[String]) -> Result<(), String> {
    for change in changes {
        if !names(&without_item_names(&change.path), path, paths) {
            return Err(format!("a change of {path} shows as a change of {:?}: let it name the field", change.path));
        }
        let declared = declared::<K>(change);
        if declared.is_none_or(|declared| change.effect < declared) {
            return Err(format!(
                "a change of {path} shows as {:?} at {}, where effect() says {declared:?}: let them agree",
                change.effect, change.path
            ));
        }
    }
    Ok(())
}

fn declared<K: Kind>(change: &Change) -> Option<Effect> {
    K::effect(&without_item_names(&change.path))
}

/// Whether `change` names the field: itself, what it is in, what is in it, or a member of a block that
/// it is in which is no field but stands for some, such as a digest of several.
fn names(change: &str, field: &str, paths: &[String]) -> bool {
    let holds = |outer: &str, inner: &str| inner == outer || inner.starts_with(&format!("{outer}."));
    let stands_for = || {
        let block = change.rsplit_once('.').map(|(block, _)| block);
        block.is_some_and(|block| holds(block, field)) && !paths.iter().any(|path| path == change)
    };
    !change.is_empty() && (holds(change, field) || holds(field, change) || stands_for())
}

/// A spec and an observation that reads exactly as it must have no difference.
pub fn settled<K: Kind>(subject: &Subject<'_>, spec: &Value) -> Result<(), String> {
    let spec = read::<K>(spec)?;
    let changes = K::diff(&spec, &observed::<K>(subject, spec.clone()));
    if changes.is_empty() {
        return Ok(());
    }
    let spec = serde_json::to_string(&spec).unwrap();
    Err(format!(
        "what reads exactly as declared still differs, {changes:?}: make comparable() agree with itself; {spec}"
    ))
}

/// The spec as the kind reads it.
pub fn read<K: Kind>(spec: &Value) -> Result<K::Spec, String> {
    serde_json::from_value(spec.clone()).map_err(|error| format!("cannot read {spec}, which the schema takes: {error}"))
}

/// AWS as it is when `spec` has been carried out. Outputs that name something have the id.
pub fn observed<K: Kind>(subject: &Subject<'_>, spec: K::Spec) -> Observed<K::Spec> {
    let id = K::id(&spec).unwrap_or_else(|| "id-0123456789abcdef0".to_owned());
    Observed {
        arn: format!("arn:aws:service:us-east-1:111122223333:{id}"),
        state: ResourceState::Active,
        detail: None,
        health: Assessment::found(),
        spec,
        tags: Tags::new(),
        outputs: subject.outputs.iter().map(|output| (output.clone(), id.clone())).collect(),
    }
}
