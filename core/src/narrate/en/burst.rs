//! Sentences for `burst`: more errors, or warnings, than the learned rate.

use super::{Subject, counted, lasting, saying, usually};
use crate::engine::finding::{Finding, Key, RateEvidence, unit};
use crate::event::Role;
use crate::narrate::percent;
use crate::narrate::quantity::{Noun, number};

pub(super) fn summary(subject: &Subject<'_>, evidence: &RateEvidence) -> String {
    let (observed, expected) = (subject.measured.observed, subject.measured.expected.unwrap_or_default());
    let (place, lasted, text) = (place(subject.key), lasting(evidence.lasted_s), saying(subject.evidence));
    if let Some(requests) = evidence.requests {
        let of = counted(requests, Noun::Request);
        let (failed, usual) = (number(observed.round()), percent(expected / requests));
        return format!("{failed} of {of} failed {place} in {lasted} (usually {usual} %){text}");
    }
    let noun = if subject.measured.unit == unit::WARNINGS { Noun::Warning } else { Noun::Error };
    let (errors, usual) = (counted(observed, noun), usually(expected, evidence.lasted_s));
    format!("{errors} {place} in {lasted} ({usual}){text}")
}

fn place(key: &Key) -> String {
    match key.0.first() {
        Some((name, code)) if name == Role::ErrorCode.name() => format!("with error code {code}"),
        Some((name, all)) if name == "scope" => format!("in {all} modules"),
        Some((_, module)) => format!("in {module}"),
        None => "in the stream".to_owned(),
    }
}

pub(super) fn meaning(finding: &Finding) -> &'static str {
    match finding.kind.as_str() {
        "share" => "More of the requests here fail than usual.",
        _ if finding.measured.unit == unit::WARNINGS => {
            "There are more warnings here than usual, both a minute and for the traffic that there was."
        }
        _ => "There are more errors here than usual, both a minute and for the traffic that there was.",
    }
}

pub(super) fn next_step(finding: &Finding, place: &str) -> String {
    let what = if finding.measured.unit == unit::WARNINGS { "warnings" } else { "errors" };
    let of = match finding.key.0.first() {
        Some((name, _)) if name == "scope" => "in any module".to_owned(),
        Some((name, _)) if name == Role::ErrorCode.name() => {
            format!("with {}", place.replacen("error_code", "code", 1))
        }
        _ => format!("of {place}"),
    };
    format!("Look at the first {what} {of}, and at what changed just before them.")
}
