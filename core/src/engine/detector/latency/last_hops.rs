//! After which service nothing came, in the traces of calls that were too slow.
//!
//! When a call is logged, the line of its trace that another module wrote last says how far the
//! request got: usually to the service that it called, which said how long it took. Where most of
//! the slow calls end in another line (of another module, or of the same without a duration), that
//! is where they waited. The usual line is the majority vote of R. Boyer and J. Moore (*MJRTY*,
//! 1981), with a weight that is capped, so that it follows a change. Memory: 40 bytes an operation.
//! Cold start: silent until eight calls that were not slow have agreed.

use serde::{Deserialize, Serialize};

/// The last line of a trace that another module wrote: the hash of its module, the lowest bit set
/// where the line says how long something took. 0 where there is none.
pub(super) type LastLine = u64;
const DONE: u64 = 1;
/// Votes that the usual line needs, and has at most.
const AGREED: u16 = 8;
const MOST_VOTES: u16 = 64;
/// So many slow calls must have a line in common, and this share of them.
const LEAST: u16 = 3;
const SHARE: f64 = 0.6;
/// Slow calls after which half is forgotten.
const REMEMBERED: u16 = 256;

/// Where calls of an operation usually got to, and where the slow ones did.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct LastHops {
    usual: LastLine,
    votes: u16,
    slow: LastLine,
    count: u16,
    of: u16,
    /// It was said of the incident that is open.
    pub(super) told: bool,
}

/// Slow calls after whose line of one module nothing came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stopped {
    module: u64,
    pub(super) count: u32,
    pub(super) of: u32,
}

impl Stopped {
    /// True where the line was of the module with this hash.
    pub(super) fn after(&self, module: u64) -> bool {
        self.module == line(module, true)
    }
}

/// The line of a module, with or without a duration.
#[inline]
pub(super) fn line(module: u64, done: bool) -> LastLine {
    if done { module | DONE } else { module & !DONE }
}

/// True where the line is of this module.
#[inline]
pub(super) fn is_of(line: LastLine, module: u64) -> bool {
    line | DONE == module | DONE
}

impl LastHops {
    /// Takes the last line before a call.
    #[inline]
    pub(super) fn take(&mut self, last: LastLine, is_slow: bool) {
        if is_slow {
            self.take_slow(last);
        } else if last == self.usual {
            self.votes = (self.votes + 1).min(MOST_VOTES);
        } else if self.votes == 0 {
            (self.usual, self.votes) = (last, 1);
        } else {
            self.votes -= 1;
        }
    }

    fn take_slow(&mut self, last: LastLine) {
        if self.of >= REMEMBERED {
            (self.count, self.of) = (self.count / 2, self.of / 2);
        }
        self.of += 1;
        if last == self.slow {
            self.count += 1;
        } else if 2 * self.count < self.of {
            (self.slow, self.count) = (last, 1);
        }
    }

    /// Where most of the slow calls stopped, if that is not where calls usually get to.
    pub(super) fn stopped(&self) -> Option<Stopped> {
        let common = self.count >= LEAST && f64::from(self.count) >= SHARE * f64::from(self.of);
        let unusual = self.votes >= AGREED && self.slow != self.usual && self.slow != 0;
        let (module, count, of) = (self.slow | DONE, u32::from(self.count), u32::from(self.of));
        (common && unusual).then_some(Stopped { module, count, of })
    }

    /// The slow calls are over.
    pub(super) fn clear(&mut self) {
        (self.slow, self.count, self.of, self.told) = (0, 0, 0, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_most_slow_calls_end_in_and_others_do_not_is_where_they_stopped() {
        let (chat, orders) = (0xABC0, 0xDEF1);
        for (usual, slow, stopped) in [
            // The service did not say that it was done; another service; as always.
            (line(orders, true), vec![line(orders, false); 12], Some((orders, 12, 12))),
            (line(chat, true), vec![line(orders, true); 3], Some((orders, 3, 3))),
            (line(orders, true), vec![line(orders, true); 12], None),
            // Too few, and no majority.
            (line(chat, true), vec![line(orders, false); 2], None),
            (line(chat, true), [line(orders, false), line(chat, true)].repeat(6), None),
            // Nothing was called.
            (line(chat, true), vec![0; 12], None),
        ] {
            let mut hops = LastHops::default();
            (0..20).for_each(|_| hops.take(usual, false));
            slow.iter().for_each(|last| hops.take(*last, true));
            let told = hops.stopped();
            assert_eq!(told.map(|told| (told.count, told.of)), stopped.map(|(_, count, of)| (count, of)), "{slow:?}");
            assert!(told.is_none_or(|told| told.after(orders) && !told.after(chat)));
            hops.clear();
            assert_eq!(hops.stopped(), None);
        }
    }
}
