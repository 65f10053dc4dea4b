//! The finding of a silence.

use super::key::{Key, Pause};
use crate::engine::finding::{
    self, DetectorName, Evidence, Measured, Severity, SilenceEvidence, p_of, round, score_of, test, unit,
};
use crate::engine::incident::Opening;
use crate::event::Timestamp;

/// The incident of `key`, silent for `pause` where `limits` would be possible.
pub(super) fn opening(member: &str, key: &Key, pause: Pause, limits: Pause, threshold: f64) -> Opening {
    let ln_p = key.ln_p(pause);
    let (longest, _) = key.longest_and_usual();
    Opening {
        detector: DetectorName::Silence,
        kind: "key".into(),
        rule: None,
        severity: Severity::Warning,
        key: finding::Key(vec![(member.to_owned(), key.name.to_string())]),
        count: 1,
        score: score_of(ln_p),
        measured: Measured {
            observed: round(pause.seconds, 1),
            expected: Some(round(longest, 1)),
            unit: unit::SECONDS.into(),
            test: test::GAPS.into(),
            threshold: Some(threshold),
            p_value: Some(p_of(ln_p)),
            samples: key.lines().into(),
            window_s: Some(round(pause.seconds, 1)),
        },
        evidence: Evidence::Silence(SilenceEvidence {
            last_seen: Timestamp(key.last_time),
            events_of_others: pause.events,
            limit_s: round(limits.seconds, 1),
            limit_events: round(limits.events, 0),
            also: Vec::new(),
            unlisted: 0,
            silent_s: pause.seconds,
            longest_s: longest,
        }),
        worst: None,
        cause: None,
        remedy: None,
        context: Vec::new(),
    }
}

/// How long the key of an incident has been silent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Silent {
    pause: Pause,
    longest_s: f64,
    lines: u32,
    ln_p: f64,
}

impl Silent {
    pub(super) fn of(key: &Key, pause: Pause) -> Self {
        Self { pause, longest_s: key.longest_and_usual().0, lines: key.lines(), ln_p: key.ln_p(pause) }
    }

    /// The incident has gone on; `also` are names of keys that stopped with its own, and `unlisted`
    /// is how many more did.
    pub(super) fn go_on(&self, known: &mut Opening, also: &[String], unlisted: u32) {
        let seconds = self.pause.seconds.round();
        known.update(seconds, seconds, self.lines.into(), self.ln_p);
        if let Evidence::Silence(evidence) = &mut known.evidence {
            evidence.events_of_others = self.pause.events;
            (evidence.silent_s, evidence.longest_s) = (self.pause.seconds, self.longest_s);
            (evidence.also, evidence.unlisted) = (also.to_vec(), unlisted);
        }
    }
}
