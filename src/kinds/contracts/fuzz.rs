//! Random specs go through reading, validation and `diff`: nothing panics, what reads as declared has no
//! difference, a change names its field, and what no type can hold is refused.

use super::fields::{self, Subject};
use super::wild::{self, Move, Walk};
use super::{Row, rows, schema, values};
use crate::api::resource::Change;
use crate::kinds::{Kind, KindName};
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// Another seed than the usual one, to be tried for a longer time: `CCAGI_FUZZ_SEED=7 CCAGI_FUZZ_CASES=100000`.
const SEED: &str = "CCAGI_FUZZ_SEED";

/// How many walks, where it is not the usual number.
const CASES: &str = "CCAGI_FUZZ_CASES";

fn setting<T: std::str::FromStr>(name: &str, otherwise: T) -> T {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

/// Takes random walks through the specs of all kinds, and fails with the smallest that is wrong. The seed
/// is printed.
fn every<S: Strategy<Value = Walk>>(walks: impl Fn(usize) -> S, check: impl Fn(&Row, &Walk) -> Result<(), String>) {
    let (rows, seed) = (rows(), setting(SEED, 5));
    let config = ProptestConfig {
        cases: setting(CASES, 1_500),
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(seed),
        ..ProptestConfig::default()
    };
    println!("fuzz: {} cases, {SEED}={seed}", config.cases);
    let outcome = TestRunner::new(config).run(&walks(rows.len()), |walk| {
        let row = &rows[walk.row];
        check(row, &walk).map_err(|problem| TestCaseError::fail(format!("{}: {problem}", row.kind.as_str())))
    });
    if let Err(error) = outcome {
        panic!("{SEED}={seed}: {error}");
    }
}

/// What is checked of the changes that show when the field at a path has another value.
type Check<'a> = &'a dyn Fn(&str, Vec<Change>) -> Result<(), String>;

/// Calls `check` with the differences between random valid specs of all kinds, each with the kind and the
/// path of the field that was changed; there are none where nothing differs.
pub fn every_difference(check: impl Fn(KindName, &str, Vec<Change>) -> Result<(), String>) {
    every(
        wild::valid,
        |row, walk| with_kind!(row.spec.clone(), K, _spec => through_valid::<K>(row, walk, &|path, changes| check(row.kind, path, changes))),
    );
}

fn through_valid<K: Kind>(row: &Row, walk: &Walk, check: Check<'_>) -> Result<(), String> {
    let subject = row.subject();
    let (fields, mut spec) = (wild::fields(&subject), walk.base(row));
    let paths: Vec<String> = fields.iter().map(schema::Field::path).collect();
    for step in &walk.steps {
        let field = step.field(&fields);
        let Some(next) = step.taken(&spec, field).filter(is_valid::<K>) else { continue };
        fields::settled::<K>(&subject, &next)?;
        let (before, after) = (fields::read::<K>(&spec)?, fields::read::<K>(&next)?);
        let changes = K::diff(&after, &fields::observed::<K>(&subject, before));
        // A block that the field is in may have been left out before.
        if values::at(&spec, &field.way).is_some() {
            fields::judge::<K>(&field.path(), &changes, &paths)?;
        }
        check(&field.path(), changes)?;
        check(&field.path(), K::diff(&after, &fields::observed::<K>(&subject, after.clone())))?;
        spec = next;
    }
    Ok(())
}

fn is_valid<K: Kind>(spec: &Value) -> bool {
    values::has_unique_names(spec, K::NAMED_LISTS)
        && fields::read::<K>(spec).is_ok_and(|spec| K::validate(&spec).is_ok())
}

/// What can be read is compared without a panic and with itself without a difference, whatever it is; a
/// refusal names a field of the schema.
fn through_nearly_valid<K: Kind>(row: &Row, walk: &Walk) -> Result<(), String> {
    let subject = row.subject();
    let (fields, mut spec) = (wild::fields(&subject), walk.base(row));
    for step in &walk.steps {
        let field = step.field(&fields);
        let Some(next) = step.taken(&spec, field) else { continue };
        let Ok(after) = fields::read::<K>(&next) else { continue };
        // What is not listed may be a text to the kind: the API server refuses it.
        if matches!(step.what, Move::WrongType) {
            return Err(format!("{} was read from {:?}", field.path(), values::at(&next, &field.way)));
        }
        if let Err(refusal) = K::validate(&after) {
            names_a_field(&subject, refusal.path)?;
        }
        if values::has_unique_names(&next, K::NAMED_LISTS) {
            fields::settled::<K>(&subject, &next)?;
        }
        K::diff(&after, &fields::observed::<K>(&subject, fields::read::<K>(&spec)?));
        K::diff(&fields::read::<K>(&spec)?, &fields::observed::<K>(&subject, after));
        spec = next;
    }
    Ok(())
}

fn names_a_field(subject: &Subject<'_>, path: &str) -> Result<(), String> {
    let first = path.split('.').next().unwrap_or_default();
    let known = schema::fields(subject.block).iter().any(|field| field.way[0] == first);
    if known { Ok(()) } else { Err(format!("validate() refuses {path:?}, which is no field of the schema")) }
}

#[test]
fn whatever_may_be_written_reads_as_declared_and_its_changes_name_their_fields() {
    let seen = RefCell::new(BTreeMap::new());
    every_difference(|kind, path, changes| {
        if !changes.is_empty() {
            seen.borrow_mut().entry(kind.as_str()).or_insert_with(BTreeSet::new).insert(path.to_owned());
        }
        Ok(())
    });
    let fields: BTreeMap<&str, usize> = seen.take().iter().map(|(kind, paths)| (*kind, paths.len())).collect();
    println!("fuzz: fields whose changes were seen: {fields:?}");
    assert_eq!(fields.len(), KindName::ALL.len(), "no change of some kind was seen");
}

#[test]
fn what_is_nearly_valid_is_refused_by_its_field_or_compared_without_a_panic() {
    every(
        wild::nearly_valid,
        |row, walk| with_kind!(row.spec.clone(), K, _spec => through_nearly_valid::<K>(row, walk)),
    );
}

#[test]
fn a_required_field_that_is_missing_is_named() {
    for row in &rows() {
        let subject = row.subject();
        let required = row.block["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        for name in required {
            let less = values::without(&subject.examples[0], &[name.to_owned()]).expect("the example has it");
            let refusal = with_kind!(row.spec.clone(), K, _spec => fields::read::<K>(&less).err());
            let refusal = refusal.unwrap_or_else(|| panic!("{}: read without {name}", row.kind.as_str()));
            assert!(refusal.contains(&format!("missing field `{name}`")), "{}: {refusal}", row.kind.as_str());
        }
    }
}
