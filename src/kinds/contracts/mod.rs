//! Contracts that every row of the table of kinds keeps, a row that is added later included. Nothing
//! here names a kind: the tests walk the table, the schema that users see, and the examples.

mod costs;
mod documents;
mod fields;
pub(crate) mod fuzz;
mod schema;
mod text;
mod values;
mod wild;

use self::fields::Subject;
use self::schema::Field;
use self::values::Extent;
use crate::api::resource::{AwsResource, Effect};
use crate::aws::budget::limits::{Calls, LIMITS, Limit};
use crate::aws::error::{AwsError, ErrorClass};
use crate::kinds::{Kind, KindName, KindSpec, Reference};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// A kind as the contracts see it, whatever it is.
struct Row {
    kind: KindName,
    /// One of its examples, which stands for its type.
    spec: KindSpec,
    block: Value,
    /// Its examples with plausible values in place of references.
    examples: Vec<Value>,
    outputs: Vec<String>,
}

impl Row {
    fn subject(&self) -> Subject<'_> {
        Subject { block: &self.block, examples: &self.examples, outputs: &self.outputs }
    }
}

/// Runs a check that is generic over the kind on every row, and fails with all that it finds.
macro_rules! every_kind {
    ($K:ident, $row:ident => $check:expr) => {{
        let mut problems: Vec<String> = Vec::new();
        for $row in &rows() {
            let found: Vec<String> = with_kind!($row.spec.clone(), $K, _spec => $check);
            problems.extend(found.into_iter().map(|problem| format!("{}: {problem}", $row.kind.as_str())));
        }
        assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    }};
}

fn rows() -> Vec<Row> {
    let examples = examples(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples"));
    KindName::ALL.iter().map(|kind| row(*kind, &examples)).collect()
}

fn row(kind: KindName, examples: &[KindSpec]) -> Row {
    let block = schema::of(kind);
    let own: Vec<KindSpec> = examples.iter().filter(|spec| spec.name() == kind).cloned().collect();
    let Some(spec) = own.first().cloned() else {
        panic!("{} has no example: write one in examples/", kind.as_str());
    };
    let filled = |spec: KindSpec| with_kind!(spec, K, spec => filled(serde_json::to_value(spec).unwrap(), K::REFERENCES, &block));
    Row { kind, spec, examples: own.into_iter().map(filled).collect(), outputs: outputs(&block), block }
}

/// The kind blocks of all examples below a folder.
fn examples(folder: &Path) -> Vec<KindSpec> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(examples(&path));
        } else if path.extension().is_some_and(|ending| ending == "yaml") {
            let text = std::fs::read_to_string(&path).unwrap();
            let documents = serde_saphyr::from_multiple::<Value>(&text).unwrap().into_iter();
            for document in documents.filter(|document| document["kind"] == "AwsResource") {
                let object: AwsResource = serde_json::from_value(document).unwrap();
                found.push(object.spec.kind.the_one().expect("an example has one kind block"));
            }
        }
    }
    found
}

/// The spec with a value that the schema takes in the place of each reference.
fn filled(mut spec: Value, references: &[Reference], block: &Value) -> Value {
    for reference in references {
        let way: Vec<&str> = reference.from.split('.').collect();
        fill(&mut spec, block, &way, reference);
    }
    spec
}

fn fill(spec: &mut Value, node: &Value, way: &[&str], reference: &Reference) {
    if let Value::Array(items) = spec {
        return items.iter_mut().for_each(|item| fill(item, schema::item(node), way, reference));
    }
    let (Some((name, rest)), Some(members)) = (way.split_first(), spec.as_object_mut()) else { return };
    if !rest.is_empty() {
        return members
            .get_mut(*name)
            .into_iter()
            .for_each(|inner| fill(inner, &node["properties"][name], rest, reference));
    }
    if members.remove(*name).is_some() {
        let value = values::made(&node["properties"][reference.to], &[], Extent::Required, 0);
        members.insert(reference.to.to_owned(), value);
    }
}

/// The outputs that the kind's description names.
fn outputs(block: &Value) -> Vec<String> {
    let description = block["description"].as_str().unwrap_or_default();
    let list = description.split_once("Outputs:").map_or("", |(_, list)| list);
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn absence_is_said_only_by_codes_that_mean_it() {
    every_kind!(K, row => {
        let said = |code: Option<&str>| AwsError::within_answer("Describe", code, Some("not found"), None);
        // In the answer to a write the code may say that AWS does not show yet what was made a moment ago.
        let classes = [ErrorClass::NotFound, ErrorClass::Invalid, ErrorClass::Conflict];
        let means = |code: &str| classes.contains(&said(Some(code)).class) && said(Some(code)).says_absent(K::ABSENT);
        let wrong = K::ABSENT.iter().filter(|code| !means(code)).map(|code| format!("{code} does not mean absence"));
        let none = K::ABSENT.is_empty().then(|| format!("{} names no code", row.kind.as_str()));
        // A 404 without a code, and what aws-sdk-s3 fills in for it.
        let bare = [None, Some("NotFound"), Some("404")].into_iter().filter(|code| said(*code).says_absent(K::ABSENT));
        wrong.chain(none).chain(bare.map(|code| format!("{code:?} is taken for absence"))).collect()
    });
}

#[test]
fn what_reads_exactly_as_declared_has_no_difference() {
    every_kind!(K, row => {
        let problem = |example| fields::settled::<K>(&row.subject(), example).err();
        row.examples.iter().filter_map(problem).collect()
    });
}

#[test]
fn every_example_can_be_carried_out() {
    every_kind!(K, row => {
        let refusal = |example| {
            let spec = fields::read::<K>(example);
            spec.and_then(|spec| K::validate(&spec).map_err(|refusal| format!("an example is refused: {refusal}"))).err()
        };
        row.examples.iter().filter_map(refusal).collect()
    });
}

#[test]
fn a_kind_that_is_named_by_its_users_says_in_which_field() {
    every_kind!(K, row => {
        let problem = |example: &Value| {
            let id = K::id(&fields::read::<K>(example).ok()?);
            let named = K::NAME_FIELD.and_then(|field| example[field].as_str());
            (id.as_deref() != named).then(|| format!("id() gives {id:?}, and NAME_FIELD {named:?}: make NAME_FIELD the field that id() takes"))
        };
        row.examples.iter().filter_map(problem).collect()
    });
}

#[test]
fn every_field_that_is_changed_is_seen_or_refused_or_said_to_have_no_counterpart() {
    every_kind!(K, row => fields::problems::<K>(&row.subject()));
}

#[test]
fn every_field_is_seen_in_the_cost_or_declared_to_be_free() {
    every_kind!(K, row => costs::problems::<K>(&row.subject()));
}

#[test]
fn every_document_is_read_as_iam_reads_it_and_refused_where_that_is_not_one_thing() {
    every_kind!(K, row => documents::problems::<K>(&row.subject()));
    let taken: usize = rows().iter().map(|row| documents::fields(&row.subject()).len()).sum();
    assert!(taken >= 3, "policies of roles, in roles and of buckets, not {taken}");
}

#[test]
fn what_is_taken_out_of_a_named_item_is_seen_or_said_to_be_left_alone() {
    every_kind!(K, row => fields::kept::<K>(&row.subject()));
}

#[test]
fn every_reference_in_the_schema_is_in_the_kinds_table_and_has_a_field_beside_it() {
    every_kind!(K, row => {
        let fields = schema::fields(&row.block);
        let written: BTreeSet<String> = fields.iter().filter(|field| field.is_reference()).map(schema::Field::path).collect();
        let listed: BTreeSet<String> = K::REFERENCES.iter().map(|reference| reference.from.to_owned()).collect();
        let unlisted = written.difference(&listed).map(|path| format!("{path} is not in REFERENCES: add it"));
        let unwritten = listed.difference(&written).map(|path| format!("{path} is no OutputRef in the schema: take it out of REFERENCES"));
        let alone = K::REFERENCES.iter().filter_map(|reference| {
            let from = fields.iter().find(|field| field.path() == reference.from)?;
            let beside = reference.from.rsplit_once('.').map_or(reference.to.to_owned(), |(block, _)| format!("{block}.{}", reference.to));
            let to = fields.iter().find(|field| field.path() == beside);
            let alike = to.is_some_and(|to| to.schema()["type"] == "array") == (from.schema()["type"] == "array");
            (to.is_none() || !alike).then(|| format!("{beside} must be a field of the same shape beside {}", reference.from))
        });
        unlisted.chain(unwritten).chain(alone).collect()
    });
}

/// Whether the name of a field says that it gives the resource a role.
fn gives_a_role(field: &Field) -> bool {
    let path = field.path();
    let name = path.rsplit('.').next().unwrap_or_default().to_lowercase();
    field.schema()["type"] == "string"
        && (name.contains("rolearn") || name.contains("instanceprofile") || name.ends_with("role"))
}

#[test]
fn every_field_that_gives_a_role_is_held_to_the_guardrails() {
    every_kind!(K, row => {
        let fields = schema::fields(&row.block);
        let listed: BTreeSet<String> = K::ROLES.iter().map(|role| role.path.to_owned()).collect();
        let written: BTreeSet<String> = fields.iter().filter(|field| gives_a_role(field)).map(|field| field.path()).collect();
        let unlisted = written.difference(&listed).map(|path| format!("{path} gives a role and is not in ROLES: add it"));
        let unwritten = listed.difference(&written).map(|path| format!("{path} in ROLES is no such field in the schema: correct it"));
        let alone = K::ROLES.iter().filter(|role| K::REFERENCES.iter().all(|reference| reference.from != role.from));
        let alone = alone.map(|role| format!("{} in ROLES is not in REFERENCES: correct it", role.from));
        let passes = (K::ROLES.is_empty() || K::IAM_ACTIONS.contains(&"iam:PassRole")).then_some(());
        let cannot = passes.is_none().then(|| "who gives roles needs iam:PassRole: add it to IAM_ACTIONS".to_owned());
        unlisted.chain(unwritten).chain(alone).chain(cannot).collect()
    });
}

#[test]
fn every_kind_that_writes_to_roles_or_policies_of_iam_grants_access() {
    every_kind!(K, row => {
        let grants = |action: &&&str| ["iam:Create", "iam:Put", "iam:Attach", "iam:UpdateAssume"].iter().any(|verb| action.starts_with(verb));
        let found = K::IAM_ACTIONS.iter().find(grants).filter(|_| !K::GRANTS_ACCESS);
        found.map(|action| format!("it calls {action}: set GRANTS_ACCESS")).into_iter().collect()
    });
}

#[test]
fn every_kind_says_what_it_gives_out_and_every_output_that_is_asked_for_is_given_by_one() {
    let given: BTreeSet<String> = rows().iter().flat_map(|row| row.outputs.clone()).collect();
    every_kind!(K, row => {
        let silent = row.outputs.is_empty().then(|| "the description of the spec must name its outputs after \"Outputs:\", in backticks".to_owned());
        let asked = K::REFERENCES.iter().filter(|reference| !given.contains(reference.output));
        let unknown = asked.map(|reference| format!("{} takes the output {}, which no kind names: correct it", reference.from, reference.output));
        silent.into_iter().chain(unknown).collect()
    });
}

/// Actions that EC2 takes on the caller's behalf when it makes or deletes flow logs: nobody calls them.
const NOT_CALLED: &[&str] = &["logs:CreateLogDelivery", "logs:DeleteLogDelivery"];

/// What IAM calls the service that the SDK calls so.
fn in_iam(service: &str) -> String {
    service.rsplit(' ').next().unwrap_or_default().to_lowercase()
}

#[test]
fn a_call_has_a_limit_where_aws_documents_those_of_its_service_and_no_limit_is_of_another() {
    let limited: BTreeSet<&str> = LIMITS.iter().map(|limit| limit.service).collect();
    let mut called: BTreeSet<&str> = BTreeSet::new();
    every_kind!(K, row => {
        called.extend(K::IAM_ACTIONS);
        let actions = K::IAM_ACTIONS.iter().filter(|action| !NOT_CALLED.contains(action));
        let calls = actions.filter_map(|action| action.split_once(':'));
        let of_limited = calls.filter_map(|(service, operation)| {
            limited.iter().find(|limited| in_iam(limited) == service).map(|service| (*service, operation))
        });
        let unlimited = of_limited.filter(|(service, operation)| Limit::on(service, operation).is_none());
        unlimited.map(|(service, operation)| format!("{service} {operation} has no row in LIMITS: add AWS's figures")).collect()
    });
    for limit in LIMITS {
        if let Calls::Of(operation) = limit.calls {
            assert!(called.contains(format!("{}:{operation}", in_iam(limit.service)).as_str()), "{limit:?}");
        }
    }
}

#[test]
fn iam_actions_are_in_order_and_each_is_one_once() {
    every_kind!(K, row => {
        let word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric());
        let well_formed = |action: &str| {
            action.split_once(':').is_some_and(|(service, name)| word(service) && word(name) && name.starts_with(|c: char| c.is_ascii_uppercase()))
        };
        let odd = K::IAM_ACTIONS.iter().filter(|action| !well_formed(action)).map(|action| format!("{action} in IAM_ACTIONS must be service:Action"));
        let unordered = K::IAM_ACTIONS.windows(2).filter(|pair| pair[0] >= pair[1]).map(|pair| {
            format!("{} and {} in IAM_ACTIONS must be in order and differ", pair[0], pair[1])
        });
        let listing = K::LISTING_ACTIONS.iter().filter(|action| !well_formed(action) || K::IAM_ACTIONS.contains(action)).map(|action| {
            format!("{action} in LISTING_ACTIONS must be service:Action and not in IAM_ACTIONS")
        });
        let none = K::IAM_ACTIONS.is_empty().then(|| "IAM_ACTIONS must name what the kind's calls need".to_owned());
        odd.chain(unordered).chain(listing).chain(none).collect()
    });
}

#[test]
fn every_named_list_exists_and_its_items_have_names() {
    every_kind!(K, row => {
        let fields = schema::fields(&row.block);
        let problem = |(list, member): &(&str, &str)| {
            let Some(field) = fields.iter().find(|field| field.path() == *list) else {
                return Some(format!("{list} in NAMED_LISTS is no list in the schema: correct it"));
            };
            let made = values::made(field.schema(), &[], Extent::Everything, 0);
            let specs = row.examples.iter().filter_map(|example| values::with(example, &field.way, made.clone()));
            let compared: Vec<Value> = specs.map(|spec| K::comparable(&fields::read::<K>(&spec).unwrap())).collect();
            let items: Vec<&Value> = compared.iter().filter_map(|spec| values::at(spec, &field.way)?.as_array()).flatten().collect();
            if items.is_empty() || !items.iter().all(|item| item[*member].is_string()) {
                return Some(format!("the items of {list} must have the member {member}, by NAMED_LISTS"));
            }
            let unique = schema::has_unique(field.schema(), member);
            (!unique).then(|| format!("the schema of {list} must refuse two items with the same {member}: make it a list map, or write a rule"))
        };
        K::NAMED_LISTS.iter().filter_map(problem).collect()
    });
}

// A server-side apply that empties a list which is merged item by item leaves no list behind, and what
// is absent is left alone. A list whose emptiness has no effect but a refusal is the exception.
#[test]
fn no_list_or_map_that_can_be_emptied_is_merged_item_by_item() {
    every_kind!(K, row => {
        let fields = schema::fields(&row.block);
        let merged = fields.iter().filter(|field| field.is_optional(field.way.len()) && field.is_merged());
        let lost = merged.filter(|field| !matches!(K::effect(&field.path()), Some(Effect::Replace)));
        lost.map(|field| format!("{} is emptied unseen under server-side apply: make it atomic", field.path())).collect()
    });
}

#[test]
fn everything_is_bounded_and_every_rule_says_what_must_be_done() {
    let mut problems = Vec::new();
    rows().iter().for_each(|row| schema::unbounded(row.kind.member(), &row.block, &mut problems));
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}
