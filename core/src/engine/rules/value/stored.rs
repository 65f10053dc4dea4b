//! Values that are stored between evaluations: by `set` and `changed`, and for expiry actions.
//!
//! Rhai's own values can hold functions and shared references. These are plain and bounded, and can
//! be written into snapshots.

use rhai::{Dynamic, Map};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most bytes of one stored value: its texts and a few bytes for each element.
pub(crate) const MOST_BYTES: usize = 4096;

/// A plain value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) enum Stored {
    #[default]
    Unit,
    Truth(bool),
    Integer(i64),
    Float(f64),
    Text(Box<str>),
    Array(Vec<Stored>),
    Map(BTreeMap<String, Stored>),
}

impl Stored {
    /// Converts a value, if it is plain and not too large.
    ///
    /// # Errors
    /// The problem, as the end of a sentence that begins with the value.
    pub(crate) fn of(value: &Dynamic) -> Result<Self, String> {
        let stored = Self::read(value)?;
        let bytes = stored.bytes();
        if bytes > MOST_BYTES {
            return Err(format!("takes {bytes} bytes; at most {MOST_BYTES} are kept"));
        }
        Ok(stored)
    }

    fn read(value: &Dynamic) -> Result<Self, String> {
        if value.is_unit() {
            Ok(Self::Unit)
        } else if let Ok(text) = value.as_immutable_string_ref() {
            Ok(Self::Text(text.as_str().into()))
        } else if let Ok(number) = value.as_int() {
            Ok(Self::Integer(number))
        } else if let Ok(number) = value.as_float() {
            Ok(Self::Float(number))
        } else if let Ok(truth) = value.as_bool() {
            Ok(Self::Truth(truth))
        } else if let Ok(character) = value.as_char() {
            Ok(Self::Text(character.to_string().into()))
        } else if let Ok(items) = value.as_array_ref() {
            items.iter().map(Self::read).collect::<Result<_, _>>().map(Self::Array)
        } else if let Ok(members) = value.as_map_ref() {
            let read = |(name, value): (&_, _)| Ok((ToString::to_string(name), Self::read(value)?));
            members.iter().map(read).collect::<Result<_, String>>().map(Self::Map)
        } else {
            Err(format!(
                "is {}, which cannot be kept: text, numbers, truth values, arrays and maps can",
                value.type_name()
            ))
        }
    }

    /// Approximate heap size in bytes.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Unit | Self::Truth(_) | Self::Integer(_) | Self::Float(_) => 0,
            Self::Text(text) => text.len(),
            Self::Array(items) => items.iter().map(|item| 24 + item.bytes()).sum(),
            Self::Map(members) => members.iter().map(|(name, value)| 56 + name.len() + value.bytes()).sum(),
        }
    }

    /// The value for scripts.
    pub(crate) fn dynamic(&self) -> Dynamic {
        match self {
            Self::Unit => Dynamic::UNIT,
            Self::Truth(truth) => (*truth).into(),
            Self::Integer(number) => (*number).into(),
            Self::Float(number) => (*number).into(),
            Self::Text(text) => text.to_string().into(),
            Self::Array(items) => items.iter().map(Self::dynamic).collect::<rhai::Array>().into(),
            Self::Map(members) => {
                members.iter().map(|(name, value)| (name.into(), value.dynamic())).collect::<Map>().into()
            }
        }
    }

    /// The value as JSON; NaN and infinity become null.
    pub(crate) fn json(&self) -> serde_json::Value {
        use serde_json::Value;
        match self {
            Self::Unit => Value::Null,
            Self::Truth(truth) => (*truth).into(),
            Self::Integer(number) => (*number).into(),
            Self::Float(number) => serde_json::Number::from_f64(*number).map_or(Value::Null, Value::Number),
            Self::Text(text) => text.as_ref().into(),
            Self::Array(items) => items.iter().map(Self::json).collect(),
            Self::Map(members) => {
                Value::Object(members.iter().map(|(name, value)| (name.clone(), value.json())).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::snapshot::{pack, unpack};

    #[test]
    fn the_deepest_that_is_kept_comes_back() {
        let deeper = |value: Dynamic| Dynamic::from_array(vec![value]);
        let mut deepest = Dynamic::UNIT;
        while Stored::of(&deeper(deepest.clone())).is_ok() {
            deepest = deeper(deepest);
        }
        let stored = Stored::of(&deepest).unwrap();
        assert_eq!(unpack::<Stored>(&pack(&stored)).unwrap(), stored);
    }

    #[test]
    fn plain_values_come_back_as_they_were() {
        let mut map = Map::new();
        map.insert("a".into(), vec![Dynamic::from(1_i64), "x".into(), 0.5.into(), true.into(), Dynamic::UNIT].into());
        let stored = Stored::of(&map.into()).unwrap();
        assert_eq!(stored.json().to_string(), r#"{"a":[1,"x",0.5,true,null]}"#);
        assert_eq!(Stored::of(&stored.dynamic()).unwrap(), stored);
        assert_eq!(Stored::Float(f64::NAN).json(), serde_json::Value::Null);
    }

    #[test]
    fn what_is_too_large_or_not_plain_is_refused() {
        assert!(Stored::of(&"x".repeat(MOST_BYTES).into()).is_ok());
        assert!(Stored::of(&"x".repeat(MOST_BYTES + 1).into()).unwrap_err().contains("at most"));
        assert!(Stored::of(&Dynamic::from(rhai::FnPtr::new("f").unwrap())).unwrap_err().contains("cannot be kept"));
    }
}
