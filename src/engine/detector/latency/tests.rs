use super::*;
use crate::engine::finding::{Finding, Severity, State};
use crate::engine::{Engine, EngineOptions, Outcome, rules::RuleSet};
use crate::event::lines::Lines;
use crate::event::time::TimeContext;
use crate::event::{Batch, Looker, roles::Names};
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, LogNormal};
use rand_pcg::Pcg64Mcg;

const START: i64 = 1_767_225_600_000;

/// A stream under construction: calls with durations, and an engine to put them through.
struct Stream {
    looker: Looker,
    engine: Engine,
    findings: Vec<Finding>,
    rng: Pcg64Mcg,
    /// Milliseconds since the start.
    now: i64,
}

impl Stream {
    fn new() -> Self {
        let names = Names::new(Role::ALL.map(|role| (role, role.default_names().to_vec())), "anomalies");
        Self {
            looker: Looker::new(names, "anomalies".into(), TimeContext::new("UTC", 2026).unwrap()),
            engine: Engine::new(&EngineOptions::default(), RuleSet::empty()),
            findings: Vec::new(),
            rng: Pcg64Mcg::seed_from_u64(5),
            now: 0,
        }
    }

    fn line(&mut self, milliseconds: i64, members: &str) {
        let time = Timestamp::from_millis(START + milliseconds);
        let line = format!(r#"{{"time":"{time}","module":"http",{members}}}"#);
        let mut batch = Batch { filled: line.len(), bytes: line.into_bytes(), ..Batch::default() };
        Lines::new(1 << 20).split(&mut batch, true);
        self.looker.look(&mut batch);
        let mut outcome = Outcome::default();
        self.engine.process(&batch.fields(0), Timestamp::default(), &mut outcome);
        self.findings.append(&mut outcome.before);
        self.findings.append(&mut outcome.findings);
    }

    /// One call, half a second after the last.
    fn call(&mut self, duration_ms: f64) {
        self.now += 500;
        self.line(self.now, &format!(r#""route":"/orders/{}?x=1","duration_ms":{duration_ms}"#, self.now));
    }

    /// Calls around 40 ms, `factor` times as slow.
    fn calls(&mut self, count: usize, factor: f64) {
        let usual = LogNormal::new(40_f64.ln(), 0.4).unwrap();
        for _ in 0..count {
            let duration = usual.sample(&mut self.rng) * factor;
            self.call(duration);
        }
    }

    fn warmed() -> Self {
        let mut stream = Self::new();
        stream.calls(2_000, 1.0);
        assert_eq!(stream.findings, []);
        stream
    }

    fn said(&self) -> Vec<(&str, State)> {
        self.findings.iter().map(|finding| (finding.kind.as_str(), finding.state)).collect()
    }

    fn opened(&self) -> usize {
        self.findings.iter().filter(|finding| finding.state == State::Open).count()
    }
}

#[test]
fn one_outlier_opens_once_and_resolves() {
    let mut stream = Stream::warmed();
    stream.call(2_100.0);
    stream.calls(40, 1.0);
    assert_eq!(stream.said(), [("outlier", State::Open), ("outlier", State::Resolved)]);
    let open = &stream.findings[0];
    assert_eq!(open.key.0, [("operation".to_owned(), "/orders/{}".to_owned())]);
    assert!(open.summary.starts_with("2.1 s on /orders/{}, usually ") && open.summary.ends_with(" at 99 %"));
    assert_eq!((open.severity, open.count, open.evidence.test.as_str()), (Severity::Warning, 1, OUTLIER_TEST));
    assert!(open.evidence.p_value.unwrap() < open.evidence.threshold && open.evidence.threshold <= 1e-5);
    assert!((80.0..140.0).contains(&open.evidence.expected) && open.evidence.observed == 2_100.0, "{open:?}");
}

#[test]
fn a_spike_is_one_incident_that_began_as_an_outlier() {
    let mut stream = Stream::warmed();
    stream.calls(60, 15.0);
    stream.calls(400, 1.0);
    let said = stream.said();
    assert_eq!(stream.opened(), 1, "{said:?}");
    assert_eq!(said.last().unwrap().1, State::Resolved);
    let last = stream.findings.last().unwrap();
    assert!(last.evidence.test == SHIFT_TEST && last.evidence.more["shift"] == true, "{last:?}");
    // Nothing of it was learned: the same again is found again.
    stream.calls(60, 15.0);
    assert_eq!(stream.opened(), 2);
}

#[test]
fn a_shift_is_found_by_its_share_and_resolves() {
    let mut stream = Stream::warmed();
    stream.calls(600, 2.0);
    stream.calls(500, 1.0);
    assert_eq!(stream.opened(), 1, "{:?}", stream.said());
    let open = &stream.findings[0];
    assert_eq!((open.kind.as_str(), open.severity, open.evidence.unit.as_str()), ("shift", Severity::Warning, "ms"));
    assert!(open.evidence.observed > 1.3 * open.evidence.expected && open.evidence.window_s > 1.0, "{open:?}");
    assert_eq!(stream.findings.last().unwrap().state, State::Resolved);
}

#[test]
fn a_level_that_stays_becomes_normal_and_the_way_back_is_information() {
    let mut stream = Stream::warmed();
    stream.calls(2 * 7_200 + 500, 3.0);
    assert_eq!(stream.findings.last().unwrap().state, State::Resolved);
    let said = stream.findings.len();
    stream.calls(3_000, 3.0);
    stream.calls(3_000, 1.0);
    let opened: Vec<_> = stream.findings[said..].iter().filter(|finding| finding.state == State::Open).collect();
    assert_eq!(opened.len(), 1, "{:?}", stream.said());
    assert_eq!((opened[0].kind.as_str(), opened[0].severity), ("shift", Severity::Info));
    assert!(opened[0].summary.contains("faster than 25 % used to be"), "{}", opened[0].summary);
}

#[test]
fn a_cold_start_is_silent() {
    let mut stream = Stream::new();
    for i in 0..300 {
        stream.calls(1, if i % 30 < 10 { 100.0 } else { 1.0 });
    }
    assert_eq!(stream.findings, []);
}

#[test]
fn what_is_no_duration_and_what_is_late_changes_nothing() {
    let (mut plain, mut stream) = (Stream::warmed(), Stream::warmed());
    for value in ["0", "-5", "-1e300", "1e999", "\"NaN\"", "null", "\"soon\"", "0.0"] {
        for _ in 0..50 {
            let now = stream.now;
            stream.line(now, &format!(r#""route":"/orders/7","duration_ms":{value}"#));
        }
    }
    for i in 0..200 {
        let late = stream.now - 60_000 - i;
        stream.line(late, r#""route":"/orders/7","duration_ms":99999"#);
    }
    assert_eq!(stream.findings, []);
    for stream in [&mut plain, &mut stream] {
        stream.calls(60, 15.0);
    }
    assert_eq!(plain.findings.len(), stream.findings.len());
}

#[test]
fn an_incident_without_calls_ends_by_time() {
    let mut stream = Stream::warmed();
    stream.call(2_100.0);
    let later = stream.now + 700_000;
    stream.line(later, r#""message":"something else""#);
    assert_eq!(stream.said(), [("outlier", State::Open), ("outlier", State::Resolved)]);
}

#[test]
fn without_an_operation_the_module_is_the_key() {
    let mut stream = Stream::new();
    for i in 0..800 {
        stream.line(i * 100, &format!(r#""took":"{}ms""#, 20 + i * 7 % 13));
    }
    stream.line(80_000, r#""took":"9 s""#);
    assert_eq!(stream.findings[0].key.0, [("operation".to_owned(), "http".to_owned())]);
}

#[test]
fn a_snapshot_goes_on_where_it_was_taken() {
    let (mut whole, mut first) = (Stream::warmed(), Stream::warmed());
    for stream in [&mut whole, &mut first] {
        stream.calls(30, 15.0);
    }
    let mut second = Stream { rng: first.rng.clone(), now: first.now, ..Stream::new() };
    second.engine.restore(&first.engine.snapshot()).unwrap();
    for stream in [&mut whole, &mut second] {
        stream.calls(400, 1.0);
        stream.call(3_000.0);
    }
    first.findings.append(&mut second.findings);
    assert_eq!(whole.findings, first.findings);
    assert!(Latency::new(LatencyOptions::default()).restore(b"nonsense").is_err());
}

#[test]
fn quantiles_of_the_busiest_and_of_the_rest() {
    let mut stream = Stream::new();
    for i in 0..900 {
        let (route, took) = if i % 3 == 0 { ("/b", 10) } else { ("/a", 100) };
        stream.line(i * 10, &format!(r#""route":"{route}","duration_ms":{took}"#));
    }
    let all = stream.engine.operation_quantiles(100);
    let names: Vec<_> = all.iter().map(|quantiles| quantiles.operation.as_str()).collect();
    assert_eq!(names, ["/a", "/b"]);
    assert!((all[0].p50 / 0.1 - 1.0).abs() < 0.05 && (all[1].p99 / 0.01 - 1.0).abs() < 0.05, "{all:?}");
    let one = stream.engine.operation_quantiles(1);
    assert_eq!((one[0].operation.as_str(), one[1].operation.as_str()), ("/a", "other"));
    assert!((one[1].p50 / 0.01 - 1.0).abs() < 0.05);
}

#[test]
fn keys_are_capped() {
    let mut detector = Latency::new(LatencyOptions { keys: 50, ..LatencyOptions::default() });
    for i in 0..1_000_u64 {
        detector.operations.touch(i, || Operation::new(i.to_string(), Timestamp(0)));
    }
    assert_eq!((detector.tables()[0].keys, detector.tables()[0].evictions), (50, 950));
}

/// How many incidents a faultless stream of 40,000 calls opens.
fn false_alarms(mut draw: impl FnMut(&mut Pcg64Mcg, usize) -> f64) -> usize {
    let mut stream = Stream::new();
    for i in 0..40_000 {
        let duration = draw(&mut stream.rng, i);
        stream.call(duration);
    }
    stream.opened()
}

fn log_normal(rng: &mut Pcg64Mcg, median: f64, sigma: f64) -> f64 {
    LogNormal::new(median.ln(), sigma).unwrap().sample(rng)
}

/// At most one false alarm in 40,000 calls is promised by thresholds of 1e-5 and 1e-9 on independent durations with a
/// tail no heavier than a power law.
#[test]
fn faultless_streams_of_every_kind_raise_no_storm() {
    type Duration = fn(&mut Pcg64Mcg, usize) -> f64;
    let kinds: [(&str, usize, Duration); 10] = [
        ("log-normal", 1, |rng, _| log_normal(rng, 40.0, 0.5)),
        ("pauses of 1 %", 1, |rng, _| log_normal(rng, 40.0, 0.5) * if rng.random_bool(0.01) { 3.0 } else { 1.0 }),
        ("power law", 1, |rng, _| rng.random::<f64>().powf(-0.6)),
        ("constant", 0, |_, _| 100.0),
        ("0 or 1 ms", 0, |rng, _| f64::from(u8::from(rng.random_bool(0.3)))),
        ("whole milliseconds", 1, |rng, _| log_normal(rng, 1.5, 0.6).round()),
        ("a cache that misses one in ten", 1, |rng, _| {
            if rng.random_bool(0.1) { log_normal(rng, 80.0, 0.4) } else { log_normal(rng, 0.8, 0.3) }
        }),
        // What comes once in a thousand calls is news the first times.
        ("a cache that misses one in a thousand", 4, |rng, _| {
            if rng.random_bool(0.001) { log_normal(rng, 500.0, 0.4) } else { log_normal(rng, 2.0, 0.3) }
        }),
        ("half as slow again by noon", 1, |rng, i| {
            log_normal(rng, 40.0 * (1.25 - 0.25 * (i as f64 / 40_000.0 * std::f64::consts::TAU).cos()), 0.4)
        }),
        // One incident, held open while it flaps.
        ("a pause of ten calls every minute", 3, |rng, i| {
            log_normal(rng, 40.0, 0.3) * if i % 120 < 10 { 12.0 } else { 1.0 }
        }),
    ];
    for (what, allowed, draw) in kinds {
        let alarms = false_alarms(draw);
        assert!(alarms <= allowed, "{what}: {alarms}");
    }
}
