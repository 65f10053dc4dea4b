//! Sentences of the report: how clocks differ, which faults occurred, and how many incidents
//! opened.

use super::document::{ClockReport, Report, Rfc3339};
use super::offset::Relation;
use crate::engine::finding::Severity;
use crate::narrate::quantity::{Noun, exact_duration, thousands};
use crate::narrate::{Language, Words, fill, judged_from};

/// How two clocks differ, in a sentence.
#[must_use]
pub fn clock_in_words(clock: &ClockReport, language: Language) -> String {
    let ClockReport { file, reference, relation, aligned } = clock;
    let words = language.words();
    match relation {
        Relation::Agree { shared, spread_s } => {
            let (shared, spread) = (thousands(*shared as u64), format!("{spread_s:.1}"));
            fill(words.clock_agrees, &[file, reference, &shared, &spread])
        }
        Relation::Apart { offset_s, spread_s, shared, time_zone } => {
            let text = if *offset_s > 0.0 { words.clock_ahead } else { words.clock_behind };
            let (shared, spread) = (thousands(*shared as u64), format!("{spread_s:.1}"));
            let mut text = fill(text, &[file, &exact_duration(*offset_s), reference, &shared, &spread]);
            if *time_zone {
                text.push_str(words.clock_zone);
            }
            text.push_str(if *aligned { words.clock_corrected } else { words.clock_correctable });
            text
        }
        Relation::Unknown { shared, overlap_s } => {
            let overlap = match overlap_s {
                0.0 => words.clock_apart.to_owned(),
                _ => fill(words.clock_overlap, &[&language.duration(*overlap_s)]),
            };
            let why = match shared {
                0 => words.clock_no_ids.to_owned(),
                1..20 => fill(words.clock_few_ids, &[shared]),
                _ => fill(words.clock_vague_ids, &[&thousands(*shared as u64)]),
            };
            fill(words.clock_unknown, &[file, reference, &why, &overlap])
        }
    }
}

pub(super) fn fault_in_words(name: &str, words: &Words) -> &'static str {
    match name {
        "json" => words.fault_json,
        "not_an_object" => words.fault_not_an_object,
        "utf8" => words.fault_utf8,
        "line_too_long" => words.fault_line_too_long,
        "rule" => words.fault_rule,
        "panic" => words.fault_panic,
        _ => words.fault_other,
    }
}

/// From when on was judged what could not be from the first line on.
pub(super) fn judged_in_words(report: &Report) -> Option<String> {
    let first = report.first?;
    let reader = &report.reader;
    let time = |from: Rfc3339| match reader.day(first.0) == reader.day(from.0) {
        true => reader.clock(from.0),
        false => format!("{} {}", reader.day(from.0), reader.clock(from.0)),
    };
    let parts: Vec<_> = report.judged.iter().map(|part| (part.what, part.from.map(time))).collect();
    Some(judged_from(reader.language, &parts)).filter(|says| !says.is_empty())
}

pub(super) fn opened_in_words(report: &Report) -> String {
    let words = report.reader.language.words();
    let by_severity: Vec<_> = Severity::ALL
        .iter()
        .rev()
        .filter_map(|severity| Some((*severity, report.opened.get(severity.name()).filter(|count| **count > 0)?)))
        .map(|(severity, count)| {
            fill(words.opened_part, &[&thousands(*count), &report.reader.language.severity(severity)])
        })
        .collect();
    let situations = report.situations.len() as u64;
    let opened: u64 = report.opened.values().sum();
    if by_severity.is_empty() {
        return words.none.into();
    }
    let by_severity = by_severity.join(words.list_comma);
    match report.incidents_omitted {
        0 if situations > 0 && situations < opened => {
            let situations = report.reader.language.counted(situations, Noun::Situation);
            fill(words.in_situations, &[&by_severity, &situations])
        }
        _ => by_severity,
    }
}
