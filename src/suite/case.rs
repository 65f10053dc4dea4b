//! Reads one test: the given steps and the expectations.

use super::expectation::Expectation;
use crate::diagnostic::nearest;
use crate::engine::rules::nanoseconds;
use crate::event::Timestamp;
use crate::event::time::{TimeContext, time_text};
use serde_json::{Map, Value};

/// When the clock of a test starts: 2026-01-05T12:00:00Z, a Monday, in nanoseconds.
const START: Timestamp = Timestamp(1_767_614_400_000_000_000);
/// The members of a test.
const MEMBERS: [&str; 5] = ["name", "given", "expect", "at", "with"];
/// The members of a step that do not belong to the event.
const STEP: [&str; 6] = ["after", "at", "times", "every", "line", "expect"];
/// How often one step can repeat its event.
const MOST_TIMES: u64 = 100_000;

/// One test.
#[derive(Clone, Debug)]
pub struct Case {
    /// The statement that the test checks.
    pub name: String,
    /// The line at which the test begins in its file; 0 if unknown.
    pub line: usize,
    /// When the clock of the test starts.
    pub at: Timestamp,
    /// Detectors and rules that run together with the tested rule.
    pub with: Vec<String>,
    /// The steps.
    pub given: Vec<CaseStep>,
    /// What is expected at the end.
    pub expect: Vec<Expectation>,
}

/// One step of a test: time passes, events come, and an expectation is checked.
#[derive(Clone, Debug, Default)]
pub struct CaseStep {
    /// The time before the event, in which nothing comes.
    pub wait: Wait,
    /// The lines that come, one after another.
    pub lines: Vec<String>,
    /// How often the lines come; `{n}` in a line is replaced by the repetition's number, from 1.
    pub times: Option<u64>,
    /// The time between two repetitions, in nanoseconds.
    pub every: i64,
    /// What must have come since the last step with an expectation.
    pub expect: Option<Vec<Expectation>>,
}

/// The time before an event, in which nothing comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wait {
    /// The event comes at once.
    #[default]
    No,
    /// A duration in nanoseconds.
    For(i64),
    /// Until this time, if that is in the future.
    Until(Timestamp),
}

impl Case {
    /// Reads a test that begins at `line`. `read` returns the content of a file that a step names.
    ///
    /// # Errors
    /// The errors in the test.
    pub fn read(
        line: usize,
        value: &Value,
        of_rule: bool,
        read: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<Self, Vec<String>> {
        let Some(map) = value.as_object() else { return Err(vec!["a test is a map".into()]) };
        let mut problems = Vec::new();
        let mut case =
            Self { name: String::new(), line, at: START, with: Vec::new(), given: Vec::new(), expect: Vec::new() };
        for (name, value) in map {
            match name.as_str() {
                "name" => case.name = value.as_str().unwrap_or_default().to_owned(),
                "given" => match value.as_array() {
                    Some(steps) => {
                        for (i, step) in steps.iter().enumerate() {
                            match CaseStep::read(step, of_rule, read) {
                                Ok(step) => case.given.push(step),
                                Err(why) => problems.push(format!("step {} of `given`: {why}", i + 1)),
                            }
                        }
                    }
                    None => problems.push("`given` is an array of steps".into()),
                },
                "expect" => match Expectation::read_all(value) {
                    Ok(expect) => case.expect = expect,
                    Err(why) => problems.push(format!("`expect`: {why}")),
                },
                "at" => match time(value) {
                    Some(at) => case.at = at,
                    None => problems.push("`at` is a time such as \"2026-01-05T12:00:00Z\"".into()),
                },
                "with" if of_rule => match value.as_array() {
                    Some(names) => {
                        case.with = names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect();
                    }
                    None => problems.push("`with` is an array of names of detectors and rules".into()),
                },
                _ => problems.push(unknown("member of a test", name, &MEMBERS)),
            }
        }
        if case.name.is_empty() {
            problems.push("a test has a `name`, which says what should hold".into());
        }
        let looks_on_the_way = case.given.iter().any(|step| step.expect.is_some());
        if !map.contains_key("expect") && !looks_on_the_way {
            problems.push("a test says what it expects: `expect` is an array, or \"nothing\"".into());
        }
        if problems.is_empty() { Ok(case) } else { Err(problems) }
    }
}

impl CaseStep {
    fn read(value: &Value, of_rule: bool, read: &dyn Fn(&str) -> Result<String, String>) -> Result<Self, String> {
        let map = match value {
            Value::String(line) => return Ok(Self { lines: vec![line.clone()], ..Self::default() }),
            Value::Object(map) => map,
            _ => return Err("a step is a map or a line of text".into()),
        };
        let mut step = Self::default();
        // The event: the value of `line`, or all members of the map that are not the step's own.
        let mut event = Map::new();
        for (name, value) in map {
            match name.as_str() {
                "after" => {
                    let wait = value.as_str().and_then(nanoseconds);
                    step.wait =
                        Wait::For(wait.ok_or_else(|| format!("`after` is a duration such as \"5m\", not {value}"))?);
                }
                "at" => {
                    step.wait = Wait::Until(time(value).ok_or("`at` is a time such as \"2026-01-05T12:00:00Z\"")?);
                }
                "times" => {
                    let times = value.as_u64().filter(|times| (1..=MOST_TIMES).contains(times));
                    step.times = Some(times.ok_or_else(|| format!("`times` is a number from 1 to {MOST_TIMES}"))?);
                }
                "every" => {
                    let every = value.as_str().and_then(nanoseconds);
                    step.every = every.ok_or_else(|| format!("`every` is a duration such as \"10s\", not {value}"))?;
                }
                "line" => match value {
                    Value::String(line) => step.lines.push(line.clone()),
                    Value::Object(_) => step.lines.push(value.to_string()),
                    _ => return Err("`line` is a map or a line of text".into()),
                },
                "expect" => step.expect = Some(Expectation::read_all(value)?),
                "file" if !of_rule && value.is_string() => {
                    step.lines.extend(read(value.as_str().unwrap_or_default())?.lines().map(str::to_owned));
                }
                _ => drop(event.insert(name.clone(), value.clone())),
            }
        }
        if !event.is_empty() {
            if !step.lines.is_empty() {
                let name = event.keys().next().map(String::as_str).unwrap_or_default();
                return Err(format!("`{name}` stands beside `line`, which is the whole event"));
            }
            step.lines.push(Value::Object(event).to_string());
        }
        if step.lines.is_empty() && (step.times.is_some() || step.every > 0) {
            return Err("there is no event to come several times".into());
        }
        if step.every > 0 && step.times.is_none() {
            return Err("`every` goes with `times`".into());
        }
        if step.lines.is_empty() && step.wait == Wait::No && step.expect.is_none() {
            return Err(format!("nothing happens; a step has an event or one of {}", STEP.join(", ")));
        }
        Ok(step)
    }

    /// The lines in order, each with the nanoseconds to wait before it.
    pub fn events(&self) -> impl Iterator<Item = (i64, String)> + '_ {
        (0..self.times.unwrap_or(1)).flat_map(move |i| {
            self.lines.iter().enumerate().map(move |(j, line)| {
                let wait = if i > 0 && j == 0 { self.every } else { 0 };
                let line = if self.times.is_some() { line.replace("{n}", &(i + 1).to_string()) } else { line.clone() };
                (wait, line)
            })
        })
    }
}

/// Parses a time in RFC 3339.
fn time(value: &Value) -> Option<Timestamp> {
    let mut context = TimeContext::new("UTC", 2026).ok()?;
    time_text(value.as_str()?.as_bytes(), &mut context)
}

/// The error that `name` is not one of `known`, with the most similar name or else all names.
pub(super) fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    let hint = nearest(name, known.iter().copied())
        .map_or_else(|| format!("known: {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
    format!("unknown {what} `{name}`; {hint}")
}
