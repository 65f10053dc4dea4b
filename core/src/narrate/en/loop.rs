//! Sentences for `loop`: repeated lines, and configured limits on repeats (guards).

use super::{Subject, at, lasting};
use crate::engine::finding::{Finding, GuardEvidence, LoopEvidence};
use crate::narrate::example;

pub(super) fn summary(subject: &Subject<'_>, evidence: &LoopEvidence) -> String {
    let LoopEvidence { period, repeats, variants, counter, lasted_s, .. } = evidence;
    let text = example(subject.evidence);
    let (what, aside) = match period {
        1 => {
            let what = text.unwrap_or_else(|| "the same line".to_owned());
            (if *variants > 1 { format!("{what} in {variants} variants,") } else { what }, String::new())
        }
        period => (format!("the same {period} lines"), text.map_or_else(String::new, |first| format!(" ({first}, …)"))),
    };
    let counting =
        counter.map_or_else(String::new, |[from, to]| format!(", only a number in it counts from {from} to {to}"));
    // With one timestamp for all lines they were written as a batch, or the clock is coarse.
    let within = if *lasted_s <= 1e-3 { "at one moment".to_owned() } else { format!("in {}", lasting(*lasted_s)) };
    let (place, from) = (at(subject.key), from(evidence));
    format!("loop{place}: {what} {repeats} times {within}{from}{counting}{aside}")
}

/// How many threads write the repeated lines.
fn from(evidence: &LoopEvidence) -> String {
    match evidence.actors {
        _ if evidence.new_threads => " from a new thread each time".to_owned(),
        Some(actors) if actors != 1 => format!(" from {actors} threads"),
        _ => String::new(),
    }
}

pub(super) fn guard_summary(subject: &Subject<'_>, evidence: &GuardEvidence) -> String {
    let (place, total) = (at(subject.key), subject.measured.samples);
    let (count, within) = (evidence.repeats, lasting(evidence.within_s));
    let what = example(subject.evidence).unwrap_or_else(|| "the same line".to_owned());
    let allowed = subject.measured.threshold.unwrap_or_default();
    let total = if total > count { format!(", {total} in all") } else { String::new() };
    format!("more repeats than allowed{place}: {what} {count} times in {within}, {allowed} allowed{total}")
}

pub(super) fn meaning(finding: &Finding) -> &'static str {
    match finding.kind.as_str() {
        "cycle" => "The same few lines go round and round in one place, faster than they ever did.",
        "counter" => {
            "One line comes again and again and only a counter in it changes, as in a retry that gets nowhere."
        }
        "guard" => "One line came more often than the configured limit allows.",
        _ => "The same line comes again and again from one place, faster than it ever did.",
    }
}

pub(super) fn next_step(place: &str) -> String {
    let who = if place.is_empty() { "it" } else { place };
    format!("Check what {who} waits for or retries, and why it does not get it.")
}
