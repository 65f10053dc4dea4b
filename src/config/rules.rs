//! `[rules]`: names of rules in the binary.

use super::Rules;
use crate::diagnostic::nearest;
use crate::engine::rules::RuleSet;

/// Claims that every name is one of a rule in the binary.
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
