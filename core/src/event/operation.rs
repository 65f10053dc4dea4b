//! Which operation a request was for: its path without the query, and without what differs from
//! request to request.

/// Fewest digits of a hexadecimal segment that is taken for an identifier.
const HEX: usize = 8;
/// A longer operation is cut here, in bytes.
const LONGEST: usize = 200;

/// `raw` with the query cut off and each segment that is a number, a UUID or long hexadecimal as
/// `{}`. Nothing is copied where nothing is variable; otherwise `scratch` holds the result.
#[inline]
pub(crate) fn masked<'a>(raw: &'a [u8], scratch: &'a mut Vec<u8>) -> &'a [u8] {
    let raw = &raw[..raw.len().min(LONGEST)];
    // Every variable segment has a digit, and most operations have none.
    let plain = !raw.iter().any(|byte| byte.is_ascii_digit() | matches!(byte, b'?' | b'#'));
    if plain { raw } else { mask(raw, scratch) }
}

fn mask<'a>(raw: &[u8], scratch: &'a mut Vec<u8>) -> &'a [u8] {
    scratch.clear();
    let path = raw.iter().position(|byte| matches!(byte, b'?' | b'#')).map_or(raw, |end| &raw[..end]);
    for (i, segment) in path.split(|byte| *byte == b'/').enumerate() {
        if i > 0 {
            scratch.push(b'/');
        }
        scratch.extend_from_slice(if is_variable(segment) { b"{}" } else { segment });
    }
    scratch
}

/// A number (also a date, a time, a version), or hexadecimal with dashes as in UUIDs; both have a
/// digit.
fn is_variable(segment: &[u8]) -> bool {
    let (mut digits, mut hex, mut others, mut marks) = (0, 0, 0, 0);
    for byte in segment {
        match byte {
            b'0'..=b'9' => digits += 1,
            b'a'..=b'f' | b'A'..=b'F' => hex += 1,
            b'-' => {}
            b'.' | b',' | b':' | b'_' => marks += 1,
            _ => others += 1,
        }
    }
    digits > 0 && others == 0 && (hex == 0 || (digits + hex >= HEX && marks == 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_varies_is_masked_and_what_names_stays() {
        for (raw, expected) in [
            ("/users/123/orders?x=1", "/users/{}/orders"),
            ("/api/v1/orders", "/api/v1/orders"),
            ("GET /carts/7", "GET /carts/{}"),
            ("/v2/54fadb412c4e40cdbaed9335e4c35a9e/servers/detail", "/v2/{}/servers/detail"),
            ("/o/123e4567-e89b-12d3-a456-426614174000", "/o/{}"),
            ("/days/2026-03-02/12:30", "/days/{}/{}"),
            ("/search?q=a/b/7", "/search"),
            ("/page#3", "/page"),
            ("/facade/decade", "/facade/decade"),
            ("/a1/b2", "/a1/b2"),
            ("shop.Cart/AddItem", "shop.Cart/AddItem"),
            ("", ""),
            ("?x=1", ""),
            ("///1//", "///{}//"),
            ("-", "-"),
        ] {
            let mut scratch = b"left over".to_vec();
            assert_eq!(masked(raw.as_bytes(), &mut scratch), expected.as_bytes(), "{raw}");
        }
    }

    #[test]
    fn a_long_operation_is_cut() {
        let raw = "/x".repeat(1_000);
        assert_eq!(masked(raw.as_bytes(), &mut Vec::new()).len(), LONGEST);
    }
}
