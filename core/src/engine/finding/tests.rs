use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

/// JSON of a finding by this detector and of this kind, with `own` added to the common evidence.
fn finding(detector: &str, kind: &str, own: Value) -> Value {
    let mut evidence = json!({
        "observed": 18.3, "expected": 0.02, "unit": "lines/s", "test": "gamma-poisson", "threshold": 1e-10,
        "p_value": 1e-30, "samples": 75, "window_s": 4.1,
    });
    evidence.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
    json!({
        "id": "9f2c000000000000", "detector": detector, "kind": kind, "rule": null, "state": "resolved",
        "severity": "critical", "respond_within": "5m", "key": { "module": "m", "host": "h" },
        "opened_at": "2026-03-02T08:41:12.204Z", "count": 75, "score": 0.83,
        "summary": "resolved after 1 min 1 s: it was there", "evidence": evidence, "cause": "a",
        "remedy": null, "context": ["before"],
    })
}

#[test]
fn what_is_read_back_is_written_as_it_was() {
    let latency = json!({ "interval": [7.1, 57.0], "p50": 18.0, "p75": 26.0, "p90": 33.0, "p99": 57.0 });
    let with = |more: Value| {
        let mut members = latency.as_object().unwrap().clone();
        members.extend(more.as_object().unwrap().clone());
        Value::Object(members)
    };
    for (detector, kind, own) in [
        ("loop", "cycle", json!({ "example": ["a", "b"], "period": 2, "repeats": 9 })),
        (
            "loop",
            "counter",
            json!({ "actors": 3, "new_threads": true, "counter": [-1, 9], "example": [], "period": 1, "repeats": 9, "variants": 2 }),
        ),
        ("loop", "guard", json!({ "test": "limit", "example": ["a"], "period": 1, "repeats": 9 })),
        (
            "burst",
            "surge",
            json!({ "example": ["a"], "expected_high": 2.0, "expected_low": 0.1, "explained_by": "x: y", "requests": 9.0 }),
        ),
        ("burst", "surge", json!({ "test": "storm" })),
        (
            "spread",
            "value",
            json!({ "example": ["a"], "expected_by_rate": 0.3, "expected_high": 2.0, "expected_low": 0.1, "modules": 2,
                    "of": 26.0, "p_value_of_rate": 1e-9, "usual_share": 0.1 }),
        ),
        ("latency", "outlier", with(json!({ "host": "h" }))),
        ("latency", "outlier", with(json!({ "of": 8, "quantile": 0.9, "shift": true, "slow": 7 }))),
        ("latency", "shift", with(json!({ "fast": 7, "of": 8, "quantile": 0.25 }))),
        ("latency", "unfinished", json!({ "example": ["a"], "finished": 7, "shared": "trace t0", "unfinished": 2 })),
        (
            "silence",
            "key",
            json!({ "also": ["host h"], "events_of_others": 99.0, "last_seen": "2026-03-02T08:41:12Z", "limit_events": 4.0,
                    "limit_s": 30.0, "unlisted": 3 }),
        ),
        (
            "novelty",
            "template",
            json!({ "again": true, "example": "a", "level": "FATAL", "template": "1618163b08e8614e", "template_text": "a <*>" }),
        ),
        ("input", "stalled", json!({ "limit_s": 61.5 })),
        ("input", "clock", json!({ "ahead_s": -420.0 })),
        ("rule", "oom", json!({ "expected": null, "threshold": null, "p_value": null, "window_s": null })),
    ] {
        let mut own = own;
        own["duration_s"] = 61.0.into();
        let written = finding(detector, kind, own);
        let read: Finding = serde_json::from_value(written.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), written, "{detector}/{kind}");
        let text = serde_json::to_string(&read).unwrap();
        let again: Finding = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&again).unwrap(), text);
        assert_eq!(read.summary.ending.as_deref(), Some("resolved after 1 min 1 s: "));
        assert_eq!(read.summary.sentence, "it was there");
    }
}

#[test]
fn own_members_are_in_the_order_of_their_names() {
    let all = json!({ "slow": 1, "period": 1, "template": "t", "actors": 1, "p_value_of_rate": 0.1, "p99": 1.0 });
    let own: members::OwnJson = serde_json::from_value(all).unwrap();
    let text = serde_json::to_string(&own).unwrap();
    assert_eq!(text, r#"{"actors":1,"p99":1.0,"p_value_of_rate":0.1,"period":1,"slow":1,"template":"t"}"#);
    let schema = schema();
    let names: Vec<_> = schema["properties"]["evidence"]["properties"].as_object().unwrap().keys().collect();
    assert!(names.len() > 40, "{names:?}");
}

#[test]
fn findings_of_older_versions_and_short_ones_are_read() {
    let short = r#"{"id":"1","detector":"loop","kind":"x","state":"open","severity":"info","opened_at":"2026-03-02T08:41:12Z",
        "summary":"s","evidence":{"observed":1,"something":{"else":[1]}}}"#;
    let read: Finding = serde_json::from_str(short).unwrap();
    assert_eq!((read.measured.observed, read.measured.p_value, read.key.0.len()), (1.0, None, 0));
    let of_a_rule = r#"{"id":"1","detector":"rule","kind":"x","state":"resolved","severity":"info",
        "opened_at":"2026-03-02T08:41:12Z","summary":"ended after a while: s","count":2,
        "evidence":{"observed":1.0,"expected":0.0,"threshold":0.0,"p_value":null,"window_s":0.0,"duration_s":3.0}}"#;
    let read: Finding = serde_json::from_str(of_a_rule).unwrap();
    assert_eq!((read.summary.to_string().as_str(), read.duration_s), ("ended after a while: s", Some(3.0)));
}

#[test]
fn every_text_is_shown_to_who_masks_it() {
    for (detector, own) in [
        ("loop", json!({ "example": ["secret"] })),
        ("novelty", json!({ "example": "secret", "template": "secret", "template_text": "secret" })),
        ("silence", json!({ "also": ["secret"] })),
        ("latency", json!({ "host": "secret", "explained_by": "secret" })),
    ] {
        let mut written = finding(detector, "x", own);
        for name in ["summary", "cause", "remedy"] {
            written[name] = "secret".into();
        }
        (written["key"], written["context"]) = (json!({ "module": "secret" }), json!(["secret"]));
        let mut read: Finding = serde_json::from_value(written).unwrap();
        read.for_each_text(&mut |text| *text = text.replace("secret", "*"));
        let text = serde_json::to_string(&read).unwrap();
        assert!(!text.contains("secret"), "{text}");
    }
}

proptest! {
    /// A finding fits into its limit, whatever it quotes, or is not written.
    #[test]
    fn a_finding_is_cut_to_its_limit(lines in proptest::collection::vec("[ -~]{0,200}", 0..40), limit in 300_usize..9_000) {
        let mut read: Finding =
            serde_json::from_value(finding("loop", "cycle", json!({ "example": ["an example"], "period": 1 }))).unwrap();
        read.context = lines;
        let mut out = b"before".to_vec();
        let fits = read.write(limit, &mut out);
        prop_assert!(out.len() - 6 <= limit && (fits || out == b"before"));
        if fits {
            prop_assert!(serde_json::from_slice::<Value>(&out[6..]).is_ok());
        }
    }
}
