use super::spec::*;
use super::step::Step;
use super::*;
use crate::api::resource::Health;
use crate::health::Assessment;
use aws_sdk_lambda::types as lambda;
use aws_sdk_lambda::types::builders::FunctionConfigurationBuilder;

const ROLE: &str = "arn:aws:iam::111122223333:role/orders";

fn function(code: Code) -> LambdaFunctionSpec {
    LambdaFunctionSpec {
        function_name: "orders".into(),
        role_arn: Some(ROLE.into()),
        code,
        runtime: Some("python3.13".into()),
        handler: Some("index.handler".into()),
        ..Default::default()
    }
}

fn inline(source: &str) -> Code {
    Code { inline: Some(InlineCode { file_name: "index.py".into(), source: source.into() }), ..Code::default() }
}

fn in_s3(key: &str, sha256: Option<&str>) -> Code {
    let s3 = S3Code { bucket: "code".into(), key: key.into(), sha256: sha256.map(Into::into), object_version: None };
    Code { s3: Some(s3), ..Code::default() }
}

fn image(uri: &str) -> Code {
    Code { image_uri: Some(uri.into()), ..Code::default() }
}

fn with_environment(variables: &[(&str, &str)]) -> LambdaFunctionSpec {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    LambdaFunctionSpec { environment: Some(variables), ..function(inline("pass")) }
}

fn with_vpc(subnets: &[&str], groups: &[&str]) -> LambdaFunctionSpec {
    let list = |ids: &[&str]| (!ids.is_empty()).then(|| ids.iter().map(|id| (*id).to_owned()).collect());
    let vpc = Vpc { subnet_ids: list(subnets), security_group_ids: list(groups), ..Vpc::default() };
    LambdaFunctionSpec { vpc: Some(vpc), ..function(inline("pass")) }
}

fn logging(group: Option<&str>, format: Option<LogFormat>, retention_days: Option<i32>) -> Option<Logging> {
    Some(Logging { log_group: group.map(Into::into), format, retention_days })
}

fn observed(spec: LambdaFunctionSpec) -> Observed<LambdaFunctionSpec> {
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

fn changes(desired: &LambdaFunctionSpec, found: &LambdaFunctionSpec) -> Vec<Change> {
    LambdaFunction::diff(desired, &observed(found.clone()))
}

fn effects(desired: &LambdaFunctionSpec, found: &LambdaFunctionSpec) -> Vec<(String, Effect)> {
    changes(desired, found).into_iter().map(|change| (change.path, change.effect)).collect()
}

fn described(answer: GetFunctionOutput) -> LambdaFunctionSpec {
    description::spec("orders", &answer, answer.configuration().unwrap())
}

fn configuration(state: &str) -> FunctionConfigurationBuilder {
    lambda::FunctionConfiguration::builder().state(state.into())
}

#[test]
fn every_state_of_a_function_has_a_state() {
    for state in lambda::State::values() {
        let expected = match *state {
            "Pending" => ResourceState::Creating,
            "Active" | "Inactive" | "ActiveNonInvocable" => ResourceState::Active,
            "Deactivating" => ResourceState::Updating,
            "Deactivated" => ResourceState::Stopped,
            "Deleting" => ResourceState::Deleting,
            "Failed" => ResourceState::Failed,
            new => panic!("{new} has no state yet"),
        };
        let function = configuration(state).build();
        assert_eq!(description::state(&function, true), expected, "{state}");
        assert_ne!(description::health(&function).reason, "UnknownState", "{state}");
    }
    assert_eq!(description::state(&configuration("BrandNew").build(), true), ResourceState::Unknown);
    assert_eq!(description::state(&lambda::FunctionConfiguration::builder().build(), true), ResourceState::Unknown);
}

#[test]
fn every_outcome_of_an_update_has_a_state() {
    for status in lambda::LastUpdateStatus::values() {
        let function = configuration("Active").last_update_status((*status).into()).build();
        let expected = match *status {
            "Successful" => (ResourceState::Active, Health::Healthy),
            "InProgress" => (ResourceState::Updating, Health::Healthy),
            "Failed" => (ResourceState::Failed, Health::Degraded),
            new => panic!("{new} has no state yet"),
        };
        assert_eq!((description::state(&function, true), description::health(&function).health), expected, "{status}");
    }
}

#[test]
fn an_update_that_failed_is_no_failure_while_there_is_something_to_change() {
    let failed = configuration("Active").last_update_status(lambda::LastUpdateStatus::Failed).build();
    assert_eq!(description::state(&failed, false), ResourceState::Active);
}

#[test]
fn a_failure_says_why() {
    let made = configuration("Failed")
        .state_reason("The subnet is full")
        .state_reason_code(lambda::StateReasonCode::SubnetOutOfIpAddresses)
        .build();
    assert_eq!(description::detail(&made).as_deref(), Some("SubnetOutOfIPAddresses: The subnet is full"));
    assert_eq!(description::health(&made).health, Health::Unhealthy);
    let updated = configuration("Active")
        .last_update_status(lambda::LastUpdateStatus::Failed)
        .last_update_status_reason("The image is gone")
        .build();
    assert_eq!(description::detail(&updated).as_deref(), Some("The image is gone"));
    assert_eq!(description::detail(&configuration("Inactive").state_reason("idle").build()), None);
}

#[test]
fn a_description_reads_as_the_spec_that_made_it() {
    let desired = LambdaFunctionSpec {
        memory_size_mib: Some(256),
        timeout_seconds: Some(10),
        layers: Some(vec!["arn:aws:lambda:us-east-1:111122223333:layer:tools:1".into()]),
        reserved_concurrency: Some(0),
        architecture: Some(Architecture::Arm64),
        vpc: with_vpc(&["subnet-2", "subnet-1"], &["sg-1"]).vpc,
        logging: logging(Some("/shop/functions"), Some(LogFormat::Json), None),
        ..with_environment(&[("STAGE", "production")])
    };
    let vpc = lambda::VpcConfigResponse::builder().subnet_ids("subnet-1").subnet_ids("subnet-2");
    let function = configuration("Active")
        .role(ROLE)
        .runtime(lambda::Runtime::from("python3.13"))
        .handler("index.handler")
        .code_sha256(archive::sha256(&archive::zip(desired.code.inline.as_ref().unwrap())))
        .memory_size(256)
        .timeout(10)
        .environment(lambda::EnvironmentResponse::builder().variables("STAGE", "production").build())
        .vpc_config(vpc.security_group_ids("sg-1").vpc_id("vpc-1").build())
        .layers(lambda::Layer::builder().arn(desired.layers.as_ref().unwrap()[0].clone()).build())
        .logging_config(
            lambda::LoggingConfig::builder().log_group("/shop/functions").log_format(lambda::LogFormat::Json).build(),
        )
        .architectures(lambda::Architecture::Arm64);
    let answer = GetFunctionOutput::builder()
        .configuration(function.build())
        .concurrency(lambda::Concurrency::builder().reserved_concurrent_executions(0).build())
        .build();
    assert_eq!(changes(&desired, &described(answer)), []);
}

#[test]
fn the_digest_tells_other_code_wherever_it_came_from() {
    let digest = archive::sha256(&archive::zip(inline("a").inline.as_ref().unwrap()));
    assert_eq!(changes(&function(inline("a")), &function(in_s3("", Some(&digest)))), []);
    let changed = vec![("code.sha256".to_owned(), Effect::InPlace)];
    assert_eq!(effects(&function(inline("b")), &function(in_s3("", Some(&digest)))), changed);
    assert_eq!(effects(&function(in_s3("new", Some("new"))), &function(in_s3("", Some(&digest)))), changed);
}

#[test]
fn code_in_s3_without_its_digest_is_not_compared() {
    assert_eq!(changes(&function(in_s3("code.zip", None)), &function(in_s3("", Some("other")))), []);
}

#[test]
fn an_image_is_another_by_its_uri() {
    let [old, new] = ["1", "2"].map(|tag| function(image(&format!("registry/orders:{tag}"))));
    assert_eq!(effects(&new, &old), [("code.imageUri".to_owned(), Effect::InPlace)]);
    assert_eq!(changes(&new, &new), []);
}

#[test]
fn what_is_fixed_when_a_function_is_made_would_have_to_be_replaced() {
    let of_image = function(image("registry/orders:1"));
    assert!(
        effects(&of_image, &function(in_s3("", Some("x")))).contains(&("code.packageType".into(), Effect::Replace))
    );
    let arm = LambdaFunctionSpec { architecture: Some(Architecture::Arm64), ..function(inline("a")) };
    let x86 = LambdaFunctionSpec { architecture: Some(Architecture::X8664), ..function(inline("a")) };
    assert_eq!(effects(&arm, &x86), [("architecture".to_owned(), Effect::Replace)]);
}

#[test]
fn the_environment_is_named_as_a_whole_and_its_values_are_never_shown() {
    let found = with_environment(&[("STAGE", "test"), ("TOKEN", "hunter2")]);
    let differences = changes(&with_environment(&[("STAGE", "production")]), &found);
    let paths: Vec<_> = differences.iter().map(|change| change.path.as_str()).collect();
    assert_eq!(paths, ["environment[STAGE].value", "environment[TOKEN]"]);
    let shown = serde_json::to_string(&differences).unwrap();
    assert!(!shown.contains("hunter2") && !shown.contains("production"), "{shown}");
    // The first 64 bits of the SHA-256 of "hunter2", which anybody who guesses it could compare with.
    assert!(!shown.contains("f52fbd32b2b3b86f"), "{shown}");
    let other = with_environment(&[("STAGE", "test"), ("TOKEN", "hunter3")]);
    assert_ne!(
        changes(&with_environment(&[("STAGE", "production")]), &other),
        differences,
        "another value, another change"
    );
    assert_eq!(changes(&function(inline("pass")), &found), []);
    assert_eq!(changes(&with_environment(&[]), &with_environment(&[])), []);
}

#[test]
fn an_empty_vpc_block_takes_the_function_out_of_its_vpc() {
    let inside = with_vpc(&["subnet-1"], &["sg-1"]);
    assert_eq!(effects(&with_vpc(&[], &[]), &inside).len(), 2);
    assert_eq!(changes(&with_vpc(&[], &[]), &with_vpc(&[], &[])), []);
    assert_eq!(changes(&function(inline("pass")), &inside), []);
}

#[test]
fn a_permission_without_a_source_is_another_than_one_with() {
    let with = |source: Option<&str>| {
        let permission = Permission {
            statement_id: "bucket".into(),
            principal: "s3.amazonaws.com".into(),
            action: "lambda:InvokeFunction".into(),
            source_arn: source.map(Into::into),
            source_arn_ref: None,
        };
        LambdaFunctionSpec { permissions: Some(vec![permission]), ..function(inline("pass")) }
    };
    let expected = [("permissions[bucket].sourceArn".to_owned(), Effect::InPlace)];
    assert_eq!(effects(&with(None), &with(Some("arn:aws:s3:::a"))), expected);
    assert_eq!(effects(&with(Some("arn:aws:s3:::a")), &with(None)), expected);
    assert_eq!(changes(&with(Some("arn:aws:s3:::a")), &with(Some("arn:aws:s3:::a"))), []);
}

#[test]
fn each_update_takes_the_first_step_that_is_left() {
    let change = |path: &str| Change { path: path.into(), from: None, to: None, effect: Effect::InPlace };
    let there = Change { from: Some("30".into()), ..change("logging.retentionDays") };
    let paths = [
        "permissions[bucket]",
        "alias",
        "reservedConcurrency",
        "code.sha256",
        "environment[STAGE].value",
        "logging.retentionDays",
    ];
    let mut left = vec![there];
    left.extend(paths.map(change));
    let mut steps = Vec::new();
    while let Some(step) = Step::first(&left) {
        steps.push(step);
        left.pop();
    }
    use Step::*;
    assert_eq!(steps, [LogGroup, Configuration, Code, Concurrency, Alias, Permissions, Retention]);
}

#[test]
fn a_log_group_that_keeps_its_logs_for_ever_is_told_from_one_that_is_not_there() {
    let wanted = LambdaFunctionSpec { logging: logging(None, None, Some(14)), ..function(inline("pass")) };
    let found = |days| LambdaFunctionSpec {
        logging: logging(Some("/aws/lambda/orders"), Some(LogFormat::Text), days),
        ..function(inline("pass"))
    };
    let from = |days| changes(&wanted, &found(days)).into_iter().map(|change| change.from).collect::<Vec<_>>();
    assert_eq!(from(None), [None]);
    assert_eq!(from(Some(log_group::FOR_EVER)), [Some("0".to_owned())]);
    assert_eq!(from(Some(14)), []);
}

#[test]
fn every_field_that_can_change_in_place_has_a_step() {
    let full = LambdaFunctionSpec {
        memory_size_mib: Some(128),
        timeout_seconds: Some(3),
        layers: Some(vec!["arn".into()]),
        reserved_concurrency: Some(1),
        architecture: Some(Architecture::Arm64),
        vpc: with_vpc(&["subnet-1"], &["sg-1"]).vpc,
        logging: logging(Some("/shop/functions"), Some(LogFormat::Json), Some(14)),
        alias: Some("live".into()),
        ..with_environment(&[("STAGE", "test")])
    };
    let empty = LambdaFunctionSpec::default();
    for change in changes(&full, &empty).into_iter().filter(|change| change.effect == Effect::InPlace) {
        assert!(Step::of(&change).is_some(), "{}", change.path);
    }
}

#[test]
fn tags_that_lambda_does_not_show_are_not_taken_for_none() {
    let error = lambda::TagsError::builder().error_code("AccessDeniedException").message("no").build().unwrap();
    let refused = tags(&GetFunctionOutput::builder().tags_error(error).build()).unwrap_err();
    assert_eq!(refused.class, ErrorClass::Denied);
    assert_eq!(tags(&GetFunctionOutput::builder().build()).unwrap(), Tags::new());
}

#[test]
fn what_the_schema_cannot_check_is_checked() {
    let path = |spec: &LambdaFunctionSpec| LambdaFunction::validate(spec).unwrap_err().path;
    assert!(LambdaFunction::validate(&with_environment(&[("STAGE", "test")])).is_ok());
    assert_eq!(path(&LambdaFunctionSpec { role_arn: None, ..function(inline("pass")) }), "roleArn");
    assert_eq!(path(&function(inline(&"é".repeat(40_000)))), "code.inline.source");
    assert_eq!(path(&with_environment(&[("1ST", "x")])), "environment");
    assert_eq!(path(&with_environment(&[("LONG", &"x".repeat(4096))])), "environment");
    assert_eq!(path(&with_vpc(&["subnet-1"], &[])), "vpc");
    assert!(LambdaFunction::validate(&with_vpc(&[], &[])).is_ok());
}

#[test]
fn the_alias_follows_what_makes_another_version() {
    let change = |path: &str| Change { path: path.into(), from: None, to: None, effect: Effect::InPlace };
    let spec = LambdaFunctionSpec { alias: Some("live".into()), ..function(inline("pass")) };
    assert_eq!(LambdaFunction::follow_ups(&spec, &[change("memorySizeMib")]), ["alias"]);
    assert!(LambdaFunction::follow_ups(&spec, &[change("reservedConcurrency")]).is_empty());
    assert!(LambdaFunction::follow_ups(&spec, &[change("code.inline.source"), change("alias")]).is_empty());
    assert!(LambdaFunction::follow_ups(&function(inline("pass")), &[change("memorySizeMib")]).is_empty());
}
