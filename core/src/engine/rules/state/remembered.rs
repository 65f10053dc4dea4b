//! The state of one rule: a table by key for each call site, and the keys that are due without an
//! event.
//!
//! There are two limits: keys per table, where the least recently used is evicted, and bytes per
//! rule, for which the table that grows evicts its own oldest keys. Evictions of state that could
//! still matter are counted.

use super::budget::Budget;
use super::lru_map::{LruMap, held};
use super::memory::{Memory, Spike};
use crate::engine::state::Evict;
use rhai::Position;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A call site: line and column.
pub(crate) type Site = (u16, u16);

/// The table of `set`, which is shared by all call sites of a rule. It is no position in a file.
pub(crate) const NOTES: Site = (0, 0);
/// The table of `absent`, likewise.
pub(crate) const WATCHED: Site = (0, 1);

/// Keys that [`Evict::shrink`] always leaves.
const KEPT_KEYS: usize = 1_000;
/// Bytes of a key's slot in a table, without its text.
const SLOT_BYTES: usize = 96;

/// The [`Site`] of a call. Files and lines too long for it are refused because of their size.
pub(crate) fn site_of(place: Position) -> Site {
    let short = |n: Option<usize>| u16::try_from(n.unwrap_or(0)).unwrap_or(u16::MAX);
    (short(place.line()), short(place.position()))
}

/// The table of one call site.
#[derive(Clone, Debug, Default)]
struct Memories {
    keys: LruMap<Memory>,
    evictions: u64,
}

/// The state of one rule.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remembered {
    /// Sorted by call site.
    tables: Vec<(Site, Memories)>,
    bytes: usize,
    /// Keys by the time at which they are due.
    due: BTreeSet<(i64, Site, Box<str>)>,
    since: Since,
}

/// From when on a rule has seen every event that it selects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Since {
    /// From the stream's first event on.
    Beginning,
    /// From this time on, in nanoseconds.
    At(i64),
    /// From its next evaluation on: the rule is new in a stream that goes on, or the state that it
    /// comes from does not say.
    #[default]
    Next,
}

/// The snapshot of [`Remembered`].
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct RememberedSnapshot(Vec<TableSnapshot>);

/// A table: its call site, its evictions, and its keys, the least recently used first.
type TableSnapshot = (Site, u64, Vec<(String, Memory)>);

impl Remembered {
    /// Calls `work` with the state of `key` at a call site. Also returns whether that table has
    /// evicted keys.
    pub(crate) fn at<R>(
        &mut self,
        site: Site,
        key: &str,
        now: i64,
        budget: &Budget,
        work: impl FnOnce(&mut Memory) -> R,
    ) -> (R, bool) {
        let i = self.tables.binary_search_by_key(&site, |(site, _)| *site).unwrap_or_else(|i| {
            self.tables.insert(i, (site, Memories::default()));
            i
        });
        let Self { tables, bytes, due, .. } = self;
        let table = &mut tables[i].1;
        // Removes up to two expired keys, which is twice as fast as the table can grow.
        for _ in 0..2 {
            if !table.keys.oldest().is_some_and(|memory| memory.is_over(now)) {
                break;
            }
            table.forget_oldest(site, bytes, due);
        }
        let known = table.keys.len();
        let memory = table.keys.touch(key);
        let (size, deadline) = (memory.bytes(), memory.deadline());
        let result = work(memory);
        *bytes = (*bytes + memory.bytes()).saturating_sub(size);
        let next = memory.deadline();
        if deadline != next {
            let mut long = String::new();
            let key: Box<str> = held(key, &mut long).into();
            if let Some(deadline) = deadline {
                due.remove(&(deadline, site, key.clone()));
            }
            if let Some(next) = next {
                due.insert((next, site, key));
            }
        }
        if table.keys.len() > known {
            let mut long = String::new();
            *bytes += SLOT_BYTES + held(key, &mut long).len();
        }
        while table.keys.len() > budget.keys.max(1) || (*bytes > budget.bytes && table.keys.len() > 1) {
            table.forget_oldest(site, bytes, due);
            table.evictions += 1;
        }
        (result, table.evictions > 0)
    }

    /// Calls `work` with the state of `key`, if there is any, without changing the order of use.
    pub(crate) fn peek<R>(&mut self, site: Site, key: &str, work: impl FnOnce(&Memory) -> R) -> Option<R> {
        let i = self.tables.binary_search_by_key(&site, |(site, _)| *site).ok()?;
        self.tables[i].1.keys.peek_mut(key).map(|memory| work(memory))
    }

    /// The next key that is due at `now`: its table, its text and its state. It is not due again.
    /// The state of a pair is removed.
    pub(crate) fn next_due(&mut self, now: i64) -> Option<(Site, Box<str>, Memory)> {
        loop {
            if self.due.first()?.0 > now {
                return None;
            }
            let (_, site, key) = self.due.pop_first()?;
            let i = self.tables.binary_search_by_key(&site, |(site, _)| *site).ok()?;
            let table = &mut self.tables[i].1;
            match table.keys.peek_mut(&key) {
                Some(Memory::Alive(alive)) => {
                    let deadline = alive.at.saturating_add(alive.length);
                    if deadline > now {
                        // The key has had an event since, so its deadline moves.
                        alive.deadline = Some(deadline);
                        self.due.insert((deadline, site, key));
                        continue;
                    }
                    alive.deadline = None;
                    let memory = Memory::Alive(alive.clone());
                    return Some((site, key, memory));
                }
                Some(Memory::Began(_)) => {
                    let memory = table.keys.remove(&key).unwrap_or_default();
                    self.bytes = self.bytes.saturating_sub(SLOT_BYTES + key.len() + memory.bytes());
                    return Some((site, key, memory));
                }
                _ => {}
            }
        }
    }

    /// The earliest time at which a key is due, or `i64::MAX`.
    pub(crate) fn soonest(&self) -> i64 {
        self.due.first().map_or(i64::MAX, |(at, ..)| *at)
    }

    /// The rule has been in the stream since its first event.
    pub(crate) fn watching_from_start(mut self) -> Self {
        self.since = Since::Beginning;
        self
    }

    /// The rule is evaluated at `now`.
    pub(crate) fn begin(&mut self, now: i64) {
        if self.since == Since::Next {
            self.since = Since::At(now);
        }
    }

    /// From when on the rule has seen every event that it selects.
    pub(crate) fn since(&self) -> Since {
        self.since
    }

    /// Removes the state of `key` in one table.
    pub(crate) fn forget(&mut self, site: Site, key: &str) {
        let Ok(i) = self.tables.binary_search_by_key(&site, |(site, _)| *site) else { return };
        self.forget_in(i, key);
    }

    /// Clears the windows of `key` at all call sites, at `now`.
    pub(crate) fn reset(&mut self, key: &str, now: i64) {
        for i in 0..self.tables.len() {
            let Some(memory) = self.tables[i].1.keys.peek_mut(key) else { continue };
            if matches!(memory, Memory::Spike(_)) {
                // The key's past is forgotten, which is not the same as a past without events.
                let size = memory.bytes();
                *memory = Memory::Spike(Box::new(Spike { since: Some(now), ..Spike::default() }));
                self.bytes = (self.bytes + memory.bytes()).saturating_sub(size);
            } else if memory.is_window() {
                self.forget_in(i, key);
            }
        }
    }

    /// Removes all windows of all keys, at `now`.
    pub(crate) fn reset_all(&mut self, now: i64) {
        self.since = Since::At(now);
        let Self { tables, bytes, due, .. } = self;
        for (site, table) in tables {
            while table.keys.oldest().is_some_and(Memory::is_window) {
                table.forget_oldest(*site, bytes, due);
            }
        }
    }

    /// The number of keys.
    pub(crate) fn len(&self) -> usize {
        self.tables.iter().map(|(_, table)| table.keys.len()).sum()
    }

    /// Keys evicted before they expired.
    pub(crate) fn evictions(&self) -> u64 {
        self.tables.iter().map(|(_, table)| table.evictions).sum()
    }

    /// Approximate size in bytes.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn snapshot(&self) -> RememberedSnapshot {
        let keys = |table: &Memories| table.keys.iter().map(|(key, memory)| (key.to_owned(), memory.clone())).collect();
        RememberedSnapshot(self.tables.iter().map(|(site, table)| (*site, table.evictions, keys(table))).collect())
    }

    pub(crate) fn restored(snapshot: RememberedSnapshot, since: Since, budget: &Budget) -> Self {
        let mut restored = Self { since, ..Self::default() };
        for (site, evictions, keys) in snapshot.0 {
            for (key, memory) in keys {
                // At the earliest possible time nothing has expired.
                restored.at(site, &key, i64::MIN, budget, |place| *place = memory);
            }
            if let Ok(i) = restored.tables.binary_search_by_key(&site, |(site, _)| *site) {
                restored.tables[i].1.evictions += evictions;
            } else {
                restored.tables.push((site, Memories { evictions, ..Memories::default() }));
                restored.tables.sort_by_key(|(site, _)| *site);
            }
        }
        restored
    }

    fn forget_in(&mut self, i: usize, key: &str) {
        let (site, table) = &mut self.tables[i];
        let Some(memory) = table.keys.remove(key) else { return };
        let mut long = String::new();
        let key = held(key, &mut long);
        self.bytes = self.bytes.saturating_sub(SLOT_BYTES + key.len() + memory.bytes());
        if let Some(deadline) = memory.deadline() {
            self.due.remove(&(deadline, *site, key.into()));
        }
    }
}

impl Evict for Remembered {
    fn keys(&self) -> usize {
        self.len()
    }

    fn size_bytes(&mut self) -> usize {
        self.bytes
    }

    fn shrink(&mut self) -> bool {
        let all = self.len();
        let more = all.saturating_sub(KEPT_KEYS).min(all.div_ceil(8));
        let Self { tables, bytes, due, .. } = self;
        for _ in 0..more {
            // The table with the most keys evicts: the bytes of each table are not known without a
            // walk.
            let Some((site, table)) = tables.iter_mut().max_by_key(|(_, table)| table.keys.len()) else { break };
            table.forget_oldest(*site, bytes, due);
            table.evictions += 1;
        }
        more > 0
    }
}

impl Memories {
    fn forget_oldest(&mut self, site: Site, bytes: &mut usize, due: &mut BTreeSet<(i64, Site, Box<str>)>) {
        let Some((key, memory)) = self.keys.remove_oldest() else { return };
        *bytes = bytes.saturating_sub(SLOT_BYTES + key.len() + memory.bytes());
        if let Some(deadline) = memory.deadline() {
            due.remove(&(deadline, site, key));
        }
    }
}
