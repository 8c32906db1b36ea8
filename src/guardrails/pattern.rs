//! Patterns in which `*` stands for any characters, `/` included, as in IAM policies.

/// Whether the whole text is as the pattern says. The case of letters counts.
pub fn covers(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters_and_everything_else_for_itself() {
        for (pattern, text) in [
            ("app-*", "app-orders"),
            ("app-*", "app-"),
            ("*", ""),
            ("*", "x"),
            ("a*c*e", "abcde"),
            ("a*a", "aa"),
            ("x", "x"),
        ] {
            assert!(covers(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("app-*", "App-orders"),
            ("app-*", "my-app-orders"),
            ("a*a", "a"),
            ("a.c", "abc"),
            ("x", "xy"),
            ("", "x"),
            ("a*b*c", "acb"),
        ] {
            assert!(!covers(pattern, text), "{pattern} {text}");
        }
    }
}
