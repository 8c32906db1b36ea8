//! The contract of JSON documents: a field that takes one, by its description, refuses what can be understood
//! in two ways, and takes what IAM reads alike for the same.

use super::fields::{Subject, bases, observed, read};
use super::schema::Field;
use super::{schema, values};
use crate::kinds::Kind;
use serde_json::{Value, json};

/// What the description of a field says that takes a document.
const DOCUMENT: &str = "JSON document";

/// Texts that two readers could understand in two ways.
const UNCLEAR: &[&str] = &[
    r#"{"Statement": [], "Statement": []}"#,
    r#"{"Statement": [{"Effect": "Deny", "Effect": "Allow"}]}"#,
    r#"{"Statement": {"Condition": {"Bool": {"aws:SecureTransport": "true", "aws:secureTransport": "false"}}}}"#,
    r#"{"Statement": {"Condition": {"NumericEquals": {"s3:max-keys": 123456789012345678901}}}}"#,
    "[]",
    "{} {}",
];

/// One meaning in many words: the first as users write it, the others as AWS may show it.
const ALIKE: &[&str] = &[
    r#"{"Statement": {"Effect": "Deny", "Principal": {"AWS": "111122223333"}, "Action": "s3:*", "Resource": ["a", "b"],
        "Condition": {"Bool": {"aws:SecureTransport": false}, "NumericLessThan": {"s3:TlsVersion": 1.2}}}}"#,
    r#"{"Version": "2008-10-17", "Statement": [{"Sid": "", "Effect": "Deny",
        "Principal": {"AWS": ["arn:aws:iam::111122223333:root"]}, "Action": ["s3:*"], "Resource": ["b", "a"],
        "Condition": {"NumericLessThan": {"s3:TlsVersion": "1.2"}, "Bool": {"aws:SecureTransport": ["false"]}}}]}"#,
    r#"{"Version": "2008-10-17", "Statement": [{"Effect": "Deny", "Principal": {"AWS": "111122223333"},
        "Action": "S3:*", "Resource": ["a", "b", "a"],
        "Condition": {"bool": {"AWS:SECURETRANSPORT": "false"}, "numericLessThan": {"s3:tlsversion": ["1.20"]}}}]}"#,
];

/// What AWS shows of the first of [`ALIKE`] once somebody has changed it, or the principal is gone.
const OTHER: &[&str] = &[
    r#"{"Statement": {"Effect": "Deny", "Principal": {"AWS": "AROAIIIIIIIIIIIIIIIII"}, "Action": "s3:*", "Resource": ["a", "b"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}, "NumericLessThan": {"s3:TlsVersion": "1.2"}}}}"#,
    r#"{"Statement": {"Effect": "Deny", "Principal": {"AWS": "111122223333"}, "Action": "s3:*", "Resource": ["a", "b"],
        "Condition": {"Bool": {"aws:SecureTransport": "true"}, "NumericLessThan": {"s3:TlsVersion": "1.2"}}}}"#,
    r#"{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Principal": {"AWS": "111122223333"}, "Action": "s3:*",
        "Resource": ["a", "b"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}, "NumericLessThan": {"s3:TlsVersion": "1.2"}}}}"#,
];

/// The fields that take a document.
pub fn fields<'a>(subject: &Subject<'a>) -> Vec<Field<'a>> {
    let takes = |field: &Field<'_>| field.schema()["description"].as_str().is_some_and(|text| text.contains(DOCUMENT));
    schema::fields(subject.block).into_iter().filter(takes).collect()
}

/// What is wrong with how the kind reads its documents.
pub fn problems<K: Kind>(subject: &Subject<'_>) -> Vec<String> {
    fields(subject).iter().flat_map(|field| problems_of::<K>(subject, field)).collect()
}

fn problems_of<K: Kind>(subject: &Subject<'_>, field: &Field<'_>) -> Vec<String> {
    let (path, first) = (field.path(), &field.way[0]);
    let Some(base) = bases(subject.examples, field).into_iter().find(|base| takes::<K>(base, field)) else {
        return vec![format!("{path} takes no document in any example: write one")];
    };
    let with = |text: &str| read::<K>(&values::with(&base, &field.way, json!(text)).unwrap()).unwrap();
    let shown = |text: &str| observed::<K>(subject, with(text));
    let accepted = UNCLEAR.iter().filter(|text| {
        let refusal = K::validate(&with(text)).err();
        refusal.is_none_or(|refusal| refusal.path.split('.').next() != Some(first))
    });
    let accepted = accepted.map(|text| format!("{path} takes {text}: let policy_document::validate() refuse it"));
    let unlike = ALIKE.iter().flat_map(|wanted| ALIKE.iter().map(move |found| (wanted, found)));
    let unlike = unlike.filter(|(wanted, found)| !K::diff(&with(wanted), &shown(found)).is_empty());
    let unlike = unlike.map(|(wanted, found)| format!("{path}: {wanted} and {found} mean the same and differ"));
    let unseen = OTHER.iter().filter(|found| K::diff(&with(ALIKE[0]), &shown(found)).is_empty());
    let unseen = unseen.map(|found| format!("{path}: {found} is not seen"));
    accepted.chain(unlike).chain(unseen).collect()
}

/// Whether the spec is valid with a document in the field.
fn takes<K: Kind>(base: &Value, field: &Field<'_>) -> bool {
    let spec = values::with(base, &field.way, json!(ALIKE[0])).and_then(|spec| read::<K>(&spec).ok());
    spec.is_some_and(|spec| K::validate(&spec).is_ok())
}
