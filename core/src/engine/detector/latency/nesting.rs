//! Which operations lie inside of which, learned from the calls of traces.
//!
//! Of a call inside of another the shorter and earlier one is always the same. Of two that a third
//! calls at the same time, or one after the other, it is now this one and now that one. Each pair
//! of operations counts both, and is nested where one of them is four times the other. Memory: 16
//! KiB, a pair in 16 bytes; one that comes takes the place of another whose hash ends alike. Cold
//! start: what may be nested is, until a pair came eight times. A restart learns it again.

use super::traces::Hop;

/// Pairs that are remembered.
const PAIRS: usize = 1_024;
/// A pair is judged when it came so often,
const KNOWN: u32 = 8;
/// and is nested where one way is so many times as frequent as the other.
const MORE: u32 = 4;
/// Times after which half is forgotten.
const REMEMBERED: u32 = 1_000;

/// How often the one of two operations was inside of the other, by the order of their keys.
#[derive(Clone, Copy, Debug, Default)]
struct Pair {
    id: u64,
    counts: [u32; 2],
}

/// The pairs of operations.
#[derive(Debug, Default)]
pub(super) struct Nesting {
    pairs: Vec<Pair>,
}

/// The pair of two operations, and which of its counts is that of `inner` inside of `outer`.
fn pair_of(inner: u64, outer: u64) -> (u64, usize) {
    (inner ^ outer, usize::from(inner < outer))
}

impl Nesting {
    /// Learns that a call of `inner` may have been inside of one of `outer`.
    pub(super) fn learn(&mut self, inner: u64, outer: u64) {
        if self.pairs.is_empty() {
            self.pairs.resize(PAIRS, Pair::default());
        }
        let (id, way) = pair_of(inner, outer);
        let Some(pair) = self.pairs.get_mut(id as usize % PAIRS) else { return };
        if pair.id != id {
            *pair = Pair { id, counts: [0; 2] };
        }
        pair.counts[way] += 1;
        if pair.counts[way] > REMEMBERED {
            pair.counts = pair.counts.map(|count| count / 2);
        }
    }

    /// False where calls of the two lie beside each other.
    pub(super) fn is_inside(&self, inner: u64, outer: u64) -> bool {
        let (id, way) = pair_of(inner, outer);
        let pair = self.pairs.get(id as usize % PAIRS).filter(|pair| pair.id == id);
        pair.is_none_or(|Pair { counts, .. }| counts[0] + counts[1] < KNOWN || counts[way] >= MORE * counts[1 - way])
    }

    /// True where another of the calls ran at the same time, beside this one, and grew more.
    pub(super) fn is_outdone(&self, hop: &Hop, calls: &[Hop]) -> bool {
        let beside = |other: &Hop| {
            let nested = self.is_inside(hop.key, other.key) || self.is_inside(other.key, hop.key);
            other.key == hop.key || !nested
        };
        calls.iter().any(|other| other.grown > hop.grown && other.overlaps(hop) && beside(other))
    }

    pub(super) fn bytes(&self) -> usize {
        self.pairs.len() * size_of::<Pair>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_always_inside_is_nested_and_what_changes_places_is_not() {
        for (one, other, nested) in [
            (1, 0, [true, true]),
            (7, 0, [true, true]),
            (8, 0, [true, false]),
            (20, 4, [true, false]),
            (20, 6, [false, false]),
        ] {
            let mut nesting = Nesting::default();
            (0..one).for_each(|_| nesting.learn(0xA1, 0xB2));
            (0..other).for_each(|_| nesting.learn(0xB2, 0xA1));
            assert_eq!([nesting.is_inside(0xA1, 0xB2), nesting.is_inside(0xB2, 0xA1)], nested, "{one} {other}");
        }
    }

    #[test]
    fn pairs_are_bounded_and_follow_a_change() {
        let mut nesting = Nesting::default();
        assert_eq!(nesting.bytes(), 0);
        (0..100_000_u64).for_each(|i| nesting.learn(i, i.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        assert!(nesting.bytes() <= 32 << 10);
        (0..5_000).for_each(|_| nesting.learn(1, 2));
        (0..5_000).for_each(|_| nesting.learn(2, 1));
        assert!(nesting.is_inside(2, 1) && !nesting.is_inside(1, 2));
    }
}
