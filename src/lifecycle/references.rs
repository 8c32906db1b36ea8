//! Replaces references to other objects' outputs by the values, in a spec written as JSON. Pure: who
//! has which output is asked of a function.

use crate::api::conditions::bounded;
use crate::api::names::not_a_name;
use crate::api::resource::OutputRef;
use crate::kinds::{Invalid, Reference};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The longest words on a value that does not fit, in characters.
const ERROR_LIMIT: usize = 256;

/// What is known of an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Its value.
    Known(String),
    /// There is none yet, in words.
    Awaited(String),
    /// There will be none unless somebody acts, in words.
    Impossible(String),
}

/// A spec in which the references are replaced as far as their values are known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filled {
    /// The spec.
    pub spec: Value,
    /// What must be known before anything is made, in words.
    pub awaited: Vec<String>,
    /// What is left out for now and follows later, in words.
    pub postponed: Vec<String>,
    /// What can never become known as things are, in words.
    pub impossible: Vec<String>,
}

/// A value that the field beside a reference cannot take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} cannot take what {reference} gives: {error}")]
pub struct Unfit {
    /// The path of the field, from the kind block down.
    pub field: String,
    /// The path of the reference and the objects that it names.
    pub reference: String,
    /// What is wrong with the value.
    pub error: String,
}

/// Says what is known of an output: of a reference, the name of an object, and the name of its output.
pub type Outputs<'a> = dyn Fn(&Reference, &str, &str) -> Output + 'a;

/// Reads `filled`, the spec `written` after [`fill`].
///
/// # Errors
/// [`Unfit`] where a value does not fit the field that it was put in. What was made without it could be
/// something else than was declared.
pub fn read<S: DeserializeOwned>(
    filled: &Value,
    written: &Value,
    table: &[Reference],
    output: &Outputs<'_>,
) -> Result<S, Unfit> {
    let error = match S::deserialize(filled) {
        Ok(spec) => return Ok(spec),
        Err(error) => error,
    };
    let alone = |reference: &Reference| {
        let with_this_one = fill(written.clone(), &[*reference], output).spec;
        S::deserialize(&with_this_one).err().map(|error| unfit(reference, written, &error))
    };
    let unknown = || Unfit { field: "a field".into(), reference: "a reference".into(), error: error.to_string() };
    Err(table.iter().find_map(alone).unwrap_or_else(unknown))
}

fn unfit(reference: &Reference, written: &Value, error: &serde_json::Error) -> Unfit {
    let objects: Vec<String> = names(written, &[*reference]).into_iter().map(|(name, _)| name).collect();
    let field = match reference.from.rsplit_once('.') {
        Some((block, _)) => format!("{block}.{}", reference.to),
        None => reference.to.to_owned(),
    };
    let reference = format!("{} (AwsResource {})", reference.from, objects.join(", "));
    Unfit { field, reference, error: bounded(&error.to_string(), ERROR_LIMIT) }
}

/// The names that a spec refers to, each with whether the value may come later.
pub fn names(spec: &Value, table: &[Reference]) -> Vec<(String, bool)> {
    let mut found = Vec::new();
    for reference in table {
        let mut copy = spec.clone();
        visit(&mut copy, &segments(reference), &mut |holder, member| {
            let targets = holder.get(member).map(targets).unwrap_or_default();
            found.extend(targets.into_iter().flatten().map(|target| (target.name, reference.later)));
            true
        });
    }
    found
}

/// The first reference whose name can be no object's, with what it must be. Such a one would be waited for
/// without end.
pub fn misnamed(spec: &Value, table: &[Reference]) -> Option<Invalid> {
    table.iter().find_map(|reference| {
        let mut problem = None;
        visit(&mut spec.clone(), &segments(reference), &mut |holder, member| {
            let targets = holder.get(member).map(targets).unwrap_or_default();
            problem = problem.take().or_else(|| targets.iter().flatten().find_map(|target| not_a_name(&target.name)));
            true
        });
        problem.map(|problem| Invalid { path: reference.from, message: format!("name {problem}") })
    })
}

/// Replaces every reference of `spec` that `table` lists by what `output` says of it. An item of a
/// list that refers to something which may come later, and is not known, is taken out whole: half
/// of a rule could mean something else.
pub fn fill(spec: Value, table: &[Reference], output: &Outputs<'_>) -> Filled {
    let mut filled = Filled { spec, ..Filled::default() };
    for reference in table {
        let mut spec = std::mem::take(&mut filled.spec);
        visit(&mut spec, &segments(reference), &mut |holder, member| {
            replace(holder, member, reference, output, &mut filled)
        });
        filled.spec = spec;
    }
    filled
}

fn segments(reference: &Reference) -> Vec<&'static str> {
    reference.from.split('.').collect()
}

/// Calls `act` on every object that stands at the end of the path, with the name of the path's last
/// member; items of lists for which it answers `false` are taken out.
fn visit(value: &mut Value, path: &[&str], act: &mut dyn FnMut(&mut Value, &str) -> bool) -> bool {
    let Some((first, rest)) = path.split_first() else { return true };
    match value {
        Value::Array(items) => {
            items.retain_mut(|item| visit(item, path, act));
            true
        }
        Value::Object(members) if rest.is_empty() => !members.contains_key(*first) || act(value, first),
        Value::Object(members) => members.get_mut(*first).is_none_or(|inner| visit(inner, rest, act)),
        _ => true,
    }
}

fn replace(holder: &mut Value, member: &str, reference: &Reference, output: &Outputs<'_>, filled: &mut Filled) -> bool {
    let Some(members) = holder.as_object_mut() else { return true };
    let Some(found) = members.remove(member) else { return true };
    let is_list = found.is_array();
    let mut values = Vec::new();
    for target in targets(&found) {
        let target = match target {
            Ok(target) => target,
            Err(error) => {
                filled.impossible.push(format!("The reference {} cannot be read: {error}.", reference.from));
                continue;
            }
        };
        match output(reference, &target.name, target.output.as_deref().unwrap_or(reference.output)) {
            Output::Known(value) => values.push(value),
            Output::Awaited(why) if reference.later => {
                filled.postponed.push(why);
                return false;
            }
            Output::Awaited(why) => filled.awaited.push(why),
            Output::Impossible(why) => filled.impossible.push(why),
        }
    }
    if is_list {
        // An output may itself be a list, separated by commas.
        let mut items = members.get(reference.to).and_then(Value::as_array).cloned().unwrap_or_default();
        let parts = values.iter().flat_map(|value| value.split(',')).filter(|part| !part.is_empty());
        items.extend(parts.map(Value::from));
        members.insert(reference.to.to_owned(), Value::Array(items));
    } else if let Some(value) = values.pop() {
        members.insert(reference.to.to_owned(), Value::String(value));
    }
    true
}

/// A reference, or a list of them.
fn targets(value: &Value) -> Vec<Result<OutputRef, serde_json::Error>> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().map(OutputRef::deserialize).collect(),
        one => vec![OutputRef::deserialize(one)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TABLE: &[Reference] = &[
        Reference { from: "roleRef", to: "roleArn", output: "arn", later: false },
        Reference { from: "vpc.subnetRefs", to: "subnetIds", output: "privateSubnetIds", later: false },
        Reference { from: "ingress.sourceGroupRef", to: "sourceGroupId", output: "groupId", later: true },
    ];

    fn known(_: &Reference, name: &str, output: &str) -> Output {
        match (name, output) {
            ("late", _) => Output::Awaited("late is not ready".into()),
            ("odd", _) => Output::Impossible("odd has no such output".into()),
            ("net", "privateSubnetIds") => Output::Known("subnet-1,subnet-2".into()),
            _ => Output::Known(format!("{name}/{output}")),
        }
    }

    #[test]
    fn a_reference_becomes_the_value_beside_it() {
        let filled = fill(json!({"roleRef": {"name": "r"}, "x": 1}), TABLE, &known);
        assert_eq!(filled.spec, json!({"roleArn": "r/arn", "x": 1}));
        let named = fill(json!({"roleRef": {"name": "r", "output": "id"}}), TABLE, &known);
        assert_eq!(named.spec, json!({"roleArn": "r/id"}));
    }

    #[test]
    fn references_in_a_list_add_their_values_to_the_list_beside_it() {
        let spec =
            json!({"vpc": {"subnetIds": ["subnet-0"], "subnetRefs": [{"name": "net"}, {"name": "n", "output": "o"}]}});
        let filled = fill(spec, TABLE, &known);
        assert_eq!(filled.spec["vpc"]["subnetIds"], json!(["subnet-0", "subnet-1", "subnet-2", "n/o"]));
    }

    #[test]
    fn what_is_not_known_is_awaited_or_impossible() {
        let filled = fill(json!({"roleRef": {"name": "late"}}), TABLE, &known);
        assert_eq!(filled.awaited, ["late is not ready"]);
        let filled = fill(json!({"roleRef": {"name": "odd"}}), TABLE, &known);
        assert_eq!(filled.impossible, ["odd has no such output"]);
    }

    #[test]
    fn an_item_whose_value_comes_later_is_left_out_whole() {
        let spec = json!({"ingress": [{"port": 1, "sourceGroupRef": {"name": "late"}}, {"port": 2, "sourceGroupRef": {"name": "g"}}, {"port": 3}]});
        let filled = fill(spec, TABLE, &known);
        assert_eq!(filled.spec["ingress"], json!([{"port": 2, "sourceGroupId": "g/groupId"}, {"port": 3}]));
        assert_eq!(filled.postponed, ["late is not ready"]);
    }

    #[test]
    fn a_reference_that_can_name_nothing_is_told_by_its_field() {
        let spec =
            |name: &str| json!({"ingress": [{"sourceGroupRef": {"name": "g"}}, {"sourceGroupRef": {"name": name}}]});
        let told = misnamed(&spec("ta/net"), TABLE).unwrap();
        assert_eq!(told.path, "ingress.sourceGroupRef");
        assert!(told.message.contains("\"ta/net\" must be lower-case letters"), "{told}");
        assert_eq!(misnamed(&spec("ta-net"), TABLE), None);
        let list = json!({"vpc": {"subnetRefs": [{"name": "net"}, {"name": "Net"}]}});
        assert_eq!(misnamed(&list, TABLE).unwrap().path, "vpc.subnetRefs");
    }

    #[test]
    fn names_lists_every_object_that_is_referred_to() {
        let spec = json!({"roleRef": {"name": "r"}, "ingress": [{"sourceGroupRef": {"name": "g"}}]});
        assert_eq!(names(&spec, TABLE), [("r".to_owned(), false), ("g".to_owned(), true)]);
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Spec {
        size: u32,
        role_arn: Option<String>,
        vpc: Option<Vpc>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Vpc {
        port: Option<u16>,
    }

    const TYPED: &[Reference] = &[
        Reference { from: "roleRef", to: "roleArn", output: "arn", later: false },
        Reference { from: "vpc.portRef", to: "port", output: "port", later: false },
    ];

    fn typed(written: Value) -> Result<Spec, Unfit> {
        read(&fill(written.clone(), TYPED, &known).spec, &written, TYPED, &known)
    }

    #[test]
    fn a_value_that_its_field_cannot_take_is_an_error_that_names_both() {
        let unfit =
            typed(json!({"size": 1, "roleRef": {"name": "r"}, "vpc": {"portRef": {"name": "db"}}})).unwrap_err();
        assert_eq!(unfit.field, "vpc.port");
        assert_eq!(unfit.reference, "vpc.portRef (AwsResource db)");
        let told = unfit.to_string();
        assert!(told.starts_with("vpc.port cannot take what vpc.portRef (AwsResource db) gives: "), "{told}");
        assert!(told.contains("db/port"), "the value is told: {told}");
    }

    #[test]
    fn a_value_that_fits_is_read() {
        let spec = typed(json!({"size": 1, "roleRef": {"name": "r"}, "vpc": {"port": 80}})).unwrap();
        assert_eq!(spec, Spec { size: 1, role_arn: Some("r/arn".into()), vpc: Some(Vpc { port: Some(80) }) });
    }

    #[test]
    fn a_reference_that_cannot_be_read_is_not_dropped() {
        let filled = fill(json!({"roleRef": {"nom": "r"}}), TABLE, &known);
        assert!(filled.impossible[0].starts_with("The reference roleRef cannot be read: "), "{:?}", filled.impossible);
    }
}
