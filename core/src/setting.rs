//! A setting with a range: one line defines its default, range, hint and schema.
//!
//! The range and the hint are written into the schema of the configuration, and validation walks
//! that schema, so there is no second list of checks. Ranges of durations and hints have no
//! standard JSON Schema keyword; they use extension keywords (`x-…`), which [`without_own_names`]
//! removes before the schema is published.

use crate::human_duration::HumanDuration;
use schemars::Schema;
use schemars::transform::Transform;
use serde_json::Value;

/// Extension keyword: the hint for a value out of range.
pub const HINT: &str = "x-hint";
/// Extension keywords for the bounds of durations, in seconds.
const DURATION_BOUNDS: [&str; 3] = ["x-minimum", "x-exclusiveMinimum", "x-maximum"];
const NUMBER_BOUNDS: [&str; 3] = ["minimum", "exclusiveMinimum", "maximum"];
/// Prefix of all extension keywords.
const OWN: &str = "x-";

/// Callback for one check of a configuration: whether it holds, the path of the setting, the
/// message, and the hint.
pub type Require<'a> = dyn FnMut(bool, &str, String, &str) + 'a;

/// A setting with a range. `D` differs from `T` where the setting is optional.
#[derive(Clone, Copy, Debug)]
pub struct Setting<T, D = T> {
    /// The value used when the configuration does not set one.
    pub default: D,
    hint: &'static str,
    /// The inclusive minimum, the exclusive minimum and the inclusive maximum.
    bounds: [Option<T>; 3],
}

impl<T: Copy, D: Copy> Setting<T, D> {
    /// A setting with this default; `hint` describes the valid values.
    #[must_use]
    pub const fn new(default: D, hint: &'static str) -> Self {
        Self { default, hint, bounds: [None; 3] }
    }

    /// Requires at least `least`.
    #[must_use]
    pub const fn from(self, least: T) -> Self {
        let [_, above, most] = self.bounds;
        Self { bounds: [Some(least), above, most], ..self }
    }

    /// Requires more than `bound`.
    #[must_use]
    pub const fn above(self, bound: T) -> Self {
        let [least, _, most] = self.bounds;
        Self { bounds: [least, Some(bound), most], ..self }
    }

    /// Requires at most `most`.
    #[must_use]
    pub const fn to(self, most: T) -> Self {
        let [least, above, _] = self.bounds;
        Self { bounds: [least, above, Some(most)], ..self }
    }

    /// The transform that writes the range into a schema: `#[schemars(transform = LEAST.range())]`.
    #[must_use]
    pub const fn range(self) -> Self {
        self
    }
}

/// A type that can have a range.
pub trait Bound: Copy {
    /// The schema keywords for the inclusive minimum, the exclusive minimum and the maximum.
    const NAMES: [&'static str; 3] = NUMBER_BOUNDS;

    /// The bound as a JSON value.
    fn value(self) -> Value;
}

impl Bound for u32 {
    fn value(self) -> Value {
        self.into()
    }
}

impl Bound for u64 {
    fn value(self) -> Value {
        self.into()
    }
}

impl Bound for usize {
    fn value(self) -> Value {
        self.into()
    }
}

impl Bound for i16 {
    fn value(self) -> Value {
        self.into()
    }
}

impl Bound for f64 {
    fn value(self) -> Value {
        self.into()
    }
}

impl Bound for HumanDuration {
    const NAMES: [&'static str; 3] = DURATION_BOUNDS;

    fn value(self) -> Value {
        self.seconds().into()
    }
}

impl<T: Bound, D> Transform for Setting<T, D> {
    fn transform(&mut self, schema: &mut Schema) {
        write_range(schema, self.hint, T::NAMES, self.bounds.map(|bound| bound.map(T::value)));
    }
}

/// Not generic and not inlined, so that the code exists once instead of once per setting type.
#[cold]
#[inline(never)]
fn write_range(schema: &mut Schema, hint: &str, names: [&str; 3], bounds: [Option<Value>; 3]) {
    schema.insert(HINT.to_owned(), hint.into());
    for (name, bound) in names.into_iter().zip(bounds) {
        if let Some(bound) = bound {
            schema.insert(name.to_owned(), bound);
        }
    }
}

/// The hint for a value that is out of its schema's range. None where the value is in range, or
/// where the schema has no range with a hint.
#[must_use]
pub fn out_of_range<'a>(schema: &'a Value, value: &toml::Value) -> Option<&'a str> {
    let hint = schema.get(HINT)?.as_str()?;
    let (value, names) = match value {
        toml::Value::Integer(number) => (*number as f64, NUMBER_BOUNDS),
        toml::Value::Float(number) => (*number, NUMBER_BOUNDS),
        toml::Value::String(text) => (text.parse::<HumanDuration>().ok()?.seconds(), DURATION_BOUNDS),
        _ => return None,
    };
    let [least, above, most] = names.map(|name| schema.get(name).and_then(Value::as_f64));
    // NaN is in no range.
    let holds = !value.is_nan()
        && least.is_none_or(|least| value >= least)
        && above.is_none_or(|above| value > above)
        && most.is_none_or(|most| value <= most);
    (!holds).then_some(hint)
}

/// Removes our extension keywords from a schema, at any depth.
pub fn without_own_names(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(without_own_names),
        Value::Object(members) => {
            members.retain(|name, _| !name.starts_with(OWN));
            members.values_mut().for_each(without_own_names);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemars::json_schema;

    const CHANCE: Setting<f64> = Setting::new(0.05, "above 0 and at most 0.5").above(0.0).to(0.5);
    const LEAST: Setting<HumanDuration> =
        Setting::new(HumanDuration::from_secs(30), "at least 1s").from(HumanDuration::from_secs(1));

    fn schema_of(mut setting: impl Transform) -> Value {
        let mut schema = json_schema!({ "type": "number" });
        setting.transform(&mut schema);
        schema.to_value()
    }

    #[test]
    fn what_the_schema_says_is_what_is_checked() {
        let schema = schema_of(CHANCE);
        assert_eq!((schema["exclusiveMinimum"].as_f64(), schema["maximum"].as_f64()), (Some(0.0), Some(0.5)));
        for (value, holds) in [(0.0, false), (1e-300, true), (0.5, true), (0.6, false), (f64::NAN, false)] {
            assert_eq!(out_of_range(&schema, &value.into()).is_none(), holds, "{value}");
        }
        let schema = schema_of(LEAST);
        for (value, hint) in [("1s", None), ("999ms", Some("at least 1s")), ("2d", None)] {
            assert_eq!(out_of_range(&schema, &value.into()), hint, "{value}");
        }
    }

    #[test]
    fn what_is_for_ourselves_is_taken_out_at_any_depth() {
        let mut schema = serde_json::json!({ "items": [schema_of(LEAST)] });
        without_own_names(&mut schema);
        assert_eq!(schema, serde_json::json!({ "items": [{ "type": "number" }] }));
    }
}
