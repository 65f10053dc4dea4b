//! Which events a native filter selects.

use super::*;
use crate::engine::template::{Merge, TemplateId, TemplateMatch, TemplateOptions, Templates};

fn rule_with(select: &str) -> Rules {
    rules(&format!("const RULE = #{{ select: {select} }};\nfn on_event(e) {{ print(\"ran\"); }}"))
}

/// True when a rule with this `select` runs for this line. The line is parsed with the rule's
/// prefilter, with another rule's, and without one; all must agree.
fn selects(select: &str, line: &str) -> bool {
    let mut rules = rule_with(select);
    let other = rule_with(r#"#{ message: #{ contains: ["no such words", "Zz\"z"] } }"#);
    let [none, own, other] = [None, Some(rules.set().prefilter()), Some(other.set().prefilter())].map(|prefilter| {
        let batch = stream_for(&[line], prefilter);
        let mut outcome = RuleOutcome::default();
        rules.on_event(&batch.fields(0), Timestamp(0), &mut outcome);
        assert!(outcome.failures.is_empty());
        outcome.printed == ["ran"]
    });
    assert_eq!((own, other), (none, none), "{select} on {line}");
    none
}

#[test]
fn a_look_tells_of_words_for_the_rules_that_it_is_told_of() {
    let rules = rule_with(r#"#{ message: #{ contains: ["slow query", "in thread \"main\""] } }"#);
    let cases = [
        (r#"{"msg":"nothing"}"#, true),
        (r#"{"msg":"a \"quoted\" word"}"#, true),
        (r#"{"msg":"a \"slow query\""}"#, false),
        (r#"{"msg":"Exception in thread \"main\""}"#, false),
        // Any letter can be escaped like this, so the prefilter cannot exclude anything.
        (r#"{"msg":"\u0073low query"}"#, false),
        (r#"{"level":"INFO"}"#, true),
        ("plain text with a slow query", false),
    ];
    for (line, idle) in cases {
        let batch = stream_for(&[line], Some(rules.set().prefilter()));
        assert_eq!(batch.parsed[0].unmatched_roles >> Role::Message as u16 & 1 == 1, idle, "{line}");
        assert_eq!(stream(&[line]).parsed[0].unmatched_roles, 0, "{line}");
    }
}

/// The parser's cache of messages depends on the current filters and the current level.
#[test]
fn messages_seen_before_are_looked_at_for_the_rules_at_hand() {
    let sets = [r#"#{ message: #{ contains: "slow query" } }"#, r#"#{ level: "WARN", message: "a b" }"#].map(rule_with);
    let messages = ["a slow query", "a b", "nothing", r"a \u0062", r"a \u005cu0062", r#"\"slow query\""#];
    let (mut parser, mut idle) = (parser(), 0);
    for i in 0..500_usize {
        let (message, level) = (messages[i * 7 % 11 % messages.len()], ["INFO", "WARN"][i % 3 % 2]);
        let line = format!(r#"{{"level":"{level}","msg":"{message}","host":"n{i}"}}"#);
        let prefilter = sets[i / 5 % 2].set().prefilter();
        let again = parsed_batch(&mut parser, &[&line], Some(prefilter.clone())).parsed[0].unmatched_roles;
        assert_eq!(again, stream_for(&[&line], Some(prefilter)).parsed[0].unmatched_roles, "{line}");
        idle += usize::from(again == u16::MAX);
    }
    assert!((100..450).contains(&idle), "{idle}");
}

/// The prefilter's result is used for the rules that it was made for, and for no others.
#[test]
fn what_a_look_has_told_is_told_for_its_rules_alone() {
    let select = r#"#{ message: #{ contains: "slow query" } }"#;
    let (mut rules, other) = (rule_with(select), rule_with(select));
    for (prefilter, runs) in [(rules.set().prefilter(), false), (other.set().prefilter(), true)] {
        let mut batch = stream_for(&[r#"{"msg":"a slow query"}"#], Some(prefilter));
        assert_eq!(batch.parsed[0].unmatched_roles >> Role::Message as u16 & 1, 0);
        batch.parsed[0].unmatched_roles = u16::MAX;
        let mut outcome = RuleOutcome::default();
        rules.on_event(&batch.fields(0), Timestamp(0), &mut outcome);
        assert_eq!(outcome.printed == ["ran"], runs);
    }
}

#[test]
fn a_word_that_stands_in_two_parts_of_a_line_is_found() {
    let mut rules = rule_with(r#"#{ message: #{ contains: "slow query" } }"#);
    let long = "x".repeat(5_000);
    let lines = [
        format!(r#"{{"log":"{long} slow q","logtag":"P","stream":"stdout"}}"#),
        r#"{"log":"uery","logtag":"F","stream":"stdout"}"#.to_owned(),
    ];
    let batch = stream_for(&[&lines[0], &lines[1]], Some(rules.set().prefilter()));
    let ran = [0, 1].map(|i| {
        let mut outcome = RuleOutcome::default();
        rules.on_event(&batch.fields(i), Timestamp(0), &mut outcome);
        outcome.printed == ["ran"]
    });
    assert_eq!(ran, [false, true]);
}

/// Durations are compared in milliseconds, however they are written.
#[test]
fn words_in_durations_are_those_of_milliseconds() {
    for line in [r#"{"duration":"1.5s"}"#, r#"{"request_time":1.5}"#, r#"{"duration_ms":1.5e3}"#] {
        for test in [r#"#{ contains: "1500" }"#, r#"#{ regex: "^1500$" }"#] {
            assert!(selects(&format!("#{{ duration: {test} }}"), line), "{test} on {line}");
            assert!(selects(&format!("[#{{ duration: #{{ min: 9999999 }} }}, #{{ duration: {test} }}]"), line));
        }
    }
}

#[test]
fn a_filter_selects_what_it_says() {
    let cases = [
        // Levels: a single one is a minimum, an array lists them.
        (r#"#{ level: "WARN" }"#, r#"{"level":"ERROR"}"#, true),
        (r#"#{ level: "WARN" }"#, r#"{"level":"WARN"}"#, true),
        (r#"#{ level: "WARN" }"#, r#"{"level":"INFO"}"#, false),
        (r#"#{ level: "WARN" }"#, r#"{"msg":"no level"}"#, false),
        (r#"#{ level: ["INFO", "FATAL"] }"#, r#"{"level":"FATAL"}"#, true),
        (r#"#{ level: ["INFO", "FATAL"] }"#, r#"{"level":"ERROR"}"#, false),
        (r#"#{ level: "TRACE" }"#, r#"{"msg":"no level"}"#, false),
        // Roles, under any of their names.
        (r#"#{ status: 504 }"#, r#"{"status":504}"#, true),
        (r#"#{ status: 504 }"#, r#"{"status_code":"504"}"#, true),
        (r#"#{ status: "504" }"#, r#"{"http":{"status_code":504}}"#, true),
        (r#"#{ status: [502, 504] }"#, r#"{"status":502}"#, true),
        (r#"#{ status: [502, 504] }"#, r#"{"status":503}"#, false),
        (r#"#{ status: 504 }"#, r#"{"msg":"504"}"#, false),
        (r#"#{ message: "a \"b\"" }"#, r#"{"msg":"a \"b\""}"#, true),
        (r#"#{ duration: 1500 }"#, r#"{"took":"1.5s"}"#, true),
        // Literal members and dotted paths, compared by value.
        (r#"#{ ".status": 504 }"#, r#"{"status_code":504}"#, false),
        (r#"#{ ".status": 504 }"#, r#"{"status":504.0}"#, true),
        (r#"#{ n: 504 }"#, r#"{"n":"504"}"#, true),
        (r#"#{ n: "504" }"#, r#"{"n":504.0}"#, true),
        (r#"#{ n: 0.5 }"#, r#"{"n":5e-1}"#, true),
        (r#"#{ n: true }"#, r#"{"n":true}"#, true),
        (r#"#{ n: "x" }"#, r#"{"n":null}"#, false),
        (r#"#{ n: "x" }"#, r#"{"n":["x"]}"#, false),
        (r#"#{ "a.b": 1 }"#, r#"{"a":{"b":1}}"#, true),
        (r#"#{ "a.b": 1 }"#, r#"{"a.b":1,"a":{"b":2}}"#, true),
        (r#"#{ "a.b": 1 }"#, r#"{"\u0061":{"b":1}}"#, true),
        (r#"#{ upstream: ["u1", "u2"] }"#, r#"{"upstream":"u2"}"#, true),
        // Tables.
        (r#"#{ code: #{ table: "codes" } }"#, r#"{"code":"A-1"}"#, true),
        (r#"#{ error_code: #{ table: "codes" } }"#, r#"{"code":"A-1"}"#, true),
        (r#"#{ status: #{ table: "codes" } }"#, r#"{"status":504}"#, true),
        (r#"#{ code: #{ table: "codes" } }"#, r#"{"code":"A-2"}"#, false),
        (r#"#{ message: #{ mentions: "codes" } }"#, r#"{"msg":"failed (A-1)"}"#, true),
        (r#"#{ message: #{ mentions: "codes" } }"#, r#"{"msg":"failed (BA-1)"}"#, false),
        (r#"#{ message: #{ mentions: "codes" } }"#, "plain text with A-1", true),
        // Prefixes, substrings and regexes.
        (r#"#{ message: #{ prefix: "GET /" } }"#, r#"{"msg":"GET /x"}"#, true),
        (r#"#{ message: #{ prefix: ["PUT", "GET /api/v1/users"] } }"#, r#"{"msg":"GET /api/v1/x"}"#, false),
        (r#"#{ message: #{ prefix: ["PUT", "GET /api/v1/users"] } }"#, r#"{"msg":"GET /api/v1/users/7"}"#, true),
        (r#"#{ message: #{ prefix: "GET" } }"#, r#"{"msg":"a GET"}"#, false),
        (r#"#{ message: #{ contains: "time" } }"#, r#"{"msg":"a timeout"}"#, true),
        (r#"#{ message: #{ contains: ["full", "time"] } }"#, r#"{"msg":"disk full"}"#, true),
        (r#"#{ message: #{ contains: "\"b" } }"#, r#"{"msg":"a \"b\""}"#, true),
        (r#"#{ message: #{ contains: "time" } }"#, r#"{"other":"a timeout"}"#, false),
        (r#"#{ message: #{ contains: "time" } }"#, r#"{"msg":"a \"timeout\""}"#, true),
        (r#"#{ message: #{ contains: "time" } }"#, r#"{"msg":"a \u0074imeout"}"#, true),
        (r#"#{ message: #{ contains: "time" } }"#, r#"{"msg":"a \time out"}"#, false),
        (r#"#{ message: #{ contains: "GET /x" } }"#, r#"{"msg":"GET \/x"}"#, true),
        (r#"#{ message: #{ contains: ["ti", "zz"] } }"#, r#"{"msg":"a timeout"}"#, true),
        (r#"#{ message: #{ contains: ["ti", "a longer word"] } }"#, r#"{"msg":"a longer word"}"#, true),
        (
            r#"[#{ level: "WARN", message: #{ contains: "time" } }, #{ message: #{ contains: "word" } }]"#,
            r#"{"msg":"time","level":"INFO"}"#,
            false,
        ),
        (
            r#"[#{ level: "WARN", message: #{ contains: "time" } }, #{ message: #{ contains: "word" } }]"#,
            r#"{"msg":"word","level":"INFO"}"#,
            true,
        ),
        (
            r#"[#{ level: "WARN", message: #{ contains: "time" } }, #{ message: #{ contains: "word" } }]"#,
            r#"{"msg":"time","level":"WARN"}"#,
            true,
        ),
        (r#"#{ user: #{ regex: "^adm[a-z]+$" } }"#, r#"{"user":"admin"}"#, true),
        (r#"#{ user: #{ regex: "(?i)^ADM" } }"#, r#"{"user":"admin"}"#, true),
        (r#"#{ user: #{ regex: "^adm[0-9]$" } }"#, r#"{"user":"admin"}"#, false),
        (r#"#{ message: #{ regex: "(refused|reset) by \\d+" } }"#, "connection refused by 10", true),
        (r#"#{ status: #{ regex: "^50" } }"#, r#"{"status":504}"#, true),
        // Ranges compare by value, for durations in milliseconds.
        (r#"#{ status: #{ min: 500 } }"#, r#"{"status":500}"#, true),
        (r#"#{ status: #{ min: 500 } }"#, r#"{"status":499}"#, false),
        (r#"#{ status: #{ min: 500, max: 599, not: 501 } }"#, r#"{"status":502}"#, true),
        (r#"#{ status: #{ min: 500, max: 599, not: 501 } }"#, r#"{"status":501}"#, false),
        (r#"#{ duration: #{ min: 1000 } }"#, r#"{"took":"1.5s"}"#, true),
        (r#"#{ n: #{ max: 0.5 } }"#, r#"{"n":"0.25"}"#, true),
        (r#"#{ n: #{ max: 0.5 } }"#, r#"{"n":"low"}"#, false),
        // Existence and negation: a missing member passes only `exists: false`.
        (r#"#{ n: #{ exists: true } }"#, r#"{"n":[]}"#, true),
        (r#"#{ n: #{ exists: true } }"#, r#"{"n":null}"#, false),
        (r#"#{ n: #{ exists: false } }"#, r#"{"m":1}"#, true),
        (r#"#{ n: #{ exists: false } }"#, r#"{"n":1}"#, false),
        (r#"#{ trace: #{ exists: false } }"#, r#"{"request_id":"r"}"#, false),
        (r#"#{ trace: #{ exists: false } }"#, r#"{"id":"r"}"#, true),
        (r#"#{ host: #{ exists: true } }"#, r#"{"hostname":"h"}"#, true),
        (r#"#{ n: #{ not: 1 } }"#, r#"{"n":2}"#, true),
        (r#"#{ n: #{ not: 1 } }"#, r#"{"n":1.0}"#, false),
        (r#"#{ n: #{ not: 1 } }"#, r#"{"m":1}"#, false),
        (r#"#{ n: #{ not: ["a", "b"] } }"#, r#"{"n":"c"}"#, true),
        (r#"#{ n: #{ prefix: "a", not: #{ contains: "b" } } }"#, r#"{"n":"ac"}"#, true),
        (r#"#{ n: #{ prefix: "a", not: #{ contains: "b" } } }"#, r#"{"n":"ab"}"#, false),
        // Levels as maps.
        (r#"#{ level: #{ max: "INFO" } }"#, r#"{"level":"DEBUG"}"#, true),
        (r#"#{ level: #{ max: "INFO" } }"#, r#"{"level":"WARN"}"#, false),
        (r#"#{ level: #{ min: "INFO", not: "ERROR" } }"#, r#"{"level":"ERROR"}"#, false),
        (r#"#{ level: #{ exists: false } }"#, r#"{"n":1}"#, true),
        (r#"#{ level: #{ exists: false } }"#, r#"{"level":"INFO"}"#, false),
        // All tests of a map must hold, any alternative of an array; without a filter every event
        // is selected.
        (r#"#{ level: "WARN", n: 1 }"#, r#"{"level":"WARN","n":1}"#, true),
        (r#"#{ level: "WARN", n: 1 }"#, r#"{"level":"WARN","n":2}"#, false),
        (r#"[#{ n: 1 }, #{ m: 1 }]"#, r#"{"m":1,"n":2}"#, true),
        (r#"[#{ n: 1 }, #{ m: 1 }]"#, r#"{"m":2}"#, false),
        (r#"#{}"#, r#"{}"#, true),
    ];
    for (select, line, expected) in cases {
        assert_eq!(selects(select, line), expected, "{select} and {line}");
    }
}

#[test]
fn a_rule_runs_once_however_many_alternatives_hold() {
    let text = "const RULE = #{ select: [#{ n: 1 }, #{ m: 1 }] };\nfn on_event(e) { print(\"ran\"); }";
    assert_eq!(run(&mut rules(text), &[r#"{"n":1,"m":1}"#]).printed, ["ran"]);
}

#[test]
fn opaque_lines_are_seen_by_no_rule() {
    let text = body("print(\"ran\");");
    assert!(run(&mut rules(&text), &["", "{\"cut\":", "[1]"]).printed.is_empty());
}

#[test]
fn joined_filters_select_what_each_alone_does() {
    // Every kind of test on roles and on members, for all levels and for some, with values from the
    // events.
    let tests = [
        r#""b""#,
        r#"["a", 7]"#,
        r#"#{ min: 3, max: 7 }"#,
        r#"#{ max: 5 }"#,
        r#"#{ prefix: ["a", "longer than eight"] }"#,
        r#"#{ contains: ["b", "c d"] }"#,
        r#"#{ regex: "c d|longer" }"#,
        r#"#{ regex: "^[ab]$" }"#,
        r#"#{ exists: true }"#,
        r#"#{ exists: false }"#,
        r#"#{ not: "b" }"#,
        r#"#{ table: "codes" }"#,
        r#"#{ mentions: "codes" }"#,
    ];
    let values = [
        r#""a""#,
        r#""b""#,
        "7",
        r#""7.0""#,
        "3.5",
        r#""b c d A-1""#,
        r#""longer than eight bytes""#,
        r#""\"c d\" \u0062""#,
        "504",
        r#""5s""#,
        r#""7 ms""#,
        "null",
        "{}",
    ];
    let mut sources = Vec::new();
    for (i, test) in tests.iter().enumerate() {
        for (j, subject) in ["host", "message", "duration", "error_code", "n", "m.o"].iter().enumerate() {
            for (k, level) in ["", "level: \"WARN\", ", "level: [\"INFO\"], "].iter().enumerate() {
                let text = format!(
                    "const RULE = #{{ select: #{{ {level}\"{subject}\": {test} }} }};\nfn on_event(e) {{ print(\"ran\"); }}"
                );
                sources.push(source(&format!("r{i:02}{j}{k}"), &text));
            }
        }
    }
    let codes = table("codes", "[\"A-1\"]\n[\"504\"]\n");
    let compile = |sources: &[RuleSource]| {
        let set = RuleSet::compile(sources, std::slice::from_ref(&codes))
            .unwrap_or_else(|problems| panic!("{}", shown(&problems)));
        Rules::new(set, Budget { operations: 1000, ..Budget::default() })
    };
    let mut joined = compile(&sources);
    let mut parser = parser();
    // Each rule alone, with a parser that has only its prefilter.
    let mut alone: Vec<(Rules, EventParser)> =
        sources.iter().map(|source| (compile(std::slice::from_ref(source)), super::parser())).collect();
    let mut hits = 0;
    for value in values {
        for line in [
            format!(r#"{{"host":{value}}}"#),
            format!(r#"{{"n":{value},"m":{{"o":{value}}},"level":"ERROR"}}"#),
            format!(r#"{{"message":{value},"level":"INFO"}}"#),
            format!(r#"{{"message":{value},"level":"ERROR","host":{value}}}"#),
            format!(r#"{{"duration":{value},"error_code":{value},"level":"WARN"}}"#),
        ] {
            let together = ran(&mut joined, &stream(&[&line]));
            let prefilter = Some(joined.set().prefilter());
            let told = parsed_batch(&mut parser, &[&line], prefilter);
            assert_eq!(ran(&mut joined, &told), together, "{line}, looked at for its rules");
            let one_by_one: Vec<String> =
                alone.iter_mut().flat_map(|(rules, _)| ran(rules, &stream(&[&line]))).collect();
            assert_eq!(together, one_by_one, "{line}");
            let told = alone.iter_mut().flat_map(|(rules, parser)| {
                let batch = parsed_batch(parser, &[&line], Some(rules.set().prefilter()));
                ran(rules, &batch)
            });
            assert_eq!(together, told.collect::<Vec<_>>(), "{line}, looked at for each rule");
            hits += together.len();
        }
    }
    assert!(hits > 100, "{hits}");
}

/// The rules that ran, by their evaluation counts, because printing is limited.
fn ran(rules: &mut Rules, batch: &Batch) -> Vec<String> {
    let before: Vec<u64> = rules.tallies().map(|(_, tally)| tally.evaluations).collect();
    rules.on_event(&batch.fields(0), Timestamp(0), &mut RuleOutcome::default());
    let after = rules.tallies().zip(before);
    after.filter(|((_, tally), before)| tally.evaluations > *before).map(|((name, _), _)| name.to_owned()).collect()
}

#[test]
fn a_template_is_selected_by_its_id_and_by_what_it_was_merged_into() {
    let text = "const RULE = #{ select: #{ template: \"00000000000000aa\" } };\nfn on_event(e) { print(\"ran\"); }";
    let (mut rules, batch) = (rules(text), stream(&[r#"{"msg":"m"}"#]));
    let templates = Templates::new(10, &TemplateOptions::default());
    let runs = |rules: &mut Rules, id: u64| {
        let mut outcome = RuleOutcome::default();
        let found = TemplateMatch { id: TemplateId(id), count: 1 };
        let known = Known { template: Some((found, &templates)), ..Known::default() };
        rules.on_known_event(&batch.fields(0), Timestamp(0), &known, &mut outcome);
        !outcome.printed.is_empty()
    };
    assert!(runs(&mut rules, 0xaa) && !runs(&mut rules, 0xbb) && !runs(&mut rules, 0xcc));
    rules.merge(Merge { from: TemplateId(0xaa), into: TemplateId(0xbb) });
    rules.merge(Merge { from: TemplateId(0xbb), into: TemplateId(0xcc) });
    assert!(!runs(&mut rules, 0xbb) && runs(&mut rules, 0xcc));
}

/// A failing prefilter does not lose the parsed event: the engine evaluates the filters instead.
#[test]
fn a_parsed_event_survives_its_prefilter() {
    #[derive(Debug)]
    struct Failing;
    impl Prefilter for Failing {
        fn unmatched_roles(&self, _: &crate::event::Fields<'_>, _: u16) -> u16 {
            panic!("on purpose")
        }
    }
    let batch = stream_for(&[r#"{"msg":"a slow query"}"#], Some(Arc::new(Failing)));
    assert_eq!((batch.parsed[0].fault, batch.parsed[0].unmatched_roles), (None, 0));
    assert_eq!(batch.fields(0).text(Role::Message).as_deref(), Some("a slow query"));
}
