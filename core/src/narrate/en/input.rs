//! Sentences for `input`: a stalled input.

use super::{NextStep, look_at};
use crate::engine::finding::InputEvidence;

pub(super) const MEANING: &str = "No events come any more: what is silent is the input, not one service.";
pub(super) const REMEDY: &str = "look at what feeds this pipe: the shipper, its source, the disk, the network";

pub(super) fn summary(evidence: &InputEvidence) -> String {
    let InputEvidence { idle_s, longest_s, .. } = evidence;
    format!("all input has stalled for {idle_s:.0} s, its longest pause before was {longest_s:.1} s")
}

pub(super) fn next_step() -> NextStep {
    look_at("whoever writes to seismolog: the shipper, its file, its connection.")
}
