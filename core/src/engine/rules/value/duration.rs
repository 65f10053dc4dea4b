//! Durations as rules write them: `"250ms"`, `"90s"`, `"5m"`, `"1h"`, `"2d"`.

/// The hint for an invalid duration.
pub(crate) const HINT: &str = "write a number and a unit: \"250ms\", \"90s\", \"5m\", \"1h\", \"2d\"";

/// The longest duration: 31 days. With more, a table would hold the whole life of a stream.
const LONGEST_NS: i64 = 31 * 86_400 * 1_000_000_000;

/// Parses a duration into nanoseconds; `None` if it is invalid, zero or longer than 31 days.
#[must_use]
pub fn nanoseconds(text: &str) -> Option<i64> {
    let nanoseconds = crate::duration::nanoseconds(text.trim())?;
    (nanoseconds >= 1.0 && nanoseconds <= LONGEST_NS as f64).then_some(nanoseconds as i64)
}

/// Converts nanoseconds to seconds.
pub(crate) fn seconds(nanoseconds: i64) -> f64 {
    nanoseconds as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_number_and_a_unit() {
        let cases: [(&str, Option<i64>); 14] = [
            ("250ms", Some(250_000_000)),
            ("90s", Some(90_000_000_000)),
            ("1.5s", Some(1_500_000_000)),
            ("5m", Some(300_000_000_000)),
            (" 1 h ", Some(3_600_000_000_000)),
            ("2d", Some(172_800_000_000_000)),
            ("31d", Some(2_678_400_000_000_000)),
            ("32d", None),
            ("0s", None),
            ("-1s", None),
            ("60", None),
            ("s", None),
            ("1.2.3s", None),
            ("5 parsecs", None),
        ];
        for (text, expected) in cases {
            assert_eq!(nanoseconds(text), expected, "{text:?}");
        }
    }
}
