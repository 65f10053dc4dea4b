//! Settings as variables: `SEISMOLOG_DETECTOR_LOOP_THRESHOLD` is `threshold` of `[detector.loop]`.
//!
//! Which there are is told by the schema, so that a new setting is a new variable. Arrays of tables
//! cannot be set.

use super::redact::without_secrets;
use super::schema::schema;
use super::{Config, problem};
use crate::diagnostic::{Diagnostic, nearest};
use serde_json::Value;
use std::collections::BTreeMap;

const PREFIX: &str = "SEISMOLOG_";

/// Short names, those of the flags: another name, the setting, and whether the variable says the
/// opposite.
const SHORT: [(&str, [&str; 2], bool); 3] = [
    ("SEISMOLOG_TEXT", ["output", "text"], false),
    ("SEISMOLOG_SYNTHETIC", ["output", "synthetic"], false),
    ("SEISMOLOG_NO_SHIPPED_RULES", ["rules", "shipped"], true),
];

/// One setting.
pub(super) struct Leaf {
    pub(super) path: Vec<String>,
    pub(super) schema: Value,
    /// The variable says the opposite of the setting.
    opposite: bool,
}

impl Config {
    /// The same with `variables` over it, whose names all begin with `SEISMOLOG_`.
    ///
    /// # Errors
    /// One [`Diagnostic`] for each variable that is unknown or has a bad value.
    pub fn with_variables(self, variables: &BTreeMap<String, String>) -> Result<Self, Vec<Diagnostic>> {
        if variables.is_empty() {
            return Ok(self);
        }
        let known = known();
        let (mut config, mut wrong) = (self, Vec::new());
        // The short names come last: they are those of flags, which beat the others.
        let mut ordered: Vec<_> = variables.iter().collect();
        ordered.sort_by_key(|(name, _)| SHORT.iter().any(|(short, _, _)| short == name));
        for (name, value) in ordered {
            let set = match known.get(name) {
                Some(leaf) => config.with_variable(leaf, value).map_err(|(message, hint)| {
                    let message = without_secrets(&format!("{message}, in {name}={value:?}"));
                    Diagnostic::of_file(name, message).with_hint(hint)
                }),
                None => Err(unknown(name, &known)),
            };
            match set {
                Ok(set) => config = set,
                Err(problem) => wrong.push(problem),
            }
        }
        for problem in config.problems() {
            let sets = |(name, _): &(&String, &String)| {
                known.get(*name).is_some_and(|leaf| {
                    let path = leaf.path.join(".");
                    path == problem.key || path.ends_with(&format!(".{}", problem.key))
                })
            };
            let place = variables.iter().find(sets).map_or("configuration", |(name, _)| name);
            wrong.push(problem.elsewhere(place));
        }
        if wrong.is_empty() { Ok(config) } else { Err(wrong) }
    }

    /// One more setting; or what is wrong with it, and a hint.
    fn with_variable(&self, leaf: &Leaf, value: &str) -> Result<Self, (String, String)> {
        let value = read(leaf, value)?;
        // By way of text, as files come: a second way would be a second reader of every setting in
        // the program.
        let bug = |error: &dyn std::fmt::Display| (error.to_string(), "report this as a bug".to_owned());
        let written = toml::to_string(self).map_err(|error| bug(&error))?;
        let mut whole: toml::Table = toml::from_str(&written).map_err(|error| bug(&error))?;
        let Some((last, tables)) = leaf.path.split_last() else { return Ok(self.clone()) };
        let mut table = &mut whole;
        for name in tables {
            let below = table.entry(name.clone()).or_insert_with(|| toml::Value::Table(toml::Table::new()));
            let toml::Value::Table(below) = below else { return Ok(self.clone()) };
            table = below;
        }
        table.insert(last.clone(), value);
        let written = toml::to_string(&whole).map_err(|error| bug(&error))?;
        toml::from_str(&written).map_err(|error| problem::said(&error))
    }
}

/// The text of a variable as the kind of value that its setting has.
fn read(leaf: &Leaf, text: &str) -> Result<toml::Value, (String, String)> {
    let wrong = |what: &str, hint: &str| Err((format!("{text:?} is {what}"), hint.to_owned()));
    match leaf.schema["type"].as_str() {
        Some("boolean") => match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok((!leaf.opposite).into()),
            "false" | "0" | "no" | "off" => Ok(leaf.opposite.into()),
            _ => wrong("neither true nor false", "write true or false"),
        },
        Some("integer") => match text.trim().parse::<i64>() {
            Ok(number) => Ok(number.into()),
            Err(_) => wrong("no whole number", "write digits only"),
        },
        Some("number") => match text.trim().parse::<f64>() {
            Ok(number) => Ok(number.into()),
            Err(_) => wrong("no number", "write a number such as 0.001 or 1e-10"),
        },
        Some("array") => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Ok(items.map(toml::Value::from).collect::<Vec<_>>().into())
        }
        _ => Ok(text.into()),
    }
}

fn unknown(name: &str, known: &BTreeMap<String, Leaf>) -> Diagnostic {
    let short = |name: &'_ str| name.strip_prefix(PREFIX).unwrap_or_default().to_owned();
    let names: Vec<String> = known.keys().map(|name| short(name)).collect();
    let hint = match nearest(&short(name), names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean {PREFIX}{near}?"),
        None => "`seismolog config` prints every setting; [input] timezone is SEISMOLOG_INPUT_TIMEZONE".to_owned(),
    };
    Diagnostic::of_file(name, format!("no setting has the variable {name}")).with_hint(hint)
}

/// Every variable there is.
fn known() -> BTreeMap<String, Leaf> {
    let leaves = leaves(&schema());
    let short = SHORT.iter().filter_map(|(name, path, opposite)| {
        let leaf = leaves.iter().find(|leaf| leaf.path == path)?;
        let (path, schema) = (leaf.path.clone(), leaf.schema.clone());
        Some(((*name).to_owned(), Leaf { path, schema, opposite: *opposite }))
    });
    let short: Vec<_> = short.collect();
    leaves.into_iter().map(|leaf| (name_of(&leaf.path), leaf)).chain(short).collect()
}

/// The variable of the setting at `path`.
pub(super) fn name_of(path: &[String]) -> String {
    format!("{PREFIX}{}", path.join("_").to_uppercase())
}

/// Every setting that is no table and no array of tables.
pub(super) fn leaves(schema: &Value) -> Vec<Leaf> {
    let Some(properties) = schema["properties"].as_object() else { return Vec::new() };
    let of_property = |(name, schema): (&String, &Value)| {
        let of_tables = schema["type"] == "array" && schema["items"]["type"] != "string";
        let mut below = match schema["type"].as_str() {
            Some("object") => leaves(schema),
            _ if of_tables => Vec::new(),
            _ => vec![Leaf { path: Vec::new(), schema: schema.clone(), opposite: false }],
        };
        below.iter_mut().for_each(|leaf| leaf.path.insert(0, name.clone()));
        below
    };
    properties.iter().flat_map(of_property).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TextMode;
    use crate::event::Role;

    fn with(variables: &[(&str, &str)]) -> Result<Config, Vec<Diagnostic>> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Config::default().with_variables(&variables)
    }

    #[test]
    fn every_kind_of_setting_is_a_variable() {
        let config = with(&[
            ("SEISMOLOG_INPUT_TIMEZONE", "Europe/Berlin"),
            ("SEISMOLOG_INPUT_YEAR", "2024"),
            ("SEISMOLOG_INPUT_ALLOWED_LATENESS", "90s"),
            ("SEISMOLOG_DETECTOR_LOOP_THRESHOLD", "1e-6"),
            ("SEISMOLOG_DETECTOR_LOOP_ENABLED", "false"),
            ("SEISMOLOG_LIMITS_KEYS", "5000"),
            ("SEISMOLOG_ROLES_ERROR_CODE", "fault, oops"),
            ("SEISMOLOG_RULES_PATHS", "a,b"),
            ("SEISMOLOG_OUTPUT_TEXT", "json"),
            ("SEISMOLOG_TEXT", "raw"),
            ("SEISMOLOG_NO_SHIPPED_RULES", "1"),
        ])
        .unwrap();
        assert_eq!((config.input.timezone.as_str(), config.input.year), ("Europe/Berlin", Some(2024)));
        assert_eq!((config.input.allowed_lateness.to_string().as_str(), config.limits.keys), ("90s", 5_000));
        assert_eq!((config.detector.r#loop.threshold, config.detector.r#loop.enabled), (1e-6, false));
        assert_eq!(config.roles[&Role::ErrorCode], ["fault", "oops"]);
        assert_eq!(config.rules.paths.len(), 2);
        assert_eq!((config.output.text, config.rules.shipped), (TextMode::Raw, false));
    }

    #[test]
    fn unknown_variables_and_bad_values_name_the_variable() {
        for (name, value, hint) in [
            ("SEISMOLOG_LIMIT_KEYS", "5000", "did you mean SEISMOLOG_LIMITS_KEYS?"),
            ("SEISMOLOG_COLOUR_OF_THE_SKY", "blue", "seismolog config"),
            ("SEISMOLOG_DETECTOR_LOOP_OVERRIDE", "x", "hint"),
            ("SEISMOLOG_LIMITS_KEYS", "many", "digits"),
            ("SEISMOLOG_LIMITS_KEYS", "3", "from 100"),
            ("SEISMOLOG_LIMITS_KEYS", "-3", "hint"),
            ("SEISMOLOG_RULES_SHIPPED", "perhaps", "true or false"),
            ("SEISMOLOG_TEXT", "jsn", "did you mean `json`?"),
            ("SEISMOLOG_INPUT_ALLOWED_LATENESS", "soon", "such as \"10s\""),
            ("SEISMOLOG_INPUT_TIMEZONE", "Mars", "Europe/Berlin"),
            ("SEISMOLOG_DETECTOR_LOOP_THRESHOLD", "2", "false-alarm"),
            ("SEISMOLOG_ROLES_LEVEL", "", "at least one"),
        ] {
            let problems = with(&[(name, value)]).unwrap_err();
            let said = problems[0].to_string();
            assert!(problems.len() == 1 && said.starts_with(name) && said.contains(hint), "{said}");
        }
    }

    #[test]
    fn no_two_settings_share_a_variable() {
        let mut names: Vec<_> = leaves(&schema()).iter().map(|leaf| name_of(&leaf.path)).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(SHORT.iter().all(|(name, _, _)| known().contains_key(*name)));
    }
}
