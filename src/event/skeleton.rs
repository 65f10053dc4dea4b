//! Stage one of the template miner, a pure function of one message: its skeleton, with variables masked.

use xxhash_rust::xxh3::Xxh3;

/// The hash of a message's skeleton: equal for messages that differ in their variables alone. Never 0.
#[must_use]
pub fn hash(message: &[u8]) -> u64 {
    let mut hash = Xxh3::new();
    let mut rest = message;
    while let Some(start) = rest.iter().position(u8::is_ascii_digit) {
        hash.update(&rest[..start]);
        hash.update(b"#");
        rest = &rest[start..];
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        rest = &rest[digits..];
    }
    hash.update(rest);
    hash.digest().max(1)
}
