//! `seismolog rules`: lists the loaded rules, and what they cost on a file.

use super::{Loaded, load_config, load_rules, not_read};
use crate::cli::RulesArgs;
use crate::engine::Outcome;
use crate::engine::rules::{RuleSet, RuleSummary, RuleTally, TIMED_EVALUATIONS};
use crate::error::Failure;
use crate::event::Timestamp;
use crate::plain::{plain, plain_document};
use crate::replay::merge::Merge;
use crate::replay::source::{BytesRead, LogSource, open};
use serde::Serialize;
use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;

/// One rule as it is listed.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    rule: RuleSummary<'a>,
    /// Whether the rule is embedded in the binary.
    shipped: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Cost>,
}

/// What a rule cost on the file of `--profile`.
#[derive(Clone, Copy, Serialize)]
struct Cost {
    events: u64,
    evaluations: u64,
    failures: u64,
    seconds: f64,
}

/// Prints the rules that are loaded.
///
/// # Errors
/// [`Failure::Invalid`] when they are not valid; [`Failure::Cannot`] when the file of `--profile`
/// cannot be read.
pub fn rules(args: &RulesArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let config = load_config(&args.settings).map_err(Failure::Invalid)?;
    let rules = load_rules(&config, &args.paths).map_err(Failure::Invalid)?;
    let loaded = Loaded::new(config, rules);
    let costs = args.profile.as_deref().map(|file| profile(&loaded, file)).transpose()?;
    let shipped = if loaded.config.rules.shipped { RuleSet::shipped_sources().0 } else { Vec::new() };
    let shown: Vec<Shown<'_>> = loaded
        .rules
        .summaries()
        .enumerate()
        .map(|(i, rule)| Shown {
            shipped: shipped.iter().any(|source| source.name == rule.name && source.path == rule.path),
            cost: costs.as_ref().and_then(|costs| costs.get(i).copied()),
            rule,
        })
        .collect();
    let text = if args.json {
        serde_json::to_string_pretty(&shown)
            .map(|text| plain_document(&text) + "\n")
            .map_err(|error| Failure::cannot(format!("cannot write the rules: {error}"), "report this as a bug"))?
    } else {
        shown.iter().map(for_people).collect::<Vec<_>>().join("\n")
    };
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Failure::cannot(format!("cannot write: {error}"), "check standard output"))
}

fn for_people(shown: &Shown<'_>) -> String {
    let rule = &shown.rule;
    let origin = if shown.shipped { "shipped" } else { rule.path };
    let mut text = format!("{}  {}  {}\n", plain(rule.name), rule.severity, plain(origin));
    for line in rule.description.lines().filter(|line| !line.is_empty()) {
        let _ = writeln!(text, "  {}", plain(line));
    }
    let mut row = |name: &str, values: &[String]| {
        for (i, value) in values.iter().enumerate() {
            let _ = writeln!(text, "  {:<10}{}", if i == 0 { name } else { "" }, plain(value));
        }
    };
    row("select", &rule.select);
    let list = |names: &[String]| if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
    row("reads", &[list(&rule.reads)]);
    row("key", &[list(&rule.key)]);
    row("cooldown", &[format!("{} s", rule.cooldown_s)]);
    if rule.explains {
        row("explains", &["what detectors find at the same place".to_owned()]);
    }
    row("tests", &[rule.tests.to_string()]);
    if let Some(cost) = shown.cost {
        let share = 100.0 * cost.evaluations as f64 / cost.events.max(1) as f64;
        let each = 1e6 * cost.seconds / cost.evaluations.max(1) as f64;
        row(
            "cost",
            &[format!(
                "{} of {} events ({share:.1} %), {:.3} s, {each:.1} \u{b5}s each, failed {} times",
                cost.evaluations, cost.events, cost.seconds, cost.failures
            )],
        );
    }
    text
}

/// Sends the file through the engine and returns the cost of each rule.
fn profile(loaded: &Loaded, file: &Path) -> Result<Vec<Cost>, Failure> {
    let cannot = |error: std::io::Error| not_read(file, &error);
    let opened = open(file, &BytesRead::default()).map_err(cannot)?;
    let lines = loaded.single_lines();
    let mut merge = Merge::new(vec![LogSource::new(opened, lines, loaded.parser()?, 0).map_err(cannot)?]);
    let (mut engine, mut outcome) = (loaded.engine(), Outcome::default());
    let mut events = 0;
    while let Some(line) = merge.next_line() {
        engine.process(&line.fields, Timestamp::default(), &mut outcome);
        events += 1;
    }
    let cost = |tally: RuleTally| Cost {
        events,
        evaluations: tally.evaluations,
        failures: tally.failures,
        // Only one evaluation in `TIMED_EVALUATIONS` is timed, and counts as that many; here the
        // time is scaled to the evaluations that happened.
        seconds: tally.cpu_ns as f64 / 1e9 * tally.evaluations as f64
            / (tally.evaluations.next_multiple_of(TIMED_EVALUATIONS)).max(1) as f64,
    };
    Ok(engine.rules().tallies().map(|(_, tally)| cost(tally)).collect())
}
