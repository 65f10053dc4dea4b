//! `seismolog schema`: prints the JSON Schema of an output format.

use crate::cli::SchemaOf;
use crate::engine::finding;
use crate::error::Failure;
use std::io::Write;

/// Writes the schema as JSON.
///
/// # Errors
/// [`Failure::Cannot`] when the output cannot be written.
pub fn schema(of: SchemaOf, out: &mut dyn Write) -> Result<(), Failure> {
    let schema = match of {
        SchemaOf::Finding => finding::schema(),
    };
    writeln!(out, "{schema:#}")
        .map_err(|error| Failure::cannot(format!("cannot write: {error}"), "check standard output"))
}
