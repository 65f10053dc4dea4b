//! The JSON Schema (draft 2020-12) of configuration files, made from the types that read them.

use super::Config;
use crate::event::Role;
use crate::setting::without_own_names;
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

/// The schema.
#[must_use]
pub fn schema() -> Value {
    let mut schema = full_schema();
    without_own_names(&mut schema);
    schema
}

/// The schema with internal keys: hints, and ranges of durations.
pub(crate) fn full_schema() -> Value {
    // Subschemas are inlined, so that editors show what a key means without following references.
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<Config>().to_value();
    without_null(&mut schema);
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("title".into(), "configuration of seismolog".into());
    }
    schema
}

/// `[roles]`: a key for each role, with its default names.
pub(super) fn roles(_: &mut SchemaGenerator) -> Schema {
    let properties: Map<String, Value> = Role::ALL
        .into_iter()
        .map(|role| {
            let names = json!({
                "type": "array",
                "items": { "type": "string", "minLength": 1, "pattern": item_pattern(role) },
                "minItems": 1,
                "default": role.default_names().iter().map(|name| name.text).collect::<Vec<_>>(),
            });
            (role.name().to_owned(), names)
        })
        .collect();
    json_schema!({ "type": "object", "properties": properties, "additionalProperties": false })
}

/// What a name looks like: `+` adds it to the default ones, and a duration's unit stands behind a
/// colon.
fn item_pattern(role: Role) -> &'static str {
    match role {
        Role::Duration => r"^\+?[^+:][^:]*(:(ns|us|ms|s))?$",
        _ => r"^\+?[^+].*$",
    }
}

/// TOML has no null: an optional key is one that is not required.
fn without_null(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(without_null),
        Value::Object(members) => {
            if let Some(Value::Array(types)) = members.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    members.insert("type".into(), only);
                }
            }
            if members.get("default").is_some_and(Value::is_null) {
                members.remove("default");
            }
            if let Some(Value::Array(choices)) = members.get_mut("anyOf") {
                choices.retain(|choice| choice["type"] != "null");
                if let [Value::Object(only)] = choices.as_slice() {
                    let only = only.clone();
                    members.remove("anyOf");
                    for (name, value) in only {
                        members.entry(name).or_insert(value);
                    }
                }
            }
            members.values_mut().for_each(without_null);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::layout::Layout;
    use super::super::{HumanDuration, OnPoison, Sink, variables};
    use super::*;
    use crate::engine::detector::FailureLevel;
    use crate::engine::detector::burst::BurstOverride;
    use crate::engine::detector::latency::{LatencyOverride, LatencyPair};
    use crate::engine::detector::r#loop::{LoopGuard, LoopOverride};
    use crate::engine::detector::novelty::NoveltyOverride;
    use crate::engine::detector::silence::SilenceOverride;
    use crate::engine::detector::spread::SpreadOverride;
    use std::collections::BTreeMap;

    /// Paths of all keys in a configuration that has everything.
    fn keys_of(value: &Value, path: &str, keys: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    keys.push(format!("{path}.{name}"));
                    keys_of(value, &format!("{path}.{name}"), keys);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| keys_of(item, path, keys)),
            _ => {}
        }
    }

    fn keys_of_schema(schema: &Value, path: &str, keys: &mut Vec<String>) {
        for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
            keys.push(format!("{path}.{name}"));
            keys_of_schema(schema, &format!("{path}.{name}"), keys);
            if schema["additionalProperties"].is_object() {
                keys.push(format!("{path}.{name}.cluster"));
            }
        }
        keys_of_schema_choices(schema, path, keys);
    }

    fn keys_of_schema_choices(schema: &Value, path: &str, keys: &mut Vec<String>) {
        if schema["items"].is_object() {
            keys_of_schema(&schema["items"], path, keys);
        }
        for choice in schema["oneOf"].as_array().into_iter().flatten() {
            keys_of_schema(choice, path, keys);
        }
    }

    /// Sinks of all types, with all that they can have.
    fn sinks() -> Vec<Sink> {
        let all =
            "min_severity = \"info\"\ndetector = [\"b*\"]\nrule = [\"r\"]\nkey = [\"host=a\"]\nmodule = [\"m\"]\n";
        let secrets = "spool = \"f\"\nca_file = \"f\"\n";
        let sinks = [
            "type = \"file\"\npath = \"f\"\n",
            "type = \"descriptor\"\ndescriptor = 3\n",
            &format!(
                "type = \"alertmanager\"\nurl = \"http://127.0.0.1:9093\"\nlabels = {{ cluster = \"a\" }}\n{secrets}token_file = \"f\"\n"
            ),
            &format!(
                "type = \"webhook\"\nurl_file = \"f\"\ntemplate = \"{{{{ text }}}}\"\ncontent_type = \"text/plain\"\n{secrets}\
                 format = \"slack\"\nenvironment = \"e\"\nusername = \"a\"\npassword_file = \"f\"\n"
            ),
            &format!(
                "type = \"email\"\nserver = \"mail\"\nfrom = \"a@b\"\nto = [\"c@d\"]\nenvironment = \"e\"\n{secrets}\
                 username = \"a\"\npassword_file = \"f\"\n"
            ),
        ];
        let sinks = sinks.iter().enumerate().map(|(i, sink)| format!("[[sink]]\nname = \"n{i}\"\n{sink}{all}"));
        Config::parse("sinks", &sinks.collect::<String>()).unwrap().sinks
    }

    #[test]
    fn every_key_that_config_prints_is_in_the_schema_and_the_other_way_round() {
        let mut config = Config::default();
        config.input.from = vec!["-".into()];
        config.output.to = vec!["-".into()];
        config.input.year = Some(2026);
        config.output.max_record_bytes = Some(16_000);
        config.output.on_poison = Some(OnPoison::File);
        config.output.dead_letter_file = Some("f".into());
        config.metrics.address = Some(":9464".into());
        config.roles = Role::ALL.map(|role| (role, vec!["x".to_owned()])).into();
        config.metrics.token_file = Some("t".into());
        config.metrics.page_url = Some("http://page/".into());
        config.peers.idle_timeout = Some(HumanDuration(std::time::Duration::from_secs(2)));
        config.sinks = sinks();
        config.rules.enable = vec!["mask_secrets".into()];
        config.rules.disable = vec!["panics".into()];
        config.template.masks = vec!["a".into()];
        config.template.seeds = vec!["b".into()];
        config.detector.r#loop.overrides = vec![LoopOverride {
            module: Some("a".into()),
            host: Some("b".into()),
            thread: Some("c".into()),
            enabled: Some(true),
            min_repeats: Some(8),
            threshold: Some(1e-9),
        }];
        let level = Some(FailureLevel::Warn);
        config.detector.burst.threshold = Some(1e-8);
        config.detector.burst.overrides = vec![BurstOverride {
            module: "a".into(),
            enabled: Some(true),
            threshold: Some(1e-9),
            level,
            min_errors: Some(9),
        }];
        config.detector.spread.threshold = Some(1e-8);
        config.detector.spread.overrides = vec![SpreadOverride {
            module: Some("a".into()),
            host: Some("b".into()),
            enabled: Some(true),
            threshold: Some(1e-9),
            level,
            min_failures: Some(9),
        }];
        config.detector.silence.overrides = vec![SilenceOverride {
            key: "host".into(),
            name: "a".into(),
            enabled: Some(true),
            threshold: Some(1e-9),
            least: Some(config.detector.silence.least),
        }];
        config.detector.novelty.overrides = vec![NoveltyOverride {
            module: Some("a".into()),
            host: Some("b".into()),
            enabled: Some(true),
            threshold: Some(0.05),
        }];
        let columns = || vec!["time".into(), "message".into()];
        config.input.layout = vec![
            Layout { name: "a".into(), pattern: "{time} {message}".into(), ..Layout::default() },
            Layout { name: "b".into(), csv: columns(), ..Layout::default() },
            Layout { name: "c".into(), tsv: columns(), ..Layout::default() },
        ];
        config.state.path = Some("kept".into());
        config.detector.r#loop.guards = vec![LoopGuard {
            module: Some("a".into()),
            host: Some("b".into()),
            thread: Some("c".into()),
            ..LoopGuard::default()
        }];
        config.detector.latency.overrides = vec![LatencyOverride {
            operation: Some("a".into()),
            module: Some("b".into()),
            host: Some("c".into()),
            enabled: Some(true),
            outlier_threshold: Some(1e-6),
            shift_threshold: Some(1e-9),
            tolerance: Some(2.0),
            new_normal: Some("1h".parse().unwrap()),
        }];
        config.detector.latency.pairs = vec![LatencyPair {
            operation: "a".into(),
            start: "b".into(),
            end: "c".into(),
            by: vec!["trace".into()],
            timeout: "5m".parse().unwrap(),
        }];
        let text = toml::to_string(&config).unwrap();
        assert_eq!(Config::parse("all", &text).unwrap(), config, "{text}");
        let (mut printed, mut known) = (Vec::new(), Vec::new());
        keys_of(&serde_json::to_value(toml::from_str::<toml::Table>(&text).unwrap()).unwrap(), "", &mut printed);
        keys_of_schema(&schema(), "", &mut known);
        // These keys exclude each other, so one configuration cannot have all.
        let others = [".metrics.token_env", ".sink.password_env", ".sink.token_env", ".sink.url", ".sink.url_env"];
        printed.extend(others.map(str::to_owned));
        for keys in [&mut printed, &mut known] {
            keys.sort();
            keys.dedup();
        }
        assert_eq!(printed, known);
    }

    #[test]
    fn every_key_has_a_description_and_ranges_are_those_of_validation() {
        let schema = schema();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert!(!schema.to_string().contains("null"));
        for leaf in variables::leaves(&schema) {
            let described = leaf.schema["description"].is_string() || leaf.path[0] == "roles";
            assert!(described, "{:?}: {}", leaf.path, leaf.schema);
            let name = variables::name_of(&leaf.path);
            let set = |value: String| Config::default().with_variables(&BTreeMap::from([(name.clone(), value)]));
            for (bound, step) in [("minimum", -1.0), ("maximum", 1.0), ("exclusiveMinimum", -1.0)] {
                let Some(bound_at) = leaf.schema[bound].as_f64() else { continue };
                assert!(set((bound_at + step).to_string()).is_err(), "{name} {bound}");
                assert_eq!(set(bound_at.to_string()).is_ok(), bound != "exclusiveMinimum", "{name} {bound}");
            }
            if let Some(default) = leaf.schema.get("default").filter(|default| !default.is_array()) {
                let default = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
                assert_eq!(set(default).unwrap(), Config::default(), "{name}");
            }
        }
    }
}
