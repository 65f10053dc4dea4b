//! The state of rules between events.

use super::*;

const COUNTING: &str = "const RULE = #{ key: [\"k\"] };\nfn on_event(e) { print(count(e.k, \"3s\")); }";

#[test]
fn counts_belong_to_rule_call_site_and_key() {
    let text = "const RULE = #{};\nfn twice(k) { count(k, \"1m\") + count(k, \"1m\") }\n\
                fn on_event(e) { print(`${count(e.k, \"1m\")} ${twice(e.k)} ${count([e.k, e.j], \"1m\")}`); }";
    let outcome =
        run(&mut rules(text), &[r#"{"k":"a"}"#, r#"{"k":"a","j":1}"#, r#"{"k":"b","j":1}"#, r#"{"k":"a","j":"1"}"#]);
    assert_eq!(outcome.printed, ["1 2 0", "2 4 1", "1 2 1", "3 6 2"]);
}

#[test]
fn a_missing_key_counts_nothing_and_numbers_are_keys_by_value() {
    let mut rules = rules(COUNTING);
    let outcome = run(&mut rules, &["{}", r#"{"k":1}"#, r#"{"k":"1"}"#, r#"{"k":1.0}"#, r#"{"k":1}"#]);
    assert_eq!(outcome.printed, ["0", "1", "2", "3", "3"]);
    assert_eq!(rules.table_keys(), 1);
}

#[test]
fn a_reset_clears_the_windows_of_the_findings_key() {
    let text = r#"
        const RULE = #{ key: ["k", "j"] };
        fn on_event(e) {
            let n = count([e.k, e.j], "1h");
            print(n);
            if n >= 2 { finding(#{ summary: "two", reset: true }); }
        }"#;
    let event = r#"{"k":"a","j":"x"}"#;
    let outcome = run(&mut rules(text), &[event, r#"{"k":"a","j":"y"}"#, event, event, r#"{"k":"a","j":"y"}"#]);
    assert_eq!(outcome.printed, ["1", "1", "2", "1", "2"]);
    assert_eq!(outcome.findings.len(), 2);

    let all = "const RULE = #{};\nfn on_event(e) { print(count(e.k, \"1h\")); if e.k == \"z\" { finding(#{ summary: \"s\", reset: true }); } }";
    let outcome = run(&mut rules(all), &[r#"{"k":"a"}"#, r#"{"k":"z"}"#, r#"{"k":"a"}"#]);
    assert_eq!(outcome.printed, ["1", "1", "1"], "a rule without a key clears all it counted");
}

#[test]
fn tables_stay_within_their_budget() {
    let set = compiled("const RULE = #{};\nfn on_event(e) { count(e.k, \"1d\"); count(e.k, \"2d\"); }").unwrap();
    let mut rules = Rules::new(set, Budget { keys: 10, ..Budget::default() });
    let lines: Vec<String> = (0..100).map(|i| format!("{{\"k\":{i}}}")).collect();
    run(&mut rules, &lines.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!((rules.table_keys(), rules.evictions()), (20, 180));
}

#[test]
fn a_snapshot_restores_rules_whose_text_is_the_same() {
    let lines = [r#"{"k":"a"}"#, r#"{"k":"a"}"#, r#"{"k":"b"}"#];
    let mut before = rules(COUNTING);
    run(&mut before, &lines);
    let snapshot = before.snapshot();

    let mut same = rules(COUNTING);
    same.restore(&snapshot).unwrap();
    assert_eq!(same.snapshot(), snapshot);
    assert_eq!(same.tallies().collect::<Vec<_>>(), before.tallies().collect::<Vec<_>>());
    assert_eq!(run(&mut same, &lines).printed, run(&mut before, &lines).printed);

    let mut other = rules(&format!("{COUNTING}\n"));
    other.restore(&snapshot).unwrap();
    assert_eq!(other.table_keys(), 0);
    assert!(matches!(other.restore(&snapshot[..snapshot.len() / 2]), Err(RestoreError::Malformed(_))));
    assert!(matches!(other.restore(b""), Err(RestoreError::Malformed(_))));
}

#[test]
fn the_same_events_give_the_same_outcome_and_state() {
    let lines: Vec<String> = (0..500).map(|i| format!("{{\"k\":\"key {}\",\"n\":{i}}}", i * 7919 % 61)).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let text = "const RULE = #{ key: [\"k\"] };\nfn on_event(e) { if count(e.k, \"5m\") > 2 { finding(#{ summary: `${#{ z: e.n, a: 1 }}` }); } }";
    let once = || {
        let mut rules = rules(text);
        let outcome = run(&mut rules, &lines);
        (outcome.findings, rules.snapshot())
    };
    assert_eq!(once(), once());
}

#[test]
fn a_rule_that_keeps_failing_is_switched_off_and_tried_again() {
    let text = body("if e.bad { throw \"bad\"; }");
    let mut rules = rules(&text);
    let bad = vec![r#"{"bad":true}"#; 100];
    let outcome = run(&mut rules, &bad);
    assert_eq!(outcome.failures.len(), 100);
    assert_eq!(outcome.failures[99].message, "rules/r.rhai:3:12: bad; switched off for 60 s");
    let batch = stream(&[r#"{"bad":false}"#]);
    let mut at = |second: i64| {
        rules.on_event(&batch.fields(0), Timestamp(second * 1_000_000_000), &mut RuleOutcome::default());
        rules.tallies().next().unwrap().1
    };
    assert_eq!(at(158), RuleTally { evaluations: 100, failures: 100, enabled: false, ..RuleTally::default() });
    assert_eq!(at(159), RuleTally { evaluations: 101, failures: 100, ..RuleTally::default() });
}

#[test]
fn rules_move_between_threads() {
    fn sends<T: Send>() {}
    fn shares<T: Send + Sync + Clone>() {}
    sends::<Rules>();
    shares::<RuleSet>();
}
