//! Numbers that nobody else can know.

use std::hash::{BuildHasher, RandomState};

/// A number of which each bit is as likely set as not.
#[must_use]
pub fn number() -> u64 {
    // The standard library takes its keys from the operating system.
    RandomState::new().hash_one(())
}
