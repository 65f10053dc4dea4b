//! Tests of every function of rules, on a stream with given times.

use super::*;
use crate::engine::finding::{Finding, State};
use crate::engine::testing::parser;
use crate::engine::{Engine, EngineOptions, Outcome};

/// An engine with one rule `r`, fed events at given seconds.
struct Bench {
    parser: EventParser,
    engine: Engine,
    outcome: Outcome,
    printed: Vec<String>,
    findings: Vec<Finding>,
    failures: Vec<String>,
}

impl Bench {
    fn new(text: &str) -> Self {
        let set = compiled(text).unwrap_or_else(|problems| panic!("{}", shown(&problems)));
        Self::with(set)
    }

    fn with(set: RuleSet) -> Self {
        let mut engine = Engine::new(&EngineOptions::default(), set).with_parser(parser());
        engine.keep_detectors(|_| false);
        Self {
            parser: parser(),
            engine,
            outcome: Outcome::default(),
            printed: Vec::new(),
            findings: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Processes an event at `second` with these `members`.
    fn put(&mut self, second: f64, members: &str) -> &Outcome {
        let time = Timestamp((second * 1e9) as i64 + 1_767_600_000_000_000_000);
        let line = format!("{{\"timestamp\":\"{time}\"{}{members}}}", if members.is_empty() { "" } else { "," });
        let mut batch = crate::engine::testing::parsed_batch(&mut self.parser, &line);
        self.parser.parse(&mut batch);
        self.engine.process(&batch.fields(0), time, &mut self.outcome);
        self.keep();
        &self.outcome
    }

    /// Ticks an idle input at `second`.
    fn idle(&mut self, second: f64) -> &Outcome {
        let time = Timestamp((second * 1e9) as i64 + 1_767_600_000_000_000_000);
        self.engine.tick(time, &mut self.outcome);
        self.keep();
        &self.outcome
    }

    fn keep(&mut self) {
        self.printed.append(&mut self.outcome.printed.clone());
        self.findings.extend(self.outcome.before.iter().chain(&self.outcome.findings).cloned());
        if let Some((_, message)) = &self.outcome.fault {
            self.failures.push(message.clone());
        }
    }

    fn said(&self) -> Vec<(State, &str)> {
        self.findings.iter().map(|finding| (finding.state, finding.summary.sentence.as_str())).collect()
    }

    fn event(&self, batch: &Batch) -> String {
        let edit = &self.outcome.edit;
        let mut out = Vec::new();
        crate::event::splice::edit(&batch.fields(0), &batch.arena, &batch.bytes, edit, "anomalies", &[], &mut out)
            .unwrap();
        String::from_utf8(out).unwrap()
    }

    /// The output for this line.
    fn line(&mut self, line: &str) -> String {
        let batch = crate::engine::testing::parsed_batch(&mut self.parser, line);
        self.engine.process(&batch.fields(0), Timestamp(1_767_600_000_000_000_000), &mut self.outcome);
        self.keep();
        self.event(&batch)
    }
}

/// What an expression prints for events at these seconds with these members.
fn told(expression: &str, events: &[(f64, &str)]) -> Vec<String> {
    let mut bench = Bench::new(&body(&format!("print({expression});")));
    for (second, members) in events {
        bench.put(*second, members);
    }
    assert_eq!(bench.failures, Vec::<String>::new(), "{expression}");
    bench.printed
}

#[test]
fn counting() {
    let three = [
        (0.0, r#""k":"a","v":1"#),
        (1.0, r#""k":"a","v":2,"bad":true"#),
        (2.0, r#""k":"b","v":9"#),
        (11.0, r#""k":"a","v":6"#),
    ];
    let cases = [
        ("count(e.k, \"10s\")", ["1", "2", "1", "1"]),
        ("rate(e.k, \"10s\")", ["0.1", "0.2", "0.1", "0.1"]),
        ("ratio(e.k, e.bad, \"10s\")", ["0.0", "0.5", "0.0", "0.0"]),
        ("ratio(e.k, e.bad == true, \"1m\", 2)", ["0.0", "0.5", "0.0", "0.3333333333333333"]),
        ("distinct(\"all\", e.k, \"5s\")", ["1", "1", "2", "1"]),
        ("sum(e.k, e.v, \"10s\")", ["1.0", "3.0", "9.0", "6.0"]),
        ("avg(e.k, e.v, \"1m\")", ["1.0", "1.5", "9.0", "3.0"]),
        ("quantile(e.k, e.v, 0.5, \"1m\")", ["1.0", "1.0", "9.0", "2.0"]),
        ("quantile(e.k, e.v, 1, \"1m\")", ["1.0", "2.0", "9.0", "6.0"]),
        ("since(e.k)", ["", "1.0", "", "10.0"]),
        ("changed(e.k, e.v)", ["false", "true", "false", "true"]),
        ("first_seen(e.k)", ["true", "false", "true", "false"]),
        ("first_seen(e.k, \"2s\")", ["false", "false", "true", "false"]),
        ("count(e.missing, \"10s\")", ["0", "0", "0", "0"]),
        ("sum(e.k, e.bad, \"10s\") == ()", ["true", "true", "true", "true"]),
    ];
    for (expression, expected) in cases {
        assert_eq!(told(expression, &three), expected, "{expression}");
    }
}

#[test]
fn spikes_are_held_against_the_window_before() {
    let mut events: Vec<(f64, &str)> = (0..60).map(|i| (f64::from(i), "")).collect();
    assert!(!told("spike(\"all\", \"10s\", 3)", &events).contains(&"true".to_owned()), "steady");
    events.extend((0..40).map(|i| (60.0 + f64::from(i) * 0.1, "")));
    let told = told("spike(\"all\", \"10s\", 3)", &events);
    assert_eq!(told.iter().position(|told| told == "true"), Some(60 + 22), "7 old and 23 new are 3 times 10");
}

/// When `expression` is first true of key `b`, of which one event a tenth of a second comes from
/// second 60 on; one of `a` comes a second all the time.
fn first_true(expression: &str) -> Option<f64> {
    let mut events: Vec<(f64, &str)> = (0..60).map(|i| (f64::from(i), r#""k":"a""#)).collect();
    events.extend((0..400).map(|i| (60.0 + f64::from(i) * 0.1, if i % 10 == 5 { r#""k":"a""# } else { r#""k":"b""# })));
    let at = told(expression, &events).iter().position(|told| told == "true");
    at.map(|at| events[at].0)
}

#[test]
fn a_new_key_spikes_from_nothing_only_where_that_is_asked_for() {
    assert_eq!(first_true("spike(e.k, \"10s\", 3, 20)"), None);
    assert_eq!(first_true("spike(e.k, \"10s\", 3, 20, false)"), None);
    assert_eq!(first_true("spike(e.k, \"10s\", 3, 20, true)"), Some(62.1));
    assert_eq!(first_true("spike(e.k, \"1m\", 3, 20, true)"), None, "the rule has not watched for two minutes");
    // A key that is new after its reset has lost its past.
    let reset = r#"const RULE = #{ key: ["k"] };
        fn on_event(e) {
            let is_spike = spike(e.k, "10s", 3, 20, true);
            print(is_spike);
            if is_spike { finding(#{ summary: "s", reset: true }); }
        }"#;
    for text in [reset.to_owned(), reset.replace(r#"#{ key: ["k"] }"#, "#{}")] {
        let mut bench = Bench::new(&text);
        (0..60).for_each(|i| _ = bench.put(f64::from(i), r#""k":"a""#));
        (0..180).for_each(|i| _ = bench.put(60.0 + f64::from(i) * 0.1, r#""k":"b""#));
        assert_eq!(bench.printed.iter().filter(|told| *told == "true").count(), 1, "{text}");
    }
}

#[test]
fn a_rule_that_is_new_in_a_stream_knows_of_no_new_keys() {
    let text = body("print(spike(e.k, \"10s\", 3, 20, true));");
    let mut bench = Bench::new(&text);
    (0..60).for_each(|i| _ = bench.put(f64::from(i), r#""k":"a""#));
    bench.engine.replace_rules(compiled(&format!("{text}\n")).unwrap());
    (0..90).for_each(|i| _ = bench.put(60.0 + f64::from(i) * 0.1, r#""k":"b""#));
    assert!(!bench.printed.contains(&"true".to_owned()));
}

#[test]
fn a_table_that_evicts_knows_of_no_new_keys() {
    let set = compiled(&body("print(spike(e.k, \"10s\", 3, 20, true));")).unwrap();
    let mut rules = Rules::new(set, Budget { keys: 2, ..Budget::default() });
    let mut keys: Vec<_> = (0..60).map(|i| (i * 1_000, ["x", "y", "z"][i as usize % 3])).collect();
    keys.extend((0..90).map(|i| (60_000 + i * 100, "b")));
    let mut outcome = RuleOutcome::default();
    for (ms, key) in keys {
        let batch = stream(&[&format!(r#"{{"k":"{key}"}}"#)]);
        rules.on_event(&batch.fields(0), Timestamp(ms * 1_000_000), &mut outcome);
    }
    assert!(!outcome.printed.contains(&"true".to_owned()));
}

#[test]
fn pairs_measure_and_expire() {
    let events =
        [(0.0, r#""k":1,"s":"a""#), (0.5, r#""k":1,"s":"a""#), (2.0, r#""k":1,"s":"b""#), (3.0, r#""k":1,"s":"b""#)];
    assert_eq!(told("pair(e.k, e.s == \"a\", e.s == \"b\")", &events), ["", "", "2000.0", ""]);
    assert_eq!(told("pair(e.k, e.s == \"a\", e.s == \"b\", \"1s\")", &events), ["", "", "", ""]);

    let rule = r#"const RULE = #{ key: ["job"], cooldown: "1h" };
        fn on_event(e) {
            let owner = e.owner;
            pair_within(e.job, e.s == "start", e.s == "end", "10s", |start| finding(#{
                summary: `job ${start.key} of ${owner} did not end within ${start.seconds} s` }));
        }"#;
    let mut bench = Bench::new(rule);
    bench.put(0.0, r#""job":"a","s":"start","owner":"x""#);
    bench.put(1.0, r#""job":"b","s":"start","owner":"y","level":"ERROR""#);
    bench.put(5.0, r#""job":"a","s":"end""#);
    assert_eq!(bench.said(), []);
    bench.put(11.25, r#""job":"b","s":"start","owner":"z""#);
    assert_eq!(bench.said(), [(State::Open, "job b of y did not end within 10.25 s")], "{:?}", bench.failures);
    assert_eq!(bench.findings[0].key.0, [("job".to_owned(), "b".to_owned())]);
    assert_eq!(bench.findings[0].respond_within.as_deref(), Some("1h"));
    bench.idle(40.0);
    let states: Vec<State> = bench.findings.iter().map(|finding| finding.state).collect();
    assert_eq!(states, [State::Open, State::Ongoing], "the second joins the incident");
    assert_eq!(bench.failures, Vec::<String>::new());
}

#[test]
fn sequences_are_ordered_and_know_what_must_not_come() {
    let cases: [(&[&str], bool); 7] = [
        (&["login", "delete", "export"], true),
        (&["login", "other", "delete", "other", "export"], true),
        (&["delete", "login", "export"], false),
        (&["login", "delete", "logout", "export"], false),
        (&["login", "logout", "delete", "export"], true),
        (&["login", "delete", "logout", "delete", "export"], true),
        (&["login", "delete", "delete", "export"], true),
    ];
    for (steps, expected) in cases {
        let members: Vec<String> = steps.iter().map(|step| format!("\"u\":\"x\",\"s\":\"{step}\"")).collect();
        let events: Vec<(f64, &str)> = members.iter().enumerate().map(|(i, m)| (i as f64, m.as_str())).collect();
        let told = told("sequence(e.u, e.s, [\"login\", \"delete\", \"!logout\", \"export\"], \"10s\")", &events);
        assert_eq!(told.last().map(String::as_str), Some(if expected { "true" } else { "false" }), "{steps:?}");
    }
    let late =
        [(0.0, r#""s":"a""#), (9.0, r#""s":"a""#), (12.0, r#""s":"b""#), (13.0, r#""s":"b""#), (30.0, r#""s":"b""#)];
    assert_eq!(told("sequence(1, e.s, [\"a\", \"b\"], \"10s\")", &late), ["false", "false", "true", "false", "false"]);
}

#[test]
fn silence_is_told_once_for_keys_learned_and_listed() {
    let rule = r#"const RULE = #{ key: ["k"], cooldown: "1s" };
        const WAITED = ["never"];
        fn on_event(e) { absent(e.k, "10s", |last| finding(#{ summary: `${last.key} is silent` })); }
        fn on_tick(now) { for k in WAITED { absent(k, "10s", |last| finding(#{ summary: `${last.key} never came`, key: #{ k: last.key } })); } }"#;
    let mut bench = Bench::new(rule);
    for second in 0..30 {
        bench.put(f64::from(second), if second < 15 { r#""k":"a""# } else { r#""k":"b""# });
    }
    let opened: Vec<&str> = bench.said().iter().filter(|(state, _)| *state == State::Open).map(|(_, s)| *s).collect();
    assert_eq!(opened, ["never never came", "a is silent"], "{:?}", bench.failures);
    bench.findings.clear();
    bench.idle(35.0);
    assert_eq!(bench.said(), []);
    bench.idle(39.5);
    assert_eq!(bench.said(), [(State::Open, "b is silent")], "live, the wall clock decides");
}

#[test]
fn notes_have_a_lifetime() {
    let text = body(
        "if e.s == \"set\" { set([e.k, 1], #{ at: e.s }, \"10s\"); } if e.s == \"unset\" { unset([e.k, 1]); } print(get([e.k, 1]).at == \"set\");",
    );
    let mut bench = Bench::new(&text);
    for (second, step) in [(0, "get"), (1, "set"), (10, "get"), (11, "get"), (12, "set"), (13, "unset")] {
        bench.put(f64::from(second), &format!("\"k\":\"a\",\"s\":\"{step}\""));
    }
    assert_eq!(bench.printed, ["false", "true", "true", "false", "true", "false"]);
}

#[test]
fn the_calendar() {
    // 2026-01-05T08:00:00Z, a Monday.
    let cases = [
        ("weekday()", "mon"),
        ("weekday() in [\"sat\", \"sun\"]", "false"),
        ("between(\"07:00\", \"09:00\")", "true"),
        ("between(\"07:00\", \"09:00\", \"Asia/Tokyo\")", "false"),
        ("weekday(\"-09:00\")", "sun"),
        ("now()", "1767600000.0"),
    ];
    for (expression, expected) in cases {
        assert_eq!(told(expression, &[(0.0, "")]), [expected], "{expression}");
    }
}

#[test]
fn an_incident_can_be_resolved_by_its_rule() {
    let rule = r#"const RULE = #{ key: ["k"] };
        fn on_event(e) { if e.up == true { resolve(); } else if e.up == "all" { finding(#{ state: "resolved", key: #{ k: "b" } }); } else { finding(#{ summary: "down" }); } }"#;
    let mut bench = Bench::new(rule);
    for (second, members) in [
        (0.0, r#""k":"a""#),
        (1.0, r#""k":"b""#),
        (2.0, r#""k":"a","up":true"#),
        (3.0, r#""up":"all""#),
        (4.0, r#""k":"a","up":true"#),
    ] {
        bench.put(second, members);
    }
    let states: Vec<State> = bench.findings.iter().map(|finding| finding.state).collect();
    assert_eq!(states, [State::Open, State::Open, State::Resolved, State::Resolved], "{:?}", bench.failures);
}

#[test]
fn events_are_annotated_and_masked_and_keep_their_other_bytes() {
    let rule = r#"const RULE = #{ };
        fn on_event(e) {
            annotate("owner", "team-a"); annotate("owner", "other"); annotate("n", 9); annotate(#{ tags: ["x", 1.5], none: () });
            mask("sk-[a-z]+"); mask(["Password"]); mask("(card )[0-9]+", "$1#");
        }"#;
    let mut bench = Bench::new(rule);
    let out = bench.line(r#"{ "n" : 1.50, "msg":"key sk-abc\tcard 411\u0031 end","a":{"password":"x"} }"#);
    assert_eq!(
        out,
        r##"{ "n" : 1.50, "msg":"key ***\tcard # end","a":{"password":"***"} ,"owner":"team-a","tags":["x",1.5]}"##
    );
    let out = bench.line("plain sk-abc");
    assert!(out.contains("plain ***") && !out.contains("sk-abc"), "{out}");
    assert_eq!(bench.failures, Vec::<String>::new());
}

#[test]
fn findings_quote_what_is_masked_only_masked() {
    let rule = r#"const RULE = #{ key: ["who"] };
        fn on_event(e) { mask("sk-[a-z]+"); if e.tell == true { finding(#{ summary: `saw ${e.message}`, context: 5 }); } }"#;
    let mut bench = Bench::new(rule);
    bench.put(0.0, r#""msg":"first sk-abc""#);
    bench.put(1.0, r#""msg":"second sk-def","tell":true,"who":"sk-ghi""#);
    let shown = serde_json::to_string(&bench.findings[0]).unwrap();
    assert!(!shown.contains("sk-"), "{shown}");
    assert!(shown.contains("first ***") && shown.contains("saw second ***"), "{shown}");
}

/// The context has the lines before the event, whether batches come whole or their records
/// alternate, as in a replay.
#[test]
fn context_is_what_came_before() {
    let rule = r#"const RULE = #{ select: #{ level: "ERROR" }, key: ["message"] };
        fn on_event(e) { finding(#{ summary: "so", context: 3 }); }"#;
    let batch = |name: &str, errors: [usize; 2]| {
        let level = |i| if errors.contains(&i) { "ERROR" } else { "INFO" };
        let lines: String =
            (0..300).map(|i| format!("{{\"level\":\"{}\",\"msg\":\"{name}{i}\"}}\n", level(i))).collect();
        crate::engine::testing::parsed_batch(&mut parser(), &lines)
    };
    let (a, b) = (batch("a", [0, 200]), batch("b", [2, 299]));
    let whole = |batch| (0..300).map(move |i| (batch, i));
    let one_then_the_other: Vec<(&Batch, usize)> = whole(&a).chain(whole(&b)).collect();
    let in_turns = (0..600).map(|i: usize| (if i.is_multiple_of(2) { &a } else { &b }, i / 2)).collect();
    for (are_whole, events) in [(true, one_then_the_other.clone()), (false, one_then_the_other), (false, in_turns)] {
        let mut engine = Engine::new(&EngineOptions::default(), compiled(rule).unwrap());
        engine.keep_detectors(|_| false);
        if are_whole {
            engine = engine.with_whole_batches();
        }
        let (mut outcome, mut before, mut opened) = (Outcome::default(), Vec::new(), 0);
        for (batch, i) in events {
            let fields = batch.fields(i);
            engine.process(&fields, Timestamp::default(), &mut outcome);
            for finding in &outcome.findings {
                assert_eq!(finding.context, before[before.len() - before.len().min(3)..]);
                opened += 1;
            }
            before.push(fields.text(Role::Message).unwrap().into_owned());
        }
        assert_eq!(opened, 4);
    }
}

#[test]
fn events_are_dropped_and_their_findings_leave_alone() {
    let mut bench = Bench::new(&body("if e.level == \"DEBUG\" { drop(); finding(#{ summary: \"dropped one\" }); }"));
    let outcome = bench.put(0.0, r#""level":"DEBUG""#);
    assert!(outcome.edit.withheld && outcome.findings.is_empty() && outcome.before.len() == 1);
    assert!(bench.put(1.0, r#""level":"INFO""#).edit.is_none());
    assert_eq!(bench.engine.rules().tallies().next().unwrap().1.dropped, 1);
}

#[test]
fn a_rule_that_fails_closed_withholds_what_it_selects() {
    let text = "const RULE = #{ select: #{ level: \"WARN\" }, on_failure: \"drop\" };\nfn on_event(e) { if e.bad == true { throw \"x\"; } }";
    let mut bench = Bench::new(text);
    assert!(bench.put(0.0, r#""level":"WARN","bad":true"#).edit.withheld);
    assert!(!bench.put(0.0, r#""level":"WARN""#).edit.withheld);
    assert!(!bench.put(0.0, r#""level":"INFO","bad":true"#).edit.withheld, "it does not select this");
    for _ in 0..200 {
        assert!(bench.put(0.0, r#""level":"WARN","bad":true"#).edit.withheld);
    }
    assert!(bench.put(0.0, r#""level":"WARN""#).edit.withheld, "it is switched off now");
    assert!(bench.engine.rules().fails_closed());
    assert!(compiled("const RULE = #{ on_failure: \"explode\" };\nfn on_event(e) {}").is_err());
}

#[test]
fn emitted_events_go_through_the_rules_once() {
    let set = RuleSet::compile(
        &[
            source("a", &body("emit(#{ message: `seen ${e.message}`, level: \"WARN\", n: 1 });")),
            source("b", "const RULE = #{ select: #{ \".rule\": \"a\" } };\nfn on_event(e) { finding(#{ summary: e.message }); annotate(\"by\", e[\"rule\"]); }"),
        ],
        &[],
    )
    .unwrap_or_else(|problems| panic!("{}", shown(&problems)));
    let mut bench = Bench::with(set);
    let outcome = bench.put(0.0, r#""msg":"x""#);
    assert_eq!(outcome.emitted.len(), 1);
    let emitted = &outcome.emitted[0];
    assert_eq!(
        String::from_utf8_lossy(&emitted.batch.bytes),
        r#"{"timestamp":"2026-01-05T08:00:00Z","source":"seismolog","rule":"a","level":"WARN","message":"seen x","n":1}"#
    );
    assert_eq!(emitted.findings[0].summary.sentence, "seen x");
    assert_eq!(emitted.edit.members, [("by".to_owned(), b"\"a\"".to_vec())]);
    assert!(outcome.findings.is_empty() && outcome.edit.is_none());
}

#[test]
fn metrics_are_counted() {
    let mut bench = Bench::new(&body(
        "metric_inc(\"hits\", #{ up: e.up }); metric_inc(\"hits\", #{ up: e.up }, 2); metric_set(\"depth\", e.n); metric_observe(\"took\", e.duration); metric_set(\"gone\", e.gone);",
    ));
    bench.put(0.0, r#""up":"a","n":3,"duration_ms":12"#);
    bench.put(0.0, r#""n":4,"duration_ms":700"#);
    let metrics = bench.engine.rules().metrics();
    let told: Vec<String> = metrics
        .iter()
        .flat_map(|(name, metric)| {
            metric
                .series
                .iter()
                .map(move |(labels, series)| format!("{name} {labels:?} {} {}", series.value, series.count))
        })
        .collect();
    assert_eq!(told, ["depth [] 4 0", "hits [\"\"] 3 0", "hits [\"a\"] 3 0", "took [] 712 2"]);
}

#[test]
fn rules_tick_with_the_stream_and_read_what_detectors_found() {
    let text = "const RULE = #{};\nfn on_event(e) { print(`${e.anomalies.len} ${e.template.len}`); }\nfn on_tick(now) { print(`${now}`); }";
    let mut bench = Bench::new(text);
    bench.put(0.0, r#""msg":"x""#);
    bench.put(0.5, r#""msg":"x","anomalies":[{"id":1}]"#);
    bench.put(1.5, "");
    assert_eq!(bench.printed, ["1767600000.0", "0 16", "1 16", "1767600001.5", "0 "], "{:?}", bench.failures);
}

#[test]
fn tables_that_have_forgotten_make_no_findings() {
    let set = compiled(&body("print(first_seen(e.k));")).unwrap();
    let mut rules = Rules::new(set, Budget { keys: 2, ..Budget::default() });
    let lines = ["a", "b", "c", "a", "d"].map(|k| format!("{{\"k\":\"{k}\"}}"));
    let outcome = run(&mut rules, &lines.each_ref().map(String::as_str));
    assert_eq!(outcome.printed, ["true", "true", "false", "false", "false"]);
}

#[test]
fn a_rule_stays_within_its_bytes() {
    let set = compiled(&body("set(e.k, e.v, \"1d\"); count(e.k, \"1d\"); quantile(\"q\", e.n, 0.5, \"1d\");")).unwrap();
    let budget = Budget { bytes: 50_000, ..Budget::default() };
    let mut rules = Rules::new(set, budget);
    let lines: Vec<String> =
        (0..2_000).map(|i| format!("{{\"k\":{i},\"n\":{i},\"v\":\"{}\"}}", "x".repeat(i % 300))).collect();
    run(&mut rules, &lines.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(rules.evictions() > 0);
    let bytes = rules.remembered_bytes();
    assert!(bytes <= 50_000, "{bytes}");
    let mut again = Rules::new(rules.set().clone(), budget);
    again.restore(&rules.snapshot()).unwrap();
    assert_eq!((again.snapshot(), again.remembered_bytes()), (rules.snapshot(), bytes));
}

#[test]
fn mistakes_are_said_where_they_are() {
    let cases = [
        ("count(1, \"x\")", "no duration"),
        ("sum(1, 2, 3)", "no duration"),
        ("ratio(1, 2, \"1m\")", "a condition is true or false"),
        ("quantile(1, 2, 50, \"1m\")", "from 0 to 1"),
        ("spike(1, \"1m\", 0)", "above 0"),
        ("sequence(1, \"a\", [\"a\"], \"1m\")", "2 to 16 steps"),
        ("sequence(1, \"a\", [\"a\", \"!b\"], \"1m\")", "pair_within"),
        ("mask(\"(\")", "is no pattern: unclosed group"),
        ("between(\"1\", \"2\")", "no time of day"),
        ("weekday(\"Mars\")", "no time zone"),
        ("metric_inc(\"A\")", "no name of a metric"),
        ("emit(#{})", "has a `message`"),
        ("annotate(\"anomalies\", 1)", "no name for a member"),
        ("set(1, e, \"1m\")", "cannot be kept"),
        ("finding(#{ state: \"closed\" })", "\"open\" or \"resolved\""),
    ];
    for (call, expected) in cases {
        match compiled(&body(&format!("{call};"))) {
            Err(problems) => assert!(shown(&problems).contains(expected), "{call}: {}", shown(&problems)),
            Ok(set) => {
                let outcome = run(&mut Rules::new(set, Budget::default()), &["{}"]);
                let message = outcome.failures.first().map_or("", |failure| &failure.message);
                assert!(message.contains(expected), "{call}: {message:?}");
            }
        }
    }
}
