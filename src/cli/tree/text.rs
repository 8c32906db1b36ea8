//! The tree for people.

use super::Node;
use super::branches::{Forest, Line, Mark};
use crate::cli::table::{aligned, text};
use crate::cost::usd;
use rust_decimal::Decimal;
use std::collections::BTreeSet;
use std::str::FromStr;

const HEADER: [&str; COLUMNS] = ["OBJECT", "KIND", "STATE", "HEALTH", "COST/DAY", "TEAM", "READY", "REASON"];

const COLUMNS: usize = 8;

/// The tree with a row for each line, the sum of the costs, and why what is not ready is not, in full.
pub(super) fn table(forest: &Forest, lines: &[Line]) -> String {
    if lines.is_empty() {
        return "No AwsResources.".to_owned();
    }
    let rows = lines.iter().map(|line| cells(forest, line));
    let mut all = aligned(&std::iter::once(HEADER.map(str::to_owned)).chain(rows).collect::<Vec<_>>());
    let nodes = forest.in_lines(lines);
    all.push(total(&nodes));
    all.extend(not_ready(&nodes));
    text(&all)
}

fn cells(forest: &Forest, line: &Line) -> [String; COLUMNS] {
    let mark = match line.mark {
        Mark::None => "",
        Mark::ShownAbove => " (shown above)",
        Mark::Circle => " (closes a circle)",
        Mark::Missing => " (does not exist)",
    };
    let later = if line.later { " (may come later)" } else { "" };
    let object = format!("{}{}{later}{mark}", line.branch.as_deref().unwrap_or_default(), line.name);
    let Some(node) = forest.get(&line.name).filter(|_| line.mark == Mark::None) else {
        let mut cells = [const { String::new() }; COLUMNS];
        cells[0] = object;
        return cells;
    };
    let or_nothing = |text: Option<String>| text.unwrap_or_else(|| "-".into());
    [
        object,
        or_nothing(node.kind.clone()),
        or_nothing(node.state.map(|state| state.as_str().to_owned())),
        or_nothing(node.health.map(|health| health.as_str().to_owned())),
        or_nothing(node.cost_per_day.clone()),
        or_nothing(node.team.clone()),
        node.ready.clone(),
        node.reason.clone(),
    ]
}

fn total(nodes: &[&Node]) -> String {
    let costs: Vec<Option<Decimal>> =
        nodes.iter().map(|node| Decimal::from_str(node.cost_per_day.as_deref()?).ok()).collect();
    let unknown = costs.iter().filter(|cost| cost.is_none()).count();
    let sum = usd(costs.iter().flatten().sum());
    let rest = if unknown > 0 { format!(", without {unknown} whose cost is not known") } else { String::new() };
    let elsewhere = nodes.iter().filter(|node| node.cost_per_day.is_some());
    let elsewhere: BTreeSet<&str> = elsewhere.filter_map(|node| node.priced_as_in.as_deref()).collect();
    let elsewhere = elsewhere.into_iter().collect::<Vec<_>>().join(", ");
    let elsewhere = if elsewhere.is_empty() { String::new() } else { format!(", for a part at prices of {elsewhere}") };
    format!("{} objects, {sum} USD a day{elsewhere}{rest}.", nodes.len())
}

/// What others wait for comes first: there the cause is to be found.
fn not_ready(nodes: &[&Node]) -> Vec<String> {
    let unready: Vec<&&Node> = nodes.iter().filter(|node| !node.is_ready()).collect();
    let waits = |node: &Node| node.needs.keys().any(|name| unready.iter().any(|other| other.name == *name));
    let (waiting, causes): (Vec<&&Node>, Vec<&&Node>) = unready.iter().copied().partition(|node| waits(node));
    causes
        .into_iter()
        .chain(waiting)
        .map(|node| format!("{} is not ready: {}: {}", node.name, node.reason, node.message))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn node(name: &str, needs: &[&str], ready: bool) -> Node {
        Node {
            name: name.into(),
            kind: Some("Ec2Instance".into()),
            cost_per_day: ready.then(|| "0.25".into()),
            team: (name == "web").then(|| "web".into()),
            ready: if ready { "True" } else { "False" }.into(),
            reason: if ready { "Available" } else { "DependencyNotReady" }.into(),
            message: "It waits.".into(),
            needs: needs.iter().map(|need| ((*need).to_owned(), true)).collect::<BTreeMap<_, _>>(),
            ..Node::default()
        }
    }

    #[test]
    fn a_tree_is_a_table_with_the_branches_in_its_first_column() {
        let forest = Forest::of([node("web", &["group"], true), node("group", &[], true)].into_iter());
        let text = table(&forest, &forest.all());
        let expected = "OBJECT                      KIND          STATE   HEALTH   COST/DAY   TEAM   READY   REASON\n\
                        web                         Ec2Instance   -       -        0.25       web    True    Available\n\
                        └─ group (may come later)   Ec2Instance   -       -        0.25       -      True    Available\n\
                        2 objects, 0.50 USD a day.";
        assert_eq!(text, expected);
    }

    #[test]
    fn why_something_is_not_ready_is_told_in_full_the_cause_first() {
        let forest = Forest::of([node("a", &["b"], false), node("b", &[], false)].into_iter());
        let text = table(&forest, &forest.all());
        let told: Vec<&str> = text.lines().filter(|line| line.contains("is not ready")).collect();
        assert_eq!(told[0], "b is not ready: DependencyNotReady: It waits.");
        assert!(told[1].starts_with("a is"), "{told:?}");
        assert!(text.contains("2 objects, 0.00 USD a day, without 2 whose cost is not known."), "{text}");
    }

    #[test]
    fn a_sum_says_whose_prices_stand_in() {
        let there = Node { priced_as_in: Some("us-east-1".into()), ..node("a", &[], true) };
        let forest = Forest::of([there, node("b", &[], true)].into_iter());
        let text = table(&forest, &forest.all());
        assert!(text.contains("2 objects, 0.50 USD a day, for a part at prices of us-east-1."), "{text}");
    }

    #[test]
    fn a_message_with_line_breaks_is_no_second_line() {
        let mut web = node("web", &[], false);
        web.message = "No.\ndb is not ready: Denied: no".into();
        let forest = Forest::of([web].into_iter());
        let text = table(&forest, &forest.all());
        assert!(text.ends_with("\nweb is not ready: DependencyNotReady: No.\\ndb is not ready: Denied: no"), "{text}");
    }

    #[test]
    fn an_empty_namespace_is_said_to_be_empty() {
        assert_eq!(table(&Forest::default(), &[]), "No AwsResources.");
    }
}
