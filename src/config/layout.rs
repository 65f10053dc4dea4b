//! `[[input.layout]]`: lines of a team's own format.

use crate::event::layout::{BadLayout, OwnLayout};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One layout: how lines of one format are read, by a pattern or by columns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Layout {
    /// A name, as `seismolog inspect` shows it.
    pub name: String,
    /// The line as one would print it, its fields in braces: `{time} {level} [{thread}] {module}:
    /// {message}`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pattern: String,
    /// The columns between commas, in their order: `time`, `level` and `message` are those of the
    /// line, `-` nothing, any other name a member.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub csv: Vec<String>,
    /// The columns between tabs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tsv: Vec<String>,
}

impl Layout {
    /// The layout, compiled.
    ///
    /// # Errors
    /// What is wrong with its pattern or columns.
    pub fn compile(&self) -> Result<OwnLayout, BadLayout> {
        match (self.csv.is_empty(), self.tsv.is_empty()) {
            (false, _) => OwnLayout::columns(&self.name, b',', &self.csv),
            (_, false) => OwnLayout::columns(&self.name, b'\t', &self.tsv),
            _ => OwnLayout::pattern(&self.name, &self.pattern),
        }
    }

    pub(super) fn require(&self, i: usize, require: &mut impl FnMut(bool, &str, String, &str)) {
        let ways = [!self.pattern.is_empty(), !self.csv.is_empty(), !self.tsv.is_empty()];
        let named = !self.name.is_empty() && self.name.len() <= 64;
        require(
            named,
            &format!("input.layout.{i}.name"),
            format!("the name of a layout is {:?}", self.name),
            "a name of 1 to 64 bytes, such as name = \"shop\"",
        );
        if ways.iter().filter(|given| **given).count() != 1 {
            require(
                false,
                &format!("input.layout.{i}"),
                format!("layout {:?} must have one of pattern, csv and tsv", self.name),
                "such as pattern = \"{time} {level} {module}: {message}\" or csv = [\"time\", \"level\", \"message\"]",
            );
            return;
        }
        if let Err(bad) = self.compile() {
            let key = ["pattern", "csv", "tsv"].into_iter().zip(ways).find_map(|(key, given)| given.then_some(key));
            require(
                false,
                &format!("input.layout.{i}.{}", key.unwrap_or("pattern")),
                bad.to_string(),
                "`seismolog inspect` shows how lines are read; docs/formats.md tells how patterns are written",
            );
        }
    }
}
