//! How a member begins: events of a stream have the same members one behind the other, so a name need not be read again.

use super::{Kind, Member};

/// Bytes that are compared; members with longer names are read each time.
const LONGEST: usize = 32;
const WORDS: usize = LONGEST / 8;

/// From the quote before a member's name to its value, as it was written once.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::event) struct Lead {
    bytes: [u64; WORDS],
    /// The bits that count.
    mask: [u64; WORDS],
    /// Bytes of the name, and of all; 0 for a lead that nothing begins with.
    name: u8,
    length: u8,
}

impl Lead {
    /// The lead of no member.
    pub(in crate::event) const NONE: Self = Self { bytes: [0; WORDS], mask: [0; WORDS], name: 0, length: 0 };

    /// The lead of `member` in `text`, unless it is too long or has escapes.
    pub(in crate::event) fn of(text: &[u8], member: &Member) -> Option<Self> {
        let quote = usize::from(matches!(member.kind, Kind::Text | Kind::Escaped));
        let (start, length) = (member.key_start - 1, member.start - quote - (member.key_start - 1));
        let here = text[start..].first_chunk()?;
        if length > LONGEST || member.key_escaped {
            return None;
        }
        let mask = std::array::from_fn(|i| match length.saturating_sub(i * 8) {
            8.. => u64::MAX,
            bytes => !(u64::MAX << (bytes * 8)),
        });
        let name = (member.key_end - member.key_start) as u8;
        Some(Self { bytes: words(here), mask, name, length: length as u8 })
    }

    /// Where the name and the lead end, if this is how `text` goes on at `at`.
    #[inline(always)]
    pub(super) fn ends(&self, text: &[u8], at: usize) -> Option<(usize, usize)> {
        let here = words(text.get(at..)?.first_chunk()?);
        let differing = here.iter().zip(&self.bytes).zip(&self.mask).map(|((here, byte), mask)| (here ^ byte) & mask);
        let same = self.length > 0 && differing.fold(0, |all, bits| all | bits) == 0;
        same.then(|| (at + 1 + usize::from(self.name), at + usize::from(self.length)))
    }
}

#[inline(always)]
fn words(bytes: &[u8; LONGEST]) -> [u64; WORDS] {
    let (words, _) = bytes.as_chunks::<8>();
    std::array::from_fn(|i| u64::from_le_bytes(words[i]))
}
