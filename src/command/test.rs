//! `seismolog test`: runs the tests of rules and configurations.

use super::{Loaded, Sources, load_config, load_rules, read_sources};
use crate::cli::{Settings, TestArgs};
use crate::config::Config;
use crate::diagnostic::Diagnostic;
use crate::engine::finding::DetectorName;
use crate::engine::rules::RuleSet;
use crate::error::Failure;
use crate::io::files;
use crate::io::folder::{self, Unread};
use crate::suite::case::Case;
use crate::suite::report::{TestReport, TestVerdict};
use crate::suite::{Suite, run};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Runs the tests that `args` names and prints their results.
///
/// # Errors
/// [`Failure::Invalid`] when a rule, a configuration or a test is invalid; [`Failure::Tests`] when
/// a test failed.
pub fn test(args: &TestArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let suites = load_suites(args).map_err(Failure::Invalid)?;
    let mut report = TestReport::default();
    for loaded in &suites {
        for case in &loaded.suite.cases {
            let (path, name) = (&loaded.suite.path, &case.name);
            if args.filter.as_ref().is_some_and(|text| !path.contains(text) && !name.contains(text)) {
                continue;
            }
            let started = Instant::now();
            let mismatch = run::run(case, loaded.stage.engine(case), loaded.stage.base().parser()?);
            let seconds = started.elapsed().as_secs_f64();
            report.verdicts.push(TestVerdict {
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

/// A file of tests and what they run against.
struct Ready {
    suite: Suite,
    stage: Stage,
}

/// What tests run against.
enum Stage {
    /// One rule, compiled with each list of other rules that a test names in `with`.
    Rule(BTreeMap<Vec<String>, Loaded>),
    /// A whole configuration.
    Configuration(Box<Loaded>),
}

impl Stage {
    fn base(&self) -> &Loaded {
        match self {
            // Each case has a set, so one exists wherever a case asks for it.
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
    // Test files, each with the directory in which it was found, if it was not named itself.
    let mut configurations: Vec<(PathBuf, Option<&Path>)> = Vec::new();
    let found_in = |path| files::tests_in(path).into_iter().map(move |file| (file, Some(path)));
    let mut wanted: Vec<String> = Vec::new();
    for path in &args.paths {
        if files::is_test(path) {
            configurations.push((path.clone(), None));
            continue;
        }
        configurations.extend(found_in(path));
        match files::read_rules(path, config.rules.follow_links) {
            Ok(files) => {
                wanted.extend(files.rules.iter().map(|rule| rule.path.clone()));
                sources.add(files);
            }
            Err(found) => problems.extend(found),
        }
    }
    if args.paths.is_empty() {
        configurations.extend(config.rules.paths.iter().flat_map(|path| found_in(path)));
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
    for (path, found_in) in configurations {
        match configuration(&path, found_in.filter(|_| !config.rules.follow_links)) {
            Ok(suite) => ready.push(suite),
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() { Ok(ready) } else { Err(problems) }
}

/// Compiles what the tests of one rule run against.
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
        let loaded = Loaded::new(Config::default(), sources.only(&names).compile()?);
        sets.insert(case.with.clone(), loaded);
    }
    Ok(Ready { suite, stage: Stage::Rule(sets) })
}

/// Reads a `*.test.toml` and the files that it names. If it was found in the directory `inside`, it
/// may only name files in there: the person who runs the tests may be allowed to read files that
/// the test's author may not.
fn configuration(path: &Path, inside: Option<&Path>) -> Result<Ready, Vec<Diagnostic>> {
    let shown = path.display().to_string();
    let folder = path.parent().map(PathBuf::from).unwrap_or_default();
    let resolve = |path: PathBuf| folder::resolve(inside, path);
    let refused = |error: Unread| Diagnostic::of_file(&shown, error.to_string()).with_hint(error.hint());
    let path = resolve(path.to_owned()).map_err(|error| vec![refused(error)])?;
    let text = files::read(&path).map_err(|problem| vec![problem])?;
    let named = |name: &str| {
        resolve(folder.join(name))
            .map_err(|_| format!("{name} is outside of the directory that this file was found in"))
    };
    let read =
        |name: &str| files::read(&named(name)?).map_err(|problem| format!("{}: {}", problem.path, problem.message));
    let suite = Suite::of_configuration(&shown, &text, &read)?;
    let outside = |message: String| {
        let hint = "name this file itself, or set follow_links = true in [rules] to trust who writes there";
        vec![Diagnostic::of_file(&shown, message).with_hint(hint)]
    };
    let settings = Settings {
        config: suite.config.as_deref().map(named).transpose().map_err(outside)?,
        rules: suite.rules.iter().map(|name| named(name)).collect::<Result<_, _>>().map_err(outside)?,
        ..Settings::default()
    };
    // Environment variables are ignored, so that a test gives the same result wherever it runs.
    let config = super::merge(&settings, BTreeMap::new())?;
    let rules = load_rules(&config, &[])?;
    Ok(Ready { suite, stage: Stage::Configuration(Box::new(Loaded::new(config, rules))) })
}

/// The problems of these rules' tests.
pub(super) fn check_tests(rules: &RuleSet) -> Vec<Diagnostic> {
    rules.tests().filter_map(|tests| Suite::of_rule(tests).err()).flatten().collect()
}

/// The problems of this test file and of the files that it names.
pub(super) fn check_file(path: &Path, inside: Option<&Path>) -> Vec<Diagnostic> {
    configuration(path, inside).err().unwrap_or_default()
}
