use super::*;
use crate::aws::tags::{CLUSTER, UID};
use crate::kinds::iam_role::spec::InlinePolicy;
use crate::kinds::iam_role::step::{Settings, Step, makes_room, steps};
use aws_sdk_iam::primitives::DateTime;

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const READ: &str = r#"{"Statement":{"Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],"Resource":"*"}}"#;
const READ_OTHERWISE: &str =
    r#"{ "Statement": [{ "Action": ["s3:ListBucket", "s3:GetObject"], "Effect": "Allow", "Resource": ["*"] }] }"#;
const WRITE: &str = r#"{"Statement":{"Effect":"Allow","Action":"s3:PutObject","Resource":"*"}}"#;

fn role() -> IamRoleSpec {
    IamRoleSpec { role_name: "web".into(), assume_role_policy: TRUST.into(), ..Default::default() }
}

fn with_policies(policies: &[(&str, &str)]) -> IamRoleSpec {
    let policy = |(name, document): &(&str, &str)| InlinePolicy { name: (*name).into(), document: (*document).into() };
    IamRoleSpec { inline_policies: Some(policies.iter().map(policy).collect()), ..role() }
}

fn with_managed(arns: &[&str]) -> IamRoleSpec {
    IamRoleSpec { managed_policy_arns: Some(arns.iter().map(|arn| (*arn).into()).collect()), ..role() }
}

fn described() -> iam::builders::RoleBuilder {
    iam::Role::builder()
        .role_name("web")
        .role_id("AROAEXAMPLE")
        .arn("arn:aws:iam::111122223333:role/web")
        .path("/")
        .create_date(DateTime::from_secs(0))
        .max_session_duration(3600)
        .assume_role_policy_document("%7B%22Version%22%3A%222012-10-17%22%7D")
}

fn observed(spec: IamRoleSpec) -> Observed<IamRoleSpec> {
    Observed {
        billed: crate::cost::Billed::new(),
        arn: String::new(),
        state: ResourceState::Active,
        detail: None,
        health: Assessment::found(),
        spec,
        tags: Tags::new(),
        outputs: BTreeMap::new(),
    }
}

fn changes(wanted: &IamRoleSpec, found: &IamRoleSpec) -> Vec<Change> {
    IamRole::diff(wanted, &observed(found.clone()))
}

fn paths(wanted: &IamRoleSpec, found: &IamRoleSpec) -> Vec<String> {
    changes(wanted, found).into_iter().map(|change| change.path).collect()
}

fn planned(wanted: &IamRoleSpec, found: &IamRoleSpec) -> Vec<Step> {
    steps(wanted, found, &changes(wanted, found))
}

fn profile(tags: &[(&str, &str)]) -> Profile {
    Profile { name: "web".into(), arn: String::new(), roles: vec!["web".into()], tags: tags_of(tags) }
}

fn tags_of(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_description_reads_as_the_spec_that_made_it() {
    let found = read::spec(&described().build().unwrap());
    let wanted = IamRoleSpec {
        path: Some("/".into()),
        description: Some(String::new()),
        permissions_boundary: Some(String::new()),
        max_session_duration_seconds: Some(3600),
        assume_role_policy: r#"{ "Version": "2012-10-17" }"#.into(),
        ..role()
    };
    assert_eq!(found.assume_role_policy, r#"{"Version":"2012-10-17"}"#);
    assert!(paths(&wanted, &found).is_empty());
}

#[test]
fn a_boundary_is_read_by_its_arn() {
    let arn = "arn:aws:iam::111122223333:policy/limits";
    let boundary = iam::AttachedPermissionsBoundary::builder().permissions_boundary_arn(arn).build();
    let found = read::spec(&described().permissions_boundary(boundary).build().unwrap());
    assert_eq!(found.permissions_boundary.as_deref(), Some(arn));
}

#[test]
fn documents_and_sets_are_compared_by_meaning() {
    assert!(paths(&with_policies(&[("read", READ)]), &with_policies(&[("read", READ_OTHERWISE)])).is_empty());
    assert!(paths(&with_managed(&["a", "b"]), &with_managed(&["b", "a"])).is_empty());
    assert_eq!(
        paths(&with_policies(&[("read", READ)]), &with_policies(&[("read", WRITE)])),
        ["inlinePolicies[read].document"]
    );
}

#[test]
fn what_the_spec_does_not_name_is_left_alone() {
    let found = IamRoleSpec {
        path: Some("/others/".into()),
        description: Some("theirs".into()),
        permissions_boundary: Some("arn:aws:iam::111122223333:policy/limits".into()),
        max_session_duration_seconds: Some(7200),
        managed_policy_arns: Some(vec!["a".into()]),
        instance_profile: Some(true),
        ..with_policies(&[("read", READ)])
    };
    assert!(paths(&role(), &found).is_empty());
}

#[test]
fn a_role_is_never_renamed_or_moved() {
    let moved = IamRoleSpec { path: Some("/shop/".into()), ..role() };
    let found = IamRoleSpec { path: Some("/".into()), ..role() };
    assert_eq!(changes(&moved, &found)[0].effect, Effect::Replace);
    assert_eq!(IamRole::effect("roleName"), Some(Effect::Replace));
}

#[test]
fn policies_are_added_before_others_are_removed() {
    let wanted = IamRoleSpec { managed_policy_arns: Some(vec!["new".into()]), ..with_policies(&[("write", WRITE)]) };
    let found = IamRoleSpec { managed_policy_arns: Some(vec!["old".into()]), ..with_policies(&[("read", READ)]) };
    assert_eq!(
        planned(&wanted, &found),
        [
            Step::PutPolicy("write".into(), WRITE.into()),
            Step::Attach("new".into()),
            Step::Detach("old".into()),
            Step::DeletePolicy("read".into()),
        ]
    );
}

#[test]
fn only_the_policies_that_differ_are_written() {
    let wanted = with_policies(&[("read", READ), ("write", WRITE)]);
    let found = with_policies(&[("read", READ_OTHERWISE), ("write", READ)]);
    assert_eq!(planned(&wanted, &found), [Step::PutPolicy("write".into(), WRITE.into())]);
    assert_eq!(planned(&with_managed(&["a", "b"]), &with_managed(&["b"])), [Step::Attach("a".into())]);
}

#[test]
fn empty_lists_take_everything_away() {
    let wanted = IamRoleSpec { managed_policy_arns: Some(vec![]), ..with_policies(&[]) };
    let found = IamRoleSpec { managed_policy_arns: Some(vec!["a".into()]), ..with_policies(&[("read", READ)]) };
    assert_eq!(planned(&wanted, &found), [Step::Detach("a".into()), Step::DeletePolicy("read".into())]);
}

#[test]
fn a_boundary_is_set_first_and_taken_away_last() {
    let bounded =
        |arn: &str, managed: &str| IamRoleSpec { permissions_boundary: Some(arn.into()), ..with_managed(&[managed]) };
    let set = planned(&bounded("limits", "new"), &bounded("", "old"));
    assert_eq!(set.first(), Some(&Step::SetBoundary("limits".into())));
    let removed = planned(&bounded("", "new"), &bounded("limits", "old"));
    assert_eq!(removed.last(), Some(&Step::RemoveBoundary));
}

#[test]
fn a_duration_that_stays_is_sent_with_another_description() {
    let wanted = IamRoleSpec { description: Some("for the shop".into()), ..role() };
    let found = IamRoleSpec { description: Some(String::new()), max_session_duration_seconds: Some(7200), ..role() };
    let settings = Settings { description: Some("for the shop".into()), max_session_duration: Some(7200) };
    assert_eq!(planned(&wanted, &found), [Step::Settings(settings)]);
}

#[test]
fn a_profile_comes_and_goes_by_what_is_written() {
    let with = |profile| IamRoleSpec { instance_profile: Some(profile), ..role() };
    assert_eq!(planned(&with(true), &with(false)), [Step::AddProfile]);
    assert_eq!(planned(&with(false), &with(true)), [Step::RemoveProfile]);
}

#[test]
fn a_full_role_makes_room_where_something_is_to_go() {
    let (attach, detach) = (Step::Attach("new".into()), Step::Detach("old".into()));
    assert!(makes_room(&[attach.clone(), detach.clone()], &attach));
    assert!(!makes_room(&[attach.clone(), Step::DeletePolicy("read".into())], &attach));
    assert!(!makes_room(&[attach, detach.clone()], &detach));
}

#[test]
fn a_profile_is_the_roles_only_where_both_name_one_owner() {
    let owner = tags_of(&[(CLUSTER, "c1"), (UID, "u1"), ("team", "web")]);
    assert!(profile(&[(CLUSTER, "c1"), (UID, "u1")]).belongs_to(&owner));
    assert!(!profile(&[(CLUSTER, "c1"), (UID, "u2")]).belongs_to(&owner));
    assert!(!profile(&[("team", "web")]).belongs_to(&owner));
    assert!(!profile(&[]).belongs_to(&Tags::new()));
}

#[test]
fn an_emptied_profile_is_filled_again_or_removed() {
    let owner = tags_of(&[(CLUSTER, "c1"), (UID, "u1")]);
    let ours = Profile { roles: vec![], ..profile(&[(CLUSTER, "c1"), (UID, "u1")]) };
    assert!(!ours.is_there("web", &owner, true));
    assert!(ours.is_there("web", &owner, false));
    let theirs = Profile { roles: vec![], ..profile(&[]) };
    assert!(!theirs.is_there("web", &owner, false));
    assert!(profile(&[]).is_there("web", &owner, true));
}

#[test]
fn the_absence_of_a_part_is_not_that_of_the_role() {
    let error = |class| AwsError {
        operation: "ListRolePolicies",
        class,
        code: Some("NoSuchEntity".into()),
        message: String::new(),
        request_id: None,
    };
    assert_eq!(of_a_part(error(ErrorClass::NotFound)).class, ErrorClass::Conflict);
    assert_eq!(of_a_part(error(ErrorClass::Denied)).class, ErrorClass::Denied);
}

#[test]
fn a_profile_of_somebody_else_blocks_and_is_named() {
    let error = profile::foreign("DeleteRole", "web");
    assert!(error.class.needs_a_person());
    assert!(error.to_string().contains("web does not belong to this object"), "{error}");
}

#[test]
fn a_document_that_is_not_json_is_refused_with_its_place() {
    let trust = IamRoleSpec { assume_role_policy: "{oops".into(), ..role() };
    assert_eq!(IamRole::validate(&trust).unwrap_err().path, "assumeRolePolicy");
    let invalid = IamRole::validate(&with_policies(&[("read", READ), ("write", "[]")])).unwrap_err();
    assert_eq!(invalid.path, "inlinePolicies");
    assert!(invalid.message.starts_with("document of write"), "{invalid}");
    assert!(IamRole::validate(&with_policies(&[("read", READ)])).is_ok());
}
