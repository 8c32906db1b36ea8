//! How many there are of each.

use std::collections::BTreeMap;

/// How many there are of each; what there is none of is not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts<K: Ord>(BTreeMap<K, i32>);

impl<K: Ord> Default for Counts<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord> Counts<K> {
    /// Counts one more.
    pub fn add(&mut self, what: K) {
        *self.0.entry(what).or_default() += 1;
    }

    /// Counts one less.
    pub fn remove(&mut self, what: &K) {
        if let Some(count) = self.0.get_mut(what) {
            *count -= 1;
            if *count <= 0 {
                self.0.remove(what);
            }
        }
    }

    /// What there is, in its order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.0.keys()
    }

    /// What there is and how many of each.
    pub fn iter(&self) -> impl Iterator<Item = (&K, i32)> {
        self.0.iter().map(|(what, count)| (what, *count))
    }

    /// How many there are of each part of what is counted.
    pub fn by<L: Ord>(&self, part: impl Fn(&K) -> L) -> Counts<L> {
        let mut counts = Counts::default();
        for (what, count) in self.iter() {
            *counts.0.entry(part(what)).or_default() += count;
        }
        counts
    }

    /// How many there are in all.
    pub fn total(&self) -> i32 {
        self.0.values().sum()
    }
}

impl<K: Ord> Counts<K> {
    /// The counts by the names of what is counted, as a status shows them.
    pub fn by_name(&self, name: impl Fn(&K) -> &'static str) -> BTreeMap<String, i32> {
        self.iter().map(|(what, count)| (name(what).to_owned(), count)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_none_of_is_not_named() {
        let mut counts = Counts::default();
        for what in ["a", "b", "a"] {
            counts.add(what);
        }
        counts.remove(&"b");
        counts.remove(&"never there");
        assert_eq!(counts.iter().collect::<Vec<_>>(), [(&"a", 2)]);
        assert_eq!(counts.total(), 2);
        assert_eq!(counts.by(|what| what.len()).iter().collect::<Vec<_>>(), [(&1, 2)]);
    }
}
