//! Policy documents of AWS: compared by what they say, not by how they are written.
//!
//! What IAM reads alike is in [`canonical`], each rule with the page that says so. There is no library for
//! it: those for Rust decide what a policy permits, and do not tell whether two say the same.

mod canonical;

pub(super) use canonical::{account_of_root, single};

use crate::kinds::{Invalid, json};
use kube::core::Rule;
use serde_json::{Map, Value};

/// What the API server can see of a document: the rule of the field `name`.
pub(super) fn is_object(name: &str) -> Rule {
    Rule::new("self.trim().startsWith('{') && self.trim().endsWith('}')")
        .message(format!("{name} must be a JSON object, which stands in braces").as_str())
}

/// Checks that `text`, the value of the field at `path`, is a JSON object in which nothing is said twice;
/// what it says is AWS's to judge.
pub(super) fn validate(path: &'static str, text: &str) -> Result<(), Invalid> {
    let refused = |message: String| Invalid { path, message };
    match json::parse(text) {
        Ok(Value::Object(members)) => said_once(&members).map_err(refused),
        Ok(_) => Err(refused("it must be a JSON object".into())),
        Err(unclear) => Err(refused(unclear.to_string())),
    }
}

/// Condition operators and keys that differ in case alone are the same to IAM, which then has two values for one.
fn said_once(document: &Map<String, Value>) -> Result<(), String> {
    let statements = document.get("Statement").map(list).unwrap_or_default();
    for (index, statement) in statements.iter().enumerate() {
        let Some(operators) = statement.get("Condition").and_then(Value::as_object) else { continue };
        let place = format!("Statement[{index}].Condition");
        alike(&place, operators)?;
        for (operator, keys) in operators {
            alike(&format!("{place}.{operator}"), keys.as_object().unwrap_or(&Map::new()))?;
        }
    }
    Ok(())
}

fn alike(place: &str, members: &Map<String, Value>) -> Result<(), String> {
    let mut seen: Vec<(String, &String)> = Vec::new();
    for name in members.keys() {
        let folded = name.to_lowercase();
        if let Some((_, other)) = seen.iter().find(|(other, _)| *other == folded) {
            return Err(format!("{place} must have one of {other} and {name}: IAM ignores their case"));
        }
        seen.push((folded, name));
    }
    Ok(())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice)
}

/// The document in one form for all documents that mean the same. What is no clear JSON stays as it is.
pub(super) fn comparable(text: &str) -> String {
    json::parse(text).map_or_else(|_| text.to_owned(), |document| canonical::canonical(document).to_string())
}

/// The document as it is sent: IAM refuses one that begins with blanks (its words are "JSON strings must not
/// have leading spaces").
pub(super) fn sent(text: &str) -> &str {
    text.trim()
}

/// The document that IAM returns percent-encoded (API reference, GetRolePolicy). What does not decode
/// to text stays as it is.
pub(super) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let encoded = if first == b'%' { after.first_chunk::<2>().and_then(byte) } else { None };
        match encoded {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

fn byte(digits: &[u8; 2]) -> Option<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    Some(digit(digits[0])? * 16 + digit(digits[1])?)
}

#[cfg(test)]
mod tests;
