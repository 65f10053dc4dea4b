//! Sentences for `novelty`: templates and exceptions seen for the first time.

use super::{Subject, lasting, saying};
use crate::engine::finding::{Finding, NoveltyEvidence};
use crate::event::Level;
use crate::plain::plain;

pub(super) fn summary(subject: &Subject<'_>, evidence: &NoveltyEvidence) -> String {
    let value = |name| subject.key.value(name);
    let name = value("exception").unwrap_or_default();
    let kind = match evidence.level {
        Some(Level::Fatal) => "fatal error",
        Some(Level::Warn) => "warning",
        _ => "error",
    };
    let what = match (subject.kind, value("stack")) {
        ("template", _) if evidence.again => format!("{kind} again"),
        ("template", _) => format!("new {kind}"),
        (_, Some(_)) if name == "a stack" => "a stack trace never seen before".to_owned(),
        (_, Some(_)) => format!("{name} from a place never seen before"),
        (_, None) => format!("new exception {name}"),
    };
    let place = value("module").map_or_else(String::new, |module| format!(" in {module}"));
    let none = if evidence.again || evidence.running_s <= 0.0 {
        String::new()
    } else {
        format!(" (none like it in {})", lasting(evidence.running_s))
    };
    let more = match evidence.kinds {
        0 | 1 => String::new(),
        2 => ", and 1 more new kind".to_owned(),
        kinds => format!(", and {} more new kinds", kinds - 1),
    };
    format!("{what}{place}{}{none}{more}", saying(subject.evidence))
}

pub(super) fn meaning(finding: &Finding) -> &'static str {
    match finding.kind.as_str() {
        "exception" => "This stream has never shown such an exception before.",
        _ => "This stream has never shown a line like this before.",
    }
}

pub(super) fn next_step(finding: &Finding) -> String {
    let value = |name| finding.key.value(name).map(plain);
    let place = value("module").map_or_else(String::new, |module| format!(" in {module}"));
    match value("exception") {
        Some(name) if name != "a stack" => {
            format!("Find where {name} is thrown{place}, and what was deployed or changed before it.")
        }
        _ => format!("Check what was deployed or changed{place} before it."),
    }
}
