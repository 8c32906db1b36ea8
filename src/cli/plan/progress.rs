//! A line on standard error that says how far the plan is, where somebody can see it.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many objects are planned already.
pub(super) struct Progress {
    done: AtomicUsize,
    all: usize,
    shown: bool,
}

impl Progress {
    /// Of this many objects.
    pub fn of(all: usize) -> Self {
        Self { done: AtomicUsize::new(0), all, shown: std::io::stderr().is_terminal() }
    }

    /// One more is planned.
    pub fn one_more(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        self.show(&format!("\r{done} of {} objects planned", self.all));
    }

    /// Takes the line away.
    pub fn end(&self) {
        self.show("\r\x1b[K");
    }

    fn show(&self, text: &str) {
        if self.shown {
            // A terminal that is gone needs no progress.
            let _ = write!(std::io::stderr(), "{text}");
        }
    }
}
