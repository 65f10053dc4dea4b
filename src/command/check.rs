//! `seismolog check`: prints every problem, and nothing if there is none.

use super::test::{check_file, check_tests};
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
    let is_test = |path: &&PathBuf| files::is_test(path);
    let is_config = |path: &&PathBuf| path.extension().is_some_and(|extension| extension == "toml");
    let (tests, others): (Vec<_>, Vec<_>) = args.paths.iter().partition(is_test);
    let (configs, rules): (Vec<_>, Vec<_>) = others.into_iter().partition(is_config);
    let mut problems = Vec::new();
    for path in configs {
        match files::read(path) {
            Ok(text) => problems.extend(Config::parse(&path.display().to_string(), &text).err().into_iter().flatten()),
            Err(problem) => problems.push(problem),
        }
    }
    let rules: Vec<PathBuf> = rules.into_iter().cloned().collect();
    let mut follow_links = false;
    match load_config(&args.settings) {
        Ok(config) => {
            follow_links = config.rules.follow_links;
            match load_rules(&config, &rules) {
                Ok(set) => {
                    problems.extend(set.lints().cloned());
                    problems.extend(check_tests(&set));
                }
                Err(found) => problems.extend(found),
            }
        }
        Err(found) => problems.extend(found),
    }
    for path in tests {
        problems.extend(check_file(path, None));
    }
    for folder in &rules {
        let inside = Some(folder.as_path()).filter(|_| !follow_links);
        files::tests_in(folder).iter().for_each(|path| problems.extend(check_file(path, inside)));
    }
    if problems.is_empty() { Ok(()) } else { Err(Failure::Invalid(problems)) }
}
