//! Finds the roles that most events lack, and members that could be them. The report says so
//! prominently, because detectors cannot find anything in events that are not parsed.
//!
//! Nearly every log has a time and a level, so a lack of these is always reported; a status stands
//! in for a level. A lack of a module, an operation or a duration is only reported if a member
//! looks like one, because not every log has them.

use super::document::UnreadRole;
use super::merge::Line;
use crate::event::inspect::Inspector;
use crate::event::{Role, Shape};
use crate::inspect::evidence::Evidence;
use crate::inspect::pasted;
use crate::narrate::quantity::thousands;
use crate::narrate::{Words, fill};

/// The roles that are checked.
const ASKED: [Role; 5] = [Role::Timestamp, Role::Level, Role::Module, Role::Operation, Role::Duration];
/// Most events with a missing role whose members are examined.
const LOOKED_INTO: u64 = 2_000;

/// Counts events that lack roles.
#[derive(Debug)]
pub struct UnreadRoles {
    /// For each file, its events and how many of them lack each role.
    files: Vec<(u64, [u64; ASKED.len()])>,
    explained: Option<(Inspector, Evidence)>,
    looked_into: u64,
}

impl UnreadRoles {
    /// Counts for this many files. Members are only examined after [`Self::explained`].
    #[must_use]
    pub fn new(files: usize) -> Self {
        Self { files: vec![(0, [0; ASKED.len()]); files], explained: None, looked_into: 0 }
    }

    /// Adds the inspector and the evidence for examining members.
    #[must_use]
    pub fn explained(mut self, inspector: Inspector, evidence: Evidence) -> Self {
        self.explained = Some((inspector, evidence));
        self
    }

    /// Counts a line; `is_event` is false for a line that continues a stack trace.
    pub(super) fn line(&mut self, line: &Line<'_>, is_event: bool) {
        let parsed = line.fields.parsed();
        if !is_event || !matches!(parsed.shape, Shape::Json | Shape::Text) {
            return;
        }
        let without = [
            parsed.time.is_none(),
            parsed.level.is_none() && parsed.status == 0,
            parsed.module_hash == 0,
            parsed.operation_hash == 0,
            !parsed.duration_ms.is_finite(),
        ];
        let (events, counts) = &mut self.files[line.source];
        *events += 1;
        for (count, without) in counts.iter_mut().zip(without) {
            *count += u64::from(without);
        }
        if self.looked_into < LOOKED_INTO
            && without.contains(&true)
            && let Some((inspector, evidence)) = &mut self.explained
        {
            self.looked_into += 1;
            evidence.take(&inspector.read(&line.fields));
        }
    }

    /// The roles worth reporting; `names` are the files' names.
    pub(super) fn told(&self, names: &[String]) -> Vec<UnreadRole> {
        let events: u64 = self.files.iter().map(|(events, _)| events).sum();
        let told = |(i, role): (usize, Role)| {
            let without = self.files.iter().map(|(_, counts)| counts[i]).sum();
            let looks_like = self.explained.as_ref().and_then(|(_, evidence)| evidence.best(role));
            let always = matches!(role, Role::Timestamp | Role::Level);
            if without * 2 <= events || !(always || looks_like.is_some()) {
                return None;
            }
            let worst = (0..self.files.len()).max_by_key(|&file| (self.files[file].1[i], std::cmp::Reverse(file)))?;
            let file = names.get(worst).filter(|name| *name != "standard input").cloned();
            Some(UnreadRole { role: role.name(), events, without, looks_like: looks_like.map(|of| of.member), file })
        };
        ASKED.into_iter().enumerate().filter_map(told).collect()
    }
}

impl UnreadRole {
    /// `0 of 26,767 events have a time: time_iso8601 looks like one`
    #[must_use]
    pub fn sentence(&self, words: &Words) -> String {
        let what = Role::from_name(self.role).map_or(words.role_other, |role| role_in_words(role, words));
        let (with, all) = (thousands(self.events - self.without), thousands(self.events));
        let has = fill(words.events_have, &[&with, &all, &what]);
        match &self.looks_like {
            Some(member) => fill(words.looks_like, &[&has, member]),
            None => has,
        }
    }
}

fn role_in_words(role: Role, words: &Words) -> &'static str {
    match role {
        Role::Timestamp => words.role_time,
        Role::Level => words.role_level,
        Role::Message => words.role_message,
        Role::Module => words.role_module,
        Role::Host => words.role_host,
        Role::Thread => words.role_thread,
        Role::Trace => words.role_trace,
        Role::Operation => words.role_operation,
        Role::Duration => words.role_duration,
        Role::Status => words.role_status,
        Role::ErrorCode => words.role_error_code,
    }
}

/// What the user can do about missing roles.
#[must_use]
pub fn advice(unread: &[UnreadRole], words: &Words) -> Option<String> {
    let file = unread.first()?.file.as_deref().map_or_else(|| "FILE".to_owned(), pasted);
    Some(fill(words.unread_advice, &[&file]))
}
