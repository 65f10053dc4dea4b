use super::*;
use crate::engine::finding::{Finding, State};
use crate::engine::testing;
use crate::engine::{Engine, EngineOptions, Outcome, rules::RuleSet};
use crate::event::lines::Lines;
use crate::event::time::TimeContext;
use crate::event::{Batch, Looker, Role, roles::Names};

/// A stream under construction: lines with times, and an engine to put them through.
struct Stream {
    looker: Looker,
    engine: Engine,
    findings: Vec<Finding>,
}

impl Stream {
    fn new() -> Self {
        Self::with(LoopOptions::default())
    }

    fn with(options: LoopOptions) -> Self {
        let names = Names::new(Role::ALL.map(|role| (role, role.default_names().to_vec())), "anomalies");
        Self {
            looker: Looker::new(names, "anomalies".into(), TimeContext::new("UTC", 2026).unwrap()),
            engine: Engine::new(&EngineOptions { r#loop: options, ..EngineOptions::default() }, RuleSet::empty()),
            findings: Vec::new(),
        }
    }

    fn put(&mut self, milliseconds: i64, level: &str, actor: &str, message: &str) {
        let time = Timestamp::from_millis(1_767_225_600_000 + milliseconds);
        let line =
            format!(r#"{{"time":"{time}","level":"{level}","module":"{actor}","thread":"t","message":"{message}"}}"#);
        let mut batch = Batch { filled: line.len(), bytes: line.into_bytes(), ..Batch::default() };
        Lines::new(1 << 20).split(&mut batch, true);
        self.looker.look(&mut batch);
        let mut outcome = Outcome::default();
        self.engine.process(&batch.fields(0), Timestamp::default(), &mut outcome);
        self.findings.append(&mut outcome.before);
        self.findings.append(&mut outcome.findings);
    }

    /// Ten minutes of varied lines of several actors.
    fn warmed() -> Self {
        let mut stream = Self::new();
        for i in 0..3_000 {
            stream.put(i * 200, "INFO", &format!("m{}", i % 7), &format!("work item {i} done"));
        }
        stream
    }

    /// What this detector opened: errors that it is told to leave alone are a burst's.
    fn opened(&self) -> Vec<&Finding> {
        let opens = |finding: &&Finding| finding.state == State::Open && finding.detector == DetectorName::Loop;
        self.findings.iter().filter(opens).collect()
    }
}

const T: i64 = 600_000;

#[test]
fn an_exact_loop_opens_once_goes_on_and_resolves() {
    let mut stream = Stream::warmed();
    for i in 0..100 {
        stream.put(T + i * 20, "ERROR", "m3", "cannot bind port");
    }
    stream.put(T + 60_000, "INFO", "m1", "work goes on");
    let said: Vec<_> = stream.findings.iter().map(|finding| finding.state).collect();
    assert_eq!(said.first(), Some(&State::Open));
    assert_eq!(said.last(), Some(&State::Resolved));
    assert!(said[1..said.len() - 1].iter().all(|state| *state == State::Ongoing) && said.len() <= 6, "{said:?}");
    let open = &stream.findings[0];
    assert!(open.count <= 25 && open.kind == "exact" && open.summary.contains("m3"), "{open:?}");
    assert_eq!(open.evidence.more["example"], serde_json::json!(["cannot bind port"]));
    assert_eq!(stream.findings.last().unwrap().count, 100);
}

#[test]
fn a_cycle_of_any_period_up_to_sixteen_is_one_incident_with_its_lines() {
    for period in 1..=16 {
        let mut stream = Stream::warmed();
        for i in 0..period * 30 {
            let step = char::from(b'a' + (i % period) as u8);
            stream.put(T + i * 10, "INFO", "m3", &format!("state {step}"));
            stream.put(T + i * 10 + 1, "INFO", "m4", &format!("others go on {i}"));
        }
        let opened = stream.opened();
        assert_eq!(opened.len(), 1, "period {period}");
        assert_eq!(opened[0].evidence.more["period"], period);
        assert_eq!(opened[0].evidence.more["example"].as_array().unwrap().len() as i64, period);
    }
}

#[test]
fn a_retry_counter_is_a_loop_and_progress_is_not() {
    let mut stream = Stream::warmed();
    for i in 0..60 {
        stream.put(T + i * 50, "WARN", "m3", &format!("attempt {i} of 100 failed"));
        stream.put(T + i * 50, "INFO", "m4", &format!("row {i} of 100 written"));
        stream.put(T + i * 50, "WARN", "m5", &format!("slow block {} skipped", i * i * 31 % 977));
    }
    let opened = stream.opened();
    assert_eq!(opened.len(), 1, "{opened:?}");
    assert_eq!((opened[0].kind.as_str(), &opened[0].evidence.more["counter"][0]), ("counter", &serde_json::json!(0)));
}

#[test]
fn heartbeats_and_lists_of_steps_are_quiet() {
    let mut stream = Stream::new();
    for i in 0..6_000 {
        stream.put(i * 200, "INFO", &format!("m{}", i % 7), &format!("work item {i} done"));
        if i % 5 == 0 {
            stream.put(i * 200 + 1, "INFO", "heartbeat", "alive");
        }
        if i % 1_500 == 0 {
            (0..30).for_each(|step| stream.put(i * 200 + 2 + step, "INFO", "cron", &format!("step {step} of 30")));
        }
        // A new pod begins to beat in the middle of the stream.
        if i > 3_000 && i % 5 == 0 {
            stream.put(i * 200 + 3, "INFO", "new-pod", "alive too");
        }
    }
    assert_eq!(stream.findings, []);
}

#[test]
fn a_snapshot_goes_on_where_it_was_taken() {
    let (mut whole, mut first) = (Stream::warmed(), Stream::warmed());
    let lines = |stream: &mut Stream, range: std::ops::Range<i64>| {
        range.for_each(|i| stream.put(T + i * 20, "ERROR", "m3", "cannot bind port"));
    };
    lines(&mut whole, 0..60);
    lines(&mut first, 0..20);
    let mut second = Stream::new();
    second.engine.restore(&first.engine.snapshot()).unwrap();
    lines(&mut second, 20..60);
    first.findings.append(&mut second.findings);
    assert_eq!(whole.findings, first.findings);
    assert!(Engine::new(&EngineOptions::default(), RuleSet::empty()).restore(b"nonsense").is_err());
}

#[test]
fn overrides_switch_actors_off_and_on_and_change_what_it_takes() {
    let usual = LoopOptions::default().settings();
    let pattern = |module: &'static str| KeyPattern::new([(Role::Module, Some(module))]);
    let stream_of = |enabled: bool, overrides: &[(KeyPattern, LoopSettings)]| {
        let mut stream = Stream::with(LoopOptions { enabled, overrides: overrides.to_vec(), ..LoopOptions::default() });
        (0..3_000).for_each(|i| stream.put(i * 200, "INFO", &format!("m{}", i % 7), &format!("work item {i} done")));
        for i in 0..100 {
            for actor in ["m3", "batch.a", "batch.b"] {
                stream.put(T + i * 20, "ERROR", actor, "cannot bind port");
            }
        }
        let mut opened: Vec<_> =
            stream.opened().into_iter().map(|finding| (finding.key.0[0].1.clone(), finding.count)).collect();
        opened.sort();
        opened
    };
    let all: Vec<_> = stream_of(true, &[]).into_iter().map(|(module, _)| module).collect();
    assert_eq!(all, ["batch.a", "batch.b", "m3"]);
    let off = (pattern("batch.*"), LoopSettings { enabled: false, ..usual });
    assert_eq!(stream_of(true, std::slice::from_ref(&off)).len(), 1);
    let only = stream_of(false, &[(pattern("batch.b"), usual), off.clone()]);
    assert_eq!((only.len(), only[0].0.as_str()), (1, "batch.b"));
    let later = stream_of(true, &[(pattern("m3"), LoopSettings { min_repeats: 50, ..usual }), off]);
    assert!(later[0].1 >= 50, "{later:?}");
}

#[test]
fn a_million_actors_stay_under_the_cap() {
    let options = LoopOptions { keys: 1_000, ..LoopOptions::default() };
    let mut detector = Loop::new(options);
    let mut findings = Vec::new();
    let mut looker = testing::looker();
    for chunk in 0..20 {
        let text: String =
            (0..5_000).map(|i| format!("{{\"thread\":{},\"message\":\"hello\"}}\n", chunk * 5_000 + i)).collect();
        let batch = testing::looked(&mut looker, &text);
        let at = |i: usize| Timestamp::from_millis(chunk * 5_000 + i as i64);
        testing::observe(&mut detector, &batch, at, &mut findings);
    }
    let tables = detector.tables();
    assert_eq!((tables[0].keys, tables[0].evictions), (1_000, 99_000));
    assert_eq!(findings, []);
}
