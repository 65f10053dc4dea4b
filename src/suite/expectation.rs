//! The expectations of a test, and how they differ from the effects.

use super::case::unknown;
use super::effect::{Came, Effect, shown};
use regex::Regex;
use serde_json::{Map, Value};

/// The members of a finding's JSON.
const FINDING: [&str; 16] = [
    "id",
    "detector",
    "kind",
    "rule",
    "state",
    "severity",
    "respond_within",
    "key",
    "opened_at",
    "count",
    "score",
    "summary",
    "evidence",
    "cause",
    "remedy",
    "context",
];
/// Members that mark an expectation of something other than a finding.
const OTHERS: [&str; 8] = ["event", "annotated", "masked", "dropped", "emitted", "metric", "printed", "failed"];
/// A map that has only these members is a condition on a value.
const TESTS: [&str; 8] = ["contains", "prefix", "regex", "min", "max", "one_of", "exists", "not"];

/// One expected effect.
#[derive(Clone, Debug)]
pub struct Expectation {
    event: Option<u64>,
    what: What,
    /// The expectation as it is written in the test.
    text: String,
}

#[derive(Clone, Debug)]
enum What {
    Finding(Map<String, Value>),
    Annotated(Value),
    Masked(Value),
    Dropped(u64),
    Emitted(Value),
    Metric(String, Map<String, Value>),
    Printed(Value),
    Failed(String),
}

/// The metrics of the tested rule at the end.
pub type MetricValues = Vec<(String, Value)>;

/// The differences between the expectations of a test and its effects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mismatch {
    /// Expectations that were not met, each with its differences to the most similar effect.
    pub missing: Vec<(String, Vec<String>)>,
    /// Effects that were not expected.
    pub unexpected: Vec<String>,
}

impl Mismatch {
    /// Whether everything is as expected.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty()
    }
}

impl Expectation {
    /// Reads `expect`.
    ///
    /// # Errors
    /// The error in it.
    pub fn read_all(value: &Value) -> Result<Vec<Self>, String> {
        match value {
            Value::String(text) if text == "nothing" => Ok(Vec::new()),
            Value::Array(items) => items.iter().map(Self::read).collect(),
            _ => Err("an array of expectations, or \"nothing\"".into()),
        }
    }

    fn read(value: &Value) -> Result<Self, String> {
        let map = value.as_object().ok_or("an expectation is a map")?;
        let event = match map.get("event") {
            None => None,
            Some(number) => Some(number.as_u64().ok_or("`event` is the number of an event, from 1")?),
        };
        let mut rest = map.clone();
        rest.remove("event");
        let text = shown(value);
        let kind = OTHERS[1..].iter().find_map(|name| Some((*name, rest.remove(*name)?)));
        let Some((kind, value)) = kind else {
            if let Some(name) = rest.keys().find(|name| !FINDING.contains(&name.as_str())) {
                let known: Vec<&str> = FINDING.iter().chain(&OTHERS).copied().collect();
                return Err(unknown("member of an expectation", name, &known));
            }
            check_tests(&Value::Object(rest.clone()))?;
            return Ok(Self { event, what: What::Finding(rest), text });
        };
        check_tests(&value)?;
        let allowed: &[&str] = if kind == "metric" { &["value", "labels", "count", "sum"] } else { &[] };
        if let Some(name) = rest.keys().find(|name| !allowed.contains(&name.as_str())) {
            return Err(format!("`{name}` does not go with `{kind}`"));
        }
        let what = match kind {
            "annotated" => What::Annotated(value),
            "masked" => What::Masked(value),
            "emitted" => What::Emitted(value),
            "printed" => What::Printed(value),
            "failed" => What::Failed(value.as_str().ok_or("`failed` is a part of the reason")?.to_owned()),
            "metric" => What::Metric(value.as_str().ok_or("`metric` is the name of a metric")?.to_owned(), rest),
            _ => What::Dropped(match &value {
                Value::Bool(true) => 1,
                other => other.as_u64().filter(|count| *count > 0).ok_or("`dropped` is true or a number of events")?,
            }),
        };
        Ok(Self { event, what, text })
    }

    /// How the expectation differs from `effect`; `None` if the effect is of another kind.
    fn difference(&self, effect: &Effect) -> Option<Vec<String>> {
        let mut differences = Vec::new();
        if let Some(event) = self.event.filter(|event| *event != effect.event) {
            differences.push(format!("event: expected {event}, came {}", effect.event));
        }
        let out = &mut differences;
        match (&self.what, &effect.came) {
            (What::Finding(expected), Came::Finding(finding)) => {
                expected.iter().for_each(|(name, value)| compare(value, finding.get(name), name, out));
            }
            (What::Annotated(expected), Came::Annotated(members)) => {
                compare(expected, Some(&Value::Object(members.clone())), "annotated", out);
            }
            (What::Masked(expected @ Value::Object(_)), Came::Masked(members, _)) if !is_test(expected) => {
                compare(expected, Some(&Value::Object(members.clone())), "masked", out);
            }
            (What::Masked(expected), Came::Masked(_, line)) => {
                compare(expected, Some(&Value::String(line.clone())), "masked", out);
            }
            (What::Dropped(_), Came::Dropped) => {}
            (What::Emitted(expected), Came::Emitted(event)) => compare(expected, Some(event), "emitted", out),
            (What::Printed(expected), Came::Printed(text)) => {
                compare(expected, Some(&Value::String(text.clone())), "printed", out);
            }
            (What::Failed(expected), Came::Failed(text)) => {
                if !text.contains(expected.as_str()) {
                    out.push(format!("failed: expected one that contains {expected:?}, came {text:?}"));
                }
            }
            _ => return None,
        }
        Some(differences)
    }
}

/// Compares effects with expectations, in order.
#[must_use]
pub fn judge(expected: &[Expectation], effects: &[Effect], metrics: &MetricValues) -> Mismatch {
    let mut used = vec![false; effects.len()];
    let mut mismatch = Mismatch::default();
    let mut reached = 0;
    for expectation in expected {
        if let What::Metric(name, wanted) = &expectation.what {
            let differences = metric_difference(name, wanted, metrics);
            if !differences.is_empty() {
                mismatch.missing.push((expectation.text.clone(), differences));
            }
            continue;
        }
        let wanted = if let What::Dropped(count) = expectation.what { count } else { 1 };
        for _ in 0..wanted {
            let mut nearest: Option<Vec<String>> = None;
            let mut found = None;
            for (i, effect) in effects.iter().enumerate().filter(|(i, _)| !used[*i]) {
                let Some(mut differences) = expectation.difference(effect) else { continue };
                if effect.event < reached {
                    differences.push(format!("it came with event {}, before what is expected before it", effect.event));
                }
                if differences.is_empty() {
                    found = Some(i);
                    break;
                }
                if nearest.as_ref().is_none_or(|nearest| differences.len() < nearest.len()) {
                    nearest = Some(differences);
                }
            }
            let Some(i) = found else {
                mismatch.missing.push((expectation.text.clone(), nearest.unwrap_or_default()));
                break;
            };
            (used[i], reached) = (true, effects[i].event);
        }
    }
    let left = effects.iter().zip(used).filter(|(effect, used)| !used && effect.must_be_expected());
    mismatch.unexpected = left.map(|(effect, _)| effect.shown()).collect();
    mismatch
}

fn metric_difference(name: &str, wanted: &Map<String, Value>, metrics: &MetricValues) -> Vec<String> {
    let name = name.strip_prefix("seismolog_rule_").unwrap_or(name);
    let same: Vec<&Value> = metrics.iter().filter(|(known, _)| known == name).map(|(_, value)| value).collect();
    let differences = same.iter().map(|metric| {
        let mut differences = Vec::new();
        wanted.iter().for_each(|(member, value)| compare(value, metric.get(member), member, &mut differences));
        differences
    });
    differences.min_by_key(Vec::len).unwrap_or_else(|| {
        let known: Vec<&str> = metrics.iter().map(|(name, _)| name.as_str()).collect();
        let known = if known.is_empty() { "none at all".to_owned() } else { known.join(", ") };
        vec![format!("there is no metric of this name; there is {known}")]
    })
}

fn is_test(value: &Value) -> bool {
    value.as_object().is_some_and(|map| !map.is_empty() && map.keys().all(|name| TESTS.contains(&name.as_str())))
}

/// Checks regular expressions when they are read.
fn check_tests(value: &Value) -> Result<(), String> {
    match value {
        Value::Object(map) => {
            if is_test(value)
                && let Some(pattern) = map.get("regex")
            {
                let pattern = pattern.as_str().ok_or("`regex` is a text")?;
                Regex::new(pattern).map_err(|_| format!("{pattern:?} is no regular expression"))?;
            }
            map.values().try_for_each(check_tests)
        }
        Value::Array(items) => items.iter().try_for_each(check_tests),
        _ => Ok(()),
    }
}

/// Adds to `out` the differences between `got` and the value that is expected at `path`.
fn compare(expected: &Value, got: Option<&Value>, path: &str, out: &mut Vec<String>) {
    if is_test(expected) {
        if !passes(expected, got) {
            out.push(difference(path, expected, got));
        }
        return;
    }
    match (expected, got) {
        (Value::Object(members), Some(Value::Object(there))) => {
            members.iter().for_each(|(name, value)| compare(value, there.get(name), &format!("{path}.{name}"), out));
        }
        (Value::Array(items), Some(Value::Array(there))) if items.len() == there.len() => {
            let pairs = items.iter().zip(there).enumerate();
            pairs.for_each(|(i, (item, there))| compare(item, Some(there), &format!("{path}[{i}]"), out));
        }
        _ if is_same(expected, got) => {}
        _ => out.push(difference(path, expected, got)),
    }
}

fn difference(path: &str, expected: &Value, got: Option<&Value>) -> String {
    format!("{path}: expected {}, came {}", shown(expected), shown(got.unwrap_or(&Value::Null)))
}

/// Whether two values are the same. A text and a number are the same if their values are, as in
/// `select`; a missing member is the same as `()`.
fn is_same(expected: &Value, got: Option<&Value>) -> bool {
    match (expected, got) {
        (Value::Null, None | Some(Value::Null)) => true,
        (_, None) => false,
        (expected, Some(got)) => {
            expected == got
                || (expected.is_number() || got.is_number())
                    && number(expected).is_some_and(|wanted| number(got) == Some(wanted))
        }
    }
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

fn passes(test: &Value, got: Option<&Value>) -> bool {
    let there = got.is_some_and(|got| !got.is_null());
    let text = got.map(|got| got.as_str().map_or_else(|| got.to_string(), str::to_owned)).unwrap_or_default();
    let words = |value: &Value| -> Vec<String> {
        let items = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect()
    };
    let bound = |value: &Value| Some((number(got?)?, number(value)?));
    test.as_object().into_iter().flatten().all(|(name, value)| match name.as_str() {
        "exists" => value.as_bool() == Some(there),
        "not" => {
            let mut differences = Vec::new();
            compare(value, got, "", &mut differences);
            !differences.is_empty()
        }
        _ if !there => false,
        "contains" => words(value).iter().any(|word| text.contains(word.as_str())),
        "prefix" => words(value).iter().any(|word| text.starts_with(word.as_str())),
        "regex" => {
            value.as_str().and_then(|pattern| Regex::new(pattern).ok()).is_some_and(|regex| regex.is_match(&text))
        }
        "min" => bound(value).is_some_and(|(number, min)| number >= min),
        "max" => bound(value).is_some_and(|(number, max)| number <= max),
        _ => value.as_array().is_some_and(|items| items.iter().any(|item| is_same(item, got))),
    })
}
