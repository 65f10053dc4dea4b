//! A message parted into its text and its numbers: a cheap stand-in for its template.

use xxhash_rust::xxh3::xxh3_64;

/// Tells a text without numbers from a line where both are counted in one sketch.
const SALT: u64 = 0x5EED_0F7E_A7ED_C0DE;

/// Room for one message's text and numbers, used again for every message.
#[derive(Clone, Debug, Default)]
pub(super) struct TextWithoutNumbers {
    text: Vec<u8>,
    /// The last 15 digits of each number.
    pub(super) numbers: Vec<i64>,
    /// xxh3-64 of the text without its numbers, of this module.
    pub(super) hash: u64,
}

impl TextWithoutNumbers {
    /// Parts `message` into text and numbers.
    pub(super) fn read(&mut self, message: &[u8], module: u64) {
        self.text.clear();
        self.numbers.clear();
        let mut rest = message;
        while let Some(start) = first_digit(rest) {
            self.text.extend_from_slice(&rest[..start]);
            self.text.push(b'#');
            let digits = rest[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            let tail = &rest[start..start + digits];
            let tail = &tail[tail.len().saturating_sub(15)..];
            self.numbers.push(tail.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')));
            rest = &rest[start + digits..];
        }
        self.text.extend_from_slice(rest);
        self.hash = xxh3_64(&self.text) ^ module.rotate_left(32) ^ SALT;
    }
}

/// Where the first digit is: eight bytes at a step.
#[inline]
fn first_digit(text: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x8080_8080_8080_8080;
    let (steps, rest) = text.as_chunks::<8>();
    for (i, step) in steps.iter().enumerate() {
        let word = u64::from_le_bytes(*step);
        // Of each byte the top bit: set at `0` and above, and above `9`. No sum carries into the next byte.
        let least = (word & !TOPS) + ONES * u64::from(0x80 - b'0');
        let most = (word & !TOPS) + ONES * u64::from(0x80 - b'9' - 1);
        let digits = least & !most & !word & TOPS;
        if digits != 0 {
            return Some(i * 8 + digits.trailing_zeros() as usize / 8);
        }
    }
    rest.iter().position(u8::is_ascii_digit).map(|place| steps.len() * 8 + place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_text_and_its_numbers_are_parted() {
        let mut parted = TextWithoutNumbers::default();
        parted.read(b"attempt 12 of 9 failed after 1234567890123456789 ms", 7);
        assert_eq!(parted.text, b"attempt # of # failed after # ms");
        assert_eq!(parted.numbers, [12, 9, 567_890_123_456_789]);
    }

    proptest! {
        #[test]
        fn the_first_digit_is_found(text in proptest::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(first_digit(&text), text.iter().position(u8::is_ascii_digit));
        }
    }
}
