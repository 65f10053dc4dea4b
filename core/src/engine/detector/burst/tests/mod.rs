use super::*;
use crate::engine::Persist as _;
use crate::engine::detector::FailureLevel;
use crate::engine::finding::State;
use crate::engine::incident::{Incidents, Policy};
use crate::engine::{EngineOptions, Outcome, testing};
use rand::{RngExt, SeedableRng};
use std::ops::{Deref, DerefMut};

mod explained;
mod first_minutes;
mod seldom;
mod warnings;

/// A stream under construction: a service of seven modules on six hosts, of whose lines one in a
/// hundred is an error.
struct Stream {
    stream: testing::Stream,
    random: rand_pcg::Pcg64,
}

const MODULES: u32 = 7;

impl Deref for Stream {
    type Target = testing::Stream;
    fn deref(&self) -> &Self::Target {
        &self.stream
    }
}

impl DerefMut for Stream {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.stream
    }
}

impl Stream {
    fn new(seed: u64) -> Self {
        Self::with_options(seed, BurstOptions::default())
    }

    fn with_options(seed: u64, burst: BurstOptions) -> Self {
        Self::with_engine(seed, testing::with_detectors(|detector| detector.burst = burst))
    }

    fn with_engine(seed: u64, mut options: EngineOptions) -> Self {
        // A text never seen is novelty's to tell.
        options.detector.novelty.enabled = false;
        Self { stream: testing::Stream::new(&options), random: rand_pcg::Pcg64::seed_from_u64(seed) }
    }

    /// Puts a line through whose time is `ms` milliseconds from the start; `more` are members of
    /// its object.
    fn put(&mut self, ms: i64, more: &str) {
        let time = Timestamp::from_millis(1_767_225_600_000 + ms);
        self.stream.line(&format!(r#"{{"time":"{time}",{more}}}"#));
    }

    /// A line of `module` on a random host and thread.
    fn line(&mut self, ms: i64, level: &str, module: &str, more: &str) {
        let (host, thread, n): (u32, u32, u32) =
            (self.random.random_range(0..6), self.random.random_range(0..9), self.random.random_range(0..100_000));
        self.put(
            ms,
            &format!(
                r#""level":"{level}","module":"{module}","host":"h{host}","thread":"t{thread}","message":"work on {n} said {level}"{more}"#
            ),
        );
    }

    /// Background from second `from` to second `to` at `rate` lines a second, and `extra` at each
    /// tenth of a second.
    fn run(&mut self, from: i64, to: i64, rate: u32, mut extra: impl FnMut(&mut Self, i64)) {
        for tenth in from * 10..to * 10 {
            for i in 0..rate / 10 {
                let module = self.random.random_range(0..MODULES);
                let level = if self.random.random_range(0..100) == 0 { "ERROR" } else { "INFO" };
                self.line(tenth * 100 + i64::from(i), level, &format!("m{module}"), "");
            }
            extra(self, tenth);
        }
    }

    fn warmed() -> Self {
        let mut stream = Self::new(1);
        stream.run(0, 1_200, 20, |_, _| {});
        stream
    }

    fn opened(&self) -> Vec<(&str, &str)> {
        let opened = self.findings.iter().filter(|finding| finding.state == State::Open);
        opened.map(|finding| (finding.detector.name(), finding.key.0[0].1.as_str())).collect()
    }
}

#[test]
fn a_burst_opens_once_goes_on_and_resolves() {
    let mut stream = Stream::warmed();
    assert_eq!(stream.findings, []);
    stream.run(1_200, 1_260, 20, |stream, tenth| {
        if tenth % 2 == 0 {
            stream.line(tenth * 100, "ERROR", "m3", "");
        }
    });
    stream.run(1_260, 1_900, 20, |_, _| {});
    assert_eq!(stream.opened(), [("burst", "m3")]);
    testing::assert_goes_on_together(&stream.findings);
    let (first, last) = (&stream.findings[0], stream.findings.last().unwrap());
    assert!(first.opened_at.seconds_since(Timestamp::from_millis(1_767_225_600_000)) < 1_215.0);
    assert!(
        first.summary.sentence.contains(" errors in m3 in ") && first.summary.sentence.contains(" (usually "),
        "{}",
        first.summary
    );
    assert!(
        first.measured.p_value <= Some(first.measured.threshold.unwrap())
            && first.measured.expected.unwrap() < 1.0
            && first.measured.observed >= 5.0
    );
    assert_eq!((first.respond_within.as_deref(), first.kind.as_str()), (Some("1h"), "surge"));
    assert_eq!((last.state, last.severity), (State::Resolved, Severity::Critical));
    assert!((295..=320).contains(&last.count), "{}", last.count);
    assert!(stream.findings.iter().all(|finding| finding.id == first.id) && stream.findings.len() < 10);
}

#[test]
fn a_slow_burn_is_found_once() {
    let mut stream = Stream::warmed();
    stream.run(1_200, 1_620, 20, |stream, tenth| {
        if tenth % 20 == 0 {
            stream.line(tenth * 100, "ERROR", "m5", "");
        }
    });
    stream.run(1_620, 2_400, 20, |_, _| {});
    assert_eq!(stream.opened(), [("burst", "m5")]);
    assert_eq!(stream.findings.last().unwrap().state, State::Resolved);
}

#[test]
fn what_goes_on_for_longer_than_a_half_life_is_the_new_normal() {
    let mut stream = Stream::warmed();
    let more = |stream: &mut Stream, tenth: i64| {
        if tenth % 10 == 0 {
            stream.line(tenth * 100, "ERROR", "m5", "");
        }
    };
    stream.run(1_200, 12_000, 10, more);
    assert_eq!(stream.opened(), [("burst", "m5")]);
    assert_eq!(stream.findings.last().unwrap().state, State::Resolved);
}

#[test]
fn three_times_the_traffic_with_three_times_the_errors_is_quiet() {
    let mut stream = Stream::warmed();
    stream.run(1_200, 1_400, 60, |_, _| {});
    stream.run(1_400, 2_000, 20, |_, _| {});
    stream.run(2_000, 2_300, 100, |_, _| {});
    assert_eq!(stream.findings, []);
}

#[test]
fn null_streams_are_quiet() {
    for seed in 2..6 {
        let mut stream = Stream::new(seed);
        stream.run(0, 7_200, 20, |_, _| {});
        assert_eq!(stream.findings, []);
    }
}

#[test]
fn a_cold_start_is_judged() {
    let mut stream = Stream::new(1);
    stream.run(0, 320, 20, |stream, tenth| {
        if tenth > 3_000 {
            stream.line(tenth * 100, "FATAL", "m3", "");
        }
    });
    assert_eq!(stream.opened(), [("burst", "m3")]);
}

#[test]
fn what_a_loop_explains_is_not_counted() {
    let mut stream = Stream::warmed();
    stream.run(1_200, 1_230, 20, |stream, tenth| {
        stream.put(tenth * 100, r#""level":"ERROR","module":"m3","host":"h1","thread":"t1","message":"cannot bind""#);
    });
    stream.run(1_230, 1_500, 20, |_, _| {});
    assert_eq!(stream.opened(), [("loop", "m3")]);
}

#[test]
fn one_hosts_errors_are_left_to_spread() {
    let mut stream = Stream::warmed();
    stream.run(1_200, 1_300, 20, |stream, tenth| {
        let thread = stream.random.random_range(0..9);
        let message = stream.random.random_range(0..100_000);
        let line = r#""level":"ERROR","module":"m3","host":"h2""#;
        if tenth % 5 == 0 {
            stream.put(tenth * 100, &format!(r#"{line},"thread":"t{thread}","message":"disk {message} failed""#));
        }
    });
    assert_eq!(stream.opened(), [("spread", "h2")]);
}

#[test]
fn errors_all_over_are_one_incident_of_all() {
    let mut stream = Stream::warmed();
    stream.run(1_200, 1_260, 20, |stream, tenth| {
        // Forty modules that never erred, each of them seldom.
        let module = stream.random.random_range(0..40);
        if tenth % 3 == 0 {
            stream.line(tenth * 100, "ERROR", &format!("n{module}"), "");
        }
    });
    stream.run(1_260, 1_700, 20, |_, _| {});
    assert_eq!(stream.opened(), [("burst", "all")]);
    assert!(stream.findings[0].summary.sentence.contains(" errors in all modules in "));
}

#[test]
fn an_error_code_in_many_modules_is_its_own_incident() {
    let mut stream = Stream::warmed();
    stream.run(1_200, 1_260, 20, |stream, tenth| {
        let module = stream.random.random_range(0..40);
        if tenth % 3 == 0 {
            stream.line(tenth * 100, "ERROR", &format!("n{module}"), r#","error_code":"ORA-12154""#);
        }
    });
    stream.run(1_260, 1_700, 20, |_, _| {});
    assert_eq!(stream.opened(), [("burst", "ORA-12154")]);
}

#[test]
fn a_failing_status_is_an_error_at_any_level_and_a_missing_page_is_none() {
    for (status, opened) in [(503, 1), (499, 1), (404, 0), (200, 0)] {
        let mut stream = Stream::warmed();
        stream.run(1_200, 1_260, 20, |stream, tenth| {
            stream.line(tenth * 100, "INFO", "m3", &format!(r#","status":{status}"#));
        });
        assert_eq!(stream.opened().len(), opened, "{status}");
    }
}

#[test]
fn a_fatal_burst_is_critical_at_once() {
    let mut stream = Stream::warmed();
    stream.run(1_200, 1_230, 20, |stream, tenth| stream.line(tenth * 100, "FATAL", "m3", ""));
    let first = stream.stream.opened(DetectorName::Burst)[0];
    assert_eq!((first.severity, first.respond_within.as_deref()), (Severity::Critical, Some("5m")));
}

#[test]
fn late_events_join_no_window() {
    let mut stream = Stream::warmed();
    stream.run(1_200, 1_300, 20, |stream, tenth| stream.line(tenth * 100 - 60_000, "ERROR", "m3", ""));
    assert_eq!(stream.findings, []);
}

#[test]
fn a_stalled_input_is_no_time_without_errors() {
    let mut stream = Stream::warmed();
    for stall in 1..20 {
        let from = 1_200 + stall * 3_300;
        stream.run(from, from + 30, 20, |_, _| {});
    }
    assert_eq!(stream.findings, []);
}

#[test]
fn an_idle_live_input_closes_its_burst() {
    let mut stream = Stream::warmed();
    stream.run(1_200, 1_230, 20, |stream, tenth| stream.line(tenth * 100, "ERROR", "m3", ""));
    let mut outcome = Outcome::default();
    // Lines arrive at second 7 of the wall clock.
    stream.arrival = Timestamp::from_seconds(7);
    stream.run(1_230, 1_231, 20, |_, _| {});
    stream.engine.tick(Timestamp::from_seconds(7 + 60), &mut outcome);
    assert!(outcome.before.is_empty());
    stream.engine.tick(Timestamp::from_seconds(7 + 130), &mut outcome);
    assert_eq!(outcome.before.iter().map(|finding| finding.state).collect::<Vec<_>>(), [State::Resolved]);
}

#[test]
fn a_snapshot_goes_on_where_it_was_taken() {
    let burst = |stream: &mut Stream, tenth: i64| stream.line(tenth * 100, "ERROR", "m3", "");
    let mut whole = Stream::warmed();
    whole.run(1_200, 1_215, 20, burst);
    let mut second = Stream::new(0);
    second.engine.restore(&whole.engine.snapshot()).unwrap();
    second.random = whole.random.clone();
    second.findings.clone_from(&whole.findings);
    for stream in [&mut whole, &mut second] {
        stream.run(1_215, 1_240, 20, burst);
        stream.run(1_240, 1_500, 20, |_, _| {});
    }
    assert_eq!(whole.findings, second.findings);
    assert_eq!(whole.findings.last().unwrap().state, State::Resolved);
    assert!(Burst::new(&BurstOptions::default(), SharedOptions::default()).restore(b"nonsense").is_err());
}

#[test]
fn a_hundred_thousand_keys_stay_under_the_cap() {
    let mut stream = Stream::with_engine(1, EngineOptions { keys: 100, ..EngineOptions::default() });
    for i in 0..20_000 {
        stream.put(
            i * 100,
            &format!(r#""level":"ERROR","module":"m{i}","host":"h{i}","error_code":"e{i}","message":"no {i}""#),
        );
    }
    let tables = stream.engine.tables();
    for name in ["burst_modules", "burst_cells"] {
        let table = tables.iter().find(|table| table.table == name).unwrap();
        assert!(table.keys == 100 && table.evictions > 0, "{table:?}");
    }
}

#[test]
fn the_level_of_an_error_can_be_lowered_for_all_and_for_some() {
    let warn = FailureLevel::Warn;
    let m3 = |level| vec![BurstOverride { module: "m3".into(), level: Some(level), ..BurstOverride::default() }];
    for (options, opened) in [
        (BurstOptions::default(), 0),
        (BurstOptions { level: warn, ..BurstOptions::default() }, 1),
        (BurstOptions { overrides: m3(warn), ..BurstOptions::default() }, 1),
        (BurstOptions { level: warn, overrides: m3(FailureLevel::Error), ..BurstOptions::default() }, 0),
    ] {
        let mut stream = Stream::with_options(1, options);
        stream.run(0, 1_200, 20, |_, _| {});
        stream.run(1_200, 1_260, 20, |stream, tenth| stream.line(tenth * 100, "WARN", "m3", ""));
        // What is no error is still told as warnings.
        let errors = stream.stream.opened(DetectorName::Burst).into_iter().map(|found| found.measured.unit == "errors");
        assert_eq!(errors.collect::<Vec<_>>(), [opened == 1]);
    }
}

#[test]
fn a_module_that_is_not_watched_is_not_counted_anywhere() {
    let off = BurstOverride { module: "m*".into(), enabled: Some(false), ..BurstOverride::default() };
    let overrides = vec![off];
    let mut stream = Stream::with_options(1, BurstOptions { overrides, ..BurstOptions::default() });
    stream.run(0, 1_200, 20, |_, _| {});
    stream.run(1_200, 1_260, 20, |stream, tenth| {
        stream.line(tenth * 100, "ERROR", &format!("m{}", tenth % 7), r#","error_code":"E1""#);
    });
    assert_eq!(stream.opened(), []);
}

#[test]
fn of_less_traffic_as_many_failures_are_a_greater_share() {
    let mut stream = Stream::new(1);
    let requests = |stream: &mut Stream, from: i64, to: i64, every: i64| {
        for tenth in from * 10..to * 10 {
            // A request fails every four seconds, whatever the traffic.
            if tenth % 40 == 0 {
                stream.line(tenth * 100, "INFO", "web", r#","status":500"#);
            } else if tenth % every == 0 {
                stream.line(tenth * 100, "INFO", "web", r#","status":200"#);
            }
            stream.line(tenth * 100 + 50, "INFO", "other", "");
        }
    };
    requests(&mut stream, 0, 3_000, 1);
    assert_eq!(stream.opened(), []);
    requests(&mut stream, 3_000, 3_400, 20);
    requests(&mut stream, 3_400, 4_400, 1);
    assert_eq!(stream.opened(), [("burst", "web")]);
    let (first, last) = (&stream.findings[0], stream.findings.last().unwrap());
    assert_eq!((first.kind.as_str(), last.state), ("share", State::Resolved));
    assert!(
        first.summary.sentence.contains(" requests failed in web in ") && first.summary.sentence.contains(" (usually "),
        "{}",
        first.summary
    );
}

#[test]
fn a_deploy_that_changes_every_text_is_quiet() {
    let mut stream = Stream::new(1);
    for second in 0..3_600_i64 {
        for i in 0..20 {
            let (module, host): (u32, u32) = (stream.random.random_range(0..20), stream.random.random_range(0..6));
            // One in ten is an error, of a text that another release says otherwise.
            let level = if stream.random.random_range(0..10) == 0 { "ERROR" } else { "INFO" };
            let text = if second < 2_400 { "old words of it" } else { "what is said since" };
            stream.put(
                second * 1_000 + i * 50,
                &format!(r#""level":"{level}","module":"m{module}","host":"h{host}","thread":"t{second}","message":"{text} {second} {i}""#),
            );
        }
    }
    assert_eq!(stream.opened(), []);
}

#[test]
fn a_restart_of_everything_is_no_storm() {
    let mut stream = Stream::new(1);
    let background = |stream: &mut Stream, from: i64, to: i64| {
        for tenth in from * 10..to * 10 {
            let (module, level) = (stream.random.random_range(0..40), stream.random.random_range(0..200));
            stream.line(tenth * 100, if level == 0 { "ERROR" } else { "INFO" }, &format!("n{module}"), "");
        }
    };
    background(&mut stream, 0, 1_800);
    // Forty modules cannot reach each other for twenty seconds.
    for tenth in 18_000..18_200_i64 {
        for i in 0..8 {
            let module = stream.random.random_range(0..40);
            stream.line(tenth * 100 + i, "ERROR", &format!("n{module}"), "");
        }
    }
    background(&mut stream, 1_820, 2_600);
    let opened = stream.opened();
    assert!((1..=3).contains(&opened.len()) && opened.contains(&("burst", "all")), "{opened:?}");
}

#[test]
fn a_slow_burn_in_a_module_that_always_fails_is_found_once() {
    for seed in 1..3 {
        let mut stream = Stream::new(seed);
        let always = |stream: &mut Stream, tenth: i64| {
            if stream.random.random_range(0..3) == 0 {
                stream.line(tenth * 100, "ERROR", "m5", "");
            }
        };
        stream.run(0, 1_500, 10, always);
        stream.run(1_500, 1_920, 10, |stream, tenth| {
            always(stream, tenth);
            for text in ["cannot lock lease", "no space left on device", "read timed out"] {
                if stream.random.random_range(0..15) == 0 {
                    let (host, n) = (stream.random.random_range(0..6), stream.random.random_range(0..100_000));
                    let line = format!(r#""level":"ERROR","module":"m5","host":"h{host}","message":"{text} {n}""#);
                    stream.put(tenth * 100 + 7, &line);
                }
            }
        });
        stream.run(1_920, 3_000, 10, always);
        assert_eq!(stream.opened(), [("burst", "m5")], "{seed}");
    }
}

#[test]
fn sparse_and_dense_streams_are_quiet_and_not_deaf() {
    for (gap_ms, modules, seconds) in [(5_000_i64, 2, 86_400_i64), (4, 40, 700)] {
        let mut stream = Stream::new(2);
        for i in 0..seconds * 1_000 / gap_ms {
            let (module, level) = (stream.random.random_range(0..modules), stream.random.random_range(0..100));
            stream.line(i * gap_ms, if level == 0 { "ERROR" } else { "INFO" }, &format!("m{module}"), "");
        }
        assert_eq!(stream.opened(), [], "{gap_ms}");
        (0..20)
            .for_each(|i| stream.line(seconds * 1_000 + i * gap_ms.min(500), "ERROR", "m1", &format!(r#","n":{i}"#)));
        assert!(gap_ms < 5 || stream.opened() == [("burst", "m1")], "{gap_ms}: {:?}", stream.opened());
    }
}

#[test]
fn seven_errors_in_ten_seconds_are_enough_where_there_never_were_any() {
    let mut stream = Stream::new(1);
    stream.run(0, 3_600, 10, |_, _| {});
    for i in 0..7 {
        assert_eq!(stream.opened(), []);
        stream.line(3_600_000 + i * 1_400, "ERROR", "calm", "");
    }
    assert_eq!(stream.opened(), [("burst", "calm")]);
    let found = &stream.findings[0];
    let [low, high] = ["expected_low", "expected_high"].map(|name| found.own_members()[name].as_f64());
    assert!(low < found.measured.expected && found.measured.expected < high && high < Some(0.1), "{found:?}");
    assert!(found.measured.p_value <= found.measured.threshold, "{found:?}");
}

#[test]
fn null_streams_have_no_more_false_alarms_than_the_budget() {
    // A thousand times the default: 167 a day of this detector, of which a third of a day may have
    // 56.
    let options = testing::with_detectors(|detector| detector.false_alarms_per_day = 1_000.0);
    let mut stream = Stream::with_engine(3, options);
    for i in 0..28_800 * 2_i64 {
        let (module, level) = (stream.random.random_range(0..20), stream.random.random_range(0..4));
        stream.line(i * 500, if level == 0 { "ERROR" } else { "INFO" }, &format!("m{module}"), "");
    }
    let found = stream.opened().iter().filter(|(detector, _)| *detector == "burst").count();
    assert!(found <= 56, "{found}");
}

#[test]
fn an_explicit_threshold_overrides_the_budget() {
    let never = BurstOptions { threshold: Some(1e-300), ..BurstOptions::default() };
    let mut stream = Stream::with_options(1, never);
    stream.run(0, 1_200, 20, |_, _| {});
    stream.run(1_200, 1_260, 20, |stream, tenth| {
        if tenth % 5 == 0 {
            stream.line(tenth * 100, "ERROR", "m3", "");
        }
    });
    assert_eq!(stream.opened(), []);
}

/// A module nearly all of whose lines are errors, which come in bouts of one text, and now and then
/// another error.
fn always_failing(seed: u64, extra: impl Fn(i64) -> bool) -> Stream {
    let mut stream = Stream::new(seed);
    let mut text = 0;
    for tick in 0..7_200 * 4_i64 {
        if stream.random.random_range(0..80) == 0 {
            text = stream.random.random_range(0..12);
        }
        let n: u32 = stream.random.random_range(0..100_000);
        let (host, thread) = (n % 6, n % 7);
        let word =
            ["alpha", "beta", "gamma", "delta", "eps", "zeta", "eta", "theta", "iota", "kappa", "mu", "nu"][text];
        let message = if stream.random.random_range(0..100) == 0 || extra(tick) {
            format!("cannot reach the store for {n}")
        } else {
            format!("{word} worker {n} is in an odd state")
        };
        let line =
            format!(r#""level":"ERROR","module":"m","host":"h{host}","thread":"t{thread}","message":"{message}""#);
        stream.put(tick * 250, &line);
    }
    stream
}

#[test]
fn a_known_text_that_comes_too_often_is_a_burst_in_a_module_that_always_fails_in_bouts() {
    let of_store = |stream: &Stream| {
        let opened = stream.findings.iter().filter(|finding| finding.state == State::Open);
        opened.filter(|finding| finding.evidence.examples()[0].contains("reach the store")).count()
    };
    // A bout of a length never seen before is told; they get longer ever more seldom.
    let quiet = always_failing(1, |_| false);
    assert!(quiet.opened().len() <= 6 && of_store(&quiet) == 0, "{:?}", quiet.opened());
    let stream = always_failing(2, |tick| (20_000..20_240).contains(&tick) && tick % 3 == 0);
    assert_eq!(of_store(&stream), 1, "{:?}", stream.opened());
}

#[test]
fn what_is_kept_of_two_texts_is_added_up_when_they_become_one() {
    let mut burst = Burst::new(&BurstOptions::default(), SharedOptions::default());
    burst.go_to(600.0);
    let text = |id: u64| CellKey::of_template(Scope::Text, 7, id);
    burst.traffic.module(7, burst.exposure.slot());
    for (id, errors) in [(1, 3), (2, 2)] {
        let slot = burst.exposure.slot();
        let cell = burst.cell(&text(id));
        (0..errors).for_each(|_| cell.add(slot, None, id == 1));
        cell.active = true;
        burst.list(&text(id));
    }
    let ids = [1, 2, 9].map(crate::engine::template::TemplateId);
    burst.merge(Merge { from: ids[0], into: ids[1] });
    burst.merge(Merge { from: ids[2], into: ids[1] });
    let since = |burst: &mut Burst, id| burst.since(&text(id), 0);
    assert_eq!([since(&mut burst, 1), since(&mut burst, 2), since(&mut burst, 9)], [0, 5, 0]);
    assert!(burst.cells.get_mut(text(2).cell).unwrap().fatal_since(0));
    // All of it joins one baseline.
    burst.go_to(1_200.0);
    assert_eq!(burst.cells.get_mut(text(2).cell).unwrap().learned(), 5.0);
}

#[test]
fn a_cell_is_settled_when_something_leaves_its_windows_or_a_block_begins() {
    let parsed = |modules: usize| {
        // An open incident would be settled in each slot.
        let warm_up = crate::human_duration::HumanDuration::from_secs(600);
        let mut burst = Burst::new(&BurstOptions { warm_up, ..BurstOptions::default() }, SharedOptions::default());
        let mut incidents = Incidents::new(Policy::default(), 100);
        let line = |i: usize| format!("{{\"level\":\"ERROR\",\"module\":\"m{i}\",\"message\":\"failed\"}}\n");
        let batch = testing::parsed_batch(&mut testing::parser(), &(0..modules).map(line).collect::<String>());
        let start = Timestamp::from_seconds(1_767_600_000);
        testing::observe_into(&mut burst, &batch, |_| start, &mut incidents, &mut Vec::new());
        testing::pass(&mut burst, &mut incidents, start, 0, 58);
        let at_rest = burst.active.looks;
        testing::pass(&mut burst, &mut incidents, start, 58, 400);
        assert_eq!(burst.active.len(), 0);
        (at_rest, burst.active.looks)
    };
    // Five blocks begin while the windows see the slot, two cells to a module and one of all; the
    // fifth is when it leaves.
    for modules in [100, 200] {
        assert_eq!(parsed(modules), (0, 5 * (2 * modules + 1)));
    }
}
