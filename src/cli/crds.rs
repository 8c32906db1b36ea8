//! `ccagi-aws-agent crds`: the custom resource definitions as YAML.

use crate::api::crd;
use clap::Args;
use std::path::PathBuf;

/// Where the definitions go.
#[derive(Args, Debug)]
pub struct CrdsConfig {
    /// Folder for one file per definition; standard output where absent.
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// Why the definitions could not be written.
#[derive(Debug, thiserror::Error)]
pub enum CrdsError {
    /// A definition has no YAML form.
    #[error("a definition cannot be written as YAML: {0}")]
    Yaml(#[from] serde_saphyr::ser::Error),
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
    for definition in crd::all() {
        let yaml = serde_saphyr::to_string(&definition)?;
        let Some(dir) = &config.dir else {
            println!("---\n{yaml}");
            continue;
        };
        let path = dir.join(format!("{}.yaml", definition.spec.names.plural));
        std::fs::write(&path, yaml).map_err(|error| CrdsError::File { path, error })?;
    }
    Ok(())
}
