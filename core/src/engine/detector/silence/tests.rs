use super::*;
use crate::engine::Persist as _;
use crate::engine::finding::{Finding, Reason, State};
use crate::engine::incident::{Incidents, Policy};
use crate::engine::{EngineOptions, testing};
use crate::event::Timestamp;
use rand::{RngExt, SeedableRng};

/// A stream under construction: modules on hosts that all speak at random.
struct Stream {
    stream: testing::Stream,
    random: rand_pcg::Pcg64,
}

const START_MS: i64 = 1_767_225_600_000;

impl Stream {
    fn new(seed: u64) -> Self {
        Self::with(seed, &SilenceOptions::default())
    }

    fn with(seed: u64, silence: &SilenceOptions) -> Self {
        Self::with_engine(seed, &testing::with_detectors(|detector| detector.silence = silence.clone()))
    }

    fn with_engine(seed: u64, options: &EngineOptions) -> Self {
        Self { stream: testing::Stream::new(options), random: rand_pcg::Pcg64::seed_from_u64(seed) }
    }

    /// A line at `s` seconds from the start.
    fn put(&mut self, s: f64, module: &str, host: &str) {
        let time = Timestamp::from_millis(START_MS + (s * 1_000.0) as i64);
        let n: u32 = self.random.random_range(0..1_000_000);
        self.stream.line(&format!(
            r#"{{"time":"{time}","level":"INFO","module":"{module}","host":"{host}","thread":"t{n}","message":"work {n}"}}"#
        ));
    }

    /// Events at `rate` a second from second `from` to `to`; `place` says whose the event at second
    /// `s` is, if any.
    fn run(
        &mut self,
        from: f64,
        to: f64,
        rate: f64,
        place: impl Fn(f64, &mut rand_pcg::Pcg64) -> Option<(String, String)>,
    ) {
        let mut s = from;
        loop {
            s += -(1.0 - self.random.random::<f64>()).ln() / rate;
            if s >= to {
                return;
            }
            if let Some((module, host)) = place(s, &mut self.random) {
                self.put(s, &module, &host);
            }
        }
    }

    fn of_silence(&self) -> Vec<&Finding> {
        self.stream.findings.iter().filter(|finding| finding.detector == DetectorName::Silence).collect()
    }

    fn opened(&self) -> Vec<String> {
        let opened = self.of_silence().into_iter().filter(|finding| finding.state == State::Open);
        opened.map(|finding| finding.key.0[0].1.clone()).collect()
    }
}

/// Ten modules on six hosts.
fn anybody(random: &mut rand_pcg::Pcg64) -> (String, String) {
    (format!("m{}", random.random_range(0..10)), format!("h{}", random.random_range(0..6)))
}

fn silent(from: f64, to: f64, who: &'static str) -> impl Fn(f64, &mut rand_pcg::Pcg64) -> Option<(String, String)> {
    move |s, random| {
        let (module, host) = anybody(random);
        (!(from..to).contains(&s) || (module != who && host != who)).then_some((module, host))
    }
}

#[test]
fn a_silent_module_is_told_once_and_resolves_when_it_speaks() {
    let mut stream = Stream::new(1);
    stream.run(0.0, 3_000.0, 20.0, silent(1_800.0, 2_200.0, "m3"));
    assert_eq!(stream.opened(), ["m3"]);
    let found = stream.of_silence();
    let (first, last) = (found[0], found[found.len() - 1]);
    let delay = first.opened_at.seconds_since(Timestamp::from_millis(START_MS)) - 1_800.0;
    assert!((25.0..60.0).contains(&delay), "{delay}");
    assert!(first.summary.sentence.starts_with("module m3 is silent: nothing for "), "{}", first.summary);
    assert!(first.measured.p_value < Some(1e-9) && first.measured.observed >= 30.0 && first.measured.samples > 1_000);
    assert_eq!((last.state, &last.id), (State::Resolved, &first.id));
    assert!((395.0..=410.0).contains(&last.measured.observed), "{:?}", last.evidence);
}

#[test]
fn a_silent_host_is_one_finding_with_the_modules_that_it_takes_along() {
    let mut stream = Stream::new(2);
    let dead = |s: f64| (2_000.0..2_600.0).contains(&s);
    stream.run(0.0, 3_000.0, 30.0, |s, random| {
        let host = random.random_range(0..6);
        // Three modules are only on host 5.
        let module = if host == 5 { random.random_range(10..13) } else { random.random_range(0..10) };
        (host != 5 || !dead(s)).then(|| (format!("m{module}"), format!("h{host}")))
    });
    assert_eq!(stream.opened(), ["h5"]);
    let told =
        stream.of_silence().iter().any(|finding| finding.summary.sentence.contains("; silent with it: module m1"));
    assert!(told, "{:?}", stream.of_silence());
}

#[test]
fn a_silent_service_is_one_finding_and_not_one_for_each_pod() {
    let mut stream = Stream::new(3);
    stream.run(0.0, 3_000.0, 30.0, |s, random| {
        let module = random.random_range(0..6);
        let up = module != 2 || !(2_000.0..2_600.0).contains(&s);
        up.then(|| (format!("service-{module}"), format!("service-{module}-pod-{}", random.random_range(0..4))))
    });
    assert_eq!(stream.opened(), ["service-2"]);
}

#[test]
fn what_modules_and_hosts_are_to_each_other_does_not_depend_on_their_order() {
    for members in [&["host", "module"][..], &["zone", "host", "module"]] {
        let keys = members.iter().map(|member| (*member).to_owned()).collect();
        let options = SilenceOptions { keys, ..SilenceOptions::default() };
        let mut service = Stream::with(3, &options);
        service.run(0.0, 3_000.0, 30.0, |s, random| {
            let module = random.random_range(0..6);
            let up = module != 2 || !(2_000.0..2_600.0).contains(&s);
            up.then(|| (format!("service-{module}"), format!("service-{module}-pod-{}", random.random_range(0..4))))
        });
        assert_eq!(service.opened(), ["service-2"], "{:?}", options.keys);
        let mut replaced = Stream::with(8, &options);
        replaced.run(0.0, 4_000.0, 20.0, |s, random| {
            let (module, host) = anybody(random);
            let host = if host == "h4" && s > 2_000.0 { "h4-new".to_owned() } else { host };
            Some((module, host))
        });
        assert_eq!(replaced.opened(), [""; 0], "{:?}", options.keys);
    }
}

#[test]
fn finished_jobs_cron_lists_and_single_lines_are_quiet() {
    let mut stream = Stream::new(4);
    stream.run(0.0, 14_400.0, 10.0, |s, random| {
        let (module, host) = anybody(random);
        let module = match module.as_str() {
            // A job of forty minutes, one of two hours, a list every ten minutes, modules of one
            // line.
            "m0" if !(3_000.0..=5_400.0).contains(&s) => return None,
            "m1" if !(4_000.0..=11_200.0).contains(&s) => return None,
            "m2" if s % 600.0 > 20.0 => return None,
            "m3" => format!("m3-{}", random.random_range(0..1_000_000)),
            _ => module,
        };
        Some((module, host))
    });
    assert_eq!(stream.opened(), [] as [String; 0]);
}

#[test]
fn a_thinner_stream_a_stop_of_all_and_a_leap_of_all_clocks_are_no_silence() {
    let mut stream = Stream::new(5);
    let all = |_: f64, random: &mut rand_pcg::Pcg64| Some(anybody(random));
    stream.run(0.0, 2_000.0, 20.0, all);
    stream.run(2_000.0, 4_000.0, 0.5, all);
    stream.run(4_000.0, 4_600.0, 20.0, all);
    // A restart of all, and a night without lines.
    stream.run(4_780.0, 5_400.0, 20.0, all);
    stream.run(48_600.0, 50_000.0, 20.0, all);
    assert_eq!(stream.opened(), [] as [String; 0]);
}

#[test]
fn three_times_the_traffic_of_others_is_no_silence() {
    let mut stream = Stream::new(6);
    stream.run(0.0, 2_000.0, 20.0, |_, random| Some(anybody(random)));
    stream.run(2_000.0, 2_600.0, 80.0, |_, random| {
        let (module, host) = anybody(random);
        (module == "m1" || random.random_range(0..12) == 0).then_some((module, host))
    });
    assert_eq!(stream.opened(), [] as [String; 0]);
}

/// Ten modules whose gaps are exponential, clockwork, or bursts, for two hours each: a million gaps
/// and no alarm.
#[test]
fn null_streams_are_quiet() {
    for seed in 10..13 {
        let mut stream = Stream::new(seed);
        stream.run(0.0, 7_200.0, 10.0, |s, random| {
            let (module, host) = anybody(random);
            // One speaks for two seconds of twenty, one for five minutes of ten.
            let rest = (module == "m1" && s % 20.0 > 2.0) || (module == "m2" && s % 600.0 > 300.0);
            (!rest).then_some((module, host))
        });
        assert_eq!(stream.opened(), [] as [String; 0], "{seed}");
    }
}

#[test]
fn a_host_that_another_has_replaced_is_none_that_is_missed() {
    let mut stream = Stream::new(7);
    stream.run(0.0, 9_000.0, 20.0, |s, random| {
        let (module, host) = anybody(random);
        let new = s > 7_000.0 && (host == "h1" || host == "h2");
        Some((module, if new { format!("{host}-new") } else { host }))
    });
    let opened = stream.opened();
    assert_eq!(opened, [] as [String; 0]);
}

#[test]
fn a_habit_is_told_twice_at_most() {
    let mut stream = Stream::new(8);
    stream.run(0.0, 30_000.0, 10.0, |s, random| {
        let (module, host) = anybody(random);
        (module != "m4" || s < 5_000.0 || s % 5_000.0 > 900.0).then_some((module, host))
    });
    assert!((1..=2).contains(&stream.opened().len()), "{:?}", stream.opened());
}

#[test]
fn late_lines_speak_too() {
    let mut stream = Stream::new(9);
    stream.run(0.0, 2_000.0, 20.0, |_, random| Some(anybody(random)));
    for i in 0..6_000 {
        let s = 2_000.0 + f64::from(i) / 10.0;
        let (module, host) = anybody(&mut stream.random);
        // The clock of h2 goes a minute behind.
        stream.put(if host == "h2" { s - 60.0 } else { s }, &module, &host);
    }
    assert_eq!(stream.opened(), [] as [String; 0]);
}

#[test]
fn other_members_and_other_settings_for_some_keys() {
    let (key, name) = ("module".into(), "m3".into());
    let options = SilenceOptions {
        keys: vec!["module".into(), "thread".into(), "tenant".into()],
        overrides: vec![SilenceOverride { key, name, enabled: Some(false), ..SilenceOverride::default() }],
        ..SilenceOptions::default()
    };
    let mut stream = Stream::with(11, &options);
    for i in 0..50_000 {
        let s = f64::from(i) / 20.0;
        let time = Timestamp::from_millis(START_MS + (s * 1_000.0) as i64);
        let (module, tenant) = (stream.random.random_range(0..6), stream.random.random_range(0..4));
        if s > 2_000.0 && (module == 3 || tenant == 2) {
            continue;
        }
        stream.stream.line(&format!(
            r#"{{"time":"{time}","module":"m{module}","tenant":{tenant},"message":"work {i}","thread":"{i}"}}"#
        ));
    }
    assert_eq!(stream.opened(), ["2"]);
}

#[test]
fn a_table_that_forgets_says_nothing_and_stays_under_its_cap() {
    let mut stream = Stream::with_engine(12, &EngineOptions { keys: 100, ..EngineOptions::default() });
    stream.run(0.0, 3_000.0, 20.0, |s, random| {
        let (module, host) = anybody(random);
        let module = if module == "m9" { format!("m{}", random.random_range(0..1_000_000)) } else { module };
        (s < 2_000.0 || module != "m3").then_some((module, host))
    });
    assert_eq!(stream.opened(), [] as [String; 0]);
    let tables = stream.stream.engine.tables();
    let modules = tables.iter().find(|table| table.table == "silence_modules").unwrap();
    assert!(modules.keys == 100 && modules.evictions > 0);
}

#[test]
fn a_snapshot_goes_on_where_it_was_taken() {
    let mut whole = Stream::new(13);
    whole.run(0.0, 2_010.0, 20.0, silent(2_000.0, 2_400.0, "m3"));
    let mut second = Stream::new(0);
    second.stream.engine.restore(&whole.stream.engine.snapshot()).unwrap();
    second.random = whole.random.clone();
    second.stream.findings.clone_from(&whole.stream.findings);
    for stream in [&mut whole, &mut second] {
        stream.run(2_010.0, 2_600.0, 20.0, silent(2_000.0, 2_400.0, "m3"));
    }
    assert_eq!(whole.stream.findings, second.stream.findings);
    assert_eq!(whole.opened(), ["m3"]);
    assert!(Silence::new(&SilenceOptions::default(), SharedOptions::default()).restore(b"nonsense").is_err());
}

/// States of versions that kept the open incidents as a list, as they wrote them.
#[test]
fn a_state_with_a_list_of_open_incidents_is_taken_over() {
    let member = |name: &str| {
        serde_json::json!({
            "name": name,
            "keys": { "entries": [], "evictions": 0 },
            "evicted": -1e300,
            "newcomers": [],
            "restarts": Restarts::default(),
        })
    };
    let open = |id: u64, stopped: f64| {
        serde_json::json!({
            "id": id, "member": 1, "key": 7, "stopped": stopped, "usual": 2.5, "weight": 4, "latest": stopped + 1.0,
            "also": ["host h2"], "unlisted": 0,
        })
    };
    let kept = serde_json::json!({
        "members": [member("module"), member("host")],
        "open": [open(9, 1_000.0), open(3, 1_500.0)],
        "opened": [1_040.0, 1_540.0],
        "now": { "running": 2_000.0, "events": 40_000.0 },
    });
    let mut silence = Silence::new(&SilenceOptions::default(), SharedOptions::default());
    silence.restore(&crate::engine::snapshot::pack(&kept)).unwrap();
    assert_eq!(serde_json::to_value(silence.state()).unwrap()["open"], kept["open"]);
    assert_eq!(silence.open.latest_near(1, 1_001.0, 5.0, |open| open.also == ["host h2"]), Some(0));
    // Their keys are not in the table: the incidents are over with the next tick.
    testing::pass(&mut silence, &mut Incidents::new(Policy::default(), 10), Timestamp::from_millis(START_MS), 2_000, 1);
    assert_eq!(silence.open.last(), None);
}

/// Twenty hosts, of which `stays` does not come back; each is away for `away` seconds and stops
/// `every` seconds after the one before.
fn rolling_restart(seed: u64, away: f64, every: f64, stays: Option<usize>) -> Stream {
    let mut stream = Stream::new(seed);
    stream.run(0.0, 2_000.0 + 22.0 * every + away, 60.0, |s, random| {
        let (module, host) = (random.random_range(0..6), random.random_range(0..20_usize));
        let stopped = 2_000.0 + host as f64 * every;
        let up = s < stopped || (s >= stopped + away && stays != Some(host));
        up.then(|| (format!("m{module}"), format!("h{host}")))
    });
    stream
}

#[test]
fn a_rolling_restart_is_told_once() {
    for (seed, away, every) in [(20, 80.0, 80.0), (21, 80.0, 30.0)] {
        let stream = rolling_restart(seed, away, every, None);
        let opened = stream.opened();
        assert!((1..=2).contains(&opened.len()), "{away} {every}: {opened:?}");
        let ended = stream.of_silence().into_iter().filter(|finding| finding.state == State::Resolved).count();
        assert_eq!(ended, opened.len());
    }
}

#[test]
fn of_a_rolling_restart_the_host_that_stays_away_is_named() {
    for (seed, away, every) in [(25, 80.0, 80.0), (26, 80.0, 40.0)] {
        let stream = rolling_restart(seed, away, every, Some(7));
        let named = stream.of_silence().into_iter().any(|finding| finding.key.0[0].1 == "h7");
        assert!(named && stream.opened().len() <= 3, "{:?}", stream.opened());
    }
}

#[test]
fn hosts_that_stop_one_after_the_other_are_one_finding_that_lists_them() {
    let mut stream = Stream::new(27);
    stream.run(0.0, 4_000.0, 60.0, |s, random| {
        let (module, host) = (random.random_range(0..6), random.random_range(0..20_usize));
        let up = host >= 12 || s < 2_000.0 + host as f64 * 60.0;
        up.then(|| (format!("m{module}"), format!("h{host}")))
    });
    assert_eq!(stream.opened(), ["h0"]);
    let last = stream.of_silence()[stream.of_silence().len() - 1];
    assert!(last.summary.sentence.contains("host h0 is silent: nothing for "), "{}", last.summary);
    assert!(
        last.summary.sentence.ends_with(
            "; silent with it: host h1, host h2, host h3, host h4, host h5, host h6, host h7, host h8 and 3 more"
        ),
        "{}",
        last.summary
    );
}

#[test]
fn what_was_nearly_a_silence_is_told_to_who_asks() {
    let options = EngineOptions { near_misses: true, ..EngineOptions::default() };
    let mut stream = Stream { stream: testing::Stream::new(&options), random: rand_pcg::Pcg64::seed_from_u64(28) };
    stream.run(0.0, 2_400.0, 20.0, silent(2_000.0, 2_025.0, "m3"));
    assert_eq!(stream.opened(), [] as [String; 0]);
    let near: Vec<_> = stream.stream.near_misses.iter().filter(|near| near.detector == DetectorName::Silence).collect();
    assert!(
        near.len() == 1
            && near[0].key == "module m3"
            && matches!(near[0].why, Reason::Spoke { pause: (20.0..30.0, _), .. }),
        "{near:?}"
    );
}

/// Looks at keys in an hour of ticks, after so many have spoken `lines` times each and stopped.
fn parsed(keys: usize, lines: usize) -> usize {
    let options = SilenceOptions { keys: vec!["module".into()], ..SilenceOptions::default() };
    let mut silence = Silence::new(&options, SharedOptions::default());
    let mut incidents = Incidents::new(Policy::default(), 100);
    let text: String = (0..lines * keys).map(|i| format!("{{\"module\":\"m{}\"}}\n", i % keys)).collect();
    let batch = testing::parsed_batch(&mut testing::parser(), &text);
    let start = Timestamp::from_millis(START_MS);
    let at = |i: usize| start.saturating_add_nanos(i as i64 * 1_000_000_000 / keys as i64);
    testing::observe_into(&mut silence, &batch, at, &mut incidents, &mut Vec::new());
    testing::pass(&mut silence, &mut incidents, start, lines as i64, 2_000);
    let before = silence.schedule.looks;
    testing::pass(&mut silence, &mut incidents, start, lines as i64 + 2_000, 3_600);
    silence.schedule.looks - before
}

#[test]
fn a_tick_looks_at_what_is_due_however_many_keys_there_are() {
    // Too few lines for a limit; enough for one in seconds, which the stream has too few events
    // for.
    for lines in [3, 60] {
        assert_eq!([parsed(200, lines), parsed(400, lines)], [0, 0], "{lines}");
    }
}

#[test]
fn a_parked_key_that_speaks_is_watched_again() {
    let mut stream = Stream::new(31);
    // It says a few lines, is away for so long that it is parked, comes back for hours and stops.
    let up = |s: f64| s < 30.0 || (730.0..20_000.0).contains(&s);
    stream.run(0.0, 22_000.0, 1.0, |s, random| {
        let module = random.random_range(0..4);
        (module != 3 || up(s)).then(|| (format!("m{module}"), format!("h{module}")))
    });
    assert_eq!(stream.opened(), ["m3"]);
    // It may be away for twice its longest pause.
    let found = stream.of_silence()[0].opened_at.seconds_since(Timestamp::from_millis(START_MS));
    assert!((21_300.0..21_500.0).contains(&found), "{found}");
}

#[test]
fn a_late_line_from_before_ends_no_silence_and_one_of_now_does() {
    for seed in 0..3 {
        let mut stream = Stream::new(seed);
        stream.run(0.0, 3_400.0, 20.0, silent(3_000.0, 9_000.0, "h3"));
        assert_eq!(stream.opened(), ["h3"]);
        for s in [2_900.0, 2_950.0, 2_990.0] {
            stream.put(s, "m1", "h3");
        }
        assert!(stream.of_silence().iter().all(|finding| finding.state != State::Resolved), "{seed}");
        stream.put(3_400.5, "m1", "h3");
        assert!(stream.of_silence().iter().any(|finding| finding.state == State::Resolved), "{seed}");
    }
}
