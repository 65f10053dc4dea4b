//! Which events a filter lets through.

use super::*;

/// True when a rule with this `select` runs for this line.
fn selects(select: &str, line: &str) -> bool {
    let mut rules = rules(&format!("const RULE = #{{ select: {select} }};\nfn on_event(e) {{ print(\"ran\"); }}"));
    let outcome = run(&mut rules, &[line]);
    assert!(outcome.failures.is_empty());
    outcome.printed == ["ran"]
}

#[test]
fn a_filter_selects_what_it_says() {
    let cases = [
        // Levels: one is a least level, an array is those.
        (r#"#{ level: "WARN" }"#, r#"{"level":"ERROR"}"#, true),
        (r#"#{ level: "WARN" }"#, r#"{"level":"WARN"}"#, true),
        (r#"#{ level: "WARN" }"#, r#"{"level":"INFO"}"#, false),
        (r#"#{ level: "WARN" }"#, r#"{"msg":"no level"}"#, false),
        (r#"#{ level: ["INFO", "FATAL"] }"#, r#"{"level":"FATAL"}"#, true),
        (r#"#{ level: ["INFO", "FATAL"] }"#, r#"{"level":"ERROR"}"#, false),
        (r#"#{ level: "TRACE" }"#, r#"{"msg":"no level"}"#, false),
        // Roles, by any of their names.
        (r#"#{ status: 504 }"#, r#"{"status":504}"#, true),
        (r#"#{ status: 504 }"#, r#"{"status_code":"504"}"#, true),
        (r#"#{ status: "504" }"#, r#"{"http":{"status_code":504}}"#, true),
        (r#"#{ status: [502, 504] }"#, r#"{"status":502}"#, true),
        (r#"#{ status: [502, 504] }"#, r#"{"status":503}"#, false),
        (r#"#{ status: 504 }"#, r#"{"msg":"504"}"#, false),
        (r#"#{ message: "a \"b\"" }"#, r#"{"msg":"a \"b\""}"#, true),
        (r#"#{ duration: 1500 }"#, r#"{"took":"1.5s"}"#, true),
        // Literal members, dotted paths, and values by value.
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
        // All of a map, any of an array, everything without a filter.
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
