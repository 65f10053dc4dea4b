//! `seismolog detectors`: what each detector watches, from when on it judges, and its settings.
//!
//! All of it comes from the registration of the detectors, and from the types and the schema of
//! their tables.

use super::{load_config, paint_and_width};
use crate::cli::DetectorsArgs;
use crate::config::Config;
use crate::config::schema::full_schema;
use crate::engine::detector::judged::{Judged, JudgedFrom};
use crate::error::Failure;
use crate::narrate::{Language, judged};
use crate::plain::{plain, plain_document};
use crate::setting::HINT;
use crate::terminal::layout::wrap;
use serde::Serialize;
use serde_json::Value;
use std::fmt::Write as _;
use std::io::Write;

/// The width of the text, in columns, where standard output is no terminal.
const WIDTH: usize = 100;
/// The width of the rows' names, in columns.
const NAMES: usize = 12;

/// All detectors.
#[derive(Serialize)]
struct Shown {
    /// What all of them share.
    settings: Vec<Knob>,
    /// In the order in which they take events.
    detectors: Vec<ShownDetector>,
}

#[derive(Serialize)]
struct ShownDetector {
    name: &'static str,
    finds: &'static str,
    watches: bool,
    judges: Vec<Judges>,
    settings: Vec<Knob>,
}

/// What a detector judges.
#[derive(Serialize)]
struct Judges {
    what: Judged,
    /// Seconds of stream that pass before.
    after_s: f64,
    /// Values that must have come before.
    values: u32,
    #[serde(skip)]
    text: String,
}

/// A setting.
#[derive(Serialize)]
struct Knob {
    name: String,
    /// The value in force; none where it is not set and has no default.
    value: Option<Value>,
    about: String,
    /// Which values it can have.
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<String>,
}

/// Prints the detectors.
///
/// # Errors
/// [`Failure::Invalid`] for a bad file or variable; [`Failure::Cannot`] when the output cannot be
/// written.
pub fn detectors(args: &DetectorsArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let config = load_config(&args.settings).map_err(Failure::Invalid)?;
    let shown = shown(&config);
    let text = if args.json {
        serde_json::to_string_pretty(&shown)
            .map(|text| plain_document(&text) + "\n")
            .map_err(|error| Failure::cannot(format!("cannot write the detectors: {error}"), "report this as a bug"))?
    } else {
        for_people(&shown, paint_and_width().1.unwrap_or(WIDTH).clamp(60, 160))
    };
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Failure::cannot(format!("cannot write: {error}"), "check standard output"))
}

fn shown(config: &Config) -> Shown {
    let schema = full_schema();
    let schema = &schema["properties"]["detector"];
    let values = serde_json::to_value(&config.detector).unwrap_or_default();
    let all = config.detector.judged();
    let is_table = |name: &str| all.iter().any(|(detector, ..)| detector.name() == name);
    let shared = knobs(schema, &values).into_iter().filter(|knob| !is_table(&knob.name)).collect();
    let detector = |(name, watches, judges): (crate::engine::finding::DetectorName, bool, Vec<JudgedFrom>)| {
        let table = name.name();
        ShownDetector {
            name: table,
            finds: name.finds(),
            watches,
            judges: judges.iter().map(Judges::of).collect(),
            settings: knobs(&schema["properties"][table], &values[table]),
        }
    };
    Shown { settings: shared, detectors: config.detector.judged().into_iter().map(detector).collect() }
}

/// The settings of a table; first whether it watches.
fn knobs(schema: &Value, values: &Value) -> Vec<Knob> {
    let properties = schema["properties"].as_object().into_iter().flatten();
    let mut knobs: Vec<Knob> = properties
        .map(|(name, schema)| Knob {
            name: name.clone(),
            value: values.get(name).cloned(),
            about: schema["description"].as_str().unwrap_or_default().replace('\n', " "),
            range: schema[HINT].as_str().map(str::to_owned),
        })
        .collect();
    knobs.sort_by_key(|knob| knob.name != "enabled");
    knobs
}

impl Judges {
    fn of(from: &JudgedFrom) -> Self {
        let text = judged(Language::En, from);
        Self { what: from.what, after_s: from.after.seconds(), values: from.values, text }
    }
}

fn for_people(shown: &Shown, width: usize) -> String {
    let mut text = String::from("all detectors\n");
    settings(&mut text, &shown.settings, width);
    for detector in &shown.detectors {
        let _ = writeln!(text, "\n{}{}", detector.name, if detector.watches { "" } else { "  off" });
        let _ = writeln!(text, "  {}", detector.finds);
        for (i, judges) in detector.judges.iter().enumerate() {
            let _ = writeln!(text, "  {:NAMES$}{}", if i == 0 { "judges" } else { "" }, judges.text);
        }
        settings(&mut text, &detector.settings, width);
    }
    text
}

fn settings(text: &mut String, knobs: &[Knob], width: usize) {
    for (i, knob) in knobs.iter().enumerate() {
        let value = match &knob.value {
            Some(value) => format!("{} = {value}", knob.name),
            None => format!("{} is not set", knob.name),
        };
        let _ = writeln!(text, "  {:NAMES$}{}", if i == 0 { "settings" } else { "" }, plain(&value));
        let range = knob.range.as_ref().map_or_else(String::new, |range| format!(" ({range})"));
        for line in wrap(&format!("{}{range}", knob.about), width - NAMES - 4) {
            let _ = writeln!(text, "  {:NAMES$}  {line}", "");
        }
    }
}
