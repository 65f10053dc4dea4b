//! `seismolog test`: runs the tests of rules and configurations.

use super::{Loaded, Sources, load_config, load_rules, read_sources};
use crate::cli::{Settings, TestArgs};
use crate::config::Config;
use crate::diagnostic::Diagnostic;
use crate::engine::finding::DetectorName;
use crate::engine::rules::RuleSet;
use crate::error::Failure;
use crate::io::files;
use crate::suite::case::Case;
use crate::suite::report::{Report, Verdict};
use crate::suite::{Suite, run};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Runs the tests that `args` name and prints how they went.
///
/// # Errors
/// [`Failure::Invalid`] when a rule, configuration or test is none; [`Failure::Tests`] when one failed.
pub fn test(args: &TestArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let suites = load_suites(args).map_err(Failure::Invalid)?;
    let mut report = Report::default();
    for loaded in &suites {
        for case in &loaded.suite.cases {
            let (path, name) = (&loaded.suite.path, &case.name);
            if args.filter.as_ref().is_some_and(|text| !path.contains(text) && !name.contains(text)) {
                continue;
            }
            let started = Instant::now();
            let mismatch = run::run(case, loaded.stage.engine(case), loaded.stage.base().looker()?);
            let seconds = started.elapsed().as_secs_f64();
            report.verdicts.push(Verdict {
                path: path.clone(),
                line: case.line,
                name: name.clone(),
                mismatch,
                seconds,
            });
        }
    }
    if let Some(path) = &args.junit {
        files::write(path, &report.junit()).map_err(|error| {
            let message = format!("cannot write {}: {error}", path.display());
            Failure::cannot(message, "--junit takes a file that can be written")
        })?;
    }
    let written = out.write_all(report.text().as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| Failure::cannot(format!("cannot write: {error}"), "check standard output"))?;
    match report.failed() {
        0 => Ok(()),
        failed => Err(Failure::Tests { failed, all: report.verdicts.len() }),
    }
}

/// A file of tests and what they run on.
struct Ready {
    suite: Suite,
    stage: Stage,
}

/// What tests run on.
enum Stage {
    /// One rule, and for each list of `with` that some test has, what else.
    Rule(BTreeMap<Vec<String>, Loaded>),
    /// All that the configuration names.
    Configuration(Box<Loaded>),
}

impl Stage {
    fn base(&self) -> &Loaded {
        match self {
            // There is one for each case, so at least one where a case asks.
            Self::Rule(sets) => sets.values().next().unwrap_or_else(|| unreachable!("a suite with a case has a set")),
            Self::Configuration(loaded) => loaded,
        }
    }

    fn engine(&self, case: &Case) -> crate::engine::Engine {
        match self {
            Self::Rule(sets) => {
                let mut engine = sets.get(&case.with).unwrap_or_else(|| self.base()).timeless_engine();
                engine.keep_detectors(|detector| case.with.iter().any(|name| name == detector.name()));
                engine
            }
            Self::Configuration(loaded) => loaded.timeless_engine(),
        }
    }
}

fn load_suites(args: &TestArgs) -> Result<Vec<Ready>, Vec<Diagnostic>> {
    let config = load_config(&args.settings)?;
    let (mut sources, mut problems) = read_sources(&config, &[]);
    let mut configurations: Vec<PathBuf> = Vec::new();
    let mut wanted: Vec<String> = Vec::new();
    for path in &args.paths {
        if files::is_test(path) {
            configurations.push(path.clone());
            continue;
        }
        configurations.extend(files::tests_in(path));
        match files::read_rules(path) {
            Ok((rules, tables)) => {
                wanted.extend(rules.iter().map(|rule| rule.path.clone()));
                sources.rules.extend(rules);
                sources.tables.extend(tables);
            }
            Err(found) => problems.extend(found),
        }
    }
    if args.paths.is_empty() {
        configurations.extend(config.rules.paths.iter().flat_map(|path| files::tests_in(path)));
    }
    let mut ready = Vec::new();
    match sources.compile() {
        Ok(set) => {
            for tests in set.tests().filter(|tests| args.paths.is_empty() || wanted.contains(&tests.path)) {
                match Suite::of_rule(tests).and_then(|suite| stage_of_rule(suite, &sources, &set)) {
                    Ok(suite) => ready.push(suite),
                    Err(found) => problems.extend(found),
                }
            }
        }
        Err(found) => problems.extend(found),
    }
    for path in configurations {
        match configuration(&path) {
            Ok(suite) => ready.push(suite),
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() { Ok(ready) } else { Err(problems) }
}

/// Compiles what the tests of one rule run on.
fn stage_of_rule(suite: Suite, sources: &Sources, all: &RuleSet) -> Result<Ready, Vec<Diagnostic>> {
    let rule = suite.rule.clone().unwrap_or_default();
    let mut sets = BTreeMap::new();
    for case in &suite.cases {
        if sets.contains_key(&case.with) {
            continue;
        }
        let is_detector = |name: &str| DetectorName::ALL.iter().any(|detector| detector.name() == name);
        if let Some(name) = case.with.iter().find(|name| !is_detector(name) && !all.names().any(|rule| rule == **name))
        {
            let mut problem =
                Diagnostic::of_file(&suite.path, format!("`with` names {name:?}, which is no detector and no rule"));
            problem.line = case.line;
            return Err(vec![problem.with_hint("name detectors such as \"loop\", or rules of the same files")]);
        }
        let names: Vec<&str> = std::iter::once(rule.as_str()).chain(case.with.iter().map(String::as_str)).collect();
        let loaded = Loaded { config: Config::default(), rules: sources.only(&names).compile()?, near_misses: false };
        sets.insert(case.with.clone(), loaded);
    }
    Ok(Ready { suite, stage: Stage::Rule(sets) })
}

/// Reads a `*.test.toml` and what it names.
fn configuration(path: &Path) -> Result<Ready, Vec<Diagnostic>> {
    let folder = path.parent().map(PathBuf::from).unwrap_or_default();
    let text = files::read(path).map_err(|problem| vec![problem])?;
    let read = |name: &str| {
        files::read(&folder.join(name)).map_err(|problem| format!("{}: {}", problem.path, problem.message))
    };
    let suite = Suite::of_configuration(&path.display().to_string(), &text, &read)?;
    let settings = Settings {
        config: suite.config.as_ref().map(|name| folder.join(name)),
        rules: suite.rules.iter().map(|name| folder.join(name)).collect(),
        ..Settings::default()
    };
    // The variables of this process are not the configuration's: a test gives the same wherever it runs.
    let config = super::merge(&settings, BTreeMap::new())?;
    let rules = load_rules(&config, &[])?;
    Ok(Ready { suite, stage: Stage::Configuration(Box::new(Loaded { config, rules, near_misses: false })) })
}

/// What is wrong with the tests of these rules.
pub(super) fn check_tests(rules: &RuleSet) -> Vec<Diagnostic> {
    rules.tests().filter_map(|tests| Suite::of_rule(tests).err()).flatten().collect()
}

/// What is wrong with this file of tests, or what it names.
pub(super) fn check_file(path: &Path) -> Vec<Diagnostic> {
    configuration(path).err().unwrap_or_default()
}
