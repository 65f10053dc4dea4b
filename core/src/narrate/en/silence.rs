//! Sentences for `silence`: keys without events.

use super::{Subject, lasting};
use crate::engine::finding::SilenceEvidence;

pub(super) const MEANING: &str = "Something that used to write has stopped.";

pub(super) fn summary(subject: &Subject<'_>, evidence: &SilenceEvidence) -> String {
    let SilenceEvidence { also, unlisted, silent_s, longest_s, .. } = evidence;
    let (member, name) = subject.key.0.first().map(|(name, value)| (&**name, &**value)).unwrap_or_default();
    let mut said = format!("{member} {name} is silent: nothing for {}", lasting(*silent_s));
    if *longest_s > 0.0 {
        said.push_str(&format!(", its longest pause before was {}", lasting(*longest_s)));
    }
    if !also.is_empty() {
        said.push_str(&format!("; silent with it: {}", also.join(", ")));
    }
    if *unlisted > 0 {
        said.push_str(&format!(" and {unlisted} more"));
    }
    said
}

pub(super) fn next_step(place: &str) -> String {
    format!("Check that {place} is still running and that its log still arrives.")
}
