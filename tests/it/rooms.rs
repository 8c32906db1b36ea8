//! Dependencies run one way: `cli → controllers → lifecycle → kinds → aws`, with `api` below all.

use super::{files, repository};
use std::path::Path;

/// What a room that only judges may not mention.
const JUDGEMENT: &[&str] =
    &["kube::Client", "kube::Api", "Api<", "aws_sdk_", "crate::aws", "crate::lifecycle", "crate::controllers"];

/// A room, and what none of its files may mention.
const ROOMS: &[(&str, &[&str])] = &[
    ("agents", &["kube::Client", "kube::Api", "aws_sdk_", "crate::lifecycle", "crate::controllers", "crate::aws"]),
    ("api", &["kube::Client", "kube::Api", "Api<", "aws_sdk_", "crate::aws", "crate::lifecycle", "crate::controllers"]),
    ("aws", &["kube::", "crate::kinds", "crate::lifecycle", "crate::controllers"]),
    ("cost", JUDGEMENT),
    ("guardrails", JUDGEMENT),
    ("health", JUDGEMENT),
    ("kinds", &["kube::Client", "kube::Api", "Api<", "crate::lifecycle", "crate::controllers", "crate::config"]),
    ("metrics", &["kube::Client", "kube::Api", "aws_sdk_", "crate::kinds", "crate::lifecycle", "crate::controllers"]),
    ("lifecycle", &["aws_sdk_", "crate::controllers", "crate::cli"]),
    ("controllers", &["aws_sdk_", "crate::cli"]),
];

/// Files that only judge: they neither wait nor read the clock.
const PURE: &[&str] = &[
    "lifecycle/decide.rs",
    "lifecycle/intent.rs",
    "lifecycle/orphans/compare.rs",
    "lifecycle/policies.rs",
    "lifecycle/decide/beyond.rs",
    "agents/aggregate.rs",
    "agents/autonomy.rs",
    "agents/decisions.rs",
    "agents/owners.rs",
    "aws/budget/bucket.rs",
    "guardrails/identities.rs",
    "guardrails/mod.rs",
    "guardrails/pattern.rs",
    "kinds/diff.rs",
    "controllers/leader/election.rs",
];

/// A file without its comments, which may speak of anything.
fn code(file: &Path) -> String {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn no_room_reaches_into_one_above_it() {
    for (room, forbidden) in ROOMS {
        for file in files(&repository("src").join(room), "rs") {
            let text = code(&file);
            for word in *forbidden {
                assert!(!text.contains(word), "{} mentions {word}", file.display());
            }
        }
    }
}

#[test]
fn what_decides_does_not_wait_and_takes_its_time_as_a_value() {
    for file in PURE {
        let text = code(&repository("src").join(file));
        for word in [".await", "async fn", "Timestamp::now", "Instant::now", "kube::", "aws_sdk_"] {
            assert!(!text.contains(word), "{file} contains {word}");
        }
    }
}

/// Times of the clock on the wall are for people to read: it may be set back, and a span that is taken by
/// it then lasts for ever. What AWS or another process has written down has no other clock.
#[test]
fn spans_are_measured_by_a_clock_that_nobody_sets() {
    let of_the_wall = ["lifecycle/report.rs", "lifecycle/orphans/compare.rs", "kinds/ec2_instance/checks.rs"];
    for file in files(&repository("src"), "rs") {
        if of_the_wall.iter().any(|name| file.ends_with(name)) {
            continue;
        }
        let text = code(&file).replace("saturating_duration_since", "");
        for word in ["duration_since(", "SignedDuration", "SystemTime::try_from"] {
            assert!(!text.contains(word), "{} contains {word}", file.display());
        }
    }
}

#[test]
fn files_stay_small_enough_to_hold_in_the_head() {
    for file in files(&repository("src"), "rs") {
        let lines = std::fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= 450, "{} has {lines} lines: is it two ideas?", file.display());
    }
}
