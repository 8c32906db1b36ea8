//! Logs.

use crate::config::{LogFormat, RunConfig};
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Sets up logging for the process.
///
/// # Errors
/// Where the filter cannot be read, or logging was set up before.
pub fn init(config: &RunConfig) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let filter = EnvFilter::try_new(&config.log)?;
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match config.log_format {
        LogFormat::Text => logs.try_init(),
        LogFormat::Json => logs.json().try_init(),
    }
}
