//! Tests of the embedded rules.

use super::*;
use crate::engine::finding::Severity;

fn shipped(tables: &[TableSource]) -> Rules {
    let (rules, mut all) = RuleSet::shipped_sources();
    all.extend_from_slice(tables);
    Rules::new(
        RuleSet::compile(&rules, &all).unwrap_or_else(|problems| panic!("{}", shown(&problems))),
        Budget::default(),
    )
}

#[test]
fn error_codes_are_explained_wherever_they_stand() {
    let cases = [
        (
            r#"{"level":"ERROR","module":"train","error_code":"GLM-1024","msg":"x"}"#,
            Some("GLM-1024 in train: GPU memory exhausted"),
        ),
        (r#"{"level":"INFO","code":"GLM-2001"}"#, Some("GLM-2001: API key invalid")),
        (
            r#"{"level":"WARN","module":"cache","msg":"open failed (GLM-3005), retrying"}"#,
            Some("GLM-3005 in cache: cache file damaged"),
        ),
        (r#"{"level":"ERROR","code":"E77","msg":"inner GLM-3005"}"#, Some("GLM-3005: cache file damaged")),
        (r#"{"level":"INFO","msg":"docs mention GLM-3005"}"#, None),
        (r#"{"level":"ERROR","msg":"XGLM-10245"}"#, None),
        (r#"{"level":"ERROR","msg":"XGLM-1024 GLM-10245 GLM-1024-B"}"#, None),
        (r#"{"level":"ERROR","error_code":"GLM-9"}"#, None),
    ];
    for (line, expected) in cases {
        let outcome = run(&mut shipped(&[]), &[line]);
        assert_eq!(outcome.failures, [], "{line}");
        assert_eq!(outcome.findings.first().map(|finding| finding.summary.as_str()), expected, "{line}");
    }
}

#[test]
fn the_finding_names_code_module_cause_and_remedy() {
    let outcome = run(&mut shipped(&[]), &[r#"{"level":"ERROR","module":"train","error_code":"GLM-1024"}"#]);
    let finding = &outcome.findings[0];
    let key: Vec<(&str, &str)> = finding.key.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(key, [("error_code", "GLM-1024"), ("module", "train")]);
    assert_eq!(finding.severity, Severity::Critical);
    assert_eq!(finding.cause.as_deref(), Some("GPU memory exhausted"));
    assert_eq!(finding.remedy.as_deref(), Some("lower the batch size or accumulate gradients"));
    assert!(finding.key.0.iter().all(|(_, value)| finding.summary.contains(value)));
}

#[test]
fn a_users_table_takes_the_shipped_ones_place() {
    let own = table("error_codes", "[\"X-1\"]\ncause = \"own\"\n");
    let outcome = run(&mut shipped(&[own]), &[r#"{"error_code":"X-1"}"#, r#"{"error_code":"GLM-1024"}"#]);
    assert_eq!(outcome.findings.iter().map(|finding| finding.summary.as_str()).collect::<Vec<_>>(), ["X-1: own"]);
    assert_eq!(outcome.findings[0].severity, Severity::Warning);
}

#[test]
fn shipped_rules_say_what_they_do() {
    let (rules, tables) = RuleSet::shipped_sources();
    let set = RuleSet::compile(&rules, &tables).unwrap();
    let on: Vec<&str> = RuleSet::shipped_names().filter(|(_, on)| *on).map(|(name, _)| name).collect();
    assert_eq!(set.names().collect::<Vec<_>>(), on);
    for (name, _) in RuleSet::shipped_names().filter(|(_, on)| !on) {
        let (rules, tables) = RuleSet::shipped_sources_with(&[name.to_owned()], &["panics".to_owned()]);
        let set = RuleSet::compile(&rules, &tables).unwrap_or_else(|problems| panic!("{}", shown(&problems)));
        assert_eq!(set.names().filter(|found| *found == name || *found == "panics").collect::<Vec<_>>(), [name]);
    }
    assert!(set.description("error_codes").unwrap().starts_with("Known error codes"));
    assert!(set.reads("error_codes").any(|name| name == "error_code"));
}
