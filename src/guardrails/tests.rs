use super::*;

const OWN: &str = "arn:aws:iam::111122223333:role/platform/CcagiAgentRole";
const BOUNDARY: &str = "arn:aws:iam::111122223333:policy/Bounds";

fn rules(yaml: &str) -> Guardrails {
    serde_saphyr::from_str(yaml).unwrap()
}

fn own() -> Identities {
    let mut own = Identities::default();
    own.add(OWN, "the AwsAccount shop");
    own
}

fn none() -> BTreeMap<String, String> {
    BTreeMap::new()
}

fn asked(kind: KindName, labels: &BTreeMap<String, String>) -> Asked<'_> {
    Asked {
        account: "shop",
        account_id: "111122223333",
        namespace: "team",
        labels,
        kind,
        writes: true,
        adopts_by: None,
        role: None,
        role_ids: &[],
        given: &[],
    }
}

fn found(rules: &Guardrails, asked: &Asked<'_>) -> Vec<Rule> {
    denied(rules, &own(), asked).into_iter().map(|denial| denial.rule).collect()
}

fn role(name: &str) -> Option<DeclaredRole<'_>> {
    Some(DeclaredRole { name, boundary: None })
}

fn given(arn: &str, of_the_namespace: bool) -> [GivenRole; 1] {
    [GivenRole { field: "roleArn", arn: Some(arn.into()), of_the_namespace }]
}

#[test]
fn a_kind_that_grants_access_is_denied_unless_it_is_named_for_the_namespace() {
    let labels = none();
    for kind in KindName::ALL {
        let denied = if kind.grants_access() { vec![Rule::AllowedKinds] } else { vec![] };
        assert_eq!(found(&Guardrails::default(), &asked(*kind, &labels)), denied, "{kind:?}");
        assert_eq!(found(&rules("allowedKinds: [{kinds: ['*']}]"), &asked(*kind, &labels)), denied, "{kind:?}");
    }
    let team = rules("allowedKinds: [{kinds: ['*']}, {kinds: [IamRole], namespaces: {names: [team]}}]");
    assert_eq!(found(&team, &asked(KindName::IamRole, &labels)), []);
    assert_eq!(found(&team, &asked(KindName::S3Bucket, &labels)), []);
    let mut elsewhere = asked(KindName::IamRole, &labels);
    elsewhere.namespace = "other";
    assert_eq!(found(&team, &elsewhere), [Rule::AllowedKinds]);
}

#[test]
fn where_kinds_are_named_no_other_is_allowed_and_labels_name_namespaces_too() {
    let rules = rules("allowedKinds: [{kinds: [S3Bucket], namespaces: {selector: {matchLabels: {tier: web}}}}]");
    let (without, with) = (none(), BTreeMap::from([("tier".to_owned(), "web".to_owned())]));
    assert_eq!(found(&rules, &asked(KindName::S3Bucket, &with)), []);
    assert_eq!(found(&rules, &asked(KindName::S3Bucket, &without)), [Rule::AllowedKinds]);
    assert_eq!(found(&rules, &asked(KindName::DynamoDbTable, &with)), [Rule::AllowedKinds]);
}

#[test]
fn nobody_adopts_unless_named_and_observing_is_no_adoption() {
    let labels = none();
    let adopts = Asked { adopts_by: Some("adoptionPolicy"), ..asked(KindName::S3Bucket, &labels) };
    assert_eq!(found(&Guardrails::default(), &adopts), [Rule::Adoption]);
    assert_eq!(found(&rules("adoption: {namespaces: {names: [other]}}"), &adopts), [Rule::Adoption]);
    assert_eq!(found(&rules("adoption: {namespaces: {names: [team]}}"), &adopts), []);
    assert_eq!(found(&Guardrails::default(), &Asked { writes: false, ..adopts }), []);
}

#[test]
fn a_role_that_the_controller_acts_through_is_never_written_to_whatever_the_rules_say() {
    let labels = none();
    let all = rules("allowedKinds: [{kinds: ['*', IamRole]}]\nadoption: {namespaces: {selector: {}}}");
    for name in ["CcagiAgentRole", "ccagiagentrole"] {
        let asked = Asked { role: role(name), ..asked(KindName::IamRole, &labels) };
        assert_eq!(found(&all, &asked), [Rule::OwnIdentities], "{name}");
    }
    let by_id = Asked {
        role: role("other"),
        role_ids: &[("spec.resourceId", "CcagiAgentRole")],
        ..asked(KindName::IamRole, &labels)
    };
    assert_eq!(found(&all, &by_id), [Rule::OwnIdentities]);
    let other = Asked { account_id: "444455556666", role: role("CcagiAgentRole"), ..asked(KindName::IamRole, &labels) };
    assert_eq!(found(&all, &other), []);
}

#[test]
fn a_role_is_given_by_reference_or_by_a_pattern_and_the_controllers_own_never() {
    let labels = none();
    let (app, anything) =
        ("arn:aws:iam::111122223333:role/app/orders", rules("passableRoles: ['arn:aws:iam::*:role/*']"));
    let check = |rules: &Guardrails, given: &[GivenRole]| {
        found(rules, &Asked { given, ..asked(KindName::LambdaFunction, &labels) })
    };
    assert_eq!(check(&Guardrails::default(), &given(app, false)), [Rule::PassableRoles]);
    assert_eq!(check(&Guardrails::default(), &given(app, true)), []);
    assert_eq!(check(&rules("passableRoles: ['arn:aws:iam::111122223333:role/app/*']"), &given(app, false)), []);
    assert_eq!(
        check(&rules("passableRoles: ['arn:aws:iam::111122223333:role/web/*']"), &given(app, false)),
        [Rule::PassableRoles]
    );
    for arn in [OWN, "arn:aws:iam::111122223333:role/CCAGIagentRole"] {
        assert_eq!(check(&anything, &given(arn, false)), [Rule::OwnIdentities]);
        assert_eq!(check(&anything, &given(arn, true)), [Rule::OwnIdentities]);
    }
}

#[test]
fn a_role_has_the_required_boundary_and_a_name_as_required() {
    let labels = none();
    let rules = rules(&format!(
        "allowedKinds: [{{kinds: [IamRole]}}]\nrequiredPermissionsBoundary: {BOUNDARY}\nroleNamePattern: app-*"
    ));
    let check = |name, boundary| {
        let role = Some(DeclaredRole { name, boundary });
        found(&rules, &Asked { role, ..asked(KindName::IamRole, &labels) })
    };
    assert_eq!(check("app-orders", Some(BOUNDARY)), []);
    assert_eq!(check("app-orders", None), [Rule::RequiredPermissionsBoundary]);
    assert_eq!(
        check("app-orders", Some("arn:aws:iam::111122223333:policy/Other")),
        [Rule::RequiredPermissionsBoundary]
    );
    assert_eq!(check("orders", Some(BOUNDARY)), [Rule::RoleNamePattern]);
}

#[test]
fn a_denial_names_the_field_the_rule_the_account_and_the_next_step() {
    let labels = none();
    let asked = Asked {
        given: &given("arn:aws:iam::111122223333:role/Admin", false),
        ..asked(KindName::LambdaFunction, &labels)
    };
    let said = denied(&Guardrails::default(), &own(), &asked)[0].to_string();
    for part in
        ["spec.lambdaFunction.roleArn: ", "guardrails.passableRoles", "the AwsAccount shop", "Refer to an IamRole"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn the_charts_admission_policy_knows_every_kind_and_which_of_them_grant_access() {
    let chart = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/ccagi-aws-agent/templates/_kinds.tpl");
    let text = std::fs::read_to_string(chart).unwrap();
    let kinds: Vec<String> = KindName::ALL.iter().map(|kind| format!("{}: {}", kind.member(), kind.as_str())).collect();
    let listed = format!("{{{{- define \"ccagi.kinds\" -}}}}\n{}\n{{{{- end }}}}", kinds.join("\n"));
    assert!(text.contains(&listed), "{chart} must list the kinds so:\n{listed}");
    let granting: Vec<String> =
        KindName::ALL.iter().filter(|kind| kind.grants_access()).map(|kind| format!("'{}'", kind.as_str())).collect();
    let listed =
        format!("{{{{- define \"ccagi.kindsThatGrantAccess\" -}}}}\n[{}]\n{{{{- end }}}}", granting.join(", "));
    assert!(text.contains(&listed), "{chart} must list those that grant access so:\n{listed}");
    let policy = std::fs::read_to_string(chart.replace("_kinds.tpl", "policy-guardrails.yaml")).unwrap();
    for kind in KindName::ALL.iter().filter(|kind| kind.is_given_a_role()) {
        assert!(policy.contains(&format!("spec.{}.", kind.member())), "the policy must judge the roles of {kind:?}");
    }
}
