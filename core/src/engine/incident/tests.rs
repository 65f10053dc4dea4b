use super::storm;
use super::*;
use crate::engine::finding::{Evidence, Measured, RuleEvidence, p_of, score_of};
use crate::engine::snapshot::{pack, unpack};
use serde::Serialize;

fn said(sentence: &str) -> Evidence {
    Evidence::Rule(RuleEvidence { said: sentence.to_owned() })
}

fn opening() -> Opening {
    Opening {
        detector: DetectorName::Loop,
        kind: "cycle".into(),
        rule: None,
        severity: Severity::Warning,
        key: Key(vec![("module".into(), "retry.c41".into()), ("thread".into(), "t-1".into())]),
        count: 8,
        score: 0.5,
        measured: Measured::default(),
        evidence: said("3 lines on retry.c41"),
        worst: Some(Level::Warn),
        cause: None,
        remedy: None,
        context: Vec::new(),
    }
}

#[test]
fn an_incident_opens_once_doubles_and_resolves_under_one_id() {
    let mut incidents = Incidents::new(Policy::default(), 10);
    let mut findings = Vec::new();
    let id = incidents.open(opening(), Timestamp(1_000_000_000), &mut findings);
    for i in 0..100 {
        incidents.join(id, 1, Some(Level::Error), Timestamp(2_000_000_000 + i), &mut findings);
    }
    incidents.resolve(id, Timestamp(9_000_000_000), &mut findings);
    incidents.resolve(id, Timestamp(9_000_000_000), &mut findings);
    let said: Vec<_> = findings.iter().map(|finding| (finding.state, finding.count)).collect();
    assert_eq!(
        said,
        [(State::Open, 8), (State::Ongoing, 16), (State::Ongoing, 32), (State::Ongoing, 64), (State::Resolved, 108)]
    );
    assert!(findings.iter().all(|finding| finding.id == findings[0].id && finding.id.len() == 16));
    assert_eq!(findings[0].summary.sentence, "3 lines on retry.c41 (t-1)");
    assert_eq!(findings[0].respond_within.as_deref(), Some("24h"));
    assert_eq!(findings[4].respond_within.as_deref(), Some("1h"));
    assert_eq!(incidents.open_by_detector(), [0; 8]);
}

#[test]
fn what_becomes_worse_is_said_at_once_and_no_end_is_worse_than_what_was_said() {
    let mut incidents = Incidents::new(Policy::default(), 10);
    let mut findings = Vec::new();
    let id = incidents.open(opening(), Timestamp(1_000_000_000), &mut findings);
    let join = |incidents: &mut Incidents, findings: &mut Vec<Finding>| {
        incidents.join(id, 1, None, Timestamp(2_000_000_000), findings);
    };
    join(&mut incidents, &mut findings);
    incidents.raise(id, Severity::Critical);
    join(&mut incidents, &mut findings);
    incidents.raise(id, Severity::Warning);
    join(&mut incidents, &mut findings);
    incidents.resolve(id, Timestamp(9_000_000_000), &mut findings);
    let mild = incidents.open(opening(), Timestamp(10_000_000_000), &mut findings);
    incidents.raise(mild, Severity::Critical);
    incidents.resolve(mild, Timestamp(11_000_000_000), &mut findings);
    let said: Vec<_> = findings.iter().map(|finding| (finding.state, finding.severity, finding.count)).collect();
    assert_eq!(
        said,
        [
            (State::Open, Severity::Warning, 8),
            (State::Ongoing, Severity::Critical, 10),
            (State::Resolved, Severity::Critical, 11),
            (State::Open, Severity::Warning, 8),
            (State::Resolved, Severity::Warning, 8),
        ]
    );
}

#[test]
fn too_many_open_incidents_forget_the_quietest() {
    let mut incidents = Incidents::new(Policy::default(), 2);
    let mut findings = Vec::new();
    let ids: Vec<_> = (0..3).map(|i| incidents.open(opening(), Timestamp(i), &mut findings)).collect();
    assert!(!incidents.is_open(ids[0]) && incidents.is_open(ids[2]));
    assert_eq!((incidents.evictions(), incidents.open_by_detector()[0]), (1, 2));
    // The evicted incident cannot be resolved by its detector: the next tick reports its end, once.
    let first = findings[0].id.clone();
    findings.clear();
    (0..2).for_each(|_| incidents.tick(Timestamp(7), &mut findings));
    let said: Vec<_> = findings.iter().map(|finding| (&finding.id, finding.state, finding.said_at)).collect();
    assert_eq!(said, [(&first, State::Resolved, Timestamp(7))]);
}

#[test]
fn scores_and_p_values_stay_finite() {
    assert!((score_of(-10.0 * std::f64::consts::LN_10) - (1.0 - 1.0 / (1.0 + 10.0 / 6.0))).abs() < 1e-12);
    assert_eq!(score_of(0.0), 0.0);
    assert_eq!(score_of(f64::NAN), 0.0);
    assert_eq!(score_of(f64::NEG_INFINITY), 1.0);
    assert_eq!(p_of(f64::NEG_INFINITY), 1e-300);
    assert!((p_of((3.2e-11_f64).ln()) - 3.2e-11).abs() < 1e-20);
}

fn of_module(i: usize) -> Opening {
    let key = Key(vec![("module".into(), format!("m-{i}"))]);
    Opening { key, count: 1, evidence: said(&format!("m-{i} goes round")), ..opening() }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp(seconds * 1_000_000_000)
}

#[test]
fn a_storm_is_told_as_one_and_ends_when_it_calms() {
    let mut incidents = Incidents::new(Policy::default(), 100_000).with_limit(10);
    let mut findings = Vec::new();
    for i in 0..1_000 {
        let id = incidents.open(of_module(i), at(i as i64), &mut findings);
        assert_eq!(incidents.is_open(id), i < 10, "{i}");
        incidents.tick(at(i as i64), &mut findings);
    }
    let other = Opening { kind: "exact".into(), ..of_module(0) };
    let id = incidents.open(other, at(1_000), &mut findings);
    assert!(incidents.is_open(id), "another kind has joined the storm");
    incidents.tick(at(999 + 600), &mut findings);
    assert!(findings.iter().all(|finding| finding.state != State::Resolved));
    incidents.tick(at(999 + 601), &mut findings);
    let storm = Key(vec![("scope".into(), "storm".into())]);
    let (of_storm, alone): (Vec<_>, Vec<_>) = findings.iter().partition(|finding| finding.key == storm);
    assert_eq!(alone.len(), 11);
    // 990 joined the storm, which is reported at each doubling.
    let counts: Vec<u64> = of_storm.iter().map(|finding| finding.count).collect();
    assert_eq!(counts, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 990]);
    let last = of_storm[10];
    assert_eq!((last.state, of_storm[0].state), (State::Resolved, State::Open));
    assert!((900.0..1_080.0).contains(&last.measured.observed), "{}", last.measured.observed);
    assert!(last.summary.to_string().starts_with("resolved after 16 min 29 s: storm of cycle: "), "{}", last.summary);
    assert!(last.summary.sentence.ends_with("beyond the 10 that are told one by one; the latest: m-999 goes round"));
    assert!(findings.iter().all(|finding| finding.id != last.id || finding.key == storm));
    assert_eq!(incidents.tables().map(|table| (table.keys, table.evictions)), [(11, 0), (0, 990)]);
    // The storm has ended, but all ten are still open: the next incident opens another storm.
    incidents.open(of_module(1_000), at(5_000), &mut findings);
    assert_eq!(findings.last().map(|finding| (finding.state, finding.count)), Some((State::Open, 1)));
}

#[test]
fn a_storm_is_as_severe_as_its_worst() {
    let mut incidents = Incidents::new(Policy::default(), 100).with_limit(1);
    let mut findings = Vec::new();
    for i in 0..4 {
        let severity = if i == 3 { Severity::Critical } else { Severity::Info };
        incidents.open(Opening { severity, ..of_module(i) }, at(0), &mut findings);
    }
    incidents.tick(at(1_000), &mut findings);
    assert_eq!(findings.last().map(|finding| finding.severity), Some(Severity::Critical));
}

#[test]
fn a_storm_goes_on_after_a_restart() {
    let run = |cut: usize| {
        let mut incidents = Incidents::new(Policy::default(), 100).with_limit(3);
        let mut findings = Vec::new();
        for i in 0..50 {
            if i == cut {
                let kept: IncidentsSnapshot = unpack(&pack(&incidents.snapshot())).unwrap();
                incidents = Incidents::new(Policy::default(), 100).with_limit(3);
                incidents.restore(kept);
            }
            incidents.open(of_module(i), at(i as i64), &mut findings);
        }
        incidents.tick(at(5_000), &mut findings);
        findings
    };
    assert_eq!(run(20), run(1_000));
}

/// Earlier versions stored the context of an incident, and had no storms.
#[test]
fn what_earlier_versions_kept_is_taken() {
    #[derive(Serialize)]
    struct Earlier {
        opening: serde_json::Value,
        opened_at: Timestamp,
        last: Timestamp,
        count: u64,
        announce_at: u64,
    }
    let opening = serde_json::json!({
        "detector": "loop", "kind": "cycle", "rule": null, "severity": "warning", "key": { "module": "m-1" },
        "count": 1, "score": 0.5, "summary": "m-1 goes round", "worst": "WARN", "cause": null, "remedy": null,
        "evidence": {
            "observed": 1.0, "expected": 0.0, "unit": "lines/s", "test": "gamma-poisson", "threshold": 1e-10,
            "p_value": 1e-11, "samples": 7, "window_s": 3.0, "period": 1, "repeats": 7, "example": ["a"],
            "explained_by": "full: the disk is full",
        },
        "context": vec!["before"; 20],
    });
    let earlier = Earlier { opening, opened_at: at(1), last: at(2), count: 7, announce_at: 8 };
    let kept: IncidentsSnapshot = unpack(&pack(&vec![(IncidentId(5), earlier)])).unwrap();
    let mut incidents = Incidents::new(Policy::default(), 10);
    incidents.restore(kept);
    let [still] = incidents.still_open().collect::<Vec<_>>().try_into().unwrap();
    assert_eq!((still.count, still.context.len(), &*still.summary.sentence), (7, 0, "m-1 goes round"));
    let (repeats, period) = (still.own_members()["repeats"].clone(), still.own_members()["period"].clone());
    assert_eq!((repeats, period, still.evidence.examples().len()), (7.into(), 1.into(), 1));
    assert_eq!(still.explained_by.as_deref(), Some("full: the disk is full"));
    assert_eq!(incidents.open_by_detector()[0], 1);
}

#[test]
fn open_incidents_are_weighed_and_the_quietest_go() {
    let mut incidents = Incidents::new(Policy::default(), 100_000).with_limit(100_000);
    let mut findings = Vec::new();
    let context = vec!["x".repeat(256); 64];
    let opening = |i| Opening { evidence: said(&"y".repeat(1_000)), context: context.clone(), ..of_module(i) };
    let ids: Vec<_> = (0..3_000).map(|i| incidents.open(opening(i), at(i as i64), &mut findings)).collect();
    assert_eq!(findings[0].context.len(), 64, "what led up to it is said");
    let whole = incidents.size_bytes();
    // The texts and a few hundred bytes for the rest, but not the context lines.
    assert!((3_000 * 1_000..3_000 * 2_000).contains(&whole), "{whole}");
    incidents.join(ids[0], 1, None, at(9_000), &mut findings);
    assert!(incidents.shrink());
    assert!(incidents.is_open(ids[0]) && !incidents.is_open(ids[1]) && !incidents.is_open(ids[375]));
    assert!(incidents.is_open(ids[376]));
    assert_eq!((incidents.evictions(), incidents.keys()), (375, 2_625));
    while incidents.shrink() {}
    assert_eq!(incidents.keys(), KEPT);
    (0..3_000).for_each(|i| incidents.resolve(ids[i], at(9_999), &mut findings));
    assert_eq!((incidents.size_bytes(), incidents.keys()), (0, 0));
    assert!(!incidents.storms.takes(storm::group_of(&of_module(0))));
}
