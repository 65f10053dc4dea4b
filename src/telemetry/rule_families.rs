//! The metrics of rules, as `seismolog_rule_<name>`, and the count of values without a series.
//! Their names are only known while rules run, so they are outside of the registry: families are
//! made at each scrape.

use crate::engine::rules::RuleMetrics;
use crate::engine::rules::metrics::{BUCKETS, MetricKind, RuleMetric, Series};
use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType};

/// One family for each metric of the rules.
pub(super) fn of(metrics: &RuleMetrics) -> Vec<MetricFamily> {
    metrics.iter().map(|(name, metric)| family(full_name(name, metric), metric)).collect()
}

/// How many values of each metric have no series of their own, by the metric's full name.
pub(super) fn dropped(metrics: &RuleMetrics) -> impl Iterator<Item = (String, u64)> {
    metrics.iter().map(|(name, metric)| (full_name(name, metric), metric.dropped))
}

/// The family that counts values without a series, for metrics of rules and other metrics with a
/// limit.
pub(super) fn series_dropped(dropped: impl Iterator<Item = (String, u64)>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name("seismolog_series_dropped_total".to_owned());
    family.set_help("Values counted as other because there are all the series that there may be.".to_owned());
    family.set_field_type(MetricType::COUNTER);
    let metrics = dropped.map(|(metric, values)| {
        let mut counter = Counter::default();
        counter.set_value(values as f64);
        let mut made = Metric::default();
        made.set_label(vec![label("metric", &metric)]);
        made.set_counter(counter);
        made
    });
    family.set_metric(metrics.collect());
    family
}

fn label(name: &str, value: &str) -> LabelPair {
    let mut label = LabelPair::default();
    label.set_name(name.to_owned());
    label.set_value(value.to_owned());
    label
}

fn full_name(name: &str, metric: &RuleMetric) -> String {
    let suffix = if metric.kind == MetricKind::Counter { "_total" } else { "" };
    format!("seismolog_rule_{name}{suffix}")
}

fn family(name: String, metric: &RuleMetric) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name);
    family.set_help("Made by a rule.".to_owned());
    family.set_field_type(match metric.kind {
        MetricKind::Counter => MetricType::COUNTER,
        MetricKind::Gauge => MetricType::GAUGE,
        MetricKind::Histogram => MetricType::HISTOGRAM,
    });
    let series = |(values, series): (&Vec<String>, &Series)| one(metric, values, series);
    family.set_metric(metric.series.iter().map(series).collect());
    family
}

fn one(metric: &RuleMetric, values: &[String], series: &Series) -> Metric {
    let mut made = Metric::default();
    made.set_label(metric.labels.iter().zip(values).map(|(name, value)| label(name, value)).collect());
    match metric.kind {
        MetricKind::Counter => {
            let mut counter = Counter::default();
            counter.set_value(series.value);
            made.set_counter(counter);
        }
        MetricKind::Gauge => {
            let mut gauge = Gauge::default();
            gauge.set_value(series.value);
            made.set_gauge(gauge);
        }
        MetricKind::Histogram => {
            let mut histogram = Histogram::default();
            let mut below = 0;
            let buckets = BUCKETS.iter().zip(&series.buckets).map(|(end, more)| {
                below += more;
                let mut bucket = Bucket::default();
                bucket.set_upper_bound(*end);
                bucket.set_cumulative_count(below);
                bucket
            });
            histogram.set_bucket(buckets.collect());
            histogram.set_sample_count(series.count);
            histogram.set_sample_sum(series.value);
            made.set_histogram(histogram);
        }
    }
    made
}
