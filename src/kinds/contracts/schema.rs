//! What the CRD says of a kind's block: its fields, the rules that speak of them, and their bounds.

use crate::api::crd;
use crate::kinds::KindName;
use serde_json::Value;
use std::sync::LazyLock;

/// A field of a kind's block that has a value of its own.
pub struct Field<'a> {
    /// The names on the way to it; lists are walked through.
    pub way: Vec<String>,
    /// The schemas on the way: of the block, and of each name in `way`.
    nodes: Vec<&'a Value>,
}

impl<'a> Field<'a> {
    /// The path as changes name it, with item names taken out.
    pub fn path(&self) -> String {
        self.way.join(".")
    }

    /// The schema of the member that `depth` names lead to.
    pub fn node(&self, depth: usize) -> &'a Value {
        self.nodes[depth]
    }

    /// The field's own schema.
    pub fn schema(&self) -> &'a Value {
        self.node(self.way.len())
    }

    /// Whether the field is an `OutputRef`, or a list of them.
    pub fn is_reference(&self) -> bool {
        is_reference(self.schema())
    }

    /// Whether the description of the field, or of what it is in below the kind's block, has these words.
    pub fn says(&self, words: &str) -> bool {
        let descriptions = self.nodes[1..].iter().filter_map(|node| node["description"].as_str());
        descriptions.into_iter().any(|text| text.split_whitespace().collect::<Vec<_>>().join(" ").contains(words))
    }

    /// Whether it is a list or map whose items server-side apply merges one by one.
    pub fn is_merged(&self) -> bool {
        let atomic =
            |node: &&Value| node["x-kubernetes-list-type"] == "atomic" || node["x-kubernetes-map-type"] == "atomic";
        let holds_items = self.schema()["type"] == "array" || self.schema()["type"] == "object";
        holds_items && !self.is_reference() && !self.nodes.iter().any(atomic)
    }

    /// Whether a transition rule of a block that the field is in speaks of it.
    pub fn is_guarded(&self) -> bool {
        self.way.iter().zip(&self.nodes).any(|(name, node)| {
            rules(node).chain(rules(item(node))).any(|rule| speaks_of(rule["rule"].as_str().unwrap_or_default(), name))
        })
    }

    /// Whether the member that `depth` names lead to can be left out and no rule says when it must be.
    pub fn is_optional(&self, depth: usize) -> bool {
        let (name, holder) = (&self.way[depth - 1], item(self.node(depth - 1)));
        let required = holder["required"].as_array().is_some_and(|names| names.iter().any(|one| one == name));
        let is_tied = |rule: &Value| {
            let rule = rule["rule"].as_str().unwrap_or_default();
            let tied = |part: &str| part.contains(&format!(".{name})"));
            let rule = rule.replace("!=", "==");
            rule.split("== has(").skip(1).filter_map(|rest| rest.split_inclusive(')').next()).any(tied)
                || rule.split(") ==").any(|part| part.ends_with(&format!(".{name}")))
        };
        !required && !self.nodes[..depth].iter().any(|node| rules(node).chain(rules(item(node))).any(is_tied))
    }
}

fn speaks_of(rule: &str, name: &str) -> bool {
    let member = format!("oldSelf.{name}");
    rule.split(&member).skip(1).any(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
}

/// The schema of the kind's block.
pub fn of(kind: KindName) -> Value {
    static DEFINITIONS: LazyLock<Value> = LazyLock::new(|| serde_json::to_value(crd::all()).unwrap());
    let resource = DEFINITIONS.as_array().unwrap().iter().find(|one| one["spec"]["names"]["kind"] == "AwsResource");
    let spec = &resource.unwrap()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    let block = spec["properties"][kind.member()].clone();
    assert!(block.is_object(), "{}: the table's member {} is not in the schema", kind.as_str(), kind.member());
    block
}

/// Every field of the block: what is neither a block nor a list is one, and so is a list as a whole.
pub fn fields(block: &Value) -> Vec<Field<'_>> {
    let mut found = Vec::new();
    walk(block, &mut vec![block], &mut Vec::new(), &mut found);
    found
}

fn walk<'a>(node: &'a Value, nodes: &mut Vec<&'a Value>, way: &mut Vec<String>, found: &mut Vec<Field<'a>>) {
    for (name, member) in item(node)["properties"].as_object().into_iter().flatten() {
        way.push(name.clone());
        nodes.push(member);
        let has_members = item(member)["properties"].is_object() && !is_reference(member);
        if !has_members || member["type"] == "array" {
            found.push(Field { way: way.clone(), nodes: nodes.clone() });
        }
        if has_members {
            walk(member, nodes, way, found);
        }
        nodes.pop();
        way.pop();
    }
}

/// The schema of a list's items; of anything else, itself.
pub fn item(node: &Value) -> &Value {
    if node["type"] == "array" { &node["items"] } else { node }
}

/// Whether the schema is that of an `OutputRef`, or of a list of them.
pub fn is_reference(node: &Value) -> bool {
    let members: Option<Vec<_>> = item(node)["properties"].as_object().map(|members| members.keys().collect());
    members.is_some_and(|members| members == ["name", "output"])
}

/// Whether the schema refuses two items of the list that have the same `member`. A map's names are
/// unique, and a member that no item has in the schema is made by the kind, from the whole item.
pub fn has_unique(list: &Value, member: &str) -> bool {
    list["type"] != "array"
        || item(list)["properties"][member].is_null()
        || list["x-kubernetes-list-map-keys"] == serde_json::json!([member])
        || rules(list).any(|rule| {
            rule["rule"].as_str().is_some_and(|rule| rule.contains(&format!("exists_one(other, other.{member} == ")))
        })
}

/// The CEL rules of a schema itself.
pub fn rules(node: &Value) -> impl Iterator<Item = &Value> {
    node["x-kubernetes-validations"].as_array().into_iter().flatten()
}

/// What the schema leaves open that it must not, each with its path and what to do.
pub fn unbounded(path: &str, node: &Value, problems: &mut Vec<String>) {
    let mut missing = |member: &str| {
        if node[member].is_null() {
            problems.push(format!("{path} has no {member}: give it one"));
        }
    };
    match node["type"].as_str() {
        Some("string") if node["enum"].is_null() && node["format"].is_null() => missing("maxLength"),
        Some("integer") => ["minimum", "maximum"].into_iter().for_each(missing),
        Some("array") => missing("maxItems"),
        Some("object") if node["properties"].is_null() => missing("maxProperties"),
        Some("string" | "boolean" | "object") => {}
        other => problems.push(format!("{path} has the type {other:?}: use a string, integer, boolean, list or block")),
    }
    problems.extend(rules(node).filter_map(|rule| unclear(path, rule)));
    for (name, member) in node["properties"].as_object().into_iter().flatten() {
        unbounded(&format!("{path}.{name}"), member, problems);
    }
    for (part, inner) in [("[]", &node["items"]), ("{}", &node["additionalProperties"])] {
        if inner.is_object() {
            unbounded(&format!("{path}{part}"), inner, problems);
        }
    }
}

/// What is wrong with the message of a rule: it must name a field of which the rule speaks and say
/// what it must be, and of what cannot change also what to do instead.
fn unclear(path: &str, rule: &Value) -> Option<String> {
    const MUST: &[&str] = &["must", "set ", "leave ", "immutable", "cannot"];
    const INSTEAD: &[&str] = &["declare", "create", "add ", "take ", "must be set", "first"];
    let (text, message) = (rule["rule"].as_str()?, rule["message"].as_str().unwrap_or_default());
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    let members = text.split('.').skip(1).map(|rest| rest.split(|c: char| !c.is_alphanumeric()).next());
    let own = path.rsplit('.').next().map(|name| name.trim_end_matches("[]"));
    let names = members.chain([own]).flatten().filter(|name| !name.is_empty());
    let problem = if !names.into_iter().any(|name| message.contains(name)) && !message.starts_with("a rule") {
        "names no field of which the rule speaks"
    } else if !says(MUST) {
        "does not say what must be"
    } else if text.contains("oldSelf") && !says(INSTEAD) {
        "does not say what to do instead"
    } else {
        return None;
    };
    Some(format!("{path}: the message of a rule {problem}: write more than {message:?} for {text}"))
}
