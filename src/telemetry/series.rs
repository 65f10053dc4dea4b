//! Metrics whose names and labels are chosen by others than this program: rules.
//!
//! A label that takes its values from a log can grow without end, so that the number of series is limited; what would
//! pass the limit is dropped and counted in `seismolog_series_dropped_total`, by metric. A series that nothing has
//! touched for a while is forgotten, and its place is free again.
//!
//! A rule's `x` is `seismolog_rule_x`; a counter ends in `_total` whether the rule says so or not.

use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Upper bounds of what rules observe: three a decade, from a thousandth to ten thousand.
const BOUNDS: [f64; 22] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0,
    1_000.0, 2_500.0, 5_000.0, 10_000.0,
];
/// Names of dropped metrics that are counted apart; further ones are counted as `other`.
const DROPPED_NAMES: usize = 100;
/// Names under `seismolog_rule_` that tell how rules fare.
const TAKEN: [&str; 4] = ["evaluations", "failures", "cpu_seconds", "enabled"];
/// Most labels of one series, and most characters of a value.
const LABELS: usize = 8;
const VALUE_CHARACTERS: usize = 128;

/// What is done to a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// A counter grows; negative numbers and such that are none are dropped.
    Add(f64),
    /// A gauge is set.
    Set(f64),
    /// A histogram takes a value.
    Observe(f64),
}

/// The series of all rules.
#[derive(Debug)]
pub struct Series {
    most: usize,
    idle: Duration,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    families: BTreeMap<String, Family>,
    count: usize,
    dropped: BTreeMap<String, u64>,
}

#[derive(Debug)]
struct Family {
    kind: MetricType,
    series: BTreeMap<Vec<(String, String)>, (Value, Instant)>,
}

#[derive(Debug)]
enum Value {
    Number(f64),
    Buckets { counts: Box<[u64; BOUNDS.len()]>, count: u64, sum: f64 },
}

impl Series {
    /// None yet; at most `most` of them, each forgotten when nothing has touched it for as long as `idle`.
    #[must_use]
    pub fn new(most: usize, idle: Duration) -> Self {
        Self { most, idle, inner: Mutex::default() }
    }

    /// Changes the series of the metric `name` with these labels; makes it if it is not there and there is room.
    ///
    /// Dropped, and counted, are names and labels that Prometheus does not take, a metric used as another kind before,
    /// and what would pass the limit.
    pub fn change(&self, name: &str, labels: &[(&str, &str)], change: Change, now: Instant) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.take(name, labels, change, now, self.most).is_none() {
            inner.expire(now, self.idle);
            if inner.take(name, labels, change, now, self.most).is_none() {
                inner.drop_one(name);
            }
        }
    }

    /// The families as they are at `now`, sorted by name.
    pub fn gather(&self, now: Instant) -> Vec<MetricFamily> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.expire(now, self.idle);
        let rules = inner.families.iter().map(|(name, rule)| {
            let metrics = rule.series.iter().map(|(labels, (value, _))| value.metric(rule.kind, labels)).collect();
            family(name, "Set by a rule.", rule.kind, metrics)
        });
        let mut families: Vec<_> = rules.collect();
        if !inner.dropped.is_empty() {
            let counts = inner.dropped.iter().map(|(name, count)| {
                Value::Number(*count as f64).metric(MetricType::COUNTER, &[("metric".to_owned(), name.clone())])
            });
            let help = "Changes to series of rules that were dropped: too many series, or no valid name or labels.";
            families.push(family("seismolog_series_dropped_total", help, MetricType::COUNTER, counts.collect()));
        }
        families
    }
}

impl Inner {
    fn take(&mut self, name: &str, labels: &[(&str, &str)], change: Change, now: Instant, most: usize) -> Option<()> {
        let kind = change.kind()?;
        let is_valid = labels.len() <= LABELS
            && is_name(name)
            && !TAKEN.contains(&name.strip_suffix("_total").unwrap_or(name))
            && labels
                .iter()
                .all(|(name, _)| is_name(name) && !name.starts_with("__") && !matches!(*name, "le" | "quantile"));
        if !is_valid {
            return None;
        }
        let full = match kind {
            MetricType::COUNTER => format!("seismolog_rule_{}_total", name.strip_suffix("_total").unwrap_or(name)),
            _ => format!("seismolog_rule_{name}"),
        };
        let is_full = self.count >= most;
        let known = match self.families.get_mut(&full) {
            Some(known) => known,
            None if is_full => return None,
            None => self.families.entry(full).or_insert(Family { kind, series: BTreeMap::new() }),
        };
        if known.kind != kind {
            return None;
        }
        let mut labels: Vec<(String, String)> = labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.chars().take(VALUE_CHARACTERS).collect()))
            .collect();
        labels.sort();
        labels.dedup_by(|a, b| a.0 == b.0);
        let (value, touched) = match known.series.get_mut(&labels) {
            Some(series) => series,
            None if is_full => return None,
            None => {
                self.count += 1;
                known.series.entry(labels).or_insert((Value::new(kind), now))
            }
        };
        *touched = now;
        value.take(change);
        Some(())
    }

    fn drop_one(&mut self, name: &str) {
        let room = self.dropped.len() < DROPPED_NAMES || self.dropped.contains_key(name);
        let name = if room && is_name(name) { name } else { "other" };
        *self.dropped.entry(name.to_owned()).or_default() += 1;
    }

    fn expire(&mut self, now: Instant, idle: Duration) {
        for family in self.families.values_mut() {
            let before = family.series.len();
            family.series.retain(|_, (_, touched)| now.saturating_duration_since(*touched) <= idle);
            self.count -= before - family.series.len();
        }
        self.families.retain(|_, family| !family.series.is_empty());
    }
}

impl Change {
    fn kind(self) -> Option<MetricType> {
        match self {
            Self::Add(by) => (by >= 0.0 && by.is_finite()).then_some(MetricType::COUNTER),
            Self::Set(_) => Some(MetricType::GAUGE),
            Self::Observe(value) => (!value.is_nan()).then_some(MetricType::HISTOGRAM),
        }
    }
}

impl Value {
    fn new(kind: MetricType) -> Self {
        match kind {
            MetricType::HISTOGRAM => Self::Buckets { counts: Box::new([0; BOUNDS.len()]), count: 0, sum: 0.0 },
            _ => Self::Number(0.0),
        }
    }

    fn take(&mut self, change: Change) {
        match (self, change) {
            (Self::Number(number), Change::Add(by)) => *number += by,
            (Self::Number(number), Change::Set(value) | Change::Observe(value)) => *number = value,
            (
                Self::Buckets { counts, count, sum },
                Change::Add(value) | Change::Set(value) | Change::Observe(value),
            ) => {
                *count += 1;
                *sum += value;
                if let Some(bucket) = BOUNDS.iter().position(|bound| value <= *bound) {
                    counts[bucket] += 1;
                }
            }
        }
    }

    fn metric(&self, kind: MetricType, labels: &[(String, String)]) -> Metric {
        let mut metric = Metric::default();
        let pairs = labels.iter().map(|(name, value)| {
            let mut pair = LabelPair::default();
            pair.set_name(name.clone());
            pair.set_value(value.clone());
            pair
        });
        metric.set_label(pairs.collect());
        match self {
            Self::Number(number) if kind == MetricType::COUNTER => {
                let mut counter = Counter::default();
                counter.set_value(*number);
                metric.set_counter(counter);
            }
            Self::Number(number) => {
                let mut gauge = Gauge::default();
                gauge.set_value(*number);
                metric.set_gauge(gauge);
            }
            Self::Buckets { counts, count, sum } => {
                let mut below = 0;
                let buckets = BOUNDS.iter().zip(counts.iter()).map(|(bound, inside)| {
                    below += inside;
                    let mut bucket = Bucket::default();
                    bucket.set_upper_bound(*bound);
                    bucket.set_cumulative_count(below);
                    bucket
                });
                let mut histogram = Histogram::default();
                histogram.set_bucket(buckets.collect());
                histogram.set_sample_count(*count);
                histogram.set_sample_sum(*sum);
                metric.set_histogram(histogram);
            }
        }
        metric
    }
}

fn family(name: &str, help: &str, kind: MetricType, metrics: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family.set_metric(metrics);
    family
}

/// Names of metrics here and of labels: letters, digits and underscores, no digit first, at most 100 of them.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 100
        && !name.as_bytes()[0].is_ascii_digit()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::exposition::Format;

    const IDLE: Duration = Duration::from_secs(60);

    fn page(series: &Series, now: Instant) -> String {
        Format::Text.encode(&series.gather(now), &|_, _| None).unwrap()
    }

    #[test]
    fn counters_gauges_and_histograms() {
        let (series, now) = (Series::new(100, IDLE), Instant::now());
        series.change("orders", &[("shop", "a")], Change::Add(2.0), now);
        series.change("orders_total", &[("shop", "a")], Change::Add(1.0), now);
        series.change("depth", &[], Change::Set(4.5), now);
        series.change("took", &[], Change::Observe(0.3), now);
        series.change("took", &[], Change::Observe(1e9), now);
        let page = page(&series, now);
        for line in [
            "seismolog_rule_orders_total{shop=\"a\"} 3",
            "seismolog_rule_depth 4.5",
            "seismolog_rule_took_bucket{le=\"0.25\"} 0",
            "seismolog_rule_took_bucket{le=\"0.5\"} 1",
            "seismolog_rule_took_bucket{le=\"+Inf\"} 2",
        ] {
            assert!(page.lines().any(|there| there == line), "{line} in\n{page}");
        }
    }

    #[test]
    fn a_label_without_bound_costs_no_more_than_the_limit_and_is_counted() {
        let (series, now) = (Series::new(10, IDLE), Instant::now());
        for i in 0..1_000 {
            series.change("seen", &[("user", &i.to_string())], Change::Add(1.0), now);
        }
        series.change("other", &[], Change::Set(1.0), now);
        let text = page(&series, now);
        assert_eq!(text.matches("seismolog_rule_seen_total{").count(), 10);
        assert!(text.contains("seismolog_series_dropped_total{metric=\"seen\"} 990"), "{text}");
        assert!(text.contains("seismolog_series_dropped_total{metric=\"other\"} 1"), "{text}");
        // What is there goes on.
        series.change("seen", &[("user", "3")], Change::Add(1.0), now);
        assert!(page(&series, now).contains("{user=\"3\"} 2"));
    }

    #[test]
    fn idle_series_are_forgotten_and_make_room() {
        let (series, now) = (Series::new(2, IDLE), Instant::now());
        series.change("a", &[("x", "1")], Change::Add(1.0), now);
        series.change("a", &[("x", "2")], Change::Add(1.0), now + IDLE);
        let later = now + IDLE + Duration::from_secs(1);
        series.change("a", &[("x", "3")], Change::Add(1.0), later);
        let text = page(&series, later);
        assert!(!text.contains("x=\"1\"") && text.contains("x=\"2\"") && text.contains("x=\"3\""), "{text}");
        assert_eq!(page(&series, later + 2 * IDLE), "");
    }

    #[test]
    fn what_prometheus_would_not_take_is_dropped_and_counted() {
        let (series, now) = (Series::new(100, IDLE), Instant::now());
        for (name, labels, change) in [
            ("1st", &[][..], Change::Add(1.0)),
            ("a b", &[], Change::Add(1.0)),
            ("evaluations", &[], Change::Add(1.0)),
            ("a", &[("le", "1")], Change::Set(1.0)),
            ("a", &[("__x", "1")], Change::Set(1.0)),
            ("a", &[], Change::Add(-1.0)),
            ("a", &[], Change::Add(f64::INFINITY)),
            ("a", &[], Change::Observe(f64::NAN)),
        ] {
            series.change(name, labels, change, now);
        }
        series.change("kind", &[], Change::Set(1.0), now);
        series.change("kind", &[], Change::Observe(1.0), now);
        let text = page(&series, now);
        assert_eq!(text.lines().filter(|line| line.starts_with("seismolog_rule_")).count(), 1, "{text}");
        assert!(
            text.contains("{metric=\"a\"} 5")
                && text.contains("{metric=\"evaluations\"} 1")
                && text.contains("{metric=\"other\"} 2"),
            "{text}"
        );
    }
}
