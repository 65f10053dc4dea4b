//! Tests the metrics of a running filter.

use crate::support::{Ended, Filter, event, golden_input, run, until};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The address at which a filter with `--metrics` serves them, as its log says.
#[track_caller]
pub(crate) fn address(filter: &Filter) -> String {
    filter.hear("metrics at http://").strip_suffix("/metrics").unwrap().to_owned()
}

/// Status and body of a GET request.
pub(crate) fn get(address: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap_or_else(|error| panic!("{address}: {error}"));
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no HTTP: {answer}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("no status: {head}")), body.to_owned())
}

/// All samples of a metrics page, by name with labels.
pub(crate) fn samples(page: &str) -> BTreeMap<String, f64> {
    page.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        })
        .collect()
}

/// Starts a filter and feeds it `input`. Returns the filter with its input still open, its metrics
/// page, and its address.
fn fed(args: &[&str], input: &[u8]) -> (Filter, String, String) {
    let mut filter = Filter::in_pipes(&[args, &["--metrics", "127.0.0.1:0"]].concat());
    let address = address(&filter);
    filter.feed(input);
    let page = until("counting of all that was fed", || {
        let page = get(&address, "/metrics").1;
        (samples(&page)["seismolog_read_bytes_total"] >= input.len() as f64).then_some(page)
    });
    // Counters are updated one after the other, bytes first, so the page is read until it no longer
    // changes.
    let page = until("a page that stays", || {
        let (one, two) = (get(&address, "/metrics").1, get(&address, "/metrics").1);
        (one == two && one == page || stable(&one) == stable(&two)).then_some(two)
    });
    (filter, page, address)
}

/// The page without values that the clock changes.
fn stable(page: &str) -> Vec<&str> {
    page.lines().filter(|line| !line.contains("watermark_lag")).collect()
}

#[test]
fn what_events_lack_is_counted() {
    let mut input = String::new();
    for i in 0..10 {
        input += &format!("{{\"zeit\":\"2026-03-02T09:00:{i:02}Z\",\"message\":\"{i}\",\"path\":\"/a\"}}\n");
    }
    input += "2026-03-02 09:00:00 ERROR a.b.C: failed\njava.io.IOException: x\n\tat a.b.C.d(C.java:1)\n";
    // Roles are not expected of a blank line or of truncated JSON.
    input += "\n{\"cut\":\n";
    let (filter, page, _) = fed(&["--no-shipped-rules"], input.as_bytes());
    let got = samples(&page);
    for (role, expected) in [("timestamp", 10.0), ("level", 10.0), ("module", 10.0), ("operation", 1.0)] {
        assert_eq!(got[&format!("seismolog_unread_total{{role=\"{role}\"}}")], expected, "{role} in\n{page}");
    }
    drop(filter);
}

#[test]
fn every_event_is_counted_once() {
    let mut input = String::new();
    let mut levels = BTreeMap::new();
    for (i, level) in ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"].into_iter().enumerate() {
        for n in 0..=i {
            input += &format!("{{\"level\":\"{level}\",\"message\":\"{n} of {level}\"}}\n");
        }
        levels.insert(level, i as f64 + 1.0);
    }
    input += "{\"message\":\"no level\"}\nplain text\n\n  \n{\"cut\":\n{\"cut\":[\n[1,2]\nnull\n\"x\"\n";
    let mut input = input.into_bytes();
    input.extend(b"\xff\n");
    // Two lines without a level, two truncated, three that are no object, one that is no UTF-8;
    // blank lines are no events.
    levels.insert("none", 8.0);
    input.extend(b"{\"source\":\"seismolog\",\"level\":\"WARN\",\"message\":\"upstream\",\"anomalies\":[]}\n");

    let (filter, page, _) = fed(&["--no-shipped-rules", "--log", "stderr"], &input);
    let got = samples(&page);
    for (level, count) in levels {
        assert_eq!(got[&format!("seismolog_events_total{{level=\"{level}\"}}")], count, "{level}");
    }
    assert_eq!(got["seismolog_faults_total{kind=\"json\"}"], 2.0);
    assert_eq!(got["seismolog_faults_total{kind=\"not_an_object\"}"], 3.0);
    assert_eq!(got["seismolog_faults_total{kind=\"utf8\"}"], 1.0);
    assert_eq!(got["seismolog_read_bytes_total"], input.len() as f64);
    assert!(got.keys().any(|name| name.starts_with("seismolog_build_info{version=")), "{page}");
    let Ended { stdout, code, .. } = filter.finish();
    assert_eq!(code, Some(0));
    assert_eq!(got["seismolog_written_bytes_total"], stdout.len() as f64);
}

#[test]
fn long_lines_and_members_that_do_not_fit_are_faults() {
    let (_folder, config) = crate::support::configured("[input]\nmax_line_bytes = 1024\n");
    let long = format!("{{\"level\":\"ERROR\",\"x\":\"{}\"}}\n", "x".repeat(300_000));
    let (filter, page, _) = fed(&["--log", "stderr", "-c", &config], long.as_bytes());
    let got = samples(&page);
    assert_eq!(got["seismolog_faults_total{kind=\"line_too_long\"}"], 1.0);
    assert_eq!(got["seismolog_events_total{level=\"none\"}"], 1.0, "one line is one event, however many pieces");
    assert_eq!(filter.finish().code, Some(0));

    let (filter, page, _) = fed(&["--no-shipped-rules"], &golden_input("member_is_a_string"));
    let got = samples(&page);
    assert!(got["seismolog_faults_total{kind=\"member\"}"] >= 1.0, "{page}");
    assert_eq!(got["seismolog_findings_total{detector=\"loop\",severity=\"warning\"}"], 1.0);
    assert_eq!(filter.finish().code, Some(0));
}

#[test]
fn findings_and_open_incidents_are_counted() {
    let (filter, _, address) = fed(&["--no-shipped-rules"], &golden_input("loop_open_at_the_end"));
    // The metrics of tables are updated every few seconds.
    let got = until("a look at the tables", || {
        let got = samples(&get(&address, "/metrics").1);
        got.contains_key("seismolog_table_keys{table=\"loop_actors\"}").then_some(got)
    });
    assert_eq!(got["seismolog_findings_total{detector=\"loop\",severity=\"warning\"}"], 1.0);
    assert_eq!(got["seismolog_findings_total{detector=\"loop\",severity=\"critical\"}"], 0.0);
    assert_eq!(got["seismolog_open_incidents{detector=\"loop\"}"], 1.0);
    assert!(got["seismolog_table_keys{table=\"loop_actors\"}"] >= 2.0, "{got:?}");
    assert!(got["seismolog_watermark_lag_seconds"] > 0.0);
    assert!(got["seismolog_batch_duration_seconds_count"] >= 1.0);
    let written = got["seismolog_written_bytes_total"];
    assert_eq!(filter.finish().stdout.len() as f64, written);

    let (filter, page, _) = fed(&["--no-shipped-rules"], &golden_input("loop_opens_goes_on_resolves"));
    let got = samples(&page);
    assert_eq!(got["seismolog_findings_total{detector=\"loop\",severity=\"warning\"}"], 1.0);
    assert_eq!(got["seismolog_open_incidents{detector=\"loop\"}"], 0.0);
    assert_eq!(filter.finish().code, Some(0));
}

#[test]
fn late_events_are_counted() {
    let mut input: String = (0..500).map(event).collect();
    input.extend([r#"{"timestamp":"2026-03-01T23:59:40.001Z","level":"INFO","message":"late"}"#, "\n"]);
    let (filter, page, _) = fed(&["--no-shipped-rules"], input.as_bytes());
    assert_eq!(samples(&page)["seismolog_late_events_total"], 1.0);
    assert_eq!(filter.finish().code, Some(0));
}

#[test]
fn health_and_readiness_are_told() {
    let (mut filter, _, address) = fed(&[], event(0).as_bytes());
    assert_eq!(get(&address, "/healthz"), (200, "ok\n".into()));
    assert_eq!(get(&address, "/readyz"), (200, "ready\n".into()));
    assert_eq!(get(&address, "/nothing").0, 404);
    assert_eq!(get(&address, "/").0, 200);
    drop(filter.stdin.take());
    assert_eq!(filter.finish().code, Some(0));
    assert!(TcpStream::connect(&address).is_err(), "something still listens on {address}");
}

#[test]
fn promtool_finds_nothing_to_complain_about() {
    let mut input = golden_input("loop_open_at_the_end");
    input.extend(b"{\"cut\":\n\xff\n");
    let (filter, page, _) = fed(&["--log", "stderr"], &input);
    promtool_says_nothing_of(&page);
    assert_eq!(filter.finish().code, Some(0));
}

/// A rule that counts by a label with unbounded values.
const COUNTING: &str = "const RULE = #{};\nfn on_event(e) {\n    metric_inc(\"hits\", #{ user: e.user });\n    \
                        metric_set(\"depth\", 3);\n    metric_observe(\"took_seconds\", 0.3);\n}\n";

#[test]
fn series_of_rules_and_operations_are_bounded_and_what_has_none_is_counted() {
    let rules = tempfile::tempdir().unwrap();
    std::fs::write(rules.path().join("counting.rhai"), COUNTING).unwrap();
    // A hundred busy operations, then five hundred that occur once, so that the busiest are the
    // same at every update.
    let events: String = (0..1_500)
        .map(|i| {
            let operation = if i < 1_000 { i % 100 } else { i - 900 };
            let route = format!(
                "/op{}{}",
                char::from(b'a' + (operation / 26) as u8),
                char::from(b'a' + (operation % 26) as u8)
            );
            format!("{{\"time\":\"2026-03-02T08:00:00Z\",\"user\":\"u{i}\",\"route\":\"{route}\",\"duration_ms\":5}}\n")
        })
        .collect();
    let args = ["--no-shipped-rules", "--rules", rules.path().to_str().unwrap()];
    let (filter, _, address) = fed(&args, events.as_bytes());
    let values = |samples: &BTreeMap<String, f64>, family: &str| -> Vec<f64> {
        samples.iter().filter(|(name, _)| name.starts_with(family)).map(|(_, value)| *value).collect()
    };
    // The metrics of operations are updated every few seconds.
    let (page, samples, operations) = until("all operations", || {
        let page = get(&address, "/metrics").1;
        let samples = samples(&page);
        let operations = values(&samples, "seismolog_operation_duration_seconds_count{");
        let hits = values(&samples, "seismolog_rule_hits_total{").iter().sum::<f64>();
        (hits == 1_500.0 && operations.iter().sum::<f64>() == 1_500.0).then_some((page, samples, operations))
    });
    let dropped = |metric: &str| samples[&format!("seismolog_series_dropped_total{{metric=\"seismolog_{metric}\"}}")];
    let hits = values(&samples, "seismolog_rule_hits_total{");
    assert!(hits.len() <= 1_001 && hits.iter().sum::<f64>() == 1_500.0, "{} series", hits.len());
    assert_eq!(samples["seismolog_rule_hits_total{user=\"other\"}"], dropped("rule_hits_total"));
    assert!(dropped("rule_hits_total") >= 498.0 && dropped("rule_depth") == 0.0);
    assert_eq!(operations.len(), 101);
    assert_eq!(dropped("operation_duration_seconds"), 500.0);
    promtool_says_nothing_of(&page);
    assert_eq!(filter.finish().code, Some(0));
}

#[track_caller]
fn promtool_says_nothing_of(page: &str) {
    let promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut promtool =
        promtool.unwrap_or_else(|error| panic!("promtool (Debian: apt install prometheus) is needed here: {error}"));
    promtool.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let said = promtool.wait_with_output().unwrap();
    let text = [said.stdout, said.stderr].concat();
    assert!(said.status.success() && text.is_empty(), "{}\nof\n{page}", String::from_utf8_lossy(&text));
}

#[test]
fn a_port_in_use_is_said_with_a_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let Ended { stdout, stderr, code } = run(&["--metrics", &address], b"{}\n");
    assert_eq!((code, stdout.len()), (Some(1), 0));
    assert!(stderr.contains(&format!("cannot listen for metrics on {address}")), "{stderr}");
    assert!(stderr.contains("hint: ") && stderr.contains(":0"), "{stderr}");
}

#[test]
fn nothing_listens_unless_asked_to() {
    for (args, sockets) in [(&[][..], 0), (&["--metrics", "127.0.0.1:0"], 1)] {
        let mut filter = Filter::in_pipes(args);
        filter.feed(event(0).as_bytes());
        assert_eq!(filter.line(), event(0));
        assert_eq!(listening_sockets(filter.id()), sockets, "{args:?}");
        assert_eq!(filter.finish().code, Some(0));
    }
}

/// How many sockets of a process the system lists as listening.
fn listening_sockets(process: u32) -> usize {
    let table = |kind: &str| std::fs::read_to_string(format!("/proc/{process}/net/{kind}"));
    // A system without IPv6 has the first table only.
    let tables = [table("tcp").unwrap(), table("tcp6").unwrap_or_default()].concat();
    let listening = tables.lines().filter(|line| line.split_whitespace().nth(3) == Some("0A"));
    let listening: Vec<_> = listening.map(|line| line.split_whitespace().nth(9).unwrap()).collect();
    let open = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap();
    open.filter(|entry| {
        let target = std::fs::read_link(entry.as_ref().unwrap().path()).unwrap().display().to_string();
        listening.iter().any(|inode| target == format!("socket:[{inode}]"))
    })
    .count()
}
