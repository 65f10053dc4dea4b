//! What was found out about the messages seen lately: logs repeat themselves, and what a message alone decides need not be
//! decided again.
//!
//! A table of sets, a cache line each. A message has one set, by its hash, and in a full one the place that its hash says,
//! so that messages which come in turns do not all push each other out. Memory: 256 KiB, for 16,384 messages.
//!
//! Rules rest on what is remembered here, so nobody who writes logs may choose two messages with one hash: the hash has a
//! seed, which the program draws at its start.

use super::Level;
use xxhash_rust::xxh3::xxh3_64_with_seed;

const SETS: usize = 4 << 10;
const WAYS: usize = 4;
/// The number of a set repeats these bits of its hashes, so that they can be put to another use.
const TOLD: u64 = 0xFF;

/// One message.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    /// Its hash, but for the lowest bits: for which level it was shown to filters, 0 when it was not, and in the last bit
    /// whether none looks for it.
    hash: u64,
    /// The hash of its skeleton; 0 while that was not read.
    pub(super) skeleton: u64,
}

#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
struct Set([Known; WAYS]);

/// Messages seen lately.
#[derive(Debug)]
pub(super) struct KnownMessages {
    seed: u64,
    sets: Box<[Set]>,
    /// Set and place of the message asked for last.
    last: (usize, usize),
}

impl KnownMessages {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, sets: vec![Set::default(); SETS].into(), last: (0, 0) }
    }

    /// What is known of a message as it is written; the same bytes are another message where they are escapes.
    #[inline]
    pub(super) fn of(&mut self, raw: &[u8], escaped: bool) -> &mut Known {
        let hash = xxh3_64_with_seed(raw, self.seed);
        let hash = if escaped { !hash } else { hash };
        let set = hash as usize % SETS;
        let Set(ways) = &mut self.sets[set];
        // No branch for each: which place it is cannot be foreseen.
        let same = ways.iter().enumerate().fold(
            WAYS,
            |same, (way, known)| {
                if (known.hash ^ hash) & !TOLD == 0 { way } else { same }
            },
        );
        let way = Some(same).filter(|same| *same < WAYS).unwrap_or_else(|| {
            let way = ways.iter().position(|known| known.skeleton == 0).unwrap_or((hash >> 62) as usize);
            ways[way] = Known { hash: hash & !TOLD, skeleton: 0 };
            way
        });
        self.last = (set, way);
        &mut ways[way]
    }

    /// The message asked for last.
    #[inline]
    pub(super) fn last(&mut self) -> &mut Known {
        let (set, way) = self.last;
        &mut self.sets[set].0[way]
    }

    /// Other filters look at messages from now on.
    pub(super) fn forget_idle(&mut self) {
        for known in self.sets.iter_mut().flat_map(|set| &mut set.0) {
            known.hash &= !TOLD;
        }
    }

    /// Other skeletons are made from now on.
    pub(super) fn clear(&mut self) {
        self.sets.fill(Set::default());
    }
}

impl Known {
    /// Whether no filter looks for it in events of this level, if that was told.
    #[inline]
    pub(super) fn idle(&self, level: Option<Level>) -> Option<bool> {
        (self.hash & TOLD & !1 == told(level)).then_some(self.hash & 1 == 1)
    }

    #[inline]
    pub(super) fn tell(&mut self, level: Option<Level>, idle: bool) {
        self.hash = self.hash & !TOLD | told(level) | u64::from(idle);
    }
}

/// What stands for a level in the lowest bits of a hash.
#[inline]
fn told(level: Option<Level>) -> u64 {
    level.map_or(1, |level| level as u64 + 2) << 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_known_again() {
        let mut known = KnownMessages::new(1);
        for i in 1..=100_u64 {
            assert_eq!(known.of(&i.to_le_bytes(), i % 2 == 0).skeleton, 0);
            known.last().skeleton = i;
        }
        for i in 1..=100_u64 {
            assert_eq!(known.of(&i.to_le_bytes(), i % 2 == 0).skeleton, i);
        }
        // Escapes and text are not the same.
        assert_eq!(known.of(&1_u64.to_le_bytes(), true).skeleton, 0);
        known.clear();
        assert_eq!(known.of(&1_u64.to_le_bytes(), false).skeleton, 0);
    }

    #[test]
    fn what_filters_say_is_told_of_one_level() {
        let mut known = KnownMessages::new(1);
        let message = known.of(b"a slow query", false);
        message.skeleton = 7;
        for level in [None, Some(Level::Trace), Some(Level::Fatal)] {
            for idle in [true, false] {
                let message = known.of(b"a slow query", false);
                message.tell(level, idle);
                assert_eq!(message.idle(level), Some(idle));
                assert_eq!(message.idle(Some(Level::Info)), None);
                assert_eq!(message.skeleton, 7);
            }
        }
        known.forget_idle();
        let message = known.of(b"a slow query", false);
        assert_eq!((message.idle(Some(Level::Fatal)), message.skeleton), (None, 7));
    }

    /// Twice as many messages as there is room for, in turns: most of what fits is known each time.
    #[test]
    fn messages_in_turns_do_not_all_push_each_other_out() {
        let (mut known, room) = (KnownMessages::new(1), (SETS * WAYS) as u64);
        let mut met = |messages: u64| {
            let mut is_known = |i: u64| std::mem::replace(&mut known.of(&i.to_le_bytes(), false).skeleton, 1) == 1;
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
