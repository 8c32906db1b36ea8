//! JSON that stands as text in a field of a spec, read so that it can mean one thing only.

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::{Map, Number, Value};
use std::fmt;

/// Below this, a floating-point number holds every integer exactly (IEEE 754, 53 bits).
const EXACT_BELOW: f64 = 9_007_199_254_740_992.0;

/// A text that is no JSON, or that two readers could understand in two ways.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unclear(String);

impl From<serde_json::Error> for Unclear {
    fn from(error: serde_json::Error) -> Self {
        match error.classify() {
            Category::Data => Self(error.to_string()),
            _ => Self(format!("it must be JSON: {error}")),
        }
    }
}

/// Reads a JSON text. A name that stands twice in one object is refused: the RFC leaves open which of the
/// two counts (RFC 8259, section 4), and a reader that takes the last one can miss what AWS takes. So is
/// a number that cannot be held exactly.
pub(super) fn parse(text: &str) -> Result<Value, Unclear> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Strict(&Place::Document).deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// Where in the document a value stands, such as `Statement[0].Effect`.
enum Place<'a> {
    Document,
    Member(&'a Place<'a>, &'a str),
    Item(&'a Place<'a>, usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document => Ok(()),
            Self::Member(Self::Document, name) => f.write_str(name),
            Self::Member(holder, name) => write!(f, "{holder}.{name}"),
            Self::Item(list, index) => write!(f, "{list}[{index}]"),
        }
    }
}

/// Reads the value at a place.
struct Strict<'a>(&'a Place<'a>);

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).filter(|_| value.abs() < EXACT_BELOW);
        let inexact =
            || E::custom(format!("the number {} is too large to be read exactly; write it in quotes", self.0));
        number.map(Value::Number).ok_or_else(inexact)
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(Strict(&Place::Item(self.0, items.len())))? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = object.next_key::<String>()? {
            let place = Place::Member(self.0, &name);
            if members.contains_key(&name) {
                return Err(de::Error::custom(format!("{place} must be there once, and is there twice")));
            }
            let value = object.next_value_seed(Strict(&place))?;
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn refusal(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_name_that_stands_twice_is_refused_with_its_place() {
        for (text, place) in [
            (r#"{"a": 1, "a": 1}"#, "a must be there once"),
            (r#"{"Statement": [{}, {"Effect": "Allow", "Effect": "Deny"}]}"#, "Statement[1].Effect must be there once"),
            (r#"{"a": {"b": {"c": 1, "\u0063": 2}}}"#, "a.b.c must be there once"),
        ] {
            let told = refusal(text);
            assert!(told.contains(place) && told.contains("line 1 column"), "{told}");
        }
    }

    #[test]
    fn a_number_that_would_be_rounded_is_refused_with_its_place() {
        assert_eq!(parse("[18446744073709551615]").unwrap(), json!([u64::MAX]));
        assert!(refusal(r#"{"a": [1, 123456789012345678901]}"#).contains("a[1]"));
    }

    #[test]
    fn what_is_no_json_is_refused_as_such() {
        for text in ["", "{", "{oops}", "{} {}", "{'a': 1}", "[1,]", "\u{feff}{}", "NaN", r#""\ud800""#] {
            assert!(refusal(text).starts_with("it must be JSON"), "{text}");
        }
        assert!(refusal(&"[".repeat(100_000)).starts_with("it must be JSON"), "depth is bounded");
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map(".{0,4}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_json_says_once_is_read_as_it_is(value in any_json()) {
            prop_assert_eq!(parse(&value.to_string()).unwrap(), value);
        }
    }
}
