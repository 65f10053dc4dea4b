//! The wall clock.

use crate::event::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// The current time.
#[must_use]
pub fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX))
}
