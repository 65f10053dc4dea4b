//! What is known of a burst when its incident opens and while it goes on.

use super::super::failure::{DAY_SLOTS, FACTOR, UsualNumber, UsualRate, is_critical};
use super::Verdict;
use super::cell_key::{CellKey, Scope};
use crate::engine::detector::tracker::{AttributedSlots, Ending};
use crate::engine::finding::{
    DetectorName, Evidence, Key, Measured, RateEvidence, Severity, p_of, round, score_of, significant, test, unit,
};
use crate::engine::incident::{IncidentId, Opening};
use crate::engine::template::example_of;
use crate::event::{Fields, Level, Role};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is usual where a burst is open, so that updates compare it with that.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct UsualOfBurst {
    /// Errors that are usual in a second.
    a_second: UsualNumber,
    /// The learned rate, over the window that has shown the burst.
    rate: UsualRate,
    window_s: f64,
    keep: f64,
}

impl UsualOfBurst {
    pub(super) fn of(verdict: &Verdict) -> Self {
        let Verdict { usual, rate, window_s, keep, .. } = *verdict;
        Self { a_second: usual.per(window_s), rate, window_s, keep }
    }
}

/// An open burst.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct OpenBurst {
    pub(super) id: IncidentId,
    /// The cell that showed it.
    pub(super) spot: CellKey,
    /// The slot in which it opened.
    pub(super) slot: u32,
    /// The most slots that it owns, where that is not what a half-life has.
    #[serde(default)]
    pub(super) owns: Option<u32>,
    /// Errors a second that would have come without it.
    pub(super) expected: f64,
    /// What is usual, for updates; none in states of versions that did not keep it.
    #[serde(default)]
    pub(super) usual: Option<UsualOfBurst>,
    pub(super) ending: Ending,
}

impl OpenBurst {
    /// True of a burst that windows of errors have shown.
    pub(super) fn is_seldom(&self) -> bool {
        self.owns == Some(DAY_SLOTS)
    }
}

/// Open bursts by place, and the slots that belong to them, as a restart should know them.
#[derive(Serialize, Deserialize)]
pub(super) struct OpenBurstsState {
    pub(super) open: BTreeMap<u64, OpenBurst>,
    pub(super) owned: AttributedSlots,
}

/// The incident that `verdict` found in a cell of `scope`, on the event that showed it.
pub(super) fn opening(fields: &Fields<'_>, scope: Scope, verdict: &Verdict) -> Opening {
    let message = fields.text(Role::Message).unwrap_or_default();
    let usual = verdict.usual.in_digits();
    let is_warning = scope == Scope::Warning;
    let critical = !is_warning && is_critical(verdict.fatal, verdict.errors, verdict.usual.expected);
    Opening {
        detector: DetectorName::Burst,
        kind: if scope == Scope::Share { "share" } else { "surge" }.into(),
        rule: None,
        severity: if critical { Severity::Critical } else { Severity::Warning },
        count: verdict.errors as u64,
        score: score_of(verdict.ln_p),
        key: key_of(fields, scope),
        measured: Measured {
            observed: verdict.errors,
            expected: Some(usual.expected),
            unit: if is_warning { unit::WARNINGS } else { unit::ERRORS }.into(),
            test: test::GAMMA_POISSON.into(),
            threshold: Some(significant(verdict.threshold)),
            p_value: Some(p_of(verdict.ln_p)),
            samples: verdict.samples as u64,
            window_s: Some(round(verdict.window_s, 1)),
        },
        evidence: Evidence::Rate(RateEvidence {
            expected_low: Some(usual.low),
            expected_high: Some(usual.high),
            example: Some(vec![example_of(&message).to_owned()]),
            requests: Some(verdict.requests).filter(|requests| *requests > 0.0),
            lasted_s: verdict.window_s,
        }),
        // A failing status is an error whatever level its line has.
        worst: Some(match (is_warning, verdict.fatal) {
            (true, _) => Level::Warn,
            (false, true) => Level::Fatal,
            (false, false) => Level::Error,
        }),
        cause: None,
        remedy: None,
        context: Vec::new(),
    }
}

/// The burst has gone on for `lasted_s` seconds with `count` errors. What is usual is that of the
/// window that has shown it: the burst itself must not look usual.
pub(super) fn go_on(known: &mut Opening, usual: &UsualOfBurst, count: u64, lasted_s: f64) {
    let errors = count as f64;
    let rate = usual.rate.over(lasted_s / usual.window_s);
    let ln_p = rate.ln_p(errors, FACTOR, usual.keep, 0.0);
    known.update(errors, round(lasted_s, 1), rate.samples() as u64, ln_p);
    let number = usual.a_second.times(lasted_s).in_digits();
    known.measured.expected = Some(number.expected);
    if let Evidence::Rate(evidence) = &mut known.evidence {
        (evidence.expected_low, evidence.expected_high) = (Some(number.low), Some(number.high));
        (evidence.requests, evidence.lasted_s) = (None, lasted_s);
    }
}

fn key_of(fields: &Fields<'_>, scope: Scope) -> Key {
    let role = match scope {
        Scope::Module | Scope::Text | Scope::Share | Scope::Warning => Some(Role::Module),
        Scope::Code => Some(Role::ErrorCode),
        Scope::All => None,
    };
    match role.and_then(|role| Some((role.name(), fields.text(role)?))) {
        Some((name, value)) => Key(vec![(name.into(), value.into_owned())]),
        None => Key(vec![("scope".into(), "all".into())]),
    }
}
