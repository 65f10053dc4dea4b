//! The metrics that rules make, as `seismolog_rule_<name>`. Their names are known only while rules run, so that they are no
//! part of the registry: families are made when somebody asks.

use crate::engine::rules::RuleMetrics;
use crate::engine::rules::metrics::{BUCKETS, MetricKind, RuleMetric, Series};
use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType};

/// One family for each metric of a rule.
pub(super) fn of(metrics: &RuleMetrics) -> Vec<MetricFamily> {
    metrics.iter().map(|(name, metric)| family(name, metric)).collect()
}

fn family(name: &str, metric: &RuleMetric) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(format!("seismolog_rule_{name}"));
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
    let label = |(name, value): (&String, &String)| {
        let mut label = LabelPair::default();
        label.set_name(name.clone());
        label.set_value(value.clone());
        label
    };
    let mut made = Metric::default();
    made.set_label(metric.labels.iter().zip(values).map(label).collect());
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
