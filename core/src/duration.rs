//! Durations as people write them in configurations and rules: `250ms`, `10s`, `1.5h`, `2d`.
//!
//! Durations that events contain are written differently: see `event::numbers` and
//! `event::text_duration`.

/// Parses a number and a unit (ms, s, m, h, d), optionally separated by a space, into nanoseconds.
/// `None` for anything else. The caller limits the length.
#[must_use]
pub fn nanoseconds(text: &str) -> Option<f64> {
    let unit = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let number: f64 = text[..unit].parse().ok()?;
    let size = match text[unit..].trim() {
        "ms" => 1e6,
        "s" => 1e9,
        "m" => 60e9,
        "h" => 3_600e9,
        "d" => 86_400e9,
        _ => return None,
    };
    Some((number * size).round())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_number_and_a_unit() {
        let cases = [
            ("250ms", Some(250e6)),
            ("1.5s", Some(1.5e9)),
            ("5m", Some(300e9)),
            ("1 h", Some(3_600e9)),
            ("2d ", Some(172_800e9)),
            ("0s", Some(0.0)),
            (" 1s", None),
            ("-1s", None),
            ("60", None),
            ("s", None),
            ("1.2.3s", None),
            ("5 parsecs", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(nanoseconds(text), expected, "{text:?}");
        }
    }
}
