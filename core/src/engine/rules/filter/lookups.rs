//! Lookups by the value of one subject (a role or a member): which alternatives may hold for it.

use super::by_hash::{AlternativeIndex, ByHash};
use super::condition::{Seen, Test};
use super::literals;
use super::words;
use super::words::WordSearch;
use crate::engine::rules::value::table::Table;
use crate::event::parsed::Form;
use crate::event::unescape::has_escape;
use crate::event::{Fields, Role};
use regex::{RegexSet, RegexSetBuilder};
use std::collections::BTreeMap;

/// Memory of a regex set's lazy DFA, in bytes.
const PATTERN_CACHE: usize = 8 << 20;
/// Most bytes of a prefix that are looked up.
const START_BYTES: usize = 8;

/// Table keys of at least this length are found by the word search.
const LONG_KEY: usize = 5;

/// Builder of the lookups of one subject.
#[derive(Default)]
pub(crate) struct Building {
    texts: BTreeMap<Box<[u8]>, Vec<AlternativeIndex>>,
    /// By the bits of the number, see [`bits`].
    numbers: BTreeMap<u64, Vec<AlternativeIndex>>,
    starts: BTreeMap<Box<[u8]>, Vec<AlternativeIndex>>,
    words: BTreeMap<Box<[u8]>, Vec<AlternativeIndex>>,
    patterns: Vec<(String, AlternativeIndex)>,
    ranges: Vec<(f64, f64, AlternativeIndex)>,
    keys: BTreeMap<usize, Vec<AlternativeIndex>>,
    mentions: BTreeMap<usize, Vec<AlternativeIndex>>,
    present: Vec<AlternativeIndex>,
}

impl Building {
    pub(crate) fn add(&mut self, test: &Test, entry: AlternativeIndex, tables: &[Table]) {
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
            Test::Mentions(table) if tables[*table].keys().all(|key| key.len() >= LONG_KEY) => {
                tables[*table].keys().for_each(|key| self.words.entry(key.as_bytes().into()).or_default().push(entry));
            }
            Test::Mentions(table) => self.mentions.entry(*table).or_default().push(entry),
            Test::Exists(_) | Test::Not(_) => self.present.push(entry),
        }
    }

    /// Moves each regex with required literals to the word search: by the part whose literals the
    /// fewest other regexes share, and among those the one with the longest literals.
    fn find_patterns_by_words(&mut self) {
        let options: Vec<Vec<literals::RequiredWords>> =
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

    pub(crate) fn build(mut self) -> Lookups {
        self.find_patterns_by_words();
        // Alternatives that cannot be looked up are tested on every event that has the subject.
        let mut present = self.present;
        self.words.retain(|word, entries| {
            if word.len() < words::BLOCK {
                present.append(entries);
            }
            word.len() >= words::BLOCK
        });
        let (patterns, entries): (Vec<_>, Vec<_>) = self.patterns.into_iter().unzip();
        let patterns = match RegexSetBuilder::new(&patterns).dfa_size_limit(PATTERN_CACHE).build() {
            Ok(set) if !patterns.is_empty() => Some((set, entries)),
            _ => {
                present.extend(entries);
                None
            }
        };
        let start = self.starts.keys().map(|start| start.len()).min().unwrap_or(0).min(START_BYTES);
        let mut starts: BTreeMap<Box<[u8]>, Vec<AlternativeIndex>> = BTreeMap::new();
        for (text, entries) in self.starts {
            starts.entry(text[..start].into()).or_default().extend(entries);
        }
        let mut lookups = Lookups {
            texts: ByHash::new(self.texts),
            numbers: self.numbers.into_iter().collect(),
            start,
            starts: ByHash::new(starts),
            words: WordSearch::new(self.words),
            bytes_alone: false,
            words_alone: false,
            patterns,
            ranges: Ranges::new(self.ranges),
            keys: self.keys.into_iter().collect(),
            mentions: self.mentions.into_iter().collect(),
            present,
        };
        lookups.bytes_alone = lookups.has_bytes_alone();
        lookups.words_alone = lookups.bytes_alone && lookups.texts.is_empty() && lookups.starts.is_empty();
        lookups
    }
}

/// The bits of a number as a key; adding 0.0 makes -0.0 and 0.0 equal.
fn bits(number: f64) -> u64 {
    (number + 0.0).to_bits()
}

/// The lookups of one subject.
#[derive(Debug)]
pub(crate) struct Lookups {
    texts: ByHash,
    /// By the bits of the number, sorted.
    numbers: Vec<(u64, Vec<AlternativeIndex>)>,
    /// The length of the prefixes that are looked up, in bytes.
    start: usize,
    starts: ByHash,
    words: WordSearch,
    /// True if only `texts`, `starts` and `words` are used, which need the bytes of a text only.
    bytes_alone: bool,
    /// True if only `words` is used.
    words_alone: bool,
    patterns: Option<(RegexSet, Vec<AlternativeIndex>)>,
    ranges: Ranges,
    keys: Vec<(usize, Vec<AlternativeIndex>)>,
    mentions: Vec<(usize, Vec<AlternativeIndex>)>,
    present: Vec<AlternativeIndex>,
}

impl Lookups {
    /// True when a lookup for this role of the event may find something.
    #[inline]
    pub(crate) fn may_find(&self, role: Role, fields: &Fields<'_>, tables: &[Table]) -> bool {
        let found = &mut |entries: &[AlternativeIndex]| !entries.is_empty();
        let form = match role {
            // Filters compare parsed milliseconds and numbers, not the text.
            Role::Duration | Role::Status => None,
            _ => fields.parsed().slots.get(role as usize).map(|slot| slot.form),
        };
        match (form, fields.raw(role)) {
            (Some(Form::Absent), _) => false,
            // Searches the bytes as they are, without checking UTF-8 again.
            (Some(Form::Text), Some(raw)) if self.bytes_alone => self.find_bytes(raw, found),
            // Searches the escaped text, because unescaping takes longer than the search.
            (Some(Form::Escaped), Some(raw)) if self.words_alone && !has_escape(raw, b'u') => {
                self.words.may_be_in_json(raw)
            }
            _ => Seen::of_role(role, fields).is_some_and(|seen| self.find(&seen, tables, found)),
        }
    }

    /// Calls `each` with the alternatives that may hold for the value `seen`, possibly with none,
    /// until it returns true.
    #[inline]
    pub(crate) fn find(
        &self,
        seen: &Seen<'_>,
        tables: &[Table],
        each: &mut impl FnMut(&[AlternativeIndex]) -> bool,
    ) -> bool {
        if each(&self.present) {
            return true;
        }
        if !(self.numbers.is_empty() && self.ranges.is_empty())
            && let Some(number) = seen.number()
        {
            let place = self.numbers.binary_search_by_key(&bits(number), |(bits, _)| *bits);
            if place.is_ok_and(|i| each(&self.numbers[i].1)) || each(self.ranges.get(number)) {
                return true;
            }
        }
        if matches!(seen, Seen::Integer(_) | Seen::Float(_)) && self.is_numeric() {
            return false;
        }
        let text = seen.text();
        if self.find_bytes(text.as_bytes(), each) {
            return true;
        }
        if let Some((set, entries)) = &self.patterns
            && set.is_match(&text)
            && set.matches(&text).iter().any(|i| each(&entries[i..=i]))
        {
            return true;
        }
        self.keys.iter().any(|(table, entries)| tables[*table].row(&text).is_some() && each(entries))
            || self.mentions.iter().any(|(table, entries)| tables[*table].mentioned(&text) && each(entries))
    }

    /// As [`Self::find`], for the lookups that need the bytes of a text only.
    #[inline]
    fn find_bytes(&self, text: &[u8], each: &mut impl FnMut(&[AlternativeIndex]) -> bool) -> bool {
        (!self.texts.is_empty() && each(self.texts.get(text)))
            || (!self.starts.is_empty() && text.get(..self.start).is_some_and(|start| each(self.starts.get(start))))
            || self.words.find(text, each)
    }

    /// True if no lookup needs the text of a number. Values in `texts` that are numbers are also in
    /// `numbers`.
    fn is_numeric(&self) -> bool {
        self.starts.is_empty()
            && self.words.is_empty()
            && self.patterns.is_none()
            && self.keys.is_empty()
            && self.mentions.is_empty()
    }

    fn has_bytes_alone(&self) -> bool {
        self.present.is_empty()
            && self.numbers.is_empty()
            && self.ranges.is_empty()
            && self.patterns.is_none()
            && self.keys.is_empty()
            && self.mentions.is_empty()
    }
}

/// Finds the ranges that contain a number: all bounds split the number line into pieces, and each
/// piece has the list of ranges that cover it.
#[derive(Debug, Default)]
struct Ranges {
    bounds: Vec<f64>,
    /// The piece below all bounds, then two per bound: the bound itself and the interval above it.
    pieces: Vec<Vec<AlternativeIndex>>,
}

impl Ranges {
    fn new(ranges: Vec<(f64, f64, AlternativeIndex)>) -> Self {
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
    fn get(&self, number: f64) -> &[AlternativeIndex] {
        self.pieces.get(self.piece(number)).map_or(&[], Vec::as_slice)
    }
}
