//! Sentences for storms: more incidents of one kind than are reported one by one.

use super::{Subject, counted};
use crate::engine::finding::StormEvidence;

pub(super) fn summary(subject: &Subject<'_>, evidence: &StormEvidence) -> String {
    let (kind, latest) = (subject.kind, &evidence.latest);
    let more = counted(subject.measured.observed, "incident");
    let limit = subject.measured.threshold.unwrap_or_default();
    format!("storm of {kind}: {more} beyond the {limit:.0} that are told one by one; the last: {latest}")
}
