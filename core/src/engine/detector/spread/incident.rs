//! The finding of a bad value when its incident opens and while it goes on.

use super::super::failure::{FACTOR, UsualNumber, UsualRate, is_critical};
use super::evaluate::{expected_by, ln_share};
use super::{Dimension, Usual, Verdict};
use crate::engine::finding::{
    DetectorName, Evidence, Key, Measured, Severity, ShareEvidence, p_of, round, score_of, significant, test, unit,
};
use crate::engine::incident::Opening;
use crate::engine::stats::binomial;
use crate::engine::template::example_of;
use crate::event::{Fields, Level, Role};
use serde::{Deserialize, Serialize};

/// What is usual of a value with an open incident, so that updates compare it with that.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct UsualOfValue {
    /// The share that the value should have.
    usual: Usual,
    /// That share of one failure, with its interval.
    a_failure: UsualNumber,
    /// The value's own rate, over the window that has shown the incident.
    rate: UsualRate,
    window_s: f64,
}

impl UsualOfValue {
    pub(super) fn of(verdict: &Verdict) -> Self {
        let Verdict { usual, rate, window_s, .. } = *verdict;
        Self { usual, a_failure: a_failure(verdict), rate, window_s }
    }
}

fn a_failure(verdict: &Verdict) -> UsualNumber {
    let (low, high) = binomial::credible_interval(verdict.usual.share, verdict.samples);
    UsualNumber { expected: verdict.usual.share, low, high }
}

/// The incident that `verdict` found in the event's value of `dimension`.
pub(super) fn opening(fields: &Fields<'_>, dimension: &Dimension, verdict: &Verdict) -> Opening {
    let value = dimension.text_of(fields).unwrap_or_default().into_owned();
    let module = fields.text(Role::Module).unwrap_or_default();
    let Verdict { failures, of, usual, window_s, .. } = *verdict;
    let number = a_failure(verdict).times(of).in_digits();
    let message = fields.text(Role::Message).unwrap_or_default();
    let fatal = fields.level() == Some(Level::Fatal);
    let is_critical = is_critical(fatal, failures, verdict.expected_by_rate);
    let mut key = vec![(dimension.name().to_owned(), value)];
    if !module.is_empty() {
        key.push((Role::Module.name().to_owned(), module.into_owned()));
    }
    Opening {
        detector: DetectorName::Spread,
        kind: "value".into(),
        rule: None,
        severity: if is_critical { Severity::Critical } else { Severity::Warning },
        key: Key(key),
        count: failures as u64,
        score: score_of(verdict.ln_p),
        measured: Measured {
            observed: failures,
            expected: Some(number.expected),
            unit: unit::FAILURES.into(),
            test: test::BINOMIAL.into(),
            threshold: Some(significant(verdict.threshold)),
            p_value: Some(p_of(verdict.ln_p)),
            samples: verdict.samples as u64,
            window_s: Some(round(window_s, 1)),
        },
        evidence: Evidence::Share(ShareEvidence {
            expected_low: Some(number.low),
            expected_high: Some(number.high),
            of,
            usual_share: significant(usual.share),
            expected_by_rate: Some(significant(verdict.expected_by_rate)),
            p_value_of_rate: Some(p_of(verdict.ln_p_rate)),
            modules: None,
            example: Some(vec![example_of(&message).to_owned()]),
            lasted_s: window_s,
        }),
        // A failing status is an error whatever level its line has.
        worst: Some(if fatal { Level::Fatal } else { Level::Error }),
        cause: None,
        remedy: None,
        context: Vec::new(),
    }
}

/// The incident has gone on for `lasted_s` seconds with `failures` of the `of` failures of its
/// modules. What is usual is that of the window that has shown it.
pub(super) fn go_on(known: &mut Opening, usual: &UsualOfValue, failures: f64, of: f64, lasted_s: f64, modules: usize) {
    let UsualOfValue { usual, a_failure, rate, window_s } = *usual;
    known.update(failures, round(lasted_s, 1), (usual.samples + of) as u64, ln_share(failures, of, &usual));
    let number = a_failure.times(of).in_digits();
    known.measured.expected = Some(number.expected);
    let rate = UsualRate { dispersion: usual.dispersion(of), ..rate.over(lasted_s / window_s) };
    if let Evidence::Share(evidence) = &mut known.evidence {
        (evidence.expected_low, evidence.expected_high) = (Some(number.low), Some(number.high));
        evidence.expected_by_rate = Some(significant(expected_by(&rate)));
        evidence.p_value_of_rate = Some(p_of(rate.ln_p(failures, FACTOR, 1.0, 0.0)));
        (evidence.of, evidence.lasted_s) = (of, lasted_s);
        evidence.modules = (modules > 1).then_some(modules);
    }
}
