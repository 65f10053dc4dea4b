use super::line::template_key;
use super::*;
use crate::engine::finding::{Finding, Severity, State};
use crate::engine::incident::{Incidents, Policy};
use crate::engine::template::TemplateId;
use crate::engine::{Engine, EngineOptions, rules::RuleSet, testing};
use crate::event::Timestamp;
use crate::human_duration::HumanDuration;

/// A stream under construction: lines with times, and an engine to put them through.
struct Stream(testing::Stream);

impl std::ops::Deref for Stream {
    type Target = testing::Stream;
    fn deref(&self) -> &testing::Stream {
        &self.0
    }
}

impl std::ops::DerefMut for Stream {
    fn deref_mut(&mut self) -> &mut testing::Stream {
        &mut self.0
    }
}

impl Stream {
    fn new() -> Self {
        Self::with(LoopOptions::default())
    }

    fn with(options: LoopOptions) -> Self {
        Self(testing::Stream::new(&testing::with_detectors(|detector| detector.r#loop = options)))
    }

    fn put(&mut self, milliseconds: i64, level: &str, actor: &str, message: &str) {
        let time = Timestamp::from_millis(1_767_225_600_000 + milliseconds);
        let line =
            format!(r#"{{"time":"{time}","level":"{level}","module":"{actor}","thread":"t","message":"{message}"}}"#);
        self.line(&line);
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
        self.0.opened(DetectorName::Loop)
    }
}

const T: i64 = 600_000;

mod first_minutes;
mod requests;
mod settings;
mod shuffled;

/// A line of JSON, so many milliseconds after the start; `more` are members after the message.
fn line(milliseconds: i64, level: &str, module: &str, thread: &str, message: &str, more: &str) -> String {
    let time = Timestamp::from_millis(1_767_225_600_000 + milliseconds);
    format!(
        r#"{{"time":"{time}","level":"{level}","module":"{module}","thread":"{thread}","message":"{message}"{more}}}"#
    )
}

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
    testing::assert_goes_on_together(&stream.findings);
    let open = &stream.findings[0];
    assert!(open.count <= 25 && open.kind == "exact" && open.summary.sentence.contains("m3"), "{open:?}");
    assert_eq!(open.evidence.examples(), ["cannot bind port"]);
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
        assert_eq!(opened[0].own_members()["period"], period);
        assert_eq!(opened[0].evidence.examples().len() as i64, period);
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
    assert_eq!((opened[0].kind.as_str(), &opened[0].own_members()["counter"][0]), ("counter", &serde_json::json!(0)));
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
fn an_actor_that_works_between_the_rounds_is_caught_by_the_line_itself() {
    let mut stream = Stream::warmed();
    let mut chance = 1_u64;
    for i in 0..60 {
        stream.put(T + i * 40, "INFO", "m3", "request 7 goes back to the queue");
        // One to six other lines between, so that no lag holds.
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        for k in 0..=(chance >> 60) % 6 {
            stream.put(T + i * 40 + k as i64, "INFO", "m3", &format!("request {i} step {k}"));
        }
    }
    stream.put(T + 60_000, "INFO", "m1", "work goes on");
    let opened = stream.opened();
    assert_eq!(opened.len(), 1, "{opened:?}");
    let open = opened[0];
    assert!(open.kind == "exact" && open.count <= 25 && open.summary.sentence.contains("m3"), "{open:?}");
    assert_eq!(open.evidence.examples(), ["request 7 goes back to the queue"]);
    let last = stream.findings.iter().rfind(|finding| finding.id == open.id).unwrap();
    assert_eq!((last.state, last.count), (State::Resolved, 60));
}

#[test]
fn what_many_say_once_or_at_their_own_pace_is_no_loop() {
    let mut stream = Stream::warmed();
    for pod in 0..50 {
        let line = |message: &str, time: i64| {
            let time = Timestamp::from_millis(1_767_225_600_000 + T + time);
            format!(r#"{{"time":"{time}","level":"INFO","module":"m3","host":"pod-{pod}","message":"{message}"}}"#)
        };
        (0..3).for_each(|i| stream.line(&line("configuration was read again", pod + i * 60)));
    }
    // A service is rolled out: fifty new pods, whose heartbeats are one line.
    for i in 0..3_000 {
        let time = Timestamp::from_millis(1_767_225_600_000 + T + 10_000 + i * 20);
        let pod = i % 50;
        stream.line(&format!(
            r#"{{"time":"{time}","level":"INFO","module":"new","host":"pod-{pod}","message":"alive"}}"#
        ));
    }
    assert_eq!(stream.findings, []);
}

#[test]
fn a_cycle_that_never_rests_is_a_loop_however_long_its_round() {
    let mut stream = Stream::warmed();
    for i in 0..160 {
        stream.put(T + i * 150, "INFO", "m3", &format!("state {}", char::from(b'a' + (i % 10) as u8)));
        // The same ten lines as a list that is worked off each second.
        if i % 10 == 0 {
            (0..10).for_each(|k| {
                stream.put(T + i * 150 + k, "INFO", "timer", &format!("task {}", char::from(b'a' + k as u8)))
            });
        }
    }
    let opened = stream.opened();
    assert_eq!(opened.iter().map(|finding| finding.key.0[0].1.as_str()).collect::<Vec<_>>(), ["m3"]);
    assert_eq!(opened[0].own_members()["period"], 10);
}

#[test]
fn a_hundred_thousand_lines_a_second_are_one_incident() {
    for period in [1_i64, 16] {
        let mut stream = Stream::warmed();
        for i in 0..20_000 {
            let time = Timestamp((1_767_225_600_000 + T) * 1_000_000 + i * 10_000);
            let step = i % period;
            stream.line(&format!(
                r#"{{"time":"{time}","level":"INFO","module":"m3","thread":"t","message":"step {step}"}}"#
            ));
        }
        let opened = stream.opened();
        assert_eq!((opened.len(), opened[0].own_members()["period"].as_i64()), (1, Some(period)));
        assert!((1..=25).contains(&opened[0].own_members()["repeats"].as_u64().unwrap()), "{:?}", opened[0]);
    }
}

#[test]
fn a_trace_is_one_line_of_a_cycle() {
    let trace = "java.io.IOException: closed\n\tat c.f.Queue.take(Queue.java:42)\n\tat c.f.Worker.run(Worker.java:7)\n";
    let mut stream = Stream::warmed();
    for i in 0..30 {
        let time = Timestamp::from_millis(1_767_225_600_000 + T + i * 20).to_string();
        let date = time.trim_end_matches('Z').replace('T', " ");
        stream.line(&format!("{date} INFO [main] c.f.Queue - taking"));
        stream.line(&format!("{date} ERROR [main] c.f.Queue - cannot take"));
        trace.lines().for_each(|line| stream.line(line));
    }
    let opened = stream.opened();
    assert_eq!(opened.len(), 1, "{opened:?}");
    assert_eq!((opened[0].kind.as_str(), &opened[0].own_members()["period"]), ("cycle", &serde_json::json!(2)));
}

#[test]
fn one_trace_in_a_field_is_one_line_whatever_its_line_numbers() {
    let mut stream = Stream::warmed();
    for i in 0..30 {
        stream.put(
            T + i * 20,
            "ERROR",
            "m3",
            &format!("boom\\na.BError: x\\n\\tat c.D$$Lambda${i}/0x00f{i}.e(D.java:{i})"),
        );
    }
    assert_eq!(stream.opened().len(), 1, "{:?}", stream.opened());
}

#[test]
fn warnings_about_a_few_peers_in_turn_are_one_loop() {
    let mut stream = Stream::warmed();
    for i in 0..60_u64 {
        // No fixed order, as a sampling shipper leaves it.
        let peer = 2 + i * i * 7 % 5 % 2;
        stream.put(T + i as i64 * 700, "WARN", "m3", &format!("cannot open a channel to peer {peer} at 10.0.0.{peer}"));
        stream.put(T + i as i64 * 700 + 1, "WARN", "m5", &format!("slow block {} skipped", i * i * 31 % 977));
    }
    let opened = stream.opened();
    assert_eq!(opened.iter().map(|open| open.key.0[0].1.as_str()).collect::<Vec<_>>(), ["m3"]);
    let (kind, variants) = (opened[0].kind.as_str(), opened[0].own_members()["variants"].as_u64());
    assert_eq!((kind, variants), ("exact", Some(2)), "{:?}", opened[0]);
    assert!(opened[0].summary.sentence.contains(" in 2 variants, "), "{}", opened[0].summary);
}

#[test]
fn attempts_that_come_in_each_on_a_new_connection_are_a_loop_and_a_check_by_the_clock_is_not() {
    let mut stream = Stream::warmed();
    for i in 0..400 {
        let mut login = |module: &str, process: i64| {
            let time = Timestamp::from_millis(1_767_225_600_000 + T + i * 2_000);
            stream.line(&format!(
                r#"{{"time":"{time}","host":"h","module":"{module}","pid":{process},"message":"login refused, user=root from 10.9.9.9"}}"#
            ));
        };
        login("sshd", 10_000 + i * 2);
        if i % 5 == 0 {
            login("check", 10_001 + i * 2);
        }
        stream.put(T + i * 2_000, "INFO", "m4", &format!("row {i} written"));
    }
    let opened = stream.opened();
    assert_eq!(opened.len(), 1, "{opened:?}");
    assert_eq!(opened[0].key.0.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>(), ["sshd", "h"]);
    assert!(opened[0].summary.sentence.contains("from a new thread each time"), "{}", opened[0].summary);
}

#[test]
fn a_line_that_always_comes_in_clusters_is_no_loop_until_it_does_not_stop() {
    let mut stream = Stream::warmed();
    let mut say = |milliseconds: i64, thread: i64| {
        let time = Timestamp::from_millis(1_767_225_600_000 + T + milliseconds);
        stream.line(&format!(
            r#"{{"time":"{time}","level":"INFO","module":"m3","thread":"t{thread}","message":"recalculating the schedule"}}"#
        ));
    };
    for cluster in 0..80 {
        let lines = 12 + cluster * cluster * 7 % 17;
        (0..lines).for_each(|i| say(cluster * 30_000 + i * 90, i % 3));
    }
    (0..300).for_each(|i| say(2_400_000 + i * 90, i % 3));
    stream.put(T + 2_500_000, "INFO", "m4", "later");
    let opened = stream.opened();
    let late: Vec<_> =
        opened.iter().map(|open| open.opened_at.0 > (1_767_225_600_000 + T + 2_400_000) * 1_000_000).collect();
    assert_eq!(late, [true], "{opened:?}");
}

#[test]
fn one_request_that_keeps_failing_is_no_timer() {
    let mut stream = Stream::warmed();
    for i in 0..40 {
        let time = Timestamp::from_millis(1_767_225_600_000 + T + i * 1_000);
        stream.line(&format!(r#"{{"time":"{time}","level":"INFO","module":"web","message":"GET /x","status":504}}"#));
        stream.put(T + i * 1_000, "INFO", "m4", &format!("row {i} written"));
    }
    assert_eq!(stream.opened().len(), 1, "{:?}", stream.findings);
}

#[test]
fn lines_out_of_order_last_from_the_earliest_to_the_latest() {
    let told = |opened: &str, resolved: &str, message: &dyn Fn(i64) -> String| {
        let mut stream = Stream::warmed();
        // As a shipper sends a backlog whose chunks overtake each other: the latest comes first.
        (0..100).rev().for_each(|i| stream.put(T + i * 100, "ERROR", "m3", &message(i)));
        stream.put(T + 60_000, "INFO", "m1", "work goes on");
        let said: Vec<_> = stream.findings.iter().map(|finding| finding.summary.to_string()).collect();
        assert!(said.first().is_some_and(|said| said.contains(opened)), "{opened}: {said:?}");
        assert!(
            said.last().is_some_and(|said| !said.contains("events in 0.0 s") && said.contains(resolved)),
            "{resolved}: {said:?}"
        );
    };
    told("9 times in 0.8 s", "in 9.9 s", &|_| "cannot bind port".into());
    told("in 0.8 s, only a number in it counts from 99", "in 9.9 s", &|i| format!("attempt {i} of 100 failed"));
    told("4 times in 0.9 s", "33 times in 9.7 s", &|i| format!("step {} failed", char::from(b'a' + (i % 3) as u8)));
    let mut stream = Stream::warmed();
    (0..100).for_each(|_| stream.put(T + 1, "ERROR", "m3", "cannot bind port"));
    assert_eq!(stream.opened()[0].summary.sentence, "loop in m3 (thread t): “cannot bind port” 9 times at one moment");
}

/// As container runtimes split it, a line counts once, and its level stands in its first part.
#[test]
fn a_line_in_parts_counts_once_with_its_level() {
    for split in [0, 9_000, 30] {
        let mut stream = Stream::warmed();
        for i in 0..40 {
            let time = Timestamp::from_millis(1_767_225_600_000 + T + i * 20);
            let said = "a row of the batch ".repeat(700);
            let line = format!("2026-01-01 00:10:00,{i:03} ERROR [main] c.f.Writer - cannot write {said}");
            let (first, rest) = line.split_at(split);
            if !first.is_empty() {
                stream.line(&format!("{time} stderr P {first}"));
            }
            stream.line(&format!("{time} stderr F {rest}"));
        }
        let opened: Vec<_> = stream.findings.iter().filter(|found| found.state == State::Open).collect();
        assert_eq!(opened.len(), 1, "split at {split}: {opened:?}");
        let open = opened[0];
        assert_eq!((open.count, open.severity, open.key.0[0].1.as_str()), (9, Severity::Critical, "c.f.Writer"));
    }
}

#[test]
fn a_counters_learned_rate_follows_merges() {
    let mut learned = Learned::new();
    let [from, into] = [TemplateId(1), TemplateId(2)].map(template_key);
    (0..10).for_each(|_| _ = learned.count(from));
    (0..5).for_each(|_| _ = learned.count(into));
    learned.merge(from, into);
    assert_eq!(learned.count(into), 16);
}
