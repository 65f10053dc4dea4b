//! `[limits]`: how much is remembered.

use crate::engine::EngineOptions;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the incidents that the page shows may take, unless the configuration says otherwise.
pub const PAGE_BYTES: usize = 16 << 20;

/// `[limits]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Most keys of each table.
    #[schemars(range(min = 100, max = 10_000_000))]
    pub keys: usize,
    /// Most incidents of one rule, or of one kind of a detector, that are open at a time. What
    /// would open beyond is told as one incident, a storm.
    #[schemars(range(min = 10, max = 100_000))]
    pub open_incidents: usize,
    /// About how much the engine may keep altogether: tables of templates and detectors, open
    /// incidents, what rules remember. Beyond, the largest forget what was not touched for longest.
    /// Bytes.
    #[schemars(range(min = 1_048_576))]
    pub table_bytes: usize,
    /// About how much the incidents that the filter's page shows may take; beyond, old ones that
    /// are over lose their lines, and then go. Bytes.
    #[schemars(range(min = 65_536))]
    pub page_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let EngineOptions { keys, open_incidents, table_bytes, .. } = EngineOptions::default();
        Self { keys, open_incidents, table_bytes, page_bytes: PAGE_BYTES }
    }
}

impl Limits {
    /// Says what must hold.
    pub(super) fn require(&self, require: &mut impl FnMut(bool, &str, String, &str)) {
        let Self { keys, open_incidents, table_bytes, page_bytes } = self;
        require(
            (100..=10_000_000).contains(keys),
            "limits.keys",
            format!("limits.keys is {keys}"),
            "from 100 to 10000000",
        );
        require(
            (10..=100_000).contains(open_incidents),
            "limits.open_incidents",
            format!("limits.open_incidents is {open_incidents}"),
            "from 10 to 100000, by default 1000",
        );
        require(
            *table_bytes >= 1 << 20,
            "limits.table_bytes",
            format!("limits.table_bytes is {table_bytes}"),
            "at least 1048576 (1 MiB), by default 83886080 (80 MiB)",
        );
        require(
            *page_bytes >= 64 << 10,
            "limits.page_bytes",
            format!("limits.page_bytes is {page_bytes}"),
            "at least 65536 (64 KiB), by default 16777216 (16 MiB)",
        );
    }
}
