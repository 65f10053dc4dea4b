//! `[input]`: how input is read.

use super::HumanDuration;
use super::layout::Layout;
use crate::event::Charset;
use crate::setting::Setting;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

const YEAR: Setting<i16, Option<i16>> = Setting::new(None, "a year from 1970 to 2200").from(1970).to(2200);
const MAX_LINE_BYTES: Setting<usize> =
    Setting::new(1 << 20, "from 1024 (1 KiB) to 268435456 (256 MiB)").from(1 << 10).to(256 << 20);
const JOIN_TIMEOUT: Setting<HumanDuration> =
    Setting::new(HumanDuration::from_millis(250), "from 10ms to 1m, by default 250ms")
        .from(HumanDuration::from_millis(10))
        .to(HumanDuration::from_secs(60));

/// `[input]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Input {
    /// Where events come from, as URLs; by default standard input.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<String>,
    /// The zone of times without one: an IANA name or an offset such as `+02:00`.
    pub timezone: String,
    /// The year of times without one; by default the latest in which none is in the future.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(transform = YEAR.range())]
    pub year: Option<i16>,
    /// How lines are read that are no UTF-8: `auto` (UTF-16 and GB 18030, where they are found),
    /// `utf-8`, `gb18030`, `latin-1`, `utf-16`, `utf-16le` or `utf-16be`. They pass as they came.
    pub encoding: Charset,
    /// A longer line flows through in pieces, unanalysed. Bytes.
    #[schemars(transform = MAX_LINE_BYTES.range())]
    pub max_line_bytes: usize,
    /// Makes one event of the lines of a stack trace. A line of text then waits for the next, at
    /// most `join_timeout`.
    pub join: bool,
    /// How long a line of text waits for one that goes on with it, when input is idle.
    #[schemars(transform = JOIN_TIMEOUT.range())]
    pub join_timeout: HumanDuration,
    /// How far behind the highest event time an event may be and still count.
    pub allowed_lateness: HumanDuration,
    /// Formats of one's own, which come before all others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub layout: Vec<Layout>,
}

impl Default for Input {
    fn default() -> Self {
        Self {
            from: Vec::new(),
            timezone: "UTC".into(),
            year: YEAR.default,
            encoding: Charset::Auto,
            max_line_bytes: MAX_LINE_BYTES.default,
            join: false,
            join_timeout: JOIN_TIMEOUT.default,
            allowed_lateness: HumanDuration(Duration::from_secs(10)),
            layout: Vec::new(),
        }
    }
}
