//! GB 18030, as the Encoding Standard of the WHATWG decodes it, section 10.2.1; the index of its
//! characters is the crate's `encoding-index-simpchinese`.

use super::put;
use encoding_index_simpchinese::{gb18030, gb18030_ranges};

/// What the indices say of a number that is no character's.
const NONE: u32 = 0xffff;
/// The last lead byte of the characters that begin with A to J: Korean text in EUC-KR has no others
/// where Chinese has half of its own.
const LAST_OF_KOREAN: u8 = 0xc8;
/// So many characters tell one from the other.
const ENOUGH: usize = 6;

/// What a text is made of.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CharacterCounts {
    /// Characters outside ASCII.
    wide: usize,
    /// Of the 3,755 most common Han, and full-width punctuation.
    common: usize,
    /// Han from A to J, and from K to Z.
    early: usize,
    late: usize,
}

impl CharacterCounts {
    /// Most of it is common Chinese.
    pub(super) fn is_chinese(self) -> bool {
        self.common * 2 > self.wide && self.early + self.late > 0 && (self.late > 0 || self.early < ENOUGH)
    }

    fn add(&mut self, lead: u8, trail: u8) {
        let is_of_gb2312 = trail >= 0xa1;
        self.wide += 1;
        self.common += usize::from(is_of_gb2312 && matches!(lead, 0xa1 | 0xa3 | 0xb0..=0xd7));
        self.early += usize::from(is_of_gb2312 && (0xb0..=LAST_OF_KOREAN).contains(&lead));
        self.late += usize::from(is_of_gb2312 && (LAST_OF_KOREAN + 1..=0xd7).contains(&lead));
    }
}

/// Appends `line` as UTF-8 to `out`; none, with `out` as it was, when it is no GB 18030.
pub(super) fn decode(line: &[u8], out: &mut Vec<u8>) -> Option<CharacterCounts> {
    let start = out.len();
    let counts = decode_all(line, out);
    if counts.is_none() {
        out.truncate(start);
    }
    counts
}

fn decode_all(mut line: &[u8], out: &mut Vec<u8>) -> Option<CharacterCounts> {
    let mut counts = CharacterCounts::default();
    loop {
        let ascii = line.iter().take_while(|byte| byte.is_ascii()).count();
        out.extend_from_slice(&line[..ascii]);
        line = &line[ascii..];
        let (number, length) = match *line {
            [] => return Some(counts),
            [lead @ 0x81..=0xfe, trail @ (0x40..=0x7e | 0x80..=0xfe), ..] => {
                counts.add(lead, trail);
                let offset = if trail < 0x7f { 0x40 } else { 0x41 };
                let pointer = u16::from(lead - 0x81) * 190 + u16::from(trail - offset);
                (gb18030::forward(pointer), 2)
            }
            [first @ 0x81..=0xfe, second @ b'0'..=b'9', third @ 0x81..=0xfe, fourth @ b'0'..=b'9', ..] => {
                counts.wide += 1;
                let digits = [(first, 0x81), (second, b'0'), (third, 0x81), (fourth, b'0')];
                let [first, second, third, fourth] = digits.map(|(byte, zero)| u32::from(byte - zero));
                (gb18030_ranges::forward(((first * 10 + second) * 126 + third) * 10 + fourth), 4)
            }
            _ => return None,
        };
        put(char::from_u32(number).filter(|_| number != NONE)?, out);
        line = &line[length..];
    }
}
