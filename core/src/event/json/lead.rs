//! How a member begins: events of a stream have the same members one behind the other, so a name
//! need not be read again.

use super::Name;

/// Bytes that are compared; members with longer names are read each time.
const LONGEST: usize = 32;
const WORDS: usize = LONGEST / 8;

/// From the end of one member to the value of the next, as it was written once: `, "level": `.
#[derive(Clone, Copy, Debug)]
pub(in crate::event) struct Lead {
    bytes: [u64; WORDS],
    /// The bits that count.
    mask: [u64; WORDS],
    /// How long it is.
    length: usize,
}

impl Lead {
    /// What no text begins with: it has control characters.
    pub(in crate::event) const NONE: Self = Self { bytes: [0; WORDS], mask: [u64::MAX; WORDS], length: 0 };

    /// What leads from `start` in `text` to the value of the member of this name, unless it is too
    /// long.
    pub(in crate::event) fn of(text: &[u8], start: usize, name: &Name) -> Option<Self> {
        let length = name.value - start;
        let here = text.get(start..)?.first_chunk()?;
        if length > LONGEST {
            return None;
        }
        let mask = std::array::from_fn(|i| match length.saturating_sub(i * 8) {
            8.. => u64::MAX,
            bytes => !(u64::MAX << (bytes * 8)),
        });
        Some(Self { bytes: words(here), mask, length })
    }

    /// Where the value is that this leads to, if it is how `text` goes on at `at`.
    #[inline(always)]
    pub(in crate::event) fn end(&self, text: &[u8], at: usize) -> Option<usize> {
        let here = words(text.get(at..)?.first_chunk()?);
        let mut differing = 0;
        for (i, here) in here.into_iter().enumerate() {
            differing |= (here ^ self.bytes[i]) & self.mask[i];
        }
        (differing == 0).then(|| at + self.length)
    }
}

#[inline(always)]
fn words(bytes: &[u8; LONGEST]) -> [u64; WORDS] {
    let (bytes, _) = bytes.as_chunks::<8>();
    let mut words = [0; WORDS];
    for (word, bytes) in words.iter_mut().zip(bytes) {
        *word = u64::from_le_bytes(*bytes);
    }
    words
}
