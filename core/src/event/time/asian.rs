//! Dates and times of day as Chinese, Japanese and Korean write them: `2026年3月2日 下午3:04:05`,
//! `2026年3月2日12时45分28秒`, `2026년 3월 2일 오후 3:04:05`.

use super::cursor::{Civil, Cursor};

const YEAR: &[&str] = &["年", "년"];
const MONTH: &[&str] = &["月", "월"];
const DAY: &[&str] = &["日", "号", "號", "일"];
const HOUR: &[&str] = &["时", "時", "点", "點", "시", "：", ":"];
const MINUTE: &[&str] = &["分", "분", "：", ":"];
const SECOND: &[&str] = &["秒", "초"];
const WEEKDAY: &[&str] = &["星期", "礼拜", "週", "周"];

/// Which half of its day a time is in, where that is said before it.
#[derive(Clone, Copy)]
enum Half {
    Morning,
    Afternoon,
}

impl Half {
    /// The hour of the day. Hours beyond 12 say so already.
    fn hour(self, hour: u32) -> u32 {
        match self {
            Half::Morning if hour == 12 => 0,
            Half::Afternoon if hour < 12 => hour + 12,
            _ => hour,
        }
    }
}

impl Cursor<'_> {
    /// One of these words.
    fn one_word(&mut self, words: &[&str]) -> Option<()> {
        words.iter().any(|word| self.skip(word.as_bytes())).then_some(())
    }

    /// A date from its year, or from its month if the year is not written, and the time of day
    /// behind it.
    pub(super) fn asian(&mut self) -> Option<Civil> {
        let mut first = self.number(1, 4)?;
        let mut year = None;
        if self.one_word(YEAR).is_some() {
            self.spaces();
            year = Some(if first < 100 { 2000 + first } else { first });
            first = self.number(1, 2)?;
        }
        self.one_word(MONTH)?;
        self.spaces();
        let civil = Civil::date(year, first, self.number(1, 2)?);
        self.one_word(DAY)?;
        self.spaces();
        self.asian_weekday();
        self.spaces();
        self.behind_half(civil, Self::asian_time)
    }

    /// The time of day that `read` reads, perhaps behind `下午` and its like.
    pub(super) fn behind_half(
        &mut self,
        civil: Civil,
        read: impl FnOnce(&mut Self, Civil) -> Option<Civil>,
    ) -> Option<Civil> {
        let half = self.half_before();
        let mut civil = read(self, civil)?;
        if let Some(half) = half {
            civil.hour = half.hour(civil.hour);
        }
        Some(civil)
    }

    /// `下午` and its like, with the blanks behind it.
    fn half_before(&mut self) -> Option<Half> {
        // The words of all three scripts begin with one of these bytes.
        if !matches!(self.peek(), 0xE4..=0xEC) {
            return None;
        }
        let half = if self.one_word(&["上午", "凌晨", "早上", "午前", "오전"]).is_some() {
            Half::Morning
        } else {
            self.one_word(&["下午", "晚上", "中午", "午後", "午后", "오후"])?;
            Half::Afternoon
        };
        self.spaces();
        Some(half)
    }

    /// `星期一`, `周一`, `(月)`, `月曜日`.
    fn asian_weekday(&mut self) {
        let mut ahead = *self;
        let open = ahead.one_word(&["(", "（"]).is_some();
        let named = ahead.one_word(WEEKDAY).is_some();
        // One character of three bytes is the day.
        let Some([0xE0..=0xFF, _, _, ..]) = ahead.text.get(ahead.at..) else { return };
        ahead.at += 3;
        let japanese = ahead.one_word(&["曜日", "요일"]).is_some();
        let closed = open && ahead.one_word(&[")", "）"]).is_some();
        if open == closed && (open || named || japanese) {
            *self = ahead;
        }
    }

    /// `12:45:28`, `12时45分28秒`, `12时45分`.
    fn asian_time(&mut self, mut civil: Civil) -> Option<Civil> {
        civil.hour = self.number(1, 2)?;
        self.one_word(HOUR)?;
        self.spaces();
        civil.minute = self.number(1, 2)?;
        let mut ahead = *self;
        ahead.one_word(MINUTE);
        let minutes = ahead;
        ahead.spaces();
        if minutes.at > self.at
            && let Some(second) = ahead.number(1, 2)
        {
            civil.second = second;
            ahead.fraction(&mut civil);
            ahead.one_word(SECOND);
            *self = ahead;
        } else if self.peek() != b':' {
            // `12时45分`.
            *self = minutes;
        }
        Some(civil)
    }
}
