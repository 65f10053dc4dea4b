//! Messages that say the same, grouped by their text without what varies.
//!
//! A stand-in with the face of a template miner: text in, its group out. What holds a digit is replaced by `#`.

use super::heavy_hitters::{Counts, HeavyHitters};
use crate::prose::without_control;
use xxhash_rust::xxh3::xxh3_64;

/// How much of a message is looked at, in bytes.
const MESSAGE_BYTES: usize = 200;
/// Most groups kept.
const GROUPS: usize = 8_192;

/// Groups of messages, the frequent ones of which are kept.
#[derive(Clone, Debug)]
pub struct MessageGroups {
    groups: HeavyHitters,
    masked: Vec<u8>,
}

impl Default for MessageGroups {
    fn default() -> Self {
        Self { groups: HeavyHitters::new(GROUPS), masked: Vec::new() }
    }
}

impl MessageGroups {
    /// Counts a message.
    #[inline]
    pub fn message(&mut self, text: &[u8], error: bool, warning: bool) {
        mask(text, &mut self.masked);
        let masked = &self.masked;
        self.groups.count(xxh3_64(masked), error, warning, || without_control(&String::from_utf8_lossy(masked)));
    }

    /// The groups that have most of `rank`.
    #[must_use]
    pub fn top(&self, most: usize, rank: impl Fn(&Counts) -> (u64, u64)) -> Vec<(&str, &Counts)> {
        self.groups.top(most, rank)
    }

    /// True while every count is exact.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.groups.is_exact()
    }
}

/// Writes `text` with `#` for each run of letters and digits that holds a digit; runs that only a dot, dash, colon,
/// slash or underscore parts are one (addresses, times, UUIDs), the four letters that a UUID may have among them.
fn mask(text: &[u8], masked: &mut Vec<u8>) {
    masked.clear();
    let text = &text[..text.len().min(MESSAGE_BYTES)];
    let mut i = 0;
    while i < text.len() {
        let start = i;
        let mut variable = false;
        while i < text.len() && (text[i].is_ascii_alphanumeric() || text[i] >= 0x80) {
            variable |= text[i].is_ascii_digit();
            i += 1;
        }
        let word = &text[start..i];
        let joined = matches!(masked.as_slice(), [.., b'#', b'.' | b'-' | b':' | b'/' | b'_']);
        let hex = word.len() == 4 && word.iter().all(u8::is_ascii_hexdigit);
        if variable || (joined && hex) {
            if joined {
                masked.pop();
            } else {
                masked.push(b'#');
            }
        } else {
            masked.extend_from_slice(word);
        }
        if i < text.len() {
            masked.push(text[i]);
            i += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_varies_is_masked() {
        for (text, expected) in [
            ("took 12ms for user 77", "took # for user #"),
            ("from /10.251.43.115:50010 to 10.0.0.1", "from /# to #"),
            ("req 54fadb41-2c4e-40cd-baed-9335e4c35a9e done", "req # done"),
            ("blk_-1608999687919862906 ok", "blk_-# ok"),
            ("nothing varies", "nothing varies"),
            ("retry 3/5.", "retry #."),
            ("", ""),
            ("größe 5", "größe #"),
        ] {
            let mut masked = Vec::new();
            mask(text.as_bytes(), &mut masked);
            assert_eq!(String::from_utf8(masked).unwrap(), expected);
        }
    }

    #[test]
    fn groups_are_counted() {
        let mut groups = MessageGroups::default();
        for i in 0..9 {
            groups.message(format!("job {i} failed").as_bytes(), i % 3 == 0, false);
        }
        groups.message(b"bye", false, true);
        let top = groups.top(5, |counts| (counts.events, 0));
        assert_eq!((top[0].0, top[0].1.events, top[0].1.errors), ("job # failed", 9, 3));
        assert_eq!((top.len(), groups.is_exact()), (2, true));
    }
}
