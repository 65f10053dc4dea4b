use super::*;
use crate::engine::Persist as _;
use crate::engine::finding::{Finding, Reason, State};
use crate::engine::incident::{Incidents, Policy};
use crate::engine::{EngineOptions, testing};
use rand::{RngExt, SeedableRng};

mod seldom;

/// Six modules on six hosts in three zones; of their requests one in two hundred fails.
struct Stream {
    stream: testing::Stream,
    random: rand_pcg::Pcg64,
}

impl Stream {
    fn new(seed: u64, options: SpreadOptions) -> Self {
        Self::with_engine(seed, testing::with_detectors(|detector| detector.spread = options))
    }

    fn with_engine(seed: u64, mut options: EngineOptions) -> Self {
        // A text never seen is novelty's to tell.
        options.detector.novelty.enabled = false;
        Self { stream: testing::Stream::new(&options), random: rand_pcg::Pcg64::seed_from_u64(seed) }
    }

    fn warmed() -> Self {
        let mut stream = Self::new(1, SpreadOptions::default());
        stream.run(0, 1_200, |_, _, _| false);
        stream
    }

    fn put(&mut self, ms: i64, module: &str, host: u32, failed: bool) {
        let time = Timestamp::from_millis(1_767_225_600_000 + ms);
        let (thread, n) = (self.random.random_range(0..9), self.random.random_range(0..100_000));
        let status = if failed { 503 } else { 200 };
        self.stream.line(&format!(
            r#"{{"time":"{time}","level":"INFO","module":"{module}","host":"h{host}","zone":"z{}","thread":"t{thread}","status":{status},"message":"request {n}"}}"#,
            host / 2
        ));
    }

    /// Twenty requests a second; besides those that fail anyway, those that `fails` says of module
    /// and host.
    fn run(&mut self, from: i64, to: i64, mut fails: impl FnMut(&mut rand_pcg::Pcg64, u32, u32) -> bool) {
        for twentieth in from * 20..to * 20 {
            let (module, host) = (self.random.random_range(0..6), self.random.random_range(0..6));
            let failed = self.random.random_range(0..200) == 0 || fails(&mut self.random, module, host);
            self.put(twentieth * 50, &format!("m{module}"), host, failed);
        }
    }

    fn opened(&self) -> Vec<(&str, Vec<&str>)> {
        let opened = self.stream.findings.iter().filter(|finding| finding.state == State::Open);
        opened.map(|finding| (finding.detector.name(), values(finding))).collect()
    }
}

fn values(finding: &Finding) -> Vec<&str> {
    finding.key.0.iter().map(|(_, value)| value.as_str()).collect()
}

/// One in three.
fn often(random: &mut rand_pcg::Pcg64) -> bool {
    random.random_range(0..3) == 0
}

#[test]
fn a_bad_host_is_one_incident_from_its_opening_to_its_end() {
    let mut stream = Stream::warmed();
    assert_eq!(stream.opened(), []);
    stream.run(1_200, 1_500, |random, module, host| module == 2 && host == 3 && often(random));
    stream.run(1_500, 2_400, |_, _, _| false);
    assert_eq!(stream.opened(), [("spread", vec!["h3", "m2"])]);
    let (first, last) = (&stream.stream.findings[0], stream.stream.findings.last().unwrap());
    assert!(
        first.summary.sentence.starts_with("host h3 has ") && first.summary.sentence.contains(" failures of m2 in "),
        "{}",
        first.summary
    );
    let measured = &first.measured;
    assert!(measured.p_value <= measured.threshold && measured.threshold < Some(1e-5), "{first:?}");
    let [low, high] = ["expected_low", "expected_high"].map(|name| first.own_members()[name].as_f64());
    assert!(low <= measured.expected && measured.expected <= high && high < Some(measured.observed), "{first:?}");
    testing::assert_goes_on_together(&stream.stream.findings);
    assert_eq!((last.state, &last.id), (State::Resolved, &first.id));
    let (observed, expected) = (last.count, 300 * 20 / 36 / 3);
    assert!(observed.abs_diff(expected) < 20, "{observed} {expected}");
    assert!(
        last.summary.sentence.starts_with("host h3 has ") && last.summary.sentence.contains(" failures of m2 in "),
        "{}",
        last.summary
    );
}

#[test]
fn two_bad_hosts_are_both_named() {
    let mut stream = Stream::warmed();
    stream.run(1_200, 1_500, |random, module, host| module == 2 && (host == 3 || host == 5) && often(random));
    stream.run(1_500, 2_100, |_, _, _| false);
    let mut opened = stream.opened();
    opened.sort();
    assert_eq!(opened, [("spread", vec!["h3", "m2"]), ("spread", vec!["h5", "m2"])]);
}

#[test]
fn a_host_that_is_bad_in_every_module_is_one_incident() {
    let mut stream = Stream::warmed();
    stream.run(1_200, 1_500, |random, _, host| host == 3 && often(random));
    stream.run(1_500, 2_100, |_, _, _| false);
    let opened = stream.opened();
    assert_eq!(opened.len(), 1, "{opened:?}");
    assert_eq!((opened[0].0, opened[0].1[0]), ("spread", "h3"));
    assert!(stream.stream.findings.last().unwrap().own_members()["modules"].as_u64() >= Some(5));
}

#[test]
fn failures_on_all_hosts_are_a_burst() {
    let mut stream = Stream::warmed();
    stream.run(1_200, 1_320, |random, module, _| module == 2 && often(random));
    stream.run(1_320, 1_900, |_, _, _| false);
    assert_eq!(stream.opened(), [("burst", vec!["m2"])]);
}

#[test]
fn a_host_with_most_of_the_traffic_or_of_the_failures_as_ever_is_none() {
    let mut stream = Stream::new(3, SpreadOptions::default());
    for second in 0..7_200_i64 {
        for i in 0..10 {
            // Host 0 has four fifths of the traffic, and host 1 half of all failures, always.
            let host = if stream.random.random_range(0..5) > 0 { 0 } else { stream.random.random_range(1..6) };
            let failed =
                stream.random.random_range(0..100) == 0 || (host == 1 && stream.random.random_range(0..4) == 0);
            stream.put(second * 1_000 + i * 100, "m", host, failed);
        }
    }
    assert_eq!(stream.opened(), []);
}

#[test]
fn others_that_become_healthier_make_no_host_bad() {
    let mut stream = Stream::new(4, SpreadOptions::default());
    for second in 0..3_000_i64 {
        for i in 0..10 {
            let host = stream.random.random_range(0..6);
            let failed = (host == 3 || second < 1_500) && stream.random.random_range(0..10) == 0;
            stream.put(second * 1_000 + i * 100, "m", host, failed);
        }
    }
    assert_eq!(stream.opened(), []);
}

#[test]
fn two_hosts_have_nothing_to_be_compared_with() {
    let mut stream = Stream::new(5, SpreadOptions::default());
    for second in 0..1_500_i64 {
        for host in 0..2 {
            stream.put(second * 1_000 + i64::from(host), "m", host, second > 1_200 && host == 1);
        }
    }
    assert_eq!(stream.opened(), [("burst", vec!["m"])]);
}

#[test]
fn any_member_can_be_a_dimension() {
    let dimensions = vec![".zone".into()];
    let mut stream = Stream::new(6, SpreadOptions { dimensions, ..SpreadOptions::default() });
    stream.run(0, 1_200, |_, _, _| false);
    stream.run(1_200, 1_500, |random, module, host| module == 2 && host / 2 == 1 && often(random));
    stream.run(1_500, 2_100, |_, _, _| false);
    assert_eq!(stream.opened(), [("spread", vec!["z1", "m2"])]);
    assert!(stream.stream.findings[0].summary.sentence.starts_with("zone z1 has "));
}

#[test]
fn overrides_are_by_module_and_host() {
    let (module, host) = (Some("m*".into()), Some("h3".into()));
    let unwatched = SpreadOverride { module, host, enabled: Some(false), ..SpreadOverride::default() };
    let mut stream = Stream::new(7, SpreadOptions { overrides: vec![unwatched], ..SpreadOptions::default() });
    stream.run(0, 1_200, |_, _, _| false);
    stream.run(1_200, 1_500, |random, module, host| module == 2 && (host == 3 || host == 5) && often(random));
    let spread: Vec<_> = stream.opened().into_iter().filter(|(detector, _)| *detector == "spread").collect();
    assert_eq!(spread, [("spread", vec!["h5", "m2"])]);
}

#[test]
fn null_streams_have_no_more_false_alarms_than_the_budget() {
    // A thousand times the default: 167 a day of this detector, of which a third of a day may have
    // 56.
    let options = testing::with_detectors(|detector| detector.false_alarms_per_day = 1_000.0);
    let mut stream = Stream::with_engine(8, options);
    for second in 0..28_800_i64 {
        let (module, host) = (stream.random.random_range(0..3), stream.random.random_range(0..8));
        let failed = stream.random.random_range(0..4) == 0;
        stream.put(second * 1_000, &format!("m{module}"), host, failed);
    }
    let found = stream.opened().iter().filter(|(detector, _)| *detector == "spread").count();
    assert!(found <= 56, "{found}");
}

#[test]
fn failures_that_always_clump_are_no_incident() {
    // Every two minutes a batch fails twenty times in a row, each time on one host or another.
    let mut stream = Stream::new(9, SpreadOptions::default());
    for second in 0..10_800_i64 {
        let host = stream.random.random_range(0..6);
        let failed = stream.random.random_range(0..100) == 0;
        stream.put(second * 1_000, "m", host, failed);
        if second % 120 == 0 {
            (0..20).for_each(|i| stream.put(second * 1_000 + i * 40, "m", host, true));
        }
    }
    let spread = stream.opened().iter().filter(|(detector, _)| *detector == "spread").count();
    assert_eq!(spread, 0);
}

#[test]
fn a_snapshot_goes_on_where_it_was_taken() {
    let bad = |random: &mut rand_pcg::Pcg64, module, host| module == 2 && host == 3 && often(random);
    let mut whole = Stream::warmed();
    whole.run(1_200, 1_350, bad);
    let mut second = Stream::new(0, SpreadOptions::default());
    second.stream.engine.restore(&whole.stream.engine.snapshot()).unwrap();
    second.random = whole.random.clone();
    second.stream.findings.clone_from(&whole.stream.findings);
    for stream in [&mut whole, &mut second] {
        stream.run(1_350, 1_500, bad);
        stream.run(1_500, 2_000, |_, _, _| false);
    }
    assert_eq!(whole.stream.findings, second.stream.findings);
    assert_eq!(whole.stream.findings.last().unwrap().state, State::Resolved);
    assert!(Spread::new(&SpreadOptions::default(), SharedOptions::default()).restore(b"nonsense").is_err());
}

#[test]
fn tables_stay_under_their_caps() {
    let mut stream = Stream::with_engine(10, EngineOptions { keys: 50, ..EngineOptions::default() });
    for i in 0..20_000_i64 {
        stream.put(i * 100, &format!("m{i}"), i as u32, i % 2 == 0);
    }
    for name in ["spread_modules", "spread_values"] {
        let tables = stream.stream.engine.tables();
        let table = tables.iter().find(|table| table.table == name).unwrap();
        assert!(table.keys == 50 && table.evictions > 0, "{table:?}");
    }
}

/// Requests of eight hosts, of which one in `one_in` fails; in clumps of `clump` on one host.
fn null(seed: u64, budget: f64, one_in: u32, clump: usize) -> Stream {
    let options = testing::with_detectors(|detector| detector.false_alarms_per_day = budget);
    let mut stream = Stream::with_engine(seed, options);
    for second in 0..14_400_i64 {
        let (module, host) = (stream.random.random_range(0..3), stream.random.random_range(0..8));
        stream.put(second * 1_000, &format!("m{module}"), host, false);
        if stream.random.random_range(0..one_in) == 0 {
            (0..clump as i64).for_each(|i| stream.put(second * 1_000 + i, &format!("m{module}"), host, true));
        }
    }
    stream
}

#[test]
fn on_null_streams_the_rate_of_false_alarms_is_what_was_promised() {
    // Of 1,000 a day the detector may have a sixth, and in four hours a sixth of that.
    let budget = 1_000.0;
    for (seed, one_in, clump) in [(20, 4, 1), (21, 60, 1), (22, 40, 2), (23, 120, 6)] {
        let stream = null(seed, budget, one_in, clump);
        let found = stream.opened().iter().filter(|(detector, _)| *detector == "spread").count();
        assert!(found <= 28, "one in {one_in}, {clump} at once: {found}");
        assert!(null(seed + 10, 1.0, one_in, clump).opened().iter().all(|(detector, _)| *detector != "spread"));
    }
}

#[test]
fn so_many_failures_of_one_host_are_enough() {
    // The median over streams of what the docs promise, after an hour.
    let mut needed: Vec<u64> = (30..37)
        .map(|seed| {
            let mut stream = Stream::new(seed, SpreadOptions::default());
            stream.run(0, 3_600, |_, _, _| false);
            let before = stream.opened().len();
            stream.run(3_600, 3_900, |random, module, host| module == 2 && host == 3 && often(random));
            assert_eq!(stream.opened()[before..], [("spread", vec!["h3", "m2"])], "{seed}");
            stream.stream.findings.iter().find(|finding| finding.detector == DetectorName::Spread).unwrap().count
        })
        .collect();
    needed.sort_unstable();
    assert!((8..=14).contains(&needed[3]) && needed[6] <= 28, "{needed:?}");
}

#[test]
fn what_nearly_sat_on_one_host_is_told_to_who_asks() {
    let mut stream = Stream::with_engine(42, EngineOptions { near_misses: true, ..EngineOptions::default() });
    stream.run(0, 1_200, |_, _, _| false);
    // Until it is one.
    for i in 0..40 {
        if stream.opened().is_empty() {
            stream.put(1_200_000 + i * 1_500, "m2", 3, true);
        }
    }
    let near: Vec<_> = stream.stream.near_misses.iter().filter(|near| near.detector == DetectorName::Spread).collect();
    let last = near.last().unwrap();
    assert_eq!((last.kind, last.key.as_str()), ("value", "h3 m2"));
    assert!(matches!(last.why, Reason::Failures { expected_by_rate: None, .. }), "{near:?}");
}

#[test]
fn a_module_is_settled_when_something_leaves_its_windows_or_a_block_is_over() {
    let parsed = |modules: usize| {
        let mut spread = Spread::new(&SpreadOptions::default(), SharedOptions::default());
        let mut incidents = Incidents::new(Policy::default(), 100);
        let line = |i: usize| format!("{{\"level\":\"ERROR\",\"module\":\"m{i}\",\"host\":\"h{}\"}}\n", i % 7);
        let batch = testing::parsed_batch(&mut testing::parser(), &(0..modules).map(line).collect::<String>());
        let start = Timestamp::from_seconds(1_767_600_000);
        testing::observe_into(&mut spread, &batch, |_| start, &mut incidents, &mut Vec::new());
        testing::pass(&mut spread, &mut incidents, start, 0, 298);
        let at_rest = spread.active.looks;
        testing::pass(&mut spread, &mut incidents, start, 298, 400);
        assert_eq!(spread.active.len(), 0);
        (at_rest, spread.active.looks)
    };
    // The one slot of each leaves after five minutes, and until then nothing is learned.
    for modules in [100, 200] {
        assert_eq!(parsed(modules), (0, modules));
    }
}

/// The list of active modules is as versions wrote it that settled all of them in each slot: in the
/// order in which they became active.
#[test]
fn a_state_says_which_modules_are_active_and_restores_when_each_is_due() {
    let new = || Spread::new(&SpreadOptions::default(), SharedOptions::default());
    let (mut first, mut again) = (new(), new());
    let batch = testing::parsed_batch(
        &mut testing::parser(),
        &(0..3_000)
            .map(|i| format!("{{\"level\":\"ERROR\",\"module\":\"m{}\",\"host\":\"h{}\"}}\n", i % 9, i % 7))
            .collect::<String>(),
    );
    let start = Timestamp::from_seconds(1_767_600_000);
    let at = |i: usize| start.saturating_add_nanos(i as i64 * 100_000_000);
    testing::observe(&mut first, &batch, at, &mut Vec::new());
    again.restore(&first.snapshot()).unwrap();
    let due = |spread: &Spread| spread.active.iter().map(|(due, side)| (due, *side)).collect::<Vec<_>>();
    assert_eq!((due(&again), due(&again).len()), (due(&first), 9));
}
