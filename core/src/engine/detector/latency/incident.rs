//! The finding of an operation that has become slow, or fast.

use super::LatencySettings;
use super::baseline::{Limits, SHARE_BELOW, SHARES};
use super::host_share::HostShare;
use super::operation::Operation;
use super::window::{HostId, WINDOWS};
use crate::engine::deadlines::after;
use crate::engine::finding::{
    DetectorName, Evidence, Key, LatencyEvidence, Measured, Severity, ShiftEvidence, milliseconds, p_of, round,
    score_of, significant, test, unit,
};
use crate::engine::incident::Opening;
use crate::engine::stats::log_histogram::middle;
use crate::event::{Fields, Role, Timestamp};
use std::borrow::Cow;

/// A shift of the median by this factor is critical: whoever waits for the operation will have
/// given up.
const CRITICAL_FACTOR: f64 = 10.0;

/// Operations that an incident lists, at most, beside its own.
const LISTED: usize = 10;

/// A shift as one of the windows shows it.
pub(super) struct Shift {
    pub(super) ln_p: f64,
    pub(super) width: usize,
    pub(super) limit: usize,
    count: u32,
    /// The host, for a shift of one host's calls alone.
    pub(super) host: Option<HostId>,
    /// Medians now and before, in milliseconds.
    median: f64,
    usual: f64,
    window_s: f64,
}

impl Shift {
    /// The least likely of the window's counts, of fast calls or of slow ones.
    pub(super) fn of(operation: &Operation, limits: &Limits, down: bool, now: Timestamp) -> Self {
        let (ln_p, window, limit, count) = operation.window.least_likely(limits, down);
        let width = WINDOWS[window];
        let since = operation.window.since(width).unwrap_or(now);
        Self {
            ln_p,
            width,
            limit,
            count,
            host: None,
            median: operation.window.median(width, None).map_or(0.0, middle),
            usual: operation.baseline.value_at(0.5),
            window_s: now.seconds_since(since).max(0.0),
        }
    }

    /// The least likely of one host's counts.
    pub(super) fn of_host(
        operation: &Operation,
        limits: &Limits,
        share: &HostShare,
        host: HostId,
        now: Timestamp,
    ) -> Self {
        let slow = share.least_likely(limits);
        Self {
            ln_p: slow.ln_p,
            width: slow.width as usize,
            limit: slow.limit,
            count: slow.count,
            host: Some(host),
            median: operation.window.median(slow.width as usize, Some(host)).map_or(0.0, middle),
            usual: operation.baseline.value_at(0.5),
            window_s: now.seconds_since(share.since(slow.width)).max(0.0),
        }
    }

    /// The calls beyond a quantile that show the shift.
    pub(super) fn calls(&self) -> ShiftEvidence {
        let faster = self.limit >= SHARES.len();
        let quantile = if faster { SHARE_BELOW } else { 1.0 - SHARES[self.limit] };
        ShiftEvidence { count: self.count, of: self.width, quantile, faster }
    }

    /// About when the first of the calls came that show it.
    pub(super) fn since(&self, now: Timestamp) -> Timestamp {
        after(now, -self.window_s)
    }

    /// By how much the calls are slower than usual, by their medians.
    pub(super) fn factor(&self) -> f64 {
        if self.usual > 0.0 { self.median / self.usual } else { 0.0 }
    }

    /// Medians now and before, in milliseconds.
    pub(super) fn medians_ms(&self) -> [f64; 2] {
        [self.median, self.usual]
    }

    fn measured(&self, operation: &Operation, settings: &LatencySettings) -> Measured {
        Measured {
            observed: milliseconds(self.median),
            expected: Some(milliseconds(self.usual)),
            unit: unit::MILLISECONDS.into(),
            test: test::BINOMIAL_EXCEEDANCE.into(),
            threshold: Some(settings.shift_threshold.value()),
            p_value: Some(p_of(self.ln_p)),
            samples: operation.baseline.learned.total() as u64,
            window_s: Some(round(self.window_s, 3)),
        }
    }

    fn evidence(&self, operation: &Operation) -> LatencyEvidence {
        LatencyEvidence {
            shift: Some(self.calls()),
            observed_ms: self.median,
            of_one_host: self.host.is_some(),
            ..quantiles(operation)
        }
    }

    /// Brings the finding of a shift up to date.
    pub(super) fn update(
        &self,
        operation: &Operation,
        settings: &LatencySettings,
        fields: &Fields<'_>,
        known: &mut Opening,
    ) {
        known.measured = self.measured(operation, settings);
        known.score = score_of(self.ln_p);
        let host = fields.text(Role::Host).filter(|_| self.host.is_some()).map(Cow::into_owned);
        let mut own = LatencyEvidence { became_shift: true, host, ..self.evidence(operation) };
        if let Evidence::Latency(before) = &mut known.evidence {
            (own.also, own.as_usual) = (std::mem::take(&mut before.also), std::mem::take(&mut before.as_usual));
            own.stopped = before.stopped.take();
        }
        known.evidence = Evidence::Latency(own);
    }

    pub(super) fn opening(&self, operation: &Operation, settings: &LatencySettings, fields: &Fields<'_>) -> Opening {
        let severity = match self.limit {
            3.. => Severity::Info,
            _ if self.median > CRITICAL_FACTOR * self.usual => Severity::Critical,
            _ => Severity::Warning,
        };
        let mut opening = common(operation, fields);
        if let Some(host) = fields.text(Role::Host).filter(|_| self.host.is_some()) {
            opening.key.0.push(("host".into(), host.into_owned()));
        }
        Opening {
            kind: "shift".into(),
            severity,
            count: u64::from(self.count),
            score: score_of(self.ln_p),
            measured: self.measured(operation, settings),
            evidence: Evidence::Latency(self.evidence(operation)),
            ..opening
        }
    }
}

/// The incident of one value, in milliseconds, beyond the tail.
pub(super) fn outlier(operation: &Operation, limits: &Limits, value: f64, fields: &Fields<'_>) -> Opening {
    let ln_p = limits.ln_tail(value);
    Opening {
        kind: "outlier".into(),
        score: score_of(ln_p),
        measured: Measured {
            observed: round(value, 3),
            expected: Some(milliseconds(operation.baseline.value_at(SHARES[2]))),
            unit: unit::MILLISECONDS.into(),
            test: test::PEAKS_OVER_THRESHOLD.into(),
            threshold: Some(significant(limits.chance)),
            p_value: Some(p_of(ln_p)),
            samples: operation.baseline.learned.total() as u64,
            window_s: Some(round(value / 1e3, 3)),
        },
        evidence: Evidence::Latency(LatencyEvidence {
            // Evidence, not part of the key: one slow call says nothing about its host.
            host: fields.text(Role::Host).map(Cow::into_owned),
            observed_ms: value,
            ..quantiles(operation)
        }),
        ..common(operation, fields)
    }
}

fn common(operation: &Operation, fields: &Fields<'_>) -> Opening {
    let mut key = vec![("operation".into(), operation.name.to_string())];
    if !operation.module.is_empty() {
        key.push(("module".into(), operation.module.to_string()));
    }
    Opening {
        detector: DetectorName::Latency,
        kind: String::new(),
        rule: None,
        severity: Severity::Warning,
        key: Key(key),
        count: 1,
        score: 0.0,
        measured: Measured::default(),
        evidence: Evidence::default(),
        worst: fields.level(),
        cause: None,
        remedy: None,
        context: Vec::new(),
    }
}

/// The operation's usual quantiles.
fn quantiles(operation: &Operation) -> LatencyEvidence {
    let shares = [1.0 - SHARES[2], 0.5, SHARES[0], SHARES[1], SHARES[2]];
    LatencyEvidence { quantiles_ms: shares.map(|share| operation.baseline.value_at(share)), ..Default::default() }
}

/// An operation has become slow together with that of the incident; of calls inside of each other
/// the innermost, which has a `name`, comes first.
pub(super) fn add(known: &mut Opening, operation: &Operation, severity: Severity, name: Option<String>) {
    known.severity = known.severity.max(severity);
    let Evidence::Latency(evidence) = &mut known.evidence else { return };
    match name {
        Some(name) => evidence.also.insert(0, name),
        None => evidence.also.push(operation.name.to_string()),
    }
    evidence.also.truncate(LISTED);
}
