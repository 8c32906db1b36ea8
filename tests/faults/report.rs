//! The table of what was shown.

use super::campaign::{Recorded, Verdict};
use super::plan::{Fault, Plan};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// One workload.
#[derive(Debug)]
pub struct Row {
    workload: String,
    /// Writes that every run makes. One that comes by the clock, and did not come up in runs that were to be
    /// struck there, is none.
    write_sites: usize,
    /// Write sites at which all three faults of writes struck.
    covered: usize,
    plans: usize,
    passed: usize,
    pub failed: Vec<Plan>,
    pub missed: Vec<Plan>,
}

impl Row {
    pub fn of(recorded: &Recorded, verdicts: Vec<(Plan, Verdict)>) -> Self {
        let by_the_clock = |site: &str| {
            let missed = |(plan, verdict): &(Plan, Verdict)| plan.site == site && *verdict == Verdict::Missed;
            recorded.may_come_by_the_clock(site) && verdicts.iter().any(missed)
        };
        let sites: Vec<String> = recorded.write_sites().into_iter().filter(|site| !by_the_clock(site)).collect();
        let mut struck: BTreeMap<&str, BTreeSet<Fault>> = BTreeMap::new();
        for (plan, _) in verdicts.iter().filter(|(_, verdict)| *verdict != Verdict::Missed) {
            struck.entry(&plan.site).or_default().insert(plan.fault);
        }
        let covers = |site: &&String| {
            Fault::AT_WRITES.iter().all(|fault| struck.get(site.as_str()).is_some_and(|of| of.contains(fault)))
        };
        let plans_that = |wanted: fn(&Verdict) -> bool| {
            let found = verdicts.iter().filter(|(_, verdict)| wanted(verdict));
            found.map(|(plan, _)| plan.clone()).collect::<Vec<Plan>>()
        };
        Self {
            workload: recorded.workload.name.clone(),
            write_sites: sites.len(),
            covered: sites.iter().filter(covers).count(),
            plans: verdicts.len(),
            passed: plans_that(|verdict| *verdict == Verdict::Passed).len(),
            failed: plans_that(|verdict| matches!(verdict, Verdict::Failed(_))),
            missed: plans_that(|verdict| *verdict == Verdict::Missed),
        }
    }

    /// Whether the workload is of one of these kinds.
    pub fn is_of(&self, kinds: &[&str]) -> bool {
        self.workload.split('/').next().is_some_and(|kind| kinds.contains(&kind))
    }

    /// Whether every write was struck in every way.
    pub fn is_covered(&self) -> bool {
        self.covered == self.write_sites
    }
}

/// The rows as a table in Markdown, with their sums and how long it took.
pub fn table(rows: &[Row], took: Duration, lanes: usize, seed: u64) -> String {
    let mut text = String::from(
        "| workload | write sites | covered | plans | passed | failed | not met |\n|---|--:|--:|--:|--:|--:|--:|\n",
    );
    let line = |name: &str, numbers: [usize; 6]| {
        let [sites, covered, plans, passed, failed, missed] = numbers;
        format!("| {name} | {sites} | {covered} | {plans} | {passed} | {failed} | {missed} |\n")
    };
    let numbers = |row: &Row| [row.write_sites, row.covered, row.plans, row.passed, row.failed.len(), row.missed.len()];
    for row in rows {
        text += &line(&row.workload, numbers(row));
    }
    let sum = |at: usize| rows.iter().map(|row| numbers(row)[at]).sum::<usize>();
    text += &line("**all**", [sum(0), sum(1), sum(2), sum(3), sum(4), sum(5)]);
    let share = 100.0 * sum(1) as f64 / sum(0).max(1) as f64;
    let rate = sum(2) as f64 / took.as_secs_f64() * 60.0;
    text + &format!(
        "\n{share:.1} % of the write sites were struck in all three ways. {} plans in {:.0} min, {rate:.0} a minute, {lanes} side by side; seed {seed}.\n",
        sum(2),
        took.as_secs_f64() / 60.0
    )
}

/// What became of one sort of plans beyond single calls.
pub struct FamilyRow {
    pub title: &'static str,
    /// How many such plans there are.
    pub all: usize,
    /// Those that were carried out, by workload.
    pub rows: Vec<Row>,
}

/// The sorts of plans beyond single calls as a table in Markdown.
pub fn families(rows: &[FamilyRow]) -> String {
    let mut text = String::from(
        "\nBeyond single calls, as many as are drawn by the seed:\n\n| what goes wrong | plans | carried out | passed | failed | not met |\n|---|--:|--:|--:|--:|--:|\n",
    );
    for FamilyRow { title, all, rows } in rows {
        let sum = |of: fn(&Row) -> usize| rows.iter().map(of).sum::<usize>();
        let (passed, failed, missed) =
            (sum(|row| row.passed), sum(|row| row.failed.len()), sum(|row| row.missed.len()));
        text += &format!("| {title} | {all} | {} | {passed} | {failed} | {missed} |\n", sum(|row| row.plans));
    }
    text
}

/// Puts the table between its marks in a document.
pub fn write_into(document: &std::path::Path, table: &str) {
    const BEGIN: &str = "<!-- faults: begin -->\n";
    const END: &str = "<!-- faults: end -->";
    let text = std::fs::read_to_string(document).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the document has the mark of the table's beginning");
    let (_, after) = rest.split_once(END).expect("the document has the mark of the table's end");
    std::fs::write(document, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
}
