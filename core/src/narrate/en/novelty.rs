//! Sentences for `novelty`: templates and exceptions seen for the first time.

use super::{NextStep, Subject, look_at};
use crate::engine::finding::{Finding, NoveltyEvidence};

pub(super) fn summary(subject: &Subject<'_>, evidence: &NoveltyEvidence) -> String {
    let value = |name| subject.key.value(name);
    let name = value(subject.kind).unwrap_or_default();
    let first = match (subject.kind, value("stack")) {
        ("template", _) => {
            let level = evidence.level.map(crate::event::Level::name).unwrap_or_default();
            let first = if evidence.again { "another" } else { "the first" };
            format!("{first} {level} of template {name}")
        }
        (_, Some(fingerprint)) => format!("the first {name} with the frames of {fingerprint}"),
        (_, None) => format!("the first {name}"),
    };
    let on = value("module").map_or_else(String::new, |module| format!(" on {module}"));
    let (hours, shown) = (evidence.running_s / 3_600.0, evidence.example.as_deref().unwrap_or_default());
    let in_time = if evidence.again { String::new() } else { format!(" in {hours:.1} h") };
    let more = match evidence.kinds {
        0 | 1 => String::new(),
        2 => " (and another new kind)".to_owned(),
        kinds => format!(" (and {} more new kinds)", kinds - 1),
    };
    format!("{first}{on}{in_time}{more}: {shown}")
}

pub(super) fn meaning(finding: &Finding) -> &'static str {
    match finding.kind.as_str() {
        "exception" => "An exception came that this stream has never shown before.",
        _ => "A line came whose like this stream has never shown before.",
    }
}

pub(super) fn next_step(place: &str) -> NextStep {
    look_at(&format!("what {place} says, and at what was deployed."))
}
