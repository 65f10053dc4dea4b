//! A cache of facts about recent messages: logs repeat themselves, so what depends on the message
//! alone is computed once.
//!
//! A table of sets, a cache line each. A message has one set, by its hash, and in a full one the
//! place that its hash says, so that messages which come in turns do not all push each other out.
//! Memory: 256 KiB, for 16,384 messages.
//!
//! Rules rest on what is remembered here, so nobody who writes logs may choose two messages with
//! one hash. xxh3-64 is taken with a secret in place of its public one, which the program draws at
//! its start, and of messages of up to 240 bytes: those are summed by products that each have 128
//! secret bits of their own. Of longer ones it multiplies 32 bits by 32 (and a seed in place of a
//! secret shifts all of the public one alike), which can be guessed; nothing of those is
//! remembered.

use super::Level;
use xxhash_rust::xxh3::xxh3_64_with_secret;

/// The longest message that is cached, in bytes.
const LONGEST: usize = 240;
/// Bytes of the secret of the hash.
pub const SECRET_BYTES: usize = 192;
const SETS: usize = 4 << 10;
const WAYS: usize = 4;
/// The lowest bits of a hash are implied by the number of its set, so they are reused as flags.
const FLAGS: u64 = 0xFF;

/// One message.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CachedMessage {
    /// The upper bits are those of its hash. The lowest hold the level for which filters were
    /// asked, 0 if they were not, and in the last bit whether none matches.
    hash: u64,
    /// The hash of its masked message; 0 while that was not computed.
    pub(super) masked_hash: u64,
}

#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
struct Set([CachedMessage; WAYS]);

/// Messages seen lately.
#[derive(Debug)]
pub(super) struct MessageCache {
    secret: [u8; SECRET_BYTES],
    sets: Box<[Set]>,
    /// The hash of the message at hand, if it is one to remember.
    hash: Option<u64>,
    /// Set and place of the message asked for last, if it is one to remember.
    last: Option<(usize, usize)>,
}

impl MessageCache {
    pub(super) fn new(secret: [u8; SECRET_BYTES]) -> Self {
        Self { secret, sets: vec![Set::default(); SETS].into(), hash: None, last: None }
    }

    /// Starts the lookup of a message as it is written; [`Self::entry`] returns its entry. The same
    /// bytes with escapes are another message. The table is larger than the first caches, so its
    /// set is read here already and other work can overlap the cache miss.
    #[inline]
    pub(super) fn begin(&mut self, raw: &[u8], escaped: bool) {
        self.last = None;
        self.hash = None;
        if raw.len() <= LONGEST {
            let hash = xxh3_64_with_secret(raw, &self.secret);
            let hash = if escaped { !hash } else { hash };
            self.hash = Some(hash);
            std::hint::black_box(self.sets[hash as usize % SETS].0[0].hash);
        }
    }

    /// The entry of the message of the last [`Self::begin`]; `None` if it is too long to cache.
    #[inline]
    pub(super) fn entry(&mut self) -> Option<&mut CachedMessage> {
        let hash = self.hash?;
        let set = hash as usize % SETS;
        let Set(ways) = &mut self.sets[set];
        // No branch for each: which place it is cannot be foreseen.
        let same = ways.iter().enumerate().fold(
            WAYS,
            |same, (way, known)| {
                if (known.hash ^ hash) & !FLAGS == 0 { way } else { same }
            },
        );
        let way = if same < WAYS {
            same
        } else {
            let way = ways.iter().position(|known| known.masked_hash == 0).unwrap_or((hash >> 62) as usize);
            ways[way] = CachedMessage { hash: hash & !FLAGS, masked_hash: 0 };
            way
        };
        self.last = Some((set, way));
        Some(&mut ways[way])
    }

    /// The message asked for last.
    #[inline]
    pub(super) fn last_entry(&mut self) -> Option<&mut CachedMessage> {
        let (set, way) = self.last?;
        Some(&mut self.sets[set].0[way])
    }

    /// Clears the hints of filters: the filters have changed.
    pub(super) fn clear_filter_hints(&mut self) {
        for known in self.sets.iter_mut().flat_map(|set| &mut set.0) {
            known.hash &= !FLAGS;
        }
    }

    /// Forgets all messages: the masks have changed.
    pub(super) fn clear(&mut self) {
        self.sets.fill(Set::default());
    }
}

impl CachedMessage {
    /// Whether no filter matches it in events of this level, if that is known.
    #[inline]
    pub(super) fn filter_hint(&self, level: Option<Level>) -> Option<bool> {
        (self.hash & FLAGS & !1 == level_bits(level)).then_some(self.hash & 1 == 1)
    }

    #[inline]
    pub(super) fn set_filter_hint(&mut self, level: Option<Level>, no_filter_matches: bool) {
        self.hash = self.hash & !FLAGS | level_bits(level) | u64::from(no_filter_matches);
    }
}

/// The lowest bits of a hash that stand for a level.
#[inline]
fn level_bits(level: Option<Level>) -> u64 {
    level.map_or(1, |level| level as u64 + 2) << 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> MessageCache {
        MessageCache::new([7; SECRET_BYTES])
    }

    impl MessageCache {
        fn of(&mut self, raw: &[u8], escaped: bool) -> Option<&mut CachedMessage> {
            self.begin(raw, escaped);
            self.entry()
        }
    }

    #[test]
    fn a_message_is_known_again() {
        let mut known = known();
        let of = |known: &mut MessageCache, i: u64, escaped| {
            let message = known.of(&i.to_le_bytes(), escaped).unwrap();
            std::mem::replace(&mut message.masked_hash, i)
        };
        for i in 1..=100 {
            assert_eq!(of(&mut known, i, i % 2 == 0), 0);
        }
        for i in 1..=100 {
            assert_eq!(of(&mut known, i, i % 2 == 0), i);
        }
        // Escapes and text are not the same.
        assert_eq!(of(&mut known, 1, true), 0);
        known.clear();
        assert_eq!(of(&mut known, 1, false), 0);
    }

    #[test]
    fn what_filters_say_is_told_of_one_level() {
        let mut known = known();
        let message = |known: &mut MessageCache| *known.of(b"a slow query", false).unwrap();
        known.of(b"a slow query", false).unwrap().masked_hash = 7;
        for level in [None, Some(Level::Trace), Some(Level::Fatal)] {
            for idle in [true, false] {
                known.of(b"a slow query", false).unwrap().set_filter_hint(level, idle);
                assert_eq!(message(&mut known).filter_hint(level), Some(idle));
                assert_eq!(message(&mut known).filter_hint(Some(Level::Info)), None);
                assert_eq!(message(&mut known).masked_hash, 7);
            }
        }
        known.clear_filter_hints();
        assert_eq!((message(&mut known).filter_hint(Some(Level::Fatal)), message(&mut known).masked_hash), (None, 7));
    }

    #[test]
    fn nothing_is_remembered_of_a_long_message() {
        let mut known = known();
        known.of(b"short", false).unwrap().masked_hash = 7;
        assert!(known.of(&[b'x'; LONGEST + 1], false).is_none() && known.last_entry().is_none());
        assert!(known.of(&[b'x'; LONGEST], false).is_some() && known.last_entry().is_some());
    }

    /// Twice as many messages as there is room for, in turns: some are known each time.
    #[test]
    fn messages_in_turns_do_not_all_push_each_other_out() {
        let (mut known, room) = (known(), (SETS * WAYS) as u64);
        let mut met = |messages: u64| {
            let mut is_known =
                |i: u64| std::mem::replace(&mut known.of(&i.to_le_bytes(), false).unwrap().masked_hash, 1) == 1;
            (0..messages).filter(|&i| is_known(i)).count() as u64
        };
        for messages in [room / 2, room * 2] {
            for _ in 0..3 {
                met(messages);
            }
            let share = met(messages) as f64 / messages as f64;
            assert!(share > if messages < room { 0.85 } else { 0.2 }, "{share} of {messages}");
        }
    }
}
