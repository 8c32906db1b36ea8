//! Texts that a schema takes: from the examples in its description, from its patterns, and from a text
//! that it already takes, with a letter or digit changed.

use serde_json::Value;
use std::iter::Peekable;
use std::str::Chars;

/// How many texts are made from one pattern, and how many characters of one text are changed.
const SEEDS: usize = 4;
const CHANGES: usize = 24;

/// The most that a pattern that may repeat for ever is repeated.
const REPETITIONS: usize = 64;

/// What is taken for a policy where the description asks for a JSON document.
const DOCUMENT: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}]}"#;

/// Texts that `node` takes. `list` is the schema whose item it is, if any: its rules speak of the
/// items too.
pub fn texts(node: &Value, list: &Value) -> Vec<String> {
    let description = node["description"].as_str().or(list["description"].as_str()).unwrap_or_default();
    let shown = description.split("such as `").skip(1).filter_map(|rest| rest.split('`').next());
    let mut texts: Vec<String> = shown.map(str::to_owned).collect();
    if description.contains("JSON document") {
        texts.push(DOCUMENT.to_owned());
    }
    let pattern = node["pattern"].as_str().or_else(|| matched(node)).or_else(|| matched(list));
    for seed in 0..SEEDS {
        let lengths = (0..REPETITIONS).map(|extra| match pattern {
            Some(pattern) => generated(pattern, seed, extra),
            None => char::from(b'a' + seed as u8).to_string().repeat(extra + 3),
        });
        // Two of them: the shortest may be empty.
        texts.extend(lengths.filter(|text| fits(text, node)).take(2));
    }
    texts.extend(texts.first().into_iter().flat_map(|text| changed(text)).collect::<Vec<_>>());
    texts.retain(|text| fits(text, node));
    texts
}

/// The text with one letter or digit changed to another of its sort, from the end on.
pub fn changed(text: &str) -> Vec<String> {
    let places = text.char_indices().rev().filter_map(|(at, c)| Some((at, other(c)?)));
    places.take(CHANGES).map(|(at, c)| format!("{}{c}{}", &text[..at], &text[at + 1..])).collect()
}

/// Another letter or digit of the same sort, so that hexadecimal digits stay what they are.
fn other(c: char) -> Option<char> {
    let (first, last) = match c {
        '0'..='9' => ('0', '9'),
        'a'..='f' => ('a', 'f'),
        'g'..='z' => ('g', 'z'),
        'A'..='F' => ('A', 'F'),
        'G'..='Z' => ('G', 'Z'),
        _ => return None,
    };
    Some(if c == last { first } else { char::from(c as u8 + 1) })
}

/// Whether the text has the length that the schema asks for.
pub fn fits(text: &str, node: &Value) -> bool {
    let length = text.chars().count() as u64;
    node["minLength"].as_u64().is_none_or(|least| least <= length)
        && node["maxLength"].as_u64().is_none_or(|most| length <= most)
}

/// The pattern that a CEL rule asks for, of the text itself or of the items of a list.
fn matched(node: &Value) -> Option<&str> {
    super::schema::rules(node).find_map(|rule| {
        let (before, after) = rule["rule"].as_str()?.split_once(".matches('")?;
        let negated = before.rsplit(' ').next().is_some_and(|word| word.starts_with('!'));
        after.split("')").next().filter(|_| !negated)
    })
}

/// A text that the regular expression matches: `seed` picks among alternatives and characters, and
/// `extra` is how often more than it must a part is repeated. It knows what the house's patterns use.
fn generated(pattern: &str, seed: usize, extra: usize) -> String {
    Generator { rest: pattern.chars().peekable(), seed, extra }.alternatives()
}

struct Generator<'a> {
    rest: Peekable<Chars<'a>>,
    seed: usize,
    extra: usize,
}

impl Generator<'_> {
    fn alternatives(&mut self) -> String {
        let mut found = vec![self.sequence()];
        while self.rest.next_if_eq(&'|').is_some() {
            found.push(self.sequence());
        }
        let picked = self.seed % found.len();
        found.swap_remove(picked)
    }

    fn sequence(&mut self) -> String {
        let mut text = String::new();
        while let Some(c) = self.rest.next_if(|c| !matches!(c, '|' | ')')) {
            let part = match c {
                '^' | '$' => continue,
                '(' => {
                    let inner = self.alternatives();
                    self.rest.next_if_eq(&')');
                    inner
                }
                '[' => self.class().to_string(),
                '.' => "x".to_owned(),
                '\\' => self.escaped().to_string(),
                other => other.to_string(),
            };
            text += &part.repeat(self.repetitions());
        }
        text
    }

    fn repetitions(&mut self) -> usize {
        let (least, most) = match self.rest.next_if(|c| matches!(c, '?' | '*' | '+' | '{')) {
            Some('?') => (0, 1),
            Some('*') => (0, REPETITIONS),
            Some('+') => (1, REPETITIONS),
            Some(_) => {
                let bounds: String = self.rest.by_ref().take_while(|c| *c != '}').collect();
                let (least, most) = bounds.split_once(',').unwrap_or((&bounds, &bounds));
                (least.parse().unwrap(), most.parse().unwrap_or(REPETITIONS))
            }
            None => (1, 1),
        };
        (least + self.extra).min(most)
    }

    /// One character of the class, a letter or digit where it has any.
    fn class(&mut self) -> char {
        let negated = self.rest.next_if_eq(&'^').is_some();
        let mut members = Vec::new();
        while let Some(c) = self.rest.next() {
            // A bracket that comes first stands for itself.
            if c == ']' && !members.is_empty() {
                break;
            }
            let first = if c == '\\' { self.escaped() } else { c };
            let mut ahead = self.rest.clone();
            let is_range = ahead.next() == Some('-') && ahead.next().is_some_and(|end| end != ']');
            let last = if is_range { self.range_end() } else { first };
            members.extend(first..=last);
        }
        let all = (' '..='~').filter(|c| members.contains(c) != negated);
        let (plain, odd): (Vec<char>, Vec<char>) = all.partition(char::is_ascii_alphanumeric);
        let choice = if plain.is_empty() { odd } else { plain };
        choice[self.seed % choice.len()]
    }

    fn range_end(&mut self) -> char {
        self.rest.next();
        match self.rest.next().unwrap() {
            '\\' => self.escaped(),
            end => end,
        }
    }

    fn escaped(&mut self) -> char {
        match self.rest.next().unwrap() {
            't' => '\t',
            'n' => '\n',
            'r' => '\r',
            'x' => {
                let digits: String = if self.rest.next_if_eq(&'{').is_some() {
                    self.rest.by_ref().take_while(|c| *c != '}').collect()
                } else {
                    self.rest.by_ref().take(2).collect()
                };
                char::from_u32(u32::from_str_radix(&digits, 16).unwrap()).unwrap()
            }
            other => other,
        }
    }
}

#[test]
fn texts_are_made_from_patterns() {
    let ami = generated("^ami-([0-9a-f]{8}|[0-9a-f]{17})$", 1, 0);
    assert_eq!(ami, format!("ami-{}", "1".repeat(17)));
    assert_eq!(generated(r"^/([!-~]+/)?$", 0, 0), "/");
    assert_eq!(generated("^[][A-Z]+[.]$", 0, 1), "AA.");
    assert_eq!(generated("^([01][0-9]|2[0-3]):[0-5][0-9]$", 0, 0), "00:00");
    assert_eq!(generated(r"^[\t\x20-\x7E\x{A1}-\x{FF}]*$", 0, 2), "00");
}
