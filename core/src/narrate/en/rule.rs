//! What a rule has found, in the rule's own words.

use crate::engine::finding::RuleEvidence;

pub(super) const MEANING: &str = "An event was what the rule looks for.";

pub(super) fn summary(evidence: &RuleEvidence) -> String {
    evidence.said.clone()
}
