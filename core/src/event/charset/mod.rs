//! What the bytes of a line are that is no UTF-8.
//!
//! Lines pass as the bytes that came; this is for reading alone. A line that is UTF-8 is read as
//! such whatever is configured, for a stream that mixes both is common and the chance that another
//! encoding looks like it is small. UTF-16 is found by where its lines end, so the splitter tells
//! it (`utf16.rs`); everything else is found line by line.

mod gb18030;
pub(super) mod utf16;

use super::{Encoding, Record};
use serde::{Deserialize, Serialize};
pub use utf16::ByteOrder;

/// How bytes that are no UTF-8 are read; `input.encoding`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Charset {
    /// UTF-16 where a stream begins like it; GB 18030 where a line is that and most of it is common
    /// Chinese.
    #[default]
    Auto,
    /// Nothing else: other lines are faults.
    #[serde(rename = "utf-8", alias = "utf8")]
    Utf8,
    /// GB 18030, and GBK and GB 2312, which are parts of it.
    #[serde(alias = "gbk", alias = "gb2312")]
    Gb18030,
    /// ISO 8859-1: each byte is the character of its number.
    #[serde(rename = "latin-1", alias = "latin1", alias = "iso-8859-1")]
    Latin1,
    /// UTF-16 in the order of the mark that it begins with, little-endian without one.
    #[serde(rename = "utf-16", alias = "utf16")]
    Utf16,
    /// UTF-16, the low byte first.
    #[serde(rename = "utf-16le")]
    Utf16Le,
    /// UTF-16, the high byte first.
    #[serde(rename = "utf-16be")]
    Utf16Be,
}

impl Charset {
    /// Appends the text of a line that is no UTF-8 to `out`. False, with `out` as it was, where it
    /// is not told what the bytes are, or they are not that.
    pub(super) fn decode(self, record: &Record, bytes: &[u8], out: &mut Vec<u8>) -> bool {
        let line = record.span.of(bytes);
        if let Encoding::Utf16(order) = record.encoding {
            return order.decode(line, out);
        }
        match self {
            Self::Gb18030 => gb18030::decode(line, out).is_some(),
            Self::Auto => {
                let start = out.len();
                let is_chinese = gb18030::decode(line, out).is_some_and(|text| text.is_chinese());
                if !is_chinese {
                    out.truncate(start);
                }
                is_chinese
            }
            Self::Latin1 => {
                for &byte in line {
                    put(char::from(byte), out);
                }
                true
            }
            Self::Utf8 | Self::Utf16 | Self::Utf16Le | Self::Utf16Be => false,
        }
    }
}

fn put(character: char, out: &mut Vec<u8>) {
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

#[cfg(test)]
mod tests;
