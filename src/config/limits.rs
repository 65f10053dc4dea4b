//! `[limits]`: how much is remembered.

use crate::engine::incident::Incidents;
use crate::setting::Setting;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The default of bytes that the page's incidents may take.
pub const PAGE_BYTES: usize = 16 << 20;

const KEYS: Setting<usize> = Setting::new(100_000, "from 100 to 10000000").from(100).to(10_000_000);
const OPEN_INCIDENTS: Setting<usize> =
    Setting::new(Incidents::OPEN, "from 10 to 100000, by default 1000").from(10).to(100_000);
const TABLE_BYTES: Setting<usize> =
    Setting::new(80 << 20, "at least 1048576 (1 MiB), by default 83886080 (80 MiB)").from(1 << 20);
const PAGE: Setting<usize> =
    Setting::new(PAGE_BYTES, "at least 65536 (64 KiB), by default 16777216 (16 MiB)").from(64 << 10);

/// `[limits]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Most keys of each table.
    #[schemars(transform = KEYS.range())]
    pub keys: usize,
    /// Most incidents of one rule, or of one kind of a detector, that are open at a time. What
    /// would open beyond is told as one incident, a storm.
    #[schemars(transform = OPEN_INCIDENTS.range())]
    pub open_incidents: usize,
    /// About how much the engine may keep altogether: tables of templates and detectors, open
    /// incidents, what rules remember. Beyond, the largest forget what was not touched for longest.
    /// Bytes.
    #[schemars(transform = TABLE_BYTES.range())]
    pub table_bytes: usize,
    /// About how much the incidents that the filter's page shows may take; beyond, old ones that
    /// are over lose their lines, and then go. Bytes.
    #[schemars(transform = PAGE.range())]
    pub page_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            keys: KEYS.default,
            open_incidents: OPEN_INCIDENTS.default,
            table_bytes: TABLE_BYTES.default,
            page_bytes: PAGE.default,
        }
    }
}
