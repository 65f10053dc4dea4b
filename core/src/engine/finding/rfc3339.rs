//! Times in the JSON of findings.

use crate::event::Timestamp;
use crate::event::time::{TimeContext, time_text};
use serde::{Deserialize, Deserializer, Serializer};

pub(super) fn from_rfc3339<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
    let utc = TimeContext::new("UTC", 1970).ok();
    let time = utc.and_then(|mut utc| time_text(text.as_bytes(), &mut utc));
    time.ok_or_else(|| serde::de::Error::custom(format!("{text:?} is no time")))
}

pub(super) fn as_rfc3339<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

pub(super) fn optional_from_rfc3339<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    from_rfc3339(deserializer).map(Some)
}

pub(super) fn optional_as_rfc3339<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => as_rfc3339(time, serializer),
        None => serializer.serialize_none(),
    }
}
