use super::rules::Found;
use super::spec::ForeignRules;
use super::*;
use crate::aws::tags::Tags;

fn spec() -> SecurityGroupSpec {
    SecurityGroupSpec {
        vpc_id: Some("vpc-1".into()),
        group_name: "web".into(),
        description: "Web servers".into(),
        ingress: Some(vec![https("10.0.0.0/8"), from_group("sg-2")]),
        ..Default::default()
    }
}

fn https(cidr: &str) -> SecurityGroupRule {
    SecurityGroupRule { cidr_ipv4: Some(cidr.into()), ..tcp(443, 443) }
}

fn tcp(from: i32, to: i32) -> SecurityGroupRule {
    SecurityGroupRule { from_port: Some(from), to_port: Some(to), ..protocol("tcp") }
}

fn protocol(name: &str) -> SecurityGroupRule {
    SecurityGroupRule { protocol: name.into(), ..Default::default() }
}

fn from_group(id: &str) -> SecurityGroupRule {
    SecurityGroupRule { source_group_id: Some(id.into()), ..tcp(8080, 8090) }
}

fn described(rule: SecurityGroupRule, description: &str) -> SecurityGroupRule {
    SecurityGroupRule { description: Some(description.into()), ..rule }
}

fn everything_out() -> SecurityGroupRule {
    SecurityGroupRule { cidr_ipv4: Some("0.0.0.0/0".into()), ..protocol("all") }
}

fn owner() -> Tags {
    Owner { cluster: "c1".into(), namespace: "shop".into(), name: "web".into(), uid: "u1".into(), agent: "BillGates" }
        .tags()
}

fn found(direction: Direction, rule: SecurityGroupRule, tags: Tags) -> Found {
    let id = rule::text(&rule, direction).unwrap();
    Found { id, direction, rule, tags }
}

fn ours(rule: SecurityGroupRule) -> Found {
    found(Direction::Ingress, rule, owner())
}

fn theirs(rule: SecurityGroupRule) -> Found {
    found(Direction::Ingress, rule, Tags::new())
}

/// The changes that the wanted spec asks for where the group has these rules.
fn changes(wanted: &SecurityGroupSpec, found: &[Found]) -> Vec<Change> {
    let observed = Observed {
        billed: crate::cost::Billed::new(),
        arn: String::new(),
        state: ResourceState::Active,
        detail: None,
        health: Assessment::found(),
        spec: SecurityGroupSpec {
            ingress: rules::listed(found, wanted, &owner(), Direction::Ingress),
            egress: rules::listed(found, wanted, &owner(), Direction::Egress),
            ..wanted.clone()
        },
        tags: owner(),
        outputs: BTreeMap::new(),
    };
    SecurityGroup::diff(wanted, &observed)
}

/// The changes by path, with `+` for what is added and `-` for what goes.
fn differences(wanted: &SecurityGroupSpec, found: &[Found]) -> Vec<String> {
    let sign = |change: &Change| match (&change.from, &change.to) {
        (None, _) => "+",
        (_, None) => "-",
        _ => "",
    };
    changes(wanted, found).iter().map(|change| format!("{}{}", sign(change), change.path)).collect()
}

fn problem(spec: &SecurityGroupSpec) -> (&'static str, String) {
    let Invalid { path, message } = SecurityGroup::validate(spec).unwrap_err();
    (path, message)
}

#[test]
fn rules_read_as_words() {
    let ingress = |rule: &SecurityGroupRule| rule::text(rule, Direction::Ingress).unwrap();
    assert_eq!(ingress(&https("10.0.0.0/8")), "tcp 443 from 10.0.0.0/8");
    assert_eq!(ingress(&from_group("sg-2")), "tcp 8080-8090 from sg-2");
    let ping = SecurityGroupRule { from_port: Some(8), to_port: Some(-1), ..https("10.0.0.0/8") };
    let icmp =
        |name: &str, ping: &SecurityGroupRule| ingress(&SecurityGroupRule { protocol: name.into(), ..ping.clone() });
    assert_eq!(icmp("icmp", &ping), "icmp type 8 from 10.0.0.0/8");
    assert_eq!(icmp("1", &SecurityGroupRule { to_port: Some(0), ..ping }), "icmp type 8 code 0 from 10.0.0.0/8");
    assert_eq!(rule::text(&everything_out(), Direction::Egress).unwrap(), "all to 0.0.0.0/0");
}

#[test]
fn rules_that_mean_the_same_are_the_same() {
    let text = |rule: SecurityGroupRule| rule::text(&rule, Direction::Ingress).unwrap();
    let group = |name: &str| SecurityGroupRule { source_group_id: Some("sg-2".into()), ..protocol(name) };
    assert_eq!(text(SecurityGroupRule { protocol: "6".into(), ..https("10.0.0.0/8") }), text(https("10.1.2.3/8")));
    assert_eq!(text(group("-1")), text(group("all")));
    let all_types = SecurityGroupRule { from_port: Some(-1), to_port: Some(-1), ..group("icmpv6") };
    assert_eq!(text(group("58")), text(all_types));
    let ipv6 = |cidr: &str| SecurityGroupRule { cidr_ipv6: Some(cidr.into()), ..tcp(1, 1) };
    assert_eq!(text(ipv6("2001:DB8:0:0::1/32")), text(ipv6("2001:db8::/32")));
    assert_eq!(rule::ipv6_block("::1/0").unwrap(), "::/0");
    assert_eq!(rule::ipv4_block("1.2.3.4/0").unwrap(), "0.0.0.0/0");
}

#[test]
fn order_and_repetition_have_no_meaning() {
    let wanted = SecurityGroupSpec {
        ingress: Some(vec![from_group("sg-2"), https("10.0.0.0/8"), https("10.0.0.0/8")]),
        ..spec()
    };
    assert!(SecurityGroup::validate(&wanted).is_ok());
    assert!(differences(&wanted, &[ours(https("10.0.0.0/8")), ours(from_group("sg-2"))]).is_empty());
    assert_eq!(SecurityGroup::comparable(&wanted), SecurityGroup::comparable(&spec()));
}

#[test]
fn each_rule_that_comes_or_goes_is_one_change() {
    let there = [ours(https("10.0.0.0/8")), ours(https("192.168.0.0/16"))];
    let expected = ["+ingress[tcp 8080-8090 from sg-2]", "-ingress[tcp 443 from 192.168.0.0/16]"];
    assert_eq!(differences(&spec(), &there), expected);
    assert!(changes(&spec(), &there).iter().all(|change| change.effect == Effect::InPlace));
}

#[test]
fn a_rule_without_a_peer_is_left_out() {
    let wanted = SecurityGroupSpec { ingress: Some(vec![https("10.0.0.0/8"), tcp(1, 2)]), ..spec() };
    assert!(SecurityGroup::validate(&wanted).is_ok());
    assert!(differences(&wanted, &[ours(https("10.0.0.0/8"))]).is_empty());
}

#[test]
fn rules_of_others_stay_unless_they_are_to_be_removed() {
    let there = [ours(https("10.0.0.0/8")), ours(from_group("sg-2")), theirs(https("1.2.3.4/32"))];
    assert!(differences(&spec(), &there).is_empty());
    let strict = SecurityGroupSpec { foreign_rules: Some(ForeignRules::Remove), ..spec() };
    assert_eq!(differences(&strict, &there), ["-ingress[tcp 443 from 1.2.3.4/32]"]);
}

#[test]
fn a_rule_that_others_have_made_serves_as_ours() {
    let wanted = SecurityGroupSpec { ingress: Some(vec![described(https("10.0.0.0/8"), "web")]), ..spec() };
    assert!(differences(&wanted, &[theirs(described(https("10.0.0.0/8"), "by hand"))]).is_empty());
}

#[test]
fn a_rule_of_an_earlier_object_of_the_same_name_is_ours() {
    let mut before = owner();
    before.insert(UID.into(), "u0".into());
    let there = [found(Direction::Ingress, https("1.2.3.4/32"), before.clone())];
    let wanted = SecurityGroupSpec { ingress: Some(Vec::new()), ..spec() };
    assert_eq!(differences(&wanted, &there), ["-ingress[tcp 443 from 1.2.3.4/32]"]);
    before.insert(CLUSTER.into(), "c2".into());
    assert!(differences(&wanted, &[found(Direction::Ingress, https("1.2.3.4/32"), before)]).is_empty());
}

#[test]
fn a_list_that_is_absent_is_left_alone_and_an_empty_one_takes_the_rules_away() {
    let there = [found(Direction::Egress, everything_out(), Tags::new())];
    let silent = SecurityGroupSpec { ingress: None, ..spec() };
    assert!(differences(&silent, &there).is_empty());
    let nothing_out = SecurityGroupSpec { egress: Some(Vec::new()), ..silent.clone() };
    assert_eq!(differences(&nothing_out, &there), ["-egress[all to 0.0.0.0/0]"]);
    let listed = SecurityGroupSpec { egress: Some(vec![everything_out()]), ..silent };
    assert!(differences(&listed, &there).is_empty());
}

#[test]
fn only_the_rule_that_aws_itself_makes_counts_as_one_of_aws() {
    let wanted = SecurityGroupSpec { ingress: None, egress: Some(Vec::new()), ..spec() };
    let by_hand = found(Direction::Egress, described(everything_out(), "needed"), Tags::new());
    let tagged = found(Direction::Egress, everything_out(), Tags::from([("team".into(), "web".into())]));
    let narrower = found(Direction::Egress, https("0.0.0.0/0"), Tags::new());
    assert!(differences(&wanted, &[by_hand, tagged, narrower]).is_empty());
    let everything_in = SecurityGroupSpec { ingress: Some(Vec::new()), ..spec() };
    assert!(differences(&everything_in, &[theirs(everything_out())]).is_empty());
}

#[test]
fn a_description_changes_without_the_rule_and_is_compared_only_where_it_is_given() {
    let wanted = SecurityGroupSpec { ingress: Some(vec![described(https("10.0.0.0/8"), "new")]), ..spec() };
    let there = [ours(described(https("10.0.0.0/8"), "old"))];
    let changes = changes(&wanted, &there);
    assert_eq!(changes[0].path, "ingress[tcp 443 from 10.0.0.0/8].description");
    let plan = Plan::of(&wanted, &changes, Direction::Ingress);
    let expected = Plan { describe: vec![described(https("10.0.0.0/8"), "new")], ..Default::default() };
    assert_eq!(plan, expected);
    let silent = SecurityGroupSpec { ingress: Some(vec![https("10.0.0.0/8")]), ..spec() };
    assert!(differences(&silent, &there).is_empty());
}

#[test]
fn changes_become_rules_to_add_and_rules_to_take_away() {
    let there = [ours(https("10.0.0.0/8")), ours(https("192.168.0.0/16"))];
    let changes = changes(&spec(), &there);
    let plan = Plan::of(&spec(), &changes, Direction::Ingress);
    let texts = BTreeSet::from(["tcp 443 from 192.168.0.0/16".to_owned()]);
    assert_eq!(plan, Plan { add: vec![from_group("sg-2")], remove: texts, ..Default::default() });
    assert_eq!(Plan::of(&spec(), &changes, Direction::Egress), Plan::default());
}

#[test]
fn what_others_have_put_in_the_place_of_our_rule_stays() {
    let texts = BTreeSet::from(["tcp 443 from 1.2.3.4/32".to_owned()]);
    let ids = |found: &[Found]| rules::ids_to_revoke(found, &spec(), &owner(), Direction::Ingress, &texts);
    assert_eq!(ids(&[ours(https("1.2.3.4/32")), ours(https("10.0.0.0/8"))]), ["tcp 443 from 1.2.3.4/32"]);
    assert!(ids(&[theirs(https("1.2.3.4/32"))]).is_empty());
}

#[test]
fn a_group_lets_go_of_other_groups_and_not_of_itself() {
    let there = [ours(from_group("sg-1")), theirs(from_group("sg-2")), ours(https("10.0.0.0/8"))];
    let ids = rules::ids_with_other_groups(&there, "sg-1", Direction::Ingress);
    assert_eq!(ids, ["tcp 8080-8090 from sg-2"]);
    assert!(rules::ids_with_other_groups(&there, "sg-1", Direction::Egress).is_empty());
}

#[test]
fn what_aws_shows_reads_as_what_was_asked_for() {
    let shown = ec2::SecurityGroupRule::builder().security_group_rule_id("sgr-1").is_egress(false);
    let group = ec2::ReferencedSecurityGroup::builder().group_id("sg-2").build();
    let shown = shown.ip_protocol("-1").from_port(-1).to_port(-1).referenced_group_info(group).description("");
    let Found { direction, rule, .. } = rules::found(&shown.build()).unwrap();
    assert_eq!(direction, Direction::Ingress);
    assert_eq!(rule, SecurityGroupRule { source_group_id: Some("sg-2".into()), ..protocol("all") });
    let asked = rule::for_api(&rule);
    assert_eq!((asked.ip_protocol(), asked.from_port()), (Some("-1"), None));
    assert_eq!(asked.user_id_group_pairs()[0].group_id(), Some("sg-2"));
}

#[test]
fn addresses_that_are_none_are_refused_with_their_place() {
    let with = |cidr: &str| SecurityGroupSpec { egress: Some(vec![https(cidr)]), ..spec() };
    for cidr in ["10.0.0.256/8", "10.0.0.0/33", "10.0.0.0"] {
        let (path, message) = problem(&with(cidr));
        assert!(path == "egress" && message.starts_with(cidr), "{message}");
    }
    assert!(SecurityGroup::validate(&with("10.0.0.1/8")).is_ok());
}

#[test]
fn one_rule_with_two_descriptions_is_refused() {
    let rules = vec![described(https("10.0.0.0/8"), "one"), described(https("10.0.0.1/8"), "two")];
    let (path, message) = problem(&SecurityGroupSpec { ingress: Some(rules), ..spec() });
    assert!(path == "ingress" && message.contains("tcp 443 from 10.0.0.0/8"), "{message}");
}

#[test]
fn a_group_needs_a_vpc() {
    assert_eq!(problem(&SecurityGroupSpec { vpc_id: None, ..spec() }).0, "vpcId");
}

#[test]
fn what_aws_cannot_change_needs_another_group() {
    for path in ["vpcId", "groupName", "description"] {
        assert_eq!(SecurityGroup::effect(path), Some(Effect::Replace), "{path}");
    }
    assert_eq!(SecurityGroup::effect("foreignRules"), None);
    assert_eq!(SecurityGroup::effect("ingress.description"), Some(Effect::InPlace));
}
