//! Durations in the configuration.

use crate::duration::nanoseconds;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A duration as people write it: `250ms`, `10s`, `5m`, `24h`, `2d`; at most 366 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HumanDuration(pub Duration);

impl HumanDuration {
    /// A duration of `seconds`.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// A duration of `milliseconds`.
    #[must_use]
    pub const fn from_millis(milliseconds: u64) -> Self {
        Self(Duration::from_millis(milliseconds))
    }

    /// The duration in seconds.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.0.as_secs_f64()
    }
}

impl std::fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let milliseconds = self.0.as_millis();
        let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];
        // One day is written as 24h, the usual form of a response time.
        let unit = units.into_iter().find(|(name, size)| {
            milliseconds > 0 && milliseconds.is_multiple_of(*size) && (*name != "d" || milliseconds > *size)
        });
        match unit {
            Some((name, size)) => write!(f, "{}{name}", milliseconds / size),
            None => write!(f, "{milliseconds}ms"),
        }
    }
}

impl std::str::FromStr for HumanDuration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no length of time; write a number and ms, s, m, h or d, such as \"10s\"");
        nanoseconds(text)
            .map(|nanoseconds| Duration::from_nanos(nanoseconds as u64))
            .filter(|span| *span <= Duration::from_secs(366 * 86_400))
            .map(Self)
            .ok_or_else(wrong)
    }
}

impl Serialize for HumanDuration {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HumanDuration {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for HumanDuration {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "HumanDuration".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": r"^[0-9]+(\.[0-9]*)?\s*(ms|s|m|h|d)$" })
    }
}
