//! `[limits]`: how much is remembered.

use crate::engine::EngineOptions;
use crate::telemetry::History;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[limits]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Most keys of each table.
    #[schemars(range(min = 100, max = 10_000_000))]
    pub keys: usize,
    /// About how much all tables of templates and detectors may take together; beyond, the largest forget the keys that
    /// were not touched for longest. Bytes.
    #[schemars(range(min = 1_048_576))]
    pub table_bytes: usize,
    /// About how much the incidents that the filter's page shows may take; beyond, old ones that are over lose their lines,
    /// and then go. Bytes.
    #[schemars(range(min = 65_536))]
    pub page_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let EngineOptions { keys, table_bytes, .. } = EngineOptions::default();
        Self { keys, table_bytes, page_bytes: History::BYTES }
    }
}

impl Limits {
    /// Says what must hold.
    pub(super) fn claim(&self, claim: &mut impl FnMut(bool, &str, String, &str)) {
        let Self { keys, table_bytes, page_bytes } = self;
        claim(
            (100..=10_000_000).contains(keys),
            "limits.keys",
            format!("limits.keys is {keys}"),
            "from 100 to 10000000",
        );
        claim(
            *table_bytes >= 1 << 20,
            "limits.table_bytes",
            format!("limits.table_bytes is {table_bytes}"),
            "at least 1048576 (1 MiB), by default 83886080 (80 MiB)",
        );
        claim(
            *page_bytes >= 64 << 10,
            "limits.page_bytes",
            format!("limits.page_bytes is {page_bytes}"),
            "at least 65536 (64 KiB), by default 16777216 (16 MiB)",
        );
    }
}
