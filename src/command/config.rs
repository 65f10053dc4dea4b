//! `seismolog config`: what would be in force.

use super::load_config;
use crate::cli::Settings;
use crate::error::Failure;
use std::io::Write;

/// Writes the effective configuration as TOML.
///
/// # Errors
/// [`Failure::Invalid`] for a bad file; [`Failure::Cannot`] when it cannot be written.
pub fn config(settings: &Settings, out: &mut dyn Write) -> Result<(), Failure> {
    let config = load_config(settings).map_err(Failure::Invalid)?;
    let text = toml::to_string(&config).map_err(|error| Failure::cannot(error.to_string(), "report this as a bug"))?;
    out.write_all(text.as_bytes())
        .map_err(|error| Failure::cannot(format!("cannot write: {error}"), "check standard output"))
}
