//! Evidence as one line.

use super::{counted, lasting, usually};
use crate::engine::finding::{
    Evidence, Finding, LatencyEvidence, Measured, NoveltyEvidence, RateEvidence, ShareEvidence, SilenceEvidence,
    UnfinishedEvidence, unit,
};
use crate::narrate::quantity::{Noun, milliseconds, number, quantity, thousands};
use crate::narrate::{Language, percent, ratio};

pub(crate) fn numbers(finding: &Finding) -> String {
    let measured = &finding.measured;
    let (observed, window_s) = (measured.observed, measured.window_s.unwrap_or_default());
    let expected = measured.expected.unwrap_or_default();
    let lasted = lasting(window_s);
    match &finding.evidence {
        Evidence::Loop(_) => {
            let (seen, usual) = (Language::En.quantity(observed, &measured.unit), usually(expected, 1.0));
            format!("{seen} over {lasted}, {usual}{}", factor(observed, expected))
        }
        Evidence::Guard(_) => {
            let lines = counted(measured.samples as f64, Noun::Line);
            format!("{lines} so far; {} allowed in {lasted}", number(expected))
        }
        Evidence::Rate(RateEvidence { requests: Some(requests), .. }) => {
            let (share, usual) = (percent(observed / requests), percent(expected / requests));
            format!("{share} % failed over {lasted}, usually {usual} %{}", factor(observed, expected))
        }
        Evidence::Rate(_) if window_s <= 0.0 => plainly(measured),
        Evidence::Rate(_) => {
            let noun = if measured.unit == unit::WARNINGS { Noun::Warning } else { Noun::Error };
            let (seen, a_time) = (counted(observed, noun), Language::En.rate(observed / window_s.max(1e-3)));
            let usual = usually(expected, window_s);
            format!("{seen} in {lasted}: {a_time}, {usual}{}", factor(observed, expected))
        }
        Evidence::Share(ShareEvidence { of, .. }) if *of < observed => plainly(measured),
        Evidence::Share(ShareEvidence { of, modules, .. }) => {
            let (share, usual) = (percent(observed / of.max(1.0)), percent(expected / of.max(1.0)));
            let modules = modules.map_or_else(String::new, |modules| format!("; the failures of {modules} modules"));
            format!("{share} % of the failures, usually {usual} %{}{modules}", factor(observed, expected))
        }
        Evidence::Latency(evidence) if evidence.quantiles_ms[4] <= 0.0 => plainly(measured),
        Evidence::Latency(evidence) => latency(evidence, measured),
        Evidence::Unfinished(UnfinishedEvidence { unfinished, finished, .. }) => {
            let (waited, done) = (milliseconds(observed), thousands(*finished));
            format!("waited {waited}; {} unfinished, {done} finished", thousands(*unfinished))
        }
        Evidence::Silence(SilenceEvidence { events_of_others, .. }) => {
            let others = counted(*events_of_others, Noun::Event);
            format!("{lasted} without an event, longest pause before {}; {others} of others", lasting(expected))
        }
        // What is told because it is a FATAL may be nothing rare.
        Evidence::Novelty(NoveltyEvidence { again, .. }) if *again || measured.p_value.is_none() => String::new(),
        Evidence::Novelty(_) => {
            let seen = thousands(measured.samples);
            format!("first of its kind among {seen} warnings and errors in {lasted}")
        }
        Evidence::Input(_) => format!("{lasted} without input, longest pause before {}", lasting(expected)),
        Evidence::Clock(_) => String::new(),
        Evidence::Storm(_) => format!("{} in {lasted}", counted(observed, Noun::Incident)),
        Evidence::Rule(_) if window_s > 0.0 => {
            format!("{} in {lasted}", quantity(observed, &measured.unit))
        }
        Evidence::Rule(_) => String::new(),
    }
}

/// The observed and the usual value, where findings of other versions have no more.
fn plainly(measured: &Measured) -> String {
    let (observed, expected) = (measured.observed, measured.expected.unwrap_or_default());
    let usual = match &*measured.unit {
        unit @ ("ms" | "s") => quantity(expected, unit),
        _ => number(expected),
    };
    format!("{}, usually {usual}{}", quantity(observed, &measured.unit), factor(observed, expected))
}

fn latency(evidence: &LatencyEvidence, measured: &Measured) -> String {
    let [_, median, _, nine_in_ten, nearly_all] = evidence.quantiles_ms;
    let (seen, usual) = (measured.observed, measured.expected.unwrap_or_default());
    let of = if evidence.shift.is_some() { "p50" } else { "p99" };
    let factor = match factor(seen, usual) {
        none if none.is_empty() => none,
        factor => format!("{factor} {of}"),
    };
    let [seen, median, nine_in_ten, nearly_all] = [seen, median, nine_in_ten, nearly_all].map(milliseconds);
    format!("{seen}, usually p50 {median}, p90 {nine_in_ten}, p99 {nearly_all}{factor}")
}

/// `: 5.4 times the usual`, `: 12 % more than usual`
fn factor(observed: f64, usual: f64) -> String {
    match ratio(observed, usual) {
        Some(ratio) if ratio >= 1.95 => format!(": {} times the usual", number(ratio)),
        Some(ratio) if ratio > 1.005 => format!(": {} % above the usual", number((ratio * 100.0 - 100.0).round())),
        Some(ratio) if ratio < 0.995 => format!(": {} % below the usual", number((100.0 - ratio * 100.0).round())),
        _ => String::new(),
    }
}
