//! Logs.

use crate::config::{LogFormat, RunConfig};
use std::io::IsTerminal;
use std::sync::Arc;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::layer::SubscriberExt;
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
    let logs = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    let logs = match config.log_format {
        LogFormat::Text => logs.boxed(),
        LogFormat::Json => logs.json().boxed(),
    };
    tracing_subscriber::registry().with(filter).with(logs).try_init()?;
    Ok(LogFilter(Arc::new(handle)))
}
