//! Converts values of scripts to JSON.

use rhai::Dynamic;
use serde_json::Value;

/// The value as JSON; `None` for values that are not plain, such as functions, times and events.
pub(crate) fn json(value: &Dynamic) -> Option<Value> {
    if value.is_unit() {
        return Some(Value::Null);
    }
    if let Ok(items) = value.as_array_ref() {
        return items.iter().map(json).collect::<Option<_>>().map(Value::Array);
    }
    if let Ok(members) = value.as_map_ref() {
        let members = members.iter().map(|(name, value)| Some((name.to_string(), json(value)?)));
        return members.collect::<Option<_>>().map(Value::Object);
    }
    if let Ok(number) = value.as_int() {
        return Some(number.into());
    }
    if let Ok(number) = value.as_float() {
        return serde_json::Number::from_f64(number).map(Value::Number);
    }
    if let Ok(truth) = value.as_bool() {
        return Some(truth.into());
    }
    super::scalar::text_of(value).map(Value::String)
}
