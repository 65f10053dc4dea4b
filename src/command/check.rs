//! `seismolog check`: says what is wrong, and nothing if all is well.

use super::{load_config, load_rules};
use crate::cli::CheckArgs;
use crate::config::Config;
use crate::error::Failure;
use crate::io::files;
use std::path::PathBuf;

/// Checks the configuration, its rules, and every path given.
///
/// # Errors
/// [`Failure::Invalid`] with every problem of every file.
pub fn check(args: &CheckArgs) -> Result<(), Failure> {
    let is_config = |path: &&PathBuf| path.extension().is_some_and(|extension| extension == "toml");
    let (configs, rules): (Vec<_>, Vec<_>) = args.paths.iter().partition(is_config);
    let mut problems = Vec::new();
    for path in configs {
        match files::read(path) {
            Ok(text) => problems.extend(Config::parse(&path.display().to_string(), &text).err().into_iter().flatten()),
            Err(problem) => problems.push(problem),
        }
    }
    let rules: Vec<PathBuf> = rules.into_iter().cloned().collect();
    match load_config(&args.settings) {
        Ok(config) => problems.extend(load_rules(&config, &rules).err().into_iter().flatten()),
        Err(found) => problems.extend(found),
    }
    if problems.is_empty() { Ok(()) } else { Err(Failure::Invalid(problems)) }
}
