//! The rules and tables that the binary carries.

use super::set::{RuleSet, RuleSource, TableSource};

/// A rule in the binary.
struct Shipped {
    name: &'static str,
    text: &'static str,
    /// Runs without being asked for; rules that change or withhold events do not.
    on: bool,
}

macro_rules! shipped {
    ($($name:literal $on:literal),* $(,)?) => {
        [$(Shipped { name: $name, text: include_str!(concat!("../../../../rules/", $name, ".rhai")), on: $on }),*]
    };
}

/// All of them, in the order of their names.
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
    /// The rules and tables that the binary carries and that run without being asked for.
    #[must_use]
    pub fn shipped_sources() -> (Vec<RuleSource>, Vec<TableSource>) {
        Self::shipped_sources_with(&[], &[])
    }

    /// The same, with those that `enable` names and without those that `disable` names.
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

    /// The names of the rules that the binary carries, and whether each runs without being asked
    /// for.
    pub fn shipped_names() -> impl Iterator<Item = (&'static str, bool)> {
        RULES.iter().map(|rule| (rule.name, rule.on))
    }
}
