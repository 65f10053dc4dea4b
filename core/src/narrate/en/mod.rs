//! The English sentences.

mod burst;
pub(super) mod evidence;
pub(super) mod explanation;
mod input;
pub(super) mod judged;
mod latency;
mod r#loop;
pub(super) mod near_miss;
mod novelty;
mod rule;
mod silence;
pub(super) mod situation;
mod spread;
mod storm;

use super::{NextStep, Subject};
use crate::engine::finding::{DetectorName, Evidence, Finding, Key};
use crate::plain::plain;

pub(super) fn summary(subject: &Subject<'_>) -> String {
    match subject.evidence {
        Evidence::Loop(evidence) => r#loop::summary(subject, evidence),
        Evidence::Guard(evidence) => r#loop::guard_summary(subject, evidence),
        Evidence::Rate(evidence) => burst::summary(subject, evidence),
        Evidence::Share(evidence) => spread::summary(subject, evidence),
        Evidence::Latency(evidence) => latency::summary(subject, evidence),
        Evidence::Unfinished(evidence) => latency::unfinished_summary(subject, evidence),
        Evidence::Silence(evidence) => silence::summary(subject, evidence),
        Evidence::Novelty(evidence) => novelty::summary(subject, evidence),
        Evidence::Input(evidence) => input::summary(evidence),
        Evidence::Clock(evidence) => input::clock_summary(subject, evidence),
        Evidence::Rule(evidence) => rule::summary(evidence),
        Evidence::Storm(evidence) => storm::summary(subject, evidence),
    }
}

pub(super) fn ending(events: u64, seconds: f64) -> String {
    format!("ended after {} in {seconds:.1} s: ", counted(events as f64, "event"))
}

pub(super) fn remedy(detector: DetectorName, kind: &str) -> Option<&'static str> {
    (detector == DetectorName::Input).then(|| input::remedy(kind))
}

pub(super) fn meaning(finding: &Finding) -> &'static str {
    match finding.detector {
        DetectorName::Loop => r#loop::meaning(finding),
        DetectorName::Burst => burst::meaning(finding),
        DetectorName::Latency => latency::meaning(finding),
        DetectorName::Spread => spread::MEANING,
        DetectorName::Silence => silence::MEANING,
        DetectorName::Novelty => novelty::meaning(finding),
        DetectorName::Input => input::meaning(finding),
        DetectorName::Rule => rule::MEANING,
    }
}

pub(super) fn next_step(finding: &Finding) -> Option<NextStep> {
    let place = in_words(&finding.key);
    match finding.detector {
        DetectorName::Loop => Some(r#loop::next_step(&place)),
        DetectorName::Burst => Some(burst::next_step(&place)),
        DetectorName::Latency => latency::next_step(finding, &place),
        DetectorName::Spread => Some(spread::next_step(&place)),
        DetectorName::Silence => Some(silence::next_step(&place)),
        DetectorName::Novelty => Some(novelty::next_step(&place)),
        DetectorName::Input => Some(input::next_step(finding, &place)),
        DetectorName::Rule => None,
    }
}

/// A step `Look at …`; reports show only its end, behind their own label "look at".
fn look_at(what: &str) -> NextStep {
    NextStep { sentence: format!("Look at {what}"), short: what.to_owned() }
}

/// A step in any other words.
fn look(sentence: String) -> NextStep {
    NextStep { short: sentence.clone(), sentence }
}

/// The key in words: `module web, host node-3`.
fn in_words(key: &Key) -> String {
    key.0.iter().map(|(name, value)| format!("{name} {}", plain(value))).collect::<Vec<_>>().join(", ")
}

/// A count with its noun: `1 error`, `12 errors`.
fn counted(count: f64, noun: &str) -> String {
    let count = format!("{count:.0}");
    let ending = if count == "1" { "" } else { "s" };
    format!("{count} {noun}{ending}")
}
