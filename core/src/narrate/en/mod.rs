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
pub(super) mod words;

use super::quantity::Noun;
use super::{Language, Subject};
use crate::engine::finding::{DetectorName, Evidence, Finding, Key};
use crate::plain::plain;

sentences!();

pub(super) fn ending(seconds: f64) -> String {
    match seconds {
        // A single event has no duration.
        ..0.05 => "resolved: ".to_owned(),
        seconds => format!("resolved after {}: ", lasting(seconds)),
    }
}

/// The key in words: `module web, host node-3`.
fn in_words(key: &Key) -> String {
    key.0.iter().map(|(name, value)| format!("{name} {}", plain(value))).collect::<Vec<_>>().join(", ")
}

/// The key behind a noun: ` in queue on node-3 (thread t-1)`.
fn at(key: &Key) -> String {
    // By name: a key that was read back has its members in another order.
    let module = key.value("module").map_or_else(String::new, |module| format!(" in {module}"));
    let host = key.value("host").map_or_else(String::new, |host| format!(" on {host}"));
    let others = key.0.iter().filter(|(name, _)| !matches!(name.as_str(), "module" | "host"));
    let others: Vec<_> = others.map(|(name, value)| format!("{name} {value}")).collect();
    if others.is_empty() { format!("{module}{host}") } else { format!("{module}{host} ({})", others.join(", ")) }
}

/// A count with its noun: `1 error`, `12 errors`.
fn counted(count: f64, noun: Noun) -> String {
    Language::En.counted(count.round() as u64, noun)
}

fn lasting(seconds: f64) -> String {
    super::lasting(Language::En, seconds)
}

/// `: “the text”`; empty where there is none.
fn saying(evidence: &Evidence) -> String {
    super::example(evidence).map_or_else(String::new, |text| format!(": {text}"))
}

/// What is usual, of something that came `expected` times in such a window: `usually 3 a minute`.
fn usually(expected: f64, window_s: f64) -> String {
    match super::usual_rate(expected, window_s) {
        Some((value, per)) => format!("usually {}", Language::En.paced(value, per)),
        None if expected > 0.0 => "usually less than 1 a day".to_owned(),
        None => "usually none".to_owned(),
    }
}
