//! Checks the ranges of settings by walking the schema that they are written into: a setting has
//! its range, its default and its hint from one line (`setting.rs` in the core).

use super::Config;
use super::schema::full_schema;
use crate::setting::{Require, out_of_range};
use serde_json::Value;

impl Config {
    /// Checks which settings are out of range.
    pub(super) fn check_ranges(&self, require: &mut Require<'_>) {
        // The configuration is written as text and parsed, as files are: another way would compile
        // a second reader of every setting.
        let written = toml::to_string(self).ok().and_then(|text| toml::from_str::<toml::Table>(&text).ok());
        if let Some(table) = written {
            check(&full_schema(), &toml::Value::Table(table), &mut String::new(), require);
        }
    }
}

/// Checks the value at `path` and all below it.
fn check(schema: &Value, value: &toml::Value, path: &mut String, require: &mut Require<'_>) {
    if let Some(hint) = out_of_range(schema, value) {
        let told = match value {
            toml::Value::String(text) => text.clone(),
            toml::Value::Float(number) => number.to_string(),
            other => other.to_string(),
        };
        require(false, path, format!("{path} is {told}"), hint);
    }
    let mut below = |name: &str, schema: &Value, value: &toml::Value| {
        let length = path.len();
        let dot = if path.is_empty() { "" } else { "." };
        path.push_str(dot);
        path.push_str(name);
        check(schema, value, path, require);
        path.truncate(length);
    };
    match value {
        toml::Value::Table(members) => {
            let schema = variant_of(schema, members);
            for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
                if let Some(value) = members.get(name) {
                    below(name, schema, value);
                }
            }
        }
        toml::Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, item)| below(&i.to_string(), &schema["items"], item));
        }
        _ => {}
    }
}

/// The schema of the type that a table names, where it may be of several types, as a sink is.
fn variant_of<'a>(schema: &'a Value, members: &toml::Table) -> &'a Value {
    let names_it = |variant: &&Value| {
        let properties = variant["properties"].as_object().into_iter().flatten();
        let mut tags = properties.filter_map(|(name, schema)| Some((name, schema.get("const")?.as_str()?)));
        tags.any(|(name, tag)| members.get(name).and_then(toml::Value::as_str) == Some(tag))
    };
    schema["oneOf"].as_array().and_then(|variants| variants.iter().find(names_it)).unwrap_or(schema)
}
