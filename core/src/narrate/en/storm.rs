//! Sentences for storms: more incidents of one kind than are reported one by one.

use super::Subject;
use crate::engine::finding::StormEvidence;
use crate::narrate::quantity::number;

pub(super) fn summary(subject: &Subject<'_>, evidence: &StormEvidence) -> String {
    let (kind, limit) = (subject.kind, number(subject.measured.threshold.unwrap_or_default()));
    let more = number(subject.measured.observed);
    let latest = match evidence.latest.as_str() {
        "" => String::new(),
        latest => format!("; the latest: {latest}"),
    };
    format!("storm of {kind}: {more} more beyond the {limit} that are told one by one{latest}")
}
