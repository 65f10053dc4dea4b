//! Runs the tests of the rules in `rules/` and `examples/rules/`, and of the rules in
//! `docs/rules.md`.

use super::run::run;
use super::*;
use crate::config::Config;
use crate::engine::Engine;
use crate::engine::rules::{RuleSet, RuleSource, TableSource};
use crate::event::EventParser;
use crate::event::time::TimeContext;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|found| found == ending)).collect();
    files.sort();
    files
}

fn named(path: &Path) -> (String, String, String) {
    let name = path.file_stem().unwrap().to_string_lossy().into_owned();
    let shown = path.strip_prefix(root()).unwrap().display().to_string();
    (name, shown, std::fs::read_to_string(path).unwrap())
}

fn tables(folder: &str) -> Vec<TableSource> {
    let files = ["toml", "csv"].into_iter().flat_map(|ending| files(folder, ending));
    files.map(|file| named(&file)).map(|(name, path, text)| TableSource { name, path, text }).collect()
}

/// Runs the tests of one rule and returns how many there are; differences are added to `failures`.
fn tried(source: RuleSource, tables: &[TableSource], failures: &mut Vec<String>) -> usize {
    let path = source.path.clone();
    let shown = |problems: Vec<Diagnostic>| problems.iter().map(|problem| format!("{problem}\n")).collect::<String>();
    let set = match RuleSet::compile(&[source], tables) {
        Ok(set) => set,
        Err(problems) => {
            failures.push(shown(problems));
            return 0;
        }
    };
    let Some(tests) = set.tests().next() else { return 0 };
    let suite = match Suite::of_rule(tests) {
        Ok(suite) => suite,
        Err(problems) => {
            failures.push(shown(problems));
            return 0;
        }
    };
    let config = Config::default();
    let parser =
        || EventParser::new(config.names(), config.output.member.clone(), TimeContext::new("UTC", 2026).unwrap());
    for case in &suite.cases {
        let mut engine = Engine::new(&config.engine_options(), set.clone()).with_parser(parser());
        engine.keep_detectors(|detector| case.with.iter().any(|name| name == detector.name()));
        let mismatch = run(case, engine, parser());
        if !mismatch.is_none() {
            failures.push(format!("{path}: {}: {mismatch:#?}", case.name));
        }
    }
    suite.cases.len()
}

fn try_folder(folder: &str) {
    let (tables, mut failures) = (tables(folder), Vec::new());
    let files = files(folder, "rhai");
    assert!(!files.is_empty());
    for file in files {
        let (name, path, text) = named(&file);
        let count = tried(RuleSource { name, path: path.clone(), text }, &tables, &mut failures);
        if count == 0 {
            failures.push(format!("{path} has no tests"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn shipped_rules_pass_their_tests() {
    try_folder("rules");
}

#[test]
fn example_rules_pass_their_tests() {
    ["examples/rules", "examples/elastalert2", "examples/sec"].into_iter().for_each(try_folder);
}

#[test]
fn rules_in_the_guide_pass_their_tests() {
    let text = std::fs::read_to_string(root().join("docs/rules.md")).unwrap();
    let codes = TableSource {
        name: "owners".into(),
        path: "owners.csv".into(),
        text: "module,team,pager\ncheckout,payments,+1\nsearch,discovery,\n".into(),
    };
    let (mut failures, mut count) = (Vec::new(), 0);
    for (i, block) in text.split("```rhai\n").skip(1).enumerate() {
        let block = block.split("```").next().unwrap();
        let source = RuleSource { name: format!("block_{i}"), path: format!("docs/rules.md#{i}"), text: block.into() };
        count += tried(source, std::slice::from_ref(&codes), &mut failures);
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(count >= 18, "{count} tests in the guide");
}
