//! `[rules]`: which rules run.

use crate::diagnostic::nearest;
use crate::engine::rules::RuleSet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `[rules]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Directories and files with rules (`*.rhai`) and tables (`*.toml`).
    pub paths: Vec<PathBuf>,
    /// Whether the rules in the binary are loaded.
    pub shipped: bool,
    /// Whether a link in a directory of rules may lead out of it. Whoever writes there then has
    /// read what this process may read.
    pub follow_links: bool,
    /// Rules in the binary that are off by default and are to run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub enable: Vec<String>,
    /// Rules in the binary that are not to run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub disable: Vec<String>,
}

impl Default for Rules {
    fn default() -> Self {
        Self { paths: Vec::new(), shipped: true, follow_links: false, enable: Vec::new(), disable: Vec::new() }
    }
}

/// Checks that every name is that of a rule in the binary.
pub(super) fn require(rules: &Rules, require: &mut impl FnMut(bool, &str, String, &str)) {
    for (key, names) in [("enable", &rules.enable), ("disable", &rules.disable)] {
        for name in names {
            let known = || RuleSet::shipped_names().map(|(name, _)| name);
            let hint = nearest(name, known()).map_or_else(
                || format!("the binary has the rules {}", known().collect::<Vec<_>>().join(", ")),
                |near| format!("did you mean \"{near}\"?"),
            );
            require(
                known().any(|known| known == name),
                &format!("rules.{key}"),
                format!("rules.{key} names \"{name}\", which is no rule in the binary"),
                &hint,
            );
        }
    }
}
