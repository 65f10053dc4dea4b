//! Checks the contract with readers of findings: the schema, its documentation, and the findings
//! that are written.

use crate::support::{command, root, run};
use serde_json::{Map, Value};
use std::fs;

/// The markers around the tables in the documentation that are generated from the schema.
const BEGIN: &str =
    "<!-- Made from `seismolog schema finding`: UPDATE_DOCS=1 cargo test --test integration findings -->";
const END: &str = "<!-- End of what is made. -->";

fn schema() -> Value {
    let schema = run(&["schema", "finding"], b"").quietly();
    serde_json::from_slice(&schema).unwrap()
}

#[test]
fn the_documentation_is_that_of_the_schema() {
    let path = root().join("docs/findings.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("docs/findings.md has no place for the tables");
    let (_, after) = rest.split_once(END).expect("docs/findings.md has no end of the tables");
    let schema = schema();
    let whole = format!("{before}{BEGIN}\n{}{END}{after}", tables(&schema));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &whole).unwrap();
    }
    assert!(fs::read_to_string(&path).unwrap() == whole, "docs/findings.md is not that of the schema; {BEGIN}");
}

fn tables(schema: &Value) -> String {
    let evidence = &schema["properties"]["evidence"];
    let mut text = format!("\nVersion {} of the schema.\n\n## A finding\n\n{}", schema["schema"], table(schema, true));
    text.push_str("\n## Evidence that every finding has\n\n");
    text.push_str(&table(evidence, true));
    text.push_str("\n## Evidence that only some have\n\n");
    text.push_str(&table(evidence, false));
    text.push('\n');
    text
}

/// A table of the required members, or of the others; of a whole schema, all members.
fn table(schema: &Value, required: bool) -> String {
    let mut text = String::from("| member | type | meaning |\n| --- | --- | --- |\n");
    for (name, member) in schema["properties"].as_object().unwrap() {
        let is_required = is_required(schema, name);
        if is_required == required || schema["schema"].is_number() {
            let meaning = member["description"].as_str().unwrap_or_else(|| panic!("{name} means nothing"));
            let meaning = meaning.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
            text.push_str(&format!("| `{name}` | {} | {meaning} |\n", type_of(member)));
        }
    }
    text
}

fn is_required(schema: &Value, name: &str) -> bool {
    schema["required"].as_array().into_iter().flatten().any(|required| required == name)
}

fn type_of(member: &Value) -> String {
    match &member["type"] {
        Value::String(name) => name.clone(),
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => {
            let choices = ["oneOf", "anyOf"].into_iter().flat_map(|name| member[name].as_array().into_iter().flatten());
            let mut names: Vec<_> = choices.map(type_of).collect();
            names.dedup();
            names.join(" or ")
        }
    }
}

#[test]
fn the_schema_accepts_every_finding_of_the_golden_cases_and_of_all_faults() {
    let schema = schema();
    let mut findings = Vec::new();
    for case in fs::read_dir(root().join("tests/integration/golden")).unwrap() {
        let case = case.unwrap().path();
        for name in ["stdout", "log"] {
            if let Ok(text) = fs::read(case.join(name)) {
                collect(&text, &mut findings);
            }
        }
    }
    let of_cases = findings.len();
    assert!(of_cases > 50, "only {of_cases} findings are in the golden cases");
    let demo = command(&["demo", "--emit", "--faults", "all", "--minutes", "120"]).output().unwrap().stdout;
    let folder = tempfile::tempdir().unwrap();
    let (log, lines) = (folder.path().join("demo.ndjson"), folder.path().join("findings.ndjson"));
    fs::write(&log, demo).unwrap();
    run(&["replay", log.to_str().unwrap(), "--findings", lines.to_str().unwrap()], b"");
    collect(&fs::read(&lines).unwrap(), &mut findings);
    assert!(findings.len() > of_cases + 50, "only {} findings are in the demo", findings.len() - of_cases);
    let mut detectors: Vec<_> = findings.iter().map(|finding| finding["detector"].as_str().unwrap()).collect();
    detectors.sort_unstable();
    detectors.dedup();
    assert!(detectors.len() >= 6, "only {detectors:?} are tested");
    for finding in &findings {
        let mut wrong = Vec::new();
        check(&schema, finding, "finding", &mut wrong);
        let p_value = finding["evidence"]["p_value"].as_f64().filter(|p| (1e-299..1.0).contains(p));
        let score = p_value.map(|p| 1.0 - 1.0 / (1.0 - p.log10() / 6.0));
        if score.is_some_and(|score| (score - finding["score"].as_f64().unwrap()).abs() > 0.01) {
            wrong.push(format!("the score should be {score:?}"));
        }
        assert!(wrong.is_empty(), "{wrong:?} in {finding}");
    }
}

/// Collects findings in events, and findings that are events of their own.
fn collect(text: &[u8], findings: &mut Vec<Value>) {
    for line in text.split(|byte| *byte == b'\n') {
        let Ok(Value::Object(event)) = serde_json::from_slice::<Value>(line) else { continue };
        let is_finding = |value: &Value| value["detector"].is_string() && value["evidence"].is_object();
        let annotated = event.values().filter_map(Value::as_array).flatten();
        findings.extend(annotated.filter(|value| is_finding(value)).cloned());
        let whole = Value::Object(event.clone());
        findings.extend(is_finding(&whole).then_some(whole));
    }
}

/// Collects the violations of a schema: types, names of members, missing members.
fn check(schema: &Value, value: &Value, path: &str, wrong: &mut Vec<String>) {
    const KNOWN: [&str; 20] = [
        "$schema",
        "title",
        "schema",
        "description",
        "format",
        "default",
        "type",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "minItems",
        "maxItems",
        "minimum",
        "maximum",
        "const",
        "enum",
        "oneOf",
        "anyOf",
        "uniqueItems",
    ];
    let schema = schema.as_object().unwrap();
    let unknown: Vec<_> = schema.keys().filter(|key| !KNOWN.contains(&key.as_str())).collect();
    assert!(unknown.is_empty(), "the check does not know {unknown:?} at {path}");
    let types = match schema.get("type") {
        Some(Value::String(name)) => vec![name.as_str()],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !types.is_empty() && !types.iter().any(|name| is_of(name, value)) {
        wrong.push(format!("{path} is no {types:?}"));
    }
    for (name, holds) in [
        ("const", &(|wanted: &Value| wanted == value) as &dyn Fn(&Value) -> bool),
        ("enum", &|wanted| wanted.as_array().is_some_and(|wanted| wanted.contains(value))),
    ] {
        if schema.get(name).is_some_and(|wanted| !holds(wanted)) {
            wrong.push(format!("{path} is not as {name} wants"));
        }
    }
    for name in ["oneOf", "anyOf"] {
        let Some(choices) = schema.get(name).and_then(Value::as_array) else { continue };
        let fits = |choice: &Value| {
            let mut wrong = Vec::new();
            check(choice, value, path, &mut wrong);
            wrong.is_empty()
        };
        let fitting = choices.iter().filter(|choice| fits(choice)).count();
        if fitting == 0 || (name == "oneOf" && fitting > 1) {
            wrong.push(format!("{path} fits {fitting} of {name}"));
        }
    }
    match value {
        Value::Object(members) => check_members(schema, members, path, wrong),
        Value::Array(items) => {
            let count = items.len() as u64;
            let most = schema.get("maxItems").and_then(Value::as_u64).unwrap_or(u64::MAX);
            if count < schema.get("minItems").and_then(Value::as_u64).unwrap_or(0) || count > most {
                wrong.push(format!("{path} has {count} items"));
            }
            if let Some(schema) = schema.get("items") {
                items.iter().for_each(|item| check(schema, item, &format!("{path}[]"), wrong));
            }
        }
        Value::Number(number) => {
            let least = schema.get("minimum").and_then(Value::as_f64).unwrap_or(f64::MIN);
            if number.as_f64().is_some_and(|number| number < least) {
                wrong.push(format!("{path} is below {least}"));
            }
        }
        _ => {}
    }
}

fn check_members(schema: &Map<String, Value>, members: &Map<String, Value>, path: &str, wrong: &mut Vec<String>) {
    for (name, value) in members {
        let path = format!("{path}.{name}");
        match (schema.get("properties").and_then(|known| known.get(name)), schema.get("additionalProperties")) {
            (Some(schema), _) => check(schema, value, &path, wrong),
            (None, Some(schema @ Value::Object(_))) => check(schema, value, &path, wrong),
            (None, _) => wrong.push(format!("{path} is unknown")),
        }
    }
    for name in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        if !members.contains_key(name) {
            wrong.push(format!("{path}.{name} is missing"));
        }
    }
}

fn is_of(name: &str, value: &Value) -> bool {
    match name {
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "null" => value.is_null(),
        _ => false,
    }
}

#[test]
fn the_check_of_the_schema_refuses_what_is_not_as_it_says() {
    let schema = schema();
    let good = fs::read(root().join("tests/integration/golden/silence_host/stdout")).unwrap();
    let mut findings = Vec::new();
    collect(&good, &mut findings);
    let good = findings.remove(0);
    for (path, value) in [
        ("/state", Value::from("closed")),
        ("/count", Value::from("7")),
        ("/evidence/observed", Value::Null),
        ("/evidence/limit_s", Value::from(true)),
        ("/key", serde_json::json!({ "module": 7 })),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(path).unwrap() = value;
        let mut wrong = Vec::new();
        check(&schema, &bad, "finding", &mut wrong);
        assert!(!wrong.is_empty(), "{path}");
    }
    let mut bad = good.clone();
    bad["evidence"]["new"] = 1.into();
    bad["evidence"].as_object_mut().unwrap().remove("samples");
    let mut wrong = Vec::new();
    check(&schema, &bad, "finding", &mut wrong);
    assert_eq!(wrong.len(), 2, "{wrong:?}");
}
