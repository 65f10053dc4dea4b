//! The fixed English words.

pub(in crate::narrate) use crate::narrate::words::EN as WORDS;
