//! `seismolog config`: prints the effective configuration, or the schema of configuration files.

use super::load_config;
use crate::cli::ConfigArgs;
use crate::config::schema::schema;
use crate::error::Failure;
use crate::plain::plain_document;
use std::io::Write;

/// Writes the effective configuration as TOML, or the schema of configuration files as JSON.
///
/// # Errors
/// [`Failure::Invalid`] for a bad file or variable; [`Failure::Cannot`] when the output cannot be
/// written.
pub fn config(args: &ConfigArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let text = if args.schema {
        serde_json::to_string_pretty(&schema()).map(|text| text + "\n").map_err(|error| error.to_string())
    } else {
        let config = load_config(&args.settings).map_err(Failure::Invalid)?;
        toml::to_string(&config).map(|text| plain_document(&text)).map_err(|error| error.to_string())
    };
    let text = text.map_err(|error| Failure::cannot(error, "report this as a bug"))?;
    out.write_all(text.as_bytes())
        .map_err(|error| Failure::cannot(format!("cannot write: {error}"), "check standard output"))
}
