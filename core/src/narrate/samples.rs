//! A table of findings of every detector and kind, as data, for tests of all languages.

use super::Language;
use crate::engine::finding::{
    ClockEvidence, DetectorName, Evidence, Finding, GuardEvidence, InputEvidence, Key, LatencyEvidence, LoopEvidence,
    Measured, NoveltyEvidence, RateEvidence, RuleEvidence, RuleFinding, Severity, ShareEvidence, ShiftEvidence,
    SilenceEvidence, StoppedEvidence, StormEvidence, UnfinishedEvidence, test, unit,
};
use crate::engine::incident::{Incidents, Opening, Policy};
use crate::event::{Level, Timestamp};

const OPENED: Timestamp = Timestamp::from_seconds(1_772_440_872);

fn key(pairs: &[(&str, &str)]) -> Key {
    Key(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

fn opening(detector: DetectorName, kind: &str, pairs: &[(&str, &str)], measured: Measured, of: Evidence) -> Opening {
    Opening {
        detector,
        kind: kind.to_owned(),
        rule: None,
        severity: Severity::Warning,
        key: key(pairs),
        count: measured.samples.max(1),
        score: 0.83,
        measured,
        evidence: of,
        worst: Some(Level::Error),
        cause: None,
        remedy: None,
        context: vec!["the line before".to_owned()],
    }
}

fn measured(observed: f64, expected: f64, unit: &'static str, name: &'static str, window_s: f64) -> Measured {
    Measured {
        observed,
        expected: Some(expected),
        unit: unit.into(),
        test: name.into(),
        threshold: Some(1e-10),
        p_value: Some(3.2e-31),
        samples: 1_475,
        window_s: Some(window_s),
    }
}

fn lines(text: &[&str]) -> Option<Vec<String>> {
    Some(text.iter().map(|line| (*line).to_owned()).collect())
}

fn of_loop(kind: &str, pairs: &[(&str, &str)], evidence: LoopEvidence) -> Opening {
    let rate = measured(18.3, 0.02, unit::LINES_PER_SECOND, test::GAMMA_POISSON, evidence.lasted_s);
    opening(DetectorName::Loop, kind, pairs, rate, Evidence::Loop(evidence))
}

fn loops() -> Vec<Opening> {
    let place = [("module", "queue.client"), ("host", "jobs-2"), ("thread", "t-1")];
    let one = LoopEvidence {
        period: 1,
        repeats: 40,
        variants: 1,
        example: lines(&["lease renewed by 7"]),
        lasted_s: 3.54,
        ..LoopEvidence::default()
    };
    let cycle =
        LoopEvidence { period: 3, repeats: 1_040, example: lines(&["closing feed 5", "opening"]), ..one.clone() };
    let guard = Measured {
        expected: Some(20.0),
        threshold: Some(20.0),
        p_value: None,
        samples: 45,
        ..measured(21.0, 20.0, unit::LINES, test::LIMIT, 60.0)
    };
    let limit = GuardEvidence { repeats: 21, example: lines(&["charge failed"]), within_s: 60.0 };
    vec![
        of_loop("exact", &place, one.clone()),
        of_loop("exact", &place[..1], LoopEvidence { actors: Some(12), variants: 3, lasted_s: 0.063, ..one.clone() }),
        of_loop("exact", &[], LoopEvidence { new_threads: true, lasted_s: 0.0, example: None, ..one.clone() }),
        of_loop("counter", &place[..1], LoopEvidence { counter: Some([-1, 39]), ..one }),
        of_loop("cycle", &place, cycle),
        opening(DetectorName::Loop, "guard", &[("module", "payment.a")], guard, Evidence::Guard(limit)),
    ]
}

fn failures() -> Vec<Opening> {
    let rate = |observed, expected, unit| measured(observed, expected, unit, test::GAMMA_POISSON, 20.0);
    let errors = RateEvidence {
        expected_low: Some(0.02),
        expected_high: Some(2.1),
        example: lines(&["orders-db refused the connection: 10.1.2.3:5432"]),
        requests: None,
        lasted_s: 20.0,
    };
    let burst = |kind: &str, pairs: &[(&str, &str)], measured, of: &RateEvidence| {
        opening(DetectorName::Burst, kind, pairs, measured, Evidence::Rate(of.clone()))
    };
    let of_requests = RateEvidence { requests: Some(1_190.0), lasted_s: 297.0, ..errors.clone() };
    let spread = |pairs: &[(&str, &str)], modules| {
        let share = ShareEvidence {
            of: 27.0,
            usual_share: 0.21,
            example: lines(&["disk is read-only"]),
            lasted_s: 56.0,
            modules,
            ..ShareEvidence::default()
        };
        let measured = measured(26.0, 5.8, unit::FAILURES, test::BINOMIAL, 56.0);
        opening(DetectorName::Spread, "value", pairs, measured, Evidence::Share(share))
    };
    vec![
        burst("surge", &[("module", "shop.pay")], rate(1_062.0, 0.29, unit::ERRORS), &errors),
        burst("surge", &[("module", "shop.pay")], rate(62.0, 1e-9, unit::ERRORS), &errors),
        burst("surge", &[("module", "shop.pay")], rate(62.0, 0.0, unit::WARNINGS), &errors),
        burst("surge", &[("error_code", "GLM-1024")], rate(62.0, 40.0, unit::ERRORS), &errors),
        burst(
            "surge",
            &[("scope", "all")],
            rate(62.0, 58.0, unit::ERRORS),
            &RateEvidence { example: None, ..errors.clone() },
        ),
        burst("share", &[("module", "pay")], measured(750.0, 130.0, unit::ERRORS, test::BINOMIAL, 297.0), &of_requests),
        spread(&[("host", "h3"), ("module", "api")], None),
        spread(&[("zone", "eu-1")], Some(3)),
    ]
}

fn latencies() -> Vec<Opening> {
    let quantiles = LatencyEvidence {
        quantiles_ms: [7.1, 18.0, 26.0, 33.0, 57.0],
        observed_ms: 98.0,
        ..LatencyEvidence::default()
    };
    let shift = |faster| ShiftEvidence { count: 7, of: 8, quantile: if faster { 0.25 } else { 0.9 }, faster };
    let of = |kind: &str, pairs: &[(&str, &str)], observed: f64, expected: f64, evidence| {
        let name = if kind == "outlier" { test::PEAKS_OVER_THRESHOLD } else { test::BINOMIAL_EXCEEDANCE };
        let measured = measured(observed, expected, unit::MILLISECONDS, name, 12.0);
        opening(DetectorName::Latency, kind, pairs, measured, Evidence::Latency(evidence))
    };
    let slower = LatencyEvidence { shift: Some(shift(false)), ..quantiles.clone() };
    let of_one_host = LatencyEvidence { of_one_host: true, also: vec!["/pay".to_owned()], ..slower.clone() };
    let hop = LatencyEvidence {
        as_usual: ["chat", "users", "mail"].map(str::to_owned).to_vec(),
        stopped: Some(StoppedEvidence { after: "orders".to_owned(), count: 11, of: 12 }),
        also: ["/pay", "/cart"].map(str::to_owned).to_vec(),
        ..slower.clone()
    };
    let pair = UnfinishedEvidence {
        unfinished: 3,
        finished: 1_430,
        example: lines(&["job 400 begins"]),
        shared: "job job-400".to_owned(),
    };
    let waited =
        Measured { threshold: Some(60_000.0), ..measured(61_000.0, 120.0, unit::MILLISECONDS, test::TIMEOUT, 61.0) };
    vec![
        of(
            "outlier",
            &[("operation", "/cart"), ("module", "http")],
            2_103.0,
            57.0,
            LatencyEvidence { observed_ms: 2_103.0, ..quantiles.clone() },
        ),
        of("shift", &[("operation", "/cart")], 98.0, 18.0, slower),
        of("shift", &[("operation", "/orders"), ("module", "http"), ("host", "node-3")], 98.0, 18.0, of_one_host),
        of(
            "shift",
            &[("operation", "/orders")],
            5.0,
            18.0,
            LatencyEvidence { observed_ms: 5.0, shift: Some(shift(true)), ..quantiles },
        ),
        of("shift", &[("operation", "/checkout"), ("module", "gateway")], 98.0, 18.0, hop),
        opening(DetectorName::Latency, "unfinished", &[("operation", "import")], waited, Evidence::Unfinished(pair)),
    ]
}

fn silences() -> Vec<Opening> {
    let silence = SilenceEvidence {
        last_seen: OPENED,
        events_of_others: 1_204.0,
        limit_s: 30.0,
        limit_events: 900.0,
        silent_s: 66.2,
        longest_s: 8.51,
        ..SilenceEvidence::default()
    };
    let several =
        SilenceEvidence { also: ["host h1", "pod web-7"].map(str::to_owned).to_vec(), unlisted: 4, ..silence.clone() };
    let of = |pairs: &[(&str, &str)], evidence| {
        let measured = measured(66.2, 8.51, unit::SECONDS, test::GAPS, 66.2);
        opening(DetectorName::Silence, "key", pairs, measured, Evidence::Silence(evidence))
    };
    vec![of(&[("module", "nginx")], silence), of(&[("host", "h4")], several)]
}

fn news() -> Vec<Opening> {
    let news = NoveltyEvidence {
        template: Some("9105273b544ef040".to_owned()),
        template_text: Some("quorum lost at epoch <*>".to_owned()),
        example: Some("quorum lost at epoch 300".to_owned()),
        level: Some(Level::Error),
        running_s: 18_000.0,
        kinds: 1,
        ..NoveltyEvidence::default()
    };
    let of = |kind: &str, pairs: &[(&str, &str)], evidence| {
        let measured =
            Measured { p_value: Some(0.000_25), ..measured(1.0, 0.000_25, unit::NEW, test::GOOD_TURING, 18_000.0) };
        opening(DetectorName::Novelty, kind, pairs, measured, Evidence::Novelty(evidence))
    };
    let template = [("module", "store"), ("template", "9105273b544ef040")];
    let fatal = NoveltyEvidence { level: Some(Level::Fatal), again: true, ..news.clone() };
    let more =
        NoveltyEvidence { level: Some(Level::Warn), kinds: 4, also: vec!["disk is slow".to_owned()], ..news.clone() };
    let two = NoveltyEvidence { level: Some(Level::Fatal), kinds: 2, ..news.clone() };
    let exception = [("module", "api"), ("exception", "java.net.SocketTimeoutException")];
    let stack = [exception[0], exception[1], ("stack", "00c1d2e3f4051627")];
    let nameless = [("exception", "a stack"), ("stack", "00c1d2e3f4051627")];
    vec![
        of("template", &template, news.clone()),
        of("template", &template, more),
        of("template", &template, two),
        of("template", &template, fatal),
        of("exception", &exception, news.clone()),
        of("exception", &stack, news.clone()),
        of("exception", &nameless, news),
    ]
}

fn inputs() -> Vec<Opening> {
    let idle = InputEvidence { limit_s: 30.0, idle_s: 61.4, longest_s: 8.5 };
    let stalled = measured(61.4, 8.5, unit::SECONDS, test::PAUSES, 61.4);
    let clock = |pairs: &[(&str, &str)], ahead_s| {
        let measured = Measured {
            p_value: None,
            threshold: None,
            window_s: None,
            ..measured(60.0, 0.0, unit::SECONDS, test::CLOCK, 0.0)
        };
        opening(DetectorName::Input, "clock", pairs, measured, Evidence::Clock(ClockEvidence { ahead_s }))
    };
    vec![
        opening(DetectorName::Input, "stalled", &[("input", "all")], stalled, Evidence::Input(idle)),
        clock(&[("host", "web-1")], 60.0),
        clock(&[("input", "3")], -10_800.0),
    ]
}

fn others() -> Vec<Opening> {
    let counted = Measured {
        expected: None,
        threshold: None,
        p_value: None,
        ..measured(74.0, 0.0, unit::EVENTS, test::RULE, 300.0)
    };
    let said = RuleEvidence { said: "slow query took 957 ms 74 times".to_owned() };
    let rule = Opening {
        rule: Some("slow_query".to_owned()),
        ..opening(
            DetectorName::Rule,
            "slow_query",
            &[("module", "db"), ("fingerprint", "b6d978090543c28c")],
            counted,
            Evidence::Rule(said),
        )
    };
    let storm = Measured {
        threshold: Some(1_000.0),
        p_value: None,
        ..measured(120.0, 0.0, unit::INCIDENTS, test::STORM, 960.0)
    };
    let latest = StormEvidence { latest: "web-9 is slower".to_owned() };
    vec![rule, opening(DetectorName::Loop, "cycle", &[("scope", "storm")], storm, Evidence::Storm(latest))]
}

/// Findings of every kind in all their states, with sentences in `language`.
pub(super) fn findings(language: Language) -> Vec<Finding> {
    let mut incidents = Incidents::new(Policy::default(), 1_000).with_language(language);
    let mut findings = Vec::new();
    let all = [loops(), failures(), latencies(), silences(), news(), inputs(), others()];
    for (i, opening) in all.into_iter().flatten().enumerate() {
        let at = |seconds: i64| Timestamp(OPENED.0 + (i as i64 * 1_000 + seconds) * 1_000_000_000);
        let (key, count) = (opening.key.clone(), opening.count);
        let id = incidents.open(opening, at(0), &mut findings);
        incidents.join(id, count, None, at(40), &mut findings);
        incidents.explain(id, &known(key), at(41), &mut findings);
        incidents.resolve(id, at(64), &mut findings);
    }
    findings
}

/// What a rule knows of an incident, in its own words.
fn known(key: Key) -> RuleFinding {
    RuleFinding {
        rule: "codes".to_owned(),
        key,
        severity: Severity::Warning,
        summary: "code 7".to_owned(),
        cause: Some("disk 7 is full".to_owned()),
        remedy: Some("grow it by 8 GB".to_owned()),
        cooldown_s: 60.0,
        context: 0,
        observed: None,
        window_s: None,
        level: None,
        resolved: false,
        place: None,
    }
}
