//! stub
use crate::cli::DemoArgs;
use crate::error::Failure;
use std::io::Write;
/// stub
pub fn demo(_: &DemoArgs, _: &mut dyn Write) -> Result<(), Failure> { Ok(()) }
