//! One form for all policy documents that IAM reads alike. Pages are those of the IAM User Guide.

use rust_decimal::Decimal;
use serde_json::{Map, Value};

/// The version of a document that names none ("IAM JSON policy elements: Version"). It is a difference from
/// 2012-10-17: variables such as `${aws:username}` are plain text in it.
const FIRST_VERSION: &str = "2008-10-17";

/// The document in one form. The order of its members has no meaning ("IAM JSON policy elements reference"),
/// nor has that of its statements: an explicit deny in any of them overrides every allow ("Policy evaluation
/// logic").
pub(super) fn canonical(document: Value) -> Value {
    let Value::Object(mut members) = document else { return set(document) };
    if let Some(statements) = members.remove("Statement") {
        members.insert("Statement".into(), set_of(items(statements).into_iter().map(statement).collect()));
        members.entry("Version").or_insert_with(|| FIRST_VERSION.into());
    }
    members.retain(|name, value| name != "Id" || *value != "");
    Value::Object(members.into_iter().map(|(name, value)| (name, set(value))).collect())
}

fn statement(statement: Value) -> Value {
    let Value::Object(members) = statement else { return statement };
    let members = members.into_iter().map(|(name, value)| {
        let value = match name.as_str() {
            "Action" | "NotAction" => set(each(value, lower_case)),
            "Principal" => set(principals(everybody(value))),
            "NotPrincipal" => set(principals(value)),
            "Condition" => conditions(value),
            _ => set(value),
        };
        (name, value)
    });
    // A name or condition that is empty is none: consoles write such names.
    let says_nothing = |name: &str, value: &Value| match name {
        "Sid" => value == "",
        "Condition" => value.as_object().is_some_and(Map::is_empty),
        _ => false,
    };
    Value::Object(members.filter(|(name, value)| !says_nothing(name, value)).collect())
}

/// Prefix and name of an action are case-insensitive ("IAM JSON policy elements: Action").
fn lower_case(action: Value) -> Value {
    match action {
        Value::String(action) => action.to_lowercase().into(),
        other => other,
    }
}

/// `"*"` and `{"AWS": "*"}` mean the same ("AWS JSON policy elements: Principal", "All principals").
fn everybody(principal: Value) -> Value {
    if principal == "*" { serde_json::json!({ "AWS": "*" }) } else { principal }
}

/// Principals in which an account is named by its id: AWS shows it as the ARN of its root user, which
/// means the same ("AWS account principals"). A unique id such as `AROA…` stays one: AWS shows it where the
/// user or role that was meant has been deleted, and one of the same name made anew is not let in ("IAM role
/// principals").
fn principals(value: Value) -> Value {
    let Value::Object(members) = value else { return value };
    let by_account = |principal: Value| match principal.as_str().and_then(account_of_root) {
        Some(account) => account.into(),
        None => principal,
    };
    let members = members.into_iter().map(|(type_, who)| match type_.as_str() {
        "AWS" => (type_, set(each(who, by_account))),
        _ => (type_, set(who)),
    });
    Value::Object(members.collect())
}

/// The account in `arn:aws:iam::111122223333:root`, in any partition.
pub(in crate::kinds) fn account_of_root(principal: &str) -> Option<&str> {
    let (partition, rest) = principal.strip_prefix("arn:")?.split_once(":iam::")?;
    rest.strip_suffix(":root").filter(|account| !partition.contains(':') && !account.contains(':'))
}

/// Names of condition keys are not case-sensitive, those of tags in them included ("IAM JSON policy elements:
/// Condition", "Controlling access to AWS resources using tags"); operators of IAM are told apart by more than
/// their case ("IAM JSON policy elements: Condition operators").
fn conditions(value: Value) -> Value {
    let Value::Object(operators) = value else { return set(value) };
    let operators = folded(operators).into_iter().map(|(operator, keys)| {
        let Value::Object(keys) = keys else { return (operator, set(keys)) };
        let operand = |value| set(each(value, |value| operand(&operator, value)));
        let keys = folded(keys).into_iter().map(|(key, values)| (key, operand(values))).collect();
        (operator, Value::Object(keys))
    });
    Value::Object(operators.collect())
}

/// The members with their names in lower case, unless two of them would become one.
fn folded(members: Map<String, Value>) -> Map<String, Value> {
    let folded: Map<_, _> = members.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect();
    if folded.len() == members.len() { folded } else { members }
}

/// A value that a condition compares with, as text: quotation marks are optional for numbers and Booleans
/// ("Grammar of the IAM JSON policy language"). Numbers are equal by value, and an address without a prefix
/// length is one of /32 or /128 ("IAM JSON policy elements: Condition operators").
fn operand(operator: &str, value: Value) -> Value {
    let text = match value {
        Value::String(text) => text,
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        other => return other,
    };
    let operator = operator.rsplit(':').next().unwrap_or_default();
    if operator.starts_with("numeric") {
        let number = text.parse::<Decimal>();
        return number.map_or(text, |number| number.normalize().to_string()).into();
    }
    let is_address = operator.starts_with("ipaddress") || operator.starts_with("notipaddress");
    match text.parse::<std::net::IpAddr>() {
        Ok(address) if is_address => format!("{text}/{}", if address.is_ipv4() { 32 } else { 128 }).into(),
        _ => text.into(),
    }
}

/// A list in one form: it is a set, and a list of one is the value itself ("Grammar of the IAM JSON policy
/// language").
fn set(value: Value) -> Value {
    match value {
        Value::Array(items) => set_of(items),
        other => other,
    }
}

fn set_of(mut items: Vec<Value>) -> Value {
    items.sort_by_cached_key(Value::to_string);
    items.dedup();
    single(Value::Array(items))
}

/// The one item of a list of one; every other value as it is.
pub(in crate::kinds) fn single(value: Value) -> Value {
    match value {
        Value::Array(mut items) if items.len() == 1 => items.remove(0),
        other => other,
    }
}

fn each(value: Value, change: impl Fn(Value) -> Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(change).collect(),
        other => change(other),
    }
}

fn items(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        other => vec![other],
    }
}
