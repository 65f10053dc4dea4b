use super::*;
use crate::engine::Persist as _;
use crate::engine::finding::{Key, Severity, State, test};
use crate::engine::{EngineOptions, testing};
use crate::event::Timestamp;
use crate::human_duration::HumanDuration;
use crate::narrate::{Language, near_miss};
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Gamma, LogNormal};
use rand_pcg::Pcg64Mcg;

mod first_minutes;
mod hops;
mod hours;
mod outliers;

const START: i64 = 1_767_225_600_000;

/// A stream under construction: calls with durations, and an engine to put them through.
struct Stream {
    stream: testing::Stream,
    rng: Pcg64Mcg,
    /// Milliseconds since the start.
    now: i64,
}

impl std::ops::Deref for Stream {
    type Target = testing::Stream;

    fn deref(&self) -> &testing::Stream {
        &self.stream
    }
}

impl Stream {
    fn new() -> Self {
        Self::of(LatencyOptions::default())
    }

    fn of(latency: LatencyOptions) -> Self {
        Self::with_engine(testing::with_detectors(|detector| detector.latency = latency))
    }

    fn with_engine(options: EngineOptions) -> Self {
        let options = EngineOptions { near_misses: true, ..options };
        Self { stream: testing::Stream::new(&options), rng: Pcg64Mcg::seed_from_u64(5), now: 0 }
    }

    fn line(&mut self, milliseconds: i64, members: &str) {
        self.line_of("http", milliseconds, members);
    }

    fn line_of(&mut self, module: &str, milliseconds: i64, members: &str) {
        let time = Timestamp::from_millis(START + milliseconds);
        self.stream.line(&format!(r#"{{"time":"{time}","module":"{module}",{members}}}"#));
        // What others make of these streams is not at issue here.
        self.stream.findings.retain(|finding| finding.detector == DetectorName::Latency);
        self.stream.near_misses.retain(|near| near.detector == DetectorName::Latency);
    }

    /// The filter is stopped, and goes on with what it has stored.
    fn restart(&mut self) {
        let mut next = Self::new();
        next.stream.engine.restore(&self.engine.snapshot()).unwrap();
        self.stream.engine = next.stream.engine;
    }

    /// One call on a host, a tenth of a second after the last.
    fn on_host(&mut self, host: &str, duration_ms: f64) {
        self.now += 100;
        self.line(self.now, &format!(r#""route":"/orders","host":"{host}","duration_ms":{duration_ms}"#));
    }

    /// Calls on four hosts in turn around 40 ms; `factor` is that of each host.
    fn on_hosts(&mut self, count: usize, factor: [f64; 4]) {
        for i in 0..count {
            let duration = log_normal(&mut self.rng, 40.0, 0.4) * factor[i % 4];
            self.on_host(&format!("node-{}", i % 4), duration);
        }
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
        self.stream.opened(DetectorName::Latency).len()
    }

    /// The keys of the incidents that were opened, and what was said of them.
    fn opened_keys(&self) -> Vec<&Key> {
        self.findings.iter().filter(|finding| finding.state == State::Open).map(|finding| &finding.key).collect()
    }

    fn sentences(&self) -> Vec<String> {
        let said = self.findings.iter().filter(|finding| finding.state == State::Open);
        said.map(|finding| format!("{} {}", finding.opened_at, finding.summary.sentence)).collect()
    }
}

#[test]
fn one_outlier_opens_once_and_resolves() {
    let mut stream = Stream::warmed();
    stream.call(2_100.0);
    stream.calls(40, 1.0);
    assert_eq!(stream.said(), [("outlier", State::Open), ("outlier", State::Resolved)]);
    let open = &stream.findings[0];
    assert_eq!(
        open.key.0,
        [("operation".to_owned(), "/orders/{}".to_owned()), ("module".to_owned(), "http".to_owned())]
    );
    assert!(
        open.summary.sentence.starts_with("one slow call of /orders/{} in http: 2.1 s, usually ")
            && open.summary.sentence.contains(" (p99 ")
    );
    assert_eq!(
        (open.severity, open.count, open.measured.test.as_ref()),
        (Severity::Warning, 1, test::PEAKS_OVER_THRESHOLD)
    );
    assert!(
        open.measured.p_value.unwrap() < open.measured.threshold.unwrap() && open.measured.threshold.unwrap() <= 1e-5
    );
    assert!((80.0..140.0).contains(&open.measured.expected.unwrap()) && open.measured.observed == 2_100.0, "{open:?}");
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
    assert!(last.measured.test == test::BINOMIAL_EXCEEDANCE && last.own_members()["shift"] == true, "{last:?}");
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
    assert_eq!((open.kind.as_str(), open.severity, open.measured.unit.as_ref()), ("shift", Severity::Warning, "ms"));
    assert!(
        open.measured.observed > 1.3 * open.measured.expected.unwrap() && open.measured.window_s.unwrap() > 1.0,
        "{open:?}"
    );
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
    assert!(
        opened[0].summary.sentence.contains("/orders/{} in http is faster: ")
            && opened[0].summary.sentence.contains("below the usual p25)"),
        "{}",
        opened[0].summary
    );
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
    second.stream.engine.restore(&first.engine.snapshot()).unwrap();
    for stream in [&mut whole, &mut second] {
        stream.calls(400, 1.0);
        stream.call(3_000.0);
    }
    first.stream.findings.append(&mut second.stream.findings);
    assert_eq!(whole.findings, first.findings);
    assert!(Latency::new(&LatencyOptions::default(), SharedOptions::default()).restore(b"nonsense").is_err());
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
    let mut detector = Latency::new(&LatencyOptions::default(), SharedOptions { keys: 50, ..SharedOptions::default() });
    for i in 0..1_000_u64 {
        detector
            .operations
            .touch(i, || Operation::new(&i.to_string(), "", CallSubject { key: i, shown: i, module: i }, Timestamp(0)));
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

/// At most one false alarm in 40,000 calls is promised by thresholds of 1e-5 and 1e-9 on
/// independent durations with a tail no heavier than a power law.
#[test]
fn faultless_streams_of_every_kind_raise_no_storm() {
    type Duration = fn(&mut Pcg64Mcg, usize) -> f64;
    let kinds: [(&str, usize, Duration); 13] = [
        ("gamma", 1, |rng, _| Gamma::new(2.0, 20.0).unwrap().sample(rng)),
        ("Pareto with α = 2.5", 1, |rng, _| 10.0 * rng.random::<f64>().powf(-0.4)),
        ("two modes", 1, |rng, _| {
            let median = if rng.random_bool(0.4) { 200.0 } else { 5.0 };
            log_normal(rng, median, 0.3)
        }),
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

#[test]
fn one_slow_host_is_named_and_is_one_incident() {
    for factor in [3.0, 20.0] {
        let mut stream = Stream::new();
        stream.on_hosts(4_000, [1.0; 4]);
        stream.on_hosts(1_200, [1.0, 1.0, factor, 1.0]);
        stream.on_hosts(2_000, [1.0; 4]);
        assert_eq!(stream.opened(), 1, "{factor}: {:?}", stream.said());
        let open = &stream.findings[0];
        let key = [("operation", "/orders"), ("module", "http"), ("host", "node-2")];
        let key = key.map(|(name, value)| (name.to_owned(), value.to_owned()));
        // A single value far out may come first; it says nothing of its host.
        assert!(open.kind == "outlier" || (open.kind == "shift" && open.key.0 == key), "{open:?}");
        assert!(
            open.kind != "shift" || open.summary.sentence.contains("/orders in http is slower on node-2: "),
            "{}",
            open.summary
        );
        assert_eq!(stream.findings.last().unwrap().state, State::Resolved);
    }
}

#[test]
fn hosts_whose_hashes_begin_alike_are_told_apart() {
    let first_byte = |name: &String| (xxhash_rust::xxh3::xxh3_64(name.as_bytes()) >> 56) as u8;
    let names: Vec<String> = (0..100).map(|i| format!("node-{i}")).collect();
    let pairs = || names.iter().enumerate().flat_map(|(i, a)| names[..i].iter().map(move |b| (a, b)));
    let (slow, calm) = pairs().find(|(a, b)| first_byte(a) == first_byte(b)).unwrap();
    let mut stream = Stream::new();
    for i in 0..6_000 {
        let factor = if i > 4_000 && i % 2 == 0 { 2.5 } else { 1.0 };
        let duration = log_normal(&mut stream.rng, 40.0, 0.4) * factor;
        stream.on_host(if i % 2 == 0 { slow } else { calm }, duration);
    }
    let shift = stream.findings.iter().find(|finding| finding.kind == "shift").unwrap();
    let key = [("operation", "/orders"), ("module", "http"), ("host", slow)];
    let key = key.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(shift.key.0, key, "{}", shift.summary);
}

#[test]
fn a_slowdown_of_all_hosts_names_none_and_a_host_that_was_always_slow_is_no_news() {
    let mut stream = Stream::new();
    stream.on_hosts(6_000, [1.0, 1.0, 2.5, 1.0]);
    assert_eq!(stream.findings, []);
    stream.on_hosts(1_000, [3.0, 3.0, 7.5, 3.0]);
    stream.on_hosts(1_500, [1.0, 1.0, 2.5, 1.0]);
    assert_eq!(stream.opened(), 1, "{:?}", stream.said());
    let key = [("operation", "/orders"), ("module", "http")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(stream.findings[0].key.0, key);
}

#[test]
fn faster_calls_are_information_and_nothing_of_them_is_learned() {
    let mut stream = Stream::warmed();
    // What fails fast must not become what is usual.
    stream.calls(300, 0.05);
    stream.calls(1_000, 1.0);
    let opened: Vec<_> = stream.findings.iter().filter(|finding| finding.state == State::Open).collect();
    assert_eq!(opened.len(), 1, "{:?}", stream.said());
    assert_eq!((opened[0].severity, opened[0].own_members()["fast"].is_number()), (Severity::Info, true));
    assert!(opened[0].measured.observed < opened[0].measured.expected.unwrap());
}

#[test]
fn durations_in_messages_are_those_of_their_template() {
    let mut stream = Stream::new();
    for i in 0..900 {
        let took = log_normal(&mut stream.rng, 40.0, 0.3);
        stream.line(i * 200, &format!(r#""message":"query {i} took {took:.2} ms""#));
        stream.line(i * 200 + 1, &format!(r#""message":"page {i} rendered in {:.4}s""#, took / 1e3));
        stream.line(i * 200 + 2, &format!(r#""message":"nothing to see in {i}""#));
    }
    assert_eq!(stream.findings, []);
    stream.line(190_000, r#""message":"query 901 took 4000.00 ms""#);
    assert_eq!(stream.said(), [("outlier", State::Open)]);
    assert_eq!(stream.findings[0].measured.observed, 4_000.0);
    assert_eq!(stream.engine.operation_quantiles(9).iter().map(|shown| shown.count).sum::<u64>(), 1_801);
}

fn pairs() -> LatencyOptions {
    let pair = LatencyPair {
        operation: "import".into(),
        start: "import of * begins".into(),
        end: "import done".into(),
        by: vec!["trace".into(), "part".into()],
        timeout: HumanDuration::from_secs(60),
    };
    LatencyOptions { pairs: vec![pair], ..LatencyOptions::default() }
}

#[test]
fn start_and_end_make_a_duration() {
    let mut stream = Stream::of(pairs());
    for i in 0..800_i64 {
        let (at, took) = (i * 1_000, 100 + i * 7 % 31);
        for (at, message) in [(at, format!("import of file {i} begins")), (at + took, "import done".into())] {
            stream.line(at, &format!(r#""trace_id":"t{i}","part":{i},"message":"{message}""#));
        }
    }
    assert_eq!(stream.findings, []);
    let shown = &stream.engine.operation_quantiles(9)[0];
    assert!(shown.operation == "import" && shown.count == 800 && (shown.p50 / 0.115 - 1.0).abs() < 0.1, "{shown:?}");
    stream.line(800_000, r#""trace_id":"x","part":1,"message":"import of file x begins""#);
    stream.line(803_000, r#""trace_id":"x","part":1,"message":"import done""#);
    assert_eq!(stream.said(), [("outlier", State::Open)]);
    assert_eq!(stream.findings[0].key.0, [("operation".to_owned(), "import".to_owned())]);
}

#[test]
fn starts_without_an_end_are_one_incident() {
    let mut stream = Stream::of(pairs());
    for i in 0..40_i64 {
        stream.line(i * 1_000, &format!(r#""trace_id":"t{i}","part":1,"message":"import of file {i} begins""#));
        if i % 4 != 0 {
            stream.line(i * 1_000 + 9, &format!(r#""trace_id":"t{i}","part":1,"message":"import done""#));
        }
        // An end without a start, and a start without what it shares with its end, are nothing.
        stream.line(i * 1_000 + 10, r#""trace_id":"y","part":1,"message":"import done""#);
        stream.line(i * 1_000 + 11, r#""trace_id":"y","message":"import of nothing begins""#);
    }
    for i in 40..1_000 {
        stream.line(i * 1_000, r#""message":"something else""#);
    }
    let said = stream.said();
    assert_eq!((said[0], stream.opened()), (("unfinished", State::Open), 1), "{said:?}");
    let last = stream.findings.last().unwrap();
    assert_eq!((last.state, last.count), (State::Resolved, 10));
    let open = &stream.findings[0];
    assert!(
        open.summary.sentence.starts_with("import did not finish within 60 s (trace t0, part 1): "),
        "{}",
        open.summary
    );
    assert_eq!((open.measured.threshold.unwrap(), open.measured.test.as_ref()), (60_000.0, "timeout"));
}

#[test]
fn begun_pairs_are_capped_and_what_is_evicted_is_no_finding() {
    let mut stream = Stream::with_engine(EngineOptions {
        keys: 20,
        ..testing::with_detectors(|detector| detector.latency = pairs())
    });
    for i in 0..200_i64 {
        stream.line(i, &format!(r#""trace_id":"t{i}","part":1,"message":"import of file {i} begins""#));
    }
    let table = stream.engine.tables().into_iter().find(|table| table.table == "latency_pairs").unwrap();
    assert_eq!((table.keys, table.evictions), (20, 180));
    stream.line(100_000, r#""message":"later""#);
    // Said at doubling counts.
    assert_eq!((stream.opened(), stream.findings.last().unwrap().count), (1, 16));
}

#[test]
fn overrides_are_by_operation_module_and_host() {
    let off = LatencyOverride { enabled: Some(false), ..LatencyOverride::default() };
    let mut stream = Stream::of(LatencyOptions {
        overrides: vec![
            LatencyOverride { operation: Some("/export/{}".into()), ..off.clone() },
            LatencyOverride { host: Some("canary-*".into()), ..off },
        ],
        ..LatencyOptions::default()
    });
    for i in 0..800_i64 {
        let slow = if i > 700 { 9_000 } else { 20 + i % 9 };
        stream.line(i * 100, &format!(r#""route":"/export/{i}","duration_ms":{slow}"#));
        stream.line(i * 100 + 1, &format!(r#""route":"/a","host":"canary-1","duration_ms":{slow}"#));
        stream.line(i * 100 + 2, &format!(r#""route":"/a","host":"node-1","duration_ms":{}"#, 20 + i % 9));
    }
    assert_eq!(stream.findings, []);
    stream.line(80_000, r#""route":"/a","host":"node-1","duration_ms":9000"#);
    assert_eq!(stream.said(), [("outlier", State::Open)]);
}

#[test]
fn what_is_close_and_no_incident_is_told_to_whoever_asks() {
    let mut stream = Stream::warmed();
    // Slower, and not yet so much that it is said.
    let mut told = Vec::new();
    while told.is_empty() && stream.now < 5_000_000 {
        stream.calls(1, 2.0);
        told.append(&mut stream.stream.near_misses);
    }
    assert!(stream.findings.is_empty() && !told.is_empty());
    let line = near_miss(Language::En, &told[0]);
    assert!(line.starts_with("near miss, latency/shift on /orders/{}: /orders/{} is slower: median "), "{line}");
    assert!(told.iter().all(|near| near.ln_p >= near.threshold.ln()));
}

/// Shifts that the documentation promises to find: ×1.8 within 300 calls, ×3 within 40, ×10 within
/// 10.
#[test]
fn shifts_are_found_as_soon_as_promised() {
    for (factor, calls) in [(1.8, 300), (3.0, 40), (10.0, 10)] {
        let found = (0..20)
            .filter(|seed| {
                let mut stream = Stream::new();
                stream.rng = Pcg64Mcg::seed_from_u64(100 + seed);
                stream.calls(3_000, 1.0);
                let before = stream.opened();
                stream.calls(calls, factor);
                stream.opened() > before
            })
            .count();
        assert!(found >= 19, "×{factor} within {calls} calls: {found} of 20");
    }
}

#[test]
fn slow_days_high_rates_and_two_modes_are_no_storm() {
    // A day whose durations go up and down by 30 %, at one call a second.
    let mut day = Stream::new();
    for i in 0..86_400_i64 {
        let phase = (i as f64 / 86_400.0 * std::f64::consts::TAU).sin();
        let took = log_normal(&mut day.rng, 40.0 * (1.0 + 0.3 * phase), 0.4);
        day.line(i * 1_000, &format!(r#""route":"/a","duration_ms":{took:.1}"#));
    }
    assert!(day.opened() <= 1, "a day: {:?}", day.said());
    // 20,000 calls a second of an operation with two modes, over four hosts.
    let mut busy = Stream::new();
    for i in 0..100_000_i64 {
        let median = if busy.rng.random_bool(0.3) { 90.0 } else { 3.0 };
        let took = log_normal(&mut busy.rng, median, 0.3);
        busy.line(i / 20, &format!(r#""route":"/a","host":"n{}","duration_ms":{took:.3}"#, i % 4));
    }
    assert!(busy.opened() <= 1, "busy: {:?}", busy.said());
}
