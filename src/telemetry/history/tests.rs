use super::*;
use crate::engine::finding::{Evidence, RuleEvidence};
use crate::engine::incident::{Incidents as Open, Opening, Policy};
use serde_json::Value;

fn opening(severity: Severity, module: &str, lines: usize) -> Opening {
    Opening {
        detector: DetectorName::Burst,
        kind: "surge".into(),
        rule: None,
        severity,
        key: crate::engine::finding::Key(vec![("module".into(), module.into())]),
        count: 8,
        score: 0.5,
        measured: Default::default(),
        evidence: Evidence::Rule(RuleEvidence { said: format!("errors of {module}") }),
        worst: None,
        cause: Some("a cause".into()),
        remedy: None,
        context: vec!["x".repeat(5_000); lines],
    }
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Opens `count` incidents, one per second; every second one is resolved at once.
fn filled(count: i64) -> History {
    filled_with(count, 0)
}

/// Like [`filled`], with `lines` context lines for each incident.
fn filled_with(count: i64, lines: usize) -> History {
    let history = History::new(Timestamp::default(), 100 << 20);
    let (mut open, mut findings) = (Open::new(Policy::default(), 100_000).with_limit(100_000), Vec::new());
    for i in 0..count {
        let severity = Severity::ALL[i as usize % 3];
        let at = Timestamp::from_seconds(1_700_000_000 + i);
        let id = open.open(opening(severity, &format!("m{i}"), lines), at, &mut findings);
        if i % 2 == 0 {
            open.resolve(id, at, &mut findings);
        }
        findings.drain(..).for_each(|finding| history.finding(&finding, Some("{\"a line\":1}"), false));
    }
    history
}

#[test]
fn the_list_is_filtered_and_cut_into_parts() {
    let history = filled(300);
    let list = |filter: &Filter| parsed(&history.incidents(filter));
    let all = list(&Filter::default());
    assert_eq!((all["matched"].as_u64(), all["incidents"].as_array().unwrap().len()), (Some(300), 100));
    assert_eq!(all["incidents"][0]["summary"], "errors of m299");
    let before = all["incidents"][99]["serial"].as_u64();
    let next = list(&Filter { before, ..Filter::default() });
    assert_eq!(next["incidents"][0]["summary"], "errors of m199");
    let some = |text: &str| Some(text.to_owned());
    let open = list(&Filter { state: some("open"), severity: some("critical"), ..Filter::default() });
    assert_eq!(open["matched"], 50);
    let words = list(&Filter { words: "M17 surge".into(), ..Filter::default() });
    assert_eq!(words["matched"], 11);
    let times = Filter { from_ms: Some(1_700_000_010_000), to_ms: Some(1_700_000_020_000), ..Filter::default() };
    assert_eq!(list(&times)["matched"], 10);
}

#[test]
fn what_is_open_and_worst_comes_first_and_parts_join() {
    let history = filled(30);
    let rows = |offset, limit| {
        let filter = Filter { worst_first: true, offset, limit: Some(limit), ..Filter::default() };
        let list = parsed(&history.incidents(&filter));
        assert_eq!(list["matched"], 30);
        list["incidents"].as_array().unwrap().clone()
    };
    let all = rows(0, 100);
    let of = |row: &Value| {
        let open = row["state"] != "resolved";
        (open, open.then(|| row["severity"].as_str().unwrap().to_owned()), row["serial"].as_u64().unwrap())
    };
    let (open, ended) = all.split_at(15);
    assert!(open.iter().all(|row| of(row).0) && ended.iter().all(|row| !of(row).0));
    let severities: Vec<_> = open.iter().map(|row| of(row).1.unwrap()).collect();
    assert_eq!(severities, [vec!["critical"; 5], vec!["warning"; 5], vec!["info"; 5]].concat());
    // Within each group the newest come first.
    for rows in open.chunks(5).chain([ended]) {
        assert!(rows.is_sorted_by_key(|row| std::cmp::Reverse(of(row).2)));
    }
    assert_eq!([rows(0, 12), rows(12, 12), rows(24, 12)].concat(), all);
}

#[test]
fn of_too_many_the_oldest_ended_ones_go_and_counts_stay_true() {
    let history = filled(15_000);
    let list = parsed(&history.incidents(&Filter::default()));
    assert_eq!((list["kept"].as_u64(), list["matched"].as_u64()), (Some(10_000), Some(10_000)));
    let status = parsed(&history.status(Timestamp::from_seconds(3)));
    let open: u64 = status["open"].as_array().unwrap().iter().filter_map(Value::as_u64).sum();
    let opened: u64 = status["opened"].as_array().unwrap().iter().filter_map(Value::as_u64).sum();
    assert_eq!((open, opened), (7_500, 15_000));
    let listed = parsed(&history.incidents(&Filter { state: Some("open".into()), ..Filter::default() }));
    assert_eq!(listed["matched"], 7_500);
}

#[test]
fn incidents_keep_to_their_bytes_lines_going_first() {
    let bytes = 1 << 20;
    let history = History::new(Timestamp::default(), bytes);
    let (mut open, mut findings) = (Open::new(Policy::default(), 100_000), Vec::new());
    let mut most = 0;
    for i in 0..5_000 {
        let at = Timestamp::from_seconds(1_700_000_000 + i);
        let id = open.open(opening(Severity::Warning, &format!("m{i}"), 3), at, &mut findings);
        if i != 0 {
            open.resolve(id, at, &mut findings);
        }
        findings.drain(..).for_each(|finding| history.finding(&finding, Some("{\"a line\":1}"), false));
        most = most.max(history.lock().incidents.bytes());
        if i % 500 == 0 {
            let anew = history.lock().incidents.bytes_anew();
            assert_eq!(history.lock().incidents.bytes(), anew);
        }
    }
    assert!(most <= bytes, "{most}");
    let list = parsed(&history.incidents(&Filter { limit: Some(500), ..Filter::default() }));
    let kept = list["kept"].as_u64().unwrap();
    assert!((250..3_000).contains(&kept), "{kept}");
    let lines = |i: i64| {
        let list = parsed(&history.incidents(&Filter { words: format!("m{i}"), ..Filter::default() }));
        let id = list["incidents"][0]["id"].as_str()?.to_owned();
        let incident = parsed(&history.incident(&id).unwrap());
        Some((incident["context"].as_array().unwrap().len(), incident["forgotten"].as_bool().unwrap()))
    };
    // The open incident is the oldest and keeps its lines; the older half of the others has lost
    // them.
    assert_eq!((lines(0), lines(1), lines(4_999)), (Some((3, false)), None, Some((3, false))));
    assert_eq!(lines(5_000 - kept as i64 + 10), Some((0, true)));
}

#[test]
fn one_incident_has_all_and_its_lines_are_bounded() {
    let history = filled_with(1, 50);
    let list = parsed(&history.incidents(&Filter::default()));
    let id = list["incidents"][0]["id"].as_str().unwrap();
    let incident = parsed(&history.incident(id).unwrap());
    assert_eq!((incident["state"].as_str(), incident["cause"].as_str()), (Some("resolved"), Some("a cause")));
    assert_eq!(incident["line"], "{\"a line\":1}");
    let told = incident["told"]["meaning"].as_str().unwrap();
    assert!(told.contains("There are more errors here than usual"), "{told}");
    assert!(history.incident(id).unwrap().len() < 6_000);
    assert!(history.incident("nothing").is_none());
}

#[test]
fn news_are_what_changed() {
    let history = filled(60);
    let (news, revision) = history.news(0, Timestamp::default());
    assert_eq!(
        (parsed(&news)["changed"].as_array().unwrap().len(), parsed(&news)["complete"].as_bool()),
        (50, Some(false))
    );
    let (news, again) = history.news(revision, Timestamp::default());
    assert_eq!((parsed(&news)["changed"].as_array().unwrap().len(), again), (0, revision));
    let (mut open, mut findings) = (Open::new(Policy::default(), 10), Vec::new());
    open.open(opening(Severity::Info, "new", 0), Timestamp::from_seconds(1_800_000_000), &mut findings);
    history.finding(&findings[0], None, true);
    let (news, _) = history.news(revision, Timestamp::default());
    let changed = &parsed(&news)["changed"];
    assert_eq!((changed.as_array().unwrap().len(), changed[0]["silenced"].as_bool()), (1, Some(true)));
}

#[test]
fn batches_become_columns_and_sums() {
    let history = History::new(Timestamp::default(), 100 << 20);
    let tally = Tally { events: [0, 0, 10, 2, 3, 1, 0], ..Tally::default() };
    let now = Some(Timestamp::from_seconds(1_700_000_000));
    history.batch(Passed { tally: &tally, read: 100, written: 120, now, age_s: 0.0, lag_s: 1.5 });
    history.batch(Passed { tally: &tally, read: 100, written: 120, now: None, age_s: 0.0, lag_s: 0.0 });
    let status = parsed(&history.status(Timestamp::from_seconds(9)));
    assert_eq!((status["events"].as_u64(), status["read_bytes"].as_u64()), (Some(32), Some(200)));
    assert_eq!((status["lag_s"].as_f64(), status["uptime_s"].as_f64()), (Some(1.5), Some(9.0)));
    let chart = parsed(&history.chart(0).unwrap());
    assert_eq!(chart["columns"], serde_json::json!([[16, 2, 4, 0, 0, 0]]));
    assert!(history.chart(3).is_none());
}

#[test]
fn a_first_batch_that_waited_covers_all_of_the_stream() {
    let history = History::new(Timestamp::default(), History::BYTES);
    let tally = Tally { events: [0, 0, 60, 0, 0, 0, 0], ..Tally::default() };
    let now = Some(Timestamp::from_seconds(1_700_000_010));
    history.batch(Passed { tally: &tally, read: BACKLOG, written: BACKLOG, now, age_s: 30.0, lag_s: 0.0 });
    let chart = parsed(&history.chart(0).unwrap());
    assert_eq!(chart["columns"], serde_json::json!(vec![[10, 0, 0, 0, 0, 0]; 6]));
}
