//! Sentences for `loop`: repeated lines, and configured limits on repeats (guards).

use super::{NextStep, Subject, look_at};
use crate::engine::finding::{Finding, GuardEvidence, Key, LoopEvidence};

pub(super) fn summary(subject: &Subject<'_>, evidence: &LoopEvidence) -> String {
    let LoopEvidence { period, repeats, variants, counter, lasted_s, .. } = evidence;
    let what = match period {
        1 if counter.is_some() => "the same text".to_owned(),
        1 if *variants > 1 => format!("the same line in {variants} variants"),
        1 => "the same line".to_owned(),
        period => format!("the same {period} lines"),
    };
    let counting =
        counter.map_or_else(String::new, |[from, to]| format!(" with a number counting from {from} to {to}"));
    let within = match *lasted_s {
        // All lines have the same timestamp: they were written as a batch, or the clock is coarse.
        ..=1e-3 => "at one moment".to_owned(),
        lasted @ ..0.1 => format!("in {:.0} ms", (lasted * 1e3).ceil()),
        lasted => format!("in {lasted:.1} s"),
    };
    format!("{what} {repeats} times {within}{counting}{}{}", from(evidence), on(subject.key))
}

/// How many threads write the repeated lines.
fn from(evidence: &LoopEvidence) -> String {
    match evidence.actors {
        _ if evidence.new_threads => " from a new thread each time".to_owned(),
        Some(actors) if actors != 1 => format!(" from {actors} threads"),
        _ => String::new(),
    }
}

/// The incident's key as a phrase: ` on queue (thread t-1)`.
fn on(key: &Key) -> String {
    let Some(((_, first), rest)) = key.0.split_first() else { return String::new() };
    let rest: Vec<_> = rest.iter().map(|(name, value)| format!("{name} {value}")).collect();
    if rest.is_empty() { format!(" on {first}") } else { format!(" on {first} ({})", rest.join(", ")) }
}

pub(super) fn guard_summary(subject: &Subject<'_>, evidence: &GuardEvidence) -> String {
    let place = subject.key.0.iter().map(|(name, value)| format!(" {name} {value}")).collect::<Vec<_>>().join(",");
    let on = if place.is_empty() { "" } else { " on" };
    let (count, within_s, total) = (evidence.repeats, evidence.within_s, subject.measured.samples);
    let allowed = subject.measured.threshold.unwrap_or_default();
    format!("the same line {count} times within {within_s} s, {total} in all, where {allowed} are allowed{on}{place}")
}

pub(super) fn meaning(finding: &Finding) -> &'static str {
    match finding.kind.as_str() {
        "cycle" => "The same few lines came round and round from one place, faster than they ever did.",
        "counter" => {
            "One line came again and again with nothing in it changing but a counter, as a retry that gets nowhere does."
        }
        _ => "The same line came again and again from one place, faster than it ever did.",
    }
}

pub(super) fn next_step(place: &str) -> NextStep {
    look_at(&format!("what {place} waits for or tries again, and why it does not get it."))
}
