//! Policy documents of AWS: compared by what they say, not by how they are written.

use crate::kinds::Invalid;
use serde_json::Value;

/// Checks that `text`, the value of the field at `path`, is a JSON object; what it says is AWS's to judge.
pub(super) fn validate(path: &'static str, text: &str) -> Result<(), Invalid> {
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(_)) => Ok(()),
        Ok(_) => Err(Invalid { path, message: "it must be a JSON object".into() }),
        Err(error) => Err(Invalid { path, message: format!("it must be JSON: {error}") }),
    }
}

/// The document in one form for all documents that mean the same. What is no JSON stays as it is.
pub(super) fn comparable(text: &str) -> String {
    serde_json::from_str(text).map_or_else(|_| text.to_owned(), |document| canonical(document).to_string())
}

/// A policy document in one form: AWS takes a single value and a list of one for the same, and the
/// order of a list of strings has no meaning (IAM User Guide, "Grammar of the IAM JSON policy language").
fn canonical(document: Value) -> Value {
    match document {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.into_iter().map(canonical).collect();
            if items.iter().all(Value::is_string) {
                items.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
            }
            if items.len() == 1 { items.remove(0) } else { Value::Array(items) }
        }
        Value::Object(members) => Value::Object(members.into_iter().map(canonical_member).collect()),
        other => other,
    }
}

fn canonical_member((name, value): (String, Value)) -> (String, Value) {
    let value = match (name.as_str(), value) {
        ("Principal" | "NotPrincipal", Value::Object(members)) => Value::Object(
            members
                .into_iter()
                .map(|(type_, who)| if type_ == "AWS" { (type_, accounts(who)) } else { (type_, who) })
                .collect(),
        ),
        (_, value) => value,
    };
    (name, canonical(value))
}

/// Principals in which an account is named by its id: AWS shows it as the ARN of its root user, which
/// means the same (IAM User Guide, "AWS account principals").
fn accounts(principals: Value) -> Value {
    match principals {
        Value::Array(items) => Value::Array(items.into_iter().map(accounts).collect()),
        Value::String(principal) => {
            let account = account_of_root(&principal).map(str::to_owned);
            Value::String(account.unwrap_or(principal))
        }
        other => other,
    }
}

/// The account in `arn:aws:iam::111122223333:root`, in any partition.
fn account_of_root(principal: &str) -> Option<&str> {
    let (partition, rest) = principal.strip_prefix("arn:")?.split_once(":iam::")?;
    rest.strip_suffix(":root").filter(|account| !partition.contains(':') && !account.contains(':'))
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
mod tests {
    use super::*;

    #[test]
    fn layout_order_and_lists_of_one_mean_nothing() {
        let one = r#"{"Statement":[{"Action":["s3:Get","s3:Put"],"Effect":"Deny"}]}"#;
        let other = r#"{ "Statement": { "Effect": "Deny", "Action": ["s3:Put", "s3:Get"] } }"#;
        assert_eq!(comparable(one), comparable(other));
    }

    #[test]
    fn the_order_of_statements_is_kept() {
        let one = r#"{"Statement":[{"Effect":"Deny"},{"Effect":"Allow"}]}"#;
        let other = r#"{"Statement":[{"Effect":"Allow"},{"Effect":"Deny"}]}"#;
        assert_ne!(comparable(one), comparable(other));
    }

    #[test]
    fn an_account_and_its_root_are_one_principal() {
        let trusting = |principals: &str| format!(r#"{{"Statement":{{"Principal":{{"AWS":{principals}}}}}}}"#);
        let by_id = comparable(&trusting(r#"["111122223333"]"#));
        assert_eq!(by_id, comparable(&trusting(r#""arn:aws:iam::111122223333:root""#)));
        assert_eq!(by_id, comparable(&trusting(r#"["arn:aws-cn:iam::111122223333:root"]"#)));
        assert_ne!(by_id, comparable(&trusting(r#""arn:aws:iam::111122223333:user/root""#)));
        assert_ne!(by_id, comparable(&trusting(r#""444455556666""#)));
    }

    #[test]
    fn a_root_user_outside_a_principal_is_a_text_like_any_other() {
        let with = |resource: &str| format!(r#"{{"Statement":{{"Resource":"{resource}"}}}}"#);
        assert_ne!(comparable(&with("111122223333")), comparable(&with("arn:aws:iam::111122223333:root")));
    }

    #[test]
    fn documents_are_read_as_they_were_written() {
        assert_eq!(decoded("%7B%22a%22%3A%20%22b%2B%c3%A4%22%7D"), r#"{"a": "b+ä"}"#);
        assert_eq!(decoded(r#"{"a":"b+c"}"#), r#"{"a":"b+c"}"#);
        assert_eq!(decoded("100%"), "100%");
        assert_eq!(decoded("%zz%4"), "%zz%4");
        assert_eq!(decoded("%ff"), "%ff");
    }

    #[test]
    fn only_an_object_is_a_document() {
        assert!(validate("policy", r#"{"Version":"2012-10-17"}"#).is_ok());
        assert!(validate("policy", "[]").unwrap_err().message.contains("object"));
        assert_eq!(validate("policy", "{oops").unwrap_err().path, "policy");
    }
}
