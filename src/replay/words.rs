//! Sentences of the report: how clocks differ, which faults occurred, and how many incidents
//! opened.

use super::document::{ClockReport, Report, Rfc3339};
use super::offset::Relation;
use super::report::{clock_time, same_day};
use crate::engine::finding::Severity;
use crate::narrate::quantity::{counted, duration, exact_duration, thousands};
use crate::narrate::{Language, judged_from};

/// How two clocks differ, in a sentence.
#[must_use]
pub fn clock_in_words(clock: &ClockReport) -> String {
    let ClockReport { file, reference, relation, aligned } = clock;
    match relation {
        Relation::Agree { shared, spread_s } => {
            format!(
                "{file} agrees with {reference} (by {} shared trace ids, ± {spread_s:.1} s)",
                thousands(*shared as u64)
            )
        }
        Relation::Apart { offset_s, spread_s, shared, time_zone } => {
            let direction = if *offset_s > 0.0 { "ahead of" } else { "behind" };
            let shared = thousands(*shared as u64);
            let mut text = format!(
                "{file} is about {} {direction} {reference} (by {shared} shared trace ids, ± {spread_s:.1} s)",
                exact_duration(*offset_s)
            );
            if *time_zone {
                text.push_str("; that is a difference of time zones");
            }
            text.push_str(if *aligned { "; corrected by --align" } else { "; --align corrects it" });
            text
        }
        Relation::Unknown { shared, overlap_s } => {
            let overlap = match overlap_s {
                0.0 => "their times do not overlap".to_owned(),
                _ => format!("their times overlap for {}", duration(*overlap_s)),
            };
            let why = match shared {
                0 => "no shared trace ids".to_owned(),
                1..20 => format!("only {shared} shared trace ids"),
                _ => format!("{} shared trace ids say nothing clear", thousands(*shared as u64)),
            };
            format!("whether {file} and {reference} agree is unknown ({why}); {overlap}")
        }
    }
}

pub(super) fn fault_in_words(name: &str) -> &'static str {
    match name {
        "json" => "lines that begin as JSON objects and are none (truncated?)",
        "not_an_object" => "lines that are JSON but no objects",
        "utf8" => "lines that are not UTF-8",
        "line_too_long" => "lines longer than input.max_line_bytes, not analysed",
        "rule" => "failures of rules, the first of them below",
        "panic" => "internal errors, please report them",
        _ => "other faults",
    }
}

/// From when on was judged what could not be from the first line on.
pub(super) fn judged_in_words(report: &Report) -> Option<String> {
    let first = report.first?;
    let time = |from: Rfc3339| match same_day(first.0, from.0) {
        true => clock_time(from.0),
        false => format!("{} {}", &from.0.to_string()[..10], clock_time(from.0)),
    };
    let parts: Vec<_> = report.judged.iter().map(|part| (part.what, part.from.map(time))).collect();
    Some(judged_from(Language::En, &parts)).filter(|says| !says.is_empty())
}

pub(super) fn opened_in_words(report: &Report) -> String {
    let by_severity: Vec<_> = Severity::ALL
        .iter()
        .rev()
        .filter_map(|severity| Some((severity.name(), report.opened.get(severity.name()).filter(|count| **count > 0)?)))
        .map(|(name, count)| format!("{} {name}", thousands(*count)))
        .collect();
    let situations = report.situations.len() as u64;
    let opened: u64 = report.opened.values().sum();
    let grouped = match report.incidents_omitted {
        0 if situations > 0 && situations < opened => format!(", in {}", counted(situations, "situation")),
        _ => String::new(),
    };
    if by_severity.is_empty() { "none".into() } else { format!("{}{grouped}", by_severity.join(", ")) }
}
