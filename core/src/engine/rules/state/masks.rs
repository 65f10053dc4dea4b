//! The masks that rules have used, each compiled once.
//!
//! A pattern that was used once also masks the texts of all later findings, because a detector may
//! quote a line that the rule has masked.

use crate::engine::finding::Finding;
use crate::event::mask::{self, Mask};
use regex::RegexBuilder;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most masks of a set of rules. Rules that build patterns from events would exceed any limit.
const MOST: usize = 256;
/// Most bytes of a compiled pattern.
const PATTERN_BYTES: usize = 1 << 20;
/// Most member names of one mask.
const MOST_NAMES: usize = 64;

/// All masks, by their arguments.
#[derive(Debug, Default)]
pub(crate) struct Masks {
    texts: BTreeMap<(String, String), Arc<Mask>>,
    members: BTreeMap<Vec<String>, Arc<Mask>>,
    /// All masks in `texts`, for findings.
    all: Vec<Arc<Mask>>,
}

impl Masks {
    /// The mask for all matches of `pattern`.
    ///
    /// # Errors
    /// When the pattern is invalid, or there are too many masks.
    pub(crate) fn text(&mut self, pattern: &str, with: &str) -> Result<Arc<Mask>, String> {
        let asked = (pattern.to_owned(), with.to_owned());
        if let Some(mask) = self.texts.get(&asked) {
            return Ok(Arc::clone(mask));
        }
        if self.texts.len() >= MOST {
            return Err(format!("more than {MOST} different masks; write patterns as constants"));
        }
        let compiled = RegexBuilder::new(pattern).size_limit(PATTERN_BYTES).build().map_err(|error| {
            // The last line has the reason; the lines before it only show where in the pattern.
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
            format!("`{pattern}` is no pattern: {reason}")
        })?;
        let mask = Arc::new(Mask::Text { pattern: compiled, with: with.to_owned() });
        self.all.push(Arc::clone(&mask));
        self.texts.insert(asked, Arc::clone(&mask));
        Ok(mask)
    }

    /// The mask for the members with these names.
    ///
    /// # Errors
    /// When there are too many names or masks.
    pub(crate) fn members(&mut self, names: Vec<String>) -> Result<Arc<Mask>, String> {
        if names.len() > MOST_NAMES {
            return Err(format!("a mask names at most {MOST_NAMES} members"));
        }
        if let Some(mask) = self.members.get(&names) {
            return Ok(Arc::clone(mask));
        }
        if self.members.len() >= MOST {
            return Err(format!("more than {MOST} different masks; write names as constants"));
        }
        let mask = Arc::new(Mask::Members(names.clone()));
        self.members.insert(names, Arc::clone(&mask));
        Ok(mask)
    }

    /// The patterns and their replacements, for snapshots.
    pub(crate) fn patterns(&self) -> Vec<(String, String)> {
        self.texts.keys().cloned().collect()
    }

    /// True when no pattern has to be applied to findings.
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Masks the texts of a finding.
    pub(crate) fn apply(&self, finding: &mut Finding) {
        finding.for_each_text(&mut |text| {
            if let Some(masked) = mask::in_text(&self.all, text) {
                *text = masked;
            }
        });
    }
}
