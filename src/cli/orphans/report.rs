//! What is printed of a search for orphans.

use crate::api::moment;
use crate::aws::tags::{NAME, NAMESPACE, UID};
use crate::cli::table::{aligned, text};
use crate::lifecycle::orphans::compare::Orphan;
use crate::lifecycle::orphans::{Failure, Outlook};
use serde::Serialize;
use serde_json::{Value, json};

const HEADER: [&str; 8] = ["TYPE", "ID", "ACCOUNT", "REGION", "OBJECT", "UID", "SINCE", "WHY"];

/// What stands in a table where there is nothing to say.
const NOTHING: &str = "-";

/// One orphan, as it is printed in JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    kind: &'a str,
    #[serde(rename = "type")]
    type_: &'a str,
    id: &'a str,
    arn: &'a str,
    account: &'a str,
    account_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    reason: Value,
    message: &'a str,
}

impl<'a> Row<'a> {
    fn of(orphan: &'a Orphan) -> Self {
        let (seen, owned) = (&orphan.sighting, &orphan.sighting.owned);
        let tag = |key: &str| owned.tags.get(key).map(String::as_str).filter(|value| !value.is_empty());
        Self {
            kind: seen.kind.as_str(),
            type_: owned.type_,
            id: &owned.id,
            arn: &owned.arn,
            account: &seen.account,
            account_id: &seen.account_id,
            region: seen.region.as_deref(),
            namespace: tag(NAMESPACE),
            name: tag(NAME),
            uid: tag(UID),
            since: owned.since.map(moment),
            reason: json!(orphan.why),
            message: orphan.why.in_words(),
        }
    }

    fn cells(&self) -> [String; 8] {
        let or_nothing = |text: Option<&str>| text.unwrap_or(NOTHING).to_owned();
        let object = self.namespace.zip(self.name).map(|(namespace, name)| format!("{namespace}/{name}"));
        [
            self.type_.to_owned(),
            self.id.to_owned(),
            self.account.to_owned(),
            or_nothing(self.region),
            or_nothing(object.as_deref()),
            or_nothing(self.uid),
            or_nothing(self.since.as_deref()),
            self.message.to_owned(),
        ]
    }
}

/// The report for machines.
pub(super) fn json(outlook: &Outlook) -> Value {
    let orphans: Vec<Row<'_>> = outlook.orphans.iter().map(Row::of).collect();
    let failures: Vec<Value> = outlook.failures.iter().map(failure).collect();
    json!({"complete": failures.is_empty(), "orphans": orphans, "young": outlook.young, "failures": failures})
}

fn failure(failure: &Failure) -> Value {
    let mut value = json!({"account": failure.account, "message": failure.cause.to_string()});
    if let Some(region) = &failure.region {
        value["region"] = json!(region);
    }
    if let Some(kind) = failure.kind {
        value["kind"] = json!(kind);
    }
    value
}

/// The report for people.
pub(super) fn table(outlook: &Outlook) -> String {
    let mut lines = Vec::new();
    if !outlook.orphans.is_empty() {
        let rows = outlook.orphans.iter().map(|orphan| Row::of(orphan).cells());
        let rows: Vec<_> = std::iter::once(HEADER.map(str::to_owned)).chain(rows).collect();
        lines.extend(aligned(&rows));
    }
    lines.push(summary(outlook));
    text(&lines)
}

fn summary(outlook: &Outlook) -> String {
    let mut text = match (outlook.orphans.len(), outlook.failures.is_empty()) {
        (0, true) => "No orphans.".to_owned(),
        (0, false) => "No orphans in what could be looked at.".to_owned(),
        (1, _) => "1 orphan.".to_owned(),
        (count, _) => format!("{count} orphans."),
    };
    if outlook.young > 0 {
        text += &format!(" {} more without an object, too young to be judged.", outlook.young);
    }
    if !outlook.orphans.is_empty() {
        text += " Nothing was changed: delete what is not needed, take the ccagi: tags off what is kept on purpose, or take it over with an object of the same namespace and name and adoptionPolicy: adopt.";
    }
    text
}

/// What could not be looked at, a line each.
pub(super) fn failures(outlook: &Outlook) -> Vec<String> {
    let line = |failure: &Failure| {
        let what = match (failure.kind, &failure.region) {
            (Some(kind), Some(region)) => format!("not all of {} in {region}", kind.as_str()),
            (Some(kind), None) => format!("not all of {}", kind.as_str()),
            (None, _) => "nothing".to_owned(),
        };
        let next = failure.cause.next_step().map(|step| format!(". {step}")).unwrap_or_default();
        format!("{}: {what} could be looked at: {}{next}", failure.account, failure.cause)
    };
    outlook.failures.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::session::SessionError;
    use crate::aws::tags::Tags;
    use crate::kinds::KindName;
    use crate::kinds::owned::Owned;
    use crate::lifecycle::orphans::Cause;
    use crate::lifecycle::orphans::compare::{Sighting, Why};
    use k8s_openapi::jiff::Timestamp;

    fn outlook() -> Outlook {
        let tags = [(NAMESPACE, "shop"), (NAME, "web-role"), (UID, "u-1")];
        let owned = Owned {
            type_: "AWS::IAM::Role",
            id: "shop-web".into(),
            arn: "arn:aws:iam::111122223333:role/shop-web".into(),
            tags: tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into_iter().collect::<Tags>(),
            since: Timestamp::from_second(1_800_000_000).ok(),
            kept_by_default: false,
        };
        let sighting = Sighting {
            account: "shop".into(),
            account_id: "111122223333".into(),
            region: None,
            kind: KindName::IamRole,
            owned,
        };
        Outlook { orphans: vec![Orphan { sighting, why: Why::ObjectGone }], young: 2, ..Outlook::default() }
    }

    fn refused() -> Failure {
        let wrong = SessionError::WrongAccount { declared: "111122223333".into(), actual: "444455556666".into() };
        Failure { account: "shop".into(), region: None, kind: None, cause: Cause::NoSession(wrong) }
    }

    #[test]
    fn an_orphan_is_a_row_with_its_object_and_the_reason() {
        let text = table(&outlook());
        let row = text.lines().nth(1).unwrap();
        for word in ["AWS::IAM::Role", "shop-web", "shop/web-role", "u-1", "2027-01-15T08:00:00Z", "its object is gone"]
        {
            assert!(row.contains(word), "{word} is not in {row}");
        }
        assert!(text.contains("2 more without an object, too young"), "{text}");
    }

    #[test]
    fn what_is_not_known_is_left_out_of_the_json() {
        let value = json(&outlook());
        assert_eq!(value["orphans"][0]["reason"], "ObjectGone");
        assert_eq!(value["orphans"][0].get("region"), None);
        assert_eq!((value["complete"].as_bool(), value["young"].as_u64()), (Some(true), Some(2)));
    }

    #[test]
    fn what_could_not_be_looked_at_is_never_taken_for_none() {
        let outlook = Outlook { failures: vec![refused()], ..Outlook::default() };
        assert_eq!(table(&outlook), "No orphans in what could be looked at.");
        assert_eq!(json(&outlook)["complete"], false);
        assert!(failures(&outlook)[0].contains("444455556666"), "{:?}", failures(&outlook));
    }
}
