//! The statements of a function's resource-based policy.

use super::LambdaFunction;
use super::spec::Permission;
use crate::aws::error::{AwsError, Named, unless_absent};
use crate::aws::session::Aws;
use crate::kinds::policy_document::{account_of_root, single};
use crate::kinds::{Kind, json};
use serde_json::{Map, Value};

/// The statements of the policy, none where the function has no policy.
pub(super) async fn read(aws: &Aws, function: &str) -> Result<Vec<Permission>, AwsError> {
    const OPERATION: &str = "GetPolicy";
    let answer = aws.lambda().get_policy().function_name(function).send().await.named(OPERATION);
    let Some(answer) = unless_absent(answer, LambdaFunction::ABSENT)? else { return Ok(Vec::new()) };
    let document = answer.policy.ok_or_else(|| AwsError::malformed(OPERATION, "the answer has no policy"))?;
    parse(&document).ok_or_else(|| AwsError::malformed(OPERATION, "the policy is not one of IAM"))
}

fn parse(document: &str) -> Option<Vec<Permission>> {
    let policy = json::parse(document).ok()?;
    let statements = policy.get("Statement")?;
    let statements = statements.as_array().map_or(std::slice::from_ref(statements), Vec::as_slice);
    statements.iter().map(|statement| permission(statement.as_object()?)).collect()
}

/// The statement as its spec would have to read. What the spec has no words for is written as the JSON
/// that it is, so that it never passes for something simpler.
fn permission(statement: &Map<String, Value>) -> Option<Permission> {
    let allows = statement.get("Effect").and_then(Value::as_str) == Some("Allow");
    let action = statement.get("Action").map(text).unwrap_or_default();
    Some(Permission {
        statement_id: statement.get("Sid")?.as_str()?.to_owned(),
        principal: statement.get("Principal").map(principal).unwrap_or_default(),
        action: if allows { action } else { format!("not {action}") },
        source_arn: statement.get("Condition").and_then(source_arn),
        source_arn_ref: None,
    })
}

/// A text, or a list of one, as it is; anything else as the JSON that it is.
fn text(value: &Value) -> String {
    single(value.clone()).as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// `{"Service": "s3.amazonaws.com"}` and the like, without the braces.
fn principal(value: &Value) -> String {
    let only = value.as_object().filter(|kinds| kinds.len() == 1);
    let named = only.and_then(|kinds| kinds.get("Service").or_else(|| kinds.get("AWS")));
    let name = single(named.unwrap_or(value).clone());
    name.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The one condition that the spec can name.
fn source_arn(condition: &Value) -> Option<String> {
    let conditions = condition.as_object().filter(|operators| !operators.is_empty())?;
    let only = |members: &Map<String, Value>, name: &str| {
        (members.len() == 1)
            .then(|| members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone()))?
    };
    let operands = only(conditions, "ArnLike");
    let arn = operands.as_ref().and_then(Value::as_object).and_then(|keys| only(keys, "AWS:SourceArn"));
    let arn = arn.map(single);
    Some(arn.as_ref().and_then(Value::as_str).map_or_else(|| condition.to_string(), str::to_owned))
}

/// The permission with equal meanings made equal: Lambda writes an account as the ARN of its root, and the
/// case of an action has no meaning (IAM User Guide, "IAM JSON policy elements: Action").
pub(super) fn comparable(mut permission: Permission) -> Permission {
    if let Some(account) = account_of_root(&permission.principal) {
        permission.principal = account.to_owned();
    }
    permission.action = permission.action.to_lowercase();
    permission
}

/// One write to the policy.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Write<'a> {
    /// Adds a statement that is not there.
    Add(&'a Permission),
    /// Replaces one that reads otherwise. Lambda changes none in place and refuses a second one of the
    /// same name, so that callers are refused for the moment between two calls.
    Replace(&'a Permission),
    /// Removes one that the spec does not have.
    Remove(&'a str),
}

/// The first write that is left: what is added comes before what goes.
pub(super) fn next<'a>(wanted: &'a [Permission], found: &'a [Permission]) -> Option<Write<'a>> {
    let counterpart = |permission: &Permission, list: &'a [Permission]| {
        list.iter().find(|other| other.statement_id == permission.statement_id)
    };
    let added = wanted.iter().find(|permission| counterpart(permission, found).is_none()).map(Write::Add);
    let differs = |permission: &&Permission| {
        counterpart(permission, found)
            .is_some_and(|other| comparable((*permission).clone()) != comparable(other.clone()))
    };
    let replaced = || wanted.iter().find(differs).map(Write::Replace);
    let removed = || found.iter().find(|permission| counterpart(permission, wanted).is_none());
    added.or_else(replaced).or_else(|| removed().map(|permission| Write::Remove(&permission.statement_id)))
}

/// Sends the write.
pub(super) async fn send(aws: &Aws, function: &str, write: Write<'_>) -> Result<(), AwsError> {
    match write {
        Write::Add(permission) => add(aws, function, permission).await,
        Write::Replace(permission) => {
            remove(aws, function, &permission.statement_id).await?;
            add(aws, function, permission).await
        }
        Write::Remove(statement) => remove(aws, function, statement).await,
    }
}

async fn add(aws: &Aws, function: &str, permission: &Permission) -> Result<(), AwsError> {
    let call = aws
        .lambda()
        .add_permission()
        .function_name(function)
        .statement_id(&permission.statement_id)
        .principal(&permission.principal)
        .action(&permission.action)
        .set_source_arn(permission.source_arn.clone());
    call.send().await.named("AddPermission").map(drop)
}

async fn remove(aws: &Aws, function: &str, statement: &str) -> Result<(), AwsError> {
    let call = aws.lambda().remove_permission().function_name(function).statement_id(statement);
    // Where it is not there, somebody was faster.
    unless_absent(call.send().await.named("RemovePermission"), LambdaFunction::ABSENT).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn permission_for(statement_id: &str, principal: &str) -> Permission {
        Permission {
            statement_id: statement_id.into(),
            principal: principal.into(),
            action: "lambda:InvokeFunction".into(),
            source_arn: None,
            source_arn_ref: None,
        }
    }

    fn read(principal: Value, condition: Value) -> Permission {
        let statement = json!({
            "Sid": "a", "Effect": "Allow", "Principal": principal, "Action": "lambda:InvokeFunction",
            "Resource": "arn:aws:lambda:us-east-1:111122223333:function:f", "Condition": condition,
        });
        parse(&json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()).unwrap().remove(0)
    }

    #[test]
    fn a_statement_reads_as_the_permission_that_made_it() {
        let bucket = read(
            json!({"Service": "s3.amazonaws.com"}),
            json!({"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::shop-orders"}}),
        );
        let wanted = Permission {
            source_arn: Some("arn:aws:s3:::shop-orders".into()),
            ..permission_for("a", "s3.amazonaws.com")
        };
        assert_eq!(bucket, wanted);
        assert_eq!(read(json!("*"), Value::Null).principal, "*");
    }

    #[test]
    fn an_account_is_the_same_by_its_digits_and_by_its_root() {
        let root = read(json!({"AWS": "arn:aws:iam::111122223333:root"}), json!({}));
        assert_eq!(comparable(root), comparable(permission_for("a", "111122223333")));
        let role = permission_for("a", "arn:aws:iam::111122223333:role/root");
        assert_eq!(comparable(role.clone()).principal, role.principal);
    }

    #[test]
    fn a_condition_that_the_spec_has_no_words_for_never_passes_for_none_or_for_a_source() {
        let narrower = read(
            json!({"Service": "s3.amazonaws.com"}),
            json!({"ArnLike": {"AWS:SourceArn": "arn:a"}, "StringEquals": {"AWS:SourceAccount": "1"}}),
        );
        assert!(narrower.source_arn.as_ref().is_some_and(|arn| arn.contains("SourceAccount") && arn != "arn:a"));
        let other = read(json!("*"), json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}));
        assert!(other.source_arn.is_some_and(|arn| arn.contains("PrincipalOrgID")));
    }

    #[test]
    fn a_list_of_one_is_the_value_itself_and_case_counts_only_where_iam_says_so() {
        let statement = json!({
            "Sid": "a", "Effect": "Allow", "Principal": {"Service": ["s3.amazonaws.com"]},
            "Action": ["Lambda:invokefunction"], "Condition": {"ArnLike": {"aws:sourcearn": ["arn:a"]}},
        });
        let found = parse(&json!({ "Statement": statement }).to_string()).unwrap().remove(0);
        let wanted = Permission { source_arn: Some("arn:a".into()), ..permission_for("a", "s3.amazonaws.com") };
        assert_eq!(comparable(found), comparable(wanted.clone()));
        let other = Permission { source_arn: Some("arn:A".into()), ..wanted.clone() };
        assert_ne!(comparable(other), comparable(wanted));
    }

    #[test]
    fn what_lambda_shows_for_a_principal_that_was_deleted_is_a_difference() {
        let role = permission_for("a", "arn:aws:iam::111122223333:role/shop");
        let found = read(json!({"AWS": "AROAIIIIIIIIIIIIIIIII"}), json!({}));
        assert_ne!(comparable(found), comparable(role));
    }

    #[test]
    fn a_policy_that_cannot_be_read_is_not_one_without_statements() {
        assert_eq!(parse("{}"), None);
        assert_eq!(parse("no"), None);
    }

    #[test]
    fn permissions_are_added_then_replaced_then_removed() {
        let [new, kept, old] = ["new", "kept", "old"].map(|name| permission_for(name, "s3.amazonaws.com"));
        let changed = permission_for("kept", "sns.amazonaws.com");
        let wanted = [kept.clone(), new.clone()];
        assert_eq!(next(&wanted, &[changed.clone(), old.clone()]), Some(Write::Add(&new)));
        assert_eq!(next(&wanted, &[changed, old.clone(), new.clone()]), Some(Write::Replace(&kept)));
        assert_eq!(next(&wanted, &[kept.clone(), old, new.clone()]), Some(Write::Remove("old")));
        assert_eq!(next(&wanted, &[new.clone(), kept.clone()]), None);
    }
}
