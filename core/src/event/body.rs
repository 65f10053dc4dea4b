//! The body of a request as lines: an array of events, one object, or lines as they are.

use super::json;

/// Why a body is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadBody {
    /// It begins as an array and is none, or something else stands behind it.
    Array,
    /// It is said to be JSON and is neither one object nor an array nor lines of them.
    Json,
}

impl BadBody {
    /// What the peer is told.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Array => "the body begins as a JSON array and is none",
            Self::Json => "the body is no JSON object, no array of them, and no line-separated JSON",
        }
    }
}

/// `body` with every event on a line of its own, each with its own bytes but for line breaks
/// between tokens, which become spaces. `strict` where the peer says that it sends JSON.
///
/// # Errors
/// [`BadBody`] with a reason.
pub fn into_lines(mut body: Vec<u8>, strict: bool) -> Result<Vec<u8>, BadBody> {
    let start = json::skip_space(&body, 0);
    match body.get(start) {
        None => Ok(Vec::new()),
        Some(b'[') => items(body, start),
        // What is one line already is a line like any other, whatever its end.
        Some(b'{') if has_breaks(body.trim_ascii()) && json::validate(&body) => {
            body.truncate(body.trim_ascii_end().len());
            body.drain(..start);
            unbroken(&mut body);
            body.push(b'\n');
            Ok(body)
        }
        _ if strict && !is_lines_of_json(&body) => Err(BadBody::Json),
        _ => Ok(as_lines(body)),
    }
}

/// `body` as the lines that it is.
#[must_use]
pub fn as_lines(mut body: Vec<u8>) -> Vec<u8> {
    if !body.is_empty() && !body.ends_with(b"\n") {
        body.push(b'\n');
    }
    body
}

fn is_lines_of_json(body: &[u8]) -> bool {
    body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).all(json::validate)
}

/// Moves each item of the array at `start` to a line of its own, in place: with its line end it is
/// as long as it was with its comma or the closing bracket.
fn items(mut body: Vec<u8>, start: usize) -> Result<Vec<u8>, BadBody> {
    let mut lines = 0;
    let mut at = json::skip_space(&body, start + 1);
    let mut first = true;
    loop {
        if first && body.get(at) == Some(&b']') {
            break;
        }
        first = false;
        let begin = at;
        let next = json::value(&body, at).map_err(|_| BadBody::Array)?.next();
        at = json::skip_space(&body, next);
        let ends = match body.get(at) {
            Some(b',') => false,
            Some(b']') => true,
            _ => return Err(BadBody::Array),
        };
        body.copy_within(begin..next, lines);
        let line = lines;
        lines += next - begin;
        unbroken(&mut body[line..lines]);
        body[lines] = b'\n';
        lines += 1;
        if ends {
            break;
        }
        at = json::skip_space(&body, at + 1);
    }
    if json::skip_space(&body, at + 1) != body.len() {
        return Err(BadBody::Array);
    }
    body.truncate(lines);
    Ok(body)
}

fn has_breaks(text: &[u8]) -> bool {
    memchr::memchr2(b'\n', b'\r', text).is_some()
}

/// In valid JSON a line break stands only between tokens, where a space is as good.
fn unbroken(text: &mut [u8]) {
    for byte in text {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_body_becomes_lines() {
        let lines = |body: &str, strict| into_lines(body.into(), strict).map(|lines| String::from_utf8(lines).unwrap());
        assert_eq!(lines("", true).unwrap(), "");
        assert_eq!(lines(" [ ] ", true).unwrap(), "");
        assert_eq!(lines("[{\"a\":1},\n{\"b\" :\n2}]", true).unwrap(), "{\"a\":1}\n{\"b\" : 2}\n");
        assert_eq!(lines("\n{\"a\":\r\n1}\n", true).unwrap(), "{\"a\":  1}\n");
        for one in ["{\"a\":1}\n", "{\"a\":1}\r\n", " {\"a\": 1} \n"] {
            assert_eq!(lines(one, true).unwrap(), one);
        }
        assert_eq!(lines("{\"a\":1}\n{\"b\":2}", true).unwrap(), "{\"a\":1}\n{\"b\":2}\n");
        assert_eq!(lines("plain text", false).unwrap(), "plain text\n");
        for (body, strict, why) in [
            ("[{\"a\":1}", true, BadBody::Array),
            ("[1,]", false, BadBody::Array),
            ("[1] 2", true, BadBody::Array),
            ("plain text", true, BadBody::Json),
            ("{\"a\":", true, BadBody::Json),
        ] {
            assert_eq!(lines(body, strict), Err(why), "{body}");
        }
    }
}
