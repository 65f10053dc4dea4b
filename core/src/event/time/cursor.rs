//! A place in a text, and the fields of a date and time of day that it reads there.

use super::zone::ends_word;

/// A date and a time of day, field by field, still unchecked.
#[derive(Clone, Copy)]
pub(super) struct Civil {
    /// None if it was not written.
    pub(super) year: Option<u32>,
    pub(super) month: u32,
    pub(super) day: u32,
    pub(super) hour: u32,
    pub(super) minute: u32,
    pub(super) second: u32,
    pub(super) nanos: u32,
}

impl Civil {
    pub(super) fn date(year: Option<u32>, month: u32, day: u32) -> Civil {
        Civil { year, month, day, hour: 0, minute: 0, second: 0, nanos: 0 }
    }
}

/// A place in a text. What fails to read leaves it where it was, unless the whole form has failed
/// with it.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    pub(super) text: &'a [u8],
    pub(super) at: usize,
}

impl Cursor<'_> {
    /// The next byte; 0 at the end.
    #[inline]
    pub(super) fn peek(&self) -> u8 {
        *self.text.get(self.at).unwrap_or(&0)
    }

    /// What follows; nothing beyond the end.
    pub(super) fn rest(&self) -> &[u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Goes over this word, if it is there.
    pub(super) fn skip(&mut self, word: &[u8]) -> bool {
        let there = self.rest().starts_with(word);
        self.at += if there { word.len() } else { 0 };
        there
    }

    #[inline]
    pub(super) fn one_of(&mut self, bytes: &[u8]) -> Option<u8> {
        let byte = *self.text.get(self.at)?;
        bytes.contains(&byte).then(|| {
            self.at += 1;
            byte
        })
    }

    pub(super) fn spaces(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek() == b' ' {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    /// What stands between a date and a time of day: one mark, or blanks, perhaps with a comma
    /// before them and `at` behind.
    pub(super) fn date_end(&mut self) -> Option<()> {
        match self.peek() {
            b':' => {
                self.at += 1;
                // Erlang's `2-Jan-2026::03:04:05`.
                self.one_of(b":");
                return Some(());
            }
            b'T' | b't' | b'_' | b'-' | b'/' | b'|' | b'\t' => {
                self.at += 1;
                return Some(());
            }
            _ => {}
        }
        self.one_of(b",");
        self.spaces()?;
        let words: [&[u8]; 5] = [b"at ", b"@ ", b"- ", b"um ", b"\xC3\xA0 "];
        for word in words {
            self.skip(word);
        }
        Some(())
    }

    /// A number of at least `least` digits, and as many of the next as make `most`.
    #[inline]
    pub(super) fn number(&mut self, least: usize, most: usize) -> Option<u32> {
        let mut value = 0;
        let mut end = self.at;
        while end - self.at < most {
            match self.text.get(end) {
                Some(byte) if byte.is_ascii_digit() => value = value * 10 + u32::from(byte - b'0'),
                _ => break,
            }
            end += 1;
        }
        if end - self.at < least {
            return None;
        }
        self.at = end;
        Some(value)
    }

    /// A year of four digits, or of two, which are of the years 1970 to 2069.
    pub(super) fn year(&mut self) -> Option<u32> {
        let mut ahead = *self;
        let year = match ahead.number(4, 4) {
            Some(year) => year,
            None => match ahead.number(2, 2)? {
                year @ ..70 => 2000 + year,
                year => 1900 + year,
            },
        };
        // The first field of a time of day is no year.
        if year == 0 || ahead.peek().is_ascii_digit() || (ahead.peek() == b':' && ahead.at - self.at == 2) {
            return None;
        }
        *self = ahead;
        Some(year)
    }

    /// `HH:mm:ss`, also with points for colons; the hour may be short. Behind a date with its year
    /// it is also `HH:mm`.
    pub(super) fn time(&mut self, mut civil: Civil) -> Option<Civil> {
        let mut ahead = *self;
        civil.hour = ahead.number(1, 2)?;
        let separator = ahead.one_of(b":.")?;
        civil.minute = ahead.number(2, 2)?;
        let minutes = ahead;
        match ahead.one_of(&[separator]).and_then(|_| ahead.number(2, 2)) {
            Some(second) => civil.second = second,
            None if civil.year.is_some() && separator == b':' => {
                let goes_on = match minutes.text.get(minutes.at..) {
                    Some([b'.' | b',' | b':', next, ..]) => next.is_ascii_digit(),
                    Some([next, ..]) => next.is_ascii_digit(),
                    _ => false,
                };
                if goes_on {
                    return None;
                }
                ahead = minutes;
            }
            None => return None,
        }
        *self = ahead;
        Some(civil)
    }

    /// `H:m:s:millisecond` without padding, where only the first two separators must be there.
    pub(super) fn loose_time(&mut self, mut civil: Civil) -> Option<Civil> {
        let mut ahead = *self;
        civil.hour = ahead.number(1, 2)?;
        ahead.one_of(b":")?;
        civil.minute = ahead.number(1, 2)?;
        ahead.one_of(b":")?;
        civil.second = ahead.number(1, 2)?;
        *self = ahead;
        if ahead.one_of(b":").is_some()
            && let Some(millis) = ahead.number(1, 3)
        {
            civil.nanos = millis * 1_000_000;
            *self = ahead;
        }
        Some(civil)
    }

    /// `yyyyMMdd` of a year in which logs were written: eight digits are most often something else.
    pub(super) fn packed_date(&mut self) -> Option<Civil> {
        let (year, month, day) = (self.number(4, 4)?, self.number(2, 2)?, self.number(2, 2)?);
        (1970..2100).contains(&year).then(|| Civil::date(Some(year), month, day))
    }

    /// `HHmmss`.
    pub(super) fn packed_time(&mut self, mut civil: Civil) -> Option<Civil> {
        let mut ahead = *self;
        civil.hour = ahead.number(2, 2)?;
        civil.minute = ahead.number(2, 2)?;
        civil.second = ahead.number(2, 2)?;
        *self = ahead;
        Some(civil)
    }

    /// A fraction of the second: a point or comma and digits, or a colon and three, six or nine
    /// digits. What stands between two commas is a column, unless it has three or six digits.
    #[inline]
    pub(super) fn fraction(&mut self, civil: &mut Civil) {
        let mark = match self.peek() {
            mark @ (b'.' | b',' | b':') => mark,
            _ => return,
        };
        let mut end = self.at + 1;
        let mut unit = 100_000_000;
        let mut nanos = 0;
        while let Some(byte) = self.text.get(end).filter(|byte| byte.is_ascii_digit()) {
            // Below the nanosecond the unit is 0 and so is what is added.
            nanos += u32::from(byte - b'0') * unit;
            unit /= 10;
            end += 1;
        }
        let digits = end - self.at - 1;
        let fits = match mark {
            b'.' => digits > 0,
            b':' => matches!(digits, 3 | 6 | 9),
            _ if self.text.get(end) == Some(&b',') => matches!(digits, 3 | 6),
            _ => digits > 0,
        };
        if fits {
            civil.nanos = nanos;
            self.at = end;
        }
    }

    /// `AM` or `PM`, also `p.m.`, behind a blank of any width or none, which turn the hours 1 to 12
    /// to those of the day. None if the hour has no such half.
    #[inline]
    pub(super) fn half_of_day(&mut self, civil: &mut Civil) -> Option<()> {
        let rest = self.rest();
        let blank = match rest {
            [b' ', ..] => 1,
            // No-break, and narrow, which newer Java and browsers put there.
            [0xC2, 0xA0, ..] => 2,
            [0xE2, 0x80, 0xAF | 0x89, ..] => 3,
            [b'A' | b'a' | b'P' | b'p', ..] => 0,
            _ => return Some(()),
        };
        let (half, length) = match &rest[blank..] {
            [half, b'M' | b'm', ..] => (half, 2),
            [half, b'.', b'M' | b'm', b'.', ..] => (half, 4),
            _ => return Some(()),
        };
        let end = self.at + blank + length;
        if !matches!(half, b'A' | b'a' | b'P' | b'p') || !ends_word(self.text, end) {
            return Some(());
        }
        if !(1..=12).contains(&civil.hour) {
            return None;
        }
        civil.hour = civil.hour % 12 + if matches!(half, b'P' | b'p') { 12 } else { 0 };
        self.at = end;
        Some(())
    }
}
