//! All names of one level of an event as one table, and how the lists become tables.

use super::company::SIGNS;
use super::defaults::{CONTAINERS, PAIRS, PARTS};
use super::{Claim, Company, How, Meaning, Role, RoleName, Unit, spelling};
use std::collections::BTreeMap;

/// Marks that names outside of the lists share.
const UNLISTED: usize = 512;
/// Ranks between two names of a list: as listed, and spelled or split otherwise.
const STEP: u16 = 2;

/// All names of one level of an event, as an open-addressed table.
///
/// It holds each name as it is listed and in its plain spelling; a key that is neither is spelled
/// plainly and asked for again.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Names and the indexes of their meanings.
    slots: Vec<Option<(Box<[u8]>, u32)>>,
    /// Names that end in a pattern's suffix: `*_us`.
    suffixes: Vec<(Box<[u8]>, u32)>,
    /// What names mean that say time spent, by unit.
    spent: Option<[u32; 4]>,
    meanings: Vec<Meaning>,
}

/// A key as a level's table knows it.
#[derive(Clone, Copy, Debug)]
pub(in crate::event) struct Named {
    /// Below [`Names::marks`]: the name's own where a list has it, shared by a few where none does.
    pub(in crate::event) mark: u32,
    /// The index of its meaning.
    meaning: u32,
}

impl Named {
    /// No key of any level.
    pub(in crate::event) const NOTHING: Self = Self { mark: 0, meaning: u32::MAX };
}

impl Names {
    /// The table of the default lists, and of `annotation`, the member for findings.
    #[must_use]
    pub fn defaults(annotation: &str) -> Self {
        Self::new(Role::ALL.map(|role| (role, role.default_names().to_vec())), annotation)
    }

    /// The table for `lists`, a list of names for each role, and `annotation`, the member for
    /// findings.
    #[must_use]
    pub fn new<'a>(lists: impl IntoIterator<Item = (Role, Vec<RoleName<'a>>)>, annotation: &str) -> Self {
        let mut root = Level::default();
        for (role, names) in lists {
            for (i, name) in names.iter().enumerate() {
                let rank = u16::try_from(i.min(250)).unwrap_or(250) * STEP;
                root.list(role, name, rank);
            }
        }
        for (name, kind, company) in SIGNS {
            root.each_split(name, &mut |node| node.sign = Some((*kind, *company)));
        }
        for (name, container) in CONTAINERS {
            root.each_split(name, &mut |node| node.container = *container);
        }
        for name in PAIRS {
            root.each_split(name, &mut |node| node.pairs = true);
        }
        for (name, part) in PARTS {
            root.each_split(name, &mut |node| node.part = Some(*part));
        }
        root.listed.entry(annotation.to_owned()).or_default().annotation = true;
        root.listed.entry("source".to_owned()).or_default().origin = true;
        root.build()
    }

    /// What the member with this key means; `None` for the many that mean nothing.
    #[inline]
    #[must_use]
    pub fn find(&self, key: &[u8]) -> Option<&Meaning> {
        self.meaning(self.named(key))
    }

    /// What is known of this key.
    #[inline]
    pub(in crate::event) fn named(&self, key: &[u8]) -> Named {
        let hash = hash(key) as usize;
        match self.index_of(key, hash) {
            Some(meaning) => Named { mark: meaning, meaning },
            None => Named {
                mark: (self.meanings.len() + hash % UNLISTED) as u32,
                meaning: self.spelled_otherwise(key).unwrap_or(Named::NOTHING.meaning),
            },
        }
    }

    #[inline]
    fn index_of(&self, key: &[u8], hash: usize) -> Option<u32> {
        let mask = self.slots.len().wrapping_sub(1);
        let mut slot = hash & mask;
        while let Some(Some((name, meaning))) = self.slots.get(slot) {
            if same(name, key) {
                return Some(*meaning);
            }
            slot = (slot + 1) & mask;
        }
        None
    }

    #[inline(never)]
    fn spelled_otherwise(&self, key: &[u8]) -> Option<u32> {
        let mut buffer = [0; spelling::LONGEST];
        spelling::plain(key, &mut buffer)
            .filter(|plain| *plain != key)
            .and_then(|plain| self.index_of(plain, hash(plain) as usize))
            .or_else(|| Some(self.spent?[spelling::time_spent(key)? as usize]))
            .or_else(|| self.suffixes.iter().find(|(suffix, _)| key.ends_with(suffix)).map(|(_, meaning)| *meaning))
    }

    /// How many marks there are.
    pub(in crate::event) fn marks(&self) -> usize {
        self.meanings.len() + UNLISTED
    }

    /// What a key means that is known.
    #[inline(always)]
    pub(in crate::event) fn meaning(&self, named: Named) -> Option<&Meaning> {
        self.meanings.get(named.meaning as usize)
    }
}

/// Equal names. They are short: two loads that overlap are less than a call.
#[inline]
fn same(name: &[u8], key: &[u8]) -> bool {
    fn ends<const N: usize>(text: &[u8]) -> Option<([u8; N], [u8; N])> {
        Some((*text.first_chunk()?, *text.last_chunk()?))
    }
    name.len() == key.len()
        && match name.len() {
            4..8 => ends::<4>(name) == ends::<4>(key),
            8..=16 => ends::<8>(name) == ends::<8>(key),
            _ => name == key,
        }
}

/// Length, first, third and last byte: enough to tell nearly all names apart.
#[inline]
fn hash(key: &[u8]) -> u32 {
    let (Some(&first), Some(&last)) = (key.first(), key.last()) else { return 0 };
    let third = key.get(2).copied().unwrap_or(0);
    let mixed = (key.len() as u32) | u32::from(first) << 8 | u32::from(last) << 16 | u32::from(third) << 24;
    mixed.wrapping_mul(0x9E37_79B1) >> 20
}

/// A table under construction; names are sorted, so that building is deterministic.
#[derive(Default)]
struct Level {
    /// By the plain spelling of names, or of pieces of paths.
    plain: BTreeMap<Vec<u8>, Node>,
    /// Other spellings that lists have, which are found without spelling them again.
    spellings: BTreeMap<String, Vec<u8>>,
    /// What names mean as they are listed.
    listed: BTreeMap<String, Meaning>,
    suffixes: BTreeMap<String, Vec<Claim>>,
    spent: Option<Claim>,
}

/// What one name means, and the names below it.
#[derive(Default)]
struct Node {
    meaning: Meaning,
    below: Level,
}

impl Level {
    /// One name of a role's list.
    fn list(&mut self, role: Role, name: &RoleName<'_>, rank: u16) {
        let claim = Claim { role, how: name.how, unit: name.unit, rank };
        if name.how == How::TimeSpent {
            self.spent.get_or_insert(Claim { how: How::Plain, ..claim });
        } else if let Some(suffix) = name.text.strip_prefix('*') {
            self.suffixes.entry(suffix.to_owned()).or_default().push(claim);
        } else {
            if name.of == Company::NONE {
                add(self.listed.entry(name.text.to_owned()).or_default(), name.of, claim);
            }
            if name.how == How::AsSpelled {
                return;
            }
            self.each_split(name.text, &mut |node| add(node, name.of, Claim { rank: rank + 1, ..claim }));
        }
    }

    /// Calls `set` with what each way means to split `path` at its dots into names of nested
    /// members.
    fn each_split(&mut self, path: &str, set: &mut dyn FnMut(&mut Meaning)) {
        let dots = path.match_indices('.').map(|(dot, _)| dot).filter(|dot| *dot > 0 && *dot + 1 < path.len());
        let dots: Vec<usize> = dots.take(4).collect();
        for end in dots.into_iter().chain([path.len()]) {
            let Some(plain) = plain(&path[..end]) else { continue };
            self.spellings.insert(path[..end].to_owned(), plain.clone());
            let node = self.plain.entry(plain).or_default();
            match path.get(end + 1..) {
                Some(rest) => node.below.each_split(rest, set),
                None => set(&mut node.meaning),
            }
        }
    }

    fn build(self) -> Names {
        let mut names = Names::default();
        let count = self.plain.len() + self.spellings.len() + self.listed.len();
        names.slots = vec![None; (count * 3).next_power_of_two()];
        let mut indexes = BTreeMap::new();
        for (plain, Node { mut meaning, below }) in self.plain {
            if !below.plain.is_empty() {
                meaning.nested = Some(Box::new(below.build()));
            }
            indexes.insert(plain, names.meanings.len());
            names.meanings.push(meaning);
        }
        // As listed first, so that these are found with one comparison.
        for (name, mut meaning) in self.listed {
            let plain = plain(&name).unwrap_or_default();
            if let Some(other) = indexes.get(&plain).map(|index| names.meanings[*index].clone()) {
                let own = std::mem::replace(&mut meaning, other);
                meaning.claims.retain(|other| own.claims.iter().all(|claim| claim.role != other.role));
                meaning.claims.extend(own.claims);
                (meaning.annotation, meaning.origin) = (own.annotation, own.origin);
            }
            names.put(name.into_bytes(), meaning);
        }
        for (spelling, plain) in self.spellings {
            names.point(spelling.into_bytes(), indexes[&plain] as u32);
        }
        for (plain, index) in indexes {
            names.point(plain, index as u32);
        }
        for (suffix, claims) in self.suffixes {
            names.suffixes.push((suffix.into_bytes().into(), names.meanings.len() as u32));
            names.meanings.push(Meaning { claims, ..Meaning::default() });
        }
        if let Some(claim) = self.spent {
            let first = names.meanings.len() as u32;
            names.spent = Some([first, first + 1, first + 2, first + 3]);
            for unit in [Unit::Nanoseconds, Unit::Microseconds, Unit::Milliseconds, Unit::Seconds] {
                names.meanings.push(Meaning { claims: vec![Claim { unit, ..claim }], ..Meaning::default() });
            }
        }
        for meaning in &mut names.meanings {
            meaning.finish();
        }
        names
    }
}

impl Names {
    fn put(&mut self, name: Vec<u8>, meaning: Meaning) {
        let index = self.meanings.len() as u32;
        self.meanings.push(meaning);
        self.point(name, index);
    }

    /// Makes `name` mean what is at `index`, unless it means something already.
    fn point(&mut self, name: Vec<u8>, index: u32) {
        let hash = hash(&name) as usize;
        if self.index_of(&name, hash).is_some() {
            return;
        }
        let mask = self.slots.len() - 1;
        let mut slot = hash & mask;
        while self.slots[slot].is_some() {
            slot = (slot + 1) & mask;
        }
        self.slots[slot] = Some((name.into_boxed_slice(), index));
    }
}

impl Meaning {
    fn finish(&mut self) {
        let more = self.annotation || self.origin || self.part.is_some() || self.sign.is_some();
        self.sole = match self.claims[..] {
            [claim] if !more => Some(claim),
            _ => None,
        };
    }
}

/// Adds a claim; of two to one role in the same company the better one counts.
fn add(meaning: &mut Meaning, of: Company, claim: Claim) {
    if of != Company::NONE {
        meaning.later.push((of, claim));
        return;
    }
    match meaning.claims.iter_mut().find(|known| known.role == claim.role) {
        Some(known) if known.rank <= claim.rank => {}
        Some(known) => *known = claim,
        None => meaning.claims.push(claim),
    }
}

fn plain(text: &str) -> Option<Vec<u8>> {
    spelling::plain(text.as_bytes(), &mut [0; spelling::LONGEST]).map(<[u8]>::to_vec)
}
