//! Sentences for rules, whose summary is the rule's own.

use crate::engine::finding::RuleEvidence;

pub(super) const MEANING: &str = "An event matched what the rule looks for.";

pub(super) fn summary(evidence: &RuleEvidence) -> String {
    evidence.said.clone()
}
