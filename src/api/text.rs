//! How text that users or AWS wrote is shown: on one line, without anything that a terminal would act on, and
//! no longer than its place allows.

/// The text on one line: line breaks and all that steers a terminal or hides text are escaped, such as `\n`
/// or `\u{1b}`. Nobody can then write what looks like a line or a colour of ours.
pub fn one_line(text: &str) -> String {
    text.chars().map(escaped).collect()
}

/// The same, but what was a line of its own stays one, set in below the first.
pub fn indented(text: &str) -> String {
    text.lines().map(one_line).collect::<Vec<_>>().join("\n    ")
}

/// Text that was formatted elsewhere and holds line breaks of ours, such as JSON: all else that steers a
/// terminal is escaped as JSON has it, which it may be wherever JSON allows it at all.
pub fn harmless_json(text: &str) -> String {
    let one = |character: char| match steers(character) && character != '\n' {
        true => format!("\\u{:04x}", u32::from(character)),
        false => character.to_string(),
    };
    text.chars().map(one).collect()
}

fn escaped(character: char) -> String {
    match steers(character) {
        true => character.escape_default().to_string(),
        false => character.to_string(),
    }
}

/// Whether a character breaks a line, steers a terminal, or turns the direction of what follows.
fn steers(character: char) -> bool {
    // Control characters are C0, DEL and C1. The others are the line and paragraph separators and the
    // directional formatting characters of Unicode Standard Annex 9, section 2.
    let turns = '\u{202a}'..='\u{202e}';
    let isolates = '\u{2066}'..='\u{2069}';
    let marks = ['\u{2028}', '\u{2029}', '\u{200e}', '\u{200f}', '\u{61c}'];
    character.is_control() || turns.contains(&character) || isolates.contains(&character) || marks.contains(&character)
}

/// Cuts `text` to at most `limit` characters. What is cut is in the middle, marked by an ellipsis: a message
/// ends with the request id and the next step, which its reader needs most.
pub fn shortened(text: &str, limit: usize) -> String {
    cut(text, limit, |_| 1)
}

/// The same, where the limit is one of bytes.
pub fn shortened_to_bytes(text: &str, limit: usize) -> String {
    cut(text, limit, char::len_utf8)
}

fn cut(text: &str, limit: usize, width: impl Fn(char) -> usize) -> String {
    let long = |text: &str| text.chars().map(&width).sum::<usize>();
    if long(text) <= limit {
        return text.to_owned();
    }
    let room = limit.saturating_sub(width('…'));
    // The end begins at the last request id, if that leaves a good part for the beginning.
    let told = text.rfind(" (request id ").map(|at| &text[at..]).map(&long);
    let for_end = told.filter(|told| *told <= room * 3 / 4).unwrap_or(room / 3);
    let end: String = fitting(text.chars().rev(), for_end, &width).into_iter().rev().collect();
    let start: String = fitting(text.chars(), room - long(&end), &width).into_iter().collect();
    format!("{start}…{end}")
}

/// As many characters as have room.
fn fitting(characters: impl Iterator<Item = char>, room: usize, width: impl Fn(char) -> usize) -> Vec<char> {
    let mut taken = 0;
    characters
        .take_while(|character| {
            taken += width(*character);
            taken <= room
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_or_makes_a_line_is_left() {
        assert_eq!(one_line("a\nPlan: 0 to delete.\r\t"), "a\\nPlan: 0 to delete.\\r\\t");
        assert_eq!(one_line("\u{1b}[32m+\u{9b}0m"), "\\u{1b}[32m+\\u{9b}0m");
        assert_eq!(one_line("a\u{202e}b\u{2028}c\u{7f}"), "a\\u{202e}b\\u{2028}c\\u{7f}");
        assert_eq!(one_line("ä → 'b' \\n"), "ä → 'b' \\n", "what is harmless stays as it is");
    }

    #[test]
    fn lines_that_are_kept_are_set_in() {
        assert_eq!(indented("not YAML:\nline \u{1b}2\n"), "not YAML:\n    line \\u{1b}2");
    }

    #[test]
    fn json_stays_json_of_the_same_meaning() {
        let value = serde_json::json!({"a": "x\u{9b}y\u{202e}\u{7f}\n"});
        let text = harmless_json(&format!("{value:#}"));
        assert!(text.chars().all(|character| character == '\n' || !steers(character)), "{text:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }

    #[test]
    fn a_long_message_keeps_its_request_id_and_next_step() {
        let end = " (request id 1234-5678). Give the role the permission that the message names.";
        let message = format!("s3:PutBucketPolicy failed: {}{end}", "ä".repeat(3000));
        let short = shortened(&message, 1024);
        assert_eq!(short.chars().count(), 1024);
        assert!(short.starts_with("s3:PutBucketPolicy failed: ä") && short.ends_with(end), "{short}");
        let bytes = shortened_to_bytes(&message, 1024);
        assert!(bytes.len() <= 1024 && bytes.len() > 1018 && bytes.ends_with(end), "{}: {bytes}", bytes.len());
    }

    #[test]
    fn a_long_message_without_a_request_id_keeps_its_last_sentence() {
        let message = format!("{}. Correct the reference.", "x".repeat(3000));
        assert!(shortened(&message, 256).ends_with("x. Correct the reference."));
        assert_eq!(shortened("short", 5), "short");
        assert_eq!(shortened("abcdef", 1), "…");
    }
}
