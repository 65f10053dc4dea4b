//! Files that a user named: configuration, rules, tables.

use crate::diagnostic::Diagnostic;
use crate::engine::rules::{RuleSource, TableSource};
use crate::io::folder::{self, Text};
use std::fs;
use std::path::{Path, PathBuf};

/// Most bytes of all rules and tables of a directory.
const MOST_BYTES: usize = 64 << 20;

/// Reads a text file.
///
/// # Errors
/// A [`Diagnostic`] that names the file and the system's error.
pub fn read(path: &Path) -> Result<String, Diagnostic> {
    fs::read_to_string(path).map_err(|error| {
        Diagnostic::of_file(&path.display().to_string(), format!("cannot read this file: {error}"))
            .with_hint("check the name and that it may be read; it must be UTF-8 text")
    })
}

/// Writes a text file.
///
/// # Errors
/// The system's error.
pub fn write(path: &Path, text: &str) -> std::io::Result<()> {
    fs::write(path, text)
}

/// True for the name of a file of tests, `*.test.toml`: neither a table nor a configuration.
#[must_use]
pub fn is_test(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(".test.toml"))
}

/// The names of the files of tests in this directory, sorted; none where it is no directory.
#[must_use]
pub fn tests_in(path: &Path) -> Vec<PathBuf> {
    let names = if path.is_dir() { folder::names(path).unwrap_or_default() } else { Vec::new() };
    names.into_iter().map(|name| path.join(name)).filter(|path| is_test(path) && path.is_file()).collect()
}

/// The files that were read: a directory's, or one rule or table.
#[derive(Clone, Debug, Default)]
pub struct RuleFiles {
    /// Files ending in `.rhai`.
    pub rules: Vec<RuleSource>,
    /// Files ending in `.toml` and `.csv`.
    pub tables: Vec<TableSource>,
    /// Paths of rules that are links to files of another kind of name or in another directory. If
    /// such a file is no rule, no diagnostic quotes it.
    pub unquoted: Vec<String>,
}

/// Reads the rules (`*.rhai`) and tables (`*.toml`, `*.csv`) of a directory, or one rule or table,
/// sorted by name. Links that lead out of the directory are refused, unless they are to be
/// followed.
///
/// # Errors
/// One [`Diagnostic`] for each thing that cannot be read.
pub fn read_rules(path: &Path, follow_links: bool) -> Result<RuleFiles, Vec<Diagnostic>> {
    let shown = path.display().to_string();
    if !path.exists() {
        let problem = Diagnostic::of_file(&shown, "there is no such file or directory");
        return Err(vec![
            problem.with_hint("name a directory with rules (*.rhai) and tables (*.toml, *.csv), or one of them"),
        ]);
    }
    let (mut files, mut problems) = (RuleFiles::default(), Vec::new());
    if !path.is_dir() {
        return read_named(path, &shown);
    }
    let names = folder::names(path)
        .map_err(|error| vec![Diagnostic::of_file(&shown, format!("cannot list this directory: {error}"))])?;
    let mut bytes = 0;
    for name in names {
        let file = path.join(&name);
        let Some(kind) = FileKind::of(&file).filter(|_| !is_test(&file)) else { continue };
        match folder::read(path, &name, follow_links) {
            Ok(None) => {}
            Ok(Some(read)) => {
                bytes += read.text.len();
                files.add(kind, &file, read);
            }
            Err(error) => {
                let problem = Diagnostic::of_file(&file.display().to_string(), error.to_string());
                problems.push(problem.with_hint(error.hint()));
            }
        }
        if bytes > MOST_BYTES {
            let message = format!("the rules and tables here have more than {} MiB together", MOST_BYTES >> 20);
            problems.push(Diagnostic::of_file(&shown, message).with_hint("what is so large belongs in a database"));
            break;
        }
    }
    if problems.is_empty() { Ok(files) } else { Err(problems) }
}

/// Reads a rule or a table that the user named, wherever a link leads.
fn read_named(path: &Path, shown: &str) -> Result<RuleFiles, Vec<Diagnostic>> {
    let mut files = RuleFiles::default();
    if is_test(path) {
        return Ok(files);
    }
    let Some(kind) = FileKind::of(path) else {
        return Err(vec![Diagnostic::of_file(shown, "neither a rule (*.rhai) nor a table (*.toml, *.csv)")]);
    };
    let text = read(path).map_err(|problem| vec![problem])?;
    files.add(kind, path, Text { text, is_own: true });
    Ok(files)
}

/// The kind of a file by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FileKind {
    Rule,
    Table,
}

impl FileKind {
    fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "rhai" => Some(Self::Rule),
            "toml" | "csv" => Some(Self::Table),
            _ => None,
        }
    }
}

impl RuleFiles {
    fn add(&mut self, kind: FileKind, file: &Path, Text { text, is_own }: Text) {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let path = file.display().to_string();
        match kind {
            FileKind::Rule => {
                if !is_own {
                    self.unquoted.push(path.clone());
                }
                self.rules.push(RuleSource { name, path, text });
            }
            FileKind::Table => self.tables.push(TableSource { name, path, text }),
        }
    }
}
