//! The metric families in one registry. The registry is a value, so several filters in one process
//! count separately.
//!
//! The hot path never calls these methods for single events: it counts in plain integers and hands
//! over the differences once per batch, so methods take counts. Labels come from closed sets (their
//! parameters are `&'static str`) or are names of rules, which the loaded rules bound. Every series
//! of a closed set exists from the start at 0, because Prometheus sees no increase in a counter
//! whose first value is 1.

mod exemplar;
mod families;
mod rules;
mod sinks;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus::{
    CounterVec, Error, Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGaugeVec, Registry,
};

use self::exemplar::exemplar_of;
use self::families::{Families, opts, signed};
pub use self::rules::RELOADS;
use self::rules::RuleFamilies;
use self::sinks::SinkFamilies;
use super::exposition::{Exemplar, Format};
use super::modules::ModuleEvents;
use super::operations::OperationDurations;
use super::process::Process;
use crate::engine::Tally;
use crate::engine::detector::{ModuleCounts, OperationQuantiles};
use crate::engine::finding::{DetectorName, Severity};
use crate::engine::rules::{RuleMetrics, RuleTally};
use crate::event::Fault;
use crate::io::clock;
use crate::io::edge::CountFaults;
use crate::telemetry::rule_families;

/// Upper bounds of the batch histogram, in seconds: 10 µs to 10 s.
const BATCH_BUCKETS: [f64; 19] = [
    1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Every metric of one filter, and the registry that holds them.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    events: [IntCounter; 7],
    unread: [IntCounter; Tally::UNREAD.len()],
    read_bytes: IntCounter,
    written_bytes: IntCounter,
    faults: IntCounterVec,
    findings: IntCounterVec,
    open_incidents: IntGaugeVec,
    situations: IntCounterVec,
    open_situations: IntGaugeVec,
    evictions: IntCounterVec,
    table_keys: IntGaugeVec,
    template_merges: IntCounter,
    late_events: IntCounter,
    watermark_lag: Gauge,
    batch_duration: Histogram,
    module_events: ModuleEvents,
    operation_duration: OperationDurations,
    rules: RuleFamilies,
    sinks: SinkFamilies,
    detector_cpu: CounterVec,
    /// The latest opened incident of each detector and severity.
    exemplars: Mutex<BTreeMap<(&'static str, &'static str), Exemplar>>,
    /// Metrics of rules. They are outside of the registry because that is fixed when it is made.
    rule_metrics: Mutex<RuleMetrics>,
}

impl Metrics {
    /// A registry with every family at 0, except for `seismolog_build_info`.
    ///
    /// # Errors
    /// Only if two families have the same name, or one an invalid name, which is a bug in this
    /// file.
    pub fn new() -> Result<Metrics, Error> {
        let registry = Registry::new();
        let families = Families::of(&registry);

        let events =
            families.counters("events_total", "Events read, by level; none where the level is unknown.", &["level"])?;
        let unread = families.counters(
            "unread_total",
            "Events in which a role was not found; lines that go on with a stack trace are no events here.",
            &["role"],
        )?;
        let findings = families.counters("findings_total", "Incidents opened.", &["detector", "severity"])?;
        let open_incidents = families.gauges("open_incidents", "Incidents open now.", &["detector"])?;
        for detector in DetectorName::ALL.map(DetectorName::name) {
            open_incidents.with_label_values(&[detector]);
            for severity in Severity::ALL.map(Severity::name) {
                findings.with_label_values(&[detector, severity]);
            }
        }
        let situations =
            families.counters("situations_total", "Situations opened: incidents with one cause.", &["severity"])?;
        let open_situations = families.gauges("open_situations", "Situations open now.", &["severity"])?;
        for severity in Severity::ALL.map(Severity::name) {
            situations.with_label_values(&[severity]);
            open_situations.with_label_values(&[severity]);
        }
        let faults =
            families.counters("faults_total", "Events that passed unanalysed or in part, by reason.", &["kind"])?;
        // These series exist from the first scrape on, because Prometheus computes no rate for a
        // counter that appears later.
        Fault::ALL.iter().for_each(|fault| faults.with_label_values(&[fault.name()]).inc_by(0));
        let build_info =
            families.gauges("build_info", "Always 1; the label says which build this is.", &["version"])?;
        build_info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        registry.register(Box::new(Process::new(clock::now().0 as f64 / 1e9)?))?;

        Ok(Metrics {
            events: Tally::LEVELS.map(|level| events.with_label_values(&[level])),
            unread: Tally::UNREAD.map(|role| unread.with_label_values(&[role.name()])),
            read_bytes: families.counter("read_bytes_total", "Bytes read from the inputs.")?,
            written_bytes: families.counter("written_bytes_total", "Bytes written to the outputs.")?,
            faults,
            findings,
            open_incidents,
            situations,
            open_situations,
            evictions: families.counters("evictions_total", "Keys dropped from a full or aged table.", &["table"])?,
            table_keys: families.gauges("table_keys", "Keys that a table holds now.", &["table"])?,
            template_merges: families
                .counter("template_merges_total", "Templates that turned out to be of another.")?,
            late_events: families.counter("late_events_total", "Events older than the watermark.")?,
            watermark_lag: families.register(Gauge::with_opts(opts(
                "watermark_lag_seconds",
                "How far the watermark is behind the wall clock.",
            ))?)?,
            batch_duration: families.register(Histogram::with_opts(
                HistogramOpts::from(opts("batch_duration_seconds", "Time from a batch's read to its write."))
                    .buckets(BATCH_BUCKETS.to_vec()),
            )?)?,
            module_events: families.register(ModuleEvents::new()?)?,
            operation_duration: families.register(OperationDurations::new()?)?,
            rules: RuleFamilies::new(&families)?,
            sinks: SinkFamilies::new(&families)?,
            rule_metrics: Mutex::default(),
            detector_cpu: families.register(CounterVec::new(
                opts("detector_cpu_seconds_total", "Time spent in a detector, estimated from one event in 64."),
                &["detector"],
            )?)?,
            exemplars: Mutex::default(),
            registry,
        })
    }

    /// Adds the events of a batch by level, in the order of [`Tally::LEVELS`].
    pub fn add_events(&self, by_level: &[u64; 7]) {
        for (counter, events) in self.events.iter().zip(by_level) {
            if *events > 0 {
                counter.inc_by(*events);
            }
        }
    }

    /// Adds the events of a batch that lack a role, in the order of [`Tally::UNREAD`].
    pub fn add_unread(&self, by_role: &[u64; Tally::UNREAD.len()]) {
        for (counter, events) in self.unread.iter().zip(by_role) {
            if *events > 0 {
                counter.inc_by(*events);
            }
        }
    }

    /// Adds merges of templates.
    pub fn add_template_merges(&self, merges: u64) {
        self.template_merges.inc_by(merges);
    }

    /// Adds bytes read.
    pub fn add_read_bytes(&self, bytes: u64) {
        self.read_bytes.inc_by(bytes);
    }

    /// Adds bytes written.
    pub fn add_written_bytes(&self, bytes: u64) {
        self.written_bytes.inc_by(bytes);
    }

    /// Adds faults of a kind. Adding 0 creates the series before the first fault.
    pub fn add_faults(&self, kind: &'static str, faults: u64) {
        self.faults.with_label_values(&[kind]).inc_by(faults);
    }

    /// Adds incidents that a detector (one of [`DetectorName::ALL`]) opened at a severity (one of
    /// [`Severity::ALL`]).
    pub fn add_findings(&self, detector: &'static str, severity: &'static str, opened: u64) {
        self.findings.with_label_values(&[detector, severity]).inc_by(opened);
    }

    /// Sets how many incidents of a detector are open.
    pub fn set_open_incidents(&self, detector: &'static str, open: u64) {
        self.open_incidents.with_label_values(&[detector]).set(signed(open));
    }

    /// Adds situations that opened at a severity (one of [`Severity::ALL`]).
    pub fn add_situations(&self, severity: &'static str, opened: u64) {
        self.situations.with_label_values(&[severity]).inc_by(opened);
    }

    /// Sets how many situations of a severity are open.
    pub fn set_open_situations(&self, severity: &'static str, open: u64) {
        self.open_situations.with_label_values(&[severity]).set(signed(open));
    }

    /// Adds keys that a table evicted. Adding 0 creates the series before the first eviction.
    pub fn add_evictions(&self, table: &'static str, keys: u64) {
        self.evictions.with_label_values(&[table]).inc_by(keys);
    }

    /// Sets how many keys a table holds.
    pub fn set_table_keys(&self, table: &'static str, keys: u64) {
        self.table_keys.with_label_values(&[table]).set(signed(keys));
    }

    /// Adds events that were late: behind the watermark.
    pub fn add_late_events(&self, events: u64) {
        self.late_events.inc_by(events);
    }

    /// Sets how far the watermark is behind the wall clock, in seconds.
    pub fn set_watermark_lag(&self, seconds: f64) {
        self.watermark_lag.set(seconds);
    }

    /// Observes how long one batch took from being read to being written.
    pub fn observe_batch(&self, duration: Duration) {
        self.batch_duration.observe(duration.as_secs_f64());
    }

    /// Replaces the latencies of operations; the caller limits their number.
    pub fn set_operation_durations(&self, operations: &[OperationQuantiles]) {
        self.operation_duration.set(operations);
    }

    /// Replaces the event counts of modules; the caller limits their number.
    pub fn set_module_counts(&self, modules: &[ModuleCounts]) {
        self.module_events.set(modules);
    }

    /// Adds the work of a rule since the last call, and sets whether the circuit breaker lets the
    /// rule run.
    pub fn add_rule_work(&self, rule: &str, work: &RuleTally) {
        self.rules.add(rule, work);
    }

    /// Adds reloads of rules with this result, one of [`RELOADS`].
    pub fn add_rule_reloads(&self, result: &'static str, reloads: u64) {
        self.rules.add_reloads(result, reloads);
    }

    /// Removes the series of a rule that a reload has removed, so that reloads do not add series
    /// without bound.
    pub fn remove_rule(&self, rule: &str) {
        self.rules.remove(rule);
    }

    /// Adds the messages that a sink delivered, refused and failed to deliver since the last call,
    /// and the findings that it lost; sets how many findings wait and whether the sink is up. The
    /// configuration bounds the number of sinks.
    pub fn set_sink(&self, sink: &str, results: [(&'static str, u64); 3], lost: u64, pending: u64, up: bool) {
        self.sinks.set(sink, results, lost, pending, up);
    }

    /// Replaces the metrics of rules, if they have changed.
    pub fn set_rule_metrics(&self, metrics: Option<RuleMetrics>) {
        if let Some(metrics) = metrics {
            *self.rule_metrics.lock().unwrap_or_else(PoisonError::into_inner) = metrics;
        }
    }

    /// Makes an opened incident the exemplar of its counter, with the trace id of its event if
    /// there is one.
    pub fn set_exemplar(&self, detector: DetectorName, severity: Severity, incident: &str, trace: Option<&str>) {
        let trace = trace.filter(|trace| trace.chars().count() <= 80).map(|trace| ("trace_id", trace.to_owned()));
        let labels = trace.into_iter().chain([("incident_id", incident.to_owned())]).collect();
        let exemplar = Exemplar { labels, value: 1.0, time_s: clock::now().0 as f64 / 1e9 };
        let mut exemplars = self.exemplars.lock().unwrap_or_else(PoisonError::into_inner);
        exemplars.insert((detector.name(), severity.name()), exemplar);
    }

    /// Adds processor time spent in a detector.
    pub fn add_detector_cpu(&self, detector: DetectorName, cpu: Duration) {
        self.detector_cpu.with_label_values(&[detector.name()]).inc_by(cpu.as_secs_f64());
    }

    /// Encodes all families as one page.
    ///
    /// # Errors
    /// Only if a gathered family cannot be represented in the format, which is a bug in this file.
    pub fn encode(&self, format: Format) -> Result<String, Error> {
        // A family without series must not be written; the registry leaves out its own empty
        // families.
        let mut families = self.registry.gather();
        {
            let rule_metrics = self.rule_metrics.lock().unwrap_or_else(PoisonError::into_inner);
            families.extend(rule_families::of(&rule_metrics));
            let named = [self.module_events.dropped(), self.operation_duration.dropped()];
            let dropped = rule_families::dropped(&rule_metrics).chain(named);
            families.push(rule_families::series_dropped(dropped));
        }
        families.sort_by(|a, b| a.name().cmp(b.name()));
        let exemplars = self.exemplars.lock().unwrap_or_else(PoisonError::into_inner).clone();
        format.encode(&families, &|name, labels| exemplar_of(&exemplars, name, labels))
    }
}

impl CountFaults for Metrics {
    fn count(&self, fault: Fault) {
        self.add_faults(fault.name(), 1);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use super::*;
    use crate::event::Level;

    fn filled() -> Metrics {
        let metrics = Metrics::new().unwrap();
        metrics.add_events(&[1, 2, 3, 4, 5, 6, 7]);
        metrics.add_unread(&[11, 0, 5, 9]);
        metrics.add_read_bytes(1000);
        metrics.add_written_bytes(1100);
        metrics.add_faults("invalid_utf8", 2);
        metrics.add_findings("loop", "critical", 1);
        metrics.set_open_incidents("loop", 1);
        metrics.add_situations("critical", 2);
        metrics.set_open_situations("critical", 1);
        metrics.add_evictions("actors", 5);
        metrics.set_table_keys("actors", 100_000);
        metrics.add_late_events(3);
        metrics.set_watermark_lag(10.25);
        metrics.observe_batch(Duration::from_micros(40));
        let operation = |name: &str| OperationQuantiles {
            operation: name.to_owned(),
            p50: 0.04,
            p90: 0.1,
            p99: 0.2,
            count: 9,
            sum: 0.5,
        };
        metrics.set_operation_durations(&[operation("/gone")]);
        metrics.set_operation_durations(&[operation("/orders/{}")]);
        let module = |module: &str| ModuleCounts { module: module.to_owned(), events: 50, errors: 2 };
        metrics.set_module_counts(&[module("checkout"), module("other")]);
        let work = RuleTally { evaluations: 9, failures: 1, dropped: 2, cpu_ns: 3_000_000, enabled: true };
        metrics.add_rule_work("upstream_timeouts", &work);
        metrics.add_rule_reloads("failed", 2);
        metrics
    }

    fn value(text: &str, series: &str) -> Option<String> {
        text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ').map(str::to_owned))
    }

    #[test]
    fn every_family_is_there_with_its_value() {
        let text = filled().encode(Format::Text).unwrap();
        for (series, expected) in [
            ("seismolog_events_total{level=\"TRACE\"}", "1"),
            ("seismolog_events_total{level=\"FATAL\"}", "6"),
            ("seismolog_events_total{level=\"none\"}", "7"),
            ("seismolog_unread_total{role=\"timestamp\"}", "11"),
            ("seismolog_unread_total{role=\"level\"}", "0"),
            ("seismolog_unread_total{role=\"operation\"}", "9"),
            ("seismolog_read_bytes_total", "1000"),
            ("seismolog_written_bytes_total", "1100"),
            ("seismolog_faults_total{kind=\"invalid_utf8\"}", "2"),
            ("seismolog_findings_total{detector=\"loop\",severity=\"critical\"}", "1"),
            ("seismolog_findings_total{detector=\"rule\",severity=\"info\"}", "0"),
            ("seismolog_open_incidents{detector=\"loop\"}", "1"),
            ("seismolog_open_incidents{detector=\"silence\"}", "0"),
            ("seismolog_situations_total{severity=\"critical\"}", "2"),
            ("seismolog_open_situations{severity=\"critical\"}", "1"),
            ("seismolog_open_situations{severity=\"info\"}", "0"),
            ("seismolog_evictions_total{table=\"actors\"}", "5"),
            ("seismolog_table_keys{table=\"actors\"}", "100000"),
            ("seismolog_late_events_total", "3"),
            ("seismolog_watermark_lag_seconds", "10.25"),
            ("seismolog_batch_duration_seconds_bucket{le=\"0.00001\"}", "0"),
            ("seismolog_batch_duration_seconds_bucket{le=\"0.00005\"}", "1"),
            ("seismolog_batch_duration_seconds_bucket{le=\"10\"}", "1"),
            ("seismolog_batch_duration_seconds_count", "1"),
            ("seismolog_operation_duration_seconds{operation=\"/orders/{}\",quantile=\"0.99\"}", "0.2"),
            ("seismolog_module_events_total{module=\"checkout\"}", "50"),
            ("seismolog_module_errors_total{module=\"other\"}", "2"),
            ("seismolog_series_dropped_total{metric=\"seismolog_module_events_total\"}", "50"),
            ("seismolog_rule_evaluations_total{rule=\"upstream_timeouts\"}", "9"),
            ("seismolog_rule_failures_total{rule=\"upstream_timeouts\"}", "1"),
            ("seismolog_rule_dropped_events_total{rule=\"upstream_timeouts\"}", "2"),
            ("seismolog_rule_cpu_seconds_total{rule=\"upstream_timeouts\"}", "0.003"),
            ("seismolog_rule_enabled{rule=\"upstream_timeouts\"}", "1"),
            ("seismolog_rule_reloads_total{result=\"failed\"}", "2"),
            (concat!("seismolog_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"}"), "1"),
        ] {
            assert_eq!(value(&text, series).as_deref(), Some(expected), "{series} in\n{text}");
        }
    }

    #[test]
    fn promtool_has_nothing_to_say() {
        let mut promtool = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("promtool (Debian package prometheus) must be installed for this test");
        promtool.stdin.take().unwrap().write_all(filled().encode(Format::Text).unwrap().as_bytes()).unwrap();
        let output = promtool.wait_with_output().unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        assert_eq!(said, [String::new(), String::new()]);
        assert!(output.status.success());
    }

    #[test]
    fn levels_are_spelled_as_events_spell_them() {
        let levels = [Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Error, Level::Fatal];
        for level in levels {
            let spelled = serde_json::to_value(level).unwrap();
            assert_eq!(spelled, Tally::LEVELS[Tally::level_index(Some(level))]);
        }
        assert_eq!(Tally::LEVELS[Tally::level_index(None)], "none");
    }

    #[test]
    fn an_operation_no_longer_busy_leaves_no_series() {
        assert!(!filled().encode(Format::Text).unwrap().contains("/gone"));
    }

    #[test]
    fn a_removed_rule_leaves_no_series() {
        let metrics = filled();
        metrics.remove_rule("upstream_timeouts");
        metrics.remove_rule("never_there");
        assert!(!metrics.encode(Format::Text).unwrap().contains("upstream_timeouts"));
    }

    #[test]
    fn an_exemplar_leads_to_the_trace_and_the_incident() {
        let metrics = filled();
        metrics.set_exemplar(DetectorName::Loop, Severity::Critical, "9f2c", Some("4bf92f35"));
        metrics.set_exemplar(DetectorName::Burst, Severity::Warning, "77aa", None);
        let page = metrics.encode(Format::OpenMetrics).unwrap();
        assert!(
            page.contains(
                "{detector=\"loop\",severity=\"critical\"} 1 # {trace_id=\"4bf92f35\",incident_id=\"9f2c\"} 1 "
            )
        );
        assert!(page.contains("{detector=\"burst\",severity=\"warning\"} 0 # {incident_id=\"77aa\"} 1 "));
        assert!(page.ends_with("# EOF\n") && !metrics.encode(Format::Text).unwrap().contains(" # {"));
    }

    #[test]
    fn two_filters_count_apart() {
        let (one, other) = (filled(), Metrics::new().unwrap());
        assert_eq!(value(&one.encode(Format::Text).unwrap(), "seismolog_late_events_total").as_deref(), Some("3"));
        assert_eq!(value(&other.encode(Format::Text).unwrap(), "seismolog_late_events_total").as_deref(), Some("0"));
    }
}
