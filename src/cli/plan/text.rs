//! The plan for people.

use super::files::Failure;
use super::rehearsal::REFUSED;
use super::{Report, Row, name_of};
use crate::api::resource::{Change, Effect};
use crate::api::text::one_line;
use crate::cost::usd;
use crate::lifecycle::plan::price::{CostChange, per_month};
use crate::lifecycle::plan::{Plan, Step};
use anstyle::{AnsiColor, Style};
use rust_decimal::Decimal;

/// How much of the reasons for a cost is told before the rest is counted.
const PARTS: usize = 3;

/// Symbol, words and colour of a step.
fn look(step: Step) -> (&'static str, &'static str, Style) {
    let in_colour = |colour: AnsiColor| colour.on_default();
    match step {
        Step::Create => ("+", "create", in_colour(AnsiColor::Green)),
        Step::Adopt => ("~", "take over", in_colour(AnsiColor::Yellow)),
        Step::Update => ("~", "update in place", in_colour(AnsiColor::Yellow)),
        Step::Restart => ("↻", "restart", in_colour(AnsiColor::Magenta)),
        Step::Replace => ("✗", "replace (refused)", in_colour(AnsiColor::Red)),
        Step::Delete => ("-", "delete", in_colour(AnsiColor::Red)),
        Step::Release => ("=", "let go", Style::new()),
        Step::Wait => ("…", "wait", in_colour(AnsiColor::Cyan)),
        Step::Refuse => ("✗", "refused", in_colour(AnsiColor::Red)),
        Step::Nothing => ("=", "nothing", Style::new().dimmed()),
    }
}

/// The whole plan, with colours.
pub(super) fn report(report: &Report) -> String {
    let mut lines: Vec<String> = report.rows.iter().flat_map(row).collect();
    lines.extend(refused(report).flat_map(refusal));
    lines.extend(report.remarks.iter().map(|remark| format!("Note: {}", one_line(remark))));
    lines.push(summary(report));
    lines.join("\n")
}

/// What the API server would not take.
fn refused(report: &Report) -> impl Iterator<Item = &Failure> {
    report.failures.iter().filter(|failure| failure.reason == REFUSED)
}

fn refusal(failure: &Failure) -> [String; 2] {
    let (symbol, words, style) = look(Step::Refuse);
    let Failure { what, reason, message } = failure;
    let head = format!("{style}{symbol} {}{style:#}  {style}{words}{style:#}", one_line(what));
    [head, below(&format!("{reason}: {message}"))]
}

fn row(row: &Row) -> Vec<String> {
    let plan = &row.ahead.plan;
    let (symbol, words, style) = look(plan.step());
    let kind = row.object.spec.kind.the_one().map_or("", |kind| kind.name().as_str());
    let mut head = format!("{style}{symbol} {}{style:#}  {kind}", one_line(&name_of(&row.object)));
    head.extend(plan.id.iter().map(|id| format!(" {}", one_line(id))));
    head += &format!("  {style}{words}{style:#}");
    head.extend(plan.health.iter().map(|health| format!("  {}", health.as_str())));
    let mut lines = vec![head];
    lines.extend(plan.changes.iter().map(|change| below(&line(plan, change))));
    lines.extend(plan.follow_ups.iter().map(|path| below(&format!("{path}: follows from that"))));
    let waits = (!plan.waits_for.is_empty()).then(|| format!("waits for {}", plan.waits_for.join(", ")));
    let why = plan.why().map(|(reason, why)| format!("{reason}: {why}"));
    // What an object costs that stays as it is, is no part of a plan.
    let cost = row.ahead.cost.as_ref().filter(|_| plan.acts()).and_then(cost);
    lines.extend(why.into_iter().chain(waits).chain(cost).map(|text| below(&text)));
    lines.extend(plan.notes.iter().map(|note| below(&format!("note: {note}"))));
    lines
}

/// A line below the object's own. What users and AWS wrote cannot make another.
fn below(text: &str) -> String {
    format!("    {}", one_line(text))
}

fn line(plan: &Plan, change: &Change) -> String {
    let Change { path, to, .. } = change;
    if plan.step() == Step::Create {
        return format!("{path}: {}", to.as_deref().unwrap_or_default());
    }
    let text = format!("{path}: {}", change.in_words());
    match (plan.carries_out(change), plan.step(), change.effect) {
        (true, _, Effect::Restart) => format!("{text} (restart)"),
        (true, _, _) => text,
        (false, _, Effect::Replace) => format!("{text} (refused: it cannot be changed in place)"),
        (false, Step::Wait, _) => format!("{text} (not yet)"),
        (false, _, Effect::Restart) => format!("{text} (refused: it needs a restart)"),
        (false, _, Effect::InPlace) => format!("{text} (left as it is)"),
    }
}

/// What changes in the cost; nothing where nothing does.
fn cost(cost: &CostChange) -> Option<String> {
    let is_zero = |amount: Option<Decimal>| amount.is_some_and(|amount| amount.is_zero());
    let text = match cost.per_day() {
        Some(_) if is_zero(cost.after) && is_zero(cost.before) && !cost.not_included.is_empty() => {
            "cost: by use".to_owned()
        }
        Some(per_day) if per_day.is_zero() => return None,
        Some(per_day) => format!("cost: {}", both(per_day)),
        None => format!("cost: not known, without a price for {}", shortened(&cost.missing)),
    };
    let region = cost.priced_as_in.map(|region| format!(", at prices of {region}")).unwrap_or_default();
    let rest = match cost.not_included.is_empty() {
        true => String::new(),
        false => format!("; not included: {}", shortened(&cost.not_included)),
    };
    Some(format!("{text}{region}{rest}"))
}

fn shortened(parts: &[String]) -> String {
    let shown = parts.iter().take(PARTS).cloned().collect::<Vec<_>>().join(", ");
    match parts.len().saturating_sub(PARTS) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// An amount per day and per month, with its sign.
fn both(per_day: Decimal) -> String {
    format!("{} USD a day, {} a month", signed(per_day), signed(per_month(per_day)))
}

fn signed(amount: Decimal) -> String {
    if amount > Decimal::ZERO { format!("+{}", usd(amount)) } else { usd(amount) }
}

fn summary(report: &Report) -> String {
    let count = |step: Step| report.rows.iter().filter(|row| row.ahead.plan.step() == step).count();
    let parts = [
        (count(Step::Create), "to create"),
        (count(Step::Adopt), "to take over"),
        (count(Step::Update), "to update"),
        (count(Step::Restart), "to restart"),
        (count(Step::Delete), "to delete"),
        (count(Step::Replace) + count(Step::Refuse) + refused(report).count(), "refused"),
        (count(Step::Wait), "waiting"),
        (count(Step::Nothing) + count(Step::Release), "unchanged"),
        (report.failures.len() - refused(report).count(), "that could not be planned"),
    ];
    let told: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    let told = if told.is_empty() { "nothing".to_owned() } else { told.join(", ") };
    format!("Plan: {told}. {}", total(report))
}

fn total(report: &Report) -> String {
    let (total, unknown) = report.cost();
    let text = match total.is_zero() {
        true => "The cost stays the same".to_owned(),
        false => format!("Cost: {}", both(total)),
    };
    let elsewhere: Vec<&str> = report.priced_as_in().into_iter().collect();
    let text = match elsewhere.as_slice() {
        [] => text,
        regions => format!("{text}, for a part at prices of {}", regions.join(", ")),
    };
    match unknown {
        0 => format!("{text}."),
        unknown => format!("{text}, without {unknown} that no price is known for."),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{report, row};
    use super::*;
    use crate::lifecycle::decide::Action;

    fn plain(rows: Vec<Row>) -> String {
        anstream::adapter::strip_str(&super::report(&report(rows))).to_string()
    }

    fn change(path: &str, effect: Effect) -> Change {
        Change { path: path.into(), from: Some("a".into()), to: Some("b".into()), effect }
    }

    #[test]
    fn a_change_is_told_from_what_to_what_and_whether_it_interrupts() {
        let changes = vec![change("instanceType", Effect::Restart), change("tags.team", Effect::InPlace)];
        let text = plain(vec![row(Action::Update(changes.clone()), changes)]);
        let expected =
            "↻ shop/web  Ec2Instance i-1  restart  Healthy\n    instanceType: a → b (restart)\n    tags.team: a → b\n";
        assert!(text.starts_with(expected), "{text}");
        assert!(text.ends_with("Plan: 1 to restart. The cost stays the same."), "{text}");
    }

    #[test]
    fn what_is_made_is_told_by_its_fields_and_what_it_waits_for() {
        let mut made = row(Action::Create, vec![change("subnetId", Effect::InPlace)]);
        (made.ahead.plan.id, made.ahead.plan.health) = (None, None);
        made.ahead.plan.waits_for = vec!["network".into()];
        made.ahead.cost = Some(CostChange {
            before: Some(Decimal::ZERO),
            after: Some(Decimal::new(2496, 4)),
            not_included: vec!["ec2/transfer".into()],
            ..CostChange::default()
        });
        let text = plain(vec![made]);
        assert_eq!(
            text,
            "+ shop/web  Ec2Instance  create\n    subnetId: b\n    waits for network\n    \
             cost: +0.2496 USD a day, +7.592 a month; not included: ec2/transfer\n\
             Plan: 1 to create. Cost: +0.2496 USD a day, +7.592 a month."
        );
    }

    #[test]
    fn what_is_refused_is_told_with_the_reason_and_the_field() {
        let refused = Action::Refuse { reason: "ReplaceRefused", message: "Set it back.".into() };
        let text = plain(vec![row(refused, vec![change("imageId", Effect::Replace)])]);
        assert!(text.contains("✗ shop/web"), "{text}");
        assert!(text.contains("imageId: a → b (refused: it cannot be changed in place)"), "{text}");
        assert!(text.contains("ReplaceRefused: Set it back."), "{text}");
        assert!(text.contains("Plan: 1 refused."), "{text}");
    }

    #[test]
    fn nothing_that_users_or_aws_wrote_makes_a_line_or_a_colour() {
        let forged = "x\nPlan: 0 to delete. The cost stays the same.\u{1b}[8m";
        let changes = vec![Change {
            path: format!("tags.{forged}"),
            from: Some(forged.into()),
            to: Some(forged.into()),
            effect: Effect::InPlace,
        }];
        let mut forger = row(Action::Refuse { reason: "No", message: forged.into() }, changes);
        let plan = &mut forger.ahead.plan;
        (plan.id, plan.notes, plan.waits_for) = (Some(forged.into()), vec![forged.into()], vec![forged.into()]);
        plan.follow_ups = vec![forged];
        forger.object.metadata.name = Some(forged.into());
        let cost =
            CostChange { missing: vec![forged.into()], not_included: vec![forged.into()], ..CostChange::default() };
        forger.ahead.cost = Some(cost);
        let mut report = report(vec![forger]);
        report.remarks.push(forged.into());
        let text = super::report(&report);
        let plain = anstream::adapter::strip_str(&text).to_string();
        assert_eq!(plain.lines().filter(|line| line.starts_with("Plan: ")).count(), 1, "{plain}");
        assert!(plain.lines().all(|line| ["✗ ", "    ", "Note: ", "Plan: "].iter().any(|sign| line.starts_with(sign))));
        assert!(!text.contains("\u{1b}[8m"), "{text:?}");
    }

    #[test]
    fn what_the_api_server_refuses_is_told_beside_what_is_planned() {
        let mut report = report(vec![row(Action::Create, Vec::new())]);
        report.failures.push(Failure::new("shop/wrong", REFUSED, "spec.s3Bucket.bucketName: Invalid value"));
        let text = anstream::adapter::strip_str(&super::report(&report)).to_string();
        let expected = "✗ shop/wrong  refused\n    RefusedByApiServer: spec.s3Bucket.bucketName: Invalid value\n";
        assert!(text.contains(expected), "{text}");
        assert!(text.contains("Plan: 1 to create, 1 refused. "), "{text}");
    }

    #[test]
    fn colours_are_for_terminals_alone() {
        let rows = vec![row(Action::Delete, Vec::new())];
        let text = super::report(&report(rows));
        assert!(text.contains("\u{1b}[31m- shop/web"), "{text:?}");
    }

    #[test]
    fn a_price_that_is_missing_is_told_and_not_taken_for_zero() {
        let mut made = row(Action::Create, Vec::new());
        let missing = vec!["1 × ec2/x99.huge".to_owned()];
        made.ahead.cost = Some(CostChange { before: Some(Decimal::ZERO), missing, ..CostChange::default() });
        let text = plain(vec![made]);
        assert!(text.contains("cost: not known, without a price for 1 × ec2/x99.huge"), "{text}");
        assert!(text.ends_with("without 1 that no price is known for."), "{text}");
    }

    #[test]
    fn the_sum_says_whose_prices_stand_in() {
        let changes = vec![change("a", Effect::InPlace)];
        let mut made = row(Action::Update(changes.clone()), changes);
        made.ahead.cost = Some(CostChange {
            before: Some(Decimal::ZERO),
            after: Some(Decimal::ONE),
            priced_as_in: Some("us-east-1"),
            ..CostChange::default()
        });
        let text = plain(vec![made]);
        assert!(text.ends_with("a month, for a part at prices of us-east-1."), "{text}");
    }
}
