//! Diagnostics for invalid rules.

use super::*;

fn problems(text: &str) -> String {
    shown(&compiled(text).expect_err(text))
}

#[test]
fn a_syntax_error_is_shown_with_its_line_and_a_caret() {
    let text = "const RULE = #{};\nfn on_event(e) {\n    let n = ;\n}\n";
    let shown = problems(text);
    let expected = "rules/r.rhai:3:13: syntax error: ";
    assert!(shown.starts_with(expected), "{shown}");
    assert!(shown.contains("3 |     let n = ;\n  |             ^"), "{shown}");
}

#[test]
fn what_is_wrong_is_said_with_place_and_hint() {
    let event = "\nfn on_event(e) { }";
    let cases = [
        (
            format!("const RULE = #{{ severty: \"info\" }};{event}"),
            "rules/r.rhai:1:17: unknown member of RULE `severty`",
            "did you mean `severity`?",
        ),
        (
            format!("const RULE = #{{\n  severity: \"bad\",\n}};{event}"),
            "rules/r.rhai:2:13: unknown severity `bad`",
            "known: info, warning, critical",
        ),
        (format!("const RULE = #{{ cooldown: 5 }};{event}"), "rules/r.rhai:1:27: `cooldown` is no duration", "\"90s\""),
        (
            format!("const RULE = #{{ key: \"k\" }};{event}"),
            "rules/r.rhai:1:22: `key` is an array of names",
            "[\"module\"",
        ),
        (format!("const RULE = #{{ key: [\"k\", 1] }};{event}"), "rules/r.rhai:1:28: this is no name", ""),
        (
            format!("const RULE = #{{ select: 1 }};{event}"),
            "rules/r.rhai:1:25: `select` is a map or an array of maps, not i64",
            "",
        ),
        (format!("const RULE = #{{ select: [] }};{event}"), "`select` is empty", "leave it out"),
        (
            format!("const RULE = #{{ select: #{{ level: \"WORN\" }} }};{event}"),
            "rules/r.rhai:1:35: unknown level `WORN`",
            "did you mean `WARN`?",
        ),
        (
            format!("const RULE = #{{ select: #{{ a: () }} }};{event}"),
            "rules/r.rhai:1:31: an event's member is not compared with ()",
            "",
        ),
        (
            format!("const RULE = #{{ select: #{{ a: #{{ tabel: \"codes\" }} }} }};{event}"),
            "1:34: unknown test `tabel`",
            "did you mean `table`?",
        ),
        (
            format!("const RULE = #{{ select: #{{ a: #{{ table: \"cods\" }} }} }};{event}"),
            "1:41: unknown table `cods`",
            "did you mean `codes`?",
        ),
        (
            format!("const RULE = #{{ select: #{{ a: #{{ regex: \"[\" }} }} }};{event}"),
            "1:41: this is no regular expression: unclosed character class",
            "",
        ),
        (
            format!("const RULE = #{{ select: #{{ a: #{{ contains: \"\" }} }} }};{event}"),
            "every text has an empty text",
            "",
        ),
        (format!("const RULE = #{{ select: #{{ a: [] }} }};{event}"), "1:31: the set is empty", "never run"),
        (
            format!("const RULE = #{{ select: #{{ a: #{{ min: 5, max: 4 }} }} }};{event}"),
            "no number is from 5 to 4",
            "",
        ),
        (
            format!("const RULE = #{{ select: #{{ a: #{{ exists: false, min: 4 }} }} }};{event}"),
            "what does not exist passes no other test",
            "never run",
        ),
        (format!("const RULE = #{{ select: #{{ status: 1000 }} }};{event}"), "from 100 to 599", "never run"),
        (
            format!("const RULE = #{{ select: #{{ level: #{{ min: \"ERROR\", max: \"INFO\" }} }} }};{event}"),
            "no event has such a level",
            "never run",
        ),
        (format!("const RULE = #{{ select: #{{ template: \"12\" }} }};{event}"), "this is no id of a template", "16"),
        (format!("const RULE = 1;{event}"), "rules/r.rhai:1:1: RULE is a map", ""),
        (event.to_owned(), "rules/r.rhai: a rule has a constant RULE", "const RULE"),
        ("const RULE = #{};".to_owned(), "rules/r.rhai: a rule has a function `on_event`", "fn on_event(e)"),
        (
            "const RULE = #{};\nfn on_evnt(e) { }".to_owned(),
            "a rule has a function `on_event`",
            "is `on_evnt` meant to be it?",
        ),
        (
            "const RULE = #{};\nfn on_event() { }".to_owned(),
            "`on_event` takes one argument, the event, not 0",
            "fn on_event(e)",
        ),
        (
            format!("const RULE = #{{}};\nlet x = 1;{event}"),
            "rules/r.rhai:2:1: `x` is a variable of no function",
            "write `const`",
        ),
        (
            format!("const RULE = #{{}};\nprint(1);{event}"),
            "rules/r.rhai:2:1: only constants and functions stand at the top",
            "",
        ),
        (format!("const RULE = #{{}};\nconst X = 1 / 0;{event}"), "rules/r.rhai:2:13: Division by zero", ""),
        (
            format!("const RULE = #{{}};\nconst X = count(1, \"1s\");{event}"),
            "2:11: this can be called only while an event is evaluated",
            "",
        ),
        (
            format!("const RULE = #{{}};\nconst X = lookup(\"codes\", 1);{event}"),
            "2:11: this can be called only while an event is evaluated",
            "",
        ),
        (body("cuont(e.k, \"1s\");"), "rules/r.rhai:3:1: unknown function `cuont`", "did you mean `count`?"),
        (body("e.k.lenght();"), "rules/r.rhai:3:5: unknown function `lenght`", ""),
        (body("count(e.k);"), "rules/r.rhai:3:1: `count` takes 2 arguments, not 1", ""),
        (body("count(e.k, \"60\");"), "rules/r.rhai:3:12: `60` is no duration", "\"90s\""),
        (body("lookup(\"cods\", 1);"), "rules/r.rhai:3:8: unknown table `cods`", "did you mean `codes`?"),
        (
            body("finding(#{ summry: \"s\" });"),
            "rules/r.rhai:3:12: unknown member of a finding `summry`",
            "did you mean `summary`?",
        ),
        (body("finding(#{ });"), "rules/r.rhai:3:9: a finding has a `summary`", ""),
        (body("LIMTI > 3;").replace("fn on", "const LIMIT = 3;\nfn on"), "LIMTI", "did you mean `LIMIT`?"),
        (body("for X in 0..3 { }") + "const X = 1;", "rules/r.rhai:3:5: `X` hides the constant", "another name"),
        (body("let X = 3;") + "const X = 1;", "rules/r.rhai:3:1: `X` hides the constant", ""),
        (body("") + "const X = 1; fn helper(X) { }", "rules/r.rhai: `X` hides the constant", ""),
        (body("helper(1);") + "fn helper() { }", "`helper` takes 0 arguments, not 1", ""),
    ];
    let mut wrong = String::new();
    for (text, expected, hint) in cases {
        let shown = problems(&text);
        if !shown.contains(expected) || !shown.contains(hint) {
            wrong += &format!("{text}\n→ {shown}\n\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let rules = [source("b", "const RULE = #{ a: 1, b: 2 };\nfn on_event(e) { foo(); bar(); }"), source("a", "fn")];
    let found = RuleSet::compile(&rules, &[table("t", "x")]).unwrap_err();
    let paths: Vec<(&str, usize)> = found.iter().map(|problem| (problem.path.as_str(), problem.line)).collect();
    let b = "rules/b.rhai";
    assert_eq!(paths, [("rules/t.toml", 1), ("rules/a.rhai", 1), (b, 1), (b, 1), (b, 2), (b, 2)]);
}

#[test]
fn a_later_source_of_the_same_name_counts() {
    let set = RuleSet::compile(&[source("a", "bad ("), source("b", &body("")), source("a", &body(""))], &[]).unwrap();
    assert_eq!(set.names().collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn tests_in_a_rule_are_let_be() {
    let text = body("") + "const TESTS = [#{ name: \"n\", given: [#{ a: 1 }], expect: [] }];";
    assert!(compiled(&text).is_ok());
}
