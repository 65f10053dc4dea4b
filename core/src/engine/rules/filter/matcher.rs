//! Evaluates the filters of all rules at once: the cost per event grows with the number of matches,
//! not with the number of rules.
//!
//! Each alternative is looked up by one of its conditions, the most selective one: equality and
//! tables by hash, prefixes by the hash of their first bytes, ranges by binary search over all
//! bounds, words by one search for all (`words.rs`), and regexes by their required literals or else
//! by one regex set. A lookup may return alternatives that do not hold, but never misses one; each
//! candidate is then tested completely. Only alternatives without such a condition (tests for
//! absence) are tested on every event that passes their masks. Each level has its own lookups,
//! shared where they would be equal, so that rules for errors cost nothing on other events. This is
//! content-based publish/subscribe matching (Fabret et al., *Filtering Algorithms and
//! Implementation for Very Fast Publish/Subscribe Systems*, SIGMOD 2001).

use super::alternative::Alternative;
use super::by_hash::AlternativeIndex;
use super::condition::{Condition, Seen, Subject, Test};
use super::literals;
use super::lookups::{Building, Lookups};
use super::members::{LocatedMembers, MemberNames};
use crate::engine::rules::value::table::Table;
use crate::engine::template::{Merge, TemplateId};
use crate::event::parsed::Form;
use crate::event::{Fields, ParsedEvent, Prefilter, Role};
use std::collections::BTreeMap;

/// The six levels, and events without one.
const LEVELS: usize = 7;

/// The roles of an event as bits, as in the masks of alternatives. The level has its own mask.
#[inline]
fn roles_of(parsed: &ParsedEvent) -> u16 {
    let mut roles = u16::from(parsed.time.is_some()) << Role::Timestamp as u16;
    for (i, slot) in parsed.slots.iter().enumerate() {
        roles |= u16::from(slot.form != Form::Absent) << i;
    }
    roles
}

/// The index of an event's level in [`Matcher::of_level`].
#[inline]
fn level_of(parsed: &ParsedEvent) -> usize {
    parsed.level.map_or(LEVELS - 1, |level| level as usize)
}

/// The joined filters of a set of rules.
#[derive(Debug, Default)]
pub(crate) struct Matcher {
    /// All alternatives, each with the number of its rule.
    entries: Vec<(u32, Alternative)>,
    names: MemberNames,
    tables: Vec<Table>,
    parts: Vec<Part>,
    /// For each level, and for events without one, the index in `parts`.
    of_level: [u8; LEVELS],
    /// Alternatives by template, sorted.
    templates: Vec<(TemplateId, Vec<AlternativeIndex>)>,
}

/// The lookups for one or more levels.
#[derive(Debug, Default)]
struct Part {
    /// Alternatives without a condition to look up, by their required roles.
    open: Vec<(u16, Vec<AlternativeIndex>)>,
    roles: Vec<(Role, Lookups)>,
    /// The looked-up roles as bits, if roles are all that is looked up; otherwise none, because
    /// then the roles alone cannot show that nothing matches.
    alone: Option<u16>,
    /// Lookups by number of a member's name; and in `keys`, by number of a top-level key, the
    /// indexes in `members` that the key leads to.
    members: Vec<(usize, Lookups)>,
    keys: Vec<Vec<u32>>,
}

impl Part {
    /// The part for `entries`, which are indexes into `all`.
    fn new(entries: &[AlternativeIndex], all: &[(u32, Alternative)], names: &MemberNames, tables: &[Table]) -> Self {
        let mut part = Self::default();
        let mut subjects: BTreeMap<Subject, Building> = BTreeMap::new();
        let mut open: BTreeMap<u16, Vec<AlternativeIndex>> = BTreeMap::new();
        for &entry in entries {
            let (_, alternative) = &all[entry as usize];
            let ranked = alternative.conditions.iter().filter_map(|condition| Some((rank(condition)?, condition)));
            match ranked.min_by_key(|(rank, _)| *rank) {
                Some((_, condition)) => {
                    subjects.entry(condition.subject).or_default().add(&condition.test, entry, tables);
                }
                None => open.entry(alternative.roles).or_default().push(entry),
            }
        }
        part.open = open.into_iter().collect();
        for (subject, building) in subjects {
            let lookups = building.build();
            match subject {
                Subject::Role(role) => part.roles.push((role, lookups)),
                Subject::Member(name) => {
                    let number = part.members.len() as u32;
                    for key in names.keys_of(name) {
                        part.keys.resize(part.keys.len().max(key + 1), Vec::new());
                        part.keys[key].push(number);
                    }
                    part.members.push((name, lookups));
                }
            }
        }
        let roles = part.roles.iter().fold(0, |roles, (role, _)| roles | 1 << *role as u16);
        part.alone = (part.open.is_empty() && part.members.is_empty()).then_some(roles);
        part
    }
}

/// Buffers that are reused for every event.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    places: LocatedMembers,
    candidates: Vec<AlternativeIndex>,
    /// The rules that select the event, in the order of their names.
    pub(crate) rules: Vec<u32>,
}

/// For merged templates, the filter-named templates that became part of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Roots(BTreeMap<TemplateId, Vec<TemplateId>>);

impl Roots {
    /// Records a merge. Only templates that `matcher` names are stored, which bounds the table.
    pub(crate) fn merge(&mut self, merge: Merge, matcher: &Matcher) {
        let mut once = self.0.remove(&merge.from).unwrap_or_default();
        if matcher.templates.binary_search_by_key(&merge.from, |(id, _)| *id).is_ok() {
            once.push(merge.from);
        }
        if !once.is_empty() {
            self.0.entry(merge.into).or_default().append(&mut once);
        }
    }

    /// The templates named by filters that were merged into this one.
    fn of(&self, id: TemplateId) -> &[TemplateId] {
        self.0.get(&id).map_or(&[], Vec::as_slice)
    }
}

impl Matcher {
    /// Joins the alternatives of rules, each with the number of its rule. `names` are the members
    /// and `tables` the tables that they use.
    pub(crate) fn new(
        alternatives: impl IntoIterator<Item = (u32, Alternative)>,
        names: MemberNames,
        tables: Vec<Table>,
    ) -> Self {
        let mut matcher = Self { entries: alternatives.into_iter().collect(), names, tables, ..Self::default() };
        let mut templates: BTreeMap<TemplateId, Vec<AlternativeIndex>> = BTreeMap::new();
        for (i, (_, alternative)) in matcher.entries.iter().enumerate() {
            for id in alternative.templates.iter().flatten() {
                templates.entry(*id).or_default().push(i as AlternativeIndex);
            }
        }
        let mut known: Vec<Vec<AlternativeIndex>> = Vec::new();
        for (level, part) in matcher.of_level.iter_mut().enumerate() {
            let holds =
                |alternative: &Alternative| alternative.templates.is_none() && alternative.levels >> level & 1 == 1;
            let entries = matcher.entries.iter().enumerate().filter(|(_, (_, alternative))| holds(alternative));
            let entries: Vec<AlternativeIndex> = entries.map(|(i, _)| i as AlternativeIndex).collect();
            let number = known.iter().position(|other| *other == entries).unwrap_or_else(|| {
                matcher.parts.push(Part::new(&entries, &matcher.entries, &matcher.names, &matcher.tables));
                known.push(entries);
                known.len() - 1
            });
            *part = number as u8;
        }
        matcher.templates = templates.into_iter().collect();
        matcher
    }

    #[inline]
    fn part(&self, level: usize) -> Option<&Part> {
        self.parts.get(usize::from(self.of_level[level]))
    }

    /// The templates that any filter names.
    pub(crate) fn templates(&self) -> impl Iterator<Item = TemplateId> {
        self.templates.iter().map(|(id, _)| *id)
    }

    pub(crate) fn names(&self) -> &MemberNames {
        &self.names
    }

    pub(crate) fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// True when the parsed event already shows that no rule selects the event.
    #[inline]
    pub(crate) fn is_idle(&self, fields: &Fields<'_>) -> bool {
        let part = self.part(level_of(fields.parsed()));
        self.templates.is_empty()
            && part.is_none_or(|part| {
                part.alone.is_some_and(|roles| fields.unmatched_roles_for(self).unwrap_or(0) & roles == roles)
            })
    }

    /// Stores the rules that select the event in `scratch.rules`.
    #[inline]
    pub(crate) fn select(&self, fields: &Fields<'_>, template: TemplateId, roots: &Roots, scratch: &mut Scratch) {
        let parsed = fields.parsed();
        let level = level_of(parsed);
        let Some(part) = self.part(level) else { return scratch.rules.clear() };
        let Scratch { places, candidates, rules } = scratch;
        candidates.clear();
        rules.clear();
        places.begin();
        if !part.open.is_empty() {
            let has = roles_of(parsed);
            for (_, entries) in part.open.iter().filter(|(roles, _)| roles & !has == 0) {
                candidates.extend_from_slice(entries);
            }
        }
        let mut found = |entries: &[AlternativeIndex]| {
            candidates.extend_from_slice(entries);
            false
        };
        let unmatched = fields.unmatched_roles_for(self).unwrap_or_else(|| self.unmatched_roles(fields, u16::MAX));
        for (role, lookups) in part.roles.iter().filter(|(role, _)| unmatched >> *role as u16 & 1 == 0) {
            if let Some(seen) = Seen::of_role(*role, fields) {
                lookups.find(&seen, &self.tables, &mut found);
            }
        }
        if !part.members.is_empty() {
            let mut find = |number: usize, places: &mut LocatedMembers| {
                let (name, lookups) = &part.members[number];
                if let Some(seen) = places.get(&self.names, *name, fields) {
                    lookups.find(&seen, &self.tables, &mut found);
                }
            };
            // Iterates over the members of the event, so the cost does not grow with the filters.
            for i in 0..places.walk(&self.names, fields) {
                let known = places.key(i).map(|key| part.keys.get(key).map_or(&[][..], Vec::as_slice));
                match known {
                    Some(numbers) => numbers.iter().for_each(|number| find(*number as usize, places)),
                    None => (0..part.members.len()).for_each(|number| find(number, places)),
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
        let has = roles_of(parsed);
        for &entry in &*candidates {
            let (rule, alternative) = &self.entries[entry as usize];
            if rules.last() != Some(rule)
                && alternative.levels >> level & 1 == 1
                && alternative.roles & !has == 0
                && self.holds(alternative, fields, places)
            {
                rules.push(*rule);
            }
        }
    }

    fn holds(&self, alternative: &Alternative, fields: &Fields<'_>, places: &mut LocatedMembers) -> bool {
        alternative.conditions.iter().all(|Condition { subject, test }| {
            let seen = match *subject {
                Subject::Role(role) => Seen::of_role(role, fields),
                Subject::Member(i) => places.get(&self.names, i, fields),
            };
            test.passes(seen.as_ref(), &self.tables)
        })
    }
}

impl Prefilter for Matcher {
    fn unmatched_roles(&self, fields: &Fields<'_>, asked: u16) -> u16 {
        let Some(part) = self.part(level_of(fields.parsed())) else { return asked };
        let is_asked = |role: Role| asked >> role as u16 & 1 == 1;
        part.roles.iter().filter(|(role, _)| is_asked(*role)).fold(asked, |unmatched, (role, lookups)| {
            let finds = lookups.may_find(*role, fields, &self.tables);
            unmatched & !(u16::from(finds) << *role as u16)
        })
    }
}

/// How selective a condition is, 0 the most; `None` if it cannot be looked up.
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
        // For a role, existence is part of the mask.
        Test::Exists(true) if member == 1 => 16,
        Test::Exists(_) | Test::Not(_) => return None,
    })
}
