//! UTF-16: how a stream of it is known, where its lines end, what they say.

use super::{Charset, put};

/// Units that a stream without a mark must have before it is taken for UTF-16.
const ENOUGH: usize = 4;

/// Which byte of a unit comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteOrder {
    /// The low one.
    Little,
    /// The high one.
    Big,
}

impl ByteOrder {
    /// A character of ASCII.
    pub(in crate::event) const fn unit(self, ascii: u8) -> [u8; 2] {
        match self {
            Self::Little => [ascii, 0],
            Self::Big => [0, ascii],
        }
    }

    /// Appends `text` to `out`.
    pub fn encode(self, text: &str, out: &mut Vec<u8>) {
        out.extend(text.encode_utf16().flat_map(|unit| match self {
            Self::Little => unit.to_le_bytes(),
            Self::Big => unit.to_be_bytes(),
        }));
    }

    /// Where the line ends of `data` are, which begins with a whole unit.
    pub(in crate::event) fn line_ends(self, data: &[u8]) -> impl Iterator<Item = usize> {
        let place = usize::from(self == Self::Big);
        let is_line_end = move |at: &usize| data.get(*at..at + 2) == Some(&self.unit(b'\n')[..]);
        memchr::memchr_iter(b'\n', data).filter(move |at| at % 2 == place).map(move |at| at - place).filter(is_line_end)
    }

    /// Appends the text of `line`, without the mark of the byte order, to `out`. False, with `out`
    /// as it was, when it is no UTF-16.
    pub(in crate::event) fn decode(self, line: &[u8], out: &mut Vec<u8>) -> bool {
        let start = out.len();
        let (units, rest) = line.as_chunks::<2>();
        let units = units.iter().map(|&unit| match self {
            Self::Little => u16::from_le_bytes(unit),
            Self::Big => u16::from_be_bytes(unit),
        });
        let mut is_valid = rest.is_empty();
        for character in char::decode_utf16(units) {
            match character {
                Ok('\u{feff}') if out.len() == start => {}
                Ok(character) => put(character, out),
                Err(_) => is_valid = false,
            }
        }
        if !is_valid {
            out.truncate(start);
        }
        is_valid
    }
}

/// How wide the units of a stream are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::event) enum Width {
    /// Too little has come to tell.
    #[default]
    Unknown,
    /// Bytes: UTF-8 or another encoding in which a line end is one.
    One,
    /// UTF-16.
    Two(ByteOrder),
}

impl Width {
    /// What the beginning of a stream says, of which nothing follows if `at_end`.
    pub(in crate::event) fn of(charset: Charset, data: &[u8], at_end: bool) -> Self {
        let marked = match data {
            [0xff, 0xfe, ..] => Some(ByteOrder::Little),
            [0xfe, 0xff, ..] => Some(ByteOrder::Big),
            _ => None,
        };
        match (charset, marked) {
            (Charset::Utf16Le, _) => Self::Two(ByteOrder::Little),
            (Charset::Utf16Be, _) => Self::Two(ByteOrder::Big),
            (Charset::Auto | Charset::Utf16, Some(order)) => Self::Two(order),
            (Charset::Utf16, None) if data.len() >= 2 || at_end => Self::Two(ByteOrder::Little),
            (Charset::Utf16, None) => Self::Unknown,
            (Charset::Auto, None) => Self::guessed(data, at_end),
            _ => Self::One,
        }
    }

    /// Text of ASCII in UTF-16 has a NUL in each unit, always on one side.
    fn guessed(data: &[u8], at_end: bool) -> Self {
        let (units, rest) = data.as_chunks::<2>();
        let order = match units.first() {
            Some([1..=u8::MAX, 0]) => ByteOrder::Little,
            Some([0, 1..=u8::MAX]) => ByteOrder::Big,
            Some(_) => return Self::One,
            // A mark may follow half of itself; a line end alone is one.
            None if at_end || !matches!(rest, [] | [0 | 0xfe | 0xff | b' '..=b'~']) => return Self::One,
            None => return Self::Unknown,
        };
        let alike = |unit: &[u8; 2]| match order {
            ByteOrder::Little => matches!(unit, [1..=u8::MAX, 0]),
            ByteOrder::Big => matches!(unit, [0, 1..=u8::MAX]),
        };
        match units.iter().take(ENOUGH).all(alike) {
            false => Self::One,
            true if units.len() >= ENOUGH => Self::Two(order),
            true if at_end => Self::One,
            true => Self::Unknown,
        }
    }
}
