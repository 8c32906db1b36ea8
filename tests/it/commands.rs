//! Commands for people are made in one place (`src/api/commands.rs`), where a story runs each of them.

use super::{files, repository};

/// How a command begins that a person could run.
const PROGRAMS: &[&str] = &["kubectl ", "helm ", "ccagi-aws-agent "];

/// The code of a file that is not a test, without its comments.
fn code(text: &str) -> String {
    let shipped = text.split("#[cfg(test)]").next().unwrap_or_default();
    shipped.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn no_other_place_writes_a_command() {
    let mut made = 0;
    for file in files(&repository("src"), "rs") {
        let text = code(&std::fs::read_to_string(&file).unwrap());
        let found = PROGRAMS.iter().filter(|program| text.contains(*program)).count();
        if file.ends_with("api/commands.rs") {
            made = found;
        } else if !file.ends_with("tests.rs") {
            assert_eq!(found, 0, "{} writes a command; api/commands.rs is the place for it", file.display());
        }
    }
    assert!(made >= 2, "the place where commands are made was not found");
}
