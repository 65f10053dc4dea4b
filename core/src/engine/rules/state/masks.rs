//! The masks that rules have asked for, compiled once.
//!
//! A pattern that was ever applied also applies to the texts of all later findings, for a detector
//! may quote a line that a rule has masked since.

use crate::engine::finding::Finding;
use crate::event::mask::{self, Mask};
use regex::RegexBuilder;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Masks of one set of rules; a rule that builds patterns from events would pass any number.
const MOST: usize = 256;
/// Bytes that one compiled pattern may take.
const PATTERN_BYTES: usize = 1 << 20;
/// Names of members that one mask can list.
const MOST_NAMES: usize = 64;

/// All masks, by what was asked for.
#[derive(Debug, Default)]
pub(crate) struct Masks {
    texts: BTreeMap<(String, String), Arc<Mask>>,
    members: BTreeMap<Vec<String>, Arc<Mask>>,
    /// Those of `texts`, for findings.
    all: Vec<Arc<Mask>>,
}

impl Masks {
    /// The mask of whatever `pattern` finds.
    ///
    /// # Errors
    /// When the pattern is none, or one too many.
    pub(crate) fn text(&mut self, pattern: &str, with: &str) -> Result<Arc<Mask>, String> {
        let asked = (pattern.to_owned(), with.to_owned());
        if let Some(mask) = self.texts.get(&asked) {
            return Ok(Arc::clone(mask));
        }
        if self.texts.len() >= MOST {
            return Err(format!("more than {MOST} different masks; write patterns as constants"));
        }
        let compiled = RegexBuilder::new(pattern).size_limit(PATTERN_BYTES).build().map_err(|error| {
            // The last line says what is wrong; those before show where, over several lines.
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
            format!("`{pattern}` is no pattern: {reason}")
        })?;
        let mask = Arc::new(Mask::Text { pattern: compiled, with: with.to_owned() });
        self.all.push(Arc::clone(&mask));
        self.texts.insert(asked, Arc::clone(&mask));
        Ok(mask)
    }

    /// The mask of members with these names.
    ///
    /// # Errors
    /// When they are too many.
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

    /// The patterns and their replacements, for a snapshot.
    pub(crate) fn patterns(&self) -> Vec<(String, String)> {
        self.texts.keys().cloned().collect()
    }

    /// True when there is nothing to be masked in findings.
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Masks what a finding quotes.
    pub(crate) fn apply(&self, finding: &mut Finding) {
        finding.for_each_text(&mut |text| {
            if let Some(masked) = mask::in_text(&self.all, text) {
                *text = masked;
            }
        });
    }
}
