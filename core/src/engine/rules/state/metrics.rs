//! Metrics of rules: counters, gauges and histograms with a few series each.
//!
//! A label with values from a log can have any number of values. So the number of series of all
//! metrics together is limited: a value without room for a series of its own goes into the series
//! whose labels are all `other`, and is counted. A series with labels that was not updated for an
//! hour or two is removed, which makes room for another.

use crate::event::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most metrics of a set of rules.
const MOST_METRICS: usize = 100;
/// Most series of all metrics together, without the `other` series, of which each metric can have
/// one.
const MOST_SERIES: usize = 1_000;
/// Seconds between two sweeps. A series is removed when it was not updated between two sweeps.
const SWEEP_S: f64 = 3_600.0;
/// The value of every label in the series for values that have no room elsewhere.
const OTHER: &str = "other";
/// Most labels of a metric.
const MOST_LABELS: usize = 8;
/// Most bytes of a label's value; longer ones are cut.
const LONGEST_VALUE: usize = 128;
/// Names of seismolog's own metrics with the same prefix, which rules must not use.
const TAKEN: [&str; 6] = ["evaluations", "failures", "cpu_seconds", "enabled", "dropped_events", "reloads"];
/// Suffixes with a meaning in Prometheus. Only a counter may have one, `_total`.
const SUFFIXES: [&str; 6] = ["_total", "_created", "_bucket", "_count", "_sum", "_info"];

/// The upper bounds of a histogram's buckets, without unit: three per power of ten, from 0.001 to
/// 1,000,000.
pub const BUCKETS: [f64; 28] = [
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1e3,
    2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6,
];

/// The kind of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MetricKind {
    /// `metric_inc`: a value that only grows.
    Counter,
    /// `metric_set`: the last value.
    Gauge,
    /// `metric_observe`: the distribution of values.
    Histogram,
}

/// A metric of rules, exported as `seismolog_rule_<name>`. The name of a counter is stored without
/// `_total`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleMetric {
    /// The kind of the metric.
    pub kind: MetricKind,
    /// The names of its labels, in alphabetical order.
    pub labels: Vec<String>,
    /// Its series, by the values of the labels.
    pub series: BTreeMap<Vec<String>, Series>,
    /// How many values went into `other` for lack of room.
    #[serde(default)]
    pub dropped: u64,
}

/// One series of a metric.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// The value of a counter or gauge; the sum of a histogram's values.
    pub value: f64,
    /// The number of a histogram's values.
    pub count: u64,
    /// The number of values in each of [`BUCKETS`], not cumulative. Values above the last bound are
    /// only in `count`.
    pub buckets: Vec<u64>,
    /// True if it was not updated since the last sweep.
    #[serde(default)]
    is_idle: bool,
}

/// All metrics of a set of rules, by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RuleMetrics {
    metrics: BTreeMap<String, RuleMetric>,
    evictions: u64,
    taken: u64,
    #[serde(default)]
    swept: Timestamp,
}

impl RuleMetrics {
    /// The metrics by name, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RuleMetric)> {
        self.metrics.iter().map(|(name, metric)| (name.as_str(), metric))
    }

    /// The number of series.
    #[must_use]
    pub fn series(&self) -> usize {
        self.metrics.values().map(|metric| metric.series.len()).sum()
    }

    /// A number that increases with every change.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.taken
    }

    /// How many values went into `other` because the limit on series was reached.
    #[must_use]
    pub fn evictions(&self) -> u64 {
        self.evictions
    }

    /// Removes series with labels that were not updated between two sweeps; `now` is wall-clock
    /// time of the reader. A metric without labels stays: it has only one series, and a counter
    /// that restarts at zero would hide its next increase.
    pub(crate) fn sweep(&mut self, now: Timestamp) {
        if (0.0..SWEEP_S).contains(&now.seconds_since(self.swept)) {
            return;
        }
        self.swept = now;
        self.metrics.retain(|_, metric| {
            if metric.labels.is_empty() {
                return true;
            }
            let before = metric.series.len();
            metric.series.retain(|_, series| !std::mem::replace(&mut series.is_idle, true));
            self.taken += (before - metric.series.len()) as u64;
            !metric.series.is_empty()
        });
    }

    /// Adds a value. Labels must be in alphabetical order.
    ///
    /// # Errors
    /// When the name, a label or the value is invalid.
    pub(crate) fn take(
        &mut self,
        kind: MetricKind,
        name: &str,
        labels: &[(String, String)],
        value: f64,
    ) -> Result<(), String> {
        if !value.is_finite() || (kind == MetricKind::Counter && value < 0.0) {
            return Err(format!("`{name}` cannot take the value {value}"));
        }
        let name = match kind {
            MetricKind::Counter => name.strip_suffix("_total").unwrap_or(name),
            _ => name,
        };
        if !self.metrics.contains_key(name) {
            check_name(kind, name)?;
            if self.metrics.len() >= MOST_METRICS {
                return Err(format!("more than {MOST_METRICS} metrics"));
            }
            if labels.len() > MOST_LABELS {
                return Err(format!("`{name}` has {} labels; at most {MOST_LABELS} are allowed", labels.len()));
            }
            if let Some((label, _)) = labels.iter().find(|(label, _)| !is_name(label) || is_taken_label(label)) {
                return Err(format!("`{label}` is no name of a label"));
            }
            let labels = labels.iter().map(|(label, _)| label.clone()).collect();
            self.metrics.insert(name.to_owned(), RuleMetric { kind, labels, series: BTreeMap::new(), dropped: 0 });
        }
        let cut = |value: &String| value[..value.floor_char_boundary(LONGEST_VALUE)].to_owned();
        let mut values: Vec<String> = labels.iter().map(|(_, value)| cut(value)).collect();
        let is_new = self.metrics.get(name).is_some_and(|metric| !metric.series.contains_key(&values));
        let has_no_room = is_new && self.series() >= MOST_SERIES;
        let Some(metric) = self.metrics.get_mut(name) else { return Ok(()) };
        if metric.kind != kind {
            return Err(format!("`{name}` is used as two kinds of metric"));
        }
        if !metric.labels.iter().eq(labels.iter().map(|(label, _)| label)) {
            return Err(format!("`{name}` has the labels {:?}, and here others", metric.labels));
        }
        if has_no_room && !values.is_empty() {
            values.fill_with(|| OTHER.to_owned());
            metric.dropped += 1;
            self.evictions += 1;
        }
        self.taken += 1;
        let series = metric.series.entry(values).or_default();
        series.is_idle = false;
        match kind {
            MetricKind::Counter => series.value += value,
            MetricKind::Gauge => series.value = value,
            MetricKind::Histogram => {
                series.value += value;
                series.count += 1;
                series.buckets.resize(BUCKETS.len(), 0);
                if let Some(bucket) = series.buckets.get_mut(BUCKETS.partition_point(|end| *end < value)) {
                    *bucket += 1;
                }
            }
        }
        Ok(())
    }
}

/// The problem with a metric's name, if there is one.
pub(crate) fn check_name(kind: MetricKind, name: &str) -> Result<(), String> {
    let name = match kind {
        MetricKind::Counter => name.strip_suffix("_total").unwrap_or(name),
        _ => name,
    };
    if TAKEN.contains(&name.strip_suffix("_total").unwrap_or(name)) {
        return Err(format!("`seismolog_rule_{name}` is a metric of seismolog's own; choose another name"));
    }
    if let Some(suffix) = SUFFIXES.into_iter().find(|suffix| name.ends_with(suffix)) {
        return Err(format!(
            "`{name}` ends in `{suffix}`, which Prometheus takes for something else; choose another name"
        ));
    }
    if !is_name(name) || name.len() > 100 {
        return Err(format!("`{name}` is no name of a metric; write lower-case letters, digits and `_`"));
    }
    Ok(())
}

/// Labels that Prometheus reserves for histograms and summaries.
fn is_taken_label(name: &str) -> bool {
    matches!(name, "le" | "quantile")
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(value: &str) -> [(String, String); 1] {
        [("upstream".to_owned(), value.to_owned())]
    }

    #[test]
    fn values_go_where_they_belong() {
        let mut metrics = RuleMetrics::default();
        for value in [1.0, 2.0] {
            metrics.take(MetricKind::Counter, "hits", &label("db"), value).unwrap();
            metrics.take(MetricKind::Gauge, "depth", &[], value).unwrap();
            metrics.take(MetricKind::Histogram, "took", &[], value * 1e6).unwrap();
        }
        let value = |name: &str| metrics.metrics[name].series.values().next().unwrap().clone();
        assert_eq!((value("hits").value, value("depth").value, value("took").value), (3.0, 2.0, 3e6));
        assert_eq!((value("took").count, value("took").buckets.iter().sum::<u64>()), (2, 1));
    }

    #[test]
    fn series_are_bounded_and_counted() {
        let mut metrics = RuleMetrics::default();
        for i in 0..5_000 {
            metrics.take(MetricKind::Counter, "hits", &label(&i.to_string()), 1.0).unwrap();
        }
        assert_eq!((metrics.series(), metrics.evictions()), (MOST_SERIES + 1, 4_000));
        assert_eq!(metrics.metrics["hits"].series[&vec!["other".to_owned()]].value, 4_000.0);
        // Existing series go on; another metric can always have one series.
        metrics.take(MetricKind::Counter, "hits", &label("7"), 1.0).unwrap();
        metrics.take(MetricKind::Gauge, "depth", &label("7"), 3.0).unwrap();
        metrics.take(MetricKind::Gauge, "alone", &[], 4.0).unwrap();
        assert_eq!(metrics.metrics["hits"].series[&vec!["7".to_owned()]].value, 2.0);
        assert_eq!(metrics.metrics["depth"].series[&vec!["other".to_owned()]].value, 3.0);
        assert_eq!(metrics.metrics["alone"].series[&vec![]].value, 4.0);
        assert_eq!((metrics.metrics["hits"].dropped, metrics.metrics["depth"].dropped), (4_000, 1));
    }

    #[test]
    fn idle_series_are_forgotten_and_make_room() {
        let mut metrics = RuleMetrics::default();
        let hour = |hours: i64| Timestamp::from_seconds(1_800_000_000 + hours * 3_600);
        metrics.sweep(hour(0));
        metrics.take(MetricKind::Counter, "total", &[], 1.0).unwrap();
        for i in 0..2_000 {
            metrics.take(MetricKind::Counter, "hits", &label(&i.to_string()), 1.0).unwrap();
        }
        metrics.sweep(hour(1));
        metrics.sweep(hour(1));
        metrics.take(MetricKind::Counter, "hits", &label("5"), 1.0).unwrap();
        assert_eq!(metrics.series(), MOST_SERIES + 1);
        let revision = metrics.revision();
        metrics.sweep(hour(2));
        assert_eq!((metrics.series(), metrics.revision() > revision), (2, true));
        assert_eq!(metrics.metrics["hits"].series[&vec!["5".to_owned()]].value, 2.0);
        metrics.sweep(hour(3));
        assert!(!metrics.metrics.contains_key("hits") && metrics.metrics.contains_key("total"));
    }

    #[test]
    fn a_counter_is_the_same_with_and_without_total() {
        let mut metrics = RuleMetrics::default();
        metrics.take(MetricKind::Counter, "hits", &[], 1.0).unwrap();
        metrics.take(MetricKind::Counter, "hits_total", &[], 1.0).unwrap();
        assert_eq!((metrics.metrics.len(), metrics.metrics["hits"].series[&vec![]].value), (1, 2.0));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut metrics = RuleMetrics::default();
        metrics.take(MetricKind::Counter, "hits", &label("db"), 1.0).unwrap();
        for (kind, name, labels, value, expected) in [
            (MetricKind::Gauge, "hits", &label("db")[..], 1.0, "two kinds"),
            (MetricKind::Counter, "hits", &[], 1.0, "here others"),
            (MetricKind::Counter, "hits", &label("db"), -1.0, "value -1"),
            (MetricKind::Gauge, "x", &[], f64::NAN, "value NaN"),
            (MetricKind::Gauge, "failures_total", &[], 1.0, "seismolog's own"),
            (MetricKind::Counter, "failures", &[], 1.0, "seismolog's own"),
            (MetricKind::Gauge, "depth_total", &[], 1.0, "ends in `_total`"),
            (MetricKind::Counter, "hits_count", &[], 1.0, "ends in `_count`"),
            (MetricKind::Gauge, "a b", &[], 1.0, "no name"),
            (MetricKind::Gauge, "y", &[("le".to_owned(), "1".to_owned())], 1.0, "no name of a label"),
            (MetricKind::Gauge, "y", &[("quantile".to_owned(), "1".to_owned())], 1.0, "no name of a label"),
        ] {
            assert!(metrics.take(kind, name, labels, value).unwrap_err().contains(expected), "{name}");
        }
    }
}
