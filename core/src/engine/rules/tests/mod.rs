//! End-to-end tests of rules: from their text and an event to the results.

mod diagnostics;
mod hostile;
mod primitives;
mod scripts;
mod selects;
mod shipped;
mod states;

use super::*;
use crate::event::time::TimeContext;
use crate::event::{Batch, EventParser, Prefilter, Record, Role, Span, Timestamp};
use std::sync::Arc;

/// A parsed batch of these lines.
pub(super) fn stream(lines: &[&str]) -> Batch {
    stream_for(lines, None)
}

/// As [`stream`], with the prefilter of some rules.
pub(super) fn stream_for(lines: &[&str], prefilter: Option<Arc<dyn Prefilter>>) -> Batch {
    parsed_batch(&mut parser(), lines, prefilter)
}

pub(super) fn parser() -> EventParser {
    EventParser::new(crate::engine::testing::names(), "anomalies".to_owned(), TimeContext::new("UTC", 2026).unwrap())
}

/// As [`stream_for`], with a parser that may have cached such lines.
pub(super) fn parsed_batch(parser: &mut EventParser, lines: &[&str], prefilter: Option<Arc<dyn Prefilter>>) -> Batch {
    let mut batch = Batch { prefilter, ..Batch::default() };
    for line in lines {
        let start = batch.bytes.len();
        batch.bytes.extend_from_slice(line.as_bytes());
        batch.records.push(Record { span: Span::new(start, batch.bytes.len()), line_end: 1, ..Record::default() });
        batch.bytes.push(b'\n');
    }
    batch.filled = batch.bytes.len();
    parser.parse(&mut batch);
    batch
}

pub(super) fn source(name: &str, text: &str) -> RuleSource {
    RuleSource { name: name.to_owned(), path: format!("rules/{name}.rhai"), text: text.to_owned() }
}

pub(super) fn table(name: &str, text: &str) -> TableSource {
    TableSource { name: name.to_owned(), path: format!("rules/{name}.toml"), text: text.to_owned() }
}

/// One rule named `r`, and a table named `codes`.
pub(super) fn rules(text: &str) -> Rules {
    let set = compiled(text).unwrap_or_else(|problems| panic!("{}", shown(&problems)));
    Rules::new(set, Budget::default())
}

pub(super) fn compiled(text: &str) -> Result<RuleSet, Vec<crate::diagnostic::Diagnostic>> {
    let codes = "[\"A-1\"]\ncause = \"one\"\nweight = 3\n[\"504\"]\ncause = \"slow\"\n";
    RuleSet::compile(&[source("r", text)], &[table("codes", codes)])
}

/// A rule without a filter and with this body of `on_event`.
pub(super) fn body(body: &str) -> String {
    format!("const RULE = #{{}};\nfn on_event(e) {{\n{body}\n}}\n")
}

pub(super) fn shown(problems: &[crate::diagnostic::Diagnostic]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The results for these lines, the first at 0 s and each other one a second later.
pub(super) fn run(rules: &mut Rules, lines: &[&str]) -> RuleOutcome {
    let batch = stream(lines);
    let mut outcome = RuleOutcome::default();
    for i in 0..lines.len() {
        rules.on_event(&batch.fields(i), Timestamp(i as i64 * 1_000_000_000), &mut outcome);
    }
    outcome
}

/// What an expression prints for one event, or its error.
pub(super) fn printed(expression: &str, line: &str) -> String {
    let outcome = run(&mut rules(&body(&format!("print({expression});"))), &[line]);
    match outcome.failures.first() {
        Some(failure) => failure.message.clone(),
        None => outcome.printed.concat(),
    }
}
