//! What is said of an operation that has become slow, or fast.

use super::baseline::{Limits, SHARE_BELOW, SHARES};
use super::host_share::HostShare;
use super::operation::Operation;
use super::window::{HostId, WINDOWS};
use super::{LatencySettings, OUTLIER_TEST, SHIFT_TEST};
use crate::engine::finding::{DetectorName, Evidence, Key, Severity};
use crate::engine::incident::{Opening, p_of, round, score_of};
use crate::engine::stats::log_histogram::middle;
use crate::event::{Fields, Role, Timestamp};

/// A shift of the median by this factor is critical: whoever waits for the operation will have
/// given up.
const CRITICAL_FACTOR: f64 = 10.0;

/// A shift as it shows in one of the windows.
pub(super) struct Shift {
    pub(super) ln_p: f64,
    pub(super) width: usize,
    pub(super) limit: usize,
    count: u32,
    /// Of the calls of this host alone.
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

    pub(super) fn summary(&self, place: &str) -> String {
        let (how, than) = match self.limit {
            0 => ("slower", "75 %"),
            1 => ("slower", "90 %"),
            2 => ("slower", "99 %"),
            _ => ("faster", "25 %"),
        };
        format!(
            "{} of the last {} calls of {place} {how} than {than} used to be: median {}, usually {}",
            self.count,
            self.width,
            duration(self.median),
            duration(self.usual)
        )
    }

    fn evidence(&self, operation: &Operation, settings: &LatencySettings) -> Evidence {
        let mut more = quantiles(operation);
        let down = self.limit >= SHARES.len();
        let quantile = if down { SHARE_BELOW } else { 1.0 - SHARES[self.limit] };
        more.insert(if down { "fast" } else { "slow" }.into(), self.count.into());
        more.insert("of".into(), self.width.into());
        more.insert("quantile".into(), quantile.into());
        Evidence {
            observed: significant(self.median),
            expected: significant(self.usual),
            unit: "ms".into(),
            test: SHIFT_TEST.into(),
            threshold: settings.shift_threshold,
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
        settings: &LatencySettings,
        host: Option<&str>,
        evidence: &mut Evidence,
        summary: &mut String,
    ) {
        *evidence = self.evidence(operation, settings);
        evidence.more.insert("shift".into(), true.into());
        if let Some(host) = host.filter(|_| self.host.is_some()) {
            evidence.more.insert("host".into(), host.into());
        }
        *summary = self.summary(&place(operation, host.filter(|_| self.host.is_some())));
    }

    pub(super) fn opening(&self, operation: &Operation, settings: &LatencySettings, fields: &Fields<'_>) -> Opening {
        let severity = match self.limit {
            3.. => Severity::Info,
            _ if self.median > CRITICAL_FACTOR * self.usual => Severity::Critical,
            _ => Severity::Warning,
        };
        let host = fields.text(Role::Host).filter(|_| self.host.is_some());
        let mut opening = common(operation, fields);
        if let Some(host) = &host {
            opening.key.0.push(("host".into(), host.to_string()));
        }
        Opening {
            kind: "shift".into(),
            severity,
            count: u64::from(self.count),
            score: score_of(self.ln_p),
            summary: self.summary(&place(operation, host.as_deref())),
            evidence: self.evidence(operation, settings),
            ..opening
        }
    }
}

/// `/orders`, or `/orders on node-3`.
fn place(operation: &Operation, host: Option<&str>) -> String {
    match host {
        Some(host) => format!("{} on {host}", operation.name),
        None => operation.name.to_string(),
    }
}

/// One value, in milliseconds, beyond the tail.
pub(super) fn outlier(operation: &Operation, limits: &Limits, value: f64, fields: &Fields<'_>) -> Opening {
    let ln_p = limits.ln_tail(value);
    let [three_quarters, _, nearly_all] = SHARES.map(|share| operation.baseline.value_at(share));
    let mut more = quantiles(operation);
    // Not in the key: one slow call says nothing of its host.
    if let Some(host) = fields.text(Role::Host) {
        more.insert("host".into(), host.into());
    }
    Opening {
        kind: "outlier".into(),
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
            more,
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

/// The baseline's quantiles in milliseconds, and the interval in which 98 of 100 values lie.
fn quantiles(operation: &Operation) -> serde_json::Map<String, serde_json::Value> {
    let at = |share| significant(operation.baseline.value_at(share));
    let quantiles = [("p50", 0.5), ("p75", SHARES[0]), ("p90", SHARES[1]), ("p99", SHARES[2])];
    let mut more: serde_json::Map<_, _> =
        quantiles.into_iter().map(|(name, share)| (name.to_owned(), at(share).into())).collect();
    more.insert("interval".into(), vec![at(1.0 - SHARES[2]), at(SHARES[2])].into());
    more
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
pub(super) fn significant(value: f64) -> f64 {
    if value >= 99.5 {
        return value.round();
    }
    format!("{value:.1e}").parse().unwrap_or(value)
}
