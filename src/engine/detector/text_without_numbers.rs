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
        while let Some(start) = rest.iter().position(u8::is_ascii_digit) {
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
