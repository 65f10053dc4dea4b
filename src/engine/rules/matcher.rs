//! All filters of a set at once: what an event costs grows with what matches it, not with the number of rules.
//!
//! Every alternative of every rule is found by one of its conditions, the one that can be looked up best: equality and
//! tables by hash, beginnings by the hash of their first bytes, ranges by a search among all bounds, words by one
//! Aho–Corasick automaton for each subject (Aho and Corasick, Efficient string matching, CACM 1975), patterns by the words that
//! a match must contain or else by one set of patterns. A lookup may find too much, never too little: what it finds is
//! then tested whole. Only what has no such condition (levels, absences) is tested on every event that passes its
//! masks. The idea is that of content-based publish and subscribe (Fabret and others, Filtering algorithms and
//! implementation for very fast publish/subscribe systems, SIGMOD 2001).

use super::condition::{Condition, Seen, Subject, Test};
use super::literals;
use super::lookups::{Building, Entry, Lookups};
use super::members::{Names, Places};
use super::select::Alternative;
use super::table::Table;
use crate::engine::template::{Merge, TemplateId};
use crate::event::look::Form;
use crate::event::{Fields, Look, Role};
use std::collections::BTreeMap;

/// The bit of events without a level.
pub(super) const NO_LEVEL: u8 = 1 << 6;
/// Every level, and none.
pub(super) const ANY_LEVEL: u8 = (1 << 7) - 1;

/// What of an event the masks look at.
#[derive(Clone, Copy, Debug)]
struct Sight {
    level: u8,
    roles: u16,
}

impl Sight {
    #[inline]
    fn of(look: &Look) -> Self {
        let level = look.level.map_or(NO_LEVEL, |level| 1 << level as u8);
        let mut roles = u16::from(look.time.is_some()) << Role::Timestamp as u16;
        for (i, slot) in look.slots.iter().enumerate() {
            roles |= u16::from(slot.form != Form::Absent) << i;
        }
        Self { level, roles }
    }

    #[inline]
    fn passes(self, levels: u8, roles: u16) -> bool {
        levels & self.level != 0 && roles & !self.roles == 0
    }
}

/// The filters of a set, joined.
#[derive(Debug, Default)]
pub(super) struct Matcher {
    /// All alternatives, each with its rule's number.
    entries: Vec<(u32, Alternative)>,
    names: Names,
    /// Alternatives without a condition to look up, by their masks.
    open: Vec<(u8, u16, Vec<Entry>)>,
    /// Of roles.
    roles: Vec<Lookups>,
    /// Of members, and by key of an event's top level which of them that key leads to.
    members: Vec<Lookups>,
    keys: Vec<Vec<u32>>,
    /// Levels of all alternatives that are found by a member.
    member_levels: u8,
    /// By template, sorted.
    templates: Vec<(TemplateId, Vec<Entry>)>,
}

/// What one event needs room for; kept from event to event for its memory.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    places: Places,
    candidates: Vec<Entry>,
    /// The rules that select the event, in the order of their names.
    pub(super) rules: Vec<u32>,
}

/// Which templates have become which: a filter that names one also means what it was merged into.
#[derive(Clone, Debug, Default)]
pub(super) struct Roots(BTreeMap<TemplateId, Vec<TemplateId>>);

impl Roots {
    /// `merge.from` is no more. Only what `matcher` asks for is remembered, so that the filters bound this table.
    pub(super) fn merge(&mut self, merge: Merge, matcher: &Matcher) {
        let mut once = self.0.remove(&merge.from).unwrap_or_default();
        if matcher.templates.binary_search_by_key(&merge.from, |(id, _)| *id).is_ok() {
            once.push(merge.from);
        }
        if !once.is_empty() {
            self.0.entry(merge.into).or_default().append(&mut once);
        }
    }

    /// What this template has been.
    fn of(&self, id: TemplateId) -> &[TemplateId] {
        self.0.get(&id).map_or(&[], Vec::as_slice)
    }
}

impl Matcher {
    /// Joins the alternatives of rules, each with its rule's number; `names` are those of their members.
    pub(super) fn new(alternatives: impl IntoIterator<Item = (u32, Alternative)>, names: Names) -> Self {
        let mut matcher = Self { entries: alternatives.into_iter().collect(), names, ..Self::default() };
        let mut subjects: BTreeMap<Subject, Building> = BTreeMap::new();
        let mut templates: BTreeMap<TemplateId, Vec<Entry>> = BTreeMap::new();
        let mut open: BTreeMap<(u8, u16), Vec<Entry>> = BTreeMap::new();
        for (i, (_, alternative)) in matcher.entries.iter().enumerate() {
            let entry = i as Entry;
            if let Some(ids) = &alternative.templates {
                ids.iter().for_each(|id| templates.entry(*id).or_default().push(entry));
                continue;
            }
            let best = alternative.conditions.iter().filter_map(|condition| Some((rank(condition)?, condition)));
            match best.min_by_key(|(rank, _)| *rank) {
                Some((_, condition)) => {
                    let building = subjects.entry(condition.subject).or_default();
                    building.levels |= alternative.levels;
                    building.add(&condition.test, entry);
                }
                None => open.entry((alternative.levels, alternative.roles)).or_default().push(entry),
            }
        }
        matcher.open = open.into_iter().map(|((levels, roles), entries)| (levels, roles, entries)).collect();
        for (subject, building) in subjects {
            let lookups = building.build(subject);
            match subject {
                Subject::Role(_) => matcher.roles.push(lookups),
                Subject::Member(name) => {
                    let number = matcher.members.len() as u32;
                    for key in matcher.names.keys_of(name) {
                        matcher.keys.resize(matcher.keys.len().max(key + 1), Vec::new());
                        matcher.keys[key].push(number);
                    }
                    matcher.member_levels |= lookups.levels;
                    matcher.members.push(lookups);
                }
            }
        }
        matcher.templates = templates.into_iter().collect();
        matcher
    }

    /// The templates that some filter names.
    pub(super) fn templates(&self) -> impl Iterator<Item = TemplateId> {
        self.templates.iter().map(|(id, _)| *id)
    }

    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    /// Puts the rules that select the event into `scratch.rules`.
    #[inline]
    pub(super) fn select(
        &self,
        fields: &Fields<'_>,
        template: TemplateId,
        roots: &Roots,
        tables: &[Table],
        scratch: &mut Scratch,
    ) {
        let sight = Sight::of(fields.look());
        let Scratch { places, candidates, rules } = scratch;
        candidates.clear();
        rules.clear();
        places.begin();
        for (levels, roles, entries) in &self.open {
            if sight.passes(*levels, *roles) {
                candidates.extend_from_slice(entries);
            }
        }
        for lookups in &self.roles {
            if lookups.levels & sight.level != 0
                && let Subject::Role(role) = lookups.subject
                && sight.roles >> role as u16 & 1 == 1
                && let Some(seen) = Seen::of_role(role, fields)
            {
                lookups.find(&seen, tables, candidates);
            }
        }
        if self.member_levels & sight.level != 0 {
            let mut find = |number: usize, places: &mut Places| {
                let lookups = &self.members[number];
                if lookups.levels & sight.level != 0
                    && let Subject::Member(name) = lookups.subject
                    && let Some(seen) = places.get(&self.names, name, fields)
                {
                    lookups.find(&seen, tables, candidates);
                }
            };
            // Only what the event has is looked at, however many names filters know.
            for i in 0..places.walk(&self.names, fields) {
                let known = places.key(i).map(|key| self.keys.get(key).map_or(&[][..], Vec::as_slice));
                match known {
                    Some(numbers) => numbers.iter().for_each(|number| find(*number as usize, places)),
                    None => (0..self.members.len()).for_each(|number| find(number, places)),
                }
            }
        }
        if !self.templates.is_empty() {
            for id in std::iter::once(&template).chain(roots.of(template)) {
                if let Ok(i) = self.templates.binary_search_by_key(id, |(known, _)| *known) {
                    candidates.extend_from_slice(&self.templates[i].1);
                }
            }
        }
        if candidates.is_empty() {
            return;
        }
        candidates.sort_unstable();
        candidates.dedup();
        for &entry in &*candidates {
            let (rule, alternative) = &self.entries[entry as usize];
            if rules.last() != Some(rule)
                && sight.passes(alternative.levels, alternative.roles)
                && self.holds(alternative, fields, tables, places)
            {
                rules.push(*rule);
            }
        }
    }

    fn holds(&self, alternative: &Alternative, fields: &Fields<'_>, tables: &[Table], places: &mut Places) -> bool {
        alternative.conditions.iter().all(|Condition { subject, test }| {
            let seen = match *subject {
                Subject::Role(role) => Seen::of_role(role, fields),
                Subject::Member(i) => places.get(&self.names, i, fields),
            };
            test.passes(seen.as_ref(), tables)
        })
    }
}

/// How well a condition narrows, the least best; `None` for what cannot be looked up.
fn rank(condition: &Condition) -> Option<u8> {
    let member = u8::from(matches!(condition.subject, Subject::Member(_)));
    Some(match &condition.test {
        Test::OneOf(_) => member,
        Test::KeyOf(_) => 2 + member,
        Test::Prefix(_) => 4 + member,
        Test::Range { .. } => 6 + member,
        Test::Contains(_) => 8 + member,
        Test::Matches(pattern) if !literals::required(pattern.as_str()).is_empty() => 10 + member,
        Test::Mentions(_) => 12 + member,
        Test::Matches(_) => 14 + member,
        // That a role is there is in the mask.
        Test::Exists(true) if member == 1 => 16,
        Test::Exists(_) | Test::Not(_) => return None,
    })
}
