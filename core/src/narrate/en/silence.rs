//! Sentences for `silence`: keys without events.

use super::{NextStep, Subject, look};
use crate::engine::finding::SilenceEvidence;

pub(super) const MEANING: &str = "Something that used to speak has stopped.";

pub(super) fn summary(subject: &Subject<'_>, evidence: &SilenceEvidence) -> String {
    let SilenceEvidence { also, unlisted, silent_s, longest_s, .. } = evidence;
    let (member, name) = subject.key.0.first().map(|(name, value)| (&**name, &**value)).unwrap_or_default();
    let mut said = format!("{member} {name} has said nothing for {silent_s:.0} s");
    if *longest_s > 0.0 {
        said.push_str(&format!(", its longest pause before was {longest_s:.1} s"));
    }
    if !also.is_empty() {
        said.push_str(&format!("; with it stopped {}", also.join(", ")));
    }
    if *unlisted > 0 {
        said.push_str(&format!(" and {unlisted} more"));
    }
    said
}

pub(super) fn next_step(place: &str) -> NextStep {
    look(format!("Look whether {place} still runs, and whether its log still arrives."))
}
