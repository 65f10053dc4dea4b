//! What scripts can read and do.

use super::*;
use crate::engine::finding::{Key, Severity};

const EVENT: &str = r#"{"level":"ERROR","msg":"m","status":504,"took":"1.5s","n":3,"s":"504","f":2.5,"t":true,"a":{"b":[1,2]},"module":"api"}"#;

#[test]
fn expressions_over_an_event() {
    let cases = [
        ("e.level", "ERROR"),
        ("e.status == 504", "true"),
        ("e.status == \"504\"", "true"),
        ("e.duration", "1500.0"),
        ("e[\"took\"]", "1.5s"),
        ("e[\"level\"] + e.message", "ERRORm"),
        ("e.a.b[1]", "2"),
        ("e[\"a.b\"].len", "2"),
        ("e.s == 504 && 504 == e.s && e.s == 504.0 && !(e.s != 504)", "true"),
        ("e.s == 503 || e.s != 504", "false"),
        ("\"x\" == 1", "false"),
        ("e.n + 1", "4"),
        ("e.f > e.n", "false"),
        ("e.t", "true"),
        ("e.module in [\"api\", \"db\"]", "true"),
        ("e.message.contains(\"m\")", "true"),
        ("[1, 2, 3].filter(|x| x > e.n - 2).len", "2"),
        ("`${e.n}/${e.f}`", "3/2.5"),
        ("if e.missing == () { 1 } else { 2 }", "1"),
        ("e.missing.deeper.still == ()", "true"),
        ("e.missing ?? \"none\"", "none"),
        ("lookup(\"codes\", \"A-1\").cause", "one"),
        ("lookup(\"codes\", e.status).cause", "slow"),
        ("lookup(\"codes\", e.missing) == ()", "true"),
        ("lookup(\"codes\", \"?\").cause == ()", "true"),
        ("find_in(\"codes\", \"see A-1 now\").key", "A-1"),
        ("find_in(\"codes\", \"see A-12 now\") == ()", "true"),
        ("find_in(\"codes\", e.missing) == ()", "true"),
    ];
    for (expression, expected) in cases {
        assert_eq!(printed(expression, EVENT), expected, "{expression}");
    }
}

#[test]
fn comparisons_with_what_is_missing_are_false() {
    for operator in ["==", "<", "<=", ">", ">="] {
        for other in ["3", "3.5", "\"x\"", "true", "[]", "#{}"] {
            for expression in [format!("e.x {operator} {other}"), format!("{other} {operator} e.x")] {
                assert_eq!(printed(&expression, "{}"), "false", "{expression}");
            }
        }
    }
    assert_eq!(printed("e.x != 3", "{}"), "true");
    assert_eq!(printed("e.x < e.y", "{}"), "false");
}

#[test]
fn an_event_cannot_be_changed() {
    for change in ["e.n = 4;", "e[\"n\"] = 4;", "e.level = \"INFO\";", "e.n += 1;"] {
        let outcome = run(&mut rules(&body(change)), &[EVENT]);
        assert_eq!(outcome.failures.len(), 1, "{change}");
        assert!(outcome.failures[0].message.starts_with("rules/r.rhai:3:"), "{}", outcome.failures[0].message);
    }
}

#[test]
fn constants_are_seen_in_functions_and_closures() {
    let text = "const RULE = #{};\nconst LIMIT = 2 + 3;\nconst NAMES = [\"a\"];\nconst MAP = #{ k: 1 };\nfn twice(n) { [n].map(|x| x * LIMIT)[0] }\n\
                fn on_event(e) { print(LIMIT); print(NAMES[0]); print(\"a\" in NAMES); print(MAP.k); print(twice(2)); let f = |x| `${NAMES[0]}${x + LIMIT}`; print(f.call(1)); }";
    let outcome = run(&mut rules(text), &["{}"]);
    assert_eq!(outcome.failures, []);
    assert_eq!(outcome.printed, ["5", "a", "true", "1", "10", "a6"]);
}

#[test]
fn every_word_is_a_member_behind_a_dot() {
    let words = [
        "module", "thread", "default", "match", "is", "new", "in", "private", "type", "fn", "name", "tag", "len",
        "true", "import", "as",
    ];
    for word in words {
        let line = format!("{{\"{word}\":\"x\"}}");
        assert_eq!(printed(&format!("`${{e.{word}}}${{e?.{word}}}`"), &line), "xx", "{word}");
    }
    assert_eq!(printed("#{ module: e.module, thread: 1 }.module", r#"{"module":"x"}"#), "x");
}

#[test]
fn a_finding_has_what_was_asked_and_what_the_rule_says() {
    let text = r#"
        const RULE = #{ severity: "info", key: ["upstream", "host", "status"], cooldown: "90s" };
        fn on_event(e) {
            let n = count(e.upstream, "1m");
            finding(#{ summary: `${n} times`, cause: e.missing, remedy: "restart", context: 20 });
            finding(#{ summary: "other", severity: "critical", key: #{ b: 1.0, a: e.upstream, c: () } });
        }"#;
    let outcome = run(&mut rules(text), &[r#"{"level":"WARN","upstream":"u1","status":504}"#]);
    assert_eq!(outcome.failures, []);
    let (first, second) = (&outcome.findings[0], &outcome.findings[1]);
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(first.key, Key(vec![pair("upstream", "u1"), pair("status", "504")]));
    assert_eq!((first.rule.as_str(), first.summary.as_str(), first.severity), ("r", "1 times", Severity::Info));
    assert_eq!((first.cause.as_deref(), first.remedy.as_deref(), first.context), (None, Some("restart"), 20));
    assert_eq!((first.observed, first.window_s, first.cooldown_s), (Some(1.0), Some(60.0), 90.0));
    assert_eq!(first.level, Some(crate::event::Level::Warn));
    assert_eq!((second.severity, &second.key), (Severity::Critical, &Key(vec![pair("a", "u1"), pair("b", "1")])));
}

#[test]
fn wrong_calls_fail_with_place_and_hint() {
    let cases = [
        ("let w = \"60\"; count(\"a\", w)", "rules/r.rhai:3:15: `60` is no duration; write a number and a unit"),
        ("count(\"a\", 60)", "rules/r.rhai:3:1: `60` is no duration"),
        ("count(#{}, \"1s\")", "a key is a scalar or an array of scalars, not map"),
        (
            "let m = #{ summary: \"s\", sevrity: 1 }; finding(m)",
            "unknown member of a finding `sevrity`; did you mean `severity`?",
        ),
        ("let m = #{}; finding(m)", "a finding has a `summary`"),
        ("finding(#{ summary: 1 })", "`summary` of a finding is text, not i64"),
        ("finding(#{ summary: e.x })", "`summary` of a finding is text, not ()"),
        (
            "let s = \"bad\"; finding(#{ summary: \"s\", severity: s })",
            "unknown severity `bad`; known: info, warning, critical",
        ),
        ("let t = \"cods\"; lookup(t, 1)", "unknown table `cods`; did you mean `codes`?"),
        ("loop { finding(#{ summary: \"s\" }) }", "more than 16 findings on one event"),
        ("throw \"own words\"", "rules/r.rhai:3:1: own words"),
        ("helper()", "rules/r.rhai:6:31: Division by zero"),
    ];
    for (script, expected) in cases {
        let text = format!("{}\nfn helper() {{ let zero = 0; 1 / zero }}", body(script));
        let outcome = run(&mut rules(&text), &["{}"]);
        let message = &outcome.failures[0].message;
        assert!(message.contains(expected), "{script}: {message}");
    }
}

#[test]
fn other_rules_run_on_when_one_fails() {
    let set = RuleSet::compile(&[source("b", &body("print(\"b\");")), source("a", &body("throw \"x\""))], &[]).unwrap();
    let mut rules = Rules::new(set, Budget::default());
    let outcome = run(&mut rules, &["{}"]);
    assert_eq!((outcome.failures.len(), outcome.printed), (1, vec!["b".to_owned()]));
    let tallies: Vec<_> =
        rules.tallies().map(|(name, tally)| (name.to_owned(), tally.evaluations, tally.failures)).collect();
    assert_eq!(tallies, [("a".to_owned(), 1, 1), ("b".to_owned(), 1, 0)]);
}
