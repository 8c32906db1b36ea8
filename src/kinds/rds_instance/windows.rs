//! The rules of backup and maintenance windows that one object shows (API reference, CreateDBInstance:
//! half an hour at least, and apart from each other).

use kube::core::Rule;

/// Beginning and end in CEL, in minutes.
pub(super) type Span = [String; 2];

/// Of `03:00-03:30`, in minutes of the day.
pub(super) fn of_day(window: &str) -> Span {
    [0, 6].map(|at| minutes(window, at))
}

/// Of `sun:04:00-sun:04:30`, in minutes of the week.
pub(super) fn of_week(window: &str) -> Span {
    // Of a list, the API server cannot tell what a search costs, and refuses the rule.
    const DAYS: &str = "'montuewedthufrisatsun'";
    [0, 10].map(|at| {
        let day = format!("{DAYS}.indexOf({window}.substring({at}, {})) * 480", at + 3);
        format!("{day} + {}", minutes(window, at + 4))
    })
}

fn minutes(window: &str, at: usize) -> String {
    let number = |from: usize| format!("int({window}.substring({from}, {}))", from + 2);
    format!("{} * 60 + {}", number(at), number(at + 3))
}

/// How long it is from one moment to another, where time comes round after so many minutes.
fn between(from: &str, to: &str, round: u32) -> String {
    format!("(({to} - ({from})) % {round} + {round}) % {round}")
}

/// The window `field` is half an hour long or longer, where it has a window's form.
pub(super) fn half_an_hour(field: &str, has_form: &str, [from, to]: Span, round: u32) -> Rule {
    Rule::new(format!("!{has_form} || {} >= 30", between(&from, &to, round)))
        .message(format!("{field} must be at least 30 minutes long").as_str())
}

/// Backups and maintenance are at different times of the day.
pub(super) fn apart() -> Rule {
    let ([backup, backed_up], [begin, end]) = (of_day("self.backupWindow"), of_week("self.maintenanceWindow"));
    let rule = format!(
        "!has(self.backupWindow) || !has(self.maintenanceWindow) || size(self.backupWindow) != 11 || \
         size(self.maintenanceWindow) != 19 || ({} >= {} && {} >= {})",
        between(&begin, &backup, 1440),
        between(&begin, &end, 10080),
        between(&backup, &begin, 1440),
        between(&backup, &backed_up, 1440),
    );
    Rule::new(rule).message("backupWindow and maintenanceWindow must not overlap")
}
