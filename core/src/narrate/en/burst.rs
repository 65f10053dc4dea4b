//! Sentences for `burst`: more errors, or warnings, than the learned rate.

use super::{NextStep, Subject, counted, look_at};
use crate::engine::finding::{Finding, Key, RateEvidence, unit};
use crate::event::Role;

pub(super) fn summary(subject: &Subject<'_>, evidence: &RateEvidence) -> String {
    let is_warning = subject.measured.unit == unit::WARNINGS;
    let errors = counted(subject.measured.observed, if is_warning { "warning" } else { "error" });
    let of = evidence.requests.map_or_else(String::new, |requests| format!(" of {}", counted(requests, "request")));
    let (place, expected) = (place(subject.key), subject.measured.expected.unwrap_or_default());
    format!("{errors}{of} in {:.0} s on {place}, {expected} expected", evidence.lasted_s)
}

fn place(key: &Key) -> String {
    match key.0.first() {
        Some((name, code)) if name == Role::ErrorCode.name() => format!("error code {code}"),
        Some((_, module)) if module != "all" => module.clone(),
        Some(_) => "all modules together".to_owned(),
        None => String::new(),
    }
}

pub(super) fn meaning(finding: &Finding) -> &'static str {
    match finding.kind.as_str() {
        "share" => "Of what is done here, more failed than usually does.",
        _ => {
            "There were more errors than this place usually has, both by the clock and for the traffic that there was."
        }
    }
}

pub(super) fn next_step(place: &str) -> NextStep {
    look_at(&format!("the first errors of {place}, and at what changed just before them."))
}
