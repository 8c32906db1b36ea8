//! The lines of a tree of dependencies. Pure.

use super::Node;
use std::collections::{BTreeMap, BTreeSet};

/// The objects of a namespace by name.
#[derive(Debug, Default)]
pub(super) struct Forest(BTreeMap<String, Node>);

/// One line of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// What stands before the name, `None` for where a tree begins.
    pub branch: Option<String>,
    /// The object's name.
    pub name: String,
    /// Whether what stands above can be made before this one.
    pub later: bool,
    /// What is the matter with it.
    pub mark: Mark,
}

/// What is the matter with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Nothing; its own dependencies stand below.
    None,
    /// It was drawn before, with its dependencies.
    ShownAbove,
    /// It is one of those that it hangs from.
    Circle,
    /// There is no such object.
    Missing,
}

impl Line {
    /// How many lines it hangs from.
    pub fn depth(&self) -> usize {
        self.branch.as_ref().map_or(0, |branch| branch.chars().count() / 3)
    }
}

impl Forest {
    pub fn of(nodes: impl Iterator<Item = Node>) -> Self {
        Self(nodes.map(|node| (node.name.clone(), node)).collect())
    }

    pub fn get(&self, name: &str) -> Option<&Node> {
        self.0.get(name)
    }

    /// All trees: of each object that nothing else refers to, and then of what only circles lead to.
    pub fn all(&self) -> Vec<Line> {
        let referred: BTreeSet<&String> =
            self.0.values().flat_map(|node| node.needs.keys().filter(|name| **name != node.name)).collect();
        let (inner, roots): (Vec<&String>, Vec<&String>) = self.0.keys().partition(|name| referred.contains(name));
        let mut pen = Pen { forest: self, drawn: BTreeSet::new(), lines: Vec::new() };
        for name in roots.into_iter().chain(inner) {
            if !pen.drawn.contains(name.as_str()) {
                pen.draw(name, None, "", false, &mut Vec::new());
            }
        }
        pen.lines
    }

    /// The tree of one object; `None` where there is no such object.
    pub fn below(&self, name: &str) -> Option<Vec<Line>> {
        self.0.get(name)?;
        let mut pen = Pen { forest: self, drawn: BTreeSet::new(), lines: Vec::new() };
        pen.draw(name, None, "", false, &mut Vec::new());
        Some(pen.lines)
    }

    /// The objects that the lines tell of, each once.
    pub fn in_lines(&self, lines: &[Line]) -> Vec<&Node> {
        let names: BTreeSet<&str> = lines.iter().map(|line| line.name.as_str()).collect();
        names.into_iter().filter_map(|name| self.get(name)).collect()
    }

    /// The names of those where a circle closes.
    pub fn circles<'a>(&self, lines: &'a [Line]) -> BTreeSet<&'a str> {
        lines.iter().filter(|line| line.mark == Mark::Circle).map(|line| line.name.as_str()).collect()
    }
}

struct Pen<'a> {
    forest: &'a Forest,
    drawn: BTreeSet<&'a str>,
    lines: Vec<Line>,
}

impl<'a> Pen<'a> {
    /// Draws an object and what it refers to. `indent` is what stands before the branches below it.
    fn draw(&mut self, name: &'a str, branch: Option<String>, indent: &str, later: bool, path: &mut Vec<&'a str>) {
        let node = self.forest.get(name);
        let mark = match node {
            None => Mark::Missing,
            Some(_) if path.contains(&name) => Mark::Circle,
            Some(_) if !self.drawn.insert(name) => Mark::ShownAbove,
            Some(_) => Mark::None,
        };
        self.lines.push(Line { branch, name: name.to_owned(), later, mark });
        let Some(node) = node.filter(|_| mark == Mark::None) else { return };
        path.push(name);
        for (index, (below, later)) in node.needs.iter().enumerate() {
            let last = index + 1 == node.needs.len();
            let (branch, further) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            self.draw(below, Some(format!("{indent}{branch}")), &format!("{indent}{further}"), *later, path);
        }
        path.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(in super::super) fn forest(edges: &[(&str, &[&str])]) -> Forest {
        Forest::of(edges.iter().map(|(name, needs)| Node {
            name: (*name).to_owned(),
            needs: needs.iter().map(|need| ((*need).to_owned(), false)).collect(),
            ..Node::default()
        }))
    }

    fn drawn(lines: &[Line]) -> Vec<String> {
        let mark = |line: &Line| if line.mark == Mark::None { String::new() } else { format!(" {:?}", line.mark) };
        lines
            .iter()
            .map(|line| format!("{}{}{}", line.branch.clone().unwrap_or_default(), line.name, mark(line)))
            .collect()
    }

    #[test]
    fn below_an_object_stands_what_it_refers_to_and_a_repeated_one_is_marked() {
        let forest =
            forest(&[("web", &["group", "network"]), ("group", &["network"]), ("network", &["logs"]), ("logs", &[])]);
        assert_eq!(
            drawn(&forest.all()),
            ["web", "├─ group", "│  └─ network", "│     └─ logs", "└─ network ShownAbove"]
        );
        assert_eq!(drawn(&forest.below("group").unwrap()), ["group", "└─ network", "   └─ logs"]);
    }

    #[test]
    fn a_circle_is_shown_where_it_closes_and_nothing_of_it_is_lost() {
        let forest = forest(&[("a", &["b"]), ("b", &["a"]), ("c", &["c"]), ("d", &[])]);
        let lines = forest.all();
        assert_eq!(drawn(&lines), ["c", "└─ c Circle", "d", "a", "└─ b", "   └─ a Circle"]);
        assert_eq!(forest.circles(&lines), ["a", "c"].into());
    }

    #[test]
    fn what_does_not_exist_is_marked() {
        let forest = forest(&[("web", &["gone"])]);
        assert_eq!(drawn(&forest.all()), ["web", "└─ gone Missing"]);
        assert_eq!(forest.below("gone"), None);
    }

    #[test]
    fn a_hundred_layers_of_diamonds_are_drawn_once_each() {
        let names: Vec<String> = (0..200).map(|number| format!("n{number:03}")).collect();
        let needs = |layer: usize| match names.get(2 * layer + 2..2 * layer + 4) {
            Some(pair) => pair.iter().map(String::as_str).collect::<Vec<_>>(),
            None => Vec::new(),
        };
        let layers: Vec<Vec<&str>> = (0..200).map(|number| needs(number / 2)).collect();
        let edges: Vec<(&str, &[&str])> =
            names.iter().map(String::as_str).zip(layers.iter().map(Vec::as_slice)).collect();
        let lines = forest(&edges).all();
        assert_eq!(lines.iter().filter(|line| line.mark == Mark::None).count(), 200);
        assert!(lines.len() <= 400, "{}", lines.len());
    }
}
