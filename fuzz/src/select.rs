//! The native filters of many rules, joined into one matcher, against each condition evaluated
//! plainly.

use super::parser;
use seismolog::config::Config;
use seismolog::engine::rules::{RuleSet, RuleSource};
use seismolog::engine::{Engine, Outcome};
use seismolog::event::lines::Lines;
use seismolog::event::{Batch, Timestamp};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// What filters ask for: members, and roles, whose members have the same names.
const NAMES: [&str; 6] = [".a", ".b", ".user", ".n", "message", "host"];
const WORDS: [&str; 11] =
    ["", "x", "xy", "adm", "admin", "Admin", "time out", "ü", "in \"x\"", "a.b\\c", "time out of admin\n"];

const HOSTS: [&str; 7] = ["x", "xy", "adm", "admin", "Admin", "ü", "a.b\\c"];

/// Bytes, one after the other; zeros when they are used up.
struct Bytes<'a>(std::slice::Iter<'a, u8>);

impl Bytes<'_> {
    fn next(&mut self) -> usize {
        self.0.next().copied().unwrap_or(0).into()
    }

    fn of<'t>(&mut self, list: &[&'t str]) -> &'t str {
        list[self.next() % list.len()]
    }
}

/// One test of one member or role.
enum Test {
    Is(Vec<String>),
    Prefix(String),
    Contains(String),
    Range(i64, i64),
    Exists(bool),
}

impl Test {
    fn made_of(bytes: &mut Bytes<'_>) -> Self {
        match bytes.next() % 5 {
            0 => Self::Is((0..1 + bytes.next() % 3).map(|_| bytes.of(&WORDS).to_owned()).collect()),
            1 => Self::Prefix(bytes.of(&WORDS[1..]).to_owned()),
            2 => Self::Contains(bytes.of(&WORDS[1..]).to_owned()),
            3 => {
                let least = bytes.next() as i64 % 10;
                Self::Range(least, least + bytes.next() as i64 % 5)
            }
            _ => Self::Exists(bytes.next().is_multiple_of(2)),
        }
    }

    fn written(&self) -> String {
        match self {
            Self::Is(words) => format!("{words:?}"),
            Self::Prefix(word) => format!("#{{ prefix: {word:?} }}"),
            Self::Contains(word) => format!("#{{ contains: {word:?} }}"),
            Self::Range(least, most) => format!("#{{ min: {least}, max: {most} }}"),
            Self::Exists(exists) => format!("#{{ exists: {exists} }}"),
        }
    }

    fn passes(&self, value: Option<&Value>) -> bool {
        let text = value.and_then(|value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        });
        match self {
            Self::Is(words) => text.is_some_and(|text| words.contains(&text)),
            Self::Prefix(word) => text.is_some_and(|text| text.starts_with(word)),
            Self::Contains(word) => text.is_some_and(|text| text.contains(word)),
            Self::Range(least, most) => {
                text.and_then(|text| text.parse::<i64>().ok()).is_some_and(|number| (*least..=*most).contains(&number))
            }
            Self::Exists(exists) => value.is_some_and(|value| !value.is_null()) == *exists,
        }
    }
}

fn event(bytes: &mut Bytes<'_>) -> Map<String, Value> {
    // With a level outside, nobody looks for one inside of the message.
    let mut event = Map::from_iter([("level".into(), "INFO".into())]);
    for name in NAMES {
        let (is_role, name) = (!name.starts_with('.'), name.trim_start_matches('.'));
        match bytes.next() % 6 {
            0 => {}
            // A host has no blank in its name.
            _ if is_role && name == "host" => drop(event.insert(name.into(), bytes.of(&HOSTS).into())),
            // Roles are text, and not empty.
            _ if is_role => drop(event.insert(name.into(), bytes.of(&WORDS[1..]).into())),
            1 => drop(event.insert(name.into(), (bytes.next() as i64 % 12).into())),
            2 => drop(event.insert(name.into(), Value::Null)),
            _ => drop(event.insert(name.into(), bytes.of(&WORDS).into())),
        }
    }
    event
}

/// Up to eight rules with up to three tests each, and eight events: exactly those rules run whose
/// tests all pass, whether the events are looked at for them or not.
pub fn select(data: &[u8]) {
    let mut bytes = Bytes(data.iter());
    let rules: Vec<Vec<(&str, Test)>> = (0..1 + bytes.next() % 8)
        .map(|_| {
            let names: BTreeSet<&str> = (0..1 + bytes.next() % 3).map(|_| bytes.of(&NAMES)).collect();
            names.into_iter().map(|name| (name, Test::made_of(&mut bytes))).collect()
        })
        .collect();
    let sources: Vec<RuleSource> = rules
        .iter()
        .enumerate()
        .map(|(i, tests)| {
            let tests: Vec<String> =
                tests.iter().map(|(name, test)| format!("\"{name}\": {}", test.written())).collect();
            let text = format!(
                "const RULE = #{{ select: #{{ {} }} }};\nfn on_event(e) {{ print(\"{i}\"); }}\n",
                tests.join(", ")
            );
            RuleSource { name: format!("r{i}"), path: format!("r{i}.rhai"), text }
        })
        .collect();
    let compiled = RuleSet::compile(&sources, &[])
        .unwrap_or_else(|problems| panic!("{}", problems.iter().map(ToString::to_string).collect::<String>()));
    let prefilter = compiled.prefilter();
    let mut engine = Engine::new(&Config::default().engine_options(), compiled);
    let mut parser = parser();
    for i in 0..8 {
        let event = event(&mut bytes);
        let line = (Value::Object(event.clone()).to_string() + "\n").into_bytes();
        let mut batch = Batch { filled: line.len(), bytes: line, ..Batch::default() };
        Lines::new(1 << 20).split(&mut batch, true);
        batch.prefilter = (i % 3 > 0).then(|| prefilter.clone());
        parser.parse(&mut batch);
        let mut outcome = Outcome::default();
        engine.process(&batch.fields(0), Timestamp(1_772_000_000_000_000_000), &mut outcome);
        let ran: BTreeSet<&str> = outcome.printed.iter().map(String::as_str).collect();
        for (i, tests) in rules.iter().enumerate() {
            let expected = tests.iter().all(|(name, test)| test.passes(event.get(name.trim_start_matches('.'))));
            assert_eq!(
                ran.contains(i.to_string().as_str()),
                expected,
                "{}\non {}",
                sources[i].text,
                String::from_utf8_lossy(batch.data())
            );
        }
    }
}
