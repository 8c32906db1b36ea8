//! Tells values apart that are shown cut, or not at all.
//!
//! A digest that everybody can compute gives a short value away to whoever tries all of them. These are made
//! with a key that only this process has: equal values have equal digests within one run of the program, and
//! nobody else can compute one. Whatever is compared across runs must not depend on them.

use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// Hexadecimal digits of a digest: 64 bits. Without the key nobody can look for two values of one digest.
const DIGITS: usize = 16;

/// What stands before the digest of a value that was cut. A value that has these words itself is treated as
/// one that was cut, so that none can be written to read like another.
const MARK: &str = "… (digest ";

static KEY: LazyLock<[u8; 32]> = LazyLock::new(rand::random);

/// Where a value comes from. Digests of one place say nothing about values of another: whoever may declare
/// values could otherwise declare guesses until one has the digest of what AWS has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The name of a field.
    Path,
    /// A value that AWS has.
    Aws,
    /// A value that a spec declares.
    Spec,
}

fn digest(value: &str, place: Place) -> String {
    // The key has one length and the digest is cut, so that no digest leads on to that of a longer value.
    let digest = Sha256::new().chain_update(*KEY).chain_update([place as u8]).chain_update(value).finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()[..DIGITS].to_owned()
}

/// What stands for a value that is not shown.
pub(super) fn hidden(value: &str, place: Place) -> String {
    format!("(hidden, digest {})", digest(value, place))
}

/// A text of at most `limit` characters that no other value of the place has: the value itself, or its beginning, a
/// digest of the whole of it and its length.
pub(super) fn cut(value: &str, limit: usize, place: Place) -> String {
    let characters = value.chars().count();
    if characters <= limit && !value.contains(MARK) {
        return value.to_owned();
    }
    let end = format!("{MARK}{} of {characters} characters)", digest(value, place));
    let room = limit.saturating_sub(end.chars().count());
    value.chars().take(room).chain(end.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_value_is_shown_as_it_is() {
        assert_eq!(cut("t3.small", 256, Place::Spec), "t3.small");
    }

    #[test]
    fn a_digest_is_none_that_anybody_can_compute() {
        let plain: String = Sha256::digest("hunter2").iter().map(|byte| format!("{byte:02x}")).collect();
        let of = |place| hidden("hunter2", place);
        assert_eq!(of(Place::Aws), of(Place::Aws));
        assert!(!of(Place::Aws).contains(&plain[..DIGITS]));
        assert_ne!(of(Place::Aws), of(Place::Spec), "what AWS has cannot be guessed by declaring it");
    }
}
