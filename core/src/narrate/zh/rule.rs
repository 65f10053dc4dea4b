//! Sentences for rules, whose summary is the rule's own.

use crate::engine::finding::RuleEvidence;

pub(super) const MEANING: &str = "有日志符合该规则的条件。";

pub(super) fn summary(evidence: &RuleEvidence) -> String {
    evidence.said.clone()
}
