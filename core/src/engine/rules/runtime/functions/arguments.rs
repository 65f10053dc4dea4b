//! Conversion of the arguments of functions.

use crate::engine::rules::runtime::context::BETWEEN_PARTS;
use crate::engine::rules::value::duration;
use crate::engine::rules::value::scalar::text_of;
use rhai::{Dynamic, EvalAltResult, Map, Position};

/// Most bytes of a text in a finding, a key or a label.
pub(crate) const LONGEST_TEXT: usize = 1024;

/// The error with which a function ends the evaluation.
pub(crate) type Failure = Box<EvalAltResult>;

/// An error with this message at `position`.
pub(crate) fn failure(message: impl Into<String>, position: Position) -> Failure {
    EvalAltResult::ErrorRuntime(message.into().into(), position).into()
}

/// Parses a window into nanoseconds.
pub(crate) fn window_of(window: &Dynamic, position: Position) -> Result<i64, Failure> {
    window
        .as_immutable_string_ref()
        .ok()
        .and_then(|text| duration::nanoseconds(&text))
        .ok_or_else(|| failure(format!("`{window}` is no duration; {}", duration::HINT), position))
}

/// A condition. A missing value is false.
pub(crate) fn truth_of(value: &Dynamic, position: Position) -> Result<bool, Failure> {
    if value.is_unit() {
        return Ok(false);
    }
    value.as_bool().map_err(|found| failure(format!("a condition is true or false, not {found}"), position))
}

/// A number, as a number or as text; `None` if it is missing or not a finite number.
pub(crate) fn number_of(value: &Dynamic) -> Option<f64> {
    let number = match value.as_float().or_else(|_| value.as_int().map(|number| number as f64)) {
        Ok(number) => number,
        Err(_) => value.as_immutable_string_ref().ok()?.trim().parse().ok()?,
    };
    number.is_finite().then_some(number)
}

/// Calls `work` with the text of `key`; returns `missing` if the key or a part of it is missing.
pub(crate) fn with_key<R>(
    key: &Dynamic,
    position: Position,
    missing: R,
    work: impl FnOnce(&str) -> Result<R, String>,
) -> Result<R, Failure> {
    let fail = |message: String| failure(message, position);
    // Nearly all keys are text, which need not be copied.
    if let Ok(text) = key.as_immutable_string_ref() {
        return work(&text).map_err(fail);
    }
    match key_of(key).map_err(fail)? {
        Some(key) => work(&key).map_err(fail),
        None => Ok(missing),
    }
}

/// The text of a key: a scalar as text, the parts of an array joined. `None` if the key or a part
/// of it is missing.
fn key_of(key: &Dynamic) -> Result<Option<String>, String> {
    if key.is_unit() {
        return Ok(None);
    }
    let Ok(parts) = key.as_array_ref() else {
        return text_of(key)
            .map(Some)
            .ok_or_else(|| format!("a key is a scalar or an array of scalars, not {}", key.type_name()));
    };
    let mut joined = String::new();
    for (i, part) in parts.iter().enumerate() {
        if part.is_unit() {
            return Ok(None);
        }
        if i > 0 {
            joined.push_str(BETWEEN_PARTS);
        }
        joined
            .push_str(&text_of(part).ok_or_else(|| format!("a part of a key is a scalar, not {}", part.type_name()))?);
    }
    Ok(Some(joined))
}

/// A map of names and scalars as pairs, without missing values.
pub(crate) fn key_map(map: &Map) -> Result<Vec<(String, String)>, String> {
    let mut pairs = Vec::with_capacity(map.len());
    for (name, value) in map.iter().filter(|(_, value)| !value.is_unit()) {
        let text = text_of(value).ok_or_else(|| format!("`{name}` of a key is a scalar, not {}", value.type_name()))?;
        pairs.push((name.to_string(), text[..text.floor_char_boundary(LONGEST_TEXT)].to_owned()));
    }
    Ok(pairs)
}
