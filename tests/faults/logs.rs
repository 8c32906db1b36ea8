//! What is logged: by the controllers within this process, and by processes of the program.

use super::program::Launch;
use std::io::Write;
use std::sync::{Mutex, Once, PoisonError};

/// The lines that hold a secret of some run.
static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Keeps the lines of a log that hold a secret.
struct Listener;

impl Write for Listener {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        if text.contains("canary-") {
            TOLD.lock().unwrap_or_else(PoisonError::into_inner).push(text.into_owned());
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Listens to all that the controllers within this process log.
pub fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let filter = tracing_subscriber::EnvFilter::new("ccagi_aws_agent=debug,warn");
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| Listener).init();
        let secret = "canary-listener";
        tracing::warn!(secret, "the listener hears what is logged");
        assert_eq!(lines_with("no run", secret).len(), 1, "nothing would be heard");
    });
}

/// The lines with this secret that a run has logged.
pub fn lines_with(run: &str, secret: &str) -> Vec<String> {
    let of_programs = std::fs::read_to_string(Launch::log(run)).unwrap_or_default();
    let heard = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    let all = heard.iter().map(String::as_str).chain(of_programs.lines());
    // Runs have numbers, of which one may begin like another.
    let ends =
        |line: &str| line.split(secret).skip(1).any(|rest| !rest.starts_with(|next: char| next.is_ascii_digit()));
    all.filter(|line| ends(line)).map(str::to_owned).collect()
}
