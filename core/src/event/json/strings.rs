//! Where a JSON string ends: sixteen bytes at a step where the processor has vectors, eight
//! elsewhere.

/// Bytes of a step.
const STEP: usize = 16;

/// Where the string that began before `at` ends (its closing quote, which must be before `end`),
/// and whether it has escapes.
#[inline(always)]
pub(super) fn string_end(text: &[u8], end: usize, at: usize) -> Option<(usize, bool)> {
    let close = plain_end(text, at).filter(|close| *close < end)?;
    match text[close] {
        b'"' => Some((close, false)),
        b'\\' => escaped_end(&text[..end], close).map(|close| (close, true)),
        _ => None,
    }
}

/// The closing quote of a string whose first backslash is at `at`.
fn escaped_end(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at = match text[at] {
            b'"' => return Some(at),
            b'\\' => match text.get(at + 1)? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => at + 2,
                b'u' if text.get(at + 2..at + 6)?.iter().all(u8::is_ascii_hexdigit) => at + 6,
                _ => return None,
            },
            _ => return None,
        };
        at = plain_end(text, at)?;
    }
}

/// The first quote, backslash or control character at or behind `at`: what a string cannot have as
/// it is.
#[inline(always)]
pub(in crate::event) fn plain_end(text: &[u8], mut at: usize) -> Option<usize> {
    let (steps, _) = text.get(at..)?.as_chunks::<STEP>();
    for step in steps {
        let specials = specials(step);
        if specials != 0 {
            return Some(at + specials.trailing_zeros() as usize);
        }
        at += STEP;
    }
    plain_rest_end(text, at)
}

/// The same where less than a step is left.
#[inline(never)]
fn plain_rest_end(text: &[u8], at: usize) -> Option<usize> {
    // What is left is the end of the last whole step.
    let rest = text.len().checked_sub(at)?;
    match text.last_chunk() {
        Some(step) => {
            let specials = specials(step) >> (STEP - rest);
            (specials != 0).then(|| at + specials.trailing_zeros() as usize)
        }
        None => text[at..].iter().position(|&byte| is_special(byte)).map(|place| at + place),
    }
}

fn is_special(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..=0x1F)
}

/// A bit for each byte that is a quote, a backslash or a control character, the first byte's
/// lowest.
#[cfg(target_arch = "x86_64")]
#[inline]
fn specials(step: &[u8; STEP]) -> u32 {
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8,
    };

    #[inline]
    #[target_feature(enable = "sse2")]
    fn of(bytes: __m128i) -> i32 {
        let quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'"' as i8));
        let slash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\\' as i8));
        let control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes);
        _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, slash), control))
    }

    let [low, high] = halves(step).map(u64::cast_signed);
    // SAFETY: these take and give values, no pointers, and all that they ask for is SSE2, which
    // every x86-64 processor has.
    #[expect(
        unsafe_code,
        reason = "a third of the instructions of eight bytes at a step, where most of a line is read"
    )]
    unsafe {
        of(_mm_set_epi64x(high, low)) as u32
    }
}

/// A bit for each byte that is a quote, a backslash or a control character, the first byte's
/// lowest.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn specials(step: &[u8; STEP]) -> u32 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x8080_8080_8080_8080;
    let [low, high] = halves(step).map(|word| {
        // Of each byte the top bit of its own alone: additions that cannot carry into the next one.
        let zero = |word: u64| !(((word & !TOPS) + !TOPS) | word) & TOPS;
        let control = !((word & !TOPS) + ONES * 0x60 | word) & TOPS;
        let tops = zero(word ^ (ONES * u64::from(b'"'))) | zero(word ^ (ONES * u64::from(b'\\'))) | control;
        // Gathers the eight bits in the highest byte.
        ((tops >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32
    });
    low | high << 8
}

#[inline]
fn halves(step: &[u8; STEP]) -> [u64; 2] {
    let (halves, _) = step.as_chunks::<8>();
    [u64::from_le_bytes(halves[0]), u64::from_le_bytes(halves[1])]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Byte by byte.
    fn plainly(text: &[u8], mut at: usize) -> Option<(usize, bool)> {
        let mut escaped = false;
        loop {
            match text.get(at)? {
                b'"' => return Some((at, escaped)),
                b'\\' if text.get(at + 1) == Some(&b'u') => {
                    let digits = text.get(at + 2..at + 6)?;
                    digits.iter().all(u8::is_ascii_hexdigit).then_some(())?;
                    (at, escaped) = (at + 6, true);
                }
                b'\\' => {
                    br#""\/bfnrt"#.contains(text.get(at + 1)?).then_some(())?;
                    (at, escaped) = (at + 2, true);
                }
                0..0x20 => return None,
                _ => at += 1,
            }
        }
    }

    #[test]
    fn every_byte_is_what_it_is_at_every_place() {
        for byte in 0..=u8::MAX {
            for place in 0..STEP {
                let mut step = [b'x'; STEP];
                step[place] = byte;
                assert_eq!(specials(&step), u32::from(is_special(byte)) << place, "{byte} at {place}");
            }
        }
    }

    proptest! {
        #[test]
        fn strings_end_where_they_end_byte_by_byte(
            text in proptest::collection::vec(prop_oneof![
                8 => any::<u8>().prop_filter("plain", |&byte| !is_special(byte)),
                1 => prop_oneof![Just(b'\\'), Just(b'u'), Just(b'n'), Just(b'"'), Just(b'0'), Just(0x1F)],
            ], 0..80),
            at in 0_usize..90,
        ) {
            let expected = if at <= text.len() { plainly(&text, at) } else { None };
            prop_assert_eq!(string_end(&text, text.len(), at), expected);
        }
    }
}
