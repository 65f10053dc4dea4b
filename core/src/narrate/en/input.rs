//! Sentences for `input`: a stalled input, or a source whose clock is off.

use super::{NextStep, Subject, look, look_at};
use crate::engine::finding::{ClockEvidence, Finding, InputEvidence};
use crate::narrate::quantity::duration;

/// What is said of one kind.
struct Words {
    meaning: &'static str,
    remedy: &'static str,
}

const STALLED: Words = Words {
    meaning: "No events come any more: what is silent is the input, not one service.",
    remedy: "look at what feeds this pipe: the shipper, its source, the disk, the network",
};
const CLOCK: Words = Words {
    meaning: "The times of one source are not those of the others. They are aligned to find what happens together, \
              but stand in its lines as they came.",
    remedy: "set the clock of this source by NTP, or say its time zone; where its lines come late, look at its shipper",
};

fn words(kind: &str) -> Words {
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
    format!("all input has stalled for {idle_s:.0} s, its longest pause before was {longest_s:.1} s")
}

pub(super) fn clock_summary(subject: &Subject<'_>, evidence: &ClockEvidence) -> String {
    let (member, name) = subject.key.0.first().map(|(name, value)| (&**name, &**value)).unwrap_or_default();
    let by = duration(evidence.ahead_s.abs());
    if evidence.ahead_s > 0.0 {
        return format!("the clock of {member} {name} is {by} ahead of the others");
    }
    format!("the clock of {member} {name} is {by} behind the others, or its lines come late")
}

pub(super) fn next_step(finding: &Finding, place: &str) -> NextStep {
    if finding.kind == "clock" {
        return look(format!("Look whether the clock and the time zone of {place} are right."));
    }
    look_at("whoever writes to seismolog: the shipper, its file, its connection.")
}
