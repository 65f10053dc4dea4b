//! What is said of an operation that has become slow.

use super::baseline::{Limits, SHARES};
use super::operation::Operation;
use super::window::WINDOWS;
use super::{LatencyOptions, OUTLIER_TEST, SHIFT_TEST};
use crate::engine::finding::{DetectorName, Evidence, Key, Severity};
use crate::engine::incident::{Opening, p_of, round, score_of};
use crate::engine::stats::log_histogram::middle;
use crate::event::{Fields, Timestamp};

/// A shift of the median by this factor is critical: whoever waits for the operation will have given up.
const CRITICAL_FACTOR: f64 = 10.0;

/// A shift as it shows in one of the windows.
pub(super) struct Shift {
    ln_p: f64,
    width: usize,
    quantile: usize,
    count: u32,
    /// Medians now and before, in milliseconds.
    median: f64,
    usual: f64,
    window_s: f64,
}

impl Shift {
    /// The least likely of the window's counts.
    pub(super) fn of(operation: &Operation, limits: &Limits, now: Timestamp) -> Self {
        let (ln_p, window, quantile, count) = operation.window.least_likely(limits);
        let width = WINDOWS[window];
        let since = operation.window.since(width).unwrap_or(now);
        Self {
            ln_p,
            width,
            quantile,
            count,
            median: operation.window.median(width).map_or(0.0, middle),
            usual: operation.baseline.value_at(0.5),
            window_s: now.seconds_since(since).max(0.0),
        }
    }

    fn summary(&self, name: &str) -> String {
        format!(
            "{} of the last {} calls of {name} slower than {} used to be: median {}, usually {}",
            self.count,
            self.width,
            percent(self.quantile),
            duration(self.median),
            duration(self.usual)
        )
    }

    fn evidence(&self, operation: &Operation, options: &LatencyOptions) -> Evidence {
        let mut more = quantiles(operation);
        more.insert("slow".into(), self.count.into());
        more.insert("of".into(), self.width.into());
        more.insert("quantile".into(), (1.0 - SHARES[self.quantile]).into());
        Evidence {
            observed: significant(self.median),
            expected: significant(self.usual),
            unit: "ms".into(),
            test: SHIFT_TEST.into(),
            threshold: options.shift_threshold,
            p_value: Some(p_of(self.ln_p)),
            samples: operation.baseline.learned.total() as u64,
            window_s: round(self.window_s, 3),
            more,
        }
    }

    /// Brings an incident up to date that is a shift by now.
    pub(super) fn update(
        &self,
        operation: &Operation,
        options: &LatencyOptions,
        evidence: &mut Evidence,
        summary: &mut String,
    ) {
        *evidence = self.evidence(operation, options);
        evidence.more.insert("shift".into(), true.into());
        *summary = self.summary(&operation.name);
    }

    pub(super) fn opening(&self, operation: &Operation, options: &LatencyOptions, fields: &Fields<'_>) -> Opening {
        let critical = self.median > CRITICAL_FACTOR * self.usual;
        Opening {
            kind: "shift".into(),
            severity: if critical { Severity::Critical } else { Severity::Warning },
            count: u64::from(self.count),
            score: score_of(self.ln_p),
            summary: self.summary(&operation.name),
            evidence: self.evidence(operation, options),
            ..common(operation, fields)
        }
    }
}

/// One value, in milliseconds, beyond the tail.
pub(super) fn outlier(operation: &Operation, limits: &Limits, value: f64, fields: &Fields<'_>) -> Opening {
    let ln_p = limits.ln_tail(value);
    let [three_quarters, _, nearly_all] = SHARES.map(|share| operation.baseline.value_at(share));
    Opening {
        kind: "outlier".into(),
        severity: Severity::Warning,
        count: 1,
        score: score_of(ln_p),
        summary: format!(
            "{} on {}, usually {} at 75 %, {} at 99 %",
            duration(value),
            operation.name,
            duration(three_quarters),
            duration(nearly_all)
        ),
        evidence: Evidence {
            observed: round(value, 3),
            expected: significant(nearly_all),
            unit: "ms".into(),
            test: OUTLIER_TEST.into(),
            threshold: significant(limits.chance),
            p_value: Some(p_of(ln_p)),
            samples: operation.baseline.learned.total() as u64,
            window_s: round(value / 1e3, 3),
            more: quantiles(operation),
        },
        ..common(operation, fields)
    }
}

fn common(operation: &Operation, fields: &Fields<'_>) -> Opening {
    Opening {
        detector: DetectorName::Latency,
        kind: String::new(),
        rule: None,
        severity: Severity::Warning,
        key: Key(vec![("operation".into(), operation.name.to_string())]),
        count: 1,
        score: 0.0,
        summary: String::new(),
        evidence: Evidence::default(),
        worst: fields.level(),
        cause: None,
        remedy: None,
        context: Vec::new(),
    }
}

/// The baseline's quantiles, in milliseconds.
fn quantiles(operation: &Operation) -> serde_json::Map<String, serde_json::Value> {
    let quantiles = [("p50", 0.5), ("p75", SHARES[0]), ("p90", SHARES[1]), ("p99", SHARES[2])];
    quantiles
        .into_iter()
        .map(|(name, share)| (name.to_owned(), significant(operation.baseline.value_at(share)).into()))
        .collect()
}

fn percent(quantile: usize) -> &'static str {
    ["75 %", "90 %", "99 %"][quantile.min(2)]
}

/// Milliseconds as people write them: `41 ms`, `2.1 s`, `0.25 ms`, `3.5 min`.
pub(super) fn duration(milliseconds: f64) -> String {
    let (value, unit) = match milliseconds {
        m if m >= 99_500.0 => (m / 60_000.0, "min"),
        m if m >= 995.0 => (m / 1_000.0, "s"),
        m if m >= 0.01 => (m, "ms"),
        m => (m * 1_000.0, "µs"),
    };
    format!("{} {unit}", significant(value))
}

/// Two significant digits, or all before the point.
fn significant(value: f64) -> f64 {
    if value >= 99.5 {
        return value.round();
    }
    format!("{value:.1e}").parse().unwrap_or(value)
}
