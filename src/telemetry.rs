//! Logs.

use crate::api::text::{harmless_json, one_line};
use crate::config::{LogFormat, RunConfig};
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use tracing::Subscriber;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::format::debug_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

/// What is logged; it may be changed while the process runs.
#[derive(Clone)]
pub struct LogFilter(Arc<reload::Handle<EnvFilter, Registry>>);

/// Why the log filter could not be changed. The one before goes on.
#[derive(Debug, thiserror::Error)]
pub enum LogFilterError {
    /// It cannot be read.
    #[error("not a log filter, such as info or ccagi_aws_agent=debug: {0}")]
    Unreadable(#[from] ParseError),
    /// The logs are gone.
    #[error("the logs are gone: {0}")]
    Gone(#[from] reload::Error),
}

impl LogFilter {
    /// The filter as text.
    ///
    /// # Errors
    /// [`LogFilterError::Gone`].
    pub fn get(&self) -> Result<String, LogFilterError> {
        Ok(self.0.with_current(ToString::to_string)?)
    }

    /// Changes the filter.
    ///
    /// # Errors
    /// [`LogFilterError`]; the one before goes on.
    pub fn set(&self, filter: &str) -> Result<(), LogFilterError> {
        Ok(self.0.reload(EnvFilter::try_new(filter)?)?)
    }
}

/// Sets up logging for the process.
///
/// # Errors
/// Where the filter cannot be read, or logging was set up before.
pub fn init(config: &RunConfig) -> Result<LogFilter, Box<dyn std::error::Error + Send + Sync>> {
    let (filter, handle) = reload::Layer::new(EnvFilter::try_new(&config.log)?);
    let logs = entries(config.log_format, std::io::stderr().is_terminal(), std::io::stderr);
    tracing_subscriber::registry().with(filter).with(logs).try_init()?;
    Ok(LogFilter(Arc::new(handle)))
}

/// Writes each entry as one line, whatever users or AWS wrote into it.
fn entries<S, W>(
    format: LogFormat,
    colours: bool,
    out: impl Fn() -> W + Send + Sync + 'static,
) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Write + 'static,
{
    // The layer's own way to write a value that is shown with `%` leaves in it what begins a line or a colour.
    let values = debug_fn(|writer, field, value| {
        let value = one_line(&format!("{value:?}"));
        match field.name() {
            "message" => write!(writer, "{value}"),
            name => write!(writer, "{name}={value}"),
        }
    });
    let layer = tracing_subscriber::fmt::layer().with_ansi(colours);
    match format {
        LogFormat::Text => layer.fmt_fields(values.delimited(" ")).with_writer(out).boxed(),
        LogFormat::Json => layer.json().with_writer(move || Json(out())).boxed(),
    }
}

/// Writes entries in JSON without what steers a terminal; JSON itself only escapes a part of it.
struct Json<W>(W);

impl<W: Write> Write for Json<W> {
    /// Takes one entry, which is how the layer writes.
    fn write(&mut self, entry: &[u8]) -> std::io::Result<usize> {
        self.0.write_all(harmless_json(&String::from_utf8_lossy(entry)).as_bytes())?;
        Ok(entry.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// What a warning about this name is written as.
    fn logged(name: &str, format: LogFormat, colours: bool) -> String {
        let out = Arc::new(Mutex::new(Vec::new()));
        let target = out.clone();
        let logs = entries(format, colours, move || Shared(target.clone()));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(logs), || {
            tracing::warn!(name, error = %name, "refused: {name}");
        });
        let written = out.lock().unwrap().clone();
        String::from_utf8(written).unwrap()
    }

    #[derive(Clone)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn nobody_writes_an_entry_of_the_log_or_a_colour_into_it() {
        let forged = "web\n2026-12-01T00:00:00Z  INFO reconciled\u{1b}[8m\u{9b}8m\u{202e}";
        for (format, colours) in [(LogFormat::Text, false), (LogFormat::Text, true), (LogFormat::Json, false)] {
            let line = logged(forged, format, colours);
            let (body, end) = line.split_at(line.len() - 1);
            assert_eq!(end, "\n");
            assert!(!body.contains(['\n', '\u{9b}', '\u{202e}']) && !body.contains("\u{1b}[8m"), "{line:?}");
            assert_eq!(colours, body.contains('\u{1b}'), "{line:?}");
            assert!(format == LogFormat::Text || serde_json::from_str::<serde_json::Value>(body).is_ok(), "{line}");
        }
    }
}
