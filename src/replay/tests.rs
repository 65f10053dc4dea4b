//! Tests of whole replays: files in, findings and a report out.

use super::document::Report;
use super::judged::JudgedTimes;
use super::merge::Merge;
use super::report::{Style, render};
use super::source::{LogSource, Opened};
use super::summary::{ReportOptions, Summary};
use super::{Observer, compare_clocks, run};
use crate::command::load;
use crate::demo::{FaultKind, Shop, ShopOptions};
use crate::engine::Engine;
use crate::engine::detector::judged::Judged;
use crate::engine::finding::{Finding, Severity};
use crate::event::lines::Lines;
use crate::io::outputs::Outputs;
use crate::io::shutdown::Progress;
use crate::io::source::{LineFrontend, LineSource};
use crate::io::stdio::StandardInput;
use crate::output::OutputEncoder;
use crate::pipeline::Pipeline;
use crate::terminal::Paint;
use std::io::{Seek, Write};
use std::sync::Arc;

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Observer for Findings {
    fn batch(&mut self) {}

    fn finding(&mut self, finding: &Finding) -> std::io::Result<()> {
        self.0.push(finding.clone());
        Ok(())
    }
}

fn source(name: &str, text: &str, shift: i64) -> LogSource {
    let loaded = load(&Default::default()).unwrap();
    let input = Box::new(std::io::Cursor::new(text.as_bytes().to_vec()));
    let opened = Opened { name: name.into(), input, length: None };
    LogSource::new(opened, Lines::new(1 << 20), loaded.parser().unwrap(), shift).unwrap()
}

/// The report and the findings of a replay of these files.
fn replay(files: &[(&str, &str)], shifts: &[i64], limit: usize) -> (Report, Vec<Finding>) {
    let loaded = load(&Default::default()).unwrap();
    let shift = |i: usize| shifts.get(i).copied().unwrap_or(0);
    let sources = files.iter().enumerate().map(|(i, (name, text))| source(name, text, shift(i))).collect();
    let (mut merge, mut summary, mut findings) = (Merge::new(sources), Summary::new(files.len()), Findings::default());
    summary = summary.with_judged(JudgedTimes::new(&loaded.config.detector));
    let tally = run(&|| loaded.engine(), &mut merge, &mut summary, &mut findings).unwrap();
    let clocks = summary.clocks();
    let options = ReportOptions { columns: 54, limit, elapsed_s: 0.5 };
    (summary.report(merge.sources(), &tally, &clocks, shifts, options), findings.0)
}

fn page(report: &Report) -> String {
    render(report, Style::new(80, Paint { colour: false }))
}

fn shop() -> String {
    let faults = FaultKind::parse_list("loops").unwrap();
    let options = ShopOptions { seed: 3, rate: 15.0, duration_s: 1_200, faults, ..ShopOptions::default() };
    Shop::new(options).unwrap().map(|event| event.line + "\n").collect()
}

/// An observer that ignores everything.
struct Unwatched;

impl crate::pipeline::Observer for Unwatched {
    fn batch(&mut self, _: &mut Engine, _: usize, _: usize, _: f64) {}
    fn aside(&mut self, _: &crate::engine::Outcome) {}
    fn fault(&mut self, _: crate::event::Fault) {}
    fn unheard(&mut self, _: &[Finding]) {}
}

/// All findings, in order, that the filter writes for `text` on its standard input.
fn live(text: &str) -> Vec<serde_json::Value> {
    let loaded = load(&Default::default()).unwrap();
    let (mut input, mut output) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    input.write_all(text.as_bytes()).unwrap();
    input.rewind().unwrap();
    let stop = rustix::event::eventfd(0, rustix::event::EventfdFlags::CLOEXEC).unwrap();
    let front = LineFrontend {
        lines: Lines::new(1 << 20),
        parser: loaded.parser().unwrap(),
        join_timeout: std::time::Duration::ZERO,
    };
    let mut pipeline = Pipeline {
        fresh: &|| loaded.engine(),
        new_rules: &|| None,
        encoder: OutputEncoder::new(loaded.config.encoder_options()),
        observer: Unwatched,
        progress: Arc::new(Progress::default()),
    };
    let mut outputs = Outputs::new(Some(output.try_clone().unwrap().into()), Vec::new(), Arc::default());
    pipeline.run(vec![Box::new(LineSource { input: StandardInput::new(input, stop), front })], &mut outputs).unwrap();
    output.rewind().unwrap();
    let written = std::io::read_to_string(output).unwrap();
    written
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok()?.get("anomalies").cloned())
        .flat_map(|found| found.as_array().unwrap().clone())
        .collect()
}

#[test]
fn a_replay_finds_what_the_filter_found() {
    let text = shop();
    let (_, findings) = replay(&[("shop", &text)], &[], 50);
    let findings: Vec<_> = findings.iter().map(|finding| serde_json::to_value(finding).unwrap()).collect();
    assert!(findings.len() > 5);
    assert_eq!(findings, live(&text));
}

#[test]
fn a_stream_in_two_files_is_found_as_in_one() {
    let text = shop();
    let (mut even, mut odd) = (String::new(), String::new());
    for (i, line) in text.lines().enumerate() {
        let file = if i / 7 % 2 == 0 { &mut even } else { &mut odd };
        file.push_str(line);
        file.push('\n');
    }
    let ids = |findings: Vec<Finding>| findings.into_iter().map(|finding| finding.id).collect::<Vec<_>>();
    let whole = ids(replay(&[("whole", &text)], &[], 50).1);
    assert_eq!(ids(replay(&[("even", &even), ("odd", &odd)], &[], 50).1), whole);
}

/// The log of a small service: steady work, and a retry in a loop.
fn service() -> String {
    let mut text = String::new();
    for i in 0..600_i64 {
        let (minute, second) = (i / 60, i % 60);
        text += &format!(
            "2026-03-02 08:{minute:02}:{second:02},000 - orders - INFO - order {} accepted from 10.0.0.{}\n",
            9_000 + i * 7,
            i % 90
        );
        if (400..405).contains(&i) {
            for tenth in 0..10 {
                text += &format!("2026-03-02 08:{minute:02}:{second:02},{tenth}50 - db - ERROR - connection refused\n");
            }
        }
    }
    text + "{\"cut\n"
}

#[test]
fn the_report_reads_as_it_should() {
    let (report, _) = replay(&[("app.log", &service())], &[], 50);
    let golden = include_str!("golden.txt");
    let page = page(&report);
    assert_eq!(page, golden, "\n{page}");
    assert!(page.lines().all(|line| line.chars().count() <= 80));
}

#[test]
fn colours_change_nothing_but_colours() {
    let (report, _) = replay(&[("app.log", &service())], &[], 50);
    let coloured = render(&report, Style::new(80, Paint { colour: true }));
    assert!(coloured.contains("\x1b[1;31m"));
    let plain: String = coloured.lines().map(|line| crate::terminal::layout::without_control(line) + "\n").collect();
    assert_eq!(plain, page(&report));
}

#[test]
fn what_is_over_the_limit_is_counted() {
    let (report, findings) = replay(&[("shop", &shop())], &[], 1);
    let opened = findings.iter().filter(|finding| finding.state == crate::engine::finding::State::Open).count();
    assert_eq!((report.incidents.len(), report.incidents_omitted as usize), (1, opened - 1));
    assert!(page(&report).contains("--limit shows more"));
}

#[test]
fn nothing_is_reported_as_nothing() {
    for (files, says) in [
        (&[("empty", "")][..], "no event tells one"),
        (&[("text", "no time\nat all\n")], "0 of 2 events have a time"),
        (&[("a", ""), ("b", "")], "whether b and a agree is unknown (no shared trace ids)"),
    ] {
        let page = page(&replay(files, &[], 50).0);
        assert!(page.split_whitespace().collect::<Vec<_>>().join(" ").contains(says), "{page}");
    }
}

#[test]
fn clocks_that_disagree_are_found_and_corrected() {
    let file = |hours: i64| -> String {
        (0..1_204)
            .map(|i| {
                let time = crate::event::Timestamp::from_seconds(1_772_438_400 + i + hours * 3_600);
                format!("{{\"time\":\"{time}\",\"msg\":\"work\",\"trace_id\":\"{:032x}\"}}\n", i + 1)
            })
            .collect()
    };
    let (a, b) = (file(0), file(3));
    let (report, _) = replay(&[("a.log", &a), ("b.log", &b)], &[], 50);
    let says = "b.log is about 3 h 0.0 s ahead of a.log (by 1,204 shared trace ids, ± 0.0 s)";
    let page = page(&report).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(page.contains(says) && page.contains("time zones"), "{page}");
    assert_eq!(report.duration_s, 10_800.0 + 1_203.0);

    let found = compare_clocks(vec![source("a", &a, 0), source("b", &b, 0)], &mut Findings::default());
    let correction = found[0].correction.unwrap();
    assert_eq!(correction, -10_800_000_000_000);
    let (report, _) = replay(&[("a.log", &a), ("b.log", &b)], &[0, correction], 50);
    assert_eq!((report.duration_s, report.files[1].correction_s), (1_203.0, -10_800.0));
}

#[test]
fn what_could_not_be_judged_from_the_first_line_on_is_said() {
    let steady = |seconds: i64| -> String {
        let line = |i| format!("2026-03-02 08:{:02}:{:02},000 - orders - INFO - order {i} accepted\n", i / 60, i % 60);
        (0..seconds).map(line).collect()
    };
    let (report, _) = replay(&[("app.log", &steady(700))], &[], 50);
    let part = |what: Judged| report.judged.iter().find(|part| part.what == what).unwrap();
    let warnings = part(Judged::Warnings);
    assert_eq!((warnings.detector, warnings.after_s), ("burst", 600.0));
    assert_eq!(warnings.from.map(|from| from.0.to_string()), Some("2026-03-02T08:10:00Z".into()));
    assert!(report.judged.iter().all(|part| part.what != Judged::Errors && part.what != Judged::Stalls));
    let words = page(&report).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("bursts of warnings judged from 08:10:00 on"), "{words}");
    // A file that ends before.
    let (report, _) = replay(&[("short.log", &steady(5))], &[], 50);
    assert!(page(&report).contains("too short to judge"), "{}", page(&report));
}

#[test]
fn the_document_has_stable_names() {
    let (report, _) = replay(&[("app.log", &service())], &[], 50);
    let json = serde_json::to_value(&report).unwrap();
    let names: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = "clocks counts_exact duration_s elapsed_s events failures faults files first gaps incidents \
        incidents_omitted judged last levels lines lines_per_s messages modules modules_total opened outside rule_failure \
        situations timeline unread untimed version";
    assert_eq!(names.join(" "), expected);
    assert_eq!(json["incidents"][0]["detector"], "loop");
    assert_eq!(json["timeline"]["start"], "2026-03-02T08:00:00Z");
    assert_eq!(json["levels"]["ERROR"], 50);
}

#[test]
fn an_incident_is_reported_as_bad_as_it_ever_was_with_all_that_was_found_out_about_it() {
    let finding = |state: &str, severity: &str, more: &str| -> Finding {
        serde_json::from_str(&format!(
            r#"{{"id":"a","detector":"burst","kind":"surge","state":"{state}","severity":"{severity}",
                "opened_at":"2026-03-02T08:00:00Z","summary":"errors in web"{more}}}"#
        ))
        .unwrap()
    };
    let told = [
        finding("open", "warning", r#","context":["led up to it"]"#),
        finding("ongoing", "critical", r#","cause":"the disk is full","remedy":"make room""#),
        finding("ongoing", "warning", ""),
        finding("resolved", "critical", ""),
    ];
    let mut summary = Summary::new(0);
    told.iter().for_each(|finding| summary.finding(finding));
    let at_least = Severity::ALL.map(|severity| summary.opened_at_least(severity));
    assert_eq!(at_least, [1, 1, 1], "it is one incident, and it was critical");
    let options = ReportOptions { columns: 54, limit: 10, elapsed_s: 0.5 };
    let report = summary.report(&[], &Default::default(), &[], &[], options);
    let [incident] = &report.incidents[..] else { panic!("{:?}", report.incidents) };
    assert_eq!(incident.finding.severity, Severity::Critical);
    assert_eq!(incident.finding.cause.as_deref(), Some("the disk is full"));
    assert_eq!(incident.finding.remedy.as_deref(), Some("make room"));
    assert_eq!(incident.finding.context, ["led up to it"]);
    assert!(page(&report).contains("1 critical"), "{}", page(&report));
}

/// The report of one file, including the analysis of missing roles.
fn whole_report(name: &str, text: &str) -> Report {
    let loaded = load(&Default::default()).unwrap();
    let host = super::source_names([std::path::Path::new(name)]).pop().unwrap();
    let mut merge = Merge::new(vec![source(name, text, 0).with_default_host(host)]);
    let evidence = crate::inspect::evidence::Evidence::new(loaded.time_context().unwrap());
    let unread = super::unread::UnreadRoles::new(1).explained(loaded.inspector().unwrap(), evidence);
    let mut summary = Summary::new(1).with_unread(unread);
    let tally = run(&|| loaded.engine(), &mut merge, &mut summary, &mut Findings::default()).unwrap();
    let options = ReportOptions { columns: 54, limit: 50, elapsed_s: 0.5 };
    summary.report(merge.sources(), &tally, &[], &[], options)
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(|i| line(i) + "\n").collect()
}

#[test]
fn what_most_events_lack_is_said_loudly_and_what_looks_like_it() {
    let text = lines(1_200, |i| {
        format!(
            r#"{{"zeitpunkt":"2026-03-02T09:{:02}:{:02}Z","gravity":"{}","text":"sold {i}"}}"#,
            i / 60,
            i % 60,
            ["info", "error"][i % 2]
        )
    });
    let report = whole_report("shop logs.json", &text);
    let page = page(&report).split_whitespace().collect::<Vec<_>>().join(" ");
    for expected in [
        "unread 0 of 1,200 events have a time: `zeitpunkt` looks like one",
        "0 of 1,200 events have a level: `gravity` looks like one",
        "seismolog inspect --summary 'shop logs.json' says what was read and what to set",
    ] {
        assert!(page.contains(expected), "{expected} in\n{page}");
    }
    assert!(!page.contains("without a time of their own"), "said twice in\n{page}");
    let html = super::html::render(&report);
    assert!(html.contains("<p>0 of 1,200 events have a time: `zeitpunkt` looks like one</p>"), "{html}");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["unread"][0]["role"], "timestamp");
    assert_eq!((&json["unread"][0]["without"], &json["unread"][0]["looks_like"]), (&1_200.into(), &"zeitpunkt".into()));
}

/// Nothing is reported if everything that the lines hold is parsed, even if they lack roles.
#[test]
fn nothing_is_said_of_what_is_read() {
    let clock = |i: usize| format!("09:{:02}:{:02}", i / 60 % 60, i % 60);
    for text in [
        lines(300, |i| format!("2026-03-02 {} INFO started job {i}", clock(i))),
        // Requests that have a status but no level.
        lines(300, |i| {
            format!(
                r#"{{"time":"2026-03-02T{}Z","message":"request","path":"/a","status":200,"duration_ms":{i}}}"#,
                clock(i)
            )
        }),
        // A log that consists mostly of stack traces.
        lines(100, |i| {
            let frames = "\n\tat a.b.C.run(C.java:1)".repeat(9);
            format!("2026-03-02 {} ERROR a.b.C: failed\njava.io.IOException: broken pipe{frames}", clock(i))
        }),
        // Half of the lines, but not more, have no level.
        lines(300, |i| format!("2026-03-02 {} {}worked {i}", clock(i), ["INFO ", ""][i % 2])),
    ] {
        let report = whole_report("app.log", &text);
        assert_eq!(report.unread, [], "of\n{}", &text[..200]);
        assert!(!page(&report).contains("unread"));
    }
    // A missing module is only reported if a member looks like one; a missing time always is.
    let report = whole_report("app.log", &lines(30, |i| format!("worked {i}")));
    let said: Vec<_> = report.unread.iter().map(|unread| (unread.role, unread.looks_like.clone())).collect();
    assert_eq!(said, [("timestamp", None), ("level", None)]);
}

#[test]
fn a_file_names_the_host_of_events_that_name_none() {
    let line = |i: usize, host: &str| {
        let (level, text) = if (400..460).contains(&i) { ("ERROR", "connection refused") } else { ("INFO", "served") };
        let (seconds, millis) = if (400..460).contains(&i) { (400, (i - 400) * 50) } else { (i, 0) };
        format!(
            r#"{{"time":"2026-03-02T09:{:02}:{:02}.{millis:03}Z","level":"{level}","module":"db"{host},"message":"{text}"}}"#,
            seconds / 60,
            seconds % 60 + millis / 1_000
        )
    };
    let hosts = |name: &str, host: &str| -> Vec<Option<String>> {
        let report = whole_report(name, &lines(600, |i| line(i, host)));
        assert!(!report.incidents.is_empty(), "{name}");
        let key = |incident: &super::document::Incident| {
            incident.finding.key.0.iter().find(|(name, _)| name == "host").map(|(_, value)| value.clone())
        };
        report.incidents.iter().map(key).filter(Option::is_some).collect()
    };
    let named = hosts("logs/shop_cart-7c9f-k2x_0.log", "");
    assert!(!named.is_empty() && named.iter().all(|host| host.as_deref() == Some("cart-7c9f-k2x")), "{named:?}");
    let named = hosts("logs/shop_cart-7c9f-k2x_0.log", r#","host":"web-1""#);
    assert!(!named.is_empty() && named.iter().all(|host| host.as_deref() == Some("web-1")), "{named:?}");
    assert!(hosts("-", "").is_empty());
}
