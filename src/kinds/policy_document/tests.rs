use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

/// A document with one statement that has these members beside an effect, an action and a resource.
fn with(members: &Value) -> String {
    let mut statement = json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::shop/*"});
    let members = members.as_object().unwrap().clone();
    statement.as_object_mut().unwrap().extend(members);
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

fn trusting(principals: Value) -> String {
    with(&json!({"Principal": {"AWS": principals}}))
}

fn on_condition(condition: Value) -> String {
    with(&json!({ "Condition": condition }))
}

#[track_caller]
fn alike(one: &str, other: &str) {
    assert_eq!(comparable(one), comparable(other), "{one}\n{other}");
}

#[track_caller]
fn different(one: &str, other: &str) {
    assert_ne!(comparable(one), comparable(other), "{one}\n{other}");
}

#[test]
fn layout_order_and_lists_of_one_mean_nothing() {
    let one = r#"{"Statement":[{"Action":["s3:Get","s3:Put","s3:Get"],"Effect":"Deny"}]}"#;
    let other = r#"{ "Statement": { "Effect": "Deny", "Action": ["s3:Put", "s3:Get"] } }"#;
    alike(one, other);
    alike(
        r#"{"Statement":[{"Effect":"Deny","Sid":"a"},{"Effect":"Allow"}]}"#,
        r#"{"Statement":[{"Effect":"Allow"},{"Effect":"Deny","Sid":"a"}]}"#,
    );
}

#[test]
fn booleans_and_numbers_of_conditions_are_texts() {
    let of = |value: Value| on_condition(json!({"Bool": {"aws:SecureTransport": value}}));
    alike(&of(json!(false)), &of(json!("false")));
    alike(&of(json!([false])), &of(json!("false")));
    different(&of(json!(false)), &of(json!("true")));
    let of = |value: Value| on_condition(json!({"NumericLessThanIfExists": {"s3:max-keys": value}}));
    alike(&of(json!(10)), &of(json!("10")));
    alike(&of(json!(10.0)), &of(json!(["10"])));
    alike(&of(json!([10, "20"])), &of(json!(["20.0", "10"])));
    different(&of(json!(10)), &of(json!("100")));
    let of = |value: Value| on_condition(json!({"StringEquals": {"aws:RequestTag/build": value}}));
    alike(&of(json!(10)), &of(json!("10")));
    different(&of(json!("10")), &of(json!("10.0")));
}

#[test]
fn an_address_without_a_length_is_one_address() {
    let of = |value: Value| on_condition(json!({"NotIpAddress": {"aws:SourceIp": value}}));
    alike(&of(json!("192.0.2.1")), &of(json!(["192.0.2.1/32"])));
    alike(&of(json!("2001:db8::1")), &of(json!("2001:db8::1/128")));
    different(&of(json!("192.0.2.1")), &of(json!("192.0.2.0/24")));
}

#[test]
fn an_account_and_its_root_are_one_principal() {
    let by_id = trusting(json!(["111122223333"]));
    alike(&by_id, &trusting(json!("arn:aws:iam::111122223333:root")));
    alike(&by_id, &trusting(json!(["arn:aws-eusc:iam::111122223333:root"])));
    different(&by_id, &trusting(json!("arn:aws:iam::111122223333:user/root")));
    different(&by_id, &trusting(json!("444455556666")));
    let except = |who: &str| with(&json!({"NotPrincipal": {"AWS": who}}));
    alike(&except("111122223333"), &except("arn:aws:iam::111122223333:root"));
}

#[test]
fn what_aws_shows_for_a_principal_that_was_deleted_is_a_difference() {
    let role = trusting(json!("arn:aws:iam::111122223333:role/shop"));
    different(&role, &trusting(json!("AROAIIIIIIIIIIIIIIIII")));
    different(&trusting(json!(["111122223333", "AIDAIIIIIIIIIIIIIIIII"])), &trusting(json!("111122223333")));
}

#[test]
fn everybody_is_everybody_in_either_form() {
    alike(&with(&json!({"Principal": "*"})), &trusting(json!(["*"])));
    different(&with(&json!({"Principal": "*"})), &with(&json!({"Principal": {"Service": "*"}})));
    different(&with(&json!({"NotPrincipal": "*"})), &with(&json!({"Principal": "*"})));
}

#[test]
fn a_root_user_outside_a_principal_is_a_text_like_any_other() {
    let on = |resource: &str| with(&json!({ "Resource": resource }));
    different(&on("111122223333"), &on("arn:aws:iam::111122223333:root"));
}

#[test]
fn case_is_ignored_where_iam_ignores_it_and_nowhere_else() {
    let doing = |action: &str| with(&json!({ "Action": action }));
    alike(&doing("S3:getobject"), &doing("s3:GetObject"));
    let of = |operator: &str, key: &str, value: &str| on_condition(json!({operator: {key: value}}));
    let plain = of("StringEquals", "aws:PrincipalTag/Team", "Shop");
    alike(&plain, &of("stringequals", "AWS:principaltag/team", "Shop"));
    different(&plain, &of("StringEquals", "aws:PrincipalTag/Team", "shop"));
    different(&plain, &of("StringLike", "aws:PrincipalTag/Team", "Shop"));
    different(&plain, &of("ForAnyValue:StringEquals", "aws:PrincipalTag/Team", "Shop"));
    different(&with(&json!({"Effect": "Allow"})), &with(&json!({"Effect": "allow"})));
    different(&with(&json!({"Resource": "arn:aws:s3:::shop/A"})), &with(&json!({"Resource": "arn:aws:s3:::shop/a"})));
    different(&with(&json!({"Sid": "A"})), &with(&json!({"Sid": "a"})));
}

#[test]
fn empty_names_and_conditions_are_none_and_a_version_that_is_left_out_is_the_first() {
    alike(&with(&json!({"Sid": "", "Condition": {}})), &with(&json!({})));
    let of = |version: &str| format!(r#"{{{version}"Id":"","Statement":{{"Resource":"${{aws:username}}"}}}}"#);
    alike(&of(""), &of(r#""Version":"2008-10-17","#));
    different(&of(""), &of(r#""Version":"2012-10-17","#));
}

#[test]
fn documents_are_read_as_they_were_written() {
    assert_eq!(decoded("%7B%22a%22%3A%20%22b%2B%c3%a4%22%7D"), r#"{"a": "b+ä"}"#);
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

#[test]
fn what_is_said_twice_is_refused_with_its_place() {
    let twice = |text: &str| validate("policy", text).unwrap_err().message;
    let effects = twice(r#"{"Statement": [{"Effect": "Deny", "Effect": "Allow"}]}"#);
    assert!(effects.contains("Statement[0].Effect must be there once"), "{effects}");
    let keys = twice(&on_condition(json!({"StringEquals": {"aws:SourceVpc": "a", "AWS:sourcevpc": "b"}})));
    assert!(keys.contains("Statement[0].Condition.StringEquals must have one of"), "{keys}");
    let operators = twice(&on_condition(json!({"StringEquals": {"a": "a"}, "stringEquals": {"a": "b"}})));
    assert!(operators.contains("Statement[0].Condition must have one of"), "{operators}");
    let unclear = r#"{"Statement": [{"Effect": "Deny", "Effect": "Allow"}]}"#;
    assert_eq!(comparable(unclear), unclear, "it is like nothing but itself");
}

#[test]
fn blanks_around_a_document_are_not_sent() {
    assert_eq!(sent("\n  {\"a\": \" b\"}\n"), "{\"a\": \" b\"}");
}

/// A document that has something of everything.
fn documents() -> impl Strategy<Value = Value> {
    let words = || vec("[A-Za-z]{1,4}", 1..4);
    let statement = (words(), words(), vec("[0-9]{12}", 1..3), any::<(bool, i32, bool)>());
    let statement = statement.prop_map(|(actions, resources, accounts, (flag, number, deny))| {
        json!({
            "Effect": if deny { "Deny" } else { "Allow" },
            "Action": actions.iter().map(|name| format!("s3:{name}")).collect::<Vec<_>>(),
            "Resource": resources,
            "Principal": {"AWS": accounts},
            "Condition": {"Bool": {"aws:SecureTransport": flag}, "NumericEquals": {"s3:signatureAge": [number]}},
        })
    });
    vec(statement, 1..4).prop_map(|statements| json!({"Version": "2008-10-17", "Statement": statements}))
}

/// The same in other words: what `choices` says is done at each place where there is a choice.
fn in_other_words(value: Value, name: &str, choices: &mut impl Iterator<Item = bool>) -> Value {
    let mut yes = || choices.next().unwrap_or_default();
    match value {
        Value::Array(mut items) => {
            if yes() {
                items.reverse();
            }
            if yes() {
                items.extend(items.first().cloned());
            }
            let inner = items.into_iter().map(|item| in_other_words(item, name, choices));
            single(inner.collect())
        }
        Value::Object(members) => {
            let mut said: Map<String, Value> = Map::new();
            for (member, value) in members {
                let shown = if name == "Condition" || member.contains(':') { swapped(&member) } else { member.clone() };
                said.insert(shown, in_other_words(value, &member, choices));
            }
            if said.contains_key("Effect") {
                said.insert("Sid".into(), "".into());
            } else {
                said.remove("Version");
            }
            Value::Object(said)
        }
        Value::Bool(_) | Value::Number(_) if yes() => value.to_string().into(),
        Value::String(text) if name == "AWS" && yes() => format!("arn:aws-us-gov:iam::{text}:root").into(),
        Value::String(text) if name == "Action" && yes() => swapped(&text).into(),
        other => other,
    }
}

fn swapped(text: &str) -> String {
    let other = |c: char| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
    text.chars().map(other).collect()
}

/// What makes another document of one, each at some place of its statement.
fn alterations(statement: &Value) -> Vec<Value> {
    let with = |name: &str, value: Value| {
        let mut other = statement.clone();
        other[name] = value;
        other
    };
    let effect = if statement["Effect"] == "Deny" { "Allow" } else { "Deny" };
    let flag = !statement["Condition"]["Bool"]["aws:SecureTransport"].as_bool().unwrap();
    vec![
        with("Effect", effect.into()),
        with("Action", "s3:Another".into()),
        with("Resource", "another".into()),
        with("Principal", json!({"AWS": "AROAIIIIIIIIIIIIIIIII"})),
        with("Condition", json!({})),
        with("Condition", json!({"Bool": {"aws:SecureTransport": flag}})),
        with("Sid", "name".into()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_document_in_other_words_is_the_same(document in documents(), choices in vec(any::<bool>(), 0..60)) {
        let other = in_other_words(document.clone(), "", &mut choices.into_iter());
        prop_assert_eq!(validate("policy", &other.to_string()), Ok(()));
        prop_assert_eq!(comparable(&document.to_string()), comparable(&other.to_string()));
        let once = comparable(&document.to_string());
        prop_assert_eq!(comparable(&once), once);
    }

    #[test]
    fn a_document_that_says_something_else_is_another(document in documents()) {
        for altered in alterations(&document["Statement"][0]) {
            let mut other = document.clone();
            other["Statement"][0] = altered;
            prop_assert_ne!(comparable(&document.to_string()), comparable(&other.to_string()));
        }
    }
}
