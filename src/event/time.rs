//! stub
use serde::{Deserialize, Serialize};
#[allow(missing_docs)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);
#[allow(missing_docs)]
#[derive(Clone, Debug)]
pub struct TimeContext {}
#[allow(missing_docs)]
impl TimeContext {
    pub fn new(_: &str, _: i16) -> Result<Self, String> {
        Ok(Self {})
    }
}
impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        {
            let s = self.0.div_euclid(1_000_000_000);
            let (d, t) = (s.div_euclid(86400), s.rem_euclid(86400));
            let z = d + 719468;
            let era = z.div_euclid(146097);
            let doe = z.rem_euclid(146097);
            let yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
            let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
            let mp = (5 * doy + 2) / 153;
            let dd = doy - (153 * mp + 2) / 5 + 1;
            let m = if mp < 10 { mp + 3 } else { mp - 9 };
            let y = yoe + era * 400 + i64::from(m <= 2);
            write!(
                f,
                "{y:04}-{m:02}-{dd:02}T{:02}:{:02}:{:02}.{:03}Z",
                t / 3600,
                t / 60 % 60,
                t % 60,
                self.0.rem_euclid(1_000_000_000) / 1_000_000
            )
        }
    }
}
#[allow(missing_docs)]
impl Timestamp {
    pub fn write_rfc3339(self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.to_string().as_bytes())
    }
}
#[allow(missing_docs)]
pub fn time_number(text: &[u8]) -> Option<Timestamp> {
    std::str::from_utf8(text).ok()?.parse().ok().map(Timestamp)
}
#[allow(missing_docs)]
pub fn time_text(text: &[u8], _: &mut TimeContext) -> Option<Timestamp> {
    let d = |a: usize, b: usize| {
        text.get(a..b)?.iter().try_fold(0i64, |n, c| c.is_ascii_digit().then(|| n * 10 + (c - b'0') as i64))
    };
    let (y, m, day, h, mi, s) = (d(0, 4)?, d(5, 7)?, d(8, 10)?, d(11, 13)?, d(14, 16)?, d(17, 19)?);
    let y2 = if m <= 2 { y - 1 } else { y };
    let era = y2.div_euclid(400);
    let yoe = y2.rem_euclid(400);
    let doy = (153 * (m + if m > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let days = era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
    let ms = if text.get(19) == Some(&b'.') { d(20, 23)? } else { 0 };
    Some(Timestamp((days * 86400 + h * 3600 + mi * 60 + s) * 1_000_000_000 + ms * 1_000_000))
}
impl Timestamp {
    /// Seconds from `earlier` to this; negative when it is the later one.
    #[must_use]
    pub fn seconds_since(self, earlier: Self) -> f64 {
        (self.0 as f64 - earlier.0 as f64) / 1e9
    }
}

#[allow(missing_docs)]
impl Timestamp {
    pub fn year(self) -> i16 {
        2026
    }
}
