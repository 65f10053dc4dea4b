//! Encodes metrics as Prometheus text 0.0.4 or OpenMetrics 1.0, whichever the scraper prefers.
//!
//! The client library writes the text format. It has no encoder for OpenMetrics, so that is written
//! here from the same gathered families: a counter's family name loses `_total`, units are
//! declared, counters may carry an exemplar, and the page ends in `# EOF` (OpenMetrics 1.0.0,
//! sections "Overall Structure" and "Exemplars").

use prometheus::proto::{Histogram, LabelPair, Metric, MetricFamily, MetricType, Summary};
use prometheus::{Error, TextEncoder};
use std::fmt::Write as _;

/// A format for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text 0.0.4.
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Format {
    /// The format that a request with this `Accept` header prefers: the text format unless
    /// OpenMetrics has a higher quality.
    ///
    /// ```
    /// use seismolog::telemetry::exposition::Format;
    /// let prometheus = "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    /// assert_eq!(Format::accepted(prometheus), Format::OpenMetrics);
    /// assert_eq!(Format::accepted("*/*"), Format::Text);
    /// ```
    #[must_use]
    pub fn accepted(accept: &str) -> Self {
        let (mut open, mut text, mut any) = (None, None, 0.0_f64);
        for range in accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default().to_ascii_lowercase();
            let (mut quality, mut is_known) = (1.0_f64, true);
            for parameter in parts {
                match parameter.split_once('=') {
                    Some((key, value)) if key.trim() == "q" => quality = value.trim().parse().unwrap_or(0.0),
                    Some((key, value)) if key.trim() == "version" && name == "application/openmetrics-text" => {
                        is_known = matches!(value.trim().trim_matches('"'), "1.0.0" | "0.0.1");
                    }
                    _ => {}
                }
            }
            match name.as_str() {
                "application/openmetrics-text" if is_known => open = open.max(Some(Quality(quality))),
                "text/plain" => text = text.max(Some(Quality(quality))),
                "text/*" | "*/*" => any = any.max(quality),
                _ => {}
            }
        }
        let text = text.map_or(any, |Quality(quality)| quality);
        match open {
            Some(Quality(open)) if open > 0.0 && open >= text => Self::OpenMetrics,
            _ => Self::Text,
        }
    }

    /// The content type of this format.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// Encodes all families as one page.
    ///
    /// # Errors
    /// Only if a family cannot be represented in the text format, which is a bug of the caller.
    pub fn encode(
        self,
        families: &[MetricFamily],
        exemplar: &dyn Fn(&str, &[LabelPair]) -> Option<Exemplar>,
    ) -> Result<String, Error> {
        match self {
            Self::Text => TextEncoder::new().encode_to_string(families),
            Self::OpenMetrics => Ok(open_metrics(families, exemplar)),
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
struct Quality(f64);

impl PartialOrd for Quality {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for Quality {}

impl Ord for Quality {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// An exemplar: one observation behind a counter.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    /// Names and values, together at most 128 characters; otherwise the exemplar is left out.
    pub labels: Vec<(&'static str, String)>,
    /// The value that was added.
    pub value: f64,
    /// The time in seconds since the Unix epoch.
    pub time_s: f64,
}

/// Most characters of all names and values of an exemplar.
const EXEMPLAR_CHARACTERS: usize = 128;

fn open_metrics(families: &[MetricFamily], exemplar: &dyn Fn(&str, &[LabelPair]) -> Option<Exemplar>) -> String {
    let mut page = String::with_capacity(32 << 10);
    for family in families {
        let kind = family.get_field_type();
        let full = family.name();
        let is_info = kind == MetricType::GAUGE && full.ends_with("_info");
        let name = match kind {
            MetricType::COUNTER => full.strip_suffix("_total").unwrap_or(full),
            _ if is_info => full.strip_suffix("_info").unwrap_or(full),
            _ => full,
        };
        let type_name = match kind {
            MetricType::COUNTER => "counter",
            MetricType::GAUGE if is_info => "info",
            MetricType::GAUGE => "gauge",
            MetricType::HISTOGRAM => "histogram",
            MetricType::SUMMARY => "summary",
            MetricType::UNTYPED => "unknown",
        };
        let _ = writeln!(page, "# TYPE {name} {type_name}");
        if let Some(unit) = ["seconds", "bytes"]
            .into_iter()
            .find(|unit| name.strip_suffix(unit).is_some_and(|rest| rest.ends_with('_')) && !is_info)
        {
            let _ = writeln!(page, "# UNIT {name} {unit}");
        }
        page.push_str("# HELP ");
        page.push_str(name);
        page.push(' ');
        escape(family.help(), &mut page);
        page.push('\n');
        for metric in family.get_metric() {
            let labels = metric.get_label();
            match kind {
                MetricType::COUNTER => {
                    sample(&mut page, name, "_total", labels, None, metric.get_counter().get_value());
                    if let Some(exemplar) = exemplar(full, labels) {
                        page.pop();
                        put_exemplar(&mut page, &exemplar);
                        page.push('\n');
                    }
                }
                MetricType::GAUGE => {
                    sample(
                        &mut page,
                        name,
                        if is_info { "_info" } else { "" },
                        labels,
                        None,
                        metric.get_gauge().get_value(),
                    );
                }
                MetricType::HISTOGRAM => histogram(&mut page, name, labels, metric.get_histogram()),
                MetricType::SUMMARY => summary(&mut page, name, labels, metric.get_summary()),
                MetricType::UNTYPED => untyped(&mut page, name, metric),
            }
        }
    }
    page.push_str("# EOF\n");
    page
}

fn untyped(page: &mut String, name: &str, metric: &Metric) {
    sample(page, name, "", metric.get_label(), None, metric.get_gauge().get_value());
}

fn histogram(page: &mut String, name: &str, labels: &[LabelPair], histogram: &Histogram) {
    let mut has_infinity = false;
    for bucket in histogram.get_bucket() {
        let bound = bucket.upper_bound();
        has_infinity |= bound == f64::INFINITY;
        sample(page, name, "_bucket", labels, Some(("le", bound)), bucket.cumulative_count() as f64);
    }
    if !has_infinity {
        sample(page, name, "_bucket", labels, Some(("le", f64::INFINITY)), histogram.get_sample_count() as f64);
    }
    sample(page, name, "_count", labels, None, histogram.get_sample_count() as f64);
    sample(page, name, "_sum", labels, None, histogram.get_sample_sum());
}

fn summary(page: &mut String, name: &str, labels: &[LabelPair], summary: &Summary) {
    for quantile in summary.get_quantile() {
        sample(page, name, "", labels, Some(("quantile", quantile.quantile())), quantile.value());
    }
    sample(page, name, "_count", labels, None, summary.sample_count() as f64);
    sample(page, name, "_sum", labels, None, summary.sample_sum());
}

fn sample(page: &mut String, name: &str, suffix: &str, labels: &[LabelPair], more: Option<(&str, f64)>, value: f64) {
    page.push_str(name);
    page.push_str(suffix);
    let mut open = '{';
    for label in labels {
        page.push(open);
        open = ',';
        put_label(page, label.name(), label.value());
    }
    if let Some((key, bound)) = more {
        page.push(open);
        open = ',';
        // OpenMetrics requires bounds as canonical floats: `1.0`, not `1`.
        put_label(page, key, &float(bound, true));
    }
    if open == ',' {
        page.push('}');
    }
    page.push(' ');
    page.push_str(&float(value, false));
    page.push('\n');
}

fn put_label(page: &mut String, name: &str, value: &str) {
    page.push_str(name);
    page.push_str("=\"");
    escape(value, page);
    page.push('"');
}

fn put_exemplar(page: &mut String, exemplar: &Exemplar) {
    let characters: usize =
        exemplar.labels.iter().map(|(name, value)| name.chars().count() + value.chars().count()).sum();
    if characters > EXEMPLAR_CHARACTERS {
        return;
    }
    page.push_str(" # {");
    for (i, (name, value)) in exemplar.labels.iter().enumerate() {
        if i > 0 {
            page.push(',');
        }
        put_label(page, name, value);
    }
    let _ = write!(page, "}} {} {:.3}", float(exemplar.value, false), exemplar.time_s);
}

fn escape(text: &str, page: &mut String) {
    for c in text.chars() {
        match c {
            '\\' => page.push_str("\\\\"),
            '"' => page.push_str("\\\""),
            '\n' => page.push_str("\\n"),
            c => page.push(c),
        }
    }
}

fn float(value: f64, canonical: bool) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    if canonical && value != 0.0 && !(1e-4..1e10).contains(&value.abs()) {
        return format!("{value:?}").replace("e-", "e-0").replace("e-00", "e-0");
    }
    if canonical { format!("{value:?}") } else { format!("{value}") }
}

/// Whether this `Accept-Encoding` header allows gzip.
#[must_use]
pub fn takes_gzip(accept: &str) -> bool {
    accept.split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip = matches!(parts.next(), Some("gzip" | "x-gzip"));
        let refused = parts.any(|parameter| {
            parameter.strip_prefix("q=").is_some_and(|quality| quality.parse::<f64>().is_ok_and(|q| q <= 0.0))
        });
        is_gzip && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus::{Gauge, HistogramOpts, IntCounterVec, Opts, Registry};

    fn families() -> Vec<MetricFamily> {
        let registry = Registry::new();
        let counter = IntCounterVec::new(Opts::new("a_bytes_total", "Says \"a\\b\"\n."), &["kind"]).unwrap();
        counter.with_label_values(&["x\"\\\n"]).inc_by(7);
        let gauge = Gauge::with_opts(Opts::new("b_info", "Build.")).unwrap();
        gauge.set(1.0);
        let histogram =
            prometheus::Histogram::with_opts(HistogramOpts::new("c_seconds", "Time.").buckets(vec![1e-5, 0.5, 1.0]))
                .unwrap();
        histogram.observe(0.25);
        registry.register(Box::new(counter)).unwrap();
        registry.register(Box::new(gauge)).unwrap();
        registry.register(Box::new(histogram)).unwrap();
        registry.gather()
    }

    #[test]
    fn open_metrics_word_for_word() {
        let exemplar = |name: &str, labels: &[LabelPair]| {
            (name == "a_bytes_total" && labels[0].name() == "kind").then(|| Exemplar {
                labels: vec![("trace_id", "4bf9".into())],
                value: 1.0,
                time_s: 1_700_000_000.25,
            })
        };
        let page = Format::OpenMetrics.encode(&families(), &exemplar).unwrap();
        let expected = r#"# TYPE a_bytes counter
# UNIT a_bytes bytes
# HELP a_bytes Says \"a\\b\"\n.
a_bytes_total{kind="x\"\\\n"} 7 # {trace_id="4bf9"} 1 1700000000.250
# TYPE b info
# HELP b Build.
b_info 1
# TYPE c_seconds histogram
# UNIT c_seconds seconds
# HELP c_seconds Time.
c_seconds_bucket{le="1e-05"} 0
c_seconds_bucket{le="0.5"} 1
c_seconds_bucket{le="1.0"} 1
c_seconds_bucket{le="+Inf"} 1
c_seconds_count 1
c_seconds_sum 0.25
# EOF
"#;
        assert_eq!(page, expected);
    }

    #[test]
    fn an_exemplar_that_is_too_long_is_left_out() {
        let long = |_: &str, _: &[LabelPair]| {
            Some(Exemplar { labels: vec![("trace_id", "x".repeat(128))], value: 1.0, time_s: 0.0 })
        };
        assert!(!Format::OpenMetrics.encode(&families(), &long).unwrap().contains("xxx"));
    }

    #[test]
    fn the_format_is_what_the_scraper_prefers() {
        for (accept, format) in [
            ("", Format::Text),
            ("*/*", Format::Text),
            ("text/plain", Format::Text),
            ("application/openmetrics-text", Format::OpenMetrics),
            ("application/openmetrics-text; version=2.0.0", Format::Text),
            ("application/openmetrics-text;q=0", Format::Text),
            ("application/openmetrics-text;q=0.4,text/plain;q=0.5", Format::Text),
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                Format::OpenMetrics,
            ),
            ("application/vnd.google.protobuf;proto=x;q=0.9,*/*;q=0.2", Format::Text),
        ] {
            assert_eq!(Format::accepted(accept), format, "{accept}");
        }
    }

    #[test]
    fn gzip_is_used_where_it_is_taken() {
        assert_eq!(["gzip", "deflate, gzip;q=0.5", "br"].map(takes_gzip), [true, true, false]);
        assert_eq!(["gzip;q=0", "", "identity, x-gzip"].map(takes_gzip), [false, false, true]);
    }
}
