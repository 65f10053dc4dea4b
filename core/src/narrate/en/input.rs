//! Sentences for `input`: a stalled input, or a source whose clock is off.

use super::{Subject, lasting};
use crate::engine::finding::{ClockEvidence, Finding, InputEvidence};
use crate::narrate::quantity::duration;

/// What is said of one kind.
struct KindTexts {
    meaning: &'static str,
    remedy: &'static str,
}

const STALLED: KindTexts = KindTexts {
    meaning: "No events come any more: the input is silent, not one service.",
    remedy: "check what feeds this pipe: the shipper, its source, the disk, the network",
};
const CLOCK: KindTexts = KindTexts {
    meaning: "The times of one source are not those of the others. They are aligned to find what happens together; \
              its lines keep the times that they came with.",
    remedy: "set the clock of this source by NTP, or configure its time zone; if its lines come late, check its shipper",
};

fn words(kind: &str) -> KindTexts {
    if kind == "clock" { CLOCK } else { STALLED }
}

pub(super) fn meaning(finding: &Finding) -> &'static str {
    words(&finding.kind).meaning
}

pub(super) fn remedy(kind: &str) -> &'static str {
    words(kind).remedy
}

pub(super) fn summary(evidence: &InputEvidence) -> String {
    let InputEvidence { idle_s, longest_s, .. } = evidence;
    let (idle, longest) = (lasting(*idle_s), lasting(*longest_s));
    format!("all input has stopped: nothing for {idle}, its longest pause before was {longest}")
}

pub(super) fn clock_summary(subject: &Subject<'_>, evidence: &ClockEvidence) -> String {
    let (member, name) = subject.key.0.first().map(|(name, value)| (&**name, &**value)).unwrap_or_default();
    let by = duration(evidence.ahead_s.abs());
    if evidence.ahead_s > 0.0 {
        return format!("the clock of {member} {name} is {by} ahead of the others");
    }
    format!("the clock of {member} {name} is {by} behind the others, or its lines come late")
}

pub(super) fn next_step(finding: &Finding, place: &str) -> String {
    if finding.kind == "clock" {
        return format!("Check the clock and the time zone of {place}.");
    }
    "Check what writes to seismolog: the shipper, its file, its connection.".to_owned()
}
