//! Instants of events: nanoseconds since the Unix epoch, read from every written form that logs use.

use serde::{Deserialize, Serialize};

/// An instant, in nanoseconds since 1970-01-01T00:00:00Z. Covers the years 1677 to 2262.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);
