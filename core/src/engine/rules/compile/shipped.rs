//! The rules and tables that are embedded in the binary.

use super::set::{RuleSet, RuleSource, TableSource};

/// An embedded rule.
struct Shipped {
    name: &'static str,
    text: &'static str,
    /// Enabled by default. Rules that change or withhold events are not.
    on: bool,
}

macro_rules! shipped {
    ($($name:literal $on:literal),* $(,)?) => {
        [$(Shipped { name: $name, text: include_str!(concat!("../../../../rules/", $name, ".rhai")), on: $on }),*]
    };
}

/// All embedded rules, ordered by name.
const RULES: [Shipped; 15] = shipped![
    "auth_bruteforce" true,
    "certificate_expiry" true,
    "connection_pools" true,
    "disk_full" true,
    "drop_debug_noise" false,
    "error_codes" true,
    "mask_addresses" false,
    "mask_secrets" false,
    "missing_configuration" true,
    "missing_resources" true,
    "out_of_memory" true,
    "panics" true,
    "retry_storms" true,
    "slow_queries" true,
    "upstream_timeouts" true,
];

impl RuleSet {
    /// The embedded rules that are enabled by default, and the embedded tables.
    #[must_use]
    pub fn shipped_sources() -> (Vec<RuleSource>, Vec<TableSource>) {
        Self::shipped_sources_with(&[], &[])
    }

    /// As [`Self::shipped_sources`], with the rules in `enable` added and those in `disable`
    /// removed.
    #[must_use]
    pub fn shipped_sources_with(enable: &[String], disable: &[String]) -> (Vec<RuleSource>, Vec<TableSource>) {
        let has = |names: &[String], rule: &Shipped| names.iter().any(|name| name == rule.name);
        let rules = RULES
            .iter()
            .filter(|rule| (rule.on || has(enable, rule)) && !has(disable, rule))
            .map(|rule| RuleSource {
                name: rule.name.to_owned(),
                path: format!("rules/{}.rhai", rule.name),
                text: rule.text.to_owned(),
            })
            .collect();
        let table = TableSource {
            name: "error_codes".to_owned(),
            path: "rules/error_codes.toml".to_owned(),
            text: include_str!("../../../../rules/error_codes.toml").to_owned(),
        };
        (rules, vec![table])
    }

    /// The names of the embedded rules, and whether each is enabled by default.
    pub fn shipped_names() -> impl Iterator<Item = (&'static str, bool)> {
        RULES.iter().map(|rule| (rule.name, rule.on))
    }
}
