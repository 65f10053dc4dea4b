//! Files that a person named: configuration, rules, tables.

use crate::diagnostic::Diagnostic;
use crate::engine::rules::{RuleSource, TableSource};
use std::fs;
use std::path::{Path, PathBuf};

/// Reads a text file.
///
/// # Errors
/// A [`Diagnostic`] that names the file and what the system said.
pub fn read(path: &Path) -> Result<String, Diagnostic> {
    fs::read_to_string(path).map_err(|error| {
        Diagnostic::of_file(&path.display().to_string(), format!("cannot read this file: {error}"))
            .with_hint("check the name and that it may be read; it must be UTF-8 text")
    })
}

/// Writes a text file.
///
/// # Errors
/// What the system said.
pub fn write(path: &Path, text: &str) -> std::io::Result<()> {
    fs::write(path, text)
}

/// True for the name of a file of tests, `*.test.toml`: neither a table nor a configuration.
#[must_use]
pub fn is_test(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(".test.toml"))
}

/// The files of tests in this directory, in the order of their names; none where it is no directory.
#[must_use]
pub fn tests_in(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    let mut tests: Vec<PathBuf> = entries.filter(|path| is_test(path) && path.is_file()).collect();
    tests.sort();
    tests
}

/// Reads the rules (`*.rhai`) and tables (`*.toml`, `*.csv`) of a directory, or one rule or table, in the order of their names.
///
/// # Errors
/// One [`Diagnostic`] for each thing that cannot be read.
pub fn read_rules(path: &Path) -> Result<(Vec<RuleSource>, Vec<TableSource>), Vec<Diagnostic>> {
    let shown = path.display().to_string();
    if !path.exists() {
        let problem = Diagnostic::of_file(&shown, "there is no such file or directory");
        return Err(vec![
            problem.with_hint("name a directory with rules (*.rhai) and tables (*.toml, *.csv), or one of them"),
        ]);
    }
    let mut files: Vec<PathBuf> = if path.is_dir() {
        let entries = fs::read_dir(path)
            .map_err(|error| vec![Diagnostic::of_file(&shown, format!("cannot list this directory: {error}"))])?;
        entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| path.is_file()).collect()
    } else {
        vec![path.to_owned()]
    };
    files.sort();
    let (mut rules, mut tables, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    for file in files {
        if is_test(&file) {
            continue;
        }
        let extension = file.extension().and_then(|extension| extension.to_str());
        if !matches!(extension, Some("rhai" | "toml" | "csv")) {
            if file == path {
                problems.push(Diagnostic::of_file(&shown, "neither a rule (*.rhai) nor a table (*.toml, *.csv)"));
            }
            continue;
        }
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let path = file.display().to_string();
        match read(&file) {
            Ok(text) if extension == Some("rhai") => rules.push(RuleSource { name, path, text }),
            Ok(text) => tables.push(TableSource { name, path, text }),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok((rules, tables)) } else { Err(problems) }
}
