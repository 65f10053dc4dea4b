//! Which findings a sink takes, whatever its type: the filters that all `[[sink]]` tables have.

use crate::diagnostic::nearest;
use crate::engine::finding::{DetectorName, Finding, Key, Severity};
use crate::engine::overrides::glob_matches;
use crate::event::Role;
use crate::setting::Require;

/// Declares the table of a sink: its own settings, and those that every sink has.
macro_rules! sink_table {
    // A sink that is reached by HTTP, with how.
    ($(#[$about:meta])* http pub struct $Name:ident { $($own:tt)* }) => {
        sink_table! {
            $(#[$about])*
            pub struct $Name {
                $($own)*
                /// How long one request may take.
                #[serde(default = "timeout")]
                #[schemars(transform = TIMEOUT.range())]
                pub timeout: HumanDuration,
                /// A file for what could not be delivered; it is sent later, also after a restart.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                #[schemars(length(min = 1))]
                pub spool: Option<PathBuf>,
                /// A file with a token, sent as `Authorization: Bearer`.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                #[schemars(length(min = 1))]
                pub token_file: Option<PathBuf>,
                /// A variable with that token.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub token_env: Option<String>,
                /// A user's name, sent with the password as `Authorization: Basic`.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub username: Option<String>,
                /// A file with the password.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                #[schemars(length(min = 1))]
                pub password_file: Option<PathBuf>,
                /// A file with certificates (PEM) that are trusted in place of the system's.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                #[schemars(length(min = 1))]
                pub ca_file: Option<PathBuf>,
            }
        }

        impl $Name {
            /// How the server is reached.
            #[must_use]
            pub fn access(&self) -> Access<'_> {
                Access {
                    timeout: self.timeout.0,
                    token: (self.token_file.as_ref(), self.token_env.as_deref()),
                    user: self.username.as_deref().zip(self.password_file.as_ref()),
                    ca_file: self.ca_file.as_ref(),
                }
            }
        }
    };
    ($(#[$about:meta])* pub struct $Name:ident { $($own:tt)* }) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $Name {
            /// Its name in metrics and for `seismolog alert test`; by default its type, from the
            /// second sink of a type on with a number: `webhook_2`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schemars(length(min = 1))]
            pub name: Option<String>,
            /// The least severity that it takes; by default all.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub min_severity: Option<Severity>,
            /// Only findings of these detectors. In each pattern `*` is any text and `?` any
            /// character.
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            pub detector: Vec<String>,
            /// Only findings of these rules, as patterns.
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            pub rule: Vec<String>,
            /// Only findings with one of these members in their key, its value as a pattern:
            /// `host=web-*`.
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            pub key: Vec<String>,
            /// Only findings of these modules, as patterns.
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            pub module: Vec<String>,
            $($own)*
        }

        impl $Name {
            /// Which findings it takes.
            #[must_use]
            pub fn filter(&self) -> $crate::config::filter::SinkFilter {
                $crate::config::filter::SinkFilter {
                    min_severity: self.min_severity.unwrap_or(Severity::Info),
                    detector: self.detector.clone(),
                    rule: self.rule.clone(),
                    key: self.key.clone(),
                    module: self.module.clone(),
                }
            }
        }
    };
}
pub(super) use sink_table;

/// Which findings a sink takes: those that every filter which is set lets pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkFilter {
    /// The least severity.
    pub min_severity: Severity,
    /// Patterns of names of detectors. This list lets all pass where it is empty, as do the others.
    pub detector: Vec<String>,
    /// Patterns of names of rules, which let nothing pass that no rule has made.
    pub rule: Vec<String>,
    /// Names of members of the key, each with a pattern of its value: `host=web-*`.
    pub key: Vec<String>,
    /// Patterns of modules.
    pub module: Vec<String>,
}

impl SinkFilter {
    /// Whether the finding passes.
    #[must_use]
    pub fn passes(&self, finding: &Finding) -> bool {
        // An incident that has joined a situation is as bad as that.
        let severity = finding.situation.as_ref().map_or(finding.severity, |told| told.severity.max(finding.severity));
        self.passes_parts(severity, finding.detector.name(), finding.rule.as_deref(), &finding.key)
    }

    fn passes_parts(&self, severity: Severity, detector: &str, rule: Option<&str>, key: &Key) -> bool {
        severity >= self.min_severity
            && passes(&self.detector, |pattern| glob_matches(pattern, detector))
            && passes(&self.rule, |pattern| rule.is_some_and(|rule| glob_matches(pattern, rule)))
            && passes(&self.module, |pattern| has(key, Role::Module.name(), pattern))
            && passes(&self.key, |member| {
                member.split_once('=').is_some_and(|(name, pattern)| has(key, name.trim(), pattern.trim()))
            })
    }

    /// Checks the patterns.
    pub(super) fn require(&self, place: &str, require: &mut Require<'_>) {
        for (name, patterns) in [("detector", &self.detector), ("rule", &self.rule), ("module", &self.module)] {
            let is_filled = patterns.iter().all(|pattern| !pattern.is_empty());
            let hint = "a name, or a pattern with * and ?; leave the list out to let all pass";
            require(is_filled, &format!("{place}.{name}"), format!("a pattern of {name} is empty"), hint);
        }
        let names = || DetectorName::ALL.map(DetectorName::name);
        for pattern in self.detector.iter().filter(|pattern| !pattern.is_empty()) {
            let hint = match nearest(pattern, names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", names().join(", ")),
            };
            let matches = names().iter().any(|name| glob_matches(pattern, name));
            require(matches, &format!("{place}.detector"), format!("no detector has the name {pattern:?}"), &hint);
        }
        for member in &self.key {
            let is_pair =
                member.split_once('=').is_some_and(|(name, value)| ![name.trim(), value.trim()].contains(&""));
            require(
                is_pair,
                &format!("{place}.key"),
                format!("{member:?} is no member of a key"),
                "a name and a pattern of its value, such as \"host=web-*\"",
            );
        }
    }
}

/// Whether a list lets pass: one pattern is enough, and none is no filter.
fn passes(patterns: &[String], matches: impl Fn(&str) -> bool) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| matches(pattern))
}

fn has(key: &Key, name: &str, pattern: &str) -> bool {
    key.0.iter().any(|(known, value)| known == name && glob_matches(pattern, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(detector: &[&str], rule: &[&str], key: &[&str], module: &[&str]) -> SinkFilter {
        let list = |patterns: &[&str]| patterns.iter().map(|&pattern| pattern.to_owned()).collect();
        let min_severity = Severity::Warning;
        SinkFilter { min_severity, detector: list(detector), rule: list(rule), key: list(key), module: list(module) }
    }

    #[test]
    fn a_finding_passes_when_every_filter_that_is_set_matches() {
        let none = &[][..];
        let key = Key([("module", "shop.pay"), ("host", "web-1")].map(|(n, v)| (n.to_owned(), v.to_owned())).into());
        for (filter, severity, rule, passes) in [
            (filter(none, none, none, none), Severity::Warning, None, true),
            (filter(none, none, none, none), Severity::Info, None, false),
            (filter(&["burst"], none, none, none), Severity::Critical, None, true),
            (filter(&["loop", "b*"], none, none, none), Severity::Warning, None, true),
            (filter(&["loop"], none, none, none), Severity::Warning, None, false),
            (filter(none, &["*"], none, none), Severity::Warning, None, false),
            (filter(none, &["slow_*"], none, none), Severity::Warning, Some("slow_queries"), true),
            (filter(none, &["slow_*"], none, none), Severity::Warning, Some("panics"), false),
            (filter(none, none, none, &["shop.*"]), Severity::Warning, None, true),
            (filter(none, none, none, &["shop"]), Severity::Warning, None, false),
            (filter(none, none, &["host=db-*", "host = web-?"], none), Severity::Warning, None, true),
            (filter(none, none, &["host=web-"], none), Severity::Warning, None, false),
            (filter(none, none, &["thread=*"], none), Severity::Warning, None, false),
            (filter(&["burst"], none, &["host=web-1"], &["shop.*"]), Severity::Warning, None, true),
            (filter(&["burst"], none, &["host=web-1"], &["bank.*"]), Severity::Warning, None, false),
        ] {
            assert_eq!(filter.passes_parts(severity, "burst", rule, &key), passes, "{filter:?} {severity:?} {rule:?}");
        }
        assert!(!filter(none, none, none, &["*"]).passes_parts(Severity::Warning, "input", None, &Key::default()));
    }

    #[test]
    fn patterns_that_can_match_nothing_are_said() {
        for (filter, wrong) in [
            (filter(&["busrt"], &[], &[], &[]), Some(("sink.0.detector", "did you mean `burst`?"))),
            (filter(&["qqqqqqqq"], &[], &[], &[]), Some(("sink.0.detector", "there are loop"))),
            (filter(&[], &[""], &[], &[]), Some(("sink.0.rule", "leave the list out"))),
            (filter(&[], &[], &["host"], &[]), Some(("sink.0.key", "host=web-*"))),
            (filter(&[], &[], &["=a"], &[]), Some(("sink.0.key", "host=web-*"))),
            (filter(&["l*", "rule"], &["a*"], &["host=?"], &["*"]), None),
        ] {
            let mut said = Vec::new();
            filter.require("sink.0", &mut |holds, key, _, hint| {
                if !holds {
                    said.push((key.to_owned(), hint.to_owned()));
                }
            });
            match wrong {
                Some((key, hint)) => {
                    assert!(said.len() == 1 && said[0].0 == key && said[0].1.contains(hint), "{said:?}");
                }
                None => assert_eq!(said, []),
            }
        }
    }
}
