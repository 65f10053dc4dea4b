//! Tests of the test runner: what passes, what fails, and what is reported.

use super::expectation::Mismatch;
use super::run::run;
use super::*;
use crate::config::Config;
use crate::engine::Engine;
use crate::engine::rules::{RuleSet, RuleSource};
use crate::event::EventParser;
use crate::event::time::TimeContext;

const RULE: &str = r#"
const RULE = #{ select: #{ status: [502, 504] }, key: ["upstream"], cooldown: "5m" };
fn on_event(e) {
    if count(e.upstream, "60s") >= 3 {
        finding(#{ summary: `${e.upstream} times out` });
    }
}
"#;

/// The results of the tests `cases` for [`RULE`], or the errors in them.
fn outcomes(cases: &str) -> Result<Vec<Mismatch>, String> {
    let text = format!("{RULE}const TESTS = [{cases}];");
    let source = RuleSource { name: "r".into(), path: "r.rhai".into(), text };
    let shown = |problems: Vec<Diagnostic>| problems.iter().map(|problem| format!("{problem}\n")).collect::<String>();
    let set = RuleSet::compile(&[source], &[]).map_err(shown)?;
    let suite = Suite::of_rule(set.tests().next().unwrap()).map_err(shown)?;
    let config = Config::default();
    Ok(suite
        .cases
        .iter()
        .map(|case| {
            let mut engine = Engine::new(&config.engine_options(), set.clone());
            engine.keep_detectors(|_| false);
            let parser =
                EventParser::new(config.names(), config.output.member.clone(), TimeContext::new("UTC", 2026).unwrap());
            run(case, engine, parser)
        })
        .collect())
}

fn one(case: &str) -> Mismatch {
    outcomes(&format!("#{{ name: \"t\", {case} }}")).unwrap_or_else(|problems| panic!("{problems}")).remove(0)
}

#[test]
fn what_should_pass_passes() {
    let three = "#{ status: 504, upstream: \"db\", times: 3, every: \"10s\" }";
    let cases = [
        format!("given: [{three}], expect: [#{{ event: 3, state: \"open\", key: #{{ upstream: \"db\" }} }}]"),
        format!("given: [{three}], expect: [#{{ severity: \"warning\", summary: #{{ contains: \"db\" }} }}]"),
        format!(
            "given: [{three}, #{{ after: \"6m\" }}], expect: [#{{ state: \"open\" }}, #{{ state: \"resolved\", count: 1 }}]"
        ),
        format!(
            "given: [{three}, #{{ after: \"6m\", expect: [#{{ state: \"open\" }}] }}, {three}], expect: [#{{ event: 6 }}]"
        ),
        "given: [#{ status: 504, upstream: \"{n}\", times: 9 }], expect: \"nothing\"".to_owned(),
        "given: [#{ status: 504, upstream: \"a\", times: 9, every: \"1m\" }], expect: []".to_owned(),
        // Text lines, and events with times of their own.
        "given: [\"{\\\"ts\\\":\\\"2026-03-01T00:00:00Z\\\",\\\"status\\\":504,\\\"upstream\\\":\\\"a\\\"}\",
            #{ after: \"10s\", status: 502, upstream: \"a\" }, #{ after: \"10s\", status: \"504\", upstream: \"a\" }],
            expect: [#{ opened_at: \"2026-03-01T00:00:20Z\" }]"
            .to_owned(),
        "at: \"2026-02-03T04:05:06Z\", given: [#{ line: #{ status: 504, upstream: \"a\", times: 7 }, times: 3 }],
            expect: [#{ opened_at: \"2026-02-03T04:05:06Z\", cause: (), count: #{ min: 1, max: 1 } }]"
            .to_owned(),
    ];
    for case in cases {
        assert_eq!(one(&case), Mismatch::default(), "{case}");
    }
}

#[test]
fn what_should_fail_says_how() {
    let three = "given: [#{ status: 504, upstream: \"db\", times: 3 }]";
    let missing = one(&format!("{three}, expect: [#{{ key: #{{ upstream: \"dc\" }}, event: 2 }}]"));
    assert_eq!(missing.missing[0].0, "#{ event: 2, key: #{ upstream: \"dc\" } }");
    assert_eq!(missing.missing[0].1, ["event: expected 2, came 3", "key.upstream: expected \"dc\", came \"db\""]);
    assert_eq!(missing.unexpected.len(), 1);
    let unexpected = one(&format!("{three}, expect: \"nothing\""));
    assert!(
        unexpected.unexpected[0].starts_with("event 3: #{ detector: \"rule\", rule: \"r\", state: \"open\""),
        "{unexpected:?}"
    );
    let nothing = one("given: [\"line\"], expect: [#{ dropped: true }]");
    assert_eq!(nothing.missing, [("#{ dropped: true }".to_owned(), Vec::new())]);
}

#[test]
fn what_is_no_test_is_said_with_its_place() {
    let cases = [
        ("#{ given: [], expect: [] }", "a test has a `name`"),
        ("#{ name: \"t\", given: [] }", "a test says what it expects"),
        ("#{ name: \"t\", givn: [], expect: [] }", "unknown member of a test `givn`; did you mean `given`?"),
        ("#{ name: \"t\", given: [#{ after: \"5 minuts\" }], expect: [] }", "step 1 of `given`: `after` is a duration"),
        ("#{ name: \"t\", given: [#{ times: 3 }], expect: [] }", "no event to come several times"),
        ("#{ name: \"t\", given: [1], expect: [] }", "a step is a map or a line of text"),
        (
            "#{ name: \"t\", given: [], expect: [#{ sate: \"open\" }] }",
            "unknown member of an expectation `sate`; did you mean `state`?",
        ),
        ("#{ name: \"t\", given: [], expect: [#{ printed: #{ regex: \"[\" } }] }", "\"[\" is no regular expression"),
        ("#{ name: \"t\", expect: [] }, #{ name: \"t\", expect: [] }", "there are two tests named \"t\""),
        ("1", "a test is a map"),
    ];
    for (case, expected) in cases {
        let problems = outcomes(case).expect_err(case);
        assert!(problems.contains(expected) && problems.starts_with("r.rhai:8:"), "{case}\n{problems}");
    }
}

#[test]
fn a_file_of_tests_is_read_with_what_it_names() {
    let text = "config = \"s.toml\"\nrules = [\"more\"]\n[[test]]\nname = \"t\"\ngiven = [{ file = \"x.log\" }, { after = \"1s\" }]\nexpect = \"nothing\"\n";
    let read = |name: &str| if name == "x.log" { Ok("a\nb\n".to_owned()) } else { Err("no such file".to_owned()) };
    let suite = Suite::of_configuration("s.test.toml", text, &read).unwrap();
    assert_eq!((suite.config.as_deref(), suite.rules.len(), suite.cases[0].line), (Some("s.toml"), 1, 3));
    assert_eq!(suite.cases[0].given[0].lines, ["a", "b"]);
    for (text, expected) in [
        ("confg = \"s\"", "s.test.toml:1:1: unknown name `confg`"),
        (
            "[[test]]\nname = \"t\"\ngiven = [{ file = \"y\" }]\nexpect = []",
            "s.test.toml:1:1: step 1 of `given`: no such file",
        ),
        ("[[test]]\nname = \"t\"\nwith = []\nexpect = []", "unknown member of a test `with`"),
        ("x = ", "s.test.toml:1:"),
    ] {
        let problems = Suite::of_configuration("s.test.toml", text, &read).unwrap_err();
        assert!(
            problems[0].to_string().starts_with(expected) || problems[0].to_string().contains(expected),
            "{}",
            problems[0]
        );
    }
}
