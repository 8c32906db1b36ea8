//! `ccagi-aws-agent crds`: the custom resource definitions as YAML, and their reference.

use super::reference;
use crate::api::crd;
use clap::Args;
use std::path::{Path, PathBuf};

/// Where the definitions go.
#[derive(Args, Debug)]
pub struct CrdsConfig {
    /// Folder for one file per definition; standard output where absent.
    #[arg(long)]
    dir: Option<PathBuf>,

    /// File for the reference of all fields, as Markdown.
    #[arg(long)]
    reference: Option<PathBuf>,
}

/// Why the definitions could not be written.
#[derive(Debug, thiserror::Error)]
pub enum CrdsError {
    /// A definition has no YAML form.
    #[error("a definition cannot be written as YAML: {0}")]
    Yaml(#[from] serde_saphyr::ser::Error),
    /// Standard output could not be written to.
    #[error("standard output: {0}")]
    Output(std::io::Error),
    /// A file could not be written.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
}

/// Writes the definitions.
///
/// # Errors
/// [`CrdsError`] names the file that could not be written; those before it were.
pub fn write(config: &CrdsConfig) -> Result<(), CrdsError> {
    let definitions = crd::all();
    if let Some(path) = &config.reference {
        write_file(path, &reference::page(&definitions))?;
    }
    for definition in &definitions {
        let yaml = serde_saphyr::to_string(definition)?;
        let Some(dir) = &config.dir else {
            super::print(&format!("---\n{yaml}")).map_err(CrdsError::Output)?;
            continue;
        };
        let path = dir.join(format!("{}.yaml", definition.spec.names.plural));
        write_file(&path, &yaml)?;
    }
    Ok(())
}

fn write_file(path: &Path, text: &str) -> Result<(), CrdsError> {
    std::fs::write(path, text).map_err(|error| CrdsError::File { path: path.to_owned(), error })
}
