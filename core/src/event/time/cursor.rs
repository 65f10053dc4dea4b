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

    /// What stands between a date and a time of day.
    pub(super) fn date_end(&mut self) -> Option<()> {
        if self.one_of(b":").is_some() {
            return Some(());
        }
        self.one_of(b",");
        self.spaces()
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

    /// `HH:mm:ss`, also with points for colons; the hour may be short.
    pub(super) fn time(&mut self, mut civil: Civil) -> Option<Civil> {
        let mut ahead = *self;
        civil.hour = ahead.number(1, 2)?;
        let separator = ahead.one_of(b":.")?;
        civil.minute = ahead.number(2, 2)?;
        ahead.one_of(&[separator])?;
        civil.second = ahead.number(2, 2)?;
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

    /// A fraction of the second: a point or comma and digits, or a colon and three digits.
    #[inline]
    pub(super) fn fraction(&mut self, civil: &mut Civil) {
        let colon = match self.peek() {
            b'.' | b',' => false,
            b':' => true,
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
        if end == self.at + 1 || (colon && end != self.at + 4) {
            return;
        }
        civil.nanos = nanos;
        self.at = end;
    }

    /// ` AM` or ` PM`, which turn the hours 1 to 12 to those of the day. None if the hour has no
    /// such half.
    pub(super) fn half_of_day(&mut self, civil: &mut Civil) -> Option<()> {
        let (half, m) = match self.text.get(self.at + 1..self.at + 3) {
            Some([half, m]) => (half.to_ascii_uppercase(), m.to_ascii_uppercase()),
            _ => return Some(()),
        };
        if m != b'M' || !matches!(half, b'A' | b'P') || !ends_word(self.text, self.at + 3) {
            return Some(());
        }
        if !(1..=12).contains(&civil.hour) {
            return None;
        }
        civil.hour = civil.hour % 12 + if half == b'P' { 12 } else { 0 };
        self.at += 3;
        Some(())
    }

    /// The three letters of a month in any case.
    pub(super) fn month(&mut self) -> Option<u32> {
        const MONTHS: &[u8; 36] = b"janfebmaraprmayjunjulaugsepoctnovdec";
        let name = self.three_letters()?;
        let place = MONTHS.as_chunks::<3>().0.iter().position(|month| *month == name)?;
        self.at += 3;
        Some(place as u32 + 1)
    }

    /// A weekday, whole or its first three letters.
    pub(super) fn weekday(&mut self) -> Option<()> {
        let name = self.three_letters()?;
        if ![b"mon", b"tue", b"wed", b"thu", b"fri", b"sat", b"sun"].contains(&&name) {
            return None;
        }
        let length = self.text[self.at..].iter().take(10).take_while(|byte| byte.is_ascii_alphabetic()).count();
        if length > 3 && !self.text[..self.at + length].ends_with(b"day") {
            return None;
        }
        self.at += length;
        Some(())
    }

    pub(super) fn three_letters(&self) -> Option<[u8; 3]> {
        let name: [u8; 3] = *self.text.get(self.at..)?.first_chunk()?;
        Some(name.map(|byte| byte.to_ascii_lowercase()))
    }
}
