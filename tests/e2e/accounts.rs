use super::story::{Story, is_true, message};
use ccagi_aws_agent::api::account::AwsAccount;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};
use std::path::PathBuf;

fn stalled(account: &AwsAccount) -> Option<&Condition> {
    let conditions = &account.status.as_ref()?.conditions;
    conditions.iter().find(|condition| condition.type_ == "Stalled" && condition.status == "True")
}

/// A story whose account has this spec instead of the plain one.
async fn story_with_account(name: &str, spec: impl Fn(&Story) -> Value) -> Story {
    let kubeconfig = PathBuf::from(super::variable("KUBECONFIG"));
    let mut story = Story::prepare(name, &kubeconfig).await;
    story.start_controller();
    let spec = spec(&story);
    story.declare_account(spec).await;
    story
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_with_the_wrong_number_is_stalled_and_nothing_is_touched() {
    let story = story_with_account("wrong-account", |story| {
        let role = format!("arn:aws:iam::{}:role/CcagiAgentRole", story.account_id);
        json!({"accountId": "000000000001", "credentials": {"assumeRole": {"roleArn": role}}})
    })
    .await;
    let account = story.until_account(|account| stalled(account).is_some()).await;
    let condition = stalled(&account).unwrap();
    assert_eq!(condition.reason, "WrongAccount");
    assert!(condition.message.contains("000000000001") && condition.message.contains(&story.account_id));

    story.apply("assets", &format!("s3Bucket: {{bucketName: {}}}", story.bucket())).await;
    story.until_reason("assets", "Stalled", "WrongAccount").await;
    let asked = story.emulator.journal(&story.account_id);
    assert!(asked.iter().all(|request| request.operation == "GetCallerIdentity"), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_cannot_be_assumed_is_reported_and_tried_again() {
    let story = story_with_account("role-denied", |story| {
        let role = format!("arn:aws:iam::{}:role/DeniedRole", story.account_id);
        json!({"credentials": {"assumeRole": {"roleArn": role}}})
    })
    .await;
    let account = story.until_account(|account| stalled(account).is_some()).await;
    assert_eq!(stalled(&account).unwrap().reason, "CredentialsRefused");
    assert!(stalled(&account).unwrap().message.contains("trust policy"), "{:?}", stalled(&account));
    story.apply("assets", &format!("s3Bucket: {{bucketName: {}}}", story.bucket())).await;
    story.until_reason("assets", "Stalled", "CredentialsRefused").await;

    story.declare_account(json!({})).await;
    story.until_ready("assets").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_are_assumed_one_from_the_other_with_external_id_and_session_tags() {
    let story = story_with_account("role-chain", |story| {
        let last = format!("arn:aws:iam::{}:role/RequiresExternalId-shop7f3a", story.account_id);
        json!({"credentials": {"assumeRoleChain": [
            {"roleArn": "arn:aws:iam::555566667777:role/Hub", "sessionName": "hub"},
            {"roleArn": last, "externalId": "shop7f3a", "sessionName": "shop", "sessionTags": {"team": "web"}},
        ]}})
    })
    .await;
    let account = story.until_account(|account| is_true(account.status.as_ref().map(|s| &s.conditions), "Ready")).await;
    let status = account.status.unwrap();
    assert!(status.identity_arn.unwrap().ends_with("/shop"));
    assert_eq!(status.usable_regions, ["us-east-1", "eu-west-1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namespace_that_the_account_does_not_allow_gets_nothing_until_it_does() {
    let story = story_with_account("not-allowed", |_| json!({"allowedNamespaces": {"names": ["other"]}})).await;
    story.apply("assets", &format!("s3Bucket: {{bucketName: {}}}", story.bucket())).await;
    let object = story.until_reason("assets", "Stalled", "NamespaceNotAllowed").await;
    assert!(message(&object, "Stalled").contains("allowedNamespaces"));
    assert!(story.emulator.writes(&story.account_id).is_empty());

    story
        .declare_account(
            json!({"allowedNamespaces": {"selector": {"matchLabels": {"kubernetes.io/metadata.name": story.name}}}}),
        )
        .await;
    story.until_ready("assets").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_stays_until_no_resource_uses_it() {
    let story = Story::begin("account-in-use").await;
    let object =
        story.apply("assets", &format!("deletionPolicy: Delete\ns3Bucket: {{bucketName: {}}}", story.bucket())).await;
    story.until_ready("assets").await;
    story.until_account(|account| account.status.as_ref().unwrap().resources_by_kind.get("S3Bucket") == Some(&1)).await;
    story.accounts().delete(&story.name, &DeleteParams::default()).await.unwrap();
    let account = story.until_account(|account| stalled(account).is_some()).await;
    assert_eq!(stalled(&account).unwrap().reason, "InUse");

    story.delete("assets").await;
    story.until_gone(&object).await;
    let gone = kube::runtime::conditions::is_deleted(account.metadata.uid.as_deref().unwrap());
    kube::runtime::wait::await_condition(story.accounts(), &story.name, gone).await.unwrap();
}

/// Takes the account away against its finalizer and declares one of its name with this number.
async fn replace_account(story: &Story, number: &str) {
    let accounts = story.accounts();
    accounts.delete(&story.name, &DeleteParams::default()).await.unwrap();
    let held = json!({"metadata": {"finalizers": null}});
    let gone = accounts.patch(&story.name, &PatchParams::default(), &Patch::Merge(held)).await.unwrap();
    let deleted = kube::runtime::conditions::is_deleted(gone.metadata.uid.as_deref().unwrap());
    kube::runtime::wait::await_condition(accounts, &story.name, deleted).await.unwrap();
    let role = format!("arn:aws:iam::{number}:role/CcagiAgentRole");
    story.declare_account(json!({"accountId": number, "credentials": {"assumeRole": {"roleArn": role}}})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_made_in_an_account_is_left_alone_while_another_has_its_name() {
    const OTHER: &str = "555566668888";
    let story = Story::begin("account-replaced").await;
    let bucket = story.bucket();
    let object = story.apply("assets", &format!("deletionPolicy: Delete\ns3Bucket: {{bucketName: {bucket}}}")).await;
    story.until_ready("assets").await;
    let written = story.emulator.writes(&story.account_id);
    replace_account(&story, OTHER).await;
    let told = message(&story.until_reason("assets", "Stalled", "AccountChanged").await, "Stalled");
    assert!(told.contains(&story.account_id) && told.contains(OTHER), "{told}");

    story.delete("assets").await;
    let deleting = story.until_reason("assets", "Stalled", "AccountChanged").await;
    assert!(deleting.metadata.deletion_timestamp.is_some());
    assert!(story.emulator.writes(OTHER).is_empty());
    assert_eq!(story.emulator.writes(&story.account_id), written);

    replace_account(&story, &story.account_id).await;
    story.until_gone(&object).await;
    assert!(story.try_aws("s3", "head_bucket", json!({"Bucket": bucket})).is_err());
}
