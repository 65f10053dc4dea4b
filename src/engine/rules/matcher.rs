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
use super::members::{Names, Places};
use super::select::Alternative;
use super::table::Table;
use crate::engine::template::{Merge, TemplateId};
use crate::event::look::Form;
use crate::event::{Fields, Look, Role};
use aho_corasick::AhoCorasick;
use hashbrown::HashTable;
use regex::{RegexSet, RegexSetBuilder};
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_64;

/// The bit of events without a level.
pub(super) const NO_LEVEL: u8 = 1 << 6;
/// Every level, and none.
pub(super) const ANY_LEVEL: u8 = (1 << 7) - 1;
/// Memory of the automaton that a set of patterns builds as it reads, in bytes.
const PATTERN_CACHE: usize = 8 << 20;
/// Bytes of a beginning that are looked up.
const START_BYTES: usize = 8;

/// A number in [`Matcher::entries`].
type Entry = u32;

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

/// The lookups of one subject under construction.
#[derive(Default)]
struct Building {
    levels: u8,
    texts: BTreeMap<Box<[u8]>, Vec<Entry>>,
    /// By the bits of the number.
    numbers: BTreeMap<u64, Vec<Entry>>,
    starts: BTreeMap<Box<[u8]>, Vec<Entry>>,
    words: BTreeMap<Box<[u8]>, Vec<Entry>>,
    patterns: Vec<(String, Entry)>,
    ranges: Vec<(f64, f64, Entry)>,
    keys: BTreeMap<usize, Vec<Entry>>,
    mentions: BTreeMap<usize, Vec<Entry>>,
    present: Vec<Entry>,
}

impl Building {
    fn add(&mut self, test: &Test, entry: Entry) {
        match test {
            Test::OneOf(values) => {
                for value in values {
                    self.texts.entry(value.text().as_bytes().into()).or_default().push(entry);
                    if let Some(number) = value.number() {
                        self.numbers.entry(bits(number)).or_default().push(entry);
                    }
                }
            }
            Test::Range { min, max } => self.ranges.push((*min, *max, entry)),
            Test::Prefix(starts) => {
                starts.iter().for_each(|start| self.starts.entry(start.as_bytes().into()).or_default().push(entry))
            }
            Test::Contains(words) => {
                words.iter().for_each(|word| self.words.entry(word.as_bytes().into()).or_default().push(entry))
            }
            Test::Matches(pattern) => self.patterns.push((pattern.as_str().to_owned(), entry)),
            Test::KeyOf(table) => self.keys.entry(*table).or_default().push(entry),
            Test::Mentions(table) => self.mentions.entry(*table).or_default().push(entry),
            Test::Exists(_) | Test::Not(_) => self.present.push(entry),
        }
    }

    /// Finds patterns by the words that a match must contain: of each the part whose words the fewest others share, and
    /// of such the longest.
    fn find_patterns_by_words(&mut self) {
        let options: Vec<Vec<literals::Words>> =
            self.patterns.iter().map(|(pattern, _)| literals::required(pattern)).collect();
        let mut shared: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
        options.iter().flatten().flatten().for_each(|word| *shared.entry(word.clone()).or_default() += 1);
        let patterns = std::mem::take(&mut self.patterns);
        for (found, options) in patterns.into_iter().zip(options) {
            let best = options.into_iter().min_by_key(|words| {
                let others = words.iter().filter_map(|word| shared.get(word)).max().copied();
                (others, std::cmp::Reverse(literals::shortest(words)))
            });
            match best {
                Some(words) => {
                    words.into_iter().for_each(|word| self.words.entry(word.into()).or_default().push(found.1))
                }
                None => self.patterns.push(found),
            }
        }
    }

    fn build(mut self, subject: Subject) -> Lookups {
        self.find_patterns_by_words();
        // What an automaton cannot be built for is tested on every event that has the subject.
        let mut present = self.present;
        let (words, entries): (Vec<_>, Vec<_>) = self.words.into_iter().unzip();
        let words = match AhoCorasick::new(&words) {
            Ok(automaton) if !words.is_empty() => Some((automaton, entries)),
            _ => {
                present.extend(entries.into_iter().flatten());
                None
            }
        };
        let (patterns, entries): (Vec<_>, Vec<_>) = self.patterns.into_iter().unzip();
        let patterns = match RegexSetBuilder::new(&patterns).dfa_size_limit(PATTERN_CACHE).build() {
            Ok(set) if !patterns.is_empty() => Some((set, entries)),
            _ => {
                present.extend(entries);
                None
            }
        };
        let start = self.starts.keys().map(|start| start.len()).min().unwrap_or(0).min(START_BYTES);
        let mut starts: BTreeMap<Box<[u8]>, Vec<Entry>> = BTreeMap::new();
        for (text, entries) in self.starts {
            starts.entry(text[..start].into()).or_default().extend(entries);
        }
        let numbers = self.numbers.into_iter().map(|(number, entries)| (number.to_ne_bytes().into(), entries));
        Lookups {
            subject,
            levels: self.levels,
            texts: ByHash::new(self.texts),
            numbers: ByHash::new(numbers),
            start,
            starts: ByHash::new(starts),
            words,
            patterns,
            ranges: Ranges::new(self.ranges),
            keys: self.keys.into_iter().collect(),
            mentions: self.mentions.into_iter().collect(),
            present,
        }
    }
}

/// Equal numbers have equal bits.
fn bits(number: f64) -> u64 {
    (number + 0.0).to_bits()
}

/// What can be looked up by the value of one subject.
#[derive(Debug)]
struct Lookups {
    subject: Subject,
    /// Of all alternatives that are found here.
    levels: u8,
    texts: ByHash,
    numbers: ByHash,
    /// How many bytes of beginnings are looked up.
    start: usize,
    starts: ByHash,
    words: Option<(AhoCorasick, Vec<Vec<Entry>>)>,
    patterns: Option<(RegexSet, Vec<Entry>)>,
    ranges: Ranges,
    keys: Vec<(usize, Vec<Entry>)>,
    mentions: Vec<(usize, Vec<Entry>)>,
    present: Vec<Entry>,
}

impl Lookups {
    #[inline]
    fn find(&self, seen: &Seen<'_>, tables: &[Table], candidates: &mut Vec<Entry>) {
        candidates.extend_from_slice(&self.present);
        if !(self.numbers.is_empty() && self.ranges.is_empty())
            && let Some(number) = seen.number()
        {
            candidates.extend_from_slice(self.numbers.get(&bits(number).to_ne_bytes()));
            candidates.extend_from_slice(self.ranges.get(number));
        }
        if matches!(seen, Seen::Integer(_) | Seen::Float(_)) && self.is_numeric() {
            return;
        }
        let text = seen.text();
        if !self.texts.is_empty() {
            candidates.extend_from_slice(self.texts.get(text.as_bytes()));
        }
        if !self.starts.is_empty()
            && let Some(start) = text.as_bytes().get(..self.start)
        {
            candidates.extend_from_slice(self.starts.get(start));
        }
        if let Some((automaton, entries)) = &self.words {
            for found in automaton.find_overlapping_iter(text.as_bytes()) {
                candidates.extend_from_slice(&entries[found.pattern().as_usize()]);
            }
        }
        if let Some((set, entries)) = &self.patterns
            && set.is_match(&text)
        {
            candidates.extend(set.matches(&text).iter().map(|i| entries[i]));
        }
        for (table, entries) in &self.keys {
            if tables[*table].row(&text).is_some() {
                candidates.extend_from_slice(entries);
            }
        }
        for (table, entries) in &self.mentions {
            if tables[*table].mentioned(&text) {
                candidates.extend_from_slice(entries);
            }
        }
    }

    /// Nothing here asks for the text of a number; texts that are numbers are among the numbers too.
    fn is_numeric(&self) -> bool {
        self.starts.is_empty()
            && self.words.is_none()
            && self.patterns.is_none()
            && self.keys.is_empty()
            && self.mentions.is_empty()
    }
}

/// Entries by the hash of some bytes, fixed once built.
#[derive(Debug, Default)]
struct ByHash {
    index: HashTable<u32>,
    entries: Vec<(Box<[u8]>, Vec<Entry>)>,
}

impl ByHash {
    fn new(entries: impl IntoIterator<Item = (Box<[u8]>, Vec<Entry>)>) -> Self {
        let entries: Vec<(Box<[u8]>, Vec<Entry>)> = entries.into_iter().collect();
        let mut index = HashTable::with_capacity(entries.len());
        for (i, (key, _)) in entries.iter().enumerate() {
            index.insert_unique(xxh3_64(key), i as u32, |&i| xxh3_64(&entries[i as usize].0));
        }
        Self { index, entries }
    }

    #[inline]
    fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    #[inline]
    fn get(&self, key: &[u8]) -> &[Entry] {
        let found = self.index.find(xxh3_64(key), |&i| *self.entries[i as usize].0 == *key);
        found.map_or(&[], |&i| &self.entries[i as usize].1)
    }
}

/// Entries by a number that lies within their bounds: the line is cut at every bound, and each piece knows who covers it.
#[derive(Debug, Default)]
struct Ranges {
    bounds: Vec<f64>,
    /// Two for each bound, the bound itself and what lies behind it; one before them all.
    pieces: Vec<Vec<Entry>>,
}

impl Ranges {
    fn new(ranges: Vec<(f64, f64, Entry)>) -> Self {
        let mut bounds: Vec<f64> = ranges.iter().flat_map(|(min, max, _)| [*min, *max]).collect();
        bounds.sort_by(f64::total_cmp);
        bounds.dedup();
        let mut made = Self { pieces: vec![Vec::new(); bounds.len() * 2 + 1], bounds };
        for (min, max, entry) in ranges.into_iter().filter(|(min, max, _)| min <= max) {
            for piece in made.piece(min)..=made.piece(max) {
                made.pieces[piece].push(entry);
            }
        }
        made
    }

    fn piece(&self, number: f64) -> usize {
        let before = self.bounds.partition_point(|bound| *bound < number);
        2 * before + usize::from(self.bounds.get(before) == Some(&number))
    }

    #[inline]
    fn is_empty(&self) -> bool {
        self.bounds.is_empty()
    }

    #[inline]
    fn get(&self, number: f64) -> &[Entry] {
        self.pieces.get(self.piece(number)).map_or(&[], Vec::as_slice)
    }
}
