//! Tests of rules and of whole configurations, described in `docs/rule-tests.md`: events go through
//! the real parser and the real engine on a simulated clock, and the effects are compared with
//! expectations.
//!
//! `case` reads a test, `expectation` reads and compares expectations, `run` drives the engine,
//! `effect` represents what the engine did, `report` shows results to people and CI.

pub mod case;
pub mod effect;
pub mod expectation;
#[cfg(test)]
mod library;
pub mod report;
pub mod run;
#[cfg(test)]
mod tests;

use crate::diagnostic::Diagnostic;
use crate::engine::rules::RuleTests;
use case::Case;
use serde_json::Value;

/// The tests of one file.
#[derive(Debug)]
pub struct Suite {
    /// The file's name, as the user gave it.
    pub path: String,
    /// The tested rule; none if a whole configuration is tested.
    pub rule: Option<String>,
    /// The tested configuration, relative to the file.
    pub config: Option<String>,
    /// Additional rules, relative to the file.
    pub rules: Vec<String>,
    /// The tests, in the order of the file.
    pub cases: Vec<Case>,
}

impl Suite {
    /// The tests that are written in a rule.
    ///
    /// # Errors
    /// The errors in them, each with the line of its test.
    pub fn of_rule(tests: &RuleTests) -> Result<Self, Vec<Diagnostic>> {
        let places = tests.cases.iter().map(|(line, value)| (*line, value));
        let cases = cases(&tests.path, &tests.text, places, true, &|_| Err("only *.test.toml reads files".into()))?;
        Ok(Self { path: tests.path.clone(), rule: Some(tests.rule.clone()), config: None, rules: Vec::new(), cases })
    }

    /// The tests of a `*.test.toml`; `read` returns the content of a file that is named relative to
    /// it.
    ///
    /// # Errors
    /// The errors in it.
    pub fn of_configuration(
        path: &str,
        text: &str,
        read: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<Self, Vec<Diagnostic>> {
        let file: toml::Table = toml::from_str(text).map_err(|error: toml::de::Error| {
            let offset = error.span().map_or(0, |span| span.start);
            vec![Diagnostic::at(path, text, offset, error.message().to_owned())]
        })?;
        let mut problems = Vec::new();
        let mut suite = Self { path: path.to_owned(), rule: None, config: None, rules: Vec::new(), cases: Vec::new() };
        let mut tests = Vec::new();
        for (name, value) in file {
            match (name.as_str(), value) {
                ("config", toml::Value::String(config)) => suite.config = Some(config),
                ("rules", toml::Value::Array(paths)) if paths.iter().all(toml::Value::is_str) => {
                    suite.rules = paths.iter().filter_map(|path| path.as_str().map(str::to_owned)).collect();
                }
                ("test", toml::Value::Array(found)) => {
                    tests = found.into_iter().map(|test| serde_json::to_value(test).unwrap_or_default()).collect();
                }
                ("config", _) => problems.push(Diagnostic::of_file(path, "`config` is the name of a file")),
                ("rules", _) => problems.push(Diagnostic::of_file(path, "`rules` is an array of names of files")),
                ("test", _) => problems.push(Diagnostic::of_file(path, "a test begins with `[[test]]`")),
                (other, _) => {
                    let at = text.find(other).unwrap_or(0);
                    let hint = "known: config, rules, test";
                    problems.push(Diagnostic::at(path, text, at, format!("unknown name `{other}`")).with_hint(hint));
                }
            }
        }
        let lines = text.lines().enumerate().filter(|(_, line)| line.trim_start().starts_with("[[test]]"));
        let lines: Vec<usize> = lines.map(|(i, _)| i + 1).collect();
        let places = tests.iter().enumerate().map(|(i, value)| (lines.get(i).copied().unwrap_or(0), value));
        match cases(path, text, places, false, read) {
            Ok(cases) if problems.is_empty() => suite.cases = cases,
            Ok(_) => return Err(problems),
            Err(found) => return Err(problems.into_iter().chain(found).collect()),
        }
        Ok(suite)
    }
}

fn cases<'a>(
    path: &str,
    text: &str,
    tests: impl Iterator<Item = (usize, &'a Value)>,
    of_rule: bool,
    read: &dyn Fn(&str) -> Result<String, String>,
) -> Result<Vec<Case>, Vec<Diagnostic>> {
    let (mut cases, mut problems): (Vec<Case>, Vec<Diagnostic>) = (Vec::new(), Vec::new());
    for (line, value) in tests {
        let mut add = |message: String| {
            let mut problem = Diagnostic::of_file(path, message);
            if line > 0 {
                (problem.line, problem.column) = (line, 1);
                problem.source = text.lines().nth(line - 1).unwrap_or_default().to_owned();
                problem.column += problem.source.chars().take_while(|c| c.is_whitespace()).count();
            }
            problem.hint = Some("docs/rule-tests.md has the format".into());
            problems.push(problem);
        };
        match Case::read(line, value, of_rule, read) {
            Ok(case) if cases.iter().any(|other| other.name == case.name) => {
                add(format!("there are two tests named {:?}", case.name));
            }
            Ok(case) => cases.push(case),
            Err(found) => found.into_iter().for_each(add),
        }
    }
    if problems.is_empty() { Ok(cases) } else { Err(problems) }
}
