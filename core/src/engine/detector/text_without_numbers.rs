//! A message split into its text and its numbers: a cheap substitute for its template.

use xxhash_rust::xxh3::xxh3_64;

/// Sets these hashes apart from those of whole lines. Snapshots hold them, so it must stay.
const SALT: u64 = 0x5EED_0F7E_A7ED_C0DE;

/// Bytes that are examined together.
const STEP: usize = 8;
const ONES: u64 = 0x0101_0101_0101_0101;
const TOPS: u64 = 0x8080_8080_8080_8080;

/// A buffer for the text and the numbers of one message, reused for every message.
#[derive(Clone, Debug, Default)]
pub(super) struct TextWithoutNumbers {
    /// The buffer of the text; only its first bytes belong to the current message.
    text: Vec<u8>,
    /// The last 15 digits of each number.
    pub(super) numbers: Vec<i64>,
    /// xxh3-64 of the text without its numbers, of this module.
    pub(super) hash: u64,
}

impl TextWithoutNumbers {
    /// Splits `message` into text and numbers.
    pub(super) fn read(&mut self, message: &[u8], module: u64) {
        // A number is at least as long as the `#` that replaces it, and whole steps are written.
        if self.text.len() < message.len() + STEP {
            self.text.resize(message.len() + STEP, 0);
        }
        self.numbers.clear();
        let (mut rest, mut length) = (message, 0);
        while !rest.is_empty() {
            let step = step_of(rest);
            self.text[length..][..STEP].copy_from_slice(&step);
            let plain = first_digit(step).min(rest.len());
            (rest, length) = (&rest[plain..], length + plain);
            if plain < STEP && !rest.is_empty() {
                let digits = number_of(rest);
                self.numbers.push(last_digits(&rest[..digits]));
                self.text[length] = b'#';
                (rest, length) = (&rest[digits..], length + 1);
            }
        }
        self.hash = xxh3_64(&self.text[..length]) ^ module.rotate_left(32) ^ SALT;
    }
}

/// The first bytes of `text`, and zeros where it has no more.
#[inline]
fn step_of(text: &[u8]) -> [u8; STEP] {
    text.first_chunk().copied().unwrap_or_else(|| {
        let mut step = [0; STEP];
        step[..text.len()].copy_from_slice(text);
        step
    })
}

/// The index of the first digit in a step, or the length of a step.
#[inline]
fn first_digit(step: [u8; STEP]) -> usize {
    digits_in(step).trailing_zeros() as usize / 8
}

/// How many digits `text` begins with.
#[inline]
fn number_of(text: &[u8]) -> usize {
    let mut digits = 0;
    loop {
        let run = (!digits_in(step_of(&text[digits..])) & TOPS).trailing_zeros() as usize / 8;
        digits += run;
        if run < STEP {
            return digits;
        }
    }
}

/// The top bit of each byte, set where the byte is a digit.
#[inline]
fn digits_in(step: [u8; STEP]) -> u64 {
    let word = u64::from_le_bytes(step);
    // One sum sets the bit from `0` on, the other above `9`. No sum carries into the next byte.
    let least = (word & !TOPS) + ONES * u64::from(0x80 - b'0');
    let most = (word & !TOPS) + ONES * u64::from(0x80 - b'9' - 1);
    least & !most & !word & TOPS
}

/// The number that the last 15 of these digits make.
#[inline]
fn last_digits(digits: &[u8]) -> i64 {
    let digits = &digits[digits.len().saturating_sub(15)..];
    digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_text_and_its_numbers_are_parted() {
        let mut parted = TextWithoutNumbers::default();
        parted.read(b"attempt 12 of 9 failed after 1234567890123456789 ms", 7);
        assert!(parted.text.starts_with(b"attempt # of # failed after # ms"));
        assert_eq!(parted.hash, xxh3_64(b"attempt # of # failed after # ms") ^ 7_u64.rotate_left(32) ^ SALT);
        assert_eq!(parted.numbers, [12, 9, 567_890_123_456_789]);
    }

    proptest! {
        #[test]
        fn it_is_parted_as_byte_by_byte(message in "[a-z0-9é#]{0,10}([0-9]{0,20}[ -~é]{0,9}){0,4}") {
            let (mut text, mut numbers) = (Vec::new(), Vec::<i64>::new());
            for run in message.as_bytes().chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit()) {
                if run[0].is_ascii_digit() {
                    text.push(b'#');
                    numbers.push(std::str::from_utf8(&run[run.len().saturating_sub(15)..]).unwrap().parse().unwrap());
                } else {
                    text.extend_from_slice(run);
                }
            }
            let mut parted = TextWithoutNumbers::default();
            // Text that an earlier message left in the buffer is not read.
            parted.read(&[b'x'; 99], 7);
            parted.read(message.as_bytes(), 7);
            prop_assert_eq!(&parted.text[..text.len()], &text[..]);
            prop_assert_eq!(parted.hash, xxh3_64(&text) ^ 7_u64.rotate_left(32) ^ SALT);
            prop_assert_eq!(parted.numbers, numbers);
        }
    }
}
